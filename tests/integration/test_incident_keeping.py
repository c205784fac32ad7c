"""Incidents in the database: in the transitions' own transaction, the same whoever keeps them and however often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from alerts.incidents import keeping
from alerts.incidents.grouping import Grouping, in_order
from alerts.incidents.happenings import happening_of
from alerts.incidents.keeping import keep
from alerts.incidents.topology import Topology
from alerts.lifecycle import apply_change
from model.alarm import ConditionChange, State
from model.incident import Cause, Member
from model.instant import to_datetime
from model.network import Link, Network, Node
from model.network_content import Placed
from model.sensor import City, Sensor
from store.journal import Place, Transition, append_transitions, load_alarms, lock_journal
from store.networks import write_network
from store.pool import open_pool
from store.sensors import import_sensors

NOON = 1_795_348_800_000
MINUTE = 60_000
COUNT = 12


def _sensor(k: int) -> Sensor:
    return Sensor(
        sensor=f"W-{k}", city="town", system="water", property="water_pressure", unit="MPa", interval_s=60,
        asset=f"N{k}", district="east",
    )  # fmt: skip


SENSORS = [_sensor(k) for k in range(COUNT)]
Scenario = Callable[[Any], Awaitable[None]]


def run(url: str, scenario: Scenario) -> None:
    async def connected() -> None:
        pool = await open_pool(url, connections_max=4)
        try:
            await import_sensors(pool, SENSORS, [City(city="town", mode="test")])
            await scenario(pool)
        finally:
            await pool.close()

    asyncio.run(connected())


def pipes(*pairs: tuple[int, int]) -> Placed:
    nodes = {f"N{k}": Node(node=f"N{k}") for k in range(COUNT)}
    links = [Link(link=f"P{a}-{b}", from_node=f"N{a}", to_node=f"N{b}", length_m=900.0) for a, b in pairs]
    return Placed(nodes, {link.link: link for link in links})


def change(k: int, minute: int, severity: int = 2, was: int = 0, begun: int | None = None, **facts: Any) -> Any:
    time = NOON + minute * MINUTE
    its: dict[str, Any] = {"rule": "low", "kind": "threshold", "value": 0.1} | facts
    return ConditionChange(
        rule_version="0", alarm_class="process", priority="high", sensor=f"W-{k}", sensor_key=k, mode="test",
        time=time, raised=time if begun is None else NOON + begun * MINUTE, known_at=time, severity_from=was,
        severity=severity, limit=0.14, cause="reading", reason="limit_reached", **its,
    )  # fmt: skip


async def commit(pool: Any, changes: Sequence[ConditionChange], *, fails: bool = False) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await lock_journal(connection)
        alarms = {k: v[0] for k, v in (await load_alarms(connection, [c.alarm for c in changes])).items()}
        transitions = []
        for one in changes:
            after, line = apply_change(alarms.get(one.alarm), one)
            alarms[one.alarm] = after
            transitions.append(Transition(after, line, Place("town", "water", "east")))
        await append_transitions(connection, transitions)
        await keep(connection, transitions)
        await (transaction.rollback() if fails else transaction.commit())


STREAM = [
    change(0, 0), change(3, 1), change(1, 2), change(0, 3, 4, 2, begun=0), change(2, 4), change(7, 5),
    change(1, 6, 0, 2, begun=2), change(0, 7, 0, 4, begun=0), change(3, 8, 0, 2, begun=1), change(2, 9, 0, 2, begun=4),
    change(6, 10), change(1, 11), change(1, 12, 0, 2, begun=11), change(7, 200), change(5, 500),
]  # fmt: skip


PIPES = pipes((0, 1), (1, 2), (2, 3), (6, 7))


def in_memory(changes: Sequence[ConditionChange]) -> Grouping:
    """What the fold alone makes of changes, without a database."""
    topology = Topology(Network("town", "water", PIPES.nodes.values(), PIPES.links.values()))
    grouping = Grouping("town", "test", {"water": topology}.get)
    alarms: dict[str, Any] = {}
    happenings = []
    for one in changes:
        alarms[one.alarm], line = apply_change(alarms.get(one.alarm), one)
        happening = happening_of(line, "town", "water", "east", SENSORS[one.sensor_key])
        if happening is not None:
            happenings.append(happening)
    grouping.fold(in_order(happenings))
    return grouping


@pytest.mark.parametrize(
    ("suppressed", "by", "joins"),
    [
        pytest.param(None, None, True, id="annunciated"),
        pytest.param(State.SUPPRESSED_BY_DESIGN, "parent", True, id="suppressed by the rules"),
        pytest.param(State.SUPPRESSED_BY_DESIGN, None, False, id="raised by a bump test"),
        pytest.param(State.SHELVED, None, False, id="shelved"),
        pytest.param(State.OUT_OF_SERVICE, None, False, id="out of service"),
    ],
)
def test_what_a_person_keeps_quiet_joins_no_incident(suppressed: State | None, by: str | None, joins: bool) -> None:
    _, line = apply_change(None, change(0, 0), suppressed=suppressed, suppressed_by=by)
    happening = happening_of(line, "town", "water", "east", SENSORS[0])
    assert (happening is not None and happening.what == "raised") == joins


@pytest.mark.parametrize("another_process", [False, True], ids=["one process", "another process each time"])
@pytest.mark.parametrize("size", [1, 4])
def test_commits_of_any_size_from_any_process_keep_what_the_fold_says(
    database_url: str, size: int, another_process: bool
) -> None:
    async def scenario(pool: Any) -> None:
        async with pool.acquire() as connection:
            await write_network(connection, "town", {"water": PIPES})
        for start in range(0, len(STREAM), size):
            if another_process:
                forget()
            await commit(pool, STREAM[start : start + size])
        expected = in_memory(STREAM)
        assert len([one for one in expected.incidents.values() if one.merged_into is None]) > 3
        assert {c.change for c in expected.changes} >= {"opened", "joined", "merged", "closed", "reopened"}
        rows = await pool.fetch("select * from incident order by incident")
        assert [
            (row["incident"], row["version"], row["members"], row["standing"], row["merged_into"], row["closed_at"])
            for row in rows
        ] == [
            (name, one.version, len(one.members), one.standing, one.merged_into, to_moment(one.closed))
            for name, one in sorted(expected.incidents.items())
        ]
        assert [msgspec.json.decode(row["cause"], type=Cause) for row in rows] == [
            one.cause for _, one in sorted(expected.incidents.items())
        ]
        members = await pool.fetch("select incident, facts from incident_member order by member")
        assert [(row["incident"], msgspec.json.decode(row["facts"], type=Member)) for row in members] == sorted(
            ((name, member) for name, one in expected.incidents.items() for member in one.members.values()),
            key=lambda pair: pair[1].member,
        )
        changes = await pool.fetch(
            "select incident, version, what, members, other from incident_change order by change"
        )
        assert [tuple(row) for row in changes] == [
            (c.incident, c.version, c.change, list(c.members), c.other) for c in expected.changes
        ]

    run(database_url, scenario)


def test_what_was_rolled_back_is_not_known_afterwards(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        async with pool.acquire() as connection:
            await write_network(connection, "town", {"water": PIPES})
        await commit(pool, [change(0, 0)])
        await commit(pool, [change(1, 1), change(0, 1, 0, 2, begun=0)], fails=True)
        await commit(pool, [change(2, 2)])
        rows = await pool.fetch("select member, incident, standing from incident_member order by member")
        first = "i.low.W-0.20261122T120000000Z"
        assert [tuple(row) for row in rows] == [(first[2:], first, True), ("low.W-2.20261122T120200000Z", first, True)]

    run(database_url, scenario)


def test_a_network_that_is_imported_counts_from_the_next_alarm_on(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        await commit(pool, [change(0, 0), change(1, 1)])
        assert await pool.fetchval("select count(*) from incident") == 2
        async with pool.acquire() as connection:
            await write_network(connection, "town", {"water": PIPES})
        await commit(pool, [change(2, 2)])
        assert await pool.fetchval("select count(*) from incident where merged_into is null") == 1
        assert await pool.fetchval("select why ->> 'relation' from incident_member where member ~ 'W-2'") == "connected"

    run(database_url, scenario)


def test_the_pressures_behind_a_burst_name_its_pipe(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        async with pool.acquire() as connection:
            await write_network(connection, "town", {"water": PIPES})
        keys = {row["sensor"]: row["sensor_key"] for row in await pool.fetch("select sensor, sensor_key from sensor")}
        # An hour and a half of 0.4 MPa, then it falls most at W-2, less at W-3; what comes later is not known yet.
        rows = [
            (to_datetime(NOON + minute * MINUTE), value, 1 if minute <= 0 else 2, keys[f"W-{k}"], 0, 0)
            for k, last in ((0, 0.39), (1, 0.37), (2, 0.2), (3, 0.3), (6, 0.4))
            for minute in range(-90, 6)
            for value in [0.4 if minute < -1 else last if minute <= 0 else 0.0]
        ]
        async with pool.acquire() as connection:
            await connection.executemany(
                "insert into batch (sequence, arrived_at, readings, rejections, duplicates) values ($1, $2, 0, 0, 0)",
                [(1, to_datetime(NOON)), (2, to_datetime(NOON + 5 * MINUTE))],
            )
            await connection.execute("update evaluation_cursor set batch = 2")
            await connection.copy_records_to_table(
                "reading", columns=("time", "value", "batch", "sensor_key", "position", "quality"), records=rows
            )
        await commit(pool, [change(0, 0, 4, kind="combination", rule="burst", value=3.0)])
        cause = msgspec.json.decode(await pool.fetchval("select cause from incident"), type=Cause)
        assert (cause.kind, cause.subject, cause.others, cause.value) == ("burst", "P2-3", ("P1-2",), 0.2)

    run(database_url, scenario)


def test_alarms_of_an_exercise_and_of_operation_are_never_one_incident(database_url: str) -> None:
    async def scenario(pool: Any) -> None:
        async with pool.acquire() as connection:
            await write_network(connection, "town", {"water": PIPES})
        await commit(pool, [change(0, 0), change(1, 1)])
        # The city has become an exercise's; what stood before returns, and something new comes.
        exercise = msgspec.structs.replace
        await commit(pool, [exercise(change(0, 2, 0, 2, begun=0), mode="exercise")])
        await commit(pool, [exercise(change(2, 3), mode="exercise")])
        await commit(pool, [exercise(change(1, 4, 0, 2, begun=1), mode="exercise")])
        rows = await pool.fetch("select mode, members, standing, closed_at is null as open from incident order by mode")
        assert [tuple(row) for row in rows] == [("exercise", 1, 1, True), ("test", 2, 0, False)]

    run(database_url, scenario)


def test_what_changes_no_incident_asks_the_database_nothing() -> None:
    class NoDatabase:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    _, line = apply_change(None, change(0, 0))
    fallen = msgspec.structs.replace(
        line, sequence=2, from_=State.ACKNOWLEDGED, to=State.ACKNOWLEDGED, severity_from="red"
    )
    alarm, _ = apply_change(None, change(0, 0))
    asyncio.run(keep(NoDatabase(), [Transition(alarm, fallen, Place("town", "water", "east"))]))
    asyncio.run(keep(NoDatabase(), []))


def forget() -> None:
    keeping._kept.clear()
    keeping._networks.clear()


def to_moment(time: int | None) -> Any:
    return None if time is None else to_datetime(time)
