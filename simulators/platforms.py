"""The simulated platforms by name: the cities of each, with their sensors in one row."""

from dataclasses import dataclass, replace
from functools import cached_property

from model.sensor import City, Sensor
from simulators.cities import SimulatedCity
from simulators.cities.plans import PLATFORM_CITIES, small

NETWORK_SEED = 1  # of streets and pipes: a city is the same place whatever happens in it
EXERCISE_CODE = "ex"  # begins the ids of an exercise's sensors, which must not be those of another city
PLATFORMS = tuple(PLATFORM_CITIES)


class UnknownPlatform(ValueError):
    """A platform that is not modelled; the text names those that are."""


@dataclass(frozen=True)
class Platform:
    """Simulated cities; the place of a sensor in `sensors` is the index that the stream gives."""

    name: str
    places: tuple[SimulatedCity, ...]

    @cached_property
    def sensors(self) -> list[Sensor]:
        """The sensors as the registry takes them: city by city, group by group."""
        return [sensor for place in self.places for sensor in place.sensors()]

    @property
    def cities(self) -> list[City]:
        """The cities as the registry takes them."""
        return [place.city for place in self.places]


def load_platform(name: str, *, share: float = 1.0, exercise: bool = False) -> Platform:
    """Return the platform of that name, at true size or at a share of it, or as a place apart for an exercise.

    Raises UnknownPlatform.
    """
    if name not in PLATFORM_CITIES:
        raise UnknownPlatform(f"there is no platform {name!r}; use one of: {', '.join(PLATFORMS)}")
    plans = PLATFORM_CITIES[name]
    if share != 1.0:
        plans = tuple(small(plan, share) for plan in plans)
    if exercise:
        plans = tuple(replace(plan, code=f"{EXERCISE_CODE}-{plan.code}", mode="exercise") for plan in plans)
    return Platform(name, tuple(SimulatedCity(plan, NETWORK_SEED) for plan in plans))
