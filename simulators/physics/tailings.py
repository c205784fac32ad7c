"""A tailings dam: the pond after rain, the water that soaks through the dam, and the phreatic line in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray
from simulators.physics.drainage import Rain
from simulators.physics.first_order import cascade, first_order, superpose


@dataclass(frozen=True, slots=True)
class Dam:
    """A dam with its pond: levels are metres above the dam's impervious base, distances metres from the drain."""

    pond_m: float  # the pond in dry weather
    drain_m: float
    length_m: float  # from the drain to the pond's edge in dry weather
    beach_slope: float  # rise over run of the beach, which the pond floods as it rises
    conductivity_m_s: float
    width_m: float  # along the crest, for the seepage of the whole dam
    rise_m_mm: float  # rise of the pond for a millimetre of rain: catchment times runoff over the pond's area
    decant_s: float  # time constant of the decanting
    soak_s: float  # time constant with which the dam's body follows the pond and the rain
    infiltration: float  # share of the rain that reaches the phreatic line


def pond_rise_m(times: FloatArray, dam: Dam, rain: Rain) -> FloatArray:
    """Return the pond (m) above its dry-weather level, shape of `times` (s): a linear reservoir under rain."""
    starts, targets = _pond_targets(dam, rain)
    return first_order(times, starts, targets, [dam.decant_s] * len(starts))


def soaked_head_m(times: FloatArray, dam: Dam, rain: Rain) -> FloatArray:
    """Return the head (m above base) that the dam's body feels at the pond's edge, shape of `times` (s).

    The pond's reservoir and a first-order lag of the soil behind it: the phreatic line follows the pond by days.
    """
    return dam.pond_m + cascade(times, *_pond_targets(dam, rain), dam.decant_s, dam.soak_s)


def recharge_m_s(times: FloatArray, dam: Dam, rain: Rain) -> FloatArray:
    """Return the rain (m/s) that arrives at the phreatic line, shape of `times` (s), late by the soil's lag."""
    starts, intensities = superpose(rain)
    targets = [dam.infiltration * mm_h / 3.6e6 for mm_h in intensities]
    return first_order(times, starts, targets, [dam.soak_s] * len(starts))


def phreatic_level_m(dam: Dam, distance_m: ArrayLike, head_m: FloatArray, recharge: ArrayLike = 0.0) -> FloatArray:
    """Return the phreatic line (m above base) `distance_m` upstream of the drain, broadcast with `head_m`.

    Dupuit with recharge w (m/s): h^2 = hd^2 + (hp^2 - hd^2) s / L + (w / k) (L - s) s, where the pond's edge comes
    nearer, L = length - rise / slope, as the pond rises. Quasi-steady. Source: Dupuit 1863; e.g. Bear, Dynamics of
    Fluids in Porous Media, 1972, section 8.2.
    """
    length = _seepage_length_m(dam, head_m)
    place = np.minimum(np.asarray(distance_m, np.float64), length)
    square = dam.drain_m**2 + (head_m**2 - dam.drain_m**2) * place / length
    square = square + np.asarray(recharge, np.float64) / dam.conductivity_m_s * (length - place) * place
    return np.asarray(np.sqrt(square), np.float64)


def seepage_l_s(dam: Dam, head_m: FloatArray, recharge: ArrayLike = 0.0) -> FloatArray:
    """Return what the drain brings to the day (L/s), shape of `head_m`.

    q = k (hp^2 - hd^2) / (2 L) + w L / 2 for a metre of dam: the Dupuit discharge and half of the recharge.
    """
    length = _seepage_length_m(dam, head_m)
    through = dam.conductivity_m_s * (head_m**2 - dam.drain_m**2) / (2 * length)
    return 1e3 * dam.width_m * (through + np.asarray(recharge, np.float64) * length / 2)


def _pond_targets(dam: Dam, rain: Rain) -> tuple[list[float], list[float]]:
    starts, intensities = superpose(rain)
    return starts, [dam.rise_m_mm * mm_h / 3_600.0 * dam.decant_s for mm_h in intensities]


def _seepage_length_m(dam: Dam, head_m: FloatArray) -> FloatArray:
    """At least a tenth of the dry length: a pond at the crest is not what this is for."""
    return np.maximum(dam.length_m - (head_m - dam.pond_m) / dam.beach_slope, 0.1 * dam.length_m)
