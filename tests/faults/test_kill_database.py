"""The database is killed, its postmaster or one of its backends: it comes back by itself, and nothing is missing."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from tests.faults.device import Device
from tests.faults.outcome import (
    Outcome,
    assert_nothing_lost,
    assert_same_alarms,
    has_batch_since,
    mid_stream,
    settled,
    until,
)
from tests.faults.seeds import chance, each_seed
from tests.faults.service import WholeService, serving
from tests.faults.stream import stream

BACK_S = 10.0  # goal of the catalogue
SEARCH_S_MAX = 30.0


async def kill_postmaster(service: WholeService) -> None:
    """The server's first process; the others notice, and end when they can."""
    os.kill(service.postmaster, signal.SIGKILL)


async def kill_backend(service: WholeService) -> None:
    """One that is in a transaction; the postmaster then ends all others too and recovers."""
    os.kill(await _backend(service, "xact_start is not null"), signal.SIGKILL)


async def kill_committing_backend(service: WholeService) -> None:
    """One whose commit is on disk and not confirmed: it waits for a standby that does not exist."""
    await _administer(service, "alter system set synchronous_standby_names = 'nobody'")
    os.kill(await _backend(service, "wait_event = 'SyncRep' and query like '%COMMIT%'"), signal.SIGKILL)
    await until(service.database_url, _standbys_reset, "the database takes the setting back")


@each_seed
@pytest.mark.parametrize("kill", [kill_postmaster, kill_backend, kill_committing_backend])
def test_case_04_database_killed(
    seed: int,
    kill: Callable[[WholeService], Awaitable[None]],
    fault_free: Outcome,
    tmp_path: Path,
) -> None:
    instants = chance(seed)

    async def scenario() -> None:
        async with serving(tmp_path / "home") as service:
            device = Device(service.mqtt_url, service.city, stream())
            publishing = asyncio.create_task(device.publish())
            await mid_stream(service.database_url, instants)
            killed = time.time()
            await kill(service)
            device.give_leave()
            await until(service.database_url, lambda c: has_batch_since(c, killed), "batches are stored again")
            took = time.time() - killed
            print(f"batches are stored again after {took:.1f} s")
            assert took < 10 * BACK_S
            await publishing
            found = await settled(service.database_url, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


async def _backend(service: WholeService, condition: str) -> int:
    """The process number of a backend of Lifeline's that fulfils the condition."""
    connection = await asyncpg.connect(service.database_url)
    try:
        async with asyncio.timeout(SEARCH_S_MAX):
            while True:
                found = await connection.fetchval(
                    f"select pid from pg_stat_activity where application_name = 'lifeline' and {condition} limit 1"
                )
                if found is not None:
                    return int(found)
    finally:
        connection.terminate()


async def _administer(service: WholeService, statement: str) -> None:
    connection = await asyncpg.connect(service.database_url)
    try:
        await connection.execute(statement)
        await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()


async def _standbys_reset(connection: asyncpg.Connection) -> bool:
    await connection.execute("alter system reset synchronous_standby_names")
    return bool(await connection.fetchval("select pg_reload_conf()"))
