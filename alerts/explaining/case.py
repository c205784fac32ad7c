"""A case: all that the decision of a rule at a sensor and a time hangs on, and the two ways to look at it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.admission import Rows, admit, new_sensor_state
from alerts.rules import Pack
from model.reading import ReadingBatch, empty_batch
from model.registry import Registry

COLUMNS = ("sensor", "time", "value", "quality", "arrived")


@dataclass(frozen=True, slots=True)
class Period:
    """What the engine was bound to: the rules and sensors of concern, for the batches after sequence `after`."""

    after: int
    packs: tuple[Pack, ...]
    registry: Registry


@dataclass(frozen=True, slots=True)
class Case:
    """What was decided about `rule` at `sensor` (or gateway) when the log's clock stood at `time` (epoch milliseconds).

    `batches` are in the order of the log and hold the readings of concern alone, those too that came after `time`: they
    belong to what is known now. They may be joined where nothing lies between (see joined). There is one at least: the
    first is where the engine began, or where what is left of the readings begins; then `begins` says since when that
    is. One stands at the end of each period but the last, and one where the log's clock was at `time`, without
    readings where there is none of concern. Where nobody listened, one stands on both sides of the gap, the second not
    `listening`. `settle_ms` is as the engine's.
    """

    rule: str
    sensor: str
    time: int
    periods: tuple[Period, ...]
    batches: tuple[ReadingBatch, ...]
    settle_ms: int = 10_000
    begins: int | None = None

    @property
    def period(self) -> Period:
        """The one in force at `time`."""
        newest = max((batch.sequence for batch in self.batches if batch.clock <= self.time), default=0)
        return [period for period in self.periods if period.after < newest or period is self.periods[0]][-1]


def known_then(case: Case) -> list[ReadingBatch]:
    """Return the log as it stood at the case's time."""
    edges = {case.batches[0].sequence, *(period.after for period in case.periods)}  # where the engine began counts
    return joined((batch for batch in case.batches if batch.clock <= case.time), edges)


def known_now(case: Case) -> list[ReadingBatch]:
    """Return the readings up to the case's time as if each had come at its own time, in that order.

    One batch behind the first, at the end of which the engine's clock stands at the case's time.
    """
    whole = as_one(case.batches)
    rows = np.flatnonzero(whole.time <= case.time)
    rows = rows[np.lexsort((whole.sensor[rows], whole.time[rows]))]
    known = of_rows(whole, rows)
    first = case.batches[0]
    return [
        empty_batch(first.sequence, min(first.clock, case.time)),
        ReadingBatch(
            first.sequence + 1, case.time, known.sensor, known.time, known.value, known.quality, arrived=known.time
        ),
    ]


def admitted(registry: Registry, batch: ReadingBatch) -> Rows:
    """Return what the engine makes of the readings of a batch that begins a log; of `renewed` nothing is known."""
    epoch = np.zeros(len(batch), np.int32)
    states = new_sensor_state(len(registry.known))
    columns = (batch.sensor, batch.time, batch.value, batch.quality)
    made = admit(*columns, epoch, states, registry.low, registry.high)
    return Rows(batch.sensor, batch.time, batch.arrived, batch.quality, *made)


def joined(batches: Iterable[ReadingBatch], edges: Sequence[int] | set[int]) -> list[ReadingBatch]:
    """Return the batches with neighbours joined to one, but for those on two sides of an edge or a gap.

    `edges` are sequences after which a new one begins. How the log is cut changes no decision (invariant I3).
    """
    found: list[ReadingBatch] = []
    part: list[ReadingBatch] = []
    for batch in batches:
        if part and _parted(part[-1], batch, edges):
            found.append(as_one(part))
            part = []
        part.append(batch)
    return [*found, as_one(part)] if part else found


def _parted(one: ReadingBatch, other: ReadingBatch, edges: Sequence[int] | set[int]) -> bool:
    # A gap is as long as its own batch says, so that nothing is joined to that one either.
    gap = not (one.listening and other.listening)
    return gap or any(one.sequence <= edge < other.sequence for edge in edges)


def as_one(batches: Sequence[ReadingBatch]) -> ReadingBatch:
    """Return the batches, one at least, as one that ends where the last of them does."""
    if len(batches) == 1:
        return batches[0]
    last = batches[-1]
    columns = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in COLUMNS}
    return ReadingBatch(last.sequence, last.clock, **columns, listening=batches[0].listening)


def of_rows(batch: ReadingBatch, rows: NDArray[np.int64]) -> ReadingBatch:
    """Return a batch with some of its rows, in their order."""
    columns: dict[str, Any] = {name: getattr(batch, name)[rows] for name in COLUMNS}
    return replace(batch, **columns)
