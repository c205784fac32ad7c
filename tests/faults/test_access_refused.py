"""Every role and every area by every route: what is not the caller's is refused, and nothing of it is told.

The tables are tests.api.test_access.TABLE and tests.api.area_routes.ROUTES; beside them a test fails for a route that
has no entry.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec

from app.roles import Role
from tests.api.area_routes import ROUTES, SPAN, Act, Listed, Single
from tests.api.area_world import DISTRICT_OF, MARKS, Place, World, area_of, build
from tests.api.gas_rules import RULES
from tests.api.service import Service, change, events, journal, running, serve
from tests.api.test_access import ALL, NAMES, OPEN, TABLE
from tests.api.test_pages import write_console

EVERYWHERE = frozenset(Place)
CITY = frozenset({Place.XIONGGUAN, Place.JINGTIE, Place.JIAYUGUAN})
KEYS: dict[str, frozenset[Place]] = {
    "*": EVERYWHERE,
    "jiayuguan": CITY,
    "province:gansu": CITY,
    "jiayuguan/xiongguan": frozenset({Place.XIONGGUAN}),
    "jiayuguan/jingtie": frozenset({Place.JINGTIE}),
    "jinchang": frozenset({Place.JINCHUAN, Place.JINCHANG}),
    "province:qinghai": frozenset(),  # no city lies in it
}
OUTSIDERS = ("province:gansu", "jiayuguan/xiongguan", "jiayuguan/jingtie", "jinchang")  # each of other places
# Who logs in says so with a body or parameters; and there is no identity provider.
OPEN_ANSWERS = {
    ("POST", "/api/v1/session"): 422,
    ("GET", "/api/v1/session/oidc"): 409,
    ("GET", "/api/v1/session/oidc/callback"): 422,
}


def _path(path: str) -> str:
    """The path with a name for each thing; those with a number have number 1."""
    return re.sub(r"{(\w+)}", lambda found: NAMES.get(found[1], "1"), path)


async def _status(client: httpx.AsyncClient, method: str, path: str) -> int:
    body = {"seen_sequence": 1} if path.endswith("/acknowledge") else None
    headers = {"Idempotency-Key": "one"} if method == "POST" else {}
    async with client.stream(method, _path(path), json=body, headers=headers) as answer:
        return answer.status_code


def test_case_38_every_role_by_every_route(database_url: str, tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        stranger = service.client_with({})
        wrong = service.client_with({"Authorization": "Bearer lk_wrong"})
        clients = {role: await service.client(role) for role in sorted(ALL)}
        for (method, path), roles in TABLE.items():
            if roles is OPEN:
                assert await _status(stranger, method, path) == OPEN_ANSWERS.get((method, path), 200), path
                continue
            assert await _status(stranger, method, path) == 401, path
            assert await _status(wrong, method, path) == 401, path
            for role, client in clients.items():
                status = await _status(client, method, path)
                # The alarm is acknowledged by the first, the next are told so; there is no rejection, and a trial
                # without rule files is refused for that alone.
                assert status in ({200, 404, 409, 422} if role in roles else {403}), (role, path, status)

    serve(database_url, scenario, console=write_console(tmp_path / "console"))


def _role(method: str, path: str) -> str:
    """A role that may use the route, the supervisor where possible."""
    roles = TABLE[method, f"/api/v1{path}"]
    assert roles is not OPEN
    order = ("supervisor", "engineer", "operator", "security_administrator", "auditor")
    return next((role for role in order if role in roles), Role.SYSTEM_ADMINISTRATOR)


class Callers:
    """Clients by role and area, made when they are first asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._known: dict[tuple[str, str], httpx.AsyncClient] = {}

    async def get(self, role: str, area: str) -> httpx.AsyncClient:
        if (role, area) not in self._known:
            self._known[role, area] = await self._service.client(role, area, label=f"{role} of {area}")
        return self._known[role, area]


def _unseen(answer: httpx.Response, seen: frozenset[Place]) -> list[str]:
    """The marks in an answer of what is not to be seen."""
    text = answer.text.lower()
    return [mark for place in Place if place not in seen for mark in MARKS[place] if mark in text]


def in_the_world(url: str, *checks: Callable[[World, Callers], Awaitable[None]], **limits: Any) -> None:
    """Run checks one after the other in one world, which takes seconds to make."""

    async def run() -> None:
        async with running(url, **limits) as service:
            world = await build(service)
            for check in checks:
                await check(world, Callers(service))

    asyncio.run(run())


def test_case_38_what_each_area_sees(database_url: str) -> None:
    in_the_world(
        database_url, every_route_shows_what_is_within, figures_count_what_is_within, streams_tell_what_is_within,
        trials_tell_what_is_within, an_incident_of_several_districts_is_the_citys,
        a_limit_of_the_city_is_seen_in_its_districts_and_not_ended_there,
        a_warning_is_the_citys,
    )  # fmt: skip


def test_case_38_what_each_area_may_do(database_url: str) -> None:
    checks = (streams_tell_what_is_within, acts_outside_are_refused_and_write_nothing, acts_within_are_done)
    in_the_world(database_url, *checks, stream_ring_events_max=1)  # so that the streams come from the database


async def every_route_shows_what_is_within(world: World, callers: Callers) -> None:
    for (method, path), route in ROUTES.items():
        for area, seen in KEYS.items():
            if isinstance(route, Listed):
                client = await callers.get(_role(method, path), area)
                answer = await client.get(f"/api/v1{route.path}")
                assert answer.status_code == 200, (path, area, answer.text)
                shown = {place for place, text in route.shows.items() if text.lower() in answer.text.lower()}
                assert shown == seen & route.shows.keys(), (path, area, answer.text)
                assert _unseen(answer, seen) == [], (path, area, answer.text)
                for other in route.others:
                    answer = await client.get(f"/api/v1{other}")
                    assert (answer.status_code, _unseen(answer, seen)) == (200, []), (other, area, answer.text)
            elif isinstance(route, Single):
                client = await callers.get(_role(method, path), area)
                for place, asked in route.paths(world).items():
                    answer = await client.get(f"/api/v1{asked}")
                    if place in seen:
                        assert answer.status_code == 200, (asked, area, answer.text)
                        assert _unseen(answer, seen) == [], (asked, area, answer.text)
                    else:
                        assert answer.status_code in (403, 404), (asked, area, answer.text)


async def _fingerprint(service: Service) -> dict[str, str]:
    """A checksum of every table but those in which refusals themselves are kept."""
    tables = await service.pool.fetch(
        "select c.relname from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and relname <> 'reading' and relname not like 'audit%'"
    )
    return {
        name: await service.pool.fetchval(
            f'select coalesce(sum(hashtextextended(t::text, 0)), 0)::text from "{name}" t'
        )
        for (name,) in tables
    }


async def acts_outside_are_refused_and_write_nothing(world: World, callers: Callers) -> None:
    for method, path in ROUTES:
        for area in OUTSIDERS:
            await callers.get(_role(method, path), area)  # a key is a row
    before = await _fingerprint(world.service)
    for (method, path), act in ROUTES.items():
        if not isinstance(act, Act):
            continue
        for place, (asked, body) in act.asks(world).items():
            for area in (area for area in OUTSIDERS if place not in KEYS[area]):
                client = await callers.get(_role(method, path), area)
                answer = await _send(client, method, asked, body)
                assert answer.status_code in act.refused, (asked, area, answer.status_code, answer.text)
    after = await _fingerprint(world.service)
    assert [name for name in after if after[name] != before[name]] == []


async def acts_within_are_done(world: World, callers: Callers) -> None:
    """What is refused to others is done for those of the place, or refused for another reason."""
    for (method, path), act in ROUTES.items():
        if not isinstance(act, Act):
            continue
        for place, (asked, body) in act.asks(world).items():
            area = area_of(place)
            answer = await _send(await callers.get(_role(method, path), area), method, asked, body)
            assert answer.status_code in act.done, (asked, area, answer.status_code, answer.text)
            if area in KEYS:
                assert _unseen(answer, KEYS[area]) == [], (asked, area, answer.text)


async def _send(client: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    key = re.sub(r"[^A-Za-z0-9]", "-", f"{client.headers['authorization'][-9:]}{path}")[-120:]
    headers = {"Idempotency-Key": key} if method == "POST" else {}
    return await client.request(method, f"/api/v1{path}", json=body, headers=headers)


async def an_incident_of_several_districts_is_the_citys(world: World, callers: Callers) -> None:
    for place in (Place.XIONGGUAN, Place.JINGTIE):
        for area, seen in ((f"jiayuguan/{DISTRICT_OF[place]}", False), ("jiayuguan", True)):
            client = await callers.get("supervisor", area)
            alarm = (await client.get(f"/api/v1/alarms/level.{place}-2.20261120T120000000Z")).json()
            assert alarm["incident"] == (world.joint if seen else None)
            assert (await client.get(f"/api/v1/incidents/{world.joint}")).status_code == (200 if seen else 404)
            closed = await _send(client, "POST", f"/incidents/{world.joint}/close", {"seen_version": 1})
            assert closed.status_code == (409 if seen else 404)


async def a_limit_of_the_city_is_seen_in_its_districts_and_not_ended_there(world: World, callers: Callers) -> None:
    number = world.limits[Place.JIAYUGUAN]
    client = await callers.get("supervisor", "jiayuguan/xiongguan")
    listed = (await client.get("/api/v1/rules/temporary-limits")).json()["temporary_limits"]
    assert {one["temporary_limit"] for one in listed} == {number, world.limits[Place.XIONGGUAN]}
    assert (await client.post(f"/api/v1/rules/temporary-limits/{number}/end")).status_code == 403


async def a_warning_is_the_citys(world: World, callers: Callers) -> None:
    client = await callers.get("operator", "jiayuguan/xiongguan")
    answer = await _send(client, "POST", "/warnings", {"alarm": world.alarms[Place.XIONGGUAN]})
    assert (answer.status_code, answer.json()["field"]) == (403, "city")


async def figures_count_what_is_within(world: World, callers: Callers) -> None:
    for area, seen in KEYS.items():
        client = await callers.get("supervisor", area)
        for query, places in (("", seen), ("?city=jiayuguan", seen & CITY)):
            if places:
                status = (await client.get(f"/api/v1/status{query}")).json()
                sensors = sum(mode["sensors"] for mode in status["totals"].values())
                assert sensors == len(places) + len(DISTRICT_OF.keys() & places), (area, query)
        channels = (await client.get("/api/v1/notifications/channels")).json()["channels"]
        counted = sum(sum(one["notifications"].values()) for one in channels if one["channel"] == "desk")
        assert counted == len(seen), area


async def streams_tell_what_is_within(world: World, callers: Callers) -> None:
    for area, seen in KEYS.items():
        if seen:
            client = await callers.get("viewer", area)
            told = await events(client, count=len(seen) + len(DISTRICT_OF.keys() & seen), last_event=0)
            assert {event.data["sensor"].rpartition("-")[0] for event in told} == seen, area
            partners = await _partners(client, len(seen))
            assert {event["sensor"].rpartition("-")[0] for event in partners} == seen, area


async def trials_tell_what_is_within(world: World, callers: Callers) -> None:
    body = {"from": "2026-11-22T11:00:00Z", "to": "2026-11-22T13:00:00Z", "rules": [RULES]}
    for area in ("jiayuguan/xiongguan", "jinchang"):
        seen = KEYS[area]
        client = await callers.get("engineer", area)
        answer = await client.post("/api/v1/rules/backtest", json=body)
        assert answer.status_code == 200, answer.text
        assert {one["sensor"].rpartition("-")[0] for one in answer.json()["added"]} == seen, area
        assert _unseen(answer, seen) == [], area


async def _partners(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = "/api/v1/province/alarms/stream"
    async with client.stream("GET", path, headers={"Last-Event-ID": "0"}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(msgspec.json.decode(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


def test_case_38_what_is_of_all_cities_is_for_those_who_have_all(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        for area in KEYS:
            engineer, chief = await service.client("engineer", area), await service.client("supervisor", area)
            activation = await engineer.post("/api/v1/rules/activations", json={"packs": ["none"], "reason": "r"})
            tried = await chief.post("/api/v1/notifications/channels/nowhere/test")
            auditor = await service.client("auditor", area)
            exported = await auditor.get(f"/api/v1/audit/export?{SPAN}")
            assert (exported.status_code == 403) == (area != "*"), area
            assert (activation.status_code == 403, tried.status_code == 403) == (area != "*", area != "*"), area

    serve(database_url, scenario)
