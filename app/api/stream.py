"""The feed of alarm transitions as server-sent events."""

import asyncio
import contextlib
import logging
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.access import Principal, Reader, check_city
from app.api.lines import Severity
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import Parameters, SplitList, Word
from app.api.problems import Problem, answer
from app.feeds import FeedEvent, JournalFeed

log = logging.getLogger(__name__)
router = APIRouter(prefix="/alarms", tags=["alarms"])
EventId = Annotated[int, Field(ge=0, le=2**62)]


class StreamFilters(Parameters):
    """Which events."""

    city: Word | None = None
    system: Word | None = None
    severity: Annotated[list[Severity] | None, SplitList] = Field(
        default=None, description="Severity after the transition, one or several"
    )
    mode: ModeFilter = None
    last_event_id: EventId | None = Field(default=None, description="Where the header cannot be sent")

    def wanted(self, event: FeedEvent) -> bool:
        """Whether the event passes the filters."""
        return (
            self.city in (None, event.city)
            and self.system in (None, event.system)
            and (self.severity is None or event.severity in self.severity)
            and event.mode in modes_of(self.mode, named=self.city is not None)
        )


class EventStream(Response):
    """A response that sends frames as they come, and hangs up on a client that does not take them."""

    media_type = "text/event-stream"

    def __init__(self, feed: JournalFeed, principal: Principal, filters: StreamFilters, last_event: int | None) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.feed = feed
        self.principal = principal
        self.filters = filters
        self.last_event = last_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, the service stops, or the client has taken nothing for too long."""
        sending = asyncio.create_task(self._send(scope, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, scope: Scope, send: Send) -> None:
        limits = self.feed.context.limits

        async def write(body: bytes, more: bool = True) -> None:
            async with asyncio.timeout(limits.stream_send_s_max):
                await send({"type": "http.response.body", "body": body, "more_body": more})

        try:
            async with self.feed.client(self.principal, self.filters.wanted, self.last_event) as client:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await write(self._begin(client.cursor))
                async for _, frames in self.feed.frames(client):
                    await write(b"".join(frames) or b": heartbeat\n\n")
                if client.revoked:
                    await write(b'event: end\ndata: {"reason":"key revoked or its role changed"}\n\n')
                await write(b"", more=False)
        except TimeoutError:
            self.feed.counters.evictions += 1
            log.info(
                "a stream of key %s was ended: nothing was taken for %g s",
                self.principal.label,
                limits.stream_send_s_max,
            )
            transport = scope.get("lifeline.transport")
            if transport is not None:
                transport.abort()  # closing would wait for the reader that does not read
            with contextlib.suppress(TimeoutError):
                await write(b"", more=False)

    def _begin(self, cursor: int) -> bytes:
        lines = [f"retry: {self.feed.context.limits.stream_retry_ms}"]
        if self.last_event is not None and cursor < self.last_event:
            lines += ["event: reset", f'data: {{"newest_event":{cursor}}}']
        if cursor != self.last_event:
            # An id without data tells a browser where it stands, should it be cut off before the first event.
            lines.append(f"id: {cursor}")
        return ("\n".join(lines) + "\n\n").encode()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


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


async def feed_full(_: Request, error: Exception) -> Response:
    """Return the problem for one client too many."""
    problem = Problem(
        503,
        "too-many-streams",
        str(error),
        remedy="close streams that are not needed, or try again later",
        headers={"Retry-After": "10"},
    )
    return answer(problem)
