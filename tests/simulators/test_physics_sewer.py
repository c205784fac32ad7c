"""Sewers and waste water: Manning in a pipe, reservoirs that keep their water, blockages, and wells that are pumped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.physics import FloatArray
from simulators.physics.drainage import LowPoint, road_depth_cm
from simulators.physics.hydraulics import demand_factor
from simulators.physics.sewer import Sewers, accumulated_m3_s, full_flow_m3_s, partial_flow, route
from simulators.physics.wastewater import PlantInflow, WetWells, mixed_demand, plant_inflow_l_s, pump_wells

DAY = 86_400.0


def line_of(count: int, diameter: float = 0.6, slope: float = 0.003) -> Sewers:
    each = np.ones(count)
    down = np.append(np.arange(1, count), -1)
    return Sewers(diameter * each, slope * each, 40.0 * each, 2.8 * each, 1.2 * each, down)


@pytest.mark.parametrize(
    ("depth", "area", "flow"),
    [(0.0, 0.0, 0.0), (0.25, 0.1955, 0.1370), (0.5, 0.5, 0.5), (0.75, 0.8045, 0.9119), (1.0, 1.0, 1.0)],
)  # fmt: skip
def test_partly_full_pipes_carry_what_the_tables_of_manning_say(depth: float, area: float, flow: float):
    assert partial_flow(np.array([depth])) == (pytest.approx([area], abs=1e-4), pytest.approx([flow], abs=1e-3))


def test_the_greatest_flow_is_at_094_of_the_bore():
    depth = np.linspace(0.0, 1.0, 2_001)
    flow = partial_flow(depth)[1]
    assert depth[flow.argmax()] == pytest.approx(0.938, abs=0.002)
    assert flow.max() == pytest.approx(1.0757, abs=1e-3)


def test_steady_flow_stands_at_its_normal_depth_and_adds_up_downstream():
    sewers = line_of(10)
    own = np.full(10, 0.012)
    assert accumulated_m3_s(sewers, own) == pytest.approx(0.012 * np.arange(1, 11))
    course = route(sewers, lambda _: own, 120)
    assert course.level_m[:, -1] == pytest.approx(course.level_m[:, 0], abs=1e-9)
    fill = course.level_m[:, -1] / 0.6
    expected = 0.012 * np.arange(1, 11) / full_flow_m3_s(sewers)
    assert partial_flow(fill)[1] == pytest.approx(expected, abs=1e-3)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), step=st.sampled_from([10.0, 60.0, 300.0]))
def test_no_water_is_lost_in_a_network_whatever_the_step(seed: int, step: float):
    rng = np.random.default_rng(seed)
    count, steps = 25, 150
    down = np.array([-1, *(int(rng.integers(0, i)) for i in range(1, count))])
    sewers = Sewers(
        rng.uniform(0.3, 1.0, count), rng.uniform(0.001, 0.01, count), rng.uniform(20.0, 60.0, count),
        rng.uniform(1.5, 4.0, count), np.full(count, 1.2), down,
    )  # fmt: skip
    peak = rng.uniform(0.0, 0.15, count)

    def inflow(time: float) -> FloatArray:
        return 0.002 + peak * np.exp(-(((time - 40 * step) / (12 * step)) ** 2))

    course = route(sewers, inflow, steps, step, blocked=[(3, 20 * step, 60 * step, 0.1)])
    fed = sum(inflow((i + 1) * step).sum() for i in range(steps)) * step
    # What is handed on arrives one step later: the first step's is from before, the last step's is on its way.
    flow, inner = course.outflow_m3_s, down >= 0
    on_the_way = (flow[inner, -1] - flow[inner, 0]).sum() * step
    stored = (course.stored_m3[:, -1] - course.stored_m3[:, 0]).sum()
    out = flow[~inner, 1:].sum() * step
    assert fed == pytest.approx(out + stored + course.spilled_m3.sum() + on_the_way, rel=1e-9)
    assert (course.level_m <= sewers.ground_m[:, None] + 0.1 + 1e-9).all()
    assert (course.outflow_m3_s >= -1e-12).all()


def test_the_course_converges_with_its_step():
    sewers = line_of(12)

    def inflow(time: float) -> FloatArray:
        return np.full(12, 0.004 + 0.012 * np.exp(-(((time - 3_600) / 1_200) ** 2)))

    fine, *coarser = (route(sewers, inflow, 7_200 // step, step, every=300 // step).level_m for step in (2, 20, 60))
    errors = [np.abs(course - fine).max() for course in coarser]
    assert errors[1] < 0.05
    assert errors[0] < errors[1] / 2.5


def test_a_blocked_reach_fills_to_the_street_and_dries_what_lies_below_it():
    sewers, own = line_of(8), np.full(8, 0.01)
    course = route(sewers, lambda _: own, 600, 30.0, blocked=[(4, 3_600.0, 10_800.0, 0.02)])
    before, during, after = course.level_m[:, 100], course.level_m[:, 350], course.level_m[:, 599]
    assert during[4] == pytest.approx(2.9, abs=0.01)
    assert course.spilled_m3[4] > 100.0
    assert course.spilled_m3[[0, 1, 2, 3, 5, 6, 7]].max() == 0.0
    assert course.outflow_m3_s[5, 350] < 0.75 * course.outflow_m3_s[5, 100]
    assert after == pytest.approx(before, abs=1e-3)


def test_surcharge_above_the_crown_follows_the_root_law():
    sewers, full = line_of(1), full_flow_m3_s(line_of(1))[0]
    course = route(sewers, lambda _: np.array([1.5 * full]), 10)
    assert course.level_m[0, 0] == pytest.approx(0.6 + (1.5**2 - 1) * 0.003 * 40.0)
    assert course.outflow_m3_s[0, -1] == pytest.approx(1.5 * full)


def test_what_fills_beyond_the_crown_keeps_its_balance_in_steps_of_a_second_and_overshoots_in_those_of_a_minute():
    sewers, full = line_of(1), full_flow_m3_s(line_of(1))[0]
    balance = 0.6 + (1.2**2 - 1) * 0.003 * 40.0

    def filling(step: float) -> tuple[float, float]:
        course = route(sewers, lambda time: np.array([full * (0.5 if time < 600 else 1.2)]), int(3_600 / step), step)
        return float(course.level_m.max()), float(course.spilled_m3[0])

    assert filling(1.0) == (pytest.approx(balance, abs=1e-6), 0.0)
    highest, spilled = filling(60.0)
    assert highest == pytest.approx(2.9)  # the street, 2.2 m above where it should stand
    assert spilled > 0.0


# --- underpass -------------------------------------------------------------------------------------------------------

UNDERPASS = LowPoint(30_000.0, runoff=0.9, drained_m3_s=0.12, pond_m2=1_500.0, recession_s=1_500.0)


def test_an_underpass_fills_while_its_pumps_stand_and_empties_when_they_run():
    rain, times = [(0.0, 7_200.0, 14.0)], np.arange(0.0, 20_000.0, 10.0)
    inflow = 14.0 / 3.6e6 * 27_000
    assert road_depth_cm(times, UNDERPASS, rain).max() == 0.0
    depth = road_depth_cm(times, UNDERPASS, rain, undrained=[(1_000.0, 5_000.0)])
    filling = (times > 1_000) & (times <= 5_000)
    assert depth[filling] == pytest.approx(100 * inflow / 1_500 * (times[filling] - 1_000), rel=1e-4)
    falling = times > 5_000
    assert depth[falling] == pytest.approx(depth[filling][-1] * np.exp(-(times[falling] - 5_000) / 1_500), rel=1e-4)


# --- waste water -----------------------------------------------------------------------------------------------------


def test_demand_through_a_mixing_store_is_the_solution_of_its_balance():
    times = np.arange(0.0, 3 * DAY, 10.0)
    inflow = demand_factor(times - 3_600.0)
    stepped, level = np.empty_like(times), inflow[0]
    for i, flow in enumerate(inflow):
        stepped[i] = level
        level += 10.0 / 9_000.0 * (flow - level)
    late = times > 1.5 * DAY
    assert mixed_demand(times, 3_600.0, 9_000.0)[late] == pytest.approx(stepped[late], abs=2e-3)


def test_a_plants_day_is_its_volume_and_rain_arrives_whole_and_slowly():
    plant = PlantInflow(32_000.0, leaking_in_m2=40_000.0)
    times = np.arange(0.0, 10 * DAY, 60.0)
    dry, wet = (plant_inflow_l_s(times, plant, times, rain) for rain in ([], [(DAY, DAY + 7_200.0, 5.0)]))
    assert dry[:1_440].sum() * 60 / 1e3 == pytest.approx(32_000.0)
    assert (wet - dry).sum() * 60 / 1e3 == pytest.approx(40_000 * 0.010, rel=1e-3)
    assert 0.5 < dry.min() * 86.4 / 32_000 < 0.85 < 1.15 < dry.max() * 86.4 / 32_000 < 1.3
    assert times[(wet - dry).argmax()] == pytest.approx(DAY + 7_200.0, abs=60)


def wells(count: int) -> WetWells:
    each = np.ones(count)
    return WetWells(6.0 * each, 1.6 * each, 0.6 * each, 25.0 * each, 4.0 * each)


def test_a_well_cycles_between_its_levels_as_often_as_volume_and_flows_say():
    course = pump_wells(wells(1), np.full((1, 20_000), 8.0), 2.0)
    running = course.pumped_l_s[0] > 0
    starts = np.flatnonzero(np.diff(running.astype(int)) == 1)
    cycle = 6_000.0 / 8.0 + 6_000.0 / (25.0 - 8.0)  # fill, then draw down against the inflow
    assert np.diff(starts).mean() * 2.0 == pytest.approx(cycle, rel=0.01)
    assert 0.58 < course.level_m.min() < course.level_m.max() < 1.62


def test_a_tripped_pump_floods_its_well_only():
    standing = np.zeros((3, 3_000), np.bool_)
    standing[1, 600:2_400] = True
    course = pump_wells(wells(3), np.full((3, 3_000), 10.0), 10.0, standing)
    assert course.level_m[1].max() == 4.0
    assert course.spilled_m3[1] > 0
    assert course.spilled_m3[[0, 2]].tolist() == [0.0, 0.0]
    assert course.level_m[1, -1] < 1.7


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_no_water_is_lost_in_a_well(seed: int):
    rng = np.random.default_rng(seed)
    inflow, well = rng.uniform(0.0, 40.0, (4, 500)), wells(4)
    course = pump_wells(well, inflow, 20.0)
    last = course.level_m[:, -1] + (inflow[:, -1] - course.pumped_l_s[:, -1]) * 20 / 1e3 / 6.0
    stored = (np.minimum(last, 4.0) - 0.6) * 6.0
    balance = (inflow - course.pumped_l_s).sum(axis=1) * 20 / 1e3 - course.spilled_m3
    assert stored == pytest.approx(balance, abs=1e-6)
