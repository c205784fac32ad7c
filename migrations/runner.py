"""Brings a database to this version's schema: advisory lock, checksums, one file one transaction."""

import hashlib
from collections.abc import Callable
from importlib import resources

from store.pool import Connection

LOCK = 0x6C69_6665_0001  # "life": every Lifeline process that migrates takes this advisory lock


class MigrationError(Exception):
    """The database cannot be brought to this version; the text says why and what to do."""


def migration_files() -> list[tuple[str, str]]:
    """Return (name, SQL) of every migration in order."""
    folder = resources.files("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name, (folder / name).read_text("utf-8")) for name in names]


async def migrate(connection: Connection, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is missing and return the names applied.

    Raises MigrationError where the database is another application's, was made by a newer Lifeline, or holds a
    migration whose text has changed since.
    """
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    try:
        return await _migrate_locked(connection, progress)
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def _migrate_locked(connection: Connection, progress: Callable[[str], None]) -> list[str]:
    await _refuse_foreign_database(connection)
    await connection.execute(
        "create table if not exists lifeline_migration"
        " (name text primary key, checksum text not null, applied_at timestamptz not null default now())"
    )
    rows = await connection.fetch("select name, checksum from lifeline_migration")
    applied = {row["name"]: row["checksum"] for row in rows}
    files = migration_files()
    newer = sorted(set(applied) - {name for name, _ in files})
    if newer:
        raise MigrationError(
            f"the database has migration {newer[0]}, which this Lifeline does not know; use the newer Lifeline"
        )
    done = []
    for name, sql in files:
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        if name in applied:
            if applied[name] != checksum:
                raise MigrationError(f"migration {name} was applied with another text; restore its original file")
            continue
        progress(f"migrating the database: {name}")
        async with connection.transaction():
            await connection.execute(sql)
            await connection.execute("insert into lifeline_migration (name, checksum) values ($1, $2)", name, checksum)
        done.append(name)
    return done


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
