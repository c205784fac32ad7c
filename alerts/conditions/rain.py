"""Rain: how much has fallen over a window, with what fell before it counted in part.

signal = P + antecedent_weight * A, in mm or another length: P the sum over the last `window_s`, A that over the
`antecedent_s` before it. With P over 3 days, A over 15 days and a weight of b it is the cumulative threshold
P3 = a - b * P15, a being the limit (Chleborad, Baum and Godt, USGS Open-File Report 2006-1064: a = 88.9 mm, b = 0.67
at Seattle). With a window of an hour it is the intensity in mm/h.

A reading is the amount since the sensor's reading before, taken to have fallen evenly in between; of the first one, and
of the first of a replaced device, nothing is known. Sums are kept in parts of the window (72, or 24 with antecedent
rain); of a part that the window's begin cuts, the share behind it counts.

A hole is a time between two readings that is longer than the sensor's staleness limit (readings by exception have
none), or the time before the first one. While there is one in the window, the sum is a lower bound: it is told where it
is more than what was told last, so it may raise an alarm and never clears one.
"""

from typing import Annotated, Literal, Self

import numba
import numpy as np
from pydantic import Field, model_validator

from alerts.words import Signal, difference_factor
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty

PARTS = 72
PARTS_WITH_ANTECEDENT = 24
PARTS_MAX = 600


class Rain(Signal):
    """The sum over `window_s` and, weighted, over the `antecedent_s` before it, in `unit`."""

    kind: Literal["rain"]
    direction: Literal["above"] = "above"
    unit: str = "mm"
    window_s: Annotated[float, Field(ge=60, le=31 * 86_400, allow_inf_nan=False)]
    antecedent_s: Annotated[float, Field(ge=0, le=366 * 86_400, allow_inf_nan=False)] = 0.0
    antecedent_weight: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.antecedent_s > 0) != (self.antecedent_weight > 0):
            raise ValueError("antecedent_weight: give it with antecedent_s, and only there")
        if self.antecedent_s * PARTS_WITH_ANTECEDENT > self.window_s * PARTS_MAX:
            raise ValueError(f"antecedent_s: give at most {PARTS_MAX // PARTS_WITH_ANTECEDENT} times window_s")
        if self.off_delay_s or self.samples:
            raise ValueError("off_delay_s: a sum falls slowly by itself; leave off_delay_s and samples out")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is not one of the property's, ValueError where it observes no amounts."""
        difference_factor(observed, self.unit)
        if observed.name != "rainfall":
            raise ValueError(f"select.property: {observed.name} is no amount since the reading before; use rainfall")


Condition = Rain
USES_LOCAL_TIME = False
PARAMETERS = np.dtype(
    [
        ("part", "i8"),  # milliseconds
        ("parts", "i8"),  # of the window
        ("antecedent_parts", "i8"),
        ("antecedent_weight", "f8"),
        ("factor", "f8"),  # from the property's unit to `unit`
        ("hold", "i8"),  # milliseconds after which a time between readings is a hole
    ]
)
STATE = np.dtype(
    [
        ("seen", "u1"),
        ("time", "i8"),  # of the newest reading
        ("hole", "i8"),  # the end of the newest hole
        ("told", "f8"),  # the sum that was told last
    ]
)


def parameters(condition: Rain, sensor: Sensor) -> tuple[int, int, int, float, float, int]:
    """Return an element of PARAMETERS."""
    parts = PARTS_WITH_ANTECEDENT if condition.antecedent_s else PARTS
    part = round(condition.window_s * 1000 / parts)
    return (
        part,
        parts,
        round(condition.antecedent_s * 1000 / part),
        condition.antecedent_weight,
        1.0 / difference_factor(PROPERTIES[sensor.property], condition.unit),
        sensor.hold_ms,
    )


def memory_width(condition: Rain, sensor: Sensor) -> int:
    """Return how many numbers a binding remembers besides its state: the sum of each part, the one begun included."""
    _, parts, antecedent_parts, _, _, _ = parameters(condition, sensor)
    return parts + antecedent_parts + 1


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
            parts = given.parts + given.antecedent_parts + 1
            sums = memory[binding]
            now = time[row]
            if not state.seen or renewed[row]:
                _clear_until(sums, parts, given.part, state.time if state.seen else now - parts * given.part, now)
                state.seen = 1
                state.hole = now
            else:
                _clear_until(sums, parts, given.part, state.time, now)
                _spread(sums, parts, given.part, state.time, now, max(value[row], 0.0))
                if now - state.time > given.hold:
                    state.hole = now
            state.time = now
            told = _sum_before(sums, parts, given.part, now, given.parts)
            whole = given.parts * given.part
            if given.antecedent_parts > 0:
                both = _sum_before(sums, parts, given.part, now, given.parts + given.antecedent_parts)
                told += given.antecedent_weight * (both - told)
                whole += given.antecedent_parts * given.part
            if now - state.hole < whole and told <= state.told:
                continue
            state.told = told
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = told * given.factor
            count += 1
    return count


@numba.njit(cache=True)
def _part_of(part, time):
    """Return the number of the part that ends at `time` or holds it: part i is what is later than i * part."""
    return (time - 1) // part


@numba.njit(cache=True)
def _clear_until(sums, parts, part, before, now):
    """Set to nothing the parts that begin after the one of `before`, up to that of `now`."""
    newest = _part_of(part, now)
    for number in range(max(_part_of(part, before) + 1, newest - parts + 1), newest + 1):
        sums[number % parts] = 0.0


@numba.njit(cache=True)
def _spread(sums, parts, part, before, now, amount):
    """Add an amount that fell evenly after `before` until `now` to the parts; what is older than they reach is left."""
    newest = _part_of(part, now)
    for number in range(max(_part_of(part, before + 1), newest - parts + 1), newest + 1):
        begin, end = max(before, number * part), min(now, (number + 1) * part)
        sums[number % parts] += amount * ((end - begin) / (now - before))


@numba.njit(cache=True)
def _sum_before(sums, parts, part, now, counted):
    """Return what fell in the last `counted` parts' time before `now`."""
    begin = now - counted * part
    oldest = _part_of(part, begin + 1)
    place = oldest % parts
    total = sums[place] * (((oldest + 1) * part - begin) / part)
    for _ in range(_part_of(part, now) - oldest):
        place += 1
        if place == parts:
            place = 0
        total += sums[place]
    return total
