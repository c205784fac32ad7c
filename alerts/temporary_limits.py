"""Temporary limits put to rules: other limits for a time at some of a rule's sensors; pure.

They are overrides behind a rule's own, so that its version, and with it every line of the journal, tells of them. What
a rule's author set for some sensors beside the limits, such as deadband and delays, stays; so do levels that are not
named.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import ValidationError

from alerts.rules import Basis, Override, Pack, Rule
from alerts.words import AttributeLimit, Ladder, Selector
from model.instant import format_instant
from model.severity import LABELS
from model.temporary_limit import TemporaryLimit

_SOURCE = "temporary limit "  # of an override's basis, with its number and end behind it


def design_of(rule: Rule) -> str:
    """Return twelve digits of the SHA-256 of where a rule holds and with which limits, whatever its texts say."""
    design = {"rule", "select", "condition", "overrides"}
    return sha256(rule.model_dump_json(include=design, by_alias=True, exclude_defaults=True).encode()).hexdigest()[:12]


def with_temporary_limits(packs: Iterable[Pack], limits: Iterable[TemporaryLimit]) -> list[Pack]:
    """Return the packs with the limits that were made for rules as they are in them; others are left out."""
    by_rule: dict[str, list[TemporaryLimit]] = {}
    for limit in limits:
        by_rule.setdefault(limit.rule, []).append(limit)
    return [
        pack.model_copy(update={"rules": [changed_rule(rule, by_rule.get(rule.rule, ())) for rule in pack.rules]})
        if any(rule.rule in by_rule for rule in pack.rules)
        else pack
        for pack in packs
    ]


def as_designed(rule: Rule) -> Rule:
    """Return a rule without the limits that were put to it for a time."""
    return rule.model_copy(update={"overrides": [one for one in rule.overrides if number_of(one) is None]})


def number_of(override: Override) -> int | None:
    """Return the number of the temporary limit that made an override, None where the rule's author did."""
    source = next((one.source for one in override.basis if one.source.startswith(_SOURCE)), None)
    return None if source is None else int(source.removeprefix(_SOURCE).partition(",")[0])


def changed_rule(rule: Rule, limits: Iterable[TemporaryLimit]) -> Rule:
    """Return a rule with those of the limits that were made for it as it is; where two meet the later one counts."""
    found = sorted((one for one in limits if one.design == design_of(rule)), key=lambda one: one.number)
    extra = [put.override for limit in found for put in put_to(rule, limit)]
    return rule.model_copy(update={"overrides": [*rule.overrides, *extra]}) if extra else rule


def meet(one: Selector, other: Selector) -> Selector | None:
    """Return the selector that agrees with the sensors of both, or None where no sensor can."""
    fields: dict[str, Any] = {"attributes": {**one.attributes, **other.attributes}}
    if any(one.attributes[name] != other.attributes[name] for name in one.attributes.keys() & other.attributes.keys()):
        return None
    for name in ("city", "system", "property", "district", "sensor"):
        left, right = getattr(one, name), getattr(other, name)
        if None not in (left, right) and left != right:
            return None
        fields[name] = right if left is None else left
    return Selector(**fields)


class Put(NamedTuple):
    """An override as it is put to a rule; where the limits given do not go with the rest, without them and why not."""

    override: Override
    why_not: str | None = None


def put_to(rule: Rule, limit: TemporaryLimit) -> list[Put]:
    """Return what a limit puts behind a rule's own overrides."""
    # One for the rule's own limits and one for each override of its author's, so that each keeps what else it says.
    assert isinstance(rule.condition, Ladder)  # else it had been refused
    select = Selector(**limit.select)
    found = []
    for designed in (None, *rule.overrides):
        where = select if designed is None else meet(designed.select, select)
        if where is None:
            continue
        own: dict[Any, float | AttributeLimit] = dict(rule.condition.limits)
        if designed is not None and designed.limits is not None:
            own = dict(designed.limits)
        as_designed = Override(select=where) if designed is None else designed.model_copy(update={"select": where})
        given = {level: float(value) for level, value in limit.limits.items() if level in own}
        if not given:
            found.append(Put(as_designed))
            continue
        source = f"{_SOURCE}{limit.number}, until {format_instant(limit.ends)}"
        basis = Basis(mark="P", source=source, limits=[level for level in LABELS if level in given])
        override = as_designed.model_copy(update={"limits": {**own, **given}, "basis": [basis, *as_designed.basis]})
        why_not = _fault(rule, override)
        found.append(Put(override) if why_not is None else Put(as_designed, why_not))
    return found


def _fault(rule: Rule, override: Override) -> str | None:
    """Return why a rule with this override alone would not be one, None where it is."""
    try:
        Rule.model_validate_json(rule.model_copy(update={"overrides": [override]}).model_dump_json(by_alias=True))
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ").removeprefix("overrides.0.")
    return None
