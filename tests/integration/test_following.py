"""The evaluator follows the log: what its own process hands over, what other workers write, and both in any order."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from alerts.counters import EvaluatorCounters
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.recovery import EvaluatorLimits
from model.sensor import City, Sensor
from store.batches import write_batch
from store.pool import open_pool
from store.sensors import import_sensors
from store.status import sensor_keys
from tests.integration.test_store import NOON, readings

WAIT_S_MAX = 20.0
BATCHES = 24


@pytest.mark.parametrize(
    "handed_over",
    [
        pytest.param([1], id="all batches are this process's own"),
        pytest.param([0], id="all are another's"),
        pytest.param([1, 0], id="by turns"),
        pytest.param([1, 1, 1, 0, 0], id="some and some"),
    ],
)
@pytest.mark.parametrize("pause_s", [0.0, 0.03], ids=["at once", "one by one"])
def test_each_batch_is_evaluated_once(database_url: str, handed_over: Sequence[int], pause_s: float) -> None:
    async def scenario() -> None:
        pool = await open_pool(database_url)
        sensor = Sensor(sensor="gas-1", city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=1)
        await import_sensors(pool, [sensor], [City(city="c", mode="test")])
        (key,) = await sensor_keys(pool)
        handed, stop, counters = HandOver(), asyncio.Event(), EvaluatorCounters()
        evaluating = asyncio.create_task(run_evaluator(pool, handed, EvaluatorLimits(), stop, counters))
        await _until(lambda: counters.ready)
        for number in range(BATCHES):
            batch = readings(*((key, NOON + 10_000 * number + 1_000 * row, 5.0) for row in range(10)))
            receipt = await write_batch(pool, NOON + 10_000 * number + 9_000, batch)
            if handed_over[number % len(handed_over)]:
                handed.put(receipt.batch)
            await asyncio.sleep(pause_s)
        await _until(lambda: counters.batches >= BATCHES)
        stop.set()
        handed.committed.set()
        await evaluating
        assert (counters.batches, counters.readings, counters.late_readings) == (BATCHES, 10 * BATCHES, 0)
        assert await pool.fetchval("select max(sequence) from batch") == counters.cursor
        await pool.close()

    asyncio.run(scenario())


async def _until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + WAIT_S_MAX
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
