"""Deadlines over a real log: each step once, at its own time by the log's clock, whatever is evaluated together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from alerts.changes import record_steps
from alerts.counters import EvaluatorCounters
from alerts.deadlines import keep_deadlines
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.handling import Act, handle
from alerts.lifecycle import acknowledge
from alerts.notification_file import parse_notification_file
from alerts.recording import record
from alerts.recovery import EvaluatorLimits
from alerts.rules import Pack
from alerts.suppression import Judged
from model.alarm import ConditionChange, State
from model.instant import parse_instant
from model.registry import Registry
from model.roster import parse_rosters
from model.sensor import City, Sensor
from model.suppression import Suppression
from store.batches import write_batch
from store.journal import Place, Transition, load_standing, lock_journal, read_journal
from store.notification_files import StoredFile, put_file_in_force
from store.pool import open_pool
from store.rosters import put_rosters_in_force
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors
from store.suppressions import add_suppression
from tests.integration.test_store import NOON, readings

WAIT_S_MAX = 20.0
MINUTE_MS = 60_000
PACK = Pack.model_validate(
    yaml.safe_load("""
pack: depths
description: {en: depths, zh: 水深}
rules:
  - rule: depth
    name: {en: Depth, zh: 水深}
    select: {property: water_depth}
    condition: {kind: threshold, unit: cm, limits: {yellow: 27, red: 60}, deadband: 1}
    priority: high
    basis: [{mark: P, source: ours}]
    guidance:
      cause: {en: x, zh: x}
      consequence: {en: x, zh: x}
      response: {en: x, zh: x}
      time_to_respond_s: 60
""")
)
ROSTERS = """
city: c
teams: [{team: crew-1, members: [li]}]
rosters:
  - {roster: crews, shifts: [{who: crew-1, from: "00:00", to: "00:00"}]}
  - {roster: desk, duty: dispatcher, shifts: [{who: desk, from: "00:00", to: "00:00"}]}
  - {roster: chiefs, duty: supervisor, shifts: [{who: chief, from: "00:00", to: "00:00"}]}
escalation:
  - severities: [red]
    acknowledge_min: 0.5
    steps: [{to: [supervisor]}]
  - severities: [yellow]
    acknowledge_min: 2.2
    assign_min: 3.2
    accept_min: 1
    steps: [{to: [assignee, dispatcher]}, {after_min: 1.5, to: [supervisor]}, {after_min: 4, to: [li]}]
"""
NOTIFICATIONS = """
channels: [{channel: hook, via: webhook, url: "https://alarms.example.org/", key: 0123456789abcdef01234567}]
people: [{person: chief, channels: [hook]}]
routes: [{route: all, channels: [hook], severities: [blue]}]
"""


def depths(*spans: tuple[int, float]) -> list[float]:
    """So many minutes of each depth."""
    return [depth for minutes, depth in spans for _ in range(minutes)]


def shelf(begins: int, ends: int) -> Suppression:
    """Of minutes after noon."""
    return Suppression(
        suppression=0, kind=State.SHELVED, city="c", sensor="d-1", rule=None, severity_max=2, purpose=None,
        reason="test", permit=None, actor="ann", approved_by=None, begins=NOON + begins * MINUTE_MS,
        ends=NOON + ends * MINUTE_MS, review=None,
    )  # fmt: skip


# By the minute in which what was awaited fell due (the alarm is known 30.1 s after the full minute), step, and to whom.
PLANS: dict[str, tuple[list[float], list[Suppression], dict[int, str], list[str]]] = {
    "nobody does anything": (depths((1, 0), (12, 30), (1, 0)), [], {}, [
        "3 not_acknowledged_in_time 1 desk", "4 not_assigned_in_time 1 desk", "5 not_acknowledged_in_time 2 chief",
        "6 not_assigned_in_time 2 chief", "7 not_acknowledged_in_time 3 li", "8 not_assigned_in_time 3 li"]),
    "it returns before": (depths((1, 0), (2, 30), (9, 0)), [], {}, []),
    "it returns between two steps": (depths((1, 0), (4, 30), (9, 0)), [], {}, [
        "3 not_acknowledged_in_time 1 desk", "4 not_assigned_in_time 1 desk", "5 not_acknowledged_in_time 2 chief"]),
    "acknowledged": (depths((1, 0), (12, 30)), [], {2: "acknowledge"}, [
        "4 not_assigned_in_time 1 desk", "6 not_assigned_in_time 2 chief", "8 not_assigned_in_time 3 li"]),
    "assigned, and not accepted": (depths((1, 0), (9, 30)), [], {2: "assign"}, [
        "3 not_accepted_in_time 1 crew-1, li, desk", "3 not_acknowledged_in_time 1 crew-1, li, desk",
        "5 not_accepted_in_time 2 chief", "5 not_acknowledged_in_time 2 chief",
        "7 not_accepted_in_time 3 li", "7 not_acknowledged_in_time 3 li"]),
    "assigned, returned and not accepted": (depths((1, 0), (2, 30), (9, 0)), [], {2: "assign"}, [
        "3 not_accepted_in_time 1 crew-1, li, desk", "5 not_accepted_in_time 2 chief", "7 not_accepted_in_time 3 li"]),
    "a rise is awaited anew, by the tighter limits": (depths((1, 0), (2, 30), (9, 70)), [], {}, [
        "4 not_acknowledged_in_time 1 chief"]),
    "shelved all the while": (depths((1, 0), (12, 30)), [shelf(0, 60)], {}, []),
    "released: awaited anew": (depths((1, 0), (9, 30)), [shelf(2, 5)], {}, [
        "7 not_acknowledged_in_time 1 desk", "8 not_assigned_in_time 1 desk", "8 not_acknowledged_in_time 2 chief"]),
    "shelved between two steps": (depths((1, 0), (9, 30)), [shelf(5, 60)], {}, [
        "3 not_acknowledged_in_time 1 desk", "4 not_assigned_in_time 1 desk"]),
}  # fmt: skip
GAPS = {"no gap": range(0), "nothing arrives for a while": range(2, 10)}


async def _registered(url: str, *, sensors: int = 1, mode: str = "test") -> tuple[Any, list[int]]:
    pool = await open_pool(url)
    await import_sensors(
        pool,
        [
            Sensor(sensor=f"d-{n}", city="c", system="drainage", property="water_depth", unit="cm", interval_s=60,
                   silence_s_max=36_000)
            for n in range(1, sensors + 1)
        ],
        [City(city="c", mode=mode)],
    )  # fmt: skip
    await activate(pool, [StoredPack(PACK.pack, PACK.version, PACK.content)], "test")
    async with pool.acquire() as connection:
        await put_rosters_in_force(connection, parse_rosters("rosters.yaml", ROSTERS), "test")
    return pool, [row["sensor_key"] for row in await pool.fetch("select sensor_key from sensor order by sensor_key")]


async def _people(pool: Any, action: str, time: int) -> None:
    """Let somebody act on what stands, at a time."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_journal(connection)
        for alarm, place in (await load_standing(connection, ["d-1"])).values():
            if action == "acknowledge":
                done = acknowledge(alarm, actor="ann", time=time)
            else:
                allowed = {awaited: MINUTE_MS for awaited in parse_rosters("r", ROSTERS).escalation[1].allowed_ms}  # type: ignore[index]
                done = handle(alarm, Act.ASSIGN, actor="ann", time=time, assigned_to="crew-1", allowed_ms=allowed)
            await record(connection, [Transition(*done, place)])


async def _journal(
    url: str, plan: str, readings_per_transaction_max: int, turns: int = 1, gap: str = "no gap"
) -> list[str]:
    """Return the journal of the depths, stored and evaluated in so many turns, each of an evaluator of its own."""
    values, suppressions, acts, _ = PLANS[plan]
    pool, (key,) = await _registered(url)
    async with pool.acquire() as connection:
        for one in suppressions:
            await add_suppression(connection, one, Place("c", "drainage", ""), NOON)
    written = 0
    limits = EvaluatorLimits(readings_per_transaction_max=readings_per_transaction_max)
    stops = sorted({len(values) * (turn + 1) // turns for turn in range(turns)} | {minute + 1 for minute in acts})
    for through in stops:
        for minute in range(written, through):
            time = NOON + minute * MINUTE_MS + MINUTE_MS // 2
            if minute not in GAPS[gap]:
                await write_batch(pool, time + 100, readings((key, time, values[minute])))
        written = through
        handed, stop, counters = HandOver(), asyncio.Event(), EvaluatorCounters()
        evaluating = asyncio.create_task(run_evaluator(pool, handed, limits, stop, counters))
        newest = await pool.fetchval("select max(sequence) from batch")
        await _until(lambda counters=counters, newest=newest: counters.cursor >= newest)  # type: ignore[misc]
        stop.set()
        handed.committed.set()
        await evaluating
        if through - 1 in acts:
            await _people(pool, acts[through - 1], NOON + (through - 1) * MINUTE_MS + 31_000)
    lines = await read_journal(pool, None, None)
    await pool.close()
    return lines


def escalations(lines: list[str]) -> list[str]:
    found = []
    for text in lines:
        line = json.loads(text)
        if line["reason"].endswith("_in_time"):
            assert (line["cause"], line["from"] == line["to"], "action" in line, "actor" in line) == (
                "deadline", True, False, False,
            )  # fmt: skip
            minute = (parse_instant(line["time"]) - NOON) // MINUTE_MS
            found.append(f"{minute} {line['reason']} {line['details']['step']} {line['details']['to']}")
    return found


@pytest.mark.parametrize("plan", PLANS)
def test_each_step_once_at_its_own_time(database_url: str, plan: str) -> None:
    assert escalations(asyncio.run(_journal(database_url, plan, 20_000))) == PLANS[plan][3]


@pytest.mark.parametrize("gap", GAPS)
def test_the_journal_is_the_same_whatever_is_evaluated_together(database_urls: Callable[[], str], gap: str) -> None:
    for plan in ("nobody does anything", "assigned, and not accepted", "released: awaited anew"):
        if gap != "no gap" and PLANS[plan][2]:
            continue
        whole = asyncio.run(_journal(database_urls(), plan, 20_000, gap=gap))
        for readings_max, turns in ((1, 1), (3, 3)):
            assert asyncio.run(_journal(database_urls(), plan, readings_max, turns, gap)) == whole, plan


@pytest.mark.parametrize(("mode", "told"), [("operational", 1), ("exercise", 0)])
def test_an_exercise_escalates_in_the_journal_alone(database_url: str, mode: str, told: int) -> None:
    async def scenario() -> None:
        pool, keys = await _registered(database_url, mode=mode)
        file = parse_notification_file("notifications.yaml", NOTIFICATIONS)
        async with pool.acquire() as connection:
            await put_file_in_force(connection, StoredFile(file.version, file.content), "test")
        await _raise(pool, keys, mode, severity=4)
        await keep_deadlines(pool, NOON + 10 * MINUTE_MS)
        assert len(escalations(await read_journal(pool, None, None))) == 1
        rows = await pool.fetch("select kind, details from notification where kind = 'escalated'")
        assert len(rows) == told
        assert all(json.loads(row["details"])["step"] == "not_acknowledged_1" for row in rows)
        await pool.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("looks_s", [60, 1_200], ids=["in time", "in one look, late"])
def test_two_thousand_alarms_escalate_each_step_once(database_url: str, looks_s: int) -> None:
    async def scenario() -> None:
        pool, keys = await _registered(database_url, sensors=2_000)
        await _raise(pool, keys, "test", severity=2, apart_ms=30)
        due = []
        for second in range(0, 1_201, looks_s):
            due.append(await keep_deadlines(pool, NOON + second * 1_000))
        lines = [json.loads(line) for line in await read_journal(pool, None, None)]
        steps = {(line["alarm"], line["reason"], line["details"]["step"]) for line in lines if "details" in line}
        assert len(steps) == len([line for line in lines if "details" in line]) == 2_000 * 6
        assert await pool.fetchval("select count(*) from deadline") == 0
        assert due == sorted(due)
        await pool.close()

    asyncio.run(scenario())


async def _raise(pool: Any, keys: list[int], mode: str, severity: int, apart_ms: int = 0) -> None:
    """Raise an alarm at each sensor, known so many milliseconds after the one before."""
    async with pool.acquire() as connection, connection.transaction():
        sensors = {
            key: Sensor(sensor=f"d-{n}", city="c", system="drainage", property="water_depth", unit="cm", interval_s=60)
            for n, key in enumerate(keys, 1)
        }
        changes = [
            ConditionChange(
                rule="depth", kind="threshold", rule_version="0" * 12, alarm_class="process", priority="high",
                sensor=sensor.sensor, sensor_key=key, mode=mode, time=NOON, raised=NOON,
                known_at=NOON + place * apart_ms, severity_from=0, severity=severity, value=30.0, limit=27.0,
                cause="reading", reason="limit_reached",
            )
            for place, (key, sensor) in enumerate(sensors.items())
        ]  # fmt: skip
        registry = Registry(1, sensors, {"c": City(city="c", mode=mode)})
        assert await record_steps(connection, [Judged(change, None) for change in changes], registry) == 0


async def _until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + WAIT_S_MAX
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
