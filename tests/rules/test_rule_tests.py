"""Rule authors' tests: what they say when they fail, and that those of the default packs pass."""

import subprocess
from pathlib import Path

import pytest

from alerts.rule_file import default_packs, load_packs
from alerts.rule_tests import SUFFIX, load_tests, run_tests
from model.yaml_file import YamlFileError
from tests.integration.service import LIFELINE

PACKS = Path(__file__).parents[2] / "alerts" / "packs"
TESTS = """
rules: [{pack}]
tests:
  - test: one too early, one too many
    sensors: [{{sensor: m1, system: gas, property: combustible_gas}}]
    readings: [{{sensor: m1, values: [2, 55]}}]
    expect:
      - {{time_s: 0, rule: combustible-gas, sensor: m1, to: red}}
"""


@pytest.mark.parametrize("path", sorted(PACKS.glob("*" + SUFFIX)), ids=lambda path: path.name)
def test_the_default_packs_pass_their_tests(path: Path) -> None:
    tests, rule_files = load_tests(path)
    assert run_tests(tests.tests, load_packs(rule_files)) == []


def test_every_rule_that_is_annunciated_is_raised_in_a_test() -> None:
    raised = {
        expected.rule for path in PACKS.glob("*" + SUFFIX) for test in load_tests(path)[0].tests
        for expected in test.expect if expected.to != "normal"
    }  # fmt: skip
    assert {rule.rule for pack in default_packs() for rule in pack.rules if rule.annunciated} <= raised


def test_a_failure_shows_the_difference(tmp_path: Path) -> None:
    path = tmp_path / ("mine" + SUFFIX)
    path.write_text(TESTS.format(pack=PACKS / "gas.yaml"))
    tests, rule_files = load_tests(path)
    (failure,) = run_tests(tests.tests, load_packs(rule_files))
    assert failure.difference.splitlines()[2:] == [
        "-       0.000 s  combustible-gas at m1: red",
        "+      60.000 s  combustible-gas at m1: red",
    ]


def test_the_command_fails_where_a_test_does(tmp_path: Path) -> None:
    path = tmp_path / ("mine" + SUFFIX)
    path.write_text(TESTS.format(pack=PACKS / "gas.yaml"))
    finished = subprocess.run([LIFELINE, "rules", "test", str(path)], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 1
    assert "0 of 1 tests passed" in finished.stdout


WRONG = [
    ("readings: [{sensor: m2, values: [1]}]", "no sensor 'm2'"),
    ("readings: [{sensor: m1, values: []}]", "values"),
    ("readings: [{sensor: m1, values: [1], quality: fine}]", "quality 'fine'; use good"),
]


@pytest.mark.parametrize(("readings", "why"), WRONG)
def test_a_test_that_makes_no_sense_is_refused(tmp_path: Path, readings: str, why: str) -> None:
    path = tmp_path / ("mine" + SUFFIX)
    path.write_text(
        f"rules: [{PACKS / 'gas.yaml'}]\ntests:\n  - test: t\n    expect: []\n    {readings}\n"
        "    sensors: [{sensor: m1, system: gas, property: combustible_gas}]\n"
    )
    with pytest.raises(YamlFileError, match=why):
        _loaded_and_run(path)


def _loaded_and_run(path: Path) -> None:
    tests, rule_files = load_tests(path)
    run_tests(tests.tests, load_packs(rule_files))


def test_a_combination_names_rules_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    gas = (PACKS / "gas.yaml").read_text()
    first = gas.index("  - rule:")
    path.write_text(
        gas.replace("pack: gas", "pack: mine")[:first]
        + """
  - rule: together
    name: {en: a, zh: 一}
    select: {}
    condition: {kind: combination, per: city, levels: {red: {rule: no-such-rule}}}
    priority: high
    basis: [{mark: P, source: test}]
    guidance: {cause: {en: a, zh: 一}, consequence: {en: a, zh: 一}, response: {en: a, zh: 一}, time_to_respond_s: 60}
"""
    )
    finished = subprocess.run([LIFELINE, "rules", "check", str(path)], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 1
    assert "looks at rule 'no-such-rule'" in finished.stderr


def test_a_folder_of_packs_is_checked_with_its_tests() -> None:
    files = [str(path) for path in sorted(PACKS.glob("*.yaml"))]
    finished = subprocess.run([LIFELINE, "rules", "check", *files], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    assert "pack gas: " in finished.stdout
    assert "gas.test.yaml: " in finished.stdout


def test_every_pack_has_tests_and_each_is_run_once() -> None:
    files = [str(path) for path in sorted(PACKS.glob("*.yaml"))]
    finished = subprocess.run([LIFELINE, "rules", "test", *files], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    tests = sum(path.read_text().count("- test:") for path in PACKS.glob("*.test.yaml"))
    assert f"{tests} of {tests} tests passed" in finished.stdout
