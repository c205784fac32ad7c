"""What a trial came to, read from the database once all is evaluated, and the oracles of the fault catalogue."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from model.instant import to_datetime
from store.evaluation import read_cursor
from store.journal import read_journal
from store.pool import TRANSIENT_ERRORS
from tests.faults.stream import LAST_MS, MINUTES, SENSORS, Message, broken, readings
from tests.integration.service import judged

WAIT_S_MAX = 90.0
POLL_S = 0.05
QUIET_S = 6.0  # longer than any broker waits before it delivers again


@dataclass(frozen=True, slots=True)
class Outcome:
    """Readings as (sensor, time, value, quality) in the order of their key, and all else that is judged."""

    readings: list[tuple[str, int, float, int]]
    logged: int  # readings by the log of batches
    holes: int  # in the log's count of batches
    duplicates: int  # that were not stored a second time
    conflicts: int
    late: int
    quarantined: Counter[bytes]
    missing: set[tuple[str, int]]  # sensor and sequence, by the rows of gaps
    journal: list[dict[str, Any]]


def assert_nothing_lost(found: Outcome, ledger: Sequence[Message]) -> None:
    """L and D: what is stored and quarantined is what was acknowledged, once; no gap is claimed."""
    assert [reading[:3] for reading in found.readings] == readings(ledger)
    assert found.quarantined.keys() == broken(ledger).keys()
    assert found.missing == set()
    assert_no_doubles(found)


def assert_no_doubles(found: Outcome) -> None:
    """D: one row a key, each in the log once, nothing contradicted, and the log without a hole."""
    assert len({reading[:2] for reading in found.readings}) == len(found.readings) == found.logged
    assert (found.conflicts, found.holes) == (0, 0)


def assert_same_alarms(found: Outcome, fault_free: Outcome) -> None:
    """A: the journal is the fault-free run's, judged by the same readings with the same doubts."""
    assert found.readings == fault_free.readings
    assert found.late == 0
    assert found.journal == fault_free.journal


async def mid_stream(url: str, instants: random.Random, share: tuple[float, float] = (0.05, 0.75)) -> None:
    """Wait for a random instant: some share of the stream is stored, and a moment more has passed."""
    rows = round(instants.uniform(*share) * MINUTES * len(SENSORS))
    await until(url, lambda connection: has_rows(connection, rows), f"{rows} readings are stored")
    await asyncio.sleep(instants.uniform(0, 0.03))


async def settled(url: str, rows: int) -> Outcome:
    """Wait for each sensor's last reading, then for the others, and for the evaluation of all; then read all of it.

    Where fewer than `rows` readings come, they are waited for until nothing has moved for a while.
    """
    await until(url, _has_last_readings, "each sensor's last reading is stored")
    connection = await asyncpg.connect(url)
    try:
        stored, moved = -1, time.monotonic()
        while stored < rows and time.monotonic() - moved < QUIET_S:
            before, stored = stored, await _rows(connection)
            moved = time.monotonic() if stored != before else moved
            await asyncio.sleep(POLL_S)
        await until(url, _is_evaluated, "the log is evaluated to its end")
        return await _read(connection)
    finally:
        await connection.close()


async def until(url: str, condition: Callable[[asyncpg.Connection], Awaitable[bool]], what: str) -> float:
    """Wait until `condition(connection)` holds, however often the database goes away; return the seconds."""
    began = time.monotonic()
    connection = None
    try:
        while True:
            try:
                connection = connection or await asyncpg.connect(url, timeout=5, command_timeout=10)
                if await condition(connection):
                    return time.monotonic() - began
            except (*TRANSIENT_ERRORS, asyncpg.PostgresError):
                connection = None
            assert time.monotonic() - began < WAIT_S_MAX, f"it does not come about that {what}"
            await asyncio.sleep(POLL_S)
    finally:
        if connection is not None:
            connection.terminate()


async def has_rows(connection: asyncpg.Connection, rows: int) -> bool:
    """Whether so many readings are stored."""
    return await _rows(connection) >= rows


async def has_batch_since(connection: asyncpg.Connection, instant_s: float) -> bool:
    """Whether a batch or a tick was stored after the instant (epoch seconds)."""
    return bool(await connection.fetchval("select max(arrived_at) > to_timestamp($1) from batch", instant_s))


async def _rows(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("select coalesce(sum(readings), 0) from batch"))


async def _has_last_readings(connection: asyncpg.Connection) -> bool:
    found = await connection.fetchval("select count(*) from reading where time = $1", to_datetime(LAST_MS))
    return int(found) == len(SENSORS)


async def _is_evaluated(connection: asyncpg.Connection) -> bool:
    filled = await connection.fetchval("select coalesce(max(sequence), 0) from batch where readings > 0")
    return await read_cursor(connection) >= int(filled)


async def _read(connection: asyncpg.Connection) -> Outcome:
    rows = await connection.fetch(
        "select sensor, (extract(epoch from time) * 1000)::bigint as time, value, quality"
        " from reading join sensor using (sensor_key) order by sensor, time"
    )
    counted = await connection.fetchrow(
        "select sum(readings)::bigint, sum(duplicates)::bigint, max(sequence) - count(*) from batch"
    )
    payloads = await connection.fetch("select payload from rejection")
    gaps = await connection.fetch(
        "select source, generate_series(lower(part), upper(part) - 1) as number"
        " from gap cross join unnest(missing) as part"
    )
    return Outcome(
        readings=[tuple(row) for row in rows],
        logged=counted[0],
        duplicates=counted[1],
        holes=counted[2],
        conflicts=await connection.fetchval("select count(*) from conflict"),
        late=await connection.fetchval("select count(*) from late_reading"),
        quarantined=Counter(row["payload"] for row in payloads),
        missing={(row["source"], row["number"]) for row in gaps},
        journal=judged([json.loads(line) for line in await read_journal(connection, None, None)]),
    )
