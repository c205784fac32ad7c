"""The engine and the life cycle over a list of batches, without services: the journal a service would have written."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.engine import Engine
from alerts.lifecycle import acknowledge
from alerts.retroactive import LOOK_BACK_MS, passage_of, retroactive_changes
from alerts.steps import after_step
from alerts.suppression import Judged, Step, Suppressing
from model.alarm import Alarm, ConditionChange, JournalLine, State
from model.reading import ReadingBatch

IDEAL_OPERATOR = "ideal-operator"

Earlier: TypeAlias = Callable[[ReadingBatch, NDArray[np.int32], int], Iterable[ReadingBatch]]
"""Gives what arrived before a batch, in order: at least those sensors' readings from a time (epoch milliseconds) on."""


def backtest(
    engine: Engine,
    batches: Iterable[ReadingBatch],
    acknowledge_after_ms: int | None = 60_000,
    earlier: Earlier | None = None,
) -> Iterator[JournalLine]:
    """Yield the journal lines of a run, each occurrence's in order; sort them by model.alarm.journal_order.

    Each occurrence is acknowledged `acknowledge_after_ms` after it was raised or rose unacknowledged, as it became
    known; None acknowledges none. An action comes before a reading that arrives at the same time. Late readings are
    looked at again with those that came before them: `earlier` gives these, else all are kept in memory.
    """
    alarms: dict[str, Alarm] = {}
    due: dict[str, int] = {}
    kept: list[tuple[int, ReadingBatch]] = []  # with their newest times
    told: set[str] = set()  # retroactive occurrences
    suppressing = Suppressing(engine.rules, engine.registry)
    for batch in batches:
        evaluated = engine.evaluate(batch)
        for step in suppressing.step(known_at_once(evaluated.changes), known_at_once(evaluated.unannounced)):
            yield from _apply(alarms, due, step, acknowledge_after_ms)
        if evaluated.late.any():
            begin = int(batch.time[evaluated.late].min()) - LOOK_BACK_MS
            if earlier is None:
                past = [one for newest, one in kept if newest >= begin]
            else:
                past = [*earlier(batch, np.unique(batch.sensor[evaluated.late]), begin)]
            for changes in _retroactive(engine, [*past, batch], evaluated.late):
                for change in changes:
                    # What an earlier late reading has told stands in the journal already.
                    if change.alarm not in told:
                        yield from _apply(alarms, due, Judged(change, None), acknowledge_after_ms)
                told.update(change.alarm for change in changes)
        if earlier is None and len(batch):
            kept.append((int(batch.time.max()), batch))
    for alarm, time in due.items():
        _, line = acknowledge(alarms[alarm], actor=IDEAL_OPERATOR, time=time)
        yield line


def known_at_once(changes: Iterable[ConditionChange]) -> list[ConditionChange]:
    """Return the changes as they are known where the clock is continuous: silence at its deadline, in any batches."""
    return [
        msgspec.structs.replace(change, known_at=change.time) if change.cause == "silence" else change
        for change in changes
    ]


def _retroactive(engine: Engine, seen: list[ReadingBatch], late: NDArray[np.bool_]) -> Iterator[list[ConditionChange]]:
    """Yield what late readings of the newest batch would have raised, by instant and sensor."""
    batch = seen[-1]
    sensor, time, value, quality, arrived = (
        np.concatenate([getattr(one, name) for one in seen])
        for name in ("sensor", "time", "value", "quality", "arrived")
    )
    is_late = np.zeros(len(sensor), np.bool_)
    is_late[len(sensor) - len(batch) :] = late
    for instant in np.unique(batch.arrived[late]).tolist():
        now = is_late & (arrived == instant)
        for key in np.unique(sensor[now]).tolist():
            rows = np.flatnonzero((sensor == key) & (arrived <= instant))
            begin = time[rows][now[rows]].min() - LOOK_BACK_MS
            rows = rows[time[rows] >= begin]
            passage = passage_of(time[rows], value[rows], quality[rows], now[rows])
            yield retroactive_changes(engine, key, passage, instant)


def _apply(
    alarms: dict[str, Alarm], due: dict[str, int], step: Step, acknowledge_after_ms: int | None
) -> Iterator[JournalLine]:
    occurrence, known_at = step.alarm, step.known_at
    alarm = alarms.get(occurrence)
    if alarm is not None and due.get(occurrence, known_at + 1) <= known_at:
        alarm, line = acknowledge(alarm, actor=IDEAL_OPERATOR, time=due.pop(occurrence))
        yield line
    stepped = after_step(alarm, step)
    if stepped is None:
        return
    alarm, line = stepped
    yield line
    if alarm.state is State.NORMAL:
        alarms.pop(occurrence, None)
        due.pop(occurrence, None)
        return
    alarms[occurrence] = alarm
    if alarm.state is State.SUPPRESSED_BY_DESIGN:
        due.pop(occurrence, None)
    elif acknowledge_after_ms is not None and alarm.state is State.UNACKNOWLEDGED:
        due.setdefault(occurrence, known_at + acknowledge_after_ms)
