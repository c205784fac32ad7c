"""Drift: the readings have crept away from what is usual for the sensor, by an EWMA chart that starts by itself.

smooth = exponential mean over `smooth_s` of the middle ones of each three readings in a row, so that one outlier counts
for nothing (the EWMA of Roberts, Technometrics 1, 1959, 239); usual = the same over `usual_s`; noise = the usual
distance of smooth from it (1.2533 times its exponential mean over `usual_s`, the standard deviation were it normal): so
what repeats itself every day is noise, and nothing needs to be told of the sensor. It is never less than `noise_floor`
and half the sensor's `resolution`.

signal = smooth - usual, in `unit` or, for `%`, of the size of usual (its noise, where that is larger), from where it
exceeds `noise_multiple` noises until it is back within half of that; else 0. What is usual goes on being learned
meanwhile, from distances cut at 3 noises: a new level that stays becomes the usual one after some `usual_s`.

Nothing is said until a third of `usual_s` is learned. A reading counts for the time since the one before, at most an
eighth of `smooth_s`: sensors that speak more seldom are not bound. After a gap longer than `usual_s` all is learned
anew, unless a drift stands: silence ends none. A replaced or re-zeroed device is learned anew too.
"""

from typing import Annotated, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.conditions.learning import MEAN_TO_SIGMA, cut, resolution, weight
from alerts.conditions.window import DIRECTIONS, in_direction
from alerts.words import Positive, Signal, difference_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty

PARTS = 8
CUT = 3.0


class Drift(Signal):
    """How far the readings over `smooth_s` lie from those over `usual_s`, in `unit` (the property's, or `%`).

    `noise_multiple` is in multiples of the usual distance, `noise_floor` in the property's unit.
    """

    kind: Literal["drift"]
    direction: Literal["above", "below", "either"] = "either"
    unit: str
    smooth_s: Annotated[float, Field(gt=0, le=31 * 86_400, allow_inf_nan=False)]
    usual_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
    noise_multiple: Positive = 3.0
    noise_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _usual_is_longer(self) -> Self:
        if self.usual_s < 4 * self.smooth_s:
            raise ValueError(f"usual_s: {self.usual_s:g} must be at least four times smooth_s {self.smooth_s:g}")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is neither `%` nor one of the property's."""
        if self.unit != "%":
            difference_factor(observed, self.unit)


Condition = Drift
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("smooth", "f8"),  # seconds
        ("usual", "f8"),
        ("noise_multiple", "f8"),
        ("noise_floor", "f8"),
        ("percent", "?"),
        ("factor", "f8"),  # from the property's unit to `unit`
        ("direction", "i8"),
    ]
)
STATE = np.dtype(
    [
        ("count", "i8"),  # readings since learning began
        ("time", "i8"),  # of the newest reading
        ("learned", "f8"),  # seconds
        ("last", "f8"),  # the newest two readings
        ("last_but_one", "f8"),
        ("smooth", "f8"),
        ("usual", "f8"),
        ("noise", "f8"),
        ("drifted", "u1"),
    ]
)


def parameters(condition: Drift, sensor: Sensor) -> tuple[float, float, float, float, bool, float, int] | None:
    """Return an element of PARAMETERS, or None where the sensor speaks too seldom for `smooth_s`."""
    if sensor.reporting != "periodic" or sensor.interval_s * PARTS > condition.smooth_s:
        return None
    percent = condition.unit == "%"
    factor = 100.0 if percent else 1.0 / difference_factor(PROPERTIES[sensor.property], condition.unit, sensor.gas)
    return (
        condition.smooth_s,
        condition.usual_s,
        condition.noise_multiple,
        max(condition.noise_floor, 0.5 * resolution(sensor)),
        percent,
        factor,
        DIRECTIONS[condition.direction],
    )


def memory_width(condition: Drift, sensor: Sensor) -> int:
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
            gap = (time[row] - state.time) / 1000.0
            if renewed[row] or (not state.drifted and gap > given.usual):
                state.count = 0
            state.time = time[row]
            if state.count == 0:
                state.count = 1
                state.learned = 0.0
                state.last = value[row]
                state.last_but_one = value[row]
                state.smooth = value[row]
                state.usual = value[row]
                state.noise = 0.0
                state.drifted = 0
                continue
            step = min(gap, given.smooth / PARTS)
            state.count += 1
            state.learned += step
            ready = state.learned >= given.usual / 3.0
            moved = _learn(state, given, step, value[row], ready)
            if not ready:
                continue
            limit = given.noise_multiple * max(state.noise, given.noise_floor)
            state.drifted = abs(moved) > (0.5 * limit if state.drifted else limit)
            if not state.drifted:
                moved = 0.0
            elif given.percent:
                moved /= max(abs(state.usual), state.noise)
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = in_direction(given.direction, moved * given.factor)
            count += 1
    return count


@numba.njit(cache=True)
def _learn(state, given, step, value, ready):
    """Move what is smooth, usual and noise by a reading; return how far smooth lies from usual."""
    low, high = min(state.last, state.last_but_one), max(state.last, state.last_but_one)
    middle = max(low, min(high, value))
    state.last_but_one = state.last
    state.last = value
    state.smooth += weight(state.count, step, given.smooth) * (middle - state.smooth)
    # What is usual follows the readings themselves, not the mean of them: it must not lag behind twice.
    distance, moved = middle - state.usual, state.smooth - state.usual
    noise = max(state.noise, given.noise_floor)
    if ready and noise > 0.0:
        distance, moved = cut(distance, CUT * noise), cut(moved, CUT * noise)
    share = weight(state.count, step, given.usual)
    state.usual += share * distance
    state.noise += share * (MEAN_TO_SIGMA * abs(moved) - state.noise)
    return state.smooth - state.usual
