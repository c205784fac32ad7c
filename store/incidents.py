"""Incidents in the database: read for grouping, and written in the transaction of the transitions that changed them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.incident import Cause, Incident, IncidentChange, Member, chronological
from model.instant import to_datetime, to_milliseconds
from model.reading import HELD_BACK
from model.sensor import Sensor
from store.pool import Connection


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the incidents and of the networks, each a random text of its own."""

    incidents: str
    networks: str


@dataclass(frozen=True, slots=True)
class Gauges:
    """Readings (n,) of pressure gauges, (id, asset) by registry key: keys, epoch milliseconds, MPa."""

    assets: Mapping[int, tuple[str, str]]
    sensor: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]


async def read_versions(connection: Connection) -> Versions:
    """Return which incidents and networks the database holds as this transaction sees it."""
    row = await connection.fetchrow(
        "select i.version::text as incidents, n.version::text as networks from incident_version i, network_version n"
    )
    return Versions(row["incidents"], row["networks"])


async def load_incidents(connection: Connection, city: str, mode: str, newest_from: int) -> list[Incident]:
    """Return the incidents of a city and mode with a member since `newest_from` (epoch ms), but the merged."""
    rows = await connection.fetch(
        "select * from incident where city = $1 and mode = $2 and newest_at >= $3 and merged_into is null",
        city,
        mode,
        to_datetime(newest_from),
    )
    return await _with_members(connection, rows)


async def load_incidents_of(
    connection: Connection, city: str, *, members: Iterable[str] = (), incidents: Iterable[str] = ()
) -> list[Incident]:
    """Return the incidents of a city, of any mode, that are named, or that hold one of the members."""
    rows = await connection.fetch(
        "select * from incident where city = $1 and merged_into is null and (incident = any($2::text[])"
        " or incident in (select m.incident from incident_member m where m.member = any($3::text[])))",
        city,
        list(incidents),
        list(members),
    )
    return await _with_members(connection, rows)


async def write_incidents(
    connection: Connection,
    incidents: Sequence[Incident],
    members: Sequence[tuple[str, Member]],
    changes: Sequence[IncidentChange],
) -> str:
    """Write incidents as they stand, members (incident, member) and what happened; return the new version.

    The caller holds the journal's lock.
    """
    known: dict[str, tuple[int, int]] = {}
    for change in changes:
        first, last = known.get(change.incident, (change.time, change.time))
        known[change.incident] = min(first, change.time), max(last, change.time)
    await connection.executemany(
        "insert into incident values ($1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, $6::timestamptz),"
        " coalesce($8::timestamptz, $6::timestamptz), $9, $10, $11, $12,"
        " $13, $14, $15::jsonb, $16)"
        " on conflict (incident) do update set systems = excluded.systems, opened_at = excluded.opened_at,"
        " newest_at = excluded.newest_at, changed_at = coalesce($8, incident.changed_at),"
        " closed_at = excluded.closed_at, merged_into = excluded.merged_into, severity = excluded.severity,"
        " members = excluded.members, standing = excluded.standing, version = excluded.version,"
        " cause = excluded.cause, apart = excluded.apart",
        [_row(incident, known.get(incident.incident)) for incident in incidents],
    )
    if members:
        await connection.execute(
            "insert into incident_member select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[],"
            " $5::text[], $6::jsonb[], $7::boolean[], $8::jsonb[])"
            " on conflict (member) do update set incident = excluded.incident, relation = excluded.relation,"
            " why = excluded.why, standing = excluded.standing, facts = excluded.facts",
            [member.member for _, member in members],
            [member.kind for _, member in members],
            [incident for incident, _ in members],
            [to_datetime(member.known_at) for _, member in members],
            [member.reason.relation for _, member in members],
            [_encoded(member.reason) for _, member in members],
            [member.standing for _, member in members],
            [_encoded(member) for _, member in members],
        )
    await connection.copy_records_to_table(
        "incident_change",
        columns=("incident", "version", "time", "what", "members", "other", "cause", "actor", "note"),
        records=[
            (
                change.incident, change.version, to_datetime(change.time), change.change, list(change.members),
                change.other,
                None if change.cause is None else _encoded(change.cause), change.actor, change.note,
            )
            for change in changes
        ],
    )  # fmt: skip
    return str(await connection.fetchval("update incident_version set version = gen_random_uuid() returning version"))


async def load_sensors(connection: Connection, sensors: Iterable[str]) -> dict[str, Sensor]:
    """Return those of the sensors that are registered, by id."""
    rows = await connection.fetch("select sensor, definition from sensor where sensor = any($1::text[])", list(sensors))
    return {row["sensor"]: msgspec.json.decode(row["definition"], type=Sensor) for row in rows}


async def read_gauges(connection: Connection, city: str, district: str, known_at: int, span_ms: int) -> Gauges:
    """Return what the pressure gauges of a district had sent by `known_at`, over the span before (milliseconds).

    Gauges on trunk mains, which lie before the district, are left out, and so are readings that move no alarm.
    """
    gauges = await connection.fetch(
        "select sensor_key, sensor, definition ->> 'asset' as asset from sensor where city = $1 and district = $2"
        " and property = 'water_pressure'"
        " and coalesce(definition -> 'attributes' ->> 'place', '') <> 'trunk_main'",
        city,
        district,
    )
    rows = await connection.fetch(
        "select sensor_key, time, value from reading where sensor_key = any($1::integer[]) and time > $2 and time <= $3"
        " and quality & $4 = 0 and batch <= (select b.sequence from batch b, evaluation_cursor c"
        " where b.sequence <= c.batch and b.arrived_at <= $3 order by b.sequence desc limit 1)"
        " order by sensor_key, time",
        [row["sensor_key"] for row in gauges],
        to_datetime(known_at - span_ms),
        to_datetime(known_at),
        int(HELD_BACK),
    )
    return Gauges(
        {row["sensor_key"]: (row["sensor"], row["asset"] or "") for row in gauges},
        np.array([row["sensor_key"] for row in rows], np.int64),
        np.array([to_milliseconds(row["time"]) for row in rows], np.int64),
        np.array([row["value"] for row in rows], np.float64),
    )


async def _with_members(connection: Connection, rows: Sequence[Any]) -> list[Incident]:
    found = {row["incident"]: _incident(row) for row in rows}
    members = await connection.fetch(
        "select incident, facts from incident_member where incident = any($1::text[])", list(found)
    )
    decode = msgspec.json.Decoder(Member).decode
    its_own: dict[str, list[Member]] = {}
    for row in members:
        its_own.setdefault(row["incident"], []).append(decode(row["facts"]))
    for name, incident in found.items():
        incident.members = {member.member: member for member in sorted(its_own.get(name, ()), key=chronological)}
    return list(found.values())


def _incident(row: Any) -> Incident:
    closed: datetime | None = row["closed_at"]
    return Incident(
        incident=row["incident"],
        city=row["city"],
        mode=row["mode"],
        opened=to_milliseconds(row["opened_at"]),
        newest=to_milliseconds(row["newest_at"]),
        cause=msgspec.json.decode(row["cause"], type=Cause),
        apart=set(row["apart"]),
        closed=None if closed is None else to_milliseconds(closed),
        merged_into=row["merged_into"],
        version=row["version"],
    )


def _row(incident: Incident, known: tuple[int, int] | None) -> tuple[Any, ...]:
    members = incident.members.values()
    return (
        incident.incident, incident.city, incident.mode, sorted({member.system for member in members}),
        to_datetime(incident.opened), to_datetime(incident.newest),
        None if known is None else to_datetime(known[0]), None if known is None else to_datetime(known[1]),
        None if incident.closed is None else to_datetime(incident.closed), incident.merged_into,
        max((member.severity for member in members), default=0), len(incident.members), incident.standing,
        incident.version, _encoded(incident.cause), sorted(incident.apart),
    )  # fmt: skip


def _encoded(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
