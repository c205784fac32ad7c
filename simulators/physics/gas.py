"""Gas that leaks from a pipe into a ventilated chamber: outflow through a hole, and the well-mixed box it fills."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose

METHANE_LEL_FRACTION = 0.05  # volume fraction in air that is 100 %LEL
METHANE_GAMMA = 1.31  # ratio of specific heats near 15 Cel
METHANE_DENSITY_KG_M3 = 0.68  # at 15 Cel and one atmosphere
ATMOSPHERE_PA = 101_325.0


@dataclass(frozen=True, slots=True)
class Chamber:
    """A valve chamber or manhole: its air volume and the fresh air that its openings let through."""

    volume_m3: float
    ventilation_m3_h: float


def methane_lel(times: FloatArray, chamber: Chamber, leaks: Sequence[tuple[float, float, float]]) -> FloatArray:
    """Return the methane in the chamber in %LEL, shape of `times` (s), for leaks (start s, end s, inflow m3/h).

    Well-mixed box: V dC/dt = q - (Q + q) C with chamber volume V, ventilation Q, inflow q and volume fraction C, so
    that C tends to q / (Q + q) with the time constant V / (Q + q). Source: the single-zone mass balance of indoor air,
    e.g. ASHRAE Handbook of Fundamentals, chapter Ventilation and Infiltration; ideal mixing, constant temperature.
    """
    starts, inflows = superpose(leaks)
    through = [chamber.ventilation_m3_h + q for q in inflows]
    targets = [100.0 * q / flow / METHANE_LEL_FRACTION for q, flow in zip(inflows, through, strict=True)]
    constants = [3600.0 * chamber.volume_m3 / flow for flow in through]
    return first_order(times, starts, targets, constants)


def inflow_for(chamber: Chamber, lel: float) -> float:
    """Return the inflow (m3/h) that holds the chamber at `lel` (%LEL) in the end: q = Q c / (1 - c)."""
    fraction = lel / 100.0 * METHANE_LEL_FRACTION
    return chamber.ventilation_m3_h * fraction / (1.0 - fraction)


def hole_flow_m3_h(hole_mm: float, gauge_kpa: float, discharge: float = 0.62) -> float:
    """Return the methane (m3/h at 15 Cel, one atmosphere) through a round hole of a pipe at `gauge_kpa`.

    Isentropic outflow, choked above the critical pressure ratio ((g + 1) / 2)^(g / (g - 1)). Source: TNO Yellow Book
    (CPR 14E, 3rd edition), outflow of gases through holes. Soil around the pipe lets only a part of it arrive.
    """
    ratio = (ATMOSPHERE_PA + gauge_kpa * 1e3) / ATMOSPHERE_PA
    if ratio <= 1.0:
        return 0.0
    g = METHANE_GAMMA
    pressure = ratio * ATMOSPHERE_PA
    density = METHANE_DENSITY_KG_M3 * ratio
    if ratio >= ((g + 1) / 2) ** (g / (g - 1)):
        flux = math.sqrt(g * pressure * density * (2 / (g + 1)) ** ((g + 1) / (g - 1)))
    else:
        expansion = ratio ** (-2 / g) - ratio ** (-(g + 1) / g)
        flux = math.sqrt(2 * g / (g - 1) * pressure * density * expansion)
    area = math.pi * (hole_mm / 2e3) ** 2
    return 3600.0 * discharge * area * flux / METHANE_DENSITY_KG_M3
