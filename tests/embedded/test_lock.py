from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from app.embedded.errors import DirectoryInUse, DirectoryUnusable
from app.embedded.lock import exclusive
from app.embedded.process import start, stop


def _silent(_: int | None) -> None: ...


def test_second_user_is_told_the_holder_and_refused_after_the_wait(tmp_path: Path) -> None:
    told: list[int | None] = []

    async def scenario() -> None:
        async with exclusive(tmp_path, wait_s=0, on_wait=_silent):
            with pytest.raises(DirectoryInUse) as caught:
                async with exclusive(tmp_path, wait_s=0.1, on_wait=told.append):
                    pass
        assert caught.value.holder == os.getpid()
        assert told == [os.getpid()]

    asyncio.run(scenario())


def test_second_user_gets_in_when_the_first_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        first = exclusive(tmp_path, wait_s=0, on_wait=_silent)
        await first.__aenter__()
        asyncio.get_running_loop().call_later(0.2, lambda: asyncio.ensure_future(first.__aexit__(None, None, None)))
        async with exclusive(tmp_path, wait_s=5, on_wait=_silent):
            pass

    asyncio.run(scenario())


def test_child_keeps_the_directory_locked_as_long_as_it_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with exclusive(tmp_path, wait_s=0, on_wait=_silent) as lock:
            child = await start(
                "sleep",
                ["/bin/sleep", "60"],
                log=tmp_path / "log",
                stop_signal=signal.SIGTERM,
                directory=tmp_path,
                hold=[lock],
            )
        with pytest.raises(DirectoryInUse):
            async with exclusive(tmp_path, wait_s=0.3, on_wait=_silent):
                pass
        await stop(child, timeout_s=5)
        async with exclusive(tmp_path, wait_s=0, on_wait=_silent):
            pass

    asyncio.run(scenario())


def test_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with exclusive(tmp_path / "nowhere", wait_s=0, on_wait=_silent):
            pass

    with pytest.raises(DirectoryUnusable, match="No such file"):
        asyncio.run(scenario())
