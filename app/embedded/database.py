"""A real PostgreSQL with TimescaleDB for one machine, as a child of Lifeline that ends with it.

    async with embedded_database(home, programs, print) as database:
        connection = await asyncpg.connect(database.url)

It listens on a unix socket in a directory of mode 0700 and nowhere else. See docs/decisions/0001-embedded-database.md.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from app.embedded.accounts import account_for
from app.embedded.datadirectory import (
    SUPERUSER,
    Made,
    make_data,
    own_directory,
    read_made,
    wait_for_postmaster,
    write_made,
)
from app.embedded.errors import DataNeedsOther, DebianUnavailable, DirectoryUnusable
from app.embedded.lock import exclusive
from app.embedded.process import Child, ready, start, stop
from app.embedded.programs import Programs, plain_programs, system_programs, timescale_programs
from app.embedded.serversettings import SOCKET_PORT, socket_directory, write_configuration

DATABASE = "lifeline"
LEFTOVER_WAIT_S = 15.0
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class EmbeddedDatabase:
    """The running database: `url` for asyncpg, its files, its programs (for backups), and what it is in words."""

    url: str
    data_directory: Path
    socket_directory: Path
    programs: Programs
    edition: str
    account: str
    child: Child

    @property
    def pid(self) -> int:
        """The postmaster's process number."""
        return self.child.pid


@asynccontextmanager
async def embedded_database(
    home: Path, programs: Path, progress: Callable[[str], None], *, postgres_bin: Path | None = None
) -> AsyncIterator[EmbeddedDatabase]:
    """Start the database of `home`, made on first use; stop it in order at the end.

    `programs` is where fetched programs are kept for all databases; `postgres_bin`, a folder with `postgres` and
    `initdb`, replaces them by the system's own. `progress` is told in short sentences what takes time.

    Raises:
        EmbeddedError: it cannot be had; each subtype says why and what to do.
    """
    place = home.absolute() / "database"
    try:
        home.mkdir(mode=0o711, parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DirectoryUnusable(place, error.strerror or str(error)) from error

    def tell_wait(pid: int | None) -> None:
        progress(f"waiting for process {pid or 'another process'} to let go of the database …")

    async with exclusive(place, wait_s=LEFTOVER_WAIT_S, on_wait=tell_wait) as lock:
        # The lock covers every server that we started; this one was started by hand.
        await wait_for_postmaster(place / "data", wait_s=LEFTOVER_WAIT_S, on_wait=tell_wait)
        found = await _choose(place, programs.absolute(), postgres_bin, progress)
        account = await account_for(home.absolute(), [str(found.folder / "postgres"), "--version"])
        own_directory(place, account)
        data = await make_data(place, found, account, [lock], progress)
        sockets = socket_directory(place, account)
        progress("starting the database …")
        child = await start(
            "the embedded PostgreSQL",
            write_configuration(place, data, sockets, found),
            log=place / "postgresql.log",
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, the data is written out
            directory=place,
            account=account.spelling,
            hold=[lock],
        )
        try:
            await ready(child, lambda: _answers(data, sockets), timeout_s=READY_TIMEOUT_S)
            extension = await _prepare(place, data, sockets, found)
            edition = found.edition if extension or not found.timescaledb else _unused(found)
            yield EmbeddedDatabase(_url(sockets, DATABASE), data, sockets, found, edition, account.spelling, child)
        finally:
            await stop(child, timeout_s=STOP_TIMEOUT_S)


async def _choose(place: Path, programs: Path, postgres_bin: Path | None, progress: Callable[[str], None]) -> Programs:
    """Which programs serve this data: data made with TimescaleDB needs it, data made without stays without."""
    made = read_made(place)
    if postgres_bin is not None:
        found = await system_programs(postgres_bin.absolute())
    elif made is not None and not made.timescaledb:
        found = plain_programs("this database was made without it; a backup restored into a new directory gets it")
    else:
        try:
            found = await timescale_programs(programs, progress)
        except DebianUnavailable as error:
            progress(f"TimescaleDB cannot be had, plain PostgreSQL serves instead: {error.reason}")
            found = plain_programs(error.reason)
    if made is not None and made.timescaledb and found.timescaledb is None:
        raise DataNeedsOther(place / "data", "TimescaleDB", found.edition)
    return found


def _unused(programs: Programs) -> str:
    return (
        f"PostgreSQL {programs.postgres} without TimescaleDB: this database was made without it, "
        f"though {programs.timescaledb} is at hand; a backup restored into a new directory gets it"
    )


def _url(sockets: Path, database: str) -> str:
    return (
        f"postgresql://{SUPERUSER}@/{database}?host={quote(str(sockets), safe='/')}&port={SOCKET_PORT}&sslmode=disable"
    )


async def _connect(sockets: Path, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(_url(sockets, database), timeout=10.0)


async def _answers(data: Path, sockets: Path) -> bool:
    # The postmaster's own word first: each connection during a long recovery would be a line in its log.
    try:
        if (data / "postmaster.pid").read_text().rsplit("\n", 2)[-2].strip() != "ready":
            return False
    except (FileNotFoundError, IndexError):
        return False
    try:
        connection = await _connect(sockets, "postgres")
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
        return False
    await connection.close()
    return True


async def _prepare(place: Path, data: Path, sockets: Path, programs: Programs) -> bool:
    """Make the database and its extension where this start is the first; tells whether the extension is in it."""
    made = read_made(place)
    if made is None:
        connection = await _connect(sockets, "postgres")
        try:
            if not await connection.fetchval("select true from pg_database where datname = $1", DATABASE):
                await connection.execute(f'create database "{DATABASE}"')
        finally:
            await connection.close()
        made = Made(timescaledb=programs.timescaledb is not None)
    if made.timescaledb:
        await _extension(data, sockets, programs)
    write_made(place, made)
    return made.timescaledb


async def _extension(data: Path, sockets: Path, programs: Programs) -> None:
    """Bring the extension to the version of the programs."""
    for statement in ("create extension if not exists timescaledb", "alter extension timescaledb update"):
        # A session each: the update has to be the first that a session says.
        connection = await _connect(sockets, DATABASE)
        try:
            with contextlib.suppress(asyncpg.DuplicateObjectError):
                await connection.execute(statement)
        except asyncpg.PostgresError as error:
            raise DataNeedsOther(data, f"another TimescaleDB ({error})", programs.edition) from error
        finally:
            await connection.close()
    await _silence_unlicensed_job(sockets)


async def _silence_unlicensed_job(sockets: Path) -> None:
    """The Apache edition schedules a clean-up job that only the Community edition can run: an error an hour."""
    connection = await _connect(sockets, DATABASE)
    try:
        with contextlib.suppress(asyncpg.PostgresError):  # other versions keep their jobs elsewhere
            await connection.execute(
                "update _timescaledb_config.bgw_job set scheduled = false"
                " where proc_name = 'policy_job_stat_history_retention' and scheduled"
                " and current_setting('timescaledb.license') = 'apache'"
            )
    finally:
        await connection.close()
