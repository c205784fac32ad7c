"""What stands on pipes beside pressure: gas and water demand, age and chlorine, leak noise, pumps, sewer air."""

import math

import numpy as np
import pytest

from simulators.physics.bridge import Bridge, acceleration_m_s2, bearing_mm
from simulators.physics.gas_pipe import gas_demand_factor
from simulators.physics.hydraulics import demand_factor, pump_current_a
from simulators.physics.sewer_gas import Headspace, hydrogen_sulfide_mg_m3, oxygen_percent
from simulators.physics.slope import crack_mm, slope_tilt_deg
from simulators.physics.water_quality import chlorine_mg_l, leak_noise_db, turbidity_ntu, water_age_s

DAY = 86_400.0
SPACE = Headspace(volume_m3=3.0, ventilation_m3_h=6.0, sulfide_mg_h=12.0, oxygen_l_h=9.0)


@pytest.mark.parametrize("heating", [0.0, 0.6])
def test_gas_demand_has_mean_one_and_three_meals(heating: float):
    local = np.arange(0.0, DAY, 60.0)
    demand = gas_demand_factor(local, heating)
    assert demand.mean() == pytest.approx(1.0)
    peaks = local[np.flatnonzero((np.diff(demand)[:-1] > 0) & (np.diff(demand)[1:] <= 0)) + 1] / 3_600
    assert peaks == pytest.approx([8.0, 12.8, 19.3], abs=0.1)
    assert 0.2 < demand.min() < 1 < demand.max() < 3


def test_water_under_way_has_met_its_volume_of_demand():
    local = np.arange(0.0, DAY, 600.0)
    for mean_age in (2 * 3_600.0, 9 * 3_600.0, 30 * 3_600.0):
        age = water_age_s(local, mean_age)
        for arrived, spent in zip(local[::12], age[::12], strict=True):
            way = np.linspace(arrived - spent, arrived, 4_001)
            demand = demand_factor(way)
            assert ((demand[1:] + demand[:-1]) / 2).mean() * spent == pytest.approx(mean_age, rel=1e-5)
    assert water_age_s(local, DAY) == pytest.approx(DAY)  # a whole day has met every hour
    assert 3 <= local[water_age_s(local, 4 * 3_600.0).argmax()] / 3_600 <= 8


def test_chlorine_decays_with_age_and_warmth():
    age = np.array([0.0, DAY, 2 * DAY])
    assert chlorine_mg_l(age, 0.6, 0.5) == pytest.approx([0.6, 0.6 * math.exp(-0.5), 0.6 * math.exp(-1)])
    assert (chlorine_mg_l(age, 0.6, 0.5, 25.0)[1:] < chlorine_mg_l(age, 0.6, 0.5)[1:]).all()


def test_what_is_stirred_up_settles():
    times = np.array([0.0, 1e6, 1e6 + 5_400.0, 2e6])
    got = turbidity_ntu(times, 0.2, [(10.0, 1e6, 8.0)])
    assert got == pytest.approx([0.2, 8.2, 0.2 + 8.0 * math.exp(-1), 0.2])


@pytest.mark.parametrize(
    ("leak", "distance", "heard"),
    [(0.0, 0.0, 20.0), (0.3, 0.0, 55.0), (3.0, 0.0, 65.0), (0.3, 100.0, 40.0), (0.3, 400.0, 20.0)],
)
def test_a_leak_is_heard_above_the_background_near_it(leak: float, distance: float, heard: float):
    assert leak_noise_db(np.array([20.0]), leak, distance) == pytest.approx([heard], abs=0.05)


def test_two_equal_energies_are_three_decibels_more():
    alone = leak_noise_db(np.array([-300.0]), 0.3, 100.0)
    assert leak_noise_db(alone, 0.3, 100.0) == pytest.approx(alone + 10 * math.log10(2))


def test_a_pump_of_100_l_s_to_40_m_draws_its_power():
    assert pump_current_a(np.array([100.0]), 40.0) == pytest.approx([39_240.0 / 0.75 / (3**0.5 * 380 * 0.85)])


def test_sewer_air_is_emission_over_ventilation_and_a_release_fills_the_box():
    times = np.array([0.0, 1_800.0, 1e5])
    still = hydrogen_sulfide_mg_m3(times, SPACE, 20.0, 1.0)
    assert still == pytest.approx(2.0)
    assert hydrogen_sulfide_mg_m3(times, SPACE, 30.0, 0.5) == pytest.approx(2.0 * 1.07**10 * 2)
    stirred = hydrogen_sulfide_mg_m3(times, SPACE, 20.0, 1.0, [(0.0, 2e5, 180.0)])
    assert stirred - still == pytest.approx([0.0, 30.0 * (1 - math.exp(-1)), 30.0])


def test_a_shut_manhole_loses_its_oxygen_and_an_open_one_has_it_again():
    times = np.array([0.0, 1e6, 1e6 + 1_800.0, 2e6])
    got = oxygen_percent(times, SPACE, [(100.0, 1e6, 0.1)])
    open_, shut = 20.9 - 0.9 / 6.0, 20.9 - 0.9 / 0.6
    assert got == pytest.approx([open_, shut, open_ + (shut - open_) * math.exp(-1), open_])
    assert oxygen_percent(times, SPACE, [(100.0, 1e9, 0.0)]).min() == 0.0


def test_cracks_tilt_bearings_and_swinging_follow_what_moves_them():
    assert crack_mm(np.array([0.0, 50.0])).tolist() == [0.0, 10.0]
    assert slope_tilt_deg(np.array([8_000.0])) == pytest.approx([45.0])
    bridge = Bridge(24.0, 8e9, 0.7)
    assert bearing_mm(np.array([10.0, 40.0]), bridge) == pytest.approx([0.0, 1.1e-5 * 30 * 48e3])
    amplitude = (2 * math.pi * 4.0) ** 2 * 0.05 * 2e-3  # a twentieth of the deflection, as often as the girder swings
    swinging = acceleration_m_s2(np.array([0.0, 0.0625, 0.125, 0.25]), np.full(4, 2.0), 4.0)
    assert swinging == pytest.approx([amplitude, 0.0, -amplitude, amplitude], abs=1e-12)
