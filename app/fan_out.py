"""Tells the clients of a feed that are up to date what is new: one body for all that want the same, made once.

There is no task, timer or queue for a client and an event. See docs/decisions/0005-feed.md.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from app.access import Principal
from app.api.context import ApiLimits

HEARTBEAT = b": heartbeat\n\n"
REVOKED = "key revoked or its role changed"
LEFT = "the client left"
FROZEN = "nothing was taken for too long"
SLICE_CLIENTS = 200  # written to before others have their turn, some 3 ms
TICKS_PER_LIMIT = 10  # how finely the one wheel for all clients divides the shorter of its two limits
TICK_S_MAX = 1.0
POLLS_MISSED_MAX = 3  # of the journal; beyond that nothing is known of it


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event of the feed: its place, for areas and filters, and its frame, encoded once for all clients."""

    event: int
    city: str
    system: str
    district: str
    severity: str | None
    mode: str
    frame: bytes


@dataclass(frozen=True, slots=True)
class EventFilters:
    """Which events a client asks for; None asks for all. Equal filters are served together."""

    modes: tuple[str, ...]
    city: str | None = None
    system: str | None = None
    severities: frozenset[str] | None = None

    def pass_on(self, event: FeedEvent) -> bool:
        """Whether the event passes."""
        return (
            self.city in (None, event.city)
            and self.system in (None, event.system)
            and (self.severities is None or event.severity in self.severities)
            and event.mode in self.modes
        )


@dataclass(slots=True)
class FeedCounters:
    """Running totals since start; `ends` are counted by reason, of which FROZEN is an eviction."""

    clients_opened: int = 0
    events_sent: int = 0
    reconnections: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    @property
    def evictions(self) -> int:
        """Streams that were ended because nothing was taken from them."""
        return self.ends[FROZEN]


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where a client's bytes go: the transport of the answer, and whether the answer is in chunks (HTTP/1.1)."""

    transport: asyncio.WriteTransport
    chunked: bool

    @property
    def waiting_bytes(self) -> int:
        """What the client has not taken and the kernel does not hold."""
        return self.transport.get_write_buffer_size()

    def write(self, body: bytes) -> None:
        """Write a piece of the body, whatever waits."""
        if not self.transport.is_closing():
            self.transport.write(as_chunk(body) if self.chunked else body)


def as_chunk(body: bytes) -> bytes:
    """Return the bytes as one chunk of a chunked body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)


@dataclass(eq=False, slots=True)
class Client:
    """One open stream: whose it is, which events it wants, the last one it has passed, and why it is to end."""

    principal: Principal
    filters: EventFilters
    cursor: int
    outlet: Outlet
    reset: str = ""  # why it does not resume where it asked to
    cohort: "Cohort | None" = None
    end: str = ""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    spoken_to_s: float = 0.0  # the loop's time when something was last written
    written_bytes: int = 0
    taken_bytes: int = 0
    took_s: float = 0.0  # the loop's time when it was last seen to have taken something

    def wants(self, event: FeedEvent) -> bool:
        """Whether the event is within the caller's areas and passes the filters."""
        return _wants(self.principal, self.filters, event)

    def close(self, reason: str) -> None:
        """End the stream for the reason."""
        self.end = self.end or reason
        self.woken.set()


CohortKey: TypeAlias = tuple[tuple[str, ...], EventFilters, bool]


@dataclass(eq=False, slots=True)
class Cohort:
    """Clients that get the same bytes: of the same areas as `principal`, the same filters, and the same framing."""

    key: CohortKey
    principal: Principal
    filters: EventFilters
    chunked: bool
    clients: set[Client] = field(default_factory=set)

    def body_of(self, events: Sequence[FeedEvent]) -> tuple[bytes, int]:
        """Return what the events are to these clients, as it is written, and how many of them they want."""
        frames = [event.frame for event in events if _wants(self.principal, self.filters, event)]
        body = b"".join(frames)
        return as_chunk(body) if frames and self.chunked else body, len(frames)


class FanOut:
    """The clients that are up to date, by what they want."""

    def __init__(self, limits: ApiLimits, counters: FeedCounters) -> None:
        self.limits = limits
        self.counters = counters
        self.read_s = -math.inf  # the loop's time when the journal was last read to its end
        self._cohorts: dict[CohortKey, Cohort] = {}

    def join(self, client: Client) -> None:
        """Take in a client that has passed every event there is; it is woken when it has to read for itself again."""
        outlet = client.outlet
        client.spoken_to_s = client.took_s = asyncio.get_running_loop().time()
        client.written_bytes, client.taken_bytes = outlet.waiting_bytes, 0
        key = (client.principal.areas, client.filters, outlet.chunked)
        if key not in self._cohorts:
            self._cohorts[key] = Cohort(key, client.principal, client.filters, outlet.chunked)
        client.cohort = self._cohorts[key]
        client.cohort.clients.add(client)

    def leave(self, client: Client) -> None:
        """Let a client go that reads for itself, or whose stream ends."""
        cohort, client.cohort = client.cohort, None
        if cohort is not None:
            cohort.clients.discard(client)
            if not cohort.clients:
                self._cohorts.pop(cohort.key, None)

    async def tell(self, events: Sequence[FeedEvent]) -> None:
        """Write the next events, which follow one another, to every client that has passed those before them.

        A client whose transport holds too much is woken instead: it reads on from where it stands as it takes.
        """
        for run in _runs(events, self.limits.stream_client_bytes_max // 2):
            before, through = run[0].event - 1, run[-1].event
            for cohort in list(self._cohorts.values()):
                body, wanted = cohort.body_of(run)
                for number, client in enumerate(list(cohort.clients)):
                    if number % SLICE_CLIENTS == SLICE_CLIENTS - 1:
                        await asyncio.sleep(0)
                    if client.woken.is_set() or client.cursor >= through:  # it joined with all of this passed
                        continue
                    if client.cursor != before or (wanted and not self._write(client, body)):
                        client.woken.set()
                        continue
                    client.cursor = through
                    self.counters.events_sent += wanted
            await asyncio.sleep(0)

    def _write(self, client: Client, body: bytes) -> bool:
        outlet = client.outlet
        if outlet.transport.is_closing():
            return False
        if outlet.waiting_bytes + len(body) > self.limits.stream_client_bytes_max:
            return False
        outlet.transport.write(body)
        client.written_bytes += len(body)
        client.spoken_to_s = asyncio.get_running_loop().time()
        return True

    async def watch(self) -> None:
        """Send heartbeats and end the streams of frozen readers, until cancelled: one wheel for all clients.

        While the journal cannot be read there are none, so that nobody takes a screen that is told nothing for current.
        """
        limits, loop = self.limits, asyncio.get_running_loop()
        tick_s = min(TICK_S_MAX, min(limits.stream_heartbeat_s, limits.stream_send_s_max) / TICKS_PER_LIMIT)
        while True:
            await asyncio.sleep(tick_s)
            for cohort in list(self._cohorts.values()):
                beat = as_chunk(HEARTBEAT) if cohort.chunked else HEARTBEAT
                for number, client in enumerate(list(cohort.clients)):
                    if number % SLICE_CLIENTS == SLICE_CLIENTS - 1:
                        await asyncio.sleep(0)
                    self._look_at(client, beat, loop.time())

    def _look_at(self, client: Client, beat: bytes, now: float) -> None:
        if client.woken.is_set():
            return
        waiting = client.outlet.waiting_bytes
        taken = client.written_bytes - waiting
        if waiting == 0 or taken > client.taken_bytes:
            client.taken_bytes, client.took_s = taken, now
        elif now - client.took_s >= self.limits.stream_send_s_max:
            client.close(FROZEN)
        heartbeat_s = self.limits.stream_heartbeat_s
        is_followed = now - self.read_s <= max(heartbeat_s, POLLS_MISSED_MAX * self.limits.stream_poll_s)
        if waiting == 0 and is_followed and now - client.spoken_to_s >= heartbeat_s:
            self._write(client, beat)


def _wants(principal: Principal, filters: EventFilters, event: FeedEvent) -> bool:
    return principal.sees(event.city, event.district) and filters.pass_on(event)


def _runs(events: Sequence[FeedEvent], bytes_max: int) -> Iterator[Sequence[FeedEvent]]:
    """Cut the events into runs whose frames are not larger than `bytes_max` together, or of a single one."""
    start = size = 0
    for place, event in enumerate(events):
        if size and size + len(event.frame) > bytes_max:
            yield events[start:place]
            start, size = place, 0
        size += len(event.frame)
    if start < len(events):
        yield events[start:]
