"""The pipes of one medium as arrays, with names for nodes and links, and as the network that the registry takes."""

from dataclasses import dataclass

import numpy as np

from model.network import Link, Network, Node
from simulators.cities.chance import Frame, IntArray, to_centimetres
from simulators.physics import FloatArray


@dataclass(frozen=True)
class Pipes:
    """Nodes (n,) and links (m,) of a medium.

    `east` and `north` are metres from the frame's place, `ground_m` and `level_m` (of the pipe's invert or axis)
    metres above the sea, `line` the street of a node or link, -1 where it lies in a block, `from_node` and `to_node`
    indices of nodes in the direction of flow. `year` is that of building, 0 where unknown.
    """

    medium: str
    frame: Frame
    node_names: list[str]
    node_kinds: list[str]
    east: FloatArray
    north: FloatArray
    ground_m: FloatArray
    level_m: FloatArray
    node_line: IntArray
    node_district: IntArray
    link_names: list[str]
    link_kinds: list[str]
    from_node: IntArray
    to_node: IntArray
    length_m: FloatArray
    diameter_mm: IntArray
    material: list[str]
    year: IntArray
    link_line: IntArray

    @property
    def total_m(self) -> float:
        """The length of all links in metres, exact to the last centimetre."""
        return int(np.round(self.length_m * 100.0).astype(np.int64).sum()) / 100.0

    def middles(self) -> tuple[FloatArray, FloatArray]:
        """Metres east and north of the middle of each link."""
        return middles(self.east, self.north, self.from_node, self.to_node)

    def network(self, city: str) -> Network:
        """The same for the registry, as the network files hold it."""
        longitude, latitude = (part.tolist() for part in self.frame.degrees(self.east, self.north))
        level = self.level_m.tolist()
        nodes = [
            Node(node=name, kind=kind, position=(longitude[k], latitude[k]), elevation_m=level[k])
            for k, (name, kind) in enumerate(zip(self.node_names, self.node_kinds, strict=True))
        ]
        ends = zip(self.from_node.tolist(), self.to_node.tolist(), strict=True)
        sizes = zip(self.length_m.tolist(), self.diameter_mm.tolist(), self.year.tolist(), strict=True)
        links = [
            Link(
                link=self.link_names[k],
                from_node=self.node_names[start],
                to_node=self.node_names[end],
                kind=self.link_kinds[k],
                length_m=length,
                diameter_mm=float(diameter) if diameter else None,
                material=self.material[k],
                year_built=year or None,
            )
            for k, ((start, end), (length, diameter, year)) in enumerate(zip(ends, sizes, strict=True))
        ]
        return Network(city, self.medium, nodes, links)


def middles(east: FloatArray, north: FloatArray, start: IntArray, end: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return (east, north) half-way between the two ends of each line, shape of `start`."""
    return 0.5 * (east[start] + east[end]), 0.5 * (north[start] + north[end])


def numbered(code: str, thing: str, count: int) -> list[str]:
    """Return ids such as jyg-manhole-00001, from 1, as wide as the count needs but four digits at least."""
    width = max(4, len(str(count)))
    return [f"{code}-{thing}-{number:0{width}d}" for number in range(1, count + 1)]


def divided(
    east: FloatArray, north: FloatArray, start: IntArray, end: IntArray, parts: IntArray, skipped: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Return (line, east, north, share) of the places that divide straight lines into equal parts.

    A line of n parts has n - 1 places between its ends; where `skipped` (a share of the line) is above 0, the line
    begins that far from its start and the beginning is a place too. `share` is how far from start to end a place is.
    """
    places = parts - (skipped == 0.0)
    line = np.repeat(np.arange(len(parts)), places)
    first = np.cumsum(places) - places
    step = np.arange(len(line)) - first[line] + (skipped[line] == 0.0)
    share = skipped[line] + (1.0 - skipped[line]) * step / parts[line]
    between = [
        to_centimetres(part[start[line]] + share * (part[end[line]] - part[start[line]])) for part in (east, north)
    ]
    return line, between[0], between[1], share
