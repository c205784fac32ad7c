"""Temporary limits: asked for by one person, approved by another under /approvals, listed, and ended by one."""

from typing import Annotated, Any, Self

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from alerts.limit_effects import LimitRefused, unit_of
from alerts.temporary_limits import design_of
from alerts.words import Selector
from app.access import Principal, Reader, allowed, check_city
from app.api.approvals import requested
from app.api.bodies import Comment, Reason
from app.api.context import context_of
from app.api.lines import Severity, TimeText
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
from app.api.problems import Problem, invalid, not_found
from app.api.rule_changes import Engineer, RequestedChange
from app.roles import Role
from app.rule_activation import trial_shown
from app.temporary_limits import LimitRequest, RuleUnknown, effects_at, look, request_limit, told, tried_pack
from model.area import within_city
from model.instant import DAY_MS, format_instant, to_milliseconds
from store.temporary_limits import TemporaryLimitRow, end_temporary_limit, find_temporary_limits

router = APIRouter(prefix="/rules", tags=["rules"])

DURATION_DAYS_MAX = 30

EndsLimits = Annotated[Principal, Depends(allowed(frozenset({Role.ENGINEER, Role.SUPERVISOR})))]
Limit = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False, strict=True)]
RuleInPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\z", examples=["combustible-gas"])]


class TemporaryLimitBody(BaseModel):
    """Other limits for a rule at a sensor or at those that agree with `select`; levels left out stay as designed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "sensor": "GAS-0007",
                    "limits": {"blue": 5, "yellow": 10},
                    "unit": "%{LEL}",
                    "duration_s": 28800,
                    "reason": "crew in the chamber beside it",
                }
            ]
        },
    )

    sensor: SensorId | None = None
    select: Selector | None = None
    limits: dict[Severity, Limit] = Field(min_length=1, max_length=4, description="In the rule's own unit")
    unit: str | None = Field(default=None, max_length=32, description="Of the limits: the rule's own; for certainty")
    ends_at: Time | None = None
    duration_s: int | None = Field(
        default=None, ge=60, le=DURATION_DAYS_MAX * 86_400, strict=True, description="Seconds from its approval"
    )
    reason: Reason

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.sensor is None) == (self.select is None):
            raise ValueError("give either sensor or select")
        if (self.ends_at is None) == (self.duration_s is None):
            raise ValueError("give either ends_at or duration_s: a temporary limit ends by itself")
        return self


class TemporaryLimitItem(BaseModel):
    """A temporary limit; its number is that of its approval."""

    temporary_limit: int
    rule: str
    rule_version: str = Field(description="As journal lines name the rule from its begin on")
    city: str | None = Field(description="null: of more than one")
    select: dict[str, Any]
    limits: dict[Severity, float]
    unit: str | None = Field(description="Of the limits, as the rule has it")
    reason: str
    requested_by: str
    approved_by: str
    begins_at: TimeText
    ends_at: TimeText = Field(description="By itself")
    ended_at: TimeText | None
    ended_by: str | None = Field(description="null where it ended by itself")
    comment: str | None


class TemporaryLimitPage(BaseModel):
    """A page of temporary limits, newest first."""

    temporary_limits: list[TemporaryLimitItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class TemporaryLimitFilters(Parameters):
    """Which temporary limits; without `ended` those in force."""

    rule: Word | None = None
    city: Word | None = None
    ended: bool = Field(default=False, description="Those that have ended too")
    limit: PageRows = None
    after: Cursor | None = None


class EndLimitBody(BaseModel):
    """Why it is ended."""

    model_config = ConfigDict(extra="forbid")

    comment: Comment | None = None


@router.post("/{rule}/temporary-limits", response_model=RequestedChange, summary="Ask for a temporary limit")
async def ask_for_temporary_limit(
    request: Request, caller: Engineer, rule: RuleInPath, body: TemporaryLimitBody
) -> dict[str, Any]:
    """Look at what other limits would change, and ask another person to approve them for a time, at most 30 days.

    They end by themselves, by the log's clock. No limit of combustible gas is loosened beyond 50 %LEL.
    """
    context = context_of(request)
    now = context.clock()
    ends = None if body.ends_at is None else to_milliseconds(body.ends_at)
    if ends is not None and not now < ends <= now + DURATION_DAYS_MAX * DAY_MS:
        raise invalid("ends_at", f"is not within {DURATION_DAYS_MAX} days from now", "name an earlier time to come")
    select = body.select or Selector(sensor=body.sensor)
    check_city(caller, select.city)
    try:
        async with context.reading() as connection:
            looked = await look(connection, rule, select, caller.areas)
        unit = unit_of(looked.rule)
        if body.unit not in (None, unit):
            raise invalid("unit", f"the rule's limits are in {unit}", f"write them in {unit}, as the rule has them")
        asked = LimitRequest(
            rule, design_of(looked.rule), select.model_dump(exclude_defaults=True),
            {str(level): limit for level, limit in body.limits.items()}, unit, body.reason, ends,
            None if body.duration_s is None else body.duration_s * 1000,
        )  # fmt: skip
        limit = asked.limit(0, now)
        effects = await effects_at(looked, limit)
    except RuleUnknown:
        raise not_found("rule", rule) from None
    except LimitRefused as refused:
        raise invalid(refused.field, str(refused), refused.remedy) from None
    areas = caller.areas if looked.city is None else within_city(caller.areas, looked.city)
    asked = told(asked, looked, effects, await trial_shown(context.pool, [tried_pack(looked, limit)], now, areas))
    async with context.reading() as connection:
        row = await request_limit(connection, asked, looked.city, by=caller.label, now=now)
    shown = msgspec.to_builtins(asked)
    end = {"ends_at": None if ends is None else format_instant(ends), "duration_s": body.duration_s}
    return requested(row) | {name: shown[name] for name in shown if name not in ("ends", "duration_ms")} | end


@router.get("/temporary-limits", response_model=TemporaryLimitPage, summary="Temporary limits")
async def list_temporary_limits(
    request: Request, caller: Reader, filters: Annotated[TemporaryLimitFilters, Query()]
) -> dict[str, Any]:
    """List temporary limits, newest first; without `ended` those in force."""
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = decode_number_cursor(filters.after)
    async with context.reading() as connection:
        rows = await find_temporary_limits(
            connection, caller.areas, rows_max + 1, rule=filters.rule, city=filters.city, ended=filters.ended,
            before=before,
        )  # fmt: skip
    page, following = page_of(rows, rows_max, lambda row: (row.limit.number,))
    return {"temporary_limits": [_item(row) for row in page], "next": following}


@router.post("/temporary-limits/{temporary_limit}/end", response_model=TemporaryLimitItem, summary="End it")
async def end(
    request: Request,
    caller: EndsLimits,
    temporary_limit: Annotated[int, Path(ge=1, le=2**62, examples=[12])],
    body: EndLimitBody | None = None,
) -> dict[str, Any]:
    """End a temporary limit before its time: the designed limits hold again, for which one person is enough."""
    context = context_of(request)
    async with context.reading() as connection:
        found = await find_temporary_limits(connection, caller.areas, 1, number=temporary_limit, ended=True)
        if not found:
            raise not_found("temporary limit", str(temporary_limit))
        if not (caller.sees_everything or caller.sees(found[0].city or "", found[0].district or "")):
            raise Problem(
                403,
                "forbidden",
                "it holds at more sensors than this key is for",
                remedy="ask somebody whose areas hold all of them",
            )
        comment = None if body is None else body.comment
        if not await end_temporary_limit(
            connection, temporary_limit, by=caller.label, now=context.clock(), comment=comment
        ):
            by = found[0].ended_by or "by itself"
            raise Problem(409, "conflict", f"it has ended already ({by})", remedy="nothing needs to be done")
        (row,) = await find_temporary_limits(connection, caller.areas, 1, number=temporary_limit, ended=True)
    return _item(row)


def _item(row: TemporaryLimitRow) -> dict[str, Any]:
    return {
        "temporary_limit": row.limit.number,
        "rule": row.limit.rule,
        "rule_version": row.rule_version,
        "city": row.city,
        "select": row.limit.select,
        "limits": row.limit.limits,
        "unit": row.unit,
        "reason": row.reason,
        "requested_by": row.requested_by,
        "approved_by": row.approved_by,
        "begins_at": written(row.begins_at),
        "ends_at": format_instant(row.limit.ends),
        "ended_at": written_or_none(row.ended_at),
        "ended_by": row.ended_by,
        "comment": row.comment,
    }
