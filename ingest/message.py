"""A message as the broker delivered it, and what was decoded from it."""

from collections.abc import Callable, Sequence

import msgspec

from ingest.reasons import Fault, Reason, printable
from ingest.topics import Topic
from model.reading import Rejection

TOPIC_CHARACTERS_MAX = 1_024


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message with what is needed to acknowledge it: packet id, quality of service, number of the connection.

    `dup` says that the broker delivered it before. `payload` may have been cut; `payload_bytes` is its size as it came.
    `content_type` is what the device says of the payload's form (MQTT 5).
    """

    topic: str
    payload: bytes
    payload_bytes: int
    mid: int = 0
    qos: int = 0
    connection: int = 0
    dup: bool = False
    content_type: str | None = None


class Columns(msgspec.Struct, gc=False):
    """Decoded readings, not yet checked: lists or tuples of one length n, in the order of the message.

    `time` in epoch milliseconds, `value` as sent, `quality` bits of model.reading.Quality. `unit` is None where no
    reading names one. `position` is each reading's place in the message's array; None means 0 to n-1. `sequence` is the
    device's own count of its readings, None where it has none, and for all, None in place of the list.
    """

    sensor: Sequence[str]
    time: Sequence[int]
    value: Sequence[float]
    quality: Sequence[int]
    unit: Sequence[str | None] | None = None
    position: Sequence[int] | None = None
    sequence: Sequence[int | None] | None = None


class Refused(msgspec.Struct, frozen=True):
    """An entry of a message that could not be used, with its own bytes."""

    payload: bytes
    fault: Fault
    sensor: str | None = None


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A message, its readings, and the rejections for what could not be read.

    `split` gives the bytes of each entry that a position in `columns` refers to, where the payload is neither JSON nor
    SenML of ours.
    """

    message: Message
    topic: Topic | None
    columns: Columns
    rejections: Sequence[Rejection]
    split: Callable[[bytes], list[bytes]] | None = None


def reject(
    message: Message,
    reason: Reason,
    detail: str,
    *,
    payload: bytes | None = None,
    sensor: str | None = None,
    payload_bytes: int | None = None,
) -> Rejection:
    """Return the rejection of a message, or of the entry of it whose bytes are `payload`, safe to store."""
    whole = payload is None or payload == message.payload
    kept = message.payload if payload is None else payload
    return Rejection(
        topic=printable(message.topic, TOPIC_CHARACTERS_MAX),
        payload=kept,
        payload_bytes=message.payload_bytes if whole else len(kept),
        reason=reason.value,
        detail=printable(detail, 500),
        sensor=None if sensor is None else printable(sensor, 64),
    )
