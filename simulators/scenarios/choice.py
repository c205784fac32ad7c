"""Where a story happens: the sensors of a kind that a city has, and one place of many."""

from collections.abc import Sequence
from typing import TypeVar

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance
from simulators.cities.sensors import SensorGroup

_T = TypeVar("_T")


def group_of(city: SimulatedCity, thing: str) -> SensorGroup | None:
    """Return the city's sensors of that thing, None where it has none."""
    return next((group for group in city.groups if group.thing == thing), None)


def one_of(choices: Sequence[_T], chance: Chance) -> _T:
    """Return one of the choices, each as likely as the others."""
    return choices[int(chance.below(len(choices), 1)[0])]
