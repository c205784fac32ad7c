"""Courses of the sensors in the sewers: levels in manholes, flows, the storage basin."""

from collections.abc import Callable

import numpy as np

from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder
from simulators.courses.parts import parts
from simulators.courses.sewer_flows import flows_of
from simulators.physics import FloatArray
from simulators.world import Course, Who, World

_BELOW_GROUND_M = 0.5


def manhole_level(world: World, group: SensorGroup) -> Course:
    """Levels in manholes (m above the invert)."""
    flows = flows_of(world)
    return lambda times, who: flows.level_m(times, group.place[who])


def sewer_flow(world: World, group: SensorGroup) -> Course:
    """Flows out of manholes (L/s)."""
    flows = flows_of(world)
    return lambda times, who: flows.outflow_l_s(times, group.place[who])


def basin_level(world: World, group: SensorGroup) -> Course:
    """Levels of the storage basins (m)."""
    flows = flows_of(world)

    def course(times: FloatArray, who: Who) -> FloatArray:
        level = np.empty(len(times))
        for basin, mine in parts(who):
            level[mine] = flows.basin_level_m(times[mine], int(group.place[basin]))
        return level

    return course


def manhole_ladder(world: World, group: SensorGroup) -> Ladder:
    """The limits of the rule `manhole-level`: of the bore, full, half a metre below the ground, at the ground."""
    sewers = world.city.sewers
    bore, depth = sewers.pipes.diameter_mm[group.place] / 1e3, sewers.depth_m[group.place]
    return Ladder("high-level", np.stack([0.8 * bore, bore, depth - _BELOW_GROUND_M, depth], axis=1), 900.0)


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    "manhole-level": manhole_level,
    "sewer-flow": sewer_flow,
    "basin-level": basin_level,
}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {"manhole-level": manhole_ladder}
