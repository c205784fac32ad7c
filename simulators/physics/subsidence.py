"""The ground above a goaf: the trough after Knothe with its tilt and strain, its course in time, and a collapse."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import DAY_S, YEAR_D, FloatArray

YEAR_S = YEAR_D * DAY_S


@dataclass(frozen=True, slots=True)
class Panel:
    """A worked-out panel: its edges (m east and north of some origin), its depth and what was taken out."""

    west_m: float
    east_m: float
    south_m: float
    north_m: float
    depth_m: float
    thickness_m: float
    subsidence_factor: float = 0.7  # of the thickness, for caved roofs
    tan_beta: float = 2.0  # of the main angle of influence
    shift_factor: float = 0.3  # of the depth's radius: horizontal displacement over tilt

    @property
    def radius_m(self) -> float:
        """The radius of main influence, r = H / tan beta."""
        return self.depth_m / self.tan_beta


class Trough(NamedTuple):
    """The trough at its end, arrays of the points' shape; down, eastward, northward and tension are positive."""

    subsidence_mm: FloatArray
    tilt_east_mm_m: FloatArray
    tilt_north_mm_m: FloatArray
    shift_east_mm: FloatArray
    shift_north_mm: FloatArray
    strain_east_mm_m: FloatArray
    strain_north_mm_m: FloatArray


@dataclass(frozen=True, slots=True)
class Collapse:
    """A pit that opens: its place (m), depth and radius, when, and how fast it falls (time constant)."""

    east_m: float
    north_m: float
    depth_mm: float
    radius_m: float
    start_s: float
    fall_s: float = 30.0


def final_trough(panel: Panel, east_m: ArrayLike, north_m: ArrayLike) -> Trough:
    """Return the final trough of a level rectangular panel at points east and north (m).

    Each element of the panel sinks the ground by the Gaussian exp(-pi d^2 / r^2) / r^2; integrated, W = a m I(x) I(y)
    with I(x) = (erf(sqrt(pi) (x - x1) / r) - erf(sqrt(pi) (x - x2) / r)) / 2. Tilt is dW/dx, the horizontal shift
    u = b r dW/dx, the strain du/dx. Over the edge of a wide panel the tilt is W0 / r, the greatest strain 1.52 b W0 /
    r, at 0.4 r from it. Source: Knothe 1957 and Budryk 1953; e.g. Whittaker and Reddish, Subsidence, Elsevier 1989.
    """
    radius, shift = panel.radius_m, panel.shift_factor * panel.radius_m
    full_mm = 1e3 * panel.subsidence_factor * panel.thickness_m
    along, slope_e, bend_e = _influence(np.asarray(east_m, np.float64), panel.west_m, panel.east_m, radius)
    across, slope_n, bend_n = _influence(np.asarray(north_m, np.float64), panel.south_m, panel.north_m, radius)
    tilt_e, tilt_n = full_mm * slope_e * across, full_mm * along * slope_n
    return Trough(
        full_mm * along * across,
        tilt_e,
        tilt_n,
        shift * tilt_e,
        shift * tilt_n,
        shift * full_mm * bend_e * across,
        shift * full_mm * along * bend_n,
    )


def knothe_share(times: FloatArray, start_s: float, per_year: float) -> FloatArray:
    """Return the share (0 to 1) of the final trough reached, shape of `times` (s): 1 - exp(-c (t - t0)).

    From dW/dt = c (W_final - W); c is 0.5 to 5 a year. Source: Knothe, Time influence on a formation of a subsidence
    surface, Arch. Gorn. Hutn. 1 (1953), 1.
    """
    elapsed = np.maximum(times - start_s, 0.0)
    return np.asarray(-np.expm1(-per_year * elapsed / YEAR_S), np.float64)


def collapse_mm(times: FloatArray, collapse: Collapse, east_m: float, north_m: float) -> FloatArray:
    """Return the fall (mm, down) of a point, shape of `times` (s): the same Gaussian, with a fast first-order fall.

    An old working breaks through to the day: depth * exp(-pi d^2 / r^2) * (1 - exp(-(t - t0) / fall)). The form is our
    own simplification; what counts for an alarm is that it comes without notice.
    """
    distance = math.hypot(east_m - collapse.east_m, north_m - collapse.north_m)
    depth = collapse.depth_mm * math.exp(-math.pi * (distance / collapse.radius_m) ** 2)
    return np.asarray(-depth * np.expm1(-np.maximum(times - collapse.start_s, 0.0) / collapse.fall_s), np.float64)


def inclination_deg(tilt_mm_m: FloatArray) -> FloatArray:
    """Return a tilt in mm/m as the angle (deg) that a tilt meter shows."""
    return np.degrees(np.arctan(tilt_mm_m / 1e3))


def _influence(x: FloatArray, begin: float, end: float, radius: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """I(x) of a strip from begin to end, and its first and second derivative (1/m, 1/m2)."""
    from_begin, from_end = (x - begin) / radius, (x - end) / radius
    share = (_erf(math.sqrt(math.pi) * from_begin) - _erf(math.sqrt(math.pi) * from_end)) / 2
    at_begin, at_end = np.exp(-np.pi * from_begin**2), np.exp(-np.pi * from_end**2)
    slope = (at_begin - at_end) / radius
    bend = -2 * np.pi * (from_begin * at_begin - from_end * at_end) / radius**2
    return share, slope, bend


def _erf(x: FloatArray) -> FloatArray:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x), np.float64)
