"""Distance from a rolling median, in multiples of the sensor's own spread (a Hampel identifier with two scales).

center = median of the readings of the short window before the reading
spread = the largest of
    1.4826 * the median of |reading - center| over the short window,
    1.4826 * the median of |reading - the center of its time| over the long window, and its ninth decile / 1.6449,
and never less than `floor`, `floor_percent` of |center| and half the sensor's `resolution`.
signal = (reading - center) / spread, a number without a unit: how many times its usual spread the reading lies away.

The median absolute deviation as a measure of outliers: Hampel, J. Am. Stat. Assoc. 69 (1974) 383; Leys et al., J. Exp.
Soc. Psychol. 49 (2013) 764, whose MAD bears the factor 1.4826 too. The long window is what keeps a calm hour from
making alarms of an ordinary one: a level that wanders now and then, and stands still between. The ninth decile is the
same for normal noise; it counts where most readings are equal, by a coarse resolution, and their median distance is 0.

Both windows are made of readings taken as far apart as divides them into 24 and 96 (every reading, where these come
more slowly: then the windows are as much longer). A reading as many as `left_out` spreads away is no part of the short
window, so that an event does not become its own normal, for as long as `relearn_s`: whoever lies outside for longer has
a new level, which is learned anew. The spread stands still meanwhile. In the long window such a reading counts as if it
lay just outside: who is often wild has a wide spread, by and by.

Nothing is said before 12 readings of the short window and 24 of the long one are there, nor where the spread is 0.
After a gap longer than the short window the level is learned anew and the long window's spread kept, unless the reading
before lay outside: silence ends no event. Of a renewed device the level is learned anew too.
"""

from typing import Annotated, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.conditions.learning import resolution
from alerts.conditions.window import (
    DIRECTIONS,
    MAD_TO_SIGMA,
    in_direction,
    in_order,
    median,
    median_and_deviation,
    push,
)
from alerts.words import Positive, Signal
from model.sensor import Sensor

SHORT, LONG = 24, 96
SHORT_MIN, LONG_MIN = 12, 24
NINTH_DECILE = 1.6449
"""Of the distance of normal noise from its center, in standard deviations."""
NOT_BEFORE = 0.75
"""A reading is taken into a window where this share of the time between two of its readings has passed: clocks vary."""


class MedianDistance(Signal):
    """How many times its usual spread a reading lies from the median of the `short_s` before it.

    `floor` is in the property's unit.
    """

    kind: Literal["median_distance"]
    direction: Literal["above", "below", "either"] = "either"
    short_s: Annotated[float, Field(gt=0, le=31 * 86_400, allow_inf_nan=False)]
    long_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
    floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    floor_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
    left_out: Positive = 4.0
    relearn_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _an_event_is_the_smaller_part_of_the_long_window(self) -> Self:
        if self.relearn_s > self.long_s / 2:
            raise ValueError(f"relearn_s: {self.relearn_s:g} must be at most half of long_s {self.long_s:g}")
        return self


Condition = MedianDistance
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("short_step", "i8"),  # milliseconds between readings of the short window, at least
        ("long_step", "i8"),
        ("gap", "i8"),  # milliseconds without a reading after which the level is learned anew
        ("floor", "f8"),
        ("floor_share", "f8"),
        ("left_out", "f8"),
        ("relearn", "i8"),  # milliseconds
        ("direction", "i8"),
    ]
)
STATE = np.dtype(
    [
        ("time", "i8"),  # of the newest reading
        ("short_count", "i8"),  # readings of the short window since the level was learned anew
        ("short_time", "i8"),  # of the newest of them
        ("long_count", "i8"),
        ("long_time", "i8"),
        ("center", "f8"),
        ("short_spread", "f8"),
        ("long_spread", "f8"),
        ("outside", "?"),  # whether the newest reading lies outside, and since when
        ("outside_since", "i8"),
    ]
)


def parameters(condition: MedianDistance, sensor: Sensor) -> tuple[int, int, int, float, float, float, int, int] | None:
    """Return an element of PARAMETERS."""
    short_step = max(condition.short_s / SHORT, sensor.interval_s)
    long_step = max(condition.long_s / LONG, sensor.interval_s)
    return (
        round(short_step * NOT_BEFORE * 1000),
        round(long_step * NOT_BEFORE * 1000),
        round(short_step * SHORT * 1000),
        max(condition.floor, 0.5 * resolution(sensor)),
        condition.floor_percent / 100.0,
        condition.left_out,
        round(condition.relearn_s * 1000),
        DIRECTIONS[condition.direction],
    )


def memory_width(condition: MedianDistance, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state: readings, then distances."""
    return SHORT + LONG


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    count = 0
    scratch = np.empty(LONG)
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            readings, distances = memory[binding][:SHORT], memory[binding][SHORT : SHORT + LONG]
            if renewed[row] or (not state.outside and time[row] - state.time > given.gap):
                _forget_level(state)
            state.time = time[row]
            spread = max(
                MAD_TO_SIGMA * state.short_spread,
                state.long_spread,
                given.floor,
                given.floor_share * abs(state.center),
            )
            outside = False
            if state.short_count >= SHORT_MIN:
                distance = value[row] - state.center
                if state.long_count >= LONG_MIN and spread > 0.0:
                    outside = abs(distance) >= given.left_out * spread
                    signals[count].row = row
                    signals[count].binding = binding
                    signals[count].value = in_direction(given.direction, distance / spread)
                    count += 1
                if state.long_count == 0 or time[row] - state.long_time >= given.long_step:
                    noted = min(abs(distance), given.left_out * spread) if outside else abs(distance)
                    state.long_count = push(distances, LONG, state.long_count, noted)
                    state.long_time = time[row]
                    if not outside:
                        state.long_spread = _spread(distances, min(state.long_count, LONG), scratch)
            if outside and not state.outside:
                state.outside_since = time[row]
            state.outside = outside
            if outside and time[row] - state.outside_since >= given.relearn:
                _forget_level(state)
            if not state.outside and (state.short_count == 0 or time[row] - state.short_time >= given.short_step):
                state.short_count = push(readings, SHORT, state.short_count, value[row])
                state.short_time = time[row]
                known = min(state.short_count, SHORT)
                state.center, state.short_spread = median_and_deviation(readings, known, scratch)
    return count


@numba.njit(cache=True)
def _spread(distances, count, scratch):
    """Return the standard deviation of normal noise with this median and, where that is wider, this ninth decile."""
    scratch[:count] = distances[:count]
    middle = median(scratch, count)
    return max(MAD_TO_SIGMA * middle, in_order(scratch, count, 9 * (count - 1) // 10) / NINTH_DECILE)


@numba.njit(cache=True)
def _forget_level(state):
    state.short_count = 0
    state.short_spread = 0.0
    state.outside = False
