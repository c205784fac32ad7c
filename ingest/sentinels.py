"""Values that devices send for "no measurement", by sensor: those of its property, and those of its own attribute."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from model.registry import Registry
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, SENTINELS

SENTINELS_PER_SENSOR_MAX = 8
TOLERANCE = 1e-6  # relative: a device that sends 32-bit floats says -39.9 as -39.90000153


class SentinelTable:
    """The sentinels that hold inside the range too, of all sensors of one registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        lists = {key: own_sentinels(sensor) for key, sensor in registry.sensors.items()}
        width = max(map(len, lists.values()), default=0)
        self._values = np.full((len(registry.known), width), np.nan)  # in the unit that the device sends
        self._any = np.zeros(len(registry.known), np.bool_)
        for key, values in lists.items():
            self._values[key, : len(values)] = values
            self._any[key] = bool(values)

    def among(self, keys: NDArray[np.int32], sent: NDArray[np.float64], outside: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the rows whose value as sent is a sentinel; `outside` says which are beyond the range."""
        found = outside.copy()
        if found.any():
            suspects = np.flatnonzero(outside)
            found[suspects] = _is_any(sent[suspects], np.array(SENTINELS)[None, :])
        listed = self._any[keys]
        if listed.any():
            rows = np.flatnonzero(listed)
            found[rows] |= _is_any(sent[rows], self._values[keys[rows]])
        return np.flatnonzero(found)


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> tuple[float, ...]:
    numbers = []
    for word in text.replace(";", " ").split():
        try:
            number = float(word)
        except ValueError:
            continue
        if math.isfinite(number):
            numbers.append(number)
    return tuple(numbers[:SENTINELS_PER_SENSOR_MAX])


def own_sentinels(sensor: Sensor) -> tuple[float, ...]:
    """Return the sensor's sentinels, in the unit it sends: attribute `sentinels` (`85; -127`), else its property's."""
    text = sensor.attributes.get("sentinels")
    return PROPERTIES[sensor.property].sentinels if text is None else _parsed(text)


def _is_any(sent: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    near = np.abs(sent[:, None] - values) <= TOLERANCE * np.abs(values)
    return np.asarray(near.any(axis=1))


_latest: SentinelTable | None = None


def sentinels_of(registry: Registry) -> SentinelTable:
    """Return the table of a registry, made once for each; the last one asked for is kept."""
    global _latest
    table = _latest
    if table is None or table.registry is not registry:
        table = _latest = SentinelTable(registry)
    return table
