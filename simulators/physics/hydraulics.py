"""Water pressure and inflow of a district: the day's demand, head loss, and a main that bursts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose

HAZEN_WILLIAMS_EXPONENT = 1.852
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Node:
    """A point of the network: its pressure without flow, and what the mean demand takes off on the way to it."""

    static_mpa: float
    loss_mpa: float


@dataclass(frozen=True, slots=True)
class Inflow:
    """A district's inlet meter: the mean demand that passes it."""

    mean_l_s: float


def demand_factor(local_s: FloatArray) -> FloatArray:
    """Return demand over its mean, for seconds of the local civil day: low at 02:30, peaks near 10:00 and 19:00.

    Two harmonics with mean 1 over a day, minimum 0.43, maximum 1.29: a demand multiplier as EPANET takes it (2.2 user
    manual, time patterns); the shape is our own choice of a town that lives by a clock ahead of its sun.
    """
    hour = 2 * np.pi * local_s / DAY_S
    shape = 1.0 - 0.35 * np.cos(hour - 2 * np.pi * 2.5 / 24) - 0.22 * np.cos(2 * (hour - 2 * np.pi * 2.5 / 24))
    return np.asarray(shape, np.float64)


def pressure_mpa(node: Node, demand: FloatArray) -> FloatArray:
    """Return the gauge pressure (MPa) at a node for demand over mean demand, never below zero.

    p = static - loss * demand^1.852: Hazen-Williams friction, head loss proportional to flow^1.852 (EPANET 2.2 user
    manual, section 3.1), quasi-steady.
    """
    return np.maximum(node.static_mpa - node.loss_mpa * demand**HAZEN_WILLIAMS_EXPONENT, 0.0)


def burst_demand(
    times: FloatArray, bursts: Sequence[tuple[float, float, float]], settling_s: float = 120.0
) -> FloatArray:
    """Return the extra demand (over mean demand) of bursts (start s, end s, size): a first-order rise and fall.

    The settling stands for the network's storage and the crack's opening; the transient of the first seconds (water
    hammer) is left out, readings of 10 s do not show it.
    """
    starts, sizes = superpose(bursts)
    return first_order(times, starts, sizes, [settling_s] * len(starts))


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
