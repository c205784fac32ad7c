"""Who may ask what: roles by route, areas, and keys."""

from __future__ import annotations

from fastapi.routing import APIRoute

from app.api.application import ApiContext, create_app
from app.roles import ROLES, Role
from store.keys import create_key, list_keys, revoke_key
from tests.api.service import NOON, Service, change, events, journal, serve, silence

ALL = set(ROLES)
READ = ALL - {Role.SECURITY_ADMINISTRATOR}
ACT = {Role.OPERATOR, Role.FIELD, Role.SUPERVISOR}
DESK = {Role.OPERATOR, Role.SUPERVISOR}
SUPERVISION = {Role.SUPERVISOR, Role.SYSTEM_ADMINISTRATOR}
OPEN = None  # without a key
ALARM = "level.GAS-1.20261122T120000000Z"

# Every route has its entry: who may use it.
TABLE: dict[tuple[str, str], set[str] | None] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/"): OPEN,
    ("GET", "/map"): OPEN,
    ("GET", "/wall"): OPEN,
    ("GET", "/shift"): OPEN,
    ("GET", "/engineer"): OPEN,
    ("GET", "/replay"): OPEN,
    ("GET", "/field"): OPEN,
    ("GET", "/service-worker.js"): OPEN,
    ("GET", "/manifest.webmanifest"): OPEN,
    ("GET", "/docs"): OPEN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/static/{path}"): OPEN,
    ("GET", "/api/v1/status"): READ,
    ("GET", "/api/v1/sensors"): READ,
    ("GET", "/api/v1/sensors/latest"): READ,
    ("GET", "/api/v1/sensors/{sensor}"): READ,
    ("GET", "/api/v1/sensors/{sensor}/readings"): READ,
    ("GET", "/api/v1/sensors/{sensor}/latest"): READ,
    ("GET", "/api/v1/sensors/{sensor}/events"): READ,
    ("GET", "/api/v1/sensors/{sensor}/rules"): READ,
    ("GET", "/api/v1/assets/{asset}"): READ,
    ("GET", "/api/v1/networks"): READ - {Role.VIEWER, Role.FIELD},
    ("GET", "/api/v1/networks/{network}"): READ - {Role.VIEWER, Role.FIELD},
    ("GET", "/api/v1/retention"): READ,
    ("GET", "/api/v1/audit"): {Role.AUDITOR, Role.SECURITY_ADMINISTRATOR},
    ("GET", "/api/v1/audit/export"): {Role.AUDITOR, Role.SECURITY_ADMINISTRATOR},
    ("GET", "/api/v1/explanation"): READ,
    ("GET", "/api/v1/alarms"): READ,
    ("GET", "/api/v1/alarms/{alarm}/explanation"): READ,
    ("GET", "/api/v1/alarms/stream"): READ,
    ("GET", "/api/v1/alarms/{alarm}"): READ,
    ("GET", "/api/v1/alarms/{alarm}/journal"): READ,
    ("POST", "/api/v1/alarms/{alarm}/acknowledge"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/reset"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/comment"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/judge"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/shelve"): DESK,
    ("POST", "/api/v1/alarms/{alarm}/unshelve"): DESK,
    ("POST", "/api/v1/alarms/{alarm}/suppress"): ACT | {Role.ENGINEER},
    ("POST", "/api/v1/alarms/{alarm}/out-of-service"): {Role.ENGINEER, Role.SUPERVISOR},
    ("POST", "/api/v1/alarms/{alarm}/return-to-service"): ACT | {Role.ENGINEER},
    ("POST", "/api/v1/alarms/{alarm}/assign"): DESK,
    ("POST", "/api/v1/alarms/{alarm}/accept"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/decline"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/arrive"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/resolve"): ACT,
    ("POST", "/api/v1/alarms/{alarm}/verify"): ACT,
    ("GET", "/api/v1/cause-codes"): READ,
    ("GET", "/api/v1/rosters"): READ,
    ("GET", "/api/v1/rosters/on-duty"): READ,
    ("GET", "/api/v1/suppressions"): READ,
    ("POST", "/api/v1/suppressions"): ACT | {Role.ENGINEER},
    ("POST", "/api/v1/suppressions/{suppression}/end"): ACT | {Role.ENGINEER},
    # Who may decide hangs on the kind of the request.
    ("GET", "/api/v1/approvals"): READ,
    ("POST", "/api/v1/approvals/{approval}/approve"): READ,
    ("POST", "/api/v1/approvals/{approval}/reject"): READ,
    ("POST", "/api/v1/approvals/{approval}/withdraw"): READ,
    ("GET", "/api/v1/incidents"): READ,
    ("GET", "/api/v1/incidents/{incident}"): READ,
    ("GET", "/api/v1/incidents/{incident}/timeline"): READ,
    ("GET", "/api/v1/incidents/{incident}/timeline.html"): READ,
    ("POST", "/api/v1/incidents/{incident}/split"): DESK,
    ("POST", "/api/v1/incidents/{incident}/merge"): DESK,
    ("POST", "/api/v1/incidents/{incident}/close"): DESK,
    ("GET", "/api/v1/reports"): READ,
    ("POST", "/api/v1/reports"): ACT,
    ("GET", "/api/v1/reports/{report}"): READ,
    ("POST", "/api/v1/reports/{report}/verify"): ACT,
    ("GET", "/api/v1/notifications"): READ - {Role.VIEWER, Role.FIELD},
    ("GET", "/api/v1/notifications/channels"): READ - {Role.VIEWER, Role.FIELD},
    ("GET", "/api/v1/notifications/{notification}"): READ - {Role.VIEWER, Role.FIELD},
    ("POST", "/api/v1/notifications/{notification}/retry"): DESK | {Role.SYSTEM_ADMINISTRATOR},
    ("POST", "/api/v1/notifications/channels/{channel}/test"): SUPERVISION,
    ("POST", "/api/v1/rules/activations"): {Role.ENGINEER},
    ("POST", "/api/v1/rules/{rule}/temporary-limits"): {Role.ENGINEER},
    ("GET", "/api/v1/rules/temporary-limits"): READ,
    ("POST", "/api/v1/rules/temporary-limits/{temporary_limit}/end"): {Role.ENGINEER, Role.SUPERVISOR},
    ("GET", "/api/v1/positions"): READ,
    ("GET", "/api/v1/positions/{position}/flood"): READ,
    ("PUT", "/api/v1/positions/{position}"): SUPERVISION,
    ("DELETE", "/api/v1/positions/{position}"): SUPERVISION,
    ("GET", "/api/v1/performance"): READ,
    ("GET", "/api/v1/performance/report"): READ,
    ("GET", "/api/v1/shifts/hand-overs"): READ,
    ("POST", "/api/v1/shifts/hand-overs"): DESK,
    ("GET", "/api/v1/shifts/hand-overs/{hand_over}"): READ,
    ("GET", "/api/v1/shifts/hand-overs/{hand_over}.html"): READ,
    ("POST", "/api/v1/shifts/hand-overs/{hand_over}/accept"): DESK,
    ("POST", "/api/v1/warnings"): DESK,
    ("GET", "/api/v1/warnings"): READ,
    ("GET", "/api/v1/warnings/{warning}"): READ,
    ("POST", "/api/v1/warnings/{warning}/approve"): {Role.SUPERVISOR},
    ("POST", "/api/v1/warnings/{warning}/reject"): {Role.SUPERVISOR},
    ("POST", "/api/v1/warnings/{warning}/update"): DESK,
    ("POST", "/api/v1/warnings/{warning}/cancel"): DESK,
    ("GET", "/api/v1/warning-levels/{city}"): READ,
    ("PUT", "/api/v1/warning-levels/{city}"): {Role.SYSTEM_ADMINISTRATOR},
    ("GET", "/api/v1/feeds/cap.atom"): READ,
    ("GET", "/api/v1/feeds/cap/messages/{identifier}.xml"): READ,
    ("GET", "/api/v1/feeds/cap/{alarm}.xml"): READ,
    ("GET", "/api/v1/province/status"): READ,
    ("GET", "/api/v1/province/alarms"): READ,
    ("GET", "/api/v1/province/alarms/stream"): READ,
    ("GET", "/api/v1/relayed/alarms"): READ,
    ("GET", "/api/v1/province/alarms/{city}/{alarm}"): READ,
    ("GET", "/api/v1/province/alarms/{city}/{alarm}/journal"): READ,
    ("POST", "/api/v1/province/alarms/{city}/{alarm}/acknowledge"): ACT,
    ("GET", "/api/v1/exports/readings"): READ,
    ("GET", "/api/v1/exports/alarms"): READ,
    ("GET", "/api/v1/exports/sensors"): READ,
    ("GET", "/api/v1/exercises"): READ,
    ("POST", "/api/v1/exercises"): {Role.SUPERVISOR, Role.ENGINEER},
    ("GET", "/api/v1/exercises/scenarios"): READ,
    ("GET", "/api/v1/exercises/{exercise}"): READ,
    ("POST", "/api/v1/exercises/{exercise}/play"): {Role.SUPERVISOR, Role.ENGINEER},
    ("POST", "/api/v1/exercises/{exercise}/pause"): {Role.SUPERVISOR, Role.ENGINEER},
    ("POST", "/api/v1/exercises/{exercise}/speed"): {Role.SUPERVISOR, Role.ENGINEER},
    ("POST", "/api/v1/exercises/{exercise}/seek"): {Role.SUPERVISOR, Role.ENGINEER},
    ("POST", "/api/v1/exercises/{exercise}/end"): {Role.SUPERVISOR, Role.ENGINEER},
    ("GET", "/api/v1/sensorthings/v1.1"): READ,
    ("GET", "/api/v1/sensorthings/v1.1/{resource}"): READ,
    ("GET", "/api/v1/sensorthings/v1.1/{resource:path}"): READ,
    ("POST", "/api/v1/session"): OPEN,
    ("GET", "/api/v1/session/ways"): OPEN,
    ("GET", "/api/v1/session/oidc"): OPEN,
    ("GET", "/api/v1/session/oidc/callback"): OPEN,
    # Whoever has a key or a session; a key is told that it has no session.
    ("GET", "/api/v1/session"): ALL,
    ("DELETE", "/api/v1/session"): ALL,
    ("POST", "/api/v1/session/password"): ALL,
    ("POST", "/api/v1/session/second-factor"): ALL,
    ("POST", "/api/v1/session/second-factor/confirm"): ALL,
    ("DELETE", "/api/v1/session/second-factor"): ALL,
    ("GET", "/api/v1/users"): {Role.SECURITY_ADMINISTRATOR},
    ("POST", "/api/v1/users"): {Role.SECURITY_ADMINISTRATOR},
    ("PATCH", "/api/v1/users/{user}"): {Role.SECURITY_ADMINISTRATOR},
    ("GET", "/api/v1/keys"): {Role.SECURITY_ADMINISTRATOR},
    ("POST", "/api/v1/keys"): {Role.SECURITY_ADMINISTRATOR},
    ("POST", "/api/v1/keys/{label}/rotate"): {Role.SECURITY_ADMINISTRATOR},
    ("DELETE", "/api/v1/keys/{label}"): {Role.SECURITY_ADMINISTRATOR},
    ("GET", "/api/v1/rejections"): READ - {Role.VIEWER, Role.FIELD},
    ("GET", "/api/v1/rejections/{rejection}"): READ - {Role.VIEWER, Role.FIELD},
    ("POST", "/api/v1/rejections/{rejection}/replay"): {Role.ENGINEER, Role.SUPERVISOR},
    ("POST", "/api/v1/rejections/{rejection}/discard"): {Role.ENGINEER, Role.SUPERVISOR},
    ("GET", "/api/v1/rules"): READ,
    ("GET", "/api/v1/rules/{pack}/versions"): READ,
    ("POST", "/api/v1/rules/backtest"): {Role.ENGINEER},
}


def test_every_route_has_an_entry() -> None:
    found = set()
    for route in _routes(create_app(ApiContext.without_services())):
        for method in route.methods - {"HEAD"}:
            found.add((method, route.path))
    assert found <= set(TABLE)
    # Routers may be nested where `_routes` does not see them; the description has every path.
    for path, operations in create_app(ApiContext.without_services()).openapi()["paths"].items():
        for method in operations:
            assert (method.upper(), path) in TABLE


def _routes(app: object) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]  # type: ignore[attr-defined]


NAMES = {
    "sensor": "GAS-1", "alarm": ALARM, "path": "docs.js", "network": "jiayuguan.gas", "city": "jiayuguan",
    "incident": f"i.{ALARM}", "report": "report.1", "channel": "desk", "position": "desk", "rule": "level",
    "identifier": "one", "asset": "MH-0042",
}  # fmt: skip


def test_key_by_header_and_revocation(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        key = await create_key(service.pool, role="viewer", areas=["*"], label="desk")
        again = await create_key(service.pool, role="viewer", areas=["*"], label="desk")
        labels = [stored.label for stored in await list_keys(service.pool)]
        assert labels[0] == "desk"
        assert labels[1].startswith("desk-")
        assert key != again
        client = service.client_with({"X-API-Key": key})
        assert (await client.get("/api/v1/status")).status_code == 200
        assert await revoke_key(service.pool, "desk")
        answer = await client.get("/api/v1/status")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert not await revoke_key(service.pool, "desk")

    serve(database_url, scenario)


def test_a_revoked_key_ends_its_stream(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", label="leaver")
        async with client.stream("GET", "/api/v1/alarms/stream") as answer:
            await revoke_key(service.pool, "leaver")
            text = "".join([part async for part in answer.aiter_text()])
        assert "event: end" in text

    serve(database_url, scenario, key_check_s=0.2, stream_heartbeat_s=0.2)


def test_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        pool = service.pool
        await journal(pool, [change("GAS-1", 0, 4), change("WATER-9", 0, 3), silence("WATER-9")])
        await pool.execute(
            "insert into rejection (arrived_at, batch, topic, payload, payload_bytes, reason, detail, sensor) values"
            " (now(), 1, 'lifeline/jinchang/water/WATER-9', 'x', 1, 'not_json', 'd', 'WATER-9'),"
            " (now(), 1, 'lifeline/jiayuguan/gateway/g', 'x', 1, 'wrong_city_or_system', 'd', 'WATER-9'),"
            " (now(), 1, 'lifeline/jiayuguan/gas/GAS-1', 'x', 1, 'not_json', 'd', 'GAS-1'),"
            " (now(), 1, 'elsewhere', 'x', 1, 'topic_unknown', 'd', null)"
        )
        client = await service.client("supervisor", "jiayuguan")
        for path in (
            "/api/v1/status", "/api/v1/sensors", "/api/v1/alarms", "/api/v1/alarms?state=normal,unacknowledged",
            "/api/v1/rejections", "/api/v1/sensors?near=102.19,38.52", "/api/v1/alarms?near=102.19,38.52",
            "/api/v1/sensors?q=WATER", "/api/v1/sensors?bbox=100,30,110,40", "/api/v1/alarms?sensor=WATER-9",
        ):  # fmt: skip
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            assert "WATER-9" not in answer.text, path
            assert "jinchang" not in answer.text, path
        assert len((await client.get("/api/v1/rejections")).json()["rejections"]) == 1
        other = "level.WATER-9.20261122T120000000Z"
        for path in (
            "/api/v1/sensors/WATER-9", "/api/v1/sensors/WATER-9/latest", "/api/v1/sensors/WATER-9/readings",
            f"/api/v1/alarms/{other}", f"/api/v1/alarms/{other}/journal",
        ):  # fmt: skip
            assert (await client.get(path)).status_code == 404, path
        answer = await client.post(
            f"/api/v1/alarms/{other}/acknowledge", json={"seen_sequence": 1}, headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == 404
        for path in ("/api/v1/status?city=jinchang", "/api/v1/alarms/stream?city=jinchang"):
            assert (await client.get(path)).status_code == 403

        # On the feed, from the ring and from the database.
        await journal(pool, [change("WATER-9", 3, 4, NOON + 1), change("GAS-1", 4, 3, NOON + 2)])
        found = await events(client, count=2, last_event=0)
        assert [event.data["sensor"] for event in found] == ["GAS-1", "GAS-1"]
        assert [event.id for event in found] == [1, 5]

    serve(database_url, scenario)
    serve(database_url, _areas_behind_the_ring, stream_ring_events_max=1)


async def _areas_behind_the_ring(service: Service) -> None:
    client = await service.client("viewer", "jiayuguan")
    found = await events(client, count=2, last_event=0)
    assert [event.data["city"] for event in found] == ["jiayuguan", "jiayuguan"]


def test_a_sensor_that_moved_away_does_not_show(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        await service.pool.execute("update sensor set city = 'jinchang' where sensor = 'GAS-1'")
        client = await service.client("viewer", "jiayuguan")
        (item,) = (await client.get("/api/v1/alarms")).json()["alarms"]
        assert item["name"] is None
        assert item["longitude"] is None

    serve(database_url, scenario)
