"""Warnings to the public and to government: drafted by one person, approved by another, each act a path of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from app.access import AtDesk, Principal, Reader, allowed, check_city
from app.actions import InvalidField, KeyReused
from app.api.bodies import KeyHeader, one_key, reused
from app.api.context import context_of
from app.api.lines import Mode
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import AlarmId, Cursor, PageRows, Parameters, Word, decode_time_cursor, page_limit, page_of
from app.api.problems import Problem, invalid, not_found
from app.api.warning_bodies import (
    ActBody,
    CancelBody,
    DecideBody,
    DraftBody,
    UpdateBody,
    WarningItem,
    WarningStep,
    warning_item,
    warning_step,
)
from app.roles import Role
from app.warnings.acts import (
    Act,
    Draft,
    VersionMoved,
    WarningUnknown,
    approve_warning,
    cancel_warning,
    draft_warning,
    redraft_warning,
    reject_warning,
)
from app.warnings.drafting import SubjectUnknown
from app.warnings.sending import CapSettings
from app.warnings.subject import AreaAsked, Asked
from model.instant import to_datetime
from model.warning import WarningRefused
from store.pool import Connection
from store.warnings import find_warning, find_warnings, steps_of

router = APIRouter(prefix="/warnings", tags=["warnings"])
STEPS_MAX = 1_000
WarningInPath = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]{1,128}\z", description="Id of the warning", examples=["jiayuguan-20261122-1"]),
]
Approver = Annotated[Principal, Depends(allowed(frozenset({Role.SUPERVISOR})))]


def cap_settings(request: Request) -> CapSettings:
    """Return who sends CAP messages, as the service was started."""
    given = getattr(request.app.state, "cap", None)
    return given if isinstance(given, CapSettings) else CapSettings()


class WarningFilters(Parameters):
    """Which warnings; without `mode`, `city` and `alarm` no exercise's."""

    city: Word | None = None
    alarm: AlarmId | None = None
    mode: ModeFilter = None
    standing: bool = Field(default=False, description="Only those that have not come to their end")
    limit: PageRows = None
    after: Cursor | None = None


class WarningPage(BaseModel):
    """A page of warnings, last changed first."""

    warnings: list[WarningItem]
    modes: list[Mode] = Field(description="Warnings of other modes were left out", examples=[["operational", "test"]])
    next: str | None = Field(description="`after` of the next page; null on the last")


class WarningWithSteps(WarningItem):
    """A warning with all that was done to it."""

    steps: list[WarningStep]


@router.post("", status_code=201, response_model=WarningStep, summary="Draft a warning")
async def draft(request: Request, caller: AtDesk, body: DraftBody, key: KeyHeader = None) -> dict[str, Any]:
    """Draft a warning of an alarm or an incident. It is sent when another person, a supervisor, approves it.

    What is left out is written from the alarm as it stands and its rule's guidance. Restricted unless asked otherwise.
    """
    context = context_of(request)
    if (body.alarm is None) == (body.incident is None):
        raise invalid("alarm", "name either an alarm or an incident", "send one of the two")
    area = AreaAsked(kind="circle" if body.incident is None else "incident")
    asked = Asked(**({"area": area} | body.given()))
    asked_draft = Draft(
        body.alarm, body.incident, body.scope, asked, one_key(key, body.idempotency_key), body.comment, caller,
        context.clock(),
    )  # fmt: skip
    async with context.reading() as connection, _problems(connection, request, caller, None):
        return warning_step(await draft_warning(connection, asked_draft))


@router.get("", response_model=WarningPage, summary="Warnings")
async def list_warnings(
    request: Request, caller: Reader, filters: Annotated[WarningFilters, Query()]
) -> dict[str, Any]:
    """List warnings, last changed first."""
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = decode_time_cursor(filters.after, str)
    modes = modes_of(filters.mode, named=filters.city is not None or filters.alarm is not None)
    now = context.clock()
    async with context.reading() as connection:
        rows = await find_warnings(
            connection,
            caller.areas,
            rows_max + 1,
            city=filters.city,
            modes=modes,
            alarm=filters.alarm,
            standing_at=to_datetime(now) if filters.standing else None,
            before=before,
        )
    page, following = page_of(rows, rows_max, lambda row: (row.changed, row.warning))
    return {"warnings": [warning_item(row, now) for row in page], "modes": modes, "next": following}


@router.get("/{warning}", response_model=WarningWithSteps, summary="One warning")
async def get_warning(request: Request, caller: Reader, warning: WarningInPath) -> dict[str, Any]:
    """Return a warning as it stands, with what waits for approval, what was sent, and who did what when."""
    context = context_of(request)
    async with context.reading() as connection:
        found = await find_warning(connection, warning, caller.areas)
        if found is None:
            raise not_found("warning", warning)
        steps = await steps_of(connection, warning, STEPS_MAX)
    return warning_item(found, context.clock()) | {"steps": [warning_step(step) for step in steps]}


@router.post("/{warning}/approve", response_model=WarningStep, summary="Approve a draft, which sends it")
async def approve(
    request: Request, caller: Approver, warning: WarningInPath, body: DecideBody, key: KeyHeader = None
) -> dict[str, Any]:
    """Approve the draft as it was at `version`; nobody approves what they had a hand in."""
    async with context_of(request).reading() as connection, _problems(connection, request, caller, warning):
        step = await approve_warning(connection, _act(request, caller, warning, body, key), cap_settings(request))
        return warning_step(step)


@router.post("/{warning}/reject", response_model=WarningStep, summary="Reject a draft")
async def reject(
    request: Request, caller: Approver, warning: WarningInPath, body: DecideBody, key: KeyHeader = None
) -> dict[str, Any]:
    """Reject the draft as it was at `version`; a warning in force stays as it was issued."""
    async with context_of(request).reading() as connection, _problems(connection, request, caller, warning):
        step = await reject_warning(connection, _act(request, caller, warning, body, key), cap_settings(request))
        return warning_step(step)


@router.post("/{warning}/update", response_model=WarningStep, summary="Draft an update, or write a draft anew")
async def update(
    request: Request, caller: AtDesk, warning: WarningInPath, body: UpdateBody, key: KeyHeader = None
) -> dict[str, Any]:
    """Draft an update from the alarm as it stands now; what is left out of the body stays as it was asked for."""
    async with context_of(request).reading() as connection, _problems(connection, request, caller, warning):
        act = _act(request, caller, warning, body, key)
        return warning_step(await redraft_warning(connection, act, body.given(), cap_settings(request)))


@router.post("/{warning}/cancel", response_model=WarningStep, summary="Cancel a warning, or withdraw its draft")
async def cancel(
    request: Request, caller: AtDesk, warning: WarningInPath, body: CancelBody, key: KeyHeader = None
) -> dict[str, Any]:
    """Draft the end of a warning, which another person approves.

    A supervisor alone may end it where the alarm has returned to normal by a sensor that is not in doubt, unless it is
    about gas or an incident; then it is sent at once.
    """
    async with context_of(request).reading() as connection, _problems(connection, request, caller, warning):
        act = _act(request, caller, warning, body, key)
        return warning_step(await cancel_warning(connection, act, body.given(), cap_settings(request)))


def _act(request: Request, caller: Principal, warning: str, body: ActBody, key: str | None) -> Act:
    now = context_of(request).clock()
    return Act(warning, body.version, one_key(key, body.idempotency_key), body.comment, caller, now)


@asynccontextmanager
async def _problems(
    connection: Connection, request: Request, caller: Principal, warning: str | None
) -> AsyncIterator[None]:
    try:
        yield
    except WarningUnknown:
        raise not_found("warning", warning or "") from None
    except SubjectUnknown as unknown:
        raise not_found(unknown.kind, unknown.name) from None
    except InvalidField as error:
        raise invalid(error.field, str(error), error.remedy) from None
    except KeyReused as error:
        raise reused(error) from None
    except VersionMoved as moved:
        item = warning_item(moved.warned, context_of(request).clock())
        raise _conflict(str(moved), "look at the warning as it stands, then act on its present version", item) from None
    except WarningRefused as refused:
        found = None if warning is None else await find_warning(connection, warning, caller.areas)
        present = None if found is None else warning_item(found, context_of(request).clock())
        raise _conflict(str(refused), refused.remedy, present) from None


def _conflict(detail: str, remedy: str, item: Mapping[str, Any] | None) -> Problem:
    facts = {} if item is None else {"changed_by": item["changed_by"], "changed_at": item["changed_at"]}
    return Problem(409, "conflict", detail, remedy=remedy, warning=item, **facts)
