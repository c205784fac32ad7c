"""From a message to its readings: the topic, the size, then the decoder of its form."""

import logging

from ingest.decoders.json import decode_json
from ingest.message import Columns, Decoded, Message, reject
from ingest.reasons import Reason, printable
from ingest.settings import IngestLimits
from ingest.topics import OwnTopic, SensorTopic, parse_topic

log = logging.getLogger(__name__)


def decode_message(message: Message, limits: IngestLimits) -> Decoded:
    """Return the message's readings and its rejections. Never raises: a message must not hold up its neighbours."""
    try:
        return _decode(message, limits)
    except Exception as error:
        log.exception("a decoder failed on topic %s", printable(message.topic))
        detail = f"the decoder failed ({type(error).__name__}); this is a fault of Lifeline: report it, then replay"
        return Decoded(message, None, _nothing(), [reject(message, Reason.DECODER_FAILED, detail)])


def _decode(message: Message, limits: IngestLimits) -> Decoded:
    topic = parse_topic(message.topic)
    if isinstance(topic, OwnTopic):
        return Decoded(message, topic, _nothing(), [])
    if topic is None:
        detail = (
            "no topic for readings; publish on lifeline/{city}/{system}/{sensor} or lifeline/{city}/gateway/{gateway}"
        )
        return Decoded(message, None, _nothing(), [reject(message, Reason.TOPIC_UNKNOWN, detail)])
    sensor = topic.sensor if isinstance(topic, SensorTopic) else None
    if message.payload_bytes > limits.payload_bytes_max:
        detail = (
            f"the payload has {message.payload_bytes} bytes; at most {limits.payload_bytes_max} are taken: send "
            "several messages"
        )
        return Decoded(message, topic, _nothing(), [reject(message, Reason.PAYLOAD_TOO_LARGE, detail, sensor=sensor)])
    columns, refused = decode_json(message.payload, sensor, limits.readings_per_message_max)
    rejections = [
        reject(message, entry.fault.reason, entry.fault.detail, payload=entry.payload, sensor=entry.sensor)
        for entry in refused
    ]
    return Decoded(message, topic, columns, rejections)


def _nothing() -> Columns:
    return Columns([], [], [], [])
