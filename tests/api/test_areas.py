"""Who is bound to an area sees what is in it and nothing else: every route, for keys of every kind of area."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.roles import Role
from model.area import InvalidArea, covers, touches
from model.sensor import City
from store.conditions import Conditions
from store.keys import create_key
from store.pool import Pool, open_pool
from store.sensors import import_cities
from tests.api.area_routes import ROUTES, SPAN, Act, Listed, Single
from tests.api.area_world import DISTRICT_OF, MARKS, Place, World, area_of, build
from tests.api.gas_rules import RULES
from tests.api.service import NOON, Service, change, events, journal, running, serve
from tests.api.test_access import OPEN, TABLE

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


def test_every_route_has_an_entry() -> None:
    under = {(method, path) for (method, path), roles in TABLE.items() if roles is not OPEN}
    assert {(method, f"/api/v1{path}") for method, path in ROUTES} == under


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


def test_what_each_area_sees(database_url: str) -> None:
    in_the_world(
        database_url, every_route_shows_what_is_within, figures_count_what_is_within, streams_tell_what_is_within,
        trials_tell_what_is_within, an_incident_of_several_districts_is_the_citys,
        a_limit_of_the_city_is_seen_in_its_districts_and_not_ended_there,
        a_warning_is_the_citys,
    )  # fmt: skip


def test_what_each_area_may_do(database_url: str) -> None:
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


def test_a_stream_follows_its_keys_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", "province:qinghai")
        opened = asyncio.Event()
        reading = asyncio.create_task(events(client, count=1, opened=opened))
        await opened.wait()
        async with service.pool.acquire() as connection:
            await import_cities(connection, [City(city="jinchang", name="Jinchang", province="qinghai")])
        told: set[asyncio.Task[Any]] = set()
        for minute in range(1, 100):
            await journal(service.pool, [change("WATER-9", 0, 3, NOON + minute, raised=NOON + minute)])
            told, _ = await asyncio.wait({reading}, timeout=0.2)
            if told:
                break
        (event,) = await reading
        assert event.data["city"] == "jinchang"

    serve(database_url, scenario, key_check_s=0.2, stream_heartbeat_s=0.2)


def test_what_is_of_all_cities(database_url: str) -> None:
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


def test_a_city_that_comes_into_a_province_is_seen_at_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", "province:gansu")
        assert (await client.get("/api/v1/sensors")).json()["sensors"] == []
        refused = await client.get("/api/v1/sensors?city=jiayuguan")
        assert (refused.status_code, refused.json()["field"]) == (403, "city")
        async with service.pool.acquire() as connection:
            await import_cities(connection, [City(city="jiayuguan", name="Jiayuguan", mode="test", province="gansu")])
        found = (await client.get("/api/v1/sensors?city=jiayuguan")).json()["sensors"]
        assert {sensor["city"] for sensor in found} == {"jiayuguan"}
        async with service.pool.acquire() as connection:
            await import_cities(connection, [City(city="jiayuguan", name="Jiayuguan", mode="test")])
        assert (await client.get("/api/v1/sensors")).json()["sensors"] == []

    serve(database_url, scenario)


@pytest.mark.parametrize("area", ["", "a city", "province:", "jiayuguan/", "jiayuguan/ x", "/x", "province:gansu/x"])
def test_a_malformed_area_is_refused(database_url: str, area: str) -> None:
    async def scenario(service: Service) -> None:
        with pytest.raises(InvalidArea, match="write \\* for everything"):
            await create_key(service.pool, role="viewer", areas=[area])

    serve(database_url, scenario)


NAMES = st.sampled_from(["a", "b", "c"])
AREAS = st.lists(
    st.one_of(st.just("*"), NAMES, st.builds("{}/{}".format, NAMES, NAMES), st.just("province:p")),
    max_size=4,
    unique=True,
)


def test_the_database_and_python_agree_on_what_is_within(database_url: str) -> None:
    """Every city and district, by the term of a query and by model.area."""
    places = [(city, district) for city in ("a", "b", "c") for district in ("", "a", "b", "c")]

    async def within(pool: Pool, areas: list[str]) -> tuple[set[Any], set[Any]]:
        rows = "(select * from unnest($1::text[], $2::text[]) as r (city, district)) as r"
        found = []
        for district, touching in (("district", False), (None, True)):
            conditions = Conditions()
            conditions.values = [[city for city, _ in places], [name for _, name in places]]
            if touching:
                conditions.touching("city", areas)
            else:
                conditions.within("city", areas, district)
            rows_found = await pool.fetch(f"select city, district from {rows} where {conditions}", *conditions.values)
            found.append({tuple(row) for row in rows_found})
        return found[0], {city for city, _ in found[1]}

    async def run() -> None:
        pool = await open_pool(database_url, connections_max=2)
        try:

            @given(AREAS)
            def property_holds(areas: list[str]) -> None:
                examples.append(areas)

            examples: list[list[str]] = []
            await asyncio.to_thread(property_holds)
            for areas in examples:
                inside, touched = await within(pool, areas)
                assert inside == {place for place in places if covers(areas, *place)}, areas
                assert touched == {city for city, _ in places if touches(areas, city)}, areas
        finally:
            await pool.close()

    asyncio.run(run())
