"""Gas that leaks out of a pipe: its outflow through a hole, and a kitchen that it fills."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose

METHANE_LEL_FRACTION = 0.05  # volume fraction in air that is 100 %LEL
METHANE_GAMMA = 1.31  # ratio of specific heats near 15 Cel
METHANE_DENSITY_KG_M3 = 0.68  # at 15 Cel and one atmosphere
ATMOSPHERE_PA = 101_325.0


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A restaurant's kitchen: its air volume, and the fresh air with the hood off and with it on."""

    volume_m3: float
    closed_m3_h: float
    hood_m3_h: float
    hood_hours: tuple[tuple[float, float], ...] = ((9.5, 14.0), (16.5, 21.5))  # local hours of the day


def kitchen_lel(
    times: FloatArray, kitchen: Kitchen, leaks: Sequence[tuple[float, float, float]], midnight_s: float = 0.0
) -> FloatArray:
    """Return the methane in a kitchen in %LEL, shape of `times` (s), for leaks (start s, end s, inflow m3/h).

    Well-mixed box: V dC/dt = q - (Q + q) C with volume V, ventilation Q, inflow q and volume fraction C, so that C
    tends to q / (Q + q) with the time constant V / (Q + q). Source: the single-zone mass balance of indoor air, e.g.
    ASHRAE Handbook of Fundamentals, chapter Ventilation and Infiltration; ideal mixing, constant temperature. Q changes
    when the hood is switched; `midnight_s` is some local midnight on the clock of `times`.
    """
    if not leaks:
        return np.zeros(times.shape)
    first, last = min(start for start, _, _ in leaks), max(end for _, end, _ in leaks)
    days = range(int((first - midnight_s) // 86_400), int((max(last, times.max()) - midnight_s) // 86_400) + 1)
    switches = [
        midnight_s + 86_400.0 * day + 3_600.0 * h for day in days for hours in kitchen.hood_hours for h in hours
    ]
    # An inflow of nothing between two switches makes them edges of pieces.
    starts, inflows = superpose([*leaks, *((s, s, 0.0) for s in switches)])
    hours = ((np.asarray(starts) - midnight_s) / 3_600.0 + 1e-9) % 24.0
    on = np.any([(begin <= hours) & (hours < end) for begin, end in kitchen.hood_hours], axis=0)
    ventilation = np.where(on, kitchen.hood_m3_h, kitchen.closed_m3_h)
    inflow = np.asarray(inflows, np.float64)
    through = ventilation + inflow
    return first_order(
        times, starts, 100.0 * inflow / through / METHANE_LEL_FRACTION, 3600.0 * kitchen.volume_m3 / through
    )


def hole_flows_m3_h(hole_mm: ArrayLike, gauge_kpa: FloatArray, discharge: float = 0.62) -> FloatArray:
    """Return the methane (m3/h at 15 Cel, one atmosphere) through round holes of pipes at `gauge_kpa`, its shape.

    Isentropic outflow, choked above the critical pressure ratio ((g + 1) / 2)^(g / (g - 1)); nothing below the
    atmosphere's pressure. Source: TNO Yellow Book (CPR 14E, 3rd edition), outflow of gases through holes. Soil around
    the pipe lets only a part of it arrive.
    """
    g = METHANE_GAMMA
    ratio = np.maximum(1.0 + gauge_kpa * 1e3 / ATMOSPHERE_PA, 1.0)
    choked = math.sqrt((2 / (g + 1)) ** ((g + 1) / (g - 1)))
    throttled = np.sqrt(2 / (g - 1) * (ratio ** (-2 / g) - ratio ** (-(g + 1) / g)))
    critical = ((g + 1) / 2) ** (g / (g - 1))
    # The density grows with the pressure: sqrt(g p rho) is sqrt(g p0 rho0) times the ratio.
    flux = math.sqrt(g * ATMOSPHERE_PA * METHANE_DENSITY_KG_M3) * ratio * np.where(ratio >= critical, choked, throttled)
    area = np.pi * (np.asarray(hole_mm, np.float64) / 2e3) ** 2
    return np.asarray(3600.0 * discharge * area * flux / METHANE_DENSITY_KG_M3, np.float64)
