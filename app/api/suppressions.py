"""What keeps alarms quiet by a person's word, listed; and work on sensors, planned and ended."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.access import Reader, SiteWorker, check_city
from app.actions import ActionRefused
from app.api.alarm_actions import refusal
from app.api.bodies import Reason
from app.api.context import context_of
from app.api.lines import Mode, Severity, TimeText
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    SensorId,
    Time,
    Word,
    decode_number_cursor,
    page_limit,
    page_of,
    written,
    written_or_none,
)
from app.api.problems import invalid, not_found
from app.api.suppress_actions import bounded, hours_max
from app.suppressions import RED, Wanted, end_suppression, suppress_sensor
from model.alarm import State
from model.instant import DAY_MS, format_instant, to_milliseconds
from model.severity import LABELS
from model.suppression import Purpose, Suppression
from store.journal import Place
from store.sensor_search import find_sensor
from store.suppressions import SuppressionQuery, SuppressionRow, find_suppression, find_suppressions

router = APIRouter(prefix="/suppressions", tags=["suppressions"])

Kind = Literal["shelved", "suppressed_by_design", "out_of_service"]


class SuppressionItem(BaseModel):
    """What keeps alarms quiet: of which rule at which sensor, why, by whom, until when, and which alarms now."""

    suppression: int
    kind: Kind
    city: str
    mode: Mode
    system: str
    district: str
    sensor: str
    name: str | None = Field(description="Of the sensor")
    name_zh: str | None
    rule: str | None = Field(description="null: all rules of the sensor")
    severity_max: Severity = Field(description="What is graver is annunciated")
    purpose: Purpose | None
    reason: str
    permit: str | None
    actor: str
    approved_by: str | None
    made_at: TimeText
    begins_at: TimeText
    ends_at: TimeText | None = Field(description="By itself; null: until somebody returns it")
    review_at: TimeText | None
    review_overdue: bool
    ended_at: TimeText | None
    ended_by: str | None = Field(description="null where it ended by itself")
    alarms: list[str] = Field(description="That it keeps quiet now")


class SuppressionPage(BaseModel):
    """A page of suppressions, newest first."""

    suppressions: list[SuppressionItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class SuppressionFilters(Parameters):
    """Which suppressions; without `ended` those in force or planned."""

    kind: Kind | None = None
    city: Word | None = None
    system: Word | None = None
    district: Word | None = None
    sensor: Word | None = None
    rule: Word | None = None
    ended: bool = Field(default=False, description="Those that have ended too")
    limit: PageRows = None
    after: Cursor | None = None


class PlanBody(BaseModel):
    """Work on a sensor, now or planned: its alarms are suppressed by design from `begins_at` to `ends_at`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "sensor": "GAS-0007",
                    "purpose": "maintenance",
                    "begins_at": "2026-11-23T01:00:00.000Z",
                    "ends_at": "2026-11-23T03:00:00.000Z",
                    "reason": "yearly calibration",
                }
            ]
        },
    )

    sensor: SensorId
    rule: Word | None = Field(default=None, description="All rules where it is left out")
    purpose: Purpose
    begins_at: Time | None = Field(default=None, description="Now where it is left out")
    ends_at: Time
    reason: Reason


class EndBody(BaseModel):
    """Why it is ended."""

    model_config = ConfigDict(extra="forbid")

    comment: Reason | None = None


@router.get("", response_model=SuppressionPage, summary="What keeps alarms quiet")
async def list_suppressions(
    request: Request, caller: Reader, filters: Annotated[SuppressionFilters, Query()]
) -> dict[str, Any]:
    """List shelves, work on site and what is out of service, newest first."""
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    query = SuppressionQuery(
        kind=filters.kind, city=filters.city, system=filters.system, district=filters.district,
        sensor=filters.sensor, rule=filters.rule, in_force=not filters.ended,
        before=decode_number_cursor(filters.after),
    )  # fmt: skip
    async with context.reading() as connection:
        rows = await find_suppressions(connection, query, caller.areas, rows_max + 1)
    page, following = page_of(rows, rows_max, lambda row: (row.suppression.suppression,))
    now = context.clock()
    return {"suppressions": [suppression_item(row, now) for row in page], "next": following}


@router.post("", response_model=SuppressionItem, summary="Open or plan work on a sensor")
async def plan_work(request: Request, caller: SiteWorker, body: PlanBody) -> dict[str, Any]:
    """Suppress a sensor's alarms by design for work on it, now or from a time to come on; it ends by itself."""
    context = context_of(request)
    now = context.clock()
    begins = now if body.begins_at is None else max(now, to_milliseconds(body.begins_at))
    if begins > now + context.limits.plan_days_max * DAY_MS:
        raise invalid("begins_at", f"is more than {context.limits.plan_days_max} days ahead", "plan it later")
    ends = bounded(to_milliseconds(body.ends_at), begins, hours_max(context, body.purpose), "ends_at")
    wanted = Wanted(
        State.SUPPRESSED_BY_DESIGN, "suppress", body.rule, RED, begins, ends, body.reason, purpose=body.purpose
    )
    async with context.reading() as connection:
        found = await find_sensor(connection, body.sensor, caller.areas)
        if found is None:
            raise not_found("sensor", body.sensor)
        place = Place(found.sensor.city, found.sensor.system, found.sensor.district)
        try:
            made = await suppress_sensor(connection, body.sensor, place, wanted, caller.label, now)
        except ActionRefused as refused:
            raise refusal(refused, None) from None
        row = await find_suppression(connection, made.suppression, caller.areas)
    assert row is not None
    return suppression_item(row, now)


@router.post("/{suppression}/end", response_model=SuppressionItem, summary="End a suppression")
async def end(
    request: Request,
    caller: SiteWorker,
    suppression: Annotated[int, Path(ge=1, le=2**62, examples=[7])],
    body: EndBody | None = None,
) -> dict[str, Any]:
    """End a suppression before its time, or one that was planned; what stands is annunciated anew."""
    context = context_of(request)
    now = context.clock()
    async with context.reading() as connection:
        row = await find_suppression(connection, suppression, caller.areas)
        if row is None:
            raise not_found("suppression", str(suppression))
        try:
            comment = None if body is None else body.comment
            await end_suppression(connection, row.suppression, caller.label, now, comment)
        except ActionRefused as refused:
            raise refusal(refused, None) from None
        row = await find_suppression(connection, suppression, caller.areas)
    assert row is not None
    return suppression_item(row, now)


def suppression_item(row: SuppressionRow, now: int) -> dict[str, Any]:
    """Return a suppression in the form of SuppressionItem; `now` in epoch milliseconds."""
    one: Suppression = row.suppression
    return {
        "suppression": one.suppression,
        "kind": one.kind,
        "city": one.city,
        "mode": row.mode,
        "system": row.system,
        "district": row.district,
        "sensor": one.sensor,
        "name": row.name,
        "name_zh": row.name_zh,
        "rule": one.rule,
        "severity_max": LABELS[one.severity_max - 1],
        "purpose": one.purpose,
        "reason": one.reason,
        "permit": one.permit,
        "actor": one.actor,
        "approved_by": one.approved_by,
        "made_at": written(row.made_at),
        "begins_at": format_instant(one.begins),
        "ends_at": None if one.ends is None else format_instant(one.ends),
        "review_at": None if one.review is None else format_instant(one.review),
        "review_overdue": one.review is not None and row.ended_at is None and one.review <= now,
        "ended_at": written_or_none(row.ended_at),
        "ended_by": row.ended_by,
        "alarms": list(row.alarms),
    }
