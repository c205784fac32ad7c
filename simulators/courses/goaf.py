"""The ground above a goaf: the last of its slow subsidence, and an old working that breaks through to the day."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.courses.slopes import coloured_noise
from simulators.physics import FloatArray, subsidence
from simulators.world import Course, Who, World

CENTRE_M = (-5_500.0, -2_200.0)  # about which the sensors stand, east and north of the city's centre
PANEL = subsidence.Panel(
    CENTRE_M[0] - 400.0, CENTRE_M[0] + 400.0, CENTRE_M[1] - 300.0, CENTRE_M[1] + 300.0, 220.0, 1.6
)  # fmt: skip
_WORKED_OUT_S, _PER_YEAR = 2 * subsidence.YEAR_S, 1.2  # before the stream's start; Knothe's c
_SHIFT = PANEL.shift_factor


@dataclass(frozen=True, slots=True)
class GroundCollapse:
    """The ground sinks at a growing pace from `sinking_from_s` on, by `sunk_mm` in all, until the pit falls."""

    pit: subsidence.Collapse
    sinking_from_s: float
    sunk_mm: float


class Bowl(NamedTuple):
    """What a millimetre of depth in the middle of a pit makes at points, arrays (n,)."""

    sunk: FloatArray
    tilt_east_m: FloatArray  # 1/m
    tilt_north_m: FloatArray
    strain_east_m: FloatArray  # 1/m, horizontal, tension positive


def bowl(pit: subsidence.Collapse, east: FloatArray, north: FloatArray) -> Bowl:
    """Return the form of a pit: exp(-pi d^2 / r^2), its slopes, and its strain as the trough of Knothe has them."""
    radius = pit.radius_m
    across, along = east - pit.east_m, north - pit.north_m
    sunk = np.exp(-np.pi * (across**2 + along**2) / radius**2)
    bend = (4 * np.pi**2 * across**2 / radius**4 - 2 * np.pi / radius**2) * sunk
    slopes = [-2 * np.pi * part / radius**2 * sunk for part in (across, along)]
    return Bowl(sunk, slopes[0], slopes[1], _SHIFT * radius * bend)


def collapse_depth_mm(times: FloatArray, event: GroundCollapse) -> FloatArray:
    """Return the depth (mm) in the middle of the pit, shape of `times` (s)."""
    pit = event.pit
    share = np.clip((times - event.sinking_from_s) / (pit.start_s - event.sinking_from_s), 0.0, 1.0)
    return event.sunk_mm * share**1.5 + subsidence.collapse_mm(times, pit, pit.east_m, pit.north_m)


def _since_start(times: FloatArray) -> FloatArray:
    """The share of the final trough that came since the sensors were set to zero, at the stream's start."""
    now, then = (subsidence.knothe_share(at + _WORKED_OUT_S, 0.0, _PER_YEAR) for at in (times, np.zeros(1)))
    return np.asarray(now - then, np.float64)


def _collapses(world: World, group: SensorGroup) -> list[tuple[GroundCollapse, Bowl]]:
    return [(event, bowl(event.pit, group.east, group.north)) for event in world.of(GroundCollapse)]


def _settlement(world: World, group: SensorGroup) -> Course:
    found = subsidence.final_trough(PANEL, group.east, group.north).subsidence_mm
    return _sinking(found, [(event, form.sunk) for event, form in _collapses(world, group)])


def _sinking(final: FloatArray, collapses: list[tuple[GroundCollapse, FloatArray]]) -> Course:
    """What grows with the trough, to `final` (n,), and with the depth of each collapse, by a factor (n,)."""

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = final[who] * _since_start(times)
        for event, factor in collapses:
            value += factor[who] * collapse_depth_mm(times, event)
        return np.asarray(value, np.float64)

    return course


def _sloping(world: World, group: SensorGroup, *, shift: bool) -> Course:
    """The steepest tilt (mm/m) whatever its direction, or the horizontal way (mm): tilt times radius and a factor."""
    trough, collapses = subsidence.final_trough(PANEL, group.east, group.north), _collapses(world, group)
    final = [trough.tilt_east_mm_m, trough.tilt_north_mm_m]
    if shift:
        final = [trough.shift_east_mm, trough.shift_north_mm]

    def course(times: FloatArray, who: Who) -> FloatArray:
        share = _since_start(times)
        east, north = final[0][who] * share, final[1][who] * share
        for event, form in collapses:
            depth = collapse_depth_mm(times, event) * (_SHIFT * event.pit.radius_m if shift else 1.0)
            east += form.tilt_east_m[who] * depth
            north += form.tilt_north_m[who] * depth
        return np.asarray(np.hypot(east, north), np.float64)

    return course


def _tilt(world: World, group: SensorGroup) -> Course:
    tilts = _sloping(world, group, shift=False)
    return lambda times, who: subsidence.inclination_deg(tilts(times, who))


def _displacement(world: World, group: SensorGroup) -> Course:
    shifts, noise = _sloping(world, group, shift=True), coloured_noise(world, group.thing, len(group))
    return lambda times, who: np.add(shifts(times, who), noise(times, who))


def _strain(world: World, group: SensorGroup) -> Course:
    found = subsidence.final_trough(PANEL, group.east, group.north).strain_east_mm_m
    mm_m = _sinking(found, [(event, form.strain_east_m) for event, form in _collapses(world, group)])
    return lambda times, who: 1e3 * mm_m(times, who)


def _tilt_ladder(_world: World, group: SensorGroup) -> Ladder:
    return same_for_all("goaf-tilt", len(group), (np.nan, 0.1719, np.nan, np.nan), 2_400.0)


COURSES = {
    "goaf-settlement": _settlement,
    "goaf-displacement": _displacement,
    "goaf-tilt": _tilt,
    "goaf-strain": _strain,
}
LADDERS = {"goaf-tilt": _tilt_ladder}
