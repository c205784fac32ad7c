"""Water that is drawn and pumped: the day's demand, and the current of a pump."""

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import DAY_S, FloatArray


def demand_factor(local_s: FloatArray) -> FloatArray:
    """Return demand over its mean, for seconds of the local civil day: low at 02:30, peaks near 10:00 and 19:00.

    Two harmonics with mean 1 over a day, minimum 0.43, maximum 1.29: a demand multiplier as EPANET takes it (2.2 user
    manual, time patterns); the shape is our own choice of a town that lives by a clock ahead of its sun.
    """
    hour = 2 * np.pi * local_s / DAY_S
    shape = 1.0 - 0.35 * np.cos(hour - 2 * np.pi * 2.5 / 24) - 0.22 * np.cos(2 * (hour - 2 * np.pi * 2.5 / 24))
    return np.asarray(shape, np.float64)


def pump_current_a(
    flow_l_s: FloatArray,
    head_m: ArrayLike,
    *,
    volts: float = 380.0,
    efficiency: float = 0.75,
    power_factor: float = 0.85,
) -> FloatArray:
    """Return the current (A) of a three-phase pump, shape of `flow_l_s`: rho g Q H / (efficiency sqrt(3) U cos phi)."""
    hydraulic_w = 9.81 * flow_l_s * np.asarray(head_m, np.float64)
    return np.asarray(hydraulic_w / (efficiency * np.sqrt(3.0) * volts * power_factor), np.float64)
