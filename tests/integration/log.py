"""A log of batches that a test writes reading by reading, and the evaluator that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import yaml

from alerts.counters import EvaluatorCounters
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.recovery import EvaluatorLimits
from alerts.rules import Pack
from store.batches import IncomingReadings, write_batch
from store.rule_packs import StoredPack, activate
from store.sensors import load_registry, registry_version

LIMITS = EvaluatorLimits(tick_s=3_600)  # the log has no ticks: without them a pause is no time without listening


class Log:
    """Readings by sensor, logged as they are said to arrive; times in epoch milliseconds."""

    def __init__(self, pool: Any, limits: EvaluatorLimits = LIMITS) -> None:
        self.pool = pool
        self.limits = limits
        self.counters = EvaluatorCounters()
        self.newest = 0

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Let an evaluator follow the log."""
        handed, stop, self.counters = HandOver(), asyncio.Event(), EvaluatorCounters()
        running = asyncio.create_task(run_evaluator(self.pool, handed, self.limits, stop, self.counters))
        try:
            await until(lambda: self.counters.ready)
            yield
        finally:
            stop.set()
            handed.committed.set()
            await running

    async def put(self, arrived: int, *rows: tuple[str, int, float], listening: bool = True) -> None:
        """Log readings (sensor, time, value) as one batch."""
        keys = (await load_registry(self.pool)).keys
        incoming = IncomingReadings(
            np.array([keys[row[0]] for row in rows], np.int32),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.float64),
            np.zeros(len(rows), np.uint16),
        )
        self.newest = (await write_batch(self.pool, arrived, incoming, listening=listening)).batch.sequence

    async def evaluated(self) -> None:
        """Wait until all of it is evaluated."""
        await until(lambda: self.counters.cursor >= self.newest)

    async def rebound(self) -> None:
        """Wait until the rules and sensors are bound as they stand."""
        newest = "select max(version) from engine_binding"
        async with asyncio.timeout(30):
            while await self.pool.fetchval(newest) != await registry_version(self.pool):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.01)


async def evaluate_all(pool: Any, limits: EvaluatorLimits = LIMITS) -> None:
    """Let an evaluator of its own bring the journal up to the log, as after a restart."""
    log = Log(pool, limits)
    log.newest = await pool.fetchval("select max(sequence) from batch")
    async with log.followed():
        await log.evaluated()
    assert log.counters.changes_refused == 0


async def put_in_force(pool: Any, rules: str) -> None:
    """Activate a pack of rules, in YAML."""
    pack = Pack.model_validate(yaml.safe_load(rules))
    await activate(pool, [StoredPack(pack.pack, pack.version, pack.content)], "engineer")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition of another part holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
