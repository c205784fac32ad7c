"""Water in all sewers of a city, routed in blocks of the stream's clock when somebody asks for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from simulators.cities.chance import IntArray
from simulators.cities.drainage import RUNOFF, Sewers
from simulators.courses.parts import parts
from simulators.courses.standing_water import Standing, standing_behind
from simulators.courses.storm_sewers import KEPT_S as SOLVED_KEPT_S
from simulators.courses.storm_sewers import solved
from simulators.courses.surcharge import surcharged, with_streets
from simulators.physics import FloatArray
from simulators.physics.first_order import first_order, superpose
from simulators.physics.hydraulics import demand_factor
from simulators.physics.sewer import Sewers as Reaches
from simulators.physics.sewer import full_flow_m3_s, route
from simulators.world import HOUR_S, World

BLOCK_S, WARM_UP_S = 6 * HOUR_S, 3 * HOUR_S
STEP_S, KEPT_S = 60.0, 300.0
STORM_STEP_S, STORM_KEPT_S = 10.0, 120.0  # a wave runs at most a reach in a step
STORM_OF_DESIGN = 0.5  # of the hour's rain for which the drains are made
INLET_LAG_S = 600.0  # from the roof and the street to the gully
SHAFT_M2 = 1.0
BASIN_LAG_S = 2_400.0
BASIN_FULL_M = 3.0  # above its outlet, under the full flow of the trunks
BASIN_SILL_M = 0.3
WIDE_SHARE = 0.2  # of the manholes under heavy rain, from which on a storm is one of the whole city
_BLOCKS_KEPT = 2
_M3_S_OF_MM_H = 10.0 / 3_600.0  # a mm on a hectare is 10 m3


@dataclass(frozen=True, slots=True)
class Blockage:
    """The sewer below a manhole (its index) lets only a share `left` of its flow through, from start to end (s)."""

    manhole: int
    start_s: float
    end_s: float
    left: float = 0.0


@dataclass(frozen=True, slots=True)
class Discharge:
    """Somebody lets in water that is not allowed, at a manhole (its index), from start to end (s)."""

    manhole: int
    start_s: float
    end_s: float
    l_s: float


class _Block(NamedTuple):
    begin_s: float  # of the first column
    kept_s: float  # between two columns
    level_m: NDArray[np.float32]  # (manholes, columns)
    outflow_m3_s: NDArray[np.float32]


def reaches_of(sewers: Sewers) -> Reaches:
    """Return the reaches below all manholes as the routing takes them."""
    pipes, count = sewers.pipes, sewers.manholes
    below = pipes.to_node[:count]
    fall = (pipes.level_m[:count] - pipes.level_m[below]) / pipes.length_m[:count]
    return Reaches(
        pipes.diameter_mm[:count] / 1e3, np.maximum(fall, 1e-3), pipes.length_m[:count], sewers.depth_m,
        np.full(count, SHAFT_M2), np.where(below < count, below, -1),
    )  # fmt: skip


class SewerFlows:
    """Levels above the inverts and outflows of all manholes of a world; blocks are made when asked for.

    Each block starts from the steady flow three hours before, so that it never hangs on the one before it. In dry
    weather levels are those of the routing. In a block with a storm over much of the city they are SWMM's; under one
    over a small part the routing takes all that falls, in pipes and on streets, and levels are those of the hydraulic
    grade line. Behind a blockage there stands a pool of its own.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._blocks: dict[int, _Block] = {}
        self._blockages = world.of(Blockage)

    @cached_property
    def reaches(self) -> Reaches:
        """The reaches as the routing takes them."""
        return reaches_of(self._world.city.sewers)

    @cached_property
    def _sources(self) -> FloatArray:
        """What feeds each manhole: its sewage (m3/s), each rain on its land (m3/s per mm/h), each discharge (m3/s)."""
        sewers, world = self._world.city.sewers, self._world
        here = sewers.pipes.east[: sewers.manholes], sewers.pipes.north[: sewers.manholes]
        wet = sewers.area_ha * RUNOFF * _M3_S_OF_MM_H
        columns = [sewers.sewage_l_s / 1e3, wet, *(wet * storm.felt(*here) for storm in world.storms)]
        for event in world.of(Discharge):
            columns.append(np.where(np.arange(sewers.manholes) == event.manhole, event.l_s / 1e3, 0.0))
        return np.stack(columns, axis=1)

    def _rain_mm_h(self, times: FloatArray) -> FloatArray:
        """The rains as they reach the gullies, (rains, times)."""
        rows = []
        for rain in (self._world.natural_rain, *(storm.blocks for storm in self._world.storms)):
            starts, sums = superpose(rain)
            rows.append(first_order(times, starts, sums, [INLET_LAG_S] * len(starts)))
        return np.stack(rows)

    def _drivers(self, times: FloatArray) -> FloatArray:
        """How strong each source is at those times: the day's demand, the rains (mm/h), discharges on or off."""
        rows = [demand_factor(self._world.local_s + times), *self._rain_mm_h(times)]
        for event in self._world.of(Discharge):
            rows.append(np.where((times >= event.start_s) & (times < event.end_s), 1.0, 0.0))
        return np.stack(rows)

    def inflow_m3_s(self, times: FloatArray, manholes: IntArray) -> FloatArray:
        """Return what runs into those manholes of itself at those times (s), (manholes, times)."""
        return self._sources[manholes] @ self._drivers(times)

    def _block(self, number: int) -> _Block:
        if number not in self._blocks:
            if len(self._blocks) >= _BLOCKS_KEPT:
                del self._blocks[min(self._blocks)]
            self._blocks[number] = self._routed(number * BLOCK_S - WARM_UP_S)
        return self._blocks[number]

    def _routed(self, begin_s: float) -> _Block:
        around = begin_s + STEP_S * np.arange((WARM_UP_S + BLOCK_S) / STEP_S + 1)
        heavy_mm_h = STORM_OF_DESIGN * self._world.city.plan.storm_mm_h
        storm = self._rain_mm_h(around).max() > heavy_mm_h
        if storm and self._share_under(heavy_mm_h, around) >= WIDE_SHARE:
            found = solved(self._world, begin_s, begin_s + WARM_UP_S + BLOCK_S + SOLVED_KEPT_S)
            return _Block(found.begin_s, SOLVED_KEPT_S, found.level_m, found.outflow_m3_s)
        step_s, kept_s = (STORM_STEP_S, STORM_KEPT_S) if storm else (STEP_S, KEPT_S)
        steps = round((WARM_UP_S + BLOCK_S) / step_s)
        drivers = self._drivers(np.asarray(begin_s + step_s * np.arange(steps + 1), np.float64))

        def inflow(since_s: float) -> FloatArray:
            return self._sources @ drivers[:, round(since_s / step_s)]

        blocked = [(b.manhole, b.start_s - begin_s, b.end_s - begin_s, b.left) for b in self._blockages]
        reaches = with_streets(self.reaches) if storm else self.reaches
        course = route(reaches, inflow, steps, step_s, round(kept_s / step_s), blocked)
        level, flow = course.level_m, course.outflow_m3_s
        if storm:
            level, flow = surcharged(self._world.city.sewers, self.reaches, flow)
        return _Block(begin_s, kept_s, level.astype(np.float32), flow.astype(np.float32))

    def _share_under(self, heavy_mm_h: float, times: FloatArray) -> float:
        """The share of the manholes on which it rains that heavily at some of those times."""
        rains = self._rain_mm_h(times).max(axis=1)
        on_manholes = self._sources[:, 1 : 1 + len(rains)] * rains
        wet = self._world.city.sewers.area_ha * RUNOFF * _M3_S_OF_MM_H
        return float((on_manholes.max(axis=1) > heavy_mm_h * wet).mean())

    def level_m(self, times: FloatArray, manholes: IntArray) -> FloatArray:
        """Return the level (m above the invert) at each time (s) in the manhole beside it, both (m,)."""
        level = self._looked_up(times, manholes, outflow=False)
        for event, standing, before in zip(self._blockages, self._standing, self._before, strict=True):
            # The routing lets a blocked manhole fill by itself; the pool with all that is above it is what counts.
            alone = (manholes == event.manhole) & (times >= event.start_s) & (times < event.end_s)
            level[alone] = np.minimum(level[alone], before)
            level = np.maximum(level, standing.level_m(times, manholes))
        return level

    @cached_property
    def _before(self) -> list[float]:
        """The level in each manhole that is blocked later, at the start of the blockage."""
        return [
            float(self._looked_up(np.asarray([event.start_s]), np.asarray([event.manhole]), outflow=False)[0])
            for event in self._blockages
        ]

    def outflow_l_s(self, times: FloatArray, manholes: IntArray) -> FloatArray:
        """Return the flow (L/s) at each time (s) out of the manhole beside it, both (m,)."""
        return 1e3 * self._looked_up(times, manholes, outflow=True)

    def _looked_up(self, times: FloatArray, manholes: IntArray, *, outflow: bool) -> FloatArray:
        value = np.empty(len(times))
        for block, here in parts(np.floor(times / BLOCK_S).astype(np.int64)):
            kept = self._block(block)
            table = kept.outflow_m3_s if outflow else kept.level_m
            at = (times[here] - kept.begin_s) / kept.kept_s
            left = np.minimum(at.astype(np.int64), table.shape[1] - 2)
            low, high = (table[manholes[here], left + k].astype(np.float64) for k in (0, 1))
            value[here] = low + (high - low) * (at - left)
        return value

    @cached_property
    def _standing(self) -> list[Standing]:
        return [
            standing_behind(
                self._world.city.sewers, self.reaches, event.manhole, self.inflow_m3_s,
                (event.start_s, event.end_s), event.left, full_flow_m3_s(self.reaches)[event.manhole],
            )
            for event in self._blockages
        ]  # fmt: skip

    def basin_level_m(self, times: FloatArray, node: int) -> FloatArray:
        """Return the level (m) at each time (s) in the basin at that node, (m,): a linear reservoir above a sill.

        It stands at `BASIN_FULL_M` above the sill under the lasting full flow of what runs into it.
        """
        sewers = self._world.city.sewers
        entering = np.flatnonzero(sewers.pipes.to_node[: sewers.manholes] == node)
        full = float(full_flow_m3_s(self.reaches)[entering].sum())
        level = np.empty(len(times))
        for block, here in parts(np.floor(times / BLOCK_S).astype(np.int64)):
            kept = self._block(block)
            inflow = kept.outflow_m3_s[entering].astype(np.float64).sum(axis=0)
            target = BASIN_FULL_M * inflow / full
            starts = np.asarray(kept.begin_s + kept.kept_s * np.arange(len(target)), np.float64)
            level[here] = first_order(times[here], starts, target, [BASIN_LAG_S] * len(target), target[0])
        return BASIN_SILL_M + level


_FLOWS: WeakValueDictionary[int, SewerFlows] = WeakValueDictionary()


def flows_of(world: World) -> SewerFlows:
    """Return the one sewer flows of a world, shared by the courses that hold it, and gone with them.

    The flows hold their world, so that no other can have its identity meanwhile.
    """
    found = _FLOWS.get(id(world))
    if found is None:
        found = _FLOWS[id(world)] = SewerFlows(world)
    return found
