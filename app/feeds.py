"""The live feed of journal lines: one listener, a bounded ring of recent events, a cursor for each client.

No client has a queue: each reads at its own pace from the ring or, where it is behind the ring, from the database. So
the memory is bounded whatever the clients do. See docs/decisions/0005-feed.md.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from app.access import Principal, principals_in_force
from app.api.context import ApiContext
from app.api.problems import Problem
from store.alarms import JournalEvent, journal_events, present_event
from store.pool import TRANSIENT_ERRORS, Connection

log = logging.getLogger(__name__)
RECONNECT_S = 1.0
_TRY_AGAIN: tuple[type[BaseException], ...] = (Problem, *TRANSIENT_ERRORS)


class FeedFull(Exception):
    """No more clients are taken; `clients_max` says how many there are."""

    def __init__(self, clients_max: int) -> None:
        super().__init__(f"{clients_max} streams are open, which is the most that is allowed")
        self.clients_max = clients_max


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event of the feed: its place, for areas and filters, and its frame, encoded once for all clients."""

    event: int
    city: str
    system: str
    severity: str | None
    mode: str
    frame: bytes


@dataclass(slots=True)
class FeedCounters:
    """Running totals since start."""

    clients_opened: int = 0
    events_sent: int = 0
    evictions: int = 0
    reconnections: int = 0


@dataclass(eq=False, slots=True)
class Client:
    """One open stream: whose it is, which events it wants, and the last one it has passed."""

    principal: Principal
    wanted: Callable[[FeedEvent], bool]
    cursor: int
    revoked: bool = False


def encode_event(event: JournalEvent) -> FeedEvent:
    """Return the event with its server-sent frame: the journal line with its place."""
    line: dict[str, Any] = msgspec.json.decode(event.line)
    line |= {"city": event.city, "system": event.system, "district": event.district}
    data = _encoder.encode(line)
    frame = b"id: %d\nevent: transition\ndata: %b\n\n" % (event.event, data)
    mode = line.get("mode", "operational")  # what does not say is rather shown than left out
    return FeedEvent(event.event, event.city, event.system, line["severity"], mode, frame)


_encoder = msgspec.json.Encoder(order="sorted")


@dataclass
class JournalFeed:
    """Follows the journal and serves the clients of one process."""

    context: ApiContext
    newest: int = 0
    listening: bool = False
    counters: FeedCounters = field(default_factory=FeedCounters)
    clients: set[Client] = field(default_factory=set)

    def __post_init__(self) -> None:
        limits = self.context.limits
        self._ring: deque[FeedEvent] = deque(maxlen=limits.stream_ring_events_max)
        self._news = asyncio.Event()  # set and replaced whenever the ring grows: one for all clients
        self._wake = asyncio.Event()
        self._catching_up = asyncio.Semaphore(limits.stream_catch_up_clients_max)
        self._started = asyncio.Event()

    async def run(self) -> None:
        """Follow the journal until cancelled; a lost connection is made anew and what was missed is read."""
        while True:
            try:
                await self._follow()
            except TRANSIENT_ERRORS as error:
                log.warning("the feed lost the database (%r) and connects again", error)
            self.listening = False
            self.counters.reconnections += 1
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self) -> None:
        limits = self.context.limits
        async with self.context.pool.acquire(timeout=limits.statement_s_max) as connection:

            def wake(*_: object) -> None:
                self._wake.set()

            connection.add_termination_listener(wake)
            await connection.add_listener("journal", wake)
            try:
                if not self._started.is_set():
                    start = await present_event(connection)
                    self.newest = max(0, start - limits.stream_ring_events_max)
                self.listening = True
                while not connection.is_closed():
                    self._wake.clear()
                    await self._read_new(connection)
                    self._started.set()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), limits.stream_poll_s)
            finally:
                if not connection.is_closed():
                    connection.remove_termination_listener(wake)
                    await connection.remove_listener("journal", wake)

    async def _read_new(self, connection: Connection) -> None:
        # Events are numbered in the order of commits without holes, so what follows the newest is all there is.
        page = self.context.limits.stream_page_events_max
        while events := await journal_events(connection, self.newest, 2**62, ("*",), page):
            self._ring.extend(encode_event(event) for event in events)
            self.newest = events[-1].event
            self._wake_clients()

    def _wake_clients(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def check_keys(self) -> None:
        """End the streams of revoked keys and follow changed areas, until cancelled: one query for all clients."""
        while True:
            await asyncio.sleep(self.context.limits.key_check_s)
            clients = list(self.clients)
            if not clients:
                continue
            try:
                in_force = await principals_in_force(self.context, {client.principal.key_hash for client in clients})
            except TRANSIENT_ERRORS:
                continue
            for client in clients:
                found = in_force.get(client.principal.key_hash)
                if found is None or found.role != client.principal.role:
                    client.revoked = True
                else:
                    client.principal = found
            self._wake_clients()

    @asynccontextmanager
    async def client(
        self, principal: Principal, wanted: Callable[[FeedEvent], bool], last_event: int | None
    ) -> AsyncIterator[Client]:
        """Register a client that has everything up to `last_event`; None, or an event that is yet to come, starts now.

        Raises FeedFull.
        """
        if len(self.clients) >= self.context.limits.stream_clients_max:
            raise FeedFull(self.context.limits.stream_clients_max)
        client = Client(principal, wanted, 0)
        self.clients.add(client)  # before anything is awaited, so that the limit holds
        self.counters.clients_opened += 1
        try:
            await self._started.wait()
            if last_event is not None and last_event > self.newest:
                # Another process may have told of it before this one; a restored back-up has fewer events.
                async with self.context.reading() as connection:
                    if last_event > await present_event(connection):
                        last_event = None
            client.cursor = self.newest if last_event is None else last_event
            yield client
        finally:
            self.clients.discard(client)

    async def frames(self, client: Client) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Yield (newest event passed, frames) for the client as events come; an empty list is a heartbeat.

        Ends when the service stops or the key is revoked.
        """
        limits = self.context.limits
        while not (self.context.stop.is_set() or client.revoked):
            news = self._news
            if client.cursor < self.newest:
                try:
                    events, through = await self._next_events(client)
                except _TRY_AGAIN:
                    await asyncio.sleep(RECONNECT_S)  # the client keeps its place and tries again
                    continue
                frames = [e.frame for e in events if client.principal.sees(e.city) and client.wanted(e)]
                client.cursor = through
                if frames:
                    self.counters.events_sent += len(frames)
                    yield through, frames
                continue
            try:
                await asyncio.wait_for(news.wait(), limits.stream_heartbeat_s)
            except TimeoutError:
                yield client.cursor, []

    async def _next_events(self, client: Client) -> tuple[Sequence[FeedEvent], int]:
        page = self.context.limits.stream_page_events_max
        if self._ring and self._ring[0].event <= client.cursor + 1:
            # The ring has no holes, so an event's place in it follows from its number. A deque is walked from its
            # nearer end, and most clients stand at the newer one.
            behind = self.newest - client.cursor
            if behind <= page:
                events = list(islice(reversed(self._ring), behind))[::-1]
            else:
                first = client.cursor + 1 - self._ring[0].event
                events = list(islice(self._ring, first, first + page))
            return events, events[-1].event
        newest = self.newest
        async with self._catching_up, self.context.reading() as connection:
            found = await journal_events(connection, client.cursor, newest, client.principal.areas, page)
        return [encode_event(event) for event in found], found[-1].event if len(found) == page else newest

    async def watch_stop(self) -> None:
        """Wait for `context.stop` and wake every client then, so that the streams end at once."""
        await self.context.stop.wait()
        self._wake_clients()
