"""A worker of ingest inside a test: real database, real broker, the subscriptions that it has in service."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiomqtt

from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.settings import IngestLimits, MqttSettings, broker_address
from model.sensor import City, Sensor
from store.pool import Pool, open_pool
from store.sensors import import_sensors

WAIT_S_MAX = 30.0
LIMITS = IngestLimits(tick_s=0.2, batch_age_ms_max=20)


@dataclass(frozen=True)
class Brokerage:
    """A broker as a test uses it: with a city of its own, and how many workers divide the load."""

    url: str
    protocol: str
    workers: int = 1
    city: str = field(default_factory=lambda: f"city-{secrets.token_hex(4)}")

    def settings(self, worker: int) -> MqttSettings:
        return MqttSettings(
            url=self.url,
            protocol=self.protocol,  # type: ignore[arg-type]
            client_id=f"{self.city}-{worker}",
            share_group=self.city if self.workers > 1 else None,
            session_is_new=True,
        )


@dataclass(frozen=True)
class Workers:
    """The workers that run, and the database they write to."""

    pool: Pool
    counters: list[IngestCounters]

    async def rows(self) -> list[tuple[str, int, float, int]]:
        """(sensor, epoch milliseconds, value, quality) of all readings."""
        rows = await self.pool.fetch(
            "select sensor, (extract(epoch from time) * 1000)::bigint as time, value, quality"
            " from reading join sensor using (sensor_key) order by sensor, time"
        )
        return [tuple(row) for row in rows]

    async def rejections(self) -> list[tuple[str, str]]:
        """(reason, topic) of all rejections."""
        rows = await self.pool.fetch("select reason, topic from rejection order by reason, topic")
        return [tuple(row) for row in rows]

    async def until_stored(self, sensor: str, epoch_ms: int) -> None:
        """Wait for a reading."""
        sql = (
            "select count(*) from reading join sensor using (sensor_key) where sensor = $1 and time = to_timestamp($2)"
        )

        async def is_stored() -> bool:
            return bool(await self.pool.fetchval(sql, sensor, epoch_ms / 1000))

        await until(is_stored, lambda: f"{sensor} at {epoch_ms} is not stored: {self.counters}")


@asynccontextmanager
async def working(broker: Brokerage, database_url: str) -> AsyncIterator[Workers]:
    """Workers on the broker, connected; the city has the sensors gas-1 and gas-2."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        pool = await open_pool(database_url)
        stack.push_async_callback(pool.close)
        sensors = [
            Sensor(
                sensor=f"gas-{number}", city=broker.city, system="gas", property="combustible_gas", unit="%{LEL}",
                interval_s=60,
            )
            for number in (1, 2)
        ]  # fmt: skip
        await import_sensors(pool, sensors, [City(city=broker.city, mode="test")])
        workers = Workers(pool, [IngestCounters() for _ in range(broker.workers)])
        tasks = [
            asyncio.create_task(
                run_ingest(pool, broker.settings(number), LIMITS, clock, lambda _: None, stop, counters)
            )
            for number, counters in enumerate(workers.counters)
        ]

        async def end() -> None:
            stop.set()
            await asyncio.wait_for(asyncio.gather(*tasks), WAIT_S_MAX)

        stack.push_async_callback(end)

        async def stands() -> bool:
            return all(counters.connected for counters in workers.counters) or any(task.done() for task in tasks)

        await until(stands, lambda: str(workers.counters))
        for task in tasks:
            if task.done():
                task.result()
        yield workers


@asynccontextmanager
async def client_of(broker: Brokerage) -> AsyncIterator[aiomqtt.Client]:
    """A client beside the workers: a device."""
    address = broker_address(broker.url)
    version = aiomqtt.ProtocolVersion.V5 if broker.protocol == "5" else aiomqtt.ProtocolVersion.V311
    async with aiomqtt.Client(address.host, address.port, protocol=version, timeout=WAIT_S_MAX) as client:
        yield client


async def until(condition: Callable[[], Awaitable[bool]], describe: Callable[[], str]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not await condition():
        assert time.monotonic() < deadline, describe()
        await asyncio.sleep(0.02)


def clock() -> int:
    return time.time_ns() // 1_000_000
