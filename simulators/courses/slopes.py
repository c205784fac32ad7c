"""Slopes: steady creep, what rain adds, and a slope that speeds up, to stop or to fail."""

from dataclasses import dataclass

import numpy as np

from simulators.cities.sensors import SensorGroup
from simulators.courses.hourly import between, full_hours
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.long_rain import long_rain
from simulators.physics import DAY_S, FloatArray, gnss, slope
from simulators.physics.ground import Episode, Slope, slope_displacement_mm, slope_rate_mm_d
from simulators.world import Course, Who, World

GNSS_EACH = 2  # receivers on a slope, the second on its lower part
_LOWER = 0.9  # of the movement of the upper part
_CREEP_MM_D = (0.02, 0.15)
_MOBILITY_MM_D_M = (0.2, 0.8)
_RISE_M_MM, _RECESSION_S = 0.004, 6 * DAY_S
_SLIDING_S = 60.0  # time constant of a slide
_RATE_S = 600.0  # over which the rate sensor takes its rate


@dataclass(frozen=True, slots=True)
class SlopeCreep:
    """A slope, numbered from 0, speeds up; where `slid_mm` is not 0 it fails at the episode's failure and slides."""

    slope: int
    episode: Episode
    slid_mm: float = 0.0


def coloured_noise(world: World, thing: str, count: int) -> Course:
    """Return the coloured part (mm) of the noise of GNSS receivers; the white part is the group's noise."""
    hours = full_hours(world)  # its shortest waves last days
    table = np.stack([gnss.horizontal_noise_mm(hours, world.chance(thing, "coloured", k)) for k in range(count)])
    return lambda times, who: between(hours, table, times, who)


class _Slopes:
    """The slopes under the sensors of a group, `each` of them on a slope: how they creep and answer to rain."""

    def __init__(self, world: World, group: SensorGroup, each: int) -> None:
        self.each, count = each, len(group) // each
        chance = world.chance("slopes")
        self.creep_mm_d = chance.uniform(*_CREEP_MM_D, count)
        self.mobility = chance.uniform(*_MOBILITY_MM_D_M, count)
        self.hours = full_hours(world)
        wet = slope.WetSlope(_RISE_M_MM, _RECESSION_S, 1.0)
        places = list(zip(group.east[::each].tolist(), group.north[::each].tolist(), strict=True))
        # Where no storm is told, it rains alike on all.
        rains = [long_rain(world, *place) for place in (places if world.storms else places[:1])]
        before = [slope.rain_steps_mm(np.zeros(1), wet, rain) for rain in rains]
        moved = [slope.rain_steps_mm(self.hours, wet, rain) - at for rain, at in zip(rains, before, strict=True)]
        shape = (count, len(self.hours))
        self.rain_mm = np.broadcast_to(np.stack(moved), shape)
        self.rain_mm_d = np.broadcast_to(np.stack([slope.rain_rate_mm_d(self.hours, wet, r) for r in rains]), shape)
        self.events = world.of(SlopeCreep)

    def moved_mm(self, times: FloatArray, who: Who) -> FloatArray:
        """The way since the stream's start, shape of `times`."""
        number = who // self.each
        moved = self.creep_mm_d[number] * times / DAY_S
        moved += self.mobility[number] * between(self.hours, self.rain_mm, times, number)
        for event in self.events:
            mine = number == event.slope
            moved[mine] += slope_displacement_mm(times[mine], Slope(0.0), [event.episode]) + _slid_mm(
                times[mine], event
            )
        return np.asarray(np.where(who % self.each == 0, moved, _LOWER * moved), np.float64)

    def rate_mm_d(self, times: FloatArray, who: Who) -> FloatArray:
        """The velocity; a slide counts over the last ten minutes."""
        rate = self.creep_mm_d[who] + self.mobility[who] * between(self.hours, self.rain_mm_d, times, who)
        for event in self.events:
            mine = who == event.slope
            at = times[mine]
            slid = _slid_mm(at, event) - _slid_mm(at - _RATE_S, event)
            rate[mine] += slope_rate_mm_d(at, Slope(0.0), [event.episode]) + slid * DAY_S / _RATE_S
        return np.asarray(rate, np.float64)


def _slid_mm(times: FloatArray, event: SlopeCreep) -> FloatArray:
    since = np.maximum(times - event.episode.failure_s, 0.0)
    return np.asarray(-event.slid_mm * np.expm1(-since / _SLIDING_S), np.float64)


def _displacement(world: World, group: SensorGroup) -> Course:
    slopes, noise = _Slopes(world, group, GNSS_EACH), coloured_noise(world, group.thing, len(group))
    return lambda times, who: np.add(slopes.moved_mm(times, who), noise(times, who))


def _rate(world: World, group: SensorGroup) -> Course:
    return _Slopes(world, group, 1).rate_mm_d


def _tilt(world: World, group: SensorGroup) -> Course:
    slopes = _Slopes(world, group, 1)
    return lambda times, who: slope.slope_tilt_deg(slopes.moved_mm(times, who))


def _crack(world: World, group: SensorGroup) -> Course:
    slopes = _Slopes(world, group, 1)
    return lambda times, who: slope.crack_mm(slopes.moved_mm(times, who))


def _rate_ladder(_world: World, group: SensorGroup) -> Ladder:
    return same_for_all("fast-creep", len(group), (2.0, 5.0, 10.0, 30.0), 3_600.0)


COURSES = {"slope": _displacement, "slope-rate": _rate, "slope-tilt": _tilt, "slope-crack": _crack}
LADDERS = {"slope-rate": _rate_ladder}
