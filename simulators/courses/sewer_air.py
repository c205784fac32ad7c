"""Courses of the sensors in the air of sewers: hydrogen sulfide and oxygen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.cities.chance import Chance
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.parts import parts
from simulators.physics import DAY_S, YEAR_D, FloatArray
from simulators.physics.hydraulics import demand_factor
from simulators.physics.sewer_gas import Headspace, hydrogen_sulfide_mg_m3, oxygen_percent
from simulators.world import Course, Who, World

VOLUME_M3 = 3.0  # of a shaft
VENTILATION_M3_H = (5.0, 9.0)
SULFIDE_MG_H = (3.0, 9.0)
WATER_CEL, WATER_OF_CLIMATE, WATER_OF_YEAR = 8.0, 0.5, 0.3  # waste water: mean, with the climate's, and its wave


@dataclass(frozen=True, slots=True)
class StirredSludge:
    """Sludge that is stirred in a manhole (its index) and gives off hydrogen sulfide, from start to end (s)."""

    manhole: int
    start_s: float
    end_s: float
    mg_h: float


@dataclass(frozen=True, slots=True)
class ClosedVents:
    """A manhole (its index) that hardly breathes, as under ice or mud, from start to end (s)."""

    manhole: int
    start_s: float
    end_s: float
    left: float  # share of its ventilation


def spaces_of(world: World, group: SensorGroup) -> list[Headspace]:
    """Return the air of each manhole of the group, the same whatever the world's seed."""
    chance = Chance(world.city.seed, world.city.plan.name, "sewer air")
    ventilation, sulfide = (chance.uniform(len(group), *limits) for limits in (VENTILATION_M3_H, SULFIDE_MG_H))
    return [Headspace(VOLUME_M3, *own) for own in zip(ventilation.tolist(), sulfide.tolist(), strict=True)]


def _water_cel(world: World, times: FloatArray) -> FloatArray:
    climate = world.climate
    year = np.cos(2 * np.pi * (world.year_day + times / DAY_S - 30.0) / YEAR_D)
    return WATER_CEL + WATER_OF_CLIMATE * climate.mean_cel - WATER_OF_YEAR * climate.yearly_k * year


def hydrogen_sulfide(world: World, group: SensorGroup) -> Course:
    """Hydrogen sulfide (mg/m3): the more the warmer, and the longer the water stands."""
    spaces = spaces_of(world, group)

    def course(times: FloatArray, who: Who) -> FloatArray:
        water, flow = _water_cel(world, times), demand_factor(world.local_s + times)
        value = np.empty(len(times))
        for k, mine in parts(who):
            stirred = [(e.start_s, e.end_s, e.mg_h) for e in world.of(StirredSludge) if e.manhole == group.place[k]]
            value[mine] = hydrogen_sulfide_mg_m3(times[mine], spaces[k], water[mine], flow[mine], stirred)
        return value

    return course


def oxygen(world: World, group: SensorGroup) -> Course:
    """Oxygen (%vol)."""
    spaces = spaces_of(world, group)

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.empty(len(times))
        for k, mine in parts(who):
            closed = [(e.start_s, e.end_s, e.left) for e in world.of(ClosedVents) if e.manhole == group.place[k]]
            value[mine] = oxygen_percent(times[mine], spaces[k], closed)
        return value

    return course


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {"sewer-gas": hydrogen_sulfide, "sewer-oxygen": oxygen}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {
    "sewer-gas": lambda _world, group: same_for_all("sewer-gas", len(group), (np.nan, np.nan, 10.0, np.nan), 600.0),
    "sewer-oxygen": lambda _world, group: same_for_all(
        "oxygen-low", len(group), (np.nan, np.nan, 19.5, np.nan), 600.0, below=True
    ),
}
