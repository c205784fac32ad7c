"""Finds what can be read in a rule file but is certainly dead: rules that never fire or never clear, words never used.

These are told of files alone. Packs in force are read without them, so that a newer Lifeline, which may see more of
such faults, never leaves a city without the rules it has.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts.conditions.combination import NEVER_LOOKED_AT, Combination
from alerts.conditions.expression import Expression, fault
from alerts.conditions.threshold import Threshold
from alerts.rules import Override, Pack, Rule
from alerts.words import AttributeLimit, Ladder
from model.severity import LABELS
from model.vocabulary import LOWER_EXPLOSIVE_LIMIT_VOL, PROPERTIES, ObservedProperty, conversion
from model.yaml_file import Fault


def faults(pack: Pack) -> list[Fault]:
    """Return what is dead in a pack."""
    found = list(_unprintable(pack.model_dump(by_alias=True, exclude_defaults=True), ()))
    for place, rule in enumerate(pack.rules):
        at: tuple[str | int, ...] = ("rules", place)
        if isinstance(rule.condition, Ladder):
            for where, override in _with_overrides(rule):
                found += _unset_attributes((*at, *where), rule, override)
                if isinstance(rule.condition, Threshold):
                    found += _out_of_reach((*at, *where), rule.condition, rule, override)
        if isinstance(rule.condition, Expression):
            text = fault(rule.condition.expression, rule.condition.inputs)
            found += [((*at, "condition", text.split(":")[0]), text)] if text else []
        found += _priorities(at, rule)
    return found


def looks(pack: Pack, rules: Mapping[str, Rule], *, are_all: bool) -> list[Fault]:
    """Return where rules of a pack look at others, to combine them or be suppressed by them, that they never see.

    `rules` are those there are, by name; one that is not among them is a fault only where they `are_all`.
    """
    return [*_combined(pack, rules, are_all), *_suppressed(pack, rules, are_all)]


def _combined(pack: Pack, rules: Mapping[str, Rule], are_all: bool) -> list[Fault]:
    found: list[Fault] = []
    for place, rule in enumerate(pack.rules):
        if not isinstance(rule.condition, Combination):
            continue
        where = ("rules", place, "condition")
        for name in dict.fromkeys(term.rule for term in rule.condition.terms):
            kind = rules[name].condition.kind if name in rules else None
            if kind is None and are_all:
                text = "which is nowhere; correct its name, or give the file it is in too"
            elif kind in NEVER_LOOKED_AT:
                text = f"whose kind is {kind}; combinations see none of that kind: look at rules about readings"
            else:
                continue
            found.append((where, f"rule {rule.rule!r} looks at rule {name!r}, {text}"))
    return found


def _suppressed(pack: Pack, rules: Mapping[str, Rule], are_all: bool) -> list[Fault]:
    found: list[Fault] = []
    for place, rule in enumerate(pack.rules):
        for number, by in enumerate(rule.suppressed_by):
            other = rules.get(by.rule)
            if other is None and are_all:
                text = "which is nowhere; correct its name, or give the file it is in too"
            elif _suppresses(rule.rule, by.rule, rules):
                text = "which it suppresses itself, as they stand; take one of the two out"
            elif other is not None and other.condition.kind == "gateway_silent" and by.per == "sensor":
                text = "which is of no sensor; write per: attributes.gateway"
            elif rule.alarm_class != "process" and "up_to" in by.model_fields_set:
                text = "up to a severity, and has none; leave up_to out"
            else:
                continue
            where = ("rules", place, "suppressed_by", number)
            found.append((where, f"rule {rule.rule!r} is suppressed by rule {by.rule!r}, {text}"))
    return found


def _suppresses(name: str, other: str, rules: Mapping[str, Rule]) -> bool:
    """Whether a rule suppresses another, or one that does so, and so on; each suppresses itself."""
    seen: set[str] = set()
    waiting = [other]
    while waiting:
        one = waiting.pop()
        if one == name:
            return True
        if one in rules and one not in seen:
            seen.add(one)
            waiting += [by.rule for by in rules[one].suppressed_by]
    return False


def _unprintable(content: Any, at: tuple[str | int, ...]) -> Iterator[Fault]:
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _unprintable(name, (*at, name))
            yield from _unprintable(value, (*at, name))
    elif isinstance(content, Sequence) and not isinstance(content, str):
        for place, value in enumerate(content):
            yield from _unprintable(value, (*at, place))
    elif isinstance(content, str):
        for character in content:
            if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n\r":
                yield at, f"holds the control character {character!r}; leave it out"
                return


def _with_overrides(rule: Rule) -> Iterator[tuple[tuple[str | int, ...], Override | None]]:
    yield ("condition",), None
    for place, override in enumerate(rule.overrides):
        yield ("overrides", place), override


def _unset_attributes(at: tuple[str | int, ...], rule: Rule, override: Override | None) -> Iterator[Fault]:
    assert isinstance(rule.condition, Ladder)
    limits = rule.condition.limits if override is None else override.limits or {}
    for level, limit in limits.items():
        if isinstance(limit, AttributeLimit) and not limit.attribute.strip():
            yield (*at, "limits", level), "attribute: is empty; name the sensor's attribute that holds the limit"


def _out_of_reach(
    at: tuple[str | int, ...], condition: Threshold, rule: Rule, override: Override | None
) -> Iterator[Fault]:
    assert rule.select.property is not None
    observed = PROPERTIES[rule.select.property]
    limits = condition.limits if override is None or override.limits is None else override.limits
    deadband = condition.deadband if override is None or override.deadband is None else override.deadband
    factor, offset = conversion(observed, condition.unit)
    above = condition.direction == "above"
    low, high = observed.minimum, _highest(observed)
    # Where danger lies high, what is less than nothing is the tolerance of the zero: a dry gauge shows 0.
    rest = max(low, 0.0) if observed.danger == "high" else low
    at_full_scale = 0 if condition.full_scale is None else LABELS.index(condition.full_scale) + 1
    for level, limit in limits.items():
        if not isinstance(limit, float):
            continue
        reached = factor * limit + offset
        clears = factor * (limit - (deadband if above else -deadband)) + offset
        if (reached > high if above else reached < low) and LABELS.index(level) >= at_full_scale:
            text = f"{level} {limit:g} is never reached: {_range(observed)}; correct limit, unit or direction"
            yield (*at, "limits", level), text
        elif above and clears <= rest:
            text = f"never clears: it would only below {(clears - offset) / factor:g}, and {observed.name}"
            text += f" rests at {(rest - offset) / factor:g} or above, in {condition.unit}; make deadband smaller"
            name = "limits" if override is not None and override.limits is not None else "deadband"
            yield (*at, name), f"{level} {limit:g} with deadband {deadband:g} {text}"


def _highest(observed: ObservedProperty) -> float:
    """The highest that a sensor can show: one that observes gas by volume goes on beyond the explosive limit."""
    if observed.name == "combustible_gas":
        return 100.0 * 100.0 / min(LOWER_EXPLOSIVE_LIMIT_VOL.values())
    return observed.maximum


def _range(observed: ObservedProperty) -> str:
    return f"{observed.name} lies between {observed.minimum:g} and {_highest(observed):g} {observed.unit}"


def _priorities(at: tuple[str | int, ...], rule: Rule) -> Iterator[Fault]:
    by_override = [_levels(rule, override) for _, override in _with_overrides(rule)]
    checked = [(at, rule.priority, set[str]().union(*by_override))]
    checked += [
        ((*at, "overrides", place), override.priority, by_override[place + 1])
        for place, override in enumerate(rule.overrides)
        if override.priority is not None
    ]
    for where, priority, levels in checked:
        if isinstance(priority, str) or not levels:
            continue
        first = min(LABELS.index(level) for level in priority)
        for below in LABELS[:first]:
            if below in levels:
                yield (*where, "priority"), f"{below} has none; give it one too, or one priority for all levels"


def _levels(rule: Rule, override: Override | None) -> set[str]:
    """The levels that a rule can reach, under an override where one is given."""
    condition = rule.condition
    if isinstance(condition, Combination):
        return set(condition.levels)
    if not isinstance(condition, Ladder):
        return set()
    limits = condition.limits if override is None or override.limits is None else override.limits
    full_scale = getattr(condition, "full_scale", None)
    return {*limits, *([full_scale] if full_scale else [])}
