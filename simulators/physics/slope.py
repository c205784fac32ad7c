"""What rain adds to a slope's steady creep: steps that come to rest by themselves."""

from dataclasses import dataclass

import numpy as np

from simulators.physics import DAY_S, FloatArray
from simulators.physics.drainage import Rain, rain_so_far_mm
from simulators.physics.first_order import first_order, superpose


@dataclass(frozen=True, slots=True)
class WetSlope:
    """How a slope's ground water answers to rain, and its creep to the ground water."""

    rise_m_mm: float  # rise of the ground water for a millimetre of rain: infiltrated share over pore space
    recession_s: float
    mobility_mm_d_m: float  # added velocity for a metre of risen ground water


def risen_water_m(times: FloatArray, slope: WetSlope, rain: Rain) -> FloatArray:
    """Return the ground water (m) above its rest, shape of `times` (s): dh/dt = rise * i - h / recession.

    The leaky barrel: Wilson and Wieczorek, Env. Eng. Geoscience 1 (1995), 11.
    """
    starts, intensities = superpose(rain)
    targets = [slope.rise_m_mm * mm_h / 3_600.0 * slope.recession_s for mm_h in intensities]
    return first_order(times, starts, targets, [slope.recession_s] * len(starts))


def rain_rate_mm_d(times: FloatArray, slope: WetSlope, rain: Rain) -> FloatArray:
    """Return the velocity (mm/d) that rain adds, shape of `times` (s).

    v = mobility * h: a slide on a viscous shear zone, whose velocity grows with the water above its rest. Source:
    Corominas et al., Eng. Geology 80 (2005), 200, at Vallcebre; here linear from the first millimetre.
    """
    return slope.mobility_mm_d_m * risen_water_m(times, slope, rain)


def rain_steps_mm(times: FloatArray, slope: WetSlope, rain: Rain) -> FloatArray:
    """Return the displacement (mm) that rain has added since it began: the integral of `rain_rate_mm_d`.

    What has run in and is not there any more has run off through h / recession: the integral of h is recession *
    (inflow so far - h). A rain of P mm ends as a step of mobility * rise * P * recession.
    """
    inflow = slope.rise_m_mm * rain_so_far_mm(times, rain)
    return slope.mobility_mm_d_m * slope.recession_s / DAY_S * (inflow - risen_water_m(times, slope, rain))


def crack_mm(displacement_mm: FloatArray, share: float = 0.2) -> FloatArray:
    """Return how far a crack across the slope has opened (mm), shape of `displacement_mm`: a share of the movement."""
    return share * displacement_mm


def slope_tilt_deg(displacement_mm: FloatArray, depth_m: float = 8.0) -> FloatArray:
    """Return the tilt (deg) of a mark that moves with the surface over a shear zone at that depth, as a rigid block."""
    return np.degrees(np.arctan(displacement_mm / 1e3 / depth_m))
