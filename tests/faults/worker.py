"""The ingest worker as a process of its own, to be killed: `run_ingest` with small batches, many to be killed between.

python -m tests.faults.worker '{"url": …, "protocol": …, "reader": …, "city": …, "database": …}'
"""

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from app.services import close_pool
from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.settings import IngestLimits, MqttSettings
from model import failpoint
from store.batches import log_is_empty
from store.pool import open_pool
from tests.conftest import ACK_WAIT_S

END_S_MAX = 60.0
LIMITS = IngestLimits(tick_s=0.2, batch_age_ms_max=20, batch_readings_max=100)


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker works for."""

    url: str
    protocol: Literal["3.1.1", "5"]
    reader: Literal["frames", "paho"]
    city: str
    database: str
    command_s_max: float = 30.0  # of a database command
    keepalive_s: int = 30  # of the session

    @property
    def client_id(self) -> str:
        """Names the session: one city's, one worker's."""
        return f"faults-{self.city}"


class Worker:
    """A worker that can be started again and again on the same task."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, failpoints: str = "") -> None:
        """Start it; `failpoints` as in model.failpoint."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.worker", json.dumps(asdict(self.task)),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), failpoint.VARIABLE: failpoints},
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """The end that nobody can prepare for."""
        assert self._process is not None
        assert self._process.returncode is None, "it ended by itself"
        self._process.kill()
        await self._process.wait()

    async def ended(self) -> int:
        """Wait until it has ended by itself and return its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), END_S_MAX)

    async def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            assert await self._process.wait() == 0


async def _work(task: Task) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pool = await open_pool(task.database, command_s_max=task.command_s_max)
    settings = MqttSettings(
        url=task.url,
        protocol=task.protocol,
        reader=task.reader,
        client_id=task.client_id,
        subscriptions=(f"lifeline/{task.city}/+/+",),
        keepalive_s=task.keepalive_s,
        connect_s_max=5.0,
        reconnect_s_max=1.0,
        redelivery_s=ACK_WAIT_S + 1 if task.protocol == "3.1.1" else 0,
        session_is_new=await log_is_empty(pool),
    )
    await run_ingest(pool, settings, LIMITS, _clock, lambda _: None, stop, IngestCounters())
    await close_pool(pool)


def _clock() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    asyncio.run(_work(Task(**json.loads(sys.argv[1]))))
