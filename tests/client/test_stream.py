"""The client's stream: no hole and no repeat, whatever happens to the service and the connection."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline_client import AsyncClient, Client, Patience, Reset, Transition, Unauthorized
from lifeline_client.events import Feed
from lifeline_client.requests import Request

from store.keys import create_key, revoke_key
from store.pool import open_pool
from store.sensors import import_sensors
from tests.api.service import CITIES, NOON, SENSORS, Service, change, journal, serve, silence, until
from tests.client.forms import FORMS, AnyClient, close, first
from tests.integration.service import Service as Process

QUICK = Patience(attempts_max=2, wait_s_first=0.05, wait_s_max=0.5)
both_forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)


async def _with_key(service: Service, form: type[Any], label: str = "stream") -> AnyClient:
    key = await create_key(service.pool, role="viewer", areas=["*"], label=label)
    client: AnyClient = form(service.address, key, patience=QUICK)
    return client


@both_forms
def test_transitions_after_an_event(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service) -> None:
        client = await _with_key(service, form)
        await journal(service.pool, [change("GAS-1", 0, 4), change("WATER-9", 0, 3), silence("DRAIN-1")])
        found = await first(client, 3, lambda c: c.stream(last_event=0))
        assert [one.event for one in found] == [1, 2, 3]
        assert (found[1].line["city"], found[1].line["severity"]) == ("jinchang", "orange")
        found = await first(client, 1, lambda c: c.stream(last_event=0, severity="orange"))
        assert [one.event for one in found] == [2]
        # A place that the service does not know: what is told from here on, and that there may be a hole.
        await journal(service.pool, [change("GAS-2", 0, 4)])
        await until(lambda: service.app.state.feed.newest == 4)
        (reset,) = await first(client, 1, lambda c: c.stream(last_event=1_000))
        assert isinstance(reset, Reset)
        assert reset.newest_event == 4
        await close(client)

    serve(database_url, scenario)


@both_forms
def test_a_revoked_key_ends_the_stream_with_its_problem(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service) -> None:
        client = await _with_key(service, form, "leaver")
        await journal(service.pool, [change("GAS-1", 0, 4)])
        reading = asyncio.create_task(first(client, 2, lambda c: c.stream(last_event=0)))
        await until(lambda: len(service.app.state.feed.clients) == 1)
        assert await revoke_key(service.pool, "leaver")
        with pytest.raises(Unauthorized):
            await reading
        await close(client)

    serve(database_url, scenario, key_check_s=0.1, stream_heartbeat_s=0.1)


EVENTS = 40


def test_kill_and_restart_under_both_forms(database_url: str, tmp_path: Path) -> None:
    process = Process(tmp_path / "home", ("serve",), LIFELINE_DATABASE_URL=database_url)
    patient = Patience(attempts_max=2, wait_s_first=0.05, wait_s_max=1.0)
    address = f"http://127.0.0.1:{process.port}"

    async def scenario() -> None:
        pool = await open_pool(database_url)
        await import_sensors(pool, SENSORS, CITIES)
        key = await create_key(pool, role="viewer", areas=["*"])
        await asyncio.to_thread(process.start)
        told: list[Transition] = []
        reader = threading.Thread(target=_read, args=(Client(address, key, patience=patient), told), daemon=True)
        reader.start()
        async with AsyncClient(address, key, patience=patient) as client:
            reading = asyncio.create_task(first(client, EVENTS, lambda c: c.stream(last_event=0)))
            for number in range(EVENTS):
                severities = (0, 4) if number == 0 else (4, 3) if number % 2 else (3, 4)
                await journal(pool, [change("GAS-1", *severities, NOON + number)])
                if number == 10:
                    await asyncio.to_thread(process.kill)
                if number == 20:
                    await asyncio.to_thread(process.start)
                await asyncio.sleep(0.01)
            found = await asyncio.wait_for(reading, 60)
        await asyncio.to_thread(reader.join, 60)
        assert [one.event for one in found] == list(range(1, EVENTS + 1))
        assert told == found
        await pool.close()

    try:
        asyncio.run(scenario())
    finally:
        if process.process is not None and process.process.poll() is None:
            process.stop()


def _read(client: Client, told: list[Transition]) -> None:
    with client:
        for one in client.stream(last_event=0):
            assert isinstance(one, Transition)
            told.append(one)
            if len(told) == EVENTS:
                break


def _frames(events: list[int]) -> bytes:
    lines = (json.dumps({"alarm": f"a.{event}", "comment": "a\u2028b"}, ensure_ascii=False) for event in events)
    return b"".join(
        f"id: {event}\nevent: transition\ndata: {line}\n\n".encode() for event, line in zip(events, lines, strict=True)
    )


@given(
    cuts=st.lists(st.integers(1, 400), max_size=12),
    ends=st.lists(st.integers(0, 900), max_size=4),
    beats=st.lists(st.integers(0, 9), max_size=4),
)
def test_however_it_is_cut_each_event_is_told_once(cuts: list[int], ends: list[int], beats: list[int]) -> None:
    """Connections that end anywhere, bytes that come in any pieces, heartbeats in between: a model of the service."""
    feed = Feed(Request("GET", "/alarms/stream"), Patience())
    told: list[int] = []
    for end in [*ends, 10_000]:
        asked = feed.next_request().headers.get("Last-Event-ID", "0")
        body = b"retry: 2000\nid: %b\n\n" % asked.encode()
        for event in range(int(asked) + 1, 11):
            body += b": heartbeat\n\n" * (event in beats) + _frames([event])
        for piece in _pieces(body[:end], cuts):
            told += [one.event for one in feed.take(piece) if isinstance(one, Transition)]
    assert told == list(range(1, 11))
    assert feed.retry_s == 2


def _pieces(body: bytes, cuts: list[int]) -> Iterator[bytes]:
    for cut in cuts:
        yield body[:cut]
        body = body[cut:]
    yield body


def test_what_was_told_is_not_told_again() -> None:
    feed = Feed(Request("GET", "/alarms/stream"), Patience(), last_event=5)
    assert [one.event for one in feed.take(_frames([4, 5, 6])) if isinstance(one, Transition)] == [6]
    assert feed.last_event == 6


def test_pauses_grow_until_something_comes() -> None:
    feed = Feed(Request("GET", "/alarms/stream"), Patience(wait_s_first=1.0, wait_s_max=30.0))
    pauses = [feed.pause_s() for _ in range(10)]
    assert 0.5 <= pauses[0] <= 1.0
    assert 15.0 <= pauses[-1] <= 30.0
    list(feed.take(b": heartbeat\n\n"))
    assert feed.pause_s() <= 1.0
