"""Scenarios of rain and sewers: what they say happens is what the sensors would read."""

from functools import lru_cache

import numpy as np
import pytest

from simulators import courses
from simulators.cities import SimulatedCity
from simulators.cities.plans import PLANS, small
from simulators.courses.roads import Undrained
from simulators.courses.sewer_flows import Blockage, reaches_of
from simulators.courses.standing_water import upstream_of
from simulators.events import Storm
from simulators.physics import FloatArray
from simulators.scenarios.drainage import SCENARIOS
from simulators.scenarios.rain_claims import rain_claims
from simulators.scenarios.story import DAY_S, HOUR_S, Scenario, Story
from simulators.world import World

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
WINTER_MS = 1_795_305_600_000  # 2026-11-22T08:00 in China: no rain of the season in the way
CITIES = {
    "jiayuguan": PLANS["jiayuguan"],
    "jinchang": PLANS["jinchang"],
    "small jiayuguan": small(PLANS["jiayuguan"], 0.02),
    "small kunming": small(PLANS["kunming"], 0.02),
    "small diqing": small(PLANS["diqing"], 0.02),
}


@lru_cache
def city_of(name: str) -> SimulatedCity:
    return SimulatedCity(CITIES[name], 1)


def told(scenario: str, city: str, seed: int = 1) -> Story:
    return BY_NAME[scenario].tell(city_of(city), seed)


def highest(thing: str, city: str, story: Story, duration_s: float) -> FloatArray:
    """The highest value of each sensor of a group under a story, (sensors,)."""
    world = World(city_of(city), 1, WINTER_MS, 0.0, 7 * DAY_S, tuple(story.events))
    group = next(group for group in city_of(city).groups if group.thing == thing)
    times = np.arange(0.0, duration_s, group.interval_s)
    who = np.repeat(np.arange(len(group)), len(times))
    values = courses.course(world, group)(np.tile(times, len(group)), who)
    return np.asarray(values.reshape(len(group), -1).max(axis=1), np.float64)


def ranks(thing: str, city: str, story: Story, duration_s: float) -> FloatArray:
    """How many limits the highest value of each sensor has passed, (sensors,)."""
    world = World(city_of(city), 1, WINTER_MS, 0.0, 7 * DAY_S)
    group = next(group for group in city_of(city).groups if group.thing == thing)
    limits = courses.LADDERS[thing](world, group).limits
    return np.asarray((highest(thing, city, story, duration_s)[:, None] >= limits).sum(axis=1), np.float64)


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_story_can_be_told_of_any_city_again_and_again(scenario: Scenario, city: str):
    story = scenario.tell(city_of(city), 3)
    assert story == scenario.tell(city_of(city), 3)
    assert hash(tuple(story.events)) == hash(tuple(scenario.tell(city_of(city), 3).events))
    assert bool(story.events) == (scenario.name != "quiet-day")
    things = {group.thing for place in CITIES for group in city_of(place).groups}
    assert set(scenario.shown) <= things
    sensors = {name for group in city_of(city).groups for name in group.ids(city_of(city).plan)}
    for claim in story.claims:
        assert claim.sensor in sensors
        assert 0.0 <= claim.start_s <= claim.end_s
        assert claim.start_s + (claim.within_s or 0.0) < scenario.duration_s


@pytest.mark.parametrize("city", ["jinchang", "small jiayuguan", "small kunming"])
def test_a_cloudburst_floods_an_underpass_low_roads_and_manholes(city: str):
    story, duration_s = told("cloudburst", city), BY_NAME["cloudburst"].duration_s
    assert ranks("underpass", city, story, duration_s).max() >= 2
    assert ranks("road-depth", city, story, duration_s).max() >= 1
    assert ranks("manhole-level", city, story, duration_s).max() == 4


def test_a_cloudburst_lies_over_the_low_half():
    storm = told("cloudburst", "jiayuguan").events[0]
    assert isinstance(storm, Storm)
    streets = city_of("jiayuguan").streets
    low = streets.ground_m <= np.median(streets.ground_m)
    felt = storm.felt(streets.east, streets.north)
    assert felt[low].mean() > 2.0 * felt[~low].mean()
    fallen_mm = sum((end - start) / HOUR_S * mm_h for start, end, mm_h in storm.blocks)
    assert 25.0 < fallen_mm * felt[low].mean() < fallen_mm == pytest.approx(50.0)


@pytest.mark.parametrize("city", ["jinchang"])
def test_about_a_third_of_the_drainage_alarms_within_ten_minutes_in_the_flood_of_alarms(city: str):
    story = told("flood-of-alarms", city)
    world = World(city_of(city), 1, WINTER_MS, 0.0, 7 * DAY_S, tuple(story.events))
    first, sensors = [], 0
    for group in city_of(city).groups:
        sensors += len(group) if group.system == "drainage" else 0
        if group.thing in ("manhole-level", "underpass", "road-depth"):
            phase = group.interval_s * np.random.default_rng(1).random(len(group))
            times = phase[:, None] + np.arange(0.0, 4 * HOUR_S, group.interval_s)
            who = np.repeat(np.arange(len(group)), times.shape[1])
            values = courses.course(world, group)(times.ravel(), who).reshape(times.shape)
            over = values >= courses.LADDERS[group.thing](world, group).limits[:, :1]
            first.append(np.where(over, times, np.inf).min(axis=1))
    at = np.sort(np.concatenate(first))
    at = at[np.isfinite(at)]
    most = (np.searchsorted(at, at + 600.0) - np.arange(len(at))).max()
    assert 0.25 < most / sensors < 0.45


@pytest.mark.parametrize("city", ["jiayuguan", "jinchang", "small jiayuguan", "small kunming"])
@pytest.mark.parametrize("seed", [1, 2])
def test_only_the_underpass_whose_pumps_failed_fills(city: str, seed: int):
    story, duration_s = told("underpass-filling", city, seed), BY_NAME["underpass-filling"].duration_s
    failed = next(event.asset for event in story.events if isinstance(event, Undrained))
    group = next(group for group in city_of(city).groups if group.thing == "underpass")
    depth = highest("underpass", city, story, duration_s)
    assert depth[group.assets.index(failed)] > 66.0
    assert (np.delete(depth, group.assets.index(failed)) < 10.0).all()
    assert (highest("road-depth", city, story, duration_s) < 10.0).all()


@pytest.mark.parametrize(("city", "limits"), [("jiayuguan", 4), ("jinchang", 4), ("small diqing", 2)])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_blocked_sewer_stands_in_the_manholes_above_it_and_nowhere_else(city: str, limits: int, seed: int):
    story = told("blocked-sewer", city, seed)
    (event,) = story.events
    assert isinstance(event, Blockage)
    upstream = upstream_of(reaches_of(city_of(city).sewers).down, event.manhole)
    passed = ranks("manhole-level", city, story, BY_NAME["blocked-sewer"].duration_s)
    assert passed.max() >= limits
    assert (passed[upstream] >= 2).sum() >= 3
    assert not np.delete(passed, upstream).any()


@pytest.mark.parametrize(
    ("mm_h", "hours", "severity"),
    [
        (10.0, 1.0, None),  # below the 16 mm that Jiayuguan has set for an hour
        (15.8, 1.0, "yellow, not asked"),  # at it
        (20.0, 1.0, "yellow"),
        (25.0, 1.0, "yellow/red"),  # at the red of 25.6 mm
        (30.0, 1.0, "red"),
        (9.0, 6.5, "yellow"),  # 54 mm in 6 h
        (4.6, 12.0, "blue"),  # 55 mm in 12 h
        (15.8, 4.2, "yellow/orange"),  # 47 mm in 3 h, 66 mm in 6 h
    ],
)
def test_a_gauge_is_due_the_severity_of_the_greatest_sum(mm_h: float, hours: float, severity: str | None):
    city = city_of("small jiayuguan")
    claims = rain_claims(city, [Storm(((HOUR_S, (1 + hours) * HOUR_S, mm_h),))])
    found = [f"{claim.severity}{', not asked' if claim.within_s is None else ''}" for claim in claims]
    assert found == ([] if severity is None else [severity] * 2)
