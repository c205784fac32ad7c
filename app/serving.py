"""The API as a part of the running service; imported where it is served, because a worker alone need not carry it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client.metrics_core import Metric

from alerts import recording
from alerts.recovery import EvaluatorLimits
from app.api.application import create_app
from app.api.context import CONSOLE, ApiContext
from app.exercises import Exercises
from app.figures import families, limit_families, setting_family
from app.open_files import TooFewOpenFiles, allow_open_files
from app.roles import ROLES
from app.settings import Settings, SettingsError
from app.sign_in.limits import SignIn, SignInLimits
from app.sign_in.provider import Provider, load_mappings
from app.warnings.sending import CapSettings
from ingest.settings import IngestLimits
from store.exercises import rest_sensors

if TYPE_CHECKING:
    from app.runtime import Running

log = logging.getLogger(__name__)
STORE_FAILURES_MIN = 3  # in a row: fewer happen in any transaction
FILES_BESIDE = 500  # connections of other callers, to database and broker, and files


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
        if "ingest" in parts and running.ingest.store_failures >= STORE_FAILURES_MIN:
            reasons.append("the store takes no readings; they stay at the broker")
        if "evaluate" in parts and not running.evaluator.ready:
            reasons.append("the evaluator is recovering or waits for its turn")
        return reasons

    def figures() -> Iterator[Metric]:
        counted = {"ingest": running.ingest, "evaluate": running.evaluator}
        yield from families("recording", recording.counters)
        for part, counters in counted.items():
            if part in parts:
                yield from families(part, counters)
        if "ingest" in parts:
            limits = ("queue_messages_max", "queue_bytes_max", "payload_bytes_max", "readings_per_message_max")
            yield from limit_families("ingest", {name: getattr(IngestLimits(), name) for name in limits})
        yield setting_family(running.settings)
        if "evaluate" not in parts:
            return
        partners = {
            "own_publisher": running.partners.own,
            "northbound_publisher": running.partners.northbound,
            "receiver": running.partners.received,
            "notify": running.notify,
        }
        for name, counted_there in partners.items():
            yield from families(name, counted_there)

    settings = running.settings
    context = ApiContext(
        pool=running.api_pool,
        clock=clock,
        gcj02_display=settings.gcj02_display,
        console=settings.console or CONSOLE,
        readiness=not_ready,
        metrics=figures,
        stop=end,
        evaluator=EvaluatorLimits(settle_s=settings.settle_s, tick_s=settings.tick_s),
        sign_in=_sign_in(settings),
    )
    try:
        allow_open_files(context.limits.stream_clients_max + FILES_BESIDE)
    except TooFewOpenFiles as error:
        log.warning("not as many streams as stream_clients_max can be open: %s", error)
    application = create_app(context)
    application.state.cap = CapSettings(
        sender=settings.cap_sender,
        public_url=settings.public_url or "",
        public_without_key=settings.cap_public_without_key,
    )
    application.state.exercises = _exercises(running, clock)
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        # uvicorn would believe whatever this machine's own programs say of a caller's address.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
    )
    server = uvicorn.Server(config)
    # The signals are ours: uvicorn would take them for itself alone.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve([listening]))
    ending = asyncio.create_task(end.wait())
    stopping = asyncio.create_task(_end_exercises(running, application.state.exercises))
    await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    ending.cancel()
    server.should_exit = True
    await serving


def _exercises(running: Running, clock: Callable[[], int]) -> Exercises:
    services = running.services
    environment = {
        **os.environ,
        "LIFELINE_DATABASE_URL": services.database_url,
        "LIFELINE_MQTT_URL": services.mqtt_url,
        "LIFELINE_MQTT_PROTOCOL": services.mqtt_protocol,
    }
    return Exercises(
        clock,
        exercises_max=running.settings.exercises_max,
        environment=environment if services.mqtt_url else None,
        rest=lambda cities: rest_sensors(running.api_pool, cities),
        recordings=running.settings.recordings,
    )


async def _end_exercises(running: Running, exercises: Exercises) -> None:
    """Before readings are taken no more: what was published is stored."""
    await running.stop.wait()
    await exercises.close()


def _sign_in(settings: Settings) -> SignIn:
    roles = frozenset(filter(None, (role.strip() for role in settings.second_factor_roles.split(","))))
    if unknown := sorted(roles - set(ROLES)):
        raise SettingsError(
            f"LIFELINE_SECOND_FACTOR_ROLES: {unknown[0]!r} is no role; name some of {', '.join(ROLES)}, or unset it"
        )
    limits = SignInLimits(
        session_idle_minutes_max=settings.session_idle_minutes_max,
        session_hours_max=settings.session_hours_max,
        second_factor_roles=roles,
    )
    return SignIn(limits=limits, public_url=settings.public_url or "", provider=_provider(settings))


def _provider(settings: Settings) -> Provider | None:
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_mappings is None:
        raise SettingsError("LIFELINE_OIDC_MAPPINGS: is missing; name the file that says which claim gives which role")
    try:
        mappings = load_mappings(settings.oidc_mappings, ROLES)
    except ValueError as error:
        raise SettingsError(f"LIFELINE_OIDC_MAPPINGS: {error}") from None
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, mappings)
