"""Courses of the village stations of waste water: their inflow, and the level in their pump wells."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.cities.chance import Chance
from simulators.cities.sensors import SensorGroup
from simulators.cities.sensors_of_drainage import WELL_BRIM_M, WELL_HIGH_M
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.parts import parts
from simulators.physics import DAY_S, FloatArray
from simulators.physics.drainage import Rain
from simulators.physics.wastewater import PlantInflow, WetWells, plant_inflow_l_s, pump_wells
from simulators.world import HOUR_S, Course, Who, World

MEAN_M3_D = (70.0, 200.0)
TRAVEL_S, MIXING_S = 1_800.0, 3_600.0
LEAKING_IN_M2, LEAKING_IN_S = 300.0, 3 * HOUR_S
WELL_M2, START_M, STOP_M = 6.0, 1.6, 0.6
SPILLS_AT_M = 0.1  # below the brim
HIGH_WITHIN_S = 900.0
PUMP_OF_MEAN = 5.0  # what its pump lifts, against the mean inflow
STEP_S, WARM_UP_S = 60.0, 3 * HOUR_S
PUMPED_OUT_S = 2 * HOUR_S  # a well that stood full is back at its usual course


@dataclass(frozen=True, slots=True)
class PumpsStanding:
    """The pumps of a village station (its asset) stand still from start to end (s)."""

    asset: str
    start_s: float
    end_s: float


def plants_of(world: World, group: SensorGroup) -> list[PlantInflow]:
    """Return the catchment of each station, the same whatever the world's seed."""
    means = Chance(world.city.seed, world.city.plan.name, "sewage stations").uniform(len(group), *MEAN_M3_D)
    return [PlantInflow(mean, TRAVEL_S, MIXING_S, LEAKING_IN_M2, LEAKING_IN_S) for mean in means.tolist()]


def _rain_at(world: World, group: SensorGroup, k: int) -> Rain:
    return world.rain_at(float(group.east[k]), float(group.north[k]))


def station_flow(world: World, group: SensorGroup) -> Course:
    """Inflows of the stations (m3/h)."""
    plants = plants_of(world, group)
    rains = [_rain_at(world, group, k) for k in range(len(group))]

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.empty(len(times))
        for k, mine in parts(who):
            value[mine] = 3.6 * plant_inflow_l_s(times[mine], plants[k], world.local_s + times[mine], rains[k])
        return value

    return course


def station_level(world: World, group: SensorGroup) -> Course:
    """Levels in the stations' pump wells (m above the floor), by the day of the stream."""
    plants = plants_of(world, group)
    rains = [_rain_at(world, group, k) for k in range(len(group))]
    trips = world.of(PumpsStanding)
    like = np.ones(len(group))
    pumps = np.asarray([PUMP_OF_MEAN * plant.mean_m3_d / 86.4 for plant in plants])
    wells = WetWells(WELL_M2 * like, START_M * like, STOP_M * like, pumps, WELL_BRIM_M * like)
    days: dict[int, tuple[float, FloatArray]] = {}

    def made(day: int) -> tuple[float, FloatArray]:
        begin = day * DAY_S - WARM_UP_S
        for trip in sorted(trips, key=lambda t: t.start_s, reverse=True):
            if trip.start_s <= begin <= trip.end_s + PUMPED_OUT_S:  # else the well would not have filled
                begin = STEP_S * np.floor((trip.start_s - WARM_UP_S) / STEP_S)
        steps = np.arange(begin, (day + 1) * DAY_S + STEP_S, STEP_S)
        inflow = np.stack(
            [
                plant_inflow_l_s(steps, plant, world.local_s + steps, rain)
                for plant, rain in zip(plants, rains, strict=True)
            ]
        )
        standing = np.zeros(inflow.shape, np.bool_)
        for trip in trips:
            mine = np.asarray([asset == trip.asset for asset in group.assets])
            standing |= mine[:, None] & (steps >= trip.start_s) & (steps < trip.end_s)
        return float(begin), pump_wells(wells, inflow, STEP_S, standing).level_m

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.empty(len(times))
        for day, here in parts(np.floor(times / DAY_S).astype(np.int64)):
            if day not in days:
                days[day] = made(day)
            begin, level = days[day]
            value[here] = level[who[here], ((times[here] - begin) / STEP_S).astype(np.int64)]
        return value

    return course


def _level_ladder(_world: World, group: SensorGroup) -> Ladder:
    limits = (np.nan, WELL_HIGH_M, np.nan, WELL_BRIM_M - SPILLS_AT_M)
    return same_for_all("well-high", len(group), limits, HIGH_WITHIN_S)


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    "station-flow": station_flow,
    "station-level": station_level,
}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {"station-level": _level_ladder}
