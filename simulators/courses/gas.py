"""Courses of the gas: heads in chambers, manholes and kitchens, pressure at the regulators, flow at the meters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulators.cities.chance import Chance, IntArray, distance
from simulators.cities.gas import LOW_KPA, MEDIUM_KPA
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.physics import DAY_S, YEAR_D, FloatArray
from simulators.physics.gas import Kitchen, kitchen_lel
from simulators.physics.gas_pipe import GasPipe, far_pressure_kpa, gas_demand_factor, leaking_pipe
from simulators.physics.gas_spread import Chamber, Duct, joined_lel
from simulators.physics.noise import relaxation_noise
from simulators.world import Course, Who, World

MAIN = GasPipe(1_500.0, 150.0)  # from a gate station to where regulators draw
SERVICE = GasPipe(60.0, 100.0)  # from a regulator to where its outlet pressure is measured
MAIN_M3_H = (60.0, 200.0)  # what a main carries and a meter counts at the mean of cooking
SERVICE_M3_H = (6.0, 14.0)
OUTLET_PER_INLET = 0.01  # of a fall of its inlet's pressure that a regulator lets through
FELT_WITHIN_M = 800.0  # a leak draws on the main of a regulator by exp(-distance / this)

HEATED_BELOW_CEL, HEATING_RANGE_K = 16.0, 30.0
HEATING_SHARE_MAX = 0.6
UNREST, UNREST_S = 0.02, 7_200.0  # of the demand, as a share, and how long it holds
_STEP_S = 60.0

# Three manholes down the sewer, the first beside the leak; the covers of the others fit tighter.
MANHOLES = (Chamber(4.0, 20.0), Chamber(4.0, 14.0), Chamber(4.0, 9.0))
SEWERS = (Duct(0, 1, 12.0), Duct(1, 2, 12.0))
GONE_AFTER_S = 86_400.0  # the slowest of them has changed its air fifty times: what is left adds nothing to a float64
KITCHEN = Kitchen(60.0, 30.0, 900.0)

LIMITS_LEL = (10.0, 20.0, 35.0, 50.0)  # of the rule combustible-gas
HEAD_WITHIN_S = 180.0  # two samples and the way
ALARM_WITHIN_S = 900.0  # it speaks again once the gas has changed by 5 %LEL


@dataclass(frozen=True, slots=True)
class GasLeak:
    """A hole in a pipe of medium pressure, of which a share enters the first of the manholes beside it.

    `pipe` is a link of the gas network and `manholes` are up to three nodes of the sewers, down the sewer, by their
    index; what enters none is lost in the ground.
    """

    pipe: int
    manholes: tuple[int, ...]
    start_s: float
    end_s: float
    hole_mm: float
    share: float


@dataclass(frozen=True, slots=True)
class KitchenLeak:
    """Gas that escapes in the kitchen of a commercial alarm, which is named by its index in the group."""

    alarm: int
    start_s: float
    end_s: float
    inflow_m3_h: float


def leak_m3_h(leak: GasLeak) -> float:
    """Return what leaks out, quasi-steady, while a main carries its mean demand."""
    return _hole_m3_h(leak.hole_mm)


@lru_cache(maxsize=256)
def _hole_m3_h(hole_mm: float) -> float:
    mean = np.asarray([sum(MAIN_M3_H) / 2])
    return float(leaking_pipe(MEDIUM_KPA, MAIN, mean, hole_mm)[1][0])


def demand_of(world: World) -> Callable[[FloatArray], FloatArray]:
    """Return the city's gas demand over the mean of its cooking, by the time (s): meals, and heating."""
    known = _demand(world)
    return lambda times: np.asarray(np.interp(times, *known), np.float64)


@lru_cache(maxsize=8)
def _demand(world: World) -> tuple[FloatArray, FloatArray]:
    first, last = np.floor(world.begin_s / _STEP_S) - 1.0, np.ceil(world.end_s / _STEP_S)
    times = np.arange(first, last + 61.0) * _STEP_S
    day = world.year_day + times / DAY_S
    usual_cel = world.climate.mean_cel - world.climate.yearly_k * np.cos(2 * np.pi * (day - 15.0) / YEAR_D)
    heating = np.clip((HEATED_BELOW_CEL - usual_cel) / HEATING_RANGE_K, 0.0, HEATING_SHARE_MAX)
    # The factor with a share that heats has the mean 1, of which cooking is the rest.
    factor = (gas_demand_factor(world.local_s + times) * (1.0 - heating) + heating) / (1.0 - heating)
    return times, factor * (1.0 + relaxation_noise(times, world.chance("gas demand"), UNREST, UNREST_S))


def _clean_air(world: World, group: SensorGroup) -> Course:
    """What heads read without gas: a little of their own, which follows the day."""
    chance = world.chance(group.thing, "clean air")
    own, swing, phase = (chance.uniform(low, high, len(group)) for low, high in ((0.4, 1.5), (0.05, 0.3), (0.0, 6.28)))

    def course(times: FloatArray, who: Who) -> FloatArray:
        return np.asarray(own[who] + swing[who] * np.cos(2 * np.pi * times / DAY_S + phase[who]), np.float64)

    return course


def _manholes(world: World, group: SensorGroup) -> Course:
    clean = _clean_air(world, group)
    leaks = [(leak, _reached(group, leak)) for leak in world.of(GasLeak)]

    def course(times: FloatArray, who: Who) -> FloatArray:
        lel = clean(times, who)
        for leak, reached in leaks:
            smelt = (leak.start_s <= times) & (times < leak.end_s + GONE_AFTER_S)
            if not smelt.any():
                continue
            entering = [(0, leak.start_s, leak.end_s, leak.share * leak_m3_h(leak))]
            for sensor, chamber in reached:
                mine = smelt & (who == sensor)
                lel[mine] += joined_lel(times[mine], MANHOLES, SEWERS, entering)[chamber]
        return np.minimum(lel, 100.0)

    return course


def _reached(group: SensorGroup, leak: GasLeak) -> list[tuple[int, int]]:
    """The heads that a leak reaches: the place in the group, and which of the three manholes it is."""
    return [
        (int(sensor), chamber)
        for chamber, manhole in enumerate(leak.manholes[: len(MANHOLES)])
        for sensor in np.flatnonzero(group.place == manhole)
    ]


def _kitchens(world: World, group: SensorGroup) -> Course:
    leaks: dict[int, list[tuple[float, float, float]]] = {}
    for leak in world.of(KitchenLeak):
        leaks.setdefault(leak.alarm, []).append((leak.start_s, leak.end_s, leak.inflow_m3_h))

    def course(times: FloatArray, who: Who) -> FloatArray:
        lel = np.zeros(len(times))
        for alarm, escaping in leaks.items():
            mine = who == alarm
            if mine.any():
                lel[mine] = kitchen_lel(times[mine], KITCHEN, escaping, -world.local_s)
        return np.minimum(lel, 100.0)

    return course


def _inlet(world: World, group: SensorGroup) -> Course:
    mean = _means(world, "main", MAIN_M3_H)[_regulators(world, group)]
    demand = demand_of(world)
    felt = [(leak, leak_m3_h(leak) * _felt(world, group, leak)) for leak in world.of(GasLeak)]

    def course(times: FloatArray, who: Who) -> FloatArray:
        drawn = mean[who] * demand(times)
        for leak, extra in felt:
            now = _leaking(leak, times)
            drawn[now] += extra[who[now]]
        return far_pressure_kpa(MEDIUM_KPA, MAIN, drawn)

    return course


def _outlet(world: World, group: SensorGroup) -> Course:
    mean = _means(world, "service", SERVICE_M3_H)[_regulators(world, group)]
    demand = demand_of(world)
    inlet = _inlet(world, group)  # of the same regulators

    def course(times: FloatArray, who: Who) -> FloatArray:
        behind = far_pressure_kpa(LOW_KPA, SERVICE, mean[who] * demand(times))
        return np.asarray(behind - OUTLET_PER_INLET * (MEDIUM_KPA - inlet(times, who)), np.float64)

    return course


def _flow(world: World, group: SensorGroup) -> Course:
    gas = world.city.gas
    means = _means(world, "main", MAIN_M3_H)
    at_gate = np.asarray([gas.pipes.node_kinds[node] == "gate-station" for node in group.place.tolist()])
    gates = gas.pipes.node_kinds.count("gate-station")
    mean = np.where(at_gate, means.sum() / gates, means[_regulators(world, group)])
    demand = demand_of(world)
    leaks = [(leak, leak_m3_h(leak) / gates) for leak in world.of(GasLeak)]

    def course(times: FloatArray, who: Who) -> FloatArray:
        flow = mean[who] * demand(times)
        for leak, extra in leaks:
            flow[_leaking(leak, times) & at_gate[who]] += extra
        return np.asarray(flow, np.float64)

    return course


def _means(world: World, pipe: str, between: tuple[float, float]) -> FloatArray:
    """The mean draw of each regulator in m3/h, the same whatever the world's seed."""
    chance = Chance(world.city.seed, world.city.plan.name, "gas drawn", pipe)
    return chance.uniform(len(world.city.gas.regulators), *between)


def _regulators(world: World, group: SensorGroup) -> IntArray:
    """Which regulator each sensor stands at; the first where it stands at none."""
    number = {node: k for k, node in enumerate(world.city.gas.regulators.tolist())}
    return np.asarray([number.get(node, 0) for node in group.place.tolist()], np.int64)


def _felt(world: World, group: SensorGroup, leak: GasLeak) -> FloatArray:
    """The share of a leak that the main of each regulator carries, shape (group,)."""
    east, north = world.city.gas.pipes.middles()
    away = distance(group.east - east[leak.pipe], group.north - north[leak.pipe])
    return np.asarray(np.exp(-away / FELT_WITHIN_M), np.float64)


def _leaking(leak: GasLeak, times: FloatArray) -> NDArray[np.bool_]:
    return (leak.start_s <= times) & (times < leak.end_s)


def _heads_ladder(_world: World, group: SensorGroup) -> Ladder:
    return same_for_all("gas", len(group), LIMITS_LEL, HEAD_WITHIN_S)


def _alarms_ladder(_world: World, group: SensorGroup) -> Ladder:
    """The device's own set-points, yellow and red, where it says that they count; else those of any head."""
    if group.columns.get("alarm_levels") != "device":
        return same_for_all("gas", len(group), LIMITS_LEL, ALARM_WITHIN_S)
    limits = np.full((len(group), 4), np.nan)
    for severity, column in ((1, "low_alarm"), (3, "high_alarm")):
        limits[:, severity] = np.asarray(group.columns[column], np.float64)
    return Ladder("gas", limits, ALARM_WITHIN_S)


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    "gas-chamber": _clean_air,
    "gas-manhole": _manholes,
    "gas-alarm": _kitchens,
    "gas-inlet": _inlet,
    "gas-outlet": _outlet,
    "gas-flow": _flow,
}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {
    "gas-chamber": _heads_ladder,
    "gas-manhole": _heads_ladder,
    "gas-alarm": _alarms_ladder,
}
