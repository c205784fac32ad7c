"""Weather of a place: outdoor temperature with its yearly and daily course, rain by the day, wind, and a rain gauge."""

from dataclasses import dataclass

import numpy as np

from simulators.physics import DAY_S, YEAR_D, FloatArray
from simulators.physics.drainage import Rain, keifer_chu, rain_blocks, rain_so_far_mm
from simulators.physics.noise import relaxation_noise


@dataclass(frozen=True, slots=True)
class Climate:
    """A climate in round figures: temperatures in Cel and K, rain in mm, and the day of the year that is middle."""

    mean_cel: float
    yearly_k: float  # amplitude, coldest in the middle of January
    daily_k: float  # amplitude, warmest `warmest_h` o'clock
    weather_k: float  # standard deviation from day to day
    rain_mm_year: float
    rainy_days: float  # a year
    wet_day: float  # day of the year about which the rain comes
    wet_season: float  # 0 the same all year, 1 none half a year later
    warmest_h: float = 15.0


# Round figures near the published normals of these places, not data of theirs. Gansu lives by a clock that is ahead of
# its sun, so the day's heat comes late.
CLIMATES = {
    "jiayuguan": Climate(8.0, 15.5, 6.5, 3.5, 85.0, 35.0, 200.0, 0.85, 16.5),
    "jinchang": Climate(7.0, 15.0, 6.5, 3.5, 140.0, 50.0, 205.0, 0.85, 16.5),
    "kunming": Climate(15.5, 6.0, 5.5, 2.0, 1_000.0, 135.0, 205.0, 0.9, 15.5),
    "yunnan-south": Climate(22.0, 5.0, 6.0, 1.5, 1_500.0, 170.0, 205.0, 0.85, 15.5),
    "yunnan-north": Climate(6.0, 6.5, 6.0, 2.0, 650.0, 130.0, 205.0, 0.9, 15.5),
}


def outdoor_cel(
    times: FloatArray, climate: Climate, course: np.random.Generator, year_day: float, local_s: float
) -> FloatArray:
    """Return the air's temperature (Cel), shape of `times` (s): the year's and the day's wave and the weather's.

    At time 0 it is day `year_day` of the year (0 to 365) and `local_s` seconds after local midnight. `course` must
    stand in the same state for each look at the same city; passing highs and lows hold for three days.
    """
    day = year_day + times / DAY_S
    hour = (local_s + times) / 3_600.0
    yearly = -climate.yearly_k * np.cos(2 * np.pi * (day - 15.0) / YEAR_D)
    daily = climate.daily_k * np.cos(2 * np.pi * (hour - climate.warmest_h) / 24.0)
    return climate.mean_cel + yearly + daily + relaxation_noise(times, course, climate.weather_k, 3 * DAY_S)


def wet_day_chance(year_day: float, climate: Climate) -> float:
    """Return the chance (0 to 1) that it rains on that day of the year."""
    season = 1.0 + climate.wet_season * np.cos(2 * np.pi * (year_day - climate.wet_day) / YEAR_D)
    return float(min(climate.rainy_days / YEAR_D * season, 1.0))


def day_of_rain(
    rng: np.random.Generator, midnight_s: float, year_day: float, climate: Climate
) -> list[tuple[float, float, float]]:
    """Return the rain of one day as blocks (start s, end s, mm/h): mostly none, else one Chicago storm.

    Whether it rains is drawn by the day, the depth from an exponential distribution, as in Richardson, Water Resour.
    Res. 17 (1981), 182, without his chain from day to day; the deeper the longer. One generator for each day.
    """
    if rng.random() >= wet_day_chance(year_day, climate):
        return []
    depth = float(rng.exponential(climate.rain_mm_year / climate.rainy_days))
    duration = 3_600.0 * min(12.0, (0.5 + depth**0.5) * float(rng.uniform(0.5, 1.5)))
    start = midnight_s + float(rng.uniform(0.0, DAY_S - duration))
    intensities = keifer_chu(depth, duration, max(6, round(duration / 600.0)), float(rng.uniform(0.3, 0.5)))
    return rain_blocks(start, duration, intensities)


def gauge_mm(times: FloatArray, rain: Rain, since: FloatArray, tip_mm: float = 0.2) -> FloatArray:
    """Return what a tipping-bucket gauge counts (mm) from `since` to `times` (s), their shape: whole tips only.

    `rain` has all blocks since a start that does not change, or the bucket begins empty where it does.
    """
    tips = [np.floor(rain_so_far_mm(at, rain) / tip_mm + 1e-9) for at in (times, since)]
    return (tips[0] - tips[1]) * tip_mm


def wind_m_s(times: FloatArray, course: np.random.Generator, mean_m_s: float, gust_s: float = 600.0) -> FloatArray:
    """Return the wind's speed (m/s), shape of `times` (s): two normal components, so a Rayleigh speed.

    The mean of a Rayleigh distribution is sigma sqrt(pi / 2). Source: Weibull with shape 2, e.g. Burton et al., Wind
    Energy Handbook. The components hold for `gust_s`.
    """
    std = mean_m_s / np.sqrt(np.pi / 2)
    east, north = (relaxation_noise(times, course, std, gust_s) for _ in range(2))
    return np.hypot(east, north)
