"""The API's connections are all held by requests that do not end: readings are stored as fast as before."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import numpy as np
import paho.mqtt.client as mqtt

from tests.faults.seeds import lasting
from tests.faults.service import WholeService, serving
from tests.faults.stream import SENSORS

EVERY_S = 0.01  # a reading
POLL_S = 0.003
LEAST_S = 0.2  # a percentile below it is no measure of what ten times more would be
CALLERS = 30  # at one time, of an API with four connections for requests
WAIT_S_MAX = 60.0
PATH = "/api/v1/shifts/hand-overs"


def test_case_12_an_api_without_connections_does_not_delay_ingest(tmp_path: Path) -> None:
    count = round(lasting(2.5, 60.0) / EVERY_S)

    async def scenario() -> None:
        async with serving(tmp_path / "home") as service:
            key = service.run("keys", "create", "--role", "supervisor").stdout.strip()
            headers = {"Authorization": f"Bearer {key}"}
            unbounded = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{service.port}", headers=headers, timeout=60, limits=unbounded
            ) as client:
                await _stored_after_s(service, count // 4)  # so that nothing is done for the first time
                free_s = await _stored_after_s(service, count)
                async with _exhausted(service, client) as answers:
                    before = answers[503]
                    held_s = await _stored_after_s(service, count)
                    assert answers[503] > before, "it was exhausted to the end"
                    assert (await client.get("/healthz")).status_code == 200
                # Whoever waited is answered, and then everything is as it was.
                assert (await client.get(PATH)).status_code == 200
        print(
            f"99th percentile from publishing to stored, {count} readings: {free_s * 1_000:.0f} ms, and"
            f" {held_s * 1_000:.0f} ms while the API answered {dict(answers)}"
        )
        assert held_s < 10 * max(free_s, LEAST_S)

    asyncio.run(scenario())


@asynccontextmanager
async def _exhausted(service: WholeService, client: httpx.AsyncClient) -> AsyncIterator[Counter[int]]:
    """Let callers ask again and again for what a lock keeps from them; yields their answers by status."""
    answers: Counter[int] = Counter()

    async def ask() -> None:
        while True:
            answers[(await client.get(PATH)).status_code] += 1

    connection = await asyncpg.connect(service.database_url)
    callers: list[asyncio.Task[None]] = []
    try:
        async with connection.transaction():
            await connection.execute("lock table hand_over in access exclusive mode")
            callers = [asyncio.create_task(ask()) for _ in range(CALLERS)]
            async with asyncio.timeout(WAIT_S_MAX):
                while not answers[503]:  # noqa: ASYNC110 - a caller has the news
                    await asyncio.sleep(0.02)
            yield answers
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
    finally:
        await connection.close()


async def _stored_after_s(service: WholeService, count: int) -> float:
    """Publish readings one after the other; return the 99th percentile of the times until they are stored (s)."""
    host, _, port = service.mqtt_url.removeprefix("mqtt://").partition(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect(host, int(port))
    client.loop_start()
    connection = await asyncpg.connect(service.database_url)
    sensor = SENSORS[0]
    newest = (
        "select (extract(epoch from max(time)) * 1000)::bigint from reading join sensor using (sensor_key)"
        " where sensor = $1"
    )
    published: list[int] = []
    after_s: list[float] = []

    async def publish() -> None:
        for _ in range(count):
            published.append(time.time_ns() // 1_000_000)
            client.publish(f"lifeline/{service.city}/drainage/{sensor}", f'{{"time":{published[-1]},"value":1}}', qos=1)
            await asyncio.sleep(EVERY_S)

    publishing = asyncio.create_task(publish())
    try:
        async with asyncio.timeout(WAIT_S_MAX + count * EVERY_S):
            while len(after_s) < count:
                stored = await connection.fetchval(newest, sensor) or 0
                now_s = time.time()
                while len(after_s) < len(published) and published[len(after_s)] <= stored:
                    after_s.append(now_s - published[len(after_s)] / 1_000)
                await asyncio.sleep(POLL_S)
        await publishing
    finally:
        publishing.cancel()
        client.loop_stop()
        client.disconnect()
        await connection.close()
    return float(np.percentile(after_s, 99))
