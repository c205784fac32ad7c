"""Topics that readings come in on, and our own that a wide subscription hears too."""

from typing import NamedTuple


class SensorTopic(NamedTuple):
    """`lifeline/{city}/{system}/{sensor}`: readings of one sensor."""

    city: str
    system: str
    sensor: str


class GatewayTopic(NamedTuple):
    """`lifeline/{city}/gateway/{gateway}`: readings of many sensors, each entry naming its own."""

    city: str
    gateway: str


class OwnTopic(NamedTuple):
    """Our own output, alarm transitions and a city's status: not a reading, and no fault either."""

    city: str


def parse_topic(topic: str) -> SensorTopic | GatewayTopic | OwnTopic | None:
    """Return what the topic says; None where it is not one of Lifeline's."""
    levels = topic.split("/", 4)
    if levels[0] != "lifeline" or "" in levels:
        return None
    match levels:
        case [_, city, "alarm", _] | [_, city, "status"]:
            return OwnTopic(city)
        case [_, city, "gateway", gateway]:
            return GatewayTopic(city, gateway)
        case [_, city, system, sensor]:
            return SensorTopic(city, system, sensor)
    return None
