"""Temporary limits in the database: put in force, ended, and listed within a caller's areas."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.area import touched_cities
from model.audit import Action
from model.instant import to_datetime, to_milliseconds
from model.sensor import Sensor
from model.temporary_limit import TemporaryLimit
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool

_COLUMNS = "temporary_limit, rule, design, selected, limits, ends_at"
_DISTRICT = (
    "coalesce(selected ->> 'district', (select s.district from sensor s where s.sensor = selected ->> 'sensor'))"
)


class TemporaryLimitRow(NamedTuple):
    """A temporary limit as it is listed; `ended_by` is None for one that ended by itself.

    `district` is the one in which all its sensors are, None where it may be more than one.
    """

    limit: TemporaryLimit
    rule_version: str
    city: str | None
    unit: str | None
    reason: str
    requested_by: str
    approved_by: str
    begins_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    comment: str | None
    district: str | None


async def limits_in_force(connection: Connection | Pool, rule: str | None = None) -> list[TemporaryLimit]:
    """Return the temporary limits in force, of all rules or of one, oldest first."""
    conditions = Conditions()
    conditions.add("ended_at is null")
    conditions.add_equal("rule", rule)
    rows = await connection.fetch(
        f"select {_COLUMNS} from temporary_limit where {conditions} order by temporary_limit", *conditions.values
    )
    return [_limit(row) for row in rows]


async def add_temporary_limit(
    connection: Connection,
    made: TemporaryLimit,
    *,
    rule_version: str,
    city: str | None,
    unit: str | None,
    reason: str,
    requested_by: str,
    approved_by: str,
    now: int,
) -> None:
    """Put a temporary limit, whose number is that of its approval, in force at `now` (epoch milliseconds)."""
    await connection.execute(
        "insert into temporary_limit (temporary_limit, rule, design, rule_version, city, selected, limits, unit,"
        " reason, requested_by, approved_by, begins_at, ends_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        made.number,
        made.rule,
        made.design,
        rule_version,
        city,
        msgspec.json.encode(made.select).decode(),
        msgspec.json.encode(made.limits).decode(),
        unit,
        reason,
        requested_by,
        approved_by,
        to_datetime(now),
        to_datetime(made.ends),
    )
    limits = ", ".join(f"{level} {value:g}" for level, value in made.limits.items())
    await record(
        connection, actor=approved_by, action=Action.TEMPORARY_LIMIT_APPLIED, subject=made.rule, city=city,
        details={"temporary_limit": made.number, "limits": limits, "requested_by": requested_by, "reason": reason},
    )  # fmt: skip


async def end_temporary_limit(connection: Connection, number: int, *, by: str, now: int, comment: str | None) -> bool:
    """End a temporary limit at `now` (epoch milliseconds); False where it has ended already."""
    async with connection.transaction():
        row = await connection.fetchrow(
            "update temporary_limit set ended_at = $2, ended_by = $3, comment = $4"
            " where temporary_limit = $1 and ended_at is null returning rule, city",
            number,
            to_datetime(now),
            by,
            comment,
        )
        if row is not None:
            await record(
                connection, actor=by, action=Action.TEMPORARY_LIMIT_ENDED, subject=row["rule"], city=row["city"],
                details={"temporary_limit": number, "comment": comment},
            )  # fmt: skip
    return row is not None


async def end_due_limits(connection: Connection, clock: int) -> None:
    """End what is due up to `clock` (epoch milliseconds), by itself, at its own time."""
    await connection.execute(
        "update temporary_limit set ended_at = ends_at where ended_at is null and ends_at <= $1", to_datetime(clock)
    )


async def end_redesigned_limits(
    connection: Connection, designs: Mapping[str, str], *, by: str, now: int, comment: str
) -> list[int]:
    """End the temporary limits of rules that have another design from now on, or are gone; return their numbers."""
    rows = await connection.fetch(
        "update temporary_limit t set ended_at = $3, ended_by = $4, comment = $5 where ended_at is null"
        " and not exists (select from unnest($1::text[], $2::text[]) as d (rule, design)"
        " where d.rule = t.rule and d.design = t.design) returning temporary_limit",
        list(designs.keys()),
        list(designs.values()),
        to_datetime(now),
        by,
        comment,
    )
    return sorted(row["temporary_limit"] for row in rows)


async def find_temporary_limits(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    number: int | None = None,
    rule: str | None = None,
    city: str | None = None,
    ended: bool = False,
    before: int | None = None,
) -> list[TemporaryLimitRow]:
    """Return temporary limits that hold within the areas, newest first: those of more than one city too.

    So are those of a whole city for who is bound to districts of it: alarms there are judged by them.
    """
    conditions = Conditions()
    its_district = conditions.bounds("city", areas, _DISTRICT)
    its_city = conditions.bounds("city", touched_cities(areas))
    conditions.add(f"(city is null or {its_district} or {_DISTRICT} is null and {its_city})")
    if not ended:
        conditions.add("ended_at is null")
    conditions.add_equal("temporary_limit", number)
    conditions.add_equal("rule", rule)
    if city is not None:
        conditions.add("(city is null or city = ?)", city)
    if before is not None:
        conditions.add("temporary_limit < ?", before)
    limit = conditions.bind(rows_max)
    beside = ", ".join(TemporaryLimitRow._fields[1:-1])
    rows = await connection.fetch(
        f"select {_COLUMNS}, {beside}, {_DISTRICT} as district from temporary_limit where {conditions}"
        f" order by temporary_limit desc limit {limit}",
        *conditions.values,
    )
    return [TemporaryLimitRow(_limit(row), *(row[name] for name in TemporaryLimitRow._fields[1:])) for row in rows]


async def selected_sensors(
    connection: Connection, select: Mapping[str, Any], areas: Sequence[str], rows_max: int
) -> list[Sensor]:
    """Return the sensors that agree with a selector's fields, attributes apart, by id."""
    conditions = Conditions()
    conditions.within("city", areas, "district")
    for column in ("city", "system", "property", "district", "sensor"):
        conditions.add_equal(column, select.get(column))
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select definition from sensor where {conditions} order by sensor limit {limit}", *conditions.values
    )
    return [msgspec.json.decode(row["definition"], type=Sensor) for row in rows]


def _limit(row: Any) -> TemporaryLimit:
    return TemporaryLimit(
        number=row["temporary_limit"],
        rule=row["rule"],
        design=row["design"],
        select=msgspec.json.decode(row["selected"]),
        limits=msgspec.json.decode(row["limits"]),
        ends=to_milliseconds(row["ends_at"]),
    )
