"""The database's disk is full: nothing more is acknowledged, the service says so, and all is stored once there is room.

Also where the database ends meanwhile, as it does where its own log finds no room: it can come back only afterwards.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import asyncpg
import httpx

from tests.faults.device import Device
from tests.faults.disks import fill, free, small_disk
from tests.faults.outcome import (
    Outcome,
    assert_nothing_lost,
    assert_same_alarms,
    has_batch_since,
    mid_stream,
    settled,
    until,
)
from tests.faults.seeds import chance, each_seed, lasting
from tests.faults.service import WholeService, serving
from tests.faults.stream import stream

DISK_MB = 320
WAIT_S_MAX = 60.0
BACK_S = 10.0  # goal: from the moment at which there is room
REFUSING = """
create or replace function refuse() returns trigger language plpgsql as $$
begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$;
create trigger full_disk before insert on batch for each row execute function refuse();
"""


class Full(Protocol):
    """A database that takes nothing more until there is room."""

    async def keep_full(self) -> None: ...

    async def worsen(self) -> None: ...

    async def free(self) -> None: ...


class FullDisk:
    """Its disk is filled to the last byte, and again where it has found some."""

    def __init__(self, place: Path, service: WholeService) -> None:
        self.place = place
        self.service = service

    async def keep_full(self) -> None:
        fill(self.place)

    async def worsen(self) -> None:
        os.kill(self.service.postmaster, signal.SIGKILL)

    async def free(self) -> None:
        free(self.place)


class FullTable:
    """The database says of one table what it says of all where its disk is full."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_full = False

    async def keep_full(self) -> None:
        if not self.is_full:
            await self._execute(REFUSING)
            self.is_full = True

    async def worsen(self) -> None:
        pass

    async def free(self) -> None:
        await self._execute("drop trigger full_disk on batch")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        await connection.execute(statement)
        await connection.close()


@each_seed
def test_case_07_disk_of_the_database_full(seed: int, fault_free: Outcome, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with small_disk(home / "database", DISK_MB):
        _trial(seed, fault_free, home, lambda service: FullDisk(home / "database", service))


@each_seed
def test_case_07_where_the_database_only_says_that_its_disk_is_full(
    seed: int, fault_free: Outcome, tmp_path: Path
) -> None:
    """It answers all else, so that nothing but ingest can know."""
    reasons = _trial(seed, fault_free, tmp_path / "home", lambda service: FullTable(service.database_url))
    assert reasons == ["the store takes no readings; they stay at the broker"]


def _trial(seed: int, fault_free: Outcome, home: Path, full_of: Callable[[WholeService], Full]) -> list[str]:
    """Let the database be full for a while, and return why the service was not ready."""
    instants = chance(seed)

    async def scenario() -> list[str]:
        async with serving(home) as service, httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as client:
            full = full_of(service)
            device = Device(service.mqtt_url, service.city, stream())
            publishing = asyncio.create_task(device.publish())
            await mid_stream(service.database_url, instants, (0.05, 0.4))
            began = time.monotonic()
            reasons = await _until_not_ready(client, full)
            print(f"not ready {time.monotonic() - began:.1f} s after the disk was full: {', '.join(reasons)}")
            acknowledged = await _acknowledged(client)
            await _stay_full(full, lasting(1.0, 30.0))
            await full.worsen()
            await _stay_full(full, lasting(1.0, 30.0))
            assert await _acknowledged(client) == acknowledged
            assert (await client.get("/readyz", timeout=WAIT_S_MAX)).status_code == 503
            await full.free()
            freed = time.time()
            device.give_leave()
            await until(service.database_url, lambda c: has_batch_since(c, freed), "batches are stored again")
            took = time.time() - freed
            print(f"batches are stored again {took:.1f} s after there was room")
            assert took < 10 * BACK_S
            await publishing
            found = await settled(service.database_url, len(fault_free.readings))
            await _until_ready(client)
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)
        return reasons

    return asyncio.run(scenario())


async def _until_not_ready(client: httpx.AsyncClient, full: Full) -> list[str]:
    """Keep the database full until the service says that it is not ready, and return why."""
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            await full.keep_full()
            answer = await client.get("/readyz", timeout=WAIT_S_MAX)
            if answer.status_code == 503:
                return list(answer.json()["reasons"])
            await asyncio.sleep(0.05)


async def _stay_full(full: Full, lasts_s: float) -> None:
    ends = time.monotonic() + lasts_s
    while time.monotonic() < ends:
        await full.keep_full()
        await asyncio.sleep(0.05)


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while (await client.get("/readyz", timeout=WAIT_S_MAX)).status_code != 200:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.1)


async def _acknowledged(client: httpx.AsyncClient) -> int:
    """How many messages the service has acknowledged to its broker."""
    answer = await client.get("/metrics", timeout=WAIT_S_MAX)
    found = re.search(r"^lifeline_ingest_acknowledgements_total (\S+)$", answer.text, re.MULTILINE)
    assert found is not None, answer.text
    return round(float(found[1]))
