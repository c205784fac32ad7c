"""Suppression by design and latching: what the rules keep quiet, from when, until when, and what stays all the same."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.backtest import backtest
from alerts.checkpoint import carry_over
from alerts.engine import Engine
from alerts.steps import after_step
from alerts.suppression import Judged, Moved, Step, Suppressing
from model.alarm import Alarm, ConditionChange, JournalLine, State, encode_line, journal_order
from model.instant import parse_instant
from model.reading import ReadingBatch
from model.sensor import Sensor
from model.severity import LABELS
from tests.rules.streams import PLAIN_RULE, SILENT_RULE, QualifiedReading, Reading, batch, engine, sensor, tick

QUIET = "suppressed_by_design"


def watching(name: str, sensors: str, **more: Any) -> dict[str, Any]:
    """A rule about the depth at the sensors of a role: blue at 10 cm, yellow at 20, orange at 30, red at 40."""
    return {**PLAIN_RULE, "rule": name, "select": {**PLAIN_RULE["select"], "attributes": {"role": sensors}}, **more}


def quiet_by(name: str = "parent", **more: Any) -> dict[str, Any]:
    return {"rule": name, "per": "district", **more}


PARENT = watching("parent", "parent")
UNTOLD = {**PARENT, "annunciated": False}
CHILD = watching("child", "child", suppressed_by=[quiet_by()])


def of(role: str, name: str, **more: Any) -> Sensor:
    return sensor(name, district="north", attributes={"role": role, **more.pop("attributes", {})}, **more)


TWO = [of("parent", "p"), of("child", "c")]


def told(
    readings: Sequence[Reading], *rules: dict[str, Any], sensors: Sequence[Sensor] = TWO, after: int | None = None
) -> list[tuple[Any, ...]]:
    """The back-test's journal of all but the parents, in order: seconds, rule at sensor, from, to."""
    one = engine(*rules, sensors=sensors)
    lines = sorted(
        backtest(one, [batch(one, readings)], after), key=lambda line: (line.known_at, line.rule, line.alarm)
    )
    return [
        (parse_instant(line.time) / 1000, f"{line.rule}@{line.sensor}", line.from_, line.to)
        for line in lines
        if not line.rule.startswith("parent")
    ]


@pytest.mark.parametrize("parent", [PARENT, UNTOLD], ids=["annunciated", "not annunciated"])
def test_what_is_raised_while_its_parent_is_active_is_quiet_and_ends_quietly(parent: dict[str, Any]) -> None:
    readings = [("p", 0, 50), ("c", 10, 15), ("c", 70, 0), ("p", 80, 0), ("c", 90, 15)]
    assert told(readings, parent, CHILD) == [
        (10, "child@c", "normal", QUIET),
        (70, "child@c", QUIET, "normal"),
        (90, "child@c", "normal", "unacknowledged"),
    ]


@pytest.mark.parametrize("parent", [PARENT, UNTOLD], ids=["annunciated", "not annunciated"])
@pytest.mark.parametrize("after", [None, 5_000], ids=["never acknowledged", "acknowledged"])
def test_what_stands_is_quiet_from_its_parent_s_begin_and_annunciated_anew_at_its_end(
    parent: dict[str, Any], after: int | None
) -> None:
    found = told([("c", 0, 15), ("p", 60, 50), ("c", 70, 25), ("p", 90, 0), ("c", 100, 0)], parent, CHILD, after=after)
    assert [line for line in found if line[3] != "acknowledged"] == [
        (0, "child@c", "normal", "unacknowledged"),
        (60, "child@c", "unacknowledged" if after is None else "acknowledged", QUIET),
        (70, "child@c", QUIET, QUIET),  # it rises unheard
        (90, "child@c", QUIET, "unacknowledged"),
        (100, "child@c", "unacknowledged" if after is None else "acknowledged",
         "returned_unacknowledged" if after is None else "normal"),
    ]  # fmt: skip


@pytest.mark.parametrize(("up_to", "quiet"), [({}, 3), ({"up_to": "blue"}, 1), ({"up_to": "red"}, 4)])
@pytest.mark.parametrize("severity", [1, 2, 3, 4])
def test_what_is_graver_than_the_rule_allows_is_annunciated(up_to: dict[str, str], quiet: int, severity: int) -> None:
    child = {**CHILD, "suppressed_by": [quiet_by(**up_to)]}
    for readings in ([("p", 0, 50), ("c", 10, 10.0 * severity)], [("c", 0, 10.0 * severity), ("p", 10, 50)]):
        assert (told(readings, PARENT, child)[-1][3] == QUIET) == (severity <= quiet)


def test_what_rises_beyond_that_breaks_out_and_stays_so() -> None:
    readings = [("p", 0, 50), ("c", 10, 15), ("c", 20, 45), ("c", 30, 15), ("c", 40, 0)]
    assert [line[2:] for line in told(readings, PARENT, CHILD)] == [
        ("normal", QUIET),
        (QUIET, "unacknowledged"),
        ("unacknowledged", "unacknowledged"),
        ("unacknowledged", "returned_unacknowledged"),
    ]


ELSEWHERE = {
    "sensor": ({"per": "sensor"}, of("child", "c"), False),
    "district": ({"per": "district"}, of("child", "c"), True),
    "another district": ({"per": "district"}, of("child", "c", attributes={}, city="other"), False),
    "city": ({"per": "city"}, sensor("c", attributes={"role": "child"}), True),
    "another city": ({"per": "city"}, of("child", "c", city="other"), False),
    "no district": ({"per": "district"}, sensor("c", attributes={"role": "child"}), False),
    "the same attribute": ({"per": "attributes.works"}, of("child", "c", attributes={"works": "w"}), True),
    "another attribute": ({"per": "attributes.works"}, of("child", "c", attributes={"works": "v"}), False),
    "no attribute": ({"per": "attributes.works"}, of("child", "c"), False),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_parent_counts_in_its_own_area(name: str) -> None:
    per, child, is_quiet = ELSEWHERE[name]
    sensors = [of("parent", "p", attributes={"works": "w"}), child]
    rule = {**CHILD, "suppressed_by": [quiet_by(**per)]}
    for readings in ([("p", 0, 50), ("c", 10, 15)], [("c", 0, 15), ("p", 10, 50)]):
        assert (told(readings, PARENT, rule, sensors=sensors)[-1][3] == QUIET) == is_quiet


def test_at_the_same_sensor_one_rule_keeps_another_quiet() -> None:
    rules = watching("parent", "both"), watching("child", "both", suppressed_by=[{"rule": "parent"}])
    assert told([("s", 0, 15)], *rules, sensors=[of("both", "s")]) == [(0, "child@s", "normal", QUIET)]


def test_the_last_of_several_parents_counts() -> None:
    sensors = [*TWO, of("parent", "q")]
    readings = [("p", 0, 50), ("q", 10, 50), ("c", 20, 15), ("p", 30, 0), ("q", 40, 0)]
    one = engine(PARENT, CHILD, sensors=sensors)
    lines = [line for line in backtest(one, [batch(one, readings)], None) if line.rule == "child"]
    assert [(line.to, line.details and line.details["suppressed_by"]) for line in lines[:2]] == [
        (QUIET, "parent.p.19700101T000000000Z"),
        (QUIET, "parent.q.19700101T000010000Z"),
    ]
    assert [(line.to, line.reason, line.cause) for line in lines[2:]] == [
        ("unacknowledged", "parent_returned", "design")
    ]


def test_a_parent_that_is_quiet_itself_keeps_others_quiet() -> None:
    middle = watching("middle", "middle", suppressed_by=[quiet_by()])
    child = {**CHILD, "suppressed_by": [quiet_by("middle")]}
    sensors = [*TWO, of("middle", "m")]
    found = told([("p", 0, 50), ("m", 10, 15), ("c", 20, 15), ("p", 30, 0), ("m", 40, 0)], PARENT, middle, child,
                 sensors=sensors)  # fmt: skip
    assert found == [
        (10, "middle@m", "normal", QUIET),
        (20, "child@c", "normal", QUIET),
        (30, "middle@m", QUIET, "unacknowledged"),
        (40, "child@c", QUIET, "unacknowledged"),
        (40, "middle@m", "unacknowledged", "returned_unacknowledged"),
    ]


def test_a_parent_s_rise_or_fall_changes_nothing() -> None:
    assert told([("p", 0, 15), ("c", 10, 15), ("p", 20, 45), ("p", 30, 15)], PARENT, CHILD) == [
        (10, "child@c", "normal", QUIET)
    ]


def test_its_line_bears_the_parent_s_time_but_none_before_its_own_begin() -> None:
    one = engine(PARENT, CHILD, sensors=TWO)
    given_batch = batch(one, [("c", 100, 15), ("p", 60, 50), ("p", 120, 0)], arrived=[100, 110, 130])
    lines = [line for line in backtest(one, [given_batch], None) if line.rule == "child"]
    assert [(parse_instant(line.time) / 1000, parse_instant(line.known_at) / 1000) for line in lines] == [
        (100, 100), (100, 110), (120, 130)
    ]  # fmt: skip


# --- latching --------------------------------------------------------------------------------------------------------


LATCHING = {**PLAIN_RULE, "latching": True}


def test_a_latching_alarm_stays_after_its_return() -> None:
    for after, state in ((None, "latched_unacknowledged"), (5_000, "latched_acknowledged")):
        found = told([("a", 0, 15), ("a", 60, 0)], LATCHING, sensors=[sensor("a")], after=after)
        assert found[-1][3] == state


def test_what_latched_unheard_is_released_latched_with_its_parent_s_end() -> None:
    readings = [("p", 0, 50), ("c", 10, 15), ("c", 20, 0), ("c", 30, 15), ("c", 35, 0), ("p", 40, 0)]
    assert told(readings, PARENT, {**CHILD, "latching": True}) == [
        (10, "child@c", "normal", QUIET),
        (20, "child@c", QUIET, QUIET),
        (30, "child@c", "normal", QUIET),  # the next occurrence
        (35, "child@c", QUIET, QUIET),
        (40, "child@c", QUIET, "latched_unacknowledged"),
        (40, "child@c", QUIET, "latched_unacknowledged"),
    ]


def test_silence_latches_too() -> None:
    one = engine({**SILENT_RULE, "latching": True}, sensors=[sensor("a")])
    one.evaluate(batch(one, [("a", 0, 1)]))
    assert all(change.latches for change in one.evaluate(tick(1_000)).changes)


# --- what no order, cut or restart changes ---------------------------------------------------------------------------


RULES = (
    PARENT,
    watching("parent-untold", "parent", annunciated=False, condition={**PLAIN_RULE["condition"], "deadband": 5}),
    watching("child", "child", suppressed_by=[quiet_by(), quiet_by("parent-untold", up_to="yellow", per="city")]),
    watching("grandchild", "child", latching=True,
             suppressed_by=[{"rule": "child", "per": "sensor", "up_to": "red"}]),
    {**SILENT_RULE, "suppressed_by": [quiet_by(per="district")]},
)  # fmt: skip
MANY = [
    *TWO, of("child", "d"), sensor("e", attributes={"role": "child"}),
    sensor("q", district="south", attributes={"role": "parent"}),
]  # fmt: skip


@st.composite
def streams(draw: st.DrawFn) -> list[QualifiedReading]:
    """Readings of all sensors, several of them at one instant."""
    clock, rows = 0, []
    for _ in range(draw(st.integers(1, 25))):
        clock += draw(st.sampled_from([1, 10, 30, 60, 60, 60, 200, 1_000]))
        names = draw(st.lists(st.sampled_from("pqcde"), min_size=1, max_size=5, unique=True))
        values = st.sampled_from([0.0, 0.0, 7.0, 15.0, 25.0, 35.0, 45.0])
        rows += [(name, float(clock), draw(values), 0) for name in names]
    return rows


def batches(one: Engine, rows: Sequence[QualifiedReading], cuts: Sequence[int]) -> list[ReadingBatch]:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(rows) and rows[cut][1] > rows[cut - 1][1]}), len(rows)]
    return [batch(one, rows[start:end]) for start, end in pairwise(edges)]


def journal(rows: Sequence[QualifiedReading], cuts: Sequence[int], after: int | None) -> list[JournalLine]:
    one = engine(*RULES, sensors=MANY)
    return sorted(backtest(one, batches(one, rows, cuts), after), key=journal_order)


@settings(max_examples=300)
@given(
    streams(), st.lists(st.integers(1, 125), max_size=8), st.randoms(use_true_random=False),
    st.sampled_from([None, 0, 20_000]),
)  # fmt: skip
def test_neither_the_cut_into_batches_nor_the_order_within_an_instant_shows(
    rows: list[QualifiedReading], cuts: list[int], random: Any, after: int | None
) -> None:
    whole = list(map(encode_line, journal(rows, [], after)))
    assert list(map(encode_line, journal(rows, cuts, after))) == whole
    shuffled = sorted(rows, key=lambda row: (row[1], random.random()))
    assert list(map(encode_line, journal(shuffled, range(1, len(rows)), after))) == whole


@settings(max_examples=300)
@given(streams(), st.integers(0, 125))
def test_what_is_recalled_goes_on_as_if_nothing_had_been(rows: list[QualifiedReading], cut: int) -> None:
    one = engine(*RULES, sensors=MANY)
    parts = batches(one, rows, [cut])
    suppressing = Suppressing(one.rules, one.registry)
    alarms: dict[str, Alarm] = {}
    for place, part in enumerate(parts):
        if place:
            again = Suppressing(one.rules, one.registry)
            standing = [a for a in alarms.values() if a.condition != "normal" or a.suppressed_by is not None]
            assert again.recall(standing, one.standing_unannounced(), one.clock) == []
        evaluated = one.evaluate(part)
        steps = suppressing.step(evaluated.changes, evaluated.unannounced)
        if place:
            assert again.step(evaluated.changes, evaluated.unannounced) == steps
        follow(alarms, steps)


@settings(max_examples=300)
@given(streams())
def test_what_is_quiet_has_a_reason_and_what_has_none_is_not(rows: list[QualifiedReading]) -> None:
    """The definition of suppression, held against all that stands after each instant."""
    one = engine(*RULES, sensors=MANY)
    suppressing = Suppressing(one.rules, one.registry)
    alarms: dict[str, Alarm] = {}
    active: dict[tuple[str, str], ConditionChange] = {}
    for part in batches(one, rows, range(1, len(rows))):
        evaluated = one.evaluate(part)
        for change in sorted([*evaluated.changes, *evaluated.unannounced], key=lambda change: change.known_at):
            active.pop((change.rule, change.sensor), None)
            if change.severity:
                active[change.rule, change.sensor] = change
        before = dict(alarms)
        follow(alarms, suppressing.step(evaluated.changes, evaluated.unannounced))
        for alarm in alarms.values():
            parents = {parent.alarm for parent in active.values() if _suppresses(one, parent, alarm)}
            if alarm.state is State.SUPPRESSED_BY_DESIGN:
                assert alarm.suppressed_by in parents
            elif alarm.alarm not in before and alarm.state is State.UNACKNOWLEDGED:
                assert not parents
            assert (alarm.state is State.SUPPRESSED_BY_DESIGN) == (alarm.suppressed_by is not None)


def _suppresses(one: Engine, parent: ConditionChange, alarm: Alarm) -> bool:
    rule = next(rule for rule in one.rules if rule.rule == alarm.rule)
    here, there = (one.registry.sensors[one.registry.keys[name]] for name in (alarm.sensor, parent.sensor))
    same = {
        "sensor": here.sensor == there.sensor, "city": True,
        "district": here.district == there.district and here.district != "",
    }  # fmt: skip
    return any(
        by.rule == parent.rule and same[by.per] and alarm.severity <= LABELS.index(by.up_to) + 1
        for by in rule.suppressed_by
    )


def follow(alarms: dict[str, Alarm], steps: Sequence[Step]) -> None:
    """Bring alarms up to steps; forget those that are normal."""
    for step in steps:
        stepped = after_step(alarms.get(step.alarm), step)
        if stepped is not None:
            alarms[step.alarm] = stepped[0]
            if stepped[0].state is State.NORMAL:
                del alarms[step.alarm]


# --- other rules -----------------------------------------------------------------------------------------------------


def test_under_other_rules_what_has_lost_its_parent_is_released() -> None:
    before, after = engine(PARENT, CHILD, sensors=TWO), engine(PARENT, watching("child", "child"), sensors=TWO)
    alarms: dict[str, Alarm] = {}
    evaluated = before.evaluate(batch(before, [("p", 0, 50), ("c", 10, 15)]))
    follow(alarms, Suppressing(before.rules, before.registry).step(evaluated.changes))
    assert carry_over(before, after) == []
    moved = Suppressing(after.rules, after.registry).recall(alarms.values(), after.standing_unannounced(), after.clock)
    assert [(m.sensor, m.suppressed_by, m.time, m.known_at, m.reason) for m in moved] == [
        ("c", None, 10_000, 10_000, "parent_returned")
    ]


def test_a_rule_that_is_no_longer_annunciated_is_withdrawn_and_one_that_is_anew_is_raised() -> None:
    told_rule, untold = engine(PARENT, CHILD, sensors=TWO), engine(UNTOLD, CHILD, sensors=TWO)
    told_rule.evaluate(batch(told_rule, [("p", 0, 50)]))
    (withdrawn,) = carry_over(told_rule, untold)
    assert (withdrawn.rule, withdrawn.severity_from, withdrawn.severity, withdrawn.cause) == ("parent", 4, 0, "rule")
    assert [change.alarm for change in untold.standing_unannounced()] == [withdrawn.alarm]
    (raised,) = carry_over(untold, engine(PARENT, CHILD, sensors=TWO))
    assert (raised.alarm, raised.severity_from, raised.severity, raised.cause) == (withdrawn.alarm, 0, 4, "rule")
    assert carry_over(untold, engine(CHILD, sensors=TWO)) == []


def test_a_parent_that_is_nowhere_is_told_of() -> None:
    assert engine(CHILD, sensors=TWO).unbound == [("child", "rule parent")]


def test_rules_without_suppression_are_passed_through() -> None:
    one = engine(PARENT, sensors=TWO)
    changes = one.evaluate(batch(one, [("p", 0, 50), ("p", 10, 0)])).changes
    assert Suppressing(one.rules, one.registry).step(changes) == [Judged(change, None) for change in changes]


def test_what_is_retroactive_neither_suppresses_nor_is_suppressed() -> None:
    late = batch(engine(PARENT, CHILD, sensors=TWO), [("p", 0, 50), ("c", 100, 0), ("p", 200, 0), ("c", 50, 15)],
                 arrived=[0, 100, 200, 300])  # fmt: skip
    one = engine(PARENT, CHILD, sensors=TWO)
    lines = [line for line in backtest(one, [late], None) if line.rule == "child"]
    assert [(line.to, line.retroactive) for line in lines] == [
        ("unacknowledged", True), ("returned_unacknowledged", True)
    ]  # fmt: skip


def test_a_move_is_told_apart_by_whether_a_parent_is_left() -> None:
    fields: dict[str, Any] = {"alarm": "a", "rule": "r", "sensor": "s", "severity": 1, "time": 0, "known_at": 0}
    assert Moved(**fields, suppressed_by="p").reason == "parent_active"
    assert Moved(**fields, suppressed_by=None).reason == "parent_returned"
