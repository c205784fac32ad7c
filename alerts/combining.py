"""Judges combinations: keeps what other rules' conditions have reached, and finds the groups that a change concerns."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.bound import Binding, Bindings, Ladders
from alerts.conditions.combination import NEVER_LOOKED_AT, STATE, Combination, Term, has_not, holds, needed_terms
from alerts.conditions.ladder import NEVER
from alerts.findings import change_of
from alerts.looks import NOBODY, Look, Restless, look_of, may_hold
from alerts.places import area_of
from alerts.rules import Rule
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry
from model.severity import LABELS


class Count(NamedTuple):
    """Registry keys of the sensors that a term counts: of those that have reached its level, and of the others."""

    reached: list[int]
    others: list[int]


class Combining:
    """The combinations of all rules at their groups of sensors.

    `bindings` are those of the groups, each at its first sensor by name. `unbound` is given (rule, what) for a term
    whose rule is not there, or whose condition is none that readings move.
    """

    def __init__(self, rules: Sequence[Rule], registry: Registry, unbound: list[tuple[str, str]]) -> None:
        self._registry = registry
        size = len(registry.known)
        by_name = {rule.rule: rule for rule in rules}
        self._looks: list[list[Look]] = []  # by group
        self._concerned: dict[str, list[Look]] = {}  # by the rule that is looked at
        self._at_each_reading: dict[int, list[int]] = {}  # groups that a `not` may have kept quiet, by their sensors
        self._needed: list[list[list[Look]]] = []  # by group: for each level the terms without which it cannot hold
        self._restless: list[Restless] = []
        self._watched: NDArray[np.bool_] | None = None  # by key, while nothing that a group looks at has changed
        bindings: list[Binding] = []
        for rule in rules:
            if not isinstance(rule.condition, Combination):
                continue
            missing = [t.rule for t in rule.condition.terms if not _moved_by_readings(by_name.get(t.rule))]
            unbound += [(rule.rule, f"rule {name}") for name in missing]
            if not missing:
                self._bind(rule, rule.condition, by_name, bindings)
        keys = np.array([b.sensor_key for b in bindings], np.int64)
        state = np.zeros(len(bindings), STATE)
        state["raised"] = state["changed"] = NEVER
        self.bindings = Bindings(bindings, keys, np.zeros(size + 1, np.int32), state)
        self._reached = {rule: np.zeros(size, np.int8) for rule in self._concerned}
        self._held_until = np.full(size, NEVER)

    def _bind(self, rule: Rule, condition: Combination, by_name: Mapping[str, Rule], bindings: list[Binding]) -> None:
        group_area = area_of(condition.per)
        sensors: dict[str, list[tuple[str, int]]] = {}
        for key, sensor in self._registry.sensors.items():
            area = group_area(sensor) if rule.select.agrees(sensor) else None
            if area is not None:
                sensors.setdefault(area, []).append((sensor.sensor, key))
        first, version = len(bindings), rule.version
        is_restless = any(has_not(clause) for clause in condition.levels.values())
        at_readings: list[tuple[int, int]] = []
        anchors = {}
        for area in sorted(sensors):
            anchors[len(bindings)] = anchor = min(sensors[area])[1]
            if is_restless:
                at_readings += [(key, len(bindings)) for _, key in sensors[area]]
            bindings.append(Binding(rule, version, anchor, None))
        self._looks += [[] for _ in range(len(bindings) - first)]
        looks = {
            term: look_of(self._registry, term, condition, by_name[term.rule], anchors) for term in condition.terms
        }
        for term, look in looks.items():
            self._concerned.setdefault(term.rule, []).append(look)
        needed = [[looks[term] for term in needed_terms(clause)] for clause in condition.levels.values()]
        if at_readings:
            keys, groups = (np.array(column, np.int64) for column in zip(*at_readings, strict=True))
            self._restless.append(Restless(keys, groups, needed))
            for key, group in at_readings:
                self._at_each_reading.setdefault(key, []).append(group)
        for group in anchors:
            self._looks[group] += looks.values()
            self._needed.append(needed)

    def sensors_of(self, group: int) -> list[int]:
        """Return the registry keys of the sensors that a group looks at, its own first."""
        own = [key for key, groups in self._at_each_reading.items() if group in groups]
        looked_at = [key for look in self._looks[group] for key in look.members.get(group, NOBODY).tolist()]
        return list(dict.fromkeys([int(self.bindings.sensor[group]), *own, *looked_at]))

    def counts_of(self, group: int) -> dict[Term, Count]:
        """Return which sensors have reached the level of each term that a group looks at, and which have not."""
        found = {}
        for look in self._looks[group]:
            members = look.members[group]
            has_reached = self._reached[look.term.rule][members] >= look.level
            found[look.term] = Count(members[has_reached].tolist(), members[~has_reached].tolist())
        return found

    def recall(self, ladders: Iterable[Ladders], last_time: NDArray[np.int64], hold: NDArray[np.int64]) -> None:
        """Take what conditions have reached from their states, as after these were put in from outside."""
        for group in ladders:
            for place, watch in enumerate(group.bindings.watches):
                if watch.rule.rule in self._reached:
                    there = group.bindings.watch_of == place
                    self._reached[watch.rule.rule][group.sensor[there]] = group.states["severity"][there]
        for rule, looks in self._concerned.items():
            for look in looks:
                look.counts[:] = 0
                for key in np.flatnonzero(self._reached[rule] >= look.level).tolist():
                    look.counts[look.groups.get(key, NOBODY)] += 1
        self._watched = None
        self._held_until[:] = np.where(last_time == NEVER, NEVER, last_time + hold)

    def judge(
        self, batch: ReadingBatch, changes: Sequence[ConditionChange], good: NDArray[np.bool_], hold: NDArray[np.int64]
    ) -> list[ConditionChange]:
        """Return the changes of combinations that a batch's `changes` of other conditions brought.

        `good` (n,) tells which readings of the batch are new and not held back, `hold` (milliseconds, by key) how long.
        """
        if not self._looks:
            return []
        told = sorted((c for c in changes if c.rule in self._reached), key=lambda c: c.known_at)
        watched = self._watched_rows(batch, good, told)
        if not told and not watched:
            self._hear(batch, good, hold, 0, len(batch))
            return []
        instants = sorted({c.known_at for c in told} | {int(batch.arrived[row]) for row in watched})
        by_instant = {instant: list(found) for instant, found in groupby(told, key=lambda c: c.known_at)}
        found: list[ConditionChange] = []
        heard = looked = 0
        for instant in instants:
            until = int(np.searchsorted(batch.arrived, instant, side="right"))
            self._hear(batch, good, hold, heard, until)
            concerned = [(self._reach(change), change.time) for change in by_instant.get(instant, [])]
            times: dict[int, int] = {}  # by group: of the newest that concerns it
            for looks, time in concerned:
                for groups in looks:
                    for group in self._may_hold(groups):
                        times[group] = max(times.get(group, NEVER), time)
            while looked < len(watched) and watched[looked] < until:
                row, looked = watched[looked], looked + 1
                for group in self._at_each_reading[int(batch.sensor[row])]:
                    if self._may_hold_now(group):
                        times[group] = max(times.get(group, NEVER), int(batch.time[row]))
            heard = until
            for group in sorted(times):
                found += self._judge_group(group, times[group], instant)
        self._hear(batch, good, hold, heard, len(batch))
        if told or found:
            self._watched = None
        return found

    def _watched_rows(self, batch: ReadingBatch, good: NDArray[np.bool_], told: Sequence[ConditionChange]) -> list[int]:
        """The rows that may move a group: it may hold now, or a change of the batch concerns it."""
        if not self._restless:
            return []
        is_watched = self._watched
        if told or is_watched is None:
            is_watched = self._watch(told)
        if not told:
            self._watched = is_watched
        return np.flatnonzero(is_watched[batch.sensor] & good).tolist()

    def _watch(self, told: Sequence[ConditionChange]) -> NDArray[np.bool_]:
        """Tell of each sensor, by key, whether its reading may move a group now or after changes."""
        severity = self.bindings.states["severity"]
        is_concerned = np.zeros(len(severity), np.bool_)
        for change in told:
            for look in self._concerned[change.rule]:
                is_concerned[look.groups.get(change.sensor_key, NOBODY)] = True
        is_watched = np.zeros(len(self._held_until), np.bool_)
        for keys, groups, needed in ((r.keys, r.groups, r.needed) for r in self._restless):
            may = is_concerned[groups] | may_hold(severity, groups, needed)
            is_watched[keys[may]] = True
        return is_watched

    def _reach(self, change: ConditionChange) -> list[NDArray[np.int64]]:
        """Take what a condition has reached; return the groups that it concerns, by term."""
        key, reached = change.sensor_key, self._reached[change.rule]
        before, reached[key] = int(reached[key]), change.severity
        found = []
        for look in self._concerned[change.rule]:
            groups = look.groups.get(key, NOBODY)
            look.counts[groups] += int(change.severity >= look.level) - int(before >= look.level)
            found.append(groups)
        return found

    def _may_hold(self, groups: NDArray[np.int64]) -> list[int]:
        """Return those of a rule's groups that hold already, or whose needed terms all count enough sensors.

        A change in the rain concerns every manhole of the city; but only those that are high need to be judged.
        """
        if not len(groups):
            return []
        may = may_hold(self.bindings.states["severity"], groups, self._needed[groups[0]])
        found: list[int] = groups[may].tolist()
        return found

    def _may_hold_now(self, group: int) -> bool:
        """The same of one group."""
        return bool(self.bindings.states["severity"][group]) or any(
            all(look.counts[group] >= look.term.sensors for look in needed) for needed in self._needed[group]
        )

    def _hear(
        self, batch: ReadingBatch, good: NDArray[np.bool_], hold: NDArray[np.int64], start: int, stop: int
    ) -> None:
        rows = np.flatnonzero(good[start:stop]) + start
        sensor = batch.sensor[rows]
        np.maximum.at(self._held_until, sensor, batch.time[rows] + hold[sensor])

    def _judge_group(self, group: int, time: int, known_at: int) -> list[ConditionChange]:
        binding, state = self.bindings.bindings[group], self.bindings.states[group]
        condition = binding.rule.condition
        assert isinstance(condition, Combination)
        time = max(time, int(state["changed"]))
        counts: dict[Term, int] = {}
        heard: dict[Term, int] = {}
        sensors: set[int] = set()
        for look in self._looks[group]:
            members = look.members[group]
            reached = members[self._reached[look.term.rule][members] >= look.level]
            counts[look.term] = len(reached)
            heard[look.term] = int((self._held_until[reached] >= time).sum())
            sensors.update(reached.tolist())
        severity = 0
        for level, label in enumerate(LABELS, 1):
            clause = condition.levels.get(label)  # type: ignore[call-overload]
            if clause is not None and holds(clause, counts, heard):
                severity = level
        if binding.rule.alarm_class != "process":
            severity = min(severity, 1)
        before = int(state["severity"])
        if severity == before:
            return []
        raised = time if before == 0 else int(state["raised"])
        state["severity"], state["changed"] = severity, time
        state["raised"] = raised if severity else NEVER
        return [
            change_of(
                self._registry,
                binding,
                time=time,
                raised=raised,
                known_at=known_at,
                severity_from=before,
                severity=severity,
                value=float(len(sensors)),
                limit=None,
                cause="reading",
                reason="combination_holds" if severity > before else "combination_left",
            )
        ]


def _moved_by_readings(rule: Rule | None) -> bool:
    return rule is not None and rule.condition.kind not in NEVER_LOOKED_AT
