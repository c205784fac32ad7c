"""The worker that the bench of ingest measures, in a process of its own: ingest alone, or only its session.

    python -m benchmarks.ingest_worker '{"url": …, "protocol": …, "client_id": …, "database": … or null, "messages": …}'

Prints one line with what it measured, from the first message to the last acknowledgement.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits, MqttSettings
from store.pool import open_pool

POLL_S = 0.002
IDLE_S_MAX = 15.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the worker says at its end: seconds, of them its own processor time, and what came through."""

    elapsed_s: float
    processor_s: float
    messages: int
    readings: int
    batches: int


async def work(task: dict[str, Any]) -> Measured:
    """Take `messages` messages off the broker, into the database or nowhere, and acknowledge them."""
    settings = MqttSettings(
        url=task["url"],
        protocol=task["protocol"],
        client_id=task["client_id"],
        session_is_new=True,
        reader=task.get("reader", "frames"),
    )
    limits = IngestLimits(**task.get("limits", {}))
    counters = IngestCounters()
    stop = asyncio.Event()
    if task["database"] is None:
        running = asyncio.create_task(_only_acknowledge(settings, limits, counters, stop))
    else:
        pool = await open_pool(task["database"], connections_max=3)
        running = asyncio.create_task(
            run_ingest(pool, settings, limits, _clock, lambda _: None, stop, counters), name="ingest"
        )
    began, processor, last, moved = 0.0, 0.0, 0, time.perf_counter()
    while counters.acknowledgements < task["messages"]:
        await asyncio.sleep(POLL_S)
        now = time.perf_counter()
        if not began and (counters.queue_messages or counters.acknowledgements):
            began, processor = now, time.process_time()
        if counters.acknowledgements != last or not began:
            last, moved = counters.acknowledgements, now
        elif now - moved > IDLE_S_MAX or running.done():
            raise RuntimeError(f"only {last} of {task['messages']} messages came through: {counters}")
    elapsed, processor = time.perf_counter() - began, time.process_time() - processor
    stop.set()
    await running
    return Measured(elapsed, processor, last, counters.readings, counters.batches)


async def _only_acknowledge(
    settings: MqttSettings, limits: IngestLimits, counters: IngestCounters, stop: asyncio.Event
) -> None:
    """The same session without anything behind it: what the broker can deliver at the most."""
    queue = MessageQueue(limits, counters)
    consumer = Consumer(settings, limits, queue, counters)
    running = asyncio.create_task(consumer.run())
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        await queue.wait(0.1)
        consumer.acknowledge(queue.take())
    consumer.close()
    await asyncio.gather(running, stopping)


def _clock() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(asdict(runner.run(work(json.loads(sys.argv[1]))))) + "\n")
