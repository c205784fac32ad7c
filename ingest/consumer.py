"""The MQTT session: persistent, QoS 1, acknowledged by hand after the commit (docs/decisions/0003, 0007)."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Sequence

import aiomqtt

from ingest.connection import disconnection, make_client, subscribe, tell_status
from ingest.counters import IngestCounters
from ingest.message import Message
from ingest.queue import MessageQueue
from ingest.session_turn import SessionTaken, SessionTurn
from ingest.settings import IngestLimits, MqttSettings, broker_address
from ingest.subscriptions import Subscriptions
from ingest.wire import Wire

log = logging.getLogger(__name__)

STEADY_S = 60.0  # a connection that lasted this long resets the back-off


class Consumer:
    """One MQTT session over as many connections as it takes; its messages go into `queue`.

    Whatever fails in a connection ends that connection and begins the next after a pause; `run` returns only after
    `close`. `commands` gives the messages to devices that are due, (topic, payload); it is asked after each
    acknowledgement, while a connection stands. `subscriptions` is a record of what the broker's session has, `turn`
    says whether the session is ours. Must be made and used on one event loop.
    """

    def __init__(
        self,
        settings: MqttSettings,
        limits: IngestLimits,
        queue: MessageQueue,
        counters: IngestCounters,
        commands: Callable[[], Iterable[tuple[str, bytes]]] = tuple,
        subscriptions: Subscriptions | None = None,
        turn: SessionTurn | None = None,
    ) -> None:
        self._settings = settings
        self._address = broker_address(settings.url, settings.ca_file, settings.certificate_file, settings.key_file)
        self._limits = limits
        self._queue = queue
        self._counters = counters
        self._commands = commands
        self._subscriptions = subscriptions
        self._turn = turn
        self._closing = asyncio.Event()
        self._connection = 0  # number of the present connection; acknowledgements of others are void
        self._wire: Wire | None = None  # while connected
        self._failed: asyncio.Future[None] | None = None
        queue.room = self._resume

    def close(self) -> None:
        """Ask `run` to disconnect, in order and without ending the session, and to return."""
        self._closing.set()

    async def run(self) -> None:
        """Keep connected until `close`. Raises SessionTaken where another worker has the session meanwhile."""
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
            if self._turn is not None and not await self._turn.is_ours():
                raise SessionTaken

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge messages whose content is committed; those of a connection that is gone come again instead.

        Called for ticks too, without messages, so that what is due to devices goes out while nothing comes in.
        """
        if self._wire is None:
            return
        self._wire.acknowledge(messages)
        if self._counters.connected:
            self._send_commands(self._wire)

    def _send_commands(self, wire: Wire) -> None:
        try:
            for topic, payload in self._commands():
                log.info("sending a command on %s", topic)
                wire.send(topic, payload)
        except Exception:  # readings go on, whatever a command is
            log.exception("commands to devices cannot be sent")

    async def _connect_and_read(self) -> None:
        client = make_client(self._settings, self._address)
        self._connection += 1
        self._failed = asyncio.get_running_loop().create_future()
        wire = Wire(
            client, self._settings, self._limits, self._queue, self._counters, self._connection, self._on_failure
        )
        # A session that exists sends at once, with the answer to CONNECT: its messages may be taken, stored and
        # acknowledged before we are back here.
        self._wire = wire
        try:
            async with client:
                wire.begin()
                stand = wire.session_present and await self._stand()
                if not stand:
                    await self._subscribe(client)
                await tell_status(client, self._settings, "connected")
                self._counters.connections += 1
                self._counters.connected = True
                log.info("connected to the broker at %s as %s", self._address, self._settings.client_id)
                unheard = asyncio.create_task(self._subscribe_unheard(client, wire)) if stand else None
                try:
                    await self._until_over(client)
                finally:
                    if unheard is not None:
                        unheard.cancel()
                with contextlib.suppress(aiomqtt.MqttError):
                    await tell_status(client, self._settings, "stopped")
        finally:
            # What waits in the queue is stored all the same, in its order; the broker delivers it again, to no effect.
            self._counters.connected = False
            self._wire = None
            wire.end()

    async def _stand(self) -> bool:
        return self._subscriptions is not None and await self._subscriptions.stand(str(self._address))

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        await subscribe(client, self._settings)
        if self._subscriptions is not None:
            await self._subscriptions.granted(str(self._address))

    async def _subscribe_unheard(self, client: aiomqtt.Client, wire: Wire) -> None:
        """Subscribe after all where nothing comes: our record may be wrong, and nothing is disturbed then."""
        await asyncio.sleep(self._settings.unheard_s)
        try:
            if not wire.heard:
                await self._subscribe(client)
        except Exception as error:
            self._on_failure(error)

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
            # No message passes through these tasks (see Wire), so their cancellation loses none.
            lost.cancel()
            closing.cancel()

    def _on_failure(self, error: Exception) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _resume(self) -> None:
        if self._wire is not None:
            self._wire.resume()

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._closing.wait()
        except TimeoutError:
            pass
