"""A network in memory for questions of nearness: what lies within so many metres and pipes of a node or link."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from model.network import Link, Network


class Way(NamedTuple):
    """The shortest way to a node: metres, and how many links it takes."""

    path_m: float
    links: int


class Topology:
    """The network of one medium in one city, its lengths reckoned once."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._down: dict[str, list[tuple[str, float, str]]] = {}
        self._up: dict[str, list[tuple[str, float, str]]] = {}
        for link in network.links.values():
            length = network.length_of(link)
            self._down.setdefault(link.from_node, []).append((link.to_node, length, link.link))
            self._up.setdefault(link.to_node, []).append((link.from_node, length, link.link))

    def ends(self, asset: str) -> tuple[str, ...]:
        """Return the nodes of an asset: itself, or the two ends of a link; none where it is not in the network."""
        if asset in self.network.nodes:
            return (asset,)
        link = self.network.links.get(asset)
        return () if link is None else (link.from_node, link.to_node)

    def downstream(self, asset: str, path_m_max: float, links_max: int) -> dict[str, Way]:
        """Return the nodes that the flow from an asset reaches, with the way to each."""
        link = self.network.links.get(asset)
        starts = (asset,) if asset in self.network.nodes else () if link is None else (link.to_node,)
        return self._reached(starts, path_m_max, links_max, (self._down,))

    def upstream(self, asset: str, path_m_max: float, links_max: int) -> dict[str, Way]:
        """Return the nodes from which the flow reaches an asset, with the way from each."""
        link = self.network.links.get(asset)
        starts = (asset,) if asset in self.network.nodes else () if link is None else (link.from_node,)
        return self._reached(starts, path_m_max, links_max, (self._up,))

    def around(self, asset: str, path_m_max: float, links_max: int) -> dict[str, Way]:
        """Return the nodes within the limits whichever way the water flows, as in looped networks it may."""
        return self._reached(self.ends(asset), path_m_max, links_max, (self._down, self._up))

    def links_at(self, node: str) -> list[str]:
        """Return the ids of the links that meet at a node, in order."""
        return sorted((*self.links_from(node), *self.links_into(node)))

    def links_from(self, node: str) -> list[str]:
        """Return the ids of the links that lead away from a node, in order."""
        return sorted(link for _, _, link in self._down.get(node, ()))

    def links_into(self, node: str) -> list[str]:
        """Return the ids of the links that lead into a node, in order."""
        return sorted(link for _, _, link in self._up.get(node, ()))

    def first_link(self, node: str, towards: str, path_m_max: float) -> str | None:
        """Return the link at `node` with which the shortest way to `towards` begins; None where there is none."""
        ways = self._reached((towards,), path_m_max, 10_000, (self._down, self._up))
        steps = [
            (ways[other].path_m + length, link)
            for table in (self._down, self._up)
            for other, length, link in table.get(node, ())
            if other in ways
        ]
        return min(steps)[1] if steps else None

    def link(self, name: str) -> Link | None:
        """Return a link by its id."""
        return self.network.links.get(name)

    def on_one_link(self, one: str, other: str) -> bool:
        """Whether one of two assets is a link and the other one of its ends."""
        for link, end in ((self.link(one), other), (self.link(other), one)):
            if link is not None and end in (link.from_node, link.to_node):
                return True
        return False

    def _reached(
        self,
        starts: Sequence[str],
        path_m_max: float,
        links_max: int,
        tables: Sequence[Mapping[str, list[tuple[str, float, str]]]],
    ) -> dict[str, Way]:
        """Dijkstra's search from the starts, bounded in metres and links."""
        found: dict[str, Way] = {}
        waiting = [(0.0, 0, node) for node in starts]
        while waiting:
            path_m, links, node = heapq.heappop(waiting)
            if node in found:
                continue
            found[node] = Way(path_m, links)
            if links == links_max:
                continue
            for table in tables:
                for other, length, _ in table.get(node, ()):
                    if other not in found and path_m + length <= path_m_max:
                        heapq.heappush(waiting, (path_m + length, links + 1, other))
        return found
