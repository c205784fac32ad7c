"""The feed of alarm transitions as server-sent events."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.access import Principal, Reader, check_city
from app.api.context import ApiContext
from app.api.hang_up import hung_up
from app.api.lines import Severity
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import Parameters, Several, Word
from app.api.problems import Problem, answer
from app.fan_out import FROZEN, LEFT, REVOKED, Client, EventFilters, FeedCounters, Outlet
from app.feeds import STOPPING, JournalFeed

log = logging.getLogger(__name__)
router = APIRouter(prefix="/alarms", tags=["alarms"])
LOOK_S = 0.05  # between looks whether an evicted client takes the rest
EventId = Annotated[int, Field(ge=0, le=2**62)]


class Feed(Protocol):
    """What an event stream is of."""

    context: ApiContext
    counters: FeedCounters

    async def open(self, principal: Principal, filters: EventFilters, last_event: int | None, outlet: Outlet) -> Client:
        """Register a client."""

    def frames(self, client: Client) -> AsyncIterator[list[bytes]]:
        """Yield what the client lacks."""

    def close(self, client: Client) -> None:
        """Give up the client's place."""


class StreamFilters(Parameters):
    """Which events."""

    city: Word | None = None
    system: Word | None = None
    severity: Several[Severity] | None = Field(
        default=None, description="Severity after the transition, one or several"
    )
    mode: ModeFilter = None
    last_event_id: EventId | None = Field(default=None, description="Where the header cannot be sent")

    def of_events(self) -> EventFilters:
        """Return which events pass."""
        modes = modes_of(self.mode, named=self.city is not None)
        severities = None if self.severity is None else frozenset[str](self.severity)
        return EventFilters(tuple(modes), self.city, self.system, severities)


class EventStream(Response):
    """A response that only begins: the application goes on with it (`Streaming`) when the request is dealt with.

    So nothing that a request needs (dependencies, middleware) is held in memory for each of thousands of clients.
    """

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, principal: Principal, filters: StreamFilters, last_event: int | None) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.feed = feed
        self.principal = principal
        self.filters = filters
        self.last_event = last_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a place on the feed and send what comes first. Raises FeedFull."""
        outlet = _outlet(scope, self.feed.context.limits.stream_client_bytes_max)
        client = await self.feed.open(self.principal, self.filters.of_events(), self.last_event, outlet)
        scope["lifeline.streams"].append(Streaming(self.feed, client))
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._begin(client), "more_body": True})

    def _begin(self, client: Client) -> bytes:
        lines = [f"retry: {self.feed.context.limits.stream_retry_ms}"]
        if client.reset:
            data = json.dumps({"newest_event": client.cursor, "reason": client.reset}, separators=(",", ":"))
            lines += ["event: reset", f"data: {data}"]
        if client.cursor != self.last_event:
            # An id without data tells a browser where it stands, should it be cut off before the first event.
            lines.append(f"id: {client.cursor}")
        return ("\n".join(lines) + "\n\n").encode()


class Streaming:
    """The rest of an event stream."""

    __slots__ = ("client", "feed")

    def __init__(self, feed: Feed, client: Client) -> None:
        self.feed = feed
        self.client = client

    async def run(self, receive: Receive, send: Send) -> None:
        """Send until the client goes, the service stops, or the client has taken nothing for too long."""
        client = self.client
        leaving = asyncio.create_task(hung_up(receive))
        leaving.add_done_callback(lambda _: client.close(LEFT))
        try:
            await self._send_frames(send)
            self.feed.counters.ends[client.end or STOPPING] += 1
            if client.end == FROZEN:
                await self._evict()
            elif client.end == REVOKED:
                client.outlet.write(_end(client.end))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()

    async def _send_frames(self, send: Send) -> None:
        limits = self.feed.context.limits
        try:
            async for frames in self.feed.frames(self.client):
                for piece in _pieces(frames, limits.stream_client_bytes_max):
                    async with asyncio.timeout(limits.stream_send_s_max):  # it waits until the transport takes more
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            self.client.close(FROZEN)

    async def _evict(self) -> None:
        limits, client = self.feed.context.limits, self.client
        log.info("a stream of key %s was ended: %s (%g s)", client.principal.label, FROZEN, limits.stream_send_s_max)
        outlet, loop = client.outlet, asyncio.get_running_loop()
        outlet.write(_end(FROZEN))
        latest = loop.time() + limits.stream_end_s
        while outlet.waiting_bytes and loop.time() < latest:  # noqa: ASYNC110 - the reader may wake up and read why; nothing tells when
            await asyncio.sleep(LOOK_S)
        if outlet.waiting_bytes:
            outlet.transport.abort()  # closing would wait for the reader that does not read

    def close(self) -> None:
        """Give up the client's place on the feed."""
        self.feed.close(self.client)


def _outlet(scope: Scope, bytes_max: int) -> Outlet:
    """Return the transport of the answer, which holds at most so many bytes, and the kernel as many again."""
    transport: asyncio.Transport = scope["lifeline.transport"]
    transport.set_write_buffer_limits(high=bytes_max)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, bytes_max)
    return Outlet(transport, chunked=scope["http_version"] == "1.1")


def _pieces(frames: Sequence[bytes], bytes_max: int) -> Iterator[bytes]:
    """Join the frames to pieces of at most so many bytes, or of a single frame."""
    piece = bytearray()
    for frame in frames:
        if piece and len(piece) + len(frame) > bytes_max:
            yield bytes(piece)
            piece.clear()
        piece += frame
    yield bytes(piece)


def _end(reason: str) -> bytes:
    return b'event: end\ndata: {"reason":"%b"}\n\n' % reason.encode()


@router.get(
    "/stream",
    summary="Alarm transitions as they happen",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `id` is the event, `event: transition`, `data` the journal line with "
            "city, system and district. A comment line is a heartbeat; `event: reset` comes where the id asked for is "
            "not known (any more).",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def stream_alarms(
    request: Request,
    caller: Reader,
    filters: Annotated[StreamFilters, Query()],
    last_event_id: Annotated[EventId | None, Header(description="Resume after this event")] = None,
) -> Response:
    """Stream the transitions after `Last-Event-ID` without hole or repeat; without it, those that come from now on.

    Exercises are left out unless `mode` asks for them or `city` names one.
    """
    check_city(caller, filters.city)
    feed: JournalFeed = request.app.state.feed
    last_event = filters.last_event_id if last_event_id is None else last_event_id
    return EventStream(feed, caller, filters, last_event)


async def feed_full(request: Request, error: Exception) -> Response:
    """Return the problem for one client too many."""
    problem = Problem(
        503,
        "too-many-streams",
        str(error),
        remedy="close streams that are not needed, or try again later",
        headers={"Retry-After": "10"},
    )
    return answer(problem, request.headers.get("accept-language"))
