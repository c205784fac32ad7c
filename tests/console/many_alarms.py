"""Many sensors of a city in operation, and alarms at them, journalled as the evaluator does."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Locator, Page

from alerts.changes import record_steps
from alerts.rule_file import default_packs
from alerts.suppression import Judged
from model.alarm import ConditionChange
from model.sensor import City, Sensor
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors, load_registry
from tests.console.opening import Console, now

CITY = City(city="jinchang", name="Jinchang", name_zh="金昌", mode="operational")
KINDS = (  # system, property, unit, rule, names, value and limit of a red one
    ("gas", "combustible_gas", "%{LEL}", "combustible-gas", ("Valve chamber {}", "{}号阀室"), (62.5, 50.0)),
    ("water", "water_pressure", "MPa", "water-pressure-low", ("Pressure point {}", "{}号测压点"), (0.11, 0.12)),
    ("drainage", "manhole_level", "m", "manhole-level", ("Manhole {}", "{}号检查井"), (2.31, 2.0)),
)
DISTRICTS = ("jinchuan", "yongchang", "beijing-road")
SEVERITIES = ("none", "blue", "yellow", "orange", "red")
PRIORITIES = ("low", "low", "medium", "high", "highest")


def sensor_at(place: int) -> Sensor:
    system, observed, unit, _, (name, name_zh), _ = KINDS[place % len(KINDS)]
    return Sensor(
        sensor=f"S-{place:05}", city=CITY.city, system=system, property=observed, unit=unit, interval_s=60,
        longitude=102.1 + place % 100 / 1000, latitude=38.4 + place // 100 / 1000,
        name=name.format(place), name_zh=name_zh.format(place), district=DISTRICTS[place // 3 % len(DISTRICTS)],
    )  # fmt: skip


class Streets:
    """A city with `count` sensors and the default rules in force, whose alarms a test raises."""

    def __init__(self, console: Console, count: int) -> None:
        self.console = console
        self.sensors = [sensor_at(place) for place in range(count)]
        console.run(import_sensors(console.api.pool, self.sensors, [CITY]))
        packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
        console.run(activate(console.api.pool, packs, "test"))
        self.registry = console.run(load_registry(console.api.pool))

    def raised(self, place: int, severity: int = 4, *, minutes_ago: float = 1.0, **facts: Any) -> ConditionChange:
        """Return that an alarm was raised at a sensor."""
        return self.change(place, 0, severity, raised=now() - round(minutes_ago * 60_000), **facts)

    def change(self, place: int, before: int, severity: int, *, raised: int, **facts: Any) -> ConditionChange:
        *_, rule, _, (value, limit) = KINDS[place % len(KINDS)]
        time = facts.pop("time", raised)
        given: dict[str, Any] = {
            "rule": rule, "kind": "threshold", "rule_version": "0123456789ab", "alarm_class": "process",
            "priority": PRIORITIES[max(before, severity)], "value": value, "limit": limit, "cause": "reading",
            "reason": "limit_reached" if severity > before else "limit_left", "known_at": time + 200,
        }  # fmt: skip
        sensor = self.sensors[place].sensor
        return ConditionChange(
            sensor=sensor, sensor_key=self.registry.keys[sensor], mode=CITY.mode, time=time, raised=raised,
            severity_from=before, severity=severity, **(given | facts),
        )  # fmt: skip

    def journal(self, *changes: ConditionChange) -> list[str]:
        """Journal the changes, and return the alarms in their order."""
        self.console.run(self.written(changes))
        return [change.alarm for change in changes]

    async def written(self, changes: Sequence[ConditionChange]) -> None:
        async with self.console.api.pool.acquire() as connection, connection.transaction():
            assert await record_steps(connection, [Judged(change, None) for change in changes], self.registry) == 0

    def raises(self, place: int, severity: int = 4, *, minutes_ago: float = 1.0, **facts: Any) -> str:
        """Raise an alarm and return its id."""
        (alarm,) = self.journal(self.raised(place, severity, minutes_ago=minutes_ago, **facts))
        return alarm


def once() -> dict[str, str]:
    """Return the header that every act needs."""
    return {"Idempotency-Key": secrets.token_hex(8)}


def rows(page: Page) -> Locator:
    return page.locator("#alarm-grid [data-row]")


def row(page: Page, alarm: str) -> Locator:
    return page.locator(f'#alarm-grid [data-row="{alarm}"]')


def order(page: Page) -> list[str]:
    """Return the rows from top to bottom."""
    found = page.eval_on_selector_all(
        "#alarm-grid [data-row]", "(rows) => rows.map((row) => [Number(row.ariaRowIndex), row.dataset.row])"
    )
    return [name for _, name in sorted(found)]


def expect_order(page: Page, *alarms: str) -> None:
    """Wait until these are the rows, in this order."""
    page.wait_for_function(
        """(wanted) => JSON.stringify([...document.querySelectorAll("#alarm-grid [data-row]")]
          .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex).map((row) => row.dataset.row)) === wanted""",
        arg=json.dumps(alarms, separators=(",", ":")),
    )


def acknowledge(console: Console, alarm: str, role: str = "supervisor") -> None:
    """Acknowledge as another person, at another desk."""

    async def do() -> None:
        client = await console.api.client(role, label="desk-2")
        path = f"/api/v1/alarms/{alarm}"
        seen = (await client.get(path)).json()["sequence"]
        answer = await client.post(f"{path}/acknowledge", json={"seen_sequence": seen}, headers=once())
        assert answer.status_code == 200, answer.text

    console.run(do())


def post(console: Console, path: str, body: dict[str, Any], role: str = "supervisor") -> Any:
    async def do() -> Any:
        client = await console.api.client(role)
        answer = await client.post(f"/api/v1{path}", json=body, headers=once())
        assert answer.status_code in (200, 201, 202), answer.text
        return answer.json()

    return console.run(do())


def raised_at(alarm: str) -> int:
    """Return when an alarm was raised, in epoch milliseconds, by its id."""
    stamp = datetime.strptime(alarm.rsplit(".", 1)[1], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    return round(stamp.timestamp() * 1000)
