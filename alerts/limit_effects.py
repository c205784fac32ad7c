"""What a temporary limit would change at the sensors there are, and what may not be asked for; pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

from alerts.bound import plain
from alerts.conditions.threshold import Threshold
from alerts.rule_faults import faults
from alerts.rules import Override, Pack, Rule, limits_of
from alerts.temporary_limits import changed_rule, put_to
from alerts.words import Ladder, Selector, Signal
from model.instant import format_instant
from model.sensor import Sensor
from model.severity import LABELS
from model.temporary_limit import TemporaryLimit
from model.vocabulary import PROPERTIES

GAS_LIMIT_MAX = 50.0
"""%LEL: the cap of the second alarm in GB/T 50493 as cited; no limit of combustible gas is loosened beyond it."""


class LimitRefused(Exception):
    """A temporary limit that may not be: the field, why, and what to do."""

    def __init__(self, field: str, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.field = field
        self.remedy = remedy


class Effect(NamedTuple):
    """What becomes of the limits (blue to red, None where there is none) at so many sensors, one of them named.

    Limits of a threshold are in the property's unit, those of a signal in its own.
    """

    before: tuple[float | None, ...]
    after: tuple[float | None, ...]
    sensors: int
    example: str
    loosened: bool
    tightened: bool


def effects_of(
    pack: Pack, rule: Rule, limit: TemporaryLimit, sensors: Iterable[Sensor], in_force: Sequence[TemporaryLimit]
) -> list[Effect]:
    """Return what a limit of a rule of the pack would change at the sensors that it selects, most sensors first.

    `in_force` are the other temporary limits of the rule. Raises LimitRefused for what may not be, or changes nothing.
    """
    condition = rule.condition
    if not isinstance(condition, Threshold | Signal):
        raise LimitRefused("rule", f"is of kind {condition.kind}, which has no limits", "name a rule with limits")
    _check_levels(rule, condition, limit)
    changed = changed_rule(rule, [limit])
    why_not = _why_not(pack, rule, limit, changed)
    select = Selector(**limit.select)
    found: dict[tuple[Any, Any], list[str]] = {}
    selectors = [select, *(Selector(**other.select) for other in in_force), *(one.select for one in changed.overrides)]
    for alike in _alike(sensors, {one.sensor for one in selectors}):
        sensor = alike[0]
        if not rule.select.agrees(sensor) or not select.agrees(sensor):
            continue
        _refuse_second(in_force, sensor)
        place = _counting(changed, sensor)
        if place in why_not:
            raise LimitRefused("limits", why_not[place], "correct the limits, or give the neighbouring levels too")
        before = limits_of(condition, _at(rule, _counting(rule, sensor)), sensor)
        after = limits_of(condition, _at(changed, place), sensor)
        if before is None or after is None or before == after:
            continue
        _check_order(condition, before, after, sensor)
        _check_gas(condition, before, after, sensor)
        found.setdefault((tuple(before), tuple(after)), []).extend(one.sensor for one in alike)
    if not found:
        raise LimitRefused(
            "limits", f"rule {rule.rule!r} holds with other limits at none of these sensors",
            "name sensors at which the rule holds, and limits that it does not have there already",
        )  # fmt: skip
    effects = [
        Effect(
            _told(before), _told(after), len(names), min(names),
            any(_outward(condition, b, a) > 0 for b, a in zip(before, after, strict=True)),
            any(_outward(condition, b, a) < 0 for b, a in zip(before, after, strict=True)),
        )
        for (before, after), names in found.items()
    ]  # fmt: skip
    return sorted(effects, key=lambda effect: (-effect.sensors, effect.example))


def unit_of(rule: Rule) -> str | None:
    """Return the unit in which a rule's limits are written; None where they are numbers without one."""
    return getattr(rule.condition, "unit", None)


def told_unit(rule: Rule) -> str | None:
    """Return the unit in which an Effect tells a rule's limits."""
    if isinstance(rule.condition, Threshold) and rule.select.property is not None:
        return PROPERTIES[rule.select.property].unit
    return unit_of(rule)


def _alike(sensors: Iterable[Sensor], named: set[str | None]) -> list[list[Sensor]]:
    """Return the sensors by all that selectors and limits look at: a city has few kinds of them."""
    found: dict[Any, list[Sensor]] = {}
    for one in sensors:
        own = one.sensor if one.sensor in named else None
        place = (one.city, one.system, one.property, one.district, one.gas)
        found.setdefault((place, tuple(one.attributes.items()), own), []).append(one)
    return list(found.values())


def _why_not(pack: Pack, rule: Rule, limit: TemporaryLimit, changed: Rule) -> dict[int | None, str]:
    """Return why the limits cannot stand in overrides of the changed rule, by their places."""
    found: dict[int | None, str] = {}
    for where, text in faults(pack.model_copy(update={"rules": [changed]})):
        if len(where) > 3 and where[2] == "overrides" and int(where[3]) >= len(rule.overrides):
            found[int(where[3])] = text
    for place, put in enumerate(put_to(rule, limit), len(rule.overrides)):
        if put.why_not is not None:
            found[place] = put.why_not
    return found


def _check_levels(rule: Rule, condition: Ladder, limit: TemporaryLimit) -> None:
    ladders = [condition.limits, *(override.limits or {} for override in rule.overrides)]
    levels = [str(level) for level in LABELS if any(level in ladder for ladder in ladders)]
    for level in limit.limits:
        if level not in levels:
            raise LimitRefused(
                f"limits.{level}", f"rule {rule.rule!r} has no such level; it has {', '.join(levels)}",
                "change levels that the rule has; a new level is a change of the rule file",
            )  # fmt: skip


def _refuse_second(in_force: Sequence[TemporaryLimit], sensor: Sensor) -> None:
    for other in in_force:
        if Selector(**other.select).agrees(sensor):
            raise LimitRefused(
                "rule", f"temporary limit {other.number} is in force at {sensor.sensor} until "
                f"{format_instant(other.ends)}", "nothing is prolonged in silence: end that one, then ask anew",
            )  # fmt: skip


def _check_order(condition: Threshold | Signal, before: list[float], after: list[float], sensor: Sensor) -> None:
    # Limits that stand with the sensor were not known when the rule was read.
    if _in_order(condition, before) and not _in_order(condition, after):
        told = ", ".join(f"{level} {plain(v):g}" for level, v in zip(LABELS, after, strict=True) if isfinite(v))
        raise LimitRefused(
            "limits", f"at {sensor.sensor} they would be {told}: not each beyond the one before",
            "give the neighbouring levels too",
        )  # fmt: skip


def _in_order(condition: Threshold | Signal, limits: list[float]) -> bool:
    finite = [limit for limit in limits if isfinite(limit)]
    return all(_outward(condition, low, high) > 0 for low, high in pairwise(finite))


def _check_gas(condition: Threshold | Signal, before: list[float], after: list[float], sensor: Sensor) -> None:
    if sensor.property != "combustible_gas" or not isinstance(condition, Threshold) or condition.direction != "above":
        return
    for level, designed, limit in zip(LABELS, before, after, strict=True):
        if isfinite(limit) and limit > max(designed, GAS_LIMIT_MAX * (1 + 1e-9)):
            raise LimitRefused(
                f"limits.{level}", f"{plain(limit):g} %LEL lies above {GAS_LIMIT_MAX:g} %LEL, beyond which no limit of "
                "combustible gas is loosened", f"give {GAS_LIMIT_MAX:g} %LEL or less",
            )  # fmt: skip


def _outward(condition: Threshold | Signal, before: float, after: float) -> float:
    """How far a limit lies farther out than another, above 0 where it is reached later; 0 where there is none."""
    if not isfinite(before) or not isfinite(after):
        return 0.0
    falls = isinstance(condition, Threshold) and condition.direction == "below"
    return before - after if falls else after - before


def _counting(rule: Rule, sensor: Sensor) -> int | None:
    """Return which of a rule's overrides counts at a sensor."""
    last = len(rule.overrides) - 1
    return next((last - n for n, one in enumerate(reversed(rule.overrides)) if one.select.agrees(sensor)), None)


def _at(rule: Rule, place: int | None) -> Override | None:
    return None if place is None else rule.overrides[place]


def _told(limits: Iterable[float]) -> tuple[float | None, ...]:
    return tuple(plain(limit) if isfinite(limit) else None for limit in limits)
