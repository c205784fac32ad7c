"""Ground: steps of rain in a slope, GNSS noise, the trough above a goaf, and the water in a tailings dam."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.physics import FloatArray
from simulators.physics.drainage import rain_blocks, rain_so_far_mm
from simulators.physics.gnss import horizontal_noise_mm
from simulators.physics.ground import GNSS_HORIZONTAL_NOISE_MM
from simulators.physics.noise import flicker_noise, relaxation_noise
from simulators.physics.slope import WetSlope, rain_rate_mm_d, rain_steps_mm, risen_water_m
from simulators.physics.subsidence import Collapse, Panel, collapse_mm, final_trough, inclination_deg, knothe_share
from simulators.physics.tailings import Dam, phreatic_level_m, pond_rise_m, recharge_m_s, seepage_l_s, soaked_head_m

DAY = 86_400.0
YEAR = 365.25 * DAY
WET = WetSlope(rise_m_mm=0.004, recession_s=6 * DAY, mobility_mm_d_m=12.0)
STORM = rain_blocks(2 * DAY, 6 * 3_600.0, [2.0, 12.0, 4.0])
DAM = Dam(
    pond_m=24.0, drain_m=2.0, length_m=300.0, beach_slope=0.012, conductivity_m_s=2e-6, width_m=400.0, rise_m_mm=0.006,
    decant_s=5 * DAY, soak_s=9 * DAY, infiltration=0.3,
)  # fmt: skip


# --- slope -----------------------------------------------------------------------------------------------------------


def test_a_rain_ends_as_a_step_of_mobility_times_what_ran_in_and_recession():
    depth = 6.0 / 3 * (2.0 + 12.0 + 4.0)
    assert rain_so_far_mm(np.array([0.0, 10 * DAY]), STORM) == pytest.approx([0.0, depth])
    assert rain_steps_mm(np.array([200 * DAY]), WET, STORM) == pytest.approx([12.0 * 0.004 * depth * 6.0])


def test_rain_displacement_is_the_integral_of_its_rate_and_comes_to_rest():
    times = np.arange(0.0, 60 * DAY, 600.0)
    rate = rain_rate_mm_d(times, WET, STORM)
    integral = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * 600.0 / DAY)])
    assert rain_steps_mm(times, WET, STORM) == pytest.approx(integral, abs=2e-3)
    assert rate.max() == rate[np.searchsorted(times, 2.25 * DAY)]
    assert rate[-1] < 1e-3 * rate.max()


def test_ground_water_without_rain_is_at_rest():
    assert (risen_water_m(np.arange(0.0, YEAR, DAY), WET, []) == 0.0).all()


# --- noise -----------------------------------------------------------------------------------------------------------


def correlation(courses: FloatArray, lag: int) -> float:
    return float((courses[:, lag:] * courses[:, : courses.shape[1] - lag]).mean() / (courses**2).mean())


def test_relaxation_noise_forgets_with_its_time_constant():
    times = np.arange(0.0, 400.0)
    courses = np.array([relaxation_noise(times, np.random.default_rng(i), 2.0, 10.0) for i in range(150)])
    assert courses.std() == pytest.approx(2.0, rel=0.03)
    for lag in (1, 5, 10, 20):
        assert correlation(courses, lag) == pytest.approx(math.exp(-lag / 10), abs=0.04)
    assert np.mean((courses / 2.0) ** 4) == pytest.approx(3.0, abs=0.3)  # as the normal distribution


def test_flicker_noise_has_equal_power_in_each_octave():
    times, longest = np.arange(4_096.0), 2_048.0
    power = np.zeros(2_049)
    for i in range(60):
        power += np.abs(np.fft.rfft(flicker_noise(times, np.random.default_rng(i), 1.0, 4.0, longest))) ** 2
    octaves = [power[begin : 2 * begin].sum() for begin in (8, 16, 32, 64, 128, 256, 512)]
    assert max(octaves) / min(octaves) < 1.25
    assert power[1_100:].sum() < 0.01 * power.sum()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 8_999))
def test_a_part_of_the_noise_is_the_part_of_the_whole(seed: int, cut: int):
    times = np.linspace(0.0, 30 * DAY, 9_000)
    whole = relaxation_noise(times, np.random.default_rng(seed), 1.0, DAY)
    part = relaxation_noise(times[cut:], np.random.default_rng(seed), 1.0, DAY)
    assert part == pytest.approx(whole[cut:], abs=1e-9)


def test_gnss_noise_coloured_and_white_is_as_measured():
    times = np.arange(0.0, 800 * DAY, DAY)
    courses = np.array([horizontal_noise_mm(times, np.random.default_rng(i)) for i in range(60)])
    courses += GNSS_HORIZONTAL_NOISE_MM * np.random.default_rng(1_000).standard_normal(courses.shape)
    assert courses.std() == pytest.approx(2.0, rel=0.05)
    assert np.diff(courses).std() / math.sqrt(2) == pytest.approx(1.65, rel=0.06)
    for lag, expected in ((1, 0.4), (7, 0.2), (30, 0.08)):
        assert correlation(courses, lag) == pytest.approx(expected, abs=0.08)


# --- goaf ------------------------------------------------------------------------------------------------------------

WIDE = Panel(west_m=0.0, east_m=4_000.0, south_m=-2_000.0, north_m=2_000.0, depth_m=200.0, thickness_m=2.0)


def test_over_the_edge_of_a_wide_panel_the_trough_has_knothes_values():
    full, radius = 1_400.0, 100.0
    middle, edge, outside = (final_trough(WIDE, east, 0.0) for east in (2_000.0, 0.0, -150.0))
    assert middle.subsidence_mm == pytest.approx(full)
    assert edge.subsidence_mm == pytest.approx(full / 2)
    assert edge.tilt_east_mm_m == pytest.approx(full / radius)
    assert edge.shift_east_mm == pytest.approx(0.3 * full)
    assert edge.strain_east_mm_m == pytest.approx(0.0, abs=1e-9)
    assert outside.subsidence_mm < 1e-3 * full
    place = np.linspace(-200.0, 200.0, 4_001)
    strain = final_trough(WIDE, place, 0.0).strain_east_mm_m
    greatest = math.sqrt(2 * math.pi / math.e) * 0.3 * full / radius  # 1.52 b W0 / r
    assert (strain.max(), strain.min()) == pytest.approx((greatest, -greatest), rel=1e-4)
    assert place[strain.argmax()] == pytest.approx(-radius / math.sqrt(2 * math.pi), abs=0.2)  # tension outside


def test_tilt_and_strain_are_the_derivatives_of_the_trough():
    panel = Panel(-60.0, 90.0, -50.0, 40.0, depth_m=180.0, thickness_m=1.5)
    place, other = np.linspace(-250.0, 250.0, 5_001), 23.0
    for trough, tilt, shift, strain in (
        (final_trough(panel, place, other), "tilt_east_mm_m", "shift_east_mm", "strain_east_mm_m"),
        (final_trough(panel, other, place), "tilt_north_mm_m", "shift_north_mm", "strain_north_mm_m"),
    ):
        slope = np.gradient(trough.subsidence_mm, place)
        assert getattr(trough, tilt)[1:-1] == pytest.approx(slope[1:-1], abs=1e-4)
        assert getattr(trough, strain)[1:-1] == pytest.approx(
            np.gradient(getattr(trough, shift), place)[1:-1], abs=1e-4
        )


def test_the_troughs_volume_is_what_was_taken_out_times_the_factor():
    panel = Panel(-60.0, 90.0, -50.0, 40.0, depth_m=180.0, thickness_m=1.5)
    grid = np.arange(-500.0, 500.0, 5.0)
    volume = final_trough(panel, grid[:, None], grid[None, :]).subsidence_mm.sum() * 25.0 / 1e3
    assert volume == pytest.approx(0.7 * 1.5 * 150.0 * 90.0, rel=1e-6)


def test_knothes_time_function_starts_late_and_ends_at_one():
    times = np.array([0.0, YEAR, 2 * YEAR, 100 * YEAR])
    assert knothe_share(times, YEAR, 2.0) == pytest.approx([0.0, 0.0, 1 - math.exp(-2), 1.0])
    rate = np.gradient(knothe_share(np.arange(YEAR, 3 * YEAR, DAY), YEAR, 2.0), DAY / YEAR)
    left = 1 - knothe_share(np.arange(YEAR, 3 * YEAR, DAY), YEAR, 2.0)
    assert rate[1:-1] == pytest.approx(2.0 * left[1:-1], rel=1e-4)  # dW/dt = c (W0 - W)


def test_a_collapse_comes_without_notice_and_is_felt_less_away_from_it():
    pit, times = Collapse(0.0, 0.0, 3_000.0, 12.0, start_s=500.0), np.array([0.0, 499.0, 530.0, 1_500.0])
    fall = collapse_mm(times, pit, 0.0, 0.0)
    assert fall == pytest.approx([0.0, 0.0, 3_000.0 * (1 - math.exp(-1)), 3_000.0])
    assert collapse_mm(times, pit, 12.0, 0.0)[-1] == pytest.approx(3_000.0 * math.exp(-math.pi))
    assert inclination_deg(np.array([3.0]))[0] == pytest.approx(0.1719, abs=1e-4)


# --- tailings --------------------------------------------------------------------------------------------------------


def test_the_phreatic_line_runs_from_the_drain_to_the_pond_and_its_square_is_straight():
    distance, head = np.linspace(0.0, 300.0, 31), np.full(31, 24.0)
    line = phreatic_level_m(DAM, distance, head)
    assert (line[0], line[-1]) == pytest.approx((2.0, 24.0))
    assert np.diff(line**2, 2) == pytest.approx(0.0, abs=1e-9)
    assert phreatic_level_m(DAM, 1e4, head) == pytest.approx(24.0)  # under the pond


@pytest.mark.parametrize("recharge", [0.0, 2e-8])
def test_the_phreatic_line_solves_dupuits_equation_and_the_seepage_is_its_flux_at_the_drain(recharge: float):
    distance = np.linspace(0.0, 300.0, 301)
    line = phreatic_level_m(DAM, distance, np.full(301, 24.0), recharge)
    # Toward the drain flows k h dh/ds = k/2 d(h^2)/ds, and on its way it gains the recharge.
    square = np.polynomial.Polynomial.fit(distance, line**2, 2).convert()
    assert square(distance) == pytest.approx(line**2)
    assert 2e-6 / 2 * square.deriv(2)(0.0) == pytest.approx(-recharge, abs=1e-14)
    assert seepage_l_s(DAM, np.array([24.0]), recharge)[0] == pytest.approx(
        1e3 * 400.0 * 2e-6 / 2 * square.deriv()(0.0)
    )


def test_after_long_rain_the_pond_rises_first_and_the_dam_follows_by_days():
    rain, times = rain_blocks(DAY, 3 * DAY, [3.0]), np.arange(0.0, 40 * DAY, 3_600.0)
    pond, head = pond_rise_m(times, DAM, rain), soaked_head_m(times, DAM, rain) - 24.0
    assert pond.max() == pytest.approx(0.006 * 3.0 * 24 * 5 * (1 - math.exp(-3 / 5)))
    assert times[pond.argmax()] == 4 * DAY
    assert times[head.argmax()] > 7 * DAY
    assert 0 < head.max() < pond.max()
    level = phreatic_level_m(DAM, 100.0, 24.0 + head, recharge_m_s(times, DAM, rain))
    assert level[0] == pytest.approx(phreatic_level_m(DAM, 100.0, np.array([24.0]))[0])
    assert level.max() > level[0] + 0.2
    flow = seepage_l_s(DAM, 24.0 + head, recharge_m_s(times, DAM, rain))
    assert flow.max() > 1.03 * flow[0]
    assert abs(flow[-1] - flow[0]) < (flow.max() - flow[0]) / 3


@settings(max_examples=30)
@given(low=st.floats(5.0, 24.0), more=st.floats(0.0, 2.0), distance=st.floats(0.0, 300.0), wet=st.floats(0.0, 5e-8))
def test_a_higher_pond_or_more_rain_never_lowers_the_line(low: float, more: float, distance: float, wet: float):
    before, after = (phreatic_level_m(DAM, distance, np.array([h]), w)[0] for h, w in ((low, 0.0), (low + more, wet)))
    assert after >= before - 1e-9
