"""What the engine was bound to is kept, and a case read back from the database decides as the evaluator did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import numpy as np
import pytest

from alerts.explaining.explanation import Explanation, explain
from alerts.explaining.replay import replay_then
from alerts.recovery import EvaluatorLimits, recover
from alerts.rule_file import default_packs
from app.cases import CaseLimits, FoundCase, NoCase, read_case
from benchmarks.explanations import simulated
from model.alarm import JournalLine
from model.instant import DAY_MS, MINUTE_MS, parse_instant
from model.sensor import City, Sensor
from model.severity import severity_of
from store.batches import IncomingReadings, write_batch
from store.maintenance import maintain_once
from store.pool import open_pool
from store.retention import Retention, set_retention
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors, load_registry
from tests.integration.log import Log
from tests.integration.test_store import NOON

PACKS = {pack.pack: pack for pack in default_packs()}
GAS = "combustible-gas"
CITY = City(city="c", mode="test")


def gas(sensor: str, name: str = "") -> Sensor:
    return Sensor(
        sensor=sensor, city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60, name=name
    )


def minute(number: float) -> int:
    return round(NOON + number * MINUTE_MS)


def with_log(
    url: str, scenario: Callable[[Log], Awaitable[None]], *packs: str, limits: EvaluatorLimits | None = None
) -> None:
    """Run a scenario over one sensor, g-1, under some packs."""

    async def run() -> None:
        pool = await open_pool(url)
        await import_sensors(pool, [gas("g-1")], [CITY])
        named = [PACKS[name] for name in packs or ("gas",)]
        await activate(pool, [StoredPack(pack.pack, pack.version, pack.content) for pack in named], "li")
        try:
            await scenario(Log(pool) if limits is None else Log(pool, limits))
        finally:
            await pool.close()

    asyncio.run(run())


async def found(log: Log, time: int, rule: str = GAS, **limits: int) -> FoundCase:
    async with log.pool.acquire() as connection:
        return await read_case(connection, rule, "g-1", time, minute(60), CaseLimits(**limits))


async def told(log: Log, time: int, rule: str = GAS, **limits: int) -> Explanation:
    return explain((await found(log, time, rule, **limits)).case)


async def periods(log: Log) -> list[int]:
    """After which batches something else was bound."""
    return [row["after"] for row in await log.pool.fetch("select after from bound_period order by after")]


def test_each_binding_begins_a_period_and_a_recovery_none(database_url: str) -> None:
    async def scenario(log: Log) -> None:
        async with log.followed():
            await log.put(minute(0), ("g-1", minute(0), 7.0))
            await log.evaluated()
            await import_sensors(log.pool, [gas("g-2")], [CITY])
            await log.put(minute(1), ("g-2", minute(1), 7.0))
            await log.evaluated()
        assert await periods(log) == [0, 1]
        await recover(log.pool, log.limits)
        async with log.followed():
            await log.put(minute(2), ("g-1", minute(2), 7.0))
            await log.evaluated()
        assert await periods(log) == [0, 1]
        # Nothing of concern changed in between, so that it is one.
        assert len((await found(log, minute(2))).case.periods) == 1

    with_log(database_url, scenario)


def test_an_evaluator_that_dies_while_it_binds_leaves_no_period(database_url: str) -> None:
    async def scenario(log: Log) -> None:
        async with log.followed():
            await log.put(minute(0), ("g-1", minute(0), 7.0))
            await log.evaluated()
            async with log.pool.acquire() as other, other.transaction():
                await other.execute("lock table checkpoint in exclusive mode")  # which is written after the binding
                await import_sensors(log.pool, [gas("g-2")], [CITY])
                waiting = "select pid from pg_locks where relation = 'checkpoint'::regclass and not granted"
                async with asyncio.timeout(30):
                    while not (pid := await other.fetchval(waiting)):  # noqa: ASYNC110 - it is in the database
                        await asyncio.sleep(0.01)
                await log.pool.execute("select pg_terminate_backend($1)", pid)
                assert await periods(log) == [0]
            await log.rebound()
            await log.put(minute(1), ("g-2", minute(1), 7.0))
            await log.evaluated()
        assert await periods(log) == [0, 1]

    with_log(database_url, scenario)


def test_what_an_older_lifeline_would_clear_away_stays_as_long_as_readings_do(database_url: str) -> None:
    async def scenario(log: Log) -> None:
        async with log.followed():
            for number in range(3):
                await log.put(minute(0) + number * DAY_MS, ("g-1", minute(0) + number * DAY_MS, 7.0))
                await log.evaluated()
                await import_sensors(log.pool, [gas(f"g-{number + 2}")], [CITY])
                await log.rebound()
        assert await periods(log) == [0, 1, 2, 3]
        clear = "delete from engine_binding where version not in (select version from checkpoint)"
        await log.pool.execute(clear)
        assert await log.pool.fetchval("select count(*) from engine_binding") == 4
        await set_retention(log.pool, Retention("*", 1, None, None))
        await maintain_once(log.pool, minute(30) + 2 * DAY_MS)
        # The first two ended on the first and the second day; of these no reading is left.
        assert await periods(log) == [2, 3]
        await log.pool.execute(clear)
        assert await log.pool.fetchval("select count(*) from engine_binding") == 2
        with pytest.raises(NoCase, match="no longer kept"):
            async with log.pool.acquire() as connection:
                await read_case(connection, GAS, "g-1", minute(1), minute(30) + 2 * DAY_MS)

    with_log(database_url, scenario)


def test_before_the_oldest_known_binding_it_stands_for_what_was(database_url: str) -> None:
    async def scenario(log: Log) -> None:
        async with log.followed():
            await log.put(minute(0), ("g-1", minute(0), 7.0))
            await log.put(minute(1), ("g-1", minute(1), 12.0))
            await log.evaluated()
            await import_sensors(log.pool, [gas("g-1", name="moved")], [CITY])
            await log.put(minute(2), ("g-1", minute(2), 12.0))
            await log.evaluated()
        await log.pool.execute("delete from bound_period where after = 0")  # as after an upgrade
        for time in (minute(1), minute(2)):
            case, _, _, since = await found(log, time)
            assert (explain(case).then.severity, since) == (1, minute(1))

    with_log(database_url, scenario)


def test_no_more_readings_are_read_than_may_be_and_it_is_said(database_url: str) -> None:
    async def scenario(log: Log) -> None:
        async with log.followed():
            for number in range(9):
                await log.put(minute(number), ("g-1", minute(number), 12.0 if number == 2 else 1.0))
            await log.evaluated()
        whole, part = await told(log, minute(8)), await told(log, minute(8), readings_max=3)
        assert (whole.begins, len(whole.then.readings), whole.then.severity) == (None, 9, 0)
        assert (part.begins, [one.time for one in part.then.readings]) == (minute(6), [minute(6), minute(7), minute(8)])
        assert (await told(log, minute(5))).then.severity == 1  # what cleared it came later

    with_log(database_url, scenario)


def test_silence_while_nobody_listened_is_none(database_url: str) -> None:
    async def scenario(log: Log) -> None:
        async with log.followed():
            await log.put(minute(0), ("g-1", minute(0), 1.0))
            await log.put(minute(1), ("g-1", minute(1), 1.0))
            for number in (1.2, 1.4):
                await log.put(minute(number))
            await log.put(minute(30))  # the service was away
            await log.put(minute(30.2), listening=False)  # the broker was
            for number in (30.4, 32, 33.9):
                for step in range(8):  # ticks
                    await log.put(minute(number + step / 5))
            await log.evaluated()
        lines = [msgspec.json.decode(row["line"], type=JournalLine) for row in await log.pool.fetch(
            "select line from journal where line::jsonb ->> 'kind' = 'stale' order by event"
        )]  # fmt: skip
        (line,) = lines
        silent = parse_instant(line.known_at)
        assert silent > minute(31)
        before, after = await told(log, silent - 1, "sensor-silent"), await told(log, silent, "sensor-silent")
        assert (before.then.severity, after.then.severity) == (0, 1)
        assert after.then.raised == parse_instant(line.time)

    with_log(database_url, scenario, "gas", "instruments", limits=EvaluatorLimits())


def test_a_case_decides_as_the_journal_says(database_url: str) -> None:
    async def scenario() -> None:
        source = simulated("cloudburst", share=0.002)
        pool = await open_pool(database_url)
        await import_sensors(pool, list(source.registry.sensors.values()), list(source.registry.cities.values()))
        await activate(pool, [StoredPack(pack.pack, pack.version, pack.content) for pack in source.packs], "li")
        stored = (await load_registry(pool)).keys
        keys = np.array([stored[source.registry.sensors[key].sensor] for key in range(len(stored))], np.int32)
        log = Log(pool)
        async with log.followed():
            for batch in source.batches:
                for start in range(0, len(batch), 1_000):
                    part = slice(start, start + 1_000)
                    incoming = IncomingReadings(
                        keys[batch.sensor[part]], batch.time[part], batch.value[part], batch.quality[part]
                    )
                    log.newest = (await write_batch(pool, int(batch.arrived[part][-1]), incoming)).batch.sequence
            await log.evaluated()
        rows = await pool.fetch("select line from journal order by event")
        lines = [msgspec.json.decode(row["line"], type=JournalLine) for row in rows]
        known = [line for line in lines if not line.retroactive]
        kinds = sorted({line.kind for line in known})
        assert len(kinds) > 2
        # Of each kind, where lines became known and at random times.
        random = np.random.default_rng(0)
        by_kind = [[line for line in known if line.kind == kind] for kind in kinds]
        asked = [lines[place] for lines in by_kind for place in random.integers(len(lines), size=20).tolist()]
        clocks = random.integers(source.batches[0].clock, source.batches[-1].clock, len(asked)).tolist()
        times = [clock if place % 2 else parse_instant(asked[place].known_at) for place, clock in enumerate(clocks)]
        active = 0
        async with pool.acquire() as connection:
            for line, time in zip(asked, times, strict=True):
                case = (await read_case(connection, line.rule, line.sensor, time, 2**42)).case
                told = [one for one in known if (one.rule, one.sensor) == (line.rule, line.sensor)]
                until = [one for one in told if parse_instant(one.known_at) <= time]
                last = until[-1] if until else None
                expected = 0 if last is None else severity_of(last.severity) or int(last.condition != "normal")
                assert replay_then(case).severity == expected, (line.alarm, time)
                active += expected > 0
        assert 20 < active < len(asked) - 20
        await pool.close()

    asyncio.run(scenario())
