"""Which rules and sensors a rule's decision at a sensor hangs on."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from alerts.conditions.combination import Combination
from alerts.engine import Engine
from alerts.findings import subject_of
from alerts.gateways import shared_gateways
from alerts.places import area_of
from alerts.rules import Pack, Rule
from model.registry import Registry
from model.sensor import UNWATCHED

PARENT_SENSORS_MAX = 64
"""Of a rule that suppresses; where it is bound to more in the area, only the journal tells of the suppression."""


LOOKS_AROUND = ("combination", "expression", "gateway_silent")
"""Kinds of rules that look at more sensors than one."""


class Concern(NamedTuple):
    """The rules, by name, and the sensors, by registry key, that a decision hangs on; the asked one comes first.

    `left_out` names the rules that suppress and are bound to too many sensors in the area.
    """

    rules: tuple[str, ...]
    sensors: tuple[int, ...]
    left_out: tuple[str, ...]


class NotBound(Exception):
    """The rule does not watch the sensor."""


def looks_around(packs: Sequence[Pack], rule: str) -> bool:
    """Return whether a rule looks at more sensors than the one that it is bound at."""
    needed = _needed(packs, rule)
    return bool(needed) and needed[0].condition.kind in LOOKS_AROUND


def engine_around(packs: Sequence[Pack], registry: Registry, rule: str) -> Engine:
    """Return where a rule that looks around is bound, at all of its sensors: to be kept for many questions.

    That takes most of the time of concern_of, and is the same for all questions of one binding.
    """
    return Engine([pack_of(packs, _needed(packs, rule))], registry)


def concern_of(
    packs: Sequence[Pack], registry: Registry, rule: str, subject: str, engine: Engine | None = None
) -> Concern:
    """Return what the decision of a rule at a sensor (or of a gateway, by its name) hangs on.

    `engine` is that of engine_around, where it is kept. Raises NotBound where the rule is not in the packs, selects
    other sensors, or lacks something there.
    """
    by_name = {one.rule: one for pack in packs for one in pack.rules}
    needed = _needed(packs, rule)
    if not needed:
        raise NotBound(f"no rule {rule!r} was in force")
    asked = needed[0]
    if engine is None:
        engine = Engine([pack_of(packs, needed)], _asked_of(asked, registry, subject))
    place = place_of(engine, rule, subject)
    if place is None:
        raise NotBound(f"rule {rule!r} did not watch {subject!r}: {_why_not(asked, registry, subject, engine)}")
    keys = [int(engine.groups[asked.condition.kind].sensor[place])]
    if asked.condition.kind == "gateway_silent":
        first, behind = engine.gateways.member_first[engine.gateways.gateway_of[keys[0]] :][:2].tolist()
        keys += engine.gateways.members["sensor"][first:behind].tolist()
    elif isinstance(asked.condition, Combination):
        keys += engine.combining.sensors_of(place)
    elif asked.condition.kind == "expression":
        keys += engine.expressing.inputs_of(place)
    parents, their_keys, left_out = _parents(asked, by_name, registry, keys[0])
    rules = dict.fromkeys(one.rule for one in (*needed, *parents))
    return Concern(tuple(rules), tuple(dict.fromkeys([*keys, *their_keys])), tuple(left_out))


def narrowed(packs: Iterable[Pack], registry: Registry, concern: Concern) -> tuple[list[Pack], Registry]:
    """Return the packs and the registry with nothing but what is of concern; registry keys stay as they are."""
    kept = []
    for pack in packs:
        rules = [rule for rule in pack.rules if rule.rule in concern.rules]
        if rules:
            kept.append(pack.model_copy(update={"rules": rules}))
    sensors = {key: registry.sensors[key] for key in sorted(concern.sensors) if key in registry.sensors}
    names = {sensor.city for sensor in sensors.values()}
    cities = {name: city for name, city in registry.cities.items() if name in names}
    events = {key: its for key, its in registry.events.items() if key in sensors}
    shared = shared_gateways(sensors.values(), registry.sensors.values(), registry.shared_gateways)
    return kept, Registry(registry.version, sensors, cities, events, shared)


def place_of(engine: Engine, rule: str, subject: str) -> int | None:
    """Return the place of a rule's binding at a sensor or gateway in its group, None where there is none."""
    kind = next((one.condition.kind for one in engine.rules if one.rule == rule), None)
    group = engine.groups.get(kind) if kind is not None else None
    if group is None:
        return None
    if kind in ("gateway_silent", "combination"):
        places: Iterable[int] = range(len(group.bindings))
    else:
        key = engine.registry.keys.get(subject)
        places = () if key is None else range(int(group.first[key]), int(group.first[key + 1]))
    for place in places:
        if group.bindings[place].rule.rule == rule and subject_of(group, place, engine.registry) == subject:
            return place
    return None


def pack_of(packs: Sequence[Pack], rules: Sequence[Rule]) -> Pack:
    """Return one pack of the rules, for an engine that is to know no others."""
    return packs[0].model_copy(update={"rules": list(rules)})


def _needed(packs: Sequence[Pack], rule: str) -> list[Rule]:
    """Return the rule and those that it looks at; nothing where there is none of that name."""
    by_name = {one.rule: one for pack in packs for one in pack.rules}
    asked = by_name.get(rule)
    if asked is None:
        return []
    terms = asked.condition.terms if isinstance(asked.condition, Combination) else ()
    return [asked, *(by_name[term.rule] for term in terms if term.rule in by_name and term.rule != rule)]


def _why_not(rule: Rule, registry: Registry, subject: str, engine: Engine) -> str:
    """Return why a rule is not bound at a sensor or gateway."""
    key = registry.keys.get(subject)
    if rule.condition.kind == "gateway_silent":
        return "it watches gateways, and this is none of theirs"
    if key is not None and UNWATCHED in registry.sensors[key].attributes:
        return "no rule watches that sensor"
    if key is None or not rule.select.agrees(registry.sensors[key]):
        chosen = rule.select.model_dump(exclude_none=True, exclude={"attributes"}) | rule.select.attributes
        return f"it selects others ({', '.join(f'{name}: {value}' for name, value in chosen.items())})"
    if isinstance(rule.condition, Combination):
        area = area_of(rule.condition.per)
        groups = [one for one in engine.combining.bindings.bindings if one.rule.rule == rule.rule]
        if area(registry.sensors[key]) in {area(registry.sensors[one.sensor_key]) for one in groups}:
            return f"its alarms stand at another sensor of the same {rule.condition.per}"
    return "its limit, or what it needs, is not set there"


def _asked_of(rule: Rule, registry: Registry, subject: str) -> Registry:
    """Return the sensors among which the rule is bound: the one asked about, where it looks at no others."""
    if rule.condition.kind in LOOKS_AROUND:
        return registry
    keys = {registry.keys[subject]} if subject in registry.keys else set()
    events = {key: its for key, its in registry.events.items() if key in keys}
    return Registry(registry.version, {key: registry.sensors[key] for key in keys}, registry.cities, events)


def _parents(
    rule: Rule, by_name: dict[str, Rule], registry: Registry, key: int
) -> tuple[list[Rule], list[int], list[str]]:
    parents, keys, left_out = [], [], []
    for by in rule.suppressed_by:
        parent = by_name.get(by.rule)
        area = area_of(by.per)
        own = area(registry.sensors[key])
        if parent is None or own is None:
            continue
        there = [k for k, sensor in registry.sensors.items() if parent.select.agrees(sensor) and area(sensor) == own]
        if len(there) > PARENT_SENSORS_MAX or parent.condition.kind in LOOKS_AROUND:
            left_out.append(by.rule)
        else:
            parents.append(parent)
            keys += there
    return parents, keys, left_out
