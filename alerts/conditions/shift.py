"""Shift: the level of a fast process has moved, and stands, by a two-sided CUSUM that starts by itself.

z = (value - baseline) / noise, cut at +-4, so that one outlier counts little. A rise is found where
up = max(0, up + z - reference) exceeds `decision`, a fall likewise with -z (Page, Biometrika 41, 1954, 100). For
independent readings 0.5 and 4 to 5 are usual (Hawkins and Olwell, Cumulative Sum Charts, 1998); more is asked for here,
because readings in a pipe are not independent, and because a steady ramp lies 0.8 noises off its baseline.

Baseline and noise are learned from the sensor's own readings as they come, in the spirit of Hawkins' self-starting
CUSUM (J. Qual. Technol. 19, 1987, 117): running means at first, then exponential ones over `window_s`, of the readings
and of their distance from the baseline (1.2533 times its mean is the standard deviation of normal noise), distances cut
at 4 noises. The noise is the larger of that over the window and that over a day: a restless day widens it, and so does
a slow ramp, so that they are no shifts; it is never less than `noise_floor` and half the sensor's `resolution`.

signal = level - baseline, in `unit` or, for `%`, of the baseline's size (its noise, where that is larger), while the
shift stands; the level is an exponential mean over a twentieth of the window. Else 0. While it stands, baseline and
noise are frozen; it ends when a CUSUM of the same kind finds the readings back within `reference` noises of the
baseline, or after `relearn_s`, when the new level becomes the baseline.

Nothing is said until half a window and 30 readings are learned. A reading counts for the time since the one before, at
most a sixtieth of the window: sensors that speak more seldom are not bound. After a gap longer than the window all is
learned anew, unless a shift stands: silence ends none. A replaced or re-zeroed device is learned anew too.
"""

from typing import Annotated, Literal

import numba
import numpy as np
from pydantic import Field

from alerts.conditions.learning import MEAN_TO_SIGMA, cut, resolution, weight
from alerts.conditions.window import DIRECTIONS, in_direction
from alerts.words import Positive, Signal, difference_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty

PARTS = 60
DAY_S = 86_400.0
CUT = 4.0


class Shift(Signal):
    """The size of a standing shift, in `unit` (the property's, or `%` of the level before).

    `reference` and `decision` are the CUSUM's, in multiples of the noise; `noise_floor` is in the property's unit.
    """

    kind: Literal["shift"]
    direction: Literal["above", "below", "either"] = "either"
    unit: str
    window_s: Annotated[float, Field(ge=30, le=31 * 86_400, allow_inf_nan=False)]
    reference: Positive = 0.9
    decision: Positive = 12.0
    noise_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    relearn_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)] = DAY_S

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is neither `%` nor one of the property's."""
        if self.unit != "%":
            difference_factor(observed, self.unit)


Condition = Shift
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("window", "f8"),  # seconds
        ("reference", "f8"),
        ("decision", "f8"),
        ("noise_floor", "f8"),
        ("relearn", "f8"),  # seconds
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
        ("baseline", "f8"),
        ("noise", "f8"),  # over the window
        ("day_noise", "f8"),
        ("sums", "f8", (2,)),  # the CUSUMs of rise and fall
        ("moved", "f8", (2,)),  # the sum of the distances that each is made of, and their number
        ("moves", "f8", (2,)),
        ("side", "i1"),  # 1 or -1 while a shift stands
        ("since", "i8"),
        ("level", "f8"),
        ("back", "f8"),  # the CUSUM of the return
    ]
)


def parameters(condition: Shift, sensor: Sensor) -> tuple[float, float, float, float, float, bool, float, int] | None:
    """Return an element of PARAMETERS, or None where the sensor speaks too seldom for the window."""
    if sensor.reporting != "periodic" or sensor.interval_s * PARTS > condition.window_s:
        return None
    percent = condition.unit == "%"
    factor = 100.0 if percent else 1.0 / difference_factor(PROPERTIES[sensor.property], condition.unit, sensor.gas)
    return (
        condition.window_s,
        condition.reference,
        condition.decision,
        max(condition.noise_floor, 0.5 * resolution(sensor)),
        condition.relearn_s,
        percent,
        factor,
        DIRECTIONS[condition.direction],
    )


def memory_width(condition: Shift, sensor: Sensor) -> int:
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
            if renewed[row] or (state.side == 0 and gap > given.window):
                state.count = 0
            state.time = time[row]
            if state.count == 0:
                _begin(state, value[row])
                continue
            step = min(gap, given.window / PARTS)
            state.count += 1
            state.learned += step
            ready = 2 * state.count >= PARTS and state.learned >= 0.5 * given.window
            noise = max(state.noise, state.day_noise, given.noise_floor)
            distance = value[row] - state.baseline
            if state.side == 0 and ready:
                _look_for_shift(state, given, time[row], distance, noise)
            if state.side == 0:
                _learn(state, given.window, step, cut(distance, CUT * noise) if ready else distance)
            else:
                state.level += weight(state.count, step, given.window / 20.0) * (value[row] - state.level)
                _look_for_return(state, given, time[row], distance, noise)
            if not ready:
                continue
            moved = 0.0
            if state.side != 0:
                moved = state.level - state.baseline
                if given.percent:  # of nothing at all, any move is the whole
                    size = max(abs(state.baseline), noise)
                    moved = moved / size if size > 0.0 else 1.0 * state.side
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = in_direction(given.direction, moved * given.factor)
            count += 1
    return count


@numba.njit(cache=True)
def _begin(state, value):
    state.count = 1
    state.learned = 0.0
    state.baseline = value
    state.noise = 0.0
    state.day_noise = 0.0
    state.side = 0
    _forget_sums(state)


@numba.njit(cache=True)
def _forget_sums(state):
    for way in range(2):
        state.sums[way] = 0.0
        state.moved[way] = 0.0
        state.moves[way] = 0.0


@numba.njit(cache=True)
def _learn(state, window, step, distance):
    share = weight(state.count, step, window)
    state.baseline += share * distance
    state.noise += share * (MEAN_TO_SIGMA * abs(distance) - state.noise)
    state.day_noise += weight(state.count, step, DAY_S) * (MEAN_TO_SIGMA * abs(distance) - state.day_noise)


@numba.njit(cache=True)
def _score(distance, noise):
    """Return the distance in noises, cut; where nothing ever moved, any distance is as many as count."""
    if noise > 0.0:
        return cut(distance / noise, CUT)
    return 0.0 if distance == 0.0 else CUT if distance > 0.0 else -CUT


@numba.njit(cache=True)
def _look_for_shift(state, given, time, distance, noise):
    """Move the CUSUMs by a reading, and note the shift that one of them finds."""
    score = _score(distance, noise)
    for way in range(2):
        side = 1.0 - 2.0 * way
        state.sums[way] = max(0.0, state.sums[way] + side * score - given.reference)
        if state.sums[way] == 0.0:
            state.moved[way] = 0.0
            state.moves[way] = 0.0
            continue
        state.moved[way] += distance if noise == 0.0 else score * noise
        state.moves[way] += 1.0
        if state.sums[way] > given.decision:
            state.side = 1 - 2 * way
            state.since = time
            state.level = state.baseline + state.moved[way] / state.moves[way]
            state.back = 0.0
            _forget_sums(state)
            return


@numba.njit(cache=True)
def _look_for_return(state, given, time, distance, noise):
    """End the shift where the readings are back at the baseline, or where the new level has become the usual one."""
    state.back = max(0.0, state.back + given.reference - state.side * _score(distance, noise))
    if (time - state.since) / 1000.0 > given.relearn:
        state.baseline = state.level
        state.side = 0
    elif state.back > given.decision:
        state.side = 0
