"""The frames of a connection: every way in which bytes may come, every kind of packet, and what is malformed."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest

from ingest.frames import FrameReader
from ingest.message import Message
from ingest.properties import content_type, variable_integer
from ingest.settings import IngestLimits

LIMITS = IngestLimits(payload_bytes_max=20_000, rejected_payload_bytes_max=500)
PINGRESP = b"\xd0\x00"
PUBACK = b"\x40\x02\x00\x07"
PUBREL = b"\x62\x02\x00\x09"
SUBACK = b"\x90\x03\x00\x01\x01"
DISCONNECT = b"\xe0\x02\x8e\x00"
SENML = b"\x03" + struct.pack("!H", 22) + b"application/senml+json"


def length(size: int) -> bytes:
    encoded = b""
    while size > 127:
        encoded += bytes((size & 127 | 128,))
        size >>= 7
    return encoded + bytes((size,))


def publish(
    payload: bytes = b"{}",
    packet_id: int = 1,
    qos: int = 1,
    topic: bytes = b"lifeline/c/gas/gas-1",
    properties: bytes | None = None,
    flags: int = 0,
) -> bytes:
    """A PUBLISH packet; with `properties` (b"" for none) one of MQTT 5."""
    body = struct.pack("!H", len(topic)) + topic + (struct.pack("!H", packet_id) if qos else b"")
    body += b"" if properties is None else length(len(properties)) + properties
    return bytes((0x30 | qos << 1 | flags,)) + length(len(body) + len(payload)) + body + payload


def reader(version: int = 4) -> FrameReader:
    return FrameReader(has_properties=version == 5, connection=3, limits=LIMITS)


def read(frames: FrameReader, parts: Iterable[bytes]) -> list[Message | bytes]:
    """All that the reader finds, in order, however it was grouped."""
    found: list[Message | bytes] = []
    for part in parts:
        for one in frames.feed(part):
            found += one if isinstance(one, list) else [one]
    return found


def message(payload: bytes = b"{}", mid: int = 1, qos: int = 1, dup: bool = False, kind: str | None = None) -> Message:
    return Message("lifeline/c/gas/gas-1", payload, len(payload), mid, qos, 3, dup, kind)


def _stream(version: int) -> tuple[bytes, list[Message | bytes]]:
    """Every kind of packet, and what has to come out."""
    none = b"" if version == 5 else None
    parts: list[tuple[bytes, Message | bytes]] = [
        (publish(b"one", 1, properties=none), message(b"one", 1)),
        (PINGRESP, PINGRESP),
        (publish(b"two", 0, qos=0, properties=none), message(b"two", 0, 0)),
        (publish(b"", 2, properties=none), message(b"", 2)),
        (publish(b"kept", 3, properties=none, flags=1), message(b"kept", 3)),
        (publish(b"again", 4, properties=none, flags=8), message(b"again", 4, dup=True)),
        (SUBACK, SUBACK),
        (publish(b"x" * 130, 0xFFFF, properties=none), message(b"x" * 130, 0xFFFF)),
        (PUBACK, PUBACK),
        (publish(b"y" * 17_000, 5, properties=none), message(b"y" * 17_000, 5)),
        (PUBREL, PUBREL),
        (publish(b"exactly once", 9, qos=2, properties=none), publish(b"exactly once", 9, qos=2, properties=none)),
        (publish(b"last", 6, properties=none), message(b"last", 6)),
        (DISCONNECT, DISCONNECT),
    ]
    if version == 5:
        long = b"".join(b"\x26\x00\x01a" + struct.pack("!H", 200) + b"v" * 200 for _ in range(90)) + SENML
        parts += [
            (publish(b"senml", 7, properties=SENML), message(b"senml", 7, kind="application/senml+json")),
            (publish(b"long", 8, properties=long), message(b"long", 8, kind="application/senml+json")),
            (publish(b"", 10, properties=b"\x01\x01\x02\x00\x00\x00\x09\x0b\x80\x01"), message(b"", 10)),
        ]
    return b"".join(raw for raw, _ in parts), [expected for _, expected in parts]


@pytest.mark.parametrize("version", [4, 5])
def test_bytes_may_be_cut_anywhere(version: int) -> None:
    stream, expected = _stream(version)
    assert read(reader(version), [stream]) == expected
    for cut in [*range(700), *range(700, len(stream), 97)]:
        assert read(reader(version), [stream[:cut], stream[cut:]]) == expected, cut


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_bytes_may_come_in_any_portions(version: int, size: int) -> None:
    stream, expected = _stream(version)
    assert read(reader(version), (stream[i : i + size] for i in range(0, len(stream), size))) == expected


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("size", [1_000, 4_096, 262_144, 1_000_000])
def test_a_packet_larger_than_any_that_is_taken_is_cut_and_keeps_its_true_size(version: int, size: int) -> None:
    payload = b"z" * 700_000
    properties = SENML if version == 5 else None
    stream = publish(b"a", 1, properties=properties) + publish(payload, 2, properties=properties)
    stream += PINGRESP + publish(b"b", 3, properties=properties)
    before, large, other, after = read(reader(version), (stream[i : i + size] for i in range(0, len(stream), size)))
    assert (before.payload, after.payload, other) == (b"a", b"b", PINGRESP)  # type: ignore[union-attr]
    assert isinstance(large, Message)
    assert (large.topic, large.mid, large.qos, large.payload_bytes) == ("lifeline/c/gas/gas-1", 2, 1, 700_000)
    assert large.payload == payload[: LIMITS.rejected_payload_bytes_max]


def test_a_packet_that_is_large_by_its_properties_is_refused_for_its_size() -> None:
    properties = b"\x26\x00\x01a" + struct.pack("!H", 60_000) + b"v" * 60_000
    stream = publish(b"{}", 2, properties=properties * 10)
    (large,) = read(reader(5), (stream[i : i + 4_096] for i in range(0, len(stream), 4_096)))
    assert isinstance(large, Message)
    assert large.payload_bytes > LIMITS.payload_bytes_max


def test_memory_is_bounded_while_a_large_packet_passes() -> None:
    frames = reader()
    stream = publish(b"z" * 5_000_000, 2)
    for start in range(0, len(stream) - 1, 10_000):
        assert list(frames.feed(stream[start : start + 10_000])) == [] or start + 10_000 >= len(stream)
        assert len(frames._rest) <= LIMITS.payload_bytes_max + 200_000


def test_a_payload_above_the_limit_is_cut() -> None:
    (found,) = read(reader(), [publish(b"z" * 20_001)])
    assert isinstance(found, Message)
    assert (len(found.payload), found.payload_bytes) == (500, 20_001)


def test_a_message_that_is_still_in_hand_is_dropped() -> None:
    frames = reader()
    assert len(read(frames, [publish(packet_id=1) + publish(packet_id=2)])) == 2
    assert read(frames, [publish(packet_id=1, flags=8) + publish(b"z" * 700_000, 2, flags=8)]) == []
    assert frames.redelivered == 2
    frames.in_hand[1] = 0
    assert read(frames, [publish(packet_id=1, flags=8)]) == [message(dup=True)]


def test_topics_that_are_not_utf8_or_missing_are_passed_on_as_messages() -> None:
    first, second = read(reader(5), [publish(topic=b"lifeline/\xff", properties=b""),
                                     publish(packet_id=2, topic=b"", properties=b"\x23\x00\x01")])  # fmt: skip
    assert (first.topic, second.topic) == ("lifeline/\\xff", "")  # type: ignore[union-attr]


def test_topics_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.frames.TOPICS_MAX", 10)
    frames = reader()
    for i in range(100):
        read(frames, [publish(b"", 0, 0, topic=b"lifeline/c/gas/%d" % i)])
    assert len(frames._topics) <= 10


@pytest.mark.parametrize(
    ("version", "malformed"),
    [
        (4, publish(qos=3)),
        (4, publish(packet_id=0)),
        (4, b"\x32\x04\x00\x09ab"),  # the topic is longer than the packet
        (4, b"\x32\x04\x00\x02ab"),  # no room for the packet id
        (4, b"\x32\x01\x00"),
        (4, b"\x30\x00"),
        (5, publish(qos=0, packet_id=0)[:-2].replace(b"\x30\x18", b"\x30\x16")),  # no length of properties
        (5, publish(properties=b"\x7f\x00")),  # no such property
        (5, publish(properties=b"\x03\x00\x09ab")),  # longer than all properties
        (5, publish(properties=b"\x03\x00")),
        (5, publish(properties=b"\x0b\xff\xff\xff\xff\x01")),
        (5, b"\x32\x08\x00\x01a\x00\x01\x7f\x00\x00"),  # properties longer than the packet
    ],
)
def test_what_is_malformed_goes_to_the_library_whole_and_harms_no_neighbour(version: int, malformed: bytes) -> None:
    properties = b"" if version == 5 else None
    before, after = publish(b"before", 11, properties=properties), publish(b"after", 12, properties=properties)
    expected = [message(b"before", 11), malformed, message(b"after", 12)]
    assert read(reader(version), [before + malformed + after]) == expected
    assert read(reader(version), [bytes((byte,)) for byte in before + malformed + after]) == expected


def test_a_length_that_never_ends_goes_to_the_library_with_all_that_follows() -> None:
    rest = b"\x30\xff\xff\xff\xff\x01" + publish(packet_id=2)
    assert read(reader(), [publish() + rest]) == [message(), rest]


def test_properties() -> None:
    assert content_type(b"\x00{}", 0, 3) == (1, None)
    block = b"\x02\x00\x00\x00\x09" + SENML + b"\x26\x00\x01a\x00\x01b"
    assert content_type(length(len(block)) + block + b"{}", 0, len(block) + 3) == (len(block) + 1,
                                                                                 "application/senml+json")  # fmt: skip
    assert content_type(b"\x04\x03\x00\x01\xff", 0, 5) == (5, None)  # not UTF-8: as if it were not there


def test_variable_integers() -> None:
    for value in (0, 127, 128, 16_383, 16_384, 268_435_455):
        encoded = length(value)
        assert variable_integer(encoded, 0, len(encoded)) == (len(encoded), value)
        assert variable_integer(encoded, 0, len(encoded) - 1)[0] > len(encoded) - 1
    assert variable_integer(b"\xff\xff\xff\xff\x01", 0, 5) == (4, -1)
