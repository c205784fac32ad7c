"""The smallest change that would have flipped a decision, found by trying: the plainest kinds first, of each the least.

A change by an amount is looked for from small to large in both directions, and where one flips the decision, between it
and the last that did not (bisection); it is told with three digits, rounded up. Of several readings as few as flip.
What is told flips the decision of the engine itself. A signal may go back and forth, so there may be a smaller one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Literal

import numpy as np

from alerts.conditions.combination import Combination
from alerts.conditions.gateway_silent import GatewaySilent
from alerts.explaining.at_sensor import at_sensor
from alerts.explaining.case import Case, Period
from alerts.explaining.changes import Change, ChangeKind, Edit, of_rows
from alerts.explaining.concern import Concern, concern_of, narrowed
from alerts.explaining.least import fewest, least_seconds
from alerts.explaining.search import COST_MAX, Search, sensors_of
from alerts.explaining.trials import Goal, Trials
from alerts.gateways import Gateways
from alerts.rules import Pack
from model.registry import Registry
from model.severity import LABELS

CHANGES_MAX = 3
LATE_MAX = 4_096
LOOKED_AT_MAX = 64
"""Of the conditions that a combination looks at."""
LONGEST_S = 100 * 366 * 86_400
NoneFound = Literal["nothing_heard", "no_signal", "not_found"]
"""Why no change is told: there are no readings, the kind makes no signal of them yet, or none of those tried flips."""
SILENT_KINDS = ("stale", "gateway_silent")


def smallest_changes(case: Case, decisive: str, *, decided_now: bool) -> tuple[list[Change], NoneFound | None]:
    """Return at most CHANGES_MAX changes of different kinds that each flip the decision, the plainest first.

    `decisive` is what decided (explanation.Turn). `decided_now` is whether the condition stands as it is known now:
    only where that is another decision, readings that came late are looked at. Where no change is found, says why.
    """
    if decisive == "no_signal":
        return [], "no_signal"
    search = _search_of(case, Goal(case.rule, case.sensor))
    is_silent = decisive == "nothing_heard" or not search.trials.has_readings
    if is_silent and search.rule.condition.kind not in (*SILENT_KINDS, "due"):
        return [], "nothing_heard"
    found: dict[ChangeKind, Change] = {}
    for change in _attempts(search, decided_now != search.fired):
        if change is not None:
            found.setdefault(change.kind, change)
        if len(found) == CHANGES_MAX or search.is_over:
            break
    return list(found.values()), None if found else "not_found"


def _search_of(case: Case, goal: Goal, cost_max: int = COST_MAX) -> Search:
    trials = Trials(case)
    rule = next(one for one in trials.engine.rules if one.rule == goal.rule)
    return Search(trials, rule, goal, trials.reaches(goal), cost_max)


def _attempts(search: Search, is_late: bool) -> Iterator[Change | None]:
    kind = search.rule.condition.kind
    first: Iterable[Change | None] = ()
    if kind in SILENT_KINDS:
        first = _silence(search)
    elif kind == "due":
        first = [_date(search)]
    elif isinstance(search.rule.condition, Combination):
        first = _looked_at(search, search.rule.condition)
    else:
        turns = zip_longest(*(at_sensor(search, sensor) for sensor in sensors_of(search)))
        first = (change for turn in turns for change in turn)
    for number, change in enumerate(first):
        yield change
        if number == 1 and is_late:
            yield _in_time(search)
            is_late = False
    if is_late:
        yield _in_time(search)


def _in_time(search: Search) -> Change | None:
    """Return as few readings as flip that had come at their own time, of those that did not."""
    late = search.trials.late()[:LATE_MAX]

    def made(some: Iterable[tuple[str, int]]) -> Change:
        times: dict[str, list[int]] = {}
        for sensor, time in some:
            times.setdefault(sensor, []).append(time)
        return Change(kind="in_time", edits=[Edit(sensor=name, times=sorted(its)) for name, its in times.items()])

    if not late or not search.flips(made(late)):
        return None
    return made(fewest(late, lambda some: not search.is_over and search.flips(made(some))))


def _silence(search: Search) -> Iterator[Change | None]:
    """Yield what flips a decision about silence: sensors heard at the time asked about, or nothing heard for longer."""
    trials, goal = search.trials, search.goal
    if not search.fired:
        sensor = goal.sensor if goal.sensor in trials.registry.keys else _members(search)[0]
        seconds = least_seconds(lambda one: search.flips(_silent(sensor, one)), LONGEST_S)
        yield None if seconds is None else _silent(sensor, seconds)
        return

    def heard(sensors: Sequence[str]) -> Change:
        edits = []
        for sensor in sensors:
            newest = trials.readings(sensor).time[-1:].tolist()
            edits.append(Edit(sensor=sensor, times=[max([trials.clock, *(one + 1 for one in newest)])]))
        return Change(kind="heard", edits=edits)

    sensors = _members(search) if isinstance(search.rule.condition, GatewaySilent) else [goal.sensor]
    if search.flips(heard(sensors)):
        yield heard(fewest(sensors, lambda some: search.flips(heard(some))))


def _silent(sensor: str, seconds: int) -> Change:
    return Change(kind="silent", edits=[Edit(sensor=sensor, seconds=float(seconds))])


def _members(search: Search) -> list[str]:
    """The sensors of the gateway that the goal names."""
    gateways, registry = search.trials.engine.gateways, search.trials.registry
    assert isinstance(gateways, Gateways)
    place = gateways.names.index(search.goal.sensor)
    of = gateways.gateway_of[gateways.sensor[place]]
    first, behind = gateways.member_first[of], gateways.member_first[of + 1]
    return [registry.sensors[key].sensor for key in gateways.members["sensor"][first:behind].tolist()]


def _date(search: Search) -> Change | None:
    """Return the time asked about earlier or later, by as few seconds as flip."""
    sign = -1 if search.fired else 1

    def made(seconds: int) -> Change:
        return Change(kind="date", edits=[Edit(sensor=search.goal.sensor, seconds=float(sign * seconds))])

    seconds = least_seconds(lambda one: search.flips(made(one)), LONGEST_S)
    return None if seconds is None else made(seconds)


def _looked_at(search: Search, condition: Combination) -> Iterator[Change | None]:
    """Yield what flips a combination: what flips one condition that it looks at, else several of them together."""
    turned: dict[bool, list[Change]] = {False: [], True: []}  # what may be joined, by what the condition was
    goals = _goals(search, condition)[:LOOKED_AT_MAX]
    for goal in goals:
        part = _search_of(_alone(search.trials.case, goal), goal, COST_MAX // len(goals))
        for change in at_sensor(part, goal.sensor):
            if search.is_over or part.is_over:
                break
            if change is not None:
                yield change if search.flips(change) else None
                if change.kind in ("value", "value_longer", "steady"):
                    turned[part.fired].append(change)
                    break
    for parts in (turned[search.fired], turned[not search.fired], [*turned[False], *turned[True]]):
        if len(parts) > 1 and search.flips(_together(parts)):
            yield _together(fewest(parts, lambda some: bool(some) and search.flips(_together(some))))
            return


def _alone(case: Case, goal: Goal) -> Case:
    """Return the case of a goal with nothing but what it hangs on."""
    period = case.period
    concern = concern_of(period.packs, period.registry, goal.rule, goal.sensor)
    keys = np.array(concern.sensors)
    periods = [Period(one.after, *_narrowed(one, concern)) for one in case.periods]
    batches = [of_rows(batch, np.flatnonzero(np.isin(batch.sensor, keys))) for batch in case.batches]
    return replace(case, rule=goal.rule, sensor=goal.sensor, periods=tuple(periods), batches=tuple(batches))


def _narrowed(period: Period, concern: Concern) -> tuple[tuple[Pack, ...], Registry]:
    packs, registry = narrowed(period.packs, period.registry, concern)
    return tuple(packs), registry


def _together(parts: Sequence[Change]) -> Change:
    """Changes of values at several sensors as one; of a sensor's own the largest."""
    edits: dict[str, Edit] = {}
    for change in parts:
        for edit in change.edits:
            known = edits.get(edit.sensor)
            if known is None or abs(known.by or 0.0) < abs(edit.by or 0.0):
                edits[edit.sensor] = edit
    is_longer = any(edit.seconds is not None for edit in edits.values())
    return Change(kind="value_longer" if is_longer else "value", edits=list(edits.values()))


def _goals(search: Search, condition: Combination) -> list[Goal]:
    """What the combination's terms ask of each sensor of concern."""
    engine, registry = search.trials.engine, search.trials.registry
    kinds = {rule.rule: rule.condition.kind for rule in engine.rules}
    found = []
    for term in condition.terms:
        group = engine.groups[kinds[term.rule]]
        for place in range(len(group.bindings)):
            if group.bindings[place].rule.rule == term.rule:
                sensor = registry.sensors[int(group.sensor[place])].sensor
                found.append(Goal(term.rule, sensor, LABELS.index(term.at_least) + 1))
    return list(dict.fromkeys(found))
