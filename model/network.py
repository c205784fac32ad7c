"""Pipe networks: nodes and directed links of a medium in a city, and what lies upstream and downstream of a place."""

import heapq
import math
from collections.abc import Iterable, Mapping

import msgspec

from model.coordinates import is_degrees

MEDIA = ("gas", "water", "drainage", "heating")
EARTH_RADIUS_M = 6_371_008.8

Position = tuple[float, float]


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place where links meet. `position` is longitude and latitude, or x and y where `crs` names another system."""

    node: str
    kind: str = "junction"
    position: Position | None = None
    elevation_m: float | None = None
    crs: str = "WGS-84"


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pipe, pump, valve, conduit, … from one node to another, in the direction of its flow where that is known.

    `line` has the positions along it, ends included; empty where the link is drawn straight.
    """

    link: str
    from_node: str
    to_node: str
    kind: str = "pipe"
    length_m: float | None = None
    diameter_mm: float | None = None
    material: str = ""
    year_built: int | None = None
    line: tuple[Position, ...] = ()
    crs: str = "WGS-84"


class Network:
    """The network of one medium in one city."""

    def __init__(self, city: str, medium: str, nodes: Iterable[Node], links: Iterable[Link]) -> None:
        self.city = city
        self.medium = medium
        self.nodes: Mapping[str, Node] = {node.node: node for node in nodes}
        self.links: Mapping[str, Link] = {link.link: link for link in links}
        self._leaving: dict[str, list[Link]] = {}
        self._arriving: dict[str, list[Link]] = {}
        for link in self.links.values():
            self._leaving.setdefault(link.from_node, []).append(link)
            self._arriving.setdefault(link.to_node, []).append(link)

    def downstream(self, place: str, within_m: float = math.inf) -> dict[str, float]:
        """Return the nodes that can be reached from a node or link along the flow, with the shortest way in metres.

        In order of the way, then of the id; the place's own node comes first. Loops are walked once. Empty where the
        place is not in the network.
        """
        return self._reached(place, within_m, against=False)

    def upstream(self, place: str, within_m: float = math.inf) -> dict[str, float]:
        """Return the nodes from which a node or link can be reached, as `downstream` does."""
        return self._reached(place, within_m, against=True)

    def links_between(self, nodes: Iterable[str]) -> list[str]:
        """Return the ids of the links whose two ends are among the nodes, in order."""
        inside = set(nodes)
        found = (link.link for node in inside for link in self._leaving.get(node, ()) if link.to_node in inside)
        return sorted(found)

    def place_of(self, asset: str) -> str | None:
        """Return what a sensor's asset is here: `node`, `link`, or None. A node goes before a link of the same id."""
        if asset in self.nodes:
            return "node"
        return "link" if asset in self.links else None

    def length_of(self, link: Link) -> float:
        """The length in metres: as given, else along its line or between its ends, else 0."""
        if link.length_m is not None:
            return link.length_m
        ends = (self.nodes[link.from_node].position, self.nodes[link.to_node].position)
        line = link.line or tuple(position for position in ends if position is not None)
        return line_length_m(line, link.crs)

    def _reached(self, place: str, within_m: float, *, against: bool) -> dict[str, float]:
        start = place
        if place not in self.nodes:
            link = self.links.get(place)
            if link is None:
                return {}
            start = link.from_node if against else link.to_node
        following = self._arriving if against else self._leaving
        found: dict[str, float] = {}
        waiting = [(0.0, start)]
        while waiting:
            way, node = heapq.heappop(waiting)
            if node in found:
                continue
            found[node] = way
            for link in following.get(node, ()):
                other = link.from_node if against else link.to_node
                further = way + self.length_of(link)
                if other not in found and further <= within_m:
                    heapq.heappush(waiting, (further, other))
        return found


def line_length_m(line: Iterable[Position], crs: str = "WGS-84") -> float:
    """Return the length along positions in metres; of projected coordinates their own, taken as metres."""
    total, before = 0.0, None
    for position in line:
        if before is not None:
            total += distance_m(before, position) if is_degrees(crs) else math.dist(before, position)
        before = position
    return total


def distance_m(one: Position, other: Position) -> float:
    """Return the distance of two positions in degrees on a sphere, in metres."""
    (east_1, north_1), (east_2, north_2) = (map(math.radians, one), map(math.radians, other))
    half = (
        math.sin((north_2 - north_1) / 2) ** 2
        + math.cos(north_1) * math.cos(north_2) * math.sin((east_2 - east_1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))
