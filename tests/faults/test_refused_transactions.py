"""The database gives a transaction up, or its answer is lost: it is tried again, and nothing is there twice."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.faults.device import Device
from tests.faults.outcome import Outcome, assert_nothing_lost, assert_same_alarms, settled
from tests.faults.seeds import chance, each_seed
from tests.faults.service import working
from tests.faults.stream import stream
from tests.faults.worker import Task

# Of so many tries, one after the other, two are refused, one for each reason. The evaluator has fewer transactions.
OF_TRIES = {"batch": 8, "journal": 4}
# A sequence counts on where a transaction is rolled back.
REFUSING = """
create sequence {table}_tries;
create function refuse_{table}() returns trigger language plpgsql as $$
begin
  case nextval('{table}_tries') % {of}
    when {first} then raise exception 'injected' using errcode = 'serialization_failure';
    when {second} then raise exception 'injected' using errcode = 'deadlock_detected';
    else return null;
  end case;
end $$;
create trigger refuse after insert or update on {table} for each statement execute function refuse_{table}();
"""

each_task = pytest.mark.parametrize("task", ["nats 3.1.1 frames"], indirect=True)


@each_seed
@each_task
def test_case_13_deadlocks_and_serialisation_failures(
    seed: int, task: Task, fault_free: Outcome, tmp_path: Path
) -> None:
    """Of ingest's transactions and of the evaluator's, where all else of them is written already."""
    instants = chance(seed)

    async def scenario() -> None:
        device = Device(task.url, task.city, stream())
        device.give_leave()
        async with working(task, tmp_path / "evaluate"):
            connection = await asyncpg.connect(task.database)
            for table, of in OF_TRIES.items():
                first, second = instants.sample(range(of), 2)
                await connection.execute(REFUSING.format(table=table, of=of, first=first, second=second))
            await device.publish()
            found = await settled(task.database, len(fault_free.readings))
            for table, of in OF_TRIES.items():
                await connection.execute(f"drop trigger refuse on {table}")
                tries = await connection.fetchval(f"select last_value from {table}_tries")
                print(f"{table}: {tries // of} refusals of each kind or one more, in {tries} tries")
                assert tries >= of, "it was not refused for each of the reasons"
            await connection.close()
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


@each_seed
@each_task
def test_case_13_the_answer_to_a_commit_is_lost(seed: int, task: Task, fault_free: Outcome, tmp_path: Path) -> None:
    """It was committed, and nobody knows: the same again changes nothing."""
    instants = chance(seed)
    failpoints = ",".join(
        f"{place}=raise:connection@{instants.randint(1, 3)}" for place in ("batch-committed", "evaluation-committed")
    )

    async def scenario() -> None:
        device = Device(task.url, task.city, stream())
        device.give_leave()
        async with working(task, tmp_path / "evaluate", failpoints):
            await device.publish()
            found = await settled(task.database, len(fault_free.readings))
        assert found.duplicates > 0, "nothing was stored again"
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())
