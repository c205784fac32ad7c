"""A slow network between broker and worker is no lost one."""

import asyncio
import json
from dataclasses import dataclass, replace

from app.embedded.mosquitto import MosquittoBroker
from ingest.settings import MqttSettings
from tests.faults.device import connected
from tests.faults.proxy import proxy_to
from tests.faults.seeds import lasting
from tests.faults.stream import START_MS
from tests.integration.worker import Brokerage, working


@dataclass(frozen=True)
class SlowLine(Brokerage):
    """A worker that hears its city alone and is impatient."""

    def settings(self, worker: int) -> MqttSettings:
        return replace(super().settings(worker), subscriptions=(f"lifeline/{self.city}/+/+",), keepalive_s=1)


def test_case_10_a_slow_line_that_carries_something_is_not_taken_for_lost(
    mosquitto: MosquittoBroker, database_url: str
) -> None:
    """The answer to a ping stands behind a backlog, for longer than the worker waits for one."""

    async def scenario() -> None:
        async with proxy_to(mosquitto.url) as proxy, connected(mosquitto.url) as line:
            broker = SlowLine(proxy.url, "5")
            topic = f"lifeline/{broker.city}/gas/gas-1"
            messages = [(topic, json.dumps({"time": START_MS + n, "value": n % 7}).encode()) for n in range(1_000)]
            async with working(broker, database_url) as workers:
                crawling = asyncio.create_task(proxy.crawl(lasting(5, 30)))
                await line.publish(messages)
                await crawling
                await workers.until_stored("gas-1", START_MS + len(messages) - 1)
                (counters,) = workers.counters
                assert (counters.connections, counters.duplicates) == (1, 0)

    asyncio.run(scenario())
