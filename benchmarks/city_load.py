"""A large city on one machine with consoles connected: at its average, at ten times that, and on to where it bends.

`lifeline up` as a user has it, its broker and database, the publisher and the consoles share the machine. 85,000
sensors of eleven kinds under the default rules publish in turns over MQTT at QoS 1, a reading a message; now and then
the value of one more crosses its limit, and each console has to be told. At the end all has to be stored, once.
"""

import asyncio
import contextlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from benchmarks.engine_city import CITY, sensor
from benchmarks.feed import running_service
from benchmarks.feed_crowd import connected_clients, keep_open, late_ms, memory_mb
from benchmarks.ingest import ReadingsMissing
from benchmarks.measure import Bench, Case, case, machine
from benchmarks.preload import open_publisher, publish_packet
from model.instant import format_instant
from model.sensor import Sensor
from store.keys import create_key
from store.pool import Pool, open_pool
from store.sensors import import_sensors

# A value by property at which no rule has anything to say, and what it wanders by.
USUAL: Mapping[str, tuple[float, float]] = {
    "combustible_gas": (3.0, 1.0),
    "gas_pressure": (2.5, 0.1),
    "gas_flow": (40.0, 2.0),
    "water_pressure": (0.32, 0.01),
    "water_flow": (60.0, 3.0),
    "manhole_level": (0.4, 0.05),
    "water_depth": (0.0, 0.0),
    "displacement": (5.0, 0.2),
    "supply_temperature": (75.0, 1.0),
    "strain": (50.0, 2.0),
    "rainfall": (0.0, 0.0),
}
ALARMING = 60.0  # %LEL: red is 50
LOOK_S = 0.5
TURN_S = 0.005  # between looks at what is due
SETTLED_S = 10.0  # at the end of a step, by which its backlog is judged
BENT_S = 2.0  # of backlog
DRAINED_S_MAX = 300.0
ASK_EVERY_S = 10.0  # each console
QUESTIONS = ("/api/v1/status", "/api/v1/alarms?limit=500")
PARTS = ("lifeline", "postgres", "nats-server")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CityLoadSizes:
    """How much is measured; the defaults take a quarter of an hour."""

    sensors: int = 85_000
    consoles: int = 20
    warm_up_s: float = 30.0
    average: int = 1_500  # readings a second
    average_s: float = 120.0
    peak: int = 15_000
    peak_s: float = 600.0
    more: int = 5_000  # readings a second from one step to the next, until it bends
    more_s: float = 40.0
    most: int = 60_000
    alarm_every_s: float = 2.0


@dataclass(slots=True)
class _Step:
    """What was seen while so many readings a second were published."""

    rate: int
    lag_s: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    published: dict[tuple[str, str], float] = field(default_factory=dict)  # what crosses its limit
    memory_mb: float = 0.0
    cores: dict[str, float] = field(default_factory=dict)  # that each part was busy on
    sent_s: float = 0.0  # readings a second that came to be sent

    @property
    def is_bent(self) -> bool:
        return statistics.median(self.lag_s[-math.ceil(SETTLED_S / LOOK_S) :]) > BENT_S


async def bench_city_load(programs: Path, progress: Progress, sizes: CityLoadSizes | None = None) -> Bench:
    """Measure, with an embedded database and broker in a temporary directory. Raises ReadingsMissing, EventsMissing."""
    sizes = sizes or CityLoadSizes()
    with tempfile.TemporaryDirectory() as home:
        progress("starting lifeline …")
        async with running_service(Path(home), programs) as (note, port, process):
            pool = await open_pool(note["database_url"], connections_max=2)
            try:
                sensors = _sensors(sizes)
                progress(f"registering {sizes.sensors} sensors …")
                await import_sensors(pool, sensors, [CITY])
                seen = Path(home) / "seen.npz"
                load = _Load(pool, port, process, sizes, progress, sensors, seen, _values(sensors))
                steps = await load.run(note["mqtt_url"])
            finally:
                await pool.close()
    return Bench("city", machine(), _cases(steps, load))


@dataclass(slots=True)
class _Load:
    pool: Pool
    port: int
    process: int
    sizes: CityLoadSizes
    progress: Progress
    sensors: Sequence[Sensor]
    seen: Path
    values: list[list[float]]  # of each sensor, in turn
    sent: int = 0
    stored: int = 0
    looked_at: int = 0  # newest batch of which the readings are counted
    alarms: int = 0
    late: list[list[float]] = field(default_factory=list)  # of each step, filled at the end

    async def run(self, mqtt_url: str) -> list[_Step]:
        """Publish step after step; raises ReadingsMissing where not all is stored in the end."""
        sizes = self.sizes
        reader, writer = await open_publisher(mqtt_url)
        keeping = asyncio.create_task(keep_open(reader, writer))
        keys = [await create_key(self.pool, role="operator", areas=[CITY.city]) for _ in range(sizes.consoles)]
        streams = [("/api/v1/alarms/stream", key) for key in keys]
        steps = []
        plan = [(sizes.average, sizes.average_s), (sizes.peak, sizes.peak_s)]
        plan += [(rate, sizes.more_s) for rate in range(sizes.peak + sizes.more, sizes.most + 1, sizes.more)]
        consoles = connected_clients(self.port, streams, sizes.consoles, self.pool, [self.seen])
        async with self._asking(keys) as answers, consoles:
            self.progress("warming up …")
            await self._step(sizes.average, sizes.warm_up_s, answers, writer)
            for rate, lasting_s in plan:
                self.progress(f"{rate} readings/s for {lasting_s:g} s …")
                steps.append(await self._step(rate, lasting_s, answers, writer))
                if steps[-1].is_bent:
                    break
            await self._until_stored()
        keeping.cancel()
        for step in steps:
            self.late.append(late_ms([self.seen], sizes.consoles, step.published))
        return steps

    async def _step(self, rate: int, lasting_s: float, answers: list[float], writer: asyncio.StreamWriter) -> _Step:
        step, began = _Step(rate), time.monotonic()
        answers.clear()
        first, busy = self.sent, _busy_s(self.process)
        looking = asyncio.create_task(self._look(step))
        alarm_at = began
        while (now := time.monotonic()) < began + lasting_s:
            await self._send(first + round((now - began) * rate), writer)
            if now >= alarm_at:
                alarm_at += self.sizes.alarm_every_s
                self._raise(step, writer)
            await asyncio.sleep(TURN_S)
        took_s = time.monotonic() - began
        looking.cancel()
        step.cores = {part: (used - busy[part]) / took_s for part, used in _busy_s(self.process).items()}
        step.memory_mb, step.answer_ms = memory_mb(self.process), list(answers)
        step.sent_s = (self.sent - first) / took_s
        return step

    async def _send(self, due: int, writer: asyncio.StreamWriter) -> None:
        when_ms, count = time.time_ns() // 1_000_000, self.sizes.sensors
        packets = []
        for number in range(self.sent, due):
            turn, place = divmod(number, count)
            payload = b'{"time":%d,"value":%r}' % (when_ms, self.values[place][turn % 7])
            packets.append(publish_packet(_topic(self.sensors[place]), payload, number % 65_535 + 1))
        writer.write(b"".join(packets))
        self.sent = max(due, self.sent)
        await writer.drain()

    def _raise(self, step: _Step, writer: asyncio.StreamWriter) -> None:
        """Let one more sensor cross its limit; it stands beside the others."""
        one = self.sensors[self.sizes.sensors + self.alarms]
        when_ms = time.time_ns() // 1_000_000
        payload = b'{"time":%d,"value":%r}' % (when_ms, ALARMING)
        step.published[one.sensor, format_instant(when_ms)] = time.monotonic()
        writer.write(publish_packet(_topic(one), payload, 65_535 - self.alarms % 1_000))
        self.alarms += 1

    async def _look(self, step: _Step) -> None:
        while True:
            waiting = self.sent + self.alarms - await self._count()
            step.lag_s.append(max(waiting, 0) / step.rate)
            await asyncio.sleep(LOOK_S)

    async def _count(self) -> int:
        row = await self.pool.fetchrow(
            "select max(sequence), sum(readings)::bigint from batch where sequence > $1", self.looked_at
        )
        if row[0] is not None:
            self.looked_at, self.stored = row[0], self.stored + row[1]
        return self.stored

    async def _until_stored(self) -> None:
        expected, began = self.sent + self.alarms, time.monotonic()
        while await self._count() < expected and time.monotonic() - began < DRAINED_S_MAX:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        found = await self.pool.fetchval("select count(*) from reading")
        if (self.stored, found) != (expected, expected):
            raise ReadingsMissing(f"{expected} readings were published, {found} are stored, {self.stored} logged")

    @asynccontextmanager
    async def _asking(self, keys: Sequence[str]) -> AsyncIterator[list[float]]:
        """Let each console ask its questions now and then; yields a list to which each answer's time (ms) is added."""
        answers: list[float] = []

        async def ask(number: int, key: str) -> None:
            address = f"http://127.0.0.1:{self.port}"
            async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client:
                await asyncio.sleep(ASK_EVERY_S * number / len(keys))
                while True:
                    for question in QUESTIONS:
                        began = time.monotonic()
                        answer = await client.get(question, timeout=60.0)
                        answer.raise_for_status()
                        answers.append((time.monotonic() - began) * 1_000)
                    await asyncio.sleep(ASK_EVERY_S)

        asking = [asyncio.create_task(ask(number, key)) for number, key in enumerate(keys)]
        try:
            yield answers
            for one in asking:
                if one.done():
                    one.result()
        finally:
            for one in asking:
                one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*asking)


def _sensors(sizes: CityLoadSizes) -> list[Sensor]:
    """Return the sensors that publish in turns, and behind them as many as may alarm."""
    steps_s = (
        sizes.warm_up_s + sizes.average_s + sizes.peak_s + sizes.more_s * ((sizes.most - sizes.peak) // sizes.more)
    )
    alarms = math.ceil(steps_s / sizes.alarm_every_s) + 100
    return [sensor(number) for number in range(sizes.sensors)] + [
        Sensor(
            sensor=f"alarm-{number}", city=CITY.city, system="gas", property="combustible_gas", unit="%{LEL}",
            interval_s=3_600, district="d0",
        )
        for number in range(alarms)
    ]  # fmt: skip


def _topic(one: Sensor) -> str:
    return f"lifeline/{one.city}/{one.system}/{one.sensor}"


def _values(sensors: Sequence[Sensor]) -> list[list[float]]:
    usual, chance = np.array([USUAL[one.property] for one in sensors]), np.random.default_rng(1)
    found: list[list[float]] = np.round(usual[:, :1] + usual[:, 1:] * chance.normal(size=(len(usual), 7)), 3).tolist()
    return found


def _busy_s(process: int) -> dict[str, float]:
    """Return how long the service, its database and its broker have been busy on a processor, in seconds (Linux)."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, int] = {}
    used: dict[int, tuple[str, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()
                number, called = int(entry.name), (entry / "cmdline").read_text("utf-8", "replace")
                parents[number] = int(words[1])
                used[number] = called, (int(words[11]) + int(words[12])) / ticks
    found = dict.fromkeys(PARTS, 0.0)
    for number, (called, busy) in used.items():
        above = number
        while above not in (0, 1, process):
            above = parents.get(above, 0)
        if above == process:
            part = next((part for part in PARTS[1:] if part in called), PARTS[0])
            found[part] += busy
    return found


def _cases(steps: Sequence[_Step], load: _Load) -> list[Case]:
    cases = []
    for step, late in zip(steps, load.late, strict=True):
        at = f"at_{step.rate}"
        cases += [
            case(f"sent_{at}", "readings/s", [step.sent_s], [float(step.rate)]),
            case(f"lag_median_{at}", "s", [statistics.median(step.lag_s)]),
            case(f"lag_maximum_{at}", "s", [max(step.lag_s)]),
            case(f"event_median_{at}", "ms", [statistics.median(late)]),
            case(f"event_99th_percentile_{at}", "ms", [float(np.percentile(late, 99))]),
            case(f"answer_median_{at}", "ms", [statistics.median(step.answer_ms)]),
            case(f"answer_99th_percentile_{at}", "ms", [float(np.percentile(step.answer_ms, 99))]),
            case(f"memory_{at}", "MB", [step.memory_mb]),
            *(case(f"{part}_busy_{at}", "cores", [cores]) for part, cores in step.cores.items()),
        ]
    held = [step.rate for step in steps if not step.is_bent]
    return [*cases, case("held", "readings/s", [float(max(held, default=0))])]
