"""What kind of database this is: edition, what keeps the summaries, and how much is in it."""

from typing import NamedTuple

from store.pool import Connection, Pool
from store.retention import Retention, read_retention
from store.summaries import SummaryKind, summary_kind

STORE_MIGRATION = "0002_summaries.sql"  # from here on a database has summaries and retention


class Versions(NamedTuple):
    """PostgreSQL's version, TimescaleDB's (None without it) and edition, and the migrations applied."""

    postgres: str
    timescaledb: str | None
    edition: str
    migrations: list[str]


class StoreState(NamedTuple):
    """What keeps the summaries, the batches they lack, what is kept for how long, and bytes by table, largest first."""

    summaries: SummaryKind
    batches_behind: int
    retention: list[Retention]
    bytes_by_table: dict[str, int]
    bytes_in_all: int


async def read_versions(connection: Connection | Pool) -> Versions:
    """Return the versions of a database that need not be Lifeline's."""
    row = await connection.fetchrow(
        "select current_setting('server_version') as postgres,"
        " (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,"
        " current_setting('timescaledb.license', true) as licence,"
        " to_regclass('public.lifeline_migration') is not null as migrated"
    )
    names = await connection.fetch("select name from lifeline_migration order by name") if row["migrated"] else []
    edition = "Apache" if row["licence"] == "apache" else "Community"
    return Versions(
        row["postgres"], row["timescaledb"], edition if row["timescaledb"] else "", [entry["name"] for entry in names]
    )


async def read_store_state(connection: Connection | Pool) -> StoreState:
    """Return how the store of a database with this version's schema stands."""
    kind = await summary_kind(connection)
    behind = 0
    if kind == "own roll-up":
        behind = await connection.fetchval(
            "select count(*) from batch where sequence > (select batch from summary_cursor) and readings > 0"
        )
    timescale = await connection.fetchval("select exists (select from pg_extension where extname = 'timescaledb')")
    chunked = (
        "coalesce((select hypertable_size(c.oid) from timescaledb_information.hypertables h"
        " where h.hypertable_schema = 'public' and h.hypertable_name = c.relname), pg_total_relation_size(c.oid))"
    )
    size = chunked if timescale else "pg_total_relation_size(c.oid)"
    rows = await connection.fetch(
        f"select c.relname as name, {size}::bigint as bytes from pg_class c"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not exists"
        " (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by bytes desc, name"
    )
    return StoreState(
        kind,
        behind,
        await read_retention(connection),
        {row["name"]: row["bytes"] for row in rows},
        await connection.fetchval("select pg_database_size(current_database())"),
    )
