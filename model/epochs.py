"""The corrections of all sensors that were replaced, calibrated or re-zeroed, as arrays that are asked by time."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.sensor import Sensor
from model.sensor_event import SensorEvent, epochs

_TIME_BITS = 42  # epoch milliseconds up to the year 2109; the sensors with events stand in the bits above
_TIME_MAX = (1 << _TIME_BITS) - 1


class Epochs:
    """Epochs of the sensors that have events, sorted by sensor and start in one array, so that one search finds all.

    The corrections are kept in the property's unit, so that they hold whatever unit a reading names.
    """

    def __init__(self, size: int, sensors: Mapping[int, Sensor], events: Mapping[int, Sequence[SensorEvent]]) -> None:
        self._place = np.full(size, -1, np.int64)
        starts: list[int] = []
        rows: list[tuple[int, float, float]] = []
        place = -1
        for key in sorted(events):
            found = epochs(events[key]) if key in sensors else []
            if not found:
                continue
            self._place[key] = place = place + 1
            unit_factor, unit_offset = sensors[key].conversion
            starts.append(place << _TIME_BITS)
            rows.append((0, 1.0, 0.0))
            for number, epoch in enumerate(found, 1):
                starts.append((place << _TIME_BITS) + epoch.start)
                # unit_factor * (factor * r + offset) + unit_offset, written for v = unit_factor * r + unit_offset
                shift = unit_factor * epoch.offset + (1.0 - epoch.factor) * unit_offset
                rows.append((number, epoch.factor, shift))
        self._starts = np.array(starts, np.int64)
        self._number = np.array([row[0] for row in rows], np.int32)
        self._factor = np.array([row[1] for row in rows])
        self._shift = np.array([row[2] for row in rows])

    def corrected(
        self, keys: NDArray[np.int32], times: NDArray[np.int64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what the values (in the property's unit) stand for; the same array where no sensor has an event."""
        rows, epoch = self._find(keys, times)
        if not len(rows):
            return values
        result = values.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            result[rows] = values[rows] * self._factor[epoch] + self._shift[epoch]
        return result

    def numbers(self, keys: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the number of each reading's epoch within its sensor, 0 before the first event."""
        result = np.zeros(len(keys), np.int32)
        if not len(self._starts):
            return result
        rows, epoch = self._find(keys, times)
        result[rows] = self._number[epoch]
        return result

    def _find(self, keys: NDArray[np.int32], times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows whose sensor has events, and their epochs; keys that are not registered have none."""
        if not len(self._starts):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        inside = (keys >= 0) & (keys < len(self._place))
        place = np.where(inside, self._place[np.where(inside, keys, 0)], -1)
        rows = np.flatnonzero(place >= 0)
        asked = (place[rows] << _TIME_BITS) + np.clip(times[rows], 0, _TIME_MAX)
        return rows, np.searchsorted(self._starts, asked, side="right") - 1
