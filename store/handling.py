"""What is awaited for alarms and until when, and what the steps of their handling go by."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from model.alarm import Alarm
from model.area import EVERYWHERE
from model.handling import Awaited
from model.instant import to_datetime, to_milliseconds
from store.journal import Place
from store.pool import Connection

ROWS_AT_A_TIME = 500


class Deadline(NamedTuple):
    """What is awaited for an alarm: since when, until when, and when the next step of its escalation is due.

    Times are epoch milliseconds.
    """

    alarm: str
    awaited: Awaited
    since: int
    deadline: int
    steps_taken: int
    due: int


class DueDeadline(NamedTuple):
    """A deadline whose next step is due, with its alarm as it stands."""

    deadline: Deadline
    alarm: Alarm
    place: Place


async def write_deadlines(connection: Connection, deadlines: Sequence[Deadline]) -> None:
    """Wait for these, each in the place of the one of its alarm and kind."""
    await connection.execute(
        "insert into deadline (alarm, awaited, since_at, deadline_at, steps_taken, due_at)"
        " select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::smallint[],"
        " $6::timestamptz[]) on conflict (alarm, awaited) do update set since_at = excluded.since_at,"
        " deadline_at = excluded.deadline_at, steps_taken = excluded.steps_taken, due_at = excluded.due_at",
        [one.alarm for one in deadlines],
        [one.awaited.value for one in deadlines],
        [to_datetime(one.since) for one in deadlines],
        [to_datetime(one.deadline) for one in deadlines],
        [one.steps_taken for one in deadlines],
        [to_datetime(one.due) for one in deadlines],
    )


async def remove_deadlines(connection: Connection, of: Iterable[tuple[str, Awaited]]) -> None:
    """Wait no longer for what is awaited for these alarms."""
    pairs = list(of)
    await connection.execute(
        "delete from deadline d using unnest($1::text[], $2::text[]) as o(alarm, awaited)"
        " where d.alarm = o.alarm and d.awaited = o.awaited",
        [alarm for alarm, _ in pairs],
        [awaited.value for _, awaited in pairs],
    )


async def due_deadlines(connection: Connection, clock: int) -> list[DueDeadline]:
    """Return those due up to `clock` (epoch milliseconds), of each alarm the first, in order; some at a time."""
    rows = await connection.fetch(
        "select d.alarm, d.awaited, d.since_at, d.deadline_at, d.steps_taken, d.due_at, a.facts, a.city, a.system,"
        " a.district from deadline d join alarm a using (alarm) where d.due_at <= $1"
        " order by d.due_at, d.alarm, d.awaited limit $2",
        to_datetime(clock),
        ROWS_AT_A_TIME,
    )
    found: dict[str, DueDeadline] = {}
    for row in rows:
        deadline = Deadline(
            row["alarm"],
            Awaited(row["awaited"]),
            to_milliseconds(row["since_at"]),
            to_milliseconds(row["deadline_at"]),
            row["steps_taken"],
            to_milliseconds(row["due_at"]),
        )
        place = Place(row["city"], row["system"], row["district"])
        alarm = msgspec.json.decode(row["facts"], type=Alarm)
        found.setdefault(row["alarm"], DueDeadline(deadline, alarm, place))
    return list(found.values())


async def has_key(connection: Connection, label: str, roles: Collection[str], city: str, district: str = "") -> bool:
    """Return whether somebody of one of the roles has a key of this label, or an account, and sees the district.

    Without a district, the whole city.
    """
    return bool(
        await connection.fetchval(
            "select exists (select from (select label, role, areas from api_key where revoked_at is null"
            " union all select name, role, areas from user_account where disabled_at is null) as actor"
            " where label = $1 and role = any($2::text[]) and areas_now(areas) && $3::text[])",
            label,
            list(roles),
            [EVERYWHERE, city, *([f"{city}/{district}"] if district else [])],
        )
    )
