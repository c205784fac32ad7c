"""GeoJSON (RFC 7946): any list with places as a FeatureCollection, in WGS-84, or in GCJ-02 for display alone."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from fastapi import Request, Response
from pydantic import Field

from app.api.context import context_of
from app.api.negotiation import preferred
from app.api.problems import invalid
from model.coordinates import GCJ_02, is_degrees, to_gcj_02
from model.network import Position

GEOJSON = "application/geo+json"
GEOJSON_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {GEOJSON: {"schema": {"type": "object", "description": "A FeatureCollection"}}}}
}
"""For a route's `responses`."""

DisplayCrs: TypeAlias = Annotated[
    Literal["GCJ-02"] | None,
    Field(description="GeoJSON shifted for Chinese web maps, approximate; refused unless the deployment allows it"),
]
Place: TypeAlias = tuple[float | None, float | None]
"""Longitude and latitude; both None where the place is not known."""


def wants_geojson(request: Request, display_crs: str | None = None) -> bool:
    """Return whether Accept prefers GeoJSON. Raises Problem 422 where GCJ-02 is asked for and may not be."""
    wanted = preferred(request.headers.get("accept"), ("application/json", GEOJSON)) == GEOJSON
    if display_crs is None:
        return wanted
    if not context_of(request).gcj02_display:
        raise invalid(
            "display_crs",
            f"{display_crs} is not given here: it is approximate, and off unless the deployment turns it on",
            "leave it out for WGS-84, or let the system administrator set LIFELINE_GCJ02_DISPLAY=true",
        )
    if not wanted:
        raise invalid("display_crs", "only GeoJSON is shifted", f"send `Accept: {GEOJSON}`, or leave it out")
    return True


def point_feature(
    name: str, place: Place, properties: dict[str, Any], *, crs: str = "WGS-84", display_crs: str | None = None
) -> dict[str, Any]:
    """Return something with a place as a feature; without geometry where it has none, or one of a local grid."""
    longitude, latitude = place
    positions = [] if longitude is None or latitude is None else [(longitude, latitude)]
    return feature(name, positions, properties, crs=crs, display_crs=display_crs)


def feature(
    name: str,
    positions: Sequence[Position],
    properties: dict[str, Any],
    *,
    crs: str = "WGS-84",
    display_crs: str | None = None,
) -> dict[str, Any]:
    """Return a feature: a point of one position, a line of several. `crs` is that of the positions as they are kept.

    RFC 7946 knows WGS-84 alone: CGCS2000 lies within decimetres of it and is given as it is; positions of a local grid
    stay out of the geometry. What is shifted for display says so in each feature.
    """
    shown = positions if is_degrees(crs) else ()
    properties = properties | {"crs": crs}
    if shown and display_crs == GCJ_02:
        shown = [to_gcj_02(position) for position in shown]
        properties |= {"crs": GCJ_02, "approximate": True}
    geometry: dict[str, Any] | None = None
    if len(shown) == 1:
        geometry = {"type": "Point", "coordinates": shown[0]}
    elif shown:
        geometry = {"type": "LineString", "coordinates": shown}
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": properties}


def collection(features: Iterable[dict[str, Any]], **members: Any) -> Response:
    """Return a FeatureCollection; `members` are those of the list, like `next`."""
    return Response(
        msgspec.json.encode({"type": "FeatureCollection", "features": list(features), **members}), media_type=GEOJSON
    )
