"""Writes into the outbox what a transition or an escalation calls for, in the transaction that records it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from alerts.notification_file import NotificationFile, stored_notification_file
from alerts.routing import (
    RANKS,
    Delivery,
    Occasion,
    deliveries,
    escalation_of,
    fold,
    matching_routes,
    occasion_of,
)
from model.alarm import Alarm
from store.journal import Place, Transition
from store.notification_files import read_routing
from store.outbox import NewNotification, incidents_of, insert_notifications, severities_told
from store.pool import Connection

OnDuty = Callable[[Connection, str, str, str, int], Awaitable[list[str]]]
"""Gives the people on duty for (connection, city, district, system, time in epoch milliseconds)."""

NOTHING: Mapping[str, str] = MappingProxyType({})
USUAL_TIME_ZONE = "Asia/Shanghai"  # of a city that is not registered any more


async def nobody(_connection: Connection, _city: str, _district: str, _system: str, _at: int) -> list[str]:
    """The roster of a deployment that has none."""
    return []


async def enqueue(
    connection: Connection,
    transitions: Sequence[Transition],
    *,
    folded: Mapping[str, str] = NOTHING,
    on_duty: OnDuty = nobody,
) -> int:
    """Add the messages that transitions call for; return how many. The caller's transaction records the transitions.

    `folded` gives by alarm a reason for which it is only counted, such as a flood. Incidents are read from the
    database, so they are kept before. A message that is known already, by alarm, sequence and channel, is left out.
    """
    occasions = [one for transition in transitions if (one := occasion_of(transition)) is not None]
    if not occasions:
        return 0
    routing = await read_routing(connection, {occasion.place.city for occasion in occasions})
    if routing.content is None:
        return 0
    file = stored_notification_file(routing.content)
    duty = _Duty(connection, on_duty)
    asked: list[Delivery] = []
    for occasion in occasions:
        zone = routing.time_zones.get(occasion.place.city, USUAL_TIME_ZONE)
        asked += deliveries(file, occasion, zone, await duty.of(file, occasion, zone))
    if not asked:
        return 0
    incidents = await incidents_of(connection, {delivery.occasion.alarm for delivery in asked})
    told = await severities_told(connection, set(incidents.values())) if incidents else {}
    rows = [_row(delivery, incidents=incidents) for delivery in fold(asked, folded, incidents, told)]
    return await insert_notifications(connection, rows)


async def enqueue_escalation(
    connection: Connection,
    alarm: Alarm,
    place: Place,
    step: str,
    to: Sequence[str],
    at: int,
    *,
    on_duty: OnDuty = nobody,
) -> int:
    """Add the messages of an escalation at `at` (epoch milliseconds); return how many.

    `step` names what was not done in time and how often (`not_acknowledged_1`). `to` are people of the roster or
    channels; they are told beside those whom the routes for the kind `escalated` name, at once whatever the hour.
    """
    occasion = escalation_of(alarm, place, at)
    if occasion is None:
        return 0
    routing = await read_routing(connection, {place.city})
    if routing.content is None:
        return 0
    file = stored_notification_file(routing.content)
    zone = routing.time_zones.get(place.city, USUAL_TIME_ZONE)
    asked = deliveries(file, occasion, zone, await _Duty(connection, on_duty).of(file, occasion, zone))
    if alarm.mode == "operational":
        known = {channel.channel for channel in file.channels}
        named = [channel for name in to for channel in ([name] if name in known else file.channels_of(name))]
        reached = {delivery.channel for delivery in asked}
        asked += [Delivery(occasion, c, "escalation", at) for c in dict.fromkeys(named) if c not in reached]
    rows = [_row(delivery, step, {"step": step, "to": list(to)}) for delivery in asked]
    return await insert_notifications(connection, rows)


class _Duty:
    """Asks the roster where a route needs it, once for each place and time."""

    def __init__(self, connection: Connection, on_duty: OnDuty) -> None:
        self.connection = connection
        self.on_duty = on_duty
        self.known: dict[tuple[Place, int], list[str]] = {}

    async def of(self, file: NotificationFile, occasion: Occasion, time_zone: str) -> list[str]:
        if not file.people or not any(route.on_duty for route in matching_routes(file, occasion, time_zone)):
            return []
        place, asked = occasion.place, (occasion.place, occasion.at)
        if asked not in self.known:
            self.known[asked] = await self.on_duty(
                self.connection, place.city, place.district, place.system, occasion.at
            )
        return self.known[asked]


def _row(
    delivery: Delivery,
    step: str | None = None,
    details: dict[str, Any] | None = None,
    incidents: Mapping[str, str] = NOTHING,
) -> NewNotification:
    occasion = delivery.occasion
    middle = "" if step is None else f"{step}."
    state = "gathering" if delivery.gathers else "pending"
    return NewNotification(
        key=f"{occasion.alarm}.{occasion.sequence}.{middle}{delivery.channel}",
        channel=delivery.channel,
        route=delivery.route,
        kind=occasion.kind,
        alarm=occasion.alarm,
        sequence=occasion.sequence,
        city=occasion.place.city,
        system=occasion.place.system,
        district=occasion.place.district,
        mode=occasion.mode,
        severity=occasion.severity,
        rank=RANKS[occasion.priority],
        late=occasion.late,
        incident=incidents.get(occasion.alarm),
        details=details or {},
        enqueued_at=occasion.at,
        due_at=delivery.due,
        state=state if delivery.folded_into is None else "folded",
        folded_into=delivery.folded_into,
    )
