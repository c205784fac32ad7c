"""Pipe networks: which there are, and their nodes and links by the page, as JSON or GeoJSON.

Where a city's gas and water pipes lie is not for everyone: a role beyond looking and reporting is needed, and the area.
"""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.access import READERS, Principal, allowed, check_city
from app.api.audit_trail import record_read
from app.api.context import context_of
from app.api.geography import GEOJSON_ANSWER, DisplayCrs, collection, feature, wants_geojson
from app.api.lines import Mode
from app.api.parameters import (
    Box,
    Cursor,
    Near,
    PageRows,
    Parameters,
    RadiusM,
    Word,
    decode_cursor,
    encode_cursor,
    near_query,
    page_limit,
    page_of,
    parse_box,
)
from app.api.problems import invalid, not_found
from app.api.structs import with_fields_of
from app.roles import Role
from model.audit import Action
from model.coordinates import is_degrees
from model.network import MEDIA, Link, Node
from store.network_search import FoundLink, NetworkPart, find_network_part, find_networks, square_around
from store.status import mode_of

NETWORK_READERS = READERS - {Role.VIEWER, Role.FIELD}
NetworkReader = Annotated[Principal, Depends(allowed(NETWORK_READERS))]
NetworkInPath = Annotated[
    str,
    StringConstraints(pattern=rf"^[A-Za-z0-9_-]{{1,64}}\.({'|'.join(MEDIA)})\z"),
    Path(description="City and medium", examples=["jiayuguan.gas"]),
]
router = APIRouter(prefix="/networks", tags=["networks"])

_NODE = {"node": "J-17", "kind": "junction", "position": [98.289, 39.773], "elevation_m": 1620.5, "crs": "WGS-84"}
_LINK = {
    "link": "P-4",
    "from_node": "J-17",
    "to_node": "J-18",
    "kind": "pipe",
    "length_m": 120.0,
    "diameter_mm": 200.0,
    "material": "PE",
    "year_built": 2009,
    "line": [[98.289, 39.773], [98.29, 39.774]],
    "crs": "WGS-84",
}


class NetworkFilters(Parameters):
    """Which networks."""

    city: Word | None = None
    limit: PageRows = None
    after: Cursor | None = None


class PartFilters(Parameters):
    """Which nodes and links: those that touch the box, or the square around the circle, by their own bounding box."""

    near: Near | None = None
    radius_m: RadiusM | None = None
    bbox: Box | None = None
    display_crs: DisplayCrs = None
    limit: int | None = Field(default=None, ge=1, description="Nodes and links a page")
    after: Cursor | None = None


class NetworkItem(BaseModel):
    """The network of one medium in one city, and how much is in it."""

    network: str = Field(examples=["jiayuguan.gas"])
    city: str = Field(examples=["jiayuguan"])
    mode: Mode = Field(description="Of the city")
    medium: str = Field(examples=["gas"])
    nodes: int
    links: int
    crs: list[str] = Field(
        description="Systems of its coordinates: longitude and latitude is WGS-84, others are as they were imported",
        examples=[["WGS-84"]],
    )


class NetworkList(BaseModel):
    """A page of networks by city and medium."""

    networks: list[NetworkItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class NodeItem(BaseModel):
    """A place where links meet; `position` is longitude and latitude where `crs` is WGS-84, else x and y."""

    model_config = ConfigDict(extra="allow", json_schema_extra=with_fields_of(Node, _NODE))


class LinkItem(BaseModel):
    """A pipe, pump, valve or conduit; `line` has the positions along it, ends included, as far as they are known."""

    model_config = ConfigDict(extra="allow", json_schema_extra=with_fields_of(Link, _LINK))


class NetworkPage(BaseModel):
    """A page of a network: its nodes by id, then its links by id."""

    network: str = Field(examples=["jiayuguan.gas"])
    city: str = Field(examples=["jiayuguan"])
    mode: Mode = Field(description="Of the city")
    medium: str = Field(examples=["gas"])
    nodes: list[NodeItem]
    links: list[LinkItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get("", response_model=NetworkList, summary="Pipe networks")
async def list_networks(
    request: Request, caller: NetworkReader, filters: Annotated[NetworkFilters, Query()]
) -> dict[str, Any]:
    """List the pipe networks by city and medium."""
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    after = None
    if filters.after is not None:
        city, medium = decode_cursor(filters.after, str, str)
        after = (city, medium)
    async with context.reading() as connection:
        rows = await find_networks(connection, caller.areas, rows_max + 1, city=filters.city, after=after)
    page, following = page_of(rows, rows_max, lambda row: (row.city, row.medium))
    networks = [row._asdict() | {"network": f"{row.city}.{row.medium}"} for row in page]
    return {"networks": networks, "next": following}


@router.get(
    "/{network}",
    response_model=NetworkPage,
    summary="One network",
    responses=GEOJSON_ANSWER,
)
async def get_network(
    request: Request, caller: NetworkReader, network: NetworkInPath, filters: Annotated[PartFilters, Query()]
) -> Any:
    """Return nodes, then links; GeoJSON, in the form that `lifeline network import` takes, where Accept prefers it.

    There what lies by a local grid has no geometry, and its coordinates stand in `position` or `line`.
    """
    context = context_of(request)
    geojson = wants_geojson(request, filters.display_crs)
    limits = context.limits
    city, _, medium = network.partition(".")
    rows_max = page_limit(filters.limit, limits.page_rows_default, limits.page_rows_max)
    boxes = [] if filters.bbox is None else [parse_box(filters.bbox)]
    near = near_query(filters.near, filters.radius_m, limits.radius_m_max)
    if near is not None:
        boxes.append(square_around(*near))
    after = None
    if filters.after is not None:
        kind, name = decode_cursor(filters.after, str, str)
        if kind not in ("node", "link"):
            raise invalid("after", "this is no cursor of this list", "send `next` of the page before, unchanged")
        after = (kind, name)
    async with context.reading() as connection:
        part = await find_network_part(
            connection, city, medium, caller.areas, rows_max + 1, boxes=boxes, after=after
        )  # fmt: skip
        mode = await mode_of(connection, city)
        if part is None or mode is None:
            raise not_found("network", network)
        await record_read(request, connection, caller.label, Action.NETWORK_READ, network, city)
    part, following = _page(part, rows_max)
    if geojson:
        common = {"city": city, "medium": medium}
        features = [*(_node_feature(node, common, filters.display_crs) for node in part.nodes),
                    *(_link_feature(found, common, filters.display_crs) for found in part.links)]  # fmt: skip
        return collection(features, mode=mode, next=following)
    return {
        "network": network,
        "city": city,
        "mode": mode,
        "medium": medium,
        "nodes": [msgspec.structs.asdict(node) for node in part.nodes],
        "links": [msgspec.structs.asdict(found.link) | {"line": _line(found)} for found in part.links],
        "next": following,
    }


def _page(part: NetworkPart, rows_max: int) -> tuple[NetworkPart, str | None]:
    """Return the first `rows_max` of it, and the cursor of what follows."""
    nodes, links = part
    if len(nodes) + len(links) <= rows_max:
        return part, None
    kept = NetworkPart(nodes[:rows_max], links[: max(rows_max - len(nodes), 0)])
    last = ("link", kept.links[-1].link.link) if kept.links else ("node", kept.nodes[-1].node)
    return kept, encode_cursor(*last)


def _line(found: FoundLink) -> list[tuple[float, float]]:
    return list(found.link.line) or [place for place in (found.from_position, found.to_position) if place is not None]


def _node_feature(node: Node, common: dict[str, str], display_crs: str | None) -> dict[str, Any]:
    properties = msgspec.to_builtins(node)
    position = properties.pop("position", None)
    if position is not None and not is_degrees(node.crs):
        properties["position"] = position
    positions = [] if node.position is None else [node.position]
    return feature(f"node/{node.node}", positions, common | properties, crs=node.crs, display_crs=display_crs)


def _link_feature(found: FoundLink, common: dict[str, str], display_crs: str | None) -> dict[str, Any]:
    link = found.link
    properties = msgspec.to_builtins(link)
    properties.pop("line", None)
    for ours, theirs in (("link", "id"), ("from_node", "from"), ("to_node", "to")):
        properties[theirs] = properties.pop(ours)
    line = _line(found)
    if line and not is_degrees(link.crs):
        properties["line"] = line
    positions = line if len(line) > 1 else []
    return feature(f"link/{link.link}", positions, common | properties, crs=link.crs, display_crs=display_crs)
