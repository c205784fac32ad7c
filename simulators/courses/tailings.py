"""A tailings dam: pond, phreatic line, seepage and movement under the rain of weeks."""

import numpy as np

from simulators.cities.sensors import SensorGroup
from simulators.courses.hourly import between, full_hours
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.long_rain import long_rain
from simulators.courses.slopes import coloured_noise
from simulators.physics import DAY_S, FloatArray, tailings
from simulators.world import Course, Who, World

BASE_M = 1_500.0  # of the dam above the sea
DAM = tailings.Dam(23.0, 2.0, 300.0, 0.03, 2e-6, 900.0, 0.01, 5 * DAY_S, 4 * DAY_S, 0.015)
CENTRE_M = (6_800.0, -4_600.0)  # east and north of the city's
_AWAY_M = (60.0, 120.0)  # of the two piezometers of a section from the drain
_DEPTH_AWAY_M, _FACE_M = 90.0, 20.4  # of those that show the depth below the dam's face, and the face's height there
_LOWER_M = 0.02  # by which the line of each section is lower than that of the one before
_YIELD_MM_M = 1.0  # the dam's movement for a metre of head
_LEVELS = ("blue", "yellow", "orange", "red")


class _Soaked:
    """Pond and head (m above base) and the rain at the phreatic line (m/s) by the hour, tables of one row."""

    def __init__(self, world: World) -> None:
        rain = long_rain(world, *CENTRE_M)
        self.hours = full_hours(world)
        self.pond_m = DAM.pond_m + tailings.pond_rise_m(self.hours, DAM, rain)[None, :]
        self.head_m = tailings.soaked_head_m(self.hours, DAM, rain)[None, :]
        self.recharge_m_s = tailings.recharge_m_s(self.hours, DAM, rain)[None, :]

    def at(self, table: FloatArray, times: FloatArray) -> FloatArray:
        """The table's row at those times."""
        return between(self.hours, table, times, np.zeros(len(times), np.int64))

    def line_m(self, away_m: FloatArray, times: FloatArray) -> FloatArray:
        """The phreatic line (m above base) at distances from the drain, shape of `times`."""
        state = self.at(self.head_m, times), self.at(self.recharge_m_s, times)
        return tailings.phreatic_level_m(DAM, away_m, *state)


def _level(world: World, group: SensorGroup) -> Course:
    soaked, away = _Soaked(world), np.asarray(_AWAY_M)

    def course(times: FloatArray, who: Who) -> FloatArray:
        line = soaked.line_m(away[who % len(away)], times)
        return np.asarray(BASE_M + line - _LOWER_M * (who // len(away)), np.float64)

    return course


def _depth(world: World, group: SensorGroup) -> Course:
    soaked = _Soaked(world)

    def course(times: FloatArray, who: Who) -> FloatArray:
        line = soaked.line_m(np.full(len(times), _DEPTH_AWAY_M), times)
        return np.asarray(_FACE_M - line + _LOWER_M * who, np.float64)

    return course


def _seepage(world: World, group: SensorGroup) -> Course:
    soaked = _Soaked(world)

    def course(times: FloatArray, who: Who) -> FloatArray:
        whole = tailings.seepage_l_s(DAM, soaked.at(soaked.head_m, times), soaked.at(soaked.recharge_m_s, times))
        return whole / len(group)

    return course


def _pond(world: World, group: SensorGroup) -> Course:
    """Metres above the dam's base: above the sea they would be beyond what a storage level may read."""
    soaked = _Soaked(world)
    return lambda times, who: soaked.at(soaked.pond_m, times)


def _displacement(world: World, group: SensorGroup) -> Course:
    soaked, noise = _Soaked(world), coloured_noise(world, group.thing, len(group))

    def course(times: FloatArray, who: Who) -> FloatArray:
        pushed = _YIELD_MM_M * (soaked.at(soaked.head_m, times) - DAM.pond_m)
        return np.asarray(pushed + noise(times, who), np.float64)

    return course


def _columns(group: SensorGroup, form: str) -> tuple[float, ...]:
    return tuple(float(str(group.columns[form.format(level)])) for level in _LEVELS)


def _level_ladder(_world: World, group: SensorGroup) -> Ladder:
    return same_for_all("phreatic-line", len(group), _columns(group, "phreatic_level_{}_m"), 3_600.0)


def _depth_ladder(_world: World, group: SensorGroup) -> Ladder:
    red = float(str(group.columns["phreatic_depth_red_m"]))
    return same_for_all("phreatic-line", len(group), (np.nan, np.nan, 1.1 * red, red), 3_600.0, below=True)


def _displacement_ladder(_world: World, group: SensorGroup) -> Ladder:
    return same_for_all("dam-movement", len(group), _columns(group, "displacement_{}_mm"), 3_600.0)


COURSES = {
    "tailings-displacement": _displacement,
    "tailings-level": _level,
    "tailings-depth": _depth,
    "tailings-seepage": _seepage,
    "tailings-pond": _pond,
}
LADDERS = {
    "tailings-displacement": _displacement_ladder,
    "tailings-level": _level_ladder,
    "tailings-depth": _depth_ladder,
}
