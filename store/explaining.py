"""What a decision of the past hung on, read back: bindings, the readings of some sensors, and the log's clock."""

from collections.abc import Sequence
from typing import NamedTuple

from model.instant import DAY_MS, EARLIEST_MS, LATEST_MS, to_datetime, to_milliseconds
from store.binary_copy import LogRows, decode_arrived_rows
from store.log_span import first_since
from store.pool import Connection
from store.retention import ALL_PROPERTIES, read_retention


class Tick(NamedTuple):
    """A batch of the log without its readings; `clock` in epoch milliseconds."""

    sequence: int
    clock: int
    listening: bool


class BoundPeriod(NamedTuple):
    """Batches after sequence `after` were evaluated by the binding of `version`, up to the next period's."""

    after: int
    version: int


async def tick_at(connection: Connection, time: int) -> Tick | None:
    """Return the newest batch with clock <= time (epoch milliseconds), None where the log begins later."""
    behind = await first_since(connection, to_datetime(min(max(time, EARLIEST_MS), LATEST_MS) + 1))
    return await _tick(connection, "where sequence < $1 order by sequence desc", behind)


async def first_tick(connection: Connection, since: int | None = None) -> Tick | None:
    """Return the log's first batch that is left or, with `since`, the first that arrived at or after it."""
    first = 0 if since is None else await first_since(connection, to_datetime(since))
    return await _tick(connection, "where sequence >= $1 order by sequence", first)


async def newest_tick(connection: Connection) -> Tick | None:
    """Return the log's newest batch."""
    return await _tick(connection, "order by sequence desc")


async def ticks_of(connection: Connection, sequences: Sequence[int]) -> list[Tick]:
    """Return those of the batches that are left, in order."""
    rows = await connection.fetch(
        "select sequence, arrived_at, listening from batch where sequence = any($1::bigint[]) order by sequence",
        list(sequences),
    )
    return [Tick(row[0], to_milliseconds(row[1]), row[2]) for row in rows]


async def _tick(connection: Connection, which: str, *values: int) -> Tick | None:
    row = await connection.fetchrow(f"select sequence, arrived_at, listening from batch {which} limit 1", *values)
    return None if row is None else Tick(row[0], to_milliseconds(row[1]), row[2])


async def bound_periods(connection: Connection, through: int, periods_max: int) -> list[BoundPeriod]:
    """Return what batches up to `through` were bound to, the newest of it, in order; else the oldest that is known."""
    rows = await connection.fetch(
        "select after, version from bound_period where after < $1 order by after desc limit $2", through, periods_max
    )
    if not rows:
        rows = await connection.fetch("select after, version from bound_period order by after limit 1")
    return [BoundPeriod(*row) for row in reversed(rows)]


async def read_definition(connection: Connection, version: int) -> bytes:
    """Return the definition of a binding that a period names."""
    found: bytes = await connection.fetchval("select definition from engine_binding where version = $1", version)
    return found


async def concerned_readings(
    connection: Connection, sensor_keys: Sequence[int], time: int, through: int, rows_max: int
) -> tuple[LogRows, bool]:
    """Return the sensors' readings up to `time` (epoch ms), and those ahead of it that came up to batch `through`.

    An array of binary_copy.ARRIVED_ROW in no order; for each sensor the newest, alike many; and whether there are more.
    """
    each = rows_max // len(sensor_keys)
    content = bytearray()

    async def keep(data: bytes) -> None:
        content.extend(data)

    await connection.copy_from_query(
        "select r.batch, r.time, r.value, r.sensor_key, r.position, r.quality, b.arrived_at"
        " from unnest($1::int[]) as k cross join lateral"
        " (select batch, time, value, sensor_key, position, quality from reading where sensor_key = k"
        " and time <= $2 and (time <= $3 or batch <= $4) order by time desc limit $5) as r"
        " join batch b on b.sequence = r.batch",
        list(sensor_keys),
        to_datetime(min(time + DAY_MS, LATEST_MS)),
        to_datetime(time),
        through,
        each,
        output=keep,
        format="binary",
    )
    rows = decode_arrived_rows(content)
    cut = len(rows) >= each and any((rows["sensor"] == key).sum() >= each for key in sensor_keys)
    return rows, cut


async def readings_kept_since(connection: Connection, properties: Sequence[str], now: int) -> int | None:
    """Return since when all readings of the properties are kept (epoch milliseconds), None where for ever."""
    days = {kept.property: kept.raw_days for kept in await read_retention(connection)}
    ages = [days.get(observed, days[ALL_PROPERTIES]) for observed in properties]
    return max((now - age * DAY_MS for age in ages if age is not None), default=None)


async def absences(
    connection: Connection, since: int, through: int, gap_ms_max: int, batches_max: int
) -> list[tuple[Tick, Tick]]:
    """Return where nobody listened between two batches, by sequence: before and after each gap, in order.

    Of the batches from `since` on at most the first `batches_max` are looked at.
    """
    rows = await connection.fetch(
        "select before, before_at, sequence, arrived_at from (select sequence, arrived_at, listening,"
        " lag(sequence) over o as before, lag(arrived_at) over o as before_at from batch"
        " where sequence >= $1 and sequence <= $2 window o as (order by sequence)) as b"
        " where before is not null and (not listening or arrived_at - before_at > $3 * interval '1 millisecond')"
        " order by sequence",
        since,
        min(through, since + batches_max),
        gap_ms_max,
    )
    return [(Tick(r[0], to_milliseconds(r[1]), True), Tick(r[2], to_milliseconds(r[3]), False)) for r in rows]
