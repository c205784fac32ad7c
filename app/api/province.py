"""What partners publish to this deployment: a province's cities, or the parks of a city, and their alarms."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from app.access import Acknowledger, Reader, check_city
from app.actions import KeyReused
from app.api.alarm_actions import AcknowledgeBody
from app.api.bodies import KeyHeader, one_key, reused
from app.api.context import VERSION, context_of
from app.api.lines import Line
from app.api.modes import MODES, modes_of
from app.api.parameters import (
    AlarmInPath,
    CityInPath,
    decode_time_cursor,
    page_limit,
    page_of,
    too_many,
    written,
    written_or_none,
)
from app.api.problems import Problem, not_found
from app.api.province_figures import city_item, mode_totals
from app.api.province_forms import (
    AcknowledgementItem,
    PartnerAlarmFilters,
    PartnerAlarmItem,
    PartnerAlarmPage,
    ProvinceStatus,
)
from app.northbound.acknowledging import AcknowledgementRefused, Asked, PartnerAlarmUnknown, acknowledge_here
from model.instant import format_instant, to_milliseconds
from model.severity import severity_of
from store.province_search import (
    PartnerAlarm,
    PartnerAlarmQuery,
    count_partner_alarms,
    find_partner_alarm,
    find_partner_alarms,
    find_partner_cities,
    partner_lines,
)

router = APIRouter(tags=["province"])


@router.get("/province/status", response_model=ProvinceStatus, summary="How partners' cities stand")
async def get_province_status(request: Request, caller: Reader) -> dict[str, Any]:
    """Return sensors by freshness and quality and alarms by severity and state: together, by city and by county."""
    context = context_of(request)
    async with context.reading() as connection:
        cities = await find_partner_cities(connection, caller.areas)
        alarms = await count_partner_alarms(connection, caller.areas)
    items = [city_item(city, alarms) for city in cities if city.admitted]
    apart = [city for city in cities if not city.admitted and caller.sees_everything]
    return {
        "time": format_instant(context.clock()),
        "version": VERSION,
        "totals": {mode: mode_totals(mode, items, alarms) for mode in MODES},
        "cities": [item.form for item in items],
        "apart": [
            {"city": city.city, "name": city.name or "", "heard_at": written_or_none(city.heard_at)} for city in apart
        ],
    }


@router.get("/province/alarms", response_model=PartnerAlarmPage, summary="Partners' alarms")
@router.get("/relayed/alarms", response_model=PartnerAlarmPage, summary="Alarms of parks that are relayed here")
async def list_partner_alarms(
    request: Request, caller: Reader, filters: Annotated[PartnerAlarmFilters, Query()]
) -> Response:
    """List alarms that partners publish here, last raised first; without `state` all that are not normal there.

    Exercises are left out unless `mode` asks for them, or `city` names one.
    """
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    after = decode_time_cursor(filters.after, str, str)
    modes = modes_of(filters.mode, named=filters.city is not None)
    query = PartnerAlarmQuery(
        states=filters.state,
        own_states=filters.own_state,
        severities=None if filters.severity is None else list(map(severity_of, filters.severity)),
        system=filters.system,
        district=filters.district,
        city=filters.city,
        alarm_class=filters.class_,
        modes=modes,
        since=filters.since,
        after=after,
    )
    async with context.reading() as connection:
        rows = await find_partner_alarms(connection, query, caller.areas, rows_max + 1)
    page, following = page_of(rows, rows_max, lambda row: (to_milliseconds(row.raised_at), row.alarm, row.city))
    return _answer({"alarms": [_item(row) for row in page], "modes": modes, "next": following})


@router.get("/province/alarms/{city}/{alarm}", response_model=PartnerAlarmItem, summary="One of partners' alarms")
async def get_partner_alarm(request: Request, caller: Reader, city: CityInPath, alarm: AlarmInPath) -> Response:
    """Return an alarm as it stands in its city and here."""
    async with context_of(request).reading() as connection:
        row = await find_partner_alarm(connection, (city, alarm), caller.areas)
    if row is None:
        raise not_found("alarm", alarm)
    return _answer(_item(row))


@router.get(
    "/province/alarms/{city}/{alarm}/journal", response_model=list[Line], summary="The lines of a partner's alarm"
)
async def get_partner_lines(request: Request, caller: Reader, city: CityInPath, alarm: AlarmInPath) -> Response:
    """Return the lines that are here, as they came, by `sequence`; a number that is left out has not come."""
    context = context_of(request)
    lines_max = context.limits.journal_lines_max
    async with context.reading() as connection:
        lines = await partner_lines(connection, (city, alarm), caller.areas, lines_max + 1)
    if not lines:
        raise not_found("alarm", alarm)
    if len(lines) > lines_max:
        raise too_many("lines", lines_max, "ask the city for its journal")
    return _answer([msgspec.Raw(line.encode()) for line in lines])


@router.post(
    "/province/alarms/{city}/{alarm}/acknowledge",
    response_model=AcknowledgementItem,
    summary="Acknowledge a partner's alarm here",
)
async def acknowledge_partner_alarm(
    request: Request,
    caller: Acknowledger,
    city: CityInPath,
    alarm: AlarmInPath,
    body: AcknowledgeBody,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Acknowledge an alarm for this deployment alone; in its city it stays as it is.

    The same request again returns the same answer and changes nothing. An escalation that came after `seen_sequence`
    is never acknowledged: 409 with the alarm as it stands.
    """
    context = context_of(request)
    asked = Asked((city, alarm), body.seen_sequence, one_key(idempotency_key, body.idempotency_key), body.comment)
    async with context.reading() as connection:
        try:
            answer = await acknowledge_here(connection, asked, caller, context.clock())
        except PartnerAlarmUnknown:
            raise not_found("alarm", alarm) from None
        except KeyReused as error:
            raise reused(error) from None
        except AcknowledgementRefused as refused:
            row = await find_partner_alarm(connection, (city, alarm), caller.areas)
            raise Problem(
                409,
                "conflict",
                str(refused),
                remedy=refused.remedy,
                alarm=None if row is None else _item(row),
                acknowledged_by=refused.by,
                acknowledged_at=written_or_none(refused.at),
            ) from None
    return Response(answer, media_type="application/json")


def _item(row: PartnerAlarm) -> dict[str, Any]:
    item: dict[str, Any] = msgspec.json.decode(row.line)
    if row.silent_since is not None and item["condition"] == "active":
        item["condition"] = "unknown"
    acknowledged = None
    if row.acknowledged_by is not None and row.acknowledged_at is not None:
        acknowledged = {"by": row.acknowledged_by, "at": written(row.acknowledged_at), "comment": row.comment}
    return item | {
        "state": row.state,
        "own_state": row.own_state,
        "escalated_sequence": row.escalated_sequence,
        "acknowledged_here": acknowledged,
        "lines_missing": row.missing,
        "raised_at": written(row.raised_at),
        "changed_at": written(row.changed_at),
        "received_at": written(row.received_at),
        "city_silent_since": written_or_none(row.silent_since),
    }


def _answer(content: Any) -> Response:
    # Not held against the form: a newer city may know words that we do not.
    return Response(msgspec.json.encode(content), media_type="application/json")
