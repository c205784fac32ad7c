"""A city's gas network: medium pressure from the gate stations under the streets, low pressure behind regulators."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.cities.ageing import oldest_up_to, years_by_centre
from simulators.cities.blocks import around, places_in_blocks
from simulators.cities.chance import Chance, IntArray, distance, to_centimetres
from simulators.cities.paths import shortest_ways
from simulators.cities.pipes import Pipes, divided, middles, numbered
from simulators.cities.plans import CityPlan
from simulators.cities.streets import Streets
from simulators.physics import FloatArray

SECTION_M = 110.0  # of pipe between two nodes
BUILDINGS_EACH = 4  # served by a regulator
MEDIUM_KPA, LOW_KPA = 200.0, 2.5
COVER_M = 1.1


@dataclass(frozen=True)
class GasNetwork:
    """The gas network. `ageing` marks the links that run past their time, shape (links,); the others are indices.

    `regulators` are nodes, `regulator_block` the block of each; `chambers` are the nodes of valve chambers.
    """

    pipes: Pipes
    ageing: NDArray[np.bool_]
    regulators: IntArray
    chambers: IntArray


class _Mains(NamedTuple):
    """The mains in sections: nodes from and to, line and whether under an arterial; and the nodes between crossings."""

    from_node: IntArray
    to_node: IntArray
    line: IntArray
    arterial: NDArray[np.bool_]
    east: FloatArray
    north: FloatArray
    ground_m: FloatArray
    node_line: IntArray
    node_district: IntArray


def lay_gas(plan: CityPlan, streets: Streets, seed: int) -> GasNetwork:
    """Return the gas network of a city; its oldest pipes, as many kilometres as the plan says, count as ageing.

    Mains lie under all arterials, which makes loops, and under local streets where a block needs them. Gas flows from
    the nearer to the farther end, seen from the gate stations.
    """
    chance = Chance(seed, plan.name, "gas")
    gates = [int(np.argmax(streets.north)), int(np.argmin(streets.north))]
    mains = _mains(streets, chance, gates)
    places = places_in_blocks(streets, chance, plan.gas_regulators)
    homes = around(places, chance, BUILDINGS_EACH, 60.0)
    # Nodes: crossings, those between them, regulators, buildings.
    regulators = len(streets.east) + len(mains.east) + np.arange(plan.gas_regulators)
    buildings = regulators[-1] + 1 + np.arange(len(homes[0]))
    east = np.concatenate([streets.east, mains.east, places.east, homes[0]])
    north = np.concatenate([streets.north, mains.north, places.north, homes[1]])
    behind = np.concatenate([places.corner, np.repeat(places.corner, BUILDINGS_EACH)])
    ground = to_centimetres(np.concatenate([streets.ground_m, mains.ground_m, streets.ground_m[behind]]))
    # Links: sections of the mains, then what leads to the regulators, then what leads from them.
    from_node = np.concatenate([mains.from_node, places.corner, np.repeat(regulators, BUILDINGS_EACH)])
    to_node = np.concatenate([mains.to_node, regulators, buildings])
    length = to_centimetres(distance(east[from_node] - east[to_node], north[from_node] - north[to_node]))
    year = years_by_centre(chance, middles(east, north, from_node, to_node), 1983, 2023)
    ageing = oldest_up_to(length, year, plan.ageing_gas_km * 1_000.0)
    bore = [np.where(mains.arterial, 315, 200), np.full(len(regulators), 110), np.full(len(buildings), 90)]
    on_arterial = np.concatenate([mains.from_node[mains.arterial], mains.to_node[mains.arterial]])
    chambers = np.unique(on_arterial[on_arterial < len(streets.east)])
    node_kinds = np.full(len(east), "junction", "U16")
    node_kinds[chambers], node_kinds[gates] = "valve-chamber", "gate-station"
    node_kinds[regulators], node_kinds[buildings] = "regulator", "building"
    in_blocks = np.full(len(behind), -1)
    pipes = Pipes(
        "gas", streets.frame, numbered(plan.code, "gas-node", len(east)), node_kinds.tolist(), east, north, ground,
        to_centimetres(ground - COVER_M), np.concatenate([streets.line_of_crossing, mains.node_line, in_blocks]),
        np.concatenate([streets.district, mains.node_district, streets.district[behind]]),
        numbered(plan.code, "gas-pipe", len(from_node)),
        ["medium-pressure"] * (len(from_node) - len(buildings)) + ["low-pressure"] * len(buildings),
        from_node, to_node, length, np.concatenate(bore),
        np.where(ageing, "grey cast iron", np.where(year < 2005, "steel", "pe")).tolist(), year,
        np.concatenate([mains.line, in_blocks]),
    )  # fmt: skip
    return GasNetwork(pipes, ageing, regulators, chambers)


def _mains(streets: Streets, chance: Chance, gates: list[int]) -> _Mains:
    crossings = len(streets.east)
    ways = shortest_ways(crossings, streets.start, streets.end, streets.length_m, streets.length_m, gates)
    used = streets.arterial | (chance.uniform(len(streets.line)) < 0.35)
    used[ways.by[ways.by >= 0]] = True
    near = ways.cost[streets.start] <= ways.cost[streets.end]
    start = np.where(near, streets.start, streets.end)[used]
    end = np.where(near, streets.end, streets.start)[used]
    parts = np.maximum(1, np.round(streets.length_m[used] / SECTION_M).astype(np.int64))
    stretch, east, north, share = divided(streets.east, streets.north, start, end, parts, np.zeros(len(parts)))
    section = np.repeat(np.arange(len(parts)), parts)  # the stretch of each
    step = np.arange(len(section)) - (np.cumsum(parts) - parts)[section]
    first = crossings + np.cumsum(parts - 1) - (parts - 1)  # node between the crossings of each stretch
    return _Mains(
        np.where(step == 0, start[section], first[section] + step - 1),
        np.where(step == parts[section] - 1, end[section], first[section] + step),
        streets.line[used][section], streets.arterial[used][section], east, north,
        streets.ground_m[start[stretch]] * (1.0 - share) + streets.ground_m[end[stretch]] * share,
        streets.line[used][stretch], streets.district[start[stretch]],
    )  # fmt: skip
