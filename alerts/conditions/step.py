"""Step: an offset from the level before that persists, such as a lowered support or the jump of a GNSS antenna.

The level before is the median of the last `readings` readings, their noise 1.4826 times the median absolute deviation
from it (Hampel, J. Am. Stat. Assoc. 69, 1974, 383). A reading departs where

    |value - level| >= noise_multiple * max(noise, usual noise, noise_min)

and as long as readings depart to one side, level and noise stay what they were before: so a slow offset, or one in
stages, is measured against the level before its first stage. The usual noise is a mean over the last 200: a window that
happens to be quiet makes no steps, and one that holds a steady movement is as wide as that.

signal = the part of the departure, in `unit`, that the last `persistence` readings have in common, while so many in a
row depart; else 0. A single outlier is none, and a vehicle is none that has passed, or driven on, before.

Of faster readings one in `every_s` is looked at. After `accepted_after_s` of departure the new level is accepted: what
is remembered moves along, and the signal is 0 again. Nothing is said before 10 readings, nor after a gap above
`gap_s_max`, a replacement or a re-zeroing until there are 10 new ones.
"""

from typing import Annotated, Literal

import numba
import numpy as np
from pydantic import Field

from alerts.conditions.learning import resolution
from alerts.conditions.window import (
    DIRECTIONS,
    MAD_TO_SIGMA,
    in_direction,
    median,
    median_and_deviation,
    push,
    usual_noise,
)
from alerts.words import Positive, Seconds, Signal, difference_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty

READINGS_MIN = 10
READINGS_MAX = 48
USUAL_READINGS = 200


class Step(Signal):
    """The size in `unit` of an offset that `persistence` readings in a row confirm.

    `noise_min` is in the property's unit, and never below the sensor's `resolution`.
    """

    kind: Literal["step"]
    direction: Literal["above", "below", "either"] = "either"
    unit: str
    readings: Annotated[int, Field(ge=READINGS_MIN, le=READINGS_MAX)] = 24
    every_s: Seconds = 0.0
    persistence: Annotated[int, Field(ge=2, le=READINGS_MAX)] = 2
    noise_multiple: Positive = 5.0
    noise_min: Positive
    accepted_after_s: Seconds
    gap_s_max: Seconds

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is not one of the property's."""
        difference_factor(observed, self.unit)


Condition = Step
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("readings", "i8"),
        ("persistence", "i8"),
        ("every", "i8"),  # milliseconds
        ("accepted_after", "i8"),
        ("gap_max", "i8"),
        ("noise_multiple", "f8"),
        ("noise_min", "f8"),  # in the property's unit
        ("factor", "f8"),  # from the property's unit to `unit`
        ("direction", "i8"),
    ]
)
STATE = np.dtype(
    [
        ("count", "i8"),  # readings put into the window
        ("seen", "i8"),  # time of the newest one looked at
        ("level", "f8"),
        ("noise", "f8"),
        ("usual", "f8"),
        ("noises", "i8"),  # how many the usual noise was learned from
        ("departed", "i8"),  # readings in a row
        ("since", "i8"),  # time of the first of them
    ]
)


def parameters(condition: Step, sensor: Sensor) -> tuple[int, int, int, int, int, float, float, float, int]:
    """Return an element of PARAMETERS."""
    return (
        condition.readings,
        condition.persistence,
        round(condition.every_s * 1000),
        round(condition.accepted_after_s * 1000),
        round(condition.gap_s_max * 1000),
        condition.noise_multiple,
        max(condition.noise_min, resolution(sensor)),
        1.0 / difference_factor(PROPERTIES[sensor.property], condition.unit, sensor.gas),
        DIRECTIONS[condition.direction],
    )


def memory_width(condition: Step, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers: the readings of the window, then the last departures."""
    return condition.readings + condition.persistence


@numba.njit(cache=True)
def _learn(state, given, window, scratch):
    """Take level and noise anew from the window."""
    held = min(state.count, given.readings)
    level, deviation = median_and_deviation(window, held, scratch)
    state.level = level
    state.noise = max(given.noise_min, MAD_TO_SIGMA * deviation)
    state.noises += 1
    state.usual = usual_noise(state.usual, state.noises, state.noise, USUAL_READINGS)


@numba.njit(cache=True)
def _depart(state, given, departures, time, departure):
    """Note a reading that departs, and return what the last ones have in common (0 while they are too few)."""
    if state.departed > 0 and departure * departures[(state.departed - 1) % given.persistence] < 0.0:
        state.departed = 0
    if state.departed == 0:
        state.since = time
    state.departed = push(departures, given.persistence, state.departed, departure)
    if state.departed < given.persistence:
        return 0.0
    common = departure
    for place in range(given.persistence):
        if abs(departures[place]) < abs(common):
            common = departures[place]
    return common


@numba.njit(cache=True)
def _accept(state, given, window, departures, scratch):
    """Make the level of the last departures the one before, with the noise that was known."""
    held = min(state.departed, given.persistence)
    for place in range(held):
        scratch[place] = departures[place]
    moved = median(scratch, held)
    for place in range(min(state.count, given.readings)):
        window[place] += moved
    state.level += moved
    state.departed = 0


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    scratch = np.empty(READINGS_MAX)
    count = 0
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            window, departures = memory[binding][: given.readings], memory[binding][given.readings :]
            if renewed[row] or (state.count > 0 and time[row] - state.seen > given.gap_max):
                state.count = state.departed = 0
            if renewed[row]:
                state.noises = 0
                state.usual = 0.0
            if state.count > 0 and time[row] - state.seen < given.every:
                continue
            state.seen = time[row]
            if state.count < READINGS_MIN:
                state.count = push(window, given.readings, state.count, value[row])
                if state.count == READINGS_MIN:
                    _learn(state, given, window, scratch)
                continue
            departure = value[row] - state.level
            step = 0.0
            if abs(departure) >= given.noise_multiple * max(state.noise, state.usual):
                step = _depart(state, given, departures, time[row], departure)
                if time[row] - state.since >= given.accepted_after:
                    _accept(state, given, window, departures, scratch)
            else:
                state.departed = 0
                state.count = push(window, given.readings, state.count, value[row])
                _learn(state, given, window, scratch)
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = in_direction(given.direction, step * given.factor)
            count += 1
    return count
