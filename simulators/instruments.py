"""What a simulated sensor stands on: the registered sensor, the site whose physics it feels, and its noise."""

import math
from dataclasses import dataclass

from model.sensor import Sensor
from simulators.physics.drainage import LowPoint, Manhole
from simulators.physics.gas import Chamber
from simulators.physics.ground import Slope
from simulators.physics.hydraulics import Inflow, Node


@dataclass(frozen=True, slots=True)
class GasMain:
    """A gas pipe behind a regulator: its set pressure, and what the peak demand takes off."""

    set_kpa: float
    loss_kpa: float


Site = Chamber | GasMain | Node | Inflow | LowPoint | Manhole | Slope


@dataclass(frozen=True, slots=True)
class Instrument:
    """A sensor at its site; `noise` is the standard deviation of its readings in the property's own unit."""

    sensor: Sensor
    site: Site
    noise: float

    @property
    def resolution(self) -> float:
        """The step between two values that the sensor can send, in its own unit."""
        return float(self.sensor.attributes["resolution"])


def decimals_of(resolution: float) -> int:
    """Return how many decimals a multiple of the resolution needs: 0.05 needs 2, 10 needs none."""
    decimals = 0
    while decimals < 9 and not math.isclose(resolution * 10**decimals, round(resolution * 10**decimals)):
        decimals += 1
    return decimals
