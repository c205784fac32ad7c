"""The simulated cities, by name: the sensors of a platform and what each of them stands on."""

from collections.abc import Callable
from dataclasses import dataclass

from model.sensor import City, Sensor
from simulators.instruments import Instrument
from simulators.platforms import jiayuguan


class UnknownPlatform(ValueError):
    """A platform that is not modelled; the text names those that are."""


@dataclass(frozen=True)
class Platform:
    """A simulated city; the place of an instrument in the tuple is the index that the stream gives."""

    name: str
    city: City
    instruments: tuple[Instrument, ...]

    @property
    def sensors(self) -> list[Sensor]:
        """The sensors as the registry takes them, in the stream's order."""
        return [instrument.sensor for instrument in self.instruments]


_BUILDERS: dict[str, Callable[[], tuple[City, list[Instrument]]]] = {"jiayuguan": jiayuguan.build}
PLATFORMS = tuple(_BUILDERS)


def load_platform(name: str) -> Platform:
    """Return the platform of that name. Raises UnknownPlatform."""
    build = _BUILDERS.get(name)
    if build is None:
        raise UnknownPlatform(f"there is no platform {name!r}; use one of: {', '.join(PLATFORMS)}")
    city, instruments = build()
    return Platform(name, city, tuple(instruments))
