"""Night flow: the least flow of the night has risen over that of the nights before, and stands for some nights.

least = the smallest mean of `over_s` in a row within the night, from `from_h` to `to_h` of civil time (`over_s` 3600:
    the minimum rolling hour; 0: the smallest reading, as for loggers of leak noise)
base = median of `least` over the `base_nights` nights before the last `nights`
rise = the smallest `least` of the last `nights` nights - base: what each of them had at least
noise = 1.4826 * the larger of the median of |rise| over the last `noise_nights` nights and over the last 14, and never
    less than `noise_floor`, `noise_floor_percent` of |base| and half the sensor's `resolution`
signal = rise, in `unit` or, for `%`, of |base|, from the night on which it reaches `noise_multiple` noises, or on which
    that night alone lies `at_once_multiple` noises above the base (then that of the nights since); else 0.

While a rise stands, base and noise stay, so that it is one occurrence and grows as the leak does; it ends when the last
two nights lie within half of the rise that was found, or after `relearn_nights`, when the new flow becomes the base. A
night is judged by the first reading after it, so the morning after (what makes it up: alerts/conditions/night.py).
Nothing is said before the base has 5 nights and the noise 28. After a gap as long as base and nights together the base
is learned anew, unless a rise stands: silence ends none; of a renewed device it is learned anew too.

The minimum night flow of districts and its comparison with a base of earlier nights are those of leakage practice
(UKWIR; Farley and Trow, Losses in Water Distribution Networks, 2003). What has to stand out is the smallest of some
nights: single nights of irrigation, filling or flushing lie far out much more often than noise of any scale would have
it, and are no leaks.
"""

import math
from typing import Annotated, Any, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.conditions import night
from alerts.conditions.learning import resolution
from alerts.conditions.window import MAD_TO_SIGMA, median, push
from alerts.words import Positive, Signal, difference_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty

DAY_S = 86_400.0
BASE_MIN, NOISE_MIN, NOISE_SHORT = 5, 28, 14
NIGHTS_MAX = 366


class NightFlow(Signal):
    """The rise of a night's least flow over its base, in `unit` (the property's, or `%` of the base).

    `noise_floor` is in the property's unit.
    """

    kind: Literal["night_flow"]
    direction: Literal["above"] = "above"
    unit: str
    from_h: Annotated[float, Field(ge=0, lt=24, allow_inf_nan=False)]
    to_h: Annotated[float, Field(gt=0, le=24, allow_inf_nan=False)]
    over_s: Annotated[float, Field(ge=0, le=43_200, allow_inf_nan=False)] = 3_600.0
    nights: Annotated[int, Field(ge=1, le=14)] = 3
    base_nights: Annotated[int, Field(ge=BASE_MIN, le=60)] = 7
    noise_multiple: Positive
    at_once_multiple: Positive | None = None
    noise_nights: Annotated[int, Field(ge=NOISE_MIN, le=NIGHTS_MAX)] = 60
    noise_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    noise_floor_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
    relearn_nights: Annotated[int, Field(ge=2, le=366)] = 14

    @model_validator(mode="after")
    def _the_night_holds_a_mean(self) -> Self:
        if self.over_s > (self.to_h - self.from_h) % 24 * 3_600:
            raise ValueError(
                f"over_s: {self.over_s:g} is longer than the night from {self.from_h:g} to {self.to_h:g} h"
            )
        if self.relearn_nights < self.nights:
            raise ValueError(f"relearn_nights: {self.relearn_nights} must be at least nights, {self.nights}")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is neither `%` nor one of the property's."""
        if self.unit != "%":
            difference_factor(observed, self.unit)


Condition = NightFlow
USES_LOCAL_TIME = True
PARAMETERS = np.dtype(
    [
        ("night", night.PARAMETERS),
        ("nights", "i8"),
        ("base_nights", "i8"),
        ("noise_multiple", "f8"),
        ("at_once_multiple", "f8"),
        ("noise_nights", "i8"),
        ("noise_floor", "f8"),
        ("noise_floor_share", "f8"),
        ("relearn", "i8"),  # nights
        ("gap", "i8"),  # nights
        ("percent", "?"),
        ("factor", "f8"),  # from the property's unit, or from a share of the base, to `unit`
    ]
)
STATE = np.dtype(
    [
        ("night", night.STATE),
        ("judged", "i8"),  # number of the newest night that was
        ("last_count", "i8"),  # nights held against the base, nights in the base, rises in the noise
        ("base_count", "i8"),
        ("noise_count", "i8"),
        ("stood", "i8"),  # nights for which a rise has stood, 0 while none does
        ("base", "f8"),  # kept while one does
        ("found", "f8"),  # the rise at first
        ("is_back", "?"),  # whether the newest night lies within half of it
    ]
)


def parameters(condition: NightFlow, sensor: Sensor) -> tuple[Any, ...] | None:
    """Return an element of PARAMETERS, or None where the sensor speaks too seldom for a mean, or when it likes."""
    if sensor.reporting != "periodic" or sensor.interval_s > (condition.over_s or DAY_S):
        return None
    percent = condition.unit == "%"
    return (
        night.parameters(condition.from_h, condition.to_h, condition.over_s, sensor.interval_s),
        condition.nights,
        condition.base_nights,
        condition.noise_multiple,
        condition.at_once_multiple or math.inf,
        condition.noise_nights,
        max(condition.noise_floor, 0.5 * resolution(sensor)),
        condition.noise_floor_percent / 100.0,
        condition.relearn_nights,
        condition.base_nights + condition.nights,
        percent,
        100.0 if percent else 1.0 / difference_factor(PROPERTIES[sensor.property], condition.unit, sensor.gas),
    )


def memory_width(condition: NightFlow, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state.

    What the night needs, then the newest nights, those of the base, and the rises.
    """
    return night.MEMORY + condition.nights + condition.base_nights + condition.noise_nights


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    count = 0
    scratch = np.empty(NIGHTS_MAX)
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            remembered = memory[binding]
            if renewed[row]:
                night.forget(state.night)
                _forget_base(state)
            if night.take(state.night, given.night, remembered[: night.MEMORY], local[row], value[row]):
                rise, known = _judge_night(state, given, remembered[night.MEMORY :], scratch)
                if known:
                    signals[count].row = row
                    signals[count].binding = binding
                    signals[count].value = given.factor * (_share(rise, state.base) if given.percent else rise)
                    count += 1
    return count


@numba.njit(cache=True)
def _share(rise, base):
    """Return the rise as a share of the base; of nothing at all, any rise is the whole."""
    return rise / abs(base) if base != 0.0 else 1.0 * (rise > 0.0)


@numba.njit(cache=True)
def _judge_night(state, given, last, scratch):
    """Return the rise that stands after the night that ended (0: none), and whether anything can be said."""
    base = last[given.nights :]
    noise = base[given.base_nights :]
    if state.last_count > 0 and state.stood == 0 and state.night.ended - state.judged > given.gap:
        _forget_base(state)
    state.judged = state.night.ended
    if state.last_count >= given.nights and state.stood == 0:
        state.base_count = push(base, given.base_nights, state.base_count, last[state.last_count % given.nights])
    state.last_count = push(last, given.nights, state.last_count, state.night.ended_least)
    if state.stood > 0:
        return _follow_rise(state, given, last), True
    if state.last_count < given.nights or state.base_count < BASE_MIN:
        return 0.0, False
    known = min(state.base_count, given.base_nights)
    scratch[:known] = base[:known]
    state.base = median(scratch, known)
    rise = _smallest(last, given.nights) - state.base
    usual = -1.0
    if state.noise_count >= NOISE_MIN:
        usual = max(
            MAD_TO_SIGMA * _usual_rise(noise, state.noise_count, given.noise_nights, given.noise_nights, scratch),
            MAD_TO_SIGMA * _usual_rise(noise, state.noise_count, given.noise_nights, NOISE_SHORT, scratch),
            given.noise_floor,
            given.noise_floor_share * abs(state.base),
        )
        newest = state.night.ended_least - state.base
        held = rise > 0.0 and rise >= given.noise_multiple * usual
        if held or (newest > 0.0 and newest >= given.at_once_multiple * usual):
            state.stood = given.nights if held else 1
            state.is_back = False
            state.found = rise if held else newest
            return state.found, True
    state.noise_count = push(noise, given.noise_nights, state.noise_count, abs(rise))
    return 0.0, usual >= 0.0


@numba.njit(cache=True)
def _follow_rise(state, given, last):
    """Return the rise as it stands, or end it: two nights are back, or the new flow has become the usual one."""
    state.stood += 1
    was_back = state.is_back
    state.is_back = last[(state.last_count - 1) % given.nights] - state.base < 0.5 * state.found
    if state.is_back and was_back:
        state.stood = 0
    elif state.stood > given.relearn:
        state.stood = 0
        state.base_count = 0
    if state.stood == 0:
        return 0.0
    least = last[(state.last_count - 1) % given.nights]
    for before in range(2, min(state.stood, given.nights) + 1):
        least = min(least, last[(state.last_count - before) % given.nights])
    return max(0.0, least - state.base)


@numba.njit(cache=True)
def _smallest(values, count):
    least = values[0]
    for place in range(1, count):
        least = min(least, values[place])
    return least


@numba.njit(cache=True)
def _usual_rise(rises, count, width, newest, scratch):
    """Return the median of the newest of the `count` rises that were put into a ring of `width`."""
    known = min(count, width, newest)
    for place in range(known):
        scratch[place] = rises[(count - 1 - place) % width]
    return median(scratch, known)


@numba.njit(cache=True)
def _forget_base(state):
    state.last_count = 0
    state.base_count = 0
    state.stood = 0
