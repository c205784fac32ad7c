"""What tests of notifications share: a receiver on loopback, a clock that a test moves, alarms through the outbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from alerts.lifecycle import apply_change
from alerts.notification_file import parse_notification_file
from alerts.outbox import NOTHING, enqueue
from app.notify.channels import Surroundings
from app.notify.dispatcher import Dispatcher
from app.notify.outgoing import parse_networks
from model.alarm import ConditionChange
from model.instant import parse_instant
from model.roster import parse_rosters
from model.sensor import City, Sensor
from store.journal import Place, Transition, append_transitions, load_alarms, lock_journal
from store.notification_files import StoredFile, put_file_in_force
from store.pool import open_pool
from store.rosters import put_rosters_in_force
from store.sensors import import_sensors

NOON = parse_instant("2026-11-22T12:00:00.000Z")  # 20:00 in Shanghai, 18:00 in Urumqi
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
KEY = "0123456789abcdef01234567"
CITIES = [
    City(city="jiayuguan", name_zh="嘉峪关"),
    City(city="wulumuqi", name="Urumqi", time_zone="Asia/Urumqi"),
    City(city="trial", mode="test"),
    City(city="drill", mode="exercise"),
]
MODES = {city.city: city.mode for city in CITIES}
SENSORS = [
    Sensor(sensor=f"{city.city.upper()}-GAS", city=city.city, system="gas", property="combustible_gas", unit="%{LEL}",
           interval_s=60, longitude=98.29, latitude=39.77, name_zh="七号阀室", district="west")
    for city in CITIES
]  # fmt: skip


async def _name_server(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


AROUND = Surroundings(parse_networks("127.0.0.1/32"), _name_server)
PRIORITIES = {1: "low", 2: "medium", 3: "high", 4: "highest"}


@dataclass
class Receiver:
    """An HTTP server that keeps what it takes; `before` runs before it answers with `status`, `location` and `says`."""

    status: int = 200
    location: str = ""
    says: bytes = b""
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] | None = None
    port: int = 0

    @property
    def keys(self) -> list[str]:
        return [message["id"] for message in self.taken]

    @property
    def alarms(self) -> list[str]:
        return [message["line"]["alarm"] for message in self.taken]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(": ") for line in head.split("\r\n")[1:]]
            headers = {name.lower(): value for name, _, value in lines if name}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if self.before is not None:
                await self.before()
            if self.status < 300:
                self.headers.append(headers)
                self.bodies.append(body)
                self.taken.append(json.loads(body) if body else {})
            else:
                self.refused.append(headers.get("webhook-id", ""))
            location = f"Location: {self.location}\r\n" if self.location else ""
            heading = f"HTTP/1.1 {self.status} Said\r\n{location}Content-Length: {len(self.says)}\r\n"
            writer.write(f"{heading}Connection: close\r\n\r\n".encode() + self.says)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(**facts: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(**facts)
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver


@dataclass
class House:
    """A database with cities and sensors, a clock, and the dispatcher."""

    pool: Any
    now: int = NOON

    def dispatcher(self, **facts: Any) -> Dispatcher:
        return Dispatcher(self.pool, lambda: self.now, around=AROUND, **facts)

    async def configure(
        self, channels: Mapping[str, Receiver | str], *routes: dict[str, Any], people: Any = (), **facts: Any
    ) -> None:
        """Put a file into force, through YAML as people write it."""
        webhooks = [
            {"channel": name, "via": "webhook", "key": KEY, "timeout_s": 1,
             "url": to if isinstance(to, str) else f"http://partner.example.org:{to.port}/in", **facts}
            for name, to in channels.items()
        ]  # fmt: skip
        named = [{"route": f"r{n}", "channels": list(channels), **route} for n, route in enumerate(routes or ({},))]
        text = yaml.safe_dump({"channels": webhooks, "people": list(people), "routes": named})
        file = parse_notification_file("test.yaml", text)
        async with self.pool.acquire() as connection:
            await put_file_in_force(connection, StoredFile(file.version, file.content), "test")

    async def raise_alarms(
        self,
        severities: Sequence[int],
        *,
        city: str = "jiayuguan",
        folded: Mapping[str, str] = NOTHING,
        rule: str = "level",
    ) -> list[str]:
        """Raise alarms now, as the evaluator does in one transaction, and return their ids."""
        changes = [
            change(f"{rule}-{number}", city, 0, severity, self.now) for number, severity in enumerate(severities)
        ]
        return await self.record(changes, folded=folded)

    async def put_rosters(self, text: str) -> None:
        """Put a city's rosters in force."""
        async with self.pool.acquire() as connection:
            await put_rosters_in_force(connection, parse_rosters("rosters.yaml", text), "test")

    async def record(self, changes: Sequence[ConditionChange], *, folded: Mapping[str, str] = NOTHING) -> list[str]:
        async with self.pool.acquire() as connection, connection.transaction():
            await lock_journal(connection)
            known = {k: v[0] for k, v in (await load_alarms(connection, [c.alarm for c in changes])).items()}
            transitions = []
            for one in changes:
                after, line = apply_change(known.get(one.alarm), one)
                known[one.alarm] = after
                city = one.sensor.partition("-")[0].lower()
                transitions.append(Transition(after, line, Place(city, "gas", "west")))
            await append_transitions(connection, transitions)
            await enqueue(connection, transitions, folded=folded)
        return [one.alarm for one in changes]

    async def states(self) -> dict[str, int]:
        rows = await self.pool.fetch("select state, count(*) from notification group by state")
        return {row[0]: row[1] for row in rows}


def change(rule: str, city: str, before: int, severity: int, time: int, **facts: Any) -> ConditionChange:
    """Return a change of a condition at the city's sensor."""
    usual = {
        "kind": "threshold", "rule_version": "0", "alarm_class": "process", "raised": time, "value": 42.0,
        "limit": 40.0, "cause": "reading", "reason": "limit_reached", "priority": PRIORITIES[severity or before],
    }  # fmt: skip
    return ConditionChange(
        rule=rule, sensor=f"{city.upper()}-GAS", sensor_key=0, mode=MODES[city], time=time, known_at=time,
        severity_from=before, severity=severity, **(usual | facts),
    )  # fmt: skip


def run(url: str, scenario: Callable[[House], Awaitable[None]]) -> None:
    """Run a scenario in a house of its own."""

    async def work() -> None:
        pool = await open_pool(url, connections_max=6)
        try:
            await import_sensors(pool, SENSORS, CITIES)
            await scenario(House(pool))
        finally:
            await pool.close()

    asyncio.run(work())
