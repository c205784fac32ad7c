"""Ways through a street grid: shortest ways from some crossings, the order along a flow, and what hangs together."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.cities.chance import IntArray
from simulators.physics import FloatArray


class Ways(NamedTuple):
    """Shortest ways from some sources: of each node the next node and edge towards its source, -1 at a source.

    `cost` is that of the way, infinite where there is none; `order` has the nodes that are reached, sources first.
    """

    towards: IntArray
    by: IntArray
    cost: FloatArray
    order: IntArray


def shortest_ways(
    nodes: int, start: IntArray, end: IntArray, forth: FloatArray, back: FloatArray, sources: Sequence[int]
) -> Ways:
    """Return the shortest ways from every node to the nearest source (Dijkstra 1959).

    `forth` is the cost of walking an edge from its start to its end towards a source, `back` from its end to its
    start; infinite where it cannot be walked. Of equal ways the one by the lower node and edge is taken.
    """
    neighbours: list[list[tuple[int, int, float]]] = [[] for _ in range(nodes)]
    edges = zip(start.tolist(), end.tolist(), forth.tolist(), back.tolist(), strict=True)
    for edge, (one, other, ahead, backward) in enumerate(edges):
        neighbours[other].append((one, edge, ahead))
        neighbours[one].append((other, edge, backward))
    cost = [float("inf")] * nodes
    towards, by = [-1] * nodes, [-1] * nodes
    settled = [False] * nodes
    order: list[int] = []
    waiting: list[tuple[float, int]] = []
    for source in sources:
        cost[source] = 0.0
        heapq.heappush(waiting, (0.0, source))
    while waiting:
        so_far, node = heapq.heappop(waiting)
        if settled[node]:
            continue
        settled[node] = True
        order.append(node)
        for other, edge, step in neighbours[node]:
            if so_far + step < cost[other]:
                cost[other], towards[other], by[other] = so_far + step, node, edge
                heapq.heappush(waiting, (so_far + step, other))
    return Ways(np.asarray(towards), np.asarray(by), np.asarray(cost), np.asarray(order, np.int64))


def connected_parts(nodes: int, start: IntArray, end: IntArray) -> IntArray:
    """Return of each node the lowest node of the part it hangs together with, shape (nodes,)."""
    root = list(range(nodes))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for one, other in zip(start.tolist(), end.tolist(), strict=True):
        low, high = sorted((find(one), find(other)))
        root[high] = low
    return np.asarray([find(node) for node in range(nodes)], np.int64)


def upstream_first(downstream: IntArray) -> list[int]:
    """Return the nodes of a forest so that each comes after all that flow into it; -1 has nothing downstream."""
    following = downstream.tolist()
    waiting = [0] * len(following)
    for below in following:
        if below >= 0:
            waiting[below] += 1
    order = [node for node, count in enumerate(waiting) if count == 0]
    for node in order:
        below = following[node]
        if below >= 0:
            waiting[below] -= 1
            if waiting[below] == 0:
                order.append(below)
    return order


def gathered(values: FloatArray, downstream: IntArray, order: Sequence[int]) -> FloatArray:
    """Return of each node of a forest the sum of the values at it and all upstream, shape of `values`."""
    total = values.tolist()
    following = downstream.tolist()
    for node in order:
        if following[node] >= 0:
            total[following[node]] += total[node]
    return np.asarray(total)
