"""What a province makes of what cities publish: each line once in any order, its own acknowledgements, and silence."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import httpx
import pytest

from alerts.lifecycle import acknowledge, apply_change
from app.embedded.broker import embedded_broker
from app.embedded.mosquitto import mosquitto_broker
from app.northbound.receiver import ALL_CITIES, ReceiverSettings, run_receiver
from ingest.counters import IngestCounters
from ingest.settings import MqttSettings, broker_address
from model.alarm import ConditionChange, JournalLine, encode_line
from model.instant import format_instant, to_datetime
from model.sensor import City
from store.keys import revoke_key
from store.sensors import import_cities
from tests.api.service import NOON, Service, running
from tests.conftest import Background

WAIT_S = 20.0
HERE = {"city": "baiyin", "system": "gas", "district": "baiyin-qu"}


@pytest.fixture(scope="module")
def nats_url(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module's own: a province hears every city there is."""
    with background.held(embedded_broker(tmp_path_factory.mktemp("nats"), "127.0.0.1", 0, print)) as server:
        yield server.url


@pytest.fixture(scope="module")
def mosquitto_url(background: Background, programs: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with background.held(mosquitto_broker(tmp_path_factory.mktemp("mosquitto"), programs, 0, print)) as server:
        yield server.url


@pytest.fixture(params=["nats 3.1.1", "mosquitto 5"])
def either(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(url, protocol) of each kind of broker."""
    kind, protocol = request.param.split()
    return request.getfixturevalue(f"{kind}_url"), protocol


@dataclass
class Scene:
    """A province: receiver, API, and a client that publishes as cities do."""

    service: Service
    city: aiomqtt.Client
    counters: IngestCounters
    published: list[str] = field(default_factory=list)

    async def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        if retain:
            self.published.append(topic)
        await self.city.publish(topic, payload, 1, retain)

    async def line(self, line: JournalLine, **place: Any) -> None:
        where = HERE | place
        content = json.loads(encode_line(line)) | where | {"event": 1}
        await self.publish(f"lifeline/{where['city']}/alarm/{line.alarm}", json.dumps(content, sort_keys=True))

    async def status(self, at: int, city: str = "baiyin", **facts: Any) -> None:
        await self.publish(f"lifeline/{city}/status", json.dumps(status(at, city) | facts), retain=True)

    async def known(self, city: str = "baiyin", mode: str = "operational") -> None:
        async with self.service.pool.acquire() as connection:
            await import_cities(connection, [City(city=city, name=city.title(), mode=mode)])

    async def taken(self, messages: int) -> None:
        """Wait until the receiver has stored so many messages, in all."""
        try:
            async with asyncio.timeout(WAIT_S):
                while self.counters.messages < messages:  # noqa: ASYNC110 - counted by another task
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"taken: {self.counters}") from None

    async def alarm(self, client: httpx.AsyncClient, alarm: str, city: str = "baiyin") -> dict[str, Any]:
        answer = await client.get(f"/api/v1/province/alarms/{city}/{alarm}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def status(at: int, city: str) -> dict[str, Any]:
    figures = {
        "sensors": 12,
        "freshness": {"fresh": 9, "silent": 2, "never_heard": 1},
        "quality": {"good": 10, "bad": 1, "unknown": 1},
        "alarms": {"red": {"unacknowledged": 1}, "instrument": {"acknowledged": 2}},
    }
    return {
        "city": city, "name": city.title(), "name_zh": "白银", "mode": "operational", "time_zone": "Asia/Shanghai",
        "published_at": format_instant(at), "behind": False,
        "evaluated_through": {"batch": 4, "clock": format_instant(at)},
        "districts": [{"district": "baiyin-qu", **figures, "systems": [{"system": "gas", **figures}]}],
    }  # fmt: skip


def lines_of(sensor: str, *severities: int, acknowledged_after: int | None = None) -> list[JournalLine]:
    """The lines of an alarm that takes on the severities one after the other; 0 returns."""
    alarm, before, lines = None, 0, []
    for number, severity in enumerate(severities):
        change = ConditionChange(
            rule="level", kind="threshold", rule_version="1", alarm_class="process", priority="high", sensor=sensor,
            sensor_key=0, mode="operational", time=NOON + number * 1000, raised=NOON, known_at=NOON + number * 1000,
            severity_from=before, severity=severity, value=4.0, limit=3.0, cause="reading", reason="limit_reached",
        )  # fmt: skip
        alarm, line = apply_change(alarm, change)
        lines.append(line)
        if acknowledged_after == number:
            alarm, line = acknowledge(alarm, actor="desk-1", time=change.time + 500)
            lines.append(line)
        before = severity
    return lines


@asynccontextmanager
async def scene(broker: tuple[str, str], database_url: str, **settings: Any) -> AsyncIterator[Scene]:
    url, protocol = broker
    filters, api = settings.pop("filters", ALL_CITIES), settings.pop("api", {})
    mqtt = MqttSettings(
        url=url, protocol=protocol, client_id=f"in-{secrets.token_hex(4)}", subscriptions=filters,  # type: ignore[arg-type]
        session_is_new=True,
    )  # fmt: skip
    address = broker_address(url)
    async with running(database_url, **api) as service, aiomqtt.Client(address.host, address.port) as city:
        stop, counters = asyncio.Event(), IngestCounters()
        limits = ReceiverSettings(**{"look_s": 0.1} | settings)
        receiving = asyncio.create_task(run_receiver(service.pool, mqtt, limits, lambda: service.now, stop, counters))
        found = Scene(service, city, counters)
        try:
            async with asyncio.timeout(WAIT_S):
                while not counters.connected:  # noqa: ASYNC110 - counted by another task
                    await asyncio.sleep(0.02)
            yield found
        finally:
            for topic in found.published:
                await city.publish(topic, b"", 1, retain=True)
            stop.set()
            await asyncio.wait_for(receiving, WAIT_S)


def run(
    scenario: Callable[[Scene], Awaitable[None]], broker: tuple[str, str], database_url: str, **settings: Any
) -> None:
    async def work() -> None:
        async with scene(broker, database_url, **settings) as found:
            await scenario(found)

    asyncio.run(work())


def test_each_line_is_stored_once_whatever_the_order(either: tuple[str, str], database_url: str) -> None:
    alarms = [lines_of(f"GAS-{number}", 2, 3, 4, 0, acknowledged_after=1) for number in range(4)]
    sent = [line for lines in alarms for line in lines] * 2
    random.Random(6).shuffle(sent)

    async def scenario(scene: Scene) -> None:
        await scene.known()
        for line in sent:
            await scene.line(line)
        await scene.taken(len(sent))
        assert scene.counters.duplicates == len(sent) // 2
        client = await scene.service.client("viewer")
        for lines in alarms:
            found = await scene.alarm(client, lines[0].alarm)
            assert (found["sequence"], found["state"], found["lines_missing"]) == (5, lines[-1].to, 0)
            assert (found["peak_severity"], found["own_state"]) == ("red", "returned_unacknowledged")
            journal = (await client.get(f"/api/v1/province/alarms/baiyin/{lines[0].alarm}/journal")).json()
            assert [line["sequence"] for line in journal] == [1, 2, 3, 4, 5]
            assert [line["to"] for line in journal] == [line.to for line in lines]

    run(scenario, either, database_url)


def test_a_line_that_is_missing_is_seen_until_it_comes(nats_url: str, database_url: str) -> None:
    first, second, third = lines_of("GAS-1", 2, 4, 3)

    async def scenario(scene: Scene) -> None:
        await scene.known()
        client = await scene.service.client("viewer")
        await scene.line(first)
        await scene.line(third)
        await scene.taken(2)
        found = await scene.alarm(client, first.alarm)
        assert (found["sequence"], found["lines_missing"], found["severity"]) == (3, 1, "orange")
        city = (await client.get("/api/v1/province/status")).json()["cities"][0]
        assert city["lines_missing"] == 1
        await scene.line(second)
        await scene.taken(3)
        assert (await scene.alarm(client, first.alarm))["lines_missing"] == 0

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_an_acknowledgement_here_is_of_what_was_seen(nats_url: str, database_url: str) -> None:
    first, rise, *_ = lines = lines_of("GAS-1", 2, 3, 2, 0)

    async def scenario(scene: Scene) -> None:
        await scene.known()
        client = await scene.service.client("operator", label="province-desk")

        async def ask(seen: int, key: str) -> httpx.Response:
            path = f"/api/v1/province/alarms/baiyin/{first.alarm}/acknowledge"
            return await client.post(path, json={"seen_sequence": seen}, headers={"Idempotency-Key": key})

        async def stands() -> tuple[str, str]:
            found = await scene.alarm(client, first.alarm)
            return found["state"], found["own_state"]

        await scene.line(first)
        await scene.taken(1)
        assert await stands() == ("unacknowledged", "unacknowledged")
        answer = await ask(1, "a")
        assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "province-desk")
        assert await stands() == ("unacknowledged", "acknowledged"), "the city's own state is the city's"
        assert (await ask(1, "a")).content == answer.content
        assert (await ask(1, "b")).status_code == 409
        await scene.line(rise)
        await scene.taken(2)
        assert await stands() == ("unacknowledged", "unacknowledged"), "a rise un-acknowledges here too"
        unseen = await ask(1, "c")
        assert (unseen.status_code, unseen.json()["alarm"]["severity"]) == (409, "orange")
        assert (await ask(9, "d")).status_code == 409
        await scene.line(lines[2])
        await scene.taken(3)
        assert (await ask(2, "e")).status_code == 200, "a fall that came later does not matter"
        assert (await ask(2, "a")).content == answer.content
        await scene.line(lines[3])
        await scene.taken(4)
        assert await stands() == ("returned_unacknowledged", "normal")
        other = await scene.service.client("operator", "lanzhou")
        path = f"/api/v1/province/alarms/baiyin/{first.alarm}/acknowledge"
        asked = {"json": {"seen_sequence": 4}, "headers": {"Idempotency-Key": "f"}}
        assert (await other.post(path, **asked)).status_code == 404
        assert (await (await scene.service.client("viewer")).post(path, **asked)).status_code == 403

    run(scenario, (nats_url, "3.1.1"), database_url)


def altered(**facts: Any) -> str:
    line = json.loads(encode_line(lines_of("GAS-1", 2)[0])) | HERE | {"event": 1}
    return json.dumps({name: value for name, value in (line | facts).items() if value is not ...})


ALARM = lines_of("GAS-1", 2)[0].alarm
UNUSABLE = [
    (f"lifeline/baiyin/alarm/{ALARM}", b"{", "not_json"),
    (f"lifeline/baiyin/alarm/{ALARM}", b'{"a":"\xff"}', "not_utf8"),
    (f"lifeline/baiyin/alarm/{ALARM}", b"[" * 5000, "not_json"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(comment="x" * 70_000), "payload_too_large"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(sequence=...), "form_unknown"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(sequence=0), "form_unknown"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(severity="purple"), "form_unknown"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(sensor="a\u0000b"), "form_unknown"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(district="a\u0000b"), "form_unknown"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(time="yesterday"), "time_malformed"),
    (f"lifeline/baiyin/alarm/{ALARM}", altered(city="lanzhou"), "wrong_city_or_system"),
    ("lifeline/baiyin/alarm/another", altered(), "wrong_city_or_system"),
    ("lifeline/baiyin/status", json.dumps(status(NOON, "baiyin") | {"districts": 3}), "form_unknown"),
    ("lifeline/baiyin/status", json.dumps(status(NOON, "baiyin") | {"time_zone": "Mars"}), "form_unknown"),
]


def test_what_cannot_be_used_is_kept_with_the_reason_and_holds_nothing_up(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.known()
        for topic, payload, _ in UNUSABLE:
            await scene.publish(topic, payload)
        await scene.line(lines_of("GAS-1", 2)[0])
        # The same line with other words: the first stands.
        await scene.publish(f"lifeline/baiyin/alarm/{ALARM}", altered(reason="invented"))
        await scene.taken(len(UNUSABLE) + 2)
        rows = await scene.service.pool.fetch("select topic, reason from rejection order by rejection")
        expected = [
            *((topic, reason) for topic, _, reason in UNUSABLE),
            (f"lifeline/baiyin/alarm/{ALARM}", "store_refused"),
        ]
        assert sorted(tuple(row) for row in rows) == sorted(expected)
        client = await scene.service.client("viewer")
        assert (await scene.alarm(client, ALARM))["reason"] == "limit_reached"

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_a_city_that_is_not_registered_is_kept_apart_until_it_is(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.line(lines_of("GAS-1", 2)[0])
        await scene.status(NOON)
        await scene.taken(2)
        client = await scene.service.client("viewer")
        found = (await client.get("/api/v1/province/status")).json()
        assert (found["cities"], [apart["city"] for apart in found["apart"]]) == ([], ["baiyin"])
        assert (await client.get("/api/v1/province/alarms")).json()["alarms"] == []
        await scene.known()
        async with asyncio.timeout(WAIT_S):
            while not (await client.get("/api/v1/province/alarms")).json()["alarms"]:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)
        found = (await client.get("/api/v1/province/status")).json()
        assert ([city["city"] for city in found["cities"]], found["apart"]) == (["baiyin"], [])

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_made_up_cities_do_not_fill_the_house(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        for number in range(5):
            await scene.line(lines_of("GAS-1", 2)[0], city=f"made-up-{number}")
        await scene.taken(5)
        assert await scene.service.pool.fetchval("select count(*) from province_city") == 3
        assert scene.counters.rejections == {"store_refused": 2}

    run(scenario, (nats_url, "3.1.1"), database_url, cities_apart_max=3)


def test_a_city_may_register_itself_where_that_is_set(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.status(NOON, mode="test")
        await scene.taken(1)
        client = await scene.service.client("viewer")
        (city,) = (await client.get("/api/v1/province/status")).json()["cities"]
        assert (city["city"], city["mode"], city["registered_mode"]) == ("baiyin", "test", "test")

    run(scenario, (nats_url, "3.1.1"), database_url, registers_unknown=True)


def test_the_roll_up_has_three_levels_within_the_areas(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        for city in ("baiyin", "wuwei"):
            await scene.known(city)
            await scene.status(NOON, city)
        await scene.line(lines_of("GAS-1", 4)[0])
        await scene.line(lines_of("GAS-1", 2)[0], city="wuwei")
        for line in lines_of("GAS-2", 2, acknowledged_after=0):
            await scene.line(line, city="wuwei", district="liangzhou")
        await scene.taken(6)
        everything = (await (await scene.service.client("viewer")).get("/api/v1/province/status")).json()
        total = everything["totals"]["operational"]
        assert (total["cities"], total["cities_silent"], total["sensors"]) == (2, 0, 24)
        assert total["freshness"] == {"fresh": 18, "silent": 4, "never_heard": 2}
        assert total["alarms"]["red"]["unacknowledged"] == 1
        assert total["alarms"]["blue"]["unacknowledged"] == 0
        assert total["alarms"]["yellow"]["acknowledged"] == 1
        assert total["alarms_here"]["yellow"] == total["alarms"]["yellow"] | {"acknowledged": 0, "unacknowledged": 2}
        wuwei = everything["cities"][1]
        counties = {county["district"]: county["alarms"]["yellow"]["acknowledged"] for county in wuwei["districts"]}
        assert counties == {"baiyin-qu": 0, "liangzhou": 1}
        assert (wuwei["alarms_reported"], wuwei["silent"], wuwei["behind"]) == (3, False, False)
        one = await scene.service.client("viewer", "wuwei")
        assert [city["city"] for city in (await one.get("/api/v1/province/status")).json()["cities"]] == ["wuwei"]
        page = (await one.get("/api/v1/province/alarms?limit=1")).json()
        rest = (await one.get(f"/api/v1/province/alarms?after={page['next']}")).json()
        assert {(a["city"], a["sensor"]) for a in page["alarms"] + rest["alarms"]} == {
            ("wuwei", "GAS-1"), ("wuwei", "GAS-2"),
        }  # fmt: skip
        assert (await one.get("/api/v1/province/alarms?city=baiyin")).status_code == 403
        assert (await one.get(f"/api/v1/province/alarms/baiyin/{ALARM}")).status_code == 404
        for query, expected in {
            "severity=red": 1, "own_state=unacknowledged": 3, "state=acknowledged": 1, "district=liangzhou": 1,
            "class=system": 0, "system=gas": 3, "mode=exercise": 0,
        }.items():  # fmt: skip
            found = await (await scene.service.client("viewer")).get(f"/api/v1/province/alarms?{query}")
            assert len(found.json()["alarms"]) == expected, query

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_a_city_that_falls_silent_is_an_alarm_until_it_is_heard(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.known()
        await scene.status(NOON)
        await scene.line(lines_of("GAS-1", 4)[0])
        await scene.taken(2)
        client = await scene.service.client("operator")

        async def silence_alarms(state: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            async with asyncio.timeout(WAIT_S):
                while not found:
                    found = (await client.get(f"/api/v1/alarms?class=system&state={state}")).json()["alarms"]
                    await asyncio.sleep(0.05)
            return found

        await asyncio.sleep(0.3)  # it listens, by the clock of then
        scene.service.now += 179_000
        await asyncio.sleep(0.5)
        assert (await client.get("/api/v1/alarms?class=system")).json()["alarms"] == []
        scene.service.now += 2_000
        (alarm,) = await silence_alarms("unacknowledged")
        assert (alarm["rule"], alarm["sensor"], alarm["city"], alarm["limit"]) == (
            "city-silent",
            "baiyin",
            "baiyin",
            180,
        )
        (city,) = (await client.get("/api/v1/province/status")).json()["cities"]
        assert (city["silent"], city["silent_since"]) == (True, "2026-11-22T12:00:00.000Z")
        assert city["freshness"] == {"fresh": 0, "silent": 11, "never_heard": 1}
        found = await scene.alarm(client, ALARM)
        assert (found["condition"], found["state"]) == ("unknown", "unacknowledged"), "silence clears nothing"
        await scene.status(NOON)  # the same once more, as a broker delivers what it retained
        await scene.taken(3)
        await scene.status(NOON + 181_000)
        (alarm,) = await silence_alarms("returned_unacknowledged")
        assert alarm["reason"] == "city_heard"
        (city,) = (await client.get("/api/v1/province/status")).json()["cities"]
        assert (city["silent"], city["silent_since"]) == (False, None)

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_a_city_relays_its_parks_and_nobody_else(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.line(lines_of("GAS-1", 2)[0], city="stranger")
        await scene.line(lines_of("GAS-2", 2)[0], city="park-1")
        await scene.taken(1)
        client = await scene.service.client("viewer")
        found = (await client.get("/api/v1/relayed/alarms")).json()["alarms"]
        assert [(alarm["city"], alarm["sensor"]) for alarm in found] == [("park-1", "GAS-2")]

    filters = ("lifeline/park-1/alarm/+", "lifeline/park-1/status")
    run(scenario, (nats_url, "3.1.1"), database_url, relayed=("park-1",), filters=filters)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_statuses_the_newer_one_counts(order: Sequence[int], nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.known()
        scene.service.now = NOON + 60_000
        for number in order:
            await scene.status(NOON + number * 1000, name=f"status {number}")
        await scene.taken(2)
        row = await scene.service.pool.fetchrow("select status, published_at from province_city")
        assert json.loads(row["status"])["name"] == "status 1"

    run(scenario, (nats_url, "3.1.1"), database_url)


async def streamed(
    client: httpx.AsyncClient, count: int, last_event: int | None = None, opened: asyncio.Event | None = None
) -> list[tuple[int, str, int]]:
    """Read (id, city, sequence) of so many events; `opened` is set when the stream is open."""
    headers = {} if last_event is None else {"Last-Event-ID": str(last_event)}
    found: list[tuple[int, str, int]] = []
    async with (
        asyncio.timeout(WAIT_S),
        client.stream("GET", "/api/v1/province/alarms/stream", headers=headers) as answer,
    ):
        number = 0
        async for text in answer.aiter_lines():
            if opened is not None:
                opened.set()
            name, _, value = text.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "data":
                line = json.loads(value)
                found.append((number, line["city"], line["sequence"]))
                if len(found) == count:
                    break
    return found


def test_lines_are_streamed_as_they_come_and_a_stream_is_resumed(nats_url: str, database_url: str) -> None:
    first, second = lines_of("GAS-1", 2, 3)

    async def scenario(scene: Scene) -> None:
        await scene.known()
        await scene.known("wuwei")
        client = await scene.service.client("viewer", "baiyin")
        await scene.line(first)
        await scene.line(first, city="wuwei")
        await scene.taken(2)
        opened = asyncio.Event()
        live = asyncio.create_task(streamed(client, 1, opened=opened))
        await opened.wait()
        await scene.line(second)
        assert await live == [(3, "baiyin", 2)]
        assert await streamed(client, 2, 0) == [(1, "baiyin", 1), (3, "baiyin", 2)], "within the areas"
        everything = await scene.service.client("viewer")
        assert [number for number, *_ in await streamed(everything, 3, 0)] == [1, 2, 3]

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_a_city_whose_clock_ran_ahead_is_heard_after_it_was_set_right(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.known()
        await scene.status(NOON + 3_600_000)
        await scene.taken(1)
        scene.service.now = NOON + 30_000
        await scene.status(NOON + 29_000)
        await scene.taken(2)
        assert await scene.service.pool.fetchval("select heard_at from province_city") == to_datetime(NOON + 30_000)
        scene.service.now = NOON + 60_000
        await scene.status(NOON + 28_000)  # a late one of the same clock
        await scene.taken(3)
        assert await scene.service.pool.fetchval("select heard_at from province_city") == to_datetime(NOON + 30_000)

    run(scenario, (nats_url, "3.1.1"), database_url)


def test_a_revoked_key_ends_the_stream(nats_url: str, database_url: str) -> None:
    async def scenario(scene: Scene) -> None:
        client = await scene.service.client("viewer", label="leaver")
        async with asyncio.timeout(WAIT_S), client.stream("GET", "/api/v1/province/alarms/stream") as answer:
            await revoke_key(scene.service.pool, "leaver")
            text = "".join([part async for part in answer.aiter_text()])
        assert "event: end" in text

    run(scenario, (nats_url, "3.1.1"), database_url, api={"key_check_s": 0.2})
