"""Ingest and evaluation in this process, on a real broker and database, by a clock that the trial moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from alerts.counters import EvaluatorCounters
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.recovery import EvaluatorLimits
from app.services import prepare_database
from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.settings import IngestLimits, MqttSettings, broker_address
from model.instant import parse_instant
from model.sensor import City, Sensor
from store.journal import read_journal
from store.pool import Pool, open_pool
from store.sensors import import_sensors

NOON = parse_instant("2026-11-22T12:00:00.000Z")
MINUTE_S = 60
WAIT_S_MAX = 60.0
# A tick of the log comes soon after the clock was moved; a minute between two of them is no absence of ours.
INGEST = IngestLimits(tick_s=0.005, batch_age_ms_max=5, batch_age_ms_min=1)
EVALUATOR = EvaluatorLimits(tick_s=MINUTE_S)


class Town:
    """A city, its devices and a server whose clock reads `now`, in epoch milliseconds."""

    def __init__(self, pool: Pool, client: aiomqtt.Client, mqtt: MqttSettings, city: str, now: int) -> None:
        self.pool = pool
        self.now = now
        self.ingest = IngestCounters()
        self.evaluator = EvaluatorCounters()
        self._steady = 0  # milliseconds that have really passed
        self._client = client  # of the devices
        self._mqtt = mqtt
        self._city = city
        self._parts: list[asyncio.Task[None]] = []
        self._handed, self._stop = HandOver(), asyncio.Event()

    async def start(self) -> None:
        """Start ingest and evaluator, which go on from where the log and the checkpoint are."""
        self._handed, self._stop = HandOver(), asyncio.Event()
        self.ingest, self.evaluator = IngestCounters(), EvaluatorCounters()
        self._parts = [
            asyncio.create_task(
                run_ingest(
                    self.pool, self._mqtt, INGEST, lambda: self.now, self._handed.put, self._stop, self.ingest,
                    steady=lambda: self._steady,
                )
            ),
            asyncio.create_task(run_evaluator(self.pool, self._handed, EVALUATOR, self._stop, self.evaluator)),
        ]  # fmt: skip
        await self._until(lambda: self.ingest.connected and self.evaluator.ready)

    async def stop(self) -> None:
        """Stop both in order."""
        self._stop.set()
        self._handed.committed.set()
        await asyncio.gather(*self._parts)

    async def kill(self) -> None:
        """Break both off wherever they are, with nothing kept for the next start."""
        for part in self._parts:
            part.cancel()
        await asyncio.gather(*self._parts, return_exceptions=True)

    async def send(self, *readings: tuple[str, int, float]) -> None:
        """Publish readings (sensor, epoch milliseconds, value) as one message; wait until they are evaluated."""
        told = self.ingest.messages + 1
        entries = [{"sensor": name, "time": when, "value": value} for name, when, value in readings]
        await self._client.publish(f"lifeline/{self._city}/gateway/all", json.dumps(entries), qos=1)
        await self._until(lambda: self.ingest.messages >= told)
        await self.evaluated()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, a minute at the most between two ticks of the log."""
        while seconds > 0:
            step_ms = round(min(seconds, MINUTE_S) * 1000)
            seconds -= MINUTE_S
            self.now += step_ms
            self._steady += step_ms
            await self.tick()

    async def tick(self) -> None:
        """Wait for a tick that knows the clock as it stands, and until it is evaluated."""
        ticks = self.ingest.ticks + 2  # one may be on its way
        await self._until(lambda: self.ingest.ticks >= ticks)
        await self.evaluated()

    async def evaluated(self) -> None:
        """Wait until all of the log is evaluated."""
        newest = self.ingest.last_sequence
        await self._until(lambda: self.evaluator.cursor >= newest)

    async def journal(self, **fields: Any) -> list[dict[str, Any]]:
        """The lines that have these fields, without what hangs on the arrival of their cause."""
        lines = [json.loads(line) for line in await read_journal(self.pool, None, None)]
        found = [line for line in lines if all(line[name] == value for name, value in fields.items())]
        return [{name: value for name, value in line.items() if name != "known_at"} for line in found]

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S_MAX):
            while not condition():
                for part in self._parts:
                    if part.done():
                        part.result()
                await asyncio.sleep(0.002)


@asynccontextmanager
async def living(
    database_url: str,
    broker_url: str,
    sensors: Sequence[Sensor],
    *,
    mode: str = "test",
    time_zone: str = "Asia/Shanghai",
    now: int = NOON,
) -> AsyncIterator[Town]:
    """A town of the sensors' city, by the default rules, its parts started; they are stopped whatever happens."""
    city = sensors[0].city
    mqtt = MqttSettings(
        url=broker_url, protocol="5", client_id=city, subscriptions=(f"lifeline/{city}/+/+",), reconnect_s_max=1.0
    )
    address = broker_address(broker_url)
    pool = await open_pool(database_url)
    try:
        await prepare_database(pool, lambda _: None)
        await import_sensors(pool, sensors, [City(city=city, mode=mode, time_zone=time_zone)])
        async with aiomqtt.Client(address.host, address.port) as client:
            town = Town(pool, client, mqtt, city, now)
            try:
                await town.start()
                yield town
                await town.stop()
            finally:
                await town.kill()
    finally:
        pool.terminate()


def sensor(name: str, city: str, observed: str = "combustible_gas", **more: Any) -> Sensor:
    """A sensor that speaks every minute: of gas, or of water's pressure."""
    system, unit = {"combustible_gas": ("gas", "%{LEL}"), "water_pressure": ("water", "MPa")}[observed]
    return Sensor(
        sensor=name, city=city, system=system, property=observed, unit=unit, **{"interval_s": MINUTE_S, **more}
    )
