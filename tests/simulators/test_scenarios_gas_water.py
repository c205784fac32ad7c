"""The stories of gas and water: they fit any city, stay within their time, and stand clear of the limits."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from simulators.cities import SimulatedCity
from simulators.cities.plans import JIAYUGUAN, JINCHANG, PLANS, small
from simulators.courses import gas as gas_courses
from simulators.courses import water as water_courses
from simulators.courses.gas import GasLeak, KitchenLeak
from simulators.courses.water import MainBurst
from simulators.events import Fault
from simulators.scenarios import gas, water
from simulators.scenarios.story import Scenario
from simulators.world import World

SCENARIOS = [*gas.SCENARIOS, *water.SCENARIOS]
CITIES = [
    SimulatedCity(small(JIAYUGUAN, 0.02), 1),
    SimulatedCity(small(JINCHANG, 0.1), 1),
    SimulatedCity(small(PLANS["kunming"], 0.02), 1),
    SimulatedCity(PLANS["nujiang"], 1),
]
NAMES = ["a small Jiayuguan", "a small Jinchang", "a small Kunming", "Nujiang"]


@pytest.mark.parametrize("city", CITIES, ids=NAMES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_story_fits_the_city_and_its_time(scenario: Scenario, city: SimulatedCity) -> None:
    known = {name for group in city.groups for name in group.ids(city.plan)}
    for seed in range(4):
        story = scenario.tell(city, seed)
        assert story.events
        assert story == scenario.tell(city, seed)
        for claim in story.claims:
            assert claim.sensor in known
            assert 0 < claim.start_s < claim.end_s <= scenario.duration_s
            assert claim.within_s is not None
            assert claim.start_s + claim.within_s <= scenario.duration_s
        for event in story.events:
            assert isinstance(event, GasLeak | KitchenLeak | MainBurst | Fault | water_courses.PumpTrip)
            assert 0 < event.start_s < event.end_s <= scenario.duration_s
    assert set(scenario.shown) <= {group.thing for group in city.groups}


def test_different_seeds_choose_different_places() -> None:
    city = SimulatedCity(JINCHANG, 1)
    for scenario in SCENARIOS:
        if scenario.name != "pump-trip":  # there is one works
            assert len({str(scenario.tell(city, seed).events) for seed in range(6)}) > 1, scenario.name


def peak_of(city: SimulatedCity, event: object, thing: str, who: int, duration_s: float) -> float:
    world = World(city, 1, 1_790_000_000_000, 0.0, duration_s, (event,))
    group = next(group for group in city.groups if group.thing == thing)
    times = np.arange(0.0, duration_s, 60.0)
    return float(gas_courses.COURSES[thing](world, group)(times, np.full(len(times), who)).max())


@pytest.mark.parametrize("seed", range(5))
def test_the_manholes_beside_the_leak_are_red_yellow_and_blue_clear_of_the_limits(seed: int) -> None:
    city = SimulatedCity(JINCHANG, 1)
    (leak,) = gas.gas_leak(city, seed).events
    assert isinstance(leak, GasLeak)
    heads = next(group for group in city.groups if group.thing == "gas-manhole").place.tolist()
    peaks = [peak_of(city, leak, "gas-manhole", heads.index(m), 3 * 3_600.0) for m in leak.manholes]
    for peak, (low, high) in zip(peaks, [(60.0, 100.0), (22.0, 34.0), (12.0, 19.0)], strict=True):
        assert low < peak < high
    assert city.gas.ageing[leak.pipe]


def test_the_restaurant_is_red_by_any_set_points() -> None:
    city = CITIES[0]
    (leak,) = gas.restaurant_leak(city, 3).events
    assert isinstance(leak, KitchenLeak)
    # The story begins at ten in the evening; the world here at 22:13 local, in the same closed hours.
    assert 55.0 < peak_of(city, leak, "gas-alarm", leak.alarm, 5 * 3_600.0) < 100.0


def test_a_city_without_old_pipes_has_no_leak_beside_one() -> None:
    city = SimulatedCity(replace(small(JIAYUGUAN, 0.02), ageing_gas_km=0.0), 1)
    assert gas.gas_leak(city, 1).events == []


def test_alarms_fall_silent_only_after_all_were_heard_once() -> None:
    story = gas.gas_alarm_offline(CITIES[0], 1)
    (fault,) = story.events
    assert isinstance(fault, Fault)
    assert fault.start_s > 86_400.0 + 60.0
    assert {claim.sensor for claim in story.claims} == fault.sensors


@pytest.mark.skipif(find_spec("epanet") is None, reason="needs the extra sim")
@pytest.mark.parametrize("seed", range(3))
def test_a_burst_takes_more_off_its_gauge_in_ten_minutes_than_the_red_limit(seed: int) -> None:
    city = SimulatedCity(JINCHANG, 1)
    (burst,) = water.burst_main(city, seed).events
    assert isinstance(burst, MainBurst)
    world = World(city, 1, 1_790_000_000_000, 0.0, 86_400.0, (burst,))
    pressure = water_courses.Supply(world).pressure_mpa(
        np.asarray([burst.start_s - 1.0, burst.start_s + 660.0]), np.full(2, burst.node)
    )
    assert pressure[0] - pressure[1] > 0.14


def test_a_burst_in_a_district_is_told_at_the_first_of_its_pressure_gauges() -> None:
    city = SimulatedCity(JINCHANG, 1)
    for district, name in enumerate(city.plan.districts):
        mine = sorted(s.sensor for s in city.sensors() if s.property == "water_pressure" and s.district == name[0])
        assert water.voice_of(city, district) == mine[0]
