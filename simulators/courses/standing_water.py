"""Water that stands in the manholes above a blocked sewer: one level pool that fills with what runs in."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulators.cities.chance import IntArray
from simulators.cities.drainage import Sewers
from simulators.physics import FloatArray
from simulators.physics.sewer import OVER_GROUND_M
from simulators.physics.sewer import Sewers as Reaches

STEP_S = 60.0
_LEVELS = 200
_DRAINED_WITHIN_S = 12 * 3_600.0


class Standing(NamedTuple):
    """The pool: its surface (m above the sea) over time (s), and the inverts of all manholes, nan where it is not."""

    times: FloatArray
    surface_m: FloatArray
    invert_m: FloatArray

    def level_m(self, times: FloatArray, manholes: IntArray) -> FloatArray:
        """Return the pool's level (m above the invert) at each time in the manhole beside it, 0 where it is not."""
        surface = np.interp(times, self.times, self.surface_m, -np.inf, -np.inf)
        return np.fmax(surface - self.invert_m[manholes], 0.0)


def standing_behind(
    sewers: Sewers,
    reaches: Reaches,
    manhole: int,
    inflow_m3_s: Callable[[FloatArray, IntArray], FloatArray],
    spell_s: tuple[float, float],
    left: float,
    full_m3_s: float,
) -> Standing:
    """Return the pool above the reach below `manhole`, which lets `left` of its full flow through from start to end.

    `inflow_m3_s(times, manholes)` gives what runs into each of those manholes, (manholes, times). dV/dt = inflow of all
    that is upstream - outflow, the surface from the volume of pipes and shafts below it (level-pool routing, e.g. Chow,
    Maidment and Mays, Applied Hydrology, 1988, with the storage of the sewers themselves); what would rise beyond the
    lowest ground runs off over the street. The way of the water to the pool takes no time.
    """
    upstream = upstream_of(reaches.down, manhole)
    start, end = spell_s
    steps = np.arange(int((end - start + _DRAINED_WITHIN_S) // STEP_S) + 1)
    times = np.asarray(start + STEP_S * steps, np.float64)
    surface, volume = storage(sewers, reaches, upstream, manhole)
    inflow = inflow_m3_s(times, upstream).sum(axis=0).tolist()
    held, stored = 0.0, np.empty(len(times))
    for step, (at, fed) in enumerate(zip(times.tolist(), inflow, strict=True)):
        stored[step] = held
        through = full_m3_s * (left if at < end else 1.0)
        held = min(max(held + STEP_S * (fed - through), 0.0), float(volume[-1]))
    inverts = np.full(sewers.manholes, np.nan)
    inverts[upstream] = sewers.pipes.level_m[upstream]
    return Standing(times, np.interp(stored, volume, surface), inverts)


def storage(sewers: Sewers, reaches: Reaches, upstream: IntArray, manhole: int) -> tuple[FloatArray, FloatArray]:
    """Return surfaces (m above the sea), up to the lowest ground upstream, and what lies below each (m3), (k,) both.

    Pipes and shafts: a sloping pipe fills evenly from its lower invert to its crown.
    """
    brim = float(sewers.pipes.ground_m[upstream].min()) + OVER_GROUND_M
    surface = np.linspace(sewers.pipes.level_m[manhole], brim, _LEVELS)
    volume = np.zeros(_LEVELS)
    for node in upstream[sewers.pipes.level_m[upstream] < brim].tolist():
        invert, bore = float(sewers.pipes.level_m[node]), float(reaches.diameter_m[node])
        volume += float(reaches.shaft_m2[node]) * np.maximum(surface - invert, 0.0)
        if node != manhole:
            lower = float(sewers.pipes.level_m[reaches.down[node]])
            pipe = float(reaches.length_m[node]) * np.pi * bore**2 / 4
            volume += pipe * np.clip((surface - lower) / (invert + bore - lower), 0.0, 1.0)
    return surface, volume


def upstream_of(down: IntArray, manhole: int) -> IntArray:
    """Return the manholes whose water passes through that one, itself among them, ascending."""
    inside = np.zeros(len(down), np.bool_)
    inside[manhole] = True
    while True:
        grown = inside | (inside[down] & (down >= 0))
        if (grown == inside).all():
            return np.flatnonzero(inside)
        inside = grown
