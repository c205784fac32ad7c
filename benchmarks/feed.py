"""From publishing a reading to its event on the feed, measured from outside: `lifeline up`, as a user has it.

Broker, database, service, publisher and listener share the machine. Sensors publish in turns over MQTT at QoS 1, evenly
through each second; now and then the value of one crosses a limit, and the server-sent events tell it.
"""

import asyncio
import json
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Bench, Case, case, machine
from benchmarks.preload import open_publisher, publish_packet
from model.instant import format_instant
from model.sensor import City, Sensor
from store.keys import create_key
from store.pool import open_pool
from store.sensors import import_sensors

CITY = "bench"
RULE = "combustible-gas"
USUAL, ALARMING = 5.0, 60.0  # %LEL: red is 50
ROUND_S = 1.0  # in which each sensor publishes once
CROSSING_ROUNDS = 300  # in which each sensor crosses the limit once
PAUSE_S = 0.002  # between looks at what is due
READY_S_MAX = 90.0
LATEST_S = 5.0  # an event that has not come so long after the last reading will not come

Progress = Callable[[str], None]


class EventsMissing(Exception):
    """Readings crossed a limit and the feed did not tell of it; the figures would be worth nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSizes:
    """How much is measured; the defaults take about 80 seconds and give 650 events."""

    readings_s: int = 3_000
    warm_up_s: int = 5
    measured_s: int = 65


@dataclass(slots=True)
class Measured:
    """When readings that cross the limit were published and their events came, by sensor and time of the reading."""

    published: dict[tuple[str, str], float] = field(default_factory=dict)
    arrived: dict[tuple[str, str], float] = field(default_factory=dict)
    readings_s: float = 0.0


async def bench_feed(programs: Path, progress: Progress, sizes: FeedSizes | None = None) -> Bench:
    """Measure, with an embedded database and broker in a temporary directory. Raises EventsMissing."""
    sizes = sizes or FeedSizes()
    with tempfile.TemporaryDirectory() as home:
        progress("starting lifeline …")
        async with running_service(Path(home), programs) as (note, port, _):
            key = await _prepare(note["database_url"], sizes)
            measured = Measured()
            listening = asyncio.create_task(_listen(port, key, measured))
            progress(f"{sizes.readings_s} readings/s for {sizes.warm_up_s + sizes.measured_s} s …")
            await _publish(note["mqtt_url"], sizes, measured)
            await _until_all_told(listening, measured)
    return Bench("feed", machine(), cases_of(measured, sizes))


def cases_of(measured: Measured, sizes: FeedSizes) -> list[Case]:
    """Return the times from publishing to arrival: their median, as of all events, and how few are worse."""
    latencies = sorted((measured.arrived[key] - sent) * 1_000 for key, sent in measured.published.items())
    rate = f"{sizes.readings_s}_readings_s"
    return [
        case(f"event_median_{rate}", "ms", latencies),
        case(f"event_99th_percentile_{rate}", "ms", [statistics.quantiles(latencies, n=100)[98]]),
        case(f"event_maximum_{rate}", "ms", [latencies[-1]]),
        case("published", "readings/s", [measured.readings_s], [float(sizes.readings_s)]),
    ]


@asynccontextmanager
async def running_service(
    home: Path, programs: Path, command: str = "up"
) -> AsyncIterator[tuple[dict[str, str], int, int]]:
    """`lifeline up` or `serve`; yields where database and broker are, the port of the API, and the process number."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELINE_")} | {
        "LIFELINE_HOME": str(home),
        "LIFELINE_PROGRAMS": str(programs),
        "LIFELINE_PORT": str(port),
    }
    log = home / "log"
    with log.open("wb") as words:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", command, env=environment, stdout=words, stderr=words
        )
    try:
        began = time.monotonic()
        while not await asyncio.to_thread(_is_ready, port):
            if process.returncode is not None or time.monotonic() - began > READY_S_MAX:
                raise EventsMissing(f"the service does not get ready; its words: {log.read_text()[-2_000:]}")
            await asyncio.sleep(0.1)
        note = home / "running.json"
        yield json.loads(note.read_text()) if note.exists() else {}, port, process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


async def _prepare(database_url: str, sizes: FeedSizes) -> str:
    """Register the sensors and return a key to the feed."""
    names = (_name(number) for number in range(sizes.readings_s))
    found = [
        Sensor(sensor=name, city=CITY, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=ROUND_S)
        for name in names
    ]
    pool = await open_pool(database_url, connections_max=1)
    try:
        await import_sensors(pool, found, [City(city=CITY, mode="test")])
        return await create_key(pool, role="viewer", areas=[CITY])
    finally:
        await pool.close()


async def _publish(url: str, sizes: FeedSizes, measured: Measured) -> None:
    """Publish each reading when it is due, and note those that cross the limit once the warm-up is over."""
    reader, writer = await open_publisher(url)
    reading = asyncio.create_task(reader.read(-1))  # the acknowledgements, which nobody looks at
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    total = sizes.readings_s * (sizes.warm_up_s + sizes.measured_s)
    while sent < total:
        due = min(int((loop.time() - began) * sizes.readings_s) + 1, total)
        for place in range(sent, due):
            turn, number = divmod(place, sizes.readings_s)
            crosses = number % CROSSING_ROUNDS
            value = (ALARMING if turn >= crosses else USUAL) + place % 11 / 100
            when = format_instant(time.time_ns() // 1_000_000)
            payload = b'{"time":"%b","value":%.2f}' % (when.encode(), value)
            writer.write(publish_packet(f"lifeline/{CITY}/gas/{_name(number)}", payload, place % 65_535 + 1))
            if turn == crosses and turn >= sizes.warm_up_s:
                measured.published[_name(number), when] = time.perf_counter()
        sent = due
        await writer.drain()
        await asyncio.sleep(PAUSE_S)
    measured.readings_s = total / (loop.time() - began)
    writer.close()
    await reading


async def _listen(port: int, key: str, measured: Measured) -> None:
    """Note when the event of each reading comes, until cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /api/v1/alarms/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n"
    writer.write(request.encode())
    try:
        while line := await reader.readline():  # lengths of chunks stand between the lines of the stream
            if line.startswith(b"data: "):
                now, event = time.perf_counter(), json.loads(line[6:])
                if event["rule"] == RULE:
                    measured.arrived.setdefault((event["sensor"], event["time"]), now)
    finally:
        writer.close()
    raise EventsMissing("the service ended the stream")


async def _until_all_told(listening: asyncio.Task[None], measured: Measured) -> None:
    deadline = time.monotonic() + LATEST_S
    while not measured.published.keys() <= measured.arrived.keys():
        if listening.done():
            listening.result()
        if time.monotonic() > deadline:
            missing = len(measured.published.keys() - measured.arrived.keys())
            raise EventsMissing(f"{missing} of {len(measured.published)} events did not come")
        await asyncio.sleep(0.05)
    listening.cancel()


def _name(number: int) -> str:
    return f"bench-{number:04}"
