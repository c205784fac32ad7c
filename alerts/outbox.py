"""Writes into the outbox what a transition or an escalation calls for, in the transaction that records it."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from alerts.notification_file import NotificationFile, stored_notification_file
from alerts.routing import (
    RANKS,
    Delivery,
    Escalation,
    Occasion,
    deliveries,
    escalation_of,
    fold,
    fold_steps,
    matching_routes,
    occasion_of,
)
from store.journal import Place, Transition
from store.notification_files import read_routing
from store.outbox import NewNotification, incidents_of, insert_notifications, severities_told, steps_told
from store.pool import Connection
from store.rosters import on_duty

NOTHING: Mapping[str, str] = MappingProxyType({})
USUAL_TIME_ZONE = "Asia/Shanghai"  # of a city that is not registered any more


async def enqueue(
    connection: Connection, transitions: Sequence[Transition], *, folded: Mapping[str, str] = NOTHING
) -> int:
    """Add the messages that transitions call for; return how many. The caller's transaction records the transitions.

    `folded` gives by alarm a reason for which it is only counted, such as a flood. Incidents are read from the
    database, so they are kept before. A message that is known already, by alarm, sequence and channel, is left out.
    """
    occasions = [one for transition in transitions if (one := occasion_of(transition)) is not None]
    routes = await _routes(connection, occasions)
    if routes is None:
        return 0
    asked = [delivery for occasion in occasions for delivery in await routes.deliveries(occasion)]
    if not asked:
        return 0
    incidents = await incidents_of(connection, {delivery.occasion.alarm for delivery in asked})
    told = await severities_told(connection, set(incidents.values())) if incidents else {}
    rows = [_row(delivery, incidents) for delivery in fold(asked, folded, incidents, told)]
    return await insert_notifications(connection, rows)


async def enqueue_escalations(connection: Connection, escalations: Sequence[Escalation]) -> int:
    """Add the messages of escalations, given in the order in which they were due; return how many.

    Those whom a step names are told beside those whom the routes for the kind `escalated` name, at once whatever the
    hour. What a channel heard for the same step of the same incident is only counted (routing.fold_steps).
    """
    occasions = [(one, occasion) for one in escalations if (occasion := escalation_of(one)) is not None]
    routes = await _routes(connection, [occasion for _, occasion in occasions])
    if routes is None:
        return 0
    asked: list[tuple[Escalation, Delivery]] = []
    for escalation, occasion in occasions:
        routed = await routes.deliveries(occasion)
        asked += [(escalation, delivery) for delivery in routed]
        if occasion.mode == "operational":
            reached = {delivery.channel for delivery in routed}
            named = [channel for channel in _named(routes.file, escalation.to) if channel not in reached]
            asked += [(escalation, Delivery(occasion, channel, "escalation", occasion.at)) for channel in named]
    if not asked:
        return 0
    incidents = await incidents_of(connection, {escalation.alarm.alarm for escalation, _ in asked})
    told = await steps_told(connection, set(incidents.values())) if incidents else {}
    rows = [_row(delivery, incidents, escalation) for escalation, delivery in fold_steps(asked, incidents, told)]
    return await insert_notifications(connection, rows)


class _Routes:
    """The routes in force; asks the roster where one needs it, once for each place and time."""

    def __init__(self, connection: Connection, file: NotificationFile, time_zones: Mapping[str, str]) -> None:
        self.connection = connection
        self.file = file
        self.time_zones = time_zones
        self.known: dict[tuple[Place, int], list[str]] = {}

    async def deliveries(self, occasion: Occasion) -> list[Delivery]:
        zone = self.time_zones.get(occasion.place.city, USUAL_TIME_ZONE)
        return deliveries(self.file, occasion, zone, await self._on_duty(occasion, zone))

    async def _on_duty(self, occasion: Occasion, zone: str) -> list[str]:
        if not self.file.people or not any(route.on_duty for route in matching_routes(self.file, occasion, zone)):
            return []
        place, asked = occasion.place, (occasion.place, occasion.at)
        if asked not in self.known:
            self.known[asked] = await on_duty(self.connection, place.city, place.district, place.system, occasion.at)
        return self.known[asked]


async def _routes(connection: Connection, occasions: Collection[Occasion]) -> _Routes | None:
    """Return the routes in force for occasions; None where there is nothing to tell, or no file."""
    if not occasions:
        return None
    routing = await read_routing(connection, {occasion.place.city for occasion in occasions})
    if routing.content is None:
        return None
    return _Routes(connection, stored_notification_file(routing.content), routing.time_zones)


def _named(file: NotificationFile, names: Sequence[str]) -> list[str]:
    """Return the channels that names of channels and of people mean, each once."""
    known = {channel.channel for channel in file.channels}
    found = [channel for name in names for channel in ([name] if name in known else file.channels_of(name))]
    return list(dict.fromkeys(found))


def _row(delivery: Delivery, incidents: Mapping[str, str], escalation: Escalation | None = None) -> NewNotification:
    occasion = delivery.occasion
    middle, details = "", dict[str, Any]()
    if escalation is not None:
        middle, details = f"{escalation.step}.", {"step": escalation.step, "to": list(escalation.to)}
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
        details=details,
        enqueued_at=occasion.at,
        due_at=delivery.due,
        state=state if delivery.folded_into is None else "folded",
        folded_into=delivery.folded_into,
    )
