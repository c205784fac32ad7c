"""The API is killed while a thousand clients follow the feed and alarms are raised: nobody misses one or is told twice.

The clients are in a process of their own (benchmarks.feed_clients). They come again with the number of the last event.
"""

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from store.keys import create_key
from store.pool import open_pool
from store.sensors import import_sensors
from tests.api.service import CITIES, NOON, SENSORS, change, journal
from tests.integration.service import running

CLIENTS = 1_000
KILLS = 2
CONNECT_S_MAX = 60.0


async def _raise_alarms(pool: Any, stop: asyncio.Event) -> None:
    """Now and then an alarm, sometimes many in one transaction."""
    chance, number = random.Random(7), 0
    while not stop.is_set():
        many = chance.choice((1, 1, 1, 20))
        raised = [NOON + (number + n) * 1_000 for n in range(many)]
        await journal(pool, [change("GAS-1", 0, 4, at, raised=at) for at in raised])
        number += many
        await asyncio.sleep(0.05)


def test_case_14_killed_under_a_thousand_feed_clients(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = await open_pool(database_url, connections_max=3)
        await import_sensors(pool, SENSORS, CITIES)
        keys = [await create_key(pool, role="viewer", areas=areas) for areas in (["*"], ["jiayuguan"])]
        paths = ("/api/v1/alarms/stream", "/api/v1/alarms/stream?system=gas&severity=red")
        out = tmp_path / "seen.npz"
        with running(tmp_path / "home", ("serve",), LIFELINE_DATABASE_URL=database_url) as service:
            task = {
                "port": service.port, "requests": [(path, key) for path in paths for key in keys], "count": CLIENTS,
                "out": str(out), "resume": True,
            }  # fmt: skip
            command = (sys.executable, "-m", "benchmarks.feed_clients", json.dumps(task))
            pipe = asyncio.subprocess.PIPE
            clients = await asyncio.create_subprocess_exec(
                *command, cwd=Path(__file__).parents[2], stdin=pipe, stdout=pipe
            )
            try:
                assert clients.stdout is not None
                async with asyncio.timeout(CONNECT_S_MAX):
                    assert await clients.stdout.readline() == b"connected\n"
                stop = asyncio.Event()
                raising = asyncio.create_task(_raise_alarms(pool, stop))
                for _ in range(KILLS):
                    await asyncio.sleep(1.0)
                    service.kill()
                    await asyncio.to_thread(service.start)
                await asyncio.sleep(1.0)
                stop.set()
                await raising
                newest = await pool.fetchval("select max(event) from journal")
                await asyncio.wait_for(clients.communicate(b"%d\n" % newest), CONNECT_S_MAX)
            finally:
                if clients.returncode is None:
                    clients.kill()
        with np.load(out) as seen:
            out_of_order, cut_off = seen["told"].tolist()
            print(f"{CLIENTS} clients cut off {cut_off} times had {newest} events each, {out_of_order} out of order")
            assert out_of_order == 0, "holes or repeats"
            assert cut_off >= CLIENTS * KILLS // 2, "they were not cut off"
            assert set(seen["last"].tolist()) == {newest}
            assert len(seen["events"]) == CLIENTS * newest
        await pool.close()

    asyncio.run(scenario())
