"""What the timeline of an incident is made of, read within a caller's areas, each part in the order it became known."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec
import numpy as np
from numpy.typing import NDArray

from model.instant import to_datetime, to_milliseconds
from model.sensor import City, Sensor
from store.conditions import Conditions
from store.incident_search import incident_bounds
from store.pool import Connection
from store.sensors import CITY_COLUMNS


class Arrivals(NamedTuple):
    """Readings of one sensor as they came, arrays of shape (n,): int64 epoch milliseconds of their own time and of
    their arrival, float64 values in the property's unit, uint16 flags of model.reading.Quality."""

    time: NDArray[np.int64]
    arrived: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]


class Window(NamedTuple):
    """Readings of a sensor (registry key) with start <= time < end, in epoch milliseconds."""

    key: int
    start: int
    end: int


class MessageRow(NamedTuple):
    """A notification of a member; `state` and `finished_at` are those of the digest that it went into, if any."""

    notification: int
    channel: str
    kind: str
    alarm: str
    mode: str
    severity: int
    late: bool
    enqueued_at: datetime
    state: str
    finished_at: datetime | None
    attempts: int
    step: str | None


class WarningStepRow(NamedTuple):
    """A step of a warning that was drafted of the incident or of one of its alarms."""

    warning: str
    version: int
    acted_at: datetime
    act: str
    actor: str
    state: str
    comment: str | None
    scope: str


class ReportStepRow(NamedTuple):
    """A report of the incident without its place, and what somebody found there."""

    report: int
    kind: str
    source: str
    time: datetime
    received_at: datetime
    text: str | None
    actor: str
    found: bool | None
    verified_by: str | None
    verified_at: datetime | None
    note: str | None


async def city_of_incident(connection: Connection, city: str) -> City:
    """Return the city of an incident that the caller has found within the areas; a bare one where it is not there."""
    row = await connection.fetchrow(f"select {CITY_COLUMNS} from city where city = $1", city)
    return City(city=city) if row is None else City(**row)


async def member_lines(connection: Connection, incident: str, areas: Sequence[str], rows_max: int) -> list[str]:
    """Return the journal lines of the incident's alarms exactly as journalled, in the order of their commits."""
    rows = await _found(
        connection, _of_incident(incident, areas, "j.city", "j.district"),
        "select j.line from incident i join incident_member m using (incident) join journal j on j.alarm = m.member",
        "j.event", rows_max,
    )  # fmt: skip
    return [row["line"] for row in rows]


async def member_sensors(
    connection: Connection, sensors: Sequence[str], city: str, areas: Sequence[str]
) -> dict[str, tuple[int, Sensor]]:
    """Return those of the sensors (ids) that are registered in the city and within the areas, with their keys."""
    conditions = Conditions()
    conditions.add("s.sensor = any(?::text[]) and s.city = ?", list(sensors), city)
    conditions.within("s.city", areas, "s.district")
    rows = await connection.fetch(
        f"select s.sensor, s.sensor_key, s.definition from sensor s where {conditions}", *conditions.values
    )
    return {row[0]: (row[1], msgspec.json.decode(row[2], type=Sensor)) for row in rows}


async def readings_as_they_came(
    connection: Connection, windows: Sequence[Window], rows_max: int
) -> dict[int, Arrivals]:
    """Return the readings of the windows in the order of their arrival, by registry key.

    At most `rows_max` of each, the first by their own time. The caller has found the sensors within the areas.
    """
    rows = await connection.fetch(
        "select w.key, r.time, b.arrived_at, r.value, r.quality"
        " from unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) as w (key, start, until)"
        " cross join lateral (select time, value, quality, batch, position from reading where sensor_key = w.key"
        " and time >= w.start and time < w.until order by time limit $4) as r"
        " join batch b on b.sequence = r.batch order by w.key, r.batch, r.position",
        [window.key for window in windows],
        [to_datetime(window.start) for window in windows],
        [to_datetime(window.end) for window in windows],
        rows_max,
    )
    found: dict[int, list[tuple[int, int, float, int]]] = {window.key: [] for window in windows}
    for key, time, arrived_at, value, quality in rows:
        found[key].append((to_milliseconds(time), to_milliseconds(arrived_at), value, quality & 0xFFFF))
    return {key: _arrivals(rows) for key, rows in found.items()}


async def member_messages(
    connection: Connection, incident: str, areas: Sequence[str], rows_max: int
) -> list[MessageRow]:
    """Return what was or will be sent of the incident's alarms."""
    rows = await _found(
        connection, _of_incident(incident, areas, "n.city", "n.district"),
        "select n.notification, n.channel, n.kind, n.alarm, n.mode, n.severity, n.late, n.enqueued_at,"
        " coalesce(d.state, n.state), coalesce(d.finished_at, n.finished_at), coalesce(d.attempts, n.attempts),"
        " n.details ->> 'step' from incident i join incident_member m using (incident)"
        " join notification n on n.alarm = m.member left join notification d on d.notification = n.digest",
        "coalesce(d.finished_at, n.finished_at, n.enqueued_at), n.notification", rows_max,
    )  # fmt: skip
    return [MessageRow(*row) for row in rows]


async def member_warnings(
    connection: Connection, incident: str, areas: Sequence[str], rows_max: int
) -> list[WarningStepRow]:
    """Return what was done to warnings of the incident or of its alarms. They are their city's as a whole."""
    rows = await _found(
        connection, _of_incident(incident, areas, "w.city"),
        "select t.warning, t.version, t.acted_at, t.act, t.actor, t.state, t.comment, w.scope"
        " from incident i join warning w on w.incident = i.incident"
        " or w.alarm in (select m.member from incident_member m where m.incident = i.incident)"
        " join warning_step t using (warning)",
        "t.acted_at, t.step", rows_max,
    )  # fmt: skip
    return [WarningStepRow(*row) for row in rows]


async def member_reports(
    connection: Connection, incident: str, areas: Sequence[str], rows_max: int
) -> list[ReportStepRow]:
    """Return the reports from people in the incident, as they were received."""
    rows = await _found(
        connection, _of_incident(incident, areas, "r.city", "r.district"),
        "select r.report, r.kind, r.source, r.time, r.received_at, r.text, r.actor, r.found, r.verified_by,"
        " r.verified_at, r.note from incident i join incident_member m using (incident)"
        " join report r on m.kind = 'report' and m.member = 'report.' || r.report",
        "r.received_at, r.report", rows_max,
    )  # fmt: skip
    return [ReportStepRow(*row) for row in rows]


async def rules_ever(connection: Connection, rules: Sequence[str]) -> list[str]:
    """Return the rules of these ids as JSON as they are and were in force, those in force first, each text once."""
    rows = await connection.fetch(
        "select r::text as rule, max(p.activation) as newest, bool_or(p.in_force) as in_force"
        " from rule_pack p, jsonb_array_elements(p.content::jsonb -> 'rules') as r"
        " where r ->> 'rule' = any($1::text[]) group by 1 order by 3 desc, 2 desc",
        list(rules),
    )
    return [row["rule"] for row in rows]


def _of_incident(incident: str, areas: Sequence[str], city: str, district: str | None = None) -> Conditions:
    """Return that the incident is within the areas, and so is the place that the columns name."""
    conditions = Conditions()
    conditions.add_equal("i.incident", incident)
    conditions.terms.append(incident_bounds(conditions, areas))
    conditions.within(city, areas, district)
    return conditions


async def _found(
    connection: Connection, conditions: Conditions, selected: str, order: str, rows_max: int
) -> list[asyncpg.Record]:
    query = f"{selected} where {conditions} order by {order} limit {conditions.bind(rows_max)}"
    rows: list[asyncpg.Record] = await connection.fetch(query, *conditions.values)
    return rows


def _arrivals(rows: Sequence[tuple[int, int, float, int]]) -> Arrivals:
    time, arrived, value, quality = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Arrivals(
        np.array(time, np.int64),
        np.array(arrived, np.int64),
        np.array(value, np.float64),
        np.array(quality, np.uint16),
    )
