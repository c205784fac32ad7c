"""Street lamps: lit by the sun's height, dimmed after midnight."""

from dataclasses import dataclass

import numpy as np

from simulators.physics import DAY_S, FloatArray

LIT_BELOW_DEG = -2.0  # of the sun's centre: about 10 lx on the road


@dataclass(frozen=True, slots=True)
class Lamp:
    """A lamp post: where it stands, what it draws, and how it is dimmed at night."""

    longitude: float
    latitude: float
    power_w: float = 120.0
    standby_w: float = 2.0  # of its gateway
    dimmed: float = 0.6  # share of the power from midnight to five
    utc_offset_s: float = 8 * 3_600.0


def sun_height_deg(epoch_s: FloatArray, longitude: float, latitude: float) -> FloatArray:
    """Return the height (deg) of the sun's centre, shape of `epoch_s` (s since 1970, UTC), without refraction.

    Spencer, Fourier series representation of the position of the sun, Search 2 (1971), 172; leap days shift it by half
    a degree at most.
    """
    days = epoch_s / DAY_S
    angle = 2 * np.pi * ((days - 10_957.0) % 365.2425) / 365.2425  # from the 1st of January 2000
    one_s, one_c, two_s, two_c = np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)
    declination = (
        0.006918 - 0.399912 * one_c + 0.070257 * one_s - 0.006758 * two_c + 0.000907 * two_s
        - 0.002697 * np.cos(3 * angle) + 0.001480 * np.sin(3 * angle)
    )  # fmt: skip
    minutes = 229.18 * (0.000075 + 0.001868 * one_c - 0.032077 * one_s - 0.014615 * two_c - 0.040849 * two_s)
    hour_angle = 2 * np.pi * ((days % 1.0) - 0.5 + longitude / 360.0 + minutes / 1_440.0)
    north = np.radians(latitude)
    height = np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.degrees(np.arcsin(height)), np.float64)


def lamp_power_w(epoch_s: FloatArray, lamp: Lamp) -> FloatArray:
    """Return the power (W), shape of `epoch_s` (s since 1970, UTC)."""
    lit = sun_height_deg(epoch_s, lamp.longitude, lamp.latitude) < LIT_BELOW_DEG
    hour = (epoch_s + lamp.utc_offset_s) % DAY_S / 3_600.0
    return np.where(lit, lamp.power_w * np.where(hour < 5.0, lamp.dimmed, 1.0), 0.0) + lamp.standby_w
