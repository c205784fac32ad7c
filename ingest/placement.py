"""Whether the sensors of a message belong where its topic says: to that city, and to that system."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.message import Decoded
from ingest.reasons import Fault, Reason, printable
from ingest.topics import GatewayTopic, SensorTopic, SparkplugTopic
from model.registry import Registry


class Places:
    """Cities and systems of one registry's sensors. Topics found right are remembered, as many as there are sensors."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._right: set[str] = set()
        self._cities = {city: code for code, city in enumerate(registry.cities)}
        self._city_of = np.full(len(registry.known), -1, np.int32)
        for key, sensor in registry.sensors.items():
            self._city_of[key] = self._cities.get(sensor.city, -1)

    def misplaced(self, messages: Sequence[Decoded], keys: NDArray[np.int32]) -> dict[int, Fault]:
        """Return the rows whose sensor is registered, but elsewhere; `keys` has the rows' registry keys, -1 unknown."""
        faults: dict[int, Fault] = {}
        right = self._right
        start = 0
        for message in messages:
            end = start + len(message.columns.sensor)
            if end > start and message.message.topic not in right:
                match message.topic:
                    case SensorTopic():
                        self._check_one(message, message.topic, keys[start].item(), range(start, end), faults)
                    case GatewayTopic(city) | SparkplugTopic(city):
                        self._check_many(city, keys[start:end], start, faults)
            start = end
        return faults

    def _check_one(self, message: Decoded, topic: SensorTopic, key: int, rows: range, faults: dict[int, Fault]) -> None:
        if key < 0:
            return
        sensor = self.registry.sensors[key]
        if sensor.city == topic.city and sensor.system == topic.system:
            self._right.add(message.message.topic)
            return
        said = f"city {printable(topic.city, 64)!r}, system {printable(topic.system, 64)!r}"
        fault = _wrong_place(said, f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}")
        faults.update(dict.fromkeys(rows, fault))

    def _check_many(self, city: str, keys: NDArray[np.int32], start: int, faults: dict[int, Fault]) -> None:
        if not len(self._city_of):
            return
        elsewhere = (keys >= 0) & (self._city_of[np.maximum(keys, 0)] != self._cities.get(city, -2))
        for row in np.flatnonzero(elsewhere).tolist():
            theirs = self.registry.sensors[keys[row].item()].city
            said = f"city {printable(city, 64)!r}"
            faults[start + row] = _wrong_place(
                said, f"a topic of city {theirs}, as lifeline/{theirs}/gateway/{{gateway}}"
            )


def _wrong_place(said: str, right: str) -> Fault:
    return Fault(
        Reason.WRONG_CITY_OR_SYSTEM, f"the topic says {said}, the sensor is registered elsewhere; publish on {right}"
    )
