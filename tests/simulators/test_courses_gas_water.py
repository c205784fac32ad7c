"""What the sensors of gas and water would read without noise: quiet days, and what an event makes of them."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec

import numpy as np
import pytest

from simulators.cities import SimulatedCity
from simulators.cities.plans import JIAYUGUAN, small
from simulators.cities.sensors import SensorGroup
from simulators.courses import gas, water, water_quality
from simulators.courses.gas import GasLeak, KitchenLeak
from simulators.courses.water import MainBurst, PumpTrip
from simulators.physics import FloatArray
from simulators.solvers.epanet import SolverError
from simulators.world import World

COURSES = {**gas.COURSES, **water.COURSES, **water_quality.COURSES}
HOUR_S, DAY_S = 3_600.0, 86_400.0
SOLVED = set(water.COURSES)
needs_epanet = pytest.mark.skipif(find_spec("epanet") is None, reason="needs the extra sim")

CITY = SimulatedCity(small(JIAYUGUAN, 0.1), 1)
GROUPS = {group.thing: group for group in CITY.groups}


def world(*events: object, begin_s: float = 0.0, end_s: float = 7 * DAY_S, start: str = "2026-07-15") -> World:
    midnight = datetime.fromisoformat(f"{start}T00:00+08:00").astimezone(UTC)
    return World(CITY, 1, round(midnight.timestamp() * 1000), begin_s, end_s, events)


def values(of: World, thing: str, times: Sequence[float] | FloatArray, who: int) -> FloatArray:
    return COURSES[thing](of, GROUPS[thing])(np.asarray(times, np.float64), np.full(len(times), who))


def day_of_all(of: World, thing: str, day: int, step_s: float = 300.0) -> FloatArray:
    """Shape (sensors, n)."""
    group = GROUPS[thing]
    times = np.arange(day * DAY_S, (day + 1) * DAY_S, step_s)
    found = COURSES[thing](of, group)(np.tile(times, len(group)), np.repeat(np.arange(len(group)), len(times)))
    return found.reshape(len(group), len(times))


@pytest.mark.parametrize(
    ("thing", "low", "high"),
    [
        ("gas-chamber", 0.0, 3.0),
        ("gas-manhole", 0.0, 3.0),
        ("gas-alarm", 0.0, 0.0),
        ("gas-inlet", 190.0, 200.0),
        ("gas-outlet", 2.3, 2.5),
        ("gas-flow", 5.0, 10_000.0),
        pytest.param("water-pressure", 0.2, 1.6, marks=needs_epanet),
        pytest.param("water-inflow", 3.0, 50.0, marks=needs_epanet),
        pytest.param("water-pump-flow", 0.0, 60.0, marks=needs_epanet),
        pytest.param("water-pump-current", 0.0, 120.0, marks=needs_epanet),
        pytest.param("water-tank-level", 2.5, 8.0, marks=needs_epanet),
        ("turbidity", 0.1, 0.4),
        ("chlorine", 0.3, 0.5),
        ("leak-noise", 15.0, 32.0),
    ],
)
def test_a_quiet_day_stays_within_what_is_usual(thing: str, low: float, high: float) -> None:
    found = day_of_all(world(), thing, 3)
    assert np.isfinite(found).all()
    assert found.min() >= low
    assert found.max() <= high


@pytest.mark.parametrize("thing", [pytest.param(t, marks=needs_epanet if t in SOLVED else ()) for t in COURSES])
def test_a_time_has_one_value_whatever_the_window_and_the_other_times(thing: str) -> None:
    events = (
        GasLeak(0, (0, 1, 2), 3.1 * DAY_S, 3.2 * DAY_S, 12.0, 0.006),
        KitchenLeak(2, 3.1 * DAY_S, 3.2 * DAY_S, 1.5),
        MainBurst(3, 3.3 * DAY_S, 3.4 * DAY_S, 5.0),
        PumpTrip(3.6 * DAY_S, 3.65 * DAY_S),
    )
    times = np.asarray([3.11, 3.35, 3.62, 3.9]) * DAY_S
    wide = values(world(*events), thing, times, 0)
    narrow = world(*events, begin_s=3 * DAY_S, end_s=4 * DAY_S)
    alone = [values(narrow, thing, [time], 0)[0] for time in times[::-1].tolist()][::-1]
    np.testing.assert_array_equal(wide, alone)


# --- gas -------------------------------------------------------------------------------------------------------------


def leak_at(manholes: tuple[int, ...]) -> GasLeak:
    return GasLeak(0, manholes, HOUR_S, 2 * HOUR_S, 12.0, 0.006)


def test_gas_reaches_the_first_manhole_most_and_is_gone_hours_after_the_pipe_is_shut() -> None:
    group = GROUPS["gas-manhole"]
    manholes = tuple(int(k) for k in group.place[:3])
    of = world(leak_at(manholes))
    before, peak, after = (
        [values(of, "gas-manhole", [time], who)[0] for who in range(3)] for time in (HOUR_S, 2 * HOUR_S, 6 * HOUR_S)
    )
    assert max(before) < 3.0
    assert peak[0] > 2 * peak[1] > 3 * peak[2] > 30.0
    assert max(after) < 3.0


def test_a_head_elsewhere_smells_nothing_of_a_leak() -> None:
    group = GROUPS["gas-manhole"]
    of = world(leak_at(tuple(int(k) for k in group.place[:3])))
    np.testing.assert_array_equal(
        values(of, "gas-manhole", [1.9 * HOUR_S], 4), values(world(), "gas-manhole", [1.9 * HOUR_S], 4)
    )


@pytest.mark.parametrize(("thing", "sags_at_most"), [("gas-inlet", 8.0), ("gas-outlet", 0.08)])
def test_regulators_near_a_leak_sag_a_little(thing: str, sags_at_most: float) -> None:
    group = GROUPS[thing]
    east, north = CITY.gas.pipes.middles()
    nearest = int(np.argmin((group.east - east[0]) ** 2 + (group.north - north[0]) ** 2))
    sag = (
        values(world(), thing, [1.5 * HOUR_S], nearest) - values(world(leak_at(())), thing, [1.5 * HOUR_S], nearest)
    )[0]
    assert 0.0 < sag < sags_at_most


def test_what_leaks_flows_in_through_the_gate_stations() -> None:
    leak = leak_at(())
    more = [
        (values(world(leak), "gas-flow", [1.5 * HOUR_S], who) - values(world(), "gas-flow", [1.5 * HOUR_S], who))[0]
        for who in range(len(GROUPS["gas-flow"]))
    ]
    assert sum(more) == pytest.approx(gas.leak_m3_h(leak))


def test_a_city_burns_more_gas_in_january_than_in_july() -> None:
    noon = [12 * HOUR_S]
    january, july = (values(world(start=day), "gas-flow", noon, 0)[0] for day in ("2026-01-15", "2026-07-15"))
    assert january > 1.5 * july


def test_a_leak_in_a_kitchen_is_felt_at_its_own_alarm_alone_until_the_hood_is_on() -> None:
    of = world(KitchenLeak(5, HOUR_S, 12 * HOUR_S, 1.6))
    times = np.asarray([0.9, 3.0, 9.0, 11.0]) * HOUR_S  # the hood comes on at half past nine
    leaking = values(of, "gas-alarm", times, 5)
    assert leaking[0] == 0.0
    assert 50.0 < leaking[1] < leaking[2]
    assert leaking[3] < 5.0
    assert (values(of, "gas-alarm", times, 4) == 0.0).all()


@pytest.mark.parametrize(
    ("columns", "limits"),
    [
        ({"low_alarm": ["10"], "high_alarm": ["25"]}, [10.0, 20.0, 35.0, 50.0]),
        (
            {"low_alarm": ["20"], "high_alarm": ["50"], "alarm_levels": "device"},
            [np.nan, 20.0, np.nan, 50.0],
        ),
    ],
)
def test_an_alarm_is_held_to_its_own_set_points_where_it_says_so(
    columns: dict[str, str | list[str]], limits: list[float]
) -> None:
    one = np.zeros(1)
    alarm = SensorGroup(
        "gas-alarm", ("", ""), "gas", "combustible_gas", "%{LEL}", DAY_S, "1", 0.3, one, one,
        np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64), ["user"], columns,
    )  # fmt: skip
    np.testing.assert_array_equal(gas.LADDERS["gas-alarm"](world(), alarm).limits, [limits])


# --- water -----------------------------------------------------------------------------------------------------------


@needs_epanet
def test_one_day_goes_over_into_the_next() -> None:
    midnight = 4 * DAY_S
    around = np.asarray([midnight - 1.0, midnight])
    assert abs(np.diff(values(world(), "water-tank-level", around, 0))[0]) < 0.02
    for who in range(len(GROUPS["water-inflow"])):
        before, after = values(world(), "water-inflow", around, who)
        assert after == pytest.approx(before, rel=0.02)


@needs_epanet
def test_a_burst_is_felt_from_its_start_on_in_its_own_district_until_it_is_repaired() -> None:
    gauges, inlets = GROUPS["water-pressure"], GROUPS["water-inflow"]
    start_s, end_s = 13 * HOUR_S, 16 * HOUR_S
    inlet = {reducer.district: CITY.water.pipes.to_node[reducer.link] for reducer in CITY.water.reducers}
    at = np.asarray([inlet[district] for district in gauges.district.tolist()])
    away = np.hypot(gauges.east - CITY.water.pipes.east[at], gauges.north - CITY.water.pipes.north[at])
    gauge = int(np.argmax(away))
    burst = world(MainBurst(int(gauges.place[gauge]), start_s, end_s, 10.0))
    times = np.asarray([start_s - 1.0, start_s + 660.0, end_s + 60.0])
    fall = values(world(), "water-pressure", times, gauge) - values(burst, "water-pressure", times, gauge)
    assert abs(fall[0]) < 0.001
    assert fall[1] > 0.02
    assert abs(fall[2]) < 0.005
    more = [
        values(burst, "water-inflow", times, who) - values(world(), "water-inflow", times, who)
        for who in range(len(inlets))
    ]
    for who, flow in enumerate(more):
        assert (flow[1] > 5.0) == (inlets.district[who] == gauges.district[gauge])
        assert abs(flow[0]) < 0.5


@needs_epanet
def test_pumps_that_trip_stand_within_the_minute_and_the_tank_drains_until_they_are_back() -> None:
    start_s, end_s = 10 * HOUR_S, 11 * HOUR_S
    tripped = world(PumpTrip(start_s, end_s))
    times = [start_s - 1.0, start_s + 60.0, end_s - 1.0, end_s + 61.0]
    for thing in ("water-pump-flow", "water-pump-current"):
        before, soon, late, back = values(tripped, thing, times, 0).tolist()
        assert (before > 1.0, soon, late, back > 1.0) == (True, pytest.approx(0.0), pytest.approx(0.0), True)
    level = values(tripped, "water-tank-level", times, 0)
    assert level[0] - level[2] > 1.0


@needs_epanet
def test_a_leak_that_grows_is_met_by_the_inflow_day_by_day() -> None:
    node = int(GROUPS["water-pressure"].place[0])
    leak = world(MainBurst(node, 0.0, 7 * DAY_S, 0.5, growth_s=4 * DAY_S))
    night = np.asarray([1, 2, 3, 4, 5]) * DAY_S + 3 * HOUR_S
    district = GROUPS["water-pressure"].district[0]
    who = GROUPS["water-inflow"].district.tolist().index(district)
    more = values(leak, "water-inflow", night, who) - values(world(), "water-inflow", night, who)
    assert (np.diff(more[:4]) > 0.3).all()
    assert more[4] == pytest.approx(more[3], rel=0.1)


def test_without_epanet_the_courses_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "epanet.toolkit", None)
    monkeypatch.setitem(sys.modules, "epanet", None)
    with pytest.raises(SolverError, match="extra `sim`"):
        values(world(begin_s=1.0), "water-tank-level", [HOUR_S], 0)


def test_a_logger_hears_a_leak_the_louder_the_nearer_and_nothing_once_it_is_mended() -> None:
    loggers = GROUPS["leak-noise"]
    pipes = CITY.water.pipes
    shortest = loggers.place[np.argmin(pipes.length_m[loggers.place])]
    node = int(pipes.from_node[shortest])
    leak = world(MainBurst(node, HOUR_S, 2 * DAY_S, 1.0, growth_s=DAY_S))
    away = np.hypot(loggers.east - pipes.east[node], loggers.north - pipes.north[node])
    times = np.asarray([0.0, 1.5 * DAY_S, 2.5 * DAY_S])
    more = np.asarray(
        [
            values(leak, "leak-noise", times, who) - values(world(), "leak-noise", times, who)
            for who in np.argsort(away).tolist()
        ]
    )
    assert more[0, 1] > 3.0
    assert (np.diff(more[:, 1]) < 1e-9).sum() >= len(more) - 2
    np.testing.assert_array_equal(more[:, [0, 2]], 0.0)


def test_a_burst_stirs_up_what_lies_in_the_pipes_near_it_and_it_settles_again() -> None:
    group = GROUPS["turbidity"]
    burst = world(MainBurst(int(group.place[0]), HOUR_S, 4 * HOUR_S, 10.0))
    before, stirred, settled = values(burst, "turbidity", [HOUR_S, 2 * HOUR_S, DAY_S], 0)
    assert stirred > before + 2.0
    assert settled == pytest.approx(before, abs=0.01)


def test_a_gauge_is_held_to_the_floors_it_serves_and_to_the_least_of_any() -> None:
    group = GROUPS["water-pressure"]
    ladder = water.LADDERS["water-pressure"](world(), group)
    floors = np.asarray(group.columns["floors"], np.float64)
    assert ladder.below
    np.testing.assert_allclose(ladder.limits[:, 1], np.maximum(0.14, (4 + 4 * floors) * 0.00980665))
    np.testing.assert_array_equal(ladder.limits[:, 2], 0.10)
