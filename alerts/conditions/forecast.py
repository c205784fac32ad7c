"""Forecast: the level that the readings will have reached at a horizon, at the slow end of what their rise allows.

signal = value + horizon * r, where r is the least rate that the rise of the readings allows at `noise_multiple` times
its noise (the lower end of Sen's interval of the Theil-Sen slope, see slope.py), where that is above 0; else 0: then
nothing rises, and what stands already is a threshold's to tell. With the upper end of the interval, r', a level L is
crossed in (L - value) / r' to (L - value) / r seconds: the condition is that even the later of these lies within the
horizon. So the alarm stands while the readings rise to a level, or above it, and returns when the rise ends; the
journal tells both times (`expected_from`, `expected_to`).

The rise begins at the last reading within `noise_floor` of the lowest of the window, so that a dry hour before the
flood does not hold the forecast back. Of faster readings some are left out: the window holds 48 at most. Nothing is
said while it holds too few to tell a rise from noise (5 at twice it, 7 at three times). Straight on is what water does
for some minutes, not for an hour: it slows down where it spreads. A horizon is at most as long as the window.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.conditions.slope import PAIRS_MAX, READINGS_MAX, bounding_places, keep, kept_since, slopes, trend
from alerts.conditions.window import in_order
from alerts.words import Signal
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty, conversion

Span = Annotated[float, Field(gt=0, le=31 * 86_400, allow_inf_nan=False)]


class Forecast(Signal):
    """A rise ahead of levels: the limits are the levels, in `unit`, that the readings will have reached in `horizon_s`.

    `noise_floor`, in `unit`: a difference that says nothing.
    """

    kind: Literal["forecast"]
    direction: Literal["above"] = "above"
    unit: str
    window_s: Span
    horizon_s: Span
    noise_multiple: Annotated[float, Field(gt=0, le=6, allow_inf_nan=False)] = 2.0
    noise_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _horizon_fits(self) -> Self:
        if self.horizon_s > self.window_s:
            raise ValueError(f"horizon_s: {self.horizon_s:g} is further than the {self.window_s:g} s looked back")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is not one of the property's."""
        conversion(observed, self.unit)


Condition = Forecast
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("capacity", "i8"),
        ("window", "i8"),  # milliseconds
        ("spacing", "i8"),  # readings closer than this, in milliseconds, to the last one kept are left out
        ("horizon", "f8"),  # seconds
        ("places", "i2", (READINGS_MAX + 1,)),  # of the slopes that bound the rate (slope.py)
        ("noise_floor", "f8"),  # in the property's unit
        ("factor", "f8"),  # from the property's unit to `unit`: factor * value + offset
        ("offset", "f8"),
    ]
)
STATE = np.dtype([("count", "i8"), ("kept", "i8")])  # readings kept so far, and the time of the newest of them


def parameters(condition: Forecast, sensor: Sensor) -> tuple[Any, ...] | None:
    """Return an element of PARAMETERS, or None where the sensor speaks too seldom for the window."""
    factor, offset = conversion(PROPERTIES[sensor.property], condition.unit, gas=sensor.gas)
    capacity = _capacity(condition.window_s, sensor)
    places = bounding_places(condition.noise_multiple)
    if places[capacity] < 0:
        return None
    window = round(condition.window_s * 1000)
    return (
        capacity,
        window,
        window // capacity,
        condition.horizon_s,
        places,
        abs(factor) * condition.noise_floor,
        1.0 / factor,
        -offset / factor,
    )


def memory_width(condition: Forecast, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state: a time and a value for each reading kept."""
    return 2 * _capacity(condition.window_s, sensor)


def expected(condition: Forecast, outlook: Sequence[float], signal: float, limit: float) -> tuple[float, float] | None:
    """Return in how many seconds the level `limit` is crossed, at the earliest and at the latest; None where it is.

    `outlook` is the newest reading and the level at the horizon by the upper end of the rate's interval, in `unit`.
    """
    now, fastest = outlook
    if now >= limit:
        return None
    return condition.horizon_s * (limit - now) / (fastest - now), condition.horizon_s * (limit - now) / (signal - now)


def _capacity(window_s: float, sensor: Sensor) -> int:
    if sensor.reporting != "periodic":
        return READINGS_MAX
    return min(READINGS_MAX, 2 * int(window_s / sensor.interval_s))


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    times, values = np.empty(READINGS_MAX), np.empty(READINGS_MAX)
    found = np.empty(PAIRS_MAX)
    count = 0
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            ring = memory[binding]
            if renewed[row]:
                state.count = 0
            if state.count > 0 and time[row] - state.kept < given.spacing:
                continue
            state.kept = time[row]
            state.count = keep(ring, given.capacity, state.count, time[row], value[row])
            held = kept_since(ring, given.capacity, state.count, time[row] - given.window - 1, times, values)
            if given.places[held] < 0:
                continue
            now = given.factor * value[row] + given.offset
            ahead = fastest = 0.0
            begin = _rise_begins(values, held, given.noise_floor)
            place = given.places[held - begin]
            if trend(values, begin, held, place) > 0:
                pairs = slopes(times, values, begin, held, found)
                ahead = now + given.factor * given.horizon * in_order(found, pairs, place)
                fastest = now + given.factor * given.horizon * in_order(found, pairs, pairs - 1 - place)
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = ahead
            signals[count].outlook[0] = now
            signals[count].outlook[1] = fastest
            count += 1
    return count


@numba.njit(cache=True)
def _rise_begins(values, count, noise_floor):
    """Return the place of the last of the values that is within the floor of the lowest."""
    lowest = values[0]
    for place in range(1, count):
        lowest = min(lowest, values[place])
    begin = count - 1
    while values[begin] > lowest + noise_floor:
        begin -= 1
    return begin
