"""Rule authors' tests: what they say when they fail, and that those of the default packs pass."""

import asyncio
import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from alerts.rule_file import default_packs, load_packs
from alerts.rule_tests import SUFFIX, load_tests, run_tests
from model.yaml_file import YamlFileError
from store.rule_packs import packs_in_force
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


NO_SENSE = """
rules: [{pack}]
tests:
  - test: no sense
    sensors: [{{sensor: m1, system: gas, property: combustible_gas{sensor}}}]
    readings: [{readings}]
    time_zone: {zone}
    expect: []
  - test: sound
    sensors: [{{sensor: m1, system: gas, property: combustible_gas}}]
    readings: [{{sensor: m1, values: [1]}}]
    expect: []
"""
READINGS = "{sensor: m1, values: [1]}"

ZONE = "Asia/Shanghai"

# name: (more of the sensor, readings, time zone, what is wrong)
WRONG = {
    "an unknown sensor": ("", "{sensor: m2, values: [1]}", ZONE, "readings: no sensor 'm2'; add it under sensors"),
    "too many readings": ("", "{sensor: m1, values: [1, 2, 3], times: 100000}", ZONE, "readings: 300000 of them; give"),
    "half a place": (", longitude: 100", READINGS, ZONE, "sensors: m1: latitude: longitude and latitude are given"),
    "an unknown way of reporting": (", reporting: sometimes", READINGS, ZONE, "sensors: m1: reporting: 'sometimes'"),
    "an unknown time zone": ("", READINGS, "Mars/Olympus", "time_zone: 'Mars/Olympus' is no IANA time zone; write"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_test_that_makes_no_sense_fails_alone(tmp_path: Path, name: str) -> None:
    sensor, readings, zone, why = WRONG[name]
    path = tmp_path / ("mine" + SUFFIX)
    path.write_text(NO_SENSE.format(pack=PACKS / "gas.yaml", sensor=sensor, readings=readings, zone=zone))
    tests, rule_files = load_tests(path)
    (failure,) = run_tests(tests.tests, load_packs(rule_files))
    assert (failure.test, failure.difference) == ("no sense", "")
    assert failure.reason.startswith(why)


def test_the_command_names_the_file_of_a_test_that_makes_no_sense(tmp_path: Path) -> None:
    path = tmp_path / ("mine" + SUFFIX)
    path.write_text(
        NO_SENSE.format(pack=PACKS / "gas.yaml", sensor="", readings="{sensor: m2, values: [1]}", zone=ZONE)
        + TESTS.format(pack=PACKS / "gas.yaml").split("tests:\n")[1]
    )
    finished = subprocess.run([LIFELINE, "rules", "test", str(path)], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 1
    assert f"{path}: no sense: readings: no sensor 'm2'" in finished.stdout
    assert f"{path}: one too early, one too many: not as expected" in finished.stdout
    assert "1 of 3 tests passed" in finished.stdout


REFUSED = [
    ("values: []", "values"),
    ("values: [1], quality: fine", "quality 'fine'; use good"),
    ("values: [1, 2], every_s: .inf", "every_s"),
]


@pytest.mark.parametrize(("readings", "why"), REFUSED)
def test_a_file_of_tests_that_cannot_be_read_is_refused(tmp_path: Path, readings: str, why: str) -> None:
    path = tmp_path / ("mine" + SUFFIX)
    path.write_text(NO_SENSE.format(pack="mine.yaml", sensor="", readings="{sensor: m1, " + readings + "}", zone=ZONE))
    with pytest.raises(YamlFileError, match=why):
        load_tests(path)


def combination_at(rule: str) -> str:
    return f"""\
pack: mine
description: {{en: a, zh: 一}}
rules:
  - rule: together
    name: {{en: a, zh: 一}}
    select: {{}}
    condition: {{kind: combination, per: city, levels: {{red: {{rule: {rule}}}}}}}
    priority: high
    basis: [{{mark: P, source: test}}]
    guidance:
      {{cause: {{en: a, zh: 一}}, consequence: {{en: a, zh: 一}}, response: {{en: a, zh: 一}}, time_to_respond_s: 60}}
"""


def test_a_combination_names_rules_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(combination_at("no-such-rule"))
    finished = subprocess.run([LIFELINE, "rules", "check", str(path)], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 1
    assert f"{path}:7: rules.0.condition: rule 'together' looks at rule 'no-such-rule'" in finished.stderr


def test_what_check_refuses_is_not_put_into_force(tmp_path: Path, database_url: str) -> None:
    path = tmp_path / "mine.yaml"
    environment = {**os.environ, "LIFELINE_DATABASE_URL": database_url, "LIFELINE_HOME": str(tmp_path)}
    steps = [
        ("mine", "no-such-rule", 1),
        ("gas", "combustible-gas", 1),  # which it would replace
        ("mine", "gas-in-neighbouring-manholes", 1),  # a combination of the default packs
        ("mine", "combustible-gas", 0),  # of the default packs, which are in force
        ("mine", "no-such-rule", 1),
    ]
    for pack, looked_at, expected in steps:
        before = asyncio.run(_in_force(database_url))
        path.write_text(combination_at(looked_at).replace("pack: mine", f"pack: {pack}"))
        put = [str(LIFELINE), "rules", "activate", str(path)]
        finished = subprocess.run(put, env=environment, capture_output=True, text=True, timeout=60)
        assert finished.returncode == expected, finished.stderr
        assert (f"{path}:7: " in finished.stderr) == bool(expected)
        assert before == {} or (asyncio.run(_in_force(database_url)) == before) == bool(expected)


async def _in_force(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return {pack.pack: pack.version for pack in await packs_in_force(connection)}
    finally:
        await connection.close()


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
