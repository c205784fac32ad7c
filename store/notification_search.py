"""Notifications as people look at them: listed, counted by channel, tried again."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from model.audit import Action
from store.audit import record
from store.conditions import Conditions
from store.incident_search import incident_within
from store.pool import Connection, Pool, in_transaction

STATES = ("pending", "gathering", "digested", "sent", "dead", "folded")
_COLUMNS = (
    "notification, key, channel, route, kind, alarm, sequence, city, system, district, mode, severity, late, incident,"
    " enqueued_at, due_at, state, digest, folded_into, attempts, finished_at, error, retried_by"
)


class NotificationRow(NamedTuple):
    """A notification as it stands; the columns are those of the table."""

    notification: int
    key: str
    channel: str
    route: str
    kind: str
    alarm: str | None
    sequence: int | None
    city: str
    system: str
    district: str
    mode: str
    severity: int
    late: bool
    incident: str | None
    enqueued_at: datetime
    due_at: datetime
    state: str
    digest: int | None
    folded_into: str | None
    attempts: int
    finished_at: datetime | None
    error: str | None
    retried_by: str | None


class ChannelHealth(NamedTuple):
    """How a channel does: failures one after the other, until when it rests, when it took and refused a message."""

    failures: int
    resume_at: datetime | None
    sent_at: datetime | None
    failed_at: datetime | None
    error: str | None


def _columns(conditions: Conditions, areas: Sequence[str]) -> str:
    incident = incident_within(conditions, areas, "notification.incident")
    return _COLUMNS.replace(" incident,", f" {incident} as incident,")


async def find_notifications(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    states: Sequence[str] | None = None,
    channel: str | None = None,
    alarm: str | None = None,
    city: str | None = None,
    modes: Sequence[str] | None = None,
    before: int | None = None,
) -> list[NotificationRow]:
    """Return notifications within the areas, newest first, those before notification `before`."""
    conditions = Conditions()
    conditions.within("city", areas, "district")
    conditions.add_among("state", states)
    conditions.add_among("mode", modes)
    conditions.add_equal("channel", channel)
    conditions.add_equal("alarm", alarm)
    conditions.add_equal("city", city)
    if before is not None:
        conditions.add("notification < ?", before)
    rows = await connection.fetch(
        f"select {_columns(conditions, areas)} from notification where {conditions} order by notification desc"
        f" limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [NotificationRow(*row) for row in rows]


async def find_notification(
    connection: Connection | Pool, notification: int, areas: Sequence[str]
) -> NotificationRow | None:
    """Return one notification, None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("notification", notification)
    conditions.within("city", areas, "district")
    row = await connection.fetchrow(
        f"select {_columns(conditions, areas)} from notification where {conditions}", *conditions.values
    )
    return None if row is None else NotificationRow(*row)


async def retry_notification(
    connection: Connection | Pool, notification: int, areas: Sequence[str], actor: str, now: datetime
) -> bool:
    """Let a notification that was given up be sent again, its attempts counted anew; False where it was not given up.

    Its age counts from now, and its channel rests no longer.
    """
    conditions = Conditions()
    conditions.add_equal("notification", notification)
    conditions.within("city", areas, "district")
    conditions.add("state = 'dead'")
    moment, by = conditions.bind(now), conditions.bind(actor)
    async with in_transaction(connection) as within:
        row = await within.fetchrow(
            f"update notification set state = 'pending', attempts = 0, due_at = {moment}, enqueued_at = {moment},"
            f" finished_at = null, claimed_until = null, retried_by = {by} where {conditions} returning channel, city",
            *conditions.values,
        )
        if row is None:
            return False
        await within.execute("update notification_channel set resume_at = null where channel = $1", row["channel"])
        await record(
            within, actor=actor, action=Action.NOTIFICATION_RETRIED, subject=str(notification),
            city=row["city"] or None, details={"channel": row["channel"]},
        )  # fmt: skip
    return True


async def add_test(connection: Connection, channel: str, key: str, actor: str, now: datetime) -> int:
    """Add a test message for a channel, before all others; return its id, that of one under way where there is one."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtext('notification test'), hashtext($1))", channel)
        present = await connection.fetchval(
            "select notification from notification where channel = $1 and kind = 'test' and state = 'pending'", channel
        )
        if present is None:
            present = await connection.fetchval(
                "insert into notification (key, channel, route, kind, city, system, district, mode, severity, rank,"
                " late, details, enqueued_at, due_at, state) values ($1, $2, '', 'test', '', '', '', 'test', 0, 9,"
                " false, jsonb_build_object('by', $3::text), $4, $4, 'pending') returning notification",
                key,
                channel,
                actor,
                now,
            )
            await connection.execute("update notification_channel set resume_at = null where channel = $1", channel)
        await record(connection, actor=actor, action=Action.CHANNEL_TESTED, subject=channel)
    return int(present)


async def channel_health(connection: Connection | Pool) -> dict[str, ChannelHealth]:
    """Return how each channel does that was used yet."""
    rows = await connection.fetch(
        "select channel, failures, resume_at, sent_at, failed_at, error from notification_channel"
    )
    return {row[0]: ChannelHealth(*tuple(row)[1:]) for row in rows}


async def count_by_channel(connection: Connection | Pool, areas: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the notifications within the areas by channel and state."""
    conditions = Conditions()
    conditions.within("city", areas, "district")
    rows = await connection.fetch(
        f"select channel, state, count(*) from notification where {conditions} group by 1, 2", *conditions.values
    )
    found: dict[str, dict[str, int]] = {}
    for channel, state, count in rows:
        found.setdefault(channel, {})[state] = count
    return found
