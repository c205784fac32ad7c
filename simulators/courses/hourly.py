"""Tables of slow courses at full hours of the stream, read between them in a straight line."""

import numpy as np

from simulators.physics import FloatArray
from simulators.world import HOUR_S, Who, World


def full_hours(world: World) -> FloatArray:
    """Return the full hours (s) of the world's window, one before and one after: the same ones in every window."""
    first, last = np.floor(world.begin_s / HOUR_S) - 1.0, np.ceil(world.end_s / HOUR_S) + 1.0
    return np.arange(first, last + 1.0) * HOUR_S


def between(hours: FloatArray, table: FloatArray, times: FloatArray, who: Who) -> FloatArray:
    """Return a table (n, hours) at times (m,) of those of its rows, shape (m,)."""
    # By the full hour of the stream, not of the table: else the last bit would hang on where the table begins.
    hour = np.floor(times / HOUR_S)
    share = times / HOUR_S - hour
    left = np.clip((hour - hours[0] / HOUR_S).astype(np.int64), 0, len(hours) - 2)
    before, after = table[who, left], table[who, left + 1]
    return np.asarray(before + (after - before) * share, np.float64)
