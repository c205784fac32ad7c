"""The network misbehaves between device and broker and between broker and worker, and nobody can tell afterwards."""

import asyncio
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from app.embedded.mosquitto import MosquittoBroker
from ingest.settings import MqttSettings
from tests.faults.device import Device, connected
from tests.faults.outcome import Outcome, assert_nothing_lost, assert_same_alarms, settled, until
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.seeds import TRUE_DURATIONS, chance, each_seed, lasting
from tests.faults.service import working as working_apart
from tests.faults.stream import START_MS, stream
from tests.faults.worker import Task
from tests.integration.worker import Brokerage, working

PAUSE_S = 0.05  # between portions, so that each fault begins in the middle of a part of the stream
PATIENCE_S = 5.0  # until a device takes its connection for lost
# Until the worker does, twice this, and the broker, one and a half times: NATS, which repeats after ACK_WAIT_S what it
# has sent into a dead line, has to end that before.
KEEPALIVE_S = {"nats": 1, "mosquitto": 2}
FAULTS = {
    "nats": [
        ("worker", "cut"), ("worker", "half-open"), ("worker", "slow"), ("device", "half-open"), ("device", "late")
    ],
    "mosquitto": [
        ("worker", "late"), ("worker", "half-open"), ("worker", "reordered"),
        ("device", "cut"), ("device", "slow"), ("device", "reordered"),
    ],
}  # fmt: skip


@dataclass(frozen=True)
class SlowLine(Brokerage):
    """A worker that hears its city alone and is impatient."""

    def settings(self, worker: int) -> MqttSettings:
        return replace(super().settings(worker), subscriptions=(f"lifeline/{self.city}/+/+",), keepalive_s=1)


@each_seed
@pytest.mark.parametrize("task", ["nats 3.1.1 frames", "mosquitto 5 frames"], indirect=True)
def test_case_10_network_cut_half_open_slow_late_and_reordered(
    seed: int, task: Task, fault_free: Outcome, tmp_path: Path
) -> None:
    """One in each part of the stream, at a random instant: half of them on each broker, or all with true durations."""
    instants = chance(seed)
    broker = "nats" if task.protocol == "3.1.1" else "mosquitto"
    faults = [fault for tried, some in FAULTS.items() for fault in some if TRUE_DURATIONS or tried == broker]
    instants.shuffle(faults)

    async def scenario() -> None:
        async with (
            proxy_to(task.url, instants) as before_device,
            proxy_to(task.url, instants) as before_worker,
            working_apart(replace(task, url=before_worker.url, keepalive_s=KEEPALIVE_S[broker]), tmp_path / "evaluate"),
        ):
            device = Device(before_device.url, task.city, stream(), pause_s=PAUSE_S, patience_s=PATIENCE_S)
            publishing = asyncio.create_task(device.publish())
            for number, (place, fault) in enumerate(faults):
                part = 1 / (len(faults) + 1)
                device.go_on_to((number + 1) * part)
                await device.until_acknowledged((number + instants.uniform(0, 0.5)) * part)
                await _cause(fault, before_device if place == "device" else before_worker)
                took = await _until_stored(device, (number + 1) * part, task.database)
                print(f"{fault} between {place} and broker: the rest of the part is stored {took:.1f} s after it")
            device.give_leave()
            await publishing
            found = await settled(task.database, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


async def _cause(fault: str, proxy: Proxy) -> None:
    match fault:
        case "cut":
            proxy.cut()
        case "half-open":
            proxy.fall_silent()
        case "slow":
            await proxy.crawl(lasting(1.5, 60))
        case "late":
            await proxy.lag(lasting(1.5, 60))
        case "reordered":
            await proxy.reorder()


async def _until_stored(device: Device, share: float, url: str) -> float:
    """Wait until that share of the stream is acknowledged and stored; return the seconds."""
    began = time.monotonic()
    await device.until_acknowledged(share)
    readings = sum(message.reading is not None for message in device.ledger)

    async def are_stored(connection: asyncpg.Connection) -> bool:
        return bool(await connection.fetchval("select coalesce(sum(readings), 0) >= $1 from batch", readings))

    await until(url, are_stored, "what was acknowledged is stored")
    return time.monotonic() - began


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
