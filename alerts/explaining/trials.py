"""Tries changes of a case: the engine's state is kept on the way, so that only what comes after a change is evaluated.

The states lie ever further apart towards the begin of the log, so that a trial evaluates at most some twice as many
readings as came since the first one changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.checkpoint import saved_arrays
from alerts.conditions.ladder import NEVER
from alerts.engine import Engine
from alerts.explaining.case import Case, Period, admitted, as_one, known_now, known_then, of_rows
from alerts.explaining.changes import Change, ChangeKind, Edit, changed
from alerts.explaining.replay import Replay, Signal, replay_now, started
from model.reading import ReadingBatch

COST_MAX = 1_000_000
"""Of all trials of a case; what is not found by then is left out."""
TRIAL_COST = {"combination": 1_500}
ROW_COST = {"displacement": 40, "expression": 20, "forecast": 10, "rate": 10, "step": 10}
"""What a trial, 300 where not named, and each of its readings cost, 1 where not named: some microseconds, by kind."""

HANGS_ON_ARRIVAL = {"stale", "gateway_silent", "due", "combination", "expression"}
"""Kinds of rules that look at when readings arrived, of one sensor or beside those of others."""


class Readings(NamedTuple):
    """A sensor's readings that were evaluated, in time order, as they came: arrays (n,).

    `row` is the place in the log as it was known, `good` and `clean` as of admission.admit.
    """

    row: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    good: NDArray[np.bool_]
    clean: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The engine's state before the row `offset` of a batch, which is row `position` of the whole log.

    `changes` is how many there had been until then, `signal` the newest.
    """

    position: int
    place: int
    offset: int
    engine: Engine
    clock: int
    states: dict[str, NDArray[np.generic]]
    following: tuple[Period, ...]
    changes: int
    signal: Signal | None

    def put_into(self, engine: Engine) -> None:
        """Put an engine that is bound alike into the state."""
        for name, array in saved_arrays(engine).items():
            array[...] = self.states[name]
        engine.clock = self.clock
        engine.begun = False  # as of a new engine: what has a begin of its silence keeps it
        engine.states_were_put_in()


class Trials:
    """A case as it was known at its time, evaluated once, and what is tried: a change by which it is decided otherwise.

    `then` is that evaluation, whole until the first trial. The decision, `fired`, is whether the condition has reached
    `severity`; `raised` is since when it stands (epoch milliseconds), None where it does not. `spent` is what the
    trials have cost so far, of `cost_max`.
    """

    def __init__(self, case: Case, severity: int = 1, cost_max: int = COST_MAX) -> None:
        self.case = case
        self.severity = severity
        self.cost_max = cost_max
        self.spent = 0
        self.registry = case.period.registry
        self.batches = known_then(case)
        self.log = as_one(self.batches)
        self.rows = admitted(self.registry, self.log)
        self.then = started(case, case.periods, case.settle_ms)
        self._kept = list(self._keep())
        self.engine = self.then.engine
        self.rule = next(rule for rule in self.engine.rules if rule.rule == case.rule)
        self.fired = self.then.severity >= severity
        group, place = self.then.binding
        raised = int(group.states[place]["raised"])
        self.raised = None if raised == NEVER else raised
        self._readings: dict[str, Readings] = {}
        kinds = {rule.condition.kind for rule in self.engine.rules}
        self._row_cost = max(ROW_COST.get(kind, 1) for kind in kinds)
        self._trial_cost = max(TRIAL_COST.get(kind, 300) for kind in kinds)

    @property
    def is_over(self) -> bool:
        """Whether the trials have cost what they may."""
        return self.spent > self.cost_max

    @property
    def clock(self) -> int:
        """The log's clock at the end of what was known."""
        return self.batches[-1].clock

    @property
    def sensors(self) -> list[str]:
        """The sensors whose readings make the decision: the one asked about and, of an expression, its inputs."""
        inputs = self.engine.expressing.inputs.tolist() if self.rule.condition.kind == "expression" else []
        return list(dict.fromkeys([self.case.sensor, *(self.registry.sensors[key].sensor for key in inputs)]))

    def readings(self, sensor: str) -> Readings:
        """Return a sensor's readings that were evaluated."""
        if sensor not in self._readings:
            row = np.flatnonzero((self.log.sensor == self.registry.keys[sensor]) & self.rows.fresh)
            time, value, quality = self.log.time[row], self.log.value[row], self.log.quality[row]
            self._readings[sensor] = Readings(row, time, value, quality, self.rows.good[row], self.rows.clean[row])
        return self._readings[sensor]

    def usable(self, sensor: str) -> Readings:
        """Return the readings at a sensor that a change of their values can move."""
        found = self.readings(sensor)
        used = found.good if self.rule.condition.kind == "threshold" else found.clean
        return Readings._make(column[used] for column in found)

    def late(self) -> list[tuple[str, int]]:
        """Return sensor and time of what came after a newer one, was ahead of its time, or came since; newest first."""
        out_of_order = ~self.rows.fresh | (self.log.time > self.log.arrived)
        parts = [(self.log.sensor[out_of_order], self.log.time[out_of_order])]
        for batch in self.case.batches:
            if batch.clock > self.case.time:
                since = batch.time <= self.case.time
                parts.append((batch.sensor[since], batch.time[since]))
        found = {(int(key), int(time)) for part in parts for key, time in zip(*part, strict=True)}
        sensors = self.registry.sensors
        return [(sensors[key].sensor, time) for key, time in sorted(found, key=lambda one: (-one[1], one[0]))]

    def now(self) -> tuple[Replay, ReadingBatch]:
        """Evaluate the case as it is known now; return that evaluation, and the readings in one.

        What a rule makes of one sensor's readings is what it made of them then, up to the first that came late.
        """
        known = known_now(self.case)
        log = as_one(known)
        kinds = {rule.condition.kind for rule in self.engine.rules}
        if len(self.case.periods) > 1 or kinds & HANGS_ON_ARRIVAL or len(np.unique(log.sensor)) > 1:
            return replay_now(self.case, known), log
        length = min(len(log), len(self.log))
        differ = np.zeros(length, np.bool_)
        for name in ("sensor", "time", "value", "quality"):
            differ |= getattr(log, name)[:length] != getattr(self.log, name)[:length]
        same = int(np.argmax(differ)) if differ.any() else length
        kept = next(kept for kept in reversed(self._kept) if kept.position <= same)
        replay = started(self.case, self.case.periods, 0)
        kept.put_into(replay.engine)
        replay.changes, replay.signal = self.then.changes[: kept.changes], kept.signal
        replay.evaluate(of_rows(log, np.arange(kept.position, len(log))))
        return replay, log

    def flips(self, change: Change) -> bool:
        """Tell whether a change flips the decision; none does once the trials have cost what they may."""
        if self.is_over:
            return False
        kept = self._before(change)
        tail = [_from_row(self.batches[kept.place], kept.offset), *self.batches[kept.place + 1 :]]
        tail = changed(self.case, tail, change)
        self.spent += self._trial_cost + self._row_cost * sum(len(batch) for batch in tail)
        kept.put_into(kept.engine)
        replay = Replay(self.case, kept.engine, kept.following, self.case.settle_ms)
        for batch in tail:
            replay.evaluate(batch)
        return (replay.severity >= self.severity) != self.fired

    def _before(self, change: Change) -> _Kept:
        """The newest state that a change leaves as it is."""
        if change.kind == "date":
            time = self.case.time + min(round(1000 * (edit.seconds or 0.0)) for edit in change.edits)
            return next(kept for kept in reversed(self._kept) if kept.clock <= time)
        first = min((self._first_of(change.kind, edit) for edit in change.edits), default=0)
        # What is otherwise from the first row on may lie before it, in a batch without readings.
        return next((kept for kept in reversed(self._kept) if 0 < kept.position <= first), self._kept[0])

    def _first_of(self, kind: ChangeKind, edit: Edit) -> int:
        """The first row of the log at which something is otherwise."""
        end = len(self.log)
        if not edit.times:
            return end
        if kind in ("heard", "in_time"):
            before = max(int(np.searchsorted(self.log.arrived, edit.times[0])) - 1, 0)  # what comes stands behind it
            own: NDArray[np.bool_] = self.log.sensor == self.registry.keys[edit.sensor]
            own &= np.isin(self.log.time, edit.times)
            return min(before, int(np.argmax(own))) if own.any() else before
        readings = self.readings(edit.sensor)
        place = int(np.searchsorted(readings.time, edit.times[0]))
        return int(readings.row[place]) if place < len(readings.row) else end

    def _keep(self) -> Iterator[_Kept]:
        """Evaluate the log once and yield states on the way."""
        ends = np.cumsum([len(batch) for batch in self.batches])
        rows = int(ends[-1])
        wanted = {0, *(rows - 2**power for power in range(rows.bit_length()) if 2**power <= rows)}
        for place, batch in enumerate(self.batches):
            self.then.bind(batch.sequence)
            begin = int(ends[place]) - len(batch)
            # What arrived at one instant is never parted.
            offsets = {
                int(np.searchsorted(batch.arrived, batch.arrived[row - begin]))
                for row in wanted
                if begin <= row < begin + len(batch)
            }
            cuts = sorted(offsets | {0})
            for offset, end in zip(cuts, [*cuts[1:], len(batch)], strict=True):
                yield _state(place, offset, begin + offset, self.then)
                part = _from_row(batch, offset)
                self.then.evaluate(part if end == len(batch) else _until_row(part, end - offset))


def _state(place: int, offset: int, position: int, replay: Replay) -> _Kept:
    engine = replay.engine
    states = {name: array.copy() for name, array in saved_arrays(engine).items()}
    following = tuple(replay.following)
    return _Kept(position, place, offset, engine, engine.clock, states, following, len(replay.changes), replay.signal)


def _from_row(batch: ReadingBatch, offset: int) -> ReadingBatch:
    if not offset:
        return batch
    return replace(
        batch, sensor=batch.sensor[offset:], time=batch.time[offset:], value=batch.value[offset:],
        quality=batch.quality[offset:], arrived=batch.arrived[offset:], listening=True,
    )  # fmt: skip


def _until_row(batch: ReadingBatch, end: int) -> ReadingBatch:
    return replace(
        batch, clock=int(batch.arrived[end - 1]), sensor=batch.sensor[:end], time=batch.time[:end],
        value=batch.value[:end], quality=batch.quality[:end], arrived=batch.arrived[:end],
    )  # fmt: skip
