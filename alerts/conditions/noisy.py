"""Noisy: the sensor's short-term noise now, as a multiple of its own usual one.

Of three readings in a row, (a - 2 b + c) / sqrt(6) has the noise's standard deviation and none of a level or a trend.
noise now = 1.2533 times the exponential mean of its size over 16 readings (the standard deviation of normal noise),
each counted as ten times the usual noise at most, so that a single spike is no noise; usual noise = the exponential
mean of noise now over `usual_s`, each counted as twice the usual one at most. signal = noise now / usual noise; the
latter is never less than `noise_floor`, half the sensor's `resolution` and `noise_floor_percent` of the reading's size,
so that a signal that stood still does not alarm by its last digit.

Nothing is said until a seventh of `usual_s` is learned (a day of a week: days have quiet and restless hours). Three
readings count only where none is further from the one before than the sensor's staleness limit; by exception, there
is nothing to tell from. A replaced device is learned anew.
"""

import math
from typing import Annotated, Literal

import numba
import numpy as np
from pydantic import Field

from alerts.conditions.learning import MEAN_TO_SIGMA, resolution, weight
from alerts.words import Signal
from model.sensor import Sensor

READINGS = 16
CUT = 10.0
LEARNED_OF_USUAL = 1.0 / 7.0
DISTANCE_TO_SIGMA = MEAN_TO_SIGMA / math.sqrt(6.0)


class Noisy(Signal):
    """How many times its usual noise a sensor makes now; `noise_floor` is in the property's unit."""

    kind: Literal["noisy"]
    direction: Literal["above"] = "above"
    usual_s: Annotated[float, Field(ge=600, le=366 * 86_400, allow_inf_nan=False)] = 7 * 86_400.0
    noise_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    noise_floor_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.1


Condition = Noisy
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("usual", "f8"),  # seconds
        ("noise_floor", "f8"),
        ("noise_floor_part", "f8"),
        ("hold", "i8"),  # milliseconds between two readings, beyond which they say nothing of each other
    ]
)
STATE = np.dtype(
    [
        ("time", "i8"),  # of the newest reading
        ("in_row", "i8"),  # readings without a gap
        ("last", "f8"),  # the newest two of them
        ("last_but_one", "f8"),
        ("count", "i8"),  # distances so far
        ("now", "f8"),
        ("learned", "f8"),  # seconds
        ("usual", "f8"),
    ]
)


def parameters(condition: Noisy, sensor: Sensor) -> tuple[float, float, float, int] | None:
    """Return an element of PARAMETERS, or None for a sensor that reports by exception."""
    if sensor.reporting != "periodic":
        return None
    floor = max(condition.noise_floor, 0.5 * resolution(sensor))
    return condition.usual_s, floor, condition.noise_floor_percent / 100.0, sensor.hold_ms


def memory_width(condition: Noisy, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state."""
    return 0


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    count = 0
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            if renewed[row]:
                state.in_row = 0
                state.count = 0
                state.learned = 0.0
            step = time[row] - state.time
            if step > given.hold:
                state.in_row = 0
            distance = abs(value[row] - 2.0 * state.last + state.last_but_one) * DISTANCE_TO_SIGMA
            state.time = time[row]
            state.in_row += 1
            state.last_but_one = state.last
            state.last = value[row]
            if state.in_row < 3:
                continue
            usual = max(state.usual, given.noise_floor, given.noise_floor_part * abs(value[row]))
            ready = state.learned >= LEARNED_OF_USUAL * given.usual
            state.count += 1
            counted = min(distance, CUT * usual) if ready else distance
            state.now += weight(state.count, 1.0, READINGS) * (counted - state.now)
            if state.count < READINGS:
                continue
            if state.count == READINGS:
                state.usual = state.now
            usually = min(state.now, 2.0 * usual) if ready else state.now
            step_s = step / 1000.0
            state.learned += step_s
            state.usual += weight(state.count - READINGS + 1, step_s, given.usual) * (usually - state.usual)
            if not ready or usual == 0.0:
                continue
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = state.now / usual
            count += 1
    return count
