"""Deviation: how far a reading lies from a set-point that stands in the rule or with the sensor.

signal = (value - set-point) in `unit`, or, where the unit is `%`, 100 * (value - set-point) / |set-point|.
"""

from typing import Literal

import numba
import numpy as np

from alerts.conditions.window import DIRECTIONS, in_direction
from alerts.words import AttributeLimit, Number, Signal, difference_factor, limit_of
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, ObservedProperty


class Deviation(Signal):
    """The distance of the readings from `set_point`, which is in the property's unit; `unit` is the limits'."""

    kind: Literal["deviation"]
    unit: str
    set_point: Number | AttributeLimit

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the unit is neither `%` nor one of the property's."""
        if self.unit != "%":
            difference_factor(observed, self.unit)


Condition = Deviation
USES_LOCAL_TIME = False
PARAMETERS = np.dtype([("set_point", "f8"), ("factor", "f8"), ("direction", "i8")])
STATE = np.dtype([("unused", "u1")])


def parameters(condition: Deviation, sensor: Sensor) -> tuple[float, float, int] | None:
    """Return an element of PARAMETERS, or None where the sensor lacks its set-point."""
    set_point = limit_of(condition.set_point, sensor)
    if set_point is None or (condition.unit == "%" and set_point == 0):
        return None
    if condition.unit == "%":
        factor = 100.0 / abs(set_point)
    else:
        factor = 1.0 / difference_factor(PROPERTIES[sensor.property], condition.unit, sensor.gas)
    return set_point, factor, DIRECTIONS[condition.direction]


def memory_width(condition: Deviation, sensor: Sensor) -> int:
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
            signals[count].row = row
            signals[count].binding = binding
            signals[count].value = in_direction(given.direction, (value[row] - given.set_point) * given.factor)
            count += 1
    return count
