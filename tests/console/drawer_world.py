"""A gas alarm as an operator meets it: rules in force, readings with a gap and doubt, a camera beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from alerts.rule_file import default_packs
from model.alarm import ConditionChange
from model.instant import to_datetime
from model.reading import Quality
from model.sensor import Sensor
from store.batches import IncomingReadings, write_batch
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors, load_registry
from tests.api.service import CITIES, SENSORS, change
from tests.console.opening import Console, now
from tests.integration.log import Log

MINUTE = 60_000
IN_OPERATION = [msgspec.structs.replace(city, mode="operational") for city in CITIES]
CAMERA = "https://cameras.example/7"
RULE = "combustible-gas"
VERSION = next(rule.version for pack in default_packs() for rule in pack.rules if rule.rule == RULE)
GAP_MINUTES = range(70, 95)  # ago, without readings


@dataclass
class World:
    """The alarm, and when it was raised (epoch milliseconds)."""

    console: Console
    alarm: str
    raised: int

    def becomes(self, severity_from: int, severity: int, time: int, sensor: str = "GAS-1", **facts: Any) -> str:
        """Journal a change of the condition of combustible gas, and return the alarm."""
        known = {"rule": RULE, "rule_version": VERSION, "priority": "highest", "raised": self.raised} | facts
        return self.journal(change(sensor, severity_from, severity, time, **known))

    def journal(self, changed: ConditionChange) -> str:
        """Journal a change as one of a city in operation, and return the alarm."""
        (line,) = self.console.journal(msgspec.structs.replace(changed, mode="operational"))
        return line.alarm


def make(console: Console, *, severity: int = 4, minutes_ago: int = 2, readings: bool = True) -> World:
    """Put the default packs into force and raise an alarm of combustible gas at GAS-1."""
    packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
    console.run(activate(console.api.pool, packs, "test"))
    console.run(import_sensors(console.api.pool, [_placed(sensor) for sensor in SENSORS], IN_OPERATION))
    raised = now() - minutes_ago * MINUTE
    if readings:
        console.run(_fill(console, raised))
    world = World(console, "", raised)
    world.alarm = world.becomes(0, severity, raised, value=62.5, limit=50.0)
    return world


async def lived_through(console: Console, start: int) -> str:
    """Let the evaluator raise an alarm at GAS-1 and miss one at GAS-2, whose reading comes late; return the first.

    `start` in epoch milliseconds. GAS-1 is red from its second minute on. GAS-2 is above its yellow limit in its second
    minute, which is known only in the thirtieth.
    """
    pool = console.api.pool
    packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
    await activate(pool, packs, "li")
    await import_sensors(pool, [_placed(sensor) for sensor in SENSORS], IN_OPERATION)
    await pool.execute("update batch set arrived_at = $1", to_datetime(start - MINUTE))  # the log begins before it
    log = Log(pool)
    async with log.followed():
        await log.put(start, ("GAS-1", start, 3.0), ("GAS-2", start, 2.0))
        await log.put(start + MINUTE, ("GAS-1", start + MINUTE, 62.5))
        await log.put(start + 2 * MINUTE, ("GAS-2", start + 2 * MINUTE, 2.5))
        await log.put(start + 30 * MINUTE, ("GAS-2", start + MINUTE, 24.0))
        await log.evaluated()
    alarm: str = await pool.fetchval("select alarm from alarm where rule = $1 and severity = 4", RULE)
    return alarm


def _placed(sensor: Sensor) -> Sensor:
    if sensor.sensor == "GAS-1":
        return msgspec.structs.replace(sensor, camera_url=CAMERA, asset="MH-7", name="Valve chamber 7")
    if sensor.sensor == "GAS-2":
        return msgspec.structs.replace(sensor, longitude=98.2912, asset="MH-8", upstream="GAS-1", name_zh="八号阀室")
    return sensor


async def _fill(console: Console, raised: int) -> None:
    registry = await load_registry(console.api.pool)
    rows: list[tuple[str, int, float, int]] = []
    for ago in range(150, -1, -1):
        time = raised - ago * MINUTE
        if ago in GAP_MINUTES:
            continue
        value = 4 + 3 * np.sin(ago / 7) + (max(0, 12 - ago) ** 1.63 if ago < 12 else 0)
        quality = 0
        if ago == 40:
            value, quality = 99.0, int(Quality.RATE_EXCEEDED)
        elif ago == 20:
            quality = int(Quality.REPORTED_UNCERTAIN)
        rows.append(("GAS-1", time, float(value), quality))
    rows.append(("GAS-2", raised, 3.5, 0))
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        batch = IncomingReadings(
            np.array([registry.keys[sensor] for sensor, *_ in part], np.int32),
            np.array([time for _, time, *_ in part]),
            np.array([value for *_, value, _ in part]),
            np.array([quality for *_, quality in part], np.uint16),
        )
        await write_batch(console.api.pool, now(), batch)
