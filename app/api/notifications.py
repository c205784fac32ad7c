"""Messages out of the house: what was sent or is held, what was given up, how the channels do, and the test button."""

import asyncio
import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from alerts.notification_file import NotificationFile, stored_notification_file
from app.access import READERS, Principal, allowed, check_city
from app.api.context import context_of
from app.api.lines import Mode, Severity, TimeText
from app.api.modes import ModeFilter
from app.api.parameters import (
    AlarmId,
    Cursor,
    PageRows,
    Parameters,
    Several,
    Word,
    decode_number_cursor,
    page_limit,
    page_of,
    written,
    written_or_none,
)
from app.api.problems import Problem, not_found
from app.notify.channels import masked_target
from app.roles import Role
from model.alarm import LABELS_WITH_NONE
from model.instant import to_datetime
from store.notification_files import file_in_force
from store.notification_search import (
    ChannelHealth,
    NotificationRow,
    add_test,
    channel_health,
    count_by_channel,
    find_notification,
    find_notifications,
    retry_notification,
)
from store.pool import Connection

State = Literal["pending", "gathering", "digested", "sent", "dead", "folded"]
Kind = Literal["raised", "risen", "released", "returned", "escalated", "digest", "test"]

# Errors of channels may tell of the inside of the house.
NOTIFICATION_READERS = READERS - {Role.VIEWER, Role.FIELD}
RETRIERS = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.SYSTEM_ADMINISTRATOR})
TESTERS = frozenset({Role.SUPERVISOR, Role.SYSTEM_ADMINISTRATOR})
TEST_WAIT_S = 8.0
TEST_LOOK_S = 0.25

router = APIRouter(prefix="/notifications", tags=["notifications"])
NotificationReader = Annotated[Principal, Depends(allowed(NOTIFICATION_READERS))]
Retrier = Annotated[Principal, Depends(allowed(RETRIERS))]
Tester = Annotated[Principal, Depends(allowed(TESTERS))]
NotificationId = Annotated[int, Path(ge=1, le=2**62, examples=[17])]
ChannelName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["duty-desk"])]


class NotificationItem(BaseModel):
    """A message through a channel.

    `gathering` waits for a digest, `digested` went into notification `digest`, `folded` was only counted
    (`folded_into` says why), `dead` was given up and can be tried again.
    """

    notification: int = Field(examples=[17])
    key: str = Field(description="The idempotency key that the receiver gets")
    channel: str
    route: str
    kind: Kind
    alarm: str | None
    sequence: int | None = Field(description="Of the journal line that it tells of")
    city: str
    system: str
    district: str
    mode: Mode
    severity: Severity | None
    late: bool = Field(description="Told by readings that came late")
    incident: str | None
    enqueued_at: TimeText
    due_at: TimeText
    state: State
    digest: int | None
    folded_into: str | None = Field(examples=["flood:desk-1", "incident:4711", "late"])
    attempts: int
    finished_at: TimeText | None
    error: str | None = Field(description="Of the last attempt that failed")
    retried_by: str | None


class NotificationPage(BaseModel):
    """A page of notifications, newest first."""

    notifications: list[NotificationItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class ChannelItem(BaseModel):
    """A channel of the file in force, without anything secret, and how it does."""

    channel: str
    via: Literal["apprise", "webhook"]
    target: str = Field(examples=["dingtalk://…", "https://partner.example.org/…"])
    language: Literal["zh", "en", "both"]
    failures: int = Field(description="One after the other, up to now")
    resume_at: TimeText | None = Field(description="It rests until then after failures")
    sent_at: TimeText | None
    failed_at: TimeText | None
    error: str | None
    notifications: dict[State, int] = Field(description="Within your areas, by state")


class Channels(BaseModel):
    """The channels of the notification file in force; none where there is no file."""

    version: str | None
    channels: list[ChannelItem]


class NotificationFilters(Parameters):
    """Which notifications."""

    state: Several[State] | None = Field(default=None, description="One or several")
    channel: Word | None = None
    alarm: AlarmId | None = None
    city: Word | None = None
    mode: ModeFilter = None
    limit: PageRows = None
    after: Cursor | None = None


@router.get("", response_model=NotificationPage, summary="Messages out of the house")
async def list_notifications(
    request: Request, caller: NotificationReader, filters: Annotated[NotificationFilters, Query()]
) -> dict[str, Any]:
    """List notifications, newest first; `state=dead` those that were given up."""
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = decode_number_cursor(filters.after)
    async with context.reading() as connection:
        rows = await find_notifications(
            connection,
            caller.areas,
            rows_max + 1,
            states=filters.state,
            channel=filters.channel,
            alarm=filters.alarm,
            city=filters.city,
            modes=filters.mode,
            before=before,
        )
    page, following = page_of(rows, rows_max, lambda row: (row.notification,))
    return {"notifications": [_item(row) for row in page], "next": following}


@router.get("/channels", response_model=Channels, summary="Channels, and how they do")
async def list_channels(request: Request, caller: NotificationReader) -> dict[str, Any]:
    """List the channels of the notification file in force. URLs and keys are left out."""
    async with context_of(request).reading() as connection:
        stored = await file_in_force(connection)
        health = await channel_health(connection)
        counts = await count_by_channel(connection, caller.areas)
    if stored is None:
        return {"version": None, "channels": []}
    channels = []
    for channel in stored_notification_file(stored.content).channels:
        how = health.get(channel.channel, ChannelHealth(0, None, None, None, None))
        channels.append(
            {
                "channel": channel.channel,
                "via": channel.via,
                "target": masked_target(channel),
                "language": channel.language,
                "failures": how.failures,
                "resume_at": written_or_none(how.resume_at),
                "sent_at": written_or_none(how.sent_at),
                "failed_at": written_or_none(how.failed_at),
                "error": how.error,
                "notifications": counts.get(channel.channel, {}),
            }
        )
    return {"version": stored.version, "channels": channels}


@router.get("/{notification}", response_model=NotificationItem, summary="One of them")
async def get_notification(
    request: Request, caller: NotificationReader, notification: NotificationId
) -> dict[str, Any]:
    """Return a notification as it stands."""
    async with context_of(request).reading() as connection:
        row = await find_notification(connection, notification, caller.areas)
    if row is None:
        raise not_found("notification", str(notification))
    return _item(row)


@router.post("/{notification}/retry", response_model=NotificationItem, summary="Try again")
async def retry(request: Request, caller: Retrier, notification: NotificationId) -> dict[str, Any]:
    """Send a notification that was given up once more, under its old key.

    Sent twice, the second answer is the same as the first.
    """
    context = context_of(request)
    async with context.reading() as connection:
        retried = await retry_notification(
            connection, notification, caller.areas, caller.label, to_datetime(context.clock())
        )
        row = await find_notification(connection, notification, caller.areas)
    if row is None:
        raise not_found("notification", str(notification))
    if not retried and not (row.state == "pending" and row.retried_by == caller.label):
        raise Problem(
            409,
            "conflict",
            f"the notification is {row.state}, not dead",
            remedy="nothing needs to be done; only what was given up can be tried again",
            notification=_item(row),
        )
    return _item(row)


@router.post("/channels/{channel}/test", response_model=NotificationItem, summary="The test button")
async def send_test(request: Request, caller: Tester, channel: ChannelName) -> dict[str, Any]:
    """Send a test message through a channel, before all that waits for it, and return what came of it.

    The running dispatcher sends it, once. Where it has not within 8 s, the answer has state `pending`: ask for the
    notification again.
    """
    context = context_of(request)
    if not caller.sees_everything:
        raise Problem(
            403,
            "forbidden",
            "channels are shared by all cities, and this key is bound to some",
            remedy="use a key for all areas",
        )
    async with context.reading() as connection:
        if channel not in {c.channel for c in (await _file(connection)).channels}:
            raise not_found("channel", channel)
        key = f"test.{secrets.token_hex(8)}.{channel}"
        added = await add_test(connection, channel, key, caller.label, to_datetime(context.clock()))
    for _ in range(round(TEST_WAIT_S / TEST_LOOK_S)):
        async with context.reading() as connection:
            row = await find_notification(connection, added, caller.areas)
        if row is None or row.state != "pending":
            break
        await asyncio.sleep(TEST_LOOK_S)
    if row is None:
        raise not_found("notification", str(added))
    return _item(row)


async def _file(connection: Connection) -> NotificationFile:
    stored = await file_in_force(connection)
    if stored is None:
        raise Problem(
            409,
            "conflict",
            "there is no notification file in force",
            remedy="import one with `lifeline notifications import FILE`",
        )
    return stored_notification_file(stored.content)


def _item(row: NotificationRow) -> dict[str, Any]:
    return row._asdict() | {
        "severity": LABELS_WITH_NONE[row.severity],
        "enqueued_at": written(row.enqueued_at),
        "due_at": written(row.due_at),
        "finished_at": written_or_none(row.finished_at),
    }
