"""Rain, and the water that it leaves on a road's low point: a linear reservoir."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose


@dataclass(frozen=True, slots=True)
class LowPoint:
    """An underpass or a dip in a road: what drains to it, what its gullies or pumps take, and the pond it makes."""

    catchment_m2: float
    runoff: float  # share of the rain that runs off, 0 to 1
    drained_m3_s: float  # inflow that the gullies swallow before water stands
    pond_m2: float
    recession_s: float


_FOR_EVER_S = 1e10

Rain = Sequence[tuple[float, float, float]]
"""Blocks of rain as (start s, end s, intensity mm/h); they may overlap."""


def keifer_chu(
    depth_mm: float, duration_s: float, blocks: int, peak_ratio: float = 0.4, b_min: float = 10.0, n: float = 0.75
) -> list[float]:
    """Return the intensities (mm/h) of equal blocks of a Chicago design storm with `depth_mm` in all.

    The mean intensity of duration t (min) is a / (t + b)^n; the instantaneous intensity a time t/r before the peak
    (t/(1 - r) after it) integrates to the depth a t / (t + b)^n, from which the blocks are taken as differences.
    Source: Keifer and Chu (1957), Synthetic storm pattern for drainage design, J. Hydraul. Div. ASCE 83(4). `b_min` and
    `n` are mid-range values of Chinese storm formulas, not those of a city.
    """
    minutes = duration_s / 60.0
    edges = np.linspace(0.0, minutes, blocks + 1)
    peak = peak_ratio * minutes
    before = edges <= peak
    # The rain between the edge and the peak is the share r (or 1 - r) of the depth of a storm as long as t.
    equivalent = np.where(before, (peak - edges) / peak_ratio, (edges - peak) / (1.0 - peak_ratio))
    share = np.where(before, -peak_ratio, 1.0 - peak_ratio)
    cumulative = share * equivalent / (equivalent + b_min) ** n
    total = minutes / (minutes + b_min) ** n
    return [float(mm) for mm in np.diff(cumulative) / total * depth_mm / (minutes / blocks) * 60.0]


def rain_blocks(start_s: float, duration_s: float, intensities: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return intensities (mm/h) of equal blocks as (start, end, intensity)."""
    step = duration_s / len(intensities)
    return [(start_s + i * step, start_s + (i + 1) * step, mm_h) for i, mm_h in enumerate(intensities)]


def rain_so_far_mm(times: FloatArray, rain: Rain) -> FloatArray:
    """Return the depth (mm) fallen up to each time, shape of `times` (s)."""
    depth = np.zeros(times.shape)
    for start, end, mm_h in rain:
        depth += np.clip(times - start, 0.0, end - start) * mm_h / 3_600.0
    return depth


def road_depth_cm(
    times: FloatArray, point: LowPoint, rain: Rain, undrained: Sequence[tuple[float, float]] = ()
) -> FloatArray:
    """Return the water (cm) standing at a low point; pumps fail or gullies are clogged from start to end (s).

    Linear reservoir: pond * dh/dt = max(0, runoff * i * catchment - drained) - pond * h / recession, the recession only
    while it drains. Source: the rational method for the inflow and the linear reservoir (Chow, Maidment and Mays,
    Applied Hydrology, 1988).
    """
    starts, intensities = superpose([*rain, *((start, end, 0.0) for start, end in undrained)])
    drains = [not any(start <= edge < end for start, end in undrained) for edge in starts]
    # Without a drain the recession is so long that the pond only fills.
    recession = [point.recession_s if open_ else _FOR_EVER_S for open_ in drains]
    wanted = [mm_h / 3.6e6 * point.catchment_m2 * point.runoff for mm_h in intensities]
    excess = [max(0.0, q - point.drained_m3_s * open_) for q, open_ in zip(wanted, drains, strict=True)]
    targets = [q / point.pond_m2 * lag for q, lag in zip(excess, recession, strict=True)]
    return 100.0 * first_order(times, starts, targets, recession)
