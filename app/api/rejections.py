"""Messages that could not be used, for a person to look at."""

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from app.access import QuarantineReader
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import Cursor, Parameters, Time, Word, decode_cursor, encode_cursor, page_limit, written
from store.rejections import RejectionRow, find_rejections

router = APIRouter(tags=["rejections"])


class RejectionFilters(Parameters):
    """Which rejections."""

    reason: Word | None = None
    since: Time | None = Field(default=None, description="Arrived at or after")
    limit: int | None = Field(default=None, ge=1, description="Rows a page")
    after: Cursor | None = None


class RejectionItem(BaseModel):
    """A message, or one reading of it, that could not be used; `detail` says how to mend it."""

    rejection: int
    arrived_at: TimeText
    batch: int
    topic: str = Field(examples=["lifeline/jiayuguan/gas/GAS-0007"])
    sensor: str | None
    reason: str = Field(examples=["not_json"])
    detail: str
    payload: str = Field(description="As text where it is UTF-8, else base64; cut at the payload limit")
    payload_encoding: Literal["text", "base64"]
    payload_bytes: int = Field(description="Of the whole message")


class RejectionPage(BaseModel):
    """A page of rejections, newest first."""

    rejections: list[RejectionItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get("/rejections", response_model=RejectionPage, summary="Messages that could not be used")
async def list_rejections(
    request: Request, caller: QuarantineReader, filters: Annotated[RejectionFilters, Query()]
) -> dict[str, Any]:
    """List quarantined messages, newest first."""
    context = context_of(request)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = None if filters.after is None else decode_cursor(filters.after, int)[0]
    async with context.reading() as connection:
        rows = await find_rejections(
            connection, caller.areas, rows_max + 1, reason=filters.reason, since=filters.since, before=before
        )
    following = encode_cursor(rows[rows_max - 1].rejection) if len(rows) > rows_max else None
    return {"rejections": [_item(row) for row in rows[:rows_max]], "next": following}


def _item(row: RejectionRow) -> dict[str, Any]:
    item = row._asdict() | {"arrived_at": written(row.arrived_at)}
    try:
        item |= {"payload": row.payload.decode("utf-8"), "payload_encoding": "text"}
    except UnicodeDecodeError:
        item |= {"payload": base64.b64encode(row.payload).decode(), "payload_encoding": "base64"}
    return item
