"""Advice for a rule that chatters or floods: which deadband and delays would have removed what, and at what price."""

import json
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec
from pydantic import ValidationError

from alerts.occurrences import Occurrence, occurrences
from alerts.performance import chatter_ms, chattering, flooding_rules
from alerts.rules import Rule
from model.alarm import JournalLine
from model.severity import severity_of

DEADBAND_FACTORS = (1.0, 1.5, 2.0, 3.0, 5.0)
DEADBAND_FIRST_SHARE = 0.01  # of the lowest limit, where a rule has no deadband yet
ON_DELAY_INTERVALS = (1, 3, 5)
OFF_DELAY_INTERVALS = (3, 10, 30)
BEST_MAX = 5


class Candidate(msgspec.Struct, frozen=True, order=True):
    """Other values of a rule: the deadband in the condition's unit, None where the kind has none, and delays in s."""

    deadband: float | None
    on_delay_s: float
    off_delay_s: float


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate would have done to the events of the rule as it is.

    An event is what one sensor's occurrences not further apart than the time of chattering add up to. It is merged
    where an alarm that stood already covers its beginning without a new annunciation; of the others it stays where an
    alarm is annunciated during it, and is lost otherwise. `lowered` are those not lost whose highest severity is lower.
    Delays are those of the first annunciation of the events that stay; `removed_share` (0 to 1) is of annunciations.
    """

    candidate: Candidate
    annunciated: int
    removed_share: float
    delay_median_s: float
    delay_worst_s: float
    lost: int
    merged: int
    lowered: int


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a rule as it is, and the best of other values; `why_none` where there are none to advise."""

    rule: str
    reasons: list[str]
    present: Candidate | None
    annunciated: int
    events: int
    best: list[Weighed]
    why_none: str | None = None


def rules_in_need(lines: Sequence[JournalLine], interval_s: Mapping[str, float]) -> dict[str, list[str]]:
    """Return the rules of a journal that chatter or flood, and the reasons in words."""
    found = occurrences(lines)
    reasons: dict[str, list[str]] = {}
    sensors: dict[str, list[str]] = {}
    for one in chattering(found, interval_s):
        sensors.setdefault(one.rule, []).append(one.sensor)
    for rule, its in sorted(sensors.items()):
        more = f" and {len(its) - 1} more" if len(its) > 1 else ""
        reasons.setdefault(rule, []).append(f"chatters at {its[0]}{more}")
    for flood in flooding_rules(found):
        # From many sensors at once it may be one great event, against which neither deadband nor delay is a remedy.
        text = f"floods: up to {flood.annunciated} annunciations in 10 minutes, of {flood.sensors} sensors"
        reasons.setdefault(flood.rule, []).append(text)
    return reasons


def present_values(rule: Rule) -> Candidate | None:
    """Return a rule's own values, None where its condition has no deadband and no delays."""
    condition: Any = rule.condition
    if not hasattr(condition, "off_delay_s"):
        return None
    return Candidate(getattr(condition, "deadband", None), condition.on_delay_s, condition.off_delay_s)


def candidates(rule: Rule, interval_s: float) -> list[Candidate]:
    """Return a small grid of other values, none of which is smaller than the rule's own.

    Deadbands are multiples of its own, or of a hundredth of its lowest limit; delays multiples of the reporting
    interval, which is the shortest time in which anything can be seen to last. Where a rule alarms at the first sample
    (no on-delay) or counts samples, the on-delay stays: what is meant to be told at once is never to be delayed.
    """
    present = present_values(rule)
    if present is None:
        return []
    deadbands = {present.deadband}
    if present.deadband is not None:
        base = present.deadband or _first_deadband(rule)
        deadbands |= {_short(base * factor) for factor in DEADBAND_FACTORS if base}
    on_delays = {present.on_delay_s}
    if present.on_delay_s > 0:
        on_delays |= {interval_s * count for count in ON_DELAY_INTERVALS if interval_s * count > present.on_delay_s}
    off_delays = {present.off_delay_s}
    off_delays |= {interval_s * count for count in OFF_DELAY_INTERVALS if interval_s * count > present.off_delay_s}
    grid = product(deadbands, on_delays, off_delays)
    return sorted({Candidate(*values) for values in grid} - {present}, key=_size)


def with_values(rule: Rule, candidate: Candidate) -> Rule:
    """Return the rule with other values. Raises pydantic.ValidationError where they cannot stand.

    An override with values of its own keeps the proportion of its deadband and at least its delays; one without
    on-delay keeps that.
    """
    present = present_values(rule)
    assert present is not None
    content = json.loads(rule.model_dump_json(by_alias=True, exclude_defaults=True))
    values = {"on_delay_s": candidate.on_delay_s, "off_delay_s": candidate.off_delay_s}
    if candidate.deadband is not None:
        values["deadband"] = candidate.deadband
    content["condition"] |= {name: value for name, value in values.items() if value != getattr(rule.condition, name)}
    for override in content.get("overrides", ()):
        if override.get("deadband") and present.deadband and candidate.deadband:
            override["deadband"] *= candidate.deadband / present.deadband
        if override.get("on_delay_s"):
            override["on_delay_s"] = max(override["on_delay_s"], candidate.on_delay_s)
        if override.get("off_delay_s") is not None:
            override["off_delay_s"] = max(override["off_delay_s"], candidate.off_delay_s)
    return Rule.model_validate_json(json.dumps(content), strict=True)


def weigh(
    candidate: Candidate,
    before: Iterable[Occurrence],
    after: Iterable[Occurrence],
    interval_s: Mapping[str, float],
) -> Weighed:
    """Weigh a candidate by the occurrences of one rule as it is and as it would be."""
    by_sensor: dict[str, tuple[list[Occurrence], list[Occurrence]]] = {}
    for place, side in enumerate((before, after)):
        for one in side:
            by_sensor.setdefault(one.sensor, ([], []))[place].append(one)
    shown_before = sum(len(one.annunciations) for olds, _ in by_sensor.values() for one in olds)
    shown_after = sum(len(one.annunciations) for _, news in by_sensor.values() for one in news)
    delays: list[float] = []
    lost = merged = lowered = 0
    for sensor, (olds, news) in by_sensor.items():
        shown = sorted(annunciation.time for one in news for annunciation in one.annunciations)
        for event in events(olds, chatter_ms(interval_s.get(sensor))):
            begin, until = event[0].raised, max(one.until for one in event)
            over = [one for one in news if one.raised <= until and one.until > begin]
            first = bisect_left(shown, begin)
            if any(one.raised < begin for one in over) and begin not in shown[first : first + 1]:
                merged += 1
            elif first < bisect_right(shown, until):
                delays.append((shown[first] - begin) / 1000)
            else:
                lost += 1
            lowered += bool(over) and _peak(over) < _peak(event)
    return Weighed(
        candidate=candidate,
        annunciated=shown_after,
        removed_share=1 - shown_after / shown_before if shown_before else 0.0,
        delay_median_s=statistics.median(delays) if delays else 0.0,
        delay_worst_s=max(delays, default=0.0),
        lost=lost,
        merged=merged,
        lowered=lowered,
    )


def events(found: Iterable[Occurrence], apart_ms: int) -> list[list[Occurrence]]:
    """Return one sensor's occurrences of one rule as events: those that follow within `apart_ms` belong together."""
    result: list[list[Occurrence]] = []
    until = -math.inf
    for one in sorted(found, key=lambda one: one.raised):
        if result and one.raised - until <= apart_ms:
            result[-1].append(one)
        else:
            result.append([one])
            until = -math.inf
        until = max(until, one.until)
    return result


def best_of(weighed: Iterable[Weighed], *, at_once: bool) -> list[Weighed]:
    """Return the best few: what removes something and is not beaten in every respect, the least harmful first.

    `at_once`: the rule alarms at the first sample; then nothing that delays, loses or lowers an event is advised.
    """
    useful = [one for one in weighed if one.removed_share > 0 and not (at_once and any(_price(one)[:3]))]
    different: dict[tuple[float, ...], Weighed] = {}
    for one in sorted(useful, key=lambda one: _size(one.candidate)):
        different.setdefault(_price(one), one)  # of equal ones the smallest change
    front = [one for price, one in different.items() if not any(_beats(other, price) for other in different)]
    return sorted(front, key=lambda one: (_price(one)[0] + _price(one)[1], -one.removed_share, *_price(one)))[:BEST_MAX]


def advise(
    rule: Rule, reasons: list[str], run: Callable[[Rule], Sequence[JournalLine]], interval_s: Mapping[str, float]
) -> Advice:
    """Try other values of a rule and return the best few.

    `run` returns the journal of one rule over the readings; `interval_s` has the intervals of the rule's sensors.
    """
    before = occurrences(run(rule))
    shown = sum(len(one.annunciations) for one in before)
    present = present_values(rule)
    sensors = {one.sensor for one in before}
    count = sum(
        len(events([one for one in before if one.sensor == sensor], chatter_ms(interval_s.get(sensor))))
        for sensor in sensors
    )
    best: list[Weighed] = []
    why_none = None
    if present is None:
        why_none = f"a {rule.condition.kind} has neither deadband nor delays"
    elif not shown:
        why_none = "it was never annunciated over these readings"
    else:
        typical = statistics.median([interval_s[one] for one in sensors if one in interval_s] or [60.0])
        weighed = []
        for candidate in candidates(rule, typical):
            try:
                tried = with_values(rule, candidate)
            except ValidationError:  # with such a deadband it could never clear
                continue
            weighed.append(weigh(candidate, before, occurrences(run(tried)), interval_s))
        best = best_of(weighed, at_once=present.on_delay_s == 0 and getattr(rule.condition, "samples", None) is None)
        if not best:
            why_none = "none of the values tried would have removed an annunciation at an acceptable price"
    return Advice(
        rule=rule.rule, reasons=reasons, present=present, annunciated=shown, events=count, best=best, why_none=why_none
    )


def _first_deadband(rule: Rule) -> float:
    limits: Mapping[str, Any] = getattr(rule.condition, "limits", {})
    fixed = [abs(limit) for limit in limits.values() if isinstance(limit, float) and limit]
    return DEADBAND_FIRST_SHARE * min(fixed, default=0.0)


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def _size(candidate: Candidate) -> tuple[float, float, float]:
    return candidate.on_delay_s, candidate.off_delay_s, candidate.deadband or 0.0


def _peak(of: Iterable[Occurrence]) -> int:
    return max(severity_of(one.peak_severity) for one in of)


def _price(one: Weighed) -> tuple[float, ...]:
    """What is to be small: events lost and lowered, the delay, events merged, and what is still annunciated."""
    return one.lost, one.lowered, one.delay_worst_s, one.merged, one.annunciated


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
