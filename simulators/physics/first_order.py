"""The first-order lag, exact for inputs that are constant in pieces: the well-mixed box and the linear reservoir."""

from collections.abc import Iterable, Sequence

import numpy as np

from simulators.physics import FloatArray


def first_order(
    times: FloatArray,
    starts: Sequence[float],
    targets: Sequence[float],
    time_constants: Sequence[float],
    initial: float = 0.0,
) -> FloatArray:
    """Return y(t), shape of `times`, of dy/dt = (target - y) / time_constant with y = initial up to starts[0].

    Piece i runs from starts[i] (seconds, ascending) to starts[i + 1], the last one for ever. Within a piece the
    solution is y = target + (y_start - target) * exp(-(t - start) / time_constant): no step size, no drift.
    """
    if not starts:
        return np.full(times.shape, initial)
    begin = np.asarray(starts, np.float64)
    target = np.asarray(targets, np.float64)
    constant = np.asarray(time_constants, np.float64)
    level = np.empty_like(begin)
    level[0] = initial
    for i in range(1, len(begin)):
        decay = np.exp(-(begin[i] - begin[i - 1]) / constant[i - 1])
        level[i] = target[i - 1] + (level[i - 1] - target[i - 1]) * decay
    piece = np.searchsorted(begin, times, side="right") - 1
    since = np.where(piece < 0, 0.0, times - begin[piece])
    value = target[piece] + (level[piece] - target[piece]) * np.exp(-since / constant[piece])
    return np.where(piece < 0, initial, value)


def superpose(intervals: Iterable[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    """Return (starts, sums) of inputs given as (start, end, size), which may overlap: the sum that holds per piece."""
    given = list(intervals)
    starts = sorted({edge for start, end, _ in given for edge in (start, end)})
    sums = [sum(size for start, end, size in given if start <= edge < end) for edge in starts]
    return starts, sums
