"""Sensors: the list, as JSON or GeoJSON, their newest readings, and one of them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access import Principal, Reader, check_city
from app.api.brief import BriefSensor, brief_sensor
from app.api.changes import ChangedAfter, NextCursor, cursor_of, list_name, mark_of, oldest_reading_since
from app.api.context import ApiContext, context_of
from app.api.geography import GEOJSON_ANSWER, DisplayCrs, collection, point_feature, wants_geojson
from app.api.latest import Doubt, Latest, Reading, latest_item, latest_of
from app.api.lines import Mode, way
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import (
    Asset,
    Box,
    Cursor,
    Near,
    PageRows,
    Parameters,
    RadiusM,
    SensorId,
    Word,
    decode_cursor,
    near_query,
    page_limit,
    page_of,
    parse_box,
)
from app.api.problems import not_found
from app.api.structs import encoded, with_fields_of
from model.network import Position
from model.sensor import Sensor
from model.vocabulary import PROPERTIES
from store.changes import present_mark
from store.sensor_search import FoundSensor, SensorQuery, find_sensor, find_sensors

router = APIRouter(prefix="/sensors", tags=["sensors"])
SensorInPath = Annotated[SensorId, Path(examples=["GAS-0007"])]


class Selection(Parameters):
    """Which sensors; without `mode`, `city` and `asset` no exercise's."""

    city: Word | None = None
    mode: ModeFilter = None
    system: Word | None = None
    property: Word | None = None
    district: Word | None = None
    asset: Asset | None = None
    near: Near | None = None
    radius_m: RadiusM | None = None
    bbox: Box | None = None
    q: Word | None = Field(default=None, description="Part of the id, asset number or name")
    limit: PageRows = None
    after: Cursor | None = None


class SensorFilters(Selection):
    """Which sensors, and what of them."""

    latest: bool = Field(default=False, description="With the newest reading of each")
    display_crs: DisplayCrs = None


class LatestFilters(Selection):
    """Of which sensors the newest readings."""

    changed_after: ChangedAfter | None = None


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
    bearing_deg: float | None = Field(default=None, description="From `near`, clockwise from north")
    latest: Reading | None = Field(
        default=None, description="Where `latest` was asked for: the newest reading; null where it was never heard"
    )
    doubt: Doubt | None = Field(default=None, description="With it: why that is not to be trusted")


class SensorPage(BaseModel):
    """A page of sensors by id or, near a place, the nearest first."""

    sensors: list[SensorItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class LatestPage(BaseModel):
    """A page of sensors with their newest readings, in the order of the list of sensors."""

    sensors: list[BriefSensor]
    cursor: NextCursor
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get("", response_model=SensorPage, summary="Sensors", responses=GEOJSON_ANSWER)
async def list_sensors(request: Request, caller: Reader, filters: Annotated[SensorFilters, Query()]) -> Response:
    """List sensors by id or, near a place, the nearest first; GeoJSON where Accept prefers it.

    Exercises are left out unless `mode` asks for them, or `city` or `asset` names one.
    """
    context = context_of(request)
    geojson = wants_geojson(request, filters.display_crs)
    query, rows_max = _query(context, caller, filters, doubts=filters.latest)
    newest: dict[str, Latest] = {}
    async with context.reading() as connection:
        found = await find_sensors(connection, query, caller.areas, rows_max + 1)
        if filters.latest:
            newest = await latest_of(connection, found[:rows_max])
    page, following = page_of(found, rows_max, _place_in_near_list if query.near else _place_in_list)
    items = [sensor_item(row, query.origin, newest.get(row.sensor.sensor)) for row in page]
    if geojson:
        return collection((_feature(item, filters.display_crs) for item in items), next=following)
    return encoded({"sensors": items, "next": following})


@router.get("/latest", response_model=LatestPage, summary="The latest of many")
async def list_latest(request: Request, caller: Reader, filters: Annotated[LatestFilters, Query()]) -> Response:
    """List sensors with their newest readings in few bytes: by id or, near a place, the nearest first.

    With `changed_after` only those that were heard, fell silent or whose readings turned bad since; 410 where that
    cannot be told any more. Exercises are left out unless `mode` asks for them, or `city` or `asset` names one.
    """
    context = context_of(request)
    query, rows_max = _query(context, caller, filters, doubts=True)
    name = list_name(filters, caller.areas)
    async with context.reading() as connection:
        now, newest_arrival = await present_mark(connection)  # before the list, so that the list is at least as new
        if filters.changed_after is not None:
            mark = mark_of(filters.changed_after, name, now, context.limits)
            oldest = await oldest_reading_since(connection, mark, context.limits)
            query = query.changed_since(mark, oldest)
        found = await find_sensors(connection, query, caller.areas, rows_max + 1)
        newest = await latest_of(connection, found[:rows_max], newest_arrival)
    page, following = page_of(found, rows_max, _place_in_near_list if query.near else _place_in_list)
    answer = {
        "sensors": [brief_sensor(row, newest[row.sensor.sensor], query.origin) for row in page],
        "cursor": cursor_of(now, name) if filters.after is None else None,
        "next": following,
    }
    return encoded(answer)


@router.get("/{sensor}", response_model=SensorItem, summary="One sensor", responses=GEOJSON_ANSWER)
async def get_sensor(request: Request, caller: Reader, sensor: SensorInPath) -> Response:
    """Return a sensor as it is registered; a GeoJSON feature collection of it alone where Accept prefers that."""
    async with context_of(request).reading() as connection:
        found = await find_sensor(connection, sensor, caller.areas)
    if found is None:
        raise not_found("sensor", sensor)
    if wants_geojson(request):
        return collection([_feature(sensor_item(found))])
    return encoded(sensor_item(found))


def sensor_item(found: FoundSensor, origin: Position | None = None, latest: Latest | None = None) -> dict[str, Any]:
    """Return a sensor in the form of SensorItem; `origin` is where it was asked for from."""
    sensor = found.sensor
    item = msgspec.structs.asdict(sensor)
    item["mode"] = found.mode
    item["reading_unit"] = PROPERTIES[sensor.property].unit
    item |= way(found.distance_m, origin, (sensor.longitude, sensor.latitude))
    if latest is not None:
        item |= {"latest": latest_item(latest.row), "doubt": latest.doubt}
    return item


def _query(context: ApiContext, caller: Principal, filters: Selection, *, doubts: bool) -> tuple[SensorQuery, int]:
    """Return what is asked for, and the rows of a page. Raises Problem."""
    limits = context.limits
    check_city(caller, filters.city)
    near = near_query(filters.near, filters.radius_m, limits.radius_m_max)
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
        modes=modes_of(filters.mode, named=filters.city is not None or filters.asset is not None),
        system=filters.system,
        property=filters.property,
        district=filters.district,
        asset=filters.asset,
        near=near,
        box=None if filters.bbox is None else parse_box(filters.bbox),
        text=filters.q,
        doubts=doubts,
        after=after,
    )
    return query, page_limit(filters.limit, limits.page_rows_default, limits.page_rows_max)


def _place_in_list(row: FoundSensor) -> tuple[str]:
    return (row.sensor.sensor,)


def _place_in_near_list(row: FoundSensor) -> tuple[float | None, str]:
    return row.distance_m, row.sensor.sensor


def _feature(item: dict[str, Any], display_crs: str | None = None) -> dict[str, Any]:
    place = item.pop("longitude"), item.pop("latitude")
    return point_feature(item["sensor"], place, item, crs=item["crs"], display_crs=display_crs)
