"""A log in which alarms of many kinds are raised, and people act on them: what files of evidence are taken of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from alerts.handling import Act, handle
from alerts.lifecycle import acknowledge, note
from alerts.recording import record
from alerts.recovery import EvaluatorLimits
from app.suppressions import Wanted, end_suppression, suppress_alarm, suppress_sensor
from model.alarm import Alarm, JournalLine, State
from model.instant import MINUTE_MS
from model.reading import Quality
from model.roster import parse_rosters
from model.sensor import City, Sensor
from store.batches import write_batch
from store.journal import Place, Transition, load_standing, lock_journal
from store.pool import Connection, Pool, open_pool
from store.rosters import put_rosters_in_force
from store.sensors import import_sensors
from store.suppressions import suppressions_of
from tests.integration.gateway_rules import GATEWAY_RULES, GUIDANCE, STANDS_RULE
from tests.integration.log import evaluate_all, put_in_force
from tests.integration.test_store import NOON, readings

LIMITS = EvaluatorLimits(tick_s=20)  # nobody was listening where no batch came for a minute
RULES = f"""{GATEWAY_RULES}
  - rule: bad
    name: {{en: Bad, zh: 坏值}}
    class: instrument
    select: {{property: water_depth}}
    condition: {{kind: range}}
    priority: low{GUIDANCE}
  - rule: calibration
    name: {{en: Calibration, zh: 校准}}
    class: instrument
    select: {{attributes: {{role: gas}}}}
    condition: {{kind: due}}
    priority: low{GUIDANCE}{STANDS_RULE}
  - rule: depth
    name: {{en: Depth, zh: 水深}}
    select: {{property: water_depth, attributes: {{role: well}}}}
    condition: {{kind: threshold, unit: cm, limits: {{blue: 15, yellow: 27, red: 60}}, deadband: 1, on_delay_s: 90}}
    suppressed_by: [{{rule: stands, per: district, up_to: orange}}]
    priority: high
    basis: [{{mark: P, source: ours}}]{GUIDANCE}
  - rule: wells
    name: {{en: Both wells, zh: 两井}}
    select: {{property: water_depth, attributes: {{role: well}}}}
    condition: {{kind: combination, per: district, levels: {{orange: {{rule: depth, at_least: yellow, sensors: 2}}}}}}
    priority: high
    basis: [{{mark: P, source: ours}}]{GUIDANCE}
  - rule: gas
    name: {{en: Gas, zh: 燃气}}
    select: {{property: combustible_gas}}
    condition: {{kind: threshold, unit: "%{{LEL}}", limits: {{yellow: 25, red: 50}}, deadband: 2}}
    priority: high
    basis: [{{mark: P, source: ours}}]{GUIDANCE}
"""
LATER_RULES = RULES.replace("yellow: 27, red: 60", "yellow: 28, red: 60")
WITHOUT_CALIBRATION = LATER_RULES.replace("  - rule: calibration", "  - rule: other-calibration")
ROSTERS = """
city: c
teams: [{team: crew-1, members: [li]}]
rosters:
  - {roster: desk, duty: dispatcher, shifts: [{who: desk, from: "00:00", to: "00:00"}]}
escalation:
  - severities: [yellow, orange, red]
    acknowledge_min: 1.2
    steps: [{to: [dispatcher]}]
"""

# By sensor, minute by minute: what it measures, None where nothing is heard of it. Nobody listens in minutes 9 to 12.
AWAY = range(9, 12)
_PUMP = [0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0]
_WELL_1 = [0, 0, 30, 30, 30, 30, 35, 0, 0, 0, 0, 0, 0, 30, 30, 30, 30, 70, 0, 0]
_WELL_2 = [0, 0, 0, 30, 30, 30, -999, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
_POST: list[float | None] = [1, 2, 1, None, None, None, None, None, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]
COURSES: dict[str, Sequence[float | None]] = {
    "far-1": [1, 2] * 10, "far-2": [2, 1] * 10,  # of another city, whose gateway has the same name
    "pump": _PUMP, "well-1": _WELL_1, "well-2": _WELL_2, "post-1": _POST, "post-2": _POST,
    "gas-1": [1, 1, 1, 60, 60, 1, 1, 1, 1, 1, 1, 1, 1, None, None, None, None, None, None, 1],
}  # fmt: skip
LATE = (8, 6 * MINUTE_MS + 30_000, 55.0)
"""In this minute gas-1 sends a reading of so many milliseconds after noon, too."""
QUALITY = {-999.0: int(Quality.SENTINEL)}


async def made(url: str, through: int = len(_PUMP) - 1) -> Pool:
    """Let it happen through a minute, and return the database's pool."""
    pool = await opened(url)
    keys = dict(await pool.fetch("select sensor, sensor_key from sensor"))
    for minute in range(through + 1):
        if minute in AWAY:
            continue
        await write_minute(pool, keys, minute)
        if minute not in ACTS and minute != through:
            continue
        await evaluate_all(pool, LIMITS)
        for act in ACTS.get(minute, ()):
            async with pool.acquire() as connection, connection.transaction():
                await lock_journal(connection)
                await act(connection, NOON + minute * MINUTE_MS + 45_000)
        if minute == 5:
            await put_in_force(pool, LATER_RULES)
    await put_in_force(pool, WITHOUT_CALIBRATION)
    await evaluate_all(pool, LIMITS)
    return pool


async def opened(url: str) -> Pool:
    """Return the pool of a database with the sensors, rules and rosters."""
    pool = await open_pool(url)
    await import_sensors(
        pool, [_sensor(name) for name in COURSES], [City(city=city, mode="operational") for city in "cd"]
    )
    await put_in_force(pool, RULES)
    async with pool.acquire() as connection:
        await put_rosters_in_force(connection, parse_rosters("rosters.yaml", ROSTERS), "test")
    return pool


def _sensor(name: str) -> Sensor:
    role = name.split("-")[0]
    attributes = {"role": role, **({"gateway": "gw-1"} if role in ("post", "far") else {})}
    if role == "gas":
        attributes["calibration_due"] = "2026-11-22T12:03:30Z"
        return Sensor(
            sensor=name, city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
            attributes=attributes,
        )  # fmt: skip
    return Sensor(
        sensor=name, city="d" if role == "far" else "c", system="drainage", property="water_depth", unit="cm",
        interval_s=60, district="north", attributes=attributes,
    )  # fmt: skip


async def write_minute(pool: Pool, keys: dict[str, int], minute: int) -> None:
    """Put a minute's readings into the log, and the ticks behind them."""
    now = NOON + minute * MINUTE_MS
    rows = [
        (keys[name], now, value, QUALITY.get(value, 0))
        for name, course in COURSES.items() if (value := course[minute]) is not None
    ]  # fmt: skip
    await write_batch(pool, now + 100, readings(*rows))
    if minute == LATE[0]:
        await write_batch(pool, now + 10_000, readings((keys["gas-1"], NOON + LATE[1], LATE[2])))
    for tick in (20_000, 40_000):
        await write_batch(pool, now + tick, readings())


PersonsAct = Callable[[Connection, int], Awaitable[None]]


def _on(sensor: str, rule: str, change: Callable[[Alarm, int], tuple[Alarm, JournalLine]]) -> PersonsAct:
    """What somebody does to the standing alarm of a rule at a sensor."""

    async def act(connection: Connection, time: int) -> None:
        alarm, place = await _standing(connection, sensor, rule)
        await record(connection, [Transition(*change(alarm, time), place)])

    return act


async def _standing(connection: Connection, sensor: str, rule: str) -> tuple[Alarm, Place]:
    found = await load_standing(connection, [sensor])
    return next((alarm, place) for alarm, place in found.values() if alarm.rule == rule)


async def _shelve(connection: Connection, time: int) -> None:
    alarm, place = await _standing(connection, "well-2", "depth")
    wanted = Wanted(State.SHELVED, "shelve", "depth", 2, time, time + 60_000, "cleaning")
    await record(connection, await suppress_alarm(connection, alarm, place, wanted, "ann", time))


async def _take_out_of_service(connection: Connection, time: int) -> None:
    wanted = Wanted(State.OUT_OF_SERVICE, "out-of-service", None, 4, time, None, "exchanged", review=time + 10**7)
    await suppress_sensor(connection, "post-1", Place("c", "drainage", "north"), wanted, "bob", time)


async def _return_to_service(connection: Connection, time: int) -> None:
    [one] = (await suppressions_of(connection, ["post-1"]))["post-1"]
    await end_suppression(connection, one, "bob", time, "exchanged")


ACTS: dict[int, list[PersonsAct]] = {
    4: [_on("gas-1", "gas", lambda alarm, time: acknowledge(alarm, actor="ann", time=time, comment="on the way"))],
    5: [
        _on("well-1", "depth", lambda a, t: handle(a, Act.ASSIGN, actor="ann", time=t, assigned_to="crew-1")),
        _shelve, _take_out_of_service,
    ],
    6: [_on("well-1", "depth", lambda a, t: note(a, actor="ann", action="comment", time=t, reason="commented",
                                                  comment="井盖已开 “open”"))],
    13: [_return_to_service],
}  # fmt: skip
