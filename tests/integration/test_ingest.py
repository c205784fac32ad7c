"""The way in against the real database and real brokers: everything is stored once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiomqtt
import pytest

from app.embedded.mosquitto import MosquittoBroker
from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.settings import IngestLimits, MqttSettings, broker_address
from model.instant import format_instant
from model.reading import ReadingBatch
from model.sensor import City, Sensor
from store.pool import Pool, open_pool
from store.sensors import import_sensors
from tests.conftest import ACK_WAIT_S

NOW = int(time.time() * 1000) // 1000 * 1000
WAIT_S_MAX = 30.0
LIMITS = IngestLimits(tick_s=0.2, batch_age_ms_max=20)


@dataclass(frozen=True)
class Broker:
    url: str
    protocol: str
    reader: str = "frames"
    city: str = field(default_factory=lambda: f"city-{secrets.token_hex(4)}")

    def settings(self) -> MqttSettings:
        return MqttSettings(
            url=self.url,
            protocol=self.protocol,  # type: ignore[arg-type]
            reader=self.reader,  # type: ignore[arg-type]
            client_id=f"ingest-{self.city}",
            subscriptions=(f"lifeline/{self.city}/+/+",),
            reconnect_s_max=1.0,
            redelivery_s=ACK_WAIT_S + 1 if self.protocol == "3.1.1" else 0,
        )


@pytest.fixture(params=["nats 3.1.1 frames", "mosquitto 5 frames", "nats 3.1.1 paho", "mosquitto 5 paho"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """The embedded broker, and one of the other supported kind, each by both readers of the socket.

    Every test has a city and a session of its own.
    """
    kind, protocol, reader = request.param.split()
    url = request.getfixturevalue("broker_url") if kind == "nats" else request.getfixturevalue("mosquitto").url
    return Broker(url, protocol, reader)


def test_good_bad_duplicate_and_conflicting_readings(broker: Broker, database_url: str) -> None:
    async def scenario() -> None:
        async with _service(broker, database_url) as service, _publisher(broker) as publish:
            await publish("gas/gas-1", {"time": NOW, "value": 5})
            await publish("gas/gas-1", {"time": NOW, "value": 5})
            await publish("gas/gas-1", {"time": NOW, "value": 6})
            await publish("gas/gas-1", b"no json \0 at all")
            await publish("gas/gas-1", {"time": NOW + 1, "value": "1.5"})
            await publish(
                "gas/gas-1", [{"time": NOW + 2, "value": 7}, {"time": NOW + 2}, {"time": NOW + 3, "value": 8}]
            )
            await publish("gas/gas-1", b'[{"time":%d,"value":NaN},{"time":%d,"value":9}]' % (NOW + 4, NOW + 4))
            await publish("gas/gas-1", {"time": NOW + 5, "value": 1, "unit": "\0"})
            await publish("gas/nobody", {"time": NOW, "value": 5})
            await publish("water/gas-1", {"time": NOW, "value": 5})
            await publish("gas/gas-1", {"time": NOW + 3_600_000, "value": 5})
            await publish("gas/gas-1", {"time": 0, "value": 5})
            await publish("gas/gas-1", {"time": format_instant(NOW + 6), "value": 0.05, "unit": "%{vol}"})
            await publish("gateway/lamp-1", [{"sensor": f"gas-{i}", "time": NOW + 7, "value": i} for i in (1, 2, 9)])
            await publish("gas/gas-1", b"x" * 300_000)
            await publish("alarm/a-1", {"alarm": "a-1"})
            await publish("gas/gas-2", {"time": NOW, "value": 100})
            await service.until_messages(17)
            assert await service.rows() == [
                ("gas-1", NOW, 5, 0),
                ("gas-1", NOW + 2, 7, 0),
                ("gas-1", NOW + 3, 8, 0),
                ("gas-1", NOW + 4, 9, 0),
                ("gas-1", NOW + 6, 1, 0),
                ("gas-1", NOW + 7, 1, 0),
                ("gas-2", NOW, 100, 8),
                ("gas-2", NOW + 7, 2, 0),
            ]
            rejections = await service.rejections()
            assert sorted(reason for reason, _, _ in rejections) == [
                "no_value",
                "not_json",
                "payload_too_large",
                "time_ahead",
                "time_before_2000",
                "unit_unknown",
                "unknown_sensor",
                "unknown_sensor",
                "value_not_a_number",
                "value_not_finite",
                "wrong_city_or_system",
            ]
            assert ("not_json", b"no json \0 at all", 16) in rejections
            assert ("payload_too_large", b"x" * 65_536, 300_000) in rejections
            conflicts = await service.pool.fetch("select value from conflict")
            assert [row["value"] for row in conflicts] == [6]
            counters = service.counters
            assert (counters.readings, counters.duplicates, counters.conflicts) == (8, 1, 1)
            assert counters.messages_ignored == 1
            assert counters.rejections["unknown_sensor"] == 2
            assert counters.connected
            assert sum(len(batch) for batch in service.batches) == 8
            assert [batch.sequence for batch in service.batches] == list(range(1, len(service.batches) + 1))

    asyncio.run(scenario())


def test_a_sensor_registered_a_moment_ago_is_known(broker: Broker, database_url: str) -> None:
    async def scenario() -> None:
        async with _service(broker, database_url) as service, _publisher(broker) as publish:
            await publish("gas/gas-1", {"time": NOW, "value": 5})
            await service.until_messages(1)
            await import_sensors(service.pool, [_sensor("late", broker.city)], [])
            await publish("gas/late", {"time": NOW, "value": 5})
            await service.until_messages(2)
            assert [row[0] for row in await service.rows()] == ["gas-1", "late"]
            assert not service.counters.rejections

    asyncio.run(scenario())


def test_case_30_a_retained_reading_changes_nothing_on_subscribe(broker: Broker, database_url: str) -> None:
    async def scenario() -> None:
        async with _publisher(broker) as publish:
            await publish("gas/gas-1", {"time": NOW, "value": 5}, retain=True)
            async with _service(broker, database_url) as service:
                await service.until_messages(1)
            async with _service(broker, database_url) as service:
                # By MQTT 5 retained readings come with a new subscription only; on NATS a session subscribes once.
                await publish("gas/gas-1", {"time": NOW + 1, "value": 6})
                await service.until_messages(1)
                assert await service.rows() == [("gas-1", NOW, 5, 0), ("gas-1", NOW + 1, 6, 0)]
                assert not service.counters.duplicates
                assert not service.counters.conflicts

    asyncio.run(scenario())


def test_what_is_published_while_the_service_is_stopped_is_not_lost(broker: Broker, database_url: str) -> None:
    async def scenario() -> None:
        async with _publisher(broker) as publish:
            async with _service(broker, database_url):
                await publish("gas/gas-1", {"time": NOW, "value": 1})
            for i in range(1, 200):
                await publish("gas/gas-1", {"time": NOW + i, "value": i})
            async with _service(broker, database_url) as service:
                await _until(lambda: _rows_are(service, 200), service.describe)

    asyncio.run(scenario())


def test_a_message_that_the_store_refuses_is_set_aside(broker: Broker, database_url: str) -> None:
    """A trigger stands for whatever the store may find wrong with one reading: only its message is quarantined."""

    async def scenario() -> None:
        async with _service(broker, database_url) as service, _publisher(broker) as publish:
            await service.pool.execute(
                "create function refuse() returns trigger language plpgsql as $$ begin"
                " if new.value = 13 then raise exception 'unlucky'; end if; return new; end $$"
            )
            await service.pool.execute(
                "create trigger refuse before insert on reading for each row execute function refuse()"
            )
            for i in range(40):
                await publish("gas/gas-1", {"time": NOW + i, "value": i})
            await service.until_messages(40)
            assert [row[2] for row in await service.rows()] == [i for i in range(40) if i != 13]
            ((reason, payload, _),) = await service.rejections()
            assert reason == "store_refused"
            assert json.loads(payload) == {"time": NOW + 13, "value": 13}

    asyncio.run(scenario())


def test_two_workers_of_one_group_divide_the_load(mosquitto: MosquittoBroker, database_url: str) -> None:
    count = 2_000

    async def scenario() -> None:
        broker = Broker(mosquitto.url, "5")
        pool = await _prepare_database(database_url, broker.city)
        stop = asyncio.Event()
        both = [IngestCounters(), IngestCounters()]
        workers = [
            asyncio.create_task(
                run_ingest(
                    pool,
                    replace(broker.settings(), client_id=f"{broker.city}-{number}", share_group=broker.city),
                    LIMITS,
                    _clock,
                    lambda _: None,
                    stop,
                    counters,
                )
            )
            for number, counters in enumerate(both)
        ]
        try:
            await _until(lambda: _is(all(c.connected for c in both)), lambda: str(both))
            async with _publisher(broker) as publish:
                for start in range(0, count, 100):
                    group = range(start, start + 100)
                    await asyncio.gather(*(publish("gas/gas-1", {"time": NOW - count + i, "value": i}) for i in group))
            await _until(lambda: _at_least(sum(c.messages for c in both), count), lambda: str(both))
            assert sorted(await _values_as_stored(pool)) == list(range(count))
            assert min(c.readings for c in both) > 0
        finally:
            stop.set()
            await asyncio.gather(*workers)
            await pool.close()

    asyncio.run(scenario())


def test_the_database_going_away_only_delays(broker: Broker, database_url: str) -> None:
    """Every connection is cut, again and again, while readings come in."""

    async def scenario() -> None:
        async with _service(broker, database_url) as service, _publisher(broker) as publish:
            admin = await open_pool(database_url, connections_max=1)
            for i in range(500):
                await publish("gas/gas-1", {"time": NOW + i, "value": i})
                if i % 50 == 0:
                    await admin.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and pid <> pg_backend_pid()"
                    )
            await admin.close()
            await _until(lambda: _rows_are(service, 500), service.describe)
            assert [row[2] for row in await service.rows()] == list(range(500))

    asyncio.run(scenario())


# --- the service inside the test ---------------------------------------------------------------------------------


@dataclass
class Service:
    pool: Pool
    counters: IngestCounters
    batches: list[ReadingBatch]

    async def until_messages(self, count: int) -> None:
        await _until(lambda: _at_least(self.counters.messages, count), self.describe)

    async def rows(self) -> list[tuple[str, int, float, int]]:
        rows = await self.pool.fetch(
            "select sensor, (extract(epoch from time) * 1000)::bigint as time, value, quality"
            " from reading join sensor using (sensor_key) order by sensor, time"
        )
        return [tuple(row) for row in rows]

    async def rejections(self) -> list[tuple[str, bytes, int]]:
        rows = await self.pool.fetch("select reason, payload, payload_bytes from rejection order by rejection")
        return [tuple(row) for row in rows]

    def describe(self) -> str:
        return str(self.counters)


@asynccontextmanager
async def _service(broker: Broker, database_url: str) -> AsyncIterator[Service]:
    pool = await _prepare_database(database_url, broker.city)
    service = Service(pool, IngestCounters(), [])
    stop = asyncio.Event()
    running = asyncio.create_task(
        run_ingest(pool, broker.settings(), LIMITS, _clock, service.batches.append, stop, service.counters)
    )
    try:
        await _until(lambda: _is(running.done() or service.counters.connected), service.describe)
        yield service
    finally:
        stop.set()
        await asyncio.wait_for(running, WAIT_S_MAX)
        await pool.close()


async def _prepare_database(url: str, city: str) -> Pool:
    pool = await open_pool(url)
    await import_sensors(pool, [_sensor(f"gas-{i}", city) for i in (1, 2)], [City(city=city, mode="test")])
    return pool


def _sensor(sensor: str, city: str) -> Sensor:
    return (
        Sensor(
            sensor=sensor,
            city=city,
            system="gas",
            property="combustible_gas",
            unit="%{LEL}",
            interval_s=60,
            valid_max=1e6,
        )
        if sensor == "gas-1"
        else Sensor(sensor=sensor, city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)
    )


Publish = Callable[..., Awaitable[None]]


@asynccontextmanager
async def _publisher(broker: Broker) -> AsyncIterator[Publish]:
    address = broker_address(broker.url)
    async with aiomqtt.Client(address.host, address.port) as client:
        client.pending_calls_threshold = 1_000

        async def publish(place: str, content: Any, retain: bool = False) -> None:
            payload = content if isinstance(content, bytes) else json.dumps(content).encode()
            await client.publish(f"lifeline/{broker.city}/{place}", payload, qos=1, retain=retain)

        yield publish


async def _values_as_stored(pool: Pool) -> list[float]:
    rows = await pool.fetch(
        "select value from reading join sensor using (sensor_key) where sensor = 'gas-1' order by batch, position"
    )
    return [row["value"] for row in rows]


async def _until(condition: Callable[[], Awaitable[bool]], describe: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not await condition():
        assert time.monotonic() < deadline, describe()
        await asyncio.sleep(0.02)


async def _is(condition: bool) -> bool:
    return condition


async def _at_least(number: int, least: int) -> bool:
    return number >= least


async def _rows_are(service: Service, count: int) -> bool:
    return len(await service.rows()) == count


def _clock() -> int:
    return time.time_ns() // 1_000_000
