"""Courses of heating and bridges: the same in every window, quiet in every season, moved by what happens."""

import numpy as np
import pytest

from simulators.cities import SimulatedCity
from simulators.cities.heat import HeatNetwork
from simulators.cities.plans import plan_of, small
from simulators.courses import bridge as bridges
from simulators.courses import heating as heat_courses
from simulators.courses.bridge import PierSettles, sensor_parts
from simulators.courses.heating import HEAT, MainBreak, running, substations_behind
from simulators.physics import FloatArray, heating
from simulators.physics.bridge import Stage
from simulators.world import World

DAY, HOUR = 86_400.0, 3_600.0
CITY = SimulatedCity(small(plan_of("jiayuguan"), 0.1), 1)
GROUPS = {group.thing: group for group in CITY.groups}
COURSES = {**heat_courses.COURSES, **bridges.COURSES}
MIDNIGHT_MS = 1_767_196_800_000  # of the first of January 2026 in Jiayuguan
SETTLES = PierSettles(0, (Stage(8 * DAY, 8.0), Stage(8 * DAY + HOUR, 6.0)))


def heat() -> HeatNetwork:
    network = CITY.heat
    assert network is not None
    return network


def main_to(substation: int) -> int:
    """The link of the supply that ends in a substation."""
    return int(np.flatnonzero(heat().pipes.to_node == heat().substations[substation])[0])


BREAK = MainBreak(main_to(2), 8 * DAY, 8 * DAY + 2.5 * HOUR, 8 * DAY + 14 * HOUR, 0.12)
EVERYTHING = (BREAK, SETTLES)


def world(begin_d: float, end_d: float, *events: object, day: int = 12) -> World:
    """A window of a stream that begins on that day of January, or later in the year."""
    return World(CITY, 1, MIDNIGHT_MS + day * 86_400_000, begin_d * DAY, end_d * DAY, events)


def read(
    thing: str, times: FloatArray, *events: object, begin_d: float = 0.0, end_d: float = 14.0, day: int = 12
) -> FloatArray:
    """The readings (sensors, times) of a group without noise."""
    group = GROUPS[thing]
    course = COURSES[thing](world(begin_d, end_d, *events, day=day), group)
    who = np.repeat(np.arange(len(group)), len(times))
    return course(np.tile(times, len(group)), who).reshape(len(group), len(times))


@pytest.mark.parametrize("thing", COURSES)
@pytest.mark.parametrize("day", [12, 130, 200])
def test_a_reading_is_the_same_in_whatever_window_order_and_company_it_is_asked(thing: str, day: int):
    times = np.sort(np.random.default_rng(3).uniform(7.2 * DAY, 9.4 * DAY, 400))
    whole = read(thing, times, *EVERYTHING, day=day)
    assert np.array_equal(read(thing, times, *EVERYTHING, begin_d=7.0, day=day), whole)
    shuffled = np.random.default_rng(1).permutation(whole.size)[: whole.size // 2]
    who, at = np.divmod(shuffled, len(times))
    course = COURSES[thing](world(0.0, 14.0, *EVERYTHING, day=day), GROUPS[thing])
    assert np.array_equal(course(times[at], who), whole[who, at])


@pytest.mark.parametrize("day", range(0, 365, 14))
def test_in_no_season_is_the_supply_off_the_curve_for_the_three_hours_that_make_an_alarm(day: int):
    times = np.arange(0.0, 7 * DAY, 900.0)
    air = world(0.0, 7.0, day=day).air_cel(times)
    counts = np.interp(air, [8.0, 12.0], [1.0, 0.0])  # the season's end, as in the rule
    off = np.abs(read("heat-supply", times, end_d=7.0, day=day) - heating.supply_cel(air, HEAT)) * counts
    for sensor in off > 3.0:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], sensor.astype(np.int64), [0]])))
        assert not len(edges) or np.max(edges[1::2] - edges[::2]) * 900.0 < 3 * HOUR
    assert read("room", times, end_d=7.0, day=day).min() > 18.5


def test_the_heating_runs_from_the_first_cold_until_a_day_after_the_last():
    def air(times: FloatArray) -> FloatArray:
        return np.where((times >= DAY) & (times < 1.5 * DAY), 11.0, 15.0)

    times = np.asarray([0.9, 1.1, 2.0, 2.4, 2.6]) * DAY
    assert running(times, air).tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_in_summer_the_heating_rests():
    noon = np.asarray([2 * DAY + 15 * HOUR])
    assert read("heat-supply", noon, day=195) == pytest.approx(20.0)
    assert read("heat-return", noon, day=195) == pytest.approx(20.0)
    assert read("heat-pressure", noon, day=195) == pytest.approx(0.6)


def test_a_main_feeds_what_lies_behind_it():
    everyone = list(range(len(heat().substations)))
    assert substations_behind(heat(), 0).tolist() == everyone
    for number in everyone:
        assert substations_behind(heat(), main_to(number)).tolist() == [number]


def test_behind_a_broken_main_pressure_and_heat_are_lost_and_water_is_made_up_until_it_is_repaired():
    times = np.asarray([7.9 * DAY, 8 * DAY + 2 * HOUR, 8 * DAY + 12 * HOUR, 9.5 * DAY])
    pressure, make_up, supply, back = (
        read(f"heat-{part}", times, BREAK) for part in ("pressure", "make-up", "supply", "return")
    )
    usual = read("heat-supply", times)
    assert pressure[2] == pytest.approx([0.6, 0.14, 0.6, 0.6], abs=0.02)
    circulation = heat().circulation_m3_h[2]
    assert make_up[2, 1] == pytest.approx(0.06 * circulation)
    assert make_up[2, [0, 2, 3]].max() < 0.005 * circulation
    assert supply[2, 2] == pytest.approx(20.0, abs=0.5)
    assert back[2, 2] == pytest.approx(20.0, abs=0.5)
    assert supply[2, [0, 3]] == pytest.approx(usual[2, [0, 3]], abs=0.5)
    others = np.arange(len(supply)) != 2
    assert np.array_equal(supply[others], usual[others])
    assert np.array_equal(pressure[others], read("heat-pressure", times)[others])


def test_rooms_cool_behind_the_break_for_as_long_as_it_lasts_and_no_others_do():
    rooms = (GROUPS["room"].place - heat().buildings[0]) // 5
    whole = MainBreak(main_to(int(rooms[0])), 8 * DAY, 8 * DAY + HOUR, 8 * DAY + 14 * HOUR, 0.12)
    times = np.asarray([7.9, 8.3, 8.6, 13.0]) * DAY
    lost = read("room", times) - read("room", times, whole)
    assert lost[0, 0] == 0.0
    assert 1.0 < lost[0, 1] < lost[0, 2] < 9.0
    assert lost[0, 3] < 0.5 * lost[0, 2]
    assert lost[rooms != rooms[0]] == pytest.approx(0.0)


def test_the_ladders_of_the_heating_are_shares_of_set_point_and_circulation():
    own = world(0.0, 7.0)
    pressure = heat_courses.LADDERS["heat-pressure"](own, GROUPS["heat-pressure"])
    assert pressure.below
    assert pressure.limits[0] == pytest.approx([np.nan, 0.51, 0.42, np.nan], nan_ok=True)
    make_up = heat_courses.LADDERS["heat-make-up"](own, GROUPS["heat-make-up"])
    assert make_up.limits[:, 3] == pytest.approx(0.04 * heat().circulation_m3_h)


def test_rows_of_a_sensor_are_found_in_any_order_and_put_in_time():
    times, who = np.asarray([3.0, 1.0, 2.0, 5.0, 4.0]), np.asarray([1, 0, 1, 0, 3])
    assert {k: times[rows].tolist() for k, rows in sensor_parts(times, who)} == {0: [1.0, 5.0], 1: [2.0, 3.0], 3: [4.0]}
    assert list(sensor_parts(np.empty(0), np.empty(0, np.int64))) == []


def test_gauges_of_one_bridge_see_the_same_vehicles_and_no_vehicle_swings_no_girder():
    times = np.arange(12 * HOUR, 12.5 * HOUR, 0.25)
    deflection, swing = read("bridge-deflection", times, end_d=1.0), read("bridge-acceleration", times, end_d=1.0)
    strain = read("bridge-strain", times, end_d=1.0)
    assert strain.max() - strain.min() > 5.0
    calm = swing[0] == 0.0
    assert 0.3 < np.mean(calm) < 0.95
    assert np.ptp(deflection[0][calm]) < 0.1 * np.ptp(deflection[0])
    assert np.corrcoef(strain[0], strain[-1])[0, 1] > 0.999


def test_a_settled_pier_is_seen_by_every_kind_of_gauge_of_its_bridge():
    times = np.asarray([7.9 * DAY, 9.0 * DAY])
    settled = read("bridge-settlement", times, SETTLES)
    assert settled == pytest.approx(np.tile([0.0, 14.0], (len(settled), 1)))
    assert read("bridge-tilt", times, SETTLES)[:, 1] == pytest.approx(0.14)
    for thing, usual in (("bridge-strain", 1.5e3 * 0.7 * 14.0 / 24.0**2), ("bridge-deflection", 14.0 * 11 / 16)):
        moved = read(thing, times, SETTLES) - read(thing, times)
        assert moved[:, 0] == pytest.approx(0.0)
        assert moved[:, 1] == pytest.approx(usual, rel=0.051)
    assert np.all(read("bridge-crack", times, SETTLES)[:, 1] > read("bridge-crack", times)[:, 1])


@pytest.mark.parametrize("day", [12, 195])
def test_no_gauge_of_a_bridge_comes_near_its_design_value(day: int):
    times = np.arange(0.0, 2 * DAY, 1.0)
    for thing in ("bridge-strain", "bridge-deflection", "bridge-displacement", "bridge-crack"):
        design = float(str(GROUPS[thing].columns["design_value"]))
        assert np.abs(read(thing, times, end_d=2.0, day=day)).max() < 0.7 * design
