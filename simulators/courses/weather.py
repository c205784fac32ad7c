"""Courses of rain gauges, thermometers, anemometers and lamps."""

from collections.abc import Callable

import numpy as np

from simulators.cities.chance import Chance
from simulators.cities.sensors import SensorGroup
from simulators.courses.parts import parts
from simulators.physics import DAY_S, FloatArray
from simulators.physics.drainage import Rain
from simulators.physics.lighting import Lamp, lamp_power_w
from simulators.physics.weather import gauge_mm, wind_m_s
from simulators.world import Course, Who, World

PLACE_K = 0.4  # by which a station is warmer or colder than the city
WIND_M_S = (2.2, 3.4)  # mean by station
LAMP_STEP_S = 60.0  # of the clock that switches them


def rain(world: World, group: SensorGroup) -> Course:
    """What a tipping bucket has counted (mm) in the interval before; it is dry again at each local midnight."""
    days = [
        _by_day(world.rain_at(*at), world.local_s) for at in zip(group.east.tolist(), group.north.tolist(), strict=True)
    ]

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.zeros(len(times))
        since = times - group.interval_s
        day, day_before = (np.floor((at + world.local_s) / DAY_S).astype(np.int64) for at in (times, since))
        for k, fallen in enumerate(days):
            mine = who == k
            for number in np.unique(np.concatenate([day[mine], day_before[mine]])).tolist():
                if number in fallen:
                    here = mine & (day >= number) & (day_before <= number)
                    value[here] += gauge_mm(times[here], fallen[number], since[here])
        return value

    return course


def _by_day(blocks: Rain, local_s: float) -> dict[int, list[tuple[float, float, float]]]:
    """The blocks by the local day (0: that of the start), parted at midnight."""
    days: dict[int, list[tuple[float, float, float]]] = {}
    for start, end, mm_h in blocks:
        for day in range(int((start + local_s) // DAY_S), int((end + local_s) // DAY_S) + 1):
            midnight = day * DAY_S - local_s
            part = max(start, midnight), min(end, midnight + DAY_S), mm_h
            if part[0] < part[1]:
                days.setdefault(day, []).append(part)
    return days


def air(world: World, group: SensorGroup) -> Course:
    """The outdoor temperature (Cel), at each station a little off the city's."""
    off = Chance(world.city.seed, world.city.plan.name, "thermometers").uniform(len(group), -PLACE_K, PLACE_K)
    return lambda times, who: world.air_cel(times) + off[who]


def wind(world: World, group: SensorGroup) -> Course:
    """The wind (m/s) of each station."""
    mean = Chance(world.city.seed, world.city.plan.name, group.thing).uniform(len(group), *WIND_M_S)

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = np.empty(len(times))
        for k, mine in parts(who):
            value[mine] = wind_m_s(times[mine], world.chance(group.thing, k), float(mean[k]))
        return value

    return course


def lamp(world: World, _group: SensorGroup) -> Course:
    """The power (W) of each lamp post: all of a city are switched by one clock of the sun."""
    post = Lamp(world.city.plan.longitude, world.city.plan.latitude)
    start_s = world.start_ms / 1e3
    return lambda times, _who: lamp_power_w(start_s + LAMP_STEP_S * np.floor(times / LAMP_STEP_S), post)


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    "rain": rain,
    "tailings-rain": rain,
    "air": air,
    "wind": wind,
    "tailings-wind": wind,
    "lamp": lamp,
}
