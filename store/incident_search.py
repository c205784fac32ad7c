"""Incidents as they stand, with members and history, read within a caller's areas."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from model.area import EVERYWHERE, districts_by_city, touched_cities
from model.network import Position
from store.conditions import Conditions
from store.pool import Connection, Pool

_SUBJECT = "(select s.definition ->> '{}' from sensor s where s.sensor = i.cause ->> 'subject' and s.city = i.city)"
_COLUMNS = (
    "incident, city, mode, systems, opened_at, newest_at, known_at, changed_at, closed_at, merged_into, severity,"
    f" members, standing, version, cause, {_SUBJECT.format('name')}, {_SUBJECT.format('name_zh')}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentQuery:
    """Which incidents; None asks for nothing. `after` is a keyset of (opened_at, incident)."""

    city: str | None = None
    system: str | None = None
    is_open: bool | None = None
    modes: Sequence[str] | None = None
    since: datetime | None = None
    member: str | None = None
    after: tuple[datetime, str] | None = None


class IncidentRow(NamedTuple):
    """One incident as it stands; `cause` is JSON of model.incident.Cause, the names are of its subject, a sensor."""

    incident: str
    city: str
    mode: str
    systems: list[str]
    opened_at: datetime
    newest_at: datetime
    known_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    merged_into: str | None
    severity: int
    members: int
    standing: int
    version: int
    cause: str
    subject_name: str | None
    subject_name_zh: str | None


class MemberRow(NamedTuple):
    """A member: JSON of model.incident.Member, the alarm's state and severity now, and its sensor's names."""

    facts: str
    state: str | None
    severity: int | None
    name: str | None
    name_zh: str | None


class ChangeRow(NamedTuple):
    """Something that happened to an incident."""

    version: int
    time: datetime
    what: str
    members: list[str]
    other: str | None
    cause: str | None
    actor: str | None
    note: str | None


# Everything that ever belonged to an incident, or to the one that it was merged into.
_EVER = (
    "select m.member from incident_member m where m.incident in (i.incident, i.merged_into) union"
    " select unnest(h.members) from incident_change h where h.incident in (i.incident, i.merged_into)"
)
_REPORT = r"case when e.member ~ '^report\.[0-9]+$' then substr(e.member, 8)::bigint end"


def incident_bounds(conditions: Conditions, areas: Sequence[str]) -> str:
    """Return the term by which incidents `i` are bounded to the areas.

    One that reaches over several districts is its city's: who is bound to districts sees those that never had a member
    outside them, because an incident tells of all its members.
    """
    whole = conditions.bounds("i.city", areas)
    if EVERYWHERE in areas or not districts_by_city(areas):
        return whole
    touched = conditions.bounds("i.city", touched_cities(areas))
    inside = conditions.bounds("coalesce(a.city, r.city)", areas, "coalesce(a.district, r.district)")
    return (
        f"({whole} or {touched} and not exists (select from ({_EVER}) as e left join alarm a on a.alarm = e.member"
        f" left join report r on r.report = {_REPORT} where {inside} is not true))"
    )


def incident_within(conditions: Conditions, areas: Sequence[str], incident: str) -> str:
    """Return SQL for the id of an incident, null where it is not within the areas; `incident` is SQL for the id."""
    if EVERYWHERE in areas or not districts_by_city(areas):
        return incident  # of the same city as what is in it
    return f"(select i.incident from incident i where i.incident = {incident} and {incident_bounds(conditions, areas)})"


async def find_incidents(
    connection: Connection | Pool, query: IncidentQuery, areas: Sequence[str], rows_max: int
) -> list[IncidentRow]:
    """Return the incidents of a query, last opened first; those that were merged into others are left out."""
    conditions = Conditions()
    conditions.terms.append(incident_bounds(conditions, areas))
    conditions.add("merged_into is null")
    conditions.add_equal("city", query.city)
    if query.system is not None:
        conditions.add("? = any(systems)", query.system)
    if query.is_open is not None:
        conditions.add("closed_at is null" if query.is_open else "closed_at is not null")
    conditions.add_among("mode", query.modes)
    if query.since is not None:
        conditions.add("changed_at >= ?", query.since)
    if query.member is not None:
        conditions.add("incident = (select m.incident from incident_member m where m.member = ?)", query.member)
    if query.after is not None:
        conditions.add("(opened_at, incident) < (?, ?)", *query.after)
    rows = await connection.fetch(
        f"select {_COLUMNS} from incident i where {conditions}"
        f" order by opened_at desc, incident desc limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [IncidentRow(*row) for row in rows]


async def find_incident(connection: Connection | Pool, incident: str, areas: Sequence[str]) -> IncidentRow | None:
    """Return one incident, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("incident", incident)
    conditions.terms.append(incident_bounds(conditions, areas))
    row = await connection.fetchrow(f"select {_COLUMNS} from incident i where {conditions}", *conditions.values)
    return None if row is None else IncidentRow(*row)


async def incident_members(
    connection: Connection | Pool, incident: str, areas: Sequence[str], rows_max: int
) -> list[MemberRow]:
    """Return the members of an incident as they joined."""
    conditions = Conditions()
    conditions.add_equal("m.incident", incident)
    conditions.terms.append(incident_bounds(conditions, areas))
    rows = await connection.fetch(
        "select m.facts, a.state, a.severity, s.definition ->> 'name', s.definition ->> 'name_zh'"
        " from incident_member m join incident i using (incident)"
        " left join alarm a on a.alarm = m.member and a.city = i.city"
        " left join sensor s on s.sensor = a.sensor and s.city = i.city"
        f" where {conditions} order by m.joined_at, m.member limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [MemberRow(*row) for row in rows]


async def incident_middles(connection: Connection | Pool, incidents: Sequence[str]) -> dict[str, Position]:
    """Return the middle of the bounding box of the members' places of each of the incidents, which are within the
    caller's areas; of those without such a place nothing."""
    rows = await connection.fetch(
        "select m.incident, (min(p.longitude) + max(p.longitude)) / 2, (min(p.latitude) + max(p.latitude)) / 2"
        " from incident_member m cross join lateral (select (m.facts ->> 'longitude')::float8 as longitude,"
        " (m.facts ->> 'latitude')::float8 as latitude) as p"
        " where m.incident = any($1::text[]) and p.longitude is not null and p.latitude is not null group by 1",
        list(incidents),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def incident_changes(
    connection: Connection | Pool,
    incident: str,
    areas: Sequence[str],
    rows_max: int,
    *,
    after_version: int = 0,
    but: Sequence[str] = (),
) -> list[ChangeRow]:
    """Return what happened to an incident after a version, in order; but what is of the kinds `but`."""
    conditions = Conditions()
    conditions.add("c.incident = ? and c.version > ?", incident, after_version)
    conditions.add("c.what <> all(?::text[])", list(but))
    conditions.terms.append(incident_bounds(conditions, areas))
    rows = await connection.fetch(
        "select c.version, c.time, c.what, c.members, c.other, c.cause, c.actor, c.note"
        f" from incident_change c join incident i using (incident) where {conditions}"
        f" order by c.change limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [ChangeRow(*row) for row in rows]
