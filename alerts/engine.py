"""The rules engine: (state, batch) to (state, changes of conditions), without a clock, a database or an event loop.

State lives in numpy arrays, one element a sensor or a binding (one rule at one sensor); kernels compiled by numba walk
the readings of a batch in order of arrival. So the changes depend on each sensor's own readings alone: not on how the
stream was cut into batches, nor on how different sensors' readings were interleaved.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.admission import admit, new_sensor_state
from alerts.binding import Bindings, Ladders, bind_due, bind_ladders, bind_stale
from alerts.conditions import due, ladder, stale, threshold
from alerts.conditions.ladder import NEVER
from alerts.conditions.range import Range
from alerts.conditions.threshold import Threshold
from alerts.findings import due_changes, ladder_changes, stale_changes
from alerts.kinds import SIGNAL_KINDS
from alerts.rules import Pack
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry

ROWS_PER_WALK = 4_096  # bounds the room for events
_LATER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a batch came to: the changes, and which of its rows came too late to be evaluated (bool, shape (n,))."""

    changes: list[ConditionChange]
    late: NDArray[np.bool_]


class UnboundSensor(Exception):
    """A batch holds a reading of a sensor that the engine is not bound to; nothing of the batch was evaluated."""


class Engine:
    """Rules bound to sensors, and their state.

    `settle_ms`: in operational cities an on-delay is announced this long after its deadline on the arrival clock.
    `clock_gap_ms_max`: where the log's clock jumps further than this, or a batch says so, nobody was listening: the
    jump is no silence of the sensors. None where the clock is that of the readings themselves (back-test).
    """

    def __init__(
        self,
        packs: Iterable[Pack],
        registry: Registry,
        *,
        settle_ms: int = 10_000,
        clock_gap_ms_max: int | None = None,
    ) -> None:
        self.packs = tuple(packs)
        self.registry = registry
        self.settle_ms = settle_ms
        self.clock_gap_ms_max = clock_gap_ms_max
        self.clock = NEVER
        self.begun = False  # whether each sensor's silence has a beginning
        size = len(registry.known)
        self.sensors = new_sensor_state(size)
        self.hold = np.full(size, 0, np.int64)
        for key, sensor in registry.sensors.items():
            self.hold[key] = sensor.hold_ms
        self.unbound: list[tuple[str, str]] = []  # (rule, sensor) where a limit is not set
        rules = [rule for pack in self.packs for rule in pack.rules]
        self.threshold = bind_ladders(rules, registry, Threshold, self.unbound)
        self.range = bind_ladders(rules, registry, Range, self.unbound)
        signals = {kind.Condition: bind_ladders(rules, registry, kind, self.unbound) for kind in SIGNAL_KINDS}
        self.signals = {
            str(words.model_fields["kind"].annotation.__args__[0]): group  # type: ignore[union-attr]
            for words, group in signals.items()
            if group.bindings
        }
        self.stale = bind_stale(rules, registry)
        self.due = bind_due(rules, registry)
        self.judge_clocks_anew()

    @property
    def ladders(self) -> dict[str, Ladders]:
        """The groups of bindings with ladders, by the kind of their condition."""
        return {"threshold": self.threshold, "range": self.range, **self.signals}

    @property
    def groups(self) -> dict[str, Bindings]:
        """All groups of bindings, by the kind of their condition."""
        return {**self.ladders, "stale": self.stale, "due": self.due}

    def judge_clocks_anew(self) -> None:
        """Forget until when no silence and no date can come due, as after states or dates were put in from outside."""
        self._silence_from = self._dates_from = NEVER

    def evaluate(self, batch: ReadingBatch) -> Evaluated:
        """Take a batch (or tick) of the log and return what changed.

        Raises UnboundSensor where a reading's sensor is not in the registry that the engine is bound to.
        """
        if len(batch) and (batch.sensor.max() >= len(self.hold) or not self.registry.known[batch.sensor].all()):
            raise UnboundSensor(f"batch {batch.sequence}")
        if not self.begun:
            first = int(batch.arrived[0]) if len(batch) else batch.clock
            stale.begin(self.stale.states, first if self.clock == NEVER else self.clock)
            self.begun = True
        self._excuse_own_absence(batch)
        changes: list[ConditionChange] = []
        late = np.zeros(len(batch), np.bool_)
        for start in range(0, len(batch), ROWS_PER_WALK):
            part = slice(start, start + ROWS_PER_WALK)
            late[part] = self._walk(batch, part, changes)
        self._announce(batch.clock, changes)
        self._judge_silence(batch.clock, changes)
        self._judge_dates(batch, changes)
        self.clock = max(self.clock, batch.clock)
        return Evaluated(changes, late)

    def _walk(self, batch: ReadingBatch, part: slice, changes: list[ConditionChange]) -> NDArray[np.bool_]:
        sensor, time, arrived = batch.sensor[part], batch.time[part], batch.arrived[part]
        fresh, good, clean, saturated, renewed, value, held_until = admit(
            sensor,
            time,
            batch.value[part],
            batch.quality[part],
            self.registry.epoch_of(sensor, time),
            self.sensors,
            self.hold,
            self.registry.low,
            self.registry.high,
        )
        if self.threshold.bindings:
            events = np.empty(_room(self.threshold, sensor) * 5, ladder.EVENT)
            count = threshold.walk(
                sensor, time, value, fresh, good, clean, saturated, held_until, events, *_walked(self.threshold)
            )
            if count:
                changes += ladder_changes(self.registry, self.threshold, events[:count], arrived, batch.clock)
        if self.range.bindings:
            events = np.empty(_room(self.range, sensor) * 5, ladder.EVENT)
            bad, never = (~good).astype(np.float64), np.zeros(len(sensor), np.bool_)
            count = threshold.walk(
                sensor, time, bad, fresh, fresh, fresh, never, held_until, events, *_walked(self.range)
            )
            if count:
                changes += ladder_changes(self.registry, self.range, events[:count], arrived, batch.clock)
        for group in self.signals.values():
            self._walk_signals(group, batch, part, value, clean, renewed, held_until, changes)
        if self.stale.bindings:
            events = np.empty(_room(self.stale, sensor) * 2, stale.EVENT)
            count = stale.walk(
                sensor, arrived, fresh, self.stale.first, self.stale.deadline, self.stale.states, events
            )  # fmt: skip
            if count:
                changes += stale_changes(self.registry, self.stale, events[:count], arrived, batch.clock)
                self._silence_from = NEVER  # a silence that ended may begin again
        late: NDArray[np.bool_] = ~fresh
        return late

    def _walk_signals(
        self,
        group: Ladders,
        batch: ReadingBatch,
        part: slice,
        value: NDArray[np.float64],
        clean: NDArray[np.bool_],
        renewed: NDArray[np.bool_],
        held_until: NDArray[np.int64],
        changes: list[ConditionChange],
    ) -> None:
        sensor, time, arrived = batch.sensor[part], batch.time[part], batch.arrived[part]
        room, detector = _room(group, sensor), group.detector
        if not room or detector is None:
            return
        signals = np.empty(room, ladder.SIGNAL)
        local = self.registry.local_time(sensor, time) if detector.kind.USES_LOCAL_TIME else time
        made = detector.kind.walk(
            sensor, time, local, value, clean, renewed, group.first,
            detector.parameter_of, detector.parameters, detector.states, detector.memory, signals,
        )  # fmt: skip
        if made:
            events = np.empty(made * 5, ladder.EVENT)
            count = ladder.walk_signals(signals[:made], time, held_until, events, *_walked(group)[1:])
            if count:
                changes += ladder_changes(self.registry, group, events[:count], arrived, batch.clock)

    def _announce(self, clock: int, changes: list[ConditionChange]) -> None:
        for group in self.ladders.values():
            if group.waiting_count[0]:
                events = np.empty(group.waiting_count[0] * ladder.LEVELS, ladder.EVENT)
                count = ladder.announce(
                    clock, self.settle_ms, group.sensor, group.announced,
                    self.sensors["last_time"], self.sensors["last_good"], self.hold,
                    group.limit_of, group.limits, group.states,
                    group.waiting, group.waiting_count, group.is_listed, events,
                )  # fmt: skip
                changes += ladder_changes(self.registry, group, events[:count], None, clock)

    def _judge_silence(self, clock: int, changes: list[ConditionChange]) -> None:
        if self.stale.bindings and clock > self._silence_from:
            events = np.empty(len(self.stale.bindings), stale.EVENT)
            count, self._silence_from = stale.tick(clock, self.stale.deadline, self.stale.states, events)
            changes += stale_changes(self.registry, self.stale, events[:count], None, clock)

    def _judge_dates(self, batch: ReadingBatch, changes: list[ConditionChange]) -> None:
        clock = max(self.clock, batch.clock)
        if self.due.bindings and clock > self._dates_from:
            found = due.judge(clock, batch.arrived, self.due.deadline, self.due.states)
            changes += due_changes(self.registry, self.due, found)
            waiting = self.due.deadline[self.due.states["raised"] == NEVER]
            self._dates_from = int(waiting.min()) if len(waiting) else _LATER

    def _excuse_own_absence(self, batch: ReadingBatch) -> None:
        if self.clock_gap_ms_max is not None and self.clock != NEVER:
            gap = batch.clock - self.clock
            if gap > self.clock_gap_ms_max or not batch.listening:
                last = self.stale.states["last_arrival"]
                last[last != NEVER] += gap


def _walked(group: Ladders) -> Any:
    """What a kernel is given of a group: who has which bindings, their limits, states and the list of waiting ones."""
    return (
        group.first, group.limit_of, group.limits, group.states, group.quiet,
        group.waiting, group.waiting_count, group.is_listed,
    )  # fmt: skip


def _room(group: Bindings, sensor: NDArray[np.int32]) -> int:
    """How many bindings the readings of these sensors meet."""
    return int((group.first[sensor + 1] - group.first[sensor]).sum())
