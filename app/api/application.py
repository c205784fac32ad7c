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
    assets,
    audit,
    cap_feeds,
    description,
    exercises,
    explanations,
    exports,
    handling,
    health,
    incident_actions,
    incidents,
    keys,
    metrics,
    networks,
    notifications,
    oidc,
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
    second_factor,
    sensor_events,
    sensor_rules,
    sensors,
    shifts,
    sign_in,
    status,
    stream,
    suppress_actions,
    suppressions,
    temporary_limits,
    timelines,
    users,
    warning_levels,
    warnings,
)
from app.api.audit_trail import AuditTrail, RecordedOften
from app.api.compression import Compression
from app.api.conditional import Conditional
from app.api.context import VERSION, ApiContext, ApiLimits
from app.api.envelope import Envelope, RequestCounters
from app.api.export_stream import ExportCounters
from app.exercises import Exercises
from app.feeds import FeedFull, JournalFeed
from app.sensorthings import routes as sensorthings

__all__ = ["ApiContext", "ApiLimits", "create_app"]
PREFIX = "/api/v1"


class Application(FastAPI):
    """FastAPI that hands uvicorn's transport on, to which the feed writes, and runs streams after their request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life span."""
        scope["lifeline.transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        streams: list[stream.Streaming] = []
        scope["lifeline.streams"] = streams
        try:
            await super().__call__(scope, receive, send)
            for streaming in streams:
                await streaming.run(receive, send)
        finally:
            for streaming in streams:
                streaming.close()


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
    app.state.exports = ExportCounters()
    app.state.explanations = explanations.Places(context.limits.explanations_max)
    app.state.exercises = Exercises()
    app.state.recorded_often = RecordedOften(context.limits.audit_repeat_s)
    app.add_middleware(AuditTrail, context=context, often=app.state.recorded_often)
    limits = context.limits
    app.add_middleware(Conditional, compress_bytes_min=limits.compress_bytes_min)
    app.add_middleware(Compression, bytes_min=limits.compress_bytes_min, flush_bytes=limits.compress_flush_bytes)
    app.add_middleware(Envelope, counters=app.state.requests, limits=context.limits)
    problems.install(app)
    app.add_exception_handler(FeedFull, stream.feed_full)
    app.include_router(health.router)
    app.include_router(metrics.router)
    for module in (
        status, sensors, assets, readings, sensor_events, sensor_rules, networks,
        stream, alarms, explanations,  # in this order: /alarms/{alarm} would take the stream
        alarm_actions, suppress_actions, handling, rosters,
        suppressions, approvals, rejections, rules, rule_backtest, retention, province, province_stream, notifications,
        rule_changes, temporary_limits,
        positions, performance, shifts,
        incidents, incident_actions, timelines, reports,
        warnings, warning_levels, cap_feeds,
        sign_in, second_factor, oidc, users, keys,
        exports, exercises, audit, sensorthings,
    ):  # fmt: skip
        app.include_router(module.router, prefix=PREFIX)
    pages.install(app, context)
    description.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: ApiContext = app.state.context
    feed: JournalFeed = app.state.feed
    tasks = [asyncio.create_task(work) for work in (feed.run(), feed.watch(), feed.check_keys(), feed.watch_stop())]
    try:
        yield
    finally:
        context.stop.set()
        await app.state.exercises.close()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
