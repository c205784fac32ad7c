"""A temporary limit from approval to its end: what the evaluator makes of it, by the log's clock alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from alerts.counters import EvaluatorCounters
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.recovery import EvaluatorLimits, recover
from alerts.rule_file import default_packs
from alerts.temporary_limits import design_of
from app.access import Principal
from app.approvals import decide
from app.temporary_limits import LimitRequest, request_limit
from model.instant import format_instant, to_datetime
from model.sensor import City, Sensor
from store.batches import write_batch
from store.pool import open_pool
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors, registry_version
from store.status import sensor_keys
from tests.integration.test_store import NOON, readings

MINUTE = 60_000
GAS = next(pack for pack in default_packs() if pack.pack == "gas")
RULE = next(rule for rule in GAS.rules if rule.rule == "combustible-gas")
ENDS = NOON + 10 * MINUTE


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - the condition is in the database
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _evaluating(pool: Any) -> AsyncIterator[EvaluatorCounters]:
    handed, stop, counters = HandOver(), asyncio.Event(), EvaluatorCounters()
    running = asyncio.create_task(run_evaluator(pool, handed, EvaluatorLimits(), stop, counters))
    try:
        yield counters
    finally:
        stop.set()
        handed.committed.set()
        await running


async def _measure(pool: Any, counters: EvaluatorCounters, minute: int, value: float) -> None:
    """Log a reading, and wait until it is evaluated."""
    (key,) = await sensor_keys(pool)
    time = NOON + minute * MINUTE
    receipt = await write_batch(pool, time, readings((key, time, value)))

    async def evaluated() -> bool:
        return counters.cursor >= receipt.batch.sequence

    await _until(evaluated)


async def _approve(pool: Any, limits: dict[str, float]) -> dict[str, Any]:
    """Ask for limits at the sensor until ENDS and approve them; wait until the evaluator is bound to them."""
    asked = LimitRequest(RULE.rule, design_of(RULE), {"sensor": "g-1"}, limits, "%{LEL}", "test", ENDS, None)
    async with pool.acquire() as connection:
        row = await request_limit(connection, asked, "c", by="li", now=NOON)
        second = Principal("zhao", "supervisor", ("c",), b"")
        decided = await decide(connection, row.approval, second, NOON, state="approved", comment=None)

    async def bound() -> bool:
        newest = await pool.fetchval("select max(version) from engine_binding")
        return bool(newest == await registry_version(pool))

    await _until(bound)
    assert decided.result is not None
    return decided.result


async def _lines(pool: Any) -> list[tuple[float, str, str, str]]:
    """The journal: minute, from, to and version of the rule."""
    rows = await pool.fetch("select line from journal order by event")
    lines = [msgspec.json.decode(row["line"]) for row in rows]
    instants = {format_instant(NOON + minute * MINUTE): minute for minute in range(60)}
    return [(instants[one["time"]], one["from"], one["to"], one["rule_version"]) for one in lines]


def with_gas(url: str, scenario: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = await open_pool(url)
        head = Sensor(sensor="g-1", city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)
        await import_sensors(pool, [head], [City(city="c", mode="test")])
        await activate(pool, [StoredPack(GAS.pack, GAS.version, GAS.content)], "test")
        try:
            await scenario(pool)
        finally:
            await pool.close()

    asyncio.run(run())


def test_a_tightened_limit_holds_until_its_end_and_then_the_designed_one(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        async with _evaluating(pool) as counters:
            await _measure(pool, counters, 0, 7.0)
            done = await _approve(pool, {"blue": 5})
            for minute in range(1, 20):
                await _measure(pool, counters, minute, 7.0)
        assert done["rule_version"] != RULE.version
        # Blue from 5 %LEL on: 7 is reached at once. From minute 10 on blue is 10 and leaves below 8, five minutes late.
        assert await _lines(pool) == [
            (1, "normal", "unacknowledged", done["rule_version"]),
            (15, "unacknowledged", "returned_unacknowledged", RULE.version),
        ]
        row = await pool.fetchrow("select ended_at, ended_by from temporary_limit")
        assert tuple(row) == (to_datetime(ENDS), None)

    with_gas(database_url, scenario)


def test_a_loosened_limit_lets_an_alarm_that_stands_return_and_come_again(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        async with _evaluating(pool) as counters:
            await _measure(pool, counters, 0, 12.0)
            done = await _approve(pool, {"blue": 16})
            for minute in range(1, 12):
                await _measure(pool, counters, minute, 12.0)
        assert await _lines(pool) == [
            (0, "normal", "unacknowledged", RULE.version),
            (6, "unacknowledged", "returned_unacknowledged", done["rule_version"]),
            (10, "normal", "unacknowledged", RULE.version),
        ]

    with_gas(database_url, scenario)


def test_after_a_restart_it_still_holds_and_still_ends(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        async with _evaluating(pool) as counters:
            await _measure(pool, counters, 0, 7.0)
            done = await _approve(pool, {"blue": 5})
            await _measure(pool, counters, 1, 7.0)
        engine, _ = await recover(pool, EvaluatorLimits())
        bound = {rule.rule: rule.version for pack in engine.packs for rule in pack.rules}
        assert bound[RULE.rule] == done["rule_version"]
        # What the log holds when the evaluator comes back begins before the end and goes on after it.
        (key,) = await sensor_keys(pool)
        for minute in range(2, 20):
            await write_batch(pool, NOON + minute * MINUTE, readings((key, NOON + minute * MINUTE, 7.0)))
        async with _evaluating(pool) as counters:
            await _measure(pool, counters, 20, 7.0)
        assert await _lines(pool) == [
            (1, "normal", "unacknowledged", done["rule_version"]),
            (15, "unacknowledged", "returned_unacknowledged", RULE.version),
        ]

    with_gas(database_url, scenario)
