"""The outbox: notifications written in an alarm's own transaction, claimed, sent, tried again and given up.

Times are epoch milliseconds. A notification is sent at least once: who claims it has until a time, and where nobody
says by then what came of it, it is claimed again with the same key.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from model.instant import to_datetime, to_milliseconds
from store.pool import Connection, Pool

DIGEST_LINES_MAX = 2_000
_DELETED_AT_ONCE = 20_000


class NewNotification(NamedTuple):
    """A notification as it enters the outbox; the columns are those of the table."""

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
    rank: int
    late: bool
    incident: str | None
    details: dict[str, Any]
    enqueued_at: int
    due_at: int
    state: str
    folded_into: str | None


class Claimed(NamedTuple):
    """A notification to be sent now. `attempts` counts this one."""

    notification: int
    key: str
    channel: str
    kind: str
    alarm: str | None
    sequence: int | None
    city: str
    mode: str
    late: bool
    details: dict[str, Any]
    enqueued_at: int
    attempts: int


class Told(NamedTuple):
    """What a message tells of: the journal line, the alarm, and its sensor's and city's registry entries (JSON)."""

    line: str
    raised_at: int
    state: str
    system: str
    district: str
    sensor: str | None
    city_name: str
    city_name_zh: str
    time_zone: str


async def insert_notifications(connection: Connection, rows: Sequence[NewNotification]) -> int:
    """Add notifications, those whose key is known left out; return how many are new."""
    if not rows:
        return 0
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    columns[14] = [msgspec.json.encode(details).decode() for details in columns[14]]
    columns[15] = [to_datetime(at) for at in columns[15]]
    columns[16] = [to_datetime(at) for at in columns[16]]
    status = await connection.execute(
        f"insert into notification ({', '.join(NewNotification._fields)}) select * from unnest($1::text[], $2::text[],"
        " $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[],"
        " $11::smallint[], $12::smallint[], $13::bool[], $14::text[], $15::jsonb[], $16::timestamptz[],"
        " $17::timestamptz[], $18::text[], $19::text[]) on conflict (key) do nothing",
        *columns,
    )
    return int(status.rpartition(" ")[2])


async def severities_told(connection: Connection, incidents: Collection[str]) -> dict[tuple[str, str], int]:
    """Return the highest severity that each channel was or will be told of incidents, by (incident, channel).

    Escalations are left out: they tell of what was not done, not of what happened.
    """
    rows = await connection.fetch(
        "select incident, channel, max(severity) from notification"
        " where incident = any($1::text[]) and folded_into is null and kind <> 'escalated' group by incident, channel",
        list(incidents),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def steps_told(connection: Connection, incidents: Collection[str]) -> dict[tuple[str, str, str, int], int]:
    """Return when channels were last told of escalations of incidents, in epoch milliseconds.

    The keys are (incident, step, channel, severity).
    """
    rows = await connection.fetch(
        "select incident, details ->> 'step', channel, severity, max(enqueued_at) from notification"
        " where incident = any($1::text[]) and folded_into is null and kind = 'escalated' group by 1, 2, 3, 4",
        list(incidents),
    )
    return {(row[0], row[1], row[2], row[3]): to_milliseconds(row[4]) for row in rows}


async def incidents_of(connection: Connection, alarms: Collection[str]) -> dict[str, str]:
    """Return the incidents to which those of the alarms belong that belong to one."""
    rows = await connection.fetch(
        "select member, incident from incident_member where member = any($1::text[])", list(alarms)
    )
    return {row[0]: row[1] for row in rows}


async def due_channels(connection: Connection | Pool, now: int) -> list[str]:
    """Return the channels through which something is to be sent now."""
    rows = await connection.fetch(
        "select distinct channel from notification n left join notification_channel c using (channel)"
        " where state = 'pending' and due_at <= $1 and (claimed_until is null or claimed_until <= $1)"
        " and (c.resume_at is null or c.resume_at <= $1)",
        to_datetime(now),
    )
    return [row["channel"] for row in rows]


async def make_digests(connection: Connection | Pool, now: int) -> int:
    """Make one notification of what was gathered for each channel, city and mode and is due; return how many."""
    rows = await connection.fetch(
        "with due as (select notification from notification where state = 'gathering' and due_at <= $1"
        " order by notification for update skip locked limit $2),"
        " parts as (select channel, city, mode, min(n.notification) as first, count(*) as messages,"
        " max(severity) as severity, max(rank) as rank, min(enqueued_at) as since"
        " from notification n join due using (notification) group by channel, city, mode),"
        " made as (insert into notification (key, channel, route, kind, city, system, district, mode, severity, rank,"
        " late, details, enqueued_at, due_at, state) select 'digest.' || first || '.' || channel, channel, '',"
        " 'digest', city, '', '', mode, severity, rank, false, jsonb_build_object('messages', messages), since, $1,"
        " 'pending' from parts returning notification, channel, city, mode)"
        " update notification n set state = 'digested', digest = made.notification from made, due"
        " where n.notification = due.notification and n.channel = made.channel and n.city = made.city"
        " and n.mode = made.mode returning made.notification",
        to_datetime(now),
        DIGEST_LINES_MAX,
    )
    return len({row["notification"] for row in rows})


async def claim(connection: Connection | Pool, channel: str, now: int, until: int) -> Claimed | None:
    """Claim the notification of a channel that goes next, for sending before `until`; None where nothing is due.

    Of several that are due the one with the highest rank goes, then the oldest.
    """
    row = await connection.fetchrow(
        "update notification set attempts = attempts + 1, claimed_until = $3 where notification = ("
        "select notification from notification where channel = $1 and state = 'pending' and due_at <= $2"
        " and (claimed_until is null or claimed_until <= $2)"
        " and not exists (select from notification_channel where channel = $1 and resume_at > $2)"
        " order by rank desc, notification for update skip locked limit 1)"
        " returning notification, key, channel, kind, alarm, sequence, city, mode, late, details, enqueued_at,"
        " attempts",
        channel,
        to_datetime(now),
        to_datetime(until),
    )
    if row is None:
        return None
    facts = dict(row)
    facts |= {
        "details": msgspec.json.decode(facts["details"]),
        "enqueued_at": to_milliseconds(facts["enqueued_at"]),
    }
    return Claimed(**facts)


async def note_sent(connection: Connection, claimed: Claimed, now: int) -> None:
    """Note that a notification was sent. Where its channel had failed for long, what waits for it goes at once."""
    async with connection.transaction():
        await connection.execute(
            "update notification set state = 'sent', finished_at = $2, claimed_until = null, error = null"
            " where notification = $1 and state = 'pending'",
            claimed.notification,
            to_datetime(now),
        )
        failures = await connection.fetchval(
            "select failures from notification_channel where channel = $1 for update", claimed.channel
        )
        await connection.execute(
            "insert into notification_channel (channel, sent_at) values ($1, $2) on conflict (channel)"
            " do update set failures = 0, resume_at = null, sent_at = excluded.sent_at",
            claimed.channel,
            to_datetime(now),
        )
        if (failures or 0) > 1:
            # After one failure the message itself may be at fault; it waits, so that the others pass.
            await connection.execute(
                "update notification set due_at = $2 where channel = $1 and state = 'pending' and attempts > 0"
                " and due_at > $2",
                claimed.channel,
                to_datetime(now),
            )


async def note_failed(
    connection: Connection, claimed: Claimed, now: int, error: str, *, retry_at: int | None, pauses_s: Sequence[float]
) -> None:
    """Note that a notification was not sent: again at `retry_at`, given up where that is None.

    `pauses_s` are the seconds for which the channel rests after so many failures one after the other, the last of them
    after any more.
    """
    moment = to_datetime(now)
    async with connection.transaction():
        await connection.execute(
            "update notification set claimed_until = null, error = $2, due_at = coalesce($3, due_at),"
            " state = case when $3::timestamptz is null then 'dead' else 'pending' end,"
            " finished_at = case when $3::timestamptz is null then $4::timestamptz end"
            " where notification = $1 and state = 'pending'",
            claimed.notification,
            error,
            None if retry_at is None else to_datetime(retry_at),
            moment,
        )
        failures = await connection.fetchval(
            "insert into notification_channel (channel, failures, failed_at, error) values ($1, 1, $2, $3)"
            " on conflict (channel) do update set failures = notification_channel.failures + 1,"
            " failed_at = excluded.failed_at, error = excluded.error returning failures",
            claimed.channel,
            moment,
            error,
        )
        pause = timedelta(seconds=pauses_s[min(failures, len(pauses_s)) - 1])
        await connection.execute(
            "update notification_channel set resume_at = $2 where channel = $1", claimed.channel, moment + pause
        )


async def read_told(connection: Connection | Pool, claimed: Claimed, lines_max: int) -> list[Told]:
    """Return what a notification tells of: one, or for a digest the most severe of what it gathered; [] for a test."""
    rows = await connection.fetch(
        "select j.line, a.raised_at, a.state, n.system, n.district, s.definition, coalesce(c.name, '') as name,"
        " coalesce(c.name_zh, '') as name_zh, coalesce(c.time_zone, 'Asia/Shanghai') as time_zone"
        " from notification n join journal j using (alarm, sequence) join alarm a using (alarm)"
        " left join sensor s on s.sensor = a.sensor left join city c on c.city = n.city"
        " where n.notification = $1 or n.digest = $1 order by n.severity desc, n.rank desc, n.notification limit $2",
        claimed.notification,
        lines_max,
    )
    return [Told(row[0], to_milliseconds(row[1]), *tuple(row)[2:]) for row in rows]


async def read_rule(connection: Connection | Pool, rule: str) -> dict[str, Any] | None:
    """Return a rule as it is in force, or as it was last; None for one that never was."""
    found = await connection.fetchval(
        "select r::text from rule_pack p, jsonb_array_elements(p.content::jsonb -> 'rules') as r"
        " where r ->> 'rule' = $1 order by p.in_force desc, p.activation desc limit 1",
        rule,
    )
    return None if found is None else dict(msgspec.json.decode(found))


async def delete_finished(connection: Connection | Pool, before: datetime) -> int:
    """Delete what was finished, digested or only counted before a time, a bounded number; return how many."""
    status = await connection.execute(
        "delete from notification where notification in (select notification from notification"
        " where state in ('sent', 'digested', 'folded', 'dead') and coalesce(finished_at, due_at) < $1 limit $2)",
        before,
        _DELETED_AT_ONCE,
    )
    return int(status.rpartition(" ")[2])


async def count_waiting(connection: Connection | Pool) -> dict[str, int]:
    """Return how many notifications are pending, gathering or dead."""
    rows = await connection.fetch(
        "select state, count(*) from notification where state in ('pending', 'gathering', 'dead') group by state"
    )
    return {row[0]: row[1] for row in rows}
