"""The API on a real socket over a real database, and alarms made by the life cycle as the evaluator makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn

from alerts.changes import record_steps
from alerts.suppression import Judged
from app.api.application import ApiContext, ApiLimits, create_app
from app.api.context import CONSOLE
from model.alarm import ConditionChange, JournalLine
from model.instant import parse_instant
from model.registry import Registry
from model.sensor import City, Sensor
from store.keys import create_key
from store.pool import open_pool
from store.sensors import import_sensors

NOON = parse_instant("2026-11-22T12:00:00.000Z")
MARKUP = "<img src=x onerror=alert(1)>"
CITIES = [
    City(city="jiayuguan", name="Jiayuguan", name_zh="嘉峪关", mode="test"),
    City(city="jinchang", name="Jinchang", name_zh="金昌", mode="operational"),
]
SENSORS = [
    Sensor(sensor="GAS-1", city="jiayuguan", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
           longitude=98.29, latitude=39.77, name=MARKUP, name_zh="七号阀室", district="xiongguan"),
    Sensor(sensor="GAS-2", city="jiayuguan", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
           longitude=98.30, latitude=39.77, district="xiongguan"),
    Sensor(sensor="DRAIN-1", city="jiayuguan", system="drainage", property="water_depth", unit="cm", interval_s=60,
           longitude=98.25, latitude=39.80, district="jingtie", asset="M-100%"),
    Sensor(sensor="DRAIN-2", city="jiayuguan", system="drainage", property="water_depth", unit="cm", interval_s=60),
    Sensor(sensor="WATER-9", city="jinchang", system="water", property="water_pressure", unit="MPa", interval_s=60,
           longitude=102.19, latitude=38.52, district="jinchuan"),
]  # fmt: skip
KNOWN = {sensor.sensor: (key, sensor) for key, sensor in enumerate(SENSORS, 1)}
MODES = {city.city: city.mode for city in CITIES}


@dataclass
class Service:
    """The running API, its database, and a clock that a test moves."""

    pool: Any
    context: ApiContext
    app: Any
    server: uvicorn.Server
    now: int = NOON
    address: str = ""
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def client(self, role: str = "operator", *areas: str, label: str | None = None) -> httpx.AsyncClient:
        """Return a client with a key of its own, for the areas (all where none is named)."""
        key = await create_key(self.pool, role=role, areas=areas or ("*",), label=label)
        return self.client_with({"Authorization": f"Bearer {key}"})

    def client_with(self, headers: dict[str, str]) -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=self.address, headers=headers, timeout=60)
        self.clients.append(client)
        return client


@asynccontextmanager
async def running(
    url: str, clock: Callable[[], int] | None = None, console: Path = CONSOLE, **limits: Any
) -> AsyncIterator[Service]:
    """Serve the API; its clock is the service's `now`, unless another is given."""
    pool = await open_pool(url, connections_max=8)
    service: Service
    context = ApiContext(pool=pool, clock=clock or (lambda: service.now), limits=ApiLimits(**limits), console=console)
    app = create_app(context)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False, lifespan="on"))
    service = Service(pool, context, app, server)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    service.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        for client in service.clients:
            await client.aclose()
        context.stop.set()
        server.should_exit = True
        await serving
        await pool.close()


def serve(url: str, scenario: Callable[[Service], Awaitable[None]], **limits: Any) -> None:
    """Run a scenario against the API with the cities and sensors above registered."""

    async def run() -> None:
        async with running(url, **limits) as service:
            await import_sensors(service.pool, SENSORS, CITIES)
            await scenario(service)

    asyncio.run(run())


async def until(true: Callable[[], bool], s_max: float = 10.0) -> None:
    """Wait until the condition holds, looking again and again."""
    async with asyncio.timeout(s_max):
        while not true():  # noqa: ASYNC110 - the condition is another part's, and has no event
            await asyncio.sleep(0.01)


def change(sensor: str, severity_from: int, severity: int, time: int = NOON, **facts: Any) -> ConditionChange:
    """Return a change of a condition; times in epoch milliseconds."""
    given = {
        "rule": "level", "kind": "threshold", "rule_version": "0123456789ab", "alarm_class": "process",
        "priority": "high", "raised": NOON, "value": 42.0, "limit": 40.0, "cause": "reading",
        "reason": "limit_reached" if severity > severity_from else "limit_left",
    } | facts  # fmt: skip
    return ConditionChange(
        sensor=sensor, sensor_key=KNOWN[sensor][0], mode=MODES[KNOWN[sensor][1].city], time=time,
        known_at=time + 200,
        severity_from=severity_from, severity=severity, **given,
    )  # fmt: skip


def silence(sensor: str, active: bool = True, **facts: Any) -> ConditionChange:
    return change(
        sensor, 0 if active else 1, 1 if active else 0, rule="sensor-silent", kind="stale", alarm_class="instrument",
        priority="low", cause="silence", reason="silent" if active else "heard_again", **facts,
    )  # fmt: skip


async def journal(pool: Any, changes: Sequence[ConditionChange]) -> list[JournalLine]:
    """Journal the changes as the evaluator does, and return the lines of this alone."""
    async with pool.acquire() as connection, connection.transaction():
        before = await connection.fetchval("select coalesce(max(event), 0) from journal")
        registry = Registry(1, dict(KNOWN.values()), {city.city: city for city in CITIES})
        assert await record_steps(connection, [Judged(change, None) for change in changes], registry) == 0
        rows = await connection.fetch("select line from journal where event > $1 order by event", before)
    return [msgspec.json.decode(row["line"], type=JournalLine) for row in rows]


async def stored_lines(pool: Any, alarm: str) -> list[str]:
    rows = await pool.fetch("select line from journal where alarm = $1 order by sequence", alarm)
    return [row["line"] for row in rows]


@dataclass
class SentEvent:
    id: int
    event: str
    data: dict[str, Any]


async def events(
    client: httpx.AsyncClient, *, count: int, last_event: int | None = None, query: str = "", opened: Any = None
) -> list[SentEvent]:
    """Read the feed until `count` events have come; `opened` is set when the stream is open."""
    headers = {} if last_event is None else {"Last-Event-ID": str(last_event)}
    found: list[SentEvent] = []
    async with client.stream("GET", f"/api/v1/alarms/stream{query}", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if opened is not None:
                opened.set()
            if line == "":
                if "data" in fields:
                    data = msgspec.json.decode(fields["data"])
                    found.append(SentEvent(int(fields.get("id", 0)), fields["event"], data))
                    if len(found) == count:
                        break
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
    return found
