"""What needs a second person: listed, approved, rejected, withdrawn."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access import Principal, Reader
from app.actions import ActionRefused
from app.api.alarm_actions import Comment
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import (
    Cursor,
    Parameters,
    Word,
    decode_cursor,
    encode_cursor,
    page_limit,
    written,
    written_or_none,
)
from app.api.problems import Problem, not_found
from app.approvals import KINDS, ApprovalRefused, ApprovalUnknown, Decided, decide
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
    limit: int | None = Field(default=None, ge=1, description="Rows a page")
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
    before = None if filters.after is None else decode_cursor(filters.after, int)[0]
    async with context_of(request).reading() as connection:
        rows = await find_approvals(
            connection, caller.areas, rows_max + 1, state=None if filters.state == "any" else filters.state,
            kind=filters.kind, subject=filters.subject, before=before,
        )  # fmt: skip
    following = encode_cursor(rows[rows_max - 1].approval) if len(rows) > rows_max else None
    return {"approvals": [_item(row) for row in rows[:rows_max]], "next": following}


@router.post("/{approval}/approve", response_model=ApprovalItem, summary="Approve a request")
async def approve(request: Request, caller: Reader, approval: ApprovalInPath, body: DecisionBody) -> Response:
    """Approve what another person has requested: it is done at once, with both names. `result` says what was done."""
    return await _decide(request, caller, approval, "approved", body)


@router.post("/{approval}/reject", response_model=ApprovalItem, summary="Reject a request")
async def reject(request: Request, caller: Reader, approval: ApprovalInPath, body: DecisionBody) -> Response:
    """Reject what another person has requested."""
    return await _decide(request, caller, approval, "rejected", body)


@router.post("/{approval}/withdraw", response_model=ApprovalItem, summary="Withdraw a request")
async def withdraw(request: Request, caller: Reader, approval: ApprovalInPath, body: DecisionBody) -> Response:
    """Withdraw what one has requested oneself."""
    return await _decide(request, caller, approval, "withdrawn", body)


async def _decide(request: Request, caller: Principal, approval: int, state: str, body: DecisionBody) -> Response:
    context = context_of(request)
    async with context.reading() as connection:
        try:
            decided = await decide(connection, approval, caller, context.clock(), state=state, comment=body.comment)
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


def _item(row: ApprovalRow) -> dict[str, Any]:
    return row._asdict() | {
        "requested_at": written(row.requested_at),
        "expires_at": written(row.expires_at),
        "decided_at": written_or_none(row.decided_at),
        "may_decide": sorted(KINDS[row.kind].deciders),
    }
