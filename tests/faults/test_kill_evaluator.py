"""The evaluator is killed, in its transaction and right after it: the journal is what it would have been."""

import asyncio
import signal
from pathlib import Path

import pytest

from model import failpoint
from tests.faults.device import Device, until_status
from tests.faults.outcome import Outcome, assert_nothing_lost, assert_same_alarms, settled
from tests.faults.seeds import chance, each_seed
from tests.faults.service import evaluating, worker_alone
from tests.faults.stream import stream
from tests.faults.worker import Task
from tests.integration.service import Service

KILLED_S_MAX = 60.0


@each_seed
@pytest.mark.parametrize("task", ["nats 3.1.1 frames"], indirect=True)
def test_case_03_evaluator_killed_in_mid_batch(seed: int, task: Task, fault_free: Outcome, tmp_path: Path) -> None:
    """At a transition's transaction in mid-stream, and again at the first one after it has come back."""
    instants = chance(seed)
    places = ["evaluation-before-commit", "evaluation-committed"]
    instants.shuffle(places)
    first, second = f"{places[0]}=kill@{instants.randint(1, 3)}", f"{places[1]}=kill"
    print(first, second)

    async def scenario() -> None:
        device = Device(task.url, task.city, stream())
        async with worker_alone(task), evaluating(task, tmp_path / "evaluate", first) as evaluator:
            await until_status(task.url, task.client_id, "connected")
            publishing = asyncio.create_task(device.publish())
            for following in (second, ""):
                assert await asyncio.to_thread(_end_of, evaluator) == -signal.SIGKILL
                evaluator.environment[failpoint.VARIABLE] = following
                evaluator.launch()
            device.give_leave()
            await publishing
            found = await settled(task.database, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


def _end_of(service: Service) -> int:
    assert service.process is not None
    return service.process.wait(KILLED_S_MAX)
