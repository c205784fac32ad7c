"""What goes out: journal lines and the status of cities, as messages with their topics."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from app.api.context import VERSION, ApiContext
from app.api.status import HeardSensors, progress_form
from app.api.status_figures import city_form
from model.instant import format_instant
from store.alarms import JournalEvent
from store.pool import Connection
from store.status import count_alarms, count_sensors, read_cities, read_progress

CITY_SILENT = "city-silent"
"""The rule of the alarms that tell of a city's silence: they speak about a city and never in its name."""

_encoder = msgspec.json.Encoder(order="sorted")


class OutgoingLine(NamedTuple):
    """A journal line as a message; `mode` and `rule` tell whether a target gets it."""

    event: int
    city: str
    mode: str
    rule: str
    topic: str
    payload: bytes


class OutgoingStatus(NamedTuple):
    """The status of a city as a retained message."""

    city: str
    mode: str
    topic: str
    payload: bytes


def line_message(event: JournalEvent) -> OutgoingLine:
    """Return the message of a journal line: the line as journalled, with its place and event."""
    line: dict[str, Any] = msgspec.json.decode(event.line)
    whole = line | {"city": event.city, "system": event.system, "district": event.district, "event": event.event}
    topic = f"lifeline/{event.city}/alarm/{line['alarm']}"
    return OutgoingLine(event.event, event.city, line["mode"], line["rule"], topic, _encoder.encode(whole))


async def status_messages(connection: Connection, context: ApiContext, heard: HeardSensors) -> Sequence[OutgoingStatus]:
    """Return each city's status: what GET /status has for it, how far evaluation has come, and `published_at`."""
    now = context.clock()
    never = await heard.never(connection, now, context.limits.heard_check_s)
    everywhere = ("*",)
    progress = await read_progress(connection)
    sensors = await count_sensors(connection, everywhere, never, await heard.registered(connection, everywhere))
    alarms = await count_alarms(connection, everywhere)
    beside = progress_form(context, progress, now) | {"version": VERSION, "published_at": format_instant(now)}
    messages = []
    for city in await read_cities(connection, everywhere):
        form = city_form(
            city, [row for row in sensors if row.city == city.city], [row for row in alarms if row.city == city.city]
        )
        messages.append(
            OutgoingStatus(city.city, city.mode, f"lifeline/{city.city}/status", _encoder.encode(form | beside))
        )
    return messages
