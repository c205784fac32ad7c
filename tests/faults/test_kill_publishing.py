"""The journal is the outbox: whatever is killed while it is published, each line reaches a subscriber as it is."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import paho.mqtt.client as mqtt
import pytest

from store.pool import TRANSIENT_ERRORS, DatabaseUnreachable, open_pool
from store.sensors import import_sensors
from tests.api.service import CITIES, NOON, SENSORS, change, journal
from tests.faults.seeds import chance, each_seed
from tests.faults.service import WholeService, serving

LINES = 300
PORTION = 3
WAIT_S_MAX = 60.0


class Subscriber:
    """A client whose session outlives its connections, and what it has heard by (alarm, sequence)."""

    def __init__(self, url: str) -> None:
        self.heard: dict[tuple[str, int], dict[str, Any]] = {}
        self.repeated = 0
        self.subscribed = threading.Event()
        host, _, port = url.removeprefix("mqtt://").partition(":")
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self.client.reconnect_delay_set(0.2, 1)
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe("lifeline/+/alarm/+", 1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.connect(host, int(port))
        self.client.loop_start()
        assert self.subscribed.wait(20)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        line = msgspec.json.decode(message.payload)
        known = self.heard.setdefault((line["alarm"], line["sequence"]), line)
        assert known == line
        self.repeated += known is not line

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def kill_broker(service: WholeService) -> None:
    os.kill(service.broker, signal.SIGKILL)


async def kill_database(service: WholeService) -> None:
    os.kill(service.postmaster, signal.SIGKILL)


async def kill_service(service: WholeService) -> None:
    """The publisher, and with it broker and database."""
    service.kill()
    await asyncio.to_thread(service.start)


@each_seed
@pytest.mark.parametrize("kill", [kill_broker, kill_database, kill_service])
def test_every_line_is_heard_though_something_is_killed(
    seed: int, kill: Callable[[WholeService], Awaitable[None]], tmp_path: Path
) -> None:
    instants = chance(seed)

    async def scenario() -> None:
        async with serving(tmp_path / "home") as service:
            subscriber = Subscriber(service.mqtt_url)
            try:
                writing = asyncio.create_task(_write(service, instants))
                while len(subscriber.heard) < LINES * instants.uniform(0.1, 0.6):  # noqa: ASYNC110 - another thread's
                    await asyncio.sleep(0.005)
                await kill(service)
                await writing
                expected = await _journal(service)
                async with asyncio.timeout(WAIT_S_MAX):
                    while len(subscriber.heard) < len(expected):  # noqa: ASYNC110 - another thread's
                        await asyncio.sleep(0.05)
            finally:
                subscriber.close()
            print(f"{len(expected)} lines heard, {subscriber.repeated} of them more than once")
            assert subscriber.heard == expected

    asyncio.run(scenario())


async def _write(service: WholeService, instants: random.Random) -> None:
    """Journal alarms a few at a time, over as many connections to the database as it takes."""
    written = 0
    while written < LINES:
        try:
            pool = await open_pool(service.database_url, connections_max=1)
            try:
                await import_sensors(pool, SENSORS, CITIES)
                while (written := await pool.fetchval("select count(*) from journal")) < LINES:
                    times = [NOON + (written + number) * 1000 for number in range(PORTION)]
                    await journal(pool, [change("GAS-1", 0, 3, time=time, raised=time) for time in times])
                    await asyncio.sleep(instants.uniform(0, 0.01))
            finally:
                pool.terminate()
        except (*TRANSIENT_ERRORS, FileNotFoundError, DatabaseUnreachable):
            await asyncio.sleep(0.2)


async def _journal(service: WholeService) -> dict[tuple[str, int], dict[str, Any]]:
    connection = await asyncpg.connect(service.database_url)
    try:
        rows = await connection.fetch("select event, city, system, district, line from journal")
    finally:
        await connection.close()
    lines = [
        msgspec.json.decode(row["line"]) | {name: row[name] for name in ("event", "city", "system", "district")}
        for row in rows
    ]
    return {(line["alarm"], line["sequence"]): line for line in lines}
