"""The live feed of journal lines: one listener, a bounded ring of recent events, a cursor for each client.

No client has a queue: those that are up to date are told together (app.fan_out); one that is behind reads at its own
pace from the ring or, where it is behind the ring, from the database. So the memory is bounded whatever the clients do.
See docs/decisions/0005-feed.md.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from app.access import Principal, principals_in_force
from app.api.context import ApiContext
from app.api.problems import Problem
from app.fan_out import REVOKED, Client, EventFilters, FanOut, FeedCounters, FeedEvent, Outlet
from model.instant import parse_instant
from store.alarms import JournalEvent, journal_events, present_event
from store.pool import TRANSIENT_ERRORS, Connection

log = logging.getLogger(__name__)
RECONNECT_S = 1.0
HOUR_MS = 3_600_000
STOPPING = "the service stops"
YET_TO_COME = "the event is not known here: the database was restored from an earlier day, or is another one"
TOO_OLD = "what follows the event is older than {:g} h; fetch the list anew"
TRY_AGAIN: tuple[type[BaseException], ...] = (Problem, *TRANSIENT_ERRORS)


class FeedFull(Exception):
    """No more clients are taken; `clients_max` says how many there are."""

    def __init__(self, clients_max: int) -> None:
        super().__init__(f"{clients_max} streams are open, which is the most that is allowed")
        self.clients_max = clients_max


def encode_event(event: JournalEvent) -> FeedEvent:
    """Return the event with its server-sent frame: the journal line with its place."""
    line: dict[str, Any] = msgspec.json.decode(event.line)
    line |= {"city": event.city, "system": event.system, "district": event.district}
    data = _encoder.encode(line)
    frame = b"id: %d\nevent: transition\ndata: %b\n\n" % (event.event, data)
    mode = line.get("mode", "operational")  # what does not say is rather shown than left out
    return FeedEvent(event.event, event.city, event.system, event.district, line["severity"], mode, frame)


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
        self._live = FanOut(limits, self.counters)
        self._wake = asyncio.Event()
        self._catching_up = asyncio.Semaphore(limits.stream_catch_up_clients_max)
        self._started = asyncio.Event()

    @property
    def ring_events(self) -> int:
        """Events in memory."""
        return len(self._ring)

    @property
    def catching_up(self) -> int:
        """Streams that read the database at this moment, because the ring is past them."""
        return self.context.limits.stream_catch_up_clients_max - self._catching_up._value

    async def run(self) -> None:
        """Follow the journal until cancelled; a lost connection is made anew and what was missed is read."""
        while True:
            try:
                await self._follow()
            except TRANSIENT_ERRORS as error:
                log.warning("the feed lost the database (%r) and connects again", error)
            except Exception:
                log.exception("the feed begins again where it was")  # an event that cannot be told must be seen in logs
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
        while found := await journal_events(connection, self.newest, 2**62, ("*",), page):
            events = [encode_event(event) for event in found]
            self._ring.extend(events)
            self.newest = events[-1].event
            await self._live.tell(events)
        self._live.read_s = asyncio.get_running_loop().time()

    async def watch(self) -> None:
        """Send heartbeats and end the streams of frozen readers, until cancelled."""
        await self._live.watch()

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
                    client.close(REVOKED)
                elif found != client.principal:
                    client.principal = found
                    client.woken.set()  # to join those of its new areas

    async def open(self, principal: Principal, filters: EventFilters, last_event: int | None, outlet: Outlet) -> Client:
        """Register a client that has everything up to `last_event`, until it is closed; without it, it starts now.

        So it does where the event is yet to come, or what follows it is older than may be resumed: then the client's
        `reset` says so. Raises FeedFull, and Problem where the database does not answer.
        """
        if len(self.clients) >= self.context.limits.stream_clients_max:
            raise FeedFull(self.context.limits.stream_clients_max)
        client = Client(principal, filters, 0, outlet)
        self.clients.add(client)  # before anything is awaited, so that the limit holds
        self.counters.clients_opened += 1
        try:
            await self._started.wait()
            if last_event is not None:
                client.reset = await self._why_not_resumed(last_event)
        except BaseException:
            self.close(client)
            raise
        client.cursor = self.newest if last_event is None or client.reset else last_event
        return client

    def close(self, client: Client) -> None:
        """Give up the client's place."""
        self.clients.discard(client)
        self._live.leave(client)

    async def _why_not_resumed(self, last_event: int) -> str:
        """Say why a client cannot resume after the event; nothing where it can."""
        if last_event == self.newest or (self._ring and self._ring[0].event <= last_event + 1 <= self.newest):
            return ""
        async with self.context.reading() as connection:
            # Another process may have told of it before this one; a restored back-up has fewer events.
            if last_event > self.newest:
                return YET_TO_COME if last_event > await present_event(connection) else ""
            missed = await journal_events(connection, last_event, last_event + 1, ("*",), 1)
        hours = self.context.limits.stream_resume_hours_max
        known_at = parse_instant(msgspec.json.decode(missed[0].line)["known_at"])
        return TOO_OLD.format(hours) if known_at < self.context.clock() - hours * HOUR_MS else ""

    async def frames(self, client: Client) -> AsyncIterator[list[bytes]]:
        """Yield the frames that a client lacks, page by page; while it lacks none, it is told with all the others.

        Ends when the service stops, or for the reason in `client.end`.
        """
        while not client.end:
            if client.cursor < self.newest:
                try:
                    events, through = await self._next_events(client)
                except TRY_AGAIN:
                    await asyncio.sleep(RECONNECT_S)  # the client keeps its place and tries again
                    continue
                frames = [event.frame for event in events if client.wants(event)]
                client.cursor = through
                if frames:
                    self.counters.events_sent += len(frames)
                    yield frames
                continue
            # Nothing is awaited in between: what is new from here on is told to those that are up to date.
            self._live.join(client)
            try:
                await client.woken.wait()
            finally:
                self._live.leave(client)
            client.woken.clear()

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
        """Wait for `context.stop` and end every stream then."""
        await self.context.stop.wait()
        for client in self.clients:
            client.close(STOPPING)
