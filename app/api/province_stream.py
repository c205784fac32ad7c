"""The feed of partners' lines as server-sent events: few clients, each reading the database at its own pace."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from app.access import Principal, Reader, check_city, principals_in_force
from app.api.context import ApiContext, context_of
from app.api.stream import EventId, EventStream, StreamFilters
from app.fan_out import HEARTBEAT, REVOKED, Client, EventFilters, FeedCounters, Outlet
from app.feeds import TRY_AGAIN, YET_TO_COME, FeedFull, encode_event
from store.province_search import newest_arrival, partner_events

CLIENTS_MAX = 50  # each asks the database once in POLL_S
POLL_S = 1.0

router = APIRouter(tags=["province"])


class PartnerFeed:
    """Serves the clients of one process as `app.feeds.JournalFeed` does; `event` is the number of a line's arrival."""

    def __init__(self, context: ApiContext) -> None:
        self.context = context
        self.counters = FeedCounters()
        self.clients: set[Client] = set()

    async def open(self, principal: Principal, filters: EventFilters, last_event: int | None, outlet: Outlet) -> Client:
        """Give a place to a client that has all up to `last_event`; None, or one yet to come, starts now.

        Raises FeedFull.
        """
        if len(self.clients) >= CLIENTS_MAX:
            raise FeedFull(CLIENTS_MAX)
        client = Client(principal, filters, 0, outlet)
        self.clients.add(client)
        self.counters.clients_opened += 1
        try:
            async with self.context.reading() as connection:
                newest = await newest_arrival(connection)
        except BaseException:
            self.close(client)
            raise
        client.reset = YET_TO_COME if last_event is not None and last_event > newest else ""
        client.cursor = newest if last_event is None or client.reset else last_event
        return client

    def close(self, client: Client) -> None:
        """Give up the client's place."""
        self.clients.discard(client)

    async def frames(self, client: Client) -> AsyncIterator[list[bytes]]:
        """Yield the frames of lines as they come, and heartbeats between.

        Ends when the service stops, or for the reason in `client.end`.
        """
        loop, limits = asyncio.get_running_loop(), self.context.limits
        checked = spoke = loop.time()
        while not (self.context.stop.is_set() or client.end):
            try:
                if loop.time() >= checked + limits.key_check_s:
                    await self._check_key(client)
                    checked = loop.time()
                found, more = await self._next(client)
            except TRY_AGAIN:
                found, more = [], False  # the client keeps its place
            if found or loop.time() >= spoke + limits.stream_heartbeat_s:
                self.counters.events_sent += len(found)
                spoke = loop.time()
                yield found or [HEARTBEAT]
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.context.stop.wait(), POLL_S)

    async def _next(self, client: Client) -> tuple[list[bytes], bool]:
        page = self.context.limits.stream_page_events_max
        async with self.context.reading() as connection:
            newest = await newest_arrival(connection)
            if newest <= client.cursor:
                return [], False
            rows = await partner_events(connection, client.cursor, newest, client.principal.areas, page)
        more = len(rows) == page
        client.cursor = rows[-1].event if more else newest
        return [event.frame for event in map(encode_event, rows) if client.wants(event)], more

    async def _check_key(self, client: Client) -> None:
        key = client.principal.key_hash
        found = (await principals_in_force(self.context, {key})).get(key)
        if found is None or found.role != client.principal.role:
            client.close(REVOKED)
        else:
            client.principal = found


@router.get(
    "/province/alarms/stream",
    summary="Partners' lines as they come",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events as of /alarms/stream; `id` is the number of the line's arrival here.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def stream_partner_lines(
    request: Request,
    caller: Reader,
    filters: Annotated[StreamFilters, Query()],
    last_event_id: Annotated[EventId | None, Header(description="Resume after this arrival")] = None,
) -> Response:
    """Stream the lines that came after `Last-Event-ID`, in the order of their arrival; without it, from now on.

    Exercises are left out unless `mode` asks for them or `city` names one.
    """
    check_city(caller, filters.city)
    last_event = filters.last_event_id if last_event_id is None else last_event_id
    return EventStream(_feed(request), caller, filters, last_event)


def _feed(request: Request) -> PartnerFeed:
    """The one feed of the process."""
    state = request.app.state
    if not hasattr(state, "partner_feed"):
        state.partner_feed = PartnerFeed(context_of(request))
    found: PartnerFeed = state.partner_feed
    return found
