"""The basic courses: first order, demand, storms and roads, creep; each against its solution."""

import math

import numpy as np
import pytest

from simulators.physics.drainage import LowPoint, keifer_chu, rain_blocks, road_depth_cm
from simulators.physics.first_order import first_order, superpose
from simulators.physics.ground import (
    Episode,
    Slope,
    slope_displacement_mm,
    slope_rate_mm_d,
    voight_displacement,
    voight_rate,
)
from simulators.physics.hydraulics import demand_factor


def test_first_order_follows_the_exponential_and_holds_before_the_first_piece():
    times = np.linspace(-50.0, 500.0, 200)
    got = first_order(times, [0.0], [8.0], [60.0], initial=2.0)
    assert got == pytest.approx(np.where(times < 0, 2.0, 8.0 + (2.0 - 8.0) * np.exp(-times / 60.0)))


def test_first_order_agrees_with_fine_steps_over_several_pieces():
    starts, targets, constants = [0.0, 100.0, 250.0], [5.0, -1.0, 3.0], [40.0, 90.0, 20.0]
    times = np.arange(0.0, 400.0, 0.01)
    stepped, y = np.empty_like(times), 0.0
    for i, t in enumerate(times):
        stepped[i] = y
        piece = np.searchsorted(starts, t, side="right") - 1
        y += 0.01 * (targets[piece] - y) / constants[piece]
    assert first_order(times, starts, targets, constants) == pytest.approx(stepped, abs=2e-3)


def test_overlapping_inputs_add_up():
    assert superpose([(0.0, 10.0, 1.0), (5.0, 20.0, 2.0)]) == ([0.0, 5.0, 10.0, 20.0], [1.0, 3.0, 2.0, 0])


def test_demand_has_mean_one_and_its_minimum_at_night():
    local = np.arange(0.0, 86_400.0, 60.0)
    demand = demand_factor(local)
    assert demand.mean() == pytest.approx(1.0)
    assert local[demand.argmin()] / 3600 == pytest.approx(2.5, abs=0.1)
    assert 0.4 < demand.min() < demand.max() < 1.3


def test_a_chicago_storm_brings_its_depth_with_the_peak_where_it_was_asked():
    blocks = keifer_chu(45.0, 3_600.0, 60, peak_ratio=0.4)
    assert sum(blocks) / 60 == pytest.approx(45.0)
    assert int(np.argmax(blocks)) in (23, 24)
    whole = 60 / (60 + 10.0) ** 0.75
    peak = 6.0 / (6.0 + 10.0) ** 0.75
    # The six wettest minutes around the peak fall as the six-minute storm of the same formula.
    assert sum(blocks[i] for i in range(21, 28)) / 60 > 45.0 * peak / whole > sum(blocks[22:26]) / 60


def test_water_on_the_road_follows_the_linear_reservoir():
    point = LowPoint(30_000.0, runoff=0.9, drained_m3_s=0.1, pond_m2=1_500.0, recession_s=1_200.0)
    rain = rain_blocks(0.0, 1_800.0, [80.0])
    times = np.linspace(0.0, 6_000.0, 300)
    inflow = 80.0 / 3.6e6 * 30_000 * 0.9 - 0.1
    full = 100 * inflow / 1_500.0 * 1_200.0
    top = full * (1 - math.exp(-1_800 / 1_200))
    expected = np.where(times < 1_800, full * (1 - np.exp(-times / 1_200)), top * np.exp(-(times - 1_800) / 1_200))
    assert road_depth_cm(times, point, rain) == pytest.approx(expected)
    assert road_depth_cm(times, point, rain_blocks(0.0, 1_800.0, [10.0])).max() == 0.0


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0])
def test_accelerating_creep_solves_voights_equation(alpha: float):
    elapsed, failure, onset = np.linspace(0.0, 9.5, 20_001), 10.0, 0.7
    rate = voight_rate(elapsed, failure, onset, alpha)
    coefficient = onset ** (1 - alpha) / (failure * (alpha - 1))
    inner = slice(1, -1)
    np.testing.assert_allclose(np.gradient(rate, elapsed)[inner], coefficient * rate[inner] ** alpha, rtol=1e-4)
    moved = voight_displacement(elapsed, failure, onset, alpha)
    np.testing.assert_allclose(np.gradient(moved, elapsed)[inner], rate[inner], rtol=1e-4)


def test_inverse_velocity_falls_on_a_straight_line_to_the_failure():
    elapsed = np.linspace(0.0, 9.0, 50)
    assert 1 / voight_rate(elapsed, 10.0, 0.5) == pytest.approx((1 - elapsed / 10.0) / 0.5)


def test_an_episode_of_creep_starts_peaks_holds_and_dies_away_and_moves_by_its_integral():
    episode = Episode(1_000.0, 9_000.0, onset_mm_d=1.0, peak_mm_d=40.0, held_s=600.0, decay_s=800.0)
    slope, times = Slope(creep_mm_d=0.3), np.arange(0.0, 20_000.0, 0.5)
    rate = slope_rate_mm_d(times, slope, [episode])
    peak = 1_000.0 + 8_000.0 * (1 - 1 / 40)
    assert episode.peak_s == pytest.approx(peak)
    assert rate[times < 1_000] == pytest.approx(0.3)
    assert rate[(times >= peak) & (times <= peak + 600)] == pytest.approx(40.3)
    after = times > peak + 600
    assert rate[after] == pytest.approx(0.3 + 40.0 * np.exp(-(times[after] - peak - 600) / 800))
    integral = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * 0.5 / 86_400)])
    assert slope_displacement_mm(times, slope, [episode]) == pytest.approx(integral, abs=2e-4)


@pytest.mark.parametrize("held_s", [0.0, 7_200.0])
def test_an_episode_is_over_once_it_has_died_away_and_its_rate_is_that_of_its_way(held_s: float):
    episode = Episode(0.0, 86_400.0, 2.0, 40.0, held_s, 600.0)
    end_s = episode.peak_s + held_s
    times = np.asarray([0.5 * episode.peak_s, end_s + 300.0, end_s + 3_600.0, end_s + 86_400.0])
    ways = [slope_displacement_mm(times + shift, Slope(0.0), [episode]) for shift in (-1.0, 1.0)]
    rate = slope_rate_mm_d(times, Slope(0.0), [episode])
    assert rate == pytest.approx((ways[1] - ways[0]) / 2.0 * 86_400.0, rel=1e-4, abs=1e-4)
    assert rate[-1] == pytest.approx(0.0, abs=1e-9)
