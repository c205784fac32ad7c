"""Every scenario against the default packs: its events are found, with the right severity and in time, and no others.

In small cities, so that all are tried; `lifeline bench detection` does the same at true size.
"""

import hashlib
from pathlib import Path

import pytest

from benchmarks.detection.simulated import SEED, platform_for, score_of
from simulators.platforms import load_platform
from simulators.scenarios import SCENARIOS, load_scenario
from simulators.stream import simulate, told
from simulators.truth import truth

SHARE = 0.02
SHARES = {"pump-trip": 0.1}  # where a small town's flow would drown in the meter's noise
# Nothing is due there: no event, or a fault that no reading tells.
NOTHING_DUE = {"quiet-day", "spikes", "drift"}
# What one thermometer that sticks says of a small city's heating is more than the scenario claims.
OTHERS_MAX = {"stuck": 10, "everything": 4}
ISSUE = [
    "quiet-day",
    "burst-main",
    "slow-leak",
    "pump-trip",
    "gas-leak",
    "restaurant-leak",
    "gas-alarm-offline",
    "cloudburst",
    "blocked-sewer",
    "underpass-filling",
    "slope-creep-to-failure",
    "creep-that-stops",
    "tailings-after-long-rain",
    "goaf-collapse",
    "heat-main-break",
    "bridge-support-settling",
    "gateway-dies",
    "network-outage",
    "clock-wrong",
    "unit-change",
    "spikes",
    "drift",
    "stuck",
    "dropouts",
    "flood-of-alarms",
    "everything",
]


def test_all_that_are_asked_for_exist():
    assert set(ISSUE) <= SCENARIOS.keys()


@pytest.mark.parametrize("name", ISSUE)
def test_what_happens_is_found_right_and_in_time_and_nothing_else(name: str):
    scenario = load_scenario(name)
    score = score_of(platform_for(scenario, SHARES.get(name, SHARE)), scenario)
    assert score.missed == []
    assert score.wrong == []
    assert len(score.others) <= OTHERS_MAX.get(name, 2), score.others
    assert (score.rows == 0) == (name in NOTHING_DUE)


@pytest.mark.parametrize("name", ISSUE)
@pytest.mark.parametrize("seed", [0, 7])
def test_a_story_is_told_for_any_seed_and_the_same_again(name: str, seed: int):
    scenario = load_scenario(name)
    platform = platform_for(scenario, SHARE)
    story = scenario.tell(platform.places[0], seed)
    assert repr(story) == repr(scenario.tell(platform.places[0], seed))
    assert story.events or name == "quiet-day"
    for claim in story.claims:
        assert 0 <= claim.start_s < claim.end_s
        assert claim.within_s is None or claim.within_s > 0


@pytest.mark.parametrize("name", ISSUE)
def test_a_province_has_it_in_one_of_its_cities(name: str):
    platform = load_platform("yunnan", share=0.01)
    stories = told(platform, load_scenario(name), SEED)
    assert len(stories) == 16
    assert sum(bool(story.events) for story in stories) <= 1


# name: (readings, SHA-256 of the arrays) of four hours. Another digest is another stream: change it only on purpose.
DIGESTS = Path(__file__).with_name("digests.txt")


def digest(name: str) -> str:
    found, count = hashlib.sha256(), 0
    scenario = load_scenario(name)
    platform = platform_for(scenario, SHARE)
    for samples in simulate(platform, scenario, SEED, 4 * 3_600.0):
        count += len(samples.time)
        for column in samples:
            found.update(column.tobytes())
    for row in truth(platform, scenario, SEED, 4 * 3_600.0):
        found.update(repr(row).encode())
    return f"{name} {count} {found.hexdigest()}"


@pytest.mark.parametrize("name", ["everything", "heat-main-break", "goaf-collapse"])
def test_the_same_bytes_on_any_machine(name: str):
    written = dict(line.split(" ", 1) for line in DIGESTS.read_text("utf-8").splitlines())
    assert digest(name) == f"{name} {written[name]}"


def test_the_documents_show_every_scenario_with_its_picture():
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "scenarios.md").read_text("utf-8")
    for name in SCENARIOS:
        assert f"### {name}\n" in text
        assert f"(pictures/{name}.svg)" in text
        assert (docs / "pictures" / f"{name}.svg").stat().st_size > 5_000
