"""Routing: what is told, to which channel, when, and what is only counted."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notification_file import NotificationFile, Window
from alerts.routing import (
    Delivery,
    Escalation,
    Occasion,
    deliveries,
    end_of,
    escalation_of,
    fold,
    fold_steps,
    occasion_of,
)
from model.alarm import Alarm, JournalLine, State
from model.instant import format_instant, parse_instant, to_datetime
from store.journal import Place, Transition

SHANGHAI, URUMQI = "Asia/Shanghai", "Asia/Urumqi"
NOON = parse_instant("2026-11-22T12:00:00.000Z")  # a Sunday, 20:00 in Shanghai
HOUR_MS = 3_600_000


def file(*routes: dict[str, Any], people: Any = ()) -> NotificationFile:
    given_names = ["desk", "boss", "li-phone", "wang-phone"]
    channels = [{"channel": name, "via": "apprise", "url": f"dingtalk://{name}/"} for name in given_names]
    named = [{"route": f"r{number}", "channels": ["desk"], **route} for number, route in enumerate(routes)]
    return NotificationFile.model_validate({"channels": channels, "people": list(people), "routes": named})


def occasion(**facts: Any) -> Occasion:
    usual = {
        "alarm": "a", "sequence": 1, "kind": "raised", "place": Place("jiayuguan", "gas", "xiongguan"),
        "alarm_class": "process", "priority": "medium", "severity": 2, "mode": "operational", "at": NOON,
    }  # fmt: skip
    return Occasion(**(usual | facts))


def transition(**facts: Any) -> Transition:
    usual = {
        "alarm": "a", "sequence": 1, "rule": "r", "kind": "threshold", "sensor": "S", "time": format_instant(NOON),
        "from_": State.NORMAL, "to": State.UNACKNOWLEDGED, "severity": "yellow", "severity_from": None,
        "peak_severity": "yellow", "class_": "process", "priority": "medium", "condition": "active", "value": 1.0,
        "limit": 1.0, "reason": "limit_reached", "known_at": format_instant(NOON + 200), "rule_version": "0",
        "mode": "operational", "retroactive": False,
    }  # fmt: skip
    line = JournalLine(**(usual | facts))
    alarm = Alarm(
        alarm=line.alarm, rule=line.rule, kind=line.kind, rule_version="0", alarm_class=line.class_,
        priority=line.priority, sensor=line.sensor, mode=line.mode, state=line.to, severity=2, peak_severity=2,
        condition=line.condition, value=1.0, limit=1.0, raised=NOON, changed=NOON, sequence=line.sequence,
    )  # fmt: skip
    return Transition(alarm, line, Place("jiayuguan", "gas", "xiongguan"))


U, A, N, R = State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.NORMAL, State.RETURNED_UNACKNOWLEDGED
TOLD: list[tuple[str | None, State, State, str | None, str | None]] = [
    ("raised", N, U, None, "yellow"),
    ("risen", U, U, "yellow", "red"),
    ("risen", A, U, "yellow", "red"),
    ("released", State.SHELVED, U, "yellow", "yellow"),
    ("released", State.SUPPRESSED_BY_DESIGN, U, "yellow", "orange"),
    ("released", State.OUT_OF_SERVICE, U, "yellow", "yellow"),
    ("returned", U, R, "yellow", None),
    ("returned", A, N, "yellow", None),
    ("returned", U, State.LATCHED_UNACKNOWLEDGED, "yellow", None),
    (None, U, U, "red", "yellow"),
    (None, U, A, "yellow", "yellow"),
    (None, R, N, None, None),
    (None, N, State.SHELVED, None, "yellow"),
    (None, State.SHELVED, N, "yellow", None),
    (None, State.SHELVED, State.SHELVED, "yellow", "red"),
]


@pytest.mark.parametrize(("kind", "before", "after", "severity_from", "severity"), TOLD)
def test_which_transitions_are_told(
    kind: str | None, before: State, after: State, severity_from: str | None, severity: str | None
) -> None:
    condition = "active" if severity else "normal"
    found = occasion_of(
        transition(from_=before, to=after, severity_from=severity_from, severity=severity, condition=condition)
    )
    assert (None if found is None else found.kind) == kind


def test_an_exercise_is_never_told() -> None:
    assert occasion_of(transition(mode="exercise")) is None
    assert occasion_of(transition(mode="test")) is not None  # and goes where a route says so, below


MATCHES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({}, {"mode": "test"}, False),
    ({"modes": ["test"]}, {"mode": "test"}, True),
    ({"modes": ["test"]}, {}, False),
    ({"cities": ["jinchang"]}, {}, False),
    ({"cities": ["jinchang", "jiayuguan"]}, {}, True),
    ({"districts": ["xiongguan"]}, {}, True),
    ({"districts": ["jingtie"]}, {}, False),
    ({"systems": ["water"]}, {}, False),
    ({"severities": ["yellow"]}, {}, True),
    ({"severities": ["orange", "red"]}, {}, False),
    ({"severities": ["blue"]}, {"alarm_class": "instrument", "severity": 1}, False),
    ({"classes": ["instrument"]}, {"alarm_class": "instrument", "severity": 1}, True),
    ({"classes": ["instrument"]}, {}, False),
    ({"priorities": ["high", "highest"]}, {}, False),
    ({}, {"kind": "returned"}, False),
    ({"kinds": ["returned"]}, {"kind": "returned"}, True),
    ({"hours": {"from": "08:00", "to": "20:00"}}, {}, False),
    ({"hours": {"from": "08:00", "to": "20:00"}}, {"at": NOON - 1}, True),
    ({"hours": {"from": "20:00", "to": "08:00"}}, {}, True),
    ({"hours": {"from": "20:00", "to": "08:00", "days": ["mon"]}}, {}, False),
]


@pytest.mark.parametrize(("route", "facts", "expected"), MATCHES)
def test_which_route_is_for_what(route: dict[str, Any], facts: dict[str, Any], expected: bool) -> None:
    found = deliveries(file(route), occasion(**facts), SHANGHAI)
    assert [delivery.channel for delivery in found] == (["desk"] if expected else [])


NIGHT = {"from": "22:00", "to": "07:00"}
WINDOWS: list[tuple[str, dict[str, Any], str, str | None]] = [
    # zone, window, moment, its end; Shanghai is UTC+8, Urumqi UTC+6
    (SHANGHAI, NIGHT, "2026-11-22T13:59:59.999Z", None),
    (SHANGHAI, NIGHT, "2026-11-22T14:00:00.000Z", "2026-11-22T23:00:00.000Z"),
    (SHANGHAI, NIGHT, "2026-11-22T16:00:00.000Z", "2026-11-22T23:00:00.000Z"),
    (SHANGHAI, NIGHT, "2026-11-22T22:59:59.999Z", "2026-11-22T23:00:00.000Z"),
    (SHANGHAI, NIGHT, "2026-11-22T23:00:00.000Z", None),
    (URUMQI, NIGHT, "2026-11-22T14:00:00.000Z", None),
    (URUMQI, NIGHT, "2026-11-22T16:00:00.000Z", "2026-11-23T01:00:00.000Z"),
    (URUMQI, NIGHT, "2026-11-23T00:59:00.000Z", "2026-11-23T01:00:00.000Z"),
    (URUMQI, NIGHT, "2026-11-23T01:00:00.000Z", None),
    (SHANGHAI, NIGHT | {"days": ["sat"]}, "2026-11-22T14:00:00.000Z", None),  # Sunday night
    (SHANGHAI, NIGHT | {"days": ["sun"]}, "2026-11-22T20:00:00.000Z", "2026-11-22T23:00:00.000Z"),  # Monday, of Sunday
    (SHANGHAI, NIGHT | {"days": ["mon"]}, "2026-11-22T20:00:00.000Z", None),
    (SHANGHAI, {"from": "12:00", "to": "14:00"}, "2026-11-22T04:00:00.000Z", "2026-11-22T06:00:00.000Z"),
    (SHANGHAI, {"from": "12:00", "to": "00:00"}, "2026-11-22T15:59:00.000Z", "2026-11-22T16:00:00.000Z"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "window", "moment", "end"), WINDOWS)
def test_windows_in_the_time_of_the_city(zone: str, window: dict[str, Any], moment: str, end: str | None) -> None:
    local = to_datetime(parse_instant(moment)).astimezone(ZoneInfo(zone))
    found = end_of(Window.model_validate(window), local)
    assert (None if found is None else format_instant(found)) == end


HELD: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"severity": 3, "priority": "high"}, True),
    ({"severity": 4, "priority": "high"}, False),
    ({"severity": 1, "priority": "highest"}, False),
    ({"kind": "escalated", "severity": 1, "priority": "low"}, False),
]


@pytest.mark.parametrize(("facts", "held"), HELD)
def test_quiet_hours_hold_back_until_their_end_but_nothing_that_presses(facts: dict[str, Any], held: bool) -> None:
    night = NOON + 3 * HOUR_MS  # 23:00
    (found,) = deliveries(file({"quiet_hours": NIGHT}), occasion(at=night, **facts), SHANGHAI)
    assert (found.gathers, found.due) == ((True, night + 8 * HOUR_MS) if held else (False, night))


def test_low_priorities_are_gathered_to_the_end_of_the_span_of_the_day() -> None:
    route = {"digest": {"every_min": 30}}
    at = NOON + 17 * 60_000
    (low,) = deliveries(file(route), occasion(at=at, priority="low"), SHANGHAI)
    assert (low.gathers, low.due) == (True, NOON + 30 * 60_000)
    (medium,) = deliveries(file(route), occasion(at=at), SHANGHAI)
    assert (medium.gathers, medium.due) == (False, at)
    (last,) = deliveries(file({"digest": {"every_min": 700}}), occasion(at=at + 3 * HOUR_MS, priority="low"), SHANGHAI)
    assert format_instant(last.due) == "2026-11-22T15:20:00.000Z"  # 23:20, the second span's end
    at += 3 * HOUR_MS + 5 * 60_000
    (last,) = deliveries(file({"digest": {"every_min": 700}}), occasion(at=at, priority="low"), SHANGHAI)
    assert format_instant(last.due) == "2026-11-22T16:00:00.000Z"  # the third one is cut off at midnight


def test_of_several_routes_to_one_channel_the_soonest_counts() -> None:
    found = deliveries(file({"digest": {"every_min": 30}}, {}, {"channels": ["desk", "boss"]}),
                       occasion(priority="low"), SHANGHAI)  # fmt: skip
    assert [(d.channel, d.route, d.gathers) for d in found] == [("desk", "r1", False), ("boss", "r2", False)]


PEOPLE = [
    {"person": "li.wei", "channels": ["li-phone"]},
    {"person": "wang.fang", "channels": ["wang-phone", "li-phone"]},
]
DUTY: list[tuple[list[str], list[str]]] = [
    ([], ["desk"]),
    (["li.wei"], ["li-phone"]),
    (["li.wei", "wang.fang"], ["li-phone", "wang-phone"]),
    (["unknown"], ["desk"]),
    (["unknown", "li.wei"], ["li-phone"]),
]


@pytest.mark.parametrize(("on_duty", "channels"), DUTY)
def test_who_is_on_duty_is_told_and_the_desk_where_nobody_can_be_reached(
    on_duty: list[str], channels: list[str]
) -> None:
    found = deliveries(file({"on_duty": True}, people=PEOPLE), occasion(), SHANGHAI, on_duty)
    assert [delivery.channel for delivery in found] == channels


LATE: list[tuple[dict[str, Any], str | None, bool]] = [
    # facts, folded_into, marked as late (invariant I4)
    ({"age_s": 3_600.0}, None, False),
    ({"age_s": 3_601.0}, "late", True),
    ({"age_s": 3_601.0, "severity": 3}, None, True),
    ({"age_s": 7_200.0, "severity": 4}, None, True),
    ({"age_s": 7_201.0, "severity": 4}, "late", True),
    ({"retroactive": True, "age_s": 5.0}, "late", True),
    ({"retroactive": True, "age_s": 5.0, "severity": 3}, None, True),
]


@pytest.mark.parametrize(("facts", "folded_into", "late"), LATE)
def test_what_is_known_late(facts: dict[str, Any], folded_into: str | None, late: bool) -> None:
    (found,) = deliveries(file({}), occasion(**facts), SHANGHAI)
    assert (found.folded_into, found.occasion.late) == (folded_into, late)


def of(alarm: str, severity: int, channel: str = "desk", **facts: Any) -> Delivery:
    return Delivery(occasion(alarm=alarm, severity=severity, **facts), channel, "r", NOON)


INCIDENT, FLOOD = "incident:7", "flood:desk-1"
FOLDS: list[tuple[str, list[Delivery], dict[str, str], dict[tuple[str, str], int], list[str | None]]] = [
    ("nothing is folded", [of("a", 2)], {}, {}, [None]),
    ("the first of an incident is told, its like not", [of("a", 2), of("b", 2)], {"a": INCIDENT, "b": INCIDENT}, {},
     [None, "incident:7"]),
    ("a higher one is told again", [of("a", 2), of("b", 3), of("c", 2)], dict.fromkeys("abc", INCIDENT), {},
     [None, None, "incident:7"]),
    ("told in an earlier commit", [of("b", 2)], {"b": INCIDENT}, {("7", "desk"): 2}, ["incident:7"]),
    ("told to another channel", [of("b", 2)], {"b": INCIDENT}, {("7", "boss"): 2}, [None]),
    ("red is never folded", [of("a", 4), of("b", 4)], dict.fromkeys("ab", INCIDENT), {("7", "desk"): 4}, [None, None]),
    ("a flood folds", [of("a", 3)], {"a": FLOOD}, {}, ["flood:desk-1"]),
    ("but not red", [of("a", 4)], {"a": FLOOD}, {}, [None]),
    ("nor priority highest", [of("a", 1, priority="highest")], {"a": FLOOD}, {}, [None]),
]  # fmt: skip
# In a flood that folds all of it, of one incident: what was told before of it, by channel; what is asked; the outcome.
IN_A_FLOOD: list[tuple[str, dict[str, int], list[Delivery], list[str | None]]] = [
    ("its first orange is told", {}, [of("a", 3), of("b", 3), of("c", 2)], [None, FLOOD, FLOOD]),
    ("told in an earlier commit", {"desk": 3}, [of("a", 3)], [FLOOD]),
    ("to another channel", {"boss": 3}, [of("a", 3)], [None]),
    ("to each channel", {}, [of("a", 3), of("a", 3, "boss"), of("b", 3, "boss")], [None, None, FLOOD]),
    ("behind its red", {}, [of("a", 4), of("b", 3)], [None, FLOOD]),
    ("it was told as yellow, and grew worse", {"desk": 2}, [of("a", 3)], [None]),
    ("yellow and blue are not", {}, [of("a", 2), of("b", 1)], [FLOOD, FLOOD]),
    ("what was folded was not told", {}, [of("a", 2), of("b", 3), of("c", 3)], [FLOOD, None, FLOOD]),
]


@pytest.mark.parametrize(
    ("asked", "folded", "told", "expected"), [case[1:] for case in FOLDS], ids=[c[0] for c in FOLDS]
)
def test_folding(
    asked: list[Delivery], folded: dict[str, str], told: dict[tuple[str, str], int], expected: list[str | None]
) -> None:
    floods = {alarm: reason for alarm, reason in folded.items() if reason == FLOOD}
    incidents = {alarm: reason.removeprefix("incident:") for alarm, reason in folded.items() if reason == INCIDENT}
    assert [delivery.folded_into for delivery in fold(asked, floods, incidents, told)] == expected


@pytest.mark.parametrize(("told", "asked", "expected"), [c[1:] for c in IN_A_FLOOD], ids=[c[0] for c in IN_A_FLOOD])
def test_a_flood_hides_no_incidents_beginning(
    told: dict[str, int], asked: list[Delivery], expected: list[str | None]
) -> None:
    floods = {delivery.occasion.alarm: FLOOD for delivery in asked}
    before = {("7", channel): severity for channel, severity in told.items()}
    found = fold(asked, floods, dict.fromkeys(floods, "7"), before)
    assert [delivery.folded_into for delivery in found] == expected


def escalated(alarm: str, severity: int, since: int = 0, at: int = 60, **facts: Any) -> tuple[Escalation, Delivery]:
    step, channel = facts.get("step", "not_acknowledged_1"), facts.get("channel", "desk")
    made = msgspec.structs.replace(transition(alarm=alarm).alarm, severity=severity)
    escalation = Escalation(made, Place("jiayuguan", "gas", "xiongguan"), step, [], NOON + since, NOON + at)
    found = escalation_of(escalation)
    assert found is not None
    return escalation, Delivery(found, channel, "escalation", NOON + at)


I7 = "incident:7"
# Alarms a to c are of incident 7, x is of 8, z of none; times count from noon.
STEPS: list[tuple[str, list[tuple[Escalation, Delivery]], list[str | None]]] = [
    ("one for an incident", [escalated("a", 3), escalated("b", 3), escalated("c", 2)], [None, I7, I7]),
    ("red as well", [escalated("a", 4), escalated("b", 4)], [None, I7]),
    ("a higher one is told", [escalated("a", 2), escalated("b", 4), escalated("c", 3)], [None, None, I7]),
    ("each step", [escalated("a", 3), escalated("a", 3, step="not_acknowledged_2")], [None, None]),
    ("each channel", [escalated("a", 3), escalated("b", 3, channel="boss")], [None, None]),
    ("each incident", [escalated("a", 3), escalated("x", 3)], [None, None]),
    ("of no incident", [escalated("z", 3), escalated("z", 3)], [None, None]),
    ("what began after it was told", [escalated("a", 3), escalated("b", 3, 61, 121)], [None, None]),
    ("what began before it was told", [escalated("a", 3), escalated("b", 3, 60, 120)], [None, I7]),
]


@pytest.mark.parametrize(("asked", "expected"), [case[1:] for case in STEPS], ids=[case[0] for case in STEPS])
def test_an_incident_is_escalated_once_a_step(
    asked: list[tuple[Escalation, Delivery]], expected: list[str | None]
) -> None:
    incidents = {"a": "7", "b": "7", "c": "7", "x": "8"}
    whole = fold_steps(asked, incidents, {})
    assert [delivery.folded_into for _, delivery in whole] == expected
    one_by_one, told = [], dict[tuple[str, str, str, int], int]()
    for one in asked:
        ((escalation, delivery),) = fold_steps([one], incidents, told)
        if delivery.folded_into is None:
            place = incidents.get(escalation.alarm.alarm, ""), escalation.step, delivery.channel
            told[*place, delivery.occasion.severity] = escalation.at
        one_by_one.append(delivery.folded_into)
    assert one_by_one == expected


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["desk", "boss"]), st.sampled_from("xy"))), st.data())
def test_folding_hangs_not_on_how_a_stream_is_cut(stream: list[tuple[int, str, str]], data: st.DataObject) -> None:
    asked = [
        of(f"{incident}{number}", severity, channel) for number, (severity, channel, incident) in enumerate(stream)
    ]
    incidents = {d.occasion.alarm: d.occasion.alarm[0] for d in asked}
    flooded = data.draw(st.sets(st.sampled_from([*incidents, ""])))
    floods = dict.fromkeys(flooded, FLOOD)
    whole = [d.folded_into for d in fold(asked, floods, incidents, {})]
    cut = data.draw(st.integers(0, len(asked)))
    first = fold(asked[:cut], floods, incidents, {})
    told: dict[tuple[str, str], int] = {}
    for d in first:
        if d.folded_into is None:
            place = d.occasion.alarm[0], d.channel
            told[place] = max(told.get(place, -1), d.occasion.severity)
    assert [d.folded_into for d in [*first, *fold(asked[cut:], floods, incidents, told)]] == whole
    assert all(d.folded_into is None for d in fold(asked, floods, incidents, told) if d.occasion.severity == 4)
