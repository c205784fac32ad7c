"""The registry in memory: sensors and cities by name and, for the hot path, as arrays indexed by registry key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.civil import local_time
from model.epochs import Epochs
from model.sensor import City, Sensor
from model.sensor_event import SensorEvent
from model.vocabulary import PROPERTIES

DANGER_CODES = {"none": 0, "high": 1, "low": -1}


@dataclass(frozen=True)
class Registry:
    """Sensors by registry key, at one version of the registry.

    Arrays have one element per key, from 0 to the highest key: `known` bool, `factor`, `offset`, `low`, `high` float64
    (conversion to, and valid range in, the property's unit), `danger` int8 (1 high, -1 low, 0 none), `saturates` bool
    (a value at the range's end already counts as full scale). The conversion is that of the device; what it stands for
    since the sensor was calibrated or re-zeroed is told by `corrected`. `events` are those of each sensor that has any.
    `shared_gateways`: names that gateways of several cities bear, of a part of a registry that does not hold them all.
    """

    version: int
    sensors: Mapping[int, Sensor]
    cities: Mapping[str, City]
    events: Mapping[int, Sequence[SensorEvent]] = field(default_factory=dict)
    shared_gateways: frozenset[str] = frozenset()
    keys: Mapping[str, int] = field(init=False)
    known: NDArray[np.bool_] = field(init=False)
    factor: NDArray[np.float64] = field(init=False)
    offset: NDArray[np.float64] = field(init=False)
    low: NDArray[np.float64] = field(init=False)
    high: NDArray[np.float64] = field(init=False)
    danger: NDArray[np.int8] = field(init=False)
    saturates: NDArray[np.bool_] = field(init=False)
    _epochs: Epochs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = max(self.sensors, default=-1) + 1
        arrays: dict[str, NDArray[np.generic]] = {
            "known": np.zeros(size, np.bool_),
            "factor": np.ones(size),
            "offset": np.zeros(size),
            "low": np.full(size, -np.inf),
            "high": np.full(size, np.inf),
            "danger": np.zeros(size, np.int8),
            "saturates": np.zeros(size, np.bool_),
        }
        for key, sensor in self.sensors.items():
            arrays["known"][key] = True
            arrays["factor"][key], arrays["offset"][key] = sensor.conversion
            arrays["low"][key], arrays["high"][key] = sensor.valid_range
            arrays["danger"][key] = DANGER_CODES[PROPERTIES[sensor.property].danger]
            arrays["saturates"][key] = sensor.property == "combustible_gas"
        object.__setattr__(self, "keys", {sensor.sensor: key for key, sensor in self.sensors.items()})
        for name, array in arrays.items():
            object.__setattr__(self, name, array)
        object.__setattr__(self, "_epochs", Epochs(size, self.sensors, self.events))

    def mode_of(self, sensor: Sensor) -> str:
        """The mode of the sensor's city."""
        return self.cities[sensor.city].mode

    def corrected(
        self, keys: NDArray[np.int32], times: NDArray[np.int64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what values in the property's unit stand for, by the calibration or zero in force at their times.

        Returns `values` itself where none of the sensors has an event. Keys may be unregistered, times any.
        """
        return self._epochs.corrected(keys, times, values)

    def epoch_of(self, keys: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the number of each reading's epoch within its sensor, shape (n,).

        Between two readings of different epochs the device was replaced or handled, and a step says nothing.
        """
        return self._epochs.numbers(keys, times)

    def local_time(self, keys: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the civil time of each reading in its sensor's city: milliseconds plus the zone's offset, (n,)."""
        names, zone_of = self._zones
        zones = zone_of[keys]
        result = np.empty(len(times), np.int64)
        for zone in np.unique(zones):
            there = zones == zone
            result[there] = local_time(names[zone], times[there])
        return result

    @cached_property
    def _zones(self) -> tuple[list[str], NDArray[np.int16]]:
        """The names of time zones, and which of them each sensor's city has, by key."""
        names = list(dict.fromkeys(city.time_zone for city in self.cities.values()))
        zone = np.zeros(len(self.known), np.int16)
        for key, sensor in self.sensors.items():
            zone[key] = names.index(self.cities[sensor.city].time_zone)
        return names, zone
