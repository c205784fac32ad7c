"""Weather: a climate's year and day, rain that adds up to the year's, gauges that count whole tips, and the sun."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.physics.drainage import rain_so_far_mm
from simulators.physics.lighting import Lamp, lamp_power_w, sun_height_deg
from simulators.physics.weather import CLIMATES, day_of_rain, gauge_mm, outdoor_cel, wet_day_chance, wind_m_s

DAY = 86_400.0


@pytest.mark.parametrize("name", list(CLIMATES))
def test_a_year_of_temperature_has_the_climates_mean_seasons_and_days(name: str):
    climate, times = CLIMATES[name], np.arange(0.0, 365.25 * DAY, 3_600.0)
    years = np.array([outdoor_cel(times, climate, np.random.default_rng(i), 0.0, 0.0) for i in range(12)])
    daily = years[:, : 365 * 24].reshape(12, 365, 24)
    assert years.mean() == pytest.approx(climate.mean_cel, abs=0.5)
    means = daily.mean(axis=(0, 2))
    assert means[:31].mean() == pytest.approx(climate.mean_cel - 0.98 * climate.yearly_k, abs=1.5)
    assert means[181:212].mean() == pytest.approx(climate.mean_cel + 0.98 * climate.yearly_k, abs=1.5)
    hours = daily.mean(axis=(0, 1))
    assert hours.argmax() == pytest.approx(climate.warmest_h, abs=0.6)
    assert np.ptp(hours) == pytest.approx(2 * climate.daily_k, rel=0.02)
    assert (daily.mean(axis=2) - means).std() == pytest.approx(climate.weather_k, rel=0.15)


def test_temperature_at_any_hour_is_that_of_the_whole_run():
    climate, times = CLIMATES["jiayuguan"], np.arange(0.0, 5 * DAY, 60.0)
    whole = outdoor_cel(times, climate, np.random.default_rng(4), 20.0, 8 * 3_600.0)
    part = outdoor_cel(times[3_000:3_060], climate, np.random.default_rng(4), 20.0, 8 * 3_600.0)
    assert part == pytest.approx(whole[3_000:3_060], abs=1e-9)
    assert np.abs(np.diff(whole)).max() < 0.5 * 60  # as the service's check on rates has it


@pytest.mark.parametrize("name", list(CLIMATES))
def test_years_of_rain_bring_the_climates_depth_and_days_in_its_season(name: str):
    climate, years = CLIMATES[name], 12
    days = np.arange(years * 365)
    depths = np.zeros(len(days))
    for day in days:
        blocks = day_of_rain(np.random.default_rng([7, day]), day * DAY, day % 365, climate)
        depths[day] = sum((end - start) / 3_600 * mm_h for start, end, mm_h in blocks)
        assert all(day * DAY <= start < end <= (day + 1) * DAY + 1e-3 and mm_h >= 0 for start, end, mm_h in blocks)
    # An exponential depth on about N days varies by sqrt(2 / N).
    assert (depths > 0).sum() / years == pytest.approx(climate.rainy_days, rel=0.15)
    assert depths.sum() / years == pytest.approx(climate.rain_mm_year, rel=4 * (2 / climate.rainy_days / years) ** 0.5)
    assert depths[(days % 365 > 120) & (days % 365 < 300)].sum() > 0.65 * depths.sum()


def test_the_chance_of_rain_over_a_year_is_the_rainy_days():
    for climate in CLIMATES.values():
        chances = [wet_day_chance(day, climate) for day in np.arange(0.0, 365.25, 0.25)]
        assert sum(chances) / 4 == pytest.approx(climate.rainy_days, rel=0.01)
        assert 0 <= min(chances) <= max(chances) <= 1


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), interval=st.sampled_from([60.0, 300.0, 3_600.0]))
def test_a_gauge_counts_whole_tips_and_all_of_them(seed: int, interval: float):
    rain = [(0.0, 40_000.0, float(seed % 50)), (5_000.0, 9_000.0, 33.3)]
    times = np.arange(interval, DAY, interval)
    counted = gauge_mm(times, rain, times - interval)
    assert counted / 0.2 == pytest.approx(np.round(counted / 0.2))
    fallen = rain_so_far_mm(times[-1:], rain)[0]
    assert 0 <= fallen - counted.sum() + 1e-6 <= 0.2 + 2e-6


def test_wind_has_the_mean_and_spread_of_a_rayleigh_speed():
    times = np.arange(0.0, 10 * DAY, 60.0)
    wind = np.concatenate([wind_m_s(times, np.random.default_rng(i), 4.0) for i in range(4)])
    assert wind.mean() == pytest.approx(4.0, rel=0.04)
    assert wind.std() / wind.mean() == pytest.approx((4 / np.pi - 1) ** 0.5, rel=0.05)
    assert wind.min() >= 0


# --- the sun and the lamps -------------------------------------------------------------------------------------------


def epoch(year: int, month: int, day: int, hour: int = 0) -> float:
    return datetime(year, month, day, hour, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("month", "day", "latitude", "highest"),
    [(6, 21, 39.77, 90 - 39.77 + 23.44), (12, 21, 39.77, 90 - 39.77 - 23.44), (3, 20, 25.0, 65.0), (9, 22, 0.0, 90.0)],
)
def test_the_sun_at_noon_stands_as_high_as_its_declination_says(month: int, day: int, latitude: float, highest: float):
    times = epoch(2026, month, day) + np.arange(0.0, DAY, 60.0)
    assert sun_height_deg(times, 98.29, latitude).max() == pytest.approx(highest, abs=0.6)


def test_noon_in_jiayuguan_is_near_half_past_one_by_the_clock_and_midsummer_has_fifteen_hours():
    times = epoch(2026, 6, 21) + np.arange(-8 * 3_600.0, 16 * 3_600.0, 60.0)
    height = sun_height_deg(times, 98.29, 39.77)
    assert (times[height.argmax()] % DAY) / 3_600 + 8 == pytest.approx(13.48, abs=0.05)  # 13:27 and equation of time
    assert (height > -0.83).sum() / 60 == pytest.approx(15.0, abs=0.15)


def test_lamps_burn_at_night_dimmed_after_midnight():
    lamp, times = Lamp(98.29, 39.77), epoch(2026, 1, 10) + np.arange(0.0, DAY, 600.0)
    power = lamp_power_w(times, lamp)
    hour = (times / 3_600 + 8) % 24
    assert set(np.round(power[(hour > 10) & (hour < 17)], 6)) == {2.0}
    assert set(np.round(power[(hour > 20) & (hour < 24)], 6)) == {122.0}
    assert set(np.round(power[(hour > 1) & (hour < 5)], 6)) == {74.0}
