"""What partners published, read within a caller's areas: their cities, and their alarms as they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from store.alarms import JournalEvent
from store.conditions import Conditions
from store.pool import Connection
from store.province import AlarmKey
from store.status import AlarmCounts


class PartnerCity(NamedTuple):
    """A city that publishes here, or should: by our registry (None: not registered), and by what it said last.

    `missing` are lines of its alarms that are not here. `heard_at` is None where it never sent a status.
    """

    city: str
    name: str | None
    name_zh: str | None
    time_zone: str | None
    mode: str | None
    admitted: bool
    heard_at: datetime | None
    published_at: datetime | None
    status: str | None
    silent_since: datetime | None
    missing: int


class OwnCounts(NamedTuple):
    """Alarms that are not normal in their city, counted by what was acknowledged here (`own_state`)."""

    counts: AlarmCounts
    own_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerAlarmQuery:
    """Which alarms; None asks for nothing. `after` is a keyset: raised at, alarm, city."""

    states: Sequence[str] | None = None
    own_states: Sequence[str] | None = None
    severities: Sequence[int] | None = None
    system: str | None = None
    district: str | None = None
    city: str | None = None
    alarm_class: str | None = None
    modes: Sequence[str] | None = None
    since: datetime | None = None
    after: tuple[datetime, str, str] | None = None


class PartnerAlarm(NamedTuple):
    """One alarm as it stands: its newest line as it came, and what was acknowledged here last."""

    city: str
    alarm: str
    line: str
    sequence: int
    state: str
    own_state: str
    escalated_sequence: int
    missing: int
    raised_at: datetime
    changed_at: datetime
    received_at: datetime
    silent_since: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    comment: str | None


_COLUMNS = (
    "a.city, a.alarm, a.line, a.sequence, a.state, a.own_state, a.escalated_sequence, a.missing, a.raised_at,"
    " a.changed_at, a.received_at, p.silent_since, k.actor, k.acknowledged_at, k.comment"
)
_FROM = (
    " from province_alarm a join province_city p on p.city = a.city and p.admitted left join lateral"
    " (select actor, acknowledged_at, comment from province_acknowledgement n where n.city = a.city"
    " and n.alarm = a.alarm order by sequence desc, acknowledged_at desc limit 1) as k on true"
)


async def find_partner_cities(connection: Connection, areas: Sequence[str]) -> list[PartnerCity]:
    """Return the cities within the areas: those that publish here, and those of the registry that never did.

    A city of the registry that has sensors here is our own, and published by us if by anybody.
    """
    conditions = Conditions()
    conditions.within("coalesce(p.city, c.city)", areas)
    conditions.add("(p.city is not null or not exists (select from sensor s where s.city = c.city))")
    rows = await connection.fetch(
        "select coalesce(p.city, c.city), c.name, c.name_zh, c.time_zone, c.mode, coalesce(p.admitted, true),"
        " p.heard_at, p.published_at, p.status, p.silent_since, (select coalesce(sum(missing), 0)::bigint from"
        " province_alarm a where a.city = p.city) from province_city p full join city c using (city)"
        f" where {conditions} order by 1",
        *conditions.values,
    )
    return [PartnerCity(*row) for row in rows]


async def count_partner_alarms(connection: Connection, areas: Sequence[str]) -> list[OwnCounts]:
    """Return how many alarms of the cities within the areas are not normal there."""
    conditions = Conditions()
    conditions.within("city", areas, "district")
    rows = await connection.fetch(
        "select city, mode, district, system, class, severity, state, count(*), own_state from province_alarm"
        f" where state <> 'normal' and {conditions} group by 1, 2, 3, 4, 5, 6, 7, 9",
        *conditions.values,
    )
    return [OwnCounts(AlarmCounts(*row[:8]), row[8]) for row in rows]


async def find_partner_alarms(
    connection: Connection, query: PartnerAlarmQuery, areas: Sequence[str], rows_max: int
) -> list[PartnerAlarm]:
    """Return the alarms of a query, last raised first; without states those that are not normal in their city."""
    conditions = Conditions()
    conditions.within("a.city", areas, "a.district")
    if query.states is None and query.own_states is None:
        conditions.add("a.state <> 'normal'")
    conditions.add_among("a.state", query.states)
    conditions.add_among("a.own_state", query.own_states)
    if query.severities is not None:
        conditions.add("a.severity = any(?::int[]) and a.class = 'process'", list(query.severities))
    for column in ("system", "district", "city"):
        conditions.add_equal(f"a.{column}", getattr(query, column))
    conditions.add_equal("a.class", query.alarm_class)
    conditions.add_among("a.mode", query.modes)
    if query.since is not None:
        conditions.add("a.received_at >= ?", query.since)
    if query.after is not None:
        conditions.add("(a.raised_at, a.alarm, a.city) < (?, ?, ?)", *query.after)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_COLUMNS}{_FROM} where {conditions} order by a.raised_at desc, a.alarm desc, a.city desc"
        f" limit {limit}",
        *conditions.values,
    )
    return [PartnerAlarm(*row) for row in rows]


async def find_partner_alarm(connection: Connection, alarm: AlarmKey, areas: Sequence[str]) -> PartnerAlarm | None:
    """Return one alarm, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add("a.city = ? and a.alarm = ?", *alarm)
    conditions.within("a.city", areas, "a.district")
    row = await connection.fetchrow(f"select {_COLUMNS}{_FROM} where {conditions}", *conditions.values)
    return None if row is None else PartnerAlarm(*row)


async def partner_lines(connection: Connection, alarm: AlarmKey, areas: Sequence[str], rows_max: int) -> list[str]:
    """Return the lines of an alarm that are here, by their sequence, as they came."""
    conditions = Conditions()
    conditions.add("l.city = ? and l.alarm = ?", *alarm)
    conditions.within("a.city", areas, "a.district")
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        "select l.line from province_line l join province_city p on p.city = l.city and p.admitted"
        " join province_alarm a on a.city = l.city and a.alarm = l.alarm"
        f" where {conditions} order by l.sequence limit {limit}",
        *conditions.values,
    )
    return [row["line"] for row in rows]


async def newest_arrival(connection: Connection) -> int:
    """Return the number of the line that came last, 0 where there is none."""
    return int(await connection.fetchval("select coalesce(max(arrival), 0) from province_line"))


async def partner_events(
    connection: Connection, after: int, through: int, areas: Sequence[str], rows_max: int
) -> list[JournalEvent]:
    """Return the lines with after < arrival <= through, in their order, at most `rows_max`, within the areas."""
    conditions = Conditions()
    conditions.add("l.arrival > ? and l.arrival <= ?", after, through)
    conditions.within("l.city", areas, "a.district")
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        "select l.arrival, l.city, a.system, a.district, l.line from province_line l"
        " join province_city p on p.city = l.city and p.admitted"
        " join province_alarm a on a.city = l.city and a.alarm = l.alarm"
        f" where {conditions} order by l.arrival limit {limit}",
        *conditions.values,
    )
    return [JournalEvent(*row) for row in rows]
