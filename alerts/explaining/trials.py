"""Tries changes of a case: the engine's state is kept on the way, so that only what comes after a change is evaluated.

The states lie ever further apart towards the begin of the log, so that a trial evaluates at most some twice as many
readings as came since the first one changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.admission import admit, new_sensor_state
from alerts.checkpoint import carry_over, saved_arrays
from alerts.conditions.ladder import NEVER
from alerts.engine import Engine
from alerts.explaining.case import Case, Period, known_then
from alerts.explaining.changes import Change, ChangeKind, Edit, changed
from alerts.explaining.replay import Replay, engine_of, replay
from model.reading import ReadingBatch

TRIAL_COST = {"combination": 1_500}
ROW_COST = {"displacement": 40, "expression": 20, "forecast": 10, "rate": 10, "step": 10}
"""What a trial, 300 where not named, and each of its readings cost, 1 where not named: some microseconds, by kind."""


class Goal(NamedTuple):
    """Whether the condition of a rule at a sensor has reached a severity."""

    rule: str
    sensor: str
    severity: int = 1


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
    """The engine's state before the row `offset` of a batch, which is row `position` of the whole log."""

    position: int
    place: int
    offset: int
    engine: Engine
    clock: int
    states: dict[str, NDArray[np.generic]]
    following: tuple[Period, ...]

    def put_back(self) -> None:
        """Put the engine into the state."""
        for name, array in saved_arrays(self.engine).items():
            array[...] = self.states[name]
        self.engine.clock = self.clock
        self.engine.begun = False  # as of a new engine: what has a begin of its silence keeps it
        self.engine.states_were_put_in()


class Trials:
    """A case as it was known at its time, evaluated once, from which changes of it are tried.

    `spent` is what they have cost so far (ROW_COST).
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.registry = case.period.registry
        self.spent = 0
        self._batches = known_then(case)
        names = ("sensor", "time", "value", "quality", "arrived")
        self._rows = {name: np.concatenate([getattr(batch, name) for batch in self._batches]) for name in names}
        sensor, time, value, quality, self._arrived = (self._rows[name] for name in names)
        states = new_sensor_state(len(self.registry.known))
        epoch = np.zeros(len(sensor), np.int32)
        low, high = self.registry.low, self.registry.high
        self._fresh, self._good, self._clean, *_ = admit(sensor, time, value, quality, epoch, states, low, high)
        self._readings: dict[str, Readings] = {}
        self._kept = list(self._keep())
        self._end = _state(len(self._batches), 0, len(sensor), self._kept[-1].engine, ())
        kinds = {rule.condition.kind for rule in self.engine.rules}
        self._row_cost = max(ROW_COST.get(kind, 1) for kind in kinds)
        self._trial_cost = max(TRIAL_COST.get(kind, 300) for kind in kinds)

    @property
    def engine(self) -> Engine:
        """The engine bound as at the case's time; its state is another after each trial."""
        return self._kept[-1].engine

    @property
    def clock(self) -> int:
        """The log's clock at the end of what was known."""
        return self._batches[-1].clock

    @property
    def has_readings(self) -> bool:
        """Whether anything was heard of the sensors concerned."""
        return len(self._arrived) > 0

    def readings(self, sensor: str) -> Readings:
        """Return a sensor's readings that were evaluated."""
        if sensor not in self._readings:
            self._readings[sensor] = self._readings_of(sensor)
        return self._readings[sensor]

    def _readings_of(self, sensor: str) -> Readings:
        row = np.flatnonzero((self._rows["sensor"] == self.registry.keys[sensor]) & self._fresh)
        time, value, quality = (self._rows[name][row] for name in ("time", "value", "quality"))
        return Readings(row, time, value, quality, self._good[row], self._clean[row])

    def late(self) -> list[tuple[str, int]]:
        """Return sensor and time of what came after a newer one, was ahead of its time, or came since; newest first."""
        names = ("sensor", "time")
        out_of_order = ~self._fresh | (self._rows["time"] > self._arrived)
        parts = [[self._rows[name][out_of_order] for name in names]]
        for batch in self.case.batches:
            if batch.clock > self.case.time:
                parts.append([getattr(batch, name)[batch.time <= self.case.time] for name in names])
        found = {(int(key), int(time)) for part in parts for key, time in zip(*part, strict=True)}
        sensors = self.registry.sensors
        return [(sensors[key].sensor, time) for key, time in sorted(found, key=lambda one: (-one[1], one[0]))]

    def reaches(self, goal: Goal, change: Change | None = None) -> bool:
        """Tell whether the condition would have reached the goal with a change; without one, whether it did."""
        if change is None:
            self._end.put_back()
            return bool(Replay(self._end.engine).severity(goal.rule, goal.sensor) >= goal.severity)
        kept = self._before(change)
        tail = [_from_row(self._batches[kept.place], kept.offset), *self._batches[kept.place + 1 :]]
        tail = changed(self.case, tail, change)
        self.spent += self._trial_cost + self._row_cost * sum(len(batch) for batch in tail)
        kept.put_back()
        found = replay(self.case, (self.case.period, *kept.following), tail, self.case.settle_ms, kept.engine)
        return bool(found.severity(goal.rule, goal.sensor) >= goal.severity)

    def raised(self, goal: Goal) -> int | None:
        """Return since when the condition stood (epoch milliseconds), None where it did not."""
        self._end.put_back()
        since = int(Replay(self._end.engine).state(goal.rule, goal.sensor)["raised"])
        return None if since == NEVER else since

    def _before(self, change: Change) -> _Kept:
        first = min((self._first_of(change.kind, edit) for edit in change.edits), default=0)
        # What is otherwise from the first row on may lie before it, in a batch without readings.
        return next((kept for kept in reversed(self._kept) if 0 < kept.position <= first), self._kept[0])

    def _first_of(self, kind: ChangeKind, edit: Edit) -> int:
        """The first row of the log at which something is otherwise."""
        end = len(self._arrived)
        if kind == "date":
            return 0
        if not edit.times:
            return end
        if kind in ("heard", "in_time"):
            before = max(int(np.searchsorted(self._arrived, [edit.times[0]])[0]) - 1, 0)  # what comes stands behind it
            own: NDArray[np.bool_] = (self._rows["sensor"] == self.registry.keys[edit.sensor]) & np.isin(
                self._rows["time"], edit.times
            )
            return min(before, int(np.argmax(own))) if own.any() else before
        readings = self.readings(edit.sensor)
        place = int(np.searchsorted(readings.time, edit.times[0]))
        return int(readings.row[place]) if place < len(readings.row) else end

    def _keep(self) -> Iterator[_Kept]:
        """Evaluate the log once and yield states on the way."""
        ends = np.cumsum([len(batch) for batch in self._batches])
        rows = int(ends[-1])
        wanted = {0, *(rows - 2**power for power in range(rows.bit_length()) if 2**power <= rows)}
        engine = engine_of(self.case.periods[0], self.case.settle_ms)
        following = list(self.case.periods[1:])
        for place, batch in enumerate(self._batches):
            while following and following[0].after < batch.sequence:
                before, engine = engine, engine_of(following.pop(0), self.case.settle_ms)
                carry_over(before, engine)
            begin = int(ends[place]) - len(batch)
            # What arrived at one instant is never parted.
            offsets = {
                int(np.searchsorted(batch.arrived, batch.arrived[row - begin]))
                for row in wanted
                if begin <= row < begin + len(batch)
            }
            cuts = sorted(offsets | {0})
            for offset, end in zip(cuts, [*cuts[1:], len(batch)], strict=True):
                yield _state(place, offset, begin + offset, engine, tuple(following))
                part = _from_row(batch, offset)
                engine.evaluate(part if end == len(batch) else _until_row(part, end - offset))


def _state(place: int, offset: int, position: int, engine: Engine, following: tuple[Period, ...]) -> _Kept:
    states = {name: array.copy() for name, array in saved_arrays(engine).items()}
    return _Kept(position, place, offset, engine, engine.clock, states, following)


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
