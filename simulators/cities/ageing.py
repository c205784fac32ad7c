"""When pipes were built: the older the nearer to a city's centre, and which of them count as ageing."""

import numpy as np
from numpy.typing import NDArray

from simulators.cities.chance import Chance, IntArray, distance
from simulators.physics import FloatArray


def years_by_centre(chance: Chance, place: tuple[FloatArray, FloatArray], first: int, last: int) -> IntArray:
    """Return years of building of what lies at (east, north): from the centre out, a few years either way by chance."""
    away = distance(*place)
    spread = last - first
    year = first + spread * (away / float(away.max()) + chance.uniform(len(away), -0.2, 0.2))
    return np.clip(np.floor(year), first, last).astype(np.int64)


def oldest_up_to(length_m: FloatArray, year: IntArray, total_m: float) -> NDArray[np.bool_]:
    """Return which pipes are the oldest whose lengths come nearest to a total, shape of `year`."""
    order = np.lexsort((np.arange(len(year)), year))
    reached = np.cumsum(np.round(length_m[order] * 100.0).astype(np.int64)) / 100.0
    count = int(np.argmin(np.abs(np.append(0.0, reached) - total_m)))
    ageing = np.zeros(len(year), np.bool_)
    ageing[order[:count]] = True
    return ageing
