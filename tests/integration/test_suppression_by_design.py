"""Suppression by design over a real log: a gateway that dies, plant that stands, other rules and sensors meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from alerts.recovery import EvaluatorLimits
from model.instant import MINUTE_MS
from model.sensor import City, Sensor
from store.batches import write_batch
from store.journal import read_journal
from store.pool import open_pool
from store.sensors import import_sensors
from tests.integration.gateway_rules import GATEWAY_RULES, GUIDANCE, STANDS_RULE
from tests.integration.log import evaluate_all, put_in_force
from tests.integration.test_store import NOON, readings

RULES = f"""{GATEWAY_RULES}{STANDS_RULE}
  - rule: depth
    name: {{en: Depth, zh: 水深}}
    select: {{property: water_depth, attributes: {{role: well}}}}
    condition: {{kind: threshold, unit: cm, limits: {{blue: 15, yellow: 27, orange: 40, red: 60}}, deadband: 1}}
    suppressed_by: [{{rule: stands, per: district}}]
    priority: high
    basis: [{{mark: P, source: ours}}]{GUIDANCE}
"""
FREE = RULES.replace("    suppressed_by: [{rule: stands, per: district}]\n", "")

# By sensor, minute by minute: what it measures, None where nothing is heard of it.
PUMP = [0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0]
WELL = [0, 20, 20, 20, 20, 0, 30, 30, 70, 30, 0, 30, 30, 30, 0, 0]
POST: list[float | None] = [1, 2, 1, None, None, None, None, None, None, None, 1, 2, 1, 2, 1, 2]
COURSES: dict[str, Sequence[float | None]] = {
    "pump": PUMP, "well": WELL, "post-1": POST, "post-2": POST, "post-3": POST[:-5] + [None] * 5,
}  # fmt: skip


def _sensor(name: str) -> Sensor:
    attributes = {"role": name} if name in ("pump", "well") else {"gateway": "gw-1"}
    return Sensor(
        sensor=name, city="c", system="drainage", property="water_depth", unit="cm", interval_s=60, district="north",
        attributes=attributes,
    )  # fmt: skip


async def _journal(
    url: str, readings_per_transaction_max: int = 20_000, turns: int = 1, then: Sequence[str] = (RULES,)
) -> list[dict[str, Any]]:
    """Return the journal of the courses, evaluated in so many turns; `then` are the rules from each turn on."""
    pool = await open_pool(url)
    await import_sensors(pool, [_sensor(name) for name in COURSES], [City(city="c", mode="test")])
    keys = dict(await pool.fetch("select sensor, sensor_key from sensor"))
    limits = EvaluatorLimits(readings_per_transaction_max=readings_per_transaction_max)
    minutes = len(PUMP)
    for turn in range(turns):
        await put_in_force(pool, then[min(turn, len(then) - 1)])
        for minute in range(minutes * turn // turns, minutes * (turn + 1) // turns):
            now = NOON + minute * MINUTE_MS
            rows = [(keys[name], now, value) for name, of in COURSES.items() if (value := of[minute]) is not None]
            await write_batch(pool, now + 100, readings(*rows))
            for tick in range(5, 60, 5):  # as ingest keeps the log's clock going
                await write_batch(pool, now + 1_000 * tick, readings())
        await evaluate_all(pool, limits)
    lines = [json.loads(line) for line in await read_journal(pool, None, None)]
    await pool.close()
    return lines


def told(lines: Sequence[dict[str, Any]], rule: str) -> list[tuple[str, str, str]]:
    """(sensor, time of day, to) of a rule's lines, in order."""
    return [(line["sensor"], line["time"][11:19], line["to"]) for line in lines if line["rule"] == rule]


def test_a_gateway_that_dies_is_one_alarm_and_plant_that_stands_keeps_its_wells_quiet(database_url: str) -> None:
    lines = asyncio.run(_journal(database_url))
    assert told(lines, "gateway") == [
        ("gw-1", "12:04:00", "unacknowledged"),
        ("gw-1", "12:10:00", "returned_unacknowledged"),
    ]
    silent = told(lines, "silent")
    assert silent[:6] == [
        *((f"post-{number}", "12:05:00", "suppressed_by_design") for number in (1, 2, 3)),
        *((f"post-{number}", "12:10:00", "normal") for number in (1, 2, 3)),
    ]
    assert silent[6:] == [("post-3", "12:13:00", "unacknowledged")]  # that one falls silent by itself
    assert [(time, to) for _, time, to in told(lines, "depth")] == [
        ("12:01:00", "unacknowledged"),
        ("12:03:00", "suppressed_by_design"),
        ("12:05:00", "normal"),
        ("12:06:00", "suppressed_by_design"),
        ("12:08:00", "unacknowledged"),  # red
        ("12:09:00", "unacknowledged"),
        ("12:10:00", "returned_unacknowledged"),
        ("12:11:00", "suppressed_by_design"),
        ("12:13:00", "unacknowledged"),
        ("12:14:00", "returned_unacknowledged"),
    ]


@pytest.mark.parametrize(("readings_max", "turns"), [(1, 1), (20_000, 4), (3, 16)])
def test_the_journal_is_the_same_whatever_is_evaluated_together_and_after_restarts(
    database_urls: Callable[[], str], readings_max: int, turns: int
) -> None:
    whole = asyncio.run(_journal(database_urls()))
    assert asyncio.run(_journal(database_urls(), readings_max, turns)) == whole


def test_rules_that_no_longer_suppress_release_what_they_kept_quiet(database_url: str) -> None:
    # The second turn begins after 12:07, with the well at 30 and the pump standing.
    lines = asyncio.run(_journal(database_url, turns=2, then=(RULES, FREE)))
    released = [line for line in lines if line.get("cause") == "design" and line["to"] == "unacknowledged"]
    assert [(line["sensor"], line["reason"], line["time"][11:16]) for line in released] == [
        ("well", "parent_returned", "12:07")
    ]
