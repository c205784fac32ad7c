"""What comes on which topic: readings are stored, our own output is let pass, all else is kept and can be seen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded.broker import EmbeddedBroker, embedded_broker
from app.embedded.mosquitto import MosquittoBroker, mosquitto_broker
from tests.conftest import Background
from tests.integration.worker import Brokerage, client_of, working

NOW = int(time.time()) * 1000
KINDS = ["nats 3.1.1", "mosquitto 3.1.1", "mosquitto 5", "mosquitto 5, two workers"]


@pytest.fixture(scope="module")
def nats(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with background.held(embedded_broker(tmp_path_factory.mktemp("nats"), "127.0.0.1", 0, print)) as server:
        yield server


@pytest.fixture(scope="module")
def mosquitto(
    background: Background, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MosquittoBroker]:
    with background.held(mosquitto_broker(tmp_path_factory.mktemp("mosquitto"), programs, 0, print)) as server:
        yield server


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest) -> Brokerage:
    """Brokers of this module's own: the subscriptions in service hear everything that other tests publish."""
    kind, protocol = request.param.partition(",")[0].split()
    workers = 2 if "two" in request.param else 1
    return Brokerage(request.getfixturevalue(kind).url, protocol, workers)


UNKNOWN = [
    "lifeline",
    "lifeline/{city}",
    "lifeline/{city}/gas-1",
    "lifeline/{city}/gas/gas-1/up",
    "lifeline/{city}/gas/gas-1/senml/more",
    "lifeline/{city}/gas/gas-1/1/2/3/4/5",
    "lifeline/{city}/alarm/a-1/more",
    "lifeline/{city}//gas-1",
    "spBv1.0/{city}/NOTHING/edge-1",
]
OURS = ["lifeline/{city}/alarm/a-1", "lifeline/{city}/status", "lifeline/worker/another", "spBv1.0/{city}/NCMD/edge-1"]


def test_each_message_comes_once_and_what_is_on_no_topic_of_ours_is_kept(broker: Brokerage, database_url: str) -> None:
    async def scenario() -> None:
        async with working(broker, database_url) as workers, client_of(broker) as device:
            for number, topic in enumerate((*UNKNOWN, *OURS)):
                payload = json.dumps({"time": NOW, "value": number})
                await device.publish(topic.format(city=broker.city), payload, qos=1)
            reading = json.dumps({"time": NOW, "value": 1})
            await device.publish(f"lifeline/{broker.city}/gas/gas-1", reading, qos=1)
            pack = json.dumps([{"bt": NOW // 1000 + 1, "v": 2}])
            await device.publish(f"lifeline/{broker.city}/gas/gas-1/senml", pack, qos=1)
            many = json.dumps([{"sensor": "gas-2", "time": NOW, "value": 3}])
            await device.publish(f"lifeline/{broker.city}/gateway/lamp-1", many, qos=1)
            for sensor, epoch_ms in (("gas-1", NOW), ("gas-1", NOW + 1000), ("gas-2", NOW)):
                await workers.until_stored(sensor, epoch_ms)
            await asyncio.sleep(0.5)  # a second delivery would have come by now
            assert [row[:3] for row in await workers.rows()] == [
                ("gas-1", NOW, 1.0),
                ("gas-1", NOW + 1000, 2.0),
                ("gas-2", NOW, 3.0),
            ]
            assert sum(counters.duplicates for counters in workers.counters) == 0
            # Sparkplug is not divided between workers.
            expected = [topic.format(city=broker.city) for topic in UNKNOWN[:-1]]
            expected += [UNKNOWN[-1].format(city=broker.city)] * broker.workers
            assert sorted(await workers.rejections()) == sorted(("topic_unknown", topic) for topic in expected)

    asyncio.run(scenario())


def test_what_the_service_says_retained_is_no_rejection_after_the_next_start(
    broker: Brokerage, database_url: str
) -> None:
    async def scenario() -> None:
        async with client_of(broker) as another:
            await another.publish(f"lifeline/{broker.city}/status", b"{}", qos=1, retain=True)
        for turn in range(2):
            async with working(broker, database_url) as workers, client_of(broker) as device:
                reading = json.dumps({"time": NOW + turn, "value": 1})
                await device.publish(f"lifeline/{broker.city}/gas/gas-1", reading, qos=1)
                await workers.until_stored("gas-1", NOW + turn)
                assert await workers.rejections() == []
        async with client_of(broker) as another:
            await another.publish(f"lifeline/{broker.city}/status", b"", qos=1, retain=True)

    asyncio.run(scenario())


def test_an_entry_of_a_gateway_counts_for_its_sensor_whoever_brings_it(nats: EmbeddedBroker, database_url: str) -> None:
    """Two sensors in one array have counts of their own; one that changes its way keeps counting."""
    broker = Brokerage(nats.url, "3.1.1")

    def entry(number: int, sensor: int, sequence: int) -> dict[str, object]:
        return {"sensor": f"gas-{sensor}", "time": NOW + number, "value": number, "sequence": sequence}

    sent = [
        ("gateway/lamp-1", [entry(1, 1, 1), entry(1, 2, 100)]),
        ("gateway/lamp-2", [entry(2, 1, 2), entry(4, 2, 103)]),  # 101 and 102 of gas-2 are missing
        ("gas/gas-1", [entry(3, 1, 3)]),
        ("gateway/lamp-1", [entry(4, 1, 4), entry(2, 2, 101)]),  # and one of them comes late
        ("gateway/lamp-1", [entry(5, 1, 5), entry(5, 2, 104)]),
    ]

    async def scenario() -> None:
        async with working(broker, database_url) as workers, client_of(broker) as device:
            for place, entries in sent:
                await device.publish(f"lifeline/{broker.city}/{place}", json.dumps(entries), qos=1)
            await workers.until_stored("gas-2", NOW + 5)
            sql = "select source, lower(part), upper(part) - 1 from gap cross join unnest(missing) as part"
            assert [tuple(row) for row in await workers.pool.fetch(sql)] == [("gas-2", 102, 102)]
            assert await workers.rejections() == []

    asyncio.run(scenario())
