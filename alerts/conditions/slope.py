"""The rate of a window of readings by Theil and Sen: the median slope of all pairs, and whether it exceeds its noise.

Of n readings there are N = n (n - 1) / 2 pairs. Were there no trend, every order of their values would be equally
likely, whatever the noise is distributed like; so it is known how likely it is that r or fewer of the pairs do not rise
(Kendall, Biometrika 30, 1938, 81; Mann, Econometrica 13, 1945, 245). "Above k times its noise" means: less likely than
that a normal variable exceeds k standard deviations. With r the most that this allows, the slope at place r (from 0)
in rising order bounds the rate from below, that at place N - 1 - r from above, and the median is the rate itself (Theil
1950; Sen, J. Am. Stat. Assoc. 63, 1968, 1379). Equal values rise for neither side: a last digit that flickers is no
trend. Readings must be at different times.
"""

import math
from functools import cache

import numba
import numpy as np

READINGS_MAX = 48
"""More make the rate no better, and cost their square: of faster readings, some are left out."""
PAIRS_MAX = READINGS_MAX * (READINGS_MAX - 1) // 2


@cache
def bounding_places(noise_multiple: float) -> tuple[int, ...]:
    """Return for 0 to READINGS_MAX readings the place of the slope that bounds the rate; -1: they are too few to tell.

    The number of pairs out of order among n is the sum of n independent numbers, uniform on 0 to 0, 1, ... n - 1.
    """
    chance = 0.5 * math.erfc(noise_multiple / math.sqrt(2.0))
    places = [-1]
    out_of_order = np.ones(1)
    for count in range(1, READINGS_MAX + 1):
        out_of_order = np.convolve(out_of_order, np.full(count, 1.0 / count))
        places.append(int(np.searchsorted(np.cumsum(out_of_order), chance, side="right")) - 1)
    return tuple(places)


@numba.njit(cache=True)
def keep(memory, capacity, count, time, value):
    """Keep a reading in place of the oldest of `capacity` ones in `memory` (twice as long); return the new count."""
    place = 2 * (count % capacity)
    memory[place] = time
    memory[place + 1] = value
    return count + 1


@numba.njit(cache=True)
def kept_since(memory, capacity, count, since, times, values):
    """Copy the kept readings later than `since`, oldest first, and return their number.

    `since` in milliseconds; `times` are seconds before the newest reading (so never above 0), `values` as they are.
    """
    held = min(count, capacity)
    place = count % capacity if count > capacity else 0
    newest = memory[2 * ((count - 1) % capacity)]
    found = 0
    for _ in range(held):
        time = memory[2 * place]
        if time > since:
            times[found] = (time - newest) / 1000.0
            values[found] = memory[2 * place + 1]
            found += 1
        place += 1
        if place == capacity:
            place = 0
    return found


@numba.njit(cache=True)
def trend(values, begin, end, place):
    """Return 1 where the values from `begin` to `end` rise beyond their noise, -1 where they fall, else 0.

    `place` is that of bounding_places for so many readings.
    """
    if place < 0:
        return 0
    pairs = (end - begin) * (end - begin - 1) // 2
    rising, falling = 0, 0
    for later in range(begin + 1, end):
        value = values[later]
        for earlier in range(begin, later):  # without branches: which way a pair goes is as good as chance
            rising += int(value > values[earlier])
            falling += int(value < values[earlier])
    if pairs - rising <= place:
        return 1
    return -1 if pairs - falling <= place else 0


@numba.njit(cache=True)
def slopes(times, values, begin, end, found):
    """Fill `found` with the slopes (per second) of all pairs of the readings from `begin` to `end`; return how many."""
    count = 0
    for later in range(begin + 1, end):
        for earlier in range(begin, later):
            found[count] = (values[later] - values[earlier]) / (times[later] - times[earlier])
            count += 1
    return count
