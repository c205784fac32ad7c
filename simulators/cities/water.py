"""A city's water network: looped mains under all streets, each district metered at its inlet, works, wells, tank."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.cities.ageing import years_by_centre
from simulators.cities.chance import Chance, IntArray, distance, to_centimetres
from simulators.cities.paths import gathered, shortest_ways
from simulators.cities.pipes import Pipes, middles, numbered
from simulators.cities.plans import CityPlan
from simulators.cities.streets import Streets
from simulators.physics import FloatArray

HEAD_MIN_M = 26.0  # at the highest place of a district, behind its reducer
PUMP_HEAD_M = 46.0
TANK_DEPTH_M = 8.0
TANK_HOURS = 4.0  # of the mean demand
SPEED_M_S = 0.65  # in a main at mean demand
FRICTION = 0.002  # metres of head a metre of main that the reducers make up for
COVER_M = 1.8
DIAMETERS_MM = (150, 200, 300, 400, 500, 600, 800, 1_000, 1_200, 1_400, 1_600, 2_000)
WORKS_M = 300.0  # from the highest crossing to the works


class Pump(NamedTuple):
    """A pump: its link, and one point of its curve (L/s, m)."""

    link: int
    flow_l_s: float
    head_m: float


class Reducer(NamedTuple):
    """A pressure reducing valve with the meter of the district behind it; setting in metres of head over the valve."""

    link: int
    district: int
    setting_m: float


@dataclass(frozen=True)
class WaterNetwork:
    """The water network. `demand_l_s` is the mean demand of each node, shape (n,); `pattern` names its course of a day.

    Nodes of kind reservoir have `head_m`, the tank its bottom, in the pipes' `level_m`.
    """

    pipes: Pipes
    demand_l_s: FloatArray
    pattern: list[str]
    pumps: list[Pump]
    reducers: list[Reducer]
    tank: int
    tank_diameter_m: float


class _Mains(NamedTuple):
    """The districts' mains: nodes from and to (away from the inlet), diameter, street; each district's longest way."""

    start: IntArray
    end: IntArray
    diameter_mm: IntArray
    line: IntArray
    longest_m: list[float]


class _Trunk(NamedTuple):
    """The trunk main: the crossings it passes, those at the works and the wells; and its pipes, one towards each
    crossing `below` from the one `above` it.
    """

    nodes: list[int]
    works: int
    wells: int
    above: list[int]
    below: list[int]
    diameter_mm: list[int]
    line: IntArray


def lay_water(plan: CityPlan, streets: Streets, seed: int) -> WaterNetwork:
    """Return the water network of a city.

    A trunk main runs down from the works and the tank on the high side, under arterials, to one inlet a district; the
    districts' own mains lie under every street within them and are closed to each other.
    """
    chance = Chance(seed, plan.name, "water")
    demand = _demands(plan, streets, chance)
    total = math.fsum(demand)
    inlets = [_inlet(streets, district) for district in range(int(streets.district.max()) + 1)]
    trunk = _trunk(streets, inlets, demand)
    mains = _mains(streets, inlets, demand)
    # Nodes: the districts' junctions at the crossings, those of the trunk, then works, wells and tank.
    crossings, count = len(streets.east), len(streets.east) + len(trunk.nodes)
    place = {node: crossings + k for k, node in enumerate(trunk.nodes)}
    works, wells, tank = count, count + 1, count + 2
    at = [*range(crossings), *trunk.nodes, trunk.works, trunk.wells, trunk.works]
    away = np.asarray([0.0] * count + [-1.0, 1.0, -0.5]) * WORKS_M
    east = to_centimetres(streets.east[at] + away * plan.fall_east)
    north = to_centimetres(streets.north[at] + away * plan.fall_north)
    ground = streets.ground_m[at]
    top = float(streets.ground_m[trunk.works])
    level = to_centimetres(ground - COVER_M)
    level[[works, wells, tank]] = top, float(streets.ground_m[trunk.wells]), round(top + PUMP_HEAD_M - TANK_DEPTH_M, 2)
    # Links: mains, trunk, the reducers at the inlets, two pumps, and the pipe to the tank.
    from_node = np.asarray(
        [*mains.start.tolist(), *(place[node] for node in (*trunk.above, *inlets)), works, wells, place[trunk.works]]
    )
    ends = place[trunk.works], place[trunk.wells], tank
    to_node = np.asarray([*mains.end.tolist(), *(place[node] for node in trunk.below), *inlets, *ends])
    first = len(mains.start) + len(trunk.below)  # of the reducers
    kinds = ["pipe"] * first + ["valve"] * len(inlets) + ["pump", "pump", "pipe"]
    reducer_mm = [_size(0.6 * math.fsum(demand[streets.district == d])) for d in range(len(inlets))]
    diameter = np.asarray([*mains.diameter_mm.tolist(), *trunk.diameter_mm, *reducer_mm, 0, 0, _size(total)])
    length = to_centimetres(distance(east[from_node] - east[to_node], north[from_node] - north[to_node]))
    length[[kind != "pipe" for kind in kinds]] = 0.0
    year = years_by_centre(chance, middles(east, north, from_node, to_node), 1978, 2022)
    sources = [f"{plan.code}-water-{thing}" for thing in ("works", "wells", "tank")]
    feeds = [f"{plan.code}-water-{thing}" for thing in ("pump-1", "pump-2", "tank-main")]
    pipes = Pipes(
        "water", streets.frame,
        [*numbered(plan.code, "water-junction", crossings), *numbered(plan.code, "water-trunk", len(trunk.nodes)),
         *sources],
        ["junction"] * count + ["reservoir", "reservoir", "tank"], east, north, ground, level,
        streets.line_of_crossing[at], streets.district[at],
        [*numbered(plan.code, "water-main", len(mains.start)),
         *numbered(plan.code, "water-trunk-main", len(trunk.below)),
         *numbered(plan.code, "water-inlet", len(inlets)), *feeds],
        kinds, from_node, to_node, length, diameter, _materials(year, diameter), year,
        np.concatenate([mains.line, trunk.line, np.full(len(inlets) + 3, -1)]),
    )  # fmt: skip
    last = len(kinds) - 1
    head_at_wells = top + PUMP_HEAD_M + 2.0 - float(level[wells])
    return WaterNetwork(
        pipes, np.append(demand, np.zeros(len(at) - crossings)),
        _patterns(streets, chance) + ["household"] * (len(at) - crossings),
        [
            Pump(last - 2, round(0.8 * total, 2), PUMP_HEAD_M),
            Pump(last - 1, round(0.7 * total, 2), round(head_at_wells, 2)),
        ],
        [Reducer(first + d, d, _setting(streets, d, inlets[d], mains.longest_m[d])) for d in range(len(inlets))],
        tank, round(math.sqrt(TANK_HOURS * 3.6 * total / TANK_DEPTH_M * 4.0 / math.pi), 2),
    )  # fmt: skip


def _demands(plan: CityPlan, streets: Streets, chance: Chance) -> FloatArray:
    """Mean demand of each crossing in L/s: each block draws at its corners; the rest is a little everywhere."""
    weight = np.full(len(streets.east), 0.2)
    drawn = chance.uniform(len(streets.blocks), 0.4, 1.6)
    for corner in range(4):
        np.add.at(weight, streets.blocks[:, corner], drawn)
    return np.round(weight / math.fsum(weight) * plan.water_m3_d / 86.4, 3)


def _patterns(streets: Streets, chance: Chance) -> list[str]:
    kinds = np.asarray(["household", "household", "household", "business", "works"])
    return [str(kind) for kind in kinds[chance.below(len(kinds), len(streets.east))]]


def _inlet(streets: Streets, district: int) -> int:
    """The highest crossing of a district on an arterial, or the highest at all."""
    on_arterial = np.zeros(len(streets.east), np.bool_)
    on_arterial[streets.start[streets.arterial]] = True
    on_arterial[streets.end[streets.arterial]] = True
    inside = streets.district == district
    fitting = inside & on_arterial if (inside & on_arterial).any() else inside
    return int(np.argmax(np.where(fitting, streets.ground_m, -np.inf)))


def _trunk(streets: Streets, inlets: list[int], demand: FloatArray) -> _Trunk:
    works = max((inlets[0], inlets[-1]), key=lambda node: float(streets.ground_m[node]))
    cost = streets.length_m * np.where(streets.arterial, 0.5, 1.0)
    ways = shortest_ways(len(streets.east), streets.start, streets.end, cost, cost, [works])
    flow: dict[int, float] = {}
    for district, inlet in enumerate(inlets):
        drawn = math.fsum(demand[streets.district == district])
        node = inlet
        while node >= 0:
            flow[node] = flow.get(node, 0.0) + drawn
            node = int(ways.towards[node])
    nodes = sorted(flow)
    below = [node for node in nodes if node != works]
    wells = max(below, key=lambda node: (float(ways.cost[node]), node), default=works)
    above = ways.towards[below].tolist()
    return _Trunk(
        nodes, works, wells, above, below, [_size(flow[node]) for node in below], streets.line[ways.by[below]]
    )


def _mains(streets: Streets, inlets: list[int], demand: FloatArray) -> _Mains:
    """Mains under the streets within each district, sized by the flow of the shortest ways from the inlets."""
    within = streets.district[streets.start] == streets.district[streets.end]
    length = streets.length_m[within] * np.where(streets.arterial[within], 0.7, 1.0)
    start, end = streets.start[within], streets.end[within]
    ways = shortest_ways(len(streets.east), start, end, length, length, inlets)
    flow = gathered(demand, ways.towards, ways.order[::-1].tolist())
    carried = np.zeros(len(length))
    inner = ways.by >= 0
    carried[ways.by[inner]] = flow[inner]
    least = np.where(streets.arterial[within], 300, 150)
    diameter = np.maximum(least, [_size(litres) for litres in carried.tolist()])
    away = ways.cost[start] <= ways.cost[end]
    longest = [float(ways.cost[streets.district == district].max()) for district in range(len(inlets))]
    return _Mains(np.where(away, start, end), np.where(away, end, start), diameter, streets.line[within], longest)


def _size(flow_l_s: float) -> int:
    """The least diameter in mm in which a flow is not faster than it should be."""
    for diameter in DIAMETERS_MM:
        if flow_l_s / 1e3 <= SPEED_M_S * math.pi * (diameter / 2e3) ** 2:
            return diameter
    return DIAMETERS_MM[-1]


def _setting(streets: Streets, district: int, inlet: int, longest_m: float) -> float:
    """The reducer's setting: enough head at the highest place of the district, and for the friction on the way."""
    highest = float(streets.ground_m[streets.district == district].max())
    return round(highest - float(streets.ground_m[inlet]) + HEAD_MIN_M + FRICTION * longest_m, 1)


def _materials(year: IntArray, diameter: IntArray) -> list[str]:
    """Materials by age and size."""
    modern = np.where(diameter >= 300, "ductile iron", "pe")
    return [str(name) for name in np.where(year < 1995, "grey cast iron", modern)]
