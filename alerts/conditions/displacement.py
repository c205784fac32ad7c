"""Displacement: how fast a slope, dam or ground moves, whether it speeds up, and when it would fail if it went on so.

The window holds the readings of the last `window_s`, but at least `readings_min` and at most 48 of them; of faster ones
some are left out. It is smoothed by a running median of three and freed of single steps (creep.py), so neither outlier
nor step is a velocity: a step is a condition of its own (step.py). Then

- `velocity` v is the Theil-Sen slope; signal = |v| where it exceeds `noise_multiple` times its noise;
- `acceleration`: the velocity of the newer half less that of the older half, both in the direction of the newer, over
  the time between their middles; where the difference exceeds `noise_multiple` times its noise, the newer velocity its
  own, and the newer is at least `growth_min` times the older;
- `accelerating_velocity`: the velocity of the newer half, where the acceleration counts, is at most `growth_max` times
  the older one (more is an onset, and a burst after rain begins at once too) and does not fade: the newest quarter's is
  at least 0.9 times that of the quarter before;
- `tangent_angle`, in degrees: alpha = arctan(delta T / delta t) with T = S / v_s, so arctan(v / v_s), for the velocity
  v of the newer half and the velocity v_s of steady creep; 45 is steady creep (improved tangent angle, EURASIP J.
  Wirel. Commun. Netw. 2021, 10.1186/s13638-021-02033-y). It counts where v exceeds v_s by more than its noise.
  v_s is `steady_velocity`; without one, the median of the velocities of earlier windows (at least 3, at most the last
  26, that do not overlap) and three times 1.4826 times their median absolute deviation: seasons are part of the steady.
  Never is it less than the noise of v;
- `failure_forecast`, 1 / days to failure: so 1/7 is a week ahead, and a nearer failure is a higher signal. By the
  inverse velocity, where the acceleration counts and the forecast can be trusted (failure.py). Not validated on a real
  failure.

What does not count is a signal of 0, and so is all below `velocity_min`. The noise of a velocity is the larger of what
single readings and what unrest that lasts make of it (movement.py).

Nothing is said while the readings are fewer than `readings_min`, span less than 0.8 of the window or more than three
intervals a reading; nor of a velocity within its noise while they scatter three times as much as usual. A replaced or
re-zeroed device begins anew.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.conditions import creep, movement
from alerts.conditions.learning import resolution
from alerts.conditions.slope import READINGS_MAX, keep, kept_since
from alerts.conditions.window import DIRECTIONS, in_direction
from alerts.words import AttributeLimit, Number, Positive, Signal, difference_factor, limit_of, rate_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty, UnknownUnit

Measure = Literal["velocity", "acceleration", "accelerating_velocity", "tangent_angle", "failure_forecast"]
UNITS = {"tangent_angle": "deg", "failure_forecast": "1/d"}
DAY_S = 86_400.0
SPAN_MIN = 0.8
NEVER = np.iinfo(np.int64).min


class Displacement(Signal):
    """One measure of a movement. Velocities are in `unit`, such as mm/d; accelerations are too, a day (mm/d2).

    The unit of a tangent angle is deg, that of a forecast 1/d. `velocity_min` and `steady_velocity` are in the
    property's unit a day, `noise_min` is in the property's unit, and never below the sensor's `resolution`.
    """

    kind: Literal["displacement"]
    direction: Literal["above", "below", "either"] = "either"
    measure: Measure
    unit: str
    window_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
    readings_min: Annotated[int, Field(ge=12, le=READINGS_MAX)] = 12
    noise_multiple: Positive = 5.0
    noise_min: Positive
    velocity_min: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    growth_min: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 1.0
    growth_max: Annotated[float, Field(gt=1, le=1000, allow_inf_nan=False)] = 1000.0
    steady_velocity: Number | AttributeLimit | None = None

    @model_validator(mode="after")
    def _steady_velocity_has_a_use(self) -> Self:
        if self.steady_velocity is not None and self.measure != "tangent_angle":
            raise ValueError("steady_velocity: only a tangent_angle is measured against it")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit does not fit the measure."""
        if self.measure in UNITS:
            if self.unit != UNITS[self.measure]:
                raise UnknownUnit(f"unit {self.unit!r} is not that of a {self.measure}; write {UNITS[self.measure]}")
        else:
            _factor(self, observed)


Condition = Displacement
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("measure", "i8"),
        ("window", "f8"),  # days
        ("readings_min", "i8"),
        ("spacing", "i8"),  # milliseconds
        ("span_max", "f8"),  # days
        ("noise_multiple", "f8"),
        ("noise_min", "f8"),  # in the property's unit
        ("velocity_min", "f8"),  # a day
        ("growth_min", "f8"),
        ("growth_max", "f8"),
        ("steady_velocity", "f8"),  # a day, 0 where it is to be learned
        ("factor", "f8"),  # from the property's unit a day (or day squared) to `unit`
        ("direction", "i8"),
    ]
)
STATE = np.dtype(
    [
        ("count", "i8"),  # readings kept so far
        ("kept", "i8"),  # time of the newest of them
        ("windows", "i8"),  # judged so far
        ("scatter", "f8"),  # the usual one of the readings
        ("changes", "f8", (2,)),  # the usual ones from the older half to the newer, a day: falls and rises
        ("velocities", "i8"),  # learned, of windows that do not overlap
        ("learned", "i8"),  # time of the newest of these
    ]
)


def parameters(condition: Displacement, sensor: Sensor) -> tuple[Any, ...] | None:
    """Return an element of PARAMETERS, or None where the sensor lacks its steady velocity."""
    steady = 0.0 if condition.steady_velocity is None else limit_of(condition.steady_velocity, sensor)
    if steady is None or (condition.steady_velocity is not None and steady <= 0):
        return None
    longest = math.inf
    if sensor.reporting == "periodic":
        longest = max(condition.window_s, 3.0 * condition.readings_min * sensor.interval_s) / DAY_S
    return (
        movement.MEASURES.index(condition.measure),
        condition.window_s / DAY_S,
        condition.readings_min,
        round(900.0 * condition.window_s / READINGS_MAX),  # a tenth less than even, for clocks that are not
        longest,
        condition.noise_multiple,
        max(condition.noise_min, resolution(sensor)),
        condition.velocity_min,
        condition.growth_min,
        condition.growth_max,
        steady,
        1.0 if condition.measure in UNITS else _factor(condition, PROPERTIES[sensor.property], sensor.gas),
        DIRECTIONS[condition.direction],
    )


def expected(
    condition: Displacement, outlook: Sequence[float], signal: float, limit: float
) -> tuple[float, float] | None:
    """Return in how many seconds a forecast failure comes, at the earliest and at the latest; `outlook` is in days."""
    return None if condition.measure != "failure_forecast" else (outlook[0] * DAY_S, outlook[1] * DAY_S)


def memory_width(condition: Displacement, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers: times and values of the window, velocities of earlier ones."""
    return 2 * READINGS_MAX + (movement.STEADY_WINDOWS if condition.measure == "tangent_angle" else 0)


def _factor(condition: Displacement, observed: ObservedProperty, gas: str = "methane") -> float:
    if condition.measure == "acceleration":
        amount, squared, _ = condition.unit.partition("/d2")
        if not squared:
            raise UnknownUnit(f"unit {condition.unit!r} is no acceleration; write a unit of {observed.name} over d2")
        return 1.0 / difference_factor(observed, amount, gas)
    return 1.0 / (rate_factor(observed, condition.unit, gas) * DAY_S)


@numba.njit(cache=True)
def walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals):
    """Make signals of readings (see alerts/conditions/__init__.py); return their number."""
    times, values, spare = np.empty(READINGS_MAX), np.empty(READINGS_MAX), np.empty((5, creep.SPARE))
    outlook = np.empty(2)
    count = 0
    for row in range(len(sensor)):
        if not clean[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            given = parameters[parameter_of[binding]]
            state = states[binding]
            ring, learned = memory[binding][: 2 * READINGS_MAX], memory[binding][2 * READINGS_MAX :]
            if renewed[row]:
                state.count = state.windows = 0
                state.scatter = 0.0
                state.changes[:] = 0.0
            if state.count > 0 and time[row] - state.kept < given.spacing:
                continue
            state.kept = time[row]
            state.count = keep(ring, READINGS_MAX, state.count, time[row], value[row])
            held = kept_since(ring, READINGS_MAX, state.count, NEVER, times, values)
            if held < given.readings_min:
                continue
            times[:held] /= DAY_S
            begin = 0
            while held - begin > given.readings_min and -times[begin] > given.window:
                begin += 1
            if not SPAN_MIN * given.window <= -times[begin] <= given.span_max:
                continue
            signal = movement.signal(given, state, learned, times[begin:held], values[begin:held], spare, outlook)
            if math.isnan(signal):
                continue
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = in_direction(given.direction, signal * given.factor)
            signals[count].outlook[:] = outlook
            count += 1
    return count
