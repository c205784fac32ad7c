"""What might have been otherwise: readings, when they came, or the time asked about; a change made to a case."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.explaining.case import COLUMNS, Case, of_rows
from model.reading import Quality, ReadingBatch, empty_batch
from model.registry import Registry

STANDS_MAX = 200
"""Readings by which a value that stands longer is told; where its interval makes more of it, they lie further apart."""

ChangeKind = Literal[
    "value", "steady", "longer", "value_longer", "quality", "quality_longer", "in_time", "heard", "silent", "date"
]
"""What is changed: readings by an amount (`value`), or to the value before them (`steady`); the newest reading stands
longer (`longer`), changed or not; readings had been good, bad or stuck (`quality`); readings had come at their own time
(`in_time`); a sensor had been heard (`heard`), or not for longer (`silent`); the time is another (`date`)."""

Shape = Literal["all", "rising", "accelerating", "alternating"]
"""Of a change by an amount: each reading by it; evenly more up to it at the newest; ever faster up to it, as creep that
goes to failure; the newest by it, the one before by as much the other way, and so on."""
_TO_FAILURE = 0.98
"""How much of its way to failure the accelerating shape has gone."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What would have been otherwise at a sensor; of a silence or a date, at whatever is asked about.

    `times` are of the readings concerned, oldest first (epoch milliseconds). `by` is what they are changed by, in the
    property's unit and never beyond the valid range, in a `shape`. `to` is the value of each instead.
    `quality` are the labels of what is known against each instead, none: good. `seconds` is for how much longer than
    the time asked about the newest of them stood, or nothing was heard; for a date how much later the time is, negative
    where earlier.
    """

    sensor: str
    times: list[int] = []
    by: float | None = None
    shape: Shape = "all"
    to: float | None = None
    quality: list[str] | None = None
    seconds: float | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a case: what would have been otherwise, at one sensor or at several together."""

    kind: ChangeKind
    edits: list[Edit]


def apply(case: Case, change: Change) -> Case:
    """Return the case as it would have been known at its time, or at the changed one, with the change."""
    known = [batch for batch in case.batches if batch.clock <= case.time]
    batches = changed(case, known, change)
    return replace(case, time=batches[-1].clock, batches=tuple(batches))


def changed(case: Case, batches: Sequence[ReadingBatch], change: Change) -> list[ReadingBatch]:
    """Return batches up to the case's time, or the last of them, with the change; the readings concerned are in them.

    Only readings that had not come yet are taken from the case.
    """
    found, registry = list(batches), case.period.registry
    for edit in change.edits:
        if change.kind == "in_time":
            found = _come_in_time(case, found, registry.keys[edit.sensor], edit)
        elif change.kind == "heard":
            found = _heard(found, registry, edit)
        elif change.kind in ("date", "silent"):
            found = _until(found, case.time + round(1000 * (edit.seconds or 0.0)))
        else:
            found = [_edited(batch, registry, edit) for batch in found]
            if edit.seconds is not None:
                found[-1] = _standing(found, registry, edit, case.time)
    return found


def _edited(batch: ReadingBatch, registry: Registry, edit: Edit) -> ReadingBatch:
    key = registry.keys[edit.sensor]
    rows = np.flatnonzero((batch.sensor == key) & np.isin(batch.time, edit.times))
    if not len(rows) or (edit.by is None and edit.to is None and edit.quality is None):
        return batch
    value, quality = batch.value.copy(), batch.quality.copy()
    if edit.to is not None:
        value[rows] = edit.to
    if edit.by is not None:
        share = _share(edit.shape, np.searchsorted(edit.times, batch.time[rows]), len(edit.times))
        before = value[rows]
        low, high = np.minimum(before, registry.low[key]), np.maximum(before, registry.high[key])
        value[rows] = np.clip(before + edit.by * share, low, high)
    if edit.quality is not None:
        quality[rows] = _flags(edit.quality)
    return replace(batch, value=value, quality=quality)


def _share(shape: Shape, place: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """What part of the amount each reading is changed by, by its place (n,) among `count`, oldest first."""
    share: NDArray[np.float64] = (place + 1) / count
    if shape == "rising":
        return share
    if shape == "accelerating":
        faster: NDArray[np.float64] = np.log1p(-_TO_FAILURE * share) / np.log1p(-_TO_FAILURE)
        return faster
    if shape == "alternating":
        return np.where((count - 1 - place) % 2 == 0, 1.0, -1.0)
    return np.ones(len(place))


def _standing(batches: Sequence[ReadingBatch], registry: Registry, edit: Edit, time: int) -> ReadingBatch:
    """The last batch, with readings like the newest of the edit, an interval apart, until so long after `time`."""
    assert edit.seconds is not None
    key, newest = registry.keys[edit.sensor], edit.times[-1]
    like = next(  # the first of its time is the one that was evaluated
        (batch, row)
        for batch in batches
        for row in np.flatnonzero((batch.sensor == key) & (batch.time == newest)).tolist()
    )
    begin = max(time, newest)
    end = begin + round(1000 * edit.seconds)
    step = max(round(1000 * registry.sensors[key].interval_s), -(-(end - begin) // STANDS_MAX), 1)
    times = np.append(np.arange(begin + step, end, step, dtype=np.int64), end)
    batch, row = like
    columns = np.full(len(times), batch.value[row]), np.full(len(times), batch.quality[row])
    return _with_readings(batches[-1], key, times, *columns, np.maximum(times, time))


def _heard(batches: Sequence[ReadingBatch], registry: Registry, edit: Edit) -> list[ReadingBatch]:
    """With good readings of the edit's times that came at those times."""
    key = registry.keys[edit.sensor]
    own = np.concatenate([batch.value[batch.sensor == key] for batch in batches])
    value = edit.to if edit.to is not None else float(own[-1]) if len(own) else float(registry.low[key])
    times = np.array(edit.times, np.int64)
    return _inserted(batches, key, times, np.full(len(times), value), np.zeros(len(times), np.uint16))


def _come_in_time(case: Case, batches: Sequence[ReadingBatch], key: int, edit: Edit) -> list[ReadingBatch]:
    def concerned(batch: ReadingBatch) -> NDArray[np.bool_]:
        rows: NDArray[np.bool_] = (batch.sensor == key) & np.isin(batch.time, edit.times)
        return rows

    taken = [(batch, concerned(batch)) for batch in case.batches]
    columns = [
        np.concatenate([getattr(batch, name)[rows] for batch, rows in taken]) for name in ("time", "value", "quality")
    ]
    kept = [of_rows(batch, np.flatnonzero(~concerned(batch))) for batch in batches]
    return _inserted(kept, key, *columns)


def _inserted(
    batches: Sequence[ReadingBatch],
    key: int,
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint16],
) -> list[ReadingBatch]:
    """Batches with readings that come at their own times; those after the last of the batches have not come yet."""
    place = np.searchsorted([batch.clock for batch in batches], time)
    found = []
    for number, batch in enumerate(batches):
        rows = np.flatnonzero(place == number)
        its = time[rows]
        found.append(_with_readings(batch, key, its, value[rows], quality[rows], its) if len(rows) else batch)
    return found


def _with_readings(
    batch: ReadingBatch,
    key: int,
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint16],
    arrived: NDArray[np.int64],
) -> ReadingBatch:
    """A batch with more readings of a sensor, in order of arrival; its clock moves to the last of them."""
    columns = np.full(len(time), key, np.int32), time, value, quality, arrived
    both: dict[str, Any] = {
        name: np.concatenate([getattr(batch, name), column]) for name, column in zip(COLUMNS, columns, strict=True)
    }
    clock = max(batch.clock, int(arrived[-1]))
    return of_rows(replace(batch, clock=clock, **both), np.argsort(both["arrived"], kind="stable"))


def _until(batches: Sequence[ReadingBatch], time: int) -> list[ReadingBatch]:
    """The batches whose clock had come by `time`, at which the last of them ends."""
    kept = [batch for batch in batches if batch.clock <= time]
    return [*kept[:-1], replace(kept[-1], clock=time)] if kept else [empty_batch(batches[0].sequence, time)]


def _flags(labels: Sequence[str]) -> int:
    return int(sum(Quality[label.upper()] for label in labels))
