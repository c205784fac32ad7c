"""The audit: who did what, and the chain of hashes to take elsewhere."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.access import Principal, allowed, check_city
from app.api.context import ApiContext, context_of
from app.api.lines import TimeText
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    Time,
    Word,
    decode_number_cursor,
    page_limit,
    page_of,
    written,
)
from app.api.problems import Problem, invalid
from app.audit_file import end_line, row_line, told
from app.roles import Role
from model.audit import Action, ActorKind, Entry
from store.audit import AuditQuery, find_entries, read_entries, record, span_of

router = APIRouter(prefix="/audit", tags=["audit"])
AuditReader = Annotated[Principal, Depends(allowed(frozenset({Role.AUDITOR, Role.SECURITY_ADMINISTRATOR})))]
MEDIA_TYPE = "application/x-ndjson"
_HASH = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"


class AuditEntry(BaseModel):
    """A row of the audit. `hash` is SHA-256 over all that stands before it, `previous` that of the row before."""

    sequence: int = Field(description="From 1 without holes, in the order of commits", examples=[1204])
    recorded_at: TimeText
    actor: str = Field(examples=["wang"])
    actor_kind: ActorKind
    address: str | None = Field(description="Where the request came from", examples=["10.1.2.3"])
    action: str = Field(examples=["key-revoked"])
    subject: str = Field(examples=["desk-1"])
    city: str | None = Field(description="That it concerns; null for the deployment as a whole")
    outcome: Literal["done", "refused"]
    details: dict[str, str | int | float | bool | None] = Field(examples=[{"role": "operator"}])
    previous: str = Field(examples=[_HASH])
    hash: str = Field(examples=[_HASH])


class AuditPage(BaseModel):
    """A page of the audit, newest first."""

    entries: list[AuditEntry]
    next: str | None = Field(description="`after` of the next page; null on the last")


class AuditFilters(Parameters):
    """Which rows."""

    actor: Word | None = None
    action: Action | None = None
    subject: str | None = Field(default=None, min_length=1, max_length=500)
    city: Word | None = None
    outcome: Literal["done", "refused"] | None = None
    from_: Time | None = Field(default=None, alias="from", description="At or after")
    to: Time | None = Field(default=None, description="Before")
    limit: PageRows = None
    after: Cursor | None = None


class ExportSpan(Parameters):
    """From when to when, by the time of recording."""

    from_: Time = Field(alias="from", description="At or after")
    to: Time = Field(description="Before")


@router.get("", response_model=AuditPage, summary="Who did what")
async def list_audit(
    request: Request, caller: AuditReader, filters: Annotated[AuditFilters, Query()]
) -> dict[str, Any]:
    """List privileged actions and refused attempts, newest first.

    Who is bound to areas sees what concerns cities in them, not what concerns the deployment as a whole.
    """
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    query = AuditQuery(
        filters.actor, filters.action, filters.subject, filters.city, filters.outcome, filters.from_, filters.to,
        decode_number_cursor(filters.after),
    )  # fmt: skip
    async with context.reading() as connection:
        rows = await find_entries(connection, query, caller.areas, rows_max + 1)
    page, following = page_of(rows, rows_max, lambda row: (row.sequence,))
    return {"entries": [told(row) for row in page], "next": following}


@router.get(
    "/export",
    response_class=StreamingResponse,
    summary="The audit as NDJSON, to be verified elsewhere",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "One row a line"}},
)
async def export_audit(
    request: Request, caller: AuditReader, span: Annotated[ExportSpan, Query()]
) -> StreamingResponse:
    """Give every row of a span in order, one a line, and at last a line `{"complete": true, …}`.

    `lifeline audit verify FILE` computes the chain anew, on any machine. The export itself is recorded.
    """
    context = context_of(request)
    if not caller.sees_everything:
        raise Problem(
            403, "forbidden", "the chain is that of the whole deployment, and this key is bound to areas",
            remedy="use a key for all areas, or read GET /audit",
        )  # fmt: skip
    days = context.limits.span_days_max
    if span.to <= span.from_:
        raise invalid("to", "is not after `from`", "send a later `to`")
    if (span.to - span.from_).total_seconds() > days * 86_400:
        raise invalid("from", f"is more than {days} days before `to`", f"export {days} days or fewer at a time")
    async with context.reading() as connection, connection.transaction():
        found = await span_of(connection, span.from_, span.to)
        await record(
            connection, actor=caller.label, action=Action.AUDIT_EXPORTED,
            subject=f"{written(span.from_)} to {written(span.to)}",
        )  # fmt: skip
    return StreamingResponse(_lines(context, found), media_type=MEDIA_TYPE)


async def _lines(context: ApiContext, span: tuple[int, int] | None) -> AsyncIterator[bytes]:
    """Give the rows portion by portion, each on a connection of its own: no row changes, and readers may be slow."""
    entries: list[Entry] = []
    rows = 0
    if span is not None:
        sequence, last = span[0] - 1, span[1]
        while sequence < last:
            async with context.reading() as connection:
                entries = await read_entries(connection, sequence, last)
            if not entries or entries[0].sequence != sequence + 1:
                raise RuntimeError(f"row {sequence + 1} of the audit went while it was exported")
            rows += len(entries)
            sequence = entries[-1].sequence
            yield "".join(map(row_line, entries)).encode()
    yield end_line(rows, entries[-1] if entries else None).encode()
