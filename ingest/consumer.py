"""The MQTT session: persistent, QoS 1, acknowledged by hand after the commit.

The one module that reaches through aiomqtt to the paho client inside it, for three things that aiomqtt does not offer:
acknowledging by hand, handing a message over without a task per message, and not reading while our queue is full
(docs/decisions/0003-manual-acknowledgement.md).
"""

import asyncio
import logging
import random
from collections.abc import Iterable

import aiomqtt
import paho.mqtt.client as paho

from ingest.connection import disconnection, make_client, subscribe
from ingest.counters import IngestCounters
from ingest.message import Message
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits, MqttSettings, broker_address

log = logging.getLogger(__name__)

PACKETS_PER_WAKE_MAX = 200  # then other tasks of the loop have their turn
STEADY_S = 60.0  # a connection that lasted this long resets the back-off


class Consumer:
    """One MQTT session over as many connections as it takes; its messages go into `queue`.

    Whatever fails in a connection ends that connection and begins the next after a pause; `run` returns only after
    `close`. Must be made and used on one event loop.
    """

    def __init__(
        self, settings: MqttSettings, limits: IngestLimits, queue: MessageQueue, counters: IngestCounters
    ) -> None:
        self._settings = settings
        self._address = broker_address(settings.url)
        self._limits = limits
        self._queue = queue
        self._counters = counters
        self._closing = asyncio.Event()
        self._connection = 0  # number of the present connection; acknowledgements of others are void
        self._client: paho.Client | None = None  # while connected
        self._in_hand: set[int] = set()  # packet ids delivered on this connection and not acknowledged yet
        self._reading = False
        self._failed: asyncio.Future[None] | None = None
        queue.room = self._resume

    def close(self) -> None:
        """Ask `run` to disconnect, in order and without ending the session, and to return."""
        self._closing.set()

    async def run(self) -> None:
        """Keep connected until `close`."""
        pause_s = self._settings.reconnect_s_min
        if not self._settings.session_is_new:
            await self._pause(self._settings.redelivery_s)
        while not self._closing.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await self._connect_and_read()
            except Exception as error:
                if not isinstance(error, aiomqtt.MqttError | OSError):
                    log.exception("the MQTT connection failed in an unforeseen way")
                log.warning("no connection to the broker at %s (%s); trying again", self._address, error)
            if self._closing.is_set():
                return
            if asyncio.get_running_loop().time() - began > STEADY_S:
                pause_s = self._settings.reconnect_s_min
            await self._pause(max(pause_s * random.uniform(0.5, 1.0), self._settings.redelivery_s))
            pause_s = min(pause_s * 2, self._settings.reconnect_s_max)

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Acknowledge messages whose content is committed; those of a connection that is gone come again instead."""
        if self._client is None:
            return
        for message in messages:
            if message.connection == self._connection and message.qos:
                self._in_hand.discard(message.mid)
                self._client.ack(message.mid, message.qos)
                self._counters.acknowledgements += 1

    async def _connect_and_read(self) -> None:
        client = make_client(self._settings, self._address)
        inner = client._client
        self._connection += 1
        self._in_hand.clear()
        self._failed = asyncio.get_running_loop().create_future()
        inner.manual_ack_set(True)
        inner.on_message = self._on_message
        try:
            async with client:
                # A session that exists sends at once, before this subscription is confirmed.
                self._take_over_reading(inner)
                await subscribe(client, self._settings)
                self._counters.connections += 1
                self._counters.connected = True
                log.info("connected to the broker at %s as %s", self._address, self._settings.client_id)
                await self._until_over(client)
        finally:
            self._end_session()

    def _end_session(self) -> None:
        # What waits in the queue is stored all the same, in its order; the broker delivers it again, to no effect.
        self._counters.connected = False
        self._client = None
        self._reading = False
        self._connection += 1

    async def _until_over(self, client: aiomqtt.Client) -> None:
        """Wait for `close`, or raise what ended the connection."""
        assert self._failed is not None
        lost = asyncio.ensure_future(disconnection(client))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((lost, closing, self._failed), return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._failed, lost):
                if ended.done():
                    ended.result()
        finally:
            # No message passes through these tasks (see _on_message), so their cancellation loses none.
            lost.cancel()
            closing.cancel()

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        if message.qos:
            if message.mid in self._in_hand:
                # A broker may send again what is not acknowledged within its own time (NATS: 30 s); the first
                # delivery is still in the queue or in a batch, and one acknowledgement serves both.
                self._counters.messages_redelivered += 1
                return
            self._in_hand.add(message.mid)
        try:
            topic = message.topic
        except UnicodeDecodeError:  # the specification forbids it, a broker may let it pass
            topic = message._topic.decode("utf-8", "backslashreplace")
        payload = bytes(message.payload)
        size = len(payload)
        if size > self._limits.payload_bytes_max:
            payload = payload[: self._limits.rejected_payload_bytes_max]
        self._queue.put(Message(topic, payload, size, message.mid, message.qos, self._connection, message.dup))

    def _take_over_reading(self, inner: paho.Client) -> None:
        self._client = inner
        self._reading = True
        descriptor = _descriptor(inner)
        if descriptor is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(descriptor)
            loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        """Take packets off the socket until it is empty for now or our queue is full."""
        inner = self._client
        if inner is None:
            return
        try:
            for _ in range(PACKETS_PER_WAKE_MAX):
                if self._queue.full:
                    self._stop_reading(inner)
                    return
                before = self._counters.queue_messages
                inner.loop_read()
                if self._counters.queue_messages == before:
                    return
        except Exception as error:
            if self._failed is not None and not self._failed.done():
                self._failed.set_exception(error)

    def _stop_reading(self, inner: paho.Client) -> None:
        # The socket's buffers fill up next, then the broker's: nothing is dropped at QoS 1. Where this lasts longer
        # than the keep-alive, the connection is lost and the broker delivers again.
        descriptor = _descriptor(inner)
        if descriptor is not None and self._reading:
            asyncio.get_running_loop().remove_reader(descriptor)
            self._reading = False
            self._counters.queue_full += 1

    def _resume(self) -> None:
        if self._client is not None and not self._reading:
            descriptor = _descriptor(self._client)
            if descriptor is not None:
                asyncio.get_running_loop().add_reader(descriptor, self._read)
                self._reading = True

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._closing.wait()
        except TimeoutError:
            pass


def _descriptor(inner: paho.Client) -> int | None:
    socket = inner.socket()
    return socket.fileno() if socket is not None and socket.fileno() >= 0 else None
