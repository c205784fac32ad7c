"""The log of batches: readings, rejections and their receipt in one transaction, and the log read back."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np
from numpy.typing import NDArray

from model.instant import to_datetime
from model.reading import READINGS_PER_BATCH_MAX, ReadingBatch, Rejection
from store.binary_copy import encode_rows
from store.pool import Connection, Pool

SEQUENCE_LOCK = 0x6C69_6665_0002  # held to the commit, so that the order of sequences is the order of commits

COLUMNS = ("time", "value", "batch", "sensor_key", "position", "quality")


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


async def write_batch(
    pool: Pool, clock: int, incoming: IncomingReadings, rejections: Sequence[Rejection] = ()
) -> Receipt:
    """Store a batch in one transaction and return its receipt.

    `clock` is the arrival (epoch milliseconds); the log's clock never runs backwards. A reading whose key (sensor,
    time) is taken changes nothing; where its value differs it is kept as a conflict. Raises ValueError for more than
    READINGS_PER_BATCH_MAX readings, and what asyncpg raises.
    """
    if len(incoming) > READINGS_PER_BATCH_MAX:
        raise ValueError(f"{len(incoming)} readings in a batch; at most {READINGS_PER_BATCH_MAX} fit")
    async with pool.acquire() as connection, connection.transaction():
        sequence, clock = await _next_sequence(connection, clock)
        stored = await _store_readings(connection, sequence, incoming)
        kept = IncomingReadings(
            incoming.sensor[stored], incoming.time[stored], incoming.value[stored], incoming.quality[stored]
        )
        repeated = len(incoming) - len(kept)
        conflicts = await _store_conflicts(connection, sequence, incoming, stored) if repeated else 0
        await _store_rejections(connection, sequence, clock, rejections)
        await connection.execute(
            "insert into batch values ($1, $2, $3, $4, $5, $6, $7)",
            sequence,
            to_datetime(clock),
            len(kept),
            len(rejections),
            repeated,
            to_datetime(int(kept.time.min())) if len(kept) else None,
            to_datetime(int(kept.time.max())) if len(kept) else None,
        )
        await connection.execute("select pg_notify('batch', $1)", str(sequence))
    arrived = np.full(len(kept), clock, np.int64)
    batch = ReadingBatch(sequence, clock, kept.sensor, kept.time, kept.value, kept.quality, arrived)
    return Receipt(batch, repeated - conflicts, conflicts)


async def read_batches(pool: Pool, after: int, readings_max: int = 20_000) -> list[ReadingBatch]:
    """Return the committed batches that follow sequence `after`, in order, about `readings_max` readings in all."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "select sequence, arrived_at, readings, oldest_time, newest_time from batch where sequence > $1"
            " order by sequence limit 1000",
            after,
        )
        taken: list[asyncpg.Record] = []
        total = 0
        for row in rows:
            if taken and total + row["readings"] > readings_max:
                break
            taken.append(row)
            total += row["readings"]
        if not taken:
            return []
        readings = await _read_readings(connection, taken) if total else []
    return _split_into_batches(taken, readings)


async def log_is_empty(pool: Pool) -> bool:
    """Return whether no batch was ever committed: nobody has listened before."""
    return not await pool.fetchval("select exists (select from batch)")


async def _read_readings(connection: Connection, batches: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    # The bounds in time let the planner leave out the chunks that these batches did not touch.
    rows: list[asyncpg.Record] = await connection.fetch(
        "select batch, sensor_key, (extract(epoch from time) * 1000)::bigint as time, value, quality from reading"
        " where batch between $1 and $2 and time between $3 and $4 order by batch, position",
        batches[0]["sequence"],
        batches[-1]["sequence"],
        min(row["oldest_time"] for row in batches if row["readings"]),
        max(row["newest_time"] for row in batches if row["readings"]),
    )
    return rows


def _split_into_batches(batches: Sequence[asyncpg.Record], readings: Sequence[asyncpg.Record]) -> list[ReadingBatch]:
    sensor = np.array([row["sensor_key"] for row in readings], np.int32)
    time = np.array([row["time"] for row in readings], np.int64)
    value = np.array([row["value"] for row in readings], np.float64)
    quality = np.array([row["quality"] for row in readings], np.uint16)
    result, start = [], 0
    for row in batches:
        end = start + row["readings"]
        part = slice(start, end)
        clock = round(row["arrived_at"].timestamp() * 1000)
        arrived = np.full(row["readings"], clock, np.int64)
        result.append(
            ReadingBatch(row["sequence"], clock, sensor[part], time[part], value[part], quality[part], arrived)
        )
        start = end
    return result


async def _next_sequence(connection: Connection, clock: int) -> tuple[int, int]:
    await connection.execute("select pg_advisory_xact_lock($1)", SEQUENCE_LOCK)
    last = await connection.fetchrow("select sequence, arrived_at from batch order by sequence desc limit 1")
    if last is None:
        return 1, clock
    return last["sequence"] + 1, max(clock, round(last["arrived_at"].timestamp() * 1000))


async def _store_readings(connection: Connection, sequence: int, incoming: IncomingReadings) -> NDArray[np.int64]:
    """Store the readings whose key is free and return their rows, in order of arrival."""
    if not len(incoming):
        return np.empty(0, np.int64)
    by_key = np.lexsort((np.arange(len(incoming)), incoming.time, incoming.sensor))
    sensor, time = incoming.sensor[by_key], incoming.time[by_key]
    first = np.ones(len(by_key), np.bool_)
    first[1:] = (sensor[1:] != sensor[:-1]) | (time[1:] != time[:-1])
    rows = by_key[first]
    try:
        async with connection.transaction():
            await _copy(connection, "reading", sequence, incoming, rows)
    except asyncpg.UniqueViolationError:
        rows = await _store_through_staging(connection, sequence, incoming, rows)
    return np.sort(rows)


async def _store_through_staging(
    connection: Connection, sequence: int, incoming: IncomingReadings, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    await connection.execute("create temp table if not exists staging (like reading) on commit delete rows")
    await connection.execute("truncate staging")
    await _copy(connection, "pg_temp.staging", sequence, incoming, rows)
    positions = await connection.fetch(
        "insert into reading select * from pg_temp.staging order by sensor_key, time on conflict do nothing"
        " returning position"
    )
    return np.array([row[0] for row in positions], np.int64)


async def _copy(
    connection: Connection, table: str, sequence: int, incoming: IncomingReadings, rows: NDArray[np.int64]
) -> None:
    schema, _, name = table.rpartition(".")
    await connection.copy_to_table(
        name,
        schema_name=schema or None,
        columns=COLUMNS,
        format="binary",
        source=encode_rows(
            incoming.time[rows], incoming.value[rows], sequence, incoming.sensor[rows], rows, incoming.quality[rows]
        ),
    )


async def _store_conflicts(
    connection: Connection, sequence: int, incoming: IncomingReadings, stored: NDArray[np.int64]
) -> int:
    repeated = np.setdiff1d(np.arange(len(incoming)), stored)
    status = await connection.execute(
        "insert into conflict (sensor_key, time, value, quality, batch)"
        " select n.sensor_key, n.time, n.value, n.quality, $5"
        " from unnest($1::int[], $2::timestamptz[], $3::float8[], $4::smallint[])"
        " as n (sensor_key, time, value, quality)"
        " join reading r on r.sensor_key = n.sensor_key and r.time = n.time"
        " where r.value <> n.value and r.time between $6 and $7 and not exists (select from conflict c where"
        " c.sensor_key = n.sensor_key and c.time = n.time and c.value = n.value)",
        incoming.sensor[repeated].tolist(),
        [to_datetime(t) for t in incoming.time[repeated].tolist()],
        incoming.value[repeated].tolist(),
        incoming.quality[repeated].astype(np.int16).tolist(),
        sequence,
        to_datetime(int(incoming.time[repeated].min())),
        to_datetime(int(incoming.time[repeated].max())),
    )
    return int(status.rsplit(" ", 1)[1])


async def _store_rejections(connection: Connection, sequence: int, clock: int, rejections: Sequence[Rejection]) -> None:
    if rejections:
        await connection.copy_records_to_table(
            "rejection",
            columns=("arrived_at", "batch", "topic", "payload", "payload_bytes", "reason", "detail", "sensor"),
            records=[
                (to_datetime(clock), sequence, r.topic, r.payload, r.payload_bytes, r.reason, r.detail, r.sensor)
                for r in rejections
            ],
        )
