"""A district heat network: supply by the outdoor curve, radiators, rooms, and make-up water."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose

RADIATOR_EXPONENT = 1.3  # heat output over excess temperature, EN 442
_HALVINGS = 45


@dataclass(frozen=True, slots=True)
class Heating:
    """What the radiators were made for: temperatures (Cel) on the design day, at the design flow."""

    supply_cel: float = 75.0
    return_cel: float = 50.0
    room_cel: float = 18.0
    outdoor_cel: float = -15.0

    @property
    def excess_k(self) -> float:
        """The radiators' mean temperature above the room's on the design day."""
        return (self.supply_cel + self.return_cel) / 2 - self.room_cel


@dataclass(frozen=True, slots=True)
class MakeUp:
    """The pressure holding of a network: what it holds, what seeps out always, what the pump can make up at most."""

    set_mpa: float
    seepage_m3_h: float
    pump_m3_h: float
    settling_s: float = 180.0  # of the expansion vessel's pressure


def supply_cel(outdoor: FloatArray, heating: Heating) -> FloatArray:
    """Return the supply (Cel) that holds the rooms at an outdoor temperature (Cel), its shape; the curve of the plant.

    With the load q = (ti - to) / (ti - to,design) and constant flow: t = ti + excess * q^(1/1.3) + spread / 2 * q; ti
    where it is warm outdoors. Source: the radiator law of EN 442 in the heat balance, regulation by temperature alone.
    """
    load = _load(outdoor, heating)
    spread = heating.supply_cel - heating.return_cel
    return heating.room_cel + heating.excess_k * load ** (1 / RADIATOR_EXPONENT) + spread / 2 * load


def return_cel(
    supply: FloatArray, heating: Heating, flow: ArrayLike = 1.0, room: ArrayLike | None = None
) -> FloatArray:
    """Return the return temperature (Cel), broadcast shape, for a supply (Cel), flow over design flow, and room (Cel).

    What the water gives, flow * (ts - tr) / spread, is what the radiators give, (((ts + tr) / 2 - ti) / excess)^1.3,
    both as shares of the design load: the one tr between room and supply that fits both is found by halving. At so
    small a flow that none fits, the water comes back as warm as the room.
    """
    inside = np.asarray(heating.room_cel if room is None else room, np.float64)
    share = np.asarray(flow, np.float64)
    spread = heating.supply_cel - heating.return_cel

    def too_high(guess: FloatArray) -> FloatArray:
        given = share * (supply - guess) / spread
        return np.maximum((supply + guess) / 2 - inside, 0.0) / heating.excess_k - given ** (1 / RADIATOR_EXPONENT)

    low, high = np.minimum(inside, supply), np.broadcast_arrays(supply, inside, share)[0]
    return _halved(too_high, low, high)


def balanced_room_cel(supply: FloatArray, outdoor: FloatArray, heating: Heating, flow: ArrayLike = 1.0) -> FloatArray:
    """Return the room (Cel) that a supply (Cel) holds in the end at an outdoor temperature (Cel), broadcast shape.

    Radiators, water and walls in balance: the walls lose (ti - to) / (ti - to)design of the design load.
    """
    share = np.asarray(flow, np.float64)
    spread = heating.supply_cel - heating.return_cel

    def too_high(guess: FloatArray) -> FloatArray:
        lost = np.maximum((guess - outdoor) / (heating.room_cel - heating.outdoor_cel), 0.0)
        mean = supply - spread * lost / share / 2
        return lost ** (1 / RADIATOR_EXPONENT) - np.maximum(mean - guess, 0.0) / heating.excess_k

    low, high, _ = np.broadcast_arrays(np.minimum(outdoor, supply), np.maximum(outdoor, supply), share)
    return _halved(too_high, low, high)


def room_cel(
    times: FloatArray, starts: Sequence[float] | FloatArray, balanced: ArrayLike, time_constant_s: ArrayLike,
    initial: ArrayLike = 18.0,
) -> FloatArray:  # fmt: skip
    """Return the room (Cel), shape (..., n), that follows `balanced_room_cel`, given in pieces (..., p), first-order.

    The building's heat capacity over its losses: 30 to 150 h. Source: the one-node (RC) building, ISO 52016 simplified.
    """
    return first_order(times, starts, balanced, time_constant_s, initial)


def pressure_and_make_up(
    times: FloatArray, network: MakeUp, breaks: Sequence[tuple[float, float, float]]
) -> tuple[FloatArray, FloatArray]:
    """Return (pressure MPa, make-up m3/h), shape of `times` (s), for breaks (start s, end s, m3/h at the set pressure).

    What leaks grows with the root of the pressure. While the pump can make it up the pressure stands; beyond, it falls
    to set * (pump / leak)^2, first-order. The make-up is the leak and what refills the vessel, at most the pump's.
    """
    starts, leaks = superpose(breaks)
    wanted = [network.seepage_m3_h + leak for leak in leaks]
    targets = [network.set_mpa * min(1.0, (network.pump_m3_h / leak) ** 2) for leak in wanted]
    pressure = first_order(times, starts, targets, [network.settling_s] * len(starts), network.set_mpa)
    piece = np.searchsorted(np.asarray(starts, np.float64), times, side="right")
    leak = np.asarray([network.seepage_m3_h, *wanted])[piece] * np.sqrt(pressure / network.set_mpa)
    # The controller opens fully where the pressure is 2 % low.
    refill = (network.set_mpa - pressure) / (0.02 * network.set_mpa) * network.pump_m3_h
    return pressure, np.minimum(leak + refill, network.pump_m3_h)


def _load(outdoor: FloatArray, heating: Heating) -> FloatArray:
    return np.maximum((heating.room_cel - outdoor) / (heating.room_cel - heating.outdoor_cel), 0.0)


def _halved(too_high: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """The zero of a growing function between two bounds."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = too_high(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2
