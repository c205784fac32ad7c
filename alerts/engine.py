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
from alerts.binding import Binding, Group, bind
from alerts.conditions import due, stale, threshold
from alerts.conditions.threshold import NEVER
from alerts.rules import Due, Pack, Range, Stale, Threshold
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry

ROWS_PER_WALK = 4_096  # bounds the room for events


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
        self.threshold = bind(rules, registry, Threshold, self.unbound)
        self.range = bind(rules, registry, Range, self.unbound)
        self.stale = bind(rules, registry, Stale, self.unbound)
        self.due = bind(rules, registry, Due, self.unbound)
        self.announcing = [group for group in (self.threshold, self.range) if group.announced.any()]

    @property
    def groups(self) -> dict[str, Group]:
        """The groups of bindings by name."""
        return {"threshold": self.threshold, "range": self.range, "stale": self.stale, "due": self.due}

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
        fresh, good, clean, saturated, value, held_until, held_value = admit(
            sensor,
            time,
            batch.value[part],
            batch.quality[part],
            self.sensors,
            self.hold,
            self.registry.low,
            self.registry.high,
        )
        rows = len(sensor)
        for group, signal, usable, clears, full in (
            (self.threshold, value, good, clean, saturated),
            (self.range, (~good).astype(np.float64), fresh, fresh, np.zeros(rows, np.bool_)),
        ):
            if group.bindings:
                events = np.empty(_room(group, sensor, 5), threshold.EVENT)
                count = threshold.walk(
                    sensor, time, signal, fresh, usable, clears, full, held_until, held_value,
                    group.first, group.parameter, group.parameters, group.states, group.quiet, events,
                )  # fmt: skip
                changes += self._threshold_changes(group, events[:count], arrived, batch.clock)
        if self.stale.bindings:
            events = np.empty(_room(self.stale, sensor, 2), stale.EVENT)
            count = stale.walk(
                sensor, arrived, fresh, self.stale.first, self.stale.parameters, self.stale.states, events
            )  # fmt: skip
            changes += self._stale_changes(events[:count], arrived, batch.clock)
        late: NDArray[np.bool_] = ~fresh
        return late

    def _announce(self, clock: int, changes: list[ConditionChange]) -> None:
        for group in self.announcing:
            events = np.empty(len(group.bindings) * threshold.LEVELS, threshold.EVENT)
            count = threshold.announce(
                clock, self.settle_ms, group.sensor, group.announced,
                self.sensors["last_time"], self.sensors["last_good"], self.hold, self.sensors["last_value"],
                group.parameter, group.parameters, group.states, events,
            )  # fmt: skip
            changes += self._threshold_changes(group, events[:count], None, clock)

    def _judge_silence(self, clock: int, changes: list[ConditionChange]) -> None:
        if self.stale.bindings:
            events = np.empty(len(self.stale.bindings), stale.EVENT)
            count = stale.tick(clock, self.stale.parameters, self.stale.states, events)
            changes += self._stale_changes(events[:count], None, clock)

    def _judge_dates(self, batch: ReadingBatch, changes: list[ConditionChange]) -> None:
        if self.due.bindings:
            clock = max(self.clock, batch.clock)
            changes += [
                self.change(
                    self.due.bindings[passed.binding],
                    time=passed.time,
                    raised=passed.raised,
                    known_at=passed.known_at,
                    severity_from=1 - passed.severity,
                    severity=passed.severity,
                    value=None,
                    limit=None,
                    cause="deadline",
                    reason="date_passed" if passed.severity else "date_moved_on",
                )
                for passed in due.judge(clock, batch.arrived, self.due.parameters, self.due.states)
            ]

    def _excuse_own_absence(self, batch: ReadingBatch) -> None:
        if self.clock_gap_ms_max is not None and self.clock != NEVER:
            gap = batch.clock - self.clock
            if gap > self.clock_gap_ms_max or not batch.listening:
                last = self.stale.states["last_arrival"]
                last[last != NEVER] += gap

    def _threshold_changes(
        self, group: Group, events: NDArray[Any], arrived: NDArray[np.int64] | None, clock: int
    ) -> list[ConditionChange]:
        changes = []
        for event in events.tolist():
            binding, row, time, severity_from, severity, raised, deadline, full_scale, value = event
            bound = group.bindings[binding]
            condition = bound.rule.condition
            # The limit that was crossed: of the level reached, or of the lowest level left.
            level = max(severity, 1) if severity > severity_from else severity + 1
            parameter = group.parameters[group.parameter[binding]]
            limit = float(parameter["limit"][level - 1])
            is_range = isinstance(condition, Range)
            if severity > severity_from:
                reason = "bad_readings" if is_range else "full_scale" if full_scale else "limit_reached"
            else:
                reason = "good_readings" if is_range else "limit_left"
            changes.append(
                self.change(
                    bound,
                    time=time,
                    raised=raised,
                    known_at=clock if arrived is None or row < 0 else int(arrived[row]),
                    severity_from=severity_from,
                    severity=severity,
                    value=None if is_range else _plain(value),
                    limit=None if is_range or not np.isfinite(limit) else _plain(limit),
                    cause="deadline" if deadline else "reading",
                    reason=reason,
                )
            )
        return changes

    def _stale_changes(
        self, events: NDArray[Any], arrived: NDArray[np.int64] | None, clock: int
    ) -> list[ConditionChange]:
        return [
            self.change(
                self.stale.bindings[binding],
                time=time,
                raised=raised,
                known_at=clock if arrived is None or row < 0 else int(arrived[row]),
                severity_from=1 - severity,
                severity=severity,
                value=silent_s,
                limit=float(self.stale.parameters[binding]) / 1000,
                cause="silence",
                reason="silent" if severity else "heard_again",
            )
            for binding, row, time, severity, raised, silent_s in events.tolist()
        ]

    def change(self, bound: Binding, **facts: Any) -> ConditionChange:
        """Return a change of the binding's condition with the facts that only it knows."""
        sensor = self.registry.sensors[bound.sensor_key]
        severity = max(facts["severity"], 1)
        return ConditionChange(
            rule=bound.rule.rule,
            kind=bound.rule.condition.kind,
            rule_version=bound.version,
            alarm_class=bound.rule.alarm_class,
            priority=bound.rule.priority_at(severity, bound.override),
            sensor=sensor.sensor,
            sensor_key=bound.sensor_key,
            mode=self.registry.mode_of(sensor),
            **facts,
        )


def _room(group: Group, sensor: NDArray[np.int32], events_each: int) -> int:
    return int((group.first[sensor + 1] - group.first[sensor]).sum()) * events_each


def _plain(value: float) -> float:
    """The value without what a conversion left in its last digits."""
    return float(f"{value:.12g}")
