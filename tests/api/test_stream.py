"""The feed: in order, resumed without hole or repeat, bounded, and clean at the end."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import asyncpg

from tests.api.service import NOON, SENSORS, Service, change, events, journal, running, serve, until

WRITERS = 4
ROUNDS = 60


async def _write_storm(pool: Any, writer: int) -> None:
    # Each writer has occurrences of its own; now and then a transaction writes several lines, or none.
    sensor = SENSORS[writer % len(SENSORS)].sensor
    generator = random.Random(writer)
    for number in range(ROUNDS):
        raised = NOON + number * 10_000
        rule = f"storm-{writer}"
        steps = [change(sensor, 0, 1, raised, raised=raised, rule=rule)]
        steps += [
            change(sensor, s, s + 1, raised + s, raised=raised, rule=rule) for s in range(1, generator.randint(1, 4))
        ]
        await journal(pool, steps)
        if generator.random() < 0.3:
            await asyncio.sleep(0.005)


def _storm(database_url: str, **limits: Any) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        writing = [asyncio.create_task(_write_storm(service.pool, writer)) for writer in range(WRITERS)]
        generator = random.Random(7)
        seen: list[int] = []
        texts: list[dict[str, Any]] = []
        last = 0
        while True:  # cut off again and again, resumed each time from the last event seen
            count = generator.randint(1, 60)
            try:
                found = await asyncio.wait_for(events(client, count=count, last_event=last), 1.0)
            except TimeoutError:
                if all(task.done() for task in writing):
                    break
                continue
            seen += [event.id for event in found]
            texts += [event.data for event in found]
            last = seen[-1]
        await asyncio.gather(*writing)
        newest = await service.pool.fetchval("select max(event) from journal")
        rest = await events(client, count=newest - last, last_event=last) if newest > last else []
        seen += [event.id for event in rest]
        texts += [event.data for event in rest]
        assert seen == list(range(1, newest + 1))
        stored = await service.pool.fetch("select alarm, sequence, city, system, district from journal order by event")
        sent = [{name: text[name] for name in ("alarm", "sequence", "city", "system", "district")} for text in texts]
        assert sent == [dict(row) for row in stored]

    serve(database_url, scenario, **limits)


def test_resume_from_the_ring_while_writers_write(database_url: str) -> None:
    _storm(database_url)


def test_resume_from_the_database_while_writers_write(database_url: str) -> None:
    _storm(database_url, stream_ring_events_max=3, stream_page_events_max=7)


def test_resume_from_the_ring_in_pages_while_writers_write(database_url: str) -> None:
    _storm(database_url, stream_page_events_max=7)


def test_many_clients_see_the_same(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        opened = [asyncio.Event() for _ in range(50)]
        reading = [asyncio.create_task(events(client, count=200, opened=one)) for one in opened]
        await asyncio.gather(*(one.wait() for one in opened))
        for number in range(200):
            raised = NOON + number * 1_000
            await journal(service.pool, [change("GAS-1", 0, 4, raised, raised=raised)])
        for found in await asyncio.gather(*reading):
            assert [event.id for event in found] == list(range(1, 201))
            assert {event.event for event in found} == {"transition"}

    serve(database_url, scenario)


def test_starts_at_the_newest_and_says_where(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        client = await service.client("viewer")
        async with client.stream("GET", "/api/v1/alarms/stream") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            assert [await anext(lines) for _ in range(3)] == ["retry: 2000", "id: 1", ""]
            assert await asyncio.wait_for(anext(lines), 5) == ": heartbeat"

    serve(database_url, scenario, stream_heartbeat_s=0.1)


def test_filters_and_query_parameter(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2), change("WATER-9", 0, 3)])
        client = await service.client("viewer")
        for query, sensors in (
            ("?last_event_id=0&system=drainage", ["DRAIN-1"]),
            ("?last_event_id=0&city=jinchang", ["WATER-9"]),
            ("?last_event_id=0&severity=red,orange", ["GAS-1", "WATER-9"]),
            ("?last_event_id=1", ["DRAIN-1", "WATER-9"]),
        ):
            found = await events(client, count=len(sensors), query=query)
            assert [event.data["sensor"] for event in found] == sensors
        for query in ("?last_event_id=x", "?severity=pink", "?sistem=gas"):
            answer = await client.get(f"/api/v1/alarms/stream{query}")
            assert answer.status_code == 422
            assert answer.json()["field"]

    serve(database_url, scenario)


def test_an_id_from_the_future_is_reset(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        found = await events(await service.client("viewer"), count=1, last_event=999)
        assert (found[0].event, found[0].data["newest_event"]) == ("reset", 1)
        assert "not known here" in found[0].data["reason"]
        assert found[0].id == 1

    serve(database_url, scenario)


def test_the_number_of_clients_is_bounded(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        async with client.stream("GET", "/api/v1/alarms/stream") as first:
            assert first.status_code == 200
            refused = await client.get("/api/v1/alarms/stream")
            assert refused.status_code == 503
            assert refused.json()["type"] == "/docs#too-many-streams"
        await asyncio.sleep(0.2)
        async with client.stream("GET", "/api/v1/alarms/stream") as second:
            assert second.status_code == 200

    serve(database_url, scenario, stream_clients_max=1)


def test_who_was_away_for_too_long_starts_anew(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        hour = 3_600_000
        await journal(service.pool, [change("GAS-1", 0, 1, NOON)])
        await journal(service.pool, [change("GAS-2", 0, 1, NOON + 30 * hour)])
        await journal(service.pool, [change("DRAIN-1", 0, 1, NOON + 31 * hour)])
        client = await service.client("viewer")
        service.now = NOON + 47 * hour
        assert [event.id for event in await events(client, count=3, last_event=0)] == [1, 2, 3]
        service.now = NOON + 49 * hour
        (reset,) = await events(client, count=1, last_event=0)
        assert (reset.event, reset.id, reset.data["newest_event"]) == ("reset", 3, 3)
        assert "older than 48 h" in reset.data["reason"]
        assert [event.id for event in await events(client, count=2, last_event=1)] == [2, 3]

    serve(database_url, scenario, stream_ring_events_max=1)


def test_areas_that_change_take_effect_on_an_open_stream(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", "jiayuguan", label="crew")
        opened = asyncio.Event()
        reading = asyncio.create_task(events(client, count=2, opened=opened))
        other = asyncio.create_task(events(await service.client("viewer", "jiayuguan"), count=2))
        await opened.wait()
        await until(lambda: len(service.app.state.feed.clients) == 2)
        await journal(service.pool, [change("GAS-1", 0, 1)])
        await service.pool.execute("update api_key set areas = '{jinchang}' where label = 'crew'")
        (held,) = [held for held in service.app.state.feed.clients if held.principal.label == "crew"]
        await until(lambda: held.principal.areas == ("jinchang",))
        await journal(service.pool, [change("GAS-2", 0, 1), change("WATER-9", 0, 1), change("DRAIN-1", 0, 1)])
        assert [event.data["sensor"] for event in await asyncio.wait_for(reading, 10)] == ["GAS-1", "WATER-9"]
        assert [event.data["sensor"] for event in await asyncio.wait_for(other, 10)] == ["GAS-1", "GAS-2"]

    serve(database_url, scenario, key_check_s=0.1)


def test_a_lost_connection_loses_no_event(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        opened = asyncio.Event()
        reading = asyncio.create_task(events(client, count=3, opened=opened))
        await opened.wait()
        await journal(service.pool, [change("GAS-1", 0, 1)])
        other = await asyncpg.connect(database_url)
        await other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            " and datname = current_database() and query ilike '%journal%'"
        )
        await other.close()
        await journal(service.pool, [change("GAS-1", 1, 2, NOON + 1), change("GAS-1", 2, 3, NOON + 2)])
        found = await asyncio.wait_for(reading, 20)
        assert [event.data["sequence"] for event in found] == [1, 2, 3]

    serve(database_url, scenario)


def test_a_lost_notification_is_made_good_by_polling(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        opened = asyncio.Event()
        reading = asyncio.create_task(events(client, count=1, opened=opened))
        await opened.wait()
        async with service.pool.acquire() as connection:  # a line of which nobody is told
            await connection.execute("create function pg_temp.quiet() returns void language sql as ''")
            await connection.execute("set search_path = pg_temp, public")
            await connection.execute(
                "insert into alarm select 'a', 'r', 'threshold', 's', 'jiayuguan', 'gas', '', 'process', 'normal', 0,"
                " 0, 'low', 'normal', 'test', 1, now(), now(), 1, '{}', '{}'"
            )
            await connection.execute(
                """insert into journal values (1, 'a', 1, now(), 'jiayuguan', 'gas', '', '{"severity":null}')"""
            )
        assert len(await asyncio.wait_for(reading, 5)) == 1

    serve(database_url, scenario, stream_poll_s=0.2)


def test_stopping_ends_open_streams(database_url: str) -> None:
    async def scenario() -> None:
        async with running(database_url) as service:
            client = await service.client("viewer")
            reading = [asyncio.create_task(events(client, count=9)) for _ in range(20)]
            await until(lambda: len(service.app.state.feed.clients) == 20)
            began = time.monotonic()
            service.context.stop.set()
            assert await asyncio.gather(*reading) == [[]] * 20
        assert time.monotonic() - began < 2.0

    asyncio.run(scenario())
