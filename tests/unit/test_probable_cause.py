"""What an incident's alarms say of its cause, and that the words name it in two languages."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from alerts.incidents.probable_cause import probable_cause
from alerts.incidents.topology import Topology
from alerts.incidents.words import cause_words, reason_words
from model.incident import Cause, CauseKind, Fall, Incident, Member, Reason, Relation
from model.network import Link, Network, Node


def _network(medium: str, pipes: list[tuple[str, str, str]], heights: dict[str, float] | None = None) -> Topology:
    names = dict.fromkeys(end for _, start, stop in pipes for end in (start, stop))
    nodes = [Node(node=name, elevation_m=(heights or {}).get(name)) for name in names]
    links = [Link(link=link, from_node=start, to_node=stop, length_m=100.0) for link, start, stop in pipes]
    return Topology(Network("city", medium, nodes, links))


NETWORKS = {
    # A square with a gauge at each corner: P1 P2 P3 P4 round it.
    "water": _network(
        "water", [("P1", "J1", "J2"), ("P2", "J2", "J3"), ("P3", "J3", "J4"), ("P4", "J4", "J1")], {"J3": 20.0}
    ),
    # M1 and M2 run into M3, that into M4 and M5.
    "drainage": _network(
        "drainage", [("S1", "M1", "M3"), ("S2", "M2", "M3"), ("S3", "M3", "M4"), ("S4", "M4", "M5")]
    ),
    # The main K1 feeds K2 and K3, behind which two substations lie each.
    "heating": _network(
        "heating",
        [("K1", "plant", "X1"), ("K2", "X1", "X2"), ("K3", "X1", "X3"), ("K4", "X2", "H1"), ("K5", "X2", "H2"),
         ("K6", "X3", "H3"), ("K7", "X3", "H4")],
    ),
}  # fmt: skip


def member(sensor: str, system: str, observed: str = "", **facts: Any) -> Member:
    at = facts.pop("at", 0)
    its = {"rule": "r", "severity": 2, "condition_kind": "threshold"} | facts
    return Member(member=f"a.{sensor}", sensor=sensor, system=system, observed=observed, time=at, known_at=at, **its)


def low(sensor: str, asset: str, value: float, at: int = 0) -> Member:
    return member(sensor, "water", "water_pressure", asset=asset, value=value, at=at)


def full(sensor: str, asset: str, at: int = 0) -> Member:
    return member(sensor, "drainage", "manhole_level", asset=asset, value=2.0, at=at)


BURST = {"condition_kind": "combination", "district": "east"}
FALLS = (Fall("A", "J1", 0.05), Fall("B", "J2", 0.20), Fall("C", "J3", 0.09))
SILENT = {"alarm_class": "instrument", "condition_kind": "stale", "gateway": "g"}

CAUSES: list[tuple[str, list[Member], tuple[str, str, tuple[str, ...]]]] = [
    ("the pipe at the greatest fall, towards the second greatest",
     [member("V", "water", "water_pressure", falls=FALLS, **BURST)], ("burst", "P2", ("P1",))),
    ("without pressures of the district, the lowest head: J3 lies higher, so that as low a pressure is more head",
     [low("C", "J3", 0.10), low("A", "J1", 0.12), low("B", "J4", 0.15, at=1)], ("burst", "P4", ("P1",))),
    ("a burst without a network or gauges: the district", [member("V", "water", "water_pressure", **BURST)],
     ("burst", "east", ())),
    ("one gauge alone is no burst", [low("C", "J3", 0.10)], ("first_out", "C", ())),
    ("rain, with the most downstream of the stretch that most manholes drain into",
     [full("a", "M1"), full("b", "M2"), full("c", "M3"), member("R", "weather", "rainfall", value=40.0, at=9)],
     ("rain", "R", ("S3",))),
    ("full manholes without rain: blocked below the last", [full("a", "M1"), full("c", "M3"), full("d", "M4")],
     ("surcharge", "S4", ("M4",))),
    ("two full manholes that do not drain into each other", [full("a", "M1"), full("b", "M2")],
     ("first_out", "a", ())),
    ("the pipe beside the highest reading, whichever came first",
     [member("A", "gas", "combustible_gas", value=12.0, pipe="G1", asset="M1"),
      member("B", "gas", "combustible_gas", value=55.0, severity=4, pipe="G2", asset="M2", at=5),
      member("C", "gas", "combustible_gas", value=3.0, severity=4, condition_kind="combination", at=6)],
     ("gas_leak", "G2", ("M2",))),
    ("gas where no pipe is known: the chamber", [member("A", "gas", "combustible_gas", value=12.0, asset="M1")],
     ("gas_leak", "M1", ())),
    ("one silence may be the sensor's own", [member("A", "water", **SILENT)], ("first_out", "A", ())),
    ("several behind one gateway", [member("A", "water", **SILENT), member("B", "gas", **SILENT)],
     ("gateway", "g", ())),
    ("a gateway's own alarm", [member("g", "water", alarm_class="system", gateway="g")], ("gateway", "g", ())),
    ("the last main that feeds all affected substations",
     [member("s3", "heating", "supply_temperature", asset="H3"),
      member("s4", "heating", "return_temperature", asset="H4")],
     ("heat_main", "K3", ())),
    ("both branches: the main before them",
     [member("s1", "heating", "supply_temperature", asset="H1"),
      member("s4", "heating", "return_temperature", asset="H4")],
     ("heat_main", "K1", ())),
    ("reports alone", [Member(member="report.1", kind="report", rule="gas_smell", system="gas", time=0, known_at=0)],
     ("report", "gas_smell", ())),
    ("anything else: the first-out alarm",
     [member("X", "displacement", "settlement"), member("Y", "displacement", "settlement", at=2)],
     ("first_out", "X", ())),
]  # fmt: skip


@pytest.mark.parametrize(("members", "expected"), [row[1:] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_the_cause(members: list[Member], expected: tuple[str, str, tuple[str, ...]]) -> None:
    cause = probable_cause(_incident(members), NETWORKS.get)
    assert (cause.kind, cause.subject, cause.others) == expected
    assert set(cause.told_by) <= {one.member for one in members}


@pytest.mark.parametrize("members", [row[1] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_without_networks_there_is_a_cause_too(members: list[Member]) -> None:
    assert probable_cause(_incident(members), lambda _: None).subject


def _incident(members: list[Member]) -> Incident:
    return Incident(
        incident="i", city="city", mode="test", opened=0, newest=0, members={one.member: one for one in members}
    )


@pytest.mark.parametrize("kind", get_args(CauseKind))
def test_each_cause_has_words(kind: CauseKind) -> None:
    words = cause_words(Cause(kind, "P-4", others=("P-5", "P-6")))
    assert "P-4" in words["en"]
    assert "P-4" in words["zh"]


@pytest.mark.parametrize("relation", get_args(Relation))
def test_each_relation_has_words(relation: Relation) -> None:
    words = reason_words(Reason(relation, "a.B", 120.4, 310.0, 3))
    assert "310 m and 3 pipes" in words["en"]
    assert "310 米" in words["zh"]
    assert relation in ("first", "operator") or "a.B" in words["zh"]
