"""Whether the service lives, whether it is ready, and its figures."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from app.api.context import VERSION, ApiContext, context_of
from app.api.envelope import RequestCounters
from app.feeds import JournalFeed
from model.instant import to_milliseconds
from store.pool import TRANSIENT_ERRORS
from store.status import Progress, read_progress

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process lives."""

    status: str = Field(examples=["alive"])
    version: str = Field(examples=[VERSION])


class Readiness(BaseModel):
    """Whether all parts work; `reasons` says what does not."""

    ready: bool
    reasons: list[str] = Field(examples=[[]])


@router.get("/healthz", response_model=Health, summary="Does the process live")
async def healthz() -> Health:
    """Answer as long as the process does."""
    return Health(status="alive", version=VERSION)


@router.get("/readyz", response_model=Readiness, summary="Is the service ready", responses={503: {"model": Readiness}})
async def readyz(request: Request, response: Response) -> Readiness:
    """Return 200 when ready and 503 with the reasons when not."""
    context = context_of(request)
    feed: JournalFeed = request.app.state.feed
    reasons = list(context.readiness())
    if await _progress(context) is None:
        reasons.append("the database does not answer")
    elif not feed.listening:
        reasons.append("the feed does not follow the journal yet")
    if context.stop.is_set():
        reasons.append("the service is stopping")
    response.status_code = 503 if reasons else 200
    return Readiness(ready=not reasons, reasons=reasons)


@router.get("/metrics", response_class=PlainTextResponse, summary="Prometheus text")
async def metrics(request: Request) -> str:
    """Return the figures of the API, of the log's progress, and of the other parts of this process."""
    context = context_of(request)
    feed: JournalFeed = request.app.state.feed
    counters: RequestCounters = request.app.state.requests
    lines = [f'# TYPE lifeline_info gauge\nlifeline_info{{version="{VERSION}"}} 1']

    def gauge(name: str, value: float, kind: str = "gauge") -> None:
        lines.append(f"# TYPE lifeline_{name} {kind}\nlifeline_{name} {value:.15g}")

    lines.append("# TYPE lifeline_http_responses_total counter")
    lines += [f'lifeline_http_responses_total{{class="{c}"}} {n}' for c, n in sorted(counters.answers.items())]
    gauge("http_response_seconds_total", counters.seconds, "counter")
    gauge("http_requests_in_flight", counters.in_flight)
    gauge("stream_clients", len(feed.clients))
    gauge("stream_clients_max", context.limits.stream_clients_max)
    gauge("stream_clients_opened_total", feed.counters.clients_opened, "counter")
    gauge("stream_events_sent_total", feed.counters.events_sent, "counter")
    gauge("stream_evictions_total", feed.counters.evictions, "counter")
    gauge("stream_reconnections_total", feed.counters.reconnections, "counter")
    gauge("stream_newest_event", feed.newest)
    gauge("stream_listening", feed.listening)
    progress = await _progress(context)
    gauge("database_up", progress is not None)
    if progress is not None:
        gauge("batch_newest", progress.newest_batch)
        gauge("batch_evaluated", progress.evaluated_batch)
        if progress.newest_clock is not None:
            gauge("batch_age_seconds", max(0, context.clock() - to_milliseconds(progress.newest_clock)) / 1000)
    text = "\n".join(lines) + "\n"
    return text if context.metrics is None else text + context.metrics()


async def _progress(context: ApiContext) -> Progress | None:
    try:
        async with asyncio.timeout(context.limits.connection_wait_s_max):
            return await read_progress(context.pool)
    except TRANSIENT_ERRORS:
        return None
