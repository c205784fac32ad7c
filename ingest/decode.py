"""From a message to its readings: the topic, the size, then the decoder of its form."""

import logging
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Literal, TypeAlias

from ingest.decoders.forms import Forms, Mapped
from ingest.decoders.joined import JOINED_MESSAGES_MAX, decode_joined, is_joinable
from ingest.decoders.json import decode_json
from ingest.decoders.senml import decode_senml
from ingest.message import Columns, Decoded, Message, Refused, reject
from ingest.reasons import Fault, Reason, printable
from ingest.settings import IngestLimits
from ingest.topics import GatewayTopic, OwnTopic, SensorTopic, SparkplugTopic, Topic, parse_topic
from model.reading import Rejection

log = logging.getLogger(__name__)


RETRY_MESSAGES = 25  # joined again where a larger join failed, so that a bad message costs few of its neighbours time


def decode_messages(messages: Sequence[Message], limits: IngestLimits, forms: Forms | None = None) -> list[Decoded]:
    """Return what `decode_message` returns for each message, in order, at a fraction of its cost. Never raises."""
    decoded: list[Decoded | None] = [None] * len(messages)
    joinable: list[_Joinable] = []
    for place, message in enumerate(messages):
        payload = message.payload
        if is_joinable(payload) and message.payload_bytes <= limits.payload_bytes_max:
            topic = parse_topic(message.topic)
            if isinstance(topic, SensorTopic):
                if _form(topic, message.content_type) == "json":
                    joinable.append((place, message, topic, topic.sensor, payload))
                    continue
            elif isinstance(topic, GatewayTopic) and _form(topic, message.content_type) == "json":
                joinable.append((place, message, topic, None, payload))
                continue
        decoded[place] = decode_message(message, limits, forms)
    for start in range(0, len(joinable), JOINED_MESSAGES_MAX):
        _decode_joined(joinable[start : start + JOINED_MESSAGES_MAX], decoded, limits)
    return decoded  # type: ignore[return-value]  # every place has been filled


_Joinable: TypeAlias = tuple[int, Message, SensorTopic | GatewayTopic, str | None, bytes]


def _decode_joined(joinable: list[_Joinable], decoded: list[Decoded | None], limits: IngestLimits) -> None:
    """Fill the places in `decoded` of messages that may be joined; where that fails, in smaller joins, then alone."""
    try:
        columns = decode_joined([row[4] for row in joinable], [row[3] for row in joinable])
    except Exception:
        log.exception("the decoder of joined messages failed; they are decoded one by one")
        columns = None
    if columns is not None:
        for (place, message, topic, _, _), one in zip(joinable, _rows(columns), strict=True):
            decoded[place] = Decoded(message, topic, one, ())
    elif len(joinable) > RETRY_MESSAGES:
        for start in range(0, len(joinable), RETRY_MESSAGES):
            _decode_joined(joinable[start : start + RETRY_MESSAGES], decoded, limits)
    else:
        for place, message, *_ in joinable:
            decoded[place] = decode_message(message, limits)


def _rows(columns: Columns) -> Iterator[Columns]:
    """Yield each reading of the columns as columns of its own: tuples, which cost the garbage collector least."""
    four = zip(columns.sensor, columns.time, columns.value, columns.quality, strict=True)
    if columns.unit is None and columns.sequence is None:
        for sensor, time, value, quality in four:
            yield Columns((sensor,), (time,), (value,), (quality,))
        return
    units, sequences = columns.unit or repeat(None), columns.sequence or repeat(None)
    for (sensor, time, value, quality), unit, sequence in zip(four, units, sequences, strict=False):
        yield Columns(
            (sensor,),
            (time,),
            (value,),
            (quality,),
            None if unit is None else (unit,),
            None,
            None if sequence is None else (sequence,),
        )


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
    form = _form(topic, message.content_type)
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


def _form(topic: SensorTopic | GatewayTopic, content_type: str | None) -> Literal["json", "senml", "unknown"]:
    """Return the payload's form by the topic's ending, else by the content type; what says nothing is JSON."""
    if content_type is None or topic.form == "senml":
        return topic.form
    kind = content_type.partition(";")[0].strip().lower()
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
