"""Hand-overs between shifts: how a position stands, kept as it was seen, and who took it over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.instant import format_instant, to_milliseconds
from model.position import Position
from store.conditions import Conditions
from store.floods import find_floods
from store.pool import Connection, Pool

LISTED_MAX = 200  # of each list in a snapshot; the totals count all
_OPEN_INCIDENTS = "closed_at is null and merged_into is null"


class HandOver(NamedTuple):
    """A hand-over. `notes` are those carried over and the new ones, `struck` those of the one before, done with."""

    hand_over: int
    position: str
    city: str
    mode: str
    handed_by: str
    handed_to: str | None
    handed_at: datetime
    notes: list[dict[str, Any]]
    struck: list[dict[str, Any]]
    snapshot: dict[str, Any]
    accepted_by: str | None
    accepted_at: datetime | None


_COLUMNS = (
    "h.hand_over, h.position, h.city, h.mode, h.handed_by, h.handed_to, h.handed_at, h.notes, h.struck, h.snapshot,"
    " a.accepted_by, a.accepted_at"
)
_FROM = " from hand_over h left join hand_over_acceptance a using (hand_over)"


async def lock_shifts(connection: Connection, position: str) -> None:
    """Let nobody else hand this position over, or take it over, before the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('hand_over ' || $1, 0))", position)


async def find_hand_overs(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    position: str | None = None,
    city: str | None = None,
    modes: Sequence[str] | None = None,
    before: int | None = None,
) -> list[HandOver]:
    """Return hand-overs, newest first."""
    conditions = Conditions()
    conditions.within("h.city", areas)
    conditions.add_equal("h.position", position)
    conditions.add_equal("h.city", city)
    conditions.add_among("h.mode", modes)
    if before is not None:
        conditions.add("h.hand_over < ?", before)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_COLUMNS}{_FROM} where {conditions} order by h.hand_over desc limit {limit}", *conditions.values
    )
    return [_hand_over(row) for row in rows]


async def find_hand_over(connection: Connection | Pool, hand_over: int, areas: Sequence[str]) -> HandOver | None:
    """Return one hand-over, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.within("h.city", areas)
    conditions.add_equal("h.hand_over", hand_over)
    row = await connection.fetchrow(f"select {_COLUMNS}{_FROM} where {conditions}", *conditions.values)
    return None if row is None else _hand_over(row)


async def find_repeated(
    connection: Connection | Pool, handed_by: str, idempotency_key: str
) -> tuple[int, bytes] | None:
    """Return the hand-over that somebody made under a key and the digest of what was asked then, or None."""
    row = await connection.fetchrow(
        "select hand_over, request from hand_over where handed_by = $1 and idempotency_key = $2",
        handed_by,
        idempotency_key,
    )
    return None if row is None else (row["hand_over"], row["request"])


async def add_hand_over(connection: Connection, made: HandOver, idempotency_key: str, request: bytes) -> int:
    """Keep a hand-over for good and return its number."""
    number: int = await connection.fetchval(
        "insert into hand_over (position, city, mode, handed_by, handed_to, handed_at, idempotency_key, request, notes,"
        " struck, snapshot) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning hand_over",
        made.position,
        made.city,
        made.mode,
        made.handed_by,
        made.handed_to,
        made.handed_at,
        idempotency_key,
        request,
        *(msgspec.json.encode(part).decode() for part in (made.notes, made.struck, made.snapshot)),
    )
    return number


async def accept_hand_over(connection: Connection, hand_over: int, by: str, at: datetime) -> None:
    """Keep for good who took a position over."""
    await connection.execute("insert into hand_over_acceptance values ($1, $2, $3)", hand_over, by, at)


async def take_snapshot(connection: Connection, position: Position, mode: str) -> dict[str, Any]:
    """Return how a position stands: open alarms, what is suppressed, open work, incidents, flood."""
    areas = [position.city]
    alarms = _conditions(position, "a")
    alarms.add("a.mode = ? and a.state <> 'normal'", mode)
    counted = await connection.fetch(
        f"select {_SEVERITIES}, a.class, a.state, count(*) as alarms from alarm a where {alarms}"
        " group by 1, 2, 3, 4 order by 1 desc, 2 desc, 3, 4",
        *alarms.values,
    )
    # What no operator sees to any more may still have to be dealt with.
    work = _conditions(position, "a")
    work.add("a.mode = ? and a.handling <> 'verified'", mode)
    put = _conditions(position, "p")
    put.add("p.ended_at is null and p.begun")
    incidents = Conditions()
    incidents.add(f"city = ? and mode = ? and {_OPEN_INCIDENTS}", position.city, mode)
    if position.systems:
        incidents.add("systems && ?::text[]", list(position.systems))
    floods = await find_floods(connection, [position.position], areas, modes=[mode])
    return {
        "open": [dict(row) for row in counted],
        "unacknowledged": await _listed(
            connection, f"{_ALARM}{_AT_SENSOR} where {alarms} and a.state like '%unacknowledged'",
            f"{_GRAVEST_FIRST}, a.raised_at, a.alarm", alarms,
        ),
        "suppressed": await _listed(
            connection,
            "select p.kind, p.sensor, p.rule, p.purpose, p.reason, p.actor, p.approved_by, p.made_at, p.ends_at,"
            f" p.review_at from suppression p where {put}",
            "p.ends_at nulls first, p.suppression", put,
        ),
        "work": await _listed(
            connection, f"{_ALARM}, a.handling, a.assigned_to, {_DEADLINE} as deadline_at{_AT_SENSOR} where {work}",
            f"{_GRAVEST_FIRST}, a.raised_at, a.alarm", work,
        ),
        "incidents": await _listed(
            connection,
            "select incident, systems, opened_at, severity, members, standing, cause from incident"
            f" where {incidents}", "severity desc, opened_at, incident", incidents,
        ),
        "floods": [
            {
                "began_at": format_instant(one.began),
                "first_out": one.first_out,
                "annunciated": one.annunciated,
                "folded": one.folded,
            }
            for one in floods
        ],
    }  # fmt: skip


# What has returned stands at no severity; what it reached says how grave it was.
_SEVERITIES = (
    "case when a.class = 'process' then a.severity else 0 end as severity,"
    " case when a.class = 'process' and a.severity = 0 then a.peak_severity else 0 end as returned_severity"
)
_GRAVEST_FIRST = "severity desc, returned_severity desc"
_ALARM = (
    "select a.alarm, a.rule, a.sensor, s.definition ->> 'name' as name, s.definition ->> 'name_zh' as name_zh,"
    f" a.system, a.district, a.class, {_SEVERITIES}, a.state, a.raised_at"
)
_DEADLINE = "(select min(d.deadline_at) from deadline d where d.alarm = a.alarm)"
_AT_SENSOR = " from alarm a left join sensor s on s.sensor = a.sensor and s.city = a.city"


async def _listed(connection: Connection, query: str, order: str, conditions: Conditions) -> dict[str, Any]:
    rows = await connection.fetch(f"{query} order by {order} limit {LISTED_MAX}", *conditions.values)
    total = len(rows)
    if total == LISTED_MAX:
        total = await connection.fetchval(f"select count(*) from ({query}) as all_of_them", *conditions.values)
    return {"total": total, "rows": [_plain(row) for row in rows]}


def _plain(row: Any) -> dict[str, Any]:
    """Return a row with its times as Lifeline writes them, as it is kept."""
    values = {name: _written(value) if isinstance(value, datetime) else value for name, value in row.items()}
    if "cause" in values:
        values["cause"] = msgspec.json.decode(values["cause"])
    return values


def _written(moment: datetime) -> str:
    return format_instant(to_milliseconds(moment))


def _conditions(position: Position, alias: str) -> Conditions:
    """Keep what a position takes; the default one takes what no configured one of its city does."""
    conditions = Conditions()
    conditions.add(f"{alias}.city = ?", position.city)
    if position.is_default:
        conditions.add(
            f"not exists (select from position q where q.city = {alias}.city"
            f" and (q.districts = '{{}}' or {alias}.district = any(q.districts))"
            f" and (q.systems = '{{}}' or {alias}.system = any(q.systems)))"
        )
    conditions.add_among(f"{alias}.district", position.districts or None)
    conditions.add_among(f"{alias}.system", position.systems or None)
    return conditions


def _hand_over(row: Any) -> HandOver:
    values = dict(row)
    for part in ("notes", "struck", "snapshot"):
        values[part] = msgspec.json.decode(values[part])
    return HandOver(**values)
