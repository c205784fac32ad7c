"""Rule files: the default packs load; a file with an error is refused with file, line and remedy."""

from pathlib import Path

import pytest

from alerts.rule_file import RuleFileError, default_packs, load_packs, parse_packs, schema
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
    "a unit that does not fit": ("unit: cm", "unit: kPa", 4, ["kPa", "cm"]),
    "a unit that is not UCUM": ("unit: cm", "unit: inch", 4, ["[in_i]"]),
    "limits out of order": ("red: 40", "red: 5", 7, ["red", "above", "blue"]),
    "an unknown severity": ("red: 40", "purple: 40", 10, ["purple"]),
    "a negative delay": ("      unit: cm", "      unit: cm\n      on_delay_s: -1", 10, ["on_delay_s", "0"]),
    "a negative deadband": ("      unit: cm", "      unit: cm\n      deadband: -1", 10, ["deadband"]),
    "a limit that is no number": ("red: 40", "red: forty", 10, ["limits"]),
    "a limit that is not finite": ("red: 40", "red: .inf", 10, ["limits"]),
    "an unknown kind": ("kind: threshold", "kind: treshold", 7, ["treshold", "threshold"]),
    "delay and persistence at once": (
        "      unit: cm",
        "      unit: cm\n      on_delay_s: 5\n      samples: {needed: 2, of: 3}",
        7,
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
    "a limit without a source": ("source: test", "source: test, limits: [blue]", 4, ["red", "source"]),
    "no priority": ("priority: {blue: low, red: highest}", "priority: {}", 11, ["priority"]),
    "a deadband that never clears": ("      unit: cm", "      unit: cm\n      deadband: 5000", 4, ["never clear"]),
    "an override without limits": (
        "    basis: [{",
        "    overrides: [{select: {sensor: a}, limits: {}}]\n    basis: [{",
        12,
        ["limits"],
    ),
    "an override out of order": (
        "    basis: [{",
        "    overrides: [{select: {sensor: a}, limits: {blue: 9, red: 8}}]\n    basis: [{",
        4,
        ["overrides.0", "red", "above"],
    ),
    "a key that is a list": ("pack: mine", "? [a, b]\n: c\npack: mine", 1, ["must be a word"]),
    "a rule name with a space": ("rule: depth", "rule: water depth", 4, ["rule"]),
    "a field twice": ("      unit: cm", "      unit: cm\n      unit: m", 10, ["unit", "twice"]),
    "not YAML": ("pack: mine", "pack: [mine", 2, ["not YAML"]),
    "an alias": ("pack: mine", "pack: &name mine\nother: *name", 2, ["aliases"]),
    "a date for a text": ("en: a, zh: 一}\nrules", "en: 2026-11-22, zh: 5}\nrules", 2, ["zh"]),
}


def test_the_good_file_is_good() -> None:
    (pack,) = parse_packs([("good.yaml", GOOD)])
    assert [rule.rule for rule in pack.rules] == ["depth"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_line_and_remedy(name: str) -> None:
    old, new, line, words = BAD[name]
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
    (tmp_path / "latin.yaml").write_bytes("pack: mîne".encode("latin-1"))
    with pytest.raises(RuleFileError, match="not UTF-8"):
        load_packs([tmp_path / "latin.yaml"])


def test_all_errors_of_all_files_are_told_at_once() -> None:
    bad = GOOD.replace("red: 40", "purple: 40").replace("    basis", "    bassis")
    with pytest.raises(RuleFileError) as refused:
        parse_packs([("one.yaml", bad), ("two.yaml", "pack: x")])
    assert {problem[0] for problem in refused.value.problems} == {"one.yaml", "two.yaml"}
    assert len(refused.value.problems) >= 4


def test_ids_are_single_over_all_packs() -> None:
    with pytest.raises(RuleFileError, match="rule depth stands in pack mine too"):
        parse_packs([("one.yaml", GOOD), ("two.yaml", GOOD.replace("pack: mine", "pack: yours"))])


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
