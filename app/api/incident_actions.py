"""What people do to incidents, each action a path of its own."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access import AtDesk, Principal
from app.actions import KeyReused
from app.api.bodies import Comment, KeyField, KeyHeader, one_key, reused
from app.api.context import context_of
from app.api.incident_items import incident_item
from app.api.incidents import IncidentId, IncidentInPath
from app.api.parameters import written
from app.api.problems import Problem, invalid, not_found
from app.incident_acts import (
    Act,
    IncidentRefused,
    IncidentUnknown,
    NotMembers,
    close_incident,
    merge_incidents,
    split_incident,
)
from store.incident_search import find_incident
from store.pool import Connection

router = APIRouter(prefix="/incidents", tags=["incidents"])
SPLIT_MAX = 1_000
Do = Callable[[Connection, Act, int], Awaitable[str]]


class ActBody(BaseModel):
    """An act on the incident as it was at `seen_version`."""

    model_config = ConfigDict(extra="forbid")

    seen_version: int = Field(ge=1, le=2**31 - 1, strict=True)
    note: Comment | None = None
    idempotency_key: KeyField = None


class SplitBody(ActBody):
    """Which alarms and reports are another incident."""

    alarms: list[IncidentId] = Field(min_length=1, max_length=SPLIT_MAX)


class MergeBody(ActBody):
    """Which incident is the same."""

    other: IncidentId


class Done(BaseModel):
    """What came of it."""

    incident: str
    version: int
    split_off: str | None = None
    merged_into: str | None = None


@router.post("/{incident}/split", response_model=Done, response_model_exclude_none=True, summary="Split an incident")
async def split(
    request: Request, caller: AtDesk, incident: IncidentInPath, body: SplitBody, idempotency_key: KeyHeader = None
) -> Response:
    """Move alarms into an incident of their own. The two are not merged again by themselves.

    409 where a person or the rules of grouping merged, split or closed it after `seen_version`.
    """

    async def do(connection: Connection, asked: Act, now: int) -> str:
        return await split_incident(connection, asked, body.alarms, caller, now)

    return await _act(request, caller, incident, "split", body, idempotency_key, do)


@router.post("/{incident}/merge", response_model=Done, response_model_exclude_none=True, summary="Merge two incidents")
async def merge(
    request: Request, caller: AtDesk, incident: IncidentInPath, body: MergeBody, idempotency_key: KeyHeader = None
) -> Response:
    """Make one incident of two; the older one stays."""

    async def do(connection: Connection, asked: Act, now: int) -> str:
        return await merge_incidents(connection, asked, body.other, caller, now)

    return await _act(request, caller, incident, "merge", body, idempotency_key, do)


@router.post("/{incident}/close", response_model=Done, response_model_exclude_none=True, summary="Close an incident")
async def close(
    request: Request, caller: AtDesk, incident: IncidentInPath, body: ActBody, idempotency_key: KeyHeader = None
) -> Response:
    """Close an incident in which nothing but reports from people stands; one with alarms ends by itself."""

    async def do(connection: Connection, asked: Act, now: int) -> str:
        return await close_incident(connection, asked, caller, now)

    return await _act(request, caller, incident, "close", body, idempotency_key, do)


async def _act(
    request: Request, caller: Principal, incident: str, action: str, body: ActBody, header_key: str | None, do: Do
) -> Response:
    context = context_of(request)
    asked = Act(incident, action, body.seen_version, one_key(header_key, body.idempotency_key), body.note)
    async with context.reading() as connection:
        try:
            text = await do(connection, asked, context.clock())
        except IncidentUnknown as unknown:
            raise not_found("incident", unknown.args[0]) from None
        except NotMembers as error:
            raise invalid("alarms", str(error), "name some of the incident's members, not all") from None
        except KeyReused as error:
            raise reused(error) from None
        except IncidentRefused as refused:
            row = await find_incident(connection, incident, caller.areas)
            last = refused.last
            raise Problem(
                409,
                "conflict",
                str(refused),
                remedy=refused.remedy,
                incident=None if row is None else incident_item(row),
                last_change=None if last is None else last.what,
                last_actor=None if last is None else last.actor,
                last_changed_at=None if last is None else written(last.time),
            ) from None
    return Response(text, media_type="application/json")
