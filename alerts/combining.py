"""Judges combinations: keeps what other rules' conditions have reached, and finds the groups that a change concerns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from alerts.bound import Binding, Bindings, Ladders
from alerts.conditions.combination import STATE, Combination, Term, has_not, holds, needed_terms
from alerts.conditions.ladder import NEVER
from alerts.findings import change_of
from alerts.places import Neighbourhood, area_of
from alerts.rules import Rule
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry
from model.severity import LABELS

_NOBODY = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Look:
    """A term at the groups of its rule: the sensors it counts, by group, and the groups that a sensor concerns.

    `counts`, by group, is how many of its sensors have reached the level.
    """

    term: Term
    level: int
    members: Mapping[int, NDArray[np.int64]]
    groups: Mapping[int, NDArray[np.int64]]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Restless:
    """The groups of a rule that each reading may move: pairs (n,) of a sensor's key and a group it belongs to.

    `needed` has for each level the terms without which it cannot hold.
    """

    keys: NDArray[np.int64]
    groups: NDArray[np.int64]
    needed: list[list[_Look]]


class Combining:
    """The combinations of all rules at their groups of sensors.

    `bindings` are those of the groups, each at its first sensor by name. `unbound` is given (rule, what) for a term
    whose rule is not there, or whose condition is none that readings move.
    """

    def __init__(self, rules: Sequence[Rule], registry: Registry, unbound: list[tuple[str, str]]) -> None:
        self._registry = registry
        size = len(registry.known)
        by_name = {rule.rule: rule for rule in rules}
        self._looks: list[list[_Look]] = []  # by group
        self._concerned: dict[str, list[_Look]] = {}  # by the rule that is looked at
        self._at_each_reading: dict[int, list[int]] = {}  # groups that a `not` may have kept quiet, by their sensors
        self._needed: list[list[list[_Look]]] = []  # by group: for each level the terms without which it cannot hold
        self._restless: list[_Restless] = []
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
        looks = {term: self._look(term, condition, by_name[term.rule], anchors) for term in condition.terms}
        for term, look in looks.items():
            self._concerned.setdefault(term.rule, []).append(look)
        needed = [[looks[term] for term in needed_terms(clause)] for clause in condition.levels.values()]
        if at_readings:
            keys, groups = (np.array(column, np.int64) for column in zip(*at_readings, strict=True))
            self._restless.append(_Restless(keys, groups, needed))
            for key, group in at_readings:
                self._at_each_reading.setdefault(key, []).append(group)
        for group in anchors:
            self._looks[group] += looks.values()
            self._needed.append(needed)

    def _look(self, term: Term, condition: Combination, looked_at: Rule, anchors: Mapping[int, int]) -> _Look:
        sensors = self._registry.sensors
        candidates = [(key, sensor) for key, sensor in sensors.items() if looked_at.select.agrees(sensor)]
        members: dict[int, NDArray[np.int64]] = {}
        groups: dict[int, NDArray[np.int64]] = {}
        if term.within_m is not None:
            neighbourhood = Neighbourhood(candidates, term.within_m)
            mode = self._registry.mode_of
            concerning: dict[int, list[int]] = {}
            for group, anchor in anchors.items():
                # What is exercised in a place is no neighbour of what stands there.
                own = mode(sensors[anchor])
                near = [key for key in neighbourhood.of(sensors[anchor]) if mode(sensors[key]) == own]
                members[group] = np.array(near, np.int64)
                for key in near:
                    concerning.setdefault(key, []).append(group)
            groups = {key: np.array(found, np.int64) for key, found in concerning.items()}
        else:
            area = area_of(condition.per if term.around == "group" else term.around)
            keys: dict[str, list[int]] = {}
            for key, sensor in candidates:
                keys.setdefault(area(sensor) or "", []).append(key)
            arrays = {name: np.array(found, np.int64) for name, found in keys.items() if name}
            concerned: dict[str, list[int]] = {}
            for group, anchor in anchors.items():
                name = area(sensors[anchor]) or ""
                members[group] = arrays.get(name, _NOBODY)
                concerned.setdefault(name, []).append(group)
            there = {name: np.array(found, np.int64) for name, found in concerned.items()}
            groups = {key: there.get(name, _NOBODY) for name, found in keys.items() if name for key in found}
        counts = np.zeros(max(anchors, default=-1) + 1, np.int64)
        return _Look(term, LABELS.index(term.at_least) + 1, members, groups, counts)

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
                    look.counts[look.groups.get(key, _NOBODY)] += 1
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
        return found

    def _watched_rows(self, batch: ReadingBatch, good: NDArray[np.bool_], told: Sequence[ConditionChange]) -> list[int]:
        """The rows that may move a group: it may hold now, or a change of the batch concerns it."""
        if not self._restless:
            return []
        severity = self.bindings.states["severity"]
        is_concerned = np.zeros(len(severity), np.bool_)
        for change in told:
            for look in self._concerned[change.rule]:
                is_concerned[look.groups.get(change.sensor_key, _NOBODY)] = True
        is_watched = np.zeros(len(self._held_until), np.bool_)
        for keys, groups, needed in ((r.keys, r.groups, r.needed) for r in self._restless):
            may = is_concerned[groups] | _may(severity, groups, needed)
            is_watched[keys[may]] = True
        return np.flatnonzero(is_watched[batch.sensor] & good).tolist()

    def _reach(self, change: ConditionChange) -> list[NDArray[np.int64]]:
        """Take what a condition has reached; return the groups that it concerns, by term."""
        key, reached = change.sensor_key, self._reached[change.rule]
        before, reached[key] = int(reached[key]), change.severity
        found = []
        for look in self._concerned[change.rule]:
            groups = look.groups.get(key, _NOBODY)
            look.counts[groups] += int(change.severity >= look.level) - int(before >= look.level)
            found.append(groups)
        return found

    def _may_hold(self, groups: NDArray[np.int64]) -> list[int]:
        """Return those of a rule's groups that hold already, or whose needed terms all count enough sensors.

        A change in the rain concerns every manhole of the city; but only those that are high need to be judged.
        """
        if not len(groups):
            return []
        may = _may(self.bindings.states["severity"], groups, self._needed[groups[0]])
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


def _may(severity: NDArray[np.int8], groups: NDArray[np.int64], needed: Sequence[Sequence[_Look]]) -> NDArray[np.bool_]:
    """Whether groups of one rule hold already, or count enough sensors for a level, shape of `groups`."""
    may = severity[groups] != 0
    for terms in needed:
        enough = [look.counts[groups] >= look.term.sensors for look in terms]
        may |= np.logical_and.reduce(enough) if enough else True
    return np.asarray(may, np.bool_)


def _moved_by_readings(rule: Rule | None) -> bool:
    return rule is not None and rule.condition.kind not in ("stale", "due", "combination")
