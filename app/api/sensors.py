"""Sensors: the list, as JSON or GeoJSON, and one of them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access import Reader, check_city
from app.api.context import context_of
from app.api.lines import Mode
from app.api.modes import ModeFilter, modes_of
from app.api.negotiation import preferred
from app.api.parameters import (
    Box,
    Cursor,
    Near,
    PageRows,
    Parameters,
    RadiusM,
    SensorId,
    Word,
    decode_cursor,
    encode_cursor,
    near_query,
    page_limit,
    parse_box,
)
from app.api.problems import not_found
from app.api.structs import with_fields_of
from model.sensor import Sensor
from model.vocabulary import PROPERTIES
from store.sensor_search import FoundSensor, SensorQuery, find_sensor, find_sensors

GEOJSON = "application/geo+json"
router = APIRouter(prefix="/sensors", tags=["sensors"])
SensorInPath = Annotated[SensorId, Path(examples=["GAS-0007"])]


class SensorFilters(Parameters):
    """Which sensors; without `mode` and `city` no exercise's."""

    city: Word | None = None
    mode: ModeFilter = None
    system: Word | None = None
    property: Word | None = None
    district: Word | None = None
    near: Near | None = None
    radius_m: RadiusM | None = None
    bbox: Box | None = None
    q: Word | None = Field(default=None, description="Part of the id, asset number or name")
    limit: PageRows = None
    after: Cursor | None = None


_SENSOR: dict[str, Any] = {
    "sensor": "GAS-0007",
    "city": "jiayuguan",
    "mode": "operational",
    "system": "gas",
    "property": "combustible_gas",
    "unit": "%{LEL}",
    "reading_unit": "%{LEL}",
    "interval_s": 60.0,
    "longitude": 98.289,
    "latitude": 39.773,
    "name": "Valve chamber 7",
    "name_zh": "7号阀室",
    "district": "xiongguan",
    "attributes": {},
}


class SensorItem(BaseModel):
    """A sensor as it is registered. `unit` is what it speaks, `reading_unit` what its readings are stored in (UCUM)."""

    model_config = ConfigDict(extra="allow", json_schema_extra=with_fields_of(Sensor, _SENSOR))

    reading_unit: str
    mode: Mode = Field(description="Of its city")
    distance_m: float | None = Field(default=None, description="Metres from `near`")


class SensorPage(BaseModel):
    """A page of sensors by id or, near a place, the nearest first."""

    sensors: list[SensorItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get(
    "",
    response_model=SensorPage,
    summary="Sensors",
    responses={200: {"content": {GEOJSON: {"schema": {"type": "object", "description": "A FeatureCollection"}}}}},
)
async def list_sensors(request: Request, caller: Reader, filters: Annotated[SensorFilters, Query()]) -> Any:
    """List sensors by id or, near a place, the nearest first; GeoJSON where Accept prefers it.

    Exercises are left out unless `mode` asks for them or `city` names one.
    """
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    near = near_query(filters.near, filters.radius_m, context.limits.radius_m_max)
    after: tuple[float | None, str] | None = None
    if filters.after is not None:
        if near is None:
            (sensor,) = decode_cursor(filters.after, str)
            after = (None, sensor)
        else:
            distance_m, sensor = decode_cursor(filters.after, float, str)
            after = (distance_m, sensor)
    query = SensorQuery(
        city=filters.city,
        modes=modes_of(filters.mode, named=filters.city is not None),
        system=filters.system,
        property=filters.property,
        district=filters.district,
        near=near,
        box=None if filters.bbox is None else parse_box(filters.bbox),
        text=filters.q,
        after=after,
    )
    async with context.reading() as connection:
        found = await find_sensors(connection, query, caller.areas, rows_max + 1)
    following = None
    if len(found) > rows_max:
        last = found[rows_max - 1]
        name = last.sensor.sensor
        following = encode_cursor(name) if near is None else encode_cursor(last.distance_m, name)
    items = [sensor_item(row) for row in found[:rows_max]]
    if preferred(request.headers.get("accept"), ("application/json", GEOJSON)) == GEOJSON:
        collection = {"type": "FeatureCollection", "features": [_feature(item) for item in items], "next": following}
        return Response(msgspec.json.encode(collection), media_type=GEOJSON)
    return {"sensors": items, "next": following}


@router.get("/{sensor}", response_model=SensorItem, summary="One sensor")
async def get_sensor(request: Request, caller: Reader, sensor: SensorInPath) -> dict[str, Any]:
    """Return a sensor as it is registered."""
    async with context_of(request).reading() as connection:
        found = await find_sensor(connection, sensor, caller.areas)
    if found is None:
        raise not_found("sensor", sensor)
    return sensor_item(found)


def sensor_item(found: FoundSensor) -> dict[str, Any]:
    """Return a sensor in the form of SensorItem."""
    item = msgspec.structs.asdict(found.sensor)
    item["mode"] = found.mode
    item["reading_unit"] = PROPERTIES[found.sensor.property].unit
    item["distance_m"] = None if found.distance_m is None else round(found.distance_m, 1)
    return item


def _feature(item: dict[str, Any]) -> dict[str, Any]:
    longitude, latitude = item.pop("longitude"), item.pop("latitude")
    geometry = None if longitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "id": item["sensor"], "geometry": geometry, "properties": item}
