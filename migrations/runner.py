"""Brings a database to this version's schema while everything else goes on: one at a time, checksums, one file one
transaction, and no lock waited for so long that ingest would stand still.

A file whose first line begins with `-- compatible:` says that an older Lifeline goes on beside it: it takes nothing
away and changes no meaning. That one works on also after a restart, where else it would refuse a schema that it does
not know.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import NamedTuple

import asyncpg

from model.failpoint import reach
from store.pool import Connection

LOCK = 0x6C69_6665_0001  # "life": every Lifeline process that migrates takes this advisory lock
COMPATIBLE = "-- compatible:"
# Who waits for a lock stands in front of all who come after. Below deadlock_timeout (1 s), so that the migration gives
# way and never ingest.
LOCK_WAIT_MS_MAX = 400
LOCK_PAUSE_S_MIN = 0.2
LOCK_PAUSE_S_MAX = 5.0
LOCKED_S_MAX = 600.0
TURN_S_MAX = 7_200.0
TURN_POLL_S = 0.2
STATEMENT_S_MAX = 21_600.0

Files = Sequence[tuple[str, str]]
Progress = Callable[[str], None]


class MigrationError(Exception):
    """The database cannot be brought to this version; the text says why and what to do."""


class _Applied(NamedTuple):
    checksum: str
    compatible: bool


def migration_files() -> list[tuple[str, str]]:
    """Return (name, SQL) of every migration in order."""
    folder = resources.files("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name, (folder / name).read_text("utf-8")) for name in names]


async def migrate(connection: Connection, progress: Progress = lambda _: None, files: Files | None = None) -> list[str]:
    """Apply what is missing and return the names applied; `files` stands for this version's own, (name, SQL) in order.

    Where another process migrates, waits for it. Raises MigrationError where the database is another application's, was
    made by a newer Lifeline that an older one cannot work beside, holds a migration whose text has changed since, may
    not be changed by this account, or is held by a transaction that does not end.
    """
    files = migration_files() if files is None else files
    applied = await _applied(connection)
    if applied and not _missing(files, applied, progress):
        return []  # asks for no right to change anything
    try:
        await _take_turn(connection, progress)
        try:
            return await _migrate_locked(connection, files, progress)
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1)", LOCK)
    except asyncpg.InsufficientPrivilegeError as error:
        account = await connection.fetchval("select current_user")
        raise MigrationError(
            f"the database lacks migrations of this version, and account {account!r} may not apply them ({error}); run "
            "lifeline migrate with an account that owns the database"
        ) from error


async def _migrate_locked(connection: Connection, files: Files, progress: Progress) -> list[str]:
    await _refuse_foreign_database(connection)
    await connection.execute(
        "create table if not exists lifeline_migration"
        " (name text primary key, checksum text not null, applied_at timestamptz not null default now(),"
        " compatible boolean not null default false)"
    )
    missing = _missing(files, await _applied(connection), lambda _: None)
    for name, sql in missing:
        progress(f"migrating the database: {name}")
        await _apply(connection, name, sql, progress)
        reach("between-migrations")
    return [name for name, _ in missing]


async def _applied(connection: Connection) -> dict[str, _Applied]:
    """Return what was applied; tables of earlier versions have no column `compatible`."""
    if not await connection.fetchval("select to_regclass('public.lifeline_migration') is not null"):
        return {}
    rows = await connection.fetch(
        "select name, checksum, coalesce((to_jsonb(m) ->> 'compatible')::boolean, false) from lifeline_migration as m"
    )
    return {row[0]: _Applied(row[1], row[2]) for row in rows}


def _missing(files: Files, applied: Mapping[str, _Applied], progress: Progress) -> Files:
    unknown = sorted(applied.keys() - {name for name, _ in files})
    for name in unknown:
        if not applied[name].compatible:
            raise MigrationError(
                f"the database has migration {name}, which this Lifeline does not know; use the newer Lifeline"
            )
    if unknown:
        progress(f"the database is of a newer Lifeline ({unknown[-1]}), beside which this one works; bring it up to it")
    for name, sql in files:
        if name in applied and applied[name].checksum != _checksum(sql):
            raise MigrationError(f"migration {name} was applied with another text; restore its original file")
    return [(name, sql) for name, sql in files if name not in applied]


async def _take_turn(connection: Connection, progress: Progress) -> None:
    """Take the advisory lock; by asking again and again, so that no command of ours waits beyond its time limit."""
    ends = time.monotonic() + TURN_S_MAX
    told = False
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        if not told:
            progress("another process migrates the database; waiting for it")
            told = True
        if time.monotonic() > ends:
            raise MigrationError(
                f"another process has held the migration's lock for {TURN_S_MAX / 3_600:g} h; find it with select pid"
                " from pg_locks where locktype = 'advisory', and end it with pg_terminate_backend(pid)"
            )
        await asyncio.sleep(TURN_POLL_S)


async def _apply(connection: Connection, name: str, sql: str, progress: Progress) -> None:
    """Apply one file in one transaction, again and again until no one else holds what it needs."""
    ends = time.monotonic() + LOCKED_S_MAX
    pause_s = LOCK_PAUSE_S_MIN
    while True:
        try:
            async with connection.transaction():
                await connection.execute(
                    f"set local lock_timeout = {LOCK_WAIT_MS_MAX}; set local statement_timeout = 0"
                )
                await connection.execute(sql, timeout=STATEMENT_S_MAX)
                reach("within-migration")
                await _note(connection, name, sql)
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            holder = await _oldest_transaction(connection)
            if time.monotonic() > ends:
                raise MigrationError(
                    f"{name} did not get its locks for {LOCKED_S_MAX:g} s ({holder}); nothing of it was applied: end "
                    "that transaction and run lifeline migrate again"
                ) from None
            if pause_s == LOCK_PAUSE_S_MIN:
                progress(f"{name} waits for a lock ({holder}) and tries again; everything else goes on")
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LOCK_PAUSE_S_MAX)


async def _note(connection: Connection, name: str, sql: str) -> None:
    if not await connection.fetchval(
        "select exists (select from pg_attribute where attrelid = 'public.lifeline_migration'::regclass"
        " and attname = 'compatible')"
    ):
        await connection.execute("alter table lifeline_migration add column compatible boolean not null default false")
    await connection.execute(
        "insert into lifeline_migration (name, checksum, compatible) values ($1, $2, $3)",
        name,
        _checksum(sql),
        sql.startswith(COMPATIBLE),
    )


async def _oldest_transaction(connection: Connection) -> str:
    row = await connection.fetchrow(
        "select pid, coalesce(application_name, '') as application,"
        " extract(epoch from clock_timestamp() - xact_start)::float8 as age_s from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null"
        " order by xact_start limit 1"
    )
    if row is None:
        return "its holder has just ended"
    return f"the oldest transaction is of process {row['pid']}, {row['application']!r}, since {row['age_s']:.0f} s"


def _checksum(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


async def _refuse_foreign_database(connection: Connection) -> None:
    if await connection.fetchval("select to_regclass('public.lifeline_migration')"):
        return
    foreign = await connection.fetchval(
        "select string_agg(relname, ', ' order by relname) from (select relname from pg_class c"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') and not exists"
        " (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by relname limit 5) as t"
    )
    if foreign:
        database = await connection.fetchval("select current_database()")
        raise MigrationError(
            f"database {database!r} holds another application's tables ({foreign}); give Lifeline a database of its "
            "own: create database lifeline, and name it in LIFELINE_DATABASE_URL"
        )
