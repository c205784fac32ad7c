"""How fast the API answers among 85,000 sensors and 21 million readings, beside a bare FastAPI route in the same run.

The database is an embedded one, the service `lifeline serve` as a process of its own, and the load a plain connection
that asks one question after another and reads the answer to its last byte.
"""

import asyncio
import contextlib
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.api_city import DAY_MS, START_MS, CitySizes, filled_city
from benchmarks.engine_city import sensor
from benchmarks.feed import free_port, running_service
from benchmarks.measure import Bench, Case, case, machine
from model.instant import format_instant

READY_S_MAX = 30.0
WATCHED_SENSORS = 60

Progress = Callable[[str], None]


class BadAnswer(Exception):
    """An answer is not what was asked for; the figures would be worth nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSizes:
    """How much is measured; the defaults take about half a minute when the database is filled."""

    city: CitySizes = field(default_factory=CitySizes)
    requests: int = 100  # of each question, in a repetition
    repetitions: int = 4  # of all questions in turn; the first warms up
    connections: int = 8  # at one time, for the number of answers a second


async def bench_api(
    programs: Path, progress: Progress, sizes: ApiSizes | None = None, home: Path | None = None
) -> Bench:
    """Measure on the database in `home`, which is filled unless it is; without it, in a temporary directory."""
    sizes = sizes or ApiSizes()
    with tempfile.TemporaryDirectory() as temporary:
        home = home or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        key = await filled_city(home, programs, progress, sizes.city)
        progress("starting lifeline serve …")
        async with running_service(home, programs, "serve") as (_, port, _), _bare_route() as bare:
            return Bench("api", machine(), await _measure(port, bare, key, progress, sizes))


async def _measure(port: int, bare: int, key: str, progress: Progress, sizes: ApiSizes) -> list[Case]:
    chance = random.Random(1)
    watched = await _watched(port, key, chance, sizes)
    questions: dict[str, Callable[[], str]] = {
        "near_latest": lambda: _near(chance, sizes),
        "day_of_a_sensor": lambda: _day(chance.randrange(sizes.city.minute_sensors, sizes.city.sensors)),
        "day_of_a_minute_sensor": lambda: _day(chance.randrange(sizes.city.minute_sensors)),
        "status": lambda: "/api/v1/status",
        "latest": lambda: f"/api/v1/sensors/s{chance.randrange(sizes.city.sensors)}/latest",
        "explanation": lambda: _why(*chance.choice(watched), START_MS + chance.randrange(DAY_MS)),
    }
    late_ms: dict[str, list[float]] = {name: [] for name in ("bare", *questions)}
    answered: dict[str, int] = {}
    for repetition in range(sizes.repetitions):
        progress(f"asking, {repetition + 1} of {sizes.repetitions} …")
        for name, question in {"bare": lambda: "/bare", **questions}.items():
            async with _connected(bare if name == "bare" else port, key) as ask:
                for _ in range(sizes.requests):
                    path, began = question(), time.perf_counter()
                    body = await ask(path)
                    if repetition:
                        late_ms[name].append((time.perf_counter() - began) * 1_000)
                    answered[name] = len(body)
    cases = []
    for name, values in late_ms.items():
        limits = late_ms["bare"] if name != "bare" else []
        cases.append(case(f"{name}_median", "ms", values, limits))
        cases.append(case(f"{name}_95th_percentile", "ms", [_worse(values)], [_worse(limits)] if limits else []))
        cases.append(case(f"{name}_answer", "bytes", [answered[name]]))
    busy = [await _rate(port, key, questions["near_latest"], sizes) for _ in range(sizes.repetitions)][1:]
    bare_busy = [await _rate(bare, key, lambda: "/bare", sizes) for _ in range(sizes.repetitions)][1:]
    return [*cases, case(f"near_latest_{sizes.connections}_connections", "answers/s", busy, bare_busy)]


def _near(chance: random.Random, sizes: ApiSizes) -> str:
    place = sensor(chance.randrange(sizes.city.sensors))
    assert place.longitude is not None
    assert place.latitude is not None
    longitude, latitude = place.longitude + chance.uniform(0, 0.003), place.latitude + chance.uniform(0, 0.003)
    return f"/api/v1/sensors/latest?near={longitude:.5f},{latitude:.5f}&radius_m=2000&limit=10"


async def _watched(port: int, key: str, chance: random.Random, sizes: ApiSizes) -> list[tuple[str, str]]:
    """Return rules at sensors of all kinds, half of them with a reading every minute of the day."""
    found = []
    async with _connected(port, key) as ask:
        for number in range(WATCHED_SENSORS):
            here = chance.randrange(*((0, sizes.city.minute_sensors) if number % 2 else (0, sizes.city.sensors)))
            rules = json.loads(await ask(f"/api/v1/sensors/s{here}/rules"))["rules"]
            for pair in [(f"s{here}", rule["rule"]) for rule in rules]:
                with contextlib.suppress(BadAnswer):  # it lacks what the rule needs, such as a date of inspection
                    await ask(_why(*pair, START_MS + DAY_MS))
                    found.append(pair)
    return found


def _why(name: str, rule: str, asked: int) -> str:
    return f"/api/v1/explanation?sensor={name}&rule={rule}&time={format_instant(asked)}"


def _day(number: int) -> str:
    start, end = format_instant(START_MS), format_instant(START_MS + DAY_MS)
    return f"/api/v1/sensors/s{number}/readings?from={start}&to={end}"


def _worse(values: list[float]) -> float:
    return float(np.percentile(values, 95))


async def _rate(port: int, key: str, question: Callable[[], str], sizes: ApiSizes) -> float:
    """Return answers a second over some connections at one time."""

    async def many() -> None:
        async with _connected(port, key) as ask:
            for _ in range(math.ceil(sizes.requests / sizes.connections)):
                await ask(question())

    began = time.perf_counter()
    await asyncio.gather(*(many() for _ in range(sizes.connections)))
    return math.ceil(sizes.requests / sizes.connections) * sizes.connections / (time.perf_counter() - began)


@asynccontextmanager
async def _connected(port: int, key: str) -> AsyncIterator[Callable[[str], Awaitable[bytes]]]:
    """A connection that stays; yields what asks for a path and returns the body. Raises BadAnswer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)

    async def ask(path: str) -> bytes:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        lengths = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
        body = await reader.readexactly(lengths[0]) if lengths else b""
        if " 200 " not in lines[0] or not lengths:
            raise BadAnswer(f"{path}: {head.decode('latin-1')} {body.decode()}")
        return body

    try:
        yield ask
    finally:
        writer.close()


@asynccontextmanager
async def _bare_route() -> AsyncIterator[int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.api_bare", str(port))
    try:
        async with asyncio.timeout(READY_S_MAX):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        writer.close()
        yield port
    finally:
        process.terminate()
        await process.wait()
