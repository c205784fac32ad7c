"""A city's district heating: primary pipes from the plant to substations, secondary ones to buildings, and back."""

from dataclasses import dataclass

import numpy as np

from simulators.cities.ageing import years_by_centre
from simulators.cities.blocks import around, places_in_blocks
from simulators.cities.chance import Chance, IntArray, distance, to_centimetres
from simulators.cities.paths import gathered, shortest_ways
from simulators.cities.pipes import Pipes, middles, numbered
from simulators.cities.plans import CityPlan
from simulators.cities.streets import Streets
from simulators.physics import FloatArray

BUILDINGS_EACH = 5  # heated by a substation
PLANT_M = 800.0  # from the city's western edge
COVER_M = 1.5
_PRIMARY_MM = ((1, 200), (3, 300), (8, 400), (20, 500), (50, 700), (120, 900))  # up to so many substations


@dataclass(frozen=True)
class HeatNetwork:
    """The heating. Nodes and links of the supply come first, then the same of the return, whose flow is the other way.

    `substations` and `buildings` are nodes of the supply; `circulation_m3_h` the flow through each substation.
    """

    pipes: Pipes
    substations: IntArray
    buildings: IntArray
    circulation_m3_h: FloatArray


def lay_heat(plan: CityPlan, streets: Streets, seed: int) -> HeatNetwork | None:
    """Return the heating of a city, None where it has none: a tree from one plant under arterials where possible."""
    if not plan.substations:
        return None
    chance = Chance(seed, plan.name, "heat")
    places = places_in_blocks(streets, chance, plan.substations)
    homes = around(places, chance, BUILDINGS_EACH, 70.0)
    gate = int(np.argmin(streets.east))
    cost = streets.length_m * np.where(streets.arterial, 0.5, 1.0)
    ways = shortest_ways(len(streets.east), streets.start, streets.end, cost, cost, [gate])
    served = np.bincount(places.corner, minlength=len(streets.east)).astype(np.float64)
    fed = gathered(served, ways.towards, ways.order[::-1].tolist())
    kept = ways.order[(fed[ways.order] > 0) | (ways.order == gate)]
    place = np.full(len(streets.east), -1)
    place[kept] = 1 + np.arange(len(kept))  # node 0 is the plant
    substations = 1 + len(kept) + np.arange(plan.substations)
    buildings = substations[-1] + 1 + np.arange(plan.substations * BUILDINGS_EACH)
    inner = kept[ways.by[kept] >= 0]
    from_node = np.concatenate(
        [[0], place[ways.towards[inner]], place[places.corner], np.repeat(substations, BUILDINGS_EACH)]
    )
    to_node = np.concatenate([place[[gate]], place[inner], substations, buildings])
    east = np.concatenate([[streets.east[gate] - PLANT_M], streets.east[kept], places.east, homes[0]])
    north = np.concatenate([[streets.north[gate]], streets.north[kept], places.north, homes[1]])
    at = np.concatenate([[gate], kept, places.corner, np.repeat(places.corner, BUILDINGS_EACH)])
    length = to_centimetres(distance(east[from_node] - east[to_node], north[from_node] - north[to_node]))
    bore = [fed[gate], *fed[inner].tolist(), *([1.0] * plan.substations)]
    diameter = np.asarray([*(_primary(stations) for stations in bore), *([125] * len(buildings))])
    year = years_by_centre(chance, middles(east, north, from_node, to_node), 1990, 2022)
    links, count = len(from_node), len(east)
    line = np.concatenate([[-1], streets.line[ways.by[inner]], np.full(links - 1 - len(inner), -1)])
    node_line = np.full(count, -1)
    node_line[place[inner]] = streets.line[ways.by[inner]]
    kinds = ["plant"] + ["junction"] * len(kept) + ["substation"] * plan.substations + ["building"] * len(buildings)
    stage = ["primary"] * (links - len(buildings)) + ["secondary"] * len(buildings)
    names = [numbered(plan.code, f"heat-{side}-node", count) for side in ("supply", "return")]
    link_names = [numbered(plan.code, f"heat-{side}", links) for side in ("supply", "return")]
    ground = to_centimetres(streets.ground_m[at])
    twice = np.tile
    pipes = Pipes(
        "heating", streets.frame, [*names[0], *names[1]], kinds * 2, twice(to_centimetres(east), 2),
        twice(to_centimetres(north), 2), twice(ground, 2), twice(to_centimetres(ground - COVER_M), 2),
        twice(node_line, 2), twice(streets.district[at], 2), [*link_names[0], *link_names[1]],
        [f"{part}-{side}" for side in ("supply", "return") for part in stage],
        np.concatenate([from_node, to_node + count]), np.concatenate([to_node, from_node + count]), twice(length, 2),
        twice(diameter, 2), ["steel"] * (2 * links), twice(year, 2), twice(line, 2),
    )  # fmt: skip
    return HeatNetwork(pipes, substations, buildings, np.round(chance.uniform(plan.substations, 120.0, 420.0)))


def _primary(substations: float) -> int:
    """Diameter in mm of a primary pipe that feeds so many substations."""
    return next((diameter for count, diameter in _PRIMARY_MM if substations <= count), 1_200)
