"""Alarms: the list, one of them, and its journal."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.access import Reader, check_city
from app.api.context import context_of
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
    SplitList,
    Time,
    Word,
    decode_time_cursor,
    near_query,
    page_limit,
    page_of,
    too_many,
)
from app.api.problems import not_found
from model.alarm import AlarmClass, State
from model.handling import Step
from model.instant import to_milliseconds
from model.severity import severity_of
from store.alarms import AlarmQuery, alarm_lines, find_alarm, find_alarms, present_event

NDJSON = "application/x-ndjson"
router = APIRouter(prefix="/alarms", tags=["alarms"])


class AlarmFilters(Parameters):
    """Which alarms; without `state` all that are not normal, without `mode`, `city` and `sensor` no exercise's."""

    state: Annotated[list[State] | None, SplitList] = Field(default=None, description="One or several")
    severity: Annotated[list[Severity] | None, SplitList] = Field(default=None, description="One or several")
    system: Word | None = None
    district: Word | None = None
    city: Word | None = None
    sensor: Word | None = None
    rule: Word | None = None
    class_: AlarmClass | None = Field(default=None, alias="class")
    mode: ModeFilter = None
    assigned_to: Word | None = Field(default=None, description="A person or team; what is done with is left out")
    handling: Annotated[list[Step] | None, SplitList] = Field(default=None, description="How far it is dealt with")
    near: Near | None = None
    radius_m: RadiusM | None = None
    since: Time | None = Field(default=None, description="Its newest change became known at or after")
    limit: PageRows = None
    after: Cursor | None = None


class AlarmPage(BaseModel):
    """A page of alarms, last raised first.

    The list holds at least everything up to event `newest_event`: a stream resumed from there misses nothing.
    """

    alarms: list[AlarmItem]
    modes: list[Mode] = Field(description="Alarms of other modes were left out", examples=[["operational", "test"]])
    newest_event: int = Field(examples=[4711])
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get("", response_model=AlarmPage, response_model_exclude_unset=True, summary="Alarms")
async def list_alarms(request: Request, caller: Reader, filters: Annotated[AlarmFilters, Query()]) -> dict[str, Any]:
    """List alarms, last raised first; without `state` all that are not normal.

    With `assigned_to` or `handling` and without `state` also those that are normal and still dealt with. Exercises are
    left out unless `mode` asks for them, or `city` or `sensor` names one.
    """
    context = context_of(request)
    limits = context.limits
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, limits.page_rows_default, limits.page_rows_max)
    after = decode_time_cursor(filters.after, str)
    modes = modes_of(filters.mode, named=filters.city is not None or filters.sensor is not None)
    query = AlarmQuery(
        states=filters.state,
        severities=None if filters.severity is None else list(map(severity_of, filters.severity)),
        system=filters.system,
        district=filters.district,
        city=filters.city,
        sensor=filters.sensor,
        rule=filters.rule,
        alarm_class=filters.class_,
        modes=modes,
        assigned_to=filters.assigned_to,
        handling=filters.handling,
        near=near_query(filters.near, filters.radius_m, limits.radius_m_max),
        since=filters.since,
        after=after,
    )
    async with context.reading() as connection:
        newest = await present_event(connection)  # before the list, so that the list is at least as new
        rows = await find_alarms(connection, query, caller.areas, rows_max + 1)
    page, following = page_of(rows, rows_max, lambda row: (to_milliseconds(row.raised_at), row.alarm))
    alarms = [alarm_item(row) for row in page]
    return {"alarms": alarms, "modes": modes, "newest_event": newest, "next": following}


@router.get("/{alarm}", response_model=AlarmItem, response_model_exclude_unset=True, summary="One alarm")
async def get_alarm(request: Request, caller: Reader, alarm: AlarmInPath) -> dict[str, Any]:
    """Return an alarm as it stands."""
    async with context_of(request).reading() as connection:
        row = await find_alarm(connection, alarm, caller.areas)
    if row is None:
        raise not_found("alarm", alarm)
    return alarm_item(row)


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
