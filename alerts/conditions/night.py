"""The least flow of a night: the smallest mean of some length within the night, in civil time, from uneven readings.

The mean is made up of parts, up to twelve, so that an hour of readings needs twelve numbers however often they come; a
part is as long as the sensor's interval at least. A mean counts where three quarters of its parts were measured, and a
night where two fifths of its means count: gaps move the minimum little, but a night that was hardly seen says nothing.
"""

import math

import numba
import numpy as np

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
PARTS_MAX = 12
MEASURED_MIN = 0.75
COVERED_MIN = 0.4
MEMORY = 2 * PARTS_MAX
"""How many numbers are remembered: the means of the newest parts, and which parts of the night they are."""

PARAMETERS = np.dtype(
    [
        ("begin", "i8"),  # of the night, milliseconds after midnight
        ("length", "i8"),  # of the night, milliseconds
        ("part", "i8"),  # milliseconds, 0 where readings are taken one by one
        ("parts", "i8"),  # that make up a mean
        ("measured_min", "i8"),  # parts that a mean needs
        ("means_min", "i8"),  # means that a night needs
    ]
)
STATE = np.dtype(
    [
        ("begun", "?"),  # whether any night was
        ("number", "i8"),  # of the newest one
        ("part", "i8"),  # that the newest reading lies in
        ("readings", "i8"),  # of that part
        ("total", "f8"),
        ("means", "i8"),  # of this night
        ("least", "f8"),  # of them
        ("ended", "i8"),  # number of the newest night that ended and says something
        ("ended_least", "f8"),
    ]
)


def parameters(from_h: float, to_h: float, over_s: float, interval_s: float) -> tuple[int, int, int, int, int, int]:
    """Return an element of PARAMETERS for means of `over_s` (0: the readings themselves) between two civil hours."""
    length = round((to_h - from_h) % 24 * HOUR_MS) or DAY_MS
    parts = max(1, min(PARTS_MAX, int(over_s / interval_s)))
    part = round(over_s * 1000 / parts)
    means = length // part - parts + 1 if part else max(1, length // round(interval_s * 1000))
    return (
        round(from_h * HOUR_MS),
        length,
        part,
        parts,
        math.ceil(MEASURED_MIN * parts),
        math.ceil(COVERED_MIN * means),
    )


@numba.njit(cache=True)
def take(state, given, remembered, local, value):
    """Take a reading at a civil time; return whether it ended a night that says something."""
    since = local - given.begin
    number, within = since // DAY_MS, since % DAY_MS
    ended = False
    if state.begun and (number != state.number or within >= given.length):
        _close_part(state, given, remembered)
        ended = state.means >= given.means_min
        if ended:
            state.ended = state.number
            state.ended_least = state.least
        state.means = 0
    if within >= given.length:
        return ended
    if not state.begun or number != state.number:
        state.begun = True
        state.number = number
        remembered[PARTS_MAX:MEMORY] = -1.0
    part = within // given.part if given.part > 0 else state.part + 1
    if part != state.part:
        _close_part(state, given, remembered)
    state.part = part
    state.readings += 1
    state.total += value
    return ended


@numba.njit(cache=True)
def forget(state):
    """Forget what was measured of this night."""
    state.means = 0
    state.readings = 0
    state.total = 0.0


@numba.njit(cache=True)
def _close_part(state, given, remembered):
    """Note the mean of the part that ended, and the mean over all parts up to it, where these were measured."""
    if state.readings == 0:
        return
    means, parts = remembered[:PARTS_MAX], remembered[PARTS_MAX:MEMORY]
    place = state.part % given.parts
    means[place] = state.total / state.readings
    parts[place] = state.part
    state.readings = 0
    state.total = 0.0
    measured, total = 0, 0.0
    for place in range(given.parts):
        if parts[place] >= 0 and 0 <= state.part - parts[place] < given.parts:
            measured += 1
            total += means[place]
    if measured >= given.measured_min:
        mean = total / measured
        state.least = mean if state.means == 0 else min(state.least, mean)
        state.means += 1
