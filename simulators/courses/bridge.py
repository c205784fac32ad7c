"""Bridges: strain, deflection and swing under vehicles and warmth, and a pier that settles."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from simulators.cities.chance import IntArray
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.physics import FloatArray, bridge
from simulators.physics.hydraulics import demand_factor
from simulators.world import HOUR_S, Course, Who, World

GIRDER = bridge.Bridge(24.0, 6e10, 0.7, warmth_um_m_k=1.5)
_VEHICLES_H = 400.0  # mean of the day; it comes and goes as people do, so as the water that they draw
_FREQUENCY_HZ = 3.87  # of the girder's first mode
_SHARES = (0.95, 1.05)  # of the girder's strain that a gauge sees, by where it sits
_TILT_DEG_MM, _CRACK_MM_MM = 0.01, 0.003  # of a pier and at it, for a millimetre of settlement
_CRACK_MM, _CRACK_MM_K = 0.05, 0.0005  # of the crack that is watched, closing in warmth


@dataclass(frozen=True, slots=True)
class PierSettles:
    """The middle pier of a bridge, numbered from 0, settles in stages."""

    place: int
    stages: tuple[bridge.Stage, ...]


def sensor_parts(times: FloatArray, who: Who) -> Iterator[tuple[int, IntArray]]:
    """Yield (sensor, its rows in order of time) of rows (m,) in any order."""
    rows = np.argsort(who, kind="stable")
    sorted_who = who[rows]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(sorted_who)) + 1, [len(rows)]])
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        own = rows[begin:end]
        if end > begin:
            at = times[own]
            ordered = own if bool(np.all(at[1:] >= at[:-1])) else own[np.argsort(at, kind="stable")]
            yield int(sorted_who[begin]), ordered


def _settled_mm(world: World, group: SensorGroup, times: FloatArray, who: Who) -> FloatArray:
    settled = np.zeros(len(times))
    for event in world.of(PierSettles):
        mine = group.place[who] == event.place
        settled[mine] += bridge.settlement_mm(times[mine], event.stages)
    return settled


def _above_mean_k(world: World, times: FloatArray) -> FloatArray:
    """How much warmer the structure is than it was made for, which is the climate's mean."""
    return world.air_cel(times - GIRDER.warmth_lag_s) - world.climate.mean_cel


def _traffic(world: World, group: SensorGroup, which: int) -> Course:
    """The strain (0) or deflection (1) under vehicles alone."""

    @cache
    def of_hour(place: int, hour: int) -> bridge.Traffic:
        middle = np.asarray([world.local_s + (hour + 0.5) * HOUR_S])
        rush = _VEHICLES_H * float(demand_factor(middle)[0])
        chance = world.chance("bridge-traffic", place, hour)
        return bridge.poisson_traffic(chance, hour * HOUR_S, (hour + 1) * HOUR_S, rush)

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.zeros(len(times))
        for sensor, rows in sensor_parts(times, who):
            at = times[rows]
            first, last = int(at[0] // HOUR_S), int(at[-1] // HOUR_S)
            # Who crosses at the full hour has entered in the hour before.
            vehicles = bridge.join([of_hour(int(group.place[sensor]), hour) for hour in range(first - 1, last + 1)])
            value[rows] = bridge.traffic_load(at, GIRDER, vehicles)[which]
        return value

    return course


def _loaded(world: World, group: SensorGroup, which: int) -> Course:
    """The strain (0) or deflection (1) under vehicles, warmth and settlement."""
    traffic = _traffic(world, group, which)
    share = world.chance(group.thing, "share").uniform(*_SHARES, len(group))

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = traffic(times, who)
        value += bridge.warmth_load(_above_mean_k(world, times), GIRDER, 0.0)[which]
        value += bridge.settlement_load(_settled_mm(world, group, times, who), GIRDER)[which]
        return np.asarray(value * share[who], np.float64)

    return course


def _strain(world: World, group: SensorGroup) -> Course:
    return _loaded(world, group, 0)


def _deflection(world: World, group: SensorGroup) -> Course:
    return _loaded(world, group, 1)


def _acceleration(world: World, group: SensorGroup) -> Course:
    traffic = _traffic(world, group, 1)

    return lambda times, who: bridge.acceleration_m_s2(times, traffic(times, who), _FREQUENCY_HZ)


def _tilt(world: World, group: SensorGroup) -> Course:
    return lambda times, who: _TILT_DEG_MM * _settled_mm(world, group, times, who)


def _bearing(world: World, group: SensorGroup) -> Course:
    return lambda times, who: bridge.bearing_mm(_above_mean_k(world, times), GIRDER, 0.0)


def _settlement(world: World, group: SensorGroup) -> Course:
    return lambda times, who: _settled_mm(world, group, times, who)


def _crack(world: World, group: SensorGroup) -> Course:
    def course(times: FloatArray, who: Who) -> FloatArray:
        opened = _CRACK_MM_MM * _settled_mm(world, group, times, who)
        return np.asarray(_CRACK_MM + opened - _CRACK_MM_K * _above_mean_k(world, times), np.float64)

    return course


def _temperature(world: World, group: SensorGroup) -> Course:
    return lambda times, who: world.air_cel(times - GIRDER.warmth_lag_s)


def _design_ladder(_world: World, group: SensorGroup) -> Ladder:
    """0.7, 0.8, 0.9 and 1.0 of the design value; what is modelled only goes to the one side."""
    design = float(str(group.columns["design_value"]))
    return same_for_all("against-design", len(group), (0.7 * design, 0.8 * design, 0.9 * design, design), 600.0)


COURSES = {
    "bridge-strain": _strain,
    "bridge-deflection": _deflection,
    "bridge-acceleration": _acceleration,
    "bridge-tilt": _tilt,
    "bridge-displacement": _bearing,
    "bridge-settlement": _settlement,
    "bridge-crack": _crack,
    "bridge-temperature": _temperature,
}
LADDERS = {"bridge-settlement": _design_ladder, "bridge-tilt": _design_ladder}
