"""How many rule evaluations a second the engine makes on one core, at batches small and large."""

import time
from collections.abc import Callable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from alerts.engine import Engine
from alerts.rule_file import default_packs
from benchmarks.measure import Case, case
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor

SENSORS = 100_000
BATCH_SIZES = (500, 10_000)
READINGS = 2_000_000
REPETITIONS = 7
START_MS = 1_760_000_000_000


def cases() -> list[Case]:
    """Measure the default road-depth rule, four levels with deadband and off-delay, on 100,000 sensors.

    An evaluation is one rule judged for one reading. The limit is a compiled loop that reads each reading and its
    sensor's four limits and compares, without any state, over the same arrays in the same run.
    """
    found = []
    for size in BATCH_SIZES:
        engine, batches = _engine(), _batches(size)  # a new engine: to one that has seen them, readings are late
        engine.evaluate(batches[0])  # compiles
        _compare(batches[0].sensor, batches[0].value, _LIMITS)
        evaluated = _rates(engine.evaluate, batches, _later)
        compared = _rates(lambda batch: _compare(batch.sensor, batch.value, _LIMITS), batches, _same)
        found.append(case(f"threshold_{SENSORS}_batch_{size}", "evaluations/s", evaluated, compared))
    return found


def _rates(
    work: Callable[[ReadingBatch], object],
    batches: Sequence[ReadingBatch],
    prepare: Callable[[Sequence[ReadingBatch], int], Sequence[ReadingBatch]],
) -> list[float]:
    rates = []
    for repetition in range(1, REPETITIONS + 1):
        chosen = prepare(batches, repetition)
        began = time.perf_counter()
        for batch in chosen:
            work(batch)
        rates.append(READINGS / (time.perf_counter() - began))
    return rates


def _same(batches: Sequence[ReadingBatch], _repetition: int) -> Sequence[ReadingBatch]:
    return batches


def _later(batches: Sequence[ReadingBatch], repetition: int) -> Sequence[ReadingBatch]:
    """The same readings at later times, so that the engine takes them as new."""
    shift = repetition * READINGS * 1000
    return [
        ReadingBatch(b.sequence, b.clock + shift, b.sensor, b.time + shift, b.value, b.quality, b.arrived + shift)
        for b in batches
    ]


def _engine() -> Engine:
    sensors = {
        key: Sensor(
            sensor=f"s{key}", city="bench", system="drainage", property="water_depth", unit="cm", interval_s=60.0
        )
        for key in range(SENSORS)
    }
    packs = [pack for pack in default_packs() if pack.pack == "drainage"]
    return Engine(packs, Registry(1, sensors, {"bench": City(city="bench", mode="test")}))


def _batches(size: int) -> list[ReadingBatch]:
    random = np.random.default_rng(1)
    # A thousandth of the readings lie above a level: alarms are rare, and their cost is in the figure.
    value = np.where(random.random(READINGS) < 0.001, random.uniform(15, 70, READINGS), random.uniform(0, 14, READINGS))
    sensor = random.integers(0, SENSORS, READINGS).astype(np.int32)
    time_ms = START_MS + np.arange(READINGS, dtype=np.int64) * 100
    quality = np.zeros(READINGS, np.uint16)
    return [
        ReadingBatch(
            number,
            int(time_ms[part][-1]),
            sensor[part],
            time_ms[part],
            value[part],
            quality[part],
            time_ms[part],
        )
        for number, part in enumerate((slice(start, start + size) for start in range(0, READINGS, size)), 1)
    ]


_LIMITS = np.tile(np.array([15.0, 27.0, 40.0, 60.0]), (SENSORS, 1))


@numba.njit(cache=True)
def _compare(sensor: NDArray[np.int32], value: NDArray[np.float64], limits: NDArray[np.float64]) -> int:
    reached = 0
    for row in range(len(sensor)):
        for level in range(4):
            if value[row] >= limits[sensor[row], level]:
                reached += 1
    return reached
