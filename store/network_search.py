"""Pipe networks looked up within a caller's areas: which there are, and their nodes and links by the page."""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from model.network import Link, Node, Position
from store.conditions import METRES_PER_DEGREE, Conditions, in_degrees
from store.pool import Connection, Pool

Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north in degrees; where west is above east, across the antimeridian."""


class FoundNetwork(NamedTuple):
    """A network, its city's mode, how much is in it, and the systems of its coordinates."""

    city: str
    mode: str
    medium: str
    nodes: int
    links: int
    crs: list[str]


class FoundLink(NamedTuple):
    """A link and where its ends are, None where that is not known."""

    link: Link
    from_position: Position | None
    to_position: Position | None


class NetworkPart(NamedTuple):
    """Nodes by id, then links by id."""

    nodes: list[Node]
    links: list[FoundLink]


async def find_networks(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    city: str | None = None,
    after: tuple[str, str] | None = None,
) -> list[FoundNetwork]:
    """Return the networks within the areas by city and medium, those after (city, medium)."""
    conditions = Conditions()
    conditions.within("city", areas)
    conditions.add_equal("city", city)
    if after is not None:
        conditions.add("(city, medium) > (?, ?)", *after)
    rows = await connection.fetch(
        "select city, (select c.mode from city c where c.city = n.city), medium, count(*) as nodes,"
        " (select count(*) from network_link l"
        " where (l.city, l.medium) = (n.city, n.medium)) as links,"
        " array_agg(distinct coalesce(definition ->> 'crs', 'WGS-84')) as crs"
        f" from network_node n where {conditions} group by city, medium order by city, medium"
        f" limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [FoundNetwork(*row) for row in rows]


async def find_network_part(
    connection: Connection | Pool,
    city: str,
    medium: str,
    areas: Sequence[str],
    rows_max: int,
    *,
    boxes: Sequence[Box] = (),
    after: tuple[str, str] | None = None,
) -> NetworkPart | None:
    """Return nodes and links after (`node` or `link`, id); None where there is no such network within the areas.

    With boxes only what touches each of them by its own bounding box, and lies by longitude and latitude.
    """
    place = _place("n", city, medium, areas)
    if not await connection.fetchval(f"select exists (select from network_node n where {place})", *place.values):
        return None
    kind, name = after or ("node", "")
    nodes = await _nodes(connection, city, medium, areas, rows_max, boxes, name) if kind == "node" else []
    links: list[FoundLink] = []
    if len(nodes) < rows_max:
        after_link = name if kind == "link" else ""
        links = await _links(connection, city, medium, areas, rows_max - len(nodes), boxes, after_link)
    return NetworkPart(nodes, links)


def square_around(longitude: float, latitude: float, radius_m: float) -> Box:
    """Return the box in degrees that a circle of that radius fits in."""
    belt = radius_m / METRES_PER_DEGREE
    width = belt / max(math.cos(math.radians(latitude)), 0.01)
    west, east = ((side + 180) % 360 - 180 for side in (longitude - width, longitude + width))
    return west, latitude - belt, east, latitude + belt


async def _nodes(
    connection: Connection | Pool, city: str, medium: str, areas: Sequence[str], rows_max: int,
    boxes: Sequence[Box], after: str,
) -> list[Node]:  # fmt: skip
    conditions = _place("n", city, medium, areas)
    conditions.add("n.node > ?", after)
    for box in boxes:
        _add_box(conditions, "n.definition", ("n.x", "n.y", "n.x", "n.y"), box)
    rows = await connection.fetch(
        f"select n.definition from network_node n where {conditions} order by n.node limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [msgspec.json.decode(row["definition"], type=Node) for row in rows]


async def _links(
    connection: Connection | Pool, city: str, medium: str, areas: Sequence[str], rows_max: int,
    boxes: Sequence[Box], after: str,
) -> list[FoundLink]:  # fmt: skip
    conditions = _place("l", city, medium, areas)
    conditions.add("l.link > ?", after)
    limit = conditions.bind(rows_max)
    # Without a box the page is cut before its ends are looked up: a join would be made of the whole network.
    source = (
        "network_link" if boxes else f"(select * from network_link l where {conditions} order by link limit {limit})"
    )
    west, south = ("least(l.extent[1], f.x, t.x)", "least(l.extent[2], f.y, t.y)")
    east, north = ("greatest(l.extent[3], f.x, t.x)", "greatest(l.extent[4], f.y, t.y)")
    for box in boxes:
        _add_box(conditions, "l.definition", (west, south, east, north), box)
    rows = await connection.fetch(
        f"select l.definition, f.x, f.y, t.x, t.y from {source} l"
        " join network_node f on (f.city, f.medium, f.node) = (l.city, l.medium, l.from_node)"
        " join network_node t on (t.city, t.medium, t.node) = (l.city, l.medium, l.to_node)"
        f" where {conditions} order by l.link limit {limit}",
        *conditions.values,
    )
    return [
        FoundLink(msgspec.json.decode(row[0], type=Link), _position(row[1], row[2]), _position(row[3], row[4]))
        for row in rows
    ]


def _place(table: str, city: str, medium: str, areas: Sequence[str]) -> Conditions:
    conditions = Conditions()
    conditions.within(f"{table}.city", areas)
    conditions.add_equal(f"{table}.city", city)
    conditions.add_equal(f"{table}.medium", medium)
    return conditions


def _add_box(conditions: Conditions, definition: str, sides: tuple[str, str, str, str], box: Box) -> None:
    west, south, east, north = sides
    conditions.add(in_degrees(definition))
    conditions.add(f"{south} <= ? and {north} >= ?", box[3], box[1])
    either = "and" if box[0] <= box[2] else "or"
    conditions.add(f"({west} <= ? {either} {east} >= ?)", box[2], box[0])


def _position(x: float | None, y: float | None) -> Position | None:
    return None if x is None or y is None else (x, y)
