"""Courses of what the water carries and what its pipes sound like: turbidity, residual chlorine, leak noise."""

from collections.abc import Callable

import numpy as np

from simulators.cities.chance import distance
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder
from simulators.courses.water import MainBurst
from simulators.physics import DAY_S, FloatArray
from simulators.physics.hydraulics import demand_factor
from simulators.physics.water_quality import chlorine_mg_l, leak_noise_db, turbidity_ntu, water_age_s
from simulators.world import Course, Who, World

DOSED_MG_L, DECAY_PER_DAY, WATER_CEL = 0.5, 0.35, 12.0
STIRRED_NTU, STIRRED_S, STIRRED_WITHIN_M = 6.0, 3_600.0, 600.0  # by a main that breaks: at it, how long, how far
NIGHT_DB, DAY_DB = 17.0, 8.0  # of what a logger hears without a leak, the second times the demand over its mean
OWN_DB = (-2.0, 3.0)  # by which loggers differ
STILL_S = 2.5 * 3_600.0  # the local time at which least is drawn
LEAK_HEAD_M = 35.0
_AGE_STEP_S = 300.0


def _turbidity(world: World, group: SensorGroup) -> Course:
    base = world.chance(group.thing, "base").uniform(0.15, 0.35, len(group))
    bursts = [burst for burst in world.of(MainBurst) if burst.sudden]
    felt = [STIRRED_NTU * np.exp(-_away(world, group, burst) / STIRRED_WITHIN_M) for burst in bursts]

    def course(times: FloatArray, who: Who) -> FloatArray:
        turbidity = base[who]
        for burst, size in zip(bursts, felt, strict=True):
            stirred = (burst.start_s, min(burst.start_s + STIRRED_S, burst.end_s), 1.0)
            turbidity += size[who] * turbidity_ntu(times, 0.0, [stirred])
        return turbidity

    return course


def _chlorine(world: World, group: SensorGroup) -> Course:
    mean_age = world.chance(group.thing, "age").uniform(3.0, 30.0, len(group)) * 3_600.0
    clock = np.arange(0.0, DAY_S + _AGE_STEP_S, _AGE_STEP_S)  # the age is the same every day
    ages = np.asarray([water_age_s(clock, age) for age in mean_age.tolist()])

    def course(times: FloatArray, who: Who) -> FloatArray:
        at = (world.local_s + times) % DAY_S / _AGE_STEP_S
        left = at.astype(np.int64)
        age = ages[who, left] + (ages[who, left + 1] - ages[who, left]) * (at - left)
        return chlorine_mg_l(age, DOSED_MG_L, DECAY_PER_DAY, WATER_CEL)

    return course


def _leak_noise(world: World, group: SensorGroup) -> Course:
    own = world.chance(group.thing, "own").uniform(*OWN_DB, len(group))
    leaks = [(burst, _away(world, group, burst)) for burst in world.of(MainBurst)]

    def course(times: FloatArray, who: Who) -> FloatArray:
        heard = NIGHT_DB + own[who] + DAY_DB * demand_factor(world.local_s + times)
        for burst, away in leaks:
            heard = leak_noise_db(heard, _leaking_l_s(burst, times), away[who])
        return heard

    return course


def leak_rise_db(leak_l_s: FloatArray, away_m: FloatArray) -> FloatArray:
    """Return by how much a leak raises what a logger hears in the still of the night, shapes alike."""
    still = NIGHT_DB + sum(OWN_DB) / 2 + DAY_DB * float(demand_factor(np.asarray([STILL_S]))[0])
    return leak_noise_db(np.asarray(still), leak_l_s, away_m) - still


def _leaking_l_s(burst: MainBurst, times: FloatArray) -> FloatArray:
    """What leaks at the pressure of a quiet day."""
    starts, parts = (np.asarray(column) for column in zip(*burst.parts(), strict=True))
    grown = np.append(0.0, np.cumsum(parts))[np.searchsorted(starts, times, side="right")]
    return np.where(times < burst.end_s, grown * np.sqrt(LEAK_HEAD_M), 0.0)


def _away(world: World, group: SensorGroup, burst: MainBurst) -> FloatArray:
    """Metres from a burst to each sensor."""
    pipes = world.city.water.pipes
    return distance(group.east - pipes.east[burst.node], group.north - pipes.north[burst.node])


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    "turbidity": _turbidity,
    "chlorine": _chlorine,
    "leak-noise": _leak_noise,
}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {}
