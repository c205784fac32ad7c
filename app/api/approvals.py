"""What needs a second person: listed, approved, rejected, withdrawn."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access import Principal, Reader
from app.actions import ActionRefused
from app.api.bodies import Comment
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    Word,
    decode_number_cursor,
    page_limit,
    page_of,
    written,
    written_or_none,
)
from app.api.problems import Problem, not_found
from app.approvals import KINDS, ApprovalRefused, ApprovalUnknown, Decided, decide
from model.instant import format_instant
from model.severity import Severity
from store.approvals import ApprovalRow, find_approvals

router = APIRouter(prefix="/approvals", tags=["approvals"])
State = Literal["requested", "approved", "rejected", "withdrawn", "expired"]
ApprovalInPath = Annotated[int, Path(ge=1, le=2**62, examples=[12])]


class ApprovalItem(BaseModel):
    """A request for what needs a second person, and what became of it."""

    model_config = ConfigDict(extra="allow")

    approval: int
    kind: str = Field(description="What is asked for", examples=["shelve"])
    city: str | None = Field(description="null: it concerns the whole deployment")
    subject: str = Field(description="The alarm, pack or rule that it is about")
    request: dict[str, Any]
    requested_by: str
    requested_at: TimeText
    expires_at: TimeText
    state: State
    decided_by: str | None = Field(description="null where it expired")
    decided_at: TimeText | None
    comment: str | None
    may_decide: list[str] = Field(description="Roles; never who requested it")


class ApprovalPage(BaseModel):
    """A page of requests, newest first."""

    approvals: list[ApprovalItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class ApprovalFilters(Parameters):
    """Which requests; without `state` those that wait for a decision."""

    state: State | Literal["any"] = "requested"
    kind: Word | None = None
    subject: Word | None = None
    limit: PageRows = None
    after: Cursor | None = None


class DecisionBody(BaseModel):
    """What the second person says to it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"comment": "seen on site"}]})

    comment: Comment | None = None


@router.get("", response_model=ApprovalPage, summary="What waits for a second person")
async def list_approvals(
    request: Request, caller: Reader, filters: Annotated[ApprovalFilters, Query()]
) -> dict[str, Any]:
    """List requests, newest first; without `state` those that wait for a decision."""
    limits = context_of(request).limits
    rows_max = page_limit(filters.limit, limits.page_rows_default, limits.page_rows_max)
    before = decode_number_cursor(filters.after)
    async with context_of(request).reading() as connection:
        rows = await find_approvals(
            connection, caller.areas, rows_max + 1, state=None if filters.state == "any" else filters.state,
            kind=filters.kind, subject=filters.subject, before=before,
        )  # fmt: skip
    page, following = page_of(rows, rows_max, lambda row: (row.approval,))
    return {"approvals": [_item(row) for row in page], "next": following}


@router.post("/{approval}/approve", response_model=ApprovalItem, summary="Approve a request")
async def approve(
    request: Request, caller: Reader, approval: ApprovalInPath, body: DecisionBody | None = None
) -> Response:
    """Approve what another person has requested: it is done at once, with both names. `result` says what was done."""
    return await _decide(request, caller, approval, "approved", body)


@router.post("/{approval}/reject", response_model=ApprovalItem, summary="Reject a request")
async def reject(
    request: Request, caller: Reader, approval: ApprovalInPath, body: DecisionBody | None = None
) -> Response:
    """Reject what another person has requested."""
    return await _decide(request, caller, approval, "rejected", body)


@router.post("/{approval}/withdraw", response_model=ApprovalItem, summary="Withdraw a request")
async def withdraw(
    request: Request, caller: Reader, approval: ApprovalInPath, body: DecisionBody | None = None
) -> Response:
    """Withdraw what one has requested oneself."""
    return await _decide(request, caller, approval, "withdrawn", body)


def requested(row: ApprovalRow) -> dict[str, Any]:
    """Return what all requests for a second person are answered with."""
    return {
        "approval": row.approval,
        "kind": row.kind,
        "state": row.state,
        "subject": row.subject,
        "expires_at": written(row.expires_at),
        "detail": f"another person has to approve it: POST /api/v1/approvals/{row.approval}/approve",
    }


async def _decide(
    request: Request, caller: Principal, approval: int, state: str, body: DecisionBody | None
) -> Response:
    context = context_of(request)
    comment = None if body is None else body.comment
    async with context.reading() as connection:
        try:
            decided = await decide(connection, approval, caller, context.clock(), state=state, comment=comment)
        except ApprovalUnknown:
            raise not_found("approval", str(approval)) from None
        except ApprovalRefused as refused:
            status, kind = (403, "forbidden") if refused.forbidden else (409, "conflict")
            raise Problem(status, kind, str(refused), remedy=refused.remedy) from None
        except ActionRefused as refused:
            raise Problem(409, "conflict", str(refused), remedy=refused.remedy) from None
    return Response(msgspec.json.encode(_answer(decided)), media_type="application/json")


def _answer(decided: Decided) -> dict[str, Any]:
    return _item(decided.approval) | {"result": decided.result}


def _in_words(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request with its severity, duration and end as whoever asked wrote them."""
    told = dict(request)
    if "severity_max" in told:
        told["severity_max"] = Severity(told["severity_max"]).label
    if "duration_ms" in told:
        duration = told.pop("duration_ms")
        told["duration_s"] = None if duration is None else duration // 1000
    if "ends" in told:
        ends = told.pop("ends")
        told["ends_at"] = None if ends is None else format_instant(ends)
    return told


def _item(row: ApprovalRow) -> dict[str, Any]:
    return row._asdict() | {
        "request": _in_words(row.request),
        "requested_at": written(row.requested_at),
        "expires_at": written(row.expires_at),
        "decided_at": written_or_none(row.decided_at),
        "may_decide": sorted(KINDS[row.kind].deciders),
    }
