"""The timeline of an incident: what became known of it when, and who did what; as JSON and as a page."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.access import Principal, Reader
from app.api.context import context_of
from app.api.deprecation import SCOPE_KEY
from app.api.envelope import SECURITY_HEADERS
from app.api.incidents import IncidentInPath
from app.api.lines import Mode, Severity, TimeText
from app.api.negotiation import preferred
from app.api.performance import language_of
from app.api.problems import not_found
from app.api.shifts import PageParameters
from app.printed import style_source
from app.timeline.page import timeline_html
from app.timeline.readings import Course
from app.timeline.scene import Entry, What
from app.timeline.timeline import Timeline, TimelineLimits, timeline_of
from model.alarm import LABELS_WITH_NONE
from model.instant import format_instant, to_milliseconds

router = APIRouter(prefix="/incidents", tags=["incidents"])
HTML, JSON = "text/html", "application/json"
POLICY = "Content-Security-Policy"

_WORDS = {"en": "0.1 MPa; reaches Level III (yellow), limit 0.14 MPa", "zh": "0.1 MPa；达到三级（黄），限值 0.14 MPa"}


class TimelineEntry(BaseModel):
    """Something that became known at `known_at`."""

    model_config = ConfigDict(extra="allow")

    known_at: TimeText
    time: TimeText | None = Field(description="When it happened; null where it is when it became known, or of several")
    what: What = Field(description="`action` is what a person did to an alarm; `reading` may tell of several")
    subject: str = Field(description="Id of what it is about", examples=["WATER-0007"])
    sensor: str | None
    actor: str | None = Field(description="Who did it")
    severity: Severity | None
    late_s: float | None = Field(description="By how much a reading came late; the most of several")
    words: dict[str, str] = Field(examples=[_WORDS])
    facts: dict[str, Any] = Field(
        description="Of a transition or action its journal line; of a reading value, unit, quality and `marks`: why it"
        " is named; of several together how many, between when, lowest and highest"
    )


class TimelineSensor(BaseModel):
    """A sensor of the incident's alarms, with the levels that its readings were held against at the first of them."""

    sensor: str
    name: str
    name_zh: str
    unit: str = Field(description="As people read it", examples=["MPa"])
    readings: int = Field(description="Looked at")
    cut: bool = Field(description="There are more, which were not looked at")
    direction: Literal["above", "below"] | None
    limits: dict[Severity, float]


class IncidentTimeline(BaseModel):
    """An incident in the order in which it became known, up to `known_at`, the log's clock.

    Of the readings those are named that explain what happened, the others are told of together. Late ones stand where
    they became known.
    """

    incident: str
    city: str
    mode: Mode
    time_zone: str = Field(examples=["Asia/Shanghai"])
    severity: Severity | None
    probable_cause: dict[str, str]
    opened_at: TimeText
    closed_at: TimeText | None
    merged_into: str | None
    known_at: TimeText
    cut_at: TimeText | None = Field(description="From then on more became known than is told; null where it is all")
    sensors: list[TimelineSensor]
    sensors_total: int
    left_out: list[Literal["warnings", "readings"]] = Field(description="What lies beyond the caller's areas")
    entries: list[TimelineEntry]


@router.get(
    "/{incident}/timeline.html", response_class=HTMLResponse, summary="An incident's timeline, to read and keep"
)
async def get_timeline_page(
    request: Request, caller: Reader, incident: IncidentInPath, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Return the timeline as one page that stands alone: kept as a file it opens without a server."""
    return await _page(request, await _timeline(request, caller, incident), parameters)


@router.get(
    "/{incident}/timeline",
    response_model=IncidentTimeline,
    summary="An incident's timeline",
    responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}},
)
async def get_timeline(
    request: Request, caller: Reader, incident: IncidentInPath, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Return readings, alarms, messages and acts of an incident in the order in which they became known.

    As a page that stands alone where Accept prefers HTML.
    """
    timeline = await _timeline(request, caller, incident)
    if preferred(request.headers.get("accept"), (JSON, HTML)) == HTML:
        return await _page(request, timeline, parameters)
    return JSONResponse(_document(timeline))


async def _timeline(request: Request, caller: Principal, incident: str) -> Timeline:
    context = context_of(request)
    limits = TimelineLimits(
        rows_max=context.limits.timeline_rows_max,
        sensors_max=context.limits.timeline_sensors_max,
        readings_max=context.limits.timeline_readings_max,
    )
    async with context.reading() as connection:
        found = await timeline_of(connection, incident, caller.areas, limits)
    if found is None:
        raise not_found("incident", incident)
    return found


async def _page(request: Request, timeline: Timeline, parameters: PageParameters) -> Response:
    # Its style stands within it, so that it is whole as a file; the policy lets this one style through, and no other.
    policy = SECURITY_HEADERS[POLICY].replace("style-src 'self'", f"style-src 'self' {style_source()}")
    request.scope[SCOPE_KEY][POLICY] = policy
    headers = {"Content-Disposition": f'inline; filename="timeline-{timeline.row.incident}.html"'}
    text = await asyncio.to_thread(timeline_html, timeline, language_of(request, parameters.language))
    return HTMLResponse(text, headers=headers)


def _document(timeline: Timeline) -> dict[str, Any]:
    """Return a timeline as IncidentTimeline has it."""
    row = timeline.row
    return {
        "incident": row.incident,
        "city": row.city,
        "mode": row.mode,
        "time_zone": timeline.city.time_zone,
        "severity": LABELS_WITH_NONE[row.severity],
        "probable_cause": timeline.scene.cause(row.cause),
        "opened_at": format_instant(to_milliseconds(row.opened_at)),
        "closed_at": None if row.closed_at is None else format_instant(to_milliseconds(row.closed_at)),
        "merged_into": row.merged_into,
        "known_at": format_instant(timeline.known_at),
        "cut_at": None if timeline.cut_at is None else format_instant(timeline.cut_at),
        "sensors": [_sensor_item(course) for course in timeline.courses],
        "sensors_total": timeline.sensors_total,
        "left_out": [*timeline.left_out],
        "entries": [_entry_item(entry) for entry in timeline.entries],
    }


def _entry_item(entry: Entry) -> dict[str, Any]:
    return {
        "known_at": format_instant(entry.known_at),
        "time": None if entry.time is None else format_instant(entry.time),
        "what": entry.what,
        "subject": entry.subject,
        "sensor": entry.sensor,
        "actor": entry.actor,
        "severity": entry.severity,
        "late_s": None if entry.late_ms is None else entry.late_ms / 1000,
        "words": dict(entry.words),
        "facts": dict(entry.facts),
    }


def _sensor_item(course: Course) -> dict[str, Any]:
    ladder = course.ladder
    limits = {} if ladder is None else {LABELS_WITH_NONE[severity]: limit for severity, limit in ladder.levels}
    return {
        "sensor": course.sensor.sensor,
        "name": course.sensor.name,
        "name_zh": course.sensor.name_zh,
        "unit": course.unit,
        "readings": len(course.arrivals.time),
        "cut": course.cut,
        "direction": None if ladder is None else "above" if ladder.above else "below",
        "limits": limits,
    }
