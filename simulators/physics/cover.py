"""Manhole covers and what leans: open or shut, tilted, and rattling under wheels where the seat is worn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.physics import FloatArray


@dataclass(frozen=True, slots=True)
class Opening:
    """A cover that is lifted, from start to end (s): how far it tilts, and whether it comes to lie askew after."""

    start_s: float
    end_s: float
    angle_deg: float = 70.0
    left_deg: float = 0.0


def cover_tilt_deg(times: FloatArray, openings: Sequence[Opening], seat_deg: float = 0.0) -> FloatArray:
    """Return the cover's tilt (deg), shape of `times` (s): its seat, lifted in openings, askew after them."""
    tilt = np.full(times.shape, seat_deg)
    for opening in sorted(openings, key=lambda o: o.start_s):
        tilt[times >= opening.start_s] = opening.angle_deg
        tilt[times >= opening.end_s] = seat_deg + opening.left_deg
    return tilt


def cover_open(tilt_deg: FloatArray, switch_deg: float = 15.0) -> FloatArray:
    """Return 1 where a cover is tilted beyond its switch, else 0, shape of `tilt_deg`."""
    return np.where(tilt_deg >= switch_deg, 1.0, 0.0)


def rattle_m_s2(
    rng: np.random.Generator, window_s: FloatArray, wheels_per_hour: float, hit_m_s2: float, quiet_m_s2: float = 0.05
) -> FloatArray:
    """Return the peak acceleration (m/s2) in each window of that length (s), its shape.

    Wheels cross as a Poisson process, each hit is exponential about `hit_m_s2` (0 for a firm seat). The greatest of n
    exponential hits is drawn at once, -hit * ln(1 - u^(1/n)), and stands above the quiet's Rayleigh peak.
    """
    hits = rng.poisson(wheels_per_hour * window_s / 3_600.0)
    chance = rng.random(window_s.shape) ** (1 / np.maximum(hits, 1))
    knock = np.where(hits > 0, -hit_m_s2 * np.log1p(-chance), 0.0)
    return np.maximum(knock, rng.rayleigh(quiet_m_s2, window_s.shape))


def leaning_deg(times: FloatArray, start_s: float, per_day_deg: float, wind_m_s: FloatArray) -> FloatArray:
    """Return the tilt (deg) of a tree or post, shape of `times` (s): leaning from a start, and swaying with the wind.

    Sway goes with the wind's pressure, so with the square of its speed: 0.02 deg at 5 m/s.
    """
    return per_day_deg * np.maximum(times - start_s, 0.0) / 86_400.0 + 0.02 * (wind_m_s / 5.0) ** 2
