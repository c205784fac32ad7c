"""Gathers the timeline of an incident from the store, in one view of the database and within a caller's areas."""

import asyncio
from collections.abc import Sequence

import msgspec

from app.timeline.composing import Gathered, Timeline, TimelineLimits, compose
from model.area import covers
from model.incident import Member
from model.instant import HOUR_MS, to_milliseconds
from model.sensor import STALE_INTERVALS, Sensor
from store.incident_search import find_incident, incident_changes, incident_members
from store.pool import Connection
from store.status import read_progress
from store.timeline import (
    Window,
    city_of_incident,
    member_lines,
    member_messages,
    member_reports,
    member_sensors,
    member_warnings,
    readings_as_they_came,
    rules_ever,
)

MEMBERS_MAX = 5_000
LEAD_MS = HOUR_MS  # before a sensor's first alarm, from when its readings are looked at


async def timeline_of(
    connection: Connection, incident: str, areas: Sequence[str], limits: TimelineLimits
) -> Timeline | None:
    """Return the timeline of an incident, None where there is none within the areas.

    Readings are those of the sensors of its alarms, from an hour (three intervals, where these are longer) before the
    first alarm of each until the incident was closed.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        gathered = await _gathered(connection, incident, areas, limits)
    if gathered is None:
        return None
    return await asyncio.to_thread(compose, gathered, limits)  # many readings would hold the loop up


async def _gathered(
    connection: Connection, incident: str, areas: Sequence[str], limits: TimelineLimits
) -> Gathered | None:
    row = await find_incident(connection, incident, areas)
    if row is None:
        return None
    most = limits.rows_max + 1
    found = await incident_members(connection, incident, areas, MEMBERS_MAX)
    members = [msgspec.json.decode(one.facts, type=Member) for one in found]
    raised = _first_raised(members)
    progress = await read_progress(connection)
    known_at = to_milliseconds(row.changed_at if progress.newest_clock is None else progress.newest_clock)
    through = known_at if row.closed_at is None else to_milliseconds(row.closed_at)
    registered = await member_sensors(connection, list(raised), row.city, areas)
    within = {name: registered[name] for name in raised if name in registered}
    chosen = dict([*within.items()][: limits.sensors_max])
    windows = [_window(*one, raised[name], through) for name, one in chosen.items()]
    readings = await readings_as_they_came(connection, windows, limits.readings_max + 1)
    left_out = [] if covers(areas, row.city) else ["warnings"]
    if left_out and len(within) < len(raised):
        left_out.append("readings")
    return Gathered(
        row=row,
        city=await city_of_incident(connection, row.city),
        members=members,
        sensors={name: sensor for name, (_, sensor) in within.items()},
        raised=raised,
        arrivals={name: readings[key] for name, (key, _) in chosen.items()},
        rules=await rules_ever(connection, list({member.rule for member in members})),
        lines=await member_lines(connection, incident, areas, most),
        changes=await incident_changes(connection, incident, areas, most),
        messages=await member_messages(connection, incident, areas, most),
        warnings=await member_warnings(connection, incident, areas, most),
        reports=await member_reports(connection, incident, areas, most),
        known_at=known_at,
        through=through,
        left_out=left_out,
    )


def _first_raised(members: Sequence[Member]) -> dict[str, int]:
    """Return when the first alarm of each sensor was raised (epoch milliseconds), in that order of the sensors."""
    found: dict[str, int] = {}
    for member in members:
        if member.sensor and member.alarm_class != "system":  # that of a gateway has no readings
            found[member.sensor] = min(member.time, found.get(member.sensor, member.time))
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def _window(key: int, sensor: Sensor, raised: int, through: int) -> Window:
    lead = max(LEAD_MS, round(STALE_INTERVALS * sensor.interval_s * 1000))
    return Window(key, raised - lead, max(through, raised) + 1)
