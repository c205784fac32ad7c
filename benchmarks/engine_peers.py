"""Two libraries that do some of what the engine's conditions do, in the same run; left out where they are missing."""

import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Case, case

READINGS = 20_000
WINDOW = 48  # readings of the condition `rate`, at the most
WINDOWS = 300

Progress = Callable[[str], None]


def peer_cases(progress: Progress, repetitions: int) -> list[Case]:
    """Measure river's detectors a reading at a time, and scipy's robust statistics a window at a time.

    An evaluation is one `update` of a detector, or one statistic of the window that ends with a reading: what `drift`,
    `shift` and `noisy`, or `rate` and `median_distance` do for each reading. They are dependencies for development.
    """
    chance = np.random.default_rng(1)
    values = chance.normal(0.5, 0.01, READINGS)
    found = []
    if find_spec("river") is None:
        progress("engine: river is not installed, it is left out (pip install river)")
    else:
        found += _river(values, repetitions)
    if find_spec("scipy") is None:
        progress("engine: scipy is not installed, it is left out (pip install scipy)")
    else:
        found += _scipy(values, repetitions)
    return found


def _river(values: NDArray[np.float64], repetitions: int) -> list[Case]:
    from river.drift import ADWIN, PageHinkley

    numbers = values.tolist()

    def update(detector: PageHinkley | ADWIN) -> None:
        for number in numbers:
            detector.update(number)  # type: ignore[no-untyped-call]

    return [
        case(
            f"river_{name}_per_reading",
            "evaluations/s",
            [_rate(READINGS, lambda kind=kind: update(kind())) for _ in range(repetitions)],  # type: ignore[misc]
        )
        for name, kind in (("page_hinkley", PageHinkley), ("adwin", ADWIN))
    ]


def _scipy(values: NDArray[np.float64], repetitions: int) -> list[Case]:
    from scipy.stats import median_abs_deviation, theilslopes  # type: ignore[import-untyped]

    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)[:WINDOWS]
    minutes = np.arange(WINDOW) * 60.0

    def slopes() -> None:
        for window in windows:
            theilslopes(window, minutes)

    def deviations() -> None:
        for window in windows:
            median_abs_deviation(window)

    return [
        case(f"scipy_{name}_window_{WINDOW}", "evaluations/s", [_rate(WINDOWS, work) for _ in range(repetitions)])
        for name, work in (("theilslopes", slopes), ("median_abs_deviation", deviations))
    ]


def _rate(evaluations: int, work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return evaluations / (time.perf_counter() - began)
