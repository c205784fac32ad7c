"""A street of sensors for the tests of incidents, and alarms of theirs as the evaluator records them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import httpx

from alerts.incidents.keeping import keep
from alerts.lifecycle import apply_change
from model.alarm import ConditionChange
from model.sensor import Sensor
from store.journal import Place, Transition, append_transitions, load_alarms, lock_journal
from store.sensors import import_sensors
from tests.api.service import CITIES, NOON, Service

MINUTE = 60_000
DEGREE_M = 85_400.0  # of longitude at 39.77 degrees north


def gauge(name: str, metres: float, city: str = "jiayuguan", **facts: Any) -> Sensor:
    """A pressure gauge so many metres east of a place."""
    return Sensor(
        sensor=name, city=city, system="water", property="water_pressure", unit="MPa", interval_s=60,
        longitude=98.2 + metres / DEGREE_M, latitude=39.77, district="xiongguan", name=f"Gauge {name}", **facts,
    )  # fmt: skip


STREET = {one.sensor: one for one in (gauge("W-1", 0), gauge("W-2", 300), gauge("W-3", 600), gauge("W-4", 5_000),
                                      gauge("W-9", 0, "jinchang"))}  # fmt: skip
MODES = {city.city: city.mode for city in CITIES}
_keys = itertools.count()


async def build(service: Service) -> None:
    await import_sensors(service.pool, list(STREET.values()), CITIES)


def raised(sensor: str, minute: int = 0, severity: int = 2, was: int = 0, begun: int | None = None) -> ConditionChange:
    """A change of the condition at a gauge, so many minutes after noon; of the occurrence that began then."""
    time = NOON + minute * MINUTE
    return ConditionChange(
        rule="low", kind="threshold", rule_version="0123456789ab", alarm_class="process", priority="high",
        sensor=sensor, sensor_key=0, mode=MODES[STREET[sensor].city], time=time,
        raised=time if begun is None else NOON + begun * MINUTE, known_at=time + 200, severity_from=was,
        severity=severity, value=0.1, limit=0.14, cause="reading", reason="limit_reached",
    )  # fmt: skip


def returned(sensor: str, minute: int, begun: int = 0) -> ConditionChange:
    return raised(sensor, minute, 0, 2, begun)


async def happens(service: Service, *changes: ConditionChange) -> list[str]:
    """Record changes and what they mean for incidents in one transaction; return the alarms."""
    async with service.pool.acquire() as connection, connection.transaction():
        await lock_journal(connection)
        await keep(connection, await _recorded(connection, changes))
    return [change.alarm for change in changes]


async def _recorded(connection: Any, changes: Sequence[ConditionChange]) -> list[Transition]:
    alarms = {k: v[0] for k, v in (await load_alarms(connection, [c.alarm for c in changes])).items()}
    transitions = []
    for change in changes:
        after, line = apply_change(alarms.get(change.alarm), change)
        alarms[change.alarm] = after
        sensor = STREET[change.sensor]
        transitions.append(Transition(after, line, Place(sensor.city, sensor.system, sensor.district)))
    await append_transitions(connection, transitions)
    return transitions


async def post(client: httpx.AsyncClient, path: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or f"incident-key-{next(_keys)}"}
    return await client.post(f"/api/v1{path}", json=body, headers=headers)


async def get(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()
