"""The way in, measured: messages that wait in a real broker are stored in a real database and acknowledged.

Broker, database and worker share the machine's cores. One reading a message stands beside a worker that only
acknowledges, through the same session; a hundred a message beside the store alone, which is handed the same readings as
arrays. Readings are counted: a case fails where one is missing or double.
"""

import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.embedded.broker import embedded_broker
from app.embedded.database import embedded_database
from app.embedded.mosquitto import mosquitto_broker
from app.services import close_pool, prepare_database
from benchmarks.ingest_worker import Measured
from benchmarks.measure import Bench, Case, case, machine
from benchmarks.preload import SENSORS, Load, end_session, open_session, publish, sensors
from ingest.settings import MqttSettings
from store.batches import IncomingReadings, write_batch
from store.pool import Pool, open_pool
from store.sensors import import_sensors, load_registry

READINGS_A_MESSAGE = 100
STORE_BATCH = 10_000
AGO_S = 800  # of the first reading: late enough to be in the past, not so late as to be marked delayed

Progress = Callable[[str], None]


class ReadingsMissing(Exception):
    """The database does not hold exactly what was published; the figure would be worth nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured; the defaults take about two minutes."""

    # Brokers, each with so many messages of one reading that they take a second or more: the start should not count.
    brokers: Mapping[str, int] = field(default_factory=lambda: {"nats": 100_000, "mosquitto": 300_000})
    hundred: int = 5_000  # messages
    repetitions: int = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bench runs: the broker that is measured, and a database of its own."""

    url: str
    protocol: Literal["3.1.1", "5"]
    database_url: str
    pool: Pool

    def session(self) -> MqttSettings:
        """A session that nothing waits for yet."""
        return MqttSettings(url=self.url, protocol=self.protocol, client_id=f"bench-{secrets.token_hex(4)}")


async def bench_ingest(programs: Path, progress: Progress, sizes: Sizes | None = None) -> Bench:
    """Measure, with an embedded database and both kinds of brokers in a temporary directory."""
    sizes = sizes or Sizes()
    cases: list[Case] = []
    for broker, one in sizes.brokers.items():
        suffix = "" if broker == "nats" else f"_{broker}"
        with tempfile.TemporaryDirectory() as home:
            async with open_place(broker, Path(home), programs, progress) as place:
                progress(f"{broker}: one reading a message …")
                cases.append(await _one_per_message(f"one_per_message{suffix}", place, one, sizes.repetitions))
                progress(f"{broker}: a hundred readings a message …")
                cases.append(await _hundred_per_message(f"hundred_per_message{suffix}", place, sizes))
    return Bench("ingest", machine(), cases)


async def _one_per_message(name: str, place: Place, messages: int, repetitions: int) -> Case:
    values, limits = [], []
    for _ in range(repetitions):
        load = Load(messages, 1, _start())
        limits.append(messages / (await run_worker(place, load, store=False)).elapsed_s)
        values.append(messages / (await run_worker(place, load)).elapsed_s)
    return case(name, "readings/s", values, limits)


async def _hundred_per_message(name: str, place: Place, sizes: Sizes) -> Case:
    values, limits = [], []
    for _ in range(sizes.repetitions):
        load = Load(sizes.hundred, READINGS_A_MESSAGE, _start())
        limits.append(await _store_alone(place, load))
        values.append(sizes.hundred * READINGS_A_MESSAGE / (await run_worker(place, load)).elapsed_s)
    return case(name, "readings/s", values, limits)


async def run_worker(place: Place, load: Load, *, store: bool = True, **more: Any) -> Measured:
    """Let the load wait in the broker, then let a worker take it. Raises ReadingsMissing."""
    session = place.session()
    await open_session(session)
    try:
        await publish(place.url, load)
        measured = await _work(place, session, load, store, more)
    finally:
        await end_session(session)
    if store:
        await _count(place.pool, load.messages * load.readings)
    return measured


async def _work(place: Place, session: MqttSettings, load: Load, store: bool, more: dict[str, Any]) -> Measured:
    task = {
        "url": place.url,
        "protocol": place.protocol,
        "client_id": session.client_id,
        "database": place.database_url if store else None,
        "messages": load.messages,
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.ingest_worker", json.dumps(task), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise ReadingsMissing(f"the worker ended with {process.returncode}; its words are above")
    return Measured(**json.loads(said))


async def _count(pool: Pool, expected: int) -> None:
    found = await pool.fetchval("select count(*) from reading")
    logged = await pool.fetchval("select coalesce(sum(readings), 0) from batch")
    refused = await pool.fetchval("select count(*) from rejection")
    if (found, logged, refused) != (expected, expected, 0):
        raise ReadingsMissing(f"{expected} readings were published, {found} are stored, {refused} were refused")
    await empty(pool)


async def empty(pool: Pool) -> None:
    """Forget every reading and what was noted of it."""
    await pool.execute("truncate reading, batch, conflict, rejection, sequence_log, gap, course_checkpoint")
    await pool.execute("checkpoint")


async def _store_alone(place: Place, load: Load) -> float:
    """Return readings a second, where the store is handed the load's readings as arrays."""
    count = load.messages * load.readings
    keys = np.array([key for key, _ in sorted((await load_registry(place.pool)).sensors.items())], np.int32)
    rows = np.arange(count)
    sensor, when = keys[rows % SENSORS], load.start_ms + rows // SENSORS * 1_000
    value, quality = 100 + rows % 997 / 100, np.zeros(count, np.uint16)
    began = time.perf_counter()
    for start in range(0, count, STORE_BATCH):
        part = slice(start, start + STORE_BATCH)
        incoming = IncomingReadings(sensor[part], when[part], value[part], quality[part])
        await write_batch(place.pool, time.time_ns() // 1_000_000, incoming)
    elapsed = time.perf_counter() - began
    await _count(place.pool, count)
    return count / elapsed


@asynccontextmanager
async def open_place(broker: str, home: Path, programs: Path, progress: Progress) -> AsyncIterator[Place]:
    """A broker, `nats` or `mosquitto`, and a database with the sensors of the load, both in `home`."""
    async with embedded_database(home, programs, progress) as database:
        pool = await open_pool(database.url, connections_max=2)
        try:
            await prepare_database(pool, progress)
            await import_sensors(pool, *sensors())
            place = Place("", "3.1.1", database.url, pool)
            if broker == "nats":
                async with embedded_broker(home, "127.0.0.1", 0, progress) as nats:
                    yield replace(place, url=nats.url)
            else:
                async with mosquitto_broker(home, programs, 0, progress) as mosquitto:
                    yield replace(place, url=mosquitto.url, protocol="5")
        finally:
            await close_pool(pool)


def _start() -> int:
    return (int(time.time()) - AGO_S) * 1_000
