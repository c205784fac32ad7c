"""Alarms: the list, one of them, and its journal."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.access import Principal, Reader, check_city
from app.api.brief import BriefAlarm, View, brief_alarm
from app.api.changes import ChangedAfter, NextCursor, cursor_of, list_name, mark_of
from app.api.context import ApiContext, context_of
from app.api.geography import GEOJSON_ANSWER, DisplayCrs, collection, point_feature, wants_geojson
from app.api.latest import Reading, latest_item
from app.api.lines import AlarmItem, Line, Mode, Severity, alarm_item
from app.api.modes import ModeFilter, modes_of
from app.api.negotiation import preferred
from app.api.parameters import (
    AlarmInPath,
    Cursor,
    Near,
    PageRows,
    Parameters,
    RadiusM,
    Several,
    Time,
    Word,
    decode_cursor,
    decode_time_cursor,
    near_query,
    page_limit,
    page_of,
    too_many,
)
from app.api.problems import invalid, not_found
from app.api.structs import encoded
from model.alarm import AlarmClass, State
from model.handling import Step
from model.instant import to_datetime, to_milliseconds
from model.severity import severity_of
from store.alarms import AlarmQuery, AlarmRow, alarm_lines, find_alarm, find_alarms
from store.changes import present_mark
from store.readings import latest_readings

NDJSON = "application/x-ndjson"
router = APIRouter(prefix="/alarms", tags=["alarms"])


class AlarmFilters(Parameters):
    """Which alarms; without `state` all that are not normal, without `mode`, `city` and `sensor` no exercise's."""

    state: Several[State] | None = Field(default=None, description="One or several")
    severity: Several[Severity] | None = Field(default=None, description="One or several")
    system: Word | None = None
    district: Word | None = None
    city: Word | None = None
    sensor: Word | None = None
    rule: Word | None = None
    class_: AlarmClass | None = Field(default=None, alias="class")
    mode: ModeFilter = None
    assigned_to: Word | None = Field(default=None, description="A person or team; what is done with is left out")
    handling: Several[Step] | None = Field(default=None, description="How far it is dealt with")
    near: Near | None = None
    radius_m: RadiusM | None = None
    since: Time | None = Field(default=None, description="Its newest change became known at or after")
    view: View = Field(default="full", description="brief: in few bytes, and with a `cursor` for `changed_after`")
    latest: bool = Field(default=False, description="With the newest reading of each one's sensor")
    changed_after: ChangedAfter | None = None
    display_crs: DisplayCrs = None
    limit: PageRows = None
    after: Cursor | None = None


class ListedAlarm(AlarmItem):
    """An alarm of a list."""

    latest: Reading | None = Field(
        default=None, description="Where `latest` was asked for: its sensor's newest reading; null where never heard"
    )


class AlarmPage(BaseModel):
    """A page of alarms, last raised first or, near a place, the nearest first.

    The list holds at least everything up to event `newest_event`: a stream resumed from there misses nothing.
    """

    alarms: list[ListedAlarm]
    modes: list[Mode] = Field(description="Alarms of other modes were left out", examples=[["operational", "test"]])
    newest_event: int = Field(examples=[4711])
    next: str | None = Field(description="`after` of the next page; null on the last")


class ListedBriefAlarm(BriefAlarm):
    """An alarm of a list, in few bytes."""

    latest: Reading | None = Field(default=None, description="As in the full view")


class BriefAlarmPage(BaseModel):
    """A page of alarms in few bytes, or of those that changed."""

    alarms: list[ListedBriefAlarm]
    gone: list[str] = Field(
        default=[], description="With `changed_after`: alarms that changed and are not, perhaps never were, in the list"
    )
    modes: list[Mode] = Field(description="Alarms of other modes were left out", examples=[["operational", "test"]])
    newest_event: int = Field(examples=[4711])
    cursor: NextCursor
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get(
    "",
    response_model=AlarmPage | BriefAlarmPage,
    response_model_exclude_unset=True,
    summary="Alarms",
    responses=GEOJSON_ANSWER,
)
async def list_alarms(request: Request, caller: Reader, filters: Annotated[AlarmFilters, Query()]) -> Response:
    """List alarms, last raised first or, near a place, the nearest first; without `state` all that are not normal.

    With `assigned_to` or `handling` and without `state` also those that are normal and still dealt with. Exercises are
    left out unless `mode` asks for them, or `city` or `sensor` names one. With `view=brief` and `changed_after` only
    what changed since: alarms that are new or differ, and `gone`; 410 where that cannot be told any more.
    """
    context = context_of(request)
    geojson = wants_geojson(request, filters.display_crs)
    query, rows_max = _query(context, caller, filters)
    _check_changes(filters)
    name = list_name(filters, caller.areas)
    newest: dict[int, Any] = {}
    async with context.reading() as connection:
        now, newest_arrival = await present_mark(connection)  # before the list, so that the list is at least as new
        if filters.changed_after is not None:
            query = query.changed_since(mark_of(filters.changed_after, name, now, context.limits))
        rows = await find_alarms(connection, query, caller.areas, rows_max + 1)
        if filters.latest:
            newest = await latest_readings(
                connection, list({row.sensor_key for row in rows if row.sensor_key}), newest_arrival
            )
    page, following = page_of(rows, rows_max, _place_in_near_list if query.near else _place_in_list)
    write = brief_alarm if filters.view == "brief" else alarm_item
    items = []
    for row in page:
        if row.listed:
            item = write(row, query.origin)
            if filters.latest:
                item["latest"] = latest_item(newest.get(row.sensor_key or 0))
            items.append((row, item))
    answer = {"modes": query.modes, "newest_event": now.event, "next": following}
    if filters.changed_after is not None:
        answer["gone"] = [row.alarm for row in page if not row.listed]
    if filters.view == "brief":
        # Without the batch: what arrives changes no alarm, and the same list keeps its tag.
        answer["cursor"] = cursor_of(now._replace(batch=0), name) if filters.after is None else None
    if geojson:
        return collection((_feature(row, item, filters.display_crs) for row, item in items), **answer)
    return encoded({"alarms": [item for _, item in items]} | answer)


@router.get(
    "/{alarm}",
    response_model=AlarmItem,
    response_model_exclude_unset=True,
    summary="One alarm",
    responses=GEOJSON_ANSWER,
)
async def get_alarm(request: Request, caller: Reader, alarm: AlarmInPath) -> Response:
    """Return an alarm as it stands; a GeoJSON feature collection of it alone where Accept prefers that."""
    async with context_of(request).reading() as connection:
        row = await find_alarm(connection, alarm, caller.areas)
    if row is None:
        raise not_found("alarm", alarm)
    if wants_geojson(request):
        return collection([_feature(row, alarm_item(row))])
    return encoded(alarm_item(row))


def _query(context: ApiContext, caller: Principal, filters: AlarmFilters) -> tuple[AlarmQuery, int]:
    """Return what is asked for, and the rows of a page. Raises Problem."""
    limits = context.limits
    check_city(caller, filters.city)
    near = near_query(filters.near, filters.radius_m, limits.radius_m_max)
    query = AlarmQuery(
        states=filters.state,
        severities=None if filters.severity is None else list(map(severity_of, filters.severity)),
        system=filters.system,
        district=filters.district,
        city=filters.city,
        sensor=filters.sensor,
        rule=filters.rule,
        alarm_class=filters.class_,
        modes=modes_of(filters.mode, named=filters.city is not None or filters.sensor is not None),
        assigned_to=filters.assigned_to,
        handling=filters.handling,
        near=near,
        since=filters.since,
        after=_after(filters.after, near is not None),
    )
    return query, page_limit(filters.limit, limits.page_rows_default, limits.page_rows_max)


def _check_changes(filters: AlarmFilters) -> None:
    if filters.changed_after is None:
        return
    if filters.view != "brief":
        raise invalid("changed_after", "changes are told in the brief view", "add view=brief to both questions")
    if filters.latest:
        raise invalid("latest", "readings change without their alarms", "ask /sensors/latest for what changed of them")


def _after(cursor: str | None, near: bool) -> tuple[float | None, datetime, str] | None:
    if cursor is not None and near:
        distance_m, raised_at, alarm = decode_cursor(cursor, float, int, str)
        return distance_m, to_datetime(raised_at), alarm
    place = decode_time_cursor(cursor, str)
    return None if place is None else (None, place[0], place[1])


def _place_in_list(row: AlarmRow) -> tuple[int, str]:
    return to_milliseconds(row.raised_at), row.alarm


def _place_in_near_list(row: AlarmRow) -> tuple[float | None, int, str]:
    return row.distance_m, to_milliseconds(row.raised_at), row.alarm


def _feature(row: AlarmRow, item: dict[str, Any], display_crs: str | None = None) -> dict[str, Any]:
    properties = {name: value for name, value in item.items() if name not in ("longitude", "latitude")}
    place = row.longitude, row.latitude
    return point_feature(row.alarm, place, properties, crs=row.crs or "WGS-84", display_crs=display_crs)


@router.get(
    "/{alarm}/journal",
    response_model=list[Line],
    summary="An alarm's journal",
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def get_journal(request: Request, caller: Reader, alarm: AlarmInPath) -> Response:
    """Return the journal lines of an alarm exactly as journalled: an array, or NDJSON where Accept prefers it."""
    context = context_of(request)
    lines_max = context.limits.journal_lines_max
    async with context.reading() as connection:
        lines = await alarm_lines(connection, alarm, caller.areas, lines_max + 1)
    if not lines:
        raise not_found("alarm", alarm)
    if len(lines) > lines_max:
        raise too_many("lines", lines_max, "write the journal of a time span to a file with `lifeline journal`")
    form = preferred(request.headers.get("accept"), ("application/json", NDJSON))
    if form == NDJSON:
        return Response("".join(f"{line}\n" for line in lines), media_type=NDJSON)
    return Response(msgspec.json.encode([msgspec.Raw(line.encode()) for line in lines]), media_type=form)
