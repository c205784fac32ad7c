"""How many rule evaluations a second the engine makes on one core: by kinds, sensors and batches, and beside others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np
from numpy.typing import NDArray

from alerts.conditions.prefetch import fetch_bindings
from alerts.engine import Engine
from alerts.kernels import load_kernels
from alerts.rule_file import default_packs
from benchmarks.engine_city import CITY, few_of, sensor
from benchmarks.engine_load import TRENDS, WARM_ROUNDS, Load, batches_of, load, repeat
from benchmarks.engine_peers import peer_cases
from benchmarks.measure import Bench, Case, case, machine
from model.reading import ReadingBatch
from model.registry import Registry

KINDS = {
    "threshold": ("threshold",),
    "trend": TRENDS,
    **{kind: (kind,) for kind in (*TRENDS, "rain", "antecedent_rain")},
}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EngineSizes:
    """How much is measured; the defaults take about three minutes."""

    sensors: tuple[int, ...] = (1_000, 100_000, 250_000)
    batches: tuple[int, ...] = (500, 10_000)
    repetitions: int = 7
    threshold_readings: int = 500_000  # a repetition
    trend_readings: int = 100_000
    packs_readings: int = 20_000
    kinds: tuple[str, ...] = (*KINDS, "packs")


def bench_engine(progress: Progress, sizes: EngineSizes | None = None) -> Bench:
    """Measure kinds of rules at each number of sensors and each size of batch.

    An evaluation is one rule judged for one reading that it watches; `trend` has five rules at a sensor, the others
    one. All of Engine.evaluate is in the figure, alarms included. The sensors speak in an order that changes every
    minute; their windows are full. The limit of a threshold is a compiled loop that reads each reading and its sensor's
    four limits and compares, without any state, over the same readings; that of a trend one that asks the memory for
    what the kind remembers of each reading's sensor, and does nothing with it.

    `packs` has all default rules of eleven kinds of sensors, in readings a second.
    `…_cost_<most>_to_<fewest>_sensors_batch_<size>` is what a reading costs with the most sensors, in multiples of what
    it costs with the fewest.
    """
    sizes = sizes or EngineSizes()
    load_kernels()
    cases: list[Case] = []
    for kind in (kind for kind in sizes.kinds if kind in KINDS):
        readings = sizes.threshold_readings if kind == "threshold" else sizes.trend_readings
        for size in sizes.batches:
            rates: dict[int, list[float]] = {}
            for count in sizes.sensors:
                progress(f"engine: {kind}, {count} sensors, batches of {size} …")
                measured = load(KINDS[kind], count, size, readings * (sizes.repetitions + 1))
                rates[count] = _rates(measured, measured.engine.evaluate, sizes.repetitions)
                limits = _limits(measured, kind, sizes.repetitions)
                cases.append(case(f"{kind}_{count}_batch_{size}", "evaluations/s", rates[count], limits))
            fewest, most = min(rates), max(rates)
            costs = [few / many for few, many in zip(rates[fewest], rates[most], strict=True)]
            cases.append(case(f"{kind}_cost_{most}_to_{fewest}_sensors_batch_{size}", "times", costs))
    if "packs" in sizes.kinds:
        cases += _packs(progress, sizes)
    return Bench("engine", machine(), [*cases, *peer_cases(progress, sizes.repetitions)])


def _packs(progress: Progress, sizes: EngineSizes) -> list[Case]:
    """Measure all default rules at once in a city of mixed sensors, in readings a second."""
    cases = []
    packs, size = default_packs(), sizes.batches[0]
    rates = {}
    for count in sizes.sensors:
        progress(f"engine: the default rules, {count} sensors, batches of {size} …")
        registry = Registry(1, {key: sensor(key) for key in range(count)}, {CITY.city: CITY})
        few = few_of(packs, registry, WARM_ROUNDS)
        engine = Engine(packs, registry)
        repeat(few, engine)
        wanted = sizes.packs_readings * (sizes.repetitions + 1) // size
        minutes = range(WARM_ROUNDS, WARM_ROUNDS + wanted * size // count + 1)
        batches = [batch for minute in minutes for batch in batches_of(minute, range(count), size)][:wanted]
        rates[count] = _rates(Load(engine, batches, 1), engine.evaluate, sizes.repetitions)
        cases.append(case(f"packs_{count}_batch_{size}", "readings/s", rates[count]))
    fewest, most = min(rates), max(rates)
    costs = [few_ / many for few_, many in zip(rates[fewest], rates[most], strict=True)]
    return [*cases, case(f"packs_cost_{most}_to_{fewest}_sensors_batch_{size}", "times", costs)]


def _rates(measured: Load, work: Callable[[ReadingBatch], object], repetitions: int) -> list[float]:
    """Return evaluations a second; each repetition takes the batches that follow, the first is not counted."""
    edges = np.linspace(0, len(measured.batches), repetitions + 2).astype(int).tolist()
    rates = []
    for begin, end in pairwise(edges):
        chosen = measured.batches[begin:end]
        evaluations = measured.rules * sum(len(batch) for batch in chosen)
        began = time.perf_counter()
        for batch in chosen:
            work(batch)
        rates.append(evaluations / (time.perf_counter() - began))
    return rates[1:]


def _limits(measured: Load, kind: str, repetitions: int) -> Sequence[float]:
    if kind == "threshold":
        limits = np.tile(np.array([0.8, 0.9, 1.0, 1.1]), (len(measured.engine.registry.sensors), 1))
        return _rates(measured, lambda batch: _compare(batch.sensor, batch.value, limits), repetitions)
    groups = [group for group in measured.engine.signals.values() if group.detector is not None]

    def look(batch: ReadingBatch) -> None:
        for group in groups:
            known = group.detector
            assert known is not None
            fetch_bindings(
                batch.sensor, group.first, known.parameter_of, group.limit_of, group.quiet, known.state_bytes,
                known.memory,
            )  # fmt: skip

    return _rates(measured, look, repetitions)


@numba.njit(cache=True)
def _compare(sensor: NDArray[np.int32], value: NDArray[np.float64], limits: NDArray[np.float64]) -> int:
    reached = 0
    for row in range(len(sensor)):
        for level in range(4):
            if value[row] >= limits[sensor[row], level]:
                reached += 1
    return reached
