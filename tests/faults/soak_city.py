"""A city of many devices that lives faster than time: its readings by formula, and the journal they must come to."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.rule_file import default_packs
from ingest.checks import RawReadings, check
from ingest.course import Course, with_bits
from ingest.settings import IngestLimits
from model.alarm import encode_line, journal_order
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor
from tests.faults.device import connected
from tests.faults.stream import START_MS
from tests.integration.service import judged

STEP_MS = 60_000  # of the readings' own time
STEPS_PER_BATCH = 100
FLOOD_EVERY, FLOOD_LASTS = 900, 100  # steps, at each sensor
PATIENCE_S = 5.0  # until a gateway takes its connection for lost
GAS_EVERY = 10  # sensors
ARRIVED_MS = 1_790_000_000_000  # long after all of it was measured, as in the service
Judged = list[dict[str, object]]


class SoakCity:
    """The sensors of a city; each measures at every step, by the seed."""

    name = "soak"

    def __init__(self, seed: int, sensors: int) -> None:
        made = np.random.default_rng(seed)
        self.sensors = [_sensor(number, self.name) for number in range(sensors)]
        self.city = City(city=self.name, mode="test")
        self._is_gas = np.arange(sensors) % GAS_EVERY == 0
        self._phase = made.integers(0, FLOOD_EVERY, sensors)
        self._peak = np.where(self._is_gas, made.uniform(12, 70, sensors), made.uniform(12, 90, sensors))

    def values(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the values of steps from `first` up to, not including, `last`, (steps, sensors)."""
        step = np.arange(first, last)[:, None]
        into = (step + self._phase) % FLOOD_EVERY
        wave = np.where(into < FLOOD_LASTS, np.sin(np.pi * np.minimum(into, FLOOD_LASTS) / FLOOD_LASTS) ** 2, 0.0)
        ripple = ((step * 7 + np.arange(len(self.sensors)) * 3) % 5) / 10
        return np.round(1.0 + self._peak * wave + ripple, 1)

    def message(self, number: int, step: int, value: float) -> tuple[str, bytes]:
        """Return topic and payload of a reading."""
        sensor = self.sensors[number]
        content = {"time": START_MS + step * STEP_MS, "value": value, "sequence": step + 1}
        return f"lifeline/{self.name}/{sensor.system}/{sensor.sensor}", json.dumps(content).encode()


def _sensor(number: int, city: str) -> Sensor:
    if number % GAS_EVERY == 0:
        system, observed, unit = "gas", "combustible_gas", "%{LEL}"
    else:
        system, observed, unit = "drainage", "water_depth", "cm"
    return Sensor(sensor=f"{system}-{number}", city=city, system=system, property=observed, unit=unit, interval_s=60)


class Gateway:
    """Publishes the readings of some sensors step by step at a pace, over as many connections as it takes.

    `done` is its ledger: the steps that the broker has acknowledged. After an outage it goes faster, up to its pace.
    """

    def __init__(self, city: SoakCity, numbers: range, steps_s: float) -> None:
        self.done = 0
        self.last: int | None = None  # step after which it is to stop
        self._city = city
        self._numbers = numbers
        self._steps_s = steps_s
        self._values = lru_cache(maxsize=2)(lambda part: city.values(part * 100, part * 100 + 100))

    def step(self, step: int) -> list[tuple[str, bytes]]:
        """Return the messages of a step."""
        values = self._values(step // 100)[step % 100]
        return [self._city.message(number, step, float(values[number])) for number in self._numbers]

    async def publish(self, url: str) -> None:
        """Publish until the last step is acknowledged."""
        loop = asyncio.get_running_loop()
        began, first = loop.time(), self.done
        while self.last is None or self.done < self.last:
            try:
                async with AsyncExitStack() as stack:
                    async with asyncio.timeout(PATIENCE_S):
                        line = await stack.enter_async_context(connected(url))
                    while self.last is None or self.done < self.last:
                        await asyncio.sleep(began + (self.done - first) / self._steps_s - loop.time())
                        async with asyncio.timeout(PATIENCE_S):
                            await line.publish(self.step(self.done))
                        self.done += 1
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.2)


def expected(city: SoakCity, registry: Registry, steps: int) -> tuple[NDArray[np.uint16], Judged]:
    """Return the qualities, (steps, sensors), and the judged journal of a run without faults, by the engine alone."""
    qualities: list[NDArray[np.uint16]] = []
    engine = Engine(default_packs(), registry)
    lines = sorted(backtest(engine, _batches(city, registry, steps, qualities), None), key=journal_order)
    return np.concatenate(qualities), judged([json.loads(encode_line(line)) for line in lines])


def _batches(
    city: SoakCity, registry: Registry, steps: int, qualities: list[NDArray[np.uint16]]
) -> Iterator[ReadingBatch]:
    limits = IngestLimits()
    course = Course(registry, limits)
    keys = np.array([registry.keys[sensor.sensor] for sensor in city.sensors], np.int32)
    for sequence, first in enumerate(range(0, steps, STEPS_PER_BATCH), 1):
        last = min(steps, first + STEPS_PER_BATCH)
        count = last - first
        time = np.repeat(START_MS + np.arange(first, last) * STEP_MS, len(keys))
        arrived = np.repeat(ARRIVED_MS + np.arange(first, last), len(keys))
        raw = RawReadings(np.tile(keys, count), time, city.values(first, last).ravel(), None, None)
        readings = check(registry, raw, arrived, limits).readings
        assert len(readings) == len(time), "a reading of the city is refused"
        found = course.judge(registry, readings, arrived)
        course.commit(found)
        quality = with_bits(readings.quality, found.bits)
        qualities.append(quality.reshape(count, len(keys)))
        yield ReadingBatch(sequence, int(arrived[-1]), readings.sensor, readings.time, readings.value, quality, arrived)
