"""What is deleted with age: readings and summaries by property, conflicts, and the log of batches.

Readings go only when they are rolled up, evaluated, and before the oldest checkpoint: recovery never misses them.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from store.batches import SEQUENCE_LOCK
from store.pool import Connection, Pool
from store.summaries import roll_up

_TABLES = {"raw": ("reading", "time"), "minute": ("summary_minute", "start"), "hour": ("summary_hour", "start")}
_VIEWS = {"minute": "reading_minute", "hour": "reading_hour"}
_DELETE_S_MAX = 600.0


class Retention(NamedTuple):
    """Days for which a property's readings and summaries are kept; None for ever. Property `*`: all without a row."""

    property: str
    raw_days: int | None
    minute_days: int | None
    hour_days: int | None


async def read_retention(connection: Connection | Pool) -> list[Retention]:
    """Return what is kept for how long, `*` first."""
    rows = await connection.fetch(
        "select property, raw_days, minute_days, hour_days from retention order by property <> '*', property"
    )
    return [Retention(*row) for row in rows]


async def set_retention(connection: Connection | Pool, kept: Retention) -> None:
    """Keep a property's readings and summaries for so long from now on."""
    await connection.execute(
        "insert into retention values ($1, $2, $3, $4) on conflict (property) do update set"
        " raw_days = excluded.raw_days, minute_days = excluded.minute_days, hour_days = excluded.hour_days",
        *kept,
    )


async def safe_batch(connection: Connection | Pool) -> int:
    """Return the last batch that nobody reads any more: it is evaluated, rolled up, and no checkpoint is older."""
    rolled_up = await connection.fetchval("select to_regclass('public.summary_cursor') is not null")
    parts = "select batch from evaluation_cursor union all select min(batch) from checkpoint"
    if rolled_up:
        parts += " union all select batch from summary_cursor"
    return int(await connection.fetchval(f"select coalesce(min(batch), 0) from ({parts}) as p"))


async def delete_old(connection: Connection, now: datetime, *, own_roll_up: bool, timescale: bool) -> None:
    """Delete readings and summaries that are past their time: whole chunks first, then row by row what goes earlier."""
    kept = await read_retention(connection)
    for grain, (table, column) in _TABLES.items():
        days = {rule.property: getattr(rule, f"{grain}_days") for rule in kept}
        used = await connection.fetch("select distinct property from sensor")
        ages = [days.get(row["property"], days["*"]) for row in used]
        if ages and timescale and None not in ages:
            relation = table if own_roll_up or grain == "raw" else _VIEWS[grain]
            await _drop_chunks(connection, relation, now - timedelta(days=max(ages)), own_roll_up=own_roll_up)
        if not own_roll_up and grain != "raw":
            continue  # rows of a continuous aggregate cannot be deleted, only its chunks
        for row, age in zip(used, ages, strict=True):
            if age is not None:
                await _delete_rows(connection, table, column, row["property"], now - timedelta(days=age))


async def _drop_chunks(connection: Connection, relation: str, before: datetime, *, own_roll_up: bool) -> None:
    async with connection.transaction():
        if relation == "reading":
            # No batch may come between the look and the drop: a late reading would go unseen.
            await connection.execute("select pg_advisory_xact_lock($1)", SEQUENCE_LOCK)
            if own_roll_up:
                while await roll_up(connection):
                    pass
            # A chunk that holds a reading somebody still waits for stays whole, until the next time.
            if await connection.fetchval(
                "select exists (select from reading where time < $1 and batch > $2)",
                before,
                await safe_batch(connection),
            ):
                return
        await connection.execute(f"select drop_chunks('{relation}', older_than => $1::timestamptz)", before)


async def _delete_rows(connection: Connection, table: str, column: str, observed: str, before: datetime) -> None:
    safe = f" and batch <= {await safe_batch(connection)}" if table == "reading" else ""
    await connection.execute(
        f"delete from {table} where sensor_key = any(select sensor_key from sensor where property = $1)"
        f" and {column} < $2{safe}",
        observed,
        before,
        timeout=_DELETE_S_MAX,
    )


async def delete_conflicts(connection: Connection, before: datetime) -> None:
    """Delete the conflicts that arrived before."""
    await connection.execute(
        "delete from conflict where batch <= (select coalesce(max(sequence), 0) from batch where arrived_at < $1)",
        before,
        timeout=_DELETE_S_MAX,
    )


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
