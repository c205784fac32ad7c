"""What several kinds need of a window of recent values: a ring in a row of memory, and the median of some."""

import numba

MAD_TO_SIGMA = 1.4826
"""The median absolute deviation of normal noise times this is its standard deviation (Hampel 1974)."""


@numba.njit(cache=True)
def push(memory, width, count, value):
    """Put `value` in place of the oldest of the `width` values at the start of `memory`; return the new count.

    `count` is the number of values put in so far; value number i (from 0) stands at i modulo `width`.
    """
    memory[count % width] = value
    return count + 1


@numba.njit(cache=True)
def in_order(values, count, rank):
    """Return the value at place `rank` (from 0) in rising order of the first `count`, which it rearranges (Hoare)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            break
    return values[rank]


@numba.njit(cache=True)
def median(values, count):
    """Return the median of the first `count` values (at least one), whose order it changes."""
    middle = count // 2
    upper = in_order(values, count, middle)
    if count % 2:
        return upper
    below = values[0]
    for place in range(1, middle):
        below = max(below, values[place])
    return 0.5 * (below + upper)


@numba.njit(cache=True)
def median_and_deviation(values, count, scratch):
    """Return the median of the first `count` values and their median absolute deviation; `scratch` has as much room."""
    for place in range(count):
        scratch[place] = values[place]
    center = median(scratch, count)
    for place in range(count):
        scratch[place] = abs(values[place] - center)
    return center, median(scratch, count)


@numba.njit(cache=True)
def in_direction(direction, signal):
    """Return the size of a signed signal in a direction: 1 rises, -1 falls, 0 either."""
    return abs(signal) if direction == 0 else direction * signal


@numba.njit(cache=True)
def usual_noise(usual, count, noise, readings):
    """Return what noise is usual after number `count` (from 1) of those that were seen, the newest being `noise`.

    The mean of the first, then an exponential mean over `readings`, in which none counts for more than twice the usual.
    """
    if 2 * count > readings:
        noise = min(noise, 2.0 * usual)
    return usual + (noise - usual) / min(count, readings)


DIRECTIONS = {"above": 1, "below": -1, "either": 0}
