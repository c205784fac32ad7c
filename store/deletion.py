"""What is deleted with age: readings and summaries by property, conflicts, and the log of batches.

Readings go only when they are rolled up, evaluated, and before the oldest checkpoint: recovery never misses them.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from store.aggregates import take_in
from store.batches import SEQUENCE_LOCK
from store.chunks import Chunk, chunks_before
from store.pool import Connection, Pool
from store.retention import ALL_PROPERTIES, read_retention
from store.summaries import roll_up

Grain = Literal["raw", "minute", "hour"]
GRAINS: tuple[Grain, ...] = ("raw", "minute", "hour")
_TABLES = {"raw": ("reading", "time"), "minute": ("summary_minute", "start"), "hour": ("summary_hour", "start")}
_VIEWS = {"minute": "reading_minute", "hour": "reading_hour"}
_DELETE_S_MAX = 600.0


class Expired(NamedTuple):
    """Rows of a property that are past their time, and of these the ones that somebody still has to read."""

    property: str
    grain: Grain
    before: datetime
    rows: int
    waiting: int


class Deletion(NamedTuple):
    """What a clean-up would delete: rows by property, and the chunks among them that go whole."""

    expired: list[Expired]
    chunks: list[Chunk]


class _Limits(NamedTuple):
    """By property in use when what is older may go; None for never."""

    before: dict[str, datetime | None]

    @property
    def every(self) -> datetime | None:
        """Before this time every property's may go; None where one is kept for ever, or none is in use."""
        times = [time for time in self.before.values() if time is not None]
        return min(times) if times and len(times) == len(self.before) else None

    @property
    def any(self) -> datetime | None:
        """Before this time some property's may go."""
        return max((time for time in self.before.values() if time is not None), default=None)


async def safe_batch(connection: Connection | Pool, *, rolled_up: bool = False) -> int:
    """Return the last batch that nobody reads any more: it is evaluated, rolled up, and no checkpoint is older.

    With `rolled_up` as if all were rolled up.
    """
    parts = "select batch from evaluation_cursor union all select min(batch) from checkpoint"
    if not rolled_up and await connection.fetchval("select to_regclass('public.summary_cursor') is not null"):
        parts += " union all select batch from summary_cursor"
    return int(await connection.fetchval(f"select coalesce(min(batch), 0) from ({parts}) as p"))


async def plan_deletion(connection: Connection, now: datetime, *, own_roll_up: bool, timescale: bool) -> Deletion:
    """Return what delete_old would delete at `now`, after a roll-up; deletes nothing."""
    safe = await safe_batch(connection, rolled_up=True)
    expired: list[Expired] = []
    chunks: list[Chunk] = []
    for grain in GRAINS:
        limits = await _limits(connection, grain, now)
        going: list[Chunk] = []
        if timescale and limits.every is not None and not (grain == "raw" and await _waits(connection, limits, safe)):
            going = await chunks_before(connection, _relation(grain, own_roll_up), limits.every)
            chunks += going
        chunked_only = grain != "raw" and not own_roll_up
        for observed, before in limits.before.items():
            if chunked_only:
                before = going[-1].end if going else None
            if before is not None:
                rows, waiting = await _count(connection, _relation(grain, own_roll_up), grain, observed, before, safe)
                expired.append(Expired(observed, grain, before, rows, waiting))
    return Deletion(expired, chunks)


async def delete_old(connection: Connection, now: datetime, *, own_roll_up: bool, timescale: bool) -> None:
    """Delete readings and summaries that are past their time: whole chunks first, then row by row what goes earlier."""
    for grain in GRAINS:
        limits = await _limits(connection, grain, now)
        if grain == "raw" and timescale and not own_roll_up and limits.any is not None:
            await take_in(connection, limits.any)
        if timescale and limits.every is not None:
            await _drop_chunks(connection, _relation(grain, own_roll_up), limits, own_roll_up=own_roll_up)
        if grain == "raw" and limits.every is not None:
            await _delete_periods(connection, limits.every)
        if not own_roll_up and grain != "raw":
            continue  # rows of a continuous aggregate cannot be deleted, only its chunks
        for observed, before in limits.before.items():
            if before is not None:
                await _delete_rows(connection, *_TABLES[grain], observed, before)


async def _limits(connection: Connection, grain: Grain, now: datetime) -> _Limits:
    days = {kept.property: getattr(kept, f"{grain}_days") for kept in await read_retention(connection)}
    used = [row["property"] for row in await connection.fetch("select distinct property from sensor order by property")]
    ages = {observed: days.get(observed, days[ALL_PROPERTIES]) for observed in used}
    return _Limits({observed: None if age is None else now - timedelta(days=age) for observed, age in ages.items()})


def _relation(grain: Grain, own_roll_up: bool) -> str:
    return _TABLES[grain][0] if own_roll_up or grain == "raw" else _VIEWS[grain]


async def _waits(connection: Connection, limits: _Limits, safe: int) -> bool:
    """Whether a reading that may go with its chunk is one that somebody still waits for."""
    found = await connection.fetchval(
        "select exists (select from reading where time < $1 and batch > $2)", limits.every, safe
    )
    return bool(found)


async def _count(
    connection: Connection, relation: str, grain: Grain, observed: str, before: datetime, safe: int
) -> tuple[int, int]:
    waits = "batch > $3" if grain == "raw" else "$3::bigint is null"
    row = await connection.fetchrow(
        f"select count(*) filter (where not ({waits})), count(*) filter (where {waits}) from {relation} where"
        f" sensor_key = any(select sensor_key from sensor where property = $1) and {_TABLES[grain][1]} < $2",
        observed,
        before,
        safe,
        timeout=_DELETE_S_MAX,
    )
    return row[0], row[1]


async def _drop_chunks(connection: Connection, relation: str, limits: _Limits, *, own_roll_up: bool) -> None:
    async with connection.transaction():
        if relation == "reading":
            # No batch may come between the look and the drop: a late reading would go unseen.
            await connection.execute("select pg_advisory_xact_lock($1)", SEQUENCE_LOCK)
            if own_roll_up:
                while await roll_up(connection):
                    pass
            # A chunk that holds a reading somebody still waits for stays whole, until the next time.
            if await _waits(connection, limits, await safe_batch(connection)):
                return
        await connection.execute(f"select drop_chunks('{relation}', older_than => $1::timestamptz)", limits.every)


async def _delete_rows(connection: Connection, table: str, column: str, observed: str, before: datetime) -> None:
    safe = f" and batch <= {await safe_batch(connection)}" if table == "reading" else ""
    async with connection.transaction():
        # However many rows of compressed chunks that touches; without the extension the name means nothing.
        await connection.execute("set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
        await connection.execute(
            f"delete from {table} where sensor_key = any(select sensor_key from sensor where property = $1)"
            f" and {column} < $2{safe}",
            observed,
            before,
            timeout=_DELETE_S_MAX,
        )


async def _delete_periods(connection: Connection, before: datetime) -> None:
    """Delete the periods of bindings of which no reading is left; their definitions go with the next checkpoint."""
    await connection.execute(
        "delete from bound_period p where exists (select from bound_period n left join batch b on b.sequence = n.after"
        " where n.after > p.after and coalesce(b.arrived_at, '-infinity') < $1)",
        before,
    )


async def delete_conflicts(connection: Connection, before: datetime) -> None:
    """Delete the conflicts that arrived before."""
    await connection.execute(
        "delete from conflict where batch <= (select coalesce(max(sequence), 0) from batch where arrived_at < $1)",
        before,
        timeout=_DELETE_S_MAX,
    )


async def delete_reports(connection: Connection, before: datetime) -> None:
    """Delete the reports that were received before and are no part of an incident."""
    await connection.execute(
        "delete from report r where received_at < $1"
        " and not exists (select from incident_member m where m.member = 'report.' || r.report)",
        before,
        timeout=_DELETE_S_MAX,
    )


async def delete_gaps(connection: Connection, before: datetime) -> None:
    """Delete the gaps in devices' counts that were seen before, filled or not."""
    await connection.execute("delete from gap where first_seen_at < $1", before, timeout=_DELETE_S_MAX)


async def delete_batches(connection: Connection, before: datetime) -> None:
    """Delete the log's oldest entries that arrived before, as far as none of their readings is left.

    What is left of the log is still whole: the entries go from its beginning on. Recovery does not need them, evidence
    and a rebuild from the beginning of the log would.
    """
    upto = await connection.fetchval(
        "select max(sequence) from batch where arrived_at < $1 and sequence < $2", before, await safe_batch(connection)
    )
    if upto is None:
        return
    left = await connection.fetchval("select min(batch) from reading where batch <= $1", upto, timeout=_DELETE_S_MAX)
    await connection.execute(
        "delete from batch where sequence <= $1", upto if left is None else left - 1, timeout=_DELETE_S_MAX
    )
