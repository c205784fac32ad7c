"""Incidents: alarms and reports that belong together, the probable cause first."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from app.access import Reader, check_city
from app.api.context import context_of
from app.api.geography import GEOJSON_ANSWER, DisplayCrs, collection, point_feature, wants_geojson
from app.api.incident_items import (
    EXAMPLE,
    IncidentItem,
    called,
    change_item,
    circle,
    incident_item,
    member_item,
    report_item,
)
from app.api.lines import Mode
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import Cursor, PageRows, Parameters, Time, Word, decode_time_cursor, page_limit, page_of
from app.api.problems import not_found
from model.incident import Member
from model.instant import to_milliseconds
from model.network import Position
from store.incident_search import (
    IncidentQuery,
    find_incident,
    find_incidents,
    incident_changes,
    incident_members,
    incident_middles,
)

router = APIRouter(prefix="/incidents", tags=["incidents"])
MEMBERS_MAX, HISTORY_MAX = 5_000, 1_000

IncidentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,192}\z")]
IncidentInPath = Annotated[IncidentId, Path(examples=[EXAMPLE])]


class IncidentFilters(Parameters):
    """Which incidents; without `mode`, `city` and `member` no exercise's."""

    city: Word | None = None
    system: Word | None = None
    state: Literal["open", "closed"] | None = Field(default=None, description="Both where it is left out")
    mode: ModeFilter = None
    since: Time | None = Field(default=None, description="Changed at or after")
    member: IncidentId | None = Field(default=None, description="The one that holds this alarm or report")
    display_crs: DisplayCrs = None
    limit: PageRows = None
    after: Cursor | None = None


class IncidentPage(BaseModel):
    """A page of incidents, last opened first; those that were merged into others are left out."""

    incidents: list[IncidentItem]
    modes: list[Mode] = Field(description="Incidents of other modes were left out", examples=[["operational", "test"]])
    next: str | None = Field(description="`after` of the next page; null on the last")


class IncidentDetail(IncidentItem):
    """An incident with its members, each with the reason for which it belongs here, and its history."""

    members: list[dict[str, Any]] = Field(description="Alarms, as they joined; at most 5,000")
    reports: list[dict[str, Any]] = Field(description="Reports from people")
    history: list[dict[str, Any]] = Field(description="What happened to it, but joining: that is with each member")
    circle: dict[str, float] | None = Field(description="Around all members: longitude, latitude, radius_m")


@router.get("", response_model=IncidentPage, summary="Incidents", responses=GEOJSON_ANSWER)
async def list_incidents(request: Request, caller: Reader, filters: Annotated[IncidentFilters, Query()]) -> Any:
    """List incidents, last opened first; GeoJSON, each in the middle of its members, where Accept prefers it.

    Exercises are left out unless `mode` asks for them, or `city` names one.
    """
    context = context_of(request)
    geojson = wants_geojson(request, filters.display_crs)
    middles: dict[str, Position] = {}
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    after = decode_time_cursor(filters.after, str)
    modes = modes_of(filters.mode, named=filters.city is not None or filters.member is not None)
    query = IncidentQuery(
        city=filters.city,
        system=filters.system,
        is_open=None if filters.state is None else filters.state == "open",
        modes=modes,
        since=filters.since,
        member=filters.member,
        after=after,
    )
    async with context.reading() as connection:
        rows = await find_incidents(connection, query, caller.areas, rows_max + 1)
        if geojson:
            middles = await incident_middles(connection, [row.incident for row in rows])
    page, following = page_of(rows, rows_max, lambda row: (to_milliseconds(row.opened_at), row.incident))
    items = [incident_item(row) for row in page]
    if geojson:
        features = (_feature(item, middles.get(item["incident"]), filters.display_crs) for item in items)
        return collection(features, modes=modes, next=following)
    return {"incidents": items, "modes": modes, "next": following}


@router.get("/{incident}", response_model=IncidentDetail, summary="One incident", responses=GEOJSON_ANSWER)
async def get_incident(request: Request, caller: Reader, incident: IncidentInPath) -> Any:
    """Return an incident with its members and history. One that was merged says into which, and has no members.

    As GeoJSON, where Accept prefers that, it is a feature in the middle of its members, and each of these is one.
    """
    async with context_of(request).reading() as connection, connection.transaction(isolation="repeatable_read"):
        row = await find_incident(connection, incident, caller.areas)
        if row is None:
            raise not_found("incident", incident)
        rows = await incident_members(connection, incident, caller.areas, MEMBERS_MAX)
        changes = await incident_changes(connection, incident, caller.areas, HISTORY_MAX, but=("joined",))
    found = [(msgspec.json.decode(member.facts, type=Member), member) for member in rows]
    names = {facts.member: called(member.name, member.name_zh) for facts, member in found}
    members = [member_item(facts, member, names) for facts, member in found if facts.kind == "alarm"]
    reports = [report_item(facts, names) for facts, _ in found if facts.kind == "report"]
    if wants_geojson(request):
        around = circle([facts for facts, _ in found]) or {}
        middle = (around["longitude"], around["latitude"]) if around else None
        whole = incident_item(row) | {"radius_m": around.get("radius_m")}
        return collection([_feature(whole, middle), *_parts("alarm", members), *_parts("report", reports)])
    return incident_item(row) | {
        "members": members,
        "reports": reports,
        "history": [change_item(change) for change in changes],
        "circle": circle([facts for facts, _ in found]),
    }


def _feature(item: dict[str, Any], middle: Position | None, display_crs: str | None = None) -> dict[str, Any]:
    return point_feature(item["incident"], middle or (None, None), item, display_crs=display_crs)


def _parts(kind: str, items: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for item in items:
        place = item.pop("longitude"), item.pop("latitude")
        yield point_feature(item[kind], place, item)
