"""The database stands still, is away, or no longer hears us: the broker keeps what comes, and the screens say so."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from store.batches import IncomingReadings, write_batch
from store.pool import open_pool
from tests.api.service import running, until
from tests.faults.database_proxy import proxy_to_database
from tests.faults.device import Device
from tests.faults.outcome import (
    Outcome,
    assert_nothing_lost,
    assert_same_alarms,
    has_batch_since,
    has_rows,
    mid_stream,
    settled,
)
from tests.faults.outcome import until as until_in
from tests.faults.processes import frozen, memory_mb
from tests.faults.seeds import chance, each_seed, lasting
from tests.faults.service import serving, working
from tests.faults.stream import MINUTES, readings, stream
from tests.faults.worker import Task

COMMAND_S_MAX = 1.0
TIMED_OUT_S = 2 * COMMAND_S_MAX  # goal: a command, and the end of its transaction
MEMORY_MB_MAX = 128.0  # goal: by as much a worker may grow, twice the queue's limit
DRAINED_S = 120.0  # goal of the catalogue
WAIT_S_MAX = 60.0


@each_seed
def test_case_05_database_frozen(seed: int, fault_free: Outcome, tmp_path: Path) -> None:
    instants = chance(seed)

    async def scenario() -> None:
        async with serving(tmp_path / "home", LIFELINE_COMMAND_S_MAX=str(COMMAND_S_MAX)) as service:
            assert service.process is not None
            device = Device(service.mqtt_url, service.city, stream())
            publishing = asyncio.create_task(device.publish())
            await mid_stream(service.database_url, instants)
            before = memory_mb(service.process.pid)
            with frozen([service.postmaster]):
                began = time.monotonic()
                await until(lambda: "the store did not take a batch (TimeoutError" in service.said(), WAIT_S_MAX)
                timed_out = time.monotonic() - began
                await asyncio.sleep(max(0.0, lasting(timed_out, 60) - timed_out))
                grown = memory_mb(service.process.pid) - before
            thawed = time.time()
            device.give_leave()
            await until_in(service.database_url, lambda c: has_batch_since(c, thawed), "batches are stored again")
            print(f"a command timed out after {timed_out:.1f} s, the service grew by {grown:.0f} MB,", end=" ")
            print(f"batches are stored again {time.time() - thawed:.1f} s after the database went on")
            assert timed_out < 10 * TIMED_OUT_S
            assert grown < 10 * MEMORY_MB_MAX
            await publishing
            found = await settled(service.database_url, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


def test_case_05_who_vanished_within_a_transaction_does_not_keep_the_log(database_url: str) -> None:
    """The way between a worker and the database breaks without a word; the server still holds the lock for it."""
    idle_s_max = 1.0

    async def scenario() -> None:
        async with proxy_to_database(database_url) as proxy:
            vanished = await open_pool(proxy.url, connections_max=1, command_s_max=1, idle_s_max=idle_s_max)
            other = await open_pool(database_url, connections_max=1)
            connection = await vanished.acquire()
            await connection.execute("begin")
            await connection.fetchrow("select * from lock_log()")
            proxy.fall_silent()
            began = time.monotonic()
            nothing = IncomingReadings(
                np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint16)
            )
            await write_batch(other, 0, nothing)
            took = time.monotonic() - began
            print(f"another has the log after {took:.1f} s")
            assert took < 10 * idle_s_max
            with pytest.raises(TimeoutError):  # and the one that vanished does not wait for ever either
                await connection.fetchval("select 1")
            vanished.terminate()
            await other.close()

    asyncio.run(scenario())


@each_seed
@pytest.mark.parametrize("task", ["nats 3.1.1 frames"], indirect=True)
def test_case_06_database_down_at_rated_load(seed: int, task: Task, tmp_path: Path) -> None:
    """At 2,000 readings a second, ten times those of one Jiayuguan."""
    instants = chance(seed)
    messages = stream(round(lasting(MINUTES, 14_000)))

    async def scenario() -> None:
        device = Device(task.url, task.city, messages)
        async with (
            proxy_to_database(task.database) as proxy,
            working(replace(task, database=proxy.url), tmp_path / "evaluate") as worker,
            running(proxy.url, stream_heartbeat_s=0.2, stream_poll_s=0.1) as api,
        ):
            client = await api.client("viewer")
            assert (await client.get("/readyz")).status_code == 200
            async with _heard_of(client) as beats:
                await until(lambda: len(beats) > 1, WAIT_S_MAX)
                publishing = asyncio.create_task(device.publish())
                await mid_stream(task.database, instants, (0.05, 0.2))
                before = memory_mb(worker.pid)
                proxy.go_down()
                device.give_leave()
                for path in ("/readyz", "/api/v1/status", "/api/v1/alarms"):
                    assert (await client.get(path)).status_code == 503, path
                assert "the database does not answer" in (await client.get("/readyz")).json()["reasons"]
                await asyncio.sleep(lasting(2.0, 60.0))
                heard = len(beats)
                await asyncio.sleep(1.0)
                assert len(beats) == heard, "the feed says that it lives, and knows nothing"
                grown = memory_mb(worker.pid) - before
                proxy.come_up()
                began = time.monotonic()
                expected = len(readings(messages))
                await publishing
                await until_in(task.database, lambda c: has_rows(c, expected), f"{expected} readings are stored")
                drained = time.monotonic() - began
                await until(lambda: len(beats) > heard, WAIT_S_MAX)
                assert (await client.get("/api/v1/status")).status_code == 200
                found = await settled(task.database, expected)
        print(f"{expected} readings stored {drained:.1f} s after it was back; the worker grew by {grown:.0f} MB")
        assert drained < 10 * DRAINED_S
        assert grown < 10 * MEMORY_MB_MAX
        assert_nothing_lost(found, device.ledger)

    asyncio.run(scenario())


@asynccontextmanager
async def _heard_of(client: httpx.AsyncClient) -> AsyncIterator[list[float]]:
    """When heartbeats came on the feed (monotonic clock): by them a screen knows that what it shows is current."""
    heard: list[float] = []

    async def listen() -> None:
        async with client.stream("GET", "/api/v1/alarms/stream", timeout=None) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line.startswith(": heartbeat"):
                    heard.append(time.monotonic())

    listening = asyncio.create_task(listen())
    try:
        yield heard
        assert not listening.done(), "the stream has ended"
    finally:
        listening.cancel()
        await asyncio.wait((listening,))
