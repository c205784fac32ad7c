"""Topics that readings come in on, and our own that a wide subscription hears too."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

Form: TypeAlias = Literal["json", "senml"]


class SensorTopic(NamedTuple):
    """`lifeline/{city}/{system}/{sensor}`, and with `/senml` behind it: readings of one sensor."""

    city: str
    system: str
    sensor: str
    form: Form = "json"


class GatewayTopic(NamedTuple):
    """`lifeline/{city}/gateway/{gateway}`, and with `/senml` behind it: many sensors, named by each entry."""

    city: str
    gateway: str
    form: Form = "json"


class SparkplugTopic(NamedTuple):
    """`spBv1.0/{city}/{kind}/{node}`, and with `/{device}` behind it: the city is the Sparkplug group."""

    city: str
    kind: str
    node: str
    device: str = ""


class OwnTopic(NamedTuple):
    """Output of ours, or a command to devices: not a reading, and no fault either."""

    city: str  # empty where it is of none


Topic: TypeAlias = SensorTopic | GatewayTopic | SparkplugTopic | OwnTopic

# All that is ours in one filter: a broker may deliver a message once for each filter that it matches, and what stands
# at a wrong depth has to come too, to be seen in quarantine.
READING_FILTER = "lifeline/#"
SPARKPLUG = "spBv1.0/"
SPARKPLUG_FILTER = SPARKPLUG + "#"

REMEMBERED_TOPICS_MAX = 65_536
REMEMBERED_CHARACTERS_MAX = 160  # bounds the memory at some 40 MB, reached only by a flood of made-up topics


def parse_topic(topic: str) -> Topic | None:
    """Return what the topic says; None where it is not one of Lifeline's."""
    return _remembered(topic) if len(topic) <= REMEMBERED_CHARACTERS_MAX else _parse(topic)


@lru_cache(REMEMBERED_TOPICS_MAX)
def _remembered(topic: str) -> Topic | None:
    return _parse(topic)


def _parse(topic: str) -> Topic | None:
    levels = topic.split("/", 5)
    if "" in levels:
        return None
    match levels:
        case ["lifeline", "worker", _]:
            return OwnTopic("")
        case ["lifeline", city, "alarm", _] | ["lifeline", city, "status"]:
            return OwnTopic(city)
        case ["lifeline", city, "gateway", gateway]:
            return GatewayTopic(city, gateway)
        case ["lifeline", city, system, sensor]:
            return SensorTopic(city, system, sensor)
        case ["lifeline", city, "gateway", gateway, "senml"]:
            return GatewayTopic(city, gateway, "senml")
        case ["lifeline", city, system, sensor, "senml"]:
            return SensorTopic(city, system, sensor, "senml")
        case ["spBv1.0", "STATE", _] | ["spBv1.0", _, "NCMD", _] | ["spBv1.0", _, "DCMD", _, _]:
            return OwnTopic("")
        case ["spBv1.0", city, ("NBIRTH" | "NDATA" | "NDEATH") as kind, node]:
            return SparkplugTopic(city, kind, node)
        case ["spBv1.0", city, ("DBIRTH" | "DDATA" | "DDEATH") as kind, node, device]:
            return SparkplugTopic(city, kind, node, device)
    return None


def without_covered(filters: Iterable[str]) -> tuple[str, ...]:
    """Return the MQTT filters, in order, without those that another one of them covers."""
    kept: list[str] = []
    for one in filters:
        if not any(_covers(other, one) for other in kept):
            kept = [*(other for other in kept if not _covers(one, other)), one]
    return tuple(kept)


def _covers(wide: str, narrow: str) -> bool:
    """Whether every topic that matches the filter `narrow` matches `wide` too (MQTT 5, 4.7.1)."""
    wide_levels, narrow_levels = wide.split("/"), narrow.split("/")
    if narrow.startswith("$") and wide_levels[0] in ("+", "#"):  # which match no topic that begins so (4.7.2)
        return False
    for place, level in enumerate(wide_levels):
        if level == "#":
            return True
        below = narrow_levels[place] if place < len(narrow_levels) else "#"
        if below != level and (level != "+" or below == "#"):
            return False
    return len(wide_levels) == len(narrow_levels)
