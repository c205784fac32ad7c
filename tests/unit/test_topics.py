"""Which topic is what, and which subscriptions are sent so that nothing is missed and nothing comes twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.settings import MqttSettings
from ingest.topics import (
    GatewayTopic,
    OwnTopic,
    SensorTopic,
    SparkplugTopic,
    Topic,
    parse_topic,
    without_covered,
)

TOPICS: dict[str, Topic | None] = {
    "lifeline/c/gas/s": SensorTopic("c", "gas", "s"),
    "lifeline/c/gas/s/senml": SensorTopic("c", "gas", "s", "senml"),
    "lifeline/c/gateway/g": GatewayTopic("c", "g"),
    "lifeline/c/gateway/g/senml": GatewayTopic("c", "g", "senml"),
    "spBv1.0/c/NDATA/n": SparkplugTopic("c", "NDATA", "n"),
    "spBv1.0/c/DBIRTH/n/d": SparkplugTopic("c", "DBIRTH", "n", "d"),
    "lifeline/c/alarm/a": OwnTopic("c"),
    "lifeline/c/status": OwnTopic("c"),
    "lifeline/worker/w": OwnTopic(""),
    "spBv1.0/c/NCMD/n": OwnTopic(""),
    "lifeline": None,
    "lifeline/c": None,
    "lifeline/c/s": None,
    "lifeline/c/gas/s/up": None,
    "lifeline/c/gas/s/senml/more": None,
    "lifeline/c/alarm/a/more": None,
    "lifeline//gas/s": None,
    "spBv1.0/c/NDATA": None,
}


@pytest.mark.parametrize("topic", TOPICS)
def test_topic(topic: str) -> None:
    assert parse_topic(topic) == TOPICS[topic]


FILTERS = [
    (["lifeline/#", "spBv1.0/#"], ["lifeline/#", "spBv1.0/#"]),
    (["lifeline/+/+/+", "lifeline/#"], ["lifeline/#"]),
    (["lifeline/#", "lifeline"], ["lifeline/#"]),
    (["acme/+/up", "acme/7/up", "acme/+/up"], ["acme/+/up"]),
    (["acme/+/up", "acme/7/#"], ["acme/+/up", "acme/7/#"]),
    (["acme/+", "acme/#", "acme/+/+"], ["acme/#"]),
    (["#", "$SYS/x"], ["#", "$SYS/x"]),
    (["+/up", "acme/#"], ["+/up", "acme/#"]),
]


@pytest.mark.parametrize(("filters", "kept"), FILTERS, ids=lambda value: " ".join(value))
def test_a_filter_that_another_one_covers_is_left_out(filters: list[str], kept: list[str]) -> None:
    assert without_covered(filters) == tuple(kept)


def matches(pattern: str, topic: str) -> bool:
    """The specification's own words (MQTT 5, 4.7.1), for topics that do not begin with $."""
    levels, parts = pattern.split("/"), topic.split("/")
    for place, level in enumerate(levels):
        if level == "#":
            return True
        if place >= len(parts) or level not in ("+", parts[place]):
            return False
    return len(levels) == len(parts)


_LEVELS = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=4)
_PATTERNS = st.tuples(_LEVELS, st.booleans()).map(lambda made: "/".join([*made[0], *(["#"] * made[1])]))
_NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map("/".join)


@given(st.lists(_PATTERNS, max_size=5), _NAMES)
def test_what_is_left_out_is_heard_all_the_same(filters: list[str], topic: str) -> None:
    kept = without_covered(filters)
    assert any(matches(one, topic) for one in kept) == any(matches(one, topic) for one in filters)
    for one in kept:
        assert without_covered([other for other in kept if other != one] + [one]) != tuple(
            other for other in kept if other != one
        ), f"{one} is covered"


def test_sparkplug_is_not_divided_between_workers() -> None:
    settings = MqttSettings(
        url="mqtt://h", protocol="5", share_group="w", subscriptions=("lifeline/#", "spBv1.0/#", "a/+")
    )
    assert settings.filters == ("$share/w/lifeline/#", "spBv1.0/#", "$share/w/a/+")
    assert MqttSettings(url="mqtt://h").filters == ("lifeline/#", "spBv1.0/#")
