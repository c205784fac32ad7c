"""Seasonal: distance from what is usual at this hour of the week, in multiples of the sensor's own spread.

center = median, over the last `weeks` weeks, of the means of this hour of the week in civil time
spread = 1.4826 * the larger of
    the median of |mean - center| over those weeks, and
    the median of |reading - the center of its hour| over the last 168 hours, by one reading of each, cut at 4 spreads,
and never less than `floor`, `floor_percent` of |center| and half the sensor's `resolution`.
signal = (reading - center) / spread, a number without a unit: how many times its usual spread the reading lies away.

A profile of medians by hour of the week is the usual baseline of district inflow and of sewer flow in dry weather: that
of weeks in which it rained or a main burst is left out by the median, up to half of them. Median absolute deviation:
Hampel, J. Am. Stat. Assoc. 69 (1974) 383. A few weeks alone make a spread that may be small by chance: so the larger of
both. The hour that autumn doubles counts as one.

Nothing is said before 3 weeks know the hour and 24 hours the spread, nor where the spread is 0. Weeks without readings
of the hour are passed over: the newest that there are count. After a gap of `weeks` weeks, or of a renewed device, all
is learned anew.
"""

from typing import Annotated, Literal

import numba
import numpy as np
from pydantic import Field

from alerts.conditions.learning import resolution
from alerts.conditions.window import DIRECTIONS, MAD_TO_SIGMA, in_direction, median, median_and_deviation, push
from alerts.words import Signal
from model.sensor import Sensor

HOUR_MS = 3_600_000
HOURS = 168
WEEKS_MIN, HOURS_MIN = 3, 24
CUT = 4.0
MONDAY = 72
"""Hours from the Monday before the epoch, which was a Thursday."""


class Seasonal(Signal):
    """How many times its usual spread a reading lies from the median of its hour of the week; `floor` is in the
    property's unit.
    """

    kind: Literal["seasonal"]
    direction: Literal["above", "below", "either"] = "either"
    weeks: Annotated[int, Field(ge=WEEKS_MIN, le=12)] = 5
    floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    floor_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0


Condition = Seasonal
USES_LOCAL_TIME = True
PARAMETERS = np.dtype(
    [("weeks", "i8"), ("gap", "i8"), ("floor", "f8"), ("floor_share", "f8"), ("direction", "i8")]
)  # gap in milliseconds
STATE = np.dtype(
    [
        ("time", "i8"),  # of the newest reading
        ("hour", "i8"),  # of civil time, that the newest reading lies in
        ("readings", "i8"),  # of that hour
        ("total", "f8"),
        ("center", "f8"),  # of that hour of the week
        ("known", "i8"),  # how many weeks know it
        ("week_spread", "f8"),
        ("hour_spread", "f8"),
        ("distances", "i8"),  # one of each hour
    ]
)


def parameters(condition: Seasonal, sensor: Sensor) -> tuple[int, int, float, float, int]:
    """Return an element of PARAMETERS."""
    return (
        condition.weeks,
        condition.weeks * HOURS * HOUR_MS,
        max(condition.floor, 0.5 * resolution(sensor)),
        condition.floor_percent / 100.0,
        DIRECTIONS[condition.direction],
    )


def memory_width(condition: Seasonal, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state.

    For each hour of the week how many weeks it has seen and the newest of their means, then the distances.
    """
    return HOURS * (1 + condition.weeks) + HOURS


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    count = 0
    scratch = np.empty(HOURS)
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            remembered = memory[binding]
            if renewed[row] or time[row] - state.time > given.gap:
                _forget(state, remembered, given.weeks)
            state.time = time[row]
            hour = local[row] // HOUR_MS
            if state.readings == 0 or hour != state.hour:
                _turn_to(state, hour, remembered, given.weeks, scratch)
            spread = max(
                MAD_TO_SIGMA * max(state.week_spread, state.hour_spread),
                given.floor,
                given.floor_share * abs(state.center),
            )
            distance = value[row] - state.center
            if state.known >= WEEKS_MIN and state.distances >= HOURS_MIN and spread > 0.0:
                signals[count].row = row
                signals[count].binding = binding
                signals[count].value = in_direction(given.direction, distance / spread)
                count += 1
            if state.known >= WEEKS_MIN and state.readings == 0:
                distances = remembered[HOURS * (1 + given.weeks) :][:HOURS]
                known = state.distances >= HOURS_MIN and spread > 0.0
                noted = min(abs(distance), CUT * spread) if known else abs(distance)
                state.distances = push(distances, HOURS, state.distances, noted)
                filled = min(state.distances, HOURS)
                scratch[:filled] = distances[:filled]
                state.hour_spread = median(scratch, filled)
            state.readings += 1
            state.total += value[row]
    return count


@numba.njit(cache=True)
def _cell(remembered, hour, weeks):
    """Return what is remembered of an hour's place in the week: how many weeks it has seen, and their means."""
    start = (hour + MONDAY) % HOURS * (1 + weeks)
    return remembered[start : start + 1 + weeks]


@numba.njit(cache=True)
def _turn_to(state, hour, remembered, weeks, scratch):
    """Note the mean of the hour that ended, and look up what is usual in the one that begins."""
    if state.readings > 0:
        cell = _cell(remembered, state.hour, weeks)
        cell[0] = push(cell[1:], weeks, int(cell[0]), state.total / state.readings)
    state.hour = hour
    state.readings = 0
    state.total = 0.0
    cell = _cell(remembered, hour, weeks)
    state.known = min(int(cell[0]), weeks)
    if state.known > 0:
        state.center, state.week_spread = median_and_deviation(cell[1:], state.known, scratch)


@numba.njit(cache=True)
def _forget(state, remembered, weeks):
    for hour in range(HOURS):
        remembered[hour * (1 + weeks)] = 0.0
    state.readings = 0
    state.total = 0.0
    state.known = 0
    state.distances = 0
    state.hour_spread = 0.0
