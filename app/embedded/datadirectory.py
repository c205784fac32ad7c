"""The data directory of the embedded database: made once and whole, handed to its account, free of other servers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.accounts import Account, hand_over
from app.embedded.errors import DataNeedsOther, DirectoryInUse, DirectoryUnusable
from app.embedded.process import run
from app.embedded.programs import Programs

SUPERUSER = "lifeline"
INITDB_TIMEOUT_S = 120.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Made:
    """What the database was made with, kept beside it: data that uses TimescaleDB cannot do without it."""

    timescaledb: bool


def read_made(home: Path) -> Made | None:
    """The note beside the data, or None where the database was not finished yet."""
    try:
        return Made(timescaledb=bool(json.loads((home / "made.json").read_text())["timescaledb"]))
    except (FileNotFoundError, ValueError):  # an empty one was written before a power cut, by an older version
        return None


def write_made(home: Path, made: Made) -> None:
    """Write the note whole or not at all, also where the power is cut a moment later."""
    draft = home / "made.json.new"
    with draft.open("w") as file:
        file.write(json.dumps({"timescaledb": made.timescaledb}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home / "made.json")


def own_directory(directory: Path, account: Account) -> None:
    """Make a directory that only `account` enters, and hand it over with all that is in it.

    Raises:
        DirectoryUnusable: that is not permitted.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        directory.chmod(0o700)
        hand_over(directory, account)
    except OSError as error:
        raise DirectoryUnusable(directory, error.strerror or str(error)) from error


def check_version(data: Path, programs: Programs) -> None:
    """Refuse data of another major version.

    Raises:
        DataNeedsOther: the data directory is another version's.
    """
    version = (data / "PG_VERSION").read_text().strip()
    if version != programs.major:
        raise DataNeedsOther(data, f"PostgreSQL {version}", f"PostgreSQL {programs.postgres}")


async def make_data(
    home: Path, programs: Programs, account: Account, hold: Sequence[int], progress: Callable[[str], None]
) -> Path:
    """The data directory in `home`, made by initdb where there is none: in a sibling, then renamed.

    Raises:
        CommandFailed: initdb failed.
        DirectoryUnusable: `home` cannot be written.
        DataNeedsOther: the data directory is another version's.
    """
    data = home / "data"
    if data.exists():
        own_directory(data, account)
        check_version(data, programs)
        return data
    progress("making the database's files …")
    draft = home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    own_directory(draft, account)
    # Sorting by code point, from PostgreSQL itself where it can: it never changes with the system's C library.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if int(programs.major) >= 17 else []
    await run(
        "initdb",
        [
            str(programs.folder / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C",
            *builtin,
            "--auth-local=trust",
            "--auth-host=reject",
        ],
        timeout_s=INITDB_TIMEOUT_S,
        directory=home,
        account=account.spelling,
        hold=hold,
    )
    draft.rename(data)
    return data


async def wait_for_postmaster(data: Path, *, wait_s: float, on_wait: Callable[[int | None], None]) -> None:
    """Wait for the end of a server on `data` that is not ours; remove the note of one that is gone.

    PostgreSQL refuses to start where the number in postmaster.pid is alive, though it may be another process by now.

    Raises:
        DirectoryInUse: it did not end within `wait_s`.
    """
    note = data / "postmaster.pid"
    deadline = asyncio.get_running_loop().time() + wait_s
    told = False
    while (pid := _postmaster(note)) is not None:
        if not told:
            on_wait(pid)
            told = True
        if asyncio.get_running_loop().time() >= deadline:
            raise DirectoryInUse(data, pid, wait_s)
        await asyncio.sleep(_POLL_S)
    note.unlink(missing_ok=True)


def _postmaster(note: Path) -> int | None:
    try:
        pid = int(note.read_text().split("\n", 1)[0])
        os.kill(pid, 0)
        # A server works in its data directory; nothing else has any business there.
        return pid if os.path.samefile(f"/proc/{pid}/cwd", note.parent) else None
    except PermissionError:
        # Another user's process: then the number was given to somebody else, as data has one owner.
        return None
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
