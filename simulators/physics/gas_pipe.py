"""The pressure at the far end of a gas pipe, quasi-steady, with what is drawn there and what leaks out of a hole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray
from simulators.physics.gas import ATMOSPHERE_PA, METHANE_DENSITY_KG_M3, hole_flows_m3_h

METHANE_VISCOSITY_PA_S = 1.1e-5
_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class GasPipe:
    """A pipe from its regulator to the point that is looked at."""

    length_m: float
    bore_mm: float
    roughness_mm: float = 0.2  # old steel


def gas_demand_factor(local_s: FloatArray, heating: float = 0.0) -> FloatArray:
    """Return the gas demand over its mean, for seconds of the local civil day: three meals, and a share that heats.

    Each meal is a von Mises bump, exp(k cos) / I0(k), whose mean over the day is one, so that shares add up to one. The
    hours are our own choice of a town that lives by a clock ahead of its sun.
    """
    cooking = np.full(local_s.shape, 0.25)
    for hour, share, narrow in ((8.0, 0.2, 14.0), (12.8, 0.25, 14.0), (19.3, 0.3, 8.0)):
        cooking += share * np.exp(narrow * np.cos(2 * np.pi * (local_s / 3_600.0 - hour) / 24.0)) / np.i0(narrow)
    return np.asarray((1.0 - heating) * cooking + heating, np.float64)


def friction_factor(reynolds: FloatArray, relative_roughness: float) -> FloatArray:
    """Return the Darcy friction factor: 64 / Re below 2,300, above it the explicit formula of Haaland.

    1 / sqrt(f) = -1.8 log10((e / 3.7)^1.11 + 6.9 / Re). Source: Haaland, J. Fluids Eng. 105 (1983), 89.
    """
    safe = np.maximum(reynolds, 1e-9)
    turbulent = (-1.8 * np.log10((relative_roughness / 3.7) ** 1.11 + 6.9 / safe)) ** -2.0
    return np.where(reynolds < 2_300.0, 64.0 / safe, turbulent)


def fall_of_squares_pa2(pipe: GasPipe, flow_m3_h: FloatArray) -> FloatArray:
    """Return p1^2 - p2^2 (Pa2, absolute) along the pipe for a flow (m3/h at 15 Cel, one atmosphere), its shape.

    Isothermal flow of an ideal gas without its acceleration: p1^2 - p2^2 = f (L / d) (m / A)^2 p0 / rho0. Source: e.g.
    Crane Technical Paper 410; the form that town-gas design codes use for medium pressure.
    """
    bore = pipe.bore_mm / 1e3
    mass = METHANE_DENSITY_KG_M3 * np.maximum(flow_m3_h, 0.0) / 3600.0
    flux = mass / (np.pi * bore**2 / 4)
    factor = friction_factor(flux * bore / METHANE_VISCOSITY_PA_S, pipe.roughness_mm / pipe.bore_mm)
    return factor * pipe.length_m / bore * flux**2 * ATMOSPHERE_PA / METHANE_DENSITY_KG_M3


def far_pressure_kpa(inlet_kpa: ArrayLike, pipe: GasPipe, flow_m3_h: FloatArray) -> FloatArray:
    """Return the gauge pressure (kPa) at the far end, shape of `flow_m3_h`; 0 where the pipe cannot carry the flow."""
    inlet = ATMOSPHERE_PA + 1e3 * np.asarray(inlet_kpa, np.float64)
    square = inlet**2 - fall_of_squares_pa2(pipe, flow_m3_h)
    return (np.sqrt(np.maximum(square, ATMOSPHERE_PA**2)) - ATMOSPHERE_PA) / 1e3


def leaking_pipe(
    inlet_kpa: ArrayLike, pipe: GasPipe, demand_m3_h: FloatArray, hole_mm: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return (gauge pressure kPa, leak m3/h) at the far end, where the demand is drawn and a hole leaks.

    Shapes are those of `demand_m3_h`; `hole_mm` may change with time. The pressure drives the leak and the leak's own
    flow lowers the pressure: the one pressure that fits both is found by halving, as the fall grows with it.
    """
    inlet = np.asarray(inlet_kpa, np.float64)
    low = np.zeros(demand_m3_h.shape)
    high = np.broadcast_to(inlet, demand_m3_h.shape).copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = far_pressure_kpa(inlet, pipe, demand_m3_h + hole_flows_m3_h(hole_mm, middle)) >= middle
        low, high = np.where(reached, middle, low), np.where(reached, high, middle)
    return low, hole_flows_m3_h(hole_mm, low)
