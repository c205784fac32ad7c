"""Assets by their scanned number: a manhole or chamber with its sensors, their newest readings and its open alarms."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from app.access import Reader, check_city
from app.api.brief import BriefAlarm, BriefSensor, brief_alarm, brief_sensor
from app.api.context import context_of
from app.api.geography import GEOJSON_ANSWER, DisplayCrs, collection, point_feature, wants_geojson
from app.api.latest import Latest, latest_of
from app.api.lines import Mode
from app.api.parameters import Asset, Parameters, Word
from app.api.problems import Problem
from app.api.structs import encoded
from store.alarms import AlarmQuery, AlarmRow, find_alarms
from store.sensor_search import FoundSensor, SensorQuery, find_sensors

router = APIRouter(prefix="/assets", tags=["sensors"])
AssetInPath = Annotated[Asset, Path(examples=["MH-0042"])]


class AssetFilters(Parameters):
    """Of which city, where several have an asset of that number."""

    city: Word | None = None
    display_crs: DisplayCrs = None


class AssetItem(BaseModel):
    """An asset of a city as its sensors name it; it stands where the first of them does."""

    asset: str = Field(examples=["MH-0042"])
    city: str = Field(examples=["jiayuguan"])
    mode: Mode = Field(description="Of the city")
    district: str = Field(examples=["xiongguan"])
    longitude: float | None = Field(examples=[98.289])
    latitude: float | None = Field(examples=[39.773])
    crs: str = Field(description="Of longitude and latitude", examples=["WGS-84"])
    sensors: list[BriefSensor]
    alarms: list[BriefAlarm] = Field(description="Of these sensors, those that are not normal, last raised first")


class Assets(BaseModel):
    """The assets of that number: one, unless several cities use it."""

    assets: list[AssetItem]


@router.get(
    "/{asset}",
    response_model=Assets,
    response_model_exclude_unset=True,
    summary="An asset by its number",
    responses=GEOJSON_ANSWER,
)
async def get_asset(
    request: Request, caller: Reader, asset: AssetInPath, filters: Annotated[AssetFilters, Query()]
) -> Response:
    """Return what is known of an asset in one answer. White space and case of the number do not count."""
    context = context_of(request)
    limits = context.limits
    geojson = wants_geojson(request, filters.display_crs)
    check_city(caller, filters.city)
    async with context.reading() as connection:
        query = SensorQuery(asset=asset, city=filters.city, doubts=True)
        found = await find_sensors(connection, query, caller.areas, limits.asset_sensors_max)
        if not found:
            raise _unknown(asset)
        newest = await latest_of(connection, found)
        of_them = AlarmQuery(sensors=[one.sensor.sensor for one in found])
        alarms = await find_alarms(connection, of_them, caller.areas, limits.asset_alarms_max)
    items = [_item(sensors, newest, alarms) for sensors in _by_asset(found)]
    if geojson:
        return collection(_feature(item, filters.display_crs) for item in items)
    return encoded({"assets": items})


def _by_asset(found: list[FoundSensor]) -> list[list[FoundSensor]]:
    groups: dict[tuple[str, str], list[FoundSensor]] = {}
    for one in found:
        groups.setdefault((one.sensor.city, one.sensor.asset), []).append(one)
    return [groups[name] for name in sorted(groups)]


def _item(found: list[FoundSensor], newest: dict[str, Latest], alarms: list[AlarmRow]) -> dict[str, Any]:
    first = found[0].sensor
    placed = next((one.sensor for one in found if one.sensor.longitude is not None), first)
    names = {one.sensor.sensor for one in found}
    return {
        "asset": first.asset,
        "city": first.city,
        "mode": found[0].mode,
        "district": first.district,
        "longitude": placed.longitude,
        "latitude": placed.latitude,
        "crs": placed.crs,
        "sensors": [brief_sensor(one, newest[one.sensor.sensor]) for one in found],
        "alarms": [brief_alarm(row) for row in alarms if row.sensor in names],
    }


def _feature(item: dict[str, Any], display_crs: str | None) -> dict[str, Any]:
    place = item.pop("longitude"), item.pop("latitude")
    name = f"{item['city']}/{item['asset']}"
    return point_feature(name, place, item, crs=item["crs"], display_crs=display_crs)


def _unknown(asset: str) -> Problem:
    return Problem(
        404,
        "not-found",
        f"no sensor within your areas has the asset number {asset!r}",
        field="asset",
        remedy=f"compare it with the plate; GET /sensors?q={asset[:20]} finds parts of a number, and "
        "GET /sensors?near=longitude,latitude what is close by",
    )
