"""The power of broker and database is cut, as far as a test can: killed at once, or thrown back to what is on the disk.

A disk here is a file system within a file. Whatever the broker or the database has not made the kernel write is not in
that file: a copy of it, taken while they stand still, is what a disk without a cache of its own holds after a cut. What
a real disk acknowledges and then forgets, or writes in part, is not tried.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.device import Device
from tests.faults.disks import copied, file_disk, small_disk, written_out
from tests.faults.outcome import (
    Outcome,
    assert_no_doubles,
    assert_nothing_lost,
    assert_same_alarms,
    mid_stream,
    settled,
)
from tests.faults.processes import children, frozen
from tests.faults.seeds import TRUE_DURATIONS, chance, each_seed
from tests.faults.service import WholeService, begun, serving
from tests.faults.stream import readings, sequence_of, stream

SYNC = "LIFELINE_MQTT_SYNC_INTERVAL"
SYNC_INTERVALS = ("always", "100ms") if TRUE_DURATIONS else ("always",)
DEFAULT_S = 0.1  # of that setting
READINGS_S = 2_000  # that the device publishes
DISK_MB = 1_000  # of which it takes what is written


@each_seed
def test_case_48_broker_database_and_worker_killed_at_once(seed: int, fault_free: Outcome, tmp_path: Path) -> None:
    instants = chance(seed)

    async def scenario() -> None:
        async with serving(tmp_path / "home", **{SYNC: "always"}) as service:
            device = Device(service.mqtt_url, service.city, stream())
            publishing = asyncio.create_task(device.publish())
            await mid_stream(service.database_url, instants)
            _kill_all(service)
            await asyncio.to_thread(service.start)
            device.give_leave()
            await publishing
            found = await settled(service.database_url, len(fault_free.readings))
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)

    asyncio.run(scenario())


@each_seed
@pytest.mark.parametrize("sync_interval", SYNC_INTERVALS)
def test_case_48_thrown_back_to_what_is_on_the_disk(
    seed: int, sync_interval: str, fault_free: Outcome, tmp_path: Path
) -> None:
    """With `always` nothing acknowledged to the device is lost; else at most the interval, and each one is said.

    That holds for a broker that has stood for a while: what it has written of itself when it was set up is on the disk
    with `always` at once, and else when the kernel thinks of it, after half a minute.
    """
    instants = chance(seed)
    home, memory = tmp_path / "home", tmp_path / "memory"
    disk, after_cut = memory / "disk", memory / "after-cut"

    async def scenario() -> tuple[Device, Outcome]:
        with file_disk(disk, home, DISK_MB):
            async with begun(home, **{SYNC: sync_interval}) as service:
                assert service.process is not None
                if sync_interval != "always":
                    written_out(home)
                device = Device(service.mqtt_url, service.city, stream())
                publishing = asyncio.create_task(device.publish())
                await mid_stream(service.database_url, instants)
                with frozen([service.process.pid, service.postmaster]):
                    publishing.cancel()
                    await asyncio.wait((publishing,))
                    copied(disk, after_cut)
                    _kill_all(service)
        print(f"{device.acknowledged} messages were acknowledged when the power was cut")
        with file_disk(after_cut, home, DISK_MB):
            try:
                await asyncio.to_thread(service.start)
                device.give_leave()
                await device.publish()
                found = await settled(service.database_url, len(fault_free.readings))
                return device, found
            finally:
                service.stop()

    with small_disk(memory, 2 * DISK_MB):  # the disk of this machine may be slow for a while
        device, found = asyncio.run(scenario())
    lost = set(readings(device.ledger)) - {reading[:3] for reading in found.readings}
    print(f"{len(lost)} readings were acknowledged by the broker and lost by it; rows of gaps name them")
    if sync_interval == "always":
        assert_nothing_lost(found, device.ledger)
        assert_same_alarms(found, fault_free)
    assert found.missing == {(sensor, sequence_of(when)) for sensor, when, _ in lost}
    assert len(lost) <= 10 * DEFAULT_S * READINGS_S
    assert_no_doubles(found)


def _kill_all(service: WholeService) -> None:
    """The service, its broker and each process of its database, none of which can tell another."""
    assert service.process is not None
    postmaster = service.postmaster
    for process in (service.broker, postmaster, *children(postmaster), service.process.pid):
        with suppress(ProcessLookupError):  # one of the database's may have ended by itself
            os.kill(process, signal.SIGKILL)
    service.process.wait()
