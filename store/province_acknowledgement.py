"""What was acknowledged here of partners' alarms."""

from datetime import datetime
from typing import NamedTuple

from store.pool import Connection
from store.province import AlarmKey


class PartnerAcknowledgement(NamedTuple):
    """Who acknowledged which alarm, through which sequence, and what was answered."""

    city: str
    alarm: str
    sequence: int
    actor: str
    acknowledged_at: datetime
    comment: str | None
    answer: str


async def lock_partner_alarm(connection: Connection, alarm: AlarmKey) -> None:
    """Let nobody else change the alarm until the transaction ends."""
    await connection.execute("select from province_alarm where city = $1 and alarm = $2 for update", alarm[0], alarm[1])


async def find_partner_acknowledgement(connection: Connection, idempotency_key: str) -> PartnerAcknowledgement | None:
    """Return what was done under the key, or None."""
    row = await connection.fetchrow(
        "select city, alarm, sequence, actor, acknowledged_at, comment, answer from province_acknowledgement"
        " where idempotency_key = $1",
        idempotency_key,
    )
    return None if row is None else PartnerAcknowledgement(*row)


async def store_acknowledgement(
    connection: Connection, idempotency_key: str, acknowledged: PartnerAcknowledgement
) -> bool:
    """Keep it and count the alarm's lines up to its sequence as seen; False where the key was used meanwhile."""
    status = await connection.execute(
        "insert into province_acknowledgement (idempotency_key, city, alarm, sequence, actor, acknowledged_at,"
        " comment, answer) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (idempotency_key) do nothing",
        idempotency_key,
        *acknowledged,
    )
    if status != "INSERT 0 1":
        return False
    await connection.execute(
        "update province_alarm set acknowledged_sequence = greatest(acknowledged_sequence, $3)"
        " where city = $1 and alarm = $2",
        *acknowledged[:3],
    )
    return True
