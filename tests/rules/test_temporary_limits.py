"""A rule with other limits for a time: what it becomes, and what may not be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.limit_effects import LimitRefused, effects_of
from alerts.rule_file import default_packs, parse_packs
from alerts.rules import Pack, Rule, limits_of
from alerts.temporary_limits import changed_rule, design_of, meet, with_temporary_limits
from alerts.words import Selector
from model.sensor import Sensor
from model.temporary_limit import TemporaryLimit

RULES = """\
pack: mine
description: {en: a, zh: 一}
rules:
  - rule: gas
    name: {en: a, zh: 一}
    select: {property: combustible_gas}
    condition:
      kind: threshold
      unit: "%{LEL}"
      limits: {blue: 10, yellow: 20, orange: 35, red: 50}
      deadband: 2
      off_delay_s: 300
    overrides:
      - {select: {attributes: {place: home}}, limits: {yellow: 10, red: 25}, off_delay_s: 60, priority: low}
      - {select: {attributes: {levels: device}}, limits: {yellow: {attribute: low}, red: {attribute: high}}}
    priority: high
    basis: [{mark: P, source: test}]
    guidance: GUIDANCE
  - rule: oxygen
    name: {en: a, zh: 一}
    select: {property: oxygen}
    condition: {kind: threshold, direction: below, unit: "%", limits: {orange: 19.5, red: 18}}
    priority: high
    basis: [{mark: P, source: test}]
    guidance: GUIDANCE
  - rule: surge
    name: {en: a, zh: 一}
    select: {property: oxygen}
    condition: {kind: rate, unit: "%/min", window_s: 600, limits: {orange: 2}}
    priority: high
    basis: [{mark: P, source: test}]
    guidance: GUIDANCE
  - rule: silent
    name: {en: a, zh: 一}
    class: instrument
    select: {}
    condition: {kind: stale}
    priority: low
    guidance: GUIDANCE
""".replace(
    "GUIDANCE",
    "{cause: {en: a, zh: 一}, consequence: {en: a, zh: 一}, response: {en: a, zh: 一}, time_to_respond_s: 60}",
)
ENDS = 1_790_000_000_000


def pack(text: str = RULES) -> Pack:
    (read,) = parse_packs([("test", text)])
    return read


def rule(name: str) -> Rule:
    return next(one for one in pack().rules if one.rule == name)


def sensor(name: str, observed: str = "combustible_gas", unit: str = "%{LEL}", **attributes: str) -> Sensor:
    return Sensor(
        sensor=name, city="c", system="gas", property=observed, unit=unit, interval_s=60, district="west",
        attributes=attributes,
    )  # fmt: skip


HEADS = [
    sensor("g-1"), sensor("g-2"), sensor("home", place="home"), sensor("device", levels="device", low="8", high="24"),
    sensor("unset", levels="device"), sensor("o-1", "oxygen", "%"),
]  # fmt: skip


def limit(of: Rule, limits: dict[str, float], number: int = 7, **select: Any) -> TemporaryLimit:
    return TemporaryLimit(number=number, rule=of.rule, design=design_of(of), select=select, limits=limits, ends=ENDS)


def ladders(changed: Rule) -> dict[str, list[float] | None]:
    """The limits at each head, from blue to red."""
    found = {}
    for head in HEADS:
        if changed.select.agrees(head):
            override = next((one for one in reversed(changed.overrides) if one.select.agrees(head)), None)
            found[head.sensor] = limits_of(changed.condition, override, head)  # type: ignore[arg-type]
    return found


INF = float("inf")
DESIGNED = {
    "g-1": [10, 20, 35, 50], "g-2": [10, 20, 35, 50], "home": [INF, 10, INF, 25], "device": [INF, 8, INF, 24],
    "unset": None,
}  # fmt: skip
# what is selected, the limits given: what holds otherwise than designed
CHANGED: list[tuple[dict[str, Any], dict[str, float], dict[str, list[float]]]] = [
    ({"sensor": "g-1"}, {"blue": 5, "yellow": 12}, {"g-1": [5, 12, 35, 50]}),
    ({}, {"yellow": 12}, {"g-1": [10, 12, 35, 50], "g-2": [10, 12, 35, 50], "home": [INF, 12, INF, 25],
                          "device": [INF, 12, INF, 24]}),
    # Only the rule's own ladder has blue: what else is designed for homes and devices stays.
    ({"city": "c"}, {"blue": 5}, {"g-1": [5, 20, 35, 50], "g-2": [5, 20, 35, 50]}),
    ({"attributes": {"place": "home"}}, {"red": 20}, {"home": [INF, 10, INF, 20]}),
    # Above the rule's own orange, which does not hold at a device: only what counts there matters.
    ({"sensor": "device"}, {"red": 12}, {"device": [INF, 8, INF, 12]}),
    ({"district": "east"}, {"red": 20}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("select", "given", "otherwise"), CHANGED)
def test_only_the_limits_given_hold_where_they_are_selected(
    select: dict[str, Any], given: dict[str, float], otherwise: dict[str, list[float]]
) -> None:
    designed = rule("gas")
    changed = changed_rule(designed, [limit(designed, given, **select)])
    assert ladders(designed) == DESIGNED
    assert ladders(changed) == DESIGNED | otherwise
    assert changed.version != designed.version


def test_what_the_author_set_beside_the_limits_stays() -> None:
    changed = changed_rule(rule("gas"), [limit(rule("gas"), {"red": 20})])
    home = next(one for one in reversed(changed.overrides) if one.select.agrees(HEADS[2]))
    assert (home.off_delay_s, home.priority, home.limits) == (60, "low", {"yellow": 10, "red": 20})


def test_the_journal_can_tell_which_limit_it_was() -> None:
    changed = changed_rule(rule("gas"), [limit(rule("gas"), {"red": 45}, sensor="g-1")])
    assert changed.overrides[-1].basis[0].source == "temporary limit 7, until 2026-09-21T14:13:20.000Z"
    assert Rule.model_validate_json(changed.model_dump_json(by_alias=True)) == changed


def test_without_it_the_rule_is_what_it_was() -> None:
    packs = default_packs()
    assert with_temporary_limits(packs, []) == packs
    outdated = TemporaryLimit(
        number=1, rule="combustible-gas", design="0" * 12, select={}, limits={"red": 1}, ends=ENDS
    )
    elsewhere = TemporaryLimit(number=2, rule="nowhere", design="0" * 12, select={}, limits={"red": 1}, ends=ENDS)
    versions = [one.version for one in packs]
    assert [one.version for one in with_temporary_limits(packs, [outdated, elsewhere])] == versions


def test_a_design_is_where_a_rule_holds_and_with_which_limits() -> None:
    designed = design_of(rule("gas"))
    other = pack(RULES.replace("consequence: {en: a", "consequence: {en: other")).rules[0]
    assert (design_of(other), other.version == rule("gas").version) == (designed, False)
    for old, new in (
        ("red: 50", "red: 45"),
        ("red: 25", "red: 20"),
        ("{property: comb", "{system: gas, property: comb"),
    ):
        assert design_of(pack(RULES.replace(old, new, 1)).rules[0]) != designed


# rule, what is selected, the limits: the field that is refused, and words of the reason
REFUSED: list[tuple[str, dict[str, Any], dict[str, float], str, str]] = [
    ("silent", {}, {"red": 1}, "rule", "kind stale, which has no limits"),
    ("oxygen", {}, {"yellow": 20}, "limits.yellow", "has no such level; it has orange, red"),
    ("gas", {"sensor": "nobody"}, {"red": 40}, "limits", "at none of these sensors"),
    ("gas", {"sensor": "o-1"}, {"red": 40}, "limits", "at none of these sensors"),
    ("gas", {"sensor": "unset"}, {"red": 40}, "limits", "at none of these sensors"),
    ("gas", {"sensor": "g-1"}, {"red": 50}, "limits", "at none of these sensors"),
    ("gas", {"sensor": "g-1"}, {"blue": 25}, "limits", "yellow 20 must lie above blue 25"),
    ("gas", {"sensor": "g-1"}, {"blue": 1}, "limits", "never clears"),
    ("oxygen", {}, {"red": -1}, "limits", "never reached"),
    ("gas", {"sensor": "home"}, {"red": 9}, "limits", "red 9 must lie above yellow 10"),
    ("gas", {"sensor": "g-1"}, {"red": 50.1}, "limits.red", "50.1 %LEL lies above 50 %LEL"),
    ("gas", {"sensor": "g-1"}, {"orange": 60, "red": 70}, "limits.orange", "above 50 %LEL"),
    # The device's own low set-point is 8, which no rule file knows.
    ("gas", {"sensor": "device"}, {"red": 7}, "limits", "at device they would be yellow 8, red 7"),
    ("oxygen", {}, {"orange": 17}, "limits", "red 18 must lie below orange 17"),
    ("surge", {}, {"orange": -1}, "limits", "must lie above 0"),
]


@pytest.mark.parametrize(("name", "select", "given", "field", "words"), REFUSED)
def test_what_may_not_be_is_refused(
    name: str, select: dict[str, Any], given: dict[str, float], field: str, words: str
) -> None:
    with pytest.raises(LimitRefused, match=words) as refused:
        effects_of(pack(), rule(name), limit(rule(name), given, **select), HEADS, [])
    assert refused.value.field == field
    assert refused.value.remedy


def test_none_is_prolonged_in_silence() -> None:
    gas = rule("gas")
    wanted, elsewhere = limit(gas, {"red": 45}, 8, district="west"), limit(gas, {"red": 45}, 6, sensor="g-9")
    assert effects_of(pack(), gas, wanted, HEADS, [elsewhere])
    with pytest.raises(LimitRefused, match="temporary limit 7 is in force at g-1"):
        effects_of(pack(), gas, wanted, HEADS, [elsewhere, limit(gas, {"red": 45}, sensor="g-1")])


# rule, the limits: (example, sensors, loosened, tightened) of each effect
EFFECTS = [
    ("gas", {"blue": 5}, [("g-1", 2, False, True)]),
    ("gas", {"blue": 15, "red": 40}, [("g-1", 2, True, True), ("device", 1, True, False), ("home", 1, True, False)]),
    ("oxygen", {"red": 17}, [("o-1", 1, True, False)]),
    ("oxygen", {"red": 19}, [("o-1", 1, False, True)]),
    ("surge", {"orange": 3}, [("o-1", 1, True, False)]),
]


@pytest.mark.parametrize(("name", "given", "expected"), EFFECTS)
def test_what_a_limit_does_is_told(
    name: str, given: dict[str, float], expected: list[tuple[str, int, bool, bool]]
) -> None:
    found = effects_of(pack(), rule(name), limit(rule(name), given), HEADS, [])
    assert [(one.example, one.sensors, one.loosened, one.tightened) for one in found] == expected


def test_a_unit_by_volume_is_held_to_the_same_cap() -> None:
    by_volume = pack(
        RULES.replace('unit: "%{LEL}"', 'unit: "%{vol}"')
        .replace("{blue: 10, yellow: 20, orange: 35, red: 50}", "{red: 1}")
        .replace("deadband: 2", "deadband: 0.1")
        .replace("{yellow: 10, red: 25}", "{red: 0.5}")
    )
    gas = by_volume.rules[0]
    (effect,) = effects_of(by_volume, gas, limit(gas, {"red": 2.5}, sensor="g-1"), HEADS, [])
    assert (effect.before[3], effect.after[3]) == (20, 50)
    with pytest.raises(LimitRefused, match="60 %LEL lies above"):
        effects_of(by_volume, gas, limit(gas, {"red": 3.0}, sensor="g-1"), HEADS, [])


fields = st.fixed_dictionaries(
    {},
    optional={
        "city": st.sampled_from(["c", "d"]), "system": st.just("gas"), "property": st.just("combustible_gas"),
        "district": st.sampled_from(["west", "east"]), "sensor": st.sampled_from(["g-1", "home"]),
        "attributes": st.dictionaries(st.sampled_from(["place", "levels"]), st.sampled_from(["home", "device"])),
    },
)  # fmt: skip


@given(fields, fields)
def test_selectors_meet_in_the_sensors_of_both(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = Selector(**one), Selector(**other)
    both = meet(left, right)
    for head in [*HEADS, sensor("home", place="device", levels="home")]:
        agrees = left.agrees(head) and right.agrees(head)
        assert agrees == (both is not None and both.agrees(head))
