"""Rate: how fast the readings rise or fall over a window, by the median of the slopes of all its pairs.

signal = the Theil-Sen slope in `unit`, such as MPa/min or cm/h, where it exceeds `noise_multiple` times its noise (see
slope.py, also for the sources), else 0. One outlier, or a change within the last few readings, is no rate: about a
third of the window has to go along.

The window holds the last `window_samples` readings, or those of the last `window_s`; of faster ones some are left out,
so that it never holds more than 48. Nothing is said while it holds fewer than 12, while those of `window_s` span less
than half of it, or while those of `window_samples` span more than three intervals of the sensor a reading. A device
that was replaced, calibrated or re-zeroed begins a new window.
"""

import math
from typing import Annotated, Any, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.conditions.slope import PAIRS_MAX, READINGS_MAX, bounding_places, keep, kept_since, slopes, trend
from alerts.conditions.window import DIRECTIONS, in_direction, in_order
from alerts.words import Signal, rate_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty

READINGS_MIN = 12
NEVER = np.iinfo(np.int64).min


class Rate(Signal):
    """The rate of change over `window_samples` readings or over `window_s`; `unit` is one of the property a time."""

    kind: Literal["rate"]
    unit: str
    window_samples: Annotated[int, Field(ge=READINGS_MIN, le=READINGS_MAX)] | None = None
    window_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)] | None = None
    noise_multiple: Annotated[float, Field(gt=0, le=6, allow_inf_nan=False)] = 3.0

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if (self.window_samples is None) == (self.window_s is None):
            raise ValueError("window_samples: give either window_samples or window_s")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is not one of the property's over s, min, h or d."""
        rate_factor(observed, self.unit)


Condition = Rate
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("capacity", "i8"),
        ("window", "i8"),  # milliseconds
        ("spacing", "i8"),  # readings closer than this, in milliseconds, to the last one kept are left out
        ("span_min", "f8"),  # seconds that the readings have to span
        ("span_max", "f8"),
        ("places", "i2", (READINGS_MAX + 1,)),  # of the slopes that bound the rate (slope.py)
        ("factor", "f8"),  # from the property's unit a second to `unit`
        ("direction", "i8"),
    ]
)
STATE = np.dtype([("count", "i8"), ("kept", "i8")])  # readings kept so far, and the time of the newest of them


def parameters(condition: Rate, sensor: Sensor) -> tuple[Any, ...] | None:
    """Return an element of PARAMETERS, or None where the sensor speaks too seldom for the window."""
    factor = 1.0 / rate_factor(PROPERTIES[sensor.property], condition.unit, sensor.gas)
    shared = bounding_places(condition.noise_multiple), factor, DIRECTIONS[condition.direction]
    if condition.window_s is None:
        capacity = condition.window_samples or READINGS_MIN
        longest = 3.0 * capacity * sensor.interval_s if sensor.reporting == "periodic" else math.inf
        return capacity, np.iinfo(np.int64).max, 0, 0.0, longest, *shared
    capacity = _capacity(condition.window_s, sensor)
    if capacity < READINGS_MIN:
        return None
    window = round(condition.window_s * 1000)
    return capacity, window, window // capacity, 0.5 * condition.window_s, math.inf, *shared


def memory_width(condition: Rate, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state: a time and a value for each reading kept."""
    return 2 * (condition.window_samples or _capacity(condition.window_s or 0.0, sensor))


def _capacity(window_s: float, sensor: Sensor) -> int:
    if sensor.reporting != "periodic":
        return READINGS_MAX
    fitting = int(window_s / sensor.interval_s)
    return fitting if fitting < READINGS_MIN else min(READINGS_MAX, 2 * fitting)


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
            since = NEVER if given.spacing == 0 else time[row] - given.window - 1
            held = kept_since(ring, given.capacity, state.count, since, times, values)
            wanted = given.capacity if given.spacing == 0 else READINGS_MIN
            if held < wanted or not given.span_min <= -times[0] <= given.span_max:
                continue
            rate = 0.0
            if trend(values, 0, held, given.places[held]) != 0:
                pairs = slopes(times, values, 0, held, found)
                rate = in_order(found, pairs, pairs // 2)
                if pairs % 2 == 0:
                    rate = 0.5 * (rate + in_order(found, pairs, pairs // 2 - 1))
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = in_direction(given.direction, rate * given.factor)
            count += 1
    return count
