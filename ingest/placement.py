"""Whether the sensors of a batch belong where the topics say: to that city, and to that system."""

from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from ingest.checks import keys_of
from ingest.gathered import Gathered
from ingest.reasons import Fault, Reason, printable
from ingest.topics import GatewayTopic, SensorTopic, SparkplugTopic
from model.registry import Registry

_ANYWHERE, _NOWHERE = -3, -2  # in place of a city's code: the topic names no city, or one without sensors


class Places:
    """Cities and systems of one registry's sensors. Topics found right are remembered, as many as there are sensors."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._right: dict[str, int] = {}  # the key of the topic's sensor
        self._cities = {city: code for code, city in enumerate(registry.cities)}
        self._city_of = np.full(max(1, len(registry.known)), -1, np.int32)
        for key, sensor in registry.sensors.items():
            self._city_of[key] = self._cities.get(sensor.city, -1)

    def place(self, gathered: Gathered) -> tuple[NDArray[np.int32], dict[int, Fault]]:
        """Return the registry key of each reading, int32 (n,), -1 where its sensor is not registered, and faults.

        Those are the rows whose sensor is registered, but elsewhere.
        """
        topics = [message.topic for message in gathered.messages]
        right = np.fromiter(map(self._right.get, topics, repeat(-1)), np.int32, len(topics))
        count = gathered.count
        keys = np.repeat(right, count)
        open_rows = np.flatnonzero(keys < 0)
        if not len(open_rows):
            return keys, {}
        if len(open_rows) == len(keys):
            keys = keys_of(self.registry, gathered.sensor)
        else:
            keys[open_rows] = keys_of(self.registry, [gathered.sensor[row] for row in open_rows.tolist()])
        faults: dict[int, Fault] = {}
        city = np.full(len(topics), _ANYWHERE, np.int32)
        for place in np.flatnonzero((right < 0) & (count > 0)).tolist():
            match gathered.topic(place):
                case SensorTopic() as topic:
                    self._check_one(topic, topics[place], keys, gathered.rows(place), faults)
                case GatewayTopic() | SparkplugTopic() as topic:
                    city[place] = self._cities.get(topic.city, _NOWHERE)
        self._check_many(gathered, keys, city, faults)
        return keys, faults

    def _check_one(
        self, topic: SensorTopic, text: str, keys: NDArray[np.int32], rows: range, faults: dict[int, Fault]
    ) -> None:
        key = int(keys[rows.start])
        if key < 0:
            return
        sensor = self.registry.sensors[key]
        if sensor.city == topic.city and sensor.system == topic.system:
            self._right[text] = key
            return
        said = f"city {printable(topic.city, 64)!r}, system {printable(topic.system, 64)!r}"
        fault = _wrong_place(said, f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}")
        faults.update(dict.fromkeys(rows, fault))

    def _check_many(
        self, gathered: Gathered, keys: NDArray[np.int32], city: NDArray[np.int32], faults: dict[int, Fault]
    ) -> None:
        said = np.repeat(city, gathered.count)
        elsewhere = (said != _ANYWHERE) & (keys >= 0) & (self._city_of[np.maximum(keys, 0)] != said)
        for row in np.flatnonzero(elsewhere).tolist():
            topic = gathered.topic(int(np.searchsorted(gathered.end, row, "right")))
            assert topic is not None
            theirs = self.registry.sensors[int(keys[row])].city
            faults[row] = _wrong_place(
                f"city {printable(topic.city, 64)!r}",
                f"a topic of city {theirs}, as lifeline/{theirs}/gateway/{{gateway}}",
            )


def _wrong_place(said: str, right: str) -> Fault:
    return Fault(
        Reason.WRONG_CITY_OR_SYSTEM, f"the topic says {said}, the sensor is registered elsewhere; publish on {right}"
    )
