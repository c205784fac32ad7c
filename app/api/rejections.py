"""Messages that could not be used, for a person to look at, to correct and replay, or to discard."""

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.access import Principal, QuarantineReader, allowed
from app.api.context import context_of
from app.api.lines import Mode, TimeText
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
    written_or_none,
)
from app.api.problems import Problem, invalid, not_found
from app.roles import Role
from ingest.topics import parse_topic
from store.pool import Connection
from store.rejections import RejectionRow, discard, find_counts, find_rejection, find_rejections, request_replay

router = APIRouter(tags=["rejections"])

MENDERS = frozenset({Role.ENGINEER, Role.SUPERVISOR})
Mender = Annotated[Principal, Depends(allowed(MENDERS))]
RejectionId = Annotated[int, Path(ge=1, le=2**62, examples=[17])]
State = Literal["open", "requested", "replayed", "refused", "discarded"]
COUNTS_MAX = 100


class RejectionFilters(Parameters):
    """Which rejections."""

    reason: Word | None = None
    state: State | None = None
    since: Time | None = Field(default=None, description="Arrived at or after")
    limit: PageRows = None
    after: Cursor | None = None


class RejectionItem(BaseModel):
    """A message, or one reading of it, that could not be used; `detail` says how to mend it."""

    rejection: int
    arrived_at: TimeText
    batch: int
    topic: str = Field(examples=["lifeline/jiayuguan/gas/GAS-0007"])
    mode: Mode | None = Field(description="Of the city on whose topic it came")
    sensor: str | None
    reason: str = Field(examples=["not_json"])
    detail: str
    payload: str = Field(description="As text where it is UTF-8, else base64; cut at the payload limit")
    payload_encoding: Literal["text", "base64"]
    payload_bytes: int = Field(description="Of the whole message")
    state: State = Field(description="`refused`: replayed and refused again; the new rejection says why")
    handled_at: TimeText | None = Field(description="Of the newest step: asked for, done, discarded")
    handled_by: str | None
    result: str | None = Field(description="What came of the replay", examples=["1 stored"])


class CountedRejections(BaseModel):
    """Rejections of a flood that were counted and not kept."""

    reason: str = Field(examples=["unknown_sensor"])
    scope: str = Field(description="The city of the topics, the sensor over its rate limit, or empty")
    rejections: int
    last_minute: TimeText


class RejectionPage(BaseModel):
    """A page of rejections, newest first."""

    rejections: list[RejectionItem]
    counted: list[CountedRejections] = Field(description="Not kept; on the first page, whatever `reason` and `state`")
    next: str | None = Field(description="`after` of the next page; null on the last")


@router.get("/rejections", response_model=RejectionPage, summary="Messages that could not be used")
async def list_rejections(
    request: Request, caller: QuarantineReader, filters: Annotated[RejectionFilters, Query()]
) -> dict[str, Any]:
    """List quarantined messages, newest first."""
    context = context_of(request)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = decode_number_cursor(filters.after)
    async with context.reading() as connection:
        rows = await find_rejections(
            connection, caller.areas, rows_max + 1,
            reason=filters.reason, since=filters.since, before=before, state=filters.state,
        )  # fmt: skip
        counts = [] if before is not None else await find_counts(
            connection, caller.areas, COUNTS_MAX, since=filters.since
        )  # fmt: skip
    counted = [
        {"reason": reason, "scope": scope, "rejections": rejections, "last_minute": written(minute)}
        for reason, scope, rejections, minute in counts
    ]
    page, following = page_of(rows, rows_max, lambda row: (row.rejection,))
    return {"rejections": [_item(row) for row in page], "counted": counted, "next": following}


@router.get("/rejections/{rejection}", response_model=RejectionItem, summary="One of them")
async def show_rejection(request: Request, caller: QuarantineReader, rejection: RejectionId) -> dict[str, Any]:
    """Return one rejection."""
    async with context_of(request).reading() as connection:
        return _item(await _found(connection, rejection, caller))


class ReplayBody(BaseModel):
    """How it is to be corrected; what is left out is replayed as it came."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"payload": '{"time": "2026-11-22T08:00:00.000Z", "value": 4.5}'}]},
    )

    topic: Annotated[str, StringConstraints(min_length=1, max_length=1_024)] | None = None
    payload: Annotated[str, StringConstraints(max_length=65_536)] | None = None


@router.post("/rejections/{rejection}/replay", response_model=RejectionItem, summary="Correct and replay it")
async def replay_rejection(
    request: Request, caller: Mender, rejection: RejectionId, body: ReplayBody | None = None
) -> dict[str, Any]:
    """Ask for a replay through the same checks as any message; ingest does it within its tick.

    `state` becomes `replayed`, or `refused` where something of it was refused again; `result` says more. Asking again
    before it was done changes the words.
    """
    context, asked = context_of(request), body or ReplayBody()
    if asked.topic is not None:
        topic = parse_topic(asked.topic)
        if topic is None or not caller.sees(topic.city) or not asked.topic.isprintable():
            raise invalid(
                "topic", "is no topic for readings within your areas", "write lifeline/{city}/{system}/{sensor}"
            )
    async with context.reading() as connection:
        row = await _found(connection, rejection, caller)
        if asked.payload is None and len(row.payload) < row.payload_bytes:
            raise invalid("payload", "the message was too large and was cut", "send a corrected `payload`")
        payload = None if asked.payload is None else _bytes(asked.payload)
        done = await request_replay(connection, rejection, caller.label, context.clock(), asked.topic, payload)
        return _handled(await _found(connection, rejection, caller), done)


@router.post("/rejections/{rejection}/discard", response_model=RejectionItem, summary="Say that nobody needs it")
async def discard_rejection(request: Request, caller: Mender, rejection: RejectionId) -> dict[str, Any]:
    """Mark it as of no use. It stays visible until it is pruned."""
    context = context_of(request)
    async with context.reading() as connection:
        await _found(connection, rejection, caller)
        done = await discard(connection, rejection, caller.label, context.clock())
        return _handled(await _found(connection, rejection, caller), done)


async def _found(connection: Connection, rejection: int, caller: Principal) -> RejectionRow:
    row = await find_rejection(connection, rejection, caller.areas)
    if row is None:
        raise not_found("rejection", str(rejection))
    return row


def _handled(row: RejectionRow, done: bool) -> dict[str, Any]:
    if not done:
        raise Problem(
            409,
            "conflict",
            f"the rejection is {row.state} by {row.handled_by}",
            remedy="nothing needs to be done",
            rejection=_item(row),
        )
    return _item(row)


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise invalid("payload", "holds half a character", "send the payload as UTF-8") from None


def _item(row: RejectionRow) -> dict[str, Any]:
    item = row._asdict() | {
        "arrived_at": written(row.arrived_at),
        "handled_at": written_or_none(row.handled_at),
    }
    try:
        item |= {"payload": row.payload.decode("utf-8"), "payload_encoding": "text"}
    except UnicodeDecodeError:
        item |= {"payload": base64.b64encode(row.payload).decode(), "payload_encoding": "base64"}
    return item
