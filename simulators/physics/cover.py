"""Manhole covers: how hard one rattles under wheels, the more where its seat is worn."""

import numpy as np

from simulators.physics import FloatArray


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
