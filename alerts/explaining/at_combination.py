"""What would have flipped a combination: sensors that had reached the level of a term, or had not.

By the counts that it hangs on a combination has ways to hold, and not to hold; each asks of so many sensors more that
they reach a level, or leave it. What makes a sensor do so is found at the sensor (at_sensor.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import NamedTuple

import numpy as np

from alerts.combining import Count
from alerts.conditions.combination import AllOf, Clause, Combination, Not, Term
from alerts.explaining.at_sensor import at_sensor
from alerts.explaining.case import Case, Period, of_rows
from alerts.explaining.changes import Change, Edit
from alerts.explaining.concern import concern_of, narrowed, place_of
from alerts.explaining.least import fewest
from alerts.explaining.trials import Trials
from model.severity import LABELS

WAYS_MAX = 64
WAYS_TRIED_MAX = 4
SENSORS_TRIED_MAX = 8
"""Of a need, beside as many as it asks for."""
SENSOR_COST = 5_000
"""Of an evaluation of a sensor alone, beside its trials (see trials.ROW_COST)."""


class Need(NamedTuple):
    """So many more sensors have to reach the level of a term, or to leave it."""

    term: Term
    reach: bool
    sensors: int


Way = tuple[Need, ...]
Counts = Mapping[Term, Count]


def ways_of(trials: Trials) -> list[Way]:
    """Return the ways in which a combination would be decided otherwise, those first that ask least; before any trial.

    There is none where too few sensors have been heard.
    """
    condition, counts = trials.rule.condition, _counts(trials)
    assert isinstance(condition, Combination)
    levels = [_ways(clause, not trials.fired, counts) for clause in condition.levels.values()]
    found = _each(levels) if trials.fired else [way for ways in levels for way in ways]
    return sorted(dict.fromkeys(found), key=lambda way: sum(need.sensors for need in way))[:WAYS_TRIED_MAX]


def _counts(trials: Trials) -> Counts:
    """Return what the combination counts, without the sensors that nothing was heard of."""
    found = {}
    for term, (reached, others) in trials.engine.combining.counts_of(trials.then.binding[1]).items():
        heard = [key for key in others if len(trials.readings(trials.registry.sensors[key].sensor).row)]
        found[term] = Count(reached, heard)
    return found


def _ways(clause: Clause, holds: bool, counts: Counts) -> list[Way]:
    """Return the ways in which a clause would hold, or would not; () where it is so already."""
    if isinstance(clause, Not):
        return _ways(clause.negated, not holds, counts)
    if isinstance(clause, Term):
        reached, others = counts[clause]
        missing = clause.sensors - len(reached) if holds else len(reached) - clause.sensors + 1
        if missing <= 0:
            return [()]
        return [(Need(clause, holds, missing),)] if missing <= len(others if holds else reached) else []
    parts = [_ways(part, holds, counts) for part in (clause.all_of if isinstance(clause, AllOf) else clause.any_of)]
    if isinstance(clause, AllOf) == holds:
        return _each(parts)
    return [()] if any(() in ways for ways in parts) else [way for ways in parts for way in ways]


def _each(parts: Sequence[Sequence[Way]]) -> list[Way]:
    """One way of each part together, in all combinations."""
    joined = (tuple(dict.fromkeys(need for way in ways for need in way)) for ways in product(*parts))
    return list(islice(joined, WAYS_MAX))


def at_combination(trials: Trials, ways: Sequence[Way]) -> Iterator[Change | None]:
    """Yield what flips a combination, in one of the ways that are those of `ways_of`; None for what does not."""
    counts = _counts(trials)
    for way in filter(None, ways):
        if sum(need.sensors for need in way) == 1:
            yield from _at_one(trials, way, counts)
            continue
        parts = [_at_several(trials, need, way, counts) for need in way]
        changes = [change for part in parts for change in part]
        if all(parts) and trials.flips(_joined(changes)):
            yield _joined(fewest(changes, lambda some: bool(some) and trials.flips(_joined(some))))
            return


def _at_one(trials: Trials, way: Way, counts: Counts) -> Iterator[Change | None]:
    """Yield what flips the combination at one of the sensors that a way asks for."""
    for part in _parts(trials, way[0], way, counts):
        for change in filter(None, at_sensor(part, part.case.sensor)):
            if trials.flips(change):
                yield change
                return
            yield None


def _at_several(trials: Trials, need: Need, way: Way, counts: Counts) -> list[Change]:
    """Return changes at as many sensors as a need asks for, or nothing."""
    found: list[Change] = []
    for part in _parts(trials, need, way, counts):
        found += islice(filter(None, at_sensor(part, part.case.sensor)), 1)
        if len(found) == need.sensors:
            return found
    return []


def _parts(trials: Trials, need: Need, way: Way, counts: Counts) -> Iterator[Trials]:
    """Yield the sensors of a need, those first that serve others of its way too, with a share of what trials cost."""
    keys = _candidates(need, counts)
    keys.sort(key=lambda key: -sum(key in _candidates(other, counts) for other in way))
    names = [trials.registry.sensors[key].sensor for key in keys]
    bound = (name for name in names if place_of(trials.engine, need.term.rule, name) is not None)
    for name in islice(bound, need.sensors + SENSORS_TRIED_MAX):
        left = trials.cost_max - trials.spent - SENSOR_COST
        if left <= 0:
            return
        alone = _alone(trials.case, need.term.rule, name)
        part = Trials(alone, LABELS.index(need.term.at_least) + 1, left // (need.sensors + 1))
        try:
            if part.fired != need.reach:
                yield part
        finally:
            trials.spent += part.spent + SENSOR_COST


def _candidates(need: Need, counts: Counts) -> list[int]:
    return list(counts[need.term].others if need.reach else counts[need.term].reached)


def _alone(case: Case, rule: str, sensor: str) -> Case:
    """Return the case of a rule at a sensor with nothing but what it hangs on."""
    concern = concern_of(case.period.packs, case.period.registry, rule, sensor)
    periods = []
    for period in case.periods:
        packs, registry = narrowed(period.packs, period.registry, concern)
        periods.append(Period(period.after, tuple(packs), registry))
    keys = np.array(concern.sensors)
    batches = [of_rows(batch, np.flatnonzero(np.isin(batch.sensor, keys))) for batch in case.batches]
    return replace(case, rule=rule, sensor=sensor, periods=tuple(periods), batches=tuple(batches))


def _joined(parts: Sequence[Change]) -> Change:
    """Changes at several sensors as one; of a sensor's own the largest."""
    edits: dict[str, Edit] = {}
    for change in parts:
        for edit in change.edits:
            known = edits.get(edit.sensor)
            if known is None or abs(known.by or 0.0) < abs(edit.by or 0.0):
                edits[edit.sensor] = edit
    is_longer = any(edit.seconds is not None for edit in edits.values())
    return Change(kind="value_longer" if is_longer else "value", edits=list(edits.values()))
