"""The rules engine: (state, batch) to (state, changes of conditions), without a clock, a database or an event loop.

State lives in numpy arrays, one element a sensor or a binding (one rule at one sensor); kernels compiled by numba walk
the readings of a batch in order of arrival. So the changes depend on each sensor's own readings alone: not on how the
stream was cut into batches, nor on how different sensors' readings were interleaved.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.admission import Rows, admit, all_known, new_sensor_state
from alerts.binding import Selection, bind_due, bind_ladders, bind_stale
from alerts.bound import Bindings, Ladders
from alerts.combining import Combining
from alerts.conditions import due, ladder, stale, threshold
from alerts.conditions.expression import Expression
from alerts.conditions.ladder import NEVER
from alerts.conditions.prefetch import fetch_bindings
from alerts.conditions.range import Range
from alerts.conditions.stuck import Stuck
from alerts.conditions.threshold import Threshold
from alerts.expressing import Expressing
from alerts.findings import due_changes, ladder_changes, stale_changes, standing_change
from alerts.gateways import bind_gateways
from alerts.kinds import SIGNAL_KINDS, name_of
from alerts.rules import Pack
from model.alarm import ConditionChange
from model.reading import Quality, ReadingBatch
from model.registry import Registry

ROWS_PER_WALK = 1_024  # bounds the room for events, and what is fetched to what the processor's cache holds
_LATER = np.iinfo(np.int64).max
_STUCK = np.uint16(Quality.STUCK)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a batch came to: the changes, and which of its rows came too late to be evaluated (bool, shape (n,)).

    `unannounced` are the changes of rules that raise no alarm of their own but keep others quiet.
    """

    changes: list[ConditionChange]
    late: NDArray[np.bool_]
    unannounced: list[ConditionChange]


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
        self.listener: Callable[[Ladders, NDArray[np.void], Rows], None] | None = None  # told of signals, to explain
        size = len(registry.known)
        self.sensors = new_sensor_state(size)
        self.hold = np.full(size, 0, np.int64)
        for key, sensor in registry.sensors.items():
            self.hold[key] = sensor.hold_ms
        self.unbound: list[tuple[str, str]] = []  # (rule, sensor) where a limit is not set
        self.rules = rules = [rule for pack in self.packs for rule in pack.rules]
        selection = Selection(rules, registry)
        self.threshold = bind_ladders(selection, Threshold, self.unbound)
        self.range = bind_ladders(selection, Range, self.unbound)
        self.stuck = bind_ladders(selection, Stuck, self.unbound)
        signals = {name_of(kind): bind_ladders(selection, kind, self.unbound) for kind in SIGNAL_KINDS}
        self.signals = {kind: group for kind, group in signals.items() if group.bindings}
        self.expressing = Expressing(bind_ladders(selection, Expression, self.unbound), registry, self.unbound)
        if self.expressing.group.bindings:
            self.signals["expression"] = self.expressing.group
        self._expresses = "expression" in self.signals
        self.stale = bind_stale(selection)
        self.gateways = bind_gateways(selection, self.unbound)
        self.due = bind_due(selection)
        self.combining = Combining(rules, registry, self.unbound)
        self.ladders: dict[str, Ladders] = {  # by the kind of their condition
            "threshold": self.threshold, "range": self.range, "stuck": self.stuck, **self.signals,
        }  # fmt: skip
        self._unannounced = {rule.rule for rule in rules if not rule.annunciated}
        self._suppressing = {by.rule for rule in rules for by in rule.suppressed_by}
        names = {rule.rule for rule in rules}
        self.unbound += [(r.rule, f"rule {by.rule}") for r in rules for by in r.suppressed_by if by.rule not in names]
        self._signals_of = np.zeros(size, np.int64)  # by sensor: one bit for each kind that makes signals of it
        for place, group in enumerate(self.signals.values()):
            self._signals_of[group.sensor] |= 1 << place
        most = max(group.most for group in self.ladders.values())
        self._events = np.empty(ROWS_PER_WALK * most * 5, ladder.EVENT)
        self._signals = np.empty(ROWS_PER_WALK * most, ladder.SIGNAL)
        # Until when no silence of a sensor, none of a gateway and no date can come due.
        self._silence_from = self._gateways_from = self._dates_from = NEVER

    @property
    def groups(self) -> dict[str, Bindings]:
        """All groups of bindings, by the kind of their condition."""
        return {
            **self.ladders, "stale": self.stale, "gateway_silent": self.gateways, "due": self.due,
            "combination": self.combining.bindings,
        }  # fmt: skip

    def standing_unannounced(self) -> list[ConditionChange]:
        """Return what stands of the conditions that Evaluated.unannounced tells of, as if it were raised just now."""
        names = self._unannounced & self._suppressing
        return [
            standing_change(self.registry, group, binding)
            for group in self.groups.values() if names
            for binding in np.flatnonzero(group.states["raised"] != NEVER).tolist()
            if group.bindings[binding].rule.rule in names
        ]  # fmt: skip

    def states_were_put_in(self) -> None:
        """Find again what is derived from the states, after they were put in from outside."""
        self._silence_from = self._gateways_from = self._dates_from = NEVER
        for group in self.ladders.values():
            group.find_waiting()
        self.combining.recall(self.ladders.values(), self.sensors["last_time"], self.hold)

    def evaluate(self, batch: ReadingBatch) -> Evaluated:
        """Take a batch (or tick) of the log and return what changed.

        Raises UnboundSensor where a reading's sensor is not in the registry that the engine is bound to.
        """
        if not all_known(batch.sensor, self.registry.known):
            raise UnboundSensor(f"batch {batch.sequence}")
        if not self.begun:
            first = int(batch.arrived[0]) if len(batch) else batch.clock
            begin = first if self.clock == NEVER else self.clock
            stale.begin(self.stale.states, begin)
            self.gateways.begin(begin)
            self.begun = True
        self._excuse_own_absence(batch)
        changes: list[ConditionChange] = []
        epoch = self.registry.epoch_of(batch.sensor, batch.time)
        low, high = self.registry.low, self.registry.high
        admitted = admit(batch.sensor, batch.time, batch.value, batch.quality, epoch, self.sensors, low, high)
        rows = Rows(batch.sensor, batch.time, batch.arrived, batch.quality, *admitted)
        if len(batch) <= ROWS_PER_WALK:
            self._walk(rows, batch.clock, changes)
        else:
            for start in range(0, len(batch), ROWS_PER_WALK):
                self._walk(rows.part(slice(start, start + ROWS_PER_WALK)), batch.clock, changes)
        if self._expresses and len(batch):
            made = self.expressing.signals(batch, rows.value, rows.clean, self.hold)
            self._judge_signals(self.expressing.group, made, rows, batch.clock, changes)
        self._announce(batch.clock, changes)
        self._judge_silence(batch.clock, changes)
        self._judge_dates(batch, changes)
        changes += self.combining.judge(batch, changes, rows.good, self.hold)
        unannounced: list[ConditionChange] = []
        if self._unannounced:
            unannounced = [c for c in changes if c.rule in self._unannounced and c.rule in self._suppressing]
            changes = [change for change in changes if change.rule not in self._unannounced]
        self.clock = max(self.clock, batch.clock)
        return Evaluated(changes, np.logical_not(rows.fresh), unannounced)

    def _walk(self, rows: Rows, clock: int, changes: list[ConditionChange]) -> None:
        """Let the kernels walk some rows of a batch."""
        sensor, time, arrived, quality, fresh, good, clean, saturated, renewed, value, held_from = rows
        if self.threshold.bindings:
            count = threshold.walk(
                sensor, time, value, fresh, good, clean, saturated, held_from, self.hold, self._events,
                *self.threshold.walked,
            )  # fmt: skip
            if count:
                changes += ladder_changes(self.registry, self.threshold, self._events[:count], arrived, clock)
        for group in (self.range, self.stuck):
            if group.bindings:
                flagged = np.logical_not(good) if group is self.range else (quality & _STUCK) != 0
                count = threshold.walk(
                    sensor, time, flagged.astype(np.float64), fresh, fresh, fresh, np.zeros(len(sensor), np.bool_),
                    held_from, self.hold, self._events, *group.walked,
                )  # fmt: skip
                if count:
                    changes += ladder_changes(self.registry, group, self._events[:count], arrived, clock)
        present = int(np.bitwise_or.reduce(self._signals_of[sensor])) if self.signals else 0
        for place, group in enumerate(self.signals.values()):
            detector = group.detector
            if present >> place & 1 and detector is not None:
                local = self.registry.local_time(sensor, time) if detector.kind.USES_LOCAL_TIME else time
                fetch_bindings(
                    sensor, group.first, detector.parameter_of, group.limit_of, group.quiet,
                    detector.state_bytes, detector.memory,
                )  # fmt: skip
                made = detector.kind.walk(
                    sensor, time, local, value, clean, renewed, group.first,
                    detector.parameter_of, detector.parameters, detector.states, detector.memory, self._signals,
                )  # fmt: skip
                self._judge_signals(group, self._signals[:made], rows, clock, changes)
        if self.stale.bindings:
            events = np.empty(len(sensor) * self.stale.most * 2, stale.EVENT)
            count = stale.walk(
                sensor, arrived, fresh, self.stale.first, self.stale.deadline, self.stale.states, events
            )  # fmt: skip
            if count:
                changes += stale_changes(self.registry, self.stale, events[:count], arrived, clock)
                self._silence_from = NEVER  # a silence that ended may begin again
        if self.gateways.bindings:
            events = self.gateways.hear(sensor, arrived, fresh)
            if len(events):
                changes += stale_changes(self.registry, self.gateways, events, arrived, clock)
                self._gateways_from = NEVER

    def _judge_signals(
        self, group: Ladders, signals: NDArray[np.void], rows: Rows, clock: int, changes: list[ConditionChange]
    ) -> None:
        """Hold signals of some rows of a batch against their ladders."""
        if len(signals):
            if self.listener is not None:
                self.listener(group, signals, rows)
            events = self._events if len(signals) * 5 <= len(self._events) else np.empty(len(signals) * 5, ladder.EVENT)
            count = ladder.walk_signals(
                signals, rows.sensor, rows.time, rows.held_from, self.hold, events, *group.walked[1:]
            )
            if count:
                changes += ladder_changes(self.registry, group, events[:count], rows.arrived, clock)

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
        if self.gateways.bindings and clock > self._gateways_from:
            events, self._gateways_from = self.gateways.judge(clock)
            changes += stale_changes(self.registry, self.gateways, events, None, clock)

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
                self.gateways.excuse(gap)
