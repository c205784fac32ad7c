"""Courses of the sensors on manhole covers: open or shut, and how hard they rattle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.parts import parts
from simulators.physics import FloatArray
from simulators.physics.cover import rattle_m_s2
from simulators.physics.hydraulics import demand_factor
from simulators.world import HOUR_S, Course, Who, World

WHEELS_PER_HOUR = 60.0  # that cross the cover itself, at the day's mean
FIRM_M_S2 = 0.06  # what a wheel makes of a cover in a firm seat


@dataclass(frozen=True, slots=True)
class CoverOpened:
    """A manhole's cover (the manhole's index) is lifted, from start to end (s)."""

    manhole: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class CoverLoose:
    """The seat of a manhole's cover (the manhole's index) is worn from start to end (s): a wheel makes `hit_m_s2`."""

    manhole: int
    start_s: float
    end_s: float
    hit_m_s2: float = 3.0


def opened(world: World, group: SensorGroup) -> Course:
    """1 where a cover is open, else 0."""
    openings = world.of(CoverOpened)

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.zeros(len(times))
        manhole = group.place[who]
        for event in openings:
            value[(manhole == event.manhole) & (times >= event.start_s) & (times < event.end_s)] = 1.0
        return value

    return course


def vibration(world: World, group: SensorGroup) -> Course:
    """The peak acceleration (m/s2) of the sensor's interval, drawn hour by hour and sensor by sensor."""
    loose = world.of(CoverLoose)
    slots = round(HOUR_S / group.interval_s)
    hours: dict[int, FloatArray] = {}

    def made(hour: int) -> FloatArray:
        wheels = WHEELS_PER_HOUR * float(demand_factor(np.asarray([world.local_s + hour * HOUR_S]))[0])
        rng = world.chance(group.thing, hour)
        peaks = rattle_m_s2(rng, np.full((len(group), slots), group.interval_s), wheels, FIRM_M_S2)
        at = hour * HOUR_S + group.interval_s * np.arange(slots)
        for event in loose:
            for k in np.flatnonzero(group.place == event.manhole).tolist():
                own = world.chance(group.thing, hour, event.manhole)
                worn = rattle_m_s2(own, np.full(slots, group.interval_s), wheels, event.hit_m_s2)
                peaks[k] = np.where((at >= event.start_s) & (at < event.end_s), worn, peaks[k])
        return peaks

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.empty(len(times))
        for hour, here in parts(np.floor(times / HOUR_S).astype(np.int64)):
            if hour not in hours:
                hours[hour] = made(hour)
            slot = ((times[here] - hour * HOUR_S) / group.interval_s).astype(np.int64)
            value[here] = hours[hour][who[here], np.minimum(slot, slots - 1)]
        return value

    return course


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {"cover-open": opened, "cover-vibration": vibration}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {
    "cover-open": lambda _world, group: same_for_all("cover-open", len(group), (np.nan, np.nan, 1.0, np.nan), 180.0),
}
