"""What an explanation is of, as people call it: rule and sensor by name, units, zone; what a combination counted."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from alerts.bound import Binding
from alerts.combining import Combining
from alerts.conditions.combination import AllOf, Clause, Combination, Not, Term
from alerts.conditions.displacement import Displacement
from alerts.conditions.due import Due
from alerts.conditions.expression import Expression
from alerts.conditions.forecast import Forecast
from alerts.conditions.rain import Rain
from alerts.rules import Rule
from alerts.words import Signal
from model.registry import Registry
from model.sensor import City
from model.vocabulary import PROPERTIES


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Names by language (`en`, `zh`), units in UCUM, and an IANA time zone.

    `unit` is of the decisive value, of limits and deadband, None for a bare number or where there is none;
    `reading_unit` is of the readings. `direction` is the one that a signal looks in, None for what is no signal.
    `measure`: which of its measures a rule of displacement takes, the attribute of a date, the text of an expression.
    `span_s`: the horizon of a forecast, the window of rain.
    """

    rule: dict[str, str]
    sensor: dict[str, str]
    property: str
    unit: str | None
    reading_unit: str
    time_zone: str
    direction: Literal["above", "below", "either"] | None = None
    measure: str | None = None
    span_s: float | None = None


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A term of a combination: how many sensors, `of` those that it looks at, had reached `at_least` by a rule.

    `needed` is how many it asks for. `negated`: it must not be so.
    """

    rule: str
    name: dict[str, str]
    at_least: str
    around: str
    within_m: float | None
    needed: int
    count: int
    of: int
    negated: bool


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """What a combination counted for a level, and how many of its terms have to hold; `nested`: as the rule says."""

    joined: Literal["all", "any", "nested"]
    terms: list[Counted]


def subject_of(binding: Binding, registry: Registry, called: str) -> Subject:
    """Return what an explanation of a binding is of; `called` is its sensor, or its gateway."""
    rule, condition = binding.rule, binding.rule.condition
    sensor = registry.sensors[binding.sensor_key]
    is_sensor = called == sensor.sensor
    names = {"en": sensor.name or sensor.name_zh, "zh": sensor.name_zh or sensor.name} if is_sensor else {}
    unit: str | None = getattr(condition, "unit", None)
    if condition.kind == "threshold":
        unit = PROPERTIES[sensor.property].unit
    measure: str | None = None
    if isinstance(condition, Displacement):
        measure = condition.measure
    elif isinstance(condition, Due):
        measure = condition.attribute
    elif isinstance(condition, Expression):
        measure = condition.expression
    span = condition.horizon_s if isinstance(condition, Forecast) else None
    return Subject(
        rule={"en": rule.name.en, "zh": rule.name.zh},
        sensor={language: names.get(language) or called for language in ("en", "zh")},
        property=sensor.property,
        unit=unit,
        reading_unit=PROPERTIES[sensor.property].unit,
        time_zone=registry.cities.get(sensor.city, City(city=sensor.city)).time_zone,
        direction=condition.direction if isinstance(condition, Signal) else None,
        measure=measure,
        span_s=condition.window_s if isinstance(condition, Rain) else span,
    )


def counting_of(group: Combining, place: int, level: str, rules: Mapping[str, Rule]) -> Counting:
    """Return what a combination counts for a level at a place; `rules` by name are those that it may look at."""
    condition = group.bindings.bindings[place].rule.condition
    assert isinstance(condition, Combination)
    clause = condition.levels[level]  # type: ignore[index]
    counts = group.counts_of(place)
    terms = [
        Counted(
            rule=term.rule,
            name={"en": rules[term.rule].name.en, "zh": rules[term.rule].name.zh},
            at_least=term.at_least,
            around=term.around,
            within_m=term.within_m,
            needed=term.sensors,
            count=len(counts[term].reached),
            of=len(counts[term].reached) + len(counts[term].others),
            negated=negated,
        )
        for term, negated in _terms(clause, False)
    ]
    return Counting(joined=_joined(clause), terms=terms)


def _terms(clause: Clause, negated: bool) -> Iterator[tuple[Term, bool]]:
    if isinstance(clause, Not):
        yield from _terms(clause.negated, not negated)
    elif isinstance(clause, Term):
        yield clause, negated
    else:
        for part in clause.all_of if isinstance(clause, AllOf) else clause.any_of:
            yield from _terms(part, negated)


def _joined(clause: Clause) -> Literal["all", "any", "nested"]:
    if isinstance(clause, Term) or (isinstance(clause, Not) and isinstance(clause.negated, Term)):
        return "all"
    if isinstance(clause, Not):
        return "nested"
    parts = clause.all_of if isinstance(clause, AllOf) else clause.any_of
    is_flat = all(isinstance(part.negated if isinstance(part, Not) else part, Term) for part in parts)
    return ("all" if isinstance(clause, AllOf) else "any") if is_flat else "nested"
