"""Publishes the journal and the cities' status to a broker: at least once, in order, the journal being the outbox."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import aiomqtt

from app.api.context import ApiContext
from app.api.status import HeardSensors
from app.northbound.counters import PublisherCounters
from app.northbound.outgoing import CITY_SILENT, OutgoingLine, line_message, status_messages
from app.northbound.turn import keep_at
from ingest.connection import QOS, disconnection
from ingest.settings import BrokerAddress
from store.alarms import JournalEvent, journal_events
from store.outgoing_cursor import move_cursor, outgoing_cursor, standing_alarms
from store.pool import Connection, Pool

log = logging.getLogger(__name__)

STATUS_S_MIN = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A broker and what it gets. `name` is that of the cursor; `cities` None: all of `modes` but `relayed`.

    Without `client_id` the broker gives one: several cities may publish to it.
    """

    name: str
    address: BrokerAddress
    protocol: Literal["3.1.1", "5"]
    client_id: str | None
    cities: Collection[str] | None
    modes: Collection[str]
    tells_silent_cities: bool
    relayed: Collection[str] = ()

    def wants(self, city: str, mode: str) -> bool:
        """Whether the city goes there."""
        if city in self.relayed:
            return False
        return mode in self.modes if self.cities is None else city in self.cities

    def wants_line(self, line: OutgoingLine) -> bool:
        """Whether the line goes there."""
        return self.wants(line.city, line.mode) and (self.tells_silent_cities or line.rule != CITY_SILENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherLimits:
    """How much at a time and how often, with units."""

    page_events_max: int = 200  # published before the broker has acknowledged them
    publish_s_max: float = 20.0  # until it has
    connect_s_max: float = 10.0
    keepalive_s: int = 30
    poll_s: float = 2.0  # the journal is looked at this often, should a notification be lost
    status_s_min: float = STATUS_S_MIN  # between two of a city, whatever happens there
    status_s_max: float = 30.0  # between two, also where nothing happens
    status_share_max: float = 0.1  # of the time is spent on counting sensors and alarms
    retry_s_max: float = 15.0
    finish_s_max: float = 5.0  # at a stop, until what is on its way is acknowledged


async def run_publisher(
    pool: Pool,
    target: Target,
    limits: PublisherLimits,
    clock: Callable[[], int],
    stop: asyncio.Event,
    counters: PublisherCounters,
) -> None:
    """Publish to the target until `stop` is set; of several processes one does. `clock` gives epoch milliseconds.

    Broker and database may come and go: the cursor moves only when all up to it is acknowledged, so that an
    interruption repeats lines and loses none.
    """
    context = ApiContext(pool=pool, clock=clock)
    heard = HeardSensors()  # outlives connections: who was heard once stays so

    async def work(connection: Connection) -> None:
        try:
            await _Publisher(connection, target, limits, context, heard, stop, counters).run()
        finally:
            counters.connected = False

    await keep_at(pool, f"publishing to {target.name}", stop, work, limits.retry_s_max)


class _Publisher:
    """One connection to the broker, from the cursor on."""

    def __init__(
        self,
        connection: Connection,
        target: Target,
        limits: PublisherLimits,
        context: ApiContext,
        heard: HeardSensors,
        stop: asyncio.Event,
        counters: PublisherCounters,
    ) -> None:
        self.connection = connection
        self.target = target
        self.limits = limits
        self.context = context
        self.heard = heard
        self.stop = stop
        self.counters = counters
        self.news = asyncio.Event()
        self.refused: list[str] = []  # what the broker said of messages that it did not take (MQTT 5)

    async def run(self) -> None:
        """Publish until the service stops. Raises what ends the connection to the broker or the database."""
        cursor = await outgoing_cursor(self.connection, self.target.name)  # made before the broker answers
        self.counters.event = cursor.event
        async with self._client() as client:
            self.counters.connections += 1
            self.counters.connected = True
            log.info("publishing to %s from event %d on", self.target.address, cursor.event)
            await self.connection.add_listener("journal", self._wake)
            tasks = [
                asyncio.create_task(work)
                for work in (
                    self._follow(client, cursor.event, opened=cursor.opened),
                    disconnection(client),
                    self.stop.wait(),
                )
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if self.stop.is_set():
                    # What is on its way is acknowledged and noted first, or it would be told again after the restart.
                    self.news.set()
                    await asyncio.wait(tasks[:2], timeout=self.limits.finish_s_max, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                if not self.connection.is_closed():
                    await self.connection.remove_listener("journal", self._wake)
            for error in ended:
                if isinstance(error, Exception):
                    raise error

    def _client(self) -> aiomqtt.Client:
        address = self.target.address
        client = aiomqtt.Client(
            address.host,
            address.port,
            identifier=self.target.client_id,
            username=address.username,
            password=address.password,
            tls_context=address.tls,
            keepalive=self.limits.keepalive_s,
            timeout=self.limits.connect_s_max,
            protocol=aiomqtt.ProtocolVersion.V5 if self.target.protocol == "5" else aiomqtt.ProtocolVersion.V311,
        )
        client.pending_calls_threshold = self.limits.page_events_max
        # aiomqtt takes each acknowledgement for a success; by MQTT 5 it may say that the message was not taken.
        confirmed: Any = client._client.on_publish

        def on_publish(inner: Any, userdata: Any, mid: int, code: Any, properties: Any) -> None:
            if getattr(code, "is_failure", False):
                self.refused.append(str(code))
            confirmed(inner, userdata, mid, code, properties)

        client._client.on_publish = on_publish
        return client

    async def _follow(self, client: aiomqtt.Client, event: int, *, opened: bool) -> None:
        loop = asyncio.get_running_loop()
        status_at, changed = loop.time(), True
        earliest = status_at
        if not opened:
            await self._publish_lines(client, await standing_alarms(self.connection, event))
            await move_cursor(self.connection, self.target.name, event)
        while not self.stop.is_set():
            self.news.clear()
            events = await journal_events(self.connection, event, 2**62, ("*",), self.limits.page_events_max)
            if events:
                changed |= bool(await self._publish_lines(client, events))
                event = self.counters.event = events[-1].event
                await move_cursor(self.connection, self.target.name, event)
            now = loop.time()
            if now >= (earliest if changed else status_at):
                await self._publish_status(client)
                changed = False
                spent = loop.time() - now
                earliest = now + max(self.limits.status_s_min, spent / self.limits.status_share_max)
                status_at = max(now + self.limits.status_s_max, earliest)
            if not events:
                due = (earliest if changed else status_at) - loop.time()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), max(0.0, min(due, self.limits.poll_s)))

    async def _publish_lines(self, client: aiomqtt.Client, events: Sequence[JournalEvent]) -> int:
        """Publish those that the target wants, and return how many when all of them are acknowledged."""
        lines = [line for line in map(line_message, events) if self.target.wants_line(line)]
        for start in range(0, len(lines), self.limits.page_events_max):
            page = lines[start : start + self.limits.page_events_max]
            await self._publish(client, [(line.topic, line.payload) for line in page], retain=False)
        self.counters.lines += len(lines)
        return len(lines)

    async def _publish_status(self, client: aiomqtt.Client) -> None:
        messages = [
            (message.topic, message.payload)
            for message in await status_messages(self.connection, self.context, self.heard)
            if self.target.wants(message.city, message.mode)
        ]
        await self._publish(client, messages, retain=True)
        self.counters.statuses += len(messages)

    async def _publish(self, client: aiomqtt.Client, messages: Sequence[tuple[str, bytes]], *, retain: bool) -> None:
        # Sent in their order, whatever the order of the acknowledgements.
        await asyncio.gather(
            *(
                client.publish(topic, payload, QOS, retain, timeout=self.limits.publish_s_max)
                for topic, payload in messages
            )
        )
        if self.refused:
            raise aiomqtt.MqttError(
                f"the broker refuses what is published on lifeline/… ({self.refused[0]}); allow it to this account"
            )

    def _wake(self, *_: object) -> None:
        self.news.set()
