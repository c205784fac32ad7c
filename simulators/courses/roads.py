"""Courses of the water on roads: underpasses with their pumps, and low crossings with their gullies."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.parts import parts
from simulators.physics import FloatArray
from simulators.physics.drainage import LowPoint, road_depth_cm
from simulators.world import Course, Who, World

DEEPEST_CM = 280.0  # then the water runs off at the ramps
ROAD_LIMITS_CM = (15.0, 27.0, 40.0, 60.0)


@dataclass(frozen=True, slots=True)
class Undrained:
    """The pumps of an underpass, or the gullies of a low road (its asset), take nothing from start to end (s)."""

    asset: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Kind:
    """What low points of a kind are like; pairs are limits between which each lies."""

    catchment_m2: tuple[float, float]
    runoff: float
    drains_of_storm: tuple[float, float]  # over the hour's rain for which the city's drains are made
    pond_m2: tuple[float, float]
    recession_s: tuple[float, float]


KINDS = {
    "underpass": _Kind((28_000.0, 40_000.0), 0.9, (1.7, 2.0), (700.0, 950.0), (1_500.0, 2_100.0)),
    "road-depth": _Kind((9_000.0, 15_000.0), 0.85, (1.5, 2.2), (450.0, 800.0), (1_200.0, 2_400.0)),
}


def low_points_of(city: SimulatedCity, group: SensorGroup) -> list[LowPoint]:
    """Return what each low point of the group is like, the same whatever happens in the city."""
    kind, count = KINDS[group.thing], len(group)
    chance = Chance(city.seed, city.plan.name, "low points", group.thing)
    catchment, drains, pond, recession = (
        chance.uniform(count, *limits).tolist()
        for limits in (kind.catchment_m2, kind.drains_of_storm, kind.pond_m2, kind.recession_s)
    )
    return [
        LowPoint(area, kind.runoff, area * kind.runoff * share * city.plan.storm_mm_h / 3.6e6, surface, lag)
        for area, share, surface, lag in zip(catchment, drains, pond, recession, strict=True)
    ]


def road_depth(world: World, group: SensorGroup) -> Course:
    """Water on roads (cm)."""
    points = low_points_of(world.city, group)
    rains = [world.rain_at(*at) for at in zip(group.east.tolist(), group.north.tolist(), strict=True)]
    undrained = [
        [(event.start_s, event.end_s) for event in world.of(Undrained) if event.asset == asset]
        for asset in group.assets
    ]

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.empty(len(times))
        for k, mine in parts(who):
            value[mine] = road_depth_cm(times[mine], points[k], rains[k], undrained[k])
        return np.minimum(value, DEEPEST_CM)

    return course


def road_ladder(_world: World, group: SensorGroup) -> Ladder:
    """The limits of the rule `road-water-depth`."""
    return same_for_all("flooding", len(group), ROAD_LIMITS_CM, 300.0)


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {"underpass": road_depth, "road-depth": road_depth}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {"underpass": road_ladder, "road-depth": road_ladder}
