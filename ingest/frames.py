"""MQTT frames out of a receive buffer: all whole PUBLISH packets of QoS 0 and 1 at once, every other packet as it came.

Pure: bytes in, messages and packets out, in their order. What this module does not understand it does not judge: such a
packet is handed on whole, for the client library to deal with. Numbers in brackets are sections of MQTT 5.0, which hold
for 3.1.1 as well where properties are left aside.
"""

from collections.abc import Iterator

from ingest.message import Message
from ingest.properties import content_type, variable_integer
from ingest.settings import IngestLimits

TOPICS_MAX = 65_536  # kept as text; then the memory begins anew, so that invented topics cannot fill it
TOPIC_BYTES_MAX = 65_535  # (1.5.4)
PACKET_IDS = 65_536
PUBLISH = 0x30  # (3.3.1)


class FrameReader:
    """The frames of one connection. `in_hand` marks the packet ids that are delivered and not acknowledged yet."""

    def __init__(self, *, has_properties: bool, connection: int, limits: IngestLimits) -> None:
        self.in_hand = bytearray(PACKET_IDS)
        self.redelivered = 0  # messages dropped, because their first delivery is still in hand
        self._has_properties = has_properties
        self._connection = connection
        self._payload_bytes_max = limits.payload_bytes_max
        self._kept_bytes_max = limits.rejected_payload_bytes_max
        # A packet above this is certain to be refused; of a larger one only so much is held in memory.
        self._packet_bytes_max = limits.payload_bytes_max + 2 * TOPIC_BYTES_MAX
        self._rest = b""
        self._passing = 0  # bytes still to come of a packet whose beginning is in `_rest` and that is too large
        self._topics: dict[bytes, str] = {}

    def feed(self, data: bytes) -> Iterator[list[Message] | bytes]:
        """Yield what the bytes complete: PUBLISH packets in a row as messages, any other packet as its bytes.

        A packet whose length is malformed is yielded with all that follows it: nothing after it can be understood.
        Raises ValueError for a packet beside PUBLISH that is larger than any there is: it would fill the memory.
        """
        if self._passing:
            passed = min(self._passing, len(data))
            self._passing -= passed
            data = data[passed:]
            if self._passing:
                return
            beginning, self._rest = self._rest, b""
            large = self._too_large(beginning)
            if large:
                yield large
        if self._rest:
            data = self._rest + data
        place, end = 0, len(data)
        while place < end:
            messages: list[Message] = []
            place = self._take_messages(data, place, end, messages)
            if messages:
                yield messages
            head = _head(data, place, end)
            if head is None:
                break
            start, length = head
            if length < 0:
                yield data[place:]
                place = end
                break
            if start + length <= end:
                yield data[place : start + length]
                place = start + length
            elif start - place + length > self._packet_bytes_max and data[place] & 0xF4 == PUBLISH:
                kept = start - place + self._packet_bytes_max
                if end - place < kept:
                    break
                self._rest, self._passing = data[place : place + kept], start + length - end
                return
            else:
                if data[place] & 0xF0 != PUBLISH and length > self._packet_bytes_max:
                    raise ValueError(f"the broker sends a packet of type {data[place] >> 4} of {length} bytes")
                break
        self._rest = data[place:]

    def _take_messages(self, data: bytes, place: int, end: int, messages: list[Message]) -> int:
        """Append the messages that begin at `place`, one packet after the other; return where the last one ends.

        The loop that every message goes through: plain steps, no calls where they can be done without.
        """
        topics, in_hand = self._topics, self.in_hand
        connection, payload_bytes_max = self._connection, self._payload_bytes_max
        has_properties = self._has_properties
        append = messages.append
        while end - place > 3:
            first = data[place]
            if first & 0xF4 != PUBLISH:  # or its QoS is 2 or 3
                break
            length = data[place + 1]
            start = place + 2
            if length > 127:
                second = data[start]
                start += 1
                length += (second - 1) << 7
                if second > 127:
                    head = _head(data, place, end)
                    if head is None or head[1] < 0:
                        break
                    start, length = head
            stop = start + length
            if stop > end:
                break
            at = start + 2 + (data[start] << 8) + data[start + 1] if length > 1 else stop + 1
            packet_id = 0
            if first & 2:
                at += 2
                if at > stop:
                    break
                packet_id = data[at - 2] << 8 | data[at - 1]
                name = data[start + 2 : at - 2]
                if in_hand[packet_id]:
                    # A broker may send again what is not acknowledged within its own time; the first delivery is still
                    # in the queue or in a batch, and one acknowledgement serves both.
                    self.redelivered += 1
                    place = stop
                    continue
                if not packet_id:
                    break
            else:
                if at > stop:
                    break
                name = data[start + 2 : at]
            kind = None
            if has_properties:
                if at >= stop:
                    break
                if data[at]:
                    found = content_type(data, at, stop)
                    if found is None:
                        break
                    at, kind = found
                else:
                    at += 1
            if packet_id:
                in_hand[packet_id] = 1
            size = stop - at
            payload = data[at:stop] if size <= payload_bytes_max else data[at : at + self._kept_bytes_max]
            topic = topics.get(name)
            if topic is None:
                topic = self._topic(name)
            append(Message(topic, payload, size, packet_id, 1 if packet_id else 0, connection, first & 8 != 0, kind))
            place = stop
        return place

    def _too_large(self, beginning: bytes) -> list[Message] | bytes:
        """Return the message of a packet of which only the beginning was kept; it will be refused for its size."""
        head = _head(beginning, 0, len(beginning))
        assert head is not None
        start, length = head
        at = start + 2 + (beginning[start] << 8) + beginning[start + 1]
        name, packet_id = beginning[start + 2 : at], 0
        if beginning[0] & 2:
            packet_id = beginning[at] << 8 | beginning[at + 1]
            at += 2
            if not packet_id:
                return beginning
            if self.in_hand[packet_id]:
                self.redelivered += 1
                return []
            self.in_hand[packet_id] = 1
        if self._has_properties:
            place, properties_length = variable_integer(beginning, at, len(beginning))
            if properties_length < 0:
                return beginning
            at = place + properties_length
        size = start + length - at
        if size <= self._payload_bytes_max:  # what is too large are its properties
            size = length
        payload = beginning[at : at + self._kept_bytes_max]
        dup = beginning[0] & 8 != 0
        return [Message(self._topic(name), payload, size, packet_id, 1 if packet_id else 0, self._connection, dup)]

    def _topic(self, name: bytes) -> str:
        try:
            topic = name.decode("utf-8")
        except UnicodeDecodeError:  # the specification forbids it (1.5.4), a broker may let it pass
            topic = name.decode("utf-8", "backslashreplace")
        if len(self._topics) >= TOPICS_MAX:
            self._topics.clear()
        self._topics[name] = topic
        return topic


def _head(data: bytes, place: int, end: int) -> tuple[int, int] | None:
    """Return where a packet's body begins and its length, -1 for a malformed one; None where bytes are missing."""
    start, length = variable_integer(data, place + 1, end)
    return None if start > end else (start, length)
