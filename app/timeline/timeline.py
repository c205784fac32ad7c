"""Gathers the timeline of an incident within a caller's areas, and orders its entries as they became known."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from zoneinfo import ZoneInfo

import msgspec
from pydantic import ValidationError

from alerts.rules import Rule
from app.timeline.entries import change_entry, line_entry, message_entry, report_entries, warning_entry
from app.timeline.readings import Course, ladder_of, reading_entries
from app.timeline.scene import Entry, Scene
from model.alarm import JournalLine
from model.area import covers
from model.bilingual import shown_unit
from model.incident import Member
from model.instant import HOUR_MS, to_milliseconds
from model.sensor import STALE_INTERVALS, City, Sensor
from store.incident_search import ChangeRow, IncidentRow, find_incident, incident_changes, incident_members
from store.pool import Connection
from store.status import read_progress
from store.timeline import (
    Arrivals,
    MessageRow,
    ReportStepRow,
    WarningStepRow,
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
_PLACE = attrgetter("place")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLimits:
    """Entries in all, sensors whose readings are looked at, and readings of each of them."""

    rows_max: int = 2_000
    sensors_max: int = 24
    readings_max: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """An incident's timeline as it was known at `known_at` (epoch milliseconds, the log's clock).

    From `cut_at` on more became known than fits; None where all of it is told. `sensors_total` is how many sensors the
    incident has, of which `courses` shows as many as fit; `left_out` names what the caller's areas do not hold.
    """

    row: IncidentRow
    city: City
    members: Sequence[Member]
    entries: Sequence[Entry]
    courses: Sequence[Course]
    lines: Sequence[JournalLine]
    known_at: int
    cut_at: int | None
    sensors_total: int
    left_out: Sequence[str]
    scene: Scene


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
    return await asyncio.to_thread(_compose, gathered, limits)  # many readings would hold the loop up


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathered:
    """What the store has of an incident: of each part one row more than fits, if there are so many.

    By sensor, in the order of their first alarms: `raised`, when that was (epoch milliseconds); `sensors`, those that
    are registered and within the caller's areas; `arrivals`, the readings of as many as fit. `rules` and `lines` are
    JSON. `known_at` is the log's clock, `through` up to when readings were looked at, both of arrival.
    """

    row: IncidentRow
    city: City
    members: Sequence[Member]
    sensors: Mapping[str, Sensor]
    raised: Mapping[str, int]
    arrivals: Mapping[str, Arrivals]
    rules: Sequence[str]
    lines: Sequence[str]
    changes: Sequence[ChangeRow]
    messages: Sequence[MessageRow]
    warnings: Sequence[WarningStepRow]
    reports: Sequence[ReportStepRow]
    known_at: int
    through: int
    left_out: Sequence[str]


async def _gathered(
    connection: Connection, incident: str, areas: Sequence[str], limits: TimelineLimits
) -> _Gathered | None:
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
    return _Gathered(
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


def _compose(found: _Gathered, limits: TimelineLimits) -> Timeline:
    """Return the timeline of what was gathered."""
    scene = Scene(ZoneInfo(found.city.time_zone), found.sensors, _rules(found.rules))
    lines = [msgspec.json.decode(text, type=JournalLine) for text in found.lines]
    courses = [_course(found, sensor, lines, scene, limits) for sensor in found.arrivals]
    members = {member.member: member for member in found.members}
    incident = found.row.incident
    parts: list[list[Entry]] = [
        [line_entry(line, number, scene) for number, line in enumerate(lines)],
        [change_entry(change, number, incident, members, scene) for number, change in enumerate(found.changes)],
        [message_entry(one, members[one.alarm].sensor if one.alarm in members else None) for one in found.messages],
        [warning_entry(one, number) for number, one in enumerate(found.warnings)],
        sorted((entry for one in found.reports for entry in report_entries(one)), key=_PLACE),
        sorted((entry for course in courses for entry in reading_entries(course, scene)), key=_PLACE),
    ]
    entries, cut_at = _bounded(parts, limits.rows_max)
    return Timeline(
        row=found.row, city=found.city, members=found.members, entries=entries, courses=courses, lines=lines,
        known_at=found.known_at, cut_at=cut_at, sensors_total=len(found.sensors), left_out=found.left_out, scene=scene,
    )  # fmt: skip


def _rules(texts: Sequence[str]) -> list[Rule]:
    found = []
    for text in texts:
        try:
            found.append(Rule.model_validate_json(text))
        except ValidationError:  # of a version that knew other kinds: then its limits are those of the journal
            continue
    return found


def _course(found: _Gathered, name: str, lines: Sequence[JournalLine], scene: Scene, limits: TimelineLimits) -> Course:
    sensor, arrivals = found.sensors[name], found.arrivals[name]
    cut = len(arrivals.time) > limits.readings_max
    if cut:  # one more was read than is shown: the last by its own time
        kept = arrivals.time < arrivals.time.max()
        arrivals = Arrivals(*(column[kept] for column in arrivals))
    ladder = ladder_of(sensor, [line for line in lines if line.sensor == name], scene)
    unit = shown_unit("threshold", None, sensor.property)
    return Course(sensor, unit, arrivals, ladder, found.raised[name], found.through, cut)


def _bounded(parts: Sequence[Sequence[Entry]], rows_max: int) -> tuple[list[Entry], int | None]:
    """Return the entries in the order in which they became known, and from when on there are more, if there are.

    Where a part has more than fits, nothing is told that became known after its end: what is told is whole until then.
    """
    ends = [part[rows_max - 1].known_at for part in parts if len(part) > rows_max]
    entries = sorted((entry for part in parts for entry in part), key=_PLACE)
    if len(entries) > rows_max:
        ends.append(entries[rows_max - 1].known_at)
    if not ends:
        return entries, None
    cut_at = min(ends)
    return [entry for entry in entries[:rows_max] if entry.known_at <= cut_at], cut_at
