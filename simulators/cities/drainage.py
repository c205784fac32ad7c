"""A city's sewers: a manhole every few dozen metres under all streets, every one of them falling to an outfall."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.cities.ageing import years_by_centre
from simulators.cities.chance import Chance, IntArray, distance, shares, to_centimetres
from simulators.cities.paths import gathered, shortest_ways, upstream_first
from simulators.cities.pipes import Pipes, divided, numbered
from simulators.cities.plans import CityPlan
from simulators.cities.streets import BLOCK_M, HEAD_GAP_M, OUTFALL_M, Streets
from simulators.physics import FloatArray

COVER_M = 1.4  # of earth on the pipe, below the frost
SLOPE_MIN = 0.0015
CLIMB_M = 600.0  # of detour that are taken rather than a metre of rising ground
ROUGHNESS = 0.013  # Manning's n of concrete
DIAMETERS_MM = (300, 400, 500, 600, 800, 1_000, 1_200, 1_350, 1_500, 1_650, 1_800, 2_000, 2_200, 2_400, 2_600, 2_800,
                3_000, 3_500, 4_000)  # fmt: skip
RUNOFF = 0.45
DRAINED = 0.5  # of the land; the rest seeps away


@dataclass(frozen=True)
class Sewers:
    """The sewers: manhole k of the first `manholes` nodes flows by link k; the other nodes are outfalls.

    The first manholes are those at the crossings of the streets, in the order of these.

    `area_ha` is the land that drains to each manhole, `sewage_l_s` its mean dry-weather inflow, `depth_m` the ground
    above its invert; all of shape (manholes,).
    """

    pipes: Pipes
    manholes: int
    area_ha: FloatArray
    sewage_l_s: FloatArray
    depth_m: FloatArray


class _Course(NamedTuple):
    """How water runs along the streets: of each stretch the crossings it runs from and to, and the share of it that
    lies above its first manhole; of each crossing the stretch by which its water leaves, -1 before an outfall.
    """

    start: IntArray
    end: IntArray
    gap: FloatArray
    leaves_by: IntArray


class _Nodes(NamedTuple):
    """Crossings, places between them, outfalls, in this order; `downstream` is the next node, -1 at an outfall."""

    east: FloatArray
    north: FloatArray
    ground_m: FloatArray
    line: IntArray
    district: IntArray
    downstream: IntArray


def lay_sewers(plan: CityPlan, streets: Streets, seed: int) -> Sewers:
    """Return the sewers of a city: as many manholes and kilometres as its plan says.

    Water takes the way to an outfall that is shortest and climbs least, and rather under arterials; where the plan
    has storm trunks, rather in these. A street off those ways drains from its upper end to its lower one.
    """
    chance = Chance(seed, plan.name, "drainage")
    trunk_lines = _trunk_lines(plan, streets)
    ends = _outfall_crossings(plan, streets, trunk_lines)
    nodes = _nodes(plan, streets, _course(streets, trunk_lines, ends), ends)
    manholes, ground = plan.manholes, nodes.ground_m
    below = nodes.downstream[:manholes]
    here = nodes.east[:manholes], nodes.north[:manholes]
    length = to_centimetres(distance(nodes.east[below] - here[0], nodes.north[below] - here[1]))
    spread = chance.uniform(manholes, 0.6, 1.4)
    spread = spread / math.fsum(spread)
    area = np.round(plan.drainage_km * 1e3 * BLOCK_M / 2.0 * DRAINED / 1e4 * spread, 4)
    order = upstream_first(nodes.downstream)
    diameter = _diameters(plan, area, ground, length, nodes.downstream, order)
    invert = _inverts(ground, length, diameter, nodes.downstream, order)
    year = years_by_centre(chance, here, 1982, 2023)
    node_kinds = ["manhole"] * manholes + ["outfall"] * len(ends)
    if trunk_lines:
        node_kinds[ends[0]] = "storage"  # 蓄排结合: the trunks end in a basin that holds the storm's peak
    pipes = Pipes(
        "drainage", streets.frame,
        [*numbered(plan.code, "manhole", manholes), *numbered(plan.code, "outfall", len(ends))],
        node_kinds, nodes.east, nodes.north, ground, invert, nodes.line, nodes.district,
        numbered(plan.code, "sewer", manholes),
        np.where(np.isin(nodes.line[:manholes], trunk_lines), "storm-trunk", "sewer").tolist(),
        np.arange(manholes), below, length, diameter, np.where(year < 2000, "concrete", "hdpe").tolist(), year,
        nodes.line[:manholes],
    )  # fmt: skip
    sewage = np.round(plan.sewage_m3_d / 86.4 * spread, 5)
    return Sewers(pipes, manholes, area, sewage, np.round(ground - invert, 2)[:manholes])


def _course(streets: Streets, trunk_lines: list[int], ends: list[int]) -> _Course:
    trunk = np.isin(streets.line, trunk_lines)
    rise = streets.ground_m[streets.end] - streets.ground_m[streets.start]
    plain = streets.length_m * np.where(trunk, 0.15, np.where(streets.arterial, 0.6, 1.0))
    forth, back = plain + CLIMB_M * np.maximum(0.0, rise), plain + CLIMB_M * np.maximum(0.0, -rise)
    ways = shortest_ways(len(streets.east), streets.start, streets.end, forth, back, ends)
    # The stretches of the ways are walked from their crossing, the others from their upper end.
    inner = np.flatnonzero(ways.by >= 0)
    taken = ways.by[inner]
    on_way = np.zeros(len(rise), np.bool_)
    on_way[taken] = True
    forwards = rise <= 0.0
    forwards[taken] = streets.start[taken] == inner
    return _Course(
        np.where(forwards, streets.start, streets.end),
        np.where(forwards, streets.end, streets.start),
        np.where(on_way, 0.0, HEAD_GAP_M / streets.length_m),
        ways.by,
    )


def _nodes(plan: CityPlan, streets: Streets, course: _Course, ends: list[int]) -> _Nodes:
    start, end, gap, leaves_by = course
    crossings, manholes = len(streets.east), plan.manholes
    parts = shares(streets.length_m, manholes - len(ends))
    stretch, east, north, share = divided(streets.east, streets.north, start, end, parts, gap)
    between = crossings + np.arange(len(stretch))
    last = np.append(stretch[1:] != stretch[:-1], True)
    places = parts - (gap == 0.0)
    first = crossings + np.cumsum(places) - places  # of each stretch
    inner = np.flatnonzero(leaves_by >= 0)
    taken = leaves_by[inner]
    downstream = np.full(manholes + len(ends), -1)
    downstream[between] = np.where(last, end[stretch], between + 1)
    downstream[inner] = np.where(places[taken] > 0, first[taken], end[taken])
    downstream[ends] = manholes + np.arange(len(ends))
    ground = streets.ground_m[start[stretch]] * (1.0 - share) + streets.ground_m[end[stretch]] * share
    return _Nodes(
        np.concatenate([streets.east, east, to_centimetres(streets.east[ends] + OUTFALL_M * plan.fall_east)]),
        np.concatenate([streets.north, north, to_centimetres(streets.north[ends] + OUTFALL_M * plan.fall_north)]),
        to_centimetres(np.concatenate([streets.ground_m, ground, streets.ground_m[ends] - OUTFALL_M * plan.fall])),
        np.concatenate([_line_of_crossings(streets, leaves_by), streets.line[stretch], np.full(len(ends), -1)]),
        np.concatenate([streets.district, streets.district[start[stretch]], streets.district[ends]]),
        downstream,
    )


def _trunk_lines(plan: CityPlan, streets: Streets) -> list[int]:
    """The lines of the storm trunks: arterials lengthwise, evenly chosen, and the lowest across that meets them all."""
    lengthwise, across = plan.storm_trunks
    if not lengthwise:
        return []
    arterials = sorted(set(streets.line[streets.arterial].tolist()))
    columns = [line for line in arterials if line < streets.columns]
    columns = [columns[k * len(columns) // lengthwise] for k in range(min(lengthwise, len(columns)))]
    met: list[tuple[float, int]] = []
    for line in (line for line in arterials if line >= streets.columns):
        on = streets.row == line - streets.columns
        if set(columns) <= set(streets.column[on].tolist()):
            met.append((math.fsum(streets.ground_m[on]) / int(on.sum()), line))
    return [*columns, *(line for _, line in sorted(met)[:across])]


def _outfall_crossings(plan: CityPlan, streets: Streets, trunk_lines: list[int]) -> list[int]:
    """The crossings before the outfalls: the trunks' lower end first, then low ones that lie apart."""
    by_height = np.argsort(streets.ground_m, kind="stable").tolist()
    chosen: list[int] = []
    if trunk_lines:
        on_trunk = set(np.flatnonzero(streets.row == trunk_lines[-1] - streets.columns).tolist())
        chosen = [next(node for node in by_height if node in on_trunk)]
    size = float(np.ptp(streets.east)), float(np.ptp(streets.north))
    apart = 0.6 * math.sqrt(size[0] * size[1] / plan.outfalls)
    while len(chosen) < plan.outfalls:
        for node in by_height:
            away = distance(streets.east[chosen] - streets.east[node], streets.north[chosen] - streets.north[node])
            if len(chosen) < plan.outfalls and (away > apart).all():
                chosen.append(node)
        apart *= 0.7
    return chosen


def _line_of_crossings(streets: Streets, leaves_by: IntArray) -> IntArray:
    """The street of each crossing: that by which its water leaves, or any that meets it."""
    return np.where(leaves_by >= 0, streets.line[leaves_by], streets.line_of_crossing)


def _diameters(
    plan: CityPlan, area: FloatArray, ground: FloatArray, length: FloatArray, downstream: IntArray, order: list[int]
) -> IntArray:
    """The least pipes that carry the design storm when full, none smaller than one above it.

    Rational method with the storm's mean over an hour on 1,000 ha, and intensity falling as the fourth root of the
    area for the longer time of concentration; capacity after Manning for a full circular pipe, 0.312 D^(8/3) S^(1/2)
    / n (Chow, Maidment and Mays, Applied Hydrology, 1988).
    """
    manholes = len(length)
    drained = gathered(np.append(area, np.zeros(len(downstream) - manholes)), downstream, order)[:manholes]
    relative = drained / 1_000.0
    flow = RUNOFF * plan.storm_mm_h / 360.0 * 1_000.0 * np.sqrt(relative) * np.sqrt(np.sqrt(relative))  # m3/s
    slope = np.clip((ground[:manholes] - ground[downstream[:manholes]]) / length, SLOPE_MIN, 0.03)
    # The power may differ by a bit between machines; it is only compared with, never written.
    capacity = np.asarray([0.312 * (d / 1e3) ** (8 / 3) / ROUGHNESS for d in DIAMETERS_MM])
    size = np.minimum(np.searchsorted(capacity, flow / np.sqrt(slope)), len(capacity) - 1).tolist()
    following = downstream.tolist()
    for node in order:
        if node < manholes and following[node] < manholes:
            size[following[node]] = max(size[following[node]], size[node])
    return np.asarray([DIAMETERS_MM[k] for k in size], np.int64)


def _inverts(
    ground: FloatArray, length: FloatArray, diameter: IntArray, downstream: IntArray, order: list[int]
) -> FloatArray:
    """Inverts with enough earth above the pipe that also fall along it; to a centimetre, downstream never higher."""
    bore = np.append(diameter, np.zeros(len(ground) - len(diameter))) / 1e3
    level = (ground - COVER_M - bore).tolist()
    following, lengths = downstream.tolist(), length.tolist()
    for node in order:
        level[node] = math.floor(level[node] * 100.0) / 100.0
        below = following[node]
        if below >= 0:
            level[below] = min(level[below], level[node] - max(0.01, SLOPE_MIN * lengths[node]))
    return np.asarray(level)
