"""One connection's socket: messages come off it many at a time, acknowledgements go onto it in one piece.

The one module that reaches through aiomqtt into the paho client inside it; what it touches there is listed in
docs/decisions/0007-fast-session.md. Connecting, subscribing, keeping alive and disconnecting stay with the library, as
does every packet that is not a PUBLISH of QoS 0 or 1: it is handed to paho's own reader, byte for byte.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any

import aiomqtt
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from ingest.counters import IngestCounters
from ingest.frames import FrameReader
from ingest.message import Message
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits, MqttSettings

READ_BYTES = 262_144  # of one turn, about 1,500 messages; then other tasks of the loop have theirs
PACKETS_PER_TURN_MAX = 200  # of the plain path
PUBACK = 0x40
ACKNOWLEDGEMENT = np.dtype([("head", ">u2"), ("packet_id", ">u2")])  # a PUBACK without reason is a success (3.4.2.1)


class Turn(Enum):
    """How a turn at reading ended."""

    NOTHING = auto()  # there was nothing to read
    DRAINED = auto()  # something came, and then nothing more
    MORE = auto()  # there may be more at once
    FULL = auto()  # our queue takes no more
    ENDED = auto()  # the connection is gone


class Wire:
    """The reading and acknowledging side of a client that is not connected yet.

    `failed` is called with what ends the connection from this side. Reading begins with the connection; `begin` has to
    follow it, and `end` when the connection is over, whatever ended it.
    """

    def __init__(
        self,
        client: aiomqtt.Client,
        settings: MqttSettings,
        limits: IngestLimits,
        queue: MessageQueue,
        counters: IngestCounters,
        connection: int,
        failed: Callable[[Exception], None],
    ) -> None:
        self._inner = client._client
        self._limits = limits
        self._queue = queue
        self._counters = counters
        self._connection = connection
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader(has_properties=settings.protocol == "5", connection=connection, limits=limits)
        self._coalesce_s = settings.coalesce_ms / 1000
        self._stopped = False  # because the queue was full
        self._arrived = 0  # messages that paho has read
        self._next: asyncio.Handle | None = None
        self._began = self._over = False
        self._handed, self._handed_place = b"", 0
        self._broken: OSError | None = None
        self.session_present = False  # by the broker's answer to CONNECT
        self.heard = False  # whether a message came
        self._inner.manual_ack_set(True)
        self._inner.on_message = self._on_message
        self._greeted = self._inner.on_connect
        self._inner.on_connect = self._on_connect
        self._read: Callable[[], Turn] = self._read_packets
        if settings.reader == "frames":
            self._read = self._read_frames
            self._buffer = memoryview(bytearray(READ_BYTES))
            # From the first byte on, so that no packet is ever half read by the one and half by the other.
            self._inner._sock_recv = self._receive_handed  # type: ignore[method-assign, assignment]
            self._inner.loop_read = self._read_frames  # type: ignore[method-assign, assignment]

    def begin(self) -> None:
        """Take the socket over from aiomqtt's reader, which knows neither turns nor a full queue."""
        self._began = True
        self._unlisten()
        self._soon()

    def resume(self) -> None:
        """Read on after the queue was full."""
        if self._stopped and not self._over:
            self._stopped = False
            self._soon()

    def end(self) -> None:
        """Neither read nor acknowledge from now on; what is not written yet is dropped with the connection."""
        self._over = True
        if self._next is not None:
            self._next.cancel()

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Acknowledge this connection's messages, in their order, in one write (4.6)."""
        mine = [message for message in messages if message.connection == self._connection and message.qos]
        if self._over or not mine:
            return
        packet_ids = np.array([message.mid for message in mine if message.qos == 1], np.uint16)
        np.frombuffer(self._frames.in_hand, np.uint8)[packet_ids] = 0
        packets = np.empty(len(packet_ids), ACKNOWLEDGEMENT)
        packets["head"], packets["packet_id"] = PUBACK << 8 | 2, packet_ids
        # paho's queue of packets: it writes what the socket takes, and the rest when there is room again.
        self._inner._packet_queue(PUBACK, packets.tobytes(), 0, 1)
        for message in mine if len(packet_ids) < len(mine) else ():
            if message.qos == 2:
                self._frames.in_hand[message.mid] = 0
                self._inner.ack(message.mid, 2)
        self._counters.acknowledgements += len(mine)

    def send(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, not retained; it goes out with the acknowledgements, as far as the socket takes it."""
        if not self._over:
            self._inner.publish(topic, payload, 0, retain=False)

    def _turn(self) -> None:
        """Read once, and see to it that there is a next time."""
        self._next = None
        if self._over:
            return
        try:
            turn = self._read()
        except Exception as error:
            self._failed(error)
            return
        if turn is Turn.NOTHING or (turn is Turn.DRAINED and not self._coalesce_s):
            self._listen()
            return
        self._unlisten()
        if turn is Turn.DRAINED:
            # Many small reads cost more than the few milliseconds that they would save.
            self._next = self._loop.call_later(self._coalesce_s, self._turn)
        elif turn is Turn.MORE:
            self._soon()
        elif turn is Turn.FULL:
            # The socket's buffers fill up next, then the broker's: nothing is dropped at QoS 1. Where this lasts longer
            # than the keep-alive, the connection is lost and the broker delivers again.
            self._stopped = True
            self._counters.queue_full += 1

    def _read_frames(self) -> Turn:
        left = READ_BYTES
        while left > 0:
            # Until `begin` there is no way to stop, and only the answer to CONNECT to come.
            if self._queue.full and self._began:
                return Turn.FULL
            socket = self._inner.socket()
            if socket is None:
                return Turn.ENDED
            try:
                size = socket.recv_into(self._buffer)  # type: ignore[attr-defined]
            except (BlockingIOError, ssl.SSLWantReadError):
                return Turn.NOTHING if left == READ_BYTES else Turn.DRAINED
            except ssl.SSLWantWriteError:
                self._inner._call_socket_register_write()
                return Turn.NOTHING
            except OSError as error:
                self._broken, size = error, 0
            if not size:
                self._hand_over(b"")
                return Turn.ENDED
            # The answer to a ping stands behind what is on its way: over a slow line it comes late, and what comes
            # meanwhile shows as well that the broker is there.
            self._inner._last_bytes_received = paho.time_func()
            for found in self._frames.feed(bytes(self._buffer[:size])):
                if isinstance(found, list):
                    self.heard = True
                    self._queue.put(found)
                else:
                    self._hand_over(found)
            self._counters.messages_redelivered += self._frames.redelivered
            self._frames.redelivered = 0
            left -= size
            # A TLS socket gives a record at a time, and is drained only when it says so.
            if size < READ_BYTES and not isinstance(socket, ssl.SSLSocket):
                return Turn.DRAINED
        return Turn.MORE

    def _hand_over(self, packet: bytes) -> None:
        """Let paho read a packet as if it came off the socket; without one, find that the connection is gone."""
        self._handed, self._handed_place = packet, 0
        while True:
            before = self._handed_place
            paho.Client.loop_read(self._inner)
            if self._handed_place >= len(packet) or self._handed_place == before or self._inner.socket() is None:
                return

    def _receive_handed(self, size: int) -> bytes:
        """In the place of paho's `_sock_recv`."""
        if not self._handed:
            if self._broken is not None:
                raise self._broken
            return b""
        if self._handed_place >= len(self._handed):
            raise BlockingIOError
        taken = self._handed[self._handed_place : self._handed_place + size]
        self._handed_place += len(taken)
        return taken

    def _read_packets(self) -> Turn:
        """The plain path: paho reads, a packet at a time."""
        for number in range(PACKETS_PER_TURN_MAX):
            if self._queue.full and self._began:
                return Turn.FULL
            before = self._arrived
            self._inner.loop_read()
            socket = self._inner.socket()
            if socket is None:
                return Turn.ENDED
            if self._arrived == before and not (isinstance(socket, ssl.SSLSocket) and socket.pending()):
                return Turn.DRAINED if number else Turn.NOTHING
        return Turn.MORE

    def _on_connect(
        self, client: paho.Client, userdata: object, flags: paho.ConnectFlags, code: ReasonCode, properties: Any = None
    ) -> None:
        self.session_present = bool(flags.session_present)
        if self._greeted is not None:
            self._greeted(client, userdata, flags, code, properties)  # type: ignore[call-arg, arg-type]

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        """Take what paho has read itself: everything on the plain path, QoS 2 on the other."""
        self._arrived += 1
        self.heard = True
        if message.qos:
            if self._frames.in_hand[message.mid]:
                self._counters.messages_redelivered += 1
                return
            self._frames.in_hand[message.mid] = 1
        try:
            topic = message.topic
        except UnicodeDecodeError:  # the specification forbids it, a broker may let it pass
            topic = message._topic.decode("utf-8", "backslashreplace")
        payload = bytes(message.payload)
        size = len(payload)
        if size > self._limits.payload_bytes_max:
            payload = payload[: self._limits.rejected_payload_bytes_max]
        kind = getattr(message.properties, "ContentType", None)
        self._queue.put([Message(topic, payload, size, message.mid, message.qos, self._connection, message.dup, kind)])

    def _soon(self) -> None:
        if self._next is None:
            self._next = self._loop.call_soon(self._turn)

    def _listen(self) -> None:
        descriptor = self._descriptor()
        if descriptor is not None:
            self._loop.add_reader(descriptor, self._turn)

    def _unlisten(self) -> None:
        descriptor = self._descriptor()
        if descriptor is not None:
            self._loop.remove_reader(descriptor)

    def _descriptor(self) -> int | None:
        socket = self._inner.socket()
        return socket.fileno() if socket is not None and socket.fileno() >= 0 else None
