"""Which edge nodes are asked for their birth, and how often."""

from __future__ import annotations

import pytest

from ingest.decode import decode_message
from ingest.decoders.edge_nodes import REBIRTH_MS_MIN, REBIRTHS_MAX, REBIRTHS_MS_MIN, EdgeNodes, rebirth_command
from ingest.decoders.forms import Forms
from ingest.message import Message
from ingest.settings import IngestLimits
from tests.decode.messages import sparkplug_payload

NOW = 1_795_334_340_000
CITIES = {"c"}
METRIC = {"name": "gas-1", "alias": 1, "datatype": 10, "double_value": 1.0}
ALIAS = {"alias": 1, "double_value": 1.0}
STRANGE = {"alias": 2, "double_value": 1.0}


def hear(forms: Forms, kind: str, fields: dict[str, object], node: str = "n") -> None:
    payload = sparkplug_payload({"timestamp": NOW, **fields})
    name, _, device = kind.partition("/")
    topic = f"spBv1.0/c/{name}/{node}" + (f"/{device}" if device else "")
    decode_message(Message(topic, payload, len(payload)), IngestLimits(), forms)


def asked(nodes: EdgeNodes, now_ms: int = NOW, cities: set[str] = CITIES) -> list[str]:
    return [topic for topic, _ in nodes.take_rebirths(now_ms, cities)]


LIVES: dict[str, tuple[list[tuple[str, dict[str, object]]], bool]] = {
    "data of a node that is not known": ([("NDATA", {"seq": 4, "metrics": [ALIAS]})], True),
    "data that say all of themselves": ([("NDATA", {"seq": 4, "metrics": [METRIC]})], True),
    "a device's birth before its node's": ([("DBIRTH/d", {"seq": 4, "metrics": [METRIC]})], True),
    "a birth": ([("NBIRTH", {"seq": 0, "metrics": [METRIC]})], False),
    "a birth and data": (
        [("NBIRTH", {"seq": 0, "metrics": [METRIC]}), ("NDATA", {"seq": 1, "metrics": [ALIAS]})],
        False,
    ),
    "a birth, and data that came too late for a number": (
        [("NBIRTH", {"seq": 0, "metrics": [METRIC]}), ("NDATA", {"seq": 3, "metrics": [ALIAS]})],
        True,
    ),
    "an alias that the birth has not": (
        [("NBIRTH", {"seq": 0, "metrics": [METRIC]}), ("NDATA", {"seq": 1, "metrics": [STRANGE]})],
        True,
    ),
    "a device that was not born": (
        [("NBIRTH", {"seq": 0, "metrics": [METRIC]}), ("DDATA/d", {"seq": 1, "metrics": [ALIAS]})],
        True,
    ),
    "born after all": (
        [("NDATA", {"seq": 4, "metrics": [ALIAS]}), ("NBIRTH", {"seq": 0, "metrics": [METRIC]})],
        False,
    ),
    "died in the meantime": (
        [
            ("NBIRTH", {"seq": 0, "metrics": [METRIC, {"name": "bdSeq", "datatype": 8, "long_value": 7}]}),
            ("NDATA", {"seq": 3, "metrics": [ALIAS]}),
            ("NDEATH", {"metrics": [{"name": "bdSeq", "datatype": 8, "long_value": 7}]}),
        ],
        False,
    ),
}


@pytest.mark.parametrize("life", LIVES)
def test_who_is_asked(life: str) -> None:
    forms = Forms()
    messages, is_asked = LIVES[life]
    for kind, fields in messages:
        hear(forms, kind, fields)
    assert asked(forms.edge_nodes) == (["spBv1.0/c/NCMD/n"] if is_asked else [])


def test_the_command_is_as_sparkplug_has_it() -> None:
    metric = {"name": "Node Control/Rebirth", "datatype": 11, "boolean_value": True}
    assert rebirth_command(NOW) == sparkplug_payload({"timestamp": NOW, "metrics": [metric]})


def test_a_node_is_asked_again_only_after_a_minute_and_only_while_its_birth_is_missing() -> None:
    forms = Forms()
    for after_ms, is_asked in ((0, True), (2_000, False), (REBIRTH_MS_MIN - 1_000, False), (REBIRTH_MS_MIN, True)):
        hear(forms, "NDATA", {"seq": 4, "metrics": [ALIAS]})
        assert bool(asked(forms.edge_nodes, NOW + after_ms)) is is_asked
    assert asked(forms.edge_nodes, NOW + 5 * REBIRTH_MS_MIN) == []  # silent since: it may be gone


def test_after_a_gap_a_node_is_asked_until_it_is_born_again() -> None:
    """The command goes out at QoS 0, and may be lost."""
    forms = Forms()
    hear(forms, "NBIRTH", {"seq": 0, "metrics": [METRIC]})
    for turn in range(3):
        hear(forms, "NDATA", {"seq": 3 + turn, "metrics": [ALIAS]})
        assert asked(forms.edge_nodes, NOW + turn * REBIRTH_MS_MIN) == ["spBv1.0/c/NCMD/n"]
    hear(forms, "NBIRTH", {"seq": 0, "metrics": [METRIC]})
    hear(forms, "NDATA", {"seq": 1, "metrics": [ALIAS]})
    assert asked(forms.edge_nodes, NOW + 9 * REBIRTH_MS_MIN) == []


def test_a_clock_that_is_set_back_silences_no_request() -> None:
    forms = Forms()
    for now_ms in (NOW, NOW - 86_400_000):
        hear(forms, "NDATA", {"seq": 4, "metrics": [ALIAS]})
        assert asked(forms.edge_nodes, now_ms)


def test_many_nodes_are_asked_in_turn() -> None:
    nodes = EdgeNodes()
    for number in range(2 * REBIRTHS_MAX + 1):
        nodes.want_rebirth("c", f"n-{number}")
    rounds = [asked(nodes, NOW + turn * REBIRTHS_MS_MIN) for turn in range(4)]
    assert asked(nodes, NOW + 3 * REBIRTHS_MS_MIN + 1) == []
    assert [len(one) for one in rounds] == [REBIRTHS_MAX, REBIRTHS_MAX, 1, 0]
    assert len(set().union(*rounds)) == 2 * REBIRTHS_MAX + 1


def test_nodes_of_other_groups_and_names_that_are_no_topic_are_left_alone() -> None:
    nodes = EdgeNodes(nodes_max=5)
    for city, node in (("other", "n"), ("c", "a+b"), ("c", "#"), ("c", "\0"), ("c", "a b")):
        nodes.want_rebirth(city, node)
    assert asked(nodes) == []
    nodes.want_rebirth("c", "n")  # they take nobody's place
    assert asked(nodes, NOW + REBIRTHS_MS_MIN) == ["spBv1.0/c/NCMD/n"]


def test_a_service_that_only_listens_asks_nobody() -> None:
    for forms, count in ((Forms(), 1), (Forms(asks_for_births=False), 0)):
        hear(forms, "NDATA", {"seq": 4, "metrics": [ALIAS]})
        assert len(forms.take_commands(NOW, CITIES)) == count
    assert Forms().take_commands(NOW, CITIES) == []
