"""The form of a measured case, the machine it was measured on, and how several repetitions become one figure."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """A figure and the physical limit of its step, measured in the same run and in the same unit (None: no limit).

    `ratio` is value over limit. `spread` is the range of the repetitions over their median: 0.1 means that best and
    worst lie a tenth of the median apart.
    """

    name: str
    value: float
    unit: str
    limit: float | None
    ratio: float | None
    repetitions: int
    spread: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The cases of one bench, as `lifeline bench --json` prints them."""

    bench: str
    machine: str
    cases: list[Case]


def case(name: str, unit: str, values: Sequence[float], limits: Sequence[float] = ()) -> Case:
    """Return the case with the medians of its repetitions; `limits` are repetitions of the limit, in the same unit."""
    value = statistics.median(values)
    limit = statistics.median(limits) if limits else None
    return Case(
        name=name,
        value=round(value, 3),
        unit=unit,
        limit=None if limit is None else round(limit, 3),
        ratio=None if not limit else round(value / limit, 3),
        repetitions=len(values),
        spread=round((max(values) - min(values)) / value, 3) if value else 0.0,
    )


def machine() -> str:
    """Return what the figures hold for: processor, the cores that may be used, memory, system, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
