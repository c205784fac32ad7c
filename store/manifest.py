"""What is in a database, in figures: rows and a checksum of every table, to compare a backup with what came of it."""

import msgspec

from store.capabilities import Versions
from store.pool import Connection

_CHECK_S_MAX = 86_400.0


class TableFigures(msgspec.Struct, frozen=True):
    """Rows of a table and the sum of their hashes, which does not depend on their order."""

    rows: int
    checksum: str


class Manifest(msgspec.Struct, frozen=True):
    """A database at one moment."""

    postgres: str
    timescaledb: str | None
    edition: str
    summaries: str
    migrations: list[str]
    tables: dict[str, TableFigures]


async def read_manifest(connection: Connection, versions: Versions, summaries: str) -> Manifest:
    """Return the figures of every table of ours, as this transaction sees them."""
    tables = {}
    for name in await own_tables(connection):
        # Whole rows by PostgreSQL's extended hash, which partitioning relies on to be the same in every version.
        row = await connection.fetchrow(
            "select count(*) as rows, coalesce(sum(hash_record_extended(t, 0)::numeric), 0)::text as checksum"
            f' from "{name}" as t',
            timeout=_CHECK_S_MAX,
        )
        tables[name] = TableFigures(row["rows"], row["checksum"])
    return Manifest(versions.postgres, versions.timescaledb, versions.edition, summaries, versions.migrations, tables)


async def own_tables(connection: Connection) -> list[str]:
    """Return the names of the tables in the schema `public` that belong to no extension."""
    rows = await connection.fetch(
        "select relname from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by relname"
    )
    return [row["relname"] for row in rows]


async def begin_restore(connection: Connection) -> None:
    """Make a database that has TimescaleDB ready for a dump with hypertables."""
    await connection.execute("create extension if not exists timescaledb")
    await connection.execute("select timescaledb_pre_restore()")


async def end_restore(connection: Connection) -> None:
    """Bring TimescaleDB back to work after a dump was restored."""
    await connection.execute("select timescaledb_post_restore()")


async def make_hypertables(connection: Connection) -> None:
    """Make hypertables of what a plain PostgreSQL's backup brought as plain tables."""
    for table, column, days in (("reading", "time", 7), ("summary_minute", "start", 7), ("summary_hour", "start", 91)):
        if not await connection.fetchval("select to_regclass($1)", f"public.{table}"):
            continue  # a backup of an older version; migration makes it
        await connection.execute(
            f"select create_hypertable('{table}', '{column}', chunk_time_interval => interval '{days} days',"
            " create_default_indexes => false, migrate_data => true)",
            timeout=_CHECK_S_MAX,
        )


async def export_snapshot(connection: Connection) -> str:
    """Return the name of this transaction's view of the database, for pg_dump to take the same."""
    return str(await connection.fetchval("select pg_export_snapshot()"))


async def has_timescaledb(connection: Connection) -> bool:
    """Return whether TimescaleDB could be used in this database."""
    return bool(
        await connection.fetchval("select exists (select from pg_available_extensions where name = 'timescaledb')")
    )
