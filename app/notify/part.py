"""Notifications as a part of the evaluating process: the dispatcher and the heartbeat, on connections of their own."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from alerts.counters import EvaluatorCounters
from app.notify.channels import Surroundings
from app.notify.counters import NotifyCounters
from app.notify.dispatcher import Dispatcher
from app.notify.heartbeat import run_heartbeat
from app.notify.outgoing import parse_networks
from app.services import Services, close_pool
from app.settings import Settings
from store.pool import DatabaseUnreachable, Pool, open_pool

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 3  # so that no number of messages takes those of the evaluator
RETRY_S = 2.0


async def run_notifications(
    settings: Settings,
    services: Services,
    clock: Callable[[], int],
    stop: asyncio.Event,
    evaluator: EvaluatorCounters,
    counters: NotifyCounters,
) -> None:
    """Send what is due, and tell the heartbeat's address that Lifeline works, until `stop` is set."""
    pool = await _pool(settings, services, stop)
    if pool is None:
        return
    dispatcher = Dispatcher(
        pool,
        clock,
        around=Surroundings(parse_networks(settings.webhook_networks_allowed)),
        public_url=settings.public_url,
        counters=counters,
    )
    work = [dispatcher.run(stop)]
    if settings.heartbeat_url:
        work.append(
            run_heartbeat(
                pool,
                settings.heartbeat_url,
                settings.heartbeat_s,
                clock,
                lambda: evaluator.ready,
                counters,
                stop,
            )
        )
    try:
        await asyncio.gather(*(_whatever_happens(one, stop) for one in work))
    finally:
        await close_pool(pool)


async def _whatever_happens(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Do the work until `stop` is set; where it fails it is missing, and evaluation goes on."""
    try:
        await work
    except Exception:
        log.exception("notifications are out of work until the next start")
        await stop.wait()


async def _pool(settings: Settings, services: Services, stop: asyncio.Event) -> Pool | None:
    """Return a pool as soon as the database answers; None where the service stops before."""
    while not stop.is_set():
        try:
            return await open_pool(
                services.database_url, connections_max=CONNECTIONS_MAX, command_s_max=settings.command_s_max
            )
        except DatabaseUnreachable as error:
            log.warning("notifications wait for the database: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RETRY_S)
    return None
