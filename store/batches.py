"""The log of batches: readings, rejections and their receipt in one transaction, and the log read back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
import numpy as np
from numpy.typing import NDArray

from model.failpoint import reach
from model.instant import to_datetime, to_milliseconds
from model.reading import READINGS_PER_BATCH_MAX, ReadingBatch, Rejection
from store.binary_copy import COLUMNS, LOG_ROW, LogRows, decode_log_rows, encode_rows
from store.conflicts import store_conflicts
from store.pool import Connection, Pool

SEQUENCE_LOCK = 0x6C69_6665_0002  # held to the commit, so that the order of sequences is the order of commits
BATCHES_PER_READ_MAX = 1_000


@dataclass(frozen=True, slots=True)
class IncomingReadings:
    """Checked readings in order of arrival, not yet stored: arrays of shape (n,) as in ReadingBatch."""

    sensor: NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.sensor)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch: the readings that were stored, and how many were repeated or contradicted another."""

    batch: ReadingBatch
    duplicates: int
    conflicts: int


Beside: TypeAlias = Callable[[Connection, int, int], Awaitable[None]]
"""Writes more within a batch's transaction; is given the connection, the batch's sequence and the log's clock."""


async def write_batch(
    pool: Pool,
    clock: int,
    incoming: IncomingReadings,
    rejections: Sequence[Rejection] = (),
    beside: Beside | None = None,
    *,
    listening: bool = True,
) -> Receipt:
    """Store a batch in one transaction and return its receipt.

    `clock` is the arrival (epoch milliseconds); the log's clock moves on with every batch, by 1 ms at the least. A
    reading whose key (sensor, time) is taken changes nothing; where its value differs it is kept as a conflict.
    `listening` says whether the session with the broker stood since the batch before. Raises ValueError for more than
    READINGS_PER_BATCH_MAX readings, and what asyncpg and `beside` raise.
    """
    if len(incoming) > READINGS_PER_BATCH_MAX:
        raise ValueError(f"{len(incoming)} readings in a batch; at most {READINGS_PER_BATCH_MAX} fit")
    by_key = np.lexsort((incoming.time, incoming.sensor))  # stable: the first to arrive stays first
    async with pool.acquire() as connection:
        try:
            return await _write(connection, clock, incoming, rejections, by_key, beside, listening, staged=False)
        except asyncpg.UniqueViolationError:
            # Nothing but the copy can have found a key taken. A savepoint would save the second start, but cost every
            # batch two round trips for the few that need it.
            return await _write(connection, clock, incoming, rejections, by_key, beside, listening, staged=True)


async def _write(
    connection: Connection,
    clock: int,
    incoming: IncomingReadings,
    rejections: Sequence[Rejection],
    by_key: NDArray[np.int64],
    beside: Beside | None,
    listening: bool,
    *,
    staged: bool,
) -> Receipt:
    """Write the batch in a transaction: straight into the table, or through staging where keys may be taken."""
    async with connection.transaction():
        last = await connection.fetchrow("select * from lock_log()")
        sequence = (last["sequence"] or 0) + 1
        if last["sequence"] is not None:
            # Each batch is an arrival instant of its own: what arrived together is whole in it.
            clock = max(clock, to_milliseconds(last["arrived_at"]) + 1)
        # Repeats come in rows: a redelivery, a replay. After a batch with some the next one goes the sure way at once.
        if staged or last["duplicates"]:
            stored, conflicts = await _store_through_staging(connection, sequence, incoming, by_key)
        else:
            stored, conflicts = await _store_directly(connection, sequence, incoming, by_key)
        if rejections:
            await _store_rejections(connection, sequence, clock, rejections)
        if beside is not None:
            await beside(connection, sequence, clock)
        time = incoming.time[stored]
        await connection.execute(
            "with written as (insert into batch values ($1, $2, $3, $4, $5, $6, $7, $8) returning sequence)"
            " select pg_notify('batch', sequence::text) from written",
            sequence,
            to_datetime(clock),
            len(stored),
            len(rejections),
            len(incoming) - len(stored),
            to_datetime(int(time.min())) if len(time) else None,
            to_datetime(int(time.max())) if len(time) else None,
            listening,
        )
        reach("batch-before-commit")
    arrived = np.full(len(stored), clock, np.int64)
    batch = ReadingBatch(
        sequence,
        clock,
        incoming.sensor[stored],
        time,
        incoming.value[stored],
        incoming.quality[stored],
        arrived,
        listening,
    )
    return Receipt(batch, len(incoming) - len(stored) - conflicts, conflicts)


async def _store_directly(
    connection: Connection, sequence: int, incoming: IncomingReadings, by_key: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Store the first of each key; return their rows in order of arrival and the number of conflicts among the rest.

    Raises asyncpg.UniqueViolationError where a key is taken.
    """
    if not len(incoming):
        return by_key, 0
    sensor, time = incoming.sensor[by_key], incoming.time[by_key]
    repeated = (sensor[1:] == sensor[:-1]) & (time[1:] == time[:-1])
    rows = np.concatenate((by_key[:1], by_key[1:][~repeated]))
    await _copy(connection, "reading", sequence, incoming, rows)
    if not repeated.any():
        return np.sort(rows), 0
    await _make_staging(connection)
    await _copy(connection, "staging", sequence, incoming, by_key[1:][repeated])
    return np.sort(rows), await store_conflicts(connection, time[1:][repeated])


async def _store_through_staging(
    connection: Connection, sequence: int, incoming: IncomingReadings, by_key: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Store the readings whose key is free; return their rows in order of arrival and the number of conflicts."""
    if not len(incoming):
        return by_key, 0
    await _make_staging(connection)
    await _copy(connection, "staging", sequence, incoming, by_key)
    positions = await connection.fetch(
        "insert into reading select * from pg_temp.staging order by sensor_key, time, position"
        " on conflict do nothing returning position"
    )
    stored = np.sort(np.fromiter((row[0] for row in positions), np.int64, len(positions)))
    return stored, await store_conflicts(connection, np.delete(incoming.time, stored))


async def _make_staging(connection: Connection) -> None:
    await connection.execute("create temp table if not exists staging (like reading) on commit delete rows")


async def _copy(
    connection: Connection, table: str, sequence: int, incoming: IncomingReadings, rows: NDArray[np.int64]
) -> None:
    await connection.copy_to_table(
        table,
        schema_name="pg_temp" if table == "staging" else None,
        columns=COLUMNS,
        format="binary",
        source=encode_rows(
            incoming.time[rows], incoming.value[rows], sequence, incoming.sensor[rows], rows, incoming.quality[rows]
        ),
    )


async def _store_rejections(connection: Connection, sequence: int, clock: int, rejections: Sequence[Rejection]) -> None:
    await connection.copy_records_to_table(
        "rejection",
        columns=("arrived_at", "batch", "topic", "payload", "payload_bytes", "reason", "detail", "sensor"),
        records=[
            (to_datetime(clock), sequence, r.topic, r.payload, r.payload_bytes, r.reason, r.detail, r.sensor)
            for r in rejections
        ],
    )


async def read_batches(pool: Pool, after: int, readings_max: int = 20_000) -> list[ReadingBatch]:
    """Return the committed batches that follow sequence `after`, in order, about `readings_max` readings in all.

    A batch whose readings were deleted since (store.retention) comes without them.
    """
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "select sequence, arrived_at, readings, oldest_time, newest_time, listening from batch where sequence > $1"
            " order by sequence limit $2",
            after,
            BATCHES_PER_READ_MAX,
        )
        taken: list[asyncpg.Record] = []
        total = 0
        for row in rows:
            if taken and total + row["readings"] > readings_max:
                break
            taken.append(row)
            total += row["readings"]
        readings = await _read_readings(connection, taken) if total else np.empty(0, LOG_ROW)
    return _split_into_batches(taken, readings)


async def log_is_empty(pool: Pool) -> bool:
    """Return whether no batch was ever committed: nobody has listened before."""
    return not await pool.fetchval("select exists (select from batch)")


async def _read_readings(connection: Connection, batches: Sequence[asyncpg.Record]) -> LogRows:
    filled = [row for row in batches if row["readings"]]
    content = bytearray()

    async def keep(data: bytes) -> None:
        content.extend(data)

    # The bounds in time let the planner leave out the chunks that these batches did not touch. The order is made here:
    # numpy sorts faster than the database.
    await connection.copy_from_query(
        "select batch, time, value, sensor_key, position, quality from reading"
        " where batch between $1 and $2 and time between $3 and $4",
        filled[0]["sequence"],
        filled[-1]["sequence"],
        min(row["oldest_time"] for row in filled),
        max(row["newest_time"] for row in filled),
        output=keep,
        format="binary",
    )
    readings = decode_log_rows(content)
    return readings[np.lexsort((readings["position"], readings["batch"]))]


def _split_into_batches(batches: Sequence[asyncpg.Record], readings: LogRows) -> list[ReadingBatch]:
    sequences = np.array([row["sequence"] for row in batches], np.int64)
    starts = np.searchsorted(readings["batch"], sequences, "left")
    ends = np.searchsorted(readings["batch"], sequences, "right")
    # Columns of their own: the kernels are compiled for such.
    sensor, time, value = (np.ascontiguousarray(readings[name]) for name in ("sensor", "time", "value"))
    quality = readings["quality"].astype(np.uint16)
    result = []
    for row, start, end in zip(batches, starts.tolist(), ends.tolist(), strict=True):
        part = slice(start, end)
        clock = to_milliseconds(row["arrived_at"])
        arrived = np.full(end - start, clock, np.int64)
        result.append(
            ReadingBatch(
                row["sequence"], clock, sensor[part], time[part], value[part], quality[part], arrived, row["listening"]
            )
        )
    return result
