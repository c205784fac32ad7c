"""Ten thousand clients of the feed on one machine: how late they get an event, what they cost in memory and ingest.

`lifeline up` as a user has it, its broker and database, a publisher, and the clients in processes of their own share
the machine. Every client has to get every event once and in order, or there are no figures.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.open_files import allow_open_files
from benchmarks.feed import RULE, EventsMissing, running_service
from benchmarks.measure import Bench, Case, case, machine
from benchmarks.preload import IN_FLIGHT_MAX, open_publisher, publish_packet
from model.instant import format_instant
from model.sensor import City, Sensor
from store.keys import create_key
from store.pool import Pool, open_pool
from store.sensors import import_sensors

CITY = "bench"
INGEST_SENSORS = 2_000
USUAL, ALARMING = 5.0, 60.0  # %LEL: red is 50
AGO_S = 800  # of the first reading: late enough to be in the past, not so late as to be marked delayed
STORED_S_MAX = 120.0
LATEST_S = 30.0  # an alarm that is not journalled so long after the last reading will not be
PING_S = 20.0
_PING = b"\xc0\x00"
PATHS = (
    "/api/v1/alarms/stream",
    "/api/v1/alarms/stream?system=gas",
    f"/api/v1/alarms/stream?city={CITY}",
    "/api/v1/alarms/stream?mode=test,operational",
)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdSizes:
    """How much is measured; the defaults take about three minutes."""

    clients: int = 10_000
    processes: int = 2
    events: int = 60  # alarms, one after another
    event_every_s: float = 0.5
    flood_events: int = 20  # alarms at one time
    messages: int = 200_000  # of one reading, in a repetition of ingest
    repetitions: int = 3  # with clients, and as many without: half before, half after
    ingest_event_every_s: float = 5.0  # while ingest is measured, with clients and without


async def bench_feed_crowd(programs: Path, progress: Progress, sizes: CrowdSizes | None = None) -> Bench:
    """Measure, with an embedded database and broker in a temporary directory. Raises EventsMissing, TooFewOpenFiles."""
    sizes = sizes or CrowdSizes()
    allow_open_files(sizes.clients + 500)  # inherited by the service; the clients' processes need a part of it each
    with tempfile.TemporaryDirectory() as home:
        progress("starting lifeline …")
        async with running_service(Path(home), programs) as (note, port, process):
            pool = await open_pool(note["database_url"], connections_max=2)
            try:
                crowd = _Crowd(Path(home), port, process, pool, await open_publisher(note["mqtt_url"]), sizes, progress)
                cases = await crowd.measure(await _requests(pool, sizes))
            finally:
                await pool.close()
    return Bench("feeds", machine(), cases)


@dataclass(slots=True)
class _Crowd:
    home: Path
    port: int
    process: int
    pool: Pool
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    sizes: CrowdSizes
    progress: Progress
    alarms: int = 0
    rounds: int = 0
    packets: int = 0
    start_ms: int = 0

    async def measure(self, requests: Sequence[tuple[str, str]]) -> list[Case]:
        sizes, name = self.sizes, f"{self.sizes.clients}_clients"
        self.start_ms = (time.time_ns() // 1_000_000_000 - AGO_S) * 1_000
        keeping = asyncio.create_task(keep_open(*self.connection))
        await self._ingest("warming up")
        without = [await self._ingest("without clients") for _ in range(sizes.repetitions // 2)]
        before_mb = memory_mb(self.process)
        seen = [self.home / f"clients-{number}.npz" for number in range(sizes.processes)]
        self.progress(f"connecting {sizes.clients} clients …")
        async with connected_clients(self.port, requests, sizes.clients, self.pool, seen) as connected_s:
            connected_mb = memory_mb(self.process)
            with_clients = [await self._ingest("with clients") for _ in range(sizes.repetitions)]
            self.progress(f"{sizes.events} events …")
            published = await self._raise(sizes.events, sizes.event_every_s)
            flood = await self._raise(sizes.flood_events, 0.0)
            await self._until_journalled()
        most_mb = memory_mb(self.process, most=True)
        without += [await self._ingest("without clients") for _ in range(sizes.repetitions - len(without))]
        keeping.cancel()
        usual_ms, flood_ms = (late_ms(seen, sizes.clients, of) for of in (published, flood))
        return [
            case(f"event_median_{name}", "ms", usual_ms),
            case(f"event_99th_percentile_{name}", "ms", [float(np.percentile(usual_ms, 99))]),
            case(f"event_maximum_{name}", "ms", [max(usual_ms)]),
            case(f"flood_of_{sizes.flood_events}_99th_percentile_{name}", "ms", [float(np.percentile(flood_ms, 99))]),
            case(f"ingest_{name}", "readings/s", with_clients, without),
            case(f"memory_{name}", "MB", [most_mb]),
            case("memory_before", "MB", [before_mb]),
            case("memory_per_client", "kB", [(connected_mb - before_mb) * 1_000 / sizes.clients]),
            case("connected", "clients/s", [sizes.clients / connected_s]),
        ]

    async def _ingest(self, what: str) -> float:
        """Publish readings as fast as the broker takes them, and return how many a second came to be stored."""
        self.progress(f"ingest {what} …")
        alarms = asyncio.create_task(self._raise_now_and_then(self.sizes.ingest_event_every_s))
        stored = "select coalesce(sum(readings), 0) from batch where oldest_time < now() - interval '60 seconds'"
        before, began = await self.pool.fetchval(stored), time.monotonic()
        wanted, writer = self.sizes.messages, self.connection[1]
        for number in range(wanted):
            turn, sensor = divmod(number, INGEST_SENSORS)
            when = format_instant(self.start_ms + (self.rounds + turn) * 1_000)
            self._publish(f"bench-{sensor:04}", when, USUAL + number % 97 / 100)
            if number % IN_FLIGHT_MAX == 0:
                await writer.drain()
                await asyncio.sleep(0)
        self.rounds += wanted // INGEST_SENSORS
        while await self.pool.fetchval(stored) < before + wanted:
            if time.monotonic() - began > STORED_S_MAX:
                raise EventsMissing("readings that were published are not stored")
            await asyncio.sleep(0.05)
        elapsed = time.monotonic() - began
        alarms.cancel()
        return wanted / elapsed

    async def _raise(self, count: int, every_s: float) -> dict[tuple[str, str], float]:
        """Let sensors cross their limit one after another; return when each reading was published."""
        published = {}
        for _ in range(count):
            sensor, when = f"alarm-{self.alarms:04}", format_instant(time.time_ns() // 1_000_000)
            self.alarms += 1
            published[sensor, when] = time.monotonic()
            self._publish(sensor, when, ALARMING)
            if every_s:
                await asyncio.sleep(every_s)
        return published

    async def _until_journalled(self) -> None:
        """Wait until the alarm of every reading above the limit is in the journal. Raises EventsMissing."""
        began, counted = time.monotonic(), f"select count(*) from journal where alarm like '{RULE}.alarm-%'"
        while (found := await self.pool.fetchval(counted)) < self.alarms:
            if time.monotonic() - began > LATEST_S:
                raise EventsMissing(f"{found} of {self.alarms} alarms are journalled")
            await asyncio.sleep(0.05)

    async def _raise_now_and_then(self, every_s: float) -> None:
        await asyncio.sleep(every_s / 2)  # as many fall into a repetition as its length says
        while True:
            await self._raise(1, every_s)

    def _publish(self, sensor: str, when: str, value: float) -> None:
        payload = b'{"time":"%b","value":%.2f}' % (when.encode(), value)
        self.packets += 1
        packet = publish_packet(f"lifeline/{CITY}/gas/{sensor}", payload, self.packets % 65_535 + 1)
        self.connection[1].write(packet)


@asynccontextmanager
async def connected_clients(
    port: int, requests: Sequence[tuple[str, str]], count: int, pool: Pool, seen: Sequence[Path]
) -> AsyncIterator[float]:
    """Let clients of the feed connect, and yield how long it took (s); at the end they wait for the newest event.

    A process for each of the files `seen`, in which it leaves what its clients saw. Raises EventsMissing.
    """
    began, processes = time.monotonic(), []
    for number, out in enumerate(seen):
        share = count // len(seen) + (number < count % len(seen))
        task = {"port": port, "requests": requests, "count": share, "out": str(out)}
        command = (sys.executable, "-m", "benchmarks.feed_clients", json.dumps(task))
        pipe = asyncio.subprocess.PIPE
        processes.append(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))
    try:
        for process in processes:
            assert process.stdout is not None
            if await process.stdout.readline() != b"connected\n":
                raise EventsMissing("the clients did not connect; their words are above")
        yield time.monotonic() - began
        newest = await pool.fetchval("select max(event) from journal")
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"%d\n" % newest)
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        await asyncio.gather(*(process.wait() for process in processes))


def late_ms(seen: Sequence[Path], clients: int, published: Mapping[tuple[str, str], float]) -> list[float]:
    """Return how late each client got the event of each reading, published at its instant. Raises EventsMissing."""
    late: list[float] = []
    for path in seen:
        with np.load(path) as found:
            out_of_order, cut_off = found["told"].tolist()
            events, times_s = found["events"], found["times_s"]
            if out_of_order or cut_off:
                raise EventsMissing(f"{out_of_order} events came out of order, {cut_off} streams were cut off")
            sent = {}
            for event, line in zip(found["numbers"].tolist(), found["lines"].tolist(), strict=True):
                told: dict[str, Any] = json.loads(line)
                if (key := (told["sensor"], told["time"])) in published:
                    sent[event] = published[key]
            for event, at in sent.items():
                late += ((times_s[events == event] - at) * 1_000).tolist()
    if len(late) != len(published) * clients:
        raise EventsMissing(f"{len(late)} of {len(published) * clients} events came")
    return late


def memory_mb(process: int, *, most: bool = False) -> float:
    """Return what a process has in memory, or the most that it ever had (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    name = "VmHWM:" if most else "VmRSS:"
    return next(float(line.split()[1]) * 1_024 / 1e6 for line in lines if line.startswith(name))


async def keep_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ping the broker, and take its acknowledgements, which nobody looks at."""
    while True:
        writer.write(_PING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PING_S):
                await reader.read(-1)


async def _requests(pool: Pool, sizes: CrowdSizes) -> list[tuple[str, str]]:
    """Register the sensors; return paths and keys: of several areas and filters, all of which see every event."""
    alarms = 2 * (sizes.events + sizes.flood_events) + 1_000
    names = [f"bench-{n:04}" for n in range(INGEST_SENSORS)] + [f"alarm-{n:04}" for n in range(alarms)]
    sensors = [
        Sensor(sensor=name, city=CITY, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=3_600)
        for name in names
    ]
    await import_sensors(pool, sensors, [City(city=CITY, mode="test")])
    keys = [await create_key(pool, role="viewer", areas=areas) for areas in ([CITY], ["*"], [CITY, "elsewhere"])]
    return [(path, key) for path in PATHS for key in keys]
