"""Suppressions over a real log: they begin and end on its clock, whatever is evaluated together, and lose nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml

from alerts.recovery import EvaluatorLimits
from alerts.rules import Pack
from model.alarm import State
from model.sensor import City, Sensor
from model.suppression import Suppression
from store.batches import write_batch
from store.journal import Place, read_journal
from store.pool import open_pool
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors
from store.suppressions import add_suppression
from tests.integration.log import evaluate_all
from tests.integration.test_store import NOON, readings

MINUTE_MS = 60_000
PACK = Pack.model_validate(
    yaml.safe_load("""
pack: depths
description: {en: depths, zh: 水深}
rules:
  - rule: depth
    name: {en: Depth, zh: 水深}
    select: {property: water_depth}
    condition: {kind: threshold, unit: cm, limits: {blue: 15, yellow: 27, orange: 40, red: 60}, deadband: 1}
    priority: high
    basis: [{mark: P, source: ours}]
    guidance:
      cause: {en: x, zh: x}
      consequence: {en: x, zh: x}
      response: {en: x, zh: x}
      time_to_respond_s: 60
""")
)
# Minute by minute: yellow, away, yellow again, orange, red, and away.
DEPTHS = [0, 30, 30, 30, 0, 30, 30, 45, 45, 70, 70, 30, 0, 0]


def suppression(kind: State, begins: int, ends: int | None, severity_max: int = 4) -> Suppression:
    """Of minutes after noon."""
    return Suppression(
        suppression=0, kind=kind, city="c", sensor="d-1", rule=None, severity_max=severity_max, purpose=None,
        reason="test", permit=None, actor="ann", approved_by=None, begins=NOON + begins * MINUTE_MS,
        ends=None if ends is None else NOON + ends * MINUTE_MS, review=None,
    )  # fmt: skip


PLANS: dict[str, list[Suppression]] = {
    "none": [],
    "a shelf for all": [suppression(State.SHELVED, 0, 20)],
    "a shelf for yellow": [suppression(State.SHELVED, 0, 20, severity_max=2)],
    "a shelf that ends while the alarm stands": [suppression(State.SHELVED, 0, 6)],
    "one after the other": [suppression(State.SHELVED, 0, 2), suppression(State.SHELVED, 6, 8)],
    "work within out of service": [
        suppression(State.OUT_OF_SERVICE, 0, None, severity_max=3), suppression(State.SUPPRESSED_BY_DESIGN, 2, 10),
    ],
    "planned work that begins while a red alarm stands unseen": [
        suppression(State.SUPPRESSED_BY_DESIGN, 3, 4), suppression(State.SUPPRESSED_BY_DESIGN, 10, 20),
    ],
}  # fmt: skip
EXPECTED = {
    "none": "normal>unacknowledged>returned_unacknowledged normal>unacknowledged>unacknowledged>unacknowledged"
    ">unacknowledged>returned_unacknowledged",
    "a shelf for all": "normal>shelved>normal normal>shelved>shelved>shelved>shelved>normal",
    "a shelf for yellow": "normal>shelved>normal normal>shelved>unacknowledged>unacknowledged>unacknowledged"
    ">returned_unacknowledged",
    "a shelf that ends while the alarm stands": "normal>shelved>normal normal>shelved>unacknowledged>unacknowledged"
    ">unacknowledged>unacknowledged>returned_unacknowledged",
    "one after the other": "normal>shelved>unacknowledged>returned_unacknowledged normal>unacknowledged>shelved>shelved"
    ">unacknowledged>unacknowledged>unacknowledged>returned_unacknowledged",
    "work within out of service": "normal>out_of_service>normal normal>out_of_service>out_of_service"
    ">suppressed_by_design>unacknowledged>unacknowledged>returned_unacknowledged",
    "planned work that begins while a red alarm stands unseen": "normal>unacknowledged>suppressed_by_design"
    ">unacknowledged>returned_unacknowledged normal>unacknowledged>unacknowledged>unacknowledged>unacknowledged"
    ">returned_unacknowledged",
}


def states(lines: Iterable[dict[str, Any]]) -> str:
    """What each occurrence went through, in the order of their begin."""
    found: dict[str, list[str]] = {}
    for line in sorted(lines, key=lambda line: (line["alarm"], line["sequence"])):
        found.setdefault(line["alarm"], [line["from"]]).append(line["to"])
    return " ".join(">".join(path) for path in found.values())


async def _journal(url: str, plan: str, readings_per_transaction_max: int, turns: int) -> list[str]:
    """Return the journal of the depths, stored and evaluated in so many turns, each of an evaluator of its own."""
    pool = await open_pool(url)
    sensor = Sensor(
        sensor="d-1", city="c", system="drainage", property="water_depth", unit="cm", interval_s=60, silence_s_max=3600
    )
    await import_sensors(pool, [sensor], [City(city="c", mode="test")])
    await activate(pool, [StoredPack(PACK.pack, PACK.version, PACK.content)], "test")
    key = await pool.fetchval("select sensor_key from sensor")
    async with pool.acquire() as connection:
        for one in PLANS[plan]:
            await add_suppression(connection, one, Place("c", "drainage", ""), NOON)
    written = 0
    limits = EvaluatorLimits(readings_per_transaction_max=readings_per_transaction_max)
    for turn in range(turns):
        through = len(DEPTHS) * (turn + 1) // turns
        for minute in range(written, through):
            # What falls due between two readings lies between their arrivals: 30 s after the full minute.
            time = NOON + minute * MINUTE_MS + MINUTE_MS // 2
            await write_batch(pool, time + 100, readings((key, time, float(DEPTHS[minute]))))
        written = through
        await evaluate_all(pool, limits)
    lines = await read_journal(pool, None, None)
    await pool.close()
    return lines


@pytest.mark.parametrize("plan", PLANS)
def test_states_follow_the_suppressions(database_url: str, plan: str) -> None:
    lines = [json.loads(line) for line in asyncio.run(_journal(database_url, plan, 20_000, 1))]
    assert states(lines) == EXPECTED[plan]


@pytest.mark.parametrize("plan", [plan for plan in PLANS if plan != "none"])
def test_the_journal_is_the_same_whatever_is_evaluated_together(database_urls: Callable[[], str], plan: str) -> None:
    whole = asyncio.run(_journal(database_urls(), plan, 20_000, 1))
    for readings_max, turns in ((1, 1), (20_000, 2), (3, 5)):
        assert asyncio.run(_journal(database_urls(), plan, readings_max, turns)) == whole


def test_nothing_is_lost_while_alarms_are_suppressed(database_urls: Callable[[], str]) -> None:
    found = {}
    for plan in PLANS:
        lines = [json.loads(line) for line in asyncio.run(_journal(database_urls(), plan, 20_000, 1))]
        found[plan] = [
            (line["alarm"], line["time"], line["severity_from"], line["severity"], line["value"], line["condition"])
            for line in lines
            if "cause" not in line
        ]
    assert len(found["none"]) == 7
    assert all(changes == found["none"] for changes in found.values())
