"""Which alarms become one incident, and why: place, network and time; whatever the order and the batches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.incidents.grouping import Grouping, Happening, in_order
from alerts.incidents.topology import Topology
from model.incident import Incident, Member
from model.network import Link, Network, Node

NOON = 1_795_348_800_000
HOUR, MINUTE = 3_600_000, 60_000
EAST = 98.0
DEGREE_M = 85_400.0  # of longitude at 39.77 degrees north


def _line(count: int, medium: str, length_m: float = 200.0) -> Topology:
    """N0 -> N1 -> …, one pipe P1 to N1 and so on."""
    nodes = [Node(node=f"N{k}", elevation_m=100.0) for k in range(count)]
    links = [Link(link=f"P{k}", from_node=f"N{k - 1}", to_node=f"N{k}", length_m=length_m) for k in range(1, count)]
    return Topology(Network("city", medium, nodes, links))


NETWORKS = {"water": _line(40, "water"), "drainage": _line(40, "drainage"), "gas": _line(10, "gas", 100.0)}


def member(name: str, system: str = "water", *, at: int = 0, metres: float | None = None, **facts: Any) -> Member:
    """An alarm `at` minutes after noon, so many metres east of a place."""
    place: dict[str, Any] = {} if metres is None else {"longitude": EAST + metres / DEGREE_M, "latitude": 39.77}
    given = {"rule": "rule", "sensor": name, "severity": 2} | place | facts
    prefix = {"rule": "a"}.get(given["rule"], given["rule"]) + ("" if "alarm_class" not in facts else "_s")
    return Member(
        member=f"{prefix}.{name}", system=system, time=NOON + at * MINUTE, known_at=NOON + at * MINUTE, **given
    )


def raised(one: Member) -> Happening:
    return Happening("raised", one, one.known_at, one.time)


def returned(one: Member, at: int) -> Happening:
    time = NOON + at * MINUTE
    return Happening("returned", one, time, time, 2)


def grouped(happenings: Sequence[Happening], networks: Any = None) -> Grouping:
    grouping = Grouping("city", "test", (NETWORKS if networks is None else networks).get)
    grouping.fold(in_order(happenings))
    return grouping


def live(grouping: Grouping) -> list[Incident]:
    return [incident for incident in grouping.incidents.values() if incident.merged_into is None]


SILENT = {"alarm_class": "instrument", "condition_kind": "stale", "severity": 0}
RAIN = {"observed": "rainfall"}
BURST = {"observed": "water_pressure", "condition_kind": "combination", "district": "east"}
LOW = {"observed": "water_pressure", "condition_kind": "threshold"}

TOGETHER: list[tuple[str, Member, Member, str | None]] = [
    ("two rules at one sensor", member("A", rule="x"), member("A", rule="y", at=90), "same_sensor"),
    ("one asset", member("A", asset="N1"), member("B", asset="N1", at=1), "same_asset"),
    ("a pipe and its end", member("A", asset="P3"), member("B", asset="N3", at=1), "same_pipe"),
    ("along a looped network either way", member("A", asset="N9"), member("B", asset="N3", at=1), "connected"),
    ("too many pipes", member("A", asset="N0"), member("B", asset="N11", at=1), None),
    ("too late", member("A", asset="N1"), member("B", asset="N1", at=121), None),
    ("below in the sewer", member("A", "drainage", asset="N3"), member("B", "drainage", asset="N5", at=1),
     "downstream"),
    ("above in the sewer", member("A", "drainage", asset="N5"), member("B", "drainage", asset="N3", at=1), "upstream"),
    ("too far in the sewer", member("A", "drainage", asset="N3"), member("B", "drainage", asset="N9", at=1), None),
    ("close", member("A", metres=0), member("B", metres=490, at=1), "near"),
    ("not close", member("A", metres=0), member("B", metres=510, at=1), None),
    ("manholes beside one gas pipe", member("A", "gas", pipe="G1"), member("B", "gas", pipe="G1", at=300), "same_pipe"),
    ("gas heads in neighbouring manholes of the sewer", member("A", "gas", asset="N20"),
     member("B", "gas", asset="N21", at=60), "connected"),
    ("gas and water have nothing to do with each other", member("A", "gas", metres=0),
     member("B", "water", metres=0, at=1), None),
    ("a burst and the road above it", member("A", metres=0), member("B", "drainage", metres=90, at=1), "near"),
    ("rain and what it floods", member("R", "weather", metres=0, **RAIN),
     member("B", "drainage", metres=5_900, at=100), "rain"),
    ("what is flooded before the rain's own alarm", member("B", "drainage", metres=5_900),
     member("R", "weather", metres=0, at=20, **RAIN), "rain"),
    ("wind is no rain", member("R", "weather", metres=0, observed="wind_speed"),
     member("B", "drainage", metres=5_900, at=10), None),
    ("a burst and a gauge of its district", member("V", **BURST), member("B", at=5, district="east", **LOW),
     "same_district"),
    ("a burst and a gauge of another district", member("V", **BURST), member("B", at=5, district="west", **LOW), None),
    ("the voice of a district says nothing of where", member("V", metres=0, asset="N1", **BURST),
     member("B", at=5, metres=10, asset="N1", district="west", **LOW), None),
    ("silence behind one gateway", member("A", gateway="g", **SILENT),
     member("B", "drainage", gateway="g", at=200, **SILENT), "same_gateway"),
    ("silence behind two gateways", member("A", gateway="g", metres=0, **SILENT),
     member("B", gateway="h", metres=0, at=1, **SILENT), None),
    ("a gateway and what is silent behind it", member("g", alarm_class="system", gateway="g", severity=0),
     member("B", gateway="g", at=10, **SILENT), "same_gateway"),
    ("an alarm of silence and one of the process", member("A", metres=0, gateway="g", **SILENT),
     member("A", metres=0, gateway="g", at=1), None),
    ("a report and an alarm", member("A", metres=0), member("r", metres=480, at=9, kind="report"), "near"),
    ("a report reaches farther", member("A", "gas", metres=0), member("r", "gas", metres=480, at=9, kind="report"),
     "near"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "relation"), [row[1:] for row in TOGETHER], ids=[r[0] for r in TOGETHER])
def test_what_belongs_together(first: Member, second: Member, relation: str | None) -> None:
    incidents = live(grouped([raised(first), raised(second)]))
    assert len(incidents) == (1 if relation else 2)
    if relation:
        reason = incidents[0].members[second.member].reason
        assert (reason.relation, reason.to) == (relation, first.member)


def test_the_reason_is_told_as_data() -> None:
    (incident,) = live(
        grouped([raised(member("A", asset="N1", metres=0)), raised(member("B", asset="N4", metres=550, at=1))])
    )
    reason = incident.members["a.B"].reason
    assert (reason.relation, reason.path_m, reason.links) == ("connected", 600.0, 3)
    assert reason.distance_m == pytest.approx(550, abs=2)


def test_without_a_network_place_and_time_alone() -> None:
    happenings = [raised(member("A", asset="N1", metres=0)), raised(member("B", asset="N4", metres=550, at=1))]
    assert len(live(grouped(happenings, {}))) == 2


def test_an_alarm_that_relates_to_two_incidents_makes_them_one_and_the_oldest_stays() -> None:
    grouping = grouped(
        [raised(member("A", metres=0)), raised(member("B", metres=800, at=1)), raised(member("C", metres=400, at=2))]
    )
    (stays,) = live(grouping)
    assert (stays.incident, list(stays.members)) == ("i.a.A", ["a.A", "a.B", "a.C"])
    assert grouping.incidents["i.a.B"].merged_into == "i.a.A"
    assert [(c.incident, c.change) for c in grouping.changes][2:] == [
        ("i.a.B", "merged"), ("i.a.A", "merged"), ("i.a.A", "joined")
    ]  # fmt: skip


def test_an_incident_ends_when_all_has_returned_and_opens_again_within_the_quiet_time() -> None:
    a, b = member("A", metres=0), member("B", metres=100, at=1)
    grouping = grouped([raised(a), raised(b), returned(a, 5)])
    assert grouping.incidents["i.a.A"].closed is None
    grouping.fold([returned(b, 9)])
    assert grouping.incidents["i.a.A"].closed == NOON + 9 * MINUTE
    grouping.fold([raised(member("C", metres=50, at=60))])
    assert grouping.incidents["i.a.A"].closed is None
    grouping.fold([returned(member("C", metres=50), 70), raised(member("D", metres=50, at=60 + 361))])
    assert set(grouping.incidents) == {"i.a.A", "i.a.D"}
    assert [c.change for c in grouping.changes if c.incident == "i.a.A"] == [
        "opened", "joined", "closed", "joined", "reopened", "closed"
    ]  # fmt: skip


def test_what_the_rules_suppress_joins_and_opens_nothing() -> None:
    dead = member("g", alarm_class="system", gateway="g", severity=0)
    silent = member("B", gateway="g", at=1, suppressed=True, **SILENT)
    alone = member("Z", at=1, metres=0, suppressed=True)
    (incident,) = live(grouped([raised(dead), raised(silent), raised(alone)]))
    assert [m.suppressed for m in incident.members.values()] == [False, True]


def test_what_was_split_apart_is_not_merged_by_itself_but_by_a_person() -> None:
    grouping = grouped([raised(member(name, metres=100 * k, at=k)) for k, name in enumerate("ABCD")])
    new = grouping.split("i.a.A", ["a.C", "a.D"], NOON + HOUR, "desk", "two streets")
    assert list(grouping.incidents["i.a.A"].members) == ["a.A", "a.B"]
    grouping.fold([raised(member("E", metres=150, at=70)), raised(member("D", rule="other", metres=300, at=71))])
    assert len(live(grouping)) == 2
    assert "a.D" in grouping.incidents[new].members
    grouping.merge(new, "i.a.A", NOON + 2 * HOUR, "desk")
    assert len(live(grouping)) == 1
    assert {c.actor for c in grouping.changes if c.change in ("split", "merged")} == {"desk"}


def test_a_change_of_severity_is_kept_and_told_once() -> None:
    a = member("A", "gas", observed="combustible_gas", condition_kind="threshold", value=12.0, pipe="G1", asset="N1")
    b = member(
        "B", "gas", observed="combustible_gas", condition_kind="threshold", value=11.0, pipe="G2", asset="N2", at=1
    )
    risen = msgspec.structs.replace(b, severity=4, value=60.0)
    grouping = grouped([raised(a), raised(b), Happening("changed", risen, NOON + 5 * MINUTE, NOON + 5 * MINUTE, 2)])
    assert (grouping.incidents["i.a.A"].cause.subject, grouping.incidents["i.a.A"].members["a.B"].severity) == ("G2", 4)
    causes = [c.cause.subject for c in grouping.changes if c.cause is not None]
    assert causes == ["G1", "G2"]


streams = st.lists(
    st.tuples(
        st.integers(0, 600), st.integers(0, 39), st.sampled_from(["water", "drainage", "weather", "gas"]),
        st.integers(0, 5_000), st.booleans(),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


def _happenings(rows: Sequence[tuple[int, int, str, int, bool]]) -> list[Happening]:
    found = []
    for k, (at, node, system, metres, returns) in enumerate(rows):
        facts: dict[str, Any] = RAIN if system == "weather" else {"asset": f"N{node}"}
        one = member(f"S{k}", system, at=at, metres=metres, **facts)
        found.append(raised(one))
        if returns:
            found.append(returned(one, at + 7))
    return found


@given(streams, st.randoms(use_true_random=False))
def test_any_order_of_arrival_within_a_commit_gives_the_same(rows: Any, random: Any) -> None:
    happenings = _happenings(rows)
    expected = grouped(happenings)
    random.shuffle(happenings)
    again = grouped(happenings)
    assert again.changes == expected.changes
    assert again.incidents == expected.incidents


@given(streams, st.integers(1, 7))
def test_any_split_into_commits_and_any_restart_gives_the_same(rows: Any, size: int) -> None:
    happenings = in_order(_happenings(rows))
    expected = grouped(happenings)
    following = Grouping("city", "test", NETWORKS.get)
    changes = []
    for start in range(0, len(happenings), size):
        following.fold(happenings[start : start + size])
        changes += following.drain()[0]
        merged = {name: one for name, one in following.incidents.items() if one.merged_into is not None}
        following = Grouping("city", "test", NETWORKS.get, live(following))  # as another process reads it
        following.incidents |= merged
    assert changes == expected.changes
    assert {n: i for n, i in following.incidents.items()} == expected.incidents


@given(streams)
def test_every_alarm_is_in_one_incident_and_ids_are_good(rows: Any) -> None:
    happenings = _happenings(rows)
    incidents = live(grouped(happenings))
    members = [name for incident in incidents for name in incident.members]
    assert sorted(members) == sorted(h.member.member for h in happenings if h.what == "raised")
    for incident in incidents:
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,192}", incident.incident)
        assert (incident.closed is None) == (incident.standing > 0)
