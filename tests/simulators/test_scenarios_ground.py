"""Scenarios of ground, heating and bridges: where they are told, what they claim, and what the default packs say."""

import pytest

from benchmarks.detection.occurrences import Occurrence
from benchmarks.detection.simulated import alarms_of, score
from model.severity import LABELS
from simulators.cities import SimulatedCity
from simulators.cities.plans import PLANS, small
from simulators.platforms import load_platform
from simulators.scenarios import Scenario, load_scenario
from simulators.scenarios.ground import SCENARIOS as GROUND
from simulators.scenarios.heating_and_bridges import SCENARIOS as HEATING_AND_BRIDGES
from simulators.truth import TruthRow, truth

SCENARIOS = {scenario.name: scenario for scenario in (*GROUND, *HEATING_AND_BRIDGES)}
NEEDS = {
    "heat-main-break": "heat-supply",
    "bridge-support-settling": "bridge-strain",
    "slope-creep-to-failure": "slope",
    "creep-that-stops": "slope",
    "tailings-after-long-rain": "tailings-level",
    "goaf-collapse": "goaf-settlement",
}
SMALL = {name: SimulatedCity(small(PLANS[name], 0.02), 1) for name in ("jiayuguan", "jinchang", "kunming", "diqing")}
WHOLE = {name: SimulatedCity(PLANS[name], 1) for name in ("jiayuguan", "jinchang")}


@pytest.mark.parametrize(
    "city", [*SMALL.values(), *WHOLE.values()], ids=lambda city: f"{city.plan.name}-{city.plan.manholes}"
)
@pytest.mark.parametrize("name", NEEDS)
def test_a_scenario_is_told_where_the_city_has_what_it_needs(name: str, city: SimulatedCity):
    story = SCENARIOS[name].tell(city, 1)
    assert bool(story.events) == (NEEDS[name] in {group.thing for group in city.groups})
    assert bool(story.claims) <= bool(story.events)


@pytest.mark.parametrize(
    "city", [*SMALL.values(), *WHOLE.values()], ids=lambda city: f"{city.plan.name}-{city.plan.manholes}"
)
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_claims_name_sensors_that_are_shown_times_within_the_span_and_severities(
    scenario: Scenario, city: SimulatedCity
):
    shown = {name for group in city.groups if group.thing in scenario.shown for name in group.ids(city.plan)}
    for claim in scenario.tell(city, 3).claims:
        assert claim.sensor in shown
        assert 0.0 < claim.start_s < claim.start_s + claim.within_s <= scenario.duration_s
        assert claim.start_s < claim.end_s <= scenario.duration_s
        assert claim.severity is not None
        assert set(claim.severity.split("/")) <= set(LABELS)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_a_seed_chooses_the_place_and_always_the_same(scenario: Scenario):
    city = WHOLE["jinchang"]
    told = [scenario.tell(city, seed) for seed in range(6)]
    assert told[3] == scenario.tell(city, 3)
    assert len({str(story.events) for story in told}) > 1


def shown(place: str, name: str) -> tuple[list[TruthRow], list[Occurrence]]:
    """The truth of a scenario in a small city, and the alarms of the default packs."""
    platform, scenario = load_platform(place, share=0.02), load_scenario(name)
    rows = truth(platform, scenario, 1, scenario.duration_s, only=scenario.shown)
    return rows, alarms_of(platform, scenario, 1, scenario.duration_s, scenario.shown)


@pytest.mark.parametrize(("place", "name"), [
    ("jiayuguan", "slope-creep-to-failure"),
    ("jiayuguan", "creep-that-stops"),
    ("jiayuguan", "heat-main-break"),
    ("jinchang", "tailings-after-long-rain"),
    ("jinchang", "goaf-collapse"),
])  # fmt: skip
def test_what_happens_is_found_in_time_with_the_right_severity_and_nothing_else_is(place: str, name: str):
    found = score(*shown(place, name))
    assert found.rows > 0
    assert (found.missed, found.wrong, found.others) == ([], [], [])


def test_a_slope_that_fails_is_red_a_day_before():
    rows, alarms = shown("jiayuguan", "slope-creep-to-failure")
    failures = [row for row in rows if row.what == "failure"]
    for failure in failures:
        reached = [alarm.reached(4) for alarm in alarms if alarm.sensor == failure.sensor]
        assert min(time for time in reached if time is not None) < failure.end - 86_400_000
    assert len(failures) == 2


def test_creep_that_stops_is_never_red():
    _, alarms = shown("jiayuguan", "creep-that-stops")
    assert {LABELS[alarm.peak - 1] for alarm in alarms} <= {"blue", "yellow", "orange"}
