"""EPANET and SWMM behind our functions: held against formulas, then run over the simulated cities."""

import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from simulators.cities import SimulatedCity
from simulators.cities.plans import PLANS, small
from simulators.physics.drainage import keifer_chu, rain_blocks
from simulators.solvers.epanet import Burst, Outage, SolverError, solve_water
from simulators.solvers.swmm import solve_drainage

pytest.importorskip("epanet.toolkit", reason="needs the extra sim")
pytest.importorskip("swmm.toolkit", reason="needs the extra sim")

HOUR_S, DAY_S = 3_600, 86_400
MPA_PER_METRE = 9_806.65 / 1e6

# A reservoir at 60 m feeds a junction at 10 m through 1,000 m of pipe; a pump lifts from it to a tank.
MAIN = """[JUNCTIONS]
house 10 20
high 10 0
[RESERVOIRS]
works 60
[TANKS]
tower 90 4 0 8 20 0
[PIPES]
main works house 1000 200 130 0 Open
rising high tower 100 300 130 0 Open
[PUMPS]
pump works high HEAD curve
[CURVES]
curve 30 40
[CONTROLS]
LINK pump OPEN IF NODE tower BELOW 7.9
[OPTIONS]
Units LPS
Headloss H-W
Accuracy 0.00001
[TIMES]
Duration 24:00
[END]
"""

# 100 m of sewer of 600 mm at a slope of 1 %, with a steady 100 L/s; then the land beside it.
SEWER = """[OPTIONS]
FLOW_UNITS LPS
FLOW_ROUTING DYNWAVE
LINK_OFFSETS DEPTH
WET_STEP 00:01:00
DRY_STEP 00:05:00
ROUTING_STEP 1
VARIABLE_STEP 0
THREADS 1
[RAINGAGES]
gauge INTENSITY 0:05 1.0 TIMESERIES none
[SUBCATCHMENTS]
land gauge upper 1.0 100 100 1 0
[SUBAREAS]
land 0.012 0.1 0 0 100 OUTLET
[INFILTRATION]
land 10 1 4 7 0
[JUNCTIONS]
upper 12 3 0 0 500
middle 11 3 0 0 500
[OUTFALLS]
river 10 FREE NO
[CONDUITS]
first upper middle 100 0.013 0 0 0 0
second middle river 100 0.013 0 0 0 0
[XSECTIONS]
first CIRCULAR 0.6 0 0 0 1
second CIRCULAR 0.6 0 0 0 1
[DWF]
upper FLOW 100
[TIMESERIES]
none 0:00 0
"""


@pytest.fixture(scope="module")
def jiayuguan() -> SimulatedCity:
    return SimulatedCity(PLANS["jiayuguan"], seed=1)


@pytest.fixture(scope="module")
def town() -> SimulatedCity:
    return SimulatedCity(small(PLANS["jiayuguan"], 0.05), seed=1)


@pytest.fixture(autouse=True)
def leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


# EPANET against formulas


def test_friction_is_that_of_hazen_and_williams() -> None:
    run = solve_water(MAIN, HOUR_S)
    # h = 10.667 L Q^1.852 / (C^1.852 d^4.871), with Q in m3/s and lengths in m.
    loss_m = 10.667 * 1_000 * 0.020**1.852 / (130**1.852 * 0.2**4.871)
    assert run.pressure_mpa[0, run.nodes.index("house")] == pytest.approx((50 - loss_m) * MPA_PER_METRE, rel=1e-3)
    assert run.flow_l_s[0, run.links.index("main")] == pytest.approx(20, rel=1e-4)


def test_units_of_the_file_do_not_matter() -> None:
    in_metric = solve_water(MAIN, HOUR_S)
    cubic_metres = MAIN.replace("Units LPS", "Units CMH").replace("house 10 20", "house 10 72")
    cubic_metres = cubic_metres.replace("curve 30 40", "curve 108 40")
    in_hours = solve_water(cubic_metres, HOUR_S)
    assert in_hours.flow_l_s == pytest.approx(in_metric.flow_l_s, rel=1e-4, abs=1e-6)
    assert in_hours.pressure_mpa == pytest.approx(in_metric.pressure_mpa, rel=1e-4, abs=1e-6)


def test_a_burst_flows_as_the_root_of_its_head_while_it_lasts() -> None:
    run = solve_water(MAIN, 3 * HOUR_S, bursts=[Burst("house", HOUR_S, 2 * HOUR_S, 3.0)])
    house = run.nodes.index("house")
    flowing = (run.time_s >= HOUR_S) & (run.time_s < 2 * HOUR_S)
    head_m = run.pressure_mpa[flowing, house] / MPA_PER_METRE
    assert run.outflow_l_s[flowing, house] == pytest.approx(20 + 3.0 * np.sqrt(head_m), rel=1e-3)
    assert run.outflow_l_s[~flowing, house] == pytest.approx(20, rel=1e-3)


def test_a_tripped_pump_stands_still_though_a_control_would_start_it() -> None:
    run = solve_water(MAIN, 3 * HOUR_S, outages=[Outage("pump", HOUR_S, 2 * HOUR_S)])
    flow = run.flow_l_s[:, run.links.index("pump")]
    level = run.pressure_mpa[:, run.nodes.index("tower")]
    tripped = (run.time_s >= HOUR_S) & (run.time_s < 2 * HOUR_S)
    assert flow[tripped] == pytest.approx(0, abs=1e-3)
    assert (flow[~tripped][:-1] > 5).all()
    assert np.ptp(level[tripped]) < 1e-6 < np.ptp(level[~tripped])


@pytest.mark.parametrize(
    ("inp", "event", "says"),
    [
        (MAIN, [Burst("nowhere", 0, 1, 1)], "there is no node 'nowhere' in the file"),
        (MAIN.replace("works house 1000", "works nowhere 1000"), [], "nowhere"),
        ("no network", [], "Error"),
    ],
)
def test_epanet_says_what_it_cannot_take(inp: str, event: list[Burst], says: str) -> None:
    with pytest.raises(SolverError, match=says):
        solve_water(inp, HOUR_S, bursts=event)


def test_a_duration_that_the_step_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="500 s is no multiple of the step of 300 s"):
        solve_water(MAIN, 500)


# EPANET over Jiayuguan


def test_a_week_of_jiayuguan_has_water_everywhere(jiayuguan: SimulatedCity) -> None:
    run = solve_water(jiayuguan.epanet(), 7 * DAY_S)
    junctions = [k for k, name in enumerate(run.nodes) if "-junction-" in name]
    tank = run.pressure_mpa[:, run.nodes.index("jyg-water-tank")] / MPA_PER_METRE
    assert run.pressure_mpa.shape == (2_017, len(jiayuguan.water.pipes.node_names))
    assert run.warnings == 0
    assert run.pressure_mpa[:, junctions].min() > 0.2
    assert run.pressure_mpa[:, junctions].max() < 0.9
    assert 0.3 < tank.min() < tank.max() < 8.01
    assert run.outflow_l_s[:, junctions].sum(axis=1).mean() == pytest.approx(jiayuguan.plan.water_m3_d / 86.4, rel=0.03)


def test_a_burst_is_felt_near_it_and_at_its_district_inlet_alone(jiayuguan: SimulatedCity) -> None:
    inp, node, district = jiayuguan.epanet(), "jyg-water-junction-0121", int(jiayuguan.streets.district[120])
    quiet = solve_water(inp, 6 * HOUR_S, start_s=8 * HOUR_S)
    burst = solve_water(inp, 6 * HOUR_S, start_s=8 * HOUR_S, bursts=[Burst(node, 2 * HOUR_S, 6 * HOUR_S, 10.0)])
    inlets = [quiet.links.index(f"jyg-water-inlet-{number:04d}") for number in (1, 2, 3)]
    more = (burst.flow_l_s - quiet.flow_l_s)[40, inlets]
    fall = (quiet.pressure_mpa - burst.pressure_mpa)[40]
    assert more[district] > 30
    assert np.delete(more, district) == pytest.approx(0, abs=0.5)
    assert fall[quiet.nodes.index(node)] > 0.03
    assert fall[quiet.nodes.index(node)] == fall.max()


def test_a_pump_that_trips_empties_the_tank(jiayuguan: SimulatedCity) -> None:
    inp = jiayuguan.epanet()
    quiet = solve_water(inp, 4 * HOUR_S, start_s=10 * HOUR_S)
    tripped = solve_water(
        inp, 4 * HOUR_S, start_s=10 * HOUR_S, outages=[Outage("jyg-water-pump-1", HOUR_S, 4 * HOUR_S + 1)]
    )
    tank = quiet.nodes.index("jyg-water-tank")
    lower_m = (quiet.pressure_mpa - tripped.pressure_mpa)[-1, tank] / MPA_PER_METRE
    assert lower_m > 1.0


def test_two_runs_of_epanet_agree_to_the_last_bit(jiayuguan: SimulatedCity) -> None:
    runs = [
        solve_water(jiayuguan.epanet(), DAY_S, bursts=[Burst("jyg-water-junction-0042", 600, 900, 5.0)]) for _ in "ab"
    ]
    assert runs[0].pressure_mpa.tobytes() == runs[1].pressure_mpa.tobytes()
    assert runs[0].flow_l_s.tobytes() == runs[1].flow_l_s.tobytes()


# SWMM against formulas


def manning_l_s(depth_m: float, bore_m: float = 0.6, slope: float = 0.01, roughness: float = 0.013) -> float:
    """The uniform flow of a round pipe: Q = A R^(2/3) S^(1/2) / n."""
    angle = 2 * math.acos(1 - 2 * depth_m / bore_m)
    area = bore_m**2 / 8 * (angle - math.sin(angle))
    radius = area / (bore_m * angle / 2)
    return 1e3 * area * math.pow(radius, 2 / 3) * math.sqrt(slope) / roughness


def test_steady_flow_stands_at_mannings_normal_depth() -> None:
    run = solve_drainage(SEWER, HOUR_S, rain={})
    depth_m = float(run.level_m[-1, run.nodes.index("upper")])
    assert run.flow_l_s[-1, run.links.index("first")] == pytest.approx(100, rel=1e-3)
    assert manning_l_s(depth_m) == pytest.approx(100, rel=0.05)
    assert run.time_s.tolist() == [300.0 * k for k in range(1, 13)]


def test_all_rain_on_sealed_land_runs_off() -> None:
    storm = solve_drainage(SEWER, 3 * HOUR_S, rain={"gauge": [(600, 2_400, 20.0)]}, report_s=60)
    dry = solve_drainage(SEWER, 3 * HOUR_S, rain={}, report_s=60)
    second = storm.links.index("second")
    volume_m3 = float((storm.flow_l_s - dry.flow_l_s)[:, second].sum()) * 60 / 1e3
    assert volume_m3 == pytest.approx(10_000 * 0.010, rel=0.02)  # 20 mm/h for half an hour on a hectare
    assert abs(storm.flow_error) < 0.005


def test_a_blocked_sewer_backs_up() -> None:
    free = solve_drainage(SEWER, HOUR_S, rain={})
    blocked = solve_drainage(SEWER, HOUR_S, rain={}, blocked={"first": 0.8})
    upper = free.nodes.index("upper")
    assert blocked.level_m[-1, upper] > 2 * free.level_m[-1, upper]


def test_the_time_of_day_sets_the_dry_weather_flow() -> None:
    inp = SEWER.replace("upper FLOW 100", 'upper FLOW 100 "day"') + "[PATTERNS]\nday HOURLY " + " ".join(["0.5"] * 12)
    inp += "\nday " + " ".join(["1.5"] * 12) + "\n"
    flows = [solve_drainage(inp, HOUR_S, rain={}, start_s=hour * HOUR_S).flow_l_s[-1, 0] for hour in (3, 15)]
    assert flows == pytest.approx([50, 150], rel=0.01)


@pytest.mark.parametrize(
    ("rain", "blocked", "says"),
    [
        ({"other": []}, {}, "there is no rain gauge 'other' in the file; it has gauge"),
        ({}, {"third": 0.5}, "there is no round sewer 'third' in the file"),
    ],
)
def test_what_is_not_in_the_file_is_refused(
    rain: dict[str, list[object]], blocked: dict[str, float], says: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        solve_drainage(SEWER, HOUR_S, rain=rain, blocked=blocked)  # type: ignore[arg-type]


def test_swmm_says_what_it_cannot_take() -> None:
    with pytest.raises(SolverError, match="undefined object nowhere"):
        solve_drainage(SEWER.replace("first upper middle", "first upper nowhere"), HOUR_S, rain={})


# SWMM over a town


@pytest.mark.parametrize(("depth_mm", "hours"), [(0.0, 8), (10.0, 2), (25.0, 2), (35.0, 2)])
def test_no_water_is_lost_in_the_sewers_of_a_town(town: SimulatedCity, depth_mm: float, hours: int) -> None:
    storm = rain_blocks(600, HOUR_S, keifer_chu(depth_mm, HOUR_S, 12)) if depth_mm else []
    rain = {gauge: storm for gauge in town.rain_gauges}
    run = solve_drainage(town.swmm(), hours * HOUR_S, rain=rain, start_s=6 * HOUR_S)
    assert abs(run.flow_error) < 0.01
    assert abs(run.runoff_error) < 0.01
    assert run.nodes[: town.sewers.manholes] == town.sewers.pipes.node_names[: town.sewers.manholes]
    assert (run.level_m >= 0).all()


def test_a_cloudburst_over_one_gauge_fills_the_manholes_of_that_part(town: SimulatedCity) -> None:
    storm = {town.rain_gauges[0]: rain_blocks(600, HOUR_S, keifer_chu(35.0, HOUR_S, 12))}
    run = solve_drainage(town.swmm(), 2 * HOUR_S, rain=storm)
    surcharged = run.level_m[:, : town.sewers.manholes].max(axis=0) > town.sewers.pipes.diameter_mm / 1e3
    assert 0.05 < surcharged.mean() < 0.95


def test_a_part_of_the_sewers_runs_by_itself(town: SimulatedCity) -> None:
    pipes = town.sewers.pipes
    named = pipes.node_names[int(np.argmax(pipes.diameter_mm == 600))]
    part = solve_drainage(town.swmm(above=named), HOUR_S, rain={})
    assert named in part.nodes
    assert 2 < len(part.nodes) < town.sewers.manholes
    with pytest.raises(ValueError, match="there is no manhole 'nowhere'"):
        town.swmm(above="nowhere")


def test_two_runs_of_swmm_agree_to_the_last_bit(town: SimulatedCity) -> None:
    storm = {gauge: [(0.0, 900.0, 60.0)] for gauge in town.rain_gauges}
    runs = [solve_drainage(town.swmm(), 1_800, rain=storm) for _ in "ab"]
    assert runs[0].level_m.tobytes() == runs[1].level_m.tobytes()
    assert runs[0].flow_l_s.tobytes() == runs[1].flow_l_s.tobytes()
