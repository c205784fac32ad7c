"""What the sensors of drainage, weather and lamps would read: in quiet, under storms and when something fails."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import yaml

import simulators.courses as courses
from simulators.cities import SimulatedCity
from simulators.cities.plans import JIAYUGUAN, JINCHANG, small
from simulators.cities.sensors import SensorGroup
from simulators.cities.sensors_of_drainage import WELL_BRIM_M
from simulators.courses.covers import CoverLoose, CoverOpened
from simulators.courses.roads import Undrained, low_points_of
from simulators.courses.sewer_air import ClosedVents, StirredSludge
from simulators.courses.sewer_flows import Blockage, Discharge, flows_of, reaches_of
from simulators.courses.standing_water import storage, upstream_of
from simulators.courses.stations import START_M, STOP_M, PumpsStanding
from simulators.courses.surcharge import surcharged
from simulators.events import Storm
from simulators.physics import FloatArray
from simulators.physics.sewer import OVER_GROUND_M, full_flow_m3_s, partial_flow
from simulators.world import Course, World

HOUR, DAY = 3_600.0, 86_400.0
JULY_MS = round(datetime(2026, 7, 14, 22, tzinfo=UTC).timestamp() * 1000)  # 06:00 in China
WINTER_MS = round(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
PACKS = Path(__file__).parents[2] / "alerts" / "packs"
OURS = (
    "manhole-level", "underpass", "road-depth", "sewer-flow", "basin-level", "station-flow", "station-level",
    "cover-open", "cover-vibration", "sewer-gas", "sewer-oxygen", "rain", "air", "wind", "tailings-rain",
    "tailings-wind", "lamp",
)  # fmt: skip
CLOUDBURST = Storm(((2 * HOUR, 3 * HOUR, 45.0),), 0.0, 0.0, 4_000.0)


@lru_cache(1)
def the_city() -> SimulatedCity:
    """A city with all that the drainage can have: storm trunks with their basin, underpasses, a tailings dam."""
    return SimulatedCity(replace(small(JINCHANG, 0.1), low_points=8), 1)


def group_of(thing: str) -> SensorGroup:
    return next(group for group in the_city().groups if group.thing == thing)


def world(
    *events: object, start_ms: int = WINTER_MS, begin_s: float = 0.0, end_s: float = 7 * DAY, seed: int = 1
) -> World:
    return World(the_city(), seed, start_ms, begin_s, end_s, events)


def course(thing: str, where: World) -> Course:
    return courses.course(where, group_of(thing))


def of_all(thing: str, where: World, times: FloatArray) -> FloatArray:
    """The values of all sensors of a group at those times, (sensors, times)."""
    count = len(group_of(thing))
    who = np.repeat(np.arange(count, dtype=np.int32), len(times))
    return course(thing, where)(np.tile(times, count), who).reshape(count, len(times))


def dry_storm_world(*events: object) -> World:
    """Winter without rain of the season, so that what a storm does stands alone."""
    where = world(*events)
    assert all(end < -6 * HOUR or start > DAY for start, end, _ in where.natural_rain)
    return where


# --- what holds for all -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", OURS)
def test_a_value_hangs_neither_on_the_window_nor_on_what_else_is_asked(thing: str):
    things = (
        CLOUDBURST,
        Blockage(group_place("manhole-level", 7), HOUR, 30 * HOUR),
        PumpsStanding(station(), HOUR, DAY),
    )
    wide, narrow = (world(*things, start_ms=JULY_MS, begin_s=begin, end_s=3 * DAY) for begin in (0.0, 1.5 * DAY))
    count = len(group_of(thing))
    times = 1.5 * DAY + np.linspace(0.0, 1.4 * DAY, 60 * count)
    who = np.tile(np.arange(count), 60)
    expected = course(thing, wide)(times, who)
    order = np.random.default_rng(1).permutation(len(times))
    assert course(thing, narrow)(times[order], who[order]) == pytest.approx(expected[order], abs=1e-9)
    assert course(thing, narrow)(times[5:6], who[5:6]) == pytest.approx(expected[5:6], abs=1e-9)


@pytest.mark.parametrize("thing", OURS)
def test_what_is_drawn_hangs_on_the_seed_alone(thing: str):
    times = np.linspace(0.0, DAY, 97)
    assert (of_all(thing, world(), times) == of_all(thing, world(), times)).all()
    drawn = {"air", "wind", "tailings-wind", "cover-vibration"}
    assert (of_all(thing, world(), times) != of_all(thing, world(seed=2), times)).any() == (thing in drawn)


def test_the_limits_of_the_truth_are_those_of_the_rules():
    rules = {
        rule["rule"]: rule["condition"]
        for pack in ("drainage", "gas")
        for rule in yaml.safe_load((PACKS / f"{pack}.yaml").read_text(encoding="utf-8"))["rules"]
    }
    where = world()
    for thing, rule in (
        ("underpass", "road-water-depth"), ("road-depth", "road-water-depth"), ("sewer-gas", "hydrogen-sulfide"),
        ("sewer-oxygen", "oxygen-low"), ("cover-open", "manhole-cover-open"),
    ):  # fmt: skip
        given = [rules[rule]["limits"].get(level, np.nan) for level in ("blue", "yellow", "orange", "red")]
        ladder = courses.LADDERS[thing](where, group_of(thing))
        assert ladder.below == (rules[rule]["direction"] == "below")
        np.testing.assert_array_equal(ladder.limits, np.tile(given, (len(group_of(thing)), 1)))
    group = group_of("manhole-level")
    bore, depth = (np.asarray(group.columns[name], np.float64) for name in ("diameter_m", "depth_m"))
    given = rules["manhole-level"]["limits"]
    assert given["blue"]["factor"] == 0.8
    assert given["orange"]["offset"] == -0.5
    limits = courses.LADDERS["manhole-level"](where, group).limits
    np.testing.assert_allclose(limits, np.stack([0.8 * bore, bore, depth - 0.5, depth], axis=1))


@pytest.mark.parametrize("start_ms", [WINTER_MS, JULY_MS])
@pytest.mark.parametrize("thing", sorted(set(OURS) & set(courses.LADDERS)))
def test_nothing_passes_a_limit_on_a_quiet_day(thing: str, start_ms: int):
    where = world(start_ms=start_ms)
    ladder = courses.LADDERS[thing](where, group_of(thing))
    values = of_all(thing, where, np.arange(0.0, DAY, 300.0))
    beyond = (
        values[:, :, None] <= ladder.limits[:, None] if ladder.below else values[:, :, None] >= ladder.limits[:, None]
    )
    assert not beyond.any()


# --- sewers -----------------------------------------------------------------------------------------------------------


def group_place(thing: str, number: int) -> int:
    return int(group_of(thing).place[number])


def station() -> str:
    return group_of("station-level").assets[0]


def test_all_sewage_leaves_by_the_outfalls():
    where, sewers = world(), the_city().sewers
    last = np.flatnonzero(reaches_of(sewers).down < 0)
    times = np.arange(0.0, DAY, 600.0)
    leaving = flows_of(where).outflow_l_s(np.tile(times, len(last)), np.repeat(last, len(times)))
    assert leaving.sum() / len(times) == pytest.approx(sewers.sewage_l_s.sum(), rel=0.01)


def test_a_storm_is_felt_less_with_distance():
    storm = Storm(
        ((2 * HOUR, 3 * HOUR, 12.0),), float(group_of("rain").east[0]), float(group_of("rain").north[0]), 800.0
    )
    fallen = of_all("rain", dry_storm_world(storm), np.arange(300.0, DAY, 300.0)).sum(axis=1)
    away = np.hypot(group_of("rain").east - storm.east, group_of("rain").north - storm.north)
    assert fallen == pytest.approx(12.0 * np.exp(-((away / 800.0) ** 2)), abs=0.21)


def test_a_cloudburst_drowns_manholes_up_to_the_ground_and_leaves_them_dry_hours_later():
    where, sewers = dry_storm_world(CLOUDBURST), the_city().sewers
    times = np.arange(0.0, 12 * HOUR, 300.0)
    level = of_all("manhole-level", where, times)
    bore = sewers.pipes.diameter_mm[: sewers.manholes] / 1e3
    over = (level >= bore[:, None]).any(axis=1)
    assert 0.1 < over.mean() < 0.9
    assert (level <= sewers.depth_m[:, None] + OVER_GROUND_M + 1e-6).all()
    assert (level[:, times >= 8 * HOUR] < 0.8 * bore[:, None]).all()
    assert (level[:, times < 2 * HOUR] < 0.2 * bore[:, None]).all()


def test_a_drowned_sewer_stands_by_its_loss_above_the_next_one_up_to_the_ground():
    sewers = the_city().sewers
    reaches = reaches_of(sewers)
    full = full_flow_m3_s(reaches)
    last = int(np.flatnonzero(reaches.down < 0)[0])
    above = int(np.flatnonzero(reaches.down == last)[0])
    flow = np.zeros((sewers.manholes, 1))
    flow[last], flow[above] = 1.2 * full[last], 0.5 * full[above]
    found = surcharged(sewers, reaches, flow)
    crown = sewers.pipes.level_m[sewers.pipes.to_node[last]] + reaches.diameter_m[last]
    head = crown + 1.2**2 * reaches.slope[last] * reaches.length_m[last]
    ground = sewers.pipes.ground_m[last] + OVER_GROUND_M
    assert sewers.pipes.level_m[last] + found.level_m[last, 0] == pytest.approx(min(head, ground))
    if head < ground:
        assert found.outflow_m3_s[last, 0] == pytest.approx(1.2 * full[last])
    assert sewers.pipes.level_m[above] + found.level_m[above, 0] >= min(head, ground) - 1e-9
    dry = np.setdiff1d(np.arange(sewers.manholes), upstream_of(reaches.down, last))
    assert found.level_m[dry] == pytest.approx(0.0, abs=1e-9)


def test_a_sewer_that_is_not_drowned_runs_at_its_normal_depth():
    sewers = the_city().sewers
    reaches = reaches_of(sewers)
    heads = np.flatnonzero(~np.isin(np.arange(sewers.manholes), reaches.down))
    flow = np.zeros((sewers.manholes, 1))
    flow[heads, 0] = 0.6 * full_flow_m3_s(reaches)[heads]
    found = surcharged(sewers, reaches, flow)
    fill = found.level_m[heads, 0] / reaches.diameter_m[heads]
    lowest = fill.min()
    assert partial_flow(np.asarray([lowest]))[1] == pytest.approx([0.6], abs=1e-3)
    assert fill == pytest.approx(lowest, abs=1e-3)
    assert found.outflow_m3_s == pytest.approx(flow)


def blocked_manhole() -> int:
    """One with a few manholes above it, whose pool fills within a day."""
    sewers = the_city().sewers
    reaches = reaches_of(sewers)
    for manhole in range(sewers.manholes):
        upstream = upstream_of(reaches.down, manhole)
        volume = storage(sewers, reaches, upstream, manhole)[1][-1]
        if len(upstream) >= 8 and volume < 0.5 * DAY * sewers.sewage_l_s[upstream].sum() / 1e3:
            return manhole
    raise AssertionError("the city has no such manhole")


def test_sewage_stands_level_above_a_blockage_and_runs_off_when_it_is_cleared():
    manhole, sewers = blocked_manhole(), the_city().sewers
    where, quiet = world(Blockage(manhole, HOUR, 25 * HOUR)), world()
    times = np.asarray([0.5, 24.9, 40.0]) * HOUR
    level, usual = (of_all("manhole-level", one, times) for one in (where, quiet))
    assert level[:, 0] == pytest.approx(usual[:, 0], abs=1e-6)
    assert level[:, 2] == pytest.approx(usual[:, 2], abs=1e-3)
    risen = np.flatnonzero(level[:, 1] > usual[:, 1] + 0.05)
    assert len(risen) >= 3
    assert np.isin(risen, upstream_of(reaches_of(sewers).down, manhole)).all()
    surface = sewers.pipes.level_m[risen] + level[risen, 1]
    assert np.ptp(surface) < 1e-3
    lowest = sewers.pipes.ground_m[upstream_of(reaches_of(sewers).down, manhole)].min()
    assert surface[0] == pytest.approx(lowest + OVER_GROUND_M, abs=1e-3)


def test_below_a_blockage_the_flow_is_missing_and_a_discharge_adds_its_own():
    sewers = the_city().sewers
    reaches = reaches_of(sewers)
    manhole = blocked_manhole()
    missing = sewers.sewage_l_s[upstream_of(reaches.down, manhole)].sum()
    below = manhole
    while reaches.down[below] >= 0:
        below = int(reaches.down[below])
    at, who = np.asarray([12 * HOUR]), np.asarray([below])
    usual = flows_of(world()).outflow_l_s(at, who)[0]
    blocked = flows_of(world(Blockage(manhole, HOUR, DAY))).outflow_l_s(at, who)[0]
    more = flows_of(world(Discharge(manhole, HOUR, DAY, 20.0))).outflow_l_s(at, who)[0]
    assert 0.5 * missing < usual - blocked < 1.4 * missing
    assert more - usual == pytest.approx(20.0, rel=0.02)


def test_the_basin_at_the_end_of_the_trunks_fills_in_a_storm():
    times = np.arange(0.0, 12 * HOUR, 600.0)
    level = of_all("basin-level", dry_storm_world(CLOUDBURST), times)[0]
    assert 0.3 <= level[times < 2 * HOUR].max() < 0.6
    assert 1.0 < level.max() < 12.0
    assert 2 * HOUR < times[level.argmax()] < 5 * HOUR


# --- stations, covers, air --------------------------------------------------------------------------------------------


def test_wells_are_pumped_between_their_levels_until_their_pumps_stand_and_again_after():
    where = world(PumpsStanding(station(), 20 * HOUR, 32 * HOUR))
    times = np.arange(0.0, 2 * DAY, 60.0)
    level = of_all("station-level", where, times)
    usual = (times < 20 * HOUR) | (times > 36 * HOUR)
    assert level[:, usual].max() < START_M + 0.1
    assert level[:, usual].min() > STOP_M - 0.2
    assert level[0, times < 32 * HOUR].max() == pytest.approx(WELL_BRIM_M)
    assert (level[1:] < START_M + 0.1).all()


def test_inflow_of_a_station_swings_with_the_day():
    flow = of_all("station-flow", world(), np.arange(0.0, DAY, 300.0))
    assert (flow.max(axis=1) > 1.5 * flow.min(axis=1)).all()
    assert (flow.mean(axis=1) * 24 > 60).all()
    assert (flow.mean(axis=1) * 24 < 210).all()


def test_a_cover_is_open_only_while_it_is_lifted():
    where = world(CoverOpened(group_place("cover-open", 1), 2 * HOUR, 3 * HOUR))
    times = np.asarray([7_199.0, 7_200.0, 10_799.0, 10_800.0])
    value = of_all("cover-open", where, times)
    assert value[1].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert not np.delete(value, 1, axis=0).any()


def test_a_loose_cover_rattles_hard_and_no_other():
    times = np.arange(0.0, DAY, 300.0)
    quiet = of_all("cover-vibration", world(), times)
    loose = of_all("cover-vibration", world(CoverLoose(group_place("cover-vibration", 0), 6 * HOUR, DAY)), times)
    assert (loose[1:] == quiet[1:]).all()
    assert (loose[0, times < 6 * HOUR] == quiet[0, times < 6 * HOUR]).all()
    assert loose[0, times >= 6 * HOUR].mean() > 10 * quiet[0].mean()


def test_stirred_sludge_gives_off_hydrogen_sulfide_and_closed_vents_use_up_the_oxygen():
    times = np.arange(0.0, DAY, 300.0)
    where = world(
        StirredSludge(group_place("sewer-gas", 0), 2 * HOUR, 4 * HOUR, 400.0),
        ClosedVents(group_place("sewer-oxygen", 1), 2 * HOUR, 20 * HOUR, 0.005),
    )
    gas, oxygen = of_all("sewer-gas", where, times), of_all("sewer-oxygen", where, times)
    assert gas[0].max() > 20.0
    assert (gas[1:] < 5.0).all()
    assert oxygen[1].min() < 19.0
    assert oxygen[0].min() > 20.7


# --- roads ------------------------------------------------------------------------------------------------------------


def test_a_low_point_without_its_pumps_holds_all_the_rain_that_runs_to_it():
    rain = Storm(((2 * HOUR, 4 * HOUR, 8.0),))
    asset = group_of("underpass").assets[0]
    where = dry_storm_world(rain, Undrained(asset, HOUR, 8 * HOUR))
    depth = of_all("underpass", where, np.asarray([1.9, 7.9, 14.0]) * HOUR)
    point = low_points_of(the_city(), group_of("underpass"))[0]
    assert depth[0, 1] == pytest.approx(100 * 0.016 * point.catchment_m2 * point.runoff / point.pond_m2, rel=1e-5)
    assert depth[0, 0] == 0.0
    assert depth[0, 2] < 0.1
    assert not depth[1:].any()
    assert not of_all("road-depth", where, np.arange(0.0, DAY, 600.0)).any()


def test_more_rain_than_the_gullies_take_floods_low_roads():
    storm = Storm(((2 * HOUR, 3 * HOUR, 70.0),))
    depth = of_all("road-depth", dry_storm_world(storm), np.arange(0.0, 8 * HOUR, 60.0)).max(axis=1)
    assert (depth > 15.0).any()
    assert (depth < 100.0).all()


# --- weather and lamps ------------------------------------------------------------------------------------------------


def test_a_gauge_counts_whole_tips_of_what_falls_each_day():
    # Across midnight at 18:00 of the stream (08:00 + 16 h).
    rain = Storm(((15 * HOUR, 17 * HOUR, 5.05),))
    counted = of_all("rain", dry_storm_world(rain), np.arange(300.0, DAY, 300.0))
    assert counted.sum(axis=1) == pytest.approx(2 * 5.0)
    assert (counted / 0.2) == pytest.approx(np.round(counted / 0.2), abs=1e-6)
    assert not counted[:, : (15 * 12) - 1].any()


def test_thermometers_read_the_city_s_air_a_little_off():
    where = world()
    times = np.arange(0.0, DAY, 300.0)
    off = of_all("air", where, times) - where.air_cel(times)
    assert (np.abs(off) <= 0.4).all()
    assert np.ptp(off, axis=1) == pytest.approx(0.0, abs=1e-9)


def test_wind_is_about_its_mean_and_never_below_nothing():
    wind = of_all("wind", world(), np.arange(0.0, 7 * DAY, 300.0))
    assert (wind >= 0.0).all()
    assert (wind.mean(axis=1) > 1.5).all()
    assert (wind.mean(axis=1) < 4.5).all()


def test_lamps_are_lit_from_dusk_to_dawn_and_dimmed_after_midnight():
    hours = np.asarray([12.0, 22.0, 26.0, 38.0])  # of the day that begins with the stream's own midnight
    value = of_all("lamp", world(), hours * HOUR - 8 * HOUR)
    assert value == pytest.approx(np.tile([2.0, 122.0, 74.0, 2.0], (len(value), 1)))


def test_jiayuguan_has_all_the_sensors_that_are_modelled_here_but_the_basin_and_the_dam_s():
    things = {group.thing for group in SimulatedCity(JIAYUGUAN, 1).groups}
    assert set(OURS) - things == {"basin-level", "tailings-rain", "tailings-wind"}
    assert set(OURS) <= set(courses.COURSES)
