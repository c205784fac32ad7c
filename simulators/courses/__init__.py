"""What the sensors of a simulated city would read without noise, group by group, under what happens in it."""

from collections.abc import Callable

import numpy as np

from simulators.cities.sensors import SensorGroup
from simulators.courses import (
    bridge,
    covers,
    gas,
    goaf,
    heating,
    roads,
    sewer_air,
    sewers,
    slopes,
    stations,
    tailings,
    water,
    water_quality,
    weather,
)
from simulators.courses.ladders import Ladder
from simulators.physics import FloatArray
from simulators.world import Course, Who, World

_BY_SUBJECT = (
    bridge, covers, gas, goaf, heating, roads, sewer_air, sewers, slopes, stations, tailings, water, water_quality,
    weather,
)  # fmt: skip
COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    thing: course for subject in _BY_SUBJECT for thing, course in subject.COURSES.items()
}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {
    thing: ladder for subject in _BY_SUBJECT for thing, ladder in getattr(subject, "LADDERS", {}).items()
}


def course(world: World, group: SensorGroup) -> Course:
    """Return the course of a group of sensors; zero where nothing is modelled."""
    return COURSES.get(group.thing, _still)(world, group)


def _still(_world: World, _group: SensorGroup) -> Course:
    def zero(times: FloatArray, _who: Who) -> FloatArray:
        return np.zeros(len(times))

    return zero
