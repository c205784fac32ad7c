"""What a trial runs: the whole service with database and broker of its own, or a worker that can be killed alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.services import close_pool, prepare_database
from model import failpoint
from store.pool import open_pool
from store.sensors import import_sensors
from tests.faults.device import until_status
from tests.faults.stream import sensors
from tests.faults.worker import Task, Worker
from tests.integration.service import Service

SMALL_BATCHES = {"LIFELINE_BATCH_READINGS_MAX": "100", "LIFELINE_BATCH_AGE_MS_MAX": "20", "LIFELINE_TICK_S": "0.5"}


class WholeService(Service):
    """`lifeline up`, its broker and database, and the city of the stream."""

    city = "faults"

    @property
    def mqtt_url(self) -> str:
        """Of its broker."""
        return str(self.note["mqtt_url"])

    @property
    def database_url(self) -> str:
        """Of its database."""
        return str(self.note["database_url"])

    @property
    def postmaster(self) -> int:
        """The process number of its database."""
        return int((self.home / "database" / "data" / "postmaster.pid").read_text().split()[0])

    @property
    def broker(self) -> int:
        """The process number of its broker."""
        configuration = str(self.home / "broker" / "nats.json").encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and configuration in (entry / "cmdline").read_bytes().split(b"\0"):
                return int(entry.name)
        raise ProcessLookupError("the broker does not run")


@asynccontextmanager
async def serving(home: Path, **environment: str) -> AsyncIterator[WholeService]:
    """The whole service in a home of its own, with the sensors of the stream, ready for readings."""
    async with begun(home, **environment) as service:
        yield service
        assert service.stop() == 0


@asynccontextmanager
async def begun(home: Path, **environment: str) -> AsyncIterator[WholeService]:
    """The same for a trial that may end it in another way."""
    service = WholeService(home, LIFELINE_MQTT_PORT="0", **SMALL_BATCHES, **environment)  # it finds a free one itself
    try:
        service.start()
        await register(service.database_url, service.city)
        await until_status(service.mqtt_url, "lifeline-ingest", "connected")
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            service.stop()


@asynccontextmanager
async def working(task: Task, home: Path, failpoints: str = "") -> AsyncIterator[Worker]:
    """A worker that listens, and an evaluator that follows it; `failpoints` as in model.failpoint are of both."""
    async with worker_alone(task, failpoints) as worker, evaluating(task, home, failpoints):
        await until_status(task.url, task.client_id, "connected")
        yield worker


@asynccontextmanager
async def worker_alone(task: Task, failpoints: str = "") -> AsyncIterator[Worker]:
    """A worker that is about to listen, and the sensors of the stream."""
    await register(task.database, task.city)
    worker = Worker(task)
    await worker.start(failpoints)
    try:
        yield worker
    finally:
        await worker.stop()


@asynccontextmanager
async def evaluating(task: Task, home: Path, failpoints: str = "") -> AsyncIterator[Service]:
    """`lifeline evaluate` for a task; a proxy before its database goes on while it starts and stops."""
    service = Service(
        home,
        ("evaluate",),
        LIFELINE_DATABASE_URL=task.database,
        LIFELINE_TICK_S="0.5",
        LIFELINE_COMMAND_S_MAX=str(task.command_s_max),
        **{failpoint.VARIABLE: failpoints},
    )
    try:
        await asyncio.to_thread(service.start)
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            await asyncio.to_thread(service.stop)


async def register(database_url: str, city: str) -> None:
    """Put the default rules into force and register the stream's sensors."""
    pool = await open_pool(database_url, connections_max=2)
    await prepare_database(pool, lambda _: None)
    await import_sensors(pool, *sensors(city))
    await close_pool(pool)
