"""When an accelerating movement fails if it goes on as it does, with an interval, and whether to trust that.

Before failure the inverse velocity of creep falls along a line, 1 / v = (t_f - t) / b (Fukuzono 1985; alpha 2 of
Voight, Nature 332, 1988, 125). Velocities of noisy readings make poor inverse ones and have to be smoothed first (Carlà
et al., Landslides 14, 2017, 517); here the law is integrated instead,

    displacement(t) = a - b ln(t_f - t),

and fitted to the displacements by least squares: nothing is differentiated, and all readings of the window count. The
velocity at the newest reading is b / (t_f - t). The interval are the times around the best one whose sum of squares
exceeds the best one by at most 9 times that over its degrees of freedom: about three standard deviations either way.

A forecast can be trusted where

- at least 8 readings lie within the last three times the span to failure, so that several have seen the velocity grow:
  a sudden onset, or a burst of creep after rain, looks like a failure that is near as long as few have;
- the readings scatter about the law at most 1.5 times as much as usual: it is this law that they follow;
- the late end of the interval is at most three times the early one.

Times and values have shape (n,), oldest first, times in days before the newest reading; values rise.
"""

import math

import numba

TRIALS = 64
NEAREST, FARTHEST = 0.005, 10.0
"""The first and the last time of failure that is tried, in multiples of the window's span."""
SIGMAS = 3.0
READINGS_MIN = 8
SPANS = 3.0
MISFIT_MAX = 1.5
INTERVAL_MAX = 3.0


@numba.njit(cache=True)
def _tried(trial, span):
    return span * NEAREST * (FARTHEST / NEAREST) ** (trial / (TRIALS - 1))


@numba.njit(cache=True)
def _fit(times, values, days):
    """Fit a + b * -ln(days - time) by least squares; return the sum of squares that is left, and b."""
    mean_log, mean_value = 0.0, 0.0
    for place in range(len(times)):
        mean_log -= math.log(days - times[place]) / len(times)
        mean_value += values[place] / len(times)
    square, product, total = 0.0, 0.0, 0.0
    for place in range(len(times)):
        log, value = -math.log(days - times[place]) - mean_log, values[place] - mean_value
        square += log * log
        product += log * value
        total += value * value
    return max(0.0, total - product * product / square), product / square


@numba.njit(cache=True)
def failure(times, values, squares):
    """Return (days, early, late, velocity, misfit): when it ends, the interval, the newest velocity, what is left.

    `late` is infinite where it reaches the last time that is tried. `squares` has TRIALS elements to work in.
    """
    span = -times[0]
    best, growth = 0, 0.0
    for trial in range(TRIALS):
        squares[trial], rising = _fit(times, values, _tried(trial, span))
        if squares[trial] <= squares[best]:
            best, growth = trial, rising
    freedom = len(times) - 3
    most = squares[best] * (1.0 + SIGMAS * SIGMAS / freedom)
    early = late = best
    while early > 0 and squares[early - 1] <= most:
        early -= 1
    while late < TRIALS - 1 and squares[late + 1] <= most:
        late += 1
    days = _tried(best, span)
    end = _tried(late, span) if late < TRIALS - 1 else math.inf
    return days, _tried(early, span), end, growth / days, math.sqrt(squares[best] / freedom)


@numba.njit(cache=True)
def urgency(times, values, usual, velocity_min, squares, interval):
    """Return 1 / days to failure; NaN where the forecast cannot be trusted, 0 below the velocity `velocity_min`.

    Fills `interval` with the earliest and the latest days to failure.
    """
    days, early, late, velocity, misfit = failure(times, values, squares)
    interval[0], interval[1] = early, late
    near = 0
    for time in times:
        near += time >= -SPANS * days
    trusted = near >= READINGS_MIN and misfit <= MISFIT_MAX * usual and late <= INTERVAL_MAX * early
    if not trusted:
        return math.nan
    return 1.0 / days if velocity >= velocity_min else 0.0
