"""A device that publishes at QoS 1 and keeps a ledger of what the broker has acknowledged."""

import asyncio
import itertools
import json
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiomqtt

from ingest.settings import broker_address
from tests.faults.stream import Message

PORTION = 40  # messages on the way at once
PAUSE_S = 0.02  # between them: about 2,000 messages a second
HELD_SHARE = 0.85  # what is published without leave; the rest comes after the last kill
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"  # 3.1.1, clean session, keep-alive 60 s, no client id
_PUBLISH_QOS_1 = b"\x32"
_PUBACK_BYTES = 4
STATUS_S_MAX = 60.0
PUBLISH_S_MAX = 150.0


class Device:
    """Publishes messages in their order, and again what was not acknowledged when its connection broke.

    `remembers` is how many acknowledged messages it sends again after that: a device that stores and forwards. It waits
    `pause_s` between two portions, and for an acknowledgement `patience_s` before it takes its connection for lost.
    """

    def __init__(
        self,
        url: str,
        city: str,
        messages: Sequence[Message],
        *,
        remembers: int = 0,
        pause_s: float = PAUSE_S,
        patience_s: float = PUBLISH_S_MAX,
    ) -> None:
        self.acknowledged = 0
        self._address = broker_address(url)
        self._city = city
        self._messages = messages
        self._remembers = remembers
        self._pause_s = pause_s
        self._patience_s = patience_s
        self._held_at = HELD_SHARE
        self._leave = asyncio.Event()

    @property
    def ledger(self) -> list[Message]:
        """What was acknowledged."""
        return list(self._messages[: self.acknowledged])

    def give_leave(self) -> None:
        """Let the last part of the stream be published too."""
        self.go_on_to(1)

    def go_on_to(self, share: float) -> None:
        """Let that share of the stream be published."""
        self._held_at = share
        self._leave.set()

    async def until_acknowledged(self, share: float) -> None:
        """Wait until that share of the messages is."""
        async with asyncio.timeout(PUBLISH_S_MAX):
            while self.acknowledged < share * len(self._messages):  # noqa: ASYNC110 - one condition, many instants
                await asyncio.sleep(0.005)

    async def publish(self) -> None:
        """Publish until all is acknowledged, over as many connections as it takes."""
        async with asyncio.timeout(PUBLISH_S_MAX):
            while self.acknowledged < len(self._messages):
                try:
                    await self._publish_over_one_connection()
                except (OSError, TimeoutError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.1)

    async def _publish_over_one_connection(self) -> None:
        reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        try:
            writer.write(_CONNECT)
            await asyncio.wait_for(reader.readexactly(4), self._patience_s)
            start = max(0, self.acknowledged - self._remembers)
            while start < len(self._messages):
                while start >= len(self._messages) * self._held_at:
                    self._leave.clear()
                    await self._leave.wait()
                portion = self._messages[start : start + PORTION]
                writer.write(b"".join(map(self._packet, portion, itertools.count(1))))
                # In the order of publishing (MQTT 4.6).
                await asyncio.wait_for(reader.readexactly(_PUBACK_BYTES * len(portion)), self._patience_s)
                start += len(portion)
                self.acknowledged = max(self.acknowledged, start)
                await asyncio.sleep(self._pause_s)
        finally:
            writer.close()

    def _packet(self, message: Message, packet_id: int) -> bytes:
        return packet(f"lifeline/{self._city}/{message.place}", message.payload, packet_id)


def packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH at QoS 1 by MQTT 3.1.1, of fewer than 16,384 bytes behind its head."""
    body = struct.pack("!H", len(topic.encode())) + topic.encode() + struct.pack("!H", packet_id) + payload
    low, high = len(body) & 127, len(body) >> 7
    return _PUBLISH_QOS_1 + (bytes((low | 128, high)) if high else bytes((low,))) + body


class Line:
    """A connection to the broker over which many messages go out at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish (topic, payload), and return when all are acknowledged."""
        packets = (packet(*message, number) for number, message in enumerate(messages, 1))
        self._writer.write(b"".join(packets))
        await self._reader.readexactly(_PUBACK_BYTES * len(messages))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Line]:
    """A line to the broker at that url."""
    address = broker_address(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(_CONNECT)
        await reader.readexactly(4)
        yield Line(reader, writer)
    finally:
        writer.close()


async def until_status(url: str, client_id: str, status: str) -> aiomqtt.Message:
    """Wait until the worker of that session is said to be `connected`, `lost` or `stopped`; return the message.

    Before it is connected for the first time, nothing that is published is kept for it.
    """
    address = broker_address(url)
    async with asyncio.timeout(STATUS_S_MAX), aiomqtt.Client(address.host, address.port) as client:
        await client.subscribe(f"lifeline/worker/{client_id}", qos=1)
        async for message in client.messages:
            if json.loads(bytes(message.payload)) == {"worker": client_id, "status": status}:  # type: ignore[arg-type]
                return message
    raise AssertionError("the messages of a connection end with an error only")
