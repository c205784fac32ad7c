"""From gathered messages to what can be stored: topics held against the registry, readings checked all at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.checks import RawReadings, check
from ingest.decoders.json import split_payload
from ingest.gathered import Gathered
from ingest.message import Decoded, reject
from ingest.placement import Places
from ingest.reasons import Fault
from ingest.settings import IngestLimits
from model.reading import Rejection
from store.batches import IncomingReadings


@dataclass(frozen=True, slots=True)
class Prepared:
    """What goes into the store for some messages; `unknown` says whether a sensor among them is not registered.

    `sequence` is the devices' own count of the readings, int64 (n,), NO_SEQUENCE where there is none.
    """

    readings: IncomingReadings
    rejections: list[Rejection]
    unknown: bool
    sequence: NDArray[np.int64]


def prepare(places: Places, gathered: Gathered, arrived: int, limits: IngestLimits, doubt_ms: int = 0) -> Prepared:
    """Return the readings and rejections of the messages, in their order; `arrived` in epoch milliseconds.

    `doubt_ms` is as that of ingest.checks.check.
    """
    keys, misplaced = places.place(gathered)
    raw = RawReadings(gathered.sensor, gathered.time, gathered.value, gathered.unit, gathered.quality)
    checked = check(places.registry, raw, arrived, limits, keys, doubt_ms)
    faults = {row: Fault(reason, detail) for row, reason, detail in checked.unusable} | misplaced
    readings, rows, sequence = checked.readings, checked.rows, gathered.sequence
    if misplaced:
        keep = ~np.isin(rows, list(misplaced))
        rows = rows[keep]
        readings = IncomingReadings(
            readings.sensor[keep], readings.time[keep], readings.value[keep], readings.quality[keep]
        )
    if faults:
        sequence = sequence[rows]
    return Prepared(readings, _rejections(gathered, faults, limits), bool((keys < 0).any()), sequence)


def _rejections(gathered: Gathered, faults: Mapping[int, Fault], limits: IngestLimits) -> list[Rejection]:
    """Return what was refused when it was decoded and what is refused now, by message, in their order."""
    rows_of: dict[int, list[int]] = {place: [] for place in gathered.apart}
    rows = sorted(faults)
    for row, place in zip(rows, np.searchsorted(gathered.end, rows, "right").tolist(), strict=True):
        rows_of.setdefault(place, []).append(row)
    rejections: list[Rejection] = []
    for place in sorted(rows_of):
        message = gathered[place]
        first = gathered.rows(place).start
        rejections += message.rejections
        rejections += _refused(message, {row - first: faults[row] for row in rows_of[place]}, limits)
    return rejections


def _refused(decoded: Decoded, faults: Mapping[int, Fault], limits: IngestLimits) -> Iterator[Rejection]:
    """Yield the rejections of a message's readings that are at fault, with the bytes of their entries."""
    if not faults:
        return
    message, columns = decoded.message, decoded.columns
    if decoded.split is not None:
        entries = decoded.split(message.payload)
    else:
        entries = split_payload(message.payload, limits.readings_per_message_max)
    for reading, (reason, detail) in faults.items():
        entry = reading if columns.position is None else columns.position[reading]
        where = f"entry {entry + 1} of {len(entries)}: " if len(entries) > 1 else ""
        yield reject(message, reason, where + detail, payload=entries[entry], sensor=columns.sensor[reading])
