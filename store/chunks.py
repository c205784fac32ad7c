"""The chunks of the table of readings: how much time one holds, and when it is compressed (Community edition)."""

from datetime import datetime, timedelta
from typing import NamedTuple

from store.pool import Connection, Pool

CHUNK_DAYS_DEFAULT = 7
_COMPRESS_S_MAX = 3_600.0


class ChunkPolicy(NamedTuple):
    """Days that a new chunk of readings holds, and the age in days from which chunks are compressed; None: never."""

    chunk_days: int = CHUNK_DAYS_DEFAULT
    compress_after_days: int | None = None


class Chunk(NamedTuple):
    """A chunk of `table`, from `start` up to `end`, and its size on disk."""

    table: str
    start: datetime
    end: datetime
    bytes: int


async def read_chunk_policy(connection: Connection | Pool) -> ChunkPolicy:
    """Return what is in force."""
    row = await connection.fetchrow("select chunk_days, compress_after_days from retention where property = '*'")
    return ChunkPolicy(row["chunk_days"] or CHUNK_DAYS_DEFAULT, row["compress_after_days"])


async def set_chunk_policy(connection: Connection | Pool, policy: ChunkPolicy) -> None:
    """Put it into force; the next round of maintenance applies it. Chunks that are there keep their length."""
    await connection.execute(
        "update retention set chunk_days = $1, compress_after_days = $2 where property = '*'", *policy
    )


async def chunks_before(connection: Connection | Pool, relation: str, before: datetime) -> list[Chunk]:
    """Return the chunks of a hypertable or continuous aggregate that end at or before a time, the oldest first."""
    rows = await connection.fetch(
        "select $3::text, c.range_start, c.range_end, pg_total_relation_size(shown)::bigint"
        " from show_chunks($1::text::regclass, older_than => $2::timestamptz) as shown"
        " join timescaledb_information.chunks c on format('%I.%I', c.chunk_schema, c.chunk_name)::regclass = shown"
        " order by c.range_start",
        relation,
        before,
        relation,
    )
    return [Chunk(*row) for row in rows]


async def keep_chunks(connection: Connection, policy: ChunkPolicy, now: datetime, *, compression: bool) -> None:
    """Apply the policy to a hypertable of readings; `compression` says whether the edition has it."""
    interval = timedelta(days=policy.chunk_days)
    found = await connection.fetchval(
        "select time_interval from timescaledb_information.dimensions where hypertable_name = 'reading'"
    )
    if found is not None and found != interval:
        await connection.execute("select set_chunk_time_interval('reading', $1::interval)", interval)
    if not compression or policy.compress_after_days is None:
        return
    # By sensor, so that one sensor's history is read without unpacking the others'.
    if not await connection.fetchval(
        "select compression_enabled from timescaledb_information.hypertables where hypertable_name = 'reading'"
    ):
        await connection.execute(
            "alter table reading set (timescaledb.compress, timescaledb.compress_segmentby = 'sensor_key',"
            " timescaledb.compress_orderby = 'time')"
        )
    await connection.execute(
        "select compress_chunk(chunk, if_not_compressed => true)"
        " from show_chunks('reading', older_than => $1::timestamptz) as chunk",
        now - timedelta(days=policy.compress_after_days),
        timeout=_COMPRESS_S_MAX,
    )
