"""The worker's memory: while it drains what has waited in the broker, and through minutes of steady load after it.

The worker is `lifeline ingest` as it is deployed, a process of its own; broker, database and publisher share its
machine. Readings are counted: the bench fails where one is missing or double.
"""

import asyncio
import contextlib
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest import AGO_S, Place, ReadingsMissing, open_place
from benchmarks.measure import Bench, Case, case, machine
from benchmarks.preload import Load, end_session, open_session, publish
from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits

STEADY_MESSAGES_S = 2_000  # a share of two cores that leaves the other parts theirs
SAMPLE_S = 1.0
WINDOW_S = 60.0  # of the steady part, at its begin and at its end
PORTION = 500  # messages that are published over one connection
IDLE_S_MAX = 60.0
NATS_UNACKNOWLEDGED_MAX = 10_000  # as the embedded broker is set; MQTT 3.1.1 leaves it to the broker

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySizes:
    """How much is measured; the defaults take about twelve minutes a broker."""

    waiting: int = 200_000  # messages
    minutes: float = 10.0  # of steady load
    brokers: tuple[str, ...] = ("nats", "mosquitto")


async def bench_memory(programs: Path, progress: Progress, sizes: MemorySizes | None = None) -> Bench:
    """Measure on the brokers that `sizes` names, each with a database of its own in a temporary directory."""
    sizes = sizes or MemorySizes()
    cases: list[Case] = []
    for broker in sizes.brokers:
        with tempfile.TemporaryDirectory() as home:
            async with open_place(broker, Path(home), programs, progress) as place:
                cases += await _measure(place, Path(home), broker, sizes, progress)
    return Bench("memory", machine(), cases)


async def _measure(place: Place, home: Path, broker: str, sizes: MemorySizes, progress: Progress) -> list[Case]:
    unacknowledged = await _taken_without_acknowledgement(place)
    session = place.session()
    await open_session(session)
    # The kernels are compiled once for each installation, and compiling takes memory that is not given back.
    async with _worker(place, home, session.client_id) as pid:
        await publish(place.url, Load(PORTION, 1, (int(time.time()) - 2 * AGO_S) * 1_000))
        await _until_stored(place, pid, PORTION)
    progress(f"{broker}: {sizes.waiting} messages begin to wait …")
    await publish(place.url, Load(sizes.waiting, 1, (int(time.time()) - AGO_S) * 1_000))
    progress(f"{broker}: the worker drains them …")
    async with _worker(place, home, session.client_id) as pid:
        await _until_stored(place, pid, PORTION + sizes.waiting)
        peak = _memory_mb(pid, "VmHWM")
        progress(f"{broker}: {peak:.0f} MB at the most; {sizes.minutes:g} minutes of steady load …")
        steady, published = await _steady(place, pid, sizes.minutes * 60)
        await _until_stored(place, pid, PORTION + sizes.waiting + published)
    await end_session(session)
    window = max(1, min(round(WINDOW_S / SAMPLE_S), len(steady) // 2))
    first, last = steady[:window], steady[-window:]
    growth = (statistics.median(last) / statistics.median(first) - 1) * 100
    suffix = "" if broker == "nats" else f"_{broker}"
    return [
        case(f"draining_peak_{sizes.waiting}_waiting{suffix}", "MB", [peak]),
        case(f"steady_first_minute{suffix}", "MB", first),
        case(f"steady_last_minute{suffix}", "MB", last),
        case(f"steady_growth_{sizes.minutes:g}_minutes{suffix}", "%", [growth]),
        case(f"unacknowledged{suffix}", "messages", [unacknowledged], [_unacknowledged_max(place)]),
    ]


async def _taken_without_acknowledgement(place: Place) -> int:
    """Return how many of many waiting messages the broker sends to a session that acknowledges none."""
    session, counters, limits = place.session(), IngestCounters(), IngestLimits()
    await open_session(session)
    await publish(place.url, Load(_unacknowledged_max(place) * 3 // 2, 1, (int(time.time()) - AGO_S) * 1_000))
    consumer = Consumer(session, limits, MessageQueue(limits, counters), counters)
    running = asyncio.create_task(consumer.run())
    before = -1
    while counters.queue_messages > before or not counters.connected:
        before = counters.queue_messages
        await asyncio.sleep(1.0)
    consumer.close()
    await running
    await end_session(session)
    return counters.queue_messages


def _unacknowledged_max(place: Place) -> int:
    """Return how many messages the broker may send unacknowledged; in MQTT 5 the session has said so."""
    return NATS_UNACKNOWLEDGED_MAX if place.protocol == "3.1.1" else place.session().receive_maximum


@asynccontextmanager
async def _worker(place: Place, home: Path, client_id: str) -> AsyncIterator[int]:
    """`lifeline ingest` on that session; yields its process number."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELINE_")} | {
        "LIFELINE_HOME": str(home / "worker"),
        "LIFELINE_DATABASE_URL": place.database_url,
        "LIFELINE_MQTT_URL": place.url,
        "LIFELINE_MQTT_PROTOCOL": place.protocol,
        "LIFELINE_MQTT_CLIENT_ID": client_id,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "ingest", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _until_stored(place: Place, pid: int, expected: int) -> None:
    """Wait until all that was published is stored. Raises ReadingsMissing."""
    stored, moved = 0, time.monotonic()
    while stored < expected:
        await asyncio.sleep(SAMPLE_S)
        _memory_mb(pid, "VmRSS")  # it lives
        before, stored = stored, await place.pool.fetchval("select coalesce(sum(readings), 0)::bigint from batch")
        moved = time.monotonic() if stored != before else moved
        if time.monotonic() - moved > IDLE_S_MAX:
            break
    found = await place.pool.fetchval("select count(*) from reading")
    refused = await place.pool.fetchval("select count(*) from rejection")
    if (stored, found, refused) != (expected, expected, 0):
        raise ReadingsMissing(f"{expected} readings were published, {found} are stored, {refused} were refused")


async def _steady(place: Place, pid: int, duration_s: float) -> tuple[list[float], int]:
    """Publish steadily; return the memory at each second and how many messages were published."""
    publishing = asyncio.create_task(_publish_steadily(place.url, duration_s))
    samples = []
    while not publishing.done():
        await asyncio.sleep(SAMPLE_S)
        samples.append(_memory_mb(pid, "VmRSS"))
    return samples, await publishing


def _memory_mb(pid: int, field: str) -> float:
    """Return a field of the process's status, 10^6 bytes. Raises ReadingsMissing where it has ended."""
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found is None:
        raise ReadingsMissing("the worker has ended; its words are above")
    return int(found[1]) * 1024 / 1e6


async def _publish_steadily(url: str, duration_s: float) -> int:
    """Publish STEADY_MESSAGES_S for that long; return the number of messages."""
    loop = asyncio.get_running_loop()
    began, published, newest = loop.time(), 0, 0
    while published < duration_s * STEADY_MESSAGES_S:
        newest = max(newest + 1, time.time_ns() // 1_000_000)  # a sensor's readings each have a time of their own
        await publish(url, Load(PORTION, 1, newest))
        published += PORTION
        await asyncio.sleep(began + published / STEADY_MESSAGES_S - loop.time())
    return published
