"""The broker is killed or stopped in order: what is on its disk comes again, what is not is a gap that all can see."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from app.embedded.broker import EmbeddedBroker, embedded_broker
from app.embedded.mosquitto import MosquittoBroker, mosquitto_broker
from tests.conftest import ACK_WAIT_S
from tests.faults.device import Device
from tests.faults.outcome import (
    Outcome,
    assert_no_doubles,
    assert_nothing_lost,
    assert_same_alarms,
    mid_stream,
    settled,
)
from tests.faults.seeds import chance, each_seed
from tests.faults.service import serving, working
from tests.faults.stream import readings, sequence_of, stream
from tests.faults.worker import Task

SAVED_S_MAX = 30.0

Server = EmbeddedBroker | MosquittoBroker


@each_seed
def test_case_08_nats_killed(seed: int, fault_free: Outcome, tmp_path: Path) -> None:
    """It acknowledges what is written, so nothing is lost and no alarm is another."""
    instants = chance(seed)

    async def scenario() -> None:
        async with serving(tmp_path / "home") as service:
            device = Device(service.mqtt_url, service.city, stream())
            publishing = asyncio.create_task(device.publish())
            await mid_stream(service.database_url, instants)
            os.kill(service.broker, signal.SIGKILL)
            device.give_leave()
            await publishing
            found = await settled(service.database_url, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


@each_seed
def test_case_08_nats_killed_together_with_the_worker(
    seed: int, database_url: str, fault_free: Outcome, tmp_path: Path
) -> None:
    """What happens when the one process that runs it all is killed: its broker dies with it."""
    instants = chance(seed)

    async def scenario() -> None:
        async with killable(partial(_nats, tmp_path)) as broker:
            task = Task(broker.url, "3.1.1", "frames", "faults", database_url)
            device = Device(task.url, task.city, stream())
            async with working(task, tmp_path / "evaluate") as worker:
                publishing = asyncio.create_task(device.publish())
                await mid_stream(database_url, instants)
                broker.kill()
                await worker.kill()
                await broker.start()
                await worker.start()
                device.give_leave()
                await publishing
                found = await settled(database_url, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


@each_seed
@pytest.mark.parametrize(
    ("has_backlog", "remembers"),
    [
        pytest.param(False, 0, id="nothing waits"),
        pytest.param(True, 0, id="a backlog waits"),
        pytest.param(True, 3_000, id="a backlog waits and the device back-fills"),
    ],
)
def test_case_08_mosquitto_killed(
    seed: int,
    has_backlog: bool,
    remembers: int,
    database_url: str,
    fault_free: Outcome,
    programs: Path,
    tmp_path: Path,
) -> None:
    """What it acknowledged since its last save is gone; the device sends it again, or each one missing is said."""
    instants = chance(seed)

    async def scenario() -> None:
        async with killable(partial(_mosquitto, tmp_path, programs)) as broker:
            task = Task(broker.url, "5", "frames", "faults", database_url)
            device = Device(task.url, task.city, stream(), remembers=remembers)
            async with working(task, tmp_path / "evaluate") as worker:
                await _until_saved(tmp_path / "mosquitto" / "mosquitto.db")
                publishing = asyncio.create_task(device.publish())
                await mid_stream(database_url, instants, (0.05, 0.4))
                if has_backlog:
                    await worker.kill()
                    await asyncio.sleep(instants.uniform(0.1, 1.0))
                broker.kill()
                await broker.start()
                if has_backlog:
                    await worker.start()
                device.give_leave()
                await publishing
                found = await settled(database_url, len(fault_free.readings))
        acknowledged = set(readings(device.ledger))
        lost = acknowledged - {reading[:3] for reading in found.readings}
        print(f"{len(lost)} readings were acknowledged by the broker and lost by it; rows of gaps name them")
        if remembers:
            assert_nothing_lost(found, device.ledger)
        assert found.missing == {(sensor, sequence_of(when)) for sensor, when, _ in lost}
        assert len(found.readings) + len(lost) == len(acknowledged)
        assert_no_doubles(found)

    asyncio.run(scenario())


@each_seed
@pytest.mark.parametrize(
    ("kind", "has_backlog"),
    [
        pytest.param("nats", False, id="nats and nothing waits"),
        pytest.param("mosquitto", True, id="mosquitto and a backlog waits"),
    ],
)
def test_case_09_broker_stopped_in_order(
    seed: int,
    kind: str,
    has_backlog: bool,
    database_url: str,
    fault_free: Outcome,
    programs: Path,
    tmp_path: Path,
) -> None:
    """It writes down what it has; nothing is lost, whether the worker is there or away."""
    instants = chance(seed)
    opened = partial(_nats, tmp_path) if kind == "nats" else partial(_mosquitto, tmp_path, programs)

    async def scenario() -> None:
        async with killable(opened) as broker:
            task = Task(broker.url, "3.1.1" if kind == "nats" else "5", "frames", "faults", database_url)
            device = Device(task.url, task.city, stream())
            async with working(task, tmp_path / "evaluate") as worker:
                publishing = asyncio.create_task(device.publish())
                await mid_stream(database_url, instants, (0.05, 0.4))
                if has_backlog:
                    await worker.kill()
                    await device.until_acknowledged(instants.uniform(0.5, 0.8))
                began = time.monotonic()
                await broker.stop()
                await broker.start()
                print(f"the broker was away for {time.monotonic() - began:.1f} s")
                if has_backlog:
                    await worker.start()
                device.give_leave()
                await publishing
                found = await settled(database_url, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


class Killable:
    """A broker that can be killed and started again where it was."""

    def __init__(self, open_server: Callable[[int], AbstractAsyncContextManager[Server]]) -> None:
        self._open = open_server
        self._stack = AsyncExitStack()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """For clients."""
        assert self._server is not None
        return self._server.url

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self._server is not None
        return self._server.pid

    async def start(self) -> None:
        """Start it, after the first time with the files and on the port that it had."""
        await self.stop()
        self._server = await self._stack.enter_async_context(self._open(self._server.port if self._server else 0))

    def kill(self) -> None:
        """The end that nobody can prepare for."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it, where it still runs in order."""
        await self._stack.aclose()


@asynccontextmanager
async def killable(open_server: Callable[[int], AbstractAsyncContextManager[Server]]) -> AsyncIterator[Killable]:
    """A broker that is started, and stopped whatever happens."""
    broker = Killable(open_server)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()


def _nats(home: Path, port: int) -> AbstractAsyncContextManager[Server]:
    return embedded_broker(home, "127.0.0.1", port, print, ack_wait_s=ACK_WAIT_S)


def _mosquitto(home: Path, programs: Path, port: int) -> AbstractAsyncContextManager[Server]:
    return mosquitto_broker(home, programs, port, print)


async def _until_saved(file: Path) -> None:
    """Wait for the broker's next save: what it does not know of a session dies with it."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    async with asyncio.timeout(SAVED_S_MAX):
        while True:
            if file.exists() and file.stat().st_mtime_ns != before:
                return
            await asyncio.sleep(0.05)
