"""Who is bound to an area sees what is in it and nothing else: every route, for keys of every kind of area."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.area import InvalidArea, covers, touches
from model.sensor import City
from store.conditions import Conditions
from store.keys import create_key
from store.pool import Pool, open_pool
from store.sensors import import_cities
from tests.api.area_routes import ROUTES
from tests.api.service import NOON, Service, change, events, journal, serve
from tests.api.test_access import OPEN, TABLE


def test_every_route_has_an_entry() -> None:
    under = {(method, path) for (method, path), roles in TABLE.items() if roles is not OPEN}
    assert {(method, f"/api/v1{path}") for method, path in ROUTES} == under


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
