"""Puts the API together. Making it touches neither database nor clock; its life span follows the journal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.api import (
    alarm_actions,
    alarms,
    approvals,
    cap_feeds,
    description,
    handling,
    health,
    incident_actions,
    incidents,
    networks,
    notifications,
    pages,
    performance,
    positions,
    problems,
    province,
    province_stream,
    readings,
    rejections,
    reports,
    retention,
    rosters,
    rule_backtest,
    rule_changes,
    rules,
    sensor_events,
    sensors,
    shifts,
    status,
    stream,
    suppress_actions,
    suppressions,
    temporary_limits,
    warning_levels,
    warnings,
)
from app.api.context import VERSION, ApiContext, ApiLimits
from app.api.envelope import Envelope, RequestCounters
from app.feeds import FeedFull, JournalFeed

__all__ = ["ApiContext", "ApiLimits", "create_app"]
PREFIX = "/api/v1"


class Application(FastAPI):
    """FastAPI that hands uvicorn's transport on, so that the feed can hang up on a reader that is frozen."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life span."""
        scope["lifeline.transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


def create_app(context: ApiContext) -> FastAPI:
    """Return the application. Its life span needs `context.pool`; its routes and OpenAPI document do not."""
    feed = JournalFeed(context)
    app = Application(
        title=description.TITLE,
        version=VERSION,
        docs_url=None,  # FastAPI's own page loads scripts from the internet
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.feed = feed
    app.state.heard = status.HeardSensors()
    app.state.requests = RequestCounters()
    app.add_middleware(Envelope, counters=app.state.requests, request_bytes_max=context.limits.request_bytes_max)
    problems.install(app)
    app.add_exception_handler(FeedFull, stream.feed_full)
    app.include_router(health.router)
    for module in (
        status, sensors, readings, sensor_events, networks,
        stream, alarms,  # in this order: /alarms/{alarm} would take the stream
        alarm_actions, suppress_actions, handling, rosters,
        suppressions, approvals, rejections, rules, rule_backtest, retention, province, province_stream, notifications,
        rule_changes, temporary_limits,
        positions, performance, shifts,
        incidents, incident_actions, reports,
        warnings, warning_levels, cap_feeds,
    ):  # fmt: skip
        app.include_router(module.router, prefix=PREFIX)
    pages.install(app)
    description.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: ApiContext = app.state.context
    feed: JournalFeed = app.state.feed
    tasks = [asyncio.create_task(work) for work in (feed.run(), feed.check_keys(), feed.watch_stop())]
    try:
        yield
    finally:
        context.stop.set()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
