"""How far the journal has been published to a broker, and what a publisher reads of it."""

from typing import NamedTuple

from store.alarms import JournalEvent
from store.pool import Connection


class OutgoingCursor(NamedTuple):
    """All events up to `event` are acknowledged by the broker.

    `opened` tells whether the alarms that stood when the cursor was made have been told.
    """

    event: int
    opened: bool


async def outgoing_cursor(connection: Connection, target: str) -> OutgoingCursor:
    """Return the cursor of a target; a new one stands at the present event, and the years before it are not told."""
    await connection.execute(
        "insert into outgoing_cursor (target, event, opened) select $1, coalesce(max(event), 0), false from journal"
        " on conflict do nothing",
        target,
    )
    row = await connection.fetchrow("select event, opened from outgoing_cursor where target = $1", target)
    return OutgoingCursor(*row)


async def move_cursor(connection: Connection, target: str, event: int) -> None:
    """Say that all up to `event` is acknowledged. It never moves back: that would only repeat what was told.

    It does not wait for the disk, for the same reason.
    """
    async with connection.transaction():
        await connection.execute("set local synchronous_commit to off")
        await connection.execute(
            "update outgoing_cursor set event = $2, opened = true where target = $1 and event <= $2", target, event
        )


async def standing_alarms(connection: Connection, through: int) -> list[JournalEvent]:
    """Return the newest line of each alarm that is not normal and has not changed since the event, oldest first."""
    rows = await connection.fetch(
        "select event, city, system, district, line from alarm where state <> 'normal' and event <= $1 order by event",
        through,
    )
    return [JournalEvent(*row) for row in rows]
