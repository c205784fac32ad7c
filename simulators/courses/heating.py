"""District heating: supply and return at the substations, pressure, make-up water and rooms, and a main that breaks.

The heating rests in warm weather: it runs from when the air falls below 12 Cel until a day after it last was.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulators.cities.chance import IntArray
from simulators.cities.heat import BUILDINGS_EACH, HeatNetwork
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder, same_for_all
from simulators.physics import DAY_S, FloatArray, heating
from simulators.physics.first_order import first_order
from simulators.physics.weather import outdoor_cel
from simulators.world import HOUR_S, Course, Who, World

HEAT = heating.Heating()
HEATS_BELOW_CEL = 12.0
RESTING_CEL = 20.0  # of water that stands: that of the rooms
_STEP_S = 300.0
_COOLING_S, _WARMING_S = 1.5 * HOUR_S, 1.0 * HOUR_S  # of a substation that is cut off, and served again
_SEEPAGE, _PUMP = (0.002, 0.005), 0.06  # of the circulating flow: what an intact network loses, what the pump gives
_BETTER_K = (1.6, 5.0)  # by which rooms are warmer than designed: sun, people, lamps
_ROOM_S = (1.4e5, 2.8e5)  # time constants of the buildings
_ROOMS_BEFORE_S = 4 * DAY_S  # before the stream's start, when the rooms stand in balance


@dataclass(frozen=True, slots=True)
class MainBreak:
    """A supply main that breaks: a link of the heat network, and what is behind it.

    It leaks from the start until its valves are closed, `leak` times the circulating flow behind it; until it is
    repaired no heat comes through.
    """

    link: int
    start_s: float
    closed_s: float
    repaired_s: float
    leak: float


def substations_behind(heat: HeatNetwork, link: int) -> IntArray:
    """Return which substations (their numbers from 0) are fed through a link of the supply, ascending."""
    supply = len(heat.pipes.from_node) // 2
    fed_by = {int(node): k for k, node in enumerate(heat.pipes.to_node[:supply])}
    found = []
    for number, node in enumerate(heat.substations.tolist()):
        at = fed_by.get(node)
        while at is not None and at != link:
            at = fed_by.get(int(heat.pipes.from_node[at]))
        if at is not None:
            found.append(number)
    return np.asarray(found, np.int64)


def running(times: FloatArray, air: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return whether the heating runs (1) or rests (0), shape of `times` (s), given the air (Cel) by time."""
    first, last = np.floor(times.min() / _STEP_S), np.ceil(times.max() / _STEP_S) + 1
    day = round(DAY_S / _STEP_S)
    cold = air(np.arange(first - day, last + 1) * _STEP_S) < HEATS_BELOW_CEL
    so_far = np.concatenate([[0], np.cumsum(cold)])
    lately = so_far[day + 1 :] > so_far[: -day - 1]  # within the day up to each step of the grid
    return np.asarray(lately[(np.floor(times / _STEP_S) - first).astype(np.int64)], np.float64)


def _own_curve_cel(times: FloatArray, air: Callable[[FloatArray], FloatArray], lag_s: FloatArray) -> FloatArray:
    """The supply that a substation's controller sets by the air `lag_s` before."""
    if not len(times):
        return np.empty(0)
    by_curve = heating.supply_cel(air(times - lag_s), HEAT)
    return RESTING_CEL + (np.maximum(by_curve, RESTING_CEL) - RESTING_CEL) * running(times, air)


def _served(world: World, times: FloatArray, substation: Who) -> FloatArray:
    """The share (0 to 1) of its heat that reaches each substation, shape of `times`."""
    share = np.ones(len(times))
    for broken in _breaks(world):
        behind = np.isin(substation, substations_behind(_heat(world), broken.link))
        edges = [broken.start_s, broken.repaired_s]
        share[behind] *= first_order(times[behind], edges, [0.0, 1.0], [_COOLING_S, _WARMING_S], 1.0)
    return share


def _heat(world: World) -> HeatNetwork:
    heat = world.city.heat
    if heat is None:
        raise ValueError(f"{world.city.plan.name} has no heating; its sensors cannot be read")
    return heat


def _breaks(world: World) -> list[MainBreak]:
    return world.of(MainBreak)


def _lags_s(world: World, count: int) -> FloatArray:
    """What controllers and the way to them delay, for each substation."""
    return world.chance("heat-lag").uniform(300.0, 1_500.0, count)


def _supply(world: World, group: SensorGroup) -> Course:
    lag_s = _lags_s(world, len(group))

    def course(times: FloatArray, who: Who) -> FloatArray:
        given = _own_curve_cel(times, world.air_cel, lag_s[who])
        return RESTING_CEL + (given - RESTING_CEL) * _served(world, times, who)

    return course


def _return(world: World, group: SensorGroup) -> Course:
    supply = _supply(world, group)
    # A smooth curve in steps of a tenth of a kelvin: the law itself is costly to solve for each reading.
    given = np.linspace(RESTING_CEL, 110.0, 901)
    back = heating.return_cel(given, HEAT)
    # What stands in the pipes is as warm in both.
    back[0] = RESTING_CEL
    return lambda times, who: np.interp(supply(times, who), given, back)


def _holding(world: World, group: SensorGroup) -> list[heating.MakeUp]:
    """The pressure holding of each substation."""
    seepage = world.chance("heat-seepage").uniform(*_SEEPAGE, len(group))
    circulation = _heat(world).circulation_m3_h
    set_mpa = 0.6 if "set_point" not in group.columns else float(str(group.columns["set_point"]))
    return [
        heating.MakeUp(set_mpa, seep * flow, _PUMP * flow)
        for seep, flow in zip(seepage.tolist(), circulation.tolist(), strict=True)
    ]


def _leaks(world: World) -> dict[int, list[tuple[float, float, float]]]:
    """The breaks (start s, end s, m3/h) that each substation behind one feeds, in proportion to its circulation."""
    heat = _heat(world)
    found: dict[int, list[tuple[float, float, float]]] = {}
    for broken in _breaks(world):
        for substation in substations_behind(heat, broken.link).tolist():
            leak = broken.leak * float(heat.circulation_m3_h[substation])
            found.setdefault(substation, []).append((broken.start_s, broken.closed_s, leak))
    return found


def _held(world: World, group: SensorGroup, which: int) -> Course:
    holding, leaks = _holding(world, group), _leaks(world)
    still = np.asarray([(hold.set_mpa, hold.seepage_m3_h)[which] for hold in holding])

    def course(times: FloatArray, who: Who) -> FloatArray:
        value = still[who]
        for substation, breaks in leaks.items():
            mine = who == substation
            value[mine] = heating.pressure_and_make_up(times[mine], holding[substation], breaks)[which]
        return value

    return course


def _pressure(world: World, group: SensorGroup) -> Course:
    return _held(world, group, 0)


def _make_up(world: World, group: SensorGroup) -> Course:
    return _held(world, group, 1)


def _room(world: World, group: SensorGroup) -> Course:
    heat, count = _heat(world), len(group)
    substation = (group.place - int(heat.buildings[0])) // BUILDINGS_EACH
    chance = world.chance("rooms")
    better, lasting = chance.uniform(*_BETTER_K, count), chance.uniform(*_ROOM_S, count)[:, None]
    # From before the stream's start, not the window's: a room remembers for days.
    hours = np.arange(-_ROOMS_BEFORE_S / HOUR_S, np.ceil(world.end_s / HOUR_S) + 2.0) * HOUR_S

    def air(times: FloatArray) -> FloatArray:
        return outdoor_cel(times, world.climate, world.chance("air"), world.year_day, world.local_s)

    outdoors = air(hours)
    given = _own_curve_cel(hours, air, np.zeros(len(hours)))
    usual = heating.balanced_room_cel(given, outdoors, HEAT)
    targets = np.tile(usual, (count, 1)) + better[:, None]
    for broken in _breaks(world):
        for cut in substations_behind(heat, broken.link).tolist():
            served = _served(world, hours, np.full(len(hours), cut))
            lowered = RESTING_CEL + (given - RESTING_CEL) * served
            colder = np.minimum(heating.balanced_room_cel(lowered, outdoors, HEAT), usual)
            targets[substation == cut] = colder + better[substation == cut, None]
    edges = heating.room_cel(hours, hours, targets, lasting, targets[:, 0])

    def course(times: FloatArray, who: Who) -> FloatArray:
        piece = np.clip(np.floor(times / HOUR_S - hours[0] / HOUR_S).astype(np.int64), 0, len(hours) - 1)
        kept = np.exp(-(times - hours[piece]) / lasting[who, 0])
        target = targets[who, piece]
        return np.asarray(target + (edges[who, piece] - target) * kept, np.float64)

    return course


def _pressure_ladder(_world: World, group: SensorGroup) -> Ladder:
    set_mpa = float(str(group.columns["set_point"]))
    limits = (np.nan, 0.85 * set_mpa, 0.7 * set_mpa, np.nan)
    return same_for_all("heating-pressure", len(group), limits, 1_200.0, below=True)


def _make_up_ladder(_world: World, group: SensorGroup) -> Ladder:
    circulation = np.asarray([float(flow) for flow in group.columns["circulation"]])
    limits = circulation[:, None] * np.asarray([np.nan, 0.01, 0.02, 0.04])
    return Ladder("make-up", limits, 4_800.0)


def _room_ladder(_world: World, group: SensorGroup) -> Ladder:
    return same_for_all("cold-room", len(group), (18.0, 16.0, 12.0, 5.0), 10_800.0, below=True)


COURSES = {
    "heat-supply": _supply,
    "heat-return": _return,
    "heat-pressure": _pressure,
    "heat-make-up": _make_up,
    "room": _room,
}
LADDERS = {"heat-pressure": _pressure_ladder, "heat-make-up": _make_up_ladder, "room": _room_ladder}
