"""Dated events of sensors in the database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from model.audit import Action
from model.instant import format_instant, to_datetime
from model.sensor_event import SensorEvent, in_order
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool

_IN_FORCE = (
    "select sensor_key, definition from (select distinct on (sensor_key, kind, time) sensor_key, withdrawn, definition"
    " from sensor_event {where} order by sensor_key, kind, time, event desc) as newest where not withdrawn"
)


class EventRow(NamedTuple):
    """An event in force, and when it was recorded."""

    event: SensorEvent
    recorded_at: datetime


class Recorded(NamedTuple):
    """What became of an event: whether it was new, and how many readings from its time on were stored before it."""

    new: bool
    readings_after: int


async def load_events(
    connection: Connection, sensor_keys: Iterable[int] | None = None
) -> dict[int, tuple[SensorEvent, ...]]:
    """Return the events in force by registry key, in order; of all sensors or of those named."""
    if sensor_keys is None:
        rows = await connection.fetch(_IN_FORCE.format(where=""))
    else:
        rows = await connection.fetch(_IN_FORCE.format(where="where sensor_key = any($1)"), list(sensor_keys))
    found: dict[int, list[SensorEvent]] = {}
    for row in rows:
        event = msgspec.json.decode(row["definition"], type=SensorEvent)
        found.setdefault(row["sensor_key"], []).append(event)
    return {key: tuple(in_order(events)) for key, events in found.items()}


async def record_event(
    connection: Connection, sensor_key: int, event: SensorEvent, *, withdrawn: bool = False
) -> Recorded:
    """Add an event, in the place of one of the same sensor, kind and time; or take that one back.

    Readings that are stored already keep the values with which they were stored.
    """
    encoded = msgspec.json.encode(event).decode()
    async with connection.transaction():
        # Two records of one event, made at once, must not both look new.
        place = await connection.fetchrow(
            "select sensor, city from sensor where sensor_key = $1 for update", sensor_key
        )
        newest = await connection.fetchrow(
            "select withdrawn, definition = $4::jsonb as same from sensor_event"
            " where sensor_key = $1 and kind = $2 and time = $3 order by event desc limit 1",
            sensor_key,
            event.kind,
            to_datetime(event.time),
            encoded,
        )
        stands = newest is not None and not newest["withdrawn"]
        new = stands if withdrawn else not (stands and newest["same"])
        if new:
            await connection.execute(
                "insert into sensor_event (sensor_key, kind, time, withdrawn, definition, recorded_by)"
                " values ($1, $2, $3, $4, $5::jsonb, $6)",
                sensor_key,
                event.kind,
                to_datetime(event.time),
                withdrawn,
                encoded,
                event.by,
            )
            await record(
                connection, actor=event.by, action=Action.SENSOR_EVENTS_RECORDED, subject=place["sensor"],
                city=place["city"],
                details={"kind": event.kind, "time": format_instant(event.time), "withdrawn": withdrawn},
            )  # fmt: skip
        after = await connection.fetchval(
            "select count(*) from reading where sensor_key = $1 and time >= $2", sensor_key, to_datetime(event.time)
        )
    return Recorded(new, after)


async def find_events(
    connection: Connection | Pool,
    sensor: str,
    areas: Sequence[str],
    rows_max: int,
    *,
    before: tuple[datetime, str] | None = None,
) -> list[EventRow]:
    """Return a sensor's events in force, newest first, those before (time, kind); none for one outside the areas."""
    conditions = Conditions()
    conditions.add_equal("s.sensor", sensor)
    conditions.within("s.city", areas, "s.district")
    newest = (
        "select distinct on (e.kind, e.time) e.* from sensor_event e join sensor s using (sensor_key)"
        f" where {conditions} order by e.kind, e.time, e.event desc"
    )
    following = Conditions()
    following.values = conditions.values
    following.add("not withdrawn")
    if before is not None:
        following.add("(time, kind) < (?::timestamptz, ?)", *before)
    rows = await connection.fetch(
        f"select definition, recorded_at from ({newest}) as newest where {following}"
        f" order by time desc, kind desc limit {following.bind(rows_max)}",
        *following.values,
    )
    return [EventRow(msgspec.json.decode(row[0], type=SensorEvent), row[1]) for row in rows]
