"""Reports from people, taken and verified: each one transaction under the journal's lock, safe to send twice."""

import hashlib
from typing import Any

import msgspec

from alerts.incidents.grouping import Happening
from alerts.incidents.keeping import take
from app.access import Principal
from app.actions import InvalidField, find_repeated
from model.incident import Member
from model.instant import to_datetime
from model.report import Report
from store.alarms import EarlierAction, record_action
from store.journal import lock_journal
from store.pool import Connection
from store.reports import ReportRow, district_at, find_report, insert_report, is_far_from_sensors, verify_report

SEND, VERIFY = "report", "verify"
DISTRICT_KM_MAX = 5  # from the nearest sensor, whose district it is
FROM_SENSORS_KM_MAX = 100  # further out a device knew no position, or its degrees are exchanged


class ReportUnknown(Exception):
    """There is no such report within the actor's areas."""


class PlaceElsewhere(Exception):
    """The place lies in a district of the city (empty: in none) that is not within the actor's areas."""

    def __init__(self, city: str, district: str) -> None:
        super().__init__(f"the place lies in district {district!r} of {city}" if district else "no sensor is near it")
        self.city = city


class ReportRefused(Exception):
    """The report cannot be verified by this person or no more; `by` and `at` (epoch ms) tell who has done so."""

    def __init__(self, detail: str, remedy: str, by: str | None = None, at: int | None = None) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.by = by
        self.at = at


async def send_report(connection: Connection, report: Report, idempotency_key: str, actor: Principal) -> ReportRow:
    """Keep a report and let it join an incident; the same one again gives the same.

    Raises KeyReused, InvalidField where its place is far from all sensors of its city, and PlaceElsewhere.
    """
    asked = f"report.{_digest(report)}"
    async with connection.transaction():
        await lock_journal(connection)
        earlier = await find_repeated(connection, idempotency_key, asked, SEND, actor)
        if earlier is not None:
            return await _found(connection, int(earlier.line), actor)
        place = (report.longitude, report.latitude)
        if await is_far_from_sensors(connection, report.city, *place, FROM_SENSORS_KM_MAX * 1_000):
            raise InvalidField(
                "place",
                f"lies more than {FROM_SENSORS_KM_MAX} km from every sensor of {report.city}",
                "give longitude and latitude of the place in degrees, WGS-84, or name the city in which it lies",
            )
        district = await district_at(connection, report.city, *place, DISTRICT_KM_MAX * 1_000)
        if not actor.sees(report.city, district):
            raise PlaceElsewhere(report.city, district)
        report = msgspec.structs.replace(report, district=district)
        name = await insert_report(connection, report)
        number = int(name.rpartition(".")[2])
        member = _member(msgspec.structs.replace(report, report=name))
        happening = Happening("raised", member, report.received_at, report.time)
        await take(connection, report.city, report.mode, [happening])
        action = EarlierAction(asked, SEND, actor.label, str(number))
        await record_action(connection, idempotency_key, action, to_datetime(report.received_at))
        return await _found(connection, number, actor)


async def verify(
    connection: Connection, number: int, actor: Principal, now: int, idempotency_key: str, *, found: bool,
    note: str | None,
) -> ReportRow:  # fmt: skip
    """Note at `now` (epoch milliseconds) what somebody found at the place; a report of nothing no longer stands.

    Raises ReportUnknown, ReportRefused and KeyReused; then nothing has changed.
    """
    async with connection.transaction():
        await lock_journal(connection)
        row = await find_report(connection, number, actor.areas)
        if row is None:
            raise ReportUnknown
        report = row.report
        asked = f"{report.report}.{found}"
        if await find_repeated(connection, idempotency_key, asked, VERIFY, actor) is not None:
            return row
        if report.verified_by is not None:
            raise ReportRefused(
                f"{report.verified_by} has verified it", "nothing needs to be done", report.verified_by,
                report.verified_at,
            )  # fmt: skip
        if report.actor == actor.label:
            raise ReportRefused("you have sent it yourself", "another person verifies what you report")
        await verify_report(connection, number, found=found, by=actor.label, at=now, note=note)
        if not found:
            member = msgspec.structs.replace(_member(report), standing=False)
            await take(connection, report.city, report.mode, [Happening("returned", member, now, now)])
        action = EarlierAction(asked, VERIFY, actor.label, "")
        await record_action(connection, idempotency_key, action, to_datetime(now))
        return await _found(connection, number, actor)


async def _found(connection: Connection, number: int, actor: Principal) -> ReportRow:
    row = await find_report(connection, number, actor.areas)
    if row is None:
        raise ReportUnknown
    return row


def _member(report: Report) -> Member:
    return Member(
        member=report.report,
        kind="report",
        rule=report.kind,
        system=report.system,
        time=report.time,
        known_at=report.received_at,
        longitude=report.longitude,
        latitude=report.latitude,
    )


def _digest(report: Report) -> str:
    """What the sender said, in short: the same key with other words is no repetition."""
    said: dict[str, Any] = msgspec.structs.asdict(report) | {"received_at": 0, "mode": "", "report": ""}
    del said["district"]  # the registry says it
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:32]
