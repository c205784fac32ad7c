"""The bridge: influence lines against a beam solved by finite differences, traffic, settlement and warmth."""

import math

import numpy as np
import pytest

from simulators.physics import FloatArray
from simulators.physics.bridge import (
    Bridge,
    Stage,
    Traffic,
    deflection_influence_m_n,
    join,
    moment_influence_m,
    poisson_traffic,
    settlement_load,
    settlement_mm,
    traffic_load,
    warmth_load,
)

SPAN = 24.0
BRIDGE = Bridge(span_m=SPAN, stiffness_n_m2=8e9, fibre_m=0.7)


def two_spans(place: float | None, settled_m: float = 0.0, count: int = 192) -> tuple[FloatArray, FloatArray]:
    """Deflection (m, down) and moment (Nm) of the beam under 1 N at `place`, by Hermite beam elements of one length."""
    length = 2 * SPAN / count
    element = BRIDGE.stiffness_n_m2 / length**3 * np.array(
        [[12, 6 * length, -12, 6 * length], [6 * length, 4 * length**2, -6 * length, 2 * length**2],
         [-12, -6 * length, 12, -6 * length], [6 * length, 2 * length**2, -6 * length, 4 * length**2]]
    )  # fmt: skip
    stiffness = np.zeros((2 * count + 2, 2 * count + 2))
    for i in range(count):
        stiffness[2 * i : 2 * i + 4, 2 * i : 2 * i + 4] += element
    force = np.zeros(2 * count + 2)
    if place is not None:
        force[2 * round(place / length)] = 1.0
    held = [0, count, 2 * count]  # the deflections at three supports
    moved = np.zeros(2 * count + 2)
    moved[count] = settled_m
    free = np.setdiff1d(np.arange(2 * count + 2), held)
    moved[free] = np.linalg.solve(stiffness[np.ix_(free, free)], (force - stiffness @ moved)[free])
    down, turn = moved[::2], moved[1::2]
    # The moment at an element's left end, sagging positive.
    moment = -BRIDGE.stiffness_n_m2 * (
        (-6 * down[:-1] + 6 * down[1:]) / length**2 - (4 * turn[:-1] + 2 * turn[1:]) / length
    )
    return down, moment


@pytest.mark.parametrize("place", [3.0, 9.0, 12.0, 18.0, 24.0, 27.0, 33.0, 45.0])
def test_the_influence_lines_are_those_of_the_beam(place: float):
    down, moment = two_spans(place)
    middle = len(down) // 4
    assert deflection_influence_m_n(np.array([place]), BRIDGE) == pytest.approx(down[middle], rel=1e-6, abs=1e-16)
    assert moment_influence_m(np.array([place]), SPAN) == pytest.approx(moment[middle], rel=1e-5, abs=1e-6)


def test_a_settled_support_bends_the_beam_as_the_beam_says():
    down, moment = two_spans(None, settled_m=0.01)
    strain, deflection = settlement_load(np.array([10.0]), BRIDGE)
    middle = len(down) // 4
    assert deflection[0] / 1e3 == pytest.approx(down[middle], rel=1e-6)
    assert strain[0] / 1e6 == pytest.approx(moment[middle] * 0.7 / 8e9, rel=1e-5)


def test_influence_ends_with_the_bridge_and_is_continuous():
    place = np.linspace(-10.0, 2 * SPAN + 10.0, 6_801)
    moment, deflection = moment_influence_m(place, SPAN), deflection_influence_m_n(place, BRIDGE)
    off = (place <= 0) | (place >= 2 * SPAN)
    for line in (moment, deflection):
        assert line[off] == pytest.approx(0.0, abs=1e-15)
        assert np.abs(np.diff(line)).max() < 0.01 * np.abs(line).max()
    assert moment.max() == pytest.approx(SPAN * (0.25 - 0.375 / 8))  # P L (1/4 - 3/64): 13 P L / 64


def test_one_vehicle_draws_the_influence_line_in_time_and_two_add_up():
    times = np.arange(0.0, 20.0, 0.01)
    lone = Traffic(*(np.array([x]) for x in (5.0, 18.0, 16.0, 1.0)))
    back = Traffic(*(np.array([x]) for x in (6.0, 1.5, 12.0, -1.0)))
    strain, deflection = traffic_load(times, BRIDGE, lone)
    place = (times - 5.0) * 16.0
    assert strain == pytest.approx(1e6 * 18e3 * 9.81 * moment_influence_m(place, SPAN) * 0.7 / 8e9, abs=1e-9)
    assert deflection.max() == pytest.approx(1e3 * 18e3 * 9.81 * deflection_influence_m_n(place, BRIDGE).max())
    both = traffic_load(times, BRIDGE, join([lone, back]))
    assert both[0] == pytest.approx(strain + traffic_load(times, BRIDGE, back)[0])
    assert traffic_load(times, BRIDGE, back)[0][times < 6.0] == pytest.approx(0.0)


def test_a_night_without_vehicles_has_no_load():
    none = poisson_traffic(np.random.default_rng(1), 0.0, 3_600.0, 0.0)
    strain, deflection = traffic_load(np.arange(100.0), BRIDGE, none)
    assert strain.tolist() == deflection.tolist() == [0.0] * 100


def test_traffic_comes_as_a_poisson_process_and_the_same_for_a_seed():
    counts = [len(poisson_traffic(np.random.default_rng(i), 0.0, 3_600.0, 300.0).mass_t) for i in range(200)]
    assert np.mean(counts) == pytest.approx(300.0, abs=4.0)
    assert np.var(counts) == pytest.approx(300.0, rel=0.3)
    day = poisson_traffic(np.random.default_rng(1), 0.0, 86_400.0, 300.0)
    again = poisson_traffic(np.random.default_rng(1), 0.0, 86_400.0, 300.0)
    assert all((one == two).all() for one, two in zip(day, again, strict=True))
    assert (np.diff(day.enters_s) >= 0).all()
    gaps = np.diff(day.enters_s)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.05)  # exponential
    assert 0.5 < day.mass_t.min() < 3.0 < 10.0 < np.percentile(day.mass_t, 97) < day.mass_t.max() <= 55.0


def test_crossings_on_the_test_bridge_stay_below_its_lowered_support():
    # Jaelani et al. 2023: vehicles 7 to 10 um/m, a lowered support 28 to 33 um/m.
    times = np.arange(0.0, 3_600.0)
    strain, _ = traffic_load(times, BRIDGE, poisson_traffic(np.random.default_rng(3), 0.0, 3_600.0, 200.0, 0.0))
    lowered, _ = settlement_load(settlement_mm(times, [Stage(600.0, 10.0), Stage(1_800.0, 6.0)]), BRIDGE)
    assert 3.0 < strain.max() < 15.0
    assert lowered[-1] == pytest.approx(1.5e3 * 0.7 * 16.0 / SPAN**2)
    assert 28.0 < lowered[-1] < 33.0


def test_settlement_comes_in_stages_and_stays():
    times = np.array([0.0, 600.0, 660.0, 1_700.0, 1_860.0, 1e5])
    got = settlement_mm(times, [Stage(600.0, 10.0), Stage(1_800.0, 6.0)])
    one = 10.0 * (1 - math.exp(-1))
    assert got == pytest.approx([0.0, 0.0, one, 10.0, 10.0 + 6.0 * (1 - math.exp(-1)), 16.0], abs=1e-4)


def test_warmth_strains_by_what_the_restraint_leaves():
    strain, deflection = warmth_load(np.array([10.0, 30.0]), BRIDGE)
    assert strain == pytest.approx([0.0, 60.0])
    assert deflection == pytest.approx([0.0, 1.0])
