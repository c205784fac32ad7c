"""A session that the NATS server still has is not subscribed again, unless the record of it is wrong or old."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Sequence
from datetime import datetime

import aiomqtt

from ingest.settings import SUBSCRIPTIONS, MqttSettings, broker_address
from tests.integration.worker import Brokerage, Workers, client_of, until, working

NOW = int(time.time()) * 1000


@dataclasses.dataclass(frozen=True)
class Nats(Brokerage):
    """As NATS is used in service: a session is taken up only when what it repeats has fallen due."""

    filters: tuple[str, ...] = SUBSCRIPTIONS
    unheard_s: float = 10.0

    def settings(self, worker: int) -> MqttSettings:
        return dataclasses.replace(
            super().settings(worker), redelivery_s=0.05, subscriptions=self.filters, unheard_s=self.unheard_s
        )


async def record(workers: Workers) -> tuple[Sequence[str], datetime]:
    row = await workers.pool.fetchrow("select filters, granted_at from mqtt_session")
    return sorted(row["filters"]), row["granted_at"]


async def publish(broker: Nats, time_ms: int, workers: Workers) -> None:
    async with client_of(broker) as device:
        await device.publish(f"lifeline/{broker.city}/gas/gas-1", json.dumps({"time": time_ms, "value": 1}), qos=1)
    await workers.until_stored("gas-1", time_ms)


def test_a_session_is_subscribed_once(broker_url: str, database_url: str) -> None:
    broker = Nats(broker_url, "3.1.1")
    more = dataclasses.replace(broker, filters=(*SUBSCRIPTIONS, f"vendor/{broker.city}/#"))

    async def scenario() -> None:
        records = []
        for turn, one in enumerate((broker, broker, more, more)):
            async with working(one, database_url) as workers:
                await publish(broker, NOW + turn, workers)
                records.append(await record(workers))
        assert [filters for filters, _ in records] == [sorted(SUBSCRIPTIONS)] * 2 + [sorted(more.filters)] * 2
        times = [granted_at for _, granted_at in records]
        assert times[0] == times[1] < times[2] == times[3]

    asyncio.run(scenario())


def test_a_session_that_hears_nothing_is_subscribed_after_all(broker_url: str, database_url: str) -> None:
    broker = Nats(broker_url, "3.1.1", unheard_s=0.3)
    address = broker_address(broker.url)
    client_id = broker.settings(0).client_id

    async def scenario() -> None:
        async with aiomqtt.Client(address.host, address.port, identifier=client_id, clean_session=False):
            pass  # the broker now has a session, without a subscription
        async with working(broker, database_url) as workers:
            _, begun = await record(workers)
            await workers.pool.execute("update mqtt_session set granted_at = 'epoch'")
        async with aiomqtt.Client(address.host, address.port, identifier=client_id, clean_session=False) as client:
            for topic in broker.filters:
                await client.unsubscribe(topic)
        async with working(broker, database_url) as workers:

            async def is_granted_again() -> bool:
                return (await record(workers))[1] > begun

            await until(is_granted_again, lambda: "the session is not subscribed again")
            await publish(broker, NOW, workers)

    asyncio.run(scenario())
