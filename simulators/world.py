"""A simulated city in a window of time: its clock, its chance, its weather, and what happens in it."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulators.cities import SimulatedCity
from simulators.cities.plans import CityPlan
from simulators.events import Storm, rain_at
from simulators.physics import DAY_S, FloatArray
from simulators.physics.weather import CLIMATES, Climate, day_of_rain, outdoor_cel

HOUR_S = 3_600.0
_AIR_STEP_S = 300.0
_RAIN_BEFORE_D = 15  # what fell before the window and still soaks the ground
_AIR_BEFORE_S = 3 * DAY_S

Who = NDArray[np.int32] | NDArray[np.int64]
Course = Callable[[FloatArray, Who], FloatArray]
"""What the sensors of a group would read without noise, in the group's unit: (times in s, who in the group), both (m,).

Times lie in the world's window; the result has their shape.
"""

_T = TypeVar("_T")


@dataclass(frozen=True)
class World:
    """A city under events from `begin_s` to `end_s`, seconds since the stream's start at `start_ms` (epoch ms).

    Events are given on the stream's clock whatever the window, so that what is drawn does not hang on it.
    """

    city: SimulatedCity
    seed: int
    start_ms: int
    begin_s: float
    end_s: float
    events: tuple[object, ...] = ()

    def of(self, kind: type[_T]) -> list[_T]:
        """The events of that kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def chance(self, *names: object) -> np.random.Generator:
        """One generator for one thing, in the same state at each call: by its name, so that no order matters."""
        words = (self.city.plan.city, *names)
        key = [self.seed, *(zlib.crc32(str(word).encode()) for word in words)]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))

    @cached_property
    def start_local(self) -> datetime:
        """The civil time of the city at the start; a change to summer time within the run is not followed."""
        return datetime.fromtimestamp(self.start_ms / 1000, UTC).astimezone(ZoneInfo(self.city.city.time_zone))

    @cached_property
    def local_s(self) -> float:
        """Seconds since the local midnight at the start; add times for the hour of the day."""
        local = self.start_local
        return local.hour * 3_600.0 + local.minute * 60.0 + local.second + local.microsecond / 1e6

    @cached_property
    def year_day(self) -> float:
        """The day of the year at the start, 0 for the first of January."""
        return float(self.start_local.timetuple().tm_yday - 1)

    @cached_property
    def climate(self) -> Climate:
        """The climate of the city."""
        return CLIMATES[climate_of(self.city.plan)]

    def grid(self, step_s: float, before_s: float = 0.0) -> FloatArray:
        """Times every `step_s` that cover the window, and `before_s` before it: multiples of the step."""
        first, last = np.floor((self.begin_s - before_s) / step_s), np.ceil(self.end_s / step_s)
        return np.arange(first, last + 1.0) * step_s

    @cached_property
    def _outdoor(self) -> tuple[FloatArray, FloatArray]:
        grid = self.grid(_AIR_STEP_S, _AIR_BEFORE_S)
        return grid, outdoor_cel(grid, self.climate, self.chance("air"), self.year_day, self.local_s)

    def air_cel(self, times: FloatArray) -> FloatArray:
        """The city's outdoor temperature (Cel), shape of `times`, which may lie up to three days before the window."""
        return np.asarray(np.interp(times, *self._outdoor), np.float64)

    @cached_property
    def storms(self) -> list[Storm]:
        """The storms among the events."""
        return self.of(Storm)

    @cached_property
    def natural_rain(self) -> list[tuple[float, float, float]]:
        """The rain of the season, on the whole city, from fifteen days before the window on, in blocks."""
        blocks: list[tuple[float, float, float]] = []
        for day in range(int(self.begin_s // DAY_S) - _RAIN_BEFORE_D, int(self.end_s // DAY_S) + 2):
            blocks += self.rain_of_day(day)
        return blocks

    def rain_of_day(self, day: int) -> list[tuple[float, float, float]]:
        """The rain of the season on a local day, 0 for that of the start, in blocks (start s, end s, mm/h)."""
        midnight = day * DAY_S - self.local_s
        return day_of_rain(self.chance("rain", day), midnight, (self.year_day + day) % 365, self.climate)

    def rain_at(self, east: float, north: float) -> list[tuple[float, float, float]]:
        """The rain on a place, season and storms, in blocks (start s, end s, mm/h)."""
        return rain_at(self.natural_rain, self.storms, east, north)


def climate_of(plan: CityPlan) -> str:
    """Return the name of the climate of a city: its own in Gansu, by latitude and height in Yunnan."""
    if plan.name in CLIMATES:
        return plan.name
    if plan.ground_m > 2_300.0:
        return "yunnan-north"
    return "yunnan-south" if plan.latitude < 23.95 else "kunming"
