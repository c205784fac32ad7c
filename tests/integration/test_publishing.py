"""The journal and the cities' status over MQTT: every line, in order, to whom it belongs, from the right place on."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiomqtt
import msgspec
import pytest

from app.northbound.counters import PublisherCounters
from app.northbound.publisher import PublisherLimits, Target, run_publisher
from ingest.settings import broker_address
from model.sensor import City
from store.pool import open_pool
from store.sensors import import_cities, import_sensors
from tests.api.service import CITIES, NOON, SENSORS, change, journal

LIMITS = PublisherLimits(poll_s=0.2, status_s_min=0.1, status_s_max=1.0, page_events_max=3, retry_s_max=0.5)
EVERYTHING = ("operational", "exercise", "test")
WAIT_S = 20.0
LATER = "zhangye"
OURS = (*(city.city for city in CITIES), LATER)  # the broker may have others' retained


@pytest.fixture(params=["nats 3.1.1", "mosquitto 5"])
def either(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(url, protocol) of each kind of broker."""
    kind, protocol = request.param.split()
    fixture = {"nats": "broker", "mosquitto": "mosquitto"}[kind]
    return request.getfixturevalue(fixture).url, protocol


@dataclass
class Heard:
    """What a subscriber has heard, in the order of arrival."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)

    @property
    def events(self) -> list[int]:
        return [line["event"] for line in self.lines]

    async def until(self, true: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not true():  # noqa: ASYNC110 - it is filled by another task
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"heard {self.events} and {len(self.statuses)} statuses") from None


@dataclass
class Scene:
    """A database with the cities of the API's tests, a broker, and what a subscriber there has heard."""

    pool: Any
    target: Target
    heard: Heard

    @asynccontextmanager
    async def publishing(self, target: Target | None = None) -> AsyncIterator[PublisherCounters]:
        stop, counters = asyncio.Event(), PublisherCounters()
        work = run_publisher(self.pool, target or self.target, LIMITS, lambda: NOON, stop, counters)
        task = asyncio.create_task(work)
        try:
            yield counters
        finally:
            stop.set()
            await asyncio.wait_for(task, WAIT_S)

    async def journalled(self) -> list[int]:
        return [row["event"] for row in await self.pool.fetch("select event from journal order by event")]


@asynccontextmanager
async def scene(broker: tuple[str, str], database_url: str) -> AsyncIterator[Scene]:
    url, protocol = broker
    pool = await open_pool(database_url, connections_max=4)
    await import_sensors(pool, SENSORS, CITIES)
    address = broker_address(url)
    target = Target(
        name="own", address=address, protocol=protocol,  # type: ignore[arg-type]
        client_id=f"out-{secrets.token_hex(4)}", cities=None, modes=EVERYTHING, tells_silent_cities=False,
    )  # fmt: skip
    heard = Heard()
    version = aiomqtt.ProtocolVersion.V5 if protocol == "5" else aiomqtt.ProtocolVersion.V311
    async with aiomqtt.Client(address.host, address.port, protocol=version) as client:
        await _forget(client)  # what an earlier test left
        await client.subscribe([("lifeline/+/alarm/+", 1), ("lifeline/+/status", 1)])
        listening = asyncio.create_task(_listen(client, heard))
        try:
            yield Scene(pool, target, heard)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await _forget(client)
            await pool.close()


async def _forget(client: aiomqtt.Client) -> None:
    for city in OURS:
        await client.publish(f"lifeline/{city}/status", b"", 1, retain=True)


async def _listen(client: aiomqtt.Client, heard: Heard) -> None:
    async for message in client.messages:
        if not message.payload or message.topic.value.split("/")[1] not in OURS:
            continue
        content = msgspec.json.decode(message.payload)
        heard.topics.add(str(message.topic))
        (heard.statuses if message.topic.matches("lifeline/+/status") else heard.lines).append(content)


def run(scenario: Callable[[Scene], Any], broker: tuple[str, str], database_url: str) -> None:
    async def work() -> None:
        async with scene(broker, database_url) as found:
            await scenario(found)

    asyncio.run(work())


def raised(sensors: Sequence[str], minute: int = 0) -> list[Any]:
    time = NOON + minute * 60_000
    return [change(sensor, 0, 3, time=time, raised=time) for sensor in sensors]


def test_each_line_goes_out_as_journalled_in_order_with_its_place(either: tuple[str, str], database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await journal(scene.pool, raised(["GAS-1", "GAS-2", "WATER-9", "DRAIN-1"]))
        async with scene.publishing() as counters:
            await scene.heard.until(lambda: len(scene.heard.lines) == 4)
            await journal(scene.pool, [change("GAS-1", 3, 4), change("GAS-1", 4, 0, time=NOON + 1_000)])
            await scene.heard.until(lambda: len(scene.heard.lines) == 6)
            assert counters.connected
        assert scene.heard.events == [1, 2, 3, 4, 5, 6] == await scene.journalled()
        for row in await scene.pool.fetch("select event, city, system, district, line from journal"):
            heard = scene.heard.lines[row["event"] - 1]
            place = {name: row[name] for name in ("event", "city", "system", "district")}
            assert heard == msgspec.json.decode(row["line"]) | place
            assert f"lifeline/{row['city']}/alarm/{heard['alarm']}" in scene.heard.topics
        assert {line["mode"] for line in scene.heard.lines} == {"test", "operational"}

    run(scenario, either, database_url)


def test_the_status_is_retained_and_follows_what_happens(either: tuple[str, str], database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.publishing():
            await scene.heard.until(lambda: len(scene.heard.statuses) >= 2)
            assert {status["city"] for status in scene.heard.statuses} == {"jiayuguan", "jinchang"}
            await journal(scene.pool, raised(["GAS-1"]))

            def told() -> bool:
                newest = [status for status in scene.heard.statuses if status["city"] == "jiayuguan"][-1]
                return bool(newest["alarms"]["orange"].get("unacknowledged") == 1)

            await scene.heard.until(told)
        address = scene.target.address
        async with aiomqtt.Client(address.host, address.port) as late, asyncio.timeout(WAIT_S):
            await late.subscribe("lifeline/jiayuguan/status", 1)
            message = await anext(late.messages)
            assert message.retain
            status = msgspec.json.decode(message.payload)
        assert status["alarms"]["orange"]["unacknowledged"] == 1
        assert (status["sensors"], status["mode"]) == (4, "test")
        assert status["published_at"] == "2026-11-22T12:00:00.000Z"
        assert status["evaluated_through"] == {"batch": 0, "clock": None}

    run(scenario, either, database_url)


def test_it_goes_on_where_it_stopped(either: tuple[str, str], database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.publishing():
            await journal(scene.pool, raised(["GAS-1", "GAS-2"]))
            await scene.heard.until(lambda: len(scene.heard.lines) == 2)
        await journal(scene.pool, raised(["DRAIN-1", "DRAIN-2"]))
        async with scene.publishing():
            await scene.heard.until(lambda: len(scene.heard.lines) >= 4)
        assert scene.heard.events == [1, 2, 3, 4]

    run(scenario, either, database_url)


def test_a_new_target_hears_what_stands_and_what_comes_but_no_history(
    either: tuple[str, str], database_url: str
) -> None:
    async def scenario(scene: Scene) -> None:
        await journal(scene.pool, raised(["GAS-1", "GAS-2", "DRAIN-1"]))
        await journal(scene.pool, [change("GAS-1", 3, 4), change("DRAIN-1", 3, 0, time=NOON + 1_000)])
        await scene.pool.execute("update alarm set state = 'normal' where sensor = 'GAS-2'")
        async with scene.publishing(replace(scene.target, name="northbound elsewhere")):
            await scene.heard.until(lambda: len(scene.heard.lines) == 2)
            await journal(scene.pool, raised(["GAS-1"], minute=1))
            await scene.heard.until(lambda: len(scene.heard.lines) == 3)
        assert scene.heard.events == [4, 5, 6]

    run(scenario, either, database_url)


@pytest.mark.parametrize(
    ("cities", "modes", "expected"),
    [
        pytest.param(None, EVERYTHING, {"jiayuguan", "jinchang"}, id="all"),
        pytest.param(None, ("operational",), {"jinchang"}, id="those in operation"),
        pytest.param(("jiayuguan",), ("operational",), {"jiayuguan"}, id="one that is named, whatever its mode"),
    ],
)
def test_a_target_gets_its_cities_only(
    cities: tuple[str, ...] | None, modes: tuple[str, ...], expected: set[str], broker_url: str, database_url: str
) -> None:
    async def scenario(scene: Scene) -> None:
        await journal(scene.pool, raised(["GAS-1", "WATER-9"]))
        async with scene.publishing(replace(scene.target, cities=cities, modes=modes)) as counters:
            await scene.heard.until(lambda: counters.event == 2 and bool(scene.heard.statuses))
        assert {line["city"] for line in scene.heard.lines} == expected
        assert {status["city"] for status in scene.heard.statuses} == expected

    run(scenario, (broker_url, "3.1.1"), database_url)


def test_of_two_publishers_one_works_and_the_other_takes_over(broker_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.publishing() as first:
            await scene.heard.until(lambda: first.connected)
            async with scene.publishing() as second:
                await journal(scene.pool, raised(["GAS-1", "GAS-2"]))
                await scene.heard.until(lambda: first.event == 2)
                await asyncio.sleep(0.5)
                assert not second.connected
                assert scene.heard.events == [1, 2]

    run(scenario, (broker_url, "3.1.1"), database_url)


def test_a_broker_that_is_away_only_delays(database_url: str, broker_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        away = replace(scene.target, address=broker_address("mqtt://127.0.0.1:9"))
        async with scene.publishing(away) as counters:
            await journal(scene.pool, raised(["GAS-1"]))
            await asyncio.sleep(1.0)
            assert not counters.connected
        async with scene.publishing():
            await scene.heard.until(lambda: scene.heard.events == [1])

    run(scenario, (broker_url, "3.1.1"), database_url)


def test_a_city_that_is_registered_meanwhile_is_told_of(broker_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.publishing():
            await scene.heard.until(lambda: bool(scene.heard.statuses))
            async with scene.pool.acquire() as connection:
                await import_cities(connection, [City(city=LATER, mode="exercise")])
            await scene.heard.until(lambda: any(status["city"] == LATER for status in scene.heard.statuses))

    run(scenario, (broker_url, "3.1.1"), database_url)


def test_what_a_broker_refuses_is_not_passed_over(database_url: str, broker_url: str) -> None:
    """By MQTT 5 an acknowledgement may say that the message was not taken (3.4.2.1)."""

    async def scenario(scene: Scene) -> None:
        async with await asyncio.start_server(_refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            target = replace(scene.target, address=broker_address(f"mqtt://127.0.0.1:{port}"), protocol="5")
            async with scene.publishing(target) as counters:
                await journal(scene.pool, raised(["GAS-1"]))
                await scene.heard.until(lambda: counters.connections >= 2)
        assert await scene.pool.fetchval("select event from outgoing_cursor where target = 'own'") == 0

    run(scenario, (broker_url, "3.1.1"), database_url)


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A broker that lets everybody in and authorises nothing."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            kind = (await reader.readexactly(1))[0]
            size = shift = 0
            while (byte := (await reader.readexactly(1))[0]) & 0x80:
                size, shift = size | (byte & 0x7F) << shift, shift + 7
            body = await reader.readexactly(size | byte << shift)
            if kind == 0x10:  # CONNECT
                writer.write(bytes((0x20, 3, 0, 0, 0)))
            elif kind >> 4 == 3:  # PUBLISH
                topic_bytes = int.from_bytes(body[:2], "big")
                packet_id = body[2 + topic_bytes : 4 + topic_bytes]
                writer.write(bytes((0x40, 3, *packet_id, 0x87)))
    writer.close()
