"""A slope that creeps to failure and one that stops, a tailings dam after long rain, and a goaf that collapses."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance
from simulators.cities.sensors import SensorGroup
from simulators.courses import goaf, tailings
from simulators.courses.goaf import GroundCollapse
from simulators.courses.slopes import GNSS_EACH, SlopeCreep
from simulators.events import Storm
from simulators.physics import FloatArray
from simulators.physics.ground import Episode
from simulators.physics.subsidence import Collapse
from simulators.scenarios.choice import group_of, one_of
from simulators.scenarios.story import DAY_S, HOUR_S, Claim, Scenario, Story

_SLOPE_THINGS = ("slope", "slope-rate", "slope-tilt", "slope-crack")
_STARTS_S = 3 * DAY_S  # of the movements: the rules have seen the quiet slope before
_FAILS_S, _SLID_MM = _STARTS_S + 21 * DAY_S, 1_500.0
_RAINS_FROM_S, _RAINS_S, _RAIN_MM_H, _RAIN_M = DAY_S, 5 * DAY_S, 2.0, 4_000.0
_SINKS_FROM_S, _FALLS_S = DAY_S, 6 * DAY_S
_SUNK_MM, _PIT_MM, _PIT_M = 45.0, 1_200.0, 140.0
_LIMITS: dict[str, list[tuple[float, str]]] = {
    "goaf-settlement": [(5.0, "blue"), (20.0, "yellow"), (100.0, "orange")],
    "goaf-displacement": [(10.0, "blue"), (20.0, "yellow"), (100.0, "orange")],  # five times its noise is 8 mm
    "goaf-tilt": [(3.0, "yellow")],
    "goaf-strain": [(2_000.0, "yellow")],
}
_NOTICED_MM_D = {"goaf-settlement": 0.8, "goaf-displacement": 1.0}  # half of blue: with noise on it that is enough
_SINKS_MM_D = 12.0  # in the middle, over the last two days before the pit falls
_UNITS = {"goaf-settlement": "mm down", "goaf-displacement": "mm across", "goaf-strain": "um/m"}
_CLEAR = 1.3  # what is that much above or below a limit is clear of it


def _creep(
    city: SimulatedCity, seed: int, name: str, episode: Episode, claims: list[Claim], slid_mm: float = 0.0
) -> Story:
    """One slope moves; the claims are made of each of its receivers."""
    group = group_of(city, "slope")
    if group is None:
        return Story()
    chosen = one_of(range(len(group) // GNSS_EACH), Chance(seed, city.plan.name, name))
    ids = group.ids(city.plan)[GNSS_EACH * chosen : GNSS_EACH * (chosen + 1)]
    claimed = [claim._replace(sensor=sensor) for claim in claims for sensor in ids]
    return Story([SlopeCreep(chosen, episode, slid_mm)], claimed)


def fail_slope(city: SimulatedCity, seed: int) -> Story:
    """Let a slope accelerate for three weeks, from 3 mm/d at once, and slide."""
    # The creep ends in the slide: held at its peak for no time, and dead at once.
    episode = Episode(_STARTS_S, _FAILS_S, 3.0, 3_000.0, 0.0, 60.0)
    creeps = "creep accelerates from 3 mm/d and passes 10 mm/d six days before the slope slides"
    fails = "creep passes 30 mm/d two days before the slope slides; clear the area half a day before at the latest"
    claims = [
        Claim("", _STARTS_S, _FAILS_S, "creep-to-failure", "yellow/orange", 10 * DAY_S, creeps),
        Claim("", _FAILS_S - 3 * DAY_S, _FAILS_S, "failure", "red", 2.5 * DAY_S, fails),
    ]
    return _creep(city, seed, "slope-creep-to-failure", episode, claims, _SLID_MM)


def stop_creep(city: SimulatedCity, seed: int) -> Story:
    """Let a slope accelerate to 15 mm/d and come to rest."""
    episode = Episode(_STARTS_S, _STARTS_S + 15 * DAY_S, 2.5, 15.0, 1.0 * DAY_S, 2 * DAY_S)
    note = "creep accelerates to 15 mm/d and comes to rest: never red"
    claim = Claim("", _STARTS_S, episode.peak_s + 4 * DAY_S, "creep-that-stops", "orange", 10 * DAY_S, note)
    return _creep(city, seed, "creep-that-stops", episode, [claim])


def rain_on_dam(city: SimulatedCity, seed: int) -> Story:
    """Let it rain for five days on a tailings dam and the hills around it."""
    group = group_of(city, "tailings-level")
    if group is None:
        return Story()
    start = _RAINS_FROM_S + float(Chance(seed, city.plan.name, "long rain").uniform(1, 0.0, 6.0)[0]) * HOUR_S
    end = start + _RAINS_S
    storm = Storm(((start, end, _RAIN_MM_H),), *tailings.CENTRE_M, _RAIN_M)
    claims = []
    if len(group) >= 2 * 4:
        note = "the phreatic line is at yellow in more than three sections, which together make orange"
        claims = [Claim(group.ids(city.plan)[0], start, end, "several-points", "orange", _RAINS_S, note)]
    return Story([storm], claims)


def collapse_goaf(city: SimulatedCity, seed: int) -> Story:
    """Let the ground above the goaf sink for five days and fall in, where marks and meters feel it."""
    marks = group_of(city, "goaf-settlement")
    if marks is None:
        return Story()
    pits = [
        Collapse(float(east) + 10.0, float(north) - 8.0, _PIT_MM, _PIT_M, _FALLS_S)
        for east, north in zip(marks.east, marks.north, strict=True)
    ]
    groups = [group for group in city.groups if group.thing in _LIMITS]
    felt = [[_falls(group, pit) for group in groups] for pit in pits]
    # Best where most kinds of sensors feel it, and fewest of them near a limit.
    worth = [sum(bool(np.any(fall.clear)) for fall in falls) - sum(int(fall.near) for fall in falls) for falls in felt]
    best = sorted(range(len(pits)), key=lambda k: (-worth[k], k))[: max(1, len(pits) // 5)]
    chosen = one_of(best, Chance(seed, city.plan.name, "goaf-collapse"))
    pit = pits[chosen]
    claims = [claim for fall in felt[chosen] if fall.group.thing != "goaf-tilt" for claim in _claims(city, fall, pit)]
    return Story([GroundCollapse(pit, _SINKS_FROM_S, _SUNK_MM)], claims)


class _Fall(NamedTuple):
    """What the fall makes at the sensors of a group: how much, whether that is clear, and how many are near a limit."""

    group: SensorGroup
    sizes: FloatArray
    clear: NDArray[np.bool_]
    near: int


def _falls(group: SensorGroup, pit: Collapse) -> _Fall:
    form = goaf.bowl(pit, group.east, group.north)
    tilt = np.hypot(form.tilt_east_m, form.tilt_north_m)
    sizes = (
        _PIT_MM
        * {
            "goaf-settlement": form.sunk,
            "goaf-displacement": goaf.PANEL.shift_factor * pit.radius_m * tilt,
            "goaf-tilt": tilt,
            "goaf-strain": 1e3 * np.abs(form.strain_east_m),
        }[group.thing]
    )
    limits = np.asarray([limit for limit, _ in _LIMITS[group.thing]])[:, None]
    near = np.any((sizes > limits / _CLEAR) & (sizes < limits * _CLEAR), axis=0)
    return _Fall(group, sizes, (sizes > limits[0]) & ~near, int(near.sum()))


def _claims(city: SimulatedCity, fall: _Fall, pit: Collapse) -> list[Claim]:
    """The claims of a group, from the fall on; from the sinking before it on where that is fast enough to notice."""
    thing, claims = fall.group.thing, []
    for sensor, size in zip(fall.group.ids(city.plan), fall.sizes.tolist(), strict=True):
        severity = _severity(size, _LIMITS[thing])
        if severity:
            rate = size * _SINKS_MM_D / _PIT_MM
            start = _SINKS_FROM_S if rate > _NOTICED_MM_D.get(thing, np.inf) else pit.start_s
            note = f"the ground falls in: {size:.0f} {_UNITS[thing]}"
            due = pit.start_s - start + HOUR_S
            claims.append(Claim(sensor, start, pit.start_s + DAY_S, "collapse", severity, due, note))
    return claims


def _severity(size: float, limits: list[tuple[float, str]]) -> str:
    """The severities that are right for a size, joined by strokes; none where it is not clear of the lowest limit."""
    surely = [name for limit, name in limits if size > _CLEAR * limit]
    perhaps = [name for limit, name in limits if size / _CLEAR < limit < size * _CLEAR]
    return "/".join([surely[-1], *perhaps]) if surely else ""


SCENARIOS = [
    Scenario(
        "slope-creep-to-failure",
        "a slope accelerates for three weeks and slides",
        "2026-07-01T00:00",
        26 * DAY_S,
        fail_slope,
        _SLOPE_THINGS,
    ),
    Scenario(
        "creep-that-stops",
        "a slope accelerates for twelve days and comes to rest: orange, never red",
        "2026-07-01T00:00",
        26 * DAY_S,
        stop_creep,
        _SLOPE_THINGS,
    ),
    Scenario(
        "tailings-after-long-rain",
        "it rains for five days on a tailings dam: pond, phreatic line and seepage rise",
        "2026-08-20T00:00",
        12 * DAY_S,
        rain_on_dam,
        ("tailings-level", "tailings-depth", "tailings-pond", "tailings-seepage", "tailings-displacement"),
    ),
    Scenario(
        "goaf-collapse",
        "the ground above a goaf sinks faster for five days, then a pit falls in",
        "2026-05-11T00:00",
        8 * DAY_S,
        collapse_goaf,
        ("goaf-settlement", "goaf-displacement", "goaf-tilt", "goaf-strain"),
    ),
]
