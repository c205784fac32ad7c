"""Reports from people in the database, read within a caller's areas."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from model.instant import to_datetime, to_milliseconds
from model.report import Report, report_id
from store.conditions import Conditions, add_near, in_degrees
from store.incident_search import incident_within
from store.pool import Connection, Pool

_COLUMNS = (
    "r.report, r.city, r.mode, r.kind, r.system, r.source, r.longitude, r.latitude, r.time, r.received_at, r.text,"
    " r.photograph, r.reference, r.actor, r.found, r.verified_by, r.verified_at, r.note, r.district"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """Which reports; None asks for nothing. `verified`: somebody has looked. `after` is a keyset of (time, report)."""

    city: str | None = None
    system: str | None = None
    kind: str | None = None
    source: str | None = None
    verified: bool | None = None
    modes: Sequence[str] | None = None
    since: datetime | None = None
    after: tuple[datetime, int] | None = None


class ReportRow(NamedTuple):
    """A report, and the incident that it is in."""

    report: Report
    incident: str | None


async def insert_report(connection: Connection, report: Report) -> str:
    """Write a report, whose own id is not looked at, and return its id."""
    number = await connection.fetchval(
        "insert into report (city, mode, kind, system, source, longitude, latitude, time, received_at, text,"
        " photograph, reference, actor, district)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        " returning report",
        report.city, report.mode, report.kind, report.system, report.source, report.longitude, report.latitude,
        to_datetime(report.time), to_datetime(report.received_at), report.text, report.photograph, report.reference,
        report.actor, report.district,
    )  # fmt: skip
    return report_id(number)


async def is_far_from_sensors(
    connection: Connection, city: str, longitude: float, latitude: float, most_m: float
) -> bool:
    """Return whether the place (WGS-84 degrees) is further than `most_m` metres from all of the city's sensors.

    Those without a place in degrees do not count; where no sensor has one, nothing is far.
    """
    conditions = Conditions()
    conditions.add_equal("s.city", city)
    conditions.add("s.latitude is not null and s.longitude is not null")
    conditions.add(in_degrees("s.definition"))
    placed = str(conditions)
    add_near(conditions, longitude, latitude, most_m)
    far: bool = await connection.fetchval(
        f"select exists (select from sensor s where {placed}) and not exists (select from sensor s where {conditions})",
        *conditions.values,
    )
    return far


async def district_at(connection: Connection, city: str, longitude: float, latitude: float, most_m: float) -> str:
    """Return the district of the city's sensor nearest to the place (WGS-84 degrees), at most `most_m` metres away.

    Empty where there is none, or it has no district.
    """
    conditions = Conditions()
    conditions.add_equal("s.city", city)
    distance = add_near(conditions, longitude, latitude, most_m)
    found: str | None = await connection.fetchval(
        f"select s.district from sensor s where {conditions} order by {distance}, s.sensor limit 1", *conditions.values
    )
    return found or ""


async def find_reports(
    connection: Connection | Pool, query: ReportQuery, areas: Sequence[str], rows_max: int
) -> list[ReportRow]:
    """Return the reports of a query, the newest first."""
    conditions = Conditions()
    conditions.within("r.city", areas, "r.district")
    conditions.add_equal("r.city", query.city)
    conditions.add_equal("r.system", query.system)
    conditions.add_equal("r.kind", query.kind)
    conditions.add_equal("r.source", query.source)
    if query.verified is not None:
        conditions.add(f"r.found is {'not ' if query.verified else ''}null")
    conditions.add_among("r.mode", query.modes)
    if query.since is not None:
        conditions.add("r.time >= ?", query.since)
    if query.after is not None:
        conditions.add("(r.time, r.report) < (?, ?)", *query.after)
    return await _fetch(connection, conditions, areas, rows_max)


async def find_report(connection: Connection | Pool, number: int, areas: Sequence[str]) -> ReportRow | None:
    """Return one report, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("r.report", number)
    conditions.within("r.city", areas, "r.district")
    return next(iter(await _fetch(connection, conditions, areas, 1)), None)


async def verify_report(
    connection: Connection, number: int, *, found: bool, by: str, at: int, note: str | None
) -> None:
    """Note what somebody found at a report's place at `at` (epoch milliseconds)."""
    await connection.execute(
        "update report set found = $2, verified_by = $3, verified_at = $4, note = $5 where report = $1",
        number,
        found,
        by,
        to_datetime(at),
        note,
    )


async def _fetch(
    connection: Connection | Pool, conditions: Conditions, areas: Sequence[str], rows_max: int
) -> list[ReportRow]:
    incident = incident_within(conditions, areas, "m.incident")
    rows = await connection.fetch(
        f"select {_COLUMNS}, {incident} as incident from report r"
        " left join incident_member m on m.member = 'report.' || r.report"
        f" where {conditions} order by r.time desc, r.report desc limit {conditions.bind(rows_max)}",
        *conditions.values,
    )
    return [ReportRow(_report(row), row["incident"]) for row in rows]


def _report(row: Any) -> Report:
    facts = {name: row[name] for name in Report.__struct_fields__}
    verified: datetime | None = row["verified_at"]
    return Report(
        **facts
        | {
            "report": report_id(row["report"]),
            "time": to_milliseconds(row["time"]),
            "received_at": to_milliseconds(row["received_at"]),
            "verified_at": None if verified is None else to_milliseconds(verified),
        }
    )
