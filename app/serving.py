"""The API as a part of the running service; imported where it is served, because a worker alone need not carry it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import uvicorn

from alerts import recording
from app.api.application import ApiContext, create_app
from app.figures import prometheus_text
from app.warnings.sending import CapSettings

if TYPE_CHECKING:
    from app.runtime import Running


async def serve(
    running: Running,
    parts: Collection[str],
    listening: socket.socket,
    clock: Callable[[], int],
    end: asyncio.Event,
) -> None:
    """Answer requests on the socket until `end` is set; `parts` are those whose readiness and figures are told."""

    def not_ready() -> list[str]:
        reasons = []
        if "ingest" in parts and not running.ingest.connected:
            reasons.append("ingest has no session with the broker")
        if "evaluate" in parts and not running.evaluator.ready:
            reasons.append("the evaluator is recovering or waits for its turn")
        return reasons

    def figures() -> str:
        counted = {"ingest": running.ingest, "evaluate": running.evaluator}
        text = prometheus_text("recording", recording.counters)
        text += "".join(prometheus_text(part, counters) for part, counters in counted.items() if part in parts)
        if "evaluate" not in parts:
            return text
        partners = {
            "own_publisher": running.partners.own,
            "northbound_publisher": running.partners.northbound,
            "receiver": running.partners.received,
            "notify": running.notify,
        }
        return text + "".join(prometheus_text(part, counters) for part, counters in partners.items())

    context = ApiContext(pool=running.api_pool, clock=clock, readiness=not_ready, metrics=figures, stop=end)
    application = create_app(context)
    settings = running.settings
    application.state.cap = CapSettings(
        sender=settings.cap_sender,
        public_url=settings.public_url or "",
        public_without_key=settings.cap_public_without_key,
    )
    config = uvicorn.Config(application, log_level="warning", access_log=False, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    # The signals are ours: uvicorn would take them for itself alone.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve([listening]))
    ending = asyncio.create_task(end.wait())
    await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    server.should_exit = True
    await serving
