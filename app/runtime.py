"""Starts and stops the parts of Lifeline in order: services, schema, ingest, evaluation, API; in one process."""

import asyncio
import contextlib
import ctypes
import errno
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from alerts.counters import EvaluatorCounters
from alerts.hand_over import HandOver
from app.clock import clock
from app.embedded.errors import PortRefused
from app.northbound.counters import PartnerCounters
from app.notify.counters import NotifyCounters
from app.services import (
    Progress,
    Services,
    close_pool,
    open_services,
    prepare_database,
    services_noted,
)
from app.settings import Settings, SettingsError
from ingest.counters import IngestCounters
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import load_mappings
from ingest.pipeline import run_ingest
from ingest.settings import SUBSCRIPTIONS, IngestLimits, MqttSettings
from store.batches import log_is_empty
from store.maintenance import maintain
from store.pool import Pool, open_pool

PARTS = ("ingest", "evaluate", "serve")
BROKER_WAIT_S = 5.0
_PR_SET_PDEATHSIG = 1


class PortTaken(Exception):
    """The API's port is in use."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is in use by another program; end that one, or choose another port: "
            f"PORT={port + 1} make run, or LIFELINE_PORT={port + 1}"
        )


@dataclass(slots=True)
class Running:
    """The running parts, for whoever was called with `on_ready`."""

    settings: Settings
    services: Services
    pool: Pool
    api_pool: Pool
    stop: asyncio.Event
    ingest: IngestCounters = field(default_factory=IngestCounters)
    evaluator: EvaluatorCounters = field(default_factory=EvaluatorCounters)
    handed: HandOver = field(default_factory=HandOver)
    partners: PartnerCounters = field(default_factory=PartnerCounters)
    notify: NotifyCounters = field(default_factory=NotifyCounters)


async def run(
    settings: Settings,
    parts: Collection[str],
    progress: Progress,
    on_ready: Callable[[Running], Awaitable[None]] | None = None,
) -> None:
    """Run the parts until SIGINT or SIGTERM, or until one fails; then stop in order.

    `on_ready` is called when all parts stand, and is ended with them. Raises PortTaken, EmbeddedError,
    DatabaseUnreachable, MigrationError, and whatever a part fails with.
    """
    if "evaluate" in parts:
        from app.northbound.parts import check_settings

        check_settings(settings)
    stop = asyncio.Event()
    _end_on_signals(stop)
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(_listen(settings)) if "serve" in parts else None
        services = await stack.enter_async_context(open_services(settings, progress, broker="ingest" in parts))
        # Two pools: whatever is asked of the API, readings are stored and evaluated.
        pool, api_pool = [
            await open_pool(services.database_url, connections_max=connections, command_s_max=settings.command_s_max)
            for connections in (settings.connections_max, settings.api_connections_max)
        ]
        for opened in (pool, api_pool):
            stack.push_async_callback(close_pool, opened)
        await prepare_database(pool, progress)
        running = Running(settings, services, pool, api_pool, stop)
        if services.mqtt_url:
            stack.enter_context(services_noted(settings, services))
        if not stop.is_set():
            await _run_parts(running, parts, listening, progress, on_ready)


async def _run_parts(
    running: Running,
    parts: Collection[str],
    listening: socket.socket | None,
    progress: Progress,
    on_ready: Callable[[Running], Awaitable[None]] | None,
) -> None:
    # In the order of stopping: nothing new comes in, then what came in is evaluated, then the screens end.
    tasks: list[asyncio.Task[None]] = []
    ends = [asyncio.Event() for _ in range(3)]
    if on_ready is not None:
        ready = _on_ready(running, parts, progress, on_ready)
        tasks.append(asyncio.create_task(ready, name="on_ready"))
    if "ingest" in parts:
        tasks.append(asyncio.create_task(_ingest(running, ends[0]), name="ingest"))
    if "evaluate" in parts:
        from alerts.evaluator import run_evaluator
        from alerts.recovery import EvaluatorLimits

        limits = EvaluatorLimits(settle_s=running.settings.settle_s, tick_s=running.settings.tick_s)
        evaluate = run_evaluator(running.pool, running.handed, limits, ends[1], running.evaluator)
        tasks.append(asyncio.create_task(evaluate, name="evaluate"))
        tasks.append(asyncio.create_task(maintain(running.pool, clock, ends[1]), name="evaluate"))
        from app.northbound.parts import run_partners

        partners = run_partners(running.settings, running.services, clock, ends[1], running.partners)
        tasks.append(asyncio.create_task(partners, name="evaluate"))
        from app.notify.part import run_notifications

        notifying = run_notifications(
            running.settings, running.services, clock, ends[1], running.evaluator, running.notify
        )
        tasks.append(asyncio.create_task(notifying, name="evaluate"))
    if listening is not None:
        from app.serving import serve

        tasks.append(asyncio.create_task(serve(running, parts, listening, clock, ends[2]), name="serve"))
    stopping = asyncio.create_task(running.stop.wait())
    try:
        await asyncio.wait((stopping, *(t for t in tasks if t.get_name() != "on_ready")),
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    finally:
        stopping.cancel()
        running.stop.set()
        for task in tasks:
            if task.get_name() == "on_ready":
                task.cancel()
        for name, end in zip(PARTS, ends, strict=True):
            end.set()
            running.handed.committed.set()
            await asyncio.gather(*(t for t in tasks if t.get_name() == name), return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _on_ready(
    running: Running, parts: Collection[str], progress: Progress, on_ready: Callable[[Running], Awaitable[None]]
) -> None:
    try:
        if "ingest" in parts:
            await broker_listened_to(running, progress)
        await on_ready(running)
    except asyncio.CancelledError:
        raise
    except BaseException:
        running.stop.set()
        raise


async def broker_listened_to(running: Running, progress: Progress) -> None:
    """Wait until ingest has subscribed: who publishes because he reads that all is up must be heard.

    A session that is taken up only after a while (docs/decisions/0003) is not waited for: the broker keeps what comes
    for it. A broker that does not answer holds nobody up for longer than BROKER_WAIT_S: /readyz goes on telling of it.
    """
    if running.services.redelivery_s and not await log_is_empty(running.pool):
        return
    latest = asyncio.get_running_loop().time() + BROKER_WAIT_S
    while not running.ingest.connected:
        if asyncio.get_running_loop().time() >= latest:
            progress("the broker does not answer yet; readings are taken as soon as it does")
            return
        await asyncio.sleep(0.02)


async def _ingest(running: Running, end: asyncio.Event) -> None:
    settings = running.settings
    mappings = load_mappings(settings.mappings) if settings.mappings else ()
    forms = Forms(mappings, asks_for_births=settings.sparkplug_commands)
    mqtt = _mqtt_settings(running, forms, session_is_new=await log_is_empty(running.pool))
    limits = IngestLimits(
        batch_readings_max=settings.batch_readings_max,
        batch_age_ms_max=settings.batch_age_ms_max,
        tick_s=settings.tick_s,
        clock_ahead_s_max=settings.clock_ahead_s_max,
    )
    await run_ingest(running.pool, mqtt, limits, clock, running.handed.put, end, running.ingest, forms)


def _mqtt_settings(running: Running, forms: Forms, *, session_is_new: bool) -> MqttSettings:
    settings = running.settings
    try:
        return MqttSettings(
            url=running.services.mqtt_url,
            protocol=running.services.mqtt_protocol,
            client_id=settings.mqtt_client_id,
            redelivery_s=running.services.redelivery_s,
            ca_file=settings.mqtt_ca_file,
            certificate_file=settings.mqtt_certificate_file,
            key_file=settings.mqtt_key_file,
            share_group=settings.mqtt_share_group,
            reader=settings.mqtt_reader,
            subscriptions=(*SUBSCRIPTIONS, *forms.subscriptions),
            session_is_new=session_is_new,
        )
    except ValueError as error:
        raise SettingsError(f"the MQTT settings: {error}") from None


@contextlib.contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    """Take the API's port before anything is started, so that a taken one is said at once."""
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
            listening.listen(2048)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(settings.host, settings.port) from None
            raise PortRefused(settings.host, settings.port, error.strerror or str(error)) from None
        listening.setblocking(False)
        yield listening


def _end_on_signals(stop: asyncio.Event) -> None:
    """Both signals end the service in order, also where SIGINT was inherited as ignored."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends, however it ends: `make run` leaves nothing behind (Linux)."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended in between
        os.kill(os.getpid(), signal.SIGTERM)
