"""A checkpoint holds all that the engine was bound to, so that after a restart it goes on as it would have."""

import asyncio

import numpy as np

from alerts.recovery import EvaluatorLimits, recover
from model.sensor import City, Sensor
from model.sensor_event import SensorEvent
from store.pool import open_pool
from store.sensor_events import record_event
from store.sensors import import_sensors
from store.status import sensor_keys
from tests.integration.test_store import NOON


def test_what_was_done_to_a_sensor_is_known_after_a_restart(database_url: str) -> None:
    async def scenario() -> None:
        pool = await open_pool(database_url)
        sensor = Sensor(
            sensor="p-1", city="c", system="displacement", property="displacement", unit="mm", interval_s=60
        )
        await import_sensors(pool, [sensor], [City(city="c", mode="test")])
        (key,) = await sensor_keys(pool)
        async with pool.acquire() as connection:
            await record_event(connection, key, SensorEvent(kind="rezeroed", time=NOON, offset=12.0))
        first, cursor = await recover(pool, EvaluatorLimits())  # there is no checkpoint: it is bound and kept
        again, _ = await recover(pool, EvaluatorLimits())
        keys, times = np.array([key, key], np.int32), np.array([NOON - 1, NOON])
        before, after = first.registry.epoch_of(keys, times).tolist()
        assert before != after
        assert again.registry.epoch_of(keys, times).tolist() == [before, after]
        assert cursor == 0
        await pool.close()

    asyncio.run(scenario())
