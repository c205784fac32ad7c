"""The air in a sewer's manhole: hydrogen sulfide off the waste water, and the oxygen that is used up in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose

AIR_OXYGEN_PERCENT = 20.9


@dataclass(frozen=True, slots=True)
class Headspace:
    """The air of a manhole, what renews it, and what the waste water gives off and takes up."""

    volume_m3: float
    ventilation_m3_h: float
    sulfide_mg_h: float  # at 20 Cel and mean flow
    oxygen_l_h: float = 5.0


def hydrogen_sulfide_mg_m3(
    times: FloatArray,
    space: Headspace,
    water_cel: ArrayLike,
    flow: ArrayLike,
    releases: Sequence[tuple[float, float, float]] = (),
) -> FloatArray:
    """Return the hydrogen sulfide (mg/m3), shape of `times` (s), for the water's temperature and flow over mean flow.

    The steady part is emission over ventilation, the emission by 7 % for each kelvin (Pomeroy and Parkhurst, Prog.
    Water Technol. 9, 1977) and more where the water stands longer, as 1 / flow; releases (start s, end s, mg/h), such
    as stirred sludge or a pump that starts, come on top as the well-mixed box.
    """
    warmer = 1.07 ** (np.asarray(water_cel, np.float64) - 20.0)
    steady = space.sulfide_mg_h * warmer / np.maximum(flow, 0.2) / space.ventilation_m3_h
    starts, sizes = superpose(releases)
    lag = 3_600.0 * space.volume_m3 / space.ventilation_m3_h
    return steady + first_order(times, starts, [size / space.ventilation_m3_h for size in sizes], [lag] * len(starts))


def oxygen_percent(
    times: FloatArray, space: Headspace, closed: Sequence[tuple[float, float, float]] = ()
) -> FloatArray:
    """Return the oxygen (%vol), shape of `times` (s); in `closed` (start s, end s, share of the ventilation left).

    The box again: V dC/dt = Q (20.9 % - C) - R, steady at 20.9 % - R / Q, never below nothing.
    """
    starts, lefts = superpose((start, end, 1.0 - left) for start, end, left in closed)
    through = np.array([space.ventilation_m3_h * max(1.0 - gone, 1e-3) for gone in lefts])
    used = space.oxygen_l_h / 10.0  # of 100 % of a cubic metre
    open_ = AIR_OXYGEN_PERCENT - used / space.ventilation_m3_h
    oxygen = first_order(times, starts, AIR_OXYGEN_PERCENT - used / through, 3_600.0 * space.volume_m3 / through, open_)
    return np.maximum(oxygen, 0.0)
