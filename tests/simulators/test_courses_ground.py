"""Courses of slopes, goaf and tailings dam: the same in every window, quiet by themselves, moved by what happens."""

from dataclasses import replace

import numpy as np
import pytest

from simulators.cities import SimulatedCity
from simulators.cities.plans import plan_of, small
from simulators.cities.sensors import SensorGroup
from simulators.courses import goaf, slopes, tailings
from simulators.courses.goaf import GroundCollapse, bowl, collapse_depth_mm
from simulators.courses.long_rain import long_rain
from simulators.courses.slopes import SlopeCreep
from simulators.events import Storm
from simulators.physics import FloatArray
from simulators.physics.drainage import rain_so_far_mm
from simulators.physics.ground import Episode
from simulators.physics.subsidence import Collapse
from simulators.world import World

DAY = 86_400.0
CITY = SimulatedCity(small(plan_of("jinchang"), 0.4), 1)
GROUPS = {group.thing: group for group in CITY.groups}
COURSES = {**slopes.COURSES, **goaf.COURSES, **tailings.COURSES}
SUMMER_MS = 1_785_513_600_000  # 2026-07-31T16:00:00Z, a local midnight
FAILURE = SlopeCreep(1, Episode(3 * DAY, 9 * DAY, 3.0, 3_000.0, 0.0, 60.0), 1_500.0)
FADING = SlopeCreep(1, Episode(3 * DAY, 9 * DAY, 3.0, 15.0, DAY, DAY))
PIT = Collapse(*goaf.CENTRE_M, 1_200.0, 140.0, 9 * DAY)
COLLAPSE = GroundCollapse(PIT, 8 * DAY, 45.0)
LONG_RAIN = Storm(((DAY, 6 * DAY, 2.0),), *tailings.CENTRE_M, 4_000.0)
EVERYTHING = (FAILURE, COLLAPSE, LONG_RAIN)


def world(begin_d: float = 0.0, end_d: float = 14.0, *events: object, seed: int = 1) -> World:
    return World(CITY, seed, SUMMER_MS, begin_d * DAY, end_d * DAY, events)


def read(thing: str, times: FloatArray, *events: object, begin_d: float = 0.0, end_d: float = 14.0) -> FloatArray:
    """The readings (sensors, times) of a group without noise."""
    group = GROUPS[thing]
    who = np.repeat(np.arange(len(group)), len(times))
    course = COURSES[thing](world(begin_d, end_d, *events), group)
    return course(np.tile(times, len(group)), who).reshape(len(group), len(times))


@pytest.mark.parametrize("thing", COURSES)
def test_a_reading_is_the_same_in_whatever_window_order_and_company_it_is_asked(thing: str):
    times = np.arange(7.2 * DAY, 13.9 * DAY, 4_321.0)
    whole = read(thing, times, *EVERYTHING)
    assert np.array_equal(read(thing, times, *EVERYTHING, begin_d=7.0), whole)
    group = GROUPS[thing]
    shuffled = np.random.default_rng(1).permutation(whole.size)[: whole.size // 2]
    who, at = np.divmod(shuffled, len(times))
    course = COURSES[thing](world(7.0, 14.0, *EVERYTHING), group)
    assert np.array_equal(course(times[at], who), whole[who, at])


@pytest.mark.parametrize(("thing", "low", "high"), [
    ("slope", -15.0, 15.0),
    ("slope-rate", 0.0, 1.5),
    ("goaf-settlement", 0.0, 20.0),
    ("goaf-displacement", -10.0, 10.0),
    ("goaf-tilt", 0.0, 0.1),
    ("goaf-strain", -500.0, 500.0),
    ("tailings-displacement", -10.0, 10.0),
    ("tailings-level", 1_508.0, 1_516.0),
    ("tailings-depth", 5.0, 12.0),
])  # fmt: skip
def test_left_alone_the_ground_stays_within_its_limits_in_a_wet_month(thing: str, low: float, high: float):
    values = read(thing, np.arange(0.0, 30 * DAY, 6 * 3_600.0), end_d=30.0)
    assert low <= values.min()
    assert values.max() < high


def test_a_slope_that_fails_stands_displaced_and_the_others_do_not_feel_it():
    times = np.asarray([2.9 * DAY, 8.9 * DAY, 9.1 * DAY, 13.0 * DAY])
    moved = read("slope", times, FAILURE) - read("slope", times)
    assert moved[:2] == pytest.approx(0.0)
    assert moved[4:] == pytest.approx(0.0)
    assert moved[2, 0] == 0.0
    assert 50.0 < moved[2, 1] < 200.0
    assert moved[2, 2] == pytest.approx(moved[2, 3])
    assert moved[2, 2] > 1_500.0
    assert moved[3] == pytest.approx(0.9 * moved[2])


def test_the_rate_of_a_slope_is_that_of_its_displacement():
    times = np.arange(3.5 * DAY, 7.7 * DAY, 900.0)  # short of the peak, where the rate has a corner
    ways = read("slope", times, FADING) - read("slope", times)
    rates = read("slope-rate", times, FADING) - read("slope-rate", times)
    assert np.gradient(ways[2], times / DAY)[1:-1] == pytest.approx(rates[1][1:-1], rel=1e-3)
    peak = np.asarray([8.0 * DAY])
    assert read("slope-rate", peak, FADING)[1] == pytest.approx(read("slope-rate", peak)[1] + 15.0)


def test_creep_that_stops_comes_back_to_its_steady_rate():
    after = np.asarray([13.9 * DAY])
    assert read("slope-rate", after, FADING, end_d=30.0) == pytest.approx(
        read("slope-rate", after, end_d=30.0), abs=1.0
    )


def test_tilt_and_crack_follow_the_slope():
    times = np.asarray([8.5 * DAY])
    moved = read("slope", times, FADING) - read("slope", times)
    crack = read("slope-crack", times, FADING) - read("slope-crack", times)
    assert crack[1] == pytest.approx(0.2 * moved[2])
    assert read("slope-tilt", times, FADING)[1] > read("slope-tilt", times)[1]


def test_the_rate_ladder_of_slopes_reaches_red_before_the_failure():
    rates = read("slope-rate", np.asarray([8.9 * DAY]), FAILURE)[:, 0]
    limits = slopes.LADDERS["slope-rate"](world(), GROUPS["slope-rate"]).limits
    assert (rates >= limits[:, 3]).tolist() == [k == FAILURE.slope for k in range(len(rates))]


def test_rain_of_storms_moves_the_slopes_they_fall_on():
    storm = Storm(((DAY, 2 * DAY, 4.0),), float(GROUPS["slope"].east[0]), float(GROUPS["slope"].north[0]), 500.0)
    far = np.hypot(GROUPS["slope"].east - storm.east, GROUPS["slope"].north - storm.north) > 2_000.0
    moved = (read("slope", np.asarray([13.0 * DAY]), storm) - read("slope", np.asarray([13.0 * DAY])))[:, 0]
    assert moved[0] > 0.3
    assert moved[far] == pytest.approx(0.0, abs=1e-6)


def test_the_tilt_and_the_strain_of_a_pit_are_the_derivatives_of_its_form():
    east, north, step = np.linspace(-150.0, 150.0, 61), np.full(61, 30.0), 0.01
    here, beside = (
        bowl(PIT, PIT.east_m + east, PIT.north_m + north),
        bowl(PIT, PIT.east_m + east + step, PIT.north_m + north),
    )
    assert here.tilt_east_m == pytest.approx((beside.sunk - here.sunk) / step, abs=1e-5)
    shift = goaf.PANEL.shift_factor * PIT.radius_m
    assert here.strain_east_m == pytest.approx(shift * (beside.tilt_east_m - here.tilt_east_m) / step, abs=1e-5)


def test_a_pit_sinks_ever_faster_before_it_falls_to_its_depth():
    depth = collapse_depth_mm(np.asarray([8.0, 8.5, 9.0, 9.1]) * DAY, COLLAPSE)
    assert depth[[0, 2, 3]] == pytest.approx([0.0, 45.0, 1_245.0])
    assert depth[1] < 45.0 / 2


def test_a_collapse_is_felt_near_the_pit_only_and_the_mark_in_it_falls_with_it():
    group: SensorGroup = GROUPS["goaf-settlement"]
    fallen = read("goaf-settlement", np.asarray([13.0 * DAY]), COLLAPSE) - read(
        "goaf-settlement", np.asarray([13.0 * DAY])
    )
    away = np.hypot(group.east - PIT.east_m, group.north - PIT.north_m)
    assert fallen[:, 0] == pytest.approx(1_245.0 * np.exp(-np.pi * (away / PIT.radius_m) ** 2))


def test_around_a_pit_the_ground_moves_towards_it_as_far_as_it_tilts():
    times = np.asarray([0.0, 13.0 * DAY])
    group = GROUPS["goaf-displacement"]
    pit = replace(PIT, east_m=float(group.east[0]) + 50.0, north_m=float(group.north[0]))
    form = bowl(pit, group.east, group.north)
    expected = 1_245.0 * goaf.PANEL.shift_factor * pit.radius_m * np.hypot(form.tilt_east_m, form.tilt_north_m)
    fallen = np.diff(read("goaf-displacement", times, replace(COLLAPSE, pit=pit)))[:, 0]
    assert fallen == pytest.approx(expected, abs=12.0)
    assert expected.max() > 100.0


def test_long_rain_raises_the_pond_first_then_the_line_and_the_seepage_all_below_red():
    times = np.arange(0.0, 14 * DAY, 3_600.0)
    pond, line, seepage = (read(f"tailings-{part}", times, LONG_RAIN) for part in ("pond", "level", "seepage"))
    quiet = read("tailings-level", times)
    assert pond[0].max() > pond[0, 0] + 1.0
    assert seepage.max() > 1.3 * seepage[:, 0].max()
    assert np.argmax(pond[0]) <= np.argmax(
        read("tailings-displacement", times, LONG_RAIN)[0] - read("tailings-displacement", times)[0]
    )
    high = tailings.LADDERS["tailings-level"](world(), GROUPS["tailings-level"]).limits[0]
    assert quiet.max() < high[0]
    assert high[1] < line.max() < high[2]


@pytest.mark.parametrize("thing", ["tailings-level", "tailings-depth", "tailings-displacement"])
def test_the_ladders_of_a_dam_are_the_limits_that_stand_with_its_sensors(thing: str):
    ladder = tailings.LADDERS[thing](world(), GROUPS[thing])
    expected = {
        "tailings-level": [1516.0, 1517.0, 1518.0, 1519.0],
        "tailings-depth": [np.nan, np.nan, 4.4, 4.0],
        "tailings-displacement": [10.0, 20.0, 40.0, 80.0],
    }[thing]
    assert ladder.limits == pytest.approx(np.tile(expected, (len(GROUPS[thing]), 1)), nan_ok=True)
    assert ladder.below == (thing == "tailings-depth")


def test_the_long_rain_is_the_season_s_and_begins_before_the_stream():
    own, near = world(0.0, 20.0), np.asarray([0.0, 5 * DAY, 20 * DAY])
    fallen = [rain_so_far_mm(near, rain) for rain in (long_rain(own, 0.0, 0.0), own.natural_rain)]
    assert np.diff(fallen[0]) == pytest.approx(np.diff(fallen[1]), abs=1e-6)
    assert fallen[0][0] > fallen[1][0]
