"""The ingest worker is killed: what it had in hand comes again, and nobody can tell that it was gone."""

import asyncio
import signal
from pathlib import Path

import asyncpg
import pytest

from tests.faults.device import Device, until_status
from tests.faults.outcome import Outcome, assert_nothing_lost, assert_same_alarms, mid_stream, settled, until
from tests.faults.seeds import chance, each_seed
from tests.faults.service import register, working
from tests.faults.stream import stream
from tests.faults.worker import Task, Worker

each_broker = pytest.mark.parametrize("task", ["nats 3.1.1 frames", "mosquitto 5 frames"], indirect=True)


def test_the_stream_raises_and_clears_alarms_and_doubts_some_readings(fault_free: Outcome) -> None:
    """Or the comparison of the alarms would show nothing."""
    process = [line for line in fault_free.journal if line["class"] == "process"]
    assert {line["severity"] for line in process} >= {"blue", "yellow", "orange", "red"}
    assert sum(line["from"] == "normal" for line in process) > 30
    assert sum(line["condition"] == "normal" for line in process) > 30
    assert len({quality for *_, quality in fault_free.readings}) > 1
    assert_nothing_lost(fault_free, stream())


@each_seed
def test_case_01_worker_killed_in_mid_batch(seed: int, task: Task, fault_free: Outcome, tmp_path: Path) -> None:
    instants = chance(seed)

    async def scenario() -> None:
        device = Device(task.url, task.city, stream())
        async with working(task, tmp_path / "evaluate") as worker:
            publishing = asyncio.create_task(device.publish())
            for share in ((0.05, 0.4), (0.4, 0.75))[: instants.randint(1, 2)]:
                await mid_stream(task.database, instants, share)
                await worker.kill()
                await worker.start()
            device.give_leave()
            await publishing
            found = await settled(task.database, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


@each_seed
@each_broker
def test_case_02_worker_killed_between_commit_and_acknowledgement(
    seed: int, task: Task, fault_free: Outcome, tmp_path: Path
) -> None:
    failpoints = f"batch-committed=kill@{chance(seed).randint(1, 5)}"

    async def scenario() -> None:
        device = Device(task.url, task.city, stream())
        async with working(task, tmp_path / "evaluate", failpoints) as worker:
            publishing = asyncio.create_task(device.publish())
            assert await worker.ended() == -signal.SIGKILL
            await worker.start()
            device.give_leave()
            await publishing
            found = await settled(task.database, len(fault_free.readings))
        assert found.duplicates > 0, "nothing was delivered again"
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


@each_broker
def test_the_broker_tells_that_a_worker_was_lost(task: Task) -> None:
    """Retained, so that it is also known to those who come later; our own subscription does not hear it."""

    async def scenario() -> None:
        await register(task.database, task.city)
        worker = Worker(task)
        try:
            await worker.start()
            await until_status(task.url, task.client_id, "connected")
            await worker.kill()
            await until_status(task.url, task.client_id, "lost")
            assert (await until_status(task.url, task.client_id, "lost")).retain
            await worker.start()
            await until_status(task.url, task.client_id, "connected")
        finally:
            await worker.stop()
        assert (await until_status(task.url, task.client_id, "stopped")).retain
        await until(task.database, _nothing_was_rejected, "its own words are passed over")

    asyncio.run(scenario())


async def _nothing_was_rejected(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("select count(*) = 0 from rejection"))
