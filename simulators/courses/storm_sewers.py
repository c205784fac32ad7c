"""Sewers under a storm over the city, solved by SWMM; the routing of dry weather knows no backwater."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.cities import SimulatedCity
from simulators.cities.sensors_of_ground import rain_places
from simulators.physics import DAY_S
from simulators.physics.sewer import OVER_GROUND_M
from simulators.solvers.swmm import solve_drainage
from simulators.world import World

KEPT_S = 120.0
_MINUTE_S = 60.0
_Blocks = tuple[tuple[float, float, float], ...]


class Solved(NamedTuple):
    """Levels above the inverts (m) and flows out (m3/s) of all manholes, (manholes, n), `KEPT_S` apart."""

    begin_s: float
    level_m: NDArray[np.float32]
    outflow_m3_s: NDArray[np.float32]


def solved(world: World, begin_s: float, end_s: float) -> Solved:
    """Return what SWMM makes of the rains of a world from one time to another (s since the stream's start)."""
    places = rain_places(world.city.plan, world.city.streets, world.city.seed)
    # SWMM begins at a whole minute of the day.
    of_day = (begin_s + world.local_s) % DAY_S
    begin_s -= of_day % _MINUTE_S
    rains = tuple(
        tuple(
            (start - begin_s, end - begin_s, mm_h) for start, end, mm_h in world.rain_at(east, north) if end > begin_s
        )
        for east, north in zip(places.east.tolist(), places.north.tolist(), strict=True)
    )
    level, flow = _solved(world.city, rains, int(of_day // _MINUTE_S) * 60, round(end_s - begin_s))
    return Solved(begin_s + KEPT_S, level, flow)


@lru_cache(maxsize=4)
def _solved(
    city: SimulatedCity, rains: tuple[_Blocks, ...], of_day_s: int, duration_s: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rain = dict(zip(city.rain_gauges, rains, strict=True))
    run = solve_drainage(city.swmm(), duration_s, rain=rain, start_s=of_day_s, report_s=round(KEPT_S))
    pipes, count = city.sewers.pipes, city.sewers.manholes
    nodes = {name: k for k, name in enumerate(run.nodes)}
    links = {name: k for k, name in enumerate(run.links)}
    at_nodes = [nodes[name] for name in pipes.node_names[:count]]
    at_links = [links[name] for name in pipes.link_names[:count]]
    # What stands on the street spreads there: a level sensor in the shaft sees little of it.
    brim = (city.sewers.depth_m + OVER_GROUND_M).astype(np.float32)
    return np.minimum(run.level_m.T[at_nodes], brim[:, None]), run.flow_l_s.T[at_links] / np.float32(1e3)
