"""What can happen in a simulated city. Times are seconds of the city's own clock since the stream's start."""

import math
from dataclasses import dataclass

from model.sensor import Sensor
from simulators.physics.ground import Episode

_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Leak:
    """Gas seeps into the chamber of that asset, at the rate that would hold it at `lel` (%LEL) in the end."""

    asset: str
    start_s: float
    end_s: float
    lel: float


@dataclass(frozen=True, slots=True)
class Storm:
    """Rain in blocks (start s, end s, mm/h) at its centre, weaker with distance: exp(-(distance / radius)^2)."""

    longitude: float
    latitude: float
    radius_m: float
    blocks: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Burst:
    """A main breaks: extra flow as a share of the mean demand at its place, felt less with distance."""

    longitude: float
    latitude: float
    radius_m: float
    start_s: float
    end_s: float
    size: float


@dataclass(frozen=True, slots=True)
class Creep:
    """The slope point of that asset goes through an episode of accelerating creep."""

    asset: str
    episode: Episode


@dataclass(frozen=True, slots=True)
class Silence:
    """A sensor says nothing from start to end."""

    sensor: str
    start_s: float
    end_s: float


Event = Leak | Storm | Burst | Creep | Silence


def felt(event: Storm | Burst, sensor: Sensor) -> float:
    """Return the share (0 to 1) of a storm or burst that reaches a sensor: 1 at its centre."""
    if sensor.longitude is None or sensor.latitude is None:
        return 1.0
    east = (sensor.longitude - event.longitude) * math.cos(math.radians(event.latitude)) * _METRES_PER_DEGREE
    north = (sensor.latitude - event.latitude) * _METRES_PER_DEGREE
    return math.exp(-(east**2 + north**2) / event.radius_m**2)
