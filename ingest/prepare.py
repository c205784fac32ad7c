"""From decoded messages to a batch: columns joined, topics held against the registry, all checked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ingest.checks import RawReadings, check, keys_of
from ingest.decoders.json import split_payload
from ingest.message import Columns, Decoded, reject
from ingest.placement import Places
from ingest.reasons import Fault
from ingest.settings import IngestLimits
from model.reading import Rejection
from store.batches import IncomingReadings

NO_SEQUENCE = -1


@dataclass(frozen=True, slots=True)
class Prepared:
    """What goes into the store for some messages; `unknown` says whether a sensor among them is not registered.

    `sequence` is the devices' own count of the readings, int64 (n,), -1 where there is none, and None where nowhere.
    """

    readings: IncomingReadings
    rejections: list[Rejection]
    unknown: bool
    sequence: NDArray[np.int64] | None


def prepare(places: Places, messages: Sequence[Decoded], arrived: int, limits: IngestLimits) -> Prepared:
    """Return the readings and rejections of the messages, in their order; `arrived` in epoch milliseconds."""
    registry = places.registry
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
    misplaced = places.misplaced(messages, keys)
    readings, rows = checked.readings, checked.rows
    if misplaced:
        keep = ~np.isin(checked.rows, list(misplaced))
        readings = IncomingReadings(
            readings.sensor[keep], readings.time[keep], readings.value[keep], readings.quality[keep]
        )
        rows = rows[keep]
        faults.update(misplaced)
    sequence = _sequence(columns, count)
    if sequence is not None and len(rows) != count:
        sequence = sequence[rows]
    return Prepared(readings, _rejections(messages, faults, limits), unknown, sequence)


def _sequence(columns: Sequence[Columns], count: int) -> NDArray[np.int64] | None:
    if all([one.sequence is None for one in columns]):
        return None
    return np.fromiter(
        (
            NO_SEQUENCE if number is None else number
            for one in columns
            for number in (one.sequence or [None] * len(one.sensor))
        ),
        np.int64,
        count,
    )


def _rejections(messages: Sequence[Decoded], faults: dict[int, Fault], limits: IngestLimits) -> list[Rejection]:
    if not faults:
        return [rejection for message in messages if message.rejections for rejection in message.rejections]
    rejections: list[Rejection] = []
    start = 0
    for message in messages:
        rejections.extend(message.rejections)
        columns = message.columns
        end = start + len(columns.sensor)
        unfit = [row for row in range(start, end) if row in faults]
        if unfit:
            entries = (
                message.split(message.message.payload)
                if message.split
                else split_payload(message.message.payload, limits.readings_per_message_max)
            )
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
