"""Acknowledging a partner's alarm here: safe to send twice and late, and never told to the city."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from app.access import Principal
from app.actions import KeyReused
from model.instant import format_instant, to_datetime, to_milliseconds
from store.pool import Connection
from store.province import AlarmKey
from store.province_acknowledgement import (
    PartnerAcknowledgement,
    find_partner_acknowledgement,
    lock_partner_alarm,
    store_acknowledgement,
)
from store.province_search import PartnerAlarm, find_partner_alarm


class PartnerAlarmUnknown(Exception):
    """There is no such alarm within the actor's areas."""


class AcknowledgementRefused(Exception):
    """The alarm as it stands cannot be acknowledged so; says who did it and when, if someone did."""

    def __init__(self, detail: str, remedy: str, by: str | None = None, at: datetime | None = None) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.by = by
        self.at = at


class Asked(NamedTuple):
    """A request to acknowledge an alarm, (city, alarm), as it was at `seen_sequence`."""

    alarm: AlarmKey
    seen_sequence: int
    idempotency_key: str
    comment: str | None


async def acknowledge_here(connection: Connection, asked: Asked, actor: Principal, now: int) -> str:
    """Acknowledge at `now` (epoch milliseconds) and return the answer, JSON; the same request again returns it again.

    Raises PartnerAlarmUnknown, KeyReused and AcknowledgementRefused; then nothing has changed.
    """
    async with connection.transaction():
        await lock_partner_alarm(connection, asked.alarm)
        found = await find_partner_alarm(connection, asked.alarm, actor.areas)
        if found is None:
            raise PartnerAlarmUnknown
        earlier = await find_partner_acknowledgement(connection, asked.idempotency_key)
        if earlier is not None:
            if (earlier.city, earlier.alarm) != asked.alarm or earlier.actor != actor.label:
                raise KeyReused
            return earlier.answer
        _check(found, asked)
        answer = {
            "city": found.city,
            "alarm": found.alarm,
            "sequence": asked.seen_sequence,
            "acknowledged_by": actor.label,
            "acknowledged_at": format_instant(now),
            "comment": asked.comment,
        }
        acknowledged = PartnerAcknowledgement(
            *asked.alarm,
            asked.seen_sequence,
            actor.label,
            to_datetime(now),
            asked.comment,
            msgspec.json.encode(answer, order="sorted").decode(),
        )
        if not await store_acknowledgement(connection, asked.idempotency_key, acknowledged):
            raise KeyReused
        return acknowledged.answer


def _check(found: PartnerAlarm, asked: Asked) -> None:
    if asked.seen_sequence > found.sequence:
        raise AcknowledgementRefused(
            f"seen_sequence is {asked.seen_sequence}, but the newest line here is {found.sequence}",
            "read the alarm again and send the sequence that you saw",
        )
    if asked.seen_sequence < found.escalated_sequence:
        raise AcknowledgementRefused(
            f"line {found.escalated_sequence} raised the alarm anew, after what you saw",
            "look at the alarm as it stands now, then acknowledge with its present sequence",
        )
    if found.own_state in ("unacknowledged", "returned_unacknowledged"):
        return
    if found.acknowledged_by is None or found.acknowledged_at is None:
        state = found.own_state.replace("_", " ")
        raise AcknowledgementRefused(f"the alarm is {state}; there is nothing to acknowledge", "nothing is to be done")
    at = format_instant(to_milliseconds(found.acknowledged_at))
    raise AcknowledgementRefused(
        f"{found.acknowledged_by} acknowledged it here at {at}",
        "nothing is to be done",
        found.acknowledged_by,
        found.acknowledged_at,
    )
