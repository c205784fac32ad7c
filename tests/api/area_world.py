"""Two cities with something of every kind in each of five places, told apart in any answer by their marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx
import msgspec
import numpy as np

from alerts.changes import record_steps
from alerts.notification_file import parse_notification_file
from alerts.recovery import EvaluatorLimits, recover
from alerts.rule_file import default_packs, parse_packs
from alerts.suppression import Judged
from app.warnings.sending import CapSettings
from model.alarm import ConditionChange
from model.instant import to_datetime
from model.network import Node
from model.network_content import Placed
from model.roster import parse_rosters
from model.sensor import City, Sensor
from store.batches import IncomingReadings, write_batch
from store.keys import create_key
from store.networks import write_network
from store.notification_files import StoredFile, put_file_in_force
from store.rosters import put_rosters_in_force
from store.rule_packs import StoredPack, activate
from store.sensors import import_cities, import_sensors, load_registry
from store.users import create_user
from tests.api.gas_rules import RULES
from tests.api.service import NOON, Service

EARLIER = NOON - 48 * 3_600_000


class Place(StrEnum):
    """Where something is: in a district, or of a city as a whole. The value stands in the ids and texts of it."""

    XIONGGUAN = "XGN"
    JINGTIE = "JTE"
    JIAYUGUAN = "JYG-WIDE"
    JINCHUAN = "JCN"
    JINCHANG = "JCH-WIDE"


WHOLE = {"jiayuguan": Place.JIAYUGUAN, "jinchang": Place.JINCHANG}
CITY_OF = {Place.XIONGGUAN: "jiayuguan", Place.JINGTIE: "jiayuguan", Place.JIAYUGUAN: "jiayuguan",
           Place.JINCHUAN: "jinchang", Place.JINCHANG: "jinchang"}  # fmt: skip
DISTRICT_OF = {Place.XIONGGUAN: "xiongguan", Place.JINGTIE: "jingtie", Place.JINCHUAN: "jinchuan"}
# What tells of a place in an answer, in small letters; of a city, its name too.
MARKS = {place: [f"{place.lower()}-", *([DISTRICT_OF[place]] if place in DISTRICT_OF else [])] for place in Place}
MARKS[Place.JINCHANG].append("jinchang")
COORDINATES = {Place.XIONGGUAN: (98.29, 39.77), Place.JINGTIE: (98.15, 39.80), Place.JINCHUAN: (102.19, 38.52)}
FAR_OUT = {Place.JIAYUGUAN: (98.50, 39.77), Place.JINCHANG: (102.45, 38.52)}  # from all sensors of the city
CITIES = [
    City(city="jiayuguan", name="Jiayuguan", mode="test", province="gansu"),
    City(city="jinchang", name="Jinchang", mode="operational"),
]


def area_of(place: Place) -> str:
    """The area that holds just the place, or the city that is meant."""
    return f"{CITY_OF[place]}/{DISTRICT_OF[place]}" if place in DISTRICT_OF else CITY_OF[place]


def gas_sensor(place: Place, number: int = 1) -> Sensor:
    longitude, latitude = COORDINATES.get(place, (None, None))
    return Sensor(
        sensor=f"{place}-{number}", city=CITY_OF[place], system="gas", property="combustible_gas", unit="%{LEL}",
        interval_s=60, district=DISTRICT_OF.get(place, ""), longitude=longitude, latitude=latitude,
        name=f"head {number} of {place}", asset=f"asset-{place}-{number}",
    )  # fmt: skip


CHANNELS = """
channels: [{channel: desk, via: apprise, url: "dingtalk://topsecret0123456789abcdef/"}]
routes: [{route: all, channels: [desk]}]
"""
SENSORS = [gas_sensor(place) for place in Place] + [gas_sensor(place, 2) for place in DISTRICT_OF]


@dataclass
class World:
    """What there is, by place: ids and numbers for paths."""

    service: Service
    alarms: dict[Place, str] = field(default_factory=dict)
    incidents: dict[Place, str] = field(default_factory=dict)
    joint: str = ""  # an incident over two districts
    suppressions: dict[Place, int] = field(default_factory=dict)
    approvals: dict[Place, int] = field(default_factory=dict)
    reports: dict[Place, str] = field(default_factory=dict)
    limits: dict[Place, int] = field(default_factory=dict)
    notifications: dict[Place, int] = field(default_factory=dict)
    rejections: dict[Place, int] = field(default_factory=dict)
    warnings: dict[Place, str] = field(default_factory=dict)
    hand_overs: dict[Place, int] = field(default_factory=dict)


async def build(service: Service) -> World:
    """Make all of it, by people who see everything where the API can."""
    world = World(service)
    service.app.state.cap = CapSettings(sender="lifeline@example.org", public_url="https://lifeline.example.org/")
    async with service.pool.acquire() as connection:
        await import_cities(connection, CITIES)
    await import_sensors(service.pool, SENSORS, CITIES)
    await _activate_rules(service)
    await _write_readings(service)
    await recover(service.pool, EvaluatorLimits())  # which notes what rules are bound
    await _raise_alarms(world)
    await _insert_rows(world)
    desk, chief = (
        await service.client("operator", label="world-desk"),
        await service.client("supervisor", label="chief"),
    )
    for place in Place:
        await _plan_work(world, desk, place)
        await _report(world, desk, place)
    for city, place in WHOLE.items():
        await _of_the_city(world, desk, chief, city, place)
    return world


async def _activate_rules(service: Service) -> None:
    """The default packs, and a pack with a rule for one sensor of each place."""
    head, _, rule = RULES.partition("  - rule: combustible-gas\n")
    texts = []
    for place in Place:
        select = f"select: {{property: combustible_gas, sensor: {place}-1}}"
        texts.append(f"  - rule: {place.lower()}-only\n" + rule.replace("select: {property: combustible_gas}", select))
    places = parse_packs([("places.yaml", head.replace("pack: gas", "pack: places") + "".join(texts))])
    packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in [*default_packs(), *places]]
    await activate(service.pool, packs, "test")


async def _write_readings(service: Service) -> None:
    keys = np.array(sorted((await load_registry(service.pool)).sensors), np.int32)
    times, qualities = np.full(len(keys), NOON, np.int64), np.zeros(len(keys), np.uint16)
    await write_batch(service.pool, NOON, IncomingReadings(keys, times, np.full(len(keys), 7.0), qualities))


def change(sensor: Sensor, mode: str, time: int = NOON, rule: str = "level") -> ConditionChange:
    return ConditionChange(
        sensor=sensor.sensor, sensor_key=0, mode=mode, time=time, known_at=time + 200, severity_from=0, severity=4,
        rule=rule, kind="threshold", rule_version="0123456789ab", alarm_class="process", priority="high",
        raised=time, value=42.0, limit=40.0, cause="reading", reason="limit_reached",
    )  # fmt: skip


async def happens(service: Service, *changes: ConditionChange) -> None:
    """Journal changes as the evaluator does."""
    registry = await load_registry(service.pool)
    known = [msgspec.structs.replace(one, sensor_key=registry.keys[one.sensor]) for one in changes]
    async with service.pool.acquire() as connection, connection.transaction():
        await record_steps(connection, [Judged(one, None) for one in known], registry)


async def _raise_alarms(world: World) -> None:
    modes = {city.city: city.mode for city in CITIES}
    for sensor in SENSORS:
        early = sensor.sensor.endswith("-2")
        made = change(sensor, modes[sensor.city], EARLIER if early else NOON)
        await happens(world.service, made)
        if not early:
            place = Place(sensor.sensor[:-2])
            world.alarms[place] = made.alarm
    pool = world.service.pool
    rows = await pool.fetch("select member, incident from incident_member")
    incidents = {row["member"]: row["incident"] for row in rows}
    world.incidents = {place: incidents[alarm] for place, alarm in world.alarms.items()}
    # One over two districts.
    pair = [incidents[member] for member in incidents if ".XGN-2." in member or ".JTE-2." in member]
    assert len({*pair, *world.incidents.values()}) == 7, incidents
    chief = await world.service.client("supervisor", label="merger")
    versions = dict(await pool.fetch("select incident, version from incident"))
    body = {"seen_version": versions[pair[0]], "other": pair[1]}
    world.joint = (await _posted(chief, f"/incidents/{pair[0]}/merge", body))["merged_into"]


async def _insert_rows(world: World) -> None:
    """What the evaluator, the dispatcher, ingest and partners write."""
    pool = world.service.pool
    file = parse_notification_file("n.yaml", CHANNELS)
    async with pool.acquire() as connection:
        await put_file_in_force(connection, StoredFile(file.version, file.content), "test")
    for place in Place:
        city, district, alarm = CITY_OF[place], DISTRICT_OF.get(place, ""), world.alarms[place]
        world.approvals[place] = await pool.fetchval(
            "insert into approval (kind, city, subject, request, requested_by, requested_at, expires_at) values"
            " ('shelve', $1, $2, '{\"rule\": null, \"severity_max\": 4, \"duration_ms\": 60000, \"reason\": \"r\"}',"
            " 'somebody', '2026-11-22T12:00Z', '2026-11-22T13:00Z') returning approval",
            city, alarm,
        )  # fmt: skip
        world.notifications[place] = await pool.fetchval(
            "insert into notification (key, channel, route, kind, alarm, sequence, city, system, district, mode,"
            " severity, rank, late, incident, details, enqueued_at, due_at, state)"
            " values ($1, 'desk', 'all', 'raised', $1, 1, $2, 'gas', $3, 'test', 4, 1, false, $4, '{}', now(), now(),"
            " 'dead') returning notification",
            alarm, city, district, world.incidents[place],
        )  # fmt: skip
        await create_key(pool, role="viewer", areas=[area_of(place)], label=f"{place}-key")
        async with pool.acquire() as connection:
            await create_user(
                connection, f"{place}-user", role="viewer", areas=[area_of(place)], now=to_datetime(NOON),
                password_hash=None,
            )  # fmt: skip
        selected = f'{{"sensor": "{place}-1"}}' if place in DISTRICT_OF else f'{{"city": "{city}"}}'
        world.limits[place] = number = 1_000 + len(world.limits)
        await pool.execute(
            "insert into temporary_limit (temporary_limit, rule, design, rule_version, city, selected, limits, reason,"
            " requested_by, approved_by, begins_at, ends_at) values ($1, 'another-rule', 'd', 'v', $2, $3, '{}',"
            " 'works', 'a', 'b', now(), now() + interval '1 day')",
            number, city, selected,
        )  # fmt: skip
    for city, place in WHOLE.items():
        world.rejections[place] = await pool.fetchval(
            "insert into rejection (arrived_at, batch, topic, payload, payload_bytes, reason, detail, sensor) values"
            " (now(), 1, $1, $2, 1, 'not_json', 'd', null) returning rejection",
            f"lifeline/{city}/gateway/g", f"{place}-payload".encode(),
        )  # fmt: skip
        await pool.execute(
            "insert into province_city (city, admitted, first_heard_at, heard_at) values ($1, true, now(), now())", city
        )
    # Partners publish what happens to stand here too.
    await pool.execute(
        "insert into province_line (city, alarm, sequence, arrival, received_at, line)"
        " select city, alarm, sequence, event, now(), line from journal where time = '2026-11-22T12:00Z'"
    )
    await pool.execute(
        "insert into province_alarm (city, alarm, rule, kind, sensor, system, district, class, state, severity,"
        " peak_severity, condition, mode, sequence, missing, escalated_sequence, raised_at, changed_at, received_at,"
        " arrival, line) select city, alarm, rule, kind, sensor, system, district, class, state, severity,"
        " peak_severity, condition, mode, sequence, 0, 1, raised_at, changed_at, now(), event, line from alarm"
        " where raised_at = '2026-11-22T12:00Z'"
    )


async def _plan_work(world: World, desk: httpx.AsyncClient, place: Place) -> None:
    body = {"sensor": f"{place}-1", "purpose": "maintenance", "begins_at": "2026-11-23T01:00:00Z",
            "ends_at": "2026-11-23T02:00:00Z", "reason": "calibration"}  # fmt: skip
    world.suppressions[place] = (await _posted(desk, "/suppressions", body))["suppression"]


def report_at(place: Place) -> dict[str, Any]:
    longitude, latitude = (COORDINATES | FAR_OUT)[place]
    return {
        "kind": "gas_smell", "city": CITY_OF[place], "place": {"longitude": longitude, "latitude": latitude},
        "time": "2026-11-22T11:00:00Z", "source": "hotline", "text": f"{place}-smell",
    }  # fmt: skip


async def _report(world: World, desk: httpx.AsyncClient, place: Place) -> None:
    # Ten days earlier, so that it joins no alarm's incident.
    body = report_at(place) | {"time": "2026-11-12T11:00:00Z"}
    world.reports[place] = (await _posted(desk, "/reports", body))["report"]


async def _of_the_city(
    world: World, desk: httpx.AsyncClient, chief: httpx.AsyncClient, city: str, place: Place
) -> None:
    position = {"city": city, "name": f"{place}-desk", "name_zh": "席", "systems": [], "districts": []}
    answer = await chief.put(f"/api/v1/positions/{place}-desk", json=position)
    assert answer.status_code == 200, answer.text
    made = await _posted(desk, "/shifts/hand-overs", {"position": f"{city}.default", "notes": [f"{place}-note"]})
    world.hand_overs[place] = made["hand_over"]
    drafted = await _posted(desk, "/warnings", {"alarm": world.alarms[place], "comment": f"{place}-comment"})
    world.warnings[place] = drafted["warning"]
    await _posted(chief, f"/warnings/{drafted['warning']}/approve", {"version": 1})
    rosters = f"city: {city}\nteams:\n  - {{team: {place.lower()}-crew, members: [li]}}\n"
    rosters += "rosters:\n  - {roster: all, shifts: [{who: li, from: '00:00', to: '23:59'}]}\n"
    async with world.service.pool.acquire() as connection:
        await put_rosters_in_force(connection, parse_rosters("rosters.yaml", rosters), "test")
        node = Node(node=f"{place}-node", position=(98.2, 39.77))
        await write_network(connection, city, {"gas": Placed({node.node: node}, {})})


async def _posted(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    safe = "".join(letter if letter.isalnum() else "-" for letter in f"{path}{body}")[-100:]
    answer = await client.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": safe})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()
