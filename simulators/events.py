"""What can happen in any simulated city: storms, and faults of sensors and lines. Times are seconds since the start.

What happens to one system only stands beside its courses, as a leak beside those of the gas.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulators.physics import FloatArray
from simulators.physics.drainage import Rain

FaultKind = Literal[
    "silent", "dropouts", "battery", "outage", "stuck", "drift", "spikes", "sentinel", "other_unit", "clock"
]


@dataclass(frozen=True, slots=True)
class Storm:
    """Rain in blocks (start s, end s, mm/h) at its centre, weaker with distance: exp(-(distance / radius)^2).

    The centre is in metres east and north of the city's.
    """

    blocks: tuple[tuple[float, float, float], ...]
    east: float = 0.0
    north: float = 0.0
    radius_m: float = math.inf

    def felt(self, east: FloatArray, north: FloatArray) -> FloatArray:
        """Return the share (0 to 1) of the storm that reaches each place, shape of `east`."""
        away = (east - self.east) ** 2 + (north - self.north) ** 2
        return np.asarray(np.exp(-away / self.radius_m**2), np.float64)


@dataclass(frozen=True, slots=True)
class Fault:
    """What sensors, or the line to them, make of the truth from start to end; `size` is what the kind needs:

    - `silent`: nothing is measured or sent
    - `dropouts`: readings are lost in runs, `size` the share (0 to 1)
    - `battery`: weak from the start, dead from the end on
    - `outage`: the line is down, readings are stored and come after
    - `stuck`: the value of the start is repeated
    - `drift`: the value moves off by `size` a day, in the sensor's own unit
    - `spikes`: one sample in twenty jumps by about `size`
    - `sentinel`: `size` is sent in place of a value
    - `other_unit`: values come multiplied by `size`, with nobody told
    - `clock`: samples are stamped `size` seconds off
    """

    kind: FaultKind
    sensors: frozenset[str]
    start_s: float
    end_s: float
    size: float = 0.0


def rain_at(natural: Rain, storms: Sequence[Storm], east: float, north: float) -> list[tuple[float, float, float]]:
    """Return the blocks of rain (start s, end s, mm/h) that fall on a place."""
    blocks = list(natural)
    for storm in storms:
        share = float(storm.felt(np.asarray([east]), np.asarray([north]))[0])
        blocks += [(start, end, mm_h * share) for start, end, mm_h in storm.blocks]
    return blocks
