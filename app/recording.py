"""A readings file as batches for the engine: the same checks as on the way in, without broker and database."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.checks import RawReadings, check
from ingest.course import Course, with_bits
from ingest.decoders.entry import QUALITY_WORDS
from ingest.reasons import Fault, Reason, printable
from ingest.settings import IngestLimits
from model.instant import EARLIEST_MS, LATEST_MS, parse_instant
from model.reading import ReadingBatch
from model.reading_file import Row, read_rows
from model.registry import Registry
from store.batches import IncomingReadings

PROBLEMS_KEPT_MAX = 20
ROWS_PER_PART = 100_000


@dataclass(slots=True)
class Recording:
    """The usable readings of a file in order of arrival, and what could not be used.

    `arrived` int64 (n,) epoch milliseconds. `refused` counts by reason, `problems` holds the first ones in words.
    `duplicates` and `conflicts` are how many usable ones are left out because the store would not take them, as it
    counts them (store.batches.Receipt): their sensor and time are taken, with the same value or with another.
    """

    readings: IncomingReadings
    arrived: np.ndarray[tuple[int], np.dtype[np.int64]]
    refused: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    duplicates: int = 0
    conflicts: int = 0

    def batches(self, readings_per_batch: int) -> Iterator[ReadingBatch]:
        """Yield the readings as the log would hand them over, in batches of a size at least.

        What arrived at one instant is never parted, as in the log.
        """
        start = sequence = 0
        while start < len(self.readings):
            newest = self.arrived[min(start + readings_per_batch, len(self.readings)) - 1]
            part = slice(start, int(np.searchsorted(self.arrived, newest, side="right")))
            start, sequence = part.stop, sequence + 1
            arrived = self.arrived[part]
            yield ReadingBatch(
                sequence,
                int(arrived[-1]),
                self.readings.sensor[part],
                self.readings.time[part],
                self.readings.value[part],
                self.readings.quality[part],
                arrived,
            )


def load_recording(path: Path, registry: Registry, limits: IngestLimits) -> Recording:
    """Read a readings file whole. A reading arrives at its `received_at`, or at its own time where it has none.

    Raises ReadingFileError for a file that cannot be read; a bad row costs only itself.
    """
    refused: dict[str, int] = {}
    problems: list[str] = []

    def refuse(line: int, fault: Fault) -> None:
        refused[fault.reason] = refused.get(fault.reason, 0) + 1
        if len(problems) < PROBLEMS_KEPT_MAX:
            problems.append(f"{path}:{line}: {fault.detail}")

    parts = [_checked(_Columns(), registry, limits, refuse)]
    rows = read_rows(path)
    # Part by part: as arrays a week of a city has room, as Python's own numbers it has not.
    while part := list(islice(rows, ROWS_PER_PART)):
        columns = _Columns()
        for row in part:
            fault = columns.take(row)
            if fault is not None:
                refuse(row.line, fault)
        parts.append(_checked(columns, registry, limits, refuse))
    readings, arrived = _in_order_of_arrival(parts)
    bits = Course(registry, limits).judge(registry, readings, arrived).bits
    readings = replace(readings, quality=with_bits(readings.quality, bits))
    taken, conflicts = _taken(readings)
    return Recording(
        _rows_of(readings, taken), arrived[taken], refused, problems, int((~taken).sum()) - conflicts, conflicts
    )


def _checked(
    columns: "_Columns", registry: Registry, limits: IngestLimits, refuse: Callable[[int, Fault], None]
) -> tuple[IncomingReadings, NDArray[np.int64]]:
    """Return the usable readings of rows and their arrival; what is not usable is refused."""
    arrived = np.array(columns.arrived, np.int64)
    raw = RawReadings(
        columns.sensor,
        np.array(columns.time, np.int64),
        np.array(columns.value, np.float64),
        columns.unit if any(columns.unit) else None,
        np.array(columns.quality, np.uint16) if any(columns.quality) else None,
    )
    checked = check(registry, raw, arrived, limits)
    for unusable in checked.unusable:
        refuse(columns.line[unusable.row], Fault(unusable.reason, unusable.detail))
    return checked.readings, arrived[checked.rows]


def _in_order_of_arrival(
    parts: Sequence[tuple[IncomingReadings, NDArray[np.int64]]],
) -> tuple[IncomingReadings, NDArray[np.int64]]:
    arrived = np.concatenate([arrived for _, arrived in parts])
    names = ("sensor", "time", "value", "quality")
    readings = IncomingReadings(*(np.concatenate([getattr(part, name) for part, _ in parts]) for name in names))
    order = np.argsort(arrived, kind="stable")
    return _rows_of(readings, order), arrived[order]


def _rows_of(readings: IncomingReadings, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> IncomingReadings:
    return IncomingReadings(
        readings.sensor[chosen], readings.time[chosen], readings.value[chosen], readings.quality[chosen]
    )


def _taken(readings: IncomingReadings) -> tuple[NDArray[np.bool_], int]:
    """Return which readings the store would take, and how many different values contradict one that it has."""
    by_key = np.lexsort((readings.time, readings.sensor))  # stable: the first to arrive stays first
    sensor, time, value = readings.sensor[by_key], readings.time[by_key], readings.value[by_key]
    is_again = np.zeros(len(by_key), np.bool_)
    is_again[1:] = (sensor[1:] == sensor[:-1]) & (time[1:] == time[:-1])
    first = np.maximum.accumulate(np.where(is_again, 0, np.arange(len(by_key))))
    other = is_again & (value != value[first])
    conflicts = len(set(zip(sensor[other].tolist(), time[other].tolist(), value[other].tolist(), strict=True)))
    taken = np.empty(len(by_key), np.bool_)
    taken[by_key] = ~is_again
    return taken, conflicts


class _Columns:
    """Rows that can be read, as columns."""

    def __init__(self) -> None:
        self.line: list[int] = []
        self.sensor: list[str] = []
        self.time: list[int] = []
        self.value: list[float] = []
        self.unit: list[str | None] = []
        self.quality: list[int] = []
        self.arrived: list[int] = []

    def take(self, row: Row) -> Fault | None:
        """Take a row, or say why not."""
        if not row.value:
            return Fault(Reason.NO_VALUE, "the row has no value; leave it out where nothing was measured")
        try:
            value = _number(row.value)
        except ValueError:
            return Fault(Reason.VALUE_NOT_A_NUMBER, f"value {printable(row.value, 40)!r} is not a number")
        quality = QUALITY_WORDS.get(row.quality.lower()) if row.quality else 0
        if quality is None:
            return Fault(
                Reason.QUALITY_UNKNOWN, f"quality {printable(row.quality, 40)!r}; use {', '.join(QUALITY_WORDS)}"
            )
        if not row.time:
            return Fault(Reason.NO_TIME, "the row has no time; write it like 2026-11-22T08:00:00.000Z")
        try:
            time = _instant(row.time)
            arrived = _instant(row.received_at) if row.received_at else time
            if row.received_at and not EARLIEST_MS <= arrived < LATEST_MS:
                raise ValueError(f"received_at {row.received_at!r} is not between the years 2000 and 2100")
        except ValueError as error:
            return Fault(Reason.TIME_MALFORMED, printable(str(error), 300))
        self.line.append(row.line)
        self.sensor.append(row.sensor)
        self.time.append(time)
        self.value.append(value)
        self.unit.append(row.unit or None)
        self.quality.append(quality)
        self.arrived.append(arrived)
        return None


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError(text)  # Python's own notation, nobody else's
    return float(text)


def _instant(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 text or of an integer of epoch milliseconds."""
    if text.isascii() and text.lstrip("-").isdigit() and len(text) <= 18:
        return int(text)
    return parse_instant(text)
