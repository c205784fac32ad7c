"""Floods on the real database: what is folded where, over any cut into transactions, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.flood_keeping import fold, leave
from alerts.incidents.keeping import keep
from alerts.lifecycle import apply_change
from model.alarm import Alarm, ConditionChange, State
from model.instant import parse_instant, to_datetime
from model.position import Position
from model.sensor import City
from store.floods import find_floods, folded_groups
from store.journal import Place, Transition, append_transitions, lock_journal
from store.pool import Connection, open_pool
from store.positions import write_positions
from store.sensors import import_cities

NOON = parse_instant("2026-11-22T12:00:00.000Z")
MINUTE = 60_000
BLUE, YELLOW, ORANGE, RED = 1, 2, 3, 4
DESK = "c.default"
GAS, WATER = Place("c", "gas", "north"), Place("c", "water", "south")
POSITIONS = [
    Position(position="gas-desk", city="c", systems=("gas",)),
    Position(position="north-desk", city="c", districts=("north",)),
]


def with_connection(url: str, work: Callable[[Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = await open_pool(url, connections_max=1)
        async with pool.acquire() as connection:
            await import_cities(connection, [City(city="c", mode="operational")])
            await work(connection)
        await pool.close()

    asyncio.run(run())


def raised(
    sensor: str, at: int, severity: int = BLUE, place: Place = GAS, before: Transition | None = None, **facts: Any
) -> Transition:
    """An alarm of a sensor raised, or risen from what it was, at `at` seconds after noon."""
    known: Alarm | None = None if before is None else before.alarm
    given = {
        "rule": "level", "kind": "threshold", "rule_version": "0", "alarm_class": "process", "priority": "low",
        "mode": "operational", "value": None, "limit": None, "cause": "reading", "reason": "limit_reached",
    } | facts  # fmt: skip
    time = NOON + at * 1_000
    change = ConditionChange(
        sensor=sensor, sensor_key=0, time=time, raised=time if known is None else known.raised, known_at=time,
        severity_from=0 if known is None else known.severity, severity=severity, **given,
    )  # fmt: skip
    return Transition(*apply_change(known, change), place)


async def record(connection: Connection, transitions: Sequence[Transition], each: int = 50) -> dict[str, str]:
    """Journal transitions in commits of so many, as the evaluator does; return what nobody is to be told of."""
    told: dict[str, str] = {}
    for start in range(0, len(transitions), each):
        part = transitions[start : start + each]
        async with connection.transaction():
            await lock_journal(connection)
            await append_transitions(connection, part)
            told |= await fold(connection, part)
    return told


async def folded(connection: Connection) -> dict[str, list[str]]:
    """At which positions alarms are folded now, by alarm."""
    rows = await connection.fetch(
        "select alarm, array_agg(position order by position) as positions from folded group by alarm"
    )
    return {row["alarm"]: row["positions"] for row in rows}


def sensors_of(folded_alarms: dict[str, Any]) -> set[str]:
    return {alarm.split(".")[1] for alarm in folded_alarms}


def test_lower_severities_are_folded_behind_the_first_out(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        first = [raised(f"s{n}", n) for n in range(10)]
        assert await record(connection, first) == {}
        others = [
            raised("blue", 10), raised("yellow", 11, YELLOW), raised("orange", 12, ORANGE),
            raised("silent", 13, 1, alarm_class="instrument", kind="stale"),
        ]  # fmt: skip
        told = await record(connection, others, each=2)
        assert sensors_of(told) == {"blue", "yellow", "silent"}
        assert set(told.values()) == {f"flood:{DESK}"}
        assert sensors_of(await folded(connection)) == {f"s{n}" for n in range(1, 10)} | {"blue", "yellow", "silent"}
        red = raised("red", 14, RED)
        assert await record(connection, [red]) == {}
        assert sensors_of(await folded(connection)) == {f"s{n}" for n in range(1, 10)} | {
            "blue", "yellow", "silent", "orange",
        }  # fmt: skip
        (flood,) = await find_floods(connection, [DESK], ["*"])
        assert (flood.began, flood.ended, flood.annunciated, flood.folded) == (NOON + 10_000, None, 15, 13)
        assert flood.first_out == first[0].alarm.alarm
        (group,) = await folded_groups(connection, flood.flood, ["*"])
        assert (group.rule, group.alarms, group.standing, group.severity) == ("level", 13, 13, ORANGE)
        assert await folded_groups(connection, flood.flood, ["elsewhere"]) == []
        assert await connection.fetchval("select count(*) from alarm where state = 'unacknowledged'") == 15

    with_connection(database_url, work)


def test_the_first_out_is_neither_folded_nor_kept_from_people_where_all_come_at_once(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        at_once = [raised(f"s{n}", 0, ORANGE) for n in range(12)]
        told = await record(connection, [*at_once, raised("red", 0, RED)])
        (flood,) = await find_floods(connection, [DESK], ["*"])
        first = {flood.first_out}
        assert told.keys() == {one.alarm.alarm for one in at_once} - first
        assert (await folded(connection)).keys() == told.keys()

    with_connection(database_url, work)


def test_an_orange_first_out_stays_beside_when_a_red_comes_later(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        oranges = [raised(f"s{n}", n, ORANGE) for n in range(12)]
        await record(connection, oranges)
        assert await folded(connection) == {}
        await record(connection, [raised("red", 20, RED)])
        assert sensors_of(await folded(connection)) == {f"s{n}" for n in range(1, 12)}
        risen = raised("s0", 30, YELLOW, before=raised("s0", 0, BLUE))  # the first-out, annunciated anew
        assert await record(connection, [risen]) == {}
        assert "s0" not in sensors_of(await folded(connection))

    with_connection(database_url, work)


def test_an_alarm_that_rises_to_red_comes_out_and_one_that_rises_less_stays(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        lower = [raised(f"s{n}", n) for n in range(12)]
        await record(connection, lower)
        await record(connection, [raised("s3", 20, RED, before=lower[3]), raised("s4", 20, YELLOW, before=lower[4])])
        assert sensors_of(await folded(connection)) == {f"s{n}" for n in range(1, 12)} - {"s3"}

    with_connection(database_url, work)


def test_alarms_of_an_incident_are_folded_behind_it_and_the_others_behind_their_rule(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        together = [raised("one", n, rule=f"r{n}") for n in range(3)]
        alone = [raised(f"s{n}", 5 + n, place=Place("c", "lighting", f"d{n}"), rule="lamp") for n in range(9)]
        await record(connection, [*together, *alone])
        async with connection.transaction():
            await lock_journal(connection)
            await keep(connection, [*together, *alone])
        (flood,) = await find_floods(connection, [DESK], ["*"])
        groups = await folded_groups(connection, flood.flood, ["*"])
        assert [(one.incident is not None, one.rule, one.alarms) for one in groups] == [
            (False, "lamp", 9), (True, None, 2),
        ]  # fmt: skip

    with_connection(database_url, work)


def test_it_is_over_by_silence_and_nothing_is_folded_then(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        await record(connection, [raised(f"s{n}", n) for n in range(12)])
        ends = NOON + 7_000 + 10 * MINUTE
        await leave(connection, ends)  # what comes at this instant would still count
        assert (await find_floods(connection, [DESK], ["*"]))[0].ends == ends
        assert await folded(connection) != {}
        for clock in (ends + 1, ends + MINUTE):
            await leave(connection, clock)
            assert await find_floods(connection, [DESK], ["*"]) == []
            assert await folded(connection) == {}
        rows = await connection.fetch("select * from flood")
        assert [(row["annunciated"], row["ended_at"].timestamp() * 1_000) for row in rows] == [(12, ends)]
        assert await record(connection, [raised("later", 700)]) == {}

    with_connection(database_url, work)


def test_each_position_has_its_flood_and_only_what_all_fold_is_told_to_nobody(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        await write_positions(connection, POSITIONS, _moment(), "t")
        await record(connection, [raised(f"s{n}", n) for n in range(12)])  # gas in the north: of both desks
        assert {one.position for one in await find_floods(connection, ["gas-desk", "north-desk", DESK], ["*"])} == {
            "gas-desk", "north-desk",
        }  # fmt: skip
        both, one, none = (
            raised("both", 20),
            raised("one", 20, place=Place("c", "gas", "south")),
            raised("none", 20, place=WATER),
        )
        assert sensors_of(await record(connection, [both, one, none])) == {"both", "one"}
        north = [raised(f"n{n}", 30, place=Place("c", "water", "north")) for n in range(3)]
        assert sensors_of(await record(connection, north)) == {"n0", "n1", "n2"}
        await leave(connection, NOON + 610_000)  # over at the gas desk, not yet in the north
        later = raised("later", 611)
        assert await record(connection, [later]) == {}
        places = await folded(connection)
        assert (places.get(none.alarm.alarm), places.get(later.alarm.alarm)) == (None, ["north-desk"])

    with_connection(database_url, work)


def test_modes_are_kept_apart_and_a_persons_own_release_counts_as_no_news(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        await record(connection, [raised(f"s{n}", n) for n in range(8)])
        await record(connection, [raised(f"e{n}", n, mode="exercise") for n in range(8)])
        released = [Transition(one.alarm, _released(one), one.place) for one in (raised(f"r{n}", 9) for n in range(8))]
        async with connection.transaction():
            assert await fold(connection, released) == {}
        assert await find_floods(connection, [DESK], ["*"]) == []

    with_connection(database_url, work)


def test_no_more_than_a_look_at_the_lines_where_nothing_is_annunciated() -> None:
    calm = raised("a", 0)
    fallen = raised("a", 1, BLUE, before=raised("a", 0, YELLOW))
    assert not asyncio.run(fold(None, []))  # no connection is asked
    assert not asyncio.run(fold(None, [fallen]))
    with pytest.raises(AttributeError):
        asyncio.run(fold(None, [calm]))


COURSE = st.lists(
    st.tuples(st.integers(0, 45), st.sampled_from([BLUE, YELLOW, ORANGE, RED])), min_size=20, max_size=40
)  # seconds in steps of 30


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(COURSE, st.lists(st.integers(1, 8), min_size=1, max_size=6))
def test_the_cut_into_transactions_changes_nothing(
    database_url: str, course: list[tuple[int, int]], cuts: list[int]
) -> None:
    async def work(connection: Connection) -> None:
        transitions = [raised(f"s{n}", step * 30, severity) for n, (step, severity) in enumerate(sorted(course))]
        found = []
        for parts in ([transitions], _parts(transitions, cuts)):
            transaction = connection.transaction()
            await transaction.start()
            for part in parts:
                await fold(connection, part)
                if len(parts) > 1 and part[-1].alarm.raised % 60_000 == 0:
                    await leave(connection, part[-1].alarm.raised)
            await leave(connection, NOON + 120 * MINUTE)
            rows = await connection.fetch(
                "select f.began_at, f.ended_at, f.first_out, f.annunciated, f.red, a.alarm, a.severity, a.folded"
                " from flood f join flood_alarm a using (flood) order by f.began_at, a.alarm"
            )
            found.append([tuple(row) for row in rows])
            await transaction.rollback()
        assert found[0] == found[1]
        assert not any(severity == RED and is_folded for *_, severity, is_folded in found[0])

    with_connection(database_url, work)


def test_two_thousand_alarms_in_a_minute_are_journalled_and_counted(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        severities = [RED if n % 100 == 50 else ORANGE if n % 10 == 0 else BLUE for n in range(2_000)]
        storm = [raised(f"s{n}", n * 60 // 2_000, severity) for n, severity in enumerate(severities)]
        told = await record(connection, storm)
        assert await connection.fetchval("select count(*) from journal") == 2_000
        (flood,) = await find_floods(connection, [DESK], ["*"])
        assert (flood.annunciated, flood.folded) == (2_000, 1_979)
        assert await connection.fetchval("select count(*) from folded join alarm using (alarm) where severity = 4") == 0
        assert len(told) > 1_900
        states = await connection.fetch("select distinct state from alarm")
        assert [row["state"] for row in states] == [State.UNACKNOWLEDGED]

    with_connection(database_url, work)


def _parts(transitions: list[Transition], cuts: list[int]) -> list[list[Transition]]:
    """Cut into parts of whole instants, at least as long as the cuts say."""
    parts: list[list[Transition]] = [[]]
    for one in transitions:
        full = len(parts[-1]) >= cuts[(len(parts) - 1) % len(cuts)]
        if full and parts[-1][-1].alarm.raised != one.alarm.raised:
            parts.append([])
        parts[-1].append(one)
    return parts


def _released(one: Transition) -> Any:
    return msgspec.structs.replace(one.line, from_=State.SHELVED, actor="li", action="unshelve", cause="operator")


def _moment() -> Any:
    return to_datetime(NOON)
