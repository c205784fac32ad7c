"""From decoded messages to a batch: columns joined, topics held against the registry, all checked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ingest.checks import RawReadings, check, keys_of
from ingest.decoders.json import split_payload
from ingest.message import Decoded, reject
from ingest.reasons import Fault, Reason, printable
from ingest.settings import IngestLimits
from ingest.topics import GatewayTopic, SensorTopic
from model.reading import Rejection
from model.registry import Registry
from store.batches import IncomingReadings


@dataclass(frozen=True, slots=True)
class Prepared:
    """What goes into the store for some messages; `unknown` says whether a sensor among them is not registered."""

    readings: IncomingReadings
    rejections: list[Rejection]
    unknown: bool


def prepare(registry: Registry, messages: Sequence[Decoded], arrived: int, limits: IngestLimits) -> Prepared:
    """Return the readings and rejections of the messages, in their order; `arrived` in epoch milliseconds."""
    names = list(chain.from_iterable(m.columns.sensor for m in messages))
    keys = keys_of(registry, names)
    count = len(names)
    unknown = bool((keys < 0).any())
    columns = [m.columns for m in messages]
    units: list[str | None] | None = None
    if any(c.unit is not None for c in columns):
        units = list(chain.from_iterable(c.unit or [None] * len(c.sensor) for c in columns))
    raw = RawReadings(
        names,
        np.fromiter(chain.from_iterable(c.time for c in columns), np.int64, count),
        np.fromiter(chain.from_iterable(c.value for c in columns), np.float64, count),
        units,
        np.fromiter(chain.from_iterable(c.quality for c in columns), np.uint16, count),
    )
    checked = check(registry, raw, arrived, limits)
    faults = {row: Fault(reason, detail) for row, reason, detail in checked.unusable}
    misplaced = _misplaced(registry, messages, keys)
    readings = checked.readings
    if misplaced:
        keep = ~np.isin(checked.rows, list(misplaced))
        readings = IncomingReadings(
            readings.sensor[keep], readings.time[keep], readings.value[keep], readings.quality[keep]
        )
        faults.update(misplaced)
    return Prepared(readings, _rejections(messages, faults, limits), unknown)


def _misplaced(registry: Registry, messages: Sequence[Decoded], keys: NDArray[np.int32]) -> dict[int, Fault]:
    """Return the rows whose sensor is registered, but in another city or system than the topic says."""
    faults: dict[int, Fault] = {}
    start = 0
    listed = keys.tolist()
    for message in messages:
        end = start + len(message.columns.sensor)
        topic = message.topic
        if isinstance(topic, SensorTopic) and end > start and listed[start] >= 0:
            sensor = registry.sensors[listed[start]]
            if sensor.city != topic.city or sensor.system != topic.system:
                fault = _wrong_place(topic, f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}")
                faults.update(dict.fromkeys(range(start, end), fault))
        elif isinstance(topic, GatewayTopic):
            for row in range(start, end):
                if listed[row] >= 0 and registry.sensors[listed[row]].city != topic.city:
                    city = registry.sensors[listed[row]].city
                    faults[row] = _wrong_place(topic, f"a gateway's topic of city {city}")
        start = end
    return faults


def _wrong_place(topic: SensorTopic | GatewayTopic, right: str) -> Fault:
    system = f", system {printable(topic.system, 64)!r}" if isinstance(topic, SensorTopic) else ""
    return Fault(
        Reason.WRONG_CITY_OR_SYSTEM,
        f"the topic says city {printable(topic.city, 64)!r}{system}, the sensor is registered elsewhere; publish on "
        f"{right}",
    )


def _rejections(messages: Sequence[Decoded], faults: dict[int, Fault], limits: IngestLimits) -> list[Rejection]:
    rejections: list[Rejection] = []
    start = 0
    for message in messages:
        rejections.extend(message.rejections)
        columns = message.columns
        end = start + len(columns.sensor)
        unfit = [row for row in range(start, end) if row in faults] if faults else []
        if unfit:
            entries = split_payload(message.message.payload, limits.readings_per_message_max)
            for row in unfit:
                place = columns.position[row - start] if columns.position else row - start
                where = f"entry {place + 1} of {len(entries)}: " if len(entries) > 1 else ""
                rejections.append(
                    reject(
                        message.message,
                        faults[row].reason,
                        where + faults[row].detail,
                        payload=entries[place],
                        sensor=columns.sensor[row - start],
                    )
                )
        start = end
    return rejections
