"""Levels and flows of a sewer network by kinematic reservoirs: each reach fills, runs by Manning, and feeds the next.

For thousands of manholes at once, in steps of a minute while no pipe runs full. There is no backwater: water stands
above a blocked reach in its own manhole only. Where backwater matters a full solver (SWMM) has to be taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.physics import FloatArray

_FILLS = np.linspace(0.0, 1.0, 401)
OVER_GROUND_M = 0.1  # beyond, water spreads over the street


@dataclass(frozen=True, slots=True)
class Sewers:
    """Reaches with the manhole at their upper end, arrays of shape (k,); `down` is the next reach's index, -1 none."""

    diameter_m: FloatArray
    slope: FloatArray
    length_m: FloatArray
    ground_m: FloatArray  # ground above the manhole's invert
    shaft_m2: FloatArray
    down: NDArray[np.int64]
    manning: float = 0.014  # s/m^(1/3), old concrete


class SewerCourse(NamedTuple):
    """What `route` found, (k, n): levels above the invert, outflows and volumes; and what was spilled in all, (k,)."""

    level_m: FloatArray
    outflow_m3_s: FloatArray
    stored_m3: FloatArray
    spilled_m3: FloatArray


def full_flow_m3_s(sewers: Sewers) -> FloatArray:
    """Return the flow of the full pipe (m3/s), (k,): Manning, A R^(2/3) sqrt(S) / n with R = d / 4."""
    area = np.pi * sewers.diameter_m**2 / 4
    return np.asarray(area * (sewers.diameter_m / 4) ** (2 / 3) * np.sqrt(sewers.slope) / sewers.manning, np.float64)


def partial_flow(depth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (area, flow) over those of the full pipe at depth over diameter (0 to 1), shapes of `depth`.

    With the wetted angle t: area (t - sin t) / 2 pi, flow (t - sin t)^(5/3) / (2 pi t^(2/3)). Source: Manning in a
    circular pipe, e.g. Chow, Open-Channel Hydraulics, 1959.
    """
    angle = 2 * np.arccos(np.clip(1 - 2 * depth, -1.0, 1.0))
    swollen = np.maximum(angle - np.sin(angle), 0.0)
    flow = swollen ** (5 / 3) / (2 * np.pi * np.maximum(angle, 1e-9) ** (2 / 3))
    return swollen / (2 * np.pi), flow


_AREAS, _FLOWS = partial_flow(_FILLS)
_FLOWS = np.minimum(_FLOWS, 1.0)  # the 7.6 % above full flow at 0.94 are not stable in a real pipe
_SLOPES = np.append(np.diff(_FLOWS) / np.diff(_AREAS), 0.0)


def accumulated_m3_s(sewers: Sewers, inflow: FloatArray) -> FloatArray:
    """Return the steady flow (m3/s), (k,), where each reach carries its own inflow and all from above."""
    flow = inflow
    for _ in range(len(inflow)):
        below = inflow + _handed_on(sewers, flow)
        if np.array_equal(below, flow):
            break
        flow = below
    return flow


def route(
    sewers: Sewers,
    inflow_m3_s: Callable[[float], FloatArray],
    steps: int,
    step_s: float = 60.0,
    every: int = 1,
    blocked: Sequence[tuple[int, float, float, float]] = (),
) -> SewerCourse:
    """Return the course over `steps` steps from the steady flow at time 0, which and each `every`-th after it are kept.

    `inflow_m3_s(time)` gives what runs into each manhole, (k,); `blocked` names (reach, start s, end s, share of its
    capacity left). dV/dt = inflow - Q(V), linearly implicit, and what flows out is what the volume lost: mass is kept
    to rounding at any step. Below the crown any step is stable. Above it the flow grows as sqrt(1 + (h - d) / (S L));
    near the crown the table is flat, so that the step runs ahead of it: at more than a second the level swings above
    its balance, and at a minute it reaches the street and spills what would have stayed in the pipe. Route what runs
    full in steps of a second, or in wider pipes (courses/surcharge.py). Source: the kinematic reservoir (cascade of
    nonlinear reservoirs), e.g. Singh, Kinematic Wave Modeling, 1996.
    """
    full = full_flow_m3_s(sewers)
    pipe = sewers.length_m * np.pi * sewers.diameter_m**2 / 4
    fall = sewers.slope * sewers.length_m
    brim = pipe + sewers.shaft_m2 * np.maximum(sewers.ground_m + OVER_GROUND_M - sewers.diameter_m, 0.0)
    flow = accumulated_m3_s(sewers, inflow_m3_s(0.0))
    over = np.maximum((flow / full) ** 2 - 1, 0.0) * fall * sewers.shaft_m2
    volume = np.minimum(np.interp(flow / full, _FLOWS, _AREAS) * pipe + over, brim)
    level, outflow, stored = (np.empty((len(full), steps // every + 1)) for _ in range(3))
    spilled = np.zeros(len(full))
    for step in range(steps + 1):
        if step % every == 0:
            kept = step // every
            level[:, kept], outflow[:, kept], stored[:, kept] = _level_m(sewers, volume, pipe), flow, volume
        if step == steps:
            break
        capacity = full.copy()
        for reach, start, end, left in blocked:
            if start <= step * step_s < end:
                capacity[reach] *= left
        fed = inflow_m3_s((step + 1) * step_s) + _handed_on(sewers, flow)
        wanted, growth = _discharge(volume, pipe, capacity, fall * sewers.shaft_m2)
        raised = np.maximum(volume + step_s * (fed - wanted) / (1 + step_s * growth), 0.0)
        flow = fed - (raised - volume) / step_s
        volume = np.minimum(raised, brim)
        spilled += raised - volume
    return SewerCourse(level, outflow, stored, spilled)


def _handed_on(sewers: Sewers, flow: FloatArray) -> FloatArray:
    inner = sewers.down >= 0
    return np.bincount(sewers.down[inner], flow[inner], len(flow)).astype(np.float64)


def _discharge(
    volume: FloatArray, pipe: FloatArray, capacity: FloatArray, fall_m3: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The outflow (m3/s) and its growth with the volume (1/s): along the table in the pipe, the root law above it."""
    share = volume / pipe
    segment = np.clip(np.searchsorted(_AREAS, share, side="right") - 1, 0, len(_AREAS) - 1)
    inside = _FLOWS[segment] + (share - _AREAS[segment]) * _SLOPES[segment]
    pressed = np.sqrt(1 + np.maximum(volume - pipe, 0.0) / fall_m3)
    above = share >= 1.0
    growth = np.where(above, capacity / (2 * fall_m3 * pressed), capacity * _SLOPES[segment] / pipe)
    return capacity * np.where(above, pressed, inside), growth


def _level_m(sewers: Sewers, volume: FloatArray, pipe: FloatArray) -> FloatArray:
    in_pipe = np.interp(volume / pipe, _AREAS, _FILLS) * sewers.diameter_m
    return in_pipe + np.maximum(volume - pipe, 0.0) / sewers.shaft_m2
