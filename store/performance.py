"""What the figures of the alarm system are made of: journal lines of a span, suppressions, reporting intervals."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from model.instant import format_instant, to_datetime, to_milliseconds
from model.suppression import SuppressionSpan
from store.conditions import Conditions
from store.pool import Connection, Pool

LINES_PER_FETCH = 5_000
_KNOWN = "(line::jsonb ->> 'known_at') collate \"C\""  # as the index has it


class LineRow(NamedTuple):
    """A journal line and its place."""

    line: str
    city: str
    system: str
    district: str


async def evaluated_span(connection: Connection | Pool, cities: Sequence[str], end: int) -> tuple[int, int] | None:
    """Return the first and the last instant (epoch milliseconds) of which the log and the cities' journal tell.

    They go from the first evaluated batch to the log's clock. Where old batches were deleted, or people acted after the
    newest one, a journal line that became known earlier, or later (before `end`), counts too. None where there is
    neither.
    """
    began, clock = await connection.fetchrow(
        "select (select arrived_at from batch where sequence <= c.batch order by sequence limit 1), clock"
        " from evaluation_cursor c"
    )
    known = f"select ({_KNOWN})::timestamptz from journal where city = any($1::text[]) and {_KNOWN} >= $2"
    known += f" and {_KNOWN} < $3 order by {_KNOWN}"
    latest = format_instant(end)
    before = latest if began is None else format_instant(to_milliseconds(began))
    after = "" if clock is None else format_instant(to_milliseconds(clock))
    first = await connection.fetchval(f"{known} limit 1", list(cities), "", before)
    last = await connection.fetchval(f"{known} desc limit 1", list(cities), after, latest)
    if (first or began) is None or (last or clock) is None:
        return None
    return to_milliseconds(first or began), to_milliseconds(last or clock)


async def lines_for_figures(
    connection: Connection, cities: Sequence[str], start: int, end: int
) -> AsyncIterator[list[LineRow]]:
    """Yield the lines of the cities that became known in start <= time < end (epoch milliseconds), in portions.

    Before them come the earlier lines of alarms that were not done with at `start`. Those of one alarm stand in its
    own order. The caller holds a transaction.
    """
    carried = (
        "select j.line, j.city, j.system, j.district from journal j join alarm a using (alarm)"
        " where a.city = any($1::text[]) and a.raised_at < $2"
        " and (a.state <> 'normal' or coalesce(a.known_at, a.changed_at) >= $2)"
        f" and {_KNOWN.replace('line', 'j.line', 1)} < $3 order by j.event"
    )
    span = (
        "select line, city, system, district from journal"
        f" where city = any($1::text[]) and {_KNOWN} >= $2 and {_KNOWN} < $3 order by event"
    )
    begin = format_instant(start)
    for query, values in ((carried, (to_datetime(start), begin)), (span, (begin, format_instant(end)))):
        cursor = await connection.cursor(query, list(cities), *values)
        while rows := await cursor.fetch(LINES_PER_FETCH):
            yield [LineRow(*row) for row in rows]


async def suppressions_for_figures(
    connection: Connection | Pool, cities: Sequence[str], start: int, end: int
) -> list[SuppressionSpan]:
    """Return the suppressions of the cities that were in force at some time of start <= time < end."""
    rows = await connection.fetch(
        "select kind, sensor, rule, begins_at, ended_at, approved_by from suppression where city = any($1::text[])"
        " and begins_at < $3 and coalesce(ended_at, 'infinity') > $2",
        list(cities),
        to_datetime(start),
        to_datetime(end),
    )
    return [
        SuppressionSpan(
            row["kind"],
            row["sensor"],
            row["rule"],
            to_milliseconds(row["begins_at"]),
            None if row["ended_at"] is None else to_milliseconds(row["ended_at"]),
            row["approved_by"],
        )
        for row in rows
    ]


async def reporting_intervals(connection: Connection | Pool, sensors: Iterable[str]) -> dict[str, float]:
    """Return the reporting intervals (seconds) of those of the sensors that are registered."""
    rows = await connection.fetch(
        "select sensor, (definition ->> 'interval_s')::float8 from sensor where sensor = any($1::text[])",
        list(sensors),
    )
    return {sensor: interval_s for sensor, interval_s in rows if interval_s is not None}


async def judged_lines(
    connection: Connection | Pool, cities: Sequence[str] | None, start: int, end: int, rows_max: int
) -> list[LineRow]:
    """Return the lines of alarms that were judged in start <= time < end, in order; of all cities where None."""
    conditions = Conditions()
    conditions.add(
        f"alarm in (select alarm from journal where {_KNOWN} >= ? and {_KNOWN} < ?"
        " and line::jsonb ->> 'action' = 'judge')",
        format_instant(start),
        format_instant(end),
    )
    conditions.within("city", ["*"] if cities is None else cities)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select line, city, system, district from journal where {conditions} order by event limit {limit}",
        *conditions.values,
        timeout=600,
    )
    return [LineRow(*row) for row in rows]
