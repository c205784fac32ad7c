"""What keeps alarms quiet by a person's word: put in force, ended, and listed within a caller's areas."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.alarm import State
from model.audit import Action
from model.instant import format_instant, to_datetime, to_milliseconds
from model.suppression import Suppression
from store.audit import record
from store.conditions import Conditions
from store.journal import Place
from store.pool import Connection, Pool

_COLUMNS = (
    "suppression, kind, city, sensor, rule, severity_max, purpose, reason, permit, actor, approved_by, begins_at,"
    " ends_at, review_at"
)


async def suppressions_of(connection: Connection, sensors: Iterable[str]) -> dict[str, list[Suppression]]:
    """Return what is in force or yet to begin at the sensors, by sensor; whether it holds at a time it says itself."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from suppression where ended_at is null and sensor = any($1::text[]) order by suppression",
        list(sensors),
    )
    found: dict[str, list[Suppression]] = {}
    for row in rows:
        found.setdefault(row["sensor"], []).append(_suppression(row))
    return found


async def suppressions_held(
    connection: Connection, sensors: Sequence[str], since: int, until: int
) -> list[Suppression]:
    """Return what held at the sensors at some time of since..until (epoch milliseconds), each with the end it had."""
    rows = await connection.fetch(
        f"select {_COLUMNS}, coalesce(ended_at, ends_at) as until_at from suppression where sensor = any($1::text[])"
        " and begins_at <= $3 and coalesce(ended_at, ends_at, $3) >= $2 order by suppression",
        list(sensors),
        to_datetime(since),
        to_datetime(until),
    )
    ends = (None if row["until_at"] is None else to_milliseconds(row["until_at"]) for row in rows)
    return [msgspec.structs.replace(_suppression(row), ends=end) for row, end in zip(rows, ends, strict=True)]


async def add_suppression(connection: Connection, made: Suppression, place: Place, now: int) -> Suppression:
    """Keep a suppression made at `now` (epoch milliseconds) and return it with its number."""
    number = await connection.fetchval(
        "insert into suppression (kind, city, system, district, sensor, rule, severity_max, purpose, reason, permit,"
        " actor, approved_by, made_at, begins_at, ends_at, review_at, begun)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning suppression",
        made.kind,
        place.city,
        place.system,
        place.district,
        made.sensor,
        made.rule,
        made.severity_max,
        made.purpose,
        made.reason,
        made.permit,
        made.actor,
        made.approved_by,
        to_datetime(now),
        to_datetime(made.begins),
        None if made.ends is None else to_datetime(made.ends),
        None if made.review is None else to_datetime(made.review),
        made.begins <= now,
    )
    if made.kind is not State.SHELVED:  # a shelf is of one alarm, and stands in its journal
        until = None if made.ends is None else format_instant(made.ends)
        await record(
            connection, actor=made.approved_by or made.actor, action=Action.SUPPRESSION_MADE, subject=made.sensor,
            city=place.city,
            details={"suppression": number, "kind": made.kind.value, "begins_at": format_instant(made.begins),
                     "ends_at": until, "reason": made.reason, "permit": made.permit},
        )  # fmt: skip
    return msgspec.structs.replace(made, suppression=number)


async def end_suppressions(connection: Connection, numbers: Sequence[int], ended_at: int, ended_by: str | None) -> None:
    """End suppressions at `ended_at` (epoch milliseconds); by nobody where they end by themselves."""
    await connection.execute(
        "update suppression set ended_at = $2, ended_by = $3"
        " where suppression = any($1::bigint[]) and ended_at is null",
        list(numbers),
        to_datetime(ended_at),
        ended_by,
    )


async def due_suppressions(connection: Connection, clock: int) -> tuple[list[Suppression], list[Suppression]]:
    """Return (those that begin, those that end) up to `clock` (epoch milliseconds), each in order of that time.

    Those that begin are marked as begun.
    """
    now = to_datetime(clock)
    begun = await connection.fetch(
        "update suppression set begun = true where not begun and ended_at is null and begins_at <= $1"
        f" returning {_COLUMNS}",
        now,
    )
    ended = await connection.fetch(
        f"select {_COLUMNS} from suppression where ended_at is null and ends_at <= $1 order by ends_at, suppression",
        now,
    )
    begins = sorted(map(_suppression, begun), key=lambda one: (one.begins, one.suppression))
    return begins, [_suppression(row) for row in ended]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionQuery:
    """Which suppressions; None asks for nothing. `in_force` False gives those that have ended too."""

    kind: str | None = None
    city: str | None = None
    system: str | None = None
    district: str | None = None
    sensor: str | None = None
    rule: str | None = None
    in_force: bool = True
    before: int | None = None


class SuppressionRow(NamedTuple):
    """A suppression as it is listed."""

    suppression: Suppression
    system: str
    district: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    mode: str
    name: str | None
    name_zh: str | None
    alarms: Sequence[str]  # that it keeps quiet now


_LISTED = (
    ", ".join(f"p.{column}" for column in _COLUMNS.split(", "))
    + ", p.system, p.district, p.made_at, p.ended_at, p.ended_by, c.mode,"
    " s.definition ->> 'name' as name, s.definition ->> 'name_zh' as name_zh,"
    " array(select a.alarm from alarm a where a.sensor = p.sensor and (p.rule is null or a.rule = p.rule)"
    " and a.state = p.kind and a.severity <= p.severity_max and p.ended_at is null order by a.alarm) as alarms"
)


async def find_suppressions(
    connection: Connection | Pool, query: SuppressionQuery, areas: Sequence[str], rows_max: int
) -> list[SuppressionRow]:
    """Return suppressions, newest first."""
    conditions = Conditions()
    conditions.within("p.city", areas, "p.district")
    if query.in_force:
        conditions.add("p.ended_at is null")
    for column in ("kind", "city", "system", "district", "sensor", "rule"):
        conditions.add_equal(f"p.{column}", getattr(query, column))
    if query.before is not None:
        conditions.add("p.suppression < ?", query.before)
    return await _listed(connection, conditions, areas, rows_max)


async def find_suppression(
    connection: Connection | Pool, suppression: int, areas: Sequence[str]
) -> SuppressionRow | None:
    """Return one suppression, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("p.suppression", suppression)
    conditions.within("p.city", areas, "p.district")
    return next(iter(await _listed(connection, conditions, areas, 1)), None)


async def _listed(
    connection: Connection | Pool, conditions: Conditions, areas: Sequence[str], rows_max: int
) -> list[SuppressionRow]:
    its_sensor = conditions.bounds("s.city", areas, "s.district")  # it may have moved
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_LISTED} from suppression p join city c on c.city = p.city"
        f" left join sensor s on s.sensor = p.sensor and s.city = p.city and {its_sensor}"
        f" where {conditions} order by p.suppression desc limit {limit}",
        *conditions.values,
    )
    beside = ("system", "district", "made_at", "ended_at", "ended_by", "mode", "name", "name_zh", "alarms")
    return [SuppressionRow(_suppression(row), *(row[name] for name in beside)) for row in rows]


def _suppression(row: Any) -> Suppression:
    return Suppression(
        suppression=row["suppression"],
        kind=State(row["kind"]),
        city=row["city"],
        sensor=row["sensor"],
        rule=row["rule"],
        severity_max=row["severity_max"],
        purpose=row["purpose"],
        reason=row["reason"],
        permit=row["permit"],
        actor=row["actor"],
        approved_by=row["approved_by"],
        begins=to_milliseconds(row["begins_at"]),
        ends=None if row["ends_at"] is None else to_milliseconds(row["ends_at"]),
        review=None if row["review_at"] is None else to_milliseconds(row["review_at"]),
    )
