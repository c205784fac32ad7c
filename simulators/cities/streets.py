"""A city's streets: a grid of arterials and local streets with some irregularity, on ground that falls one way."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.cities.chance import Chance, Frame, IntArray, distance, to_centimetres
from simulators.cities.paths import connected_parts
from simulators.cities.plans import CityPlan
from simulators.physics import FloatArray

BLOCK_M = 430.0  # between two streets, as the superblocks of the region's cities have it
ARTERIAL_EVERY = 3  # lines of the grid
HEAD_GAP_M = 20.0  # a sewer begins this far from the crossing above it
OUTFALL_M = 150.0  # from the last manhole to the outfall
NO_CROSSING, UNDERPASS, BRIDGE = 0, 1, 2


@dataclass(frozen=True)
class Streets:
    """The streets as arrays: crossings (n,), stretches between two crossings (m,), blocks of four corners (b, 4).

    `east` and `north` are metres from the city's centre, `ground_m` metres above the sea. Of a stretch: its two
    crossings, `length_m`, whether it is part of an `arterial`, the `line` of the grid it lies on (index of
    `line_names`, English and Chinese), and how it passes the railway or the motorway.
    """

    frame: Frame
    east: FloatArray
    north: FloatArray
    ground_m: FloatArray
    district: IntArray
    column: IntArray
    row: IntArray
    start: IntArray
    end: IntArray
    length_m: FloatArray
    arterial: NDArray[np.bool_]
    line: IntArray
    crossing: IntArray
    line_names: list[tuple[str, str]]
    blocks: IntArray
    columns: int

    @property
    def line_of_crossing(self) -> IntArray:
        """The line of one of the streets that meet at each crossing, shape (n,)."""
        line = np.zeros(len(self.east), np.int64)
        line[self.end], line[self.start] = self.line, self.line
        return line


def lay_streets(plan: CityPlan, seed: int) -> Streets:
    """Return the streets of a city, as long together as its drains need them to be."""
    chance = Chance(seed, plan.name, "streets")
    # A grid of c columns and r rows has 2 c r - c - r stretches, about an eighth of which is left out below.
    crossings = plan.drainage_km * 1_000.0 / BLOCK_M / 1.72
    columns = max(4, round(float(np.sqrt(crossings / 1.2))))
    rows = max(4, round(crossings / columns))
    across, along = (_line_places(chance, count) for count in (columns, rows))
    column, row = (part.ravel() for part in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    from_centre = [2.0 * part / (count - 1) - 1.0 for part, count in ((column, columns), (row, rows))]
    kept = (from_centre[0] * from_centre[1]) ** 2 < 0.6  # the corners of the grid stay open land
    wobble = [chance.uniform(columns * rows, -0.09, 0.09) for _ in range(2)]
    bend = chance.uniform(2, -0.5, 0.5)
    east = across[column] + wobble[0] + bend[0] * (1.0 - from_centre[1] ** 2)
    north = along[row] + wobble[1] + bend[1] * (1.0 - from_centre[0] ** 2)
    number = np.where(kept, np.cumsum(kept) - 1, -1).reshape(columns, rows)
    start, end, line = _stretches(number)
    names = _line_names(plan, columns, rows)
    column, row, east, north = column[kept], row[kept], east[kept], north[kept]
    arterial = _is_arterial(line, columns)
    crossing = _crossings(row, column, start, end, rows, columns)
    left_out = ~arterial & ((crossing != NO_CROSSING) | (chance.uniform(len(start)) < 0.1))
    chosen = _still_connected(len(east), start, end, left_out)
    start, end, line, crossing = (part[chosen] for part in (start, end, line, crossing))
    arterial = arterial[chosen]
    scale = _scale(plan, len(east), distance(east[end] - east[start], north[end] - north[start]))
    east, north = to_centimetres(scale * (east - _middle(east))), to_centimetres(scale * (north - _middle(north)))
    height = east * plan.fall_east + north * plan.fall_north
    return Streets(
        Frame(plan.longitude, plan.latitude), east, north, _ground(plan, chance, east, north),
        _districts(height, start, end, max(1, len(plan.districts))), column, row, start, end,
        distance(east[end] - east[start], north[end] - north[start]), arterial, line, crossing, names,
        _blocks(number), columns,
    )  # fmt: skip


def _line_places(chance: Chance, count: int) -> FloatArray:
    gaps = chance.uniform(count, 0.75, 1.25)
    return np.asarray(np.cumsum(gaps) - gaps[0], np.float64)


def _is_arterial(line: IntArray, columns: int) -> NDArray[np.bool_]:
    """Every third column and row from the second on; lines are numbered columns first."""
    place = np.where(line < columns, line, line - columns)
    return np.asarray(place % ARTERIAL_EVERY == 1, np.bool_)


def _stretches(number: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Crossings joined along columns, then along rows, where both are there; and the line of each stretch."""
    columns, rows = number.shape
    starts = [number[:, :-1].ravel(), number[:-1, :].ravel()]
    ends = [number[:, 1:].ravel(), number[1:, :].ravel()]
    lines = [np.repeat(np.arange(columns), rows - 1), columns + np.tile(np.arange(rows), columns - 1)]
    start, end, line = (np.concatenate(parts) for parts in (starts, ends, lines))
    both = (start >= 0) & (end >= 0)
    return start[both], end[both], line[both]


def _blocks(number: IntArray) -> IntArray:
    corners = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=-1).reshape(-1, 4)
    return corners[(corners >= 0).all(axis=1)]


def _crossings(row: IntArray, column: IntArray, start: IntArray, end: IntArray, rows: int, columns: int) -> IntArray:
    """Streets pass under a railway that runs across the city, and over a motorway that runs along it."""
    railway, motorway = rows * 2 // 3, columns * 4 // 5
    under = (row[start] < railway) & (row[end] >= railway)
    over = (column[start] < motorway) & (column[end] >= motorway)
    return np.where(under, UNDERPASS, np.where(over, BRIDGE, NO_CROSSING))


def _still_connected(crossings: int, start: IntArray, end: IntArray, left_out: NDArray[np.bool_]) -> IntArray:
    """The stretches that stay: those not to be left out, and of the others those without which a part is cut off."""
    part = connected_parts(crossings, start[~left_out], end[~left_out])
    stays = ~left_out
    for stretch in np.flatnonzero(left_out).tolist():
        one, other = part[start[stretch]], part[end[stretch]]
        if one != other:
            stays[stretch] = True
            part[part == other] = one
    return np.flatnonzero(stays)


def _scale(plan: CityPlan, crossings: int, lengths: FloatArray) -> float:
    """Metres a unit of the grid, so that the sewers add up: see `drainage.lay_sewers` for what is taken off and on."""
    heads = len(lengths) - (crossings - plan.outfalls)
    wanted = plan.drainage_km * 1_000.0 + HEAD_GAP_M * heads - OUTFALL_M * plan.outfalls
    return wanted / math.fsum(lengths)


def _middle(places: FloatArray) -> float:
    return 0.5 * (float(places.min()) + float(places.max()))


def _ground(plan: CityPlan, chance: Chance, east: FloatArray, north: FloatArray) -> FloatArray:
    """A plane that falls one way, with hills and hollows of up to 1.2 m on it."""
    ground = plan.ground_m - plan.fall * (east * plan.fall_east + north * plan.fall_north)
    half = float(np.abs(east).max()), float(np.abs(north).max())
    for _ in range(8):
        place = chance.uniform(4, -1.0, 1.0).tolist()
        away = ((east - place[0] * half[0]) ** 2 + (north - place[1] * half[1]) ** 2) / (0.5 * half[0] * half[1])
        ground = ground + 1.2 * place[2] * np.maximum(0.0, 1.0 - away) ** 2
    return to_centimetres(ground)


def _districts(down: FloatArray, start: IntArray, end: IntArray, count: int) -> IntArray:
    """Bands of as many crossings each across the fall of the ground, each in one piece: strays join a neighbour."""
    crossings = len(down)
    count = min(count, max(1, crossings // 6))
    district = np.empty(crossings, np.int64)
    district[np.argsort(down, kind="stable")] = np.arange(crossings) * count // crossings
    for _ in range(count * 4):
        inside = district[start] == district[end]
        part = connected_parts(len(down), start[inside], end[inside])
        size = np.bincount(part, minlength=len(down))
        largest = {d: int(np.argmax(np.where(district == d, size[part], 0))) for d in range(count)}
        stray = np.asarray([part[k] != part[largest[d]] for k, d in enumerate(district.tolist())])
        if not stray.any():
            break
        for one, other in zip(start.tolist(), end.tolist(), strict=True):
            for here, there in ((one, other), (other, one)):
                if stray[here] and not stray[there]:
                    district[here], stray[here] = district[there], False
    return district


_COMMON_NAMES = (
    ("Renmin Road", "人民路"), ("Jiefang Road", "解放路"), ("Zhongshan Road", "中山路"), ("Heping Road", "和平路"),
    ("Wenhua Road", "文化路"), ("Tuanjie Road", "团结路"), ("Minzhu Road", "民主路"), ("Guangming Road", "光明路"),
    ("Youyi Road", "友谊路"), ("Gongye Road", "工业路"), ("Huancheng Road", "环城路"), ("Xueyuan Road", "学院路"),
)  # fmt: skip
_DIGITS = "零一二三四五六七八九"


def _line_names(plan: CityPlan, columns: int, rows: int) -> list[tuple[str, str]]:
    """Names of the grid's lines: arterials get the plan's and common ones, the others numbers, as new towns do."""
    given = [*plan.streets, *(name for name in _COMMON_NAMES if name not in plan.streets)]
    names = []
    for kind, kind_zh, count in (("Jing", "经", columns), ("Wei", "纬", rows)):
        for place in range(count):
            arterial = place % ARTERIAL_EVERY == 1
            numbered = (f"{kind} {place + 1} Road", f"{kind_zh}{_chinese(place + 1)}路")
            names.append(given.pop(0) if arterial and given else numbered)
    return names


def _chinese(number: int) -> str:
    """A number from 1 to 99 in Chinese."""
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else ("" if tens == 1 else _DIGITS[tens]) + "十") + (_DIGITS[ones] if ones else "")
