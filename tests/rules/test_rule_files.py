"""Rule files: the default packs load; a file with an error is refused with file, line and remedy."""

from pathlib import Path

import pytest

from alerts.rule_file import (
    RuleFileError,
    check_looks,
    default_files,
    default_packs,
    load_packs,
    lost_looks,
    parse_packs,
    schema,
)
from alerts.rules import Threshold

GOOD = """\
pack: mine
description: {en: a, zh: 一}
rules:
  - rule: depth
    name: {en: a, zh: 一}
    select: {system: drainage, property: water_depth}
    condition:
      kind: threshold
      unit: cm
      limits: {blue: 10, red: 40}
    priority: {blue: low, red: highest}
    basis: [{mark: P, source: test}]
    guidance:
      cause: {en: a, zh: 一}
      consequence: {en: a, zh: 一}
      response: {en: a, zh: 一}
      time_to_respond_s: 60
"""

# name: (what to replace, by what, line of the error, words of it)
BAD = {
    "an unknown field": ("      unit: cm", "      unit: cm\n      colour: red", 10, ["colour", "unknown field"]),
    "a missing field": ("    priority: {blue: low, red: highest}\n", "", 4, ["priority", "missing"]),
    "an unknown system": ("system: drainage", "system: sewage", 6, ["sewage", "drainage"]),
    "an unknown property": ("property: water_depth", "property: depth", 6, ["depth", "water_depth"]),
    "a unit that does not fit": ("unit: cm", "unit: kPa", 9, ["kPa", "cm"]),
    "a unit that is not UCUM": ("unit: cm", "unit: inch", 9, ["[in_i]"]),
    "limits out of order": ("red: 40", "red: 5", 10, ["red", "above", "blue"]),
    "an unknown severity": ("red: 40", "purple: 40", 10, ["purple"]),
    "a negative delay": ("      unit: cm", "      unit: cm\n      on_delay_s: -1", 10, ["on_delay_s", "0"]),
    "a negative deadband": ("      unit: cm", "      unit: cm\n      deadband: -1", 10, ["deadband"]),
    "a limit that is no number": ("red: 40", "red: forty", 10, ["limits"]),
    "a limit that is not finite": ("red: 40", "red: .inf", 10, ["limits"]),
    "an unknown kind": ("kind: threshold", "kind: treshold", 7, ["treshold", "threshold"]),
    "delay and persistence at once": (
        "      unit: cm",
        "      unit: cm\n      on_delay_s: 5\n      samples: {needed: 2, of: 3}",
        11,
        ["samples", "not both"],
    ),
    "more samples needed than looked at": (
        "      unit: cm",
        "      unit: cm\n      samples: {needed: 4, of: 3}",
        10,
        ["needed"],
    ),
    "no source": ("    basis: [{mark: P, source: test}]\n", "", 4, ["basis"]),
    "an empty source": ("source: test", 'source: ""', 12, ["source"]),
    "a limit without a source": ("source: test", "source: test, limits: [blue]", 12, ["red", "source"]),
    "no priority": ("priority: {blue: low, red: highest}", "priority: {}", 11, ["priority"]),
    "a deadband that never clears": ("      unit: cm", "      unit: cm\n      deadband: 5000", 10, ["never clear"]),
    "an override without limits": (
        "    basis: [{",
        "    overrides: [{select: {sensor: a}, limits: {}}]\n    basis: [{",
        12,
        ["limits"],
    ),
    "an override out of order": (
        "    basis: [{",
        "    overrides: [{select: {sensor: a}, limits: {blue: 9, red: 8}}]\n    basis: [{",
        12,
        ["overrides.0", "red", "above"],
    ),
    "a key that is a list": ("pack: mine", "? [a, b]\n: c\npack: mine", 1, ["must be a word"]),
    "a rule name with a space": ("rule: depth", "rule: water depth", 4, ["rule"]),
    "a field twice": ("      unit: cm", "      unit: cm\n      unit: m", 10, ["unit", "twice"]),
    "not YAML": ("pack: mine", "pack: [mine", 2, ["not YAML"]),
    "a tag": ("pack: mine", "pack: !!timestamp mine", 1, ["tags", "write the value alone"]),
    "a tag on an empty value": ("pack: mine", "pack: !!int ''", 1, ["tags"]),
    "a tag on all": ("pack: mine", "!!bool pack: mine", 1, ["tags"]),
    "an alias": ("pack: mine", "pack: &name mine\nother: *name", 2, ["aliases"]),
    "a date for a text": ("en: a, zh: 一}\nrules", "en: 2026-11-22, zh: 5}\nrules", 2, ["zh"]),
}


# The same, for what can be read but is certainly dead.
DEAD = {
    "a deadband down to where a dry gauge rests": (
        "      unit: cm", "      unit: cm\n      deadband: 10", 10, ["blue 10", "never clears", "deadband smaller"],
    ),
    "a deadband of an override": (
        "    basis: [{", "    overrides: [{select: {district: x}, deadband: 50}]\n    basis: [{", 12,
        ["overrides.0.deadband", "blue 10", "red 40", "never clears"],
    ),
    "limits of an override": (
        "    basis: [{", "    overrides: [{select: {district: x}, limits: {blue: 0}}]\n    basis: [{", 12,
        ["overrides.0.limits", "never clears"],
    ),
    "a limit beyond the range": ("red: 40", "red: 1.0e+9", 10, ["red 1e+09 is never reached", "2000 cm"]),
    "a lower limit beyond the range": (
        "limits: {blue: 10, red: 40}", "direction: below\n      limits: {blue: 10, red: -60}", 11, ["never reached"],
    ),
    "a limit of a nameless attribute": ("red: 40", 'red: {attribute: " "}', 10, ["attribute: is empty; name"]),
    "a level without priority": (
        "priority: {blue: low, red: highest}", "priority: {red: highest}", 11, ["blue has none; give it one"],
    ),
    "a control character": ("name: {en: a, zh: 一}", 'name: {en: a, zh: "a\\0b"}', 5, ["name.zh", "leave it out"]),
    "a rule twice": (
        "rules:\n", "rules:\n" + GOOD[GOOD.index("  - rule") :], 18, ["rule depth stands twice; ids are single"],
    ),
}  # fmt: skip

# name: (what to replace, by what); all of these can fire and clear.
ALIVE = {
    "a deadband just above the ground": ("      unit: cm", "      unit: cm\n      deadband: 9.9"),
    "a level that an override has": (
        "priority: {blue: low, red: highest}",
        "priority: {blue: low, orange: high, red: highest}\n"
        "    overrides: [{select: {district: x}, limits: {blue: 9, orange: 20}}]",
    ),
    "a level that full scale reaches": (
        "limits: {blue: 10, red: 40}", "full_scale: red\n      limits: {blue: 10}",
    ),
    "a limit that only full scale reaches": ("red: 40}", "red: 2001}\n      full_scale: red"),
    "a priority that holds upwards": ("priority: {blue: low, red: highest}", "priority: {blue: low}"),
    "a frost limit that clears below zero": (
        "property: water_depth}\n    condition:\n      kind: threshold\n      unit: cm",
        "property: temperature}\n    condition:\n      kind: threshold\n      unit: Cel\n      deadband: 30",
    ),
    "gas by volume beyond the explosive limit": (
        "system: drainage, property: water_depth}\n    condition:\n      kind: threshold\n      unit: cm",
        'system: gas, property: combustible_gas}\n    condition:\n      kind: threshold\n      unit: "%{vol}"',
    ),
    "a text of two lines": ("name: {en: a, zh: 一}", 'name: {en: "a\\nb\\tc", zh: 一}'),
}  # fmt: skip


def test_the_good_file_is_good() -> None:
    (pack,) = parse_packs([("good.yaml", GOOD)])
    assert [rule.rule for rule in pack.rules] == ["depth"]


@pytest.mark.parametrize("name", ALIVE)
def test_what_may_fire_and_clear_is_taken(name: str) -> None:
    old, new = ALIVE[name]
    assert old in GOOD
    assert len(parse_packs([("alive.yaml", GOOD.replace(old, new, 1))])) == 1


@pytest.mark.parametrize("name", BAD | DEAD)
def test_a_bad_file_is_refused_with_line_and_remedy(name: str) -> None:
    old, new, line, words = (BAD | DEAD)[name]
    assert old in GOOD
    with pytest.raises(RuleFileError) as refused:
        parse_packs([("bad.yaml", GOOD.replace(old, new, 1))])
    problems = refused.value.problems
    assert problems[0][:2] == ("bad.yaml", line), problems
    for word in words:
        assert word in str(refused.value)
    assert str(refused.value).startswith(f"bad.yaml:{line}: ")


def test_an_empty_file_a_missing_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"empty.yaml:1: the file is empty"):
        parse_packs([("empty.yaml", "")])
    with pytest.raises(RuleFileError, match="cannot be read"):
        load_packs([tmp_path / "missing.yaml"])
    (tmp_path / "latin.yaml").write_bytes("rules: []\npack: mîne".encode("latin-1"))
    with pytest.raises(RuleFileError, match=r"latin.yaml:2: byte 17 of the file is not UTF-8; save"):
        load_packs([tmp_path / "latin.yaml"])


def test_all_errors_of_all_files_are_told_at_once() -> None:
    bad = GOOD.replace("red: 40", "purple: 40").replace("    basis", "    bassis")
    with pytest.raises(RuleFileError) as refused:
        parse_packs([("one.yaml", bad), ("two.yaml", "pack: x")])
    assert {problem[0] for problem in refused.value.problems} == {"one.yaml", "two.yaml"}
    assert len(refused.value.problems) >= 4


def test_ids_are_single_over_all_packs() -> None:
    with pytest.raises(RuleFileError, match="rule depth stands in pack mine too") as refused:
        parse_packs([("one.yaml", GOOD), ("two.yaml", GOOD.replace("pack: mine", "pack: yours"))])
    (line,) = [number for number, text in enumerate(GOOD.splitlines(), 1) if "rule: depth" in text]
    assert [problem[:2] for problem in refused.value.problems] == [("two.yaml", line)]
    assert "one.yaml" in refused.value.problems[0][2]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD, "utf-8")
    assert len(load_packs([tmp_path / "one.yaml"] * 2)) == 1


# name: (of what is written, line, the only problem that is told of it)
TOLD = {
    "no kind": ("      kind: threshold\n", "", 7, "rules.0.condition: field 'kind' is missing; add it"),
    "no number": ("red: 40", "red: high", 10, "rules.0.condition.limits.red: 'high' is not a number; write one, "),
    "not finite": ("red: 40", "red: .nan", 10, "rules.0.condition.limits.red: nan is not finite; write a number"),
    "true": ("red: 40", "red: yes", 10, "rules.0.condition.limits.red: True is not a number; write one, "),
    "an unknown priority": (
        "{blue: low, red: highest}", "urgent", 11, "rules.0.priority: 'urgent' is not known; use 'low', 'medium'",
    ),
    "an attribute that is no text": (
        "red: 40", "red: {attribute: 5}", 10, "rules.0.condition.limits.red.attribute: 5 is not a text; write one",
    ),
    "an empty clause": (
        "kind: threshold\n      unit: cm\n      limits: {blue: 10, red: 40}",
        "kind: combination\n      levels: {blue: {all_of: []}, red: {}}", 9,
        "rules.0.condition.levels.blue.all_of: has too few entries; give at least 1\n"
        "bad.yaml:9: rules.0.condition.levels.red: a clause needs rule, all_of, any_of or not; give one",
    ),
    "too deep": ("pack: mine", "pack: " + "[" * 5000, 1, "not YAML: lists or fields lie too deep within each other"),
    "too deep for a model": (
        "pack: mine", "pack: " + "[" * 40 + "]" * 40, 1, "not YAML: lists or fields lie too deep within each other",
    ),
    "half a character": ("{en: a", '{en: "\\ud800"', 1, "a text has half a character"),
    "a raw control character": ("pack: mine", "pack: mi\0ne", 1, "not YAML: character '\\x00' is not taken; leave it"),
    "a name with a control character": (
        "property: water_depth", 'property: water_depth, attributes: {"a\\x01": b}', 6,
        "rules.0.select.attributes.'a\\x01': holds the control character '\\x01'; leave it out",
    ),
    "two documents": ("rules:", "---\nrules:", 3, "not YAML: it holds two documents; make two files of them"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_one_fault_is_told_once_and_with_its_remedy(name: str) -> None:
    old, new, line, told = TOLD[name]
    assert old in GOOD
    with pytest.raises(RuleFileError) as refused:
        parse_packs([("bad.yaml", GOOD.replace(old, new, 1))])
    assert str(refused.value).startswith(f"bad.yaml:{line}: {told}")
    assert len(refused.value.problems) == 1 + told.count("\n")


TOGETHER = """\
pack: {pack}
description: {{en: a, zh: 一}}
rules:
  - rule: {rule}
    name: {{en: a, zh: 一}}
    select: {{system: drainage}}
    condition: {{kind: combination, levels: {{red: {clause}}}}}
    priority: high
    basis: [{{mark: P, source: test}}]
    guidance:
      {{cause: {{en: a, zh: 一}}, consequence: {{en: a, zh: 一}}, response: {{en: a, zh: 一}}, time_to_respond_s: 60}}
"""
SILENT = GOOD.replace("rule: depth", "rule: silent\n    class: instrument").replace(
    "      kind: threshold\n      unit: cm\n      limits: {blue: 10, red: 40}\n"
    "    priority: {blue: low, red: highest}\n",
    "      kind: stale\n    priority: low\n",
)


def together(clause: str, pack: str = "sums", rule: str = "together") -> str:
    return TOGETHER.format(pack=pack, rule=rule, clause=clause)


# name: (clause, other files given, files of the others there are, words of the error or None where it is taken)
LOOKS: dict[str, tuple[str, list[str], list[str], str | None]] = {
    "at a rule given": ("{rule: depth}", [GOOD], [], None),
    "at a rule there is": ("{rule: depth}", [], [GOOD], None),
    "at none": ("{not: {rule: depht}}", [GOOD], [], "looks at rule 'depht', which is nowhere; correct its name"),
    "at a rule that its pack has no longer": (
        "{rule: depth}", [GOOD.replace("rule: depth", "rule: level")], [GOOD], "'depth', which is nowhere",
    ),
    "at itself": ("{all_of: [{rule: depth}, {rule: together}]}", [GOOD], [], "'together', whose kind is combination"),
    "at another combination given": (
        "{rule: other}", [GOOD, together("{rule: depth}", "more", "other")], [], "'other', whose kind is combination",
    ),
    "at another combination there is": (
        "{rule: other}", [], [GOOD, together("{rule: depth}", "more", "other")], "'other', whose kind is combination",
    ),
    "at silence": ("{rule: silent}", [SILENT], [], "'silent', whose kind is stale; combinations see none"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKS)
def test_a_combination_looks_at_rules_that_readings_move(name: str) -> None:
    clause, given, others, words = LOOKS[name]
    files = [("sums.yaml", together(clause)), *((f"{place}.yaml", text) for place, text in enumerate(given))]
    there = parse_packs((f"there-{place}.yaml", text) for place, text in enumerate(others))
    if words is None:
        check_looks(files, parse_packs(files), there)
        return
    with pytest.raises(RuleFileError) as refused:
        check_looks(files, parse_packs(files), there)
    assert refused.value.problems[0][:2] == ("sums.yaml", 7)
    assert words in str(refused.value)


def suppressed(rule: str, *by: str, pack: str = "mine", text: str = GOOD) -> str:
    words = ", ".join(f"{{rule: {one}}}" if ":" not in one else f"{{{one}}}" for one in by)
    given = text.replace("pack: mine", f"pack: {pack}").replace("rule: depth", f"rule: {rule}")
    return given.replace("    priority:", f"    suppressed_by: [{words}]\n    priority:")


GATEWAY = SILENT.replace("rule: silent", "rule: gateway").replace("class: instrument", "class: system").replace(
    "kind: stale", "kind: gateway_silent"
)  # fmt: skip

# name: (the file, other files given, files of the others there are, words of the error or None where it is taken)
SUPPRESSED: dict[str, tuple[str, list[str], list[str], str | None]] = {
    "by a rule given": (suppressed("child", "depth", pack="sums"), [GOOD], [], None),
    "by a rule there is": (suppressed("child", "depth", pack="sums"), [], [GOOD], None),
    "by a gateway": (
        suppressed("silent", "rule: gateway, per: attributes.gateway", text=SILENT, pack="sums"),
        [GATEWAY.replace("pack: mine", "pack: more")], [], None,
    ),
    "by none": (suppressed("child", "depht"), [GOOD.replace("mine", "more")], [], "by rule 'depht', which is nowhere"),
    "by a rule that its pack has no longer": (
        suppressed("child", "depth", pack="sums"), [GOOD.replace("rule: depth", "rule: level")], [GOOD],
        "by rule 'depth', which is nowhere",
    ),
    "by itself": (suppressed("child", "child"), [], [], "by rule 'child', which it suppresses itself"),
    "in a circle": (
        suppressed("child", "other"), [suppressed("other", "child", pack="more")], [],
        "by rule 'other', which it suppresses itself, as they stand; take one of the two out",
    ),
    "in a circle with what there is": (
        suppressed("child", "other"), [],
        [suppressed("other", "third", pack="more"), suppressed("third", "child", pack="most")],
        "by rule 'other', which it suppresses itself",
    ),
    "by a gateway at a sensor": (
        suppressed("silent", "gateway", text=SILENT, pack="sums"), [GATEWAY.replace("pack: mine", "pack: more")], [],
        "by rule 'gateway', which is of no sensor; write per: attributes.gateway",
    ),
    "up to what it never has": (
        suppressed("silent", "rule: depth, up_to: red", text=SILENT, pack="sums"), [GOOD], [],
        "up to a severity, and has none; leave up_to out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SUPPRESSED)
def test_a_rule_is_suppressed_by_rules_there_are_and_in_no_circle(name: str) -> None:
    text, given, others, words = SUPPRESSED[name]
    files = [("child.yaml", text), *((f"{place}.yaml", other) for place, other in enumerate(given))]
    there = parse_packs((f"there-{place}.yaml", other) for place, other in enumerate(others))
    if words is None:
        check_looks(files, parse_packs(files), there)
        return
    with pytest.raises(RuleFileError) as refused:
        check_looks(files, parse_packs(files), there)
    file, line, told = refused.value.problems[0]
    assert file == "child.yaml"
    assert "suppressed_by" in text.splitlines()[line - 1]
    assert words in told


@pytest.mark.parametrize("words", ["latching: true", "suppressed_by: [{rule: other}]"])
def test_what_raises_no_alarm_can_neither_latch_nor_be_suppressed(words: str) -> None:
    text = GOOD.replace("    priority:", f"    annunciated: false\n    {words}\n    priority:")
    with pytest.raises(RuleFileError, match="raises no alarm of its own; leave it out, or annunciated: false"):
        parse_packs([("bad.yaml", text)])


def test_a_gateway_s_alarm_is_one_of_the_system() -> None:
    with pytest.raises(RuleFileError, match="about the system; write class: system"):
        parse_packs([("bad.yaml", GATEWAY.replace("    class: system\n", ""))])


def test_latching_and_suppression_are_left_out_of_the_version_of_those_who_have_none() -> None:
    (plain,), (latching,) = (
        parse_packs([("one.yaml", GOOD.replace("    priority:", f"{words}    priority:"))])
        for words in ("    latching: false\n    suppressed_by: []\n", "    latching: true\n")
    )
    (without,) = parse_packs([("one.yaml", GOOD)])
    assert plain.version == without.version != latching.version


def test_what_is_suppressed_in_force_would_no_longer_see_its_parent() -> None:
    in_force = parse_packs([("good.yaml", GOOD), ("sums.yaml", suppressed("child", "depth", pack="sums"))])
    (lost,) = lost_looks(parse_packs([("good.yaml", GOOD.replace("rule: depth", "rule: level"))]), in_force)
    assert lost.startswith("pack sums: rule 'child' is suppressed by rule 'depth', which is nowhere")


def test_what_combinations_in_force_would_no_longer_see() -> None:
    in_force = parse_packs([("good.yaml", GOOD), ("sums.yaml", together("{rule: depth}"))])
    same, without = (parse_packs([("good.yaml", text)]) for text in (GOOD, GOOD.replace("rule: depth", "rule: level")))
    assert lost_looks(same, in_force) == []
    (lost,) = lost_looks(without, in_force)
    assert lost.startswith("pack sums: rule 'together' looks at rule 'depth', which is nowhere")


def test_the_default_packs_look_at_each_other() -> None:
    check_looks(default_files(), default_packs(), [])


def test_the_version_hangs_on_the_content_alone() -> None:
    (one,) = parse_packs([("one.yaml", GOOD)])
    (same,) = parse_packs([("two.yaml", "# a comment\n" + GOOD.replace("blue: 10", "blue: 10.0"))])
    (other,) = parse_packs([("three.yaml", GOOD.replace("blue: 10", "blue: 11"))])
    assert one.rules[0].version == same.rules[0].version != other.rules[0].version


def test_every_default_limit_has_its_mark_source_and_guidance_in_both_languages() -> None:
    for pack in default_packs():
        for rule in pack.rules:
            assert rule.name.en
            assert rule.name.zh
            assert rule.guidance.response.zh
            if isinstance(rule.condition, Threshold):
                covered = {level for basis in rule.basis for level in (basis.limits or rule.condition.limits)}
                assert covered >= set(rule.condition.limits), rule.rule


def test_the_published_schema_knows_the_kinds() -> None:
    text = str(schema())
    assert all(kind in text for kind in ("threshold", "stale", "range"))
