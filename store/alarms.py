"""Alarms as they stand, their journal lines, and the events of the feed, read within a caller's areas."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

from model.instant import to_datetime
from model.network import Position
from store.changes import Mark, add_changed_alarms
from store.conditions import Conditions, add_near
from store.incident_search import incident_within
from store.pool import Connection, Pool

OPEN_STATES = "a.state <> 'normal'"  # as the partial index has it
OPEN_WORK = "(a.state <> 'normal' or a.handling <> 'verified')"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmQuery:
    """Which alarms; None asks for nothing. `near` is (longitude, latitude, radius in metres).

    `changed_after` is an event: those that changed after it, and those among them that are not in the list any more.
    `after` is the last one seen: (distance in metres, None where not asked near a place; when raised; alarm).
    """

    states: Sequence[str] | None = None
    severities: Sequence[int] | None = None
    system: str | None = None
    district: str | None = None
    city: str | None = None
    sensor: str | None = None
    sensors: Sequence[str] | None = None
    rule: str | None = None
    alarm_class: str | None = None
    modes: Sequence[str] | None = None
    assigned_to: str | None = None
    handling: Sequence[str] | None = None
    near: tuple[float, float, float] | None = None
    since: datetime | None = None
    changed_after: int | None = None
    after: tuple[float | None, datetime, str] | None = None

    @property
    def origin(self) -> Position | None:
        """The place that they are looked for near to."""
        return None if self.near is None else self.near[:2]

    def changed_since(self, mark: Mark) -> Self:
        """Return the query for those that changed after a mark."""
        return replace(self, changed_after=mark.event)


class AlarmRow(NamedTuple):
    """One alarm as it stands: its newest line and place, and what is known of its sensor now.

    `doubtful` tells that the sensor is silent or its readings are bad, by an instrument alarm that is active.
    `judgement` and `handling` are those of model.handling as JSON. `listed` is False where it has left the list that
    was asked for.
    """

    alarm: str
    sensor: str
    line: str
    state: str
    event: int
    raised_at: datetime
    changed_at: datetime
    city: str
    system: str
    district: str
    name: str | None
    name_zh: str | None
    longitude: float | None
    latitude: float | None
    crs: str | None  # None: WGS-84
    sensor_key: int | None
    doubtful: bool
    judgement: str | None
    handling: str | None
    incident: str | None
    folded: Sequence[str]  # positions whose flood it is folded in
    distance_m: float | None
    listed: bool = True


_INCIDENT = "(select m.incident from incident_member m where m.member = a.alarm)"
# The registry's facts are shown only while the sensor is in the alarm's own city: it may have moved to one that the
# caller must not see.
_COLUMNS = (
    "a.alarm, a.sensor, a.line, a.state, a.event, a.raised_at, a.changed_at, a.city, a.system, a.district,"
    " s.definition ->> 'name' as name, s.definition ->> 'name_zh' as name_zh, s.longitude, s.latitude,"
    " s.definition ->> 'crs' as crs, s.sensor_key,"
    " (a.class = 'process' and a.condition = 'active' and exists (select from alarm d where d.sensor = a.sensor"
    " and d.class = 'instrument' and d.kind in ('stale', 'range') and d.condition <> 'normal')) as doubtful,"
    " a.facts ->> 'judgement' as judgement, a.facts ->> 'handling' as handling,"
    " {incident} as incident,"
    " array(select f.position from folded f where f.alarm = a.alarm order by 1) as folded"
)
_FROM = " from alarm a left join sensor s on s.sensor = a.sensor and s.city = a.city"


async def find_alarms(
    connection: Connection | Pool, query: AlarmQuery, areas: Sequence[str], rows_max: int
) -> list[AlarmRow]:
    """Return the alarms of a query, last raised first or, where asked near a place, the nearest first.

    Without states those that are not normal; where it asks for `assigned_to` or `handling`, those that are normal and
    dealt with still are among them.
    """
    conditions = Conditions()
    conditions.within("a.city", areas, "a.district")
    for column in ("system", "district", "city", "sensor", "rule"):
        conditions.add_equal(f"a.{column}", getattr(query, column))
    conditions.add_among("a.sensor", query.sensors)
    conditions.add_equal("a.class", query.alarm_class)
    distance = "null::float8" if query.near is None else add_near(conditions, *query.near)
    lasting = len(conditions.terms)  # what an alarm changes of itself stands in the terms that follow
    _add_present(conditions, query)
    listed = "true"
    if query.changed_after is not None:
        listed = f"coalesce({' and '.join(conditions.terms[lasting:]) or 'true'}, false)"
        del conditions.terms[lasting:]
        add_changed_alarms(conditions, query.changed_after)
    order = "a.raised_at desc, a.alarm desc" if query.near is None else "distance_m, a.raised_at desc, a.alarm desc"
    if query.after is not None:
        far, raised_at, alarm = query.after
        if query.near is None:
            conditions.add("(a.raised_at, a.alarm) < (?, ?)", raised_at, alarm)
        else:
            further = f"({distance} > ? or {distance} = ? and (a.raised_at, a.alarm) < (?, ?))"
            conditions.add(further, far, far, raised_at, alarm)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_columns(conditions, areas)}, {distance} as distance_m, {listed} as listed"
        f"{_source(conditions, areas)} where {conditions}"
        f" order by {order} limit {limit}",
        *conditions.values,
    )
    return [AlarmRow(*row) for row in rows]


def _columns(conditions: Conditions, areas: Sequence[str]) -> str:
    return _COLUMNS.format(incident=incident_within(conditions, areas, _INCIDENT))


def _source(conditions: Conditions, areas: Sequence[str]) -> str:
    return f"{_FROM} and {conditions.bounds('s.city', areas, 's.district')}"


def _add_present(conditions: Conditions, query: AlarmQuery) -> None:
    """Keep the alarms whose present state is what the query asks for."""
    if query.handling is not None:
        conditions.add("a.handling is not null and a.handling = any(?::text[])", list(query.handling))
    if query.assigned_to is not None:
        conditions.add("a.handling is not null and a.assigned_to = ?", query.assigned_to)
    if query.states is None:
        if query.handling is None:
            conditions.add(OPEN_STATES if query.assigned_to is None else OPEN_WORK)
    else:
        if "normal" not in query.states:
            conditions.add(OPEN_STATES)
        conditions.add("a.state = any(?::text[])", list(query.states))
    if query.severities is not None:
        conditions.add("a.severity = any(?::int[]) and a.class = 'process'", list(query.severities))
    conditions.add_among("a.mode", query.modes)
    if query.since is not None:
        conditions.add("coalesce(a.known_at, a.changed_at) >= ?", query.since)


async def find_alarm(connection: Connection | Pool, alarm: str, areas: Sequence[str]) -> AlarmRow | None:
    """Return one alarm, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("a.alarm", alarm)
    conditions.within("a.city", areas, "a.district")
    row = await connection.fetchrow(
        f"select {_columns(conditions, areas)}, null::float8 as distance_m{_source(conditions, areas)}"
        f" where {conditions}",
        *conditions.values,
    )
    return None if row is None else AlarmRow(*row)


async def alarm_lines(
    connection: Connection | Pool, alarm: str, areas: Sequence[str], rows_max: int, after: int = 0
) -> list[str]:
    """Return the journal lines of an alarm that follow sequence `after`, in order, exactly as journalled."""
    conditions = Conditions()
    conditions.add("alarm = ? and sequence > ?", alarm, after)
    conditions.within("city", areas, "district")
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select line from journal where {conditions} order by sequence limit {limit}", *conditions.values
    )
    return [row["line"] for row in rows]


async def lines_of_occurrence(
    connection: Connection | Pool, rule: str, sensor: str, time: int, rows_max: int
) -> list[str]:
    """Return the journal lines of a rule's newest occurrence at a sensor that was raised up to `time` (epoch ms).

    Those alone that were known by then. Retroactive occurrences are none.
    """
    moment = to_datetime(time)
    rows = await connection.fetch(
        "select line from journal where alarm = (select alarm from alarm where sensor = $2 and rule = $1"
        " and raised_at <= $3 and alarm not like '%.r' order by raised_at desc limit 1)"
        " and (line::jsonb ->> 'known_at')::timestamptz <= $3 order by sequence limit $4",
        rule,
        sensor,
        moment,
        rows_max,
    )
    return [row["line"] for row in rows]


async def present_event(connection: Connection | Pool) -> int:
    """Return the id of the newest event, 0 where there is none."""
    return int(await connection.fetchval("select coalesce(max(event), 0) from journal"))


class JournalEvent(NamedTuple):
    """A journal line with its place, as an event of the feed."""

    event: int
    city: str
    system: str
    district: str
    line: str


async def journal_events(
    connection: Connection | Pool, after: int, through: int, areas: Sequence[str], rows_max: int
) -> list[JournalEvent]:
    """Return the events with after < event <= through, in order, at most `rows_max`, within the areas."""
    conditions = Conditions()
    conditions.add("event > ? and event <= ?", after, through)
    conditions.within("city", areas, "district")
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select event, city, system, district, line from journal where {conditions} order by event limit {limit}",
        *conditions.values,
    )
    return [JournalEvent(*row) for row in rows]


class EarlierAction(NamedTuple):
    """What was done under an idempotency key."""

    alarm: str
    action: str
    actor: str
    line: str
    status: int = 200


async def find_action(connection: Connection, idempotency_key: str) -> EarlierAction | None:
    """Return what was done under the key, or None."""
    row = await connection.fetchrow(
        "select alarm, action, actor, line, status from action where idempotency_key = $1", idempotency_key
    )
    return None if row is None else EarlierAction(*row)


async def record_action(
    connection: Connection, idempotency_key: str, action: EarlierAction, acted_at: datetime
) -> None:
    """Keep what was done under the key, so that the same request again gets the same answer."""
    await connection.execute(
        "insert into action (idempotency_key, alarm, action, actor, acted_at, line, status)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        idempotency_key,
        action.alarm,
        action.action,
        action.actor,
        acted_at,
        action.line,
        action.status,
    )
