"""Gas: leaks into boxes with changing ventilation, chambers joined by ducts, and pipes that feed their own leak."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.physics.first_order import cascade, first_order
from simulators.physics.gas import (
    Kitchen,
    hole_flows_m3_h,
    kitchen_lel,
)
from simulators.physics.gas_pipe import GasPipe, fall_of_squares_pa2, far_pressure_kpa, friction_factor, leaking_pipe
from simulators.physics.gas_spread import Chamber, Duct, joined_lel

HOUR = 3_600.0


# --- lags ------------------------------------------------------------------------------------------------------------


def test_many_lags_under_the_same_pieces_are_each_the_lag_alone():
    times, starts = np.linspace(-10.0, 900.0, 60), [0.0, 100.0, 400.0]
    targets, lags = np.array([[1.0, 3.0, 0.0], [5.0, -2.0, 7.0]]), np.array([[50.0], [200.0]])
    together = first_order(times, starts, targets, lags, initial=[0.5, -1.0])
    for row, (target, lag, initial) in enumerate(zip(targets, (50.0, 200.0), (0.5, -1.0), strict=True)):
        assert together[row] == pytest.approx(first_order(times, starts, target, [lag] * 3, initial))


def test_lags_without_a_piece_stay_where_they_are():
    assert first_order(np.arange(3.0), [], [], [], 4.0).tolist() == [4.0, 4.0, 4.0]
    assert first_order(np.arange(3.0), [], np.empty((2, 0)), np.empty((2, 0))).shape == (2, 3)


@pytest.mark.parametrize(("first", "second"), [(300.0, 60.0), (60.0, 300.0), (50.0, 49.9)])
def test_two_lags_in_series_answer_a_step_as_the_textbook_has_it(first: float, second: float):
    times = np.linspace(0.0, 2_000.0, 100)
    step = 1 - (first * np.exp(-times / first) - second * np.exp(-times / second)) / (first - second)
    assert cascade(times, [0.0], [3.0], first, second) == pytest.approx(3.0 * step, abs=1e-9)
    with pytest.raises(ValueError, match="no partial fractions"):
        cascade(times, [0.0], [3.0], first, first)


# --- boxes -----------------------------------------------------------------------------------------------------------


def test_gas_in_a_chamber_rises_and_falls_as_the_well_mixed_box():
    inflow = 20.0 * 0.02 / 0.98  # holds two hundredths of methane in the end, 40 %LEL
    times = np.linspace(0.0, 20_000.0, 500)
    filling, emptying = 3600 * 6.0 / (20.0 + inflow), 3600 * 6.0 / 20.0
    top = 40.0 * (1 - math.exp(-9_000 / filling))
    rising, falling = times - 1_000, times - 10_000
    expected = np.where(rising < 0, 0.0, 40.0 * (1 - np.exp(-rising / filling)))
    expected = np.where(falling < 0, expected, top * np.exp(-falling / emptying))
    (got,) = joined_lel(times, [Chamber(volume_m3=6.0, ventilation_m3_h=20.0)], [], [(0, 1_000.0, 10_000.0, inflow)])
    assert got == pytest.approx(expected, abs=1e-9)


def test_a_chamber_reads_the_same_whatever_other_times_are_asked():
    chambers, ducts = [Chamber(4.0, 20.0), Chamber(4.0, 9.0), Chamber(4.0, 14.0)], [Duct(0, 1, 12.0), Duct(1, 2, 12.0)]
    times = np.linspace(0.0, 9_000.0, 101)
    together = joined_lel(times, chambers, ducts, [(0, 600.0, 5_000.0, 2.0)])
    alone = [joined_lel(at, chambers, ducts, [(0, 600.0, 5_000.0, 2.0)])[:, 0] for at in np.split(times, 101)]
    assert (together == np.stack(alone, axis=1)).all()


def test_a_kitchen_without_its_hood_is_the_chamber_and_the_hood_thins_the_gas():
    times, leak = np.linspace(0.0, 86_399.0, 2_000), [(6 * HOUR, 20 * HOUR, 0.2)]
    never = kitchen_lel(times, Kitchen(60.0, 30.0, 900.0, hood_hours=()), leak)
    assert never == pytest.approx(joined_lel(times, [Chamber(60.0, 30.0)], [], [(0, *leak[0])])[0])
    hooded = kitchen_lel(times, Kitchen(60.0, 30.0, 900.0, hood_hours=((11.0, 14.0),)), leak)
    before, lunch = times < 11 * HOUR, (times > 12 * HOUR) & (times < 14 * HOUR)
    assert hooded[before] == pytest.approx(never[before])
    assert hooded[lunch] == pytest.approx(100 * 0.2 / 900.2 / 0.05, rel=1e-3)
    after = (times > 14 * HOUR) & (times < 20 * HOUR)
    thin, thick = 100 * 0.2 / 900.2 / 0.05, 100 * 0.2 / 30.2 / 0.05
    filling = np.exp(-(times[after] - 14 * HOUR) / (3_600 * 60.0 / 30.2))
    assert hooded[after] == pytest.approx(thick + (thin - thick) * filling, rel=1e-3)


def test_a_kitchen_keeps_to_local_hours_whatever_the_clock_of_the_stream():
    kitchen, leak = Kitchen(60.0, 30.0, 900.0), [(0.0, 3 * 86_400.0, 0.2)]
    times = np.arange(0.0, 3 * 86_400.0, 600.0)
    local = (times + 8 * HOUR) % 86_400 / HOUR
    got = kitchen_lel(times, kitchen, leak, midnight_s=-8 * HOUR)
    assert got[(local > 11) & (local < 14)].max() < 1.0
    assert got[(local > 3) & (local < 9) & (times > 86_400)].min() > 10.0


def test_joined_chambers_without_ducts_are_chambers_alone():
    chambers = [Chamber(6.0, 20.0), Chamber(5.0, 16.0)]
    times = np.linspace(0.0, 20_000.0, 300)
    leaks = [(0, 1_000.0, 9_000.0, 0.5), (1, 2_000.0, 5_000.0, 0.3), (1, 4_000.0, 6_000.0, 0.2)]
    got = joined_lel(times, chambers, [], leaks)
    for i, chamber in enumerate(chambers):
        (alone,) = joined_lel(times, [chamber], [], [(0, *leak[1:]) for leak in leaks if leak[0] == i])
        assert got[i] == pytest.approx(alone, abs=1e-9)


def test_gas_reaches_three_manholes_one_after_the_other_and_less_each_time():
    chambers, ducts = [Chamber(6.0, 20.0)] * 3, [Duct(0, 1, 12.0), Duct(1, 2, 12.0)]
    times = np.arange(0.0, 12 * HOUR, 10.0)
    inflow = 20.0 * 0.045 / 0.955  # would hold 90 %LEL in the first alone
    near, middle, far = joined_lel(times, chambers, ducts, [(0, 600.0, 86_400.0, inflow)])
    reached = [times[np.argmax(course > 5.0)] for course in (near, middle, far)]
    assert reached == sorted(reached)
    assert 600.0 < reached[0] < reached[1] < reached[2]
    assert near[-1] > middle[-1] > far[-1] > 5.0
    # In the end what leaks in leaves through the three ventilations and as the displaced air of the first.
    carried = 0.05 / 100 * (20.0 * (near[-1] + middle[-1] + far[-1]) + inflow * near[-1])
    assert carried == pytest.approx(inflow, rel=1e-6)


def test_closed_chambers_keep_what_ran_in_and_share_it_evenly():
    chambers = [Chamber(4.0, 0.0), Chamber(8.0, 0.0)]
    times = np.array([1e3, 1e7])
    got = joined_lel(times, chambers, [Duct(0, 1, 10.0)], [(0, 0.0, 1e3, 0.0036)])
    volume = (0.05 / 100 * got * np.array([[4.0], [8.0]])).sum(axis=0)
    assert volume == pytest.approx(0.0036 / 3_600 * 1e3, rel=1e-3)  # but for the air that the gas displaced
    assert got[0, 1] == pytest.approx(got[1, 1])


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 6))
def test_mass_in_joined_chambers_is_what_came_less_what_left(seed: int, count: int):
    rng = np.random.default_rng(seed)
    chambers = [Chamber(*rng.uniform((2.0, 5.0), (20.0, 40.0))) for _ in range(count)]
    ducts = [Duct(i, i + 1, float(rng.uniform(0.0, 30.0))) for i in range(count - 1)]
    leaks = [(int(rng.integers(count)), 100.0, 2_000.0, float(rng.uniform(0.1, 2.0))) for _ in range(2)]
    times = np.linspace(0.0, 6_000.0, 12_001)
    fraction = joined_lel(times, chambers, ducts, leaks) * 0.05 / 100
    inflow = np.zeros((count, len(times)))
    for chamber, start, end, size in leaks:
        inflow[chamber] += size * ((times >= start) & (times < end))
    volume, ventilation = (
        np.array([[getattr(c, name)] for c in chambers]) for name in ("volume_m3", "ventilation_m3_h")
    )
    change = (inflow * (1 - fraction) - ventilation * fraction).sum(axis=0) / 3_600
    step = times[1] - times[0]
    came = np.concatenate([[0.0], np.cumsum((change[1:] + change[:-1]) / 2 * step)])
    assert (volume * fraction).sum(axis=0) == pytest.approx(came, abs=2e-3 * max(1e-3, came.max()))
    assert fraction.min() >= -1e-12


# --- holes and pipes -------------------------------------------------------------------------------------------------


def hole_flow_m3_h(hole_mm: float, gauge_kpa: float) -> float:
    return float(hole_flows_m3_h(hole_mm, np.asarray(gauge_kpa)))


def test_gas_through_a_hole_is_choked_above_the_critical_ratio_and_proportional_to_pressure_there():
    absolute = (200.0 + 101.325) / (400.0 + 101.325)
    assert hole_flow_m3_h(3.0, 200.0) / hole_flow_m3_h(3.0, 400.0) == pytest.approx(absolute)
    bernoulli = 0.62 * math.pi * 1.5e-3**2 * math.sqrt(2 * 2_500 / 0.68) * 3600
    assert hole_flow_m3_h(3.0, 2.5) == pytest.approx(bernoulli, rel=0.02)


def test_many_holes_flow_as_each_alone_and_nothing_flows_inward():
    gauges = np.array([-5.0, 0.0, 2.5, 80.0, 84.9, 86.0, 400.0])
    assert hole_flows_m3_h(3.0, gauges)[1:] == pytest.approx([hole_flow_m3_h(3.0, p) for p in gauges[1:]])
    assert hole_flows_m3_h(3.0, gauges)[:2].tolist() == [0.0, 0.0]
    assert (np.diff(hole_flows_m3_h(3.0, np.linspace(0.0, 500.0, 400))) > 0).all()


def test_outflow_is_continuous_where_it_chokes():
    critical = 101.325 * ((2.31 / 2) ** (1.31 / 0.31) - 1)
    below, above = hole_flows_m3_h(5.0, np.array([critical - 1e-6, critical + 1e-6]))
    assert below == pytest.approx(above, rel=1e-6)


@pytest.mark.parametrize("reynolds", [5e3, 1e5, 1e7])
@pytest.mark.parametrize("rough", [1e-5, 1e-3, 1e-2])
def test_friction_agrees_with_colebrook_within_two_percent(reynolds: float, rough: float):
    root = 0.02**-0.5
    for _ in range(50):
        root = -2 * math.log10(rough / 3.7 + 2.51 * root / reynolds)
    assert friction_factor(np.array([reynolds]), rough)[0] == pytest.approx(root**-2, rel=0.02)


def test_friction_is_laminar_at_small_flow():
    assert friction_factor(np.array([1_000.0]), 1e-3)[0] == pytest.approx(0.064)


def test_at_low_pressure_the_fall_is_that_of_darcy_and_weisbach():
    pipe, flow = GasPipe(200.0, 100.0), np.array([60.0])
    velocity = 60.0 / 3_600 / (math.pi * 0.05**2)
    factor = friction_factor(np.array([0.68 * velocity * 0.1 / 1.1e-5]), 0.002)[0]
    fall_kpa = factor * 200.0 / 0.1 * 0.68 * velocity**2 / 2 / 1e3
    assert 2.5 - far_pressure_kpa(2.5, pipe, flow)[0] == pytest.approx(fall_kpa, rel=0.03)


@settings(max_examples=30)
@given(
    inlet=st.floats(1.5, 400.0), length=st.floats(10.0, 3_000.0), bore=st.floats(50.0, 400.0),
    demand=st.floats(0.0, 300.0), hole=st.floats(0.0, 40.0),
)  # fmt: skip
def test_pressure_and_leak_fit_each_other(inlet: float, length: float, bore: float, demand: float, hole: float):
    pipe = GasPipe(length, bore)
    pressure, leak = leaking_pipe(inlet, pipe, np.array([demand]), hole)
    assert 0.0 <= pressure[0] <= inlet
    assert leak[0] == pytest.approx(hole_flow_m3_h(hole, pressure[0]))
    if pressure[0] > 1e-3:  # else the demand alone is more than the pipe carries
        fall = (101.325 + inlet) ** 2 - (101.325 + pressure[0]) ** 2
        assert fall * 1e6 == pytest.approx(
            fall_of_squares_pa2(pipe, np.array([demand + leak[0]]))[0], abs=20.0, rel=1e-6
        )


def test_a_larger_hole_leaks_more_and_leaves_less_pressure():
    pipe = GasPipe(800.0, 100.0)
    pressure, leak = leaking_pipe(200.0, pipe, np.full(5, 40.0), np.array([0.0, 5.0, 10.0, 20.0, 40.0]))
    assert leak[0] == 0.0
    assert (np.diff(leak) > 0).all()
    assert (np.diff(pressure) < 0).all()
