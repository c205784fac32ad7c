"""One user of a directory at a time: a file lock that the servers on it hold too.

The lock belongs to the open file. A server that inherits the descriptor keeps the directory locked until its last
process has ended, also when Lifeline itself was killed: no second server ever works on the same files.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from app.embedded.errors import DirectoryInUse, DirectoryUnusable

_POLL_S = 0.05


@asynccontextmanager
async def exclusive(directory: Path, *, wait_s: float, on_wait: Callable[[int | None], None]) -> AsyncIterator[int]:
    """Hold `directory`; gives the descriptor of the lock. `on_wait` is told the holder once, if there is one.

    Raises:
        DirectoryInUse: another process holds it and does not let go within `wait_s`.
        DirectoryUnusable: the lock file cannot be written.
    """
    path = directory / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DirectoryUnusable(directory, error.strerror or str(error)) from error
    try:
        await _acquire(descriptor, directory, wait_s, on_wait)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


async def _acquire(descriptor: int, directory: Path, wait_s: float, on_wait: Callable[[int | None], None]) -> None:
    deadline = asyncio.get_running_loop().time() + wait_s
    told = False
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if not told:
            on_wait(_holder(descriptor))
            told = True
        if asyncio.get_running_loop().time() >= deadline:
            raise DirectoryInUse(directory, _holder(descriptor), wait_s)
        await asyncio.sleep(_POLL_S)


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode(errors="replace")
    return int(text) if text.isdigit() else None
