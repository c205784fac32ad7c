"""Drinking water on its way: how old it is when it arrives, the chlorine left in it, turbidity, and a leak's noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import DAY_S, FloatArray
from simulators.physics.first_order import first_order, superpose

_HALVINGS = 40


def water_age_s(local_s: FloatArray, mean_age_s: float) -> FloatArray:
    """Return the time (s) that water has been under way, shape of `local_s` (s of the civil day).

    Plug flow through a fixed volume under the day's demand (`hydraulics.demand_factor`): the demand between leaving and
    arriving, integrated, is the volume, so mean_age at mean demand. Night's water is older in the morning.
    """
    low, high = np.full(local_s.shape, mean_age_s / 1.4), np.full(local_s.shape, mean_age_s / 0.4)
    arrived = _demanded_s(local_s)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        younger = arrived - _demanded_s(local_s - middle) < mean_age_s
        low, high = np.where(younger, middle, low), np.where(younger, high, middle)
    return np.asarray((low + high) / 2, np.float64)


def chlorine_mg_l(
    age_s: FloatArray, dosed_mg_l: float, decay_per_day: float, water_cel: ArrayLike = 15.0
) -> FloatArray:
    """Return the residual chlorine (mg/L), shape of `age_s`: first-order decay, faster by 8 % for each kelvin.

    C = C0 exp(-k t), k at 15 Cel. Source: bulk decay as in the EPANET 2.2 manual, section 3.4, with an Arrhenius factor
    of common size.
    """
    rate = decay_per_day * 1.08 ** (np.asarray(water_cel, np.float64) - 15.0)
    return np.asarray(dosed_mg_l * np.exp(-rate * age_s / DAY_S), np.float64)


def turbidity_ntu(
    times: FloatArray, base_ntu: float, stirred: Sequence[tuple[float, float, float]], settling_s: float = 5_400.0
) -> FloatArray:
    """Return the turbidity ([NTU]), shape of `times` (s): what is stirred up (start s, end s, [NTU]) settles again.

    A fast rise and fall would be two lags; one first-order lag is our own simplification.
    """
    starts, sizes = superpose(stirred)
    return base_ntu + first_order(times, starts, sizes, [settling_s] * len(starts))


def leak_noise_db(
    background_db: FloatArray, leak_l_s: ArrayLike, distance_m: ArrayLike, pressure_mpa: ArrayLike = 0.3,
    loss_db_m: float = 0.15,
) -> FloatArray:  # fmt: skip
    """Return what a logger on the pipe hears (dB), broadcast shape: the background and the leak, by their energies.

    The leak's level is 55 dB for 0.3 L/s at 0.3 MPa, grows with its jet's power (flow times pressure) and falls along
    the pipe, 0.05 to 0.3 dB/m in metal and about 1 in plastic. Source of the linear fall: Hunaidi and Chu, Applied
    Acoustics 58 (1999), 235; the level is our own.
    """
    power = np.asarray(leak_l_s, np.float64) / 0.3 * np.asarray(pressure_mpa, np.float64) / 0.3
    reaching = power * 10 ** ((55.0 - loss_db_m * np.asarray(distance_m, np.float64)) / 10)
    return np.asarray(10 * np.log10(10 ** (background_db / 10) + reaching), np.float64)


def _demanded_s(local_s: FloatArray) -> FloatArray:
    """The integral of `hydraulics.demand_factor` from the night's minimum."""
    turn = 2 * np.pi / DAY_S
    since = local_s - 2.5 * 3_600.0
    return np.asarray(since - (0.35 * np.sin(turn * since) + 0.11 * np.sin(2 * turn * since)) / turn, np.float64)
