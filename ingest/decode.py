"""From messages to their readings: the topic, the size, then the decoder of the form."""

import logging
from collections.abc import Sequence
from typing import Literal, TypeAlias

from ingest.decoders.forms import Forms, Mapped
from ingest.decoders.joined import JOINED_MESSAGES_MAX, decode_joined, is_joinable
from ingest.decoders.json import decode_json
from ingest.decoders.senml import decode_senml
from ingest.gathered import Gathered, gather_decoded
from ingest.message import Columns, Decoded, Message, Refused, reject
from ingest.reasons import Fault, Reason, printable
from ingest.settings import IngestLimits
from ingest.topics import (
    REMEMBERED_CHARACTERS_MAX,
    REMEMBERED_TOPICS_MAX,
    GatewayTopic,
    OwnTopic,
    SensorTopic,
    SparkplugTopic,
    Topic,
    parse_topic,
)
from model.reading import Rejection

log = logging.getLogger(__name__)

RETRY_MESSAGES = 25  # joined again where a larger join failed, so that a bad message costs few of its neighbours time
_NOT_JSON = ""

_Joined: TypeAlias = tuple[list[int], Columns]
"""Places of messages of one reading each, and these readings."""


def decode_messages(messages: list[Message], limits: IngestLimits, forms: Forms | None = None) -> Gathered:
    """Return what `decode_message` makes of each message, in order, at a fraction of its cost. Never raises."""
    joinable: list[int] = []
    sensors: list[str | None] = []
    alone: dict[int, Decoded] = {}
    bytes_max = limits.payload_bytes_max
    for place, message in enumerate(messages):
        # A payload that was cut may look joinable too.
        if is_joinable(message.payload) and message.payload_bytes <= bytes_max:
            sensor = _JSON_SENSORS[message.topic]
            if sensor != _NOT_JSON and (message.content_type is None or _form(message.content_type) == "json"):
                joinable.append(place)
                sensors.append(sensor)
                continue
        alone[place] = decode_message(message, limits, forms)
    joined: list[_Joined] = []
    for start in range(0, len(joinable), JOINED_MESSAGES_MAX):
        part = slice(start, start + JOINED_MESSAGES_MAX)
        joined += _decode_joined(messages, joinable[part], sensors[part])
    if sum(len(places) for places, _ in joined) < len(joinable):
        for place in set(joinable).difference(*(places for places, _ in joined)):
            alone[place] = decode_message(messages[place], limits)
        alone = dict(sorted(alone.items()))
    return gather_decoded(messages, alone, joined)


def _decode_joined(messages: list[Message], places: list[int], sensors: list[str | None]) -> list[_Joined]:
    """Decode messages of one reading each, whose topics' sensors are `sensors`, together; those at fault are left out.

    Where all cannot be joined, fewer are, and in the end none.
    """
    try:
        columns = decode_joined([messages[place].payload for place in places], sensors)
    except Exception:
        log.exception("the decoder of joined messages failed; they are decoded one by one")
        columns = None
    if columns is not None:
        return [(places, columns)]
    if len(places) <= RETRY_MESSAGES:
        return []
    parts = [slice(start, start + RETRY_MESSAGES) for start in range(0, len(places), RETRY_MESSAGES)]
    return [one for part in parts for one in _decode_joined(messages, places[part], sensors[part])]


class _JsonSensors(dict[str, str | None]):
    """By topic, whose reading a JSON object is: None at a gateway's, where it says so itself, _NOT_JSON elsewhere."""

    def __missing__(self, name: str) -> str | None:
        topic = parse_topic(name)
        sensor: str | None = _NOT_JSON
        if isinstance(topic, SensorTopic | GatewayTopic) and topic.form == "json":
            sensor = topic.sensor if isinstance(topic, SensorTopic) else None
        if len(name) <= REMEMBERED_CHARACTERS_MAX:
            if len(self) >= REMEMBERED_TOPICS_MAX:
                self.clear()
            self[name] = sensor
        return sensor


_JSON_SENSORS = _JsonSensors()


def decode_message(message: Message, limits: IngestLimits, forms: Forms | None = None) -> Decoded:
    """Return the message's readings and its rejections. Never raises: a message must not hold up its neighbours.

    `forms` has the vendors' mappings and remembers what Sparkplug edge nodes said; without it there are no mappings,
    and a Sparkplug message stands for itself.
    """
    try:
        return _decode(message, limits, forms)
    except Exception as error:
        log.exception("a decoder failed on topic %s", printable(message.topic))
        detail = f"the decoder failed ({type(error).__name__}); this is a fault of Lifeline: report it, then replay"
        return _refused(message, None, Fault(Reason.DECODER_FAILED, detail))


def _decode(message: Message, limits: IngestLimits, forms: Forms | None) -> Decoded:
    topic = parse_topic(message.topic)
    if isinstance(topic, OwnTopic):
        return Decoded(message, topic, _nothing(), [])
    mapped = forms.mapped(message.topic) if topic is None and forms is not None else None
    if topic is None and mapped is None:
        detail = (
            "no topic for readings; publish on lifeline/{city}/{system}/{sensor} or lifeline/{city}/gateway/{gateway}"
        )
        return _refused(message, None, Fault(Reason.TOPIC_UNKNOWN, detail))
    sensor = topic.sensor if isinstance(topic, SensorTopic) else None
    if message.payload_bytes > limits.payload_bytes_max:
        detail = (
            f"the payload has {message.payload_bytes} bytes; at most {limits.payload_bytes_max} are taken: send "
            "several messages"
        )
        return _refused(message, topic, Fault(Reason.PAYLOAD_TOO_LARGE, detail), sensor)
    if mapped is not None:
        return _decode_mapped(message, mapped, limits)
    if isinstance(topic, SparkplugTopic):
        return _decode_sparkplug(message, topic, forms or Forms(), limits)
    assert topic is not None
    form = topic.form if topic.form == "senml" else _form(message.content_type)
    if form == "unknown":
        said = printable(message.content_type or "", 80)
        detail = f"content type {said!r} is not taken; send application/json or application/senml+json"
        return _refused(message, topic, Fault(Reason.FORM_UNKNOWN, detail), sensor)
    decode = decode_senml if form == "senml" else decode_json
    columns, refused = decode(message.payload, sensor, limits.readings_per_message_max)
    return Decoded(message, topic, columns, _rejections(message, refused))


def _decode_mapped(message: Message, mapped: Mapped, limits: IngestLimits) -> Decoded:
    form = mapped.form
    columns, refused, city = form.decode(message.payload, mapped.captures, limits.readings_per_message_max)
    topic = None if city is None else GatewayTopic(city, form.mapping.mapping)
    return Decoded(message, topic, columns, _rejections(message, refused), form.split)


def _decode_sparkplug(message: Message, topic: SparkplugTopic, forms: Forms, limits: IngestLimits) -> Decoded:
    from ingest.decoders.sparkplug import decode_sparkplug, split_sparkplug  # protobuf is loaded when first needed

    columns, refused = decode_sparkplug(
        message.payload, topic, forms.edge_nodes, limits.readings_per_message_max, is_repeated=message.dup
    )
    # Its metrics are held against the registry as a gateway's entries are.
    gateway = GatewayTopic(topic.city, topic.node)
    return Decoded(message, gateway, columns, _rejections(message, refused), split_sparkplug)


def _form(content_type: str | None) -> Literal["json", "senml", "unknown"]:
    """Return the form that a content type names; what says nothing is JSON."""
    kind = "" if content_type is None else content_type.partition(";")[0].strip().lower()
    if kind == "application/senml+json":
        return "senml"
    return "unknown" if kind.startswith(("application/senml", "application/sensml")) else "json"


def _rejections(message: Message, refused: Sequence[Refused]) -> list[Rejection]:
    return [
        reject(message, entry.fault.reason, entry.fault.detail, payload=entry.payload, sensor=entry.sensor)
        for entry in refused
    ]


def _refused(message: Message, topic: Topic | None, fault: Fault, sensor: str | None = None) -> Decoded:
    rejection = reject(message, fault.reason, fault.detail, sensor=sensor)
    return Decoded(message, topic, _nothing(), [rejection])


def _nothing() -> Columns:
    return Columns([], [], [], [])
