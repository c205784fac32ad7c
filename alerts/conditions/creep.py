"""What a window of displacements says of the movement: smoothed, freed of steps, its velocity and scatter.

Times and values have shape (n,), n at least 4, oldest first; times are days before the newest reading (never above 0),
so velocities are per day. `scratch` and `work` are arrays of SPARE elements to work in.
"""

import math

import numba

from alerts.conditions.slope import PAIRS_MAX, slopes
from alerts.conditions.window import MAD_TO_SIGMA, median, median_and_deviation

SPARE = PAIRS_MAX
STEP_MULTIPLE = 4.0


@numba.njit(cache=True)
def _middle(one, two, three):
    return max(min(one, two), min(max(one, two), three))


@numba.njit(cache=True)
def smooth(values, smoothed):
    """Fill `smoothed` with the running median of three, ends by extrapolation (Tukey, Exploratory Data Analysis 1977).

    A steady or a steadily changing movement stays as it is; a single outlier is gone.
    """
    last = len(values) - 1
    for place in range(1, last):
        smoothed[place] = _middle(values[place - 1], values[place], values[place + 1])
    smoothed[last] = _middle(3.0 * smoothed[last - 1] - 2.0 * smoothed[last - 2], values[last], smoothed[last - 1])
    smoothed[0] = _middle(3.0 * smoothed[1] - 2.0 * smoothed[2], values[0], smoothed[1])


@numba.njit(cache=True)
def take_out_steps(times, values, noise_min, steps_max, at_end, scratch, work):
    """Take out of `values` what happened from one reading to the next at once.

    A growth is what values gain between two readings, less the median rate times the time between. It is a step where
    it lies further from the median growth than four times the growths' noise (1.4826 times the median distance, at
    least that of readings with noise `noise_min`). More than `steps_max` of them are a movement, which stays; so are,
    unless `at_end`, those after which no growth was usual again: what speeds up ends with the largest ones.
    """
    growths = len(times) - 1
    for place in range(growths):
        scratch[place] = (values[place + 1] - values[place]) / (times[place + 1] - times[place])
    usual = median(scratch, growths)
    for place in range(growths):
        work[place] = values[place + 1] - values[place] - usual * (times[place + 1] - times[place])
    center, deviation = median_and_deviation(work, growths, scratch)
    most = STEP_MULTIPLE * max(math.sqrt(2.0) * noise_min, MAD_TO_SIGMA * deviation)
    steps, settled = 0, 0
    for place in range(growths):
        work[place] -= center
        if abs(work[place]) > most:
            steps += 1
        else:
            settled = place
    if steps > steps_max:
        return
    height = 0.0
    for place in range(growths):
        if abs(work[place]) > most and (at_end or place < settled):
            height += work[place]
        values[place + 1] -= height


@numba.njit(cache=True)
def velocity(times, values, scratch):
    """Return the median of the slopes of all pairs of readings (Theil and Sen, see slope.py)."""
    return median(scratch, slopes(times, values, 0, len(times), scratch))


@numba.njit(cache=True)
def scatter(times, values, half, older, newer, scratch, work):
    """Return how readings scatter about a line of slope `older` up to reading `half` and one of `newer` from there on.

    1.4826 times the median absolute deviation from the lines through the halves' medians.
    """
    for place in range(len(times)):
        work[place] = values[place] - (older if place < half else newer) * times[place]
    for begin, end in ((0, half), (half, len(times))):
        scratch[: end - begin] = work[begin:end]
        work[begin:end] -= median(scratch, end - begin)
    _, deviation = median_and_deviation(work, len(times), scratch)
    return MAD_TO_SIGMA * deviation


@numba.njit(cache=True)
def lever(times):
    """Return what a scatter is divided by for the noise of a slope: the root of the sum of (time - mean time)^2."""
    mean = 0.0
    for time in times:
        mean += time / len(times)
    square = 0.0
    for time in times:
        square += (time - mean) ** 2
    return math.sqrt(square)
