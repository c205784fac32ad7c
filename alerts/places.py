"""Where sensors stand to each other: which are within a distance, which share a district, a city or an attribute."""

from collections.abc import Callable, Iterable, Sequence
from math import asin, cos, floor, radians, sin, sqrt

from model.network import EARTH_RADIUS_M
from model.sensor import Sensor


def area_of(kind: str) -> Callable[[Sensor], str | None]:
    """Return what names a sensor's area of a kind: `sensor`, `district`, `city` or `attributes.NAME`; None for none."""
    if kind == "sensor":
        return lambda sensor: sensor.sensor
    if kind == "city":
        return lambda sensor: sensor.city
    if kind == "district":
        return lambda sensor: f"{sensor.city}/{sensor.district}" if sensor.district else None
    name = kind.removeprefix("attributes.")
    return lambda sensor: f"{sensor.city}/{sensor.attributes[name]}" if name in sensor.attributes else None


def distance_m(one: Sensor, other: Sensor) -> float | None:
    """Return the distance on the sphere (haversine formula), None where one of them has no position."""
    if one.longitude is None or one.latitude is None or other.longitude is None or other.latitude is None:
        return None
    half_height = sin(radians(other.latitude - one.latitude) / 2) ** 2
    half_width = sin(radians(other.longitude - one.longitude) / 2) ** 2
    across = cos(radians(one.latitude)) * cos(radians(other.latitude)) * half_width
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(half_height + across)))


class Neighbourhood:
    """Sensors in cells of a size in metres, so that those within it are found without looking at all."""

    def __init__(self, sensors: Iterable[tuple[int, Sensor]], within_m: float) -> None:
        self._within_m = within_m
        self._cells: dict[tuple[int, int], list[tuple[int, Sensor]]] = {}
        for key, sensor in sensors:
            cell = self._cell(sensor)
            if cell is not None:
                self._cells.setdefault(cell, []).append((key, sensor))

    def of(self, sensor: Sensor) -> Sequence[int]:
        """Return the keys of other sensors within the distance, in the order of their keys."""
        cell = self._cell(sensor)
        if cell is None:
            return []
        assert sensor.latitude is not None
        # A cell is as high as the distance is long; towards the poles more of them are needed for the same width.
        columns = min(64, floor(1 / max(cos(radians(min(abs(sensor.latitude) + 1, 89))), 0.02)) + 1)
        found = []
        for row in (-1, 0, 1):
            for column in range(-columns, columns + 1):
                for key, other in self._cells.get((cell[0] + row, cell[1] + column), ()):
                    distance = distance_m(sensor, other)
                    if other.sensor != sensor.sensor and distance is not None and distance <= self._within_m:
                        found.append(key)
        return sorted(found)

    def _cell(self, sensor: Sensor) -> tuple[int, int] | None:
        if sensor.longitude is None or sensor.latitude is None:
            return None
        metres_per_degree = radians(1) * EARTH_RADIUS_M
        return (
            floor(sensor.latitude * metres_per_degree / self._within_m),
            floor(sensor.longitude * metres_per_degree / self._within_m),
        )
