"""The first-order lag, exact for inputs that are constant in pieces: the well-mixed box and the linear reservoir."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray


def first_order(
    times: FloatArray,
    starts: Sequence[float] | FloatArray,
    targets: ArrayLike,
    time_constants: ArrayLike,
    initial: ArrayLike = 0.0,
) -> FloatArray:
    """Return y(t) of dy/dt = (target - y) / time_constant with y = initial up to starts[0], shape (..., n).

    `times` (n,) and `starts` (p,) are seconds, starts ascending; `targets` and `time_constants` (..., p), where leading
    axes are many lags under the same pieces, `initial` (...). Piece i runs from starts[i] to starts[i + 1], the last
    one for ever. Within a piece the solution is y = target + (y_start - target) * exp(-(t - start) / time_constant): no
    step size, no drift.
    """
    begin = np.asarray(starts, np.float64)
    target, constant = np.broadcast_arrays(np.asarray(targets, np.float64), np.asarray(time_constants, np.float64))
    before = np.broadcast_to(np.asarray(initial, np.float64), target.shape[:-1])
    if not len(begin):
        return np.repeat(before[..., None], len(times), axis=-1)
    level = np.empty(target.shape)
    level[..., 0] = before
    for i in range(1, len(begin)):
        decay = np.exp(-(begin[i] - begin[i - 1]) / constant[..., i - 1])
        level[..., i] = target[..., i - 1] + (level[..., i - 1] - target[..., i - 1]) * decay
    piece = np.searchsorted(begin, times, side="right") - 1
    since = np.where(piece < 0, 0.0, times - begin[piece])
    value = target[..., piece] + (level - target)[..., piece] * np.exp(-since / constant[..., piece])
    return np.where(piece < 0, before[..., None], value)


def cascade(
    times: FloatArray, starts: Sequence[float], targets: Sequence[float], first_s: float, second_s: float
) -> FloatArray:
    """Return the response, shape of `times` (s), of two lags in series, at 0 before the first piece.

    The transfer function 1 / ((1 + T1 s) (1 + T2 s)) in partial fractions: (T1 y1 - T2 y2) / (T1 - T2), where y1 and y2
    are the single lags under the same input. Raises ValueError where the two time constants (s) are equal.
    """
    if first_s == second_s:
        raise ValueError(f"two lags of {first_s:g} s have no partial fractions; make one a little longer")
    one, two = (first_order(times, starts, targets, [lag] * len(starts)) for lag in (first_s, second_s))
    return (first_s * one - second_s * two) / (first_s - second_s)


def superpose(intervals: Iterable[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    """Return (starts, sums) of inputs given as (start, end, size), which may overlap: the sum that holds per piece."""
    given = list(intervals)
    starts = sorted({edge for start, end, _ in given for edge in (start, end)})
    sums = [sum(size for start, end, size in given if start <= edge < end) for edge in starts]
    return starts, sums
