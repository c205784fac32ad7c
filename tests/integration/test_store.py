"""The store against the real database: batches, the log read back, and what stays of readings with age."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import numpy as np
import pytest

from app.doctor import diagnose
from app.embedded.database import EmbeddedDatabase
from app.settings import Settings
from migrations.runner import migrate
from model.instant import parse_instant, to_datetime
from model.reading import HELD_BACK, READINGS_PER_BATCH_MAX, ReadingBatch, Rejection
from model.sensor import City, Sensor
from store.batches import IncomingReadings, log_is_empty, read_batches, write_batch
from store.maintenance import MAINTENANCE_LOCK, MaintenanceSettings, maintain, maintain_once
from store.pool import open_pool
from store.readings import latest_readings
from store.retention import Retention, set_record_days, set_retention
from store.sensors import import_sensors
from store.status import sensor_keys

NOON = parse_instant("2026-11-22T12:00:00.000Z")
DAY_MS = 86_400_000


def with_pool(url: str, work: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = await open_pool(url)
        try:
            await work(pool)
        finally:
            await pool.close()

    asyncio.run(run())


def readings(*rows: tuple[int, int, float] | tuple[int, int, float, int]) -> IncomingReadings:
    """Rows of sensor key, epoch milliseconds, value and, if not good, quality."""
    columns = list(zip(*((*row, 0)[:4] for row in rows), strict=True)) or [(), (), (), ()]
    sensor, time, value, quality = columns
    return IncomingReadings(
        np.array(sensor, np.int32), np.array(time, np.int64), np.array(value, np.float64), np.array(quality, np.uint16)
    )


def rows_of(batch: ReadingBatch) -> list[tuple[int, int, float, int]]:
    columns = (batch.sensor, batch.time, batch.value, batch.quality)
    return list(zip(*(column.tolist() for column in columns), strict=True))


async def whole_log(pool: Any, readings_max: int = 20_000) -> list[ReadingBatch]:
    found: list[ReadingBatch] = []
    while following := await read_batches(pool, found[-1].sequence if found else 0, readings_max):
        found += following
    return found


async def register(pool: Any, *properties: str) -> list[int]:
    units = {"water_depth": "cm", "vibration": "m/s2"}
    sensors = [
        Sensor(sensor=f"S-{n}", city="a", system="drainage", property=name, unit=units[name], interval_s=60)
        for n, name in enumerate(properties)
    ]
    await import_sensors(pool, sensors, [City(city="a", name="A", mode="test")])
    return sorted(await sensor_keys(pool))


@pytest.mark.parametrize("seed", range(4))
def test_batches_store_what_a_plain_model_stores(database_url: str, seed: int) -> None:
    """Repeats within a batch and between batches, late data, conflicts: first value stands, the log is what came."""

    async def work(pool: Any) -> None:
        chance = np.random.default_rng(seed)
        stored: dict[tuple[int, int], float] = {}
        conflicts: set[tuple[int, int, float]] = set()
        log = []
        for number in range(25):
            size = int(chance.integers(0, 60))
            rows = [
                (int(chance.integers(1, 6)), NOON + int(chance.integers(0, 60)) * 1000, float(chance.integers(0, 3)))
                for _ in range(size)
            ]
            receipt = await write_batch(pool, NOON + number, readings(*rows))
            new, differing, repeated = [], 0, 0
            for sensor, time, value in rows:
                known = stored.setdefault((sensor, time), value)
                if known is value:
                    new.append((sensor, time, value, 0))
                elif known == value or (sensor, time, value) in conflicts:
                    repeated += 1
                else:
                    conflicts.add((sensor, time, value))
                    differing += 1
            assert rows_of(receipt.batch) == new
            assert (receipt.duplicates, receipt.conflicts) == (repeated, differing)
            log.append((number + 1, new))
        assert [(batch.sequence, rows_of(batch)) for batch in await whole_log(pool, 37)] == log
        found = await pool.fetch("select sensor_key, time, value from reading")
        assert {(r["sensor_key"], r["time"]): r["value"] for r in found} == {
            (sensor, to_datetime(time)): value for (sensor, time), value in stored.items()
        }
        assert len(found) == len(stored)
        kept = await pool.fetch("select sensor_key, time, value from conflict")
        assert sorted(tuple(r) for r in kept) == sorted((s, to_datetime(t), v) for s, t, v in conflicts)

    with_pool(database_url, work)


def test_several_writers_leave_one_log_in_the_order_of_commits(database_url: str) -> None:
    async def work(pool: Any) -> None:
        async def write(writer: int) -> list[ReadingBatch]:
            times = range(NOON, NOON + 20_000, 1000)
            return [(await write_batch(pool, t, readings((1, t, writer), (2 + writer, t, 0)))).batch for t in times]

        written = [batch for batches in await asyncio.gather(*map(write, range(4))) for batch in batches]
        log = await whole_log(pool)
        assert [batch.sequence for batch in log] == list(range(1, 81))
        assert [rows_of(b) for b in log] == [rows_of(b) for b in sorted(written, key=lambda batch: batch.sequence)]
        assert all(a.clock <= b.clock for a, b in pairwise(log))
        assert await pool.fetchval("select count(*) from reading where sensor_key = 1") == 20

    with_pool(database_url, work)


def test_a_batch_is_written_whole_or_not_at_all(database_url: str) -> None:
    async def work(pool: Any) -> None:
        with pytest.raises(ValueError, match="not finite"):
            await write_batch(pool, NOON, readings((1, NOON, 1.0), (1, NOON + 1, float("nan"))))
        with pytest.raises(ValueError, match="at most"):
            await write_batch(pool, NOON, readings(*((1, NOON, 1.0),) * (READINGS_PER_BATCH_MAX + 1)))
        broken = Rejection("t", b"x", 1, "reason\0", "a text that PostgreSQL refuses")
        with pytest.raises(asyncpg.PostgresError):
            await write_batch(pool, NOON, readings((1, NOON, 1.0)), [broken])
        assert await log_is_empty(pool)
        assert await pool.fetchval("select count(*) from reading") == 0
        receipt = await write_batch(pool, NOON, readings((1, NOON, 1.0)), [Rejection("t", b"x", 1, "not_json", "d")])
        assert receipt.batch.sequence == 1

    with_pool(database_url, work)


def test_the_logs_clock_moves_on_with_every_batch(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for clock, expected in ((NOON, NOON), (NOON, NOON + 1), (NOON - 5, NOON + 2), (NOON + 7, NOON + 7)):
            assert (await write_batch(pool, clock, readings())).batch.clock == expected
        assert [batch.clock for batch in await whole_log(pool)] == [NOON, NOON + 1, NOON + 2, NOON + 7]

    with_pool(database_url, work)


def test_the_database_holds_back_what_the_model_holds_back(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for bit in range(15):
            held_back = await pool.fetchval("select is_held_back($1::smallint)", 1 << bit)
            assert held_back == bool(HELD_BACK & (1 << bit)), f"bit {bit}: is_held_back needs a migration"

    with_pool(database_url, work)


def test_latest_readings_are_by_their_own_time(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await write_batch(pool, NOON, readings((1, NOON, 1.0), (2, NOON - 400 * DAY_MS, 2.0)))
        await write_batch(pool, NOON + 1, readings((1, NOON - DAY_MS, 3.0)))
        latest = await latest_readings(pool, [1, 2, 3])
        assert {key: (row.time, row.value, row.arrived_at) for key, row in latest.items()} == {
            1: (to_datetime(NOON), 1.0, to_datetime(NOON)),
            2: (to_datetime(NOON - 400 * DAY_MS), 2.0, to_datetime(NOON)),
        }

    with_pool(database_url, work)


async def evaluated(pool: Any, batch: int) -> None:
    await pool.execute("update evaluation_cursor set batch = $1", batch)


async def left(pool: Any, table: str) -> int:
    return int(await pool.fetchval(f"select count(*) from {table}"))


def test_by_default_everything_is_kept(database_url: str) -> None:
    async def work(pool: Any) -> None:
        (key,) = await register(pool, "water_depth")
        await write_batch(pool, NOON, readings((key, NOON - 9_000 * DAY_MS, 1.0), (key, NOON, 1.0)))
        await evaluated(pool, 1)
        assert await maintain_once(pool, NOON + 9_000 * DAY_MS)
        assert [await left(pool, t) for t in ("reading", "reading_minute", "reading_hour", "batch")] == [2, 2, 2, 1]

    with_pool(database_url, work)


def test_readings_go_by_property_and_their_summaries_stay(database_url: str) -> None:
    async def work(pool: Any) -> None:
        depth, vibration = await register(pool, "water_depth", "vibration")
        days = range(0, 100, 10)
        rows = [(key, NOON - day * DAY_MS, 1.0) for key in (depth, vibration) for day in days]
        batch = (await write_batch(pool, NOON, readings(*rows))).batch
        await set_retention(pool, Retention("*", 60, None, None))
        await set_retention(pool, Retention("vibration", 25, 45, None))

        await maintain_once(pool, NOON)
        assert await left(pool, "reading") == 20, "not evaluated yet"

        await evaluated(pool, 1)
        await maintain_once(pool, NOON)
        found = await pool.fetch("select sensor_key, count(*) from reading group by 1 order by 1")
        assert [tuple(row) for row in found] == [(depth, 7), (vibration, 3)]
        found = await pool.fetch("select sensor_key, count(*) from reading_minute group by 1 order by 1")
        assert [tuple(row) for row in found] == [(depth, 10), (vibration, 5)]
        assert await left(pool, "reading_hour") == 20
        (again,) = await read_batches(pool, 0)
        assert rows_of(again) == [r for r in rows_of(batch) if r[1] >= NOON - (60 if r[0] == depth else 25) * DAY_MS]

        await maintain_once(pool, NOON)
        assert await left(pool, "reading") == 10, "a second round changes nothing"

    with_pool(database_url, work)


def test_a_checkpoint_keeps_the_readings_after_it(database_url: str) -> None:
    async def work(pool: Any) -> None:
        (key,) = await register(pool, "water_depth")
        for number in range(4):
            await write_batch(pool, NOON, readings((key, NOON - (90 - number) * DAY_MS, 1.0)))
        await evaluated(pool, 4)
        await pool.execute("insert into engine_binding values (1, ''); insert into checkpoint values (2, 1, '')")
        await set_retention(pool, Retention("*", 30, None, None))
        await set_record_days(pool, "batches", 1)
        await maintain_once(pool, NOON + 2 * DAY_MS)
        assert [row[0] for row in await pool.fetch("select batch from reading order by 1")] == [3, 4]

    with_pool(database_url, work)


def test_the_log_goes_from_its_beginning_and_only_with_its_readings(database_url: str) -> None:
    async def work(pool: Any) -> None:
        (key,) = await register(pool, "water_depth")
        for number in range(10):  # of the sixth batch the reading stays
            age = 10 if number == 5 else 90
            await write_batch(pool, NOON - (40 - number) * DAY_MS, readings((key, NOON - age * DAY_MS - number, 1.0)))
        await evaluated(pool, 10)
        await set_retention(pool, Retention("*", 30, None, None))
        await set_record_days(pool, "batches", 30)
        await maintain_once(pool, NOON)
        assert [row[0] for row in await pool.fetch("select sequence from batch order by 1")] == [6, 7, 8, 9, 10]
        assert [batch.sequence for batch in await whole_log(pool)] == [6, 7, 8, 9, 10]
        assert (await write_batch(pool, NOON, readings())).batch.sequence == 11

    with_pool(database_url, work)


def test_conflicts_go_with_their_arrival(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for age in (20, 10):
            await write_batch(pool, NOON - age * DAY_MS, readings((1, NOON - age, 1.0), (1, NOON - age, 2.0)))
        await write_batch(pool, NOON, readings())
        await set_record_days(pool, "conflicts", 15)
        await maintain_once(pool, NOON)
        assert [row[0] for row in await pool.fetch("select batch from conflict")] == [2]

    with_pool(database_url, work)


def test_one_maintains_at_a_time(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await write_batch(pool, NOON, readings((1, NOON, 1.0)))
        async with pool.acquire() as other:
            await other.execute("select pg_advisory_lock($1)", MAINTENANCE_LOCK)
            assert not await maintain_once(pool, NOON)
            assert await left(pool, "summary_minute") == 0
        assert await maintain_once(pool, NOON)
        assert await left(pool, "summary_minute") == 1

    with_pool(database_url, work)


def test_the_task_maintains_until_it_is_stopped(database_url: str) -> None:
    async def work(pool: Any) -> None:
        stop = asyncio.Event()
        settings = MaintenanceSettings(summary_interval_s=0.01, cleaning_interval_s=0.01)
        task = asyncio.create_task(maintain(pool, lambda: NOON, stop, settings))
        for number in range(5):
            await write_batch(pool, NOON, readings((1, NOON + number * 60_000, 1.0)))
        async with asyncio.timeout(30):
            while await left(pool, "summary_minute") < 5:  # noqa: ASYNC110 - the condition is the database's
                await asyncio.sleep(0.01)
        stop.set()
        await task

    with_pool(database_url, work)


def test_a_plain_postgresql_serves_too(database_server: EmbeddedDatabase) -> None:
    """Without the extension: plain tables, the same names, rows deleted one by one."""

    async def run() -> None:
        admin = await asyncpg.connect(database_server.url)
        name = f"plain_{secrets.token_hex(4)}"
        await admin.execute(f"create database {name}")
        try:
            url = urlunsplit(urlsplit(database_server.url)._replace(path=f"/{name}"))
            pool = await open_pool(url)
            async with pool.acquire() as connection:
                await migrate(connection)
            (key,) = await register(pool, "water_depth")
            await write_batch(
                pool, NOON, readings((key, NOON - 90 * DAY_MS, 1.0), (key, NOON, 5.0), (key, NOON + 1, 3.0))
            )
            await evaluated(pool, 1)
            await set_retention(pool, Retention("*", 30, None, None))
            for _ in range(2):
                rows = await pool.fetch("select mean, last, usable from reading_minute order by start")
                assert [tuple(row) for row in rows] == [(1.0, 1.0, 1), (4.0, 3.0, 2)]
                await maintain_once(pool, NOON)
            assert await left(pool, "reading") == 2
            await pool.close()
        finally:
            await admin.execute(f"drop database {name} with (force)")
            await admin.close()

    asyncio.run(run())


def test_the_doctor_names_edition_summaries_retention_and_sizes(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await set_retention(pool, Retention("vibration", 30, 400, None))
        found = {finding.subject: finding for finding in await diagnose(Settings(database_url=database_url))}
        assert found["summaries"].text == "by minute and hour: own roll-up"
        assert found["retention"].text == (
            "all properties: everything is kept; vibration: readings 30 days, minutes 400 days"
        )
        assert "reading" in found["sizes"].text
        assert all(found[subject].good for subject in ("database", "schema", "summaries", "retention", "sizes"))

    with_pool(database_url, work)
