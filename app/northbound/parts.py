"""Which publishers and receivers a deployment runs, by its settings, as tasks beside the evaluator."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.northbound.counters import PartnerCounters
from app.northbound.publisher import STATUS_S_MIN, PublisherLimits, Target, run_publisher
from app.northbound.receiver import ALL_CITIES, ReceiverSettings, run_receiver
from app.services import NothingRuns, Services, broker_services, close_pool
from app.settings import Settings, SettingsError
from ingest.settings import MqttSettings, broker_address
from model.sensor import IDENTIFIER
from model.vocabulary import MODES
from store.pool import open_pool

OWN = "own"
_CONNECTIONS = 3  # of the database: one for each publisher and the receiver


@dataclass(frozen=True, slots=True)
class Partners:
    """What is to run: targets to publish to, and whom to receive from."""

    own: Target | None
    northbound: Target | None
    receiver: tuple[MqttSettings, ReceiverSettings] | None


def check_settings(settings: Settings) -> None:
    """Raise SettingsError for settings about partners that cannot stand, before anything is started."""
    _cities("LIFELINE_RELAY_FROM", settings.relay_from)
    if settings.northbound_url is not None:
        _northbound(settings, settings.northbound_url)


def partners_of(settings: Settings, services: Services) -> Partners:
    """Return what the settings ask for. Raises SettingsError for those that cannot stand.

    Without a broker of our own, as where the evaluator runs alone and none is named, nothing goes there.
    """
    relayed = _cities("LIFELINE_RELAY_FROM", settings.relay_from)
    northbound = None
    if settings.northbound_url is not None:
        northbound = _northbound(settings, settings.northbound_url)
    broker = _own_broker(settings, services)
    if broker is None:
        return Partners(None, northbound, None)
    url, protocol = broker
    try:
        address = broker_address(url, settings.mqtt_ca_file, settings.mqtt_certificate_file, settings.mqtt_key_file)
        receiver = None
        if settings.role == "province" or relayed:
            filters = tuple(f"lifeline/{city}/{kind}" for city in relayed for kind in ("alarm/+", "status"))
            mqtt = MqttSettings(
                url=url,
                protocol=protocol,
                client_id=f"{settings.mqtt_client_id}-in",
                ca_file=settings.mqtt_ca_file,
                certificate_file=settings.mqtt_certificate_file,
                key_file=settings.mqtt_key_file,
                subscriptions=ALL_CITIES if settings.role == "province" else filters,
                session_is_new=True,
            )
            receiver = (
                mqtt,
                ReceiverSettings(
                    relayed=relayed,
                    registers_unknown=settings.register_unknown_cities,
                    city_silence_s=settings.city_silence_s,
                ),
            )
    except ValueError as error:
        raise SettingsError(f"the MQTT settings: {error}") from None
    # What a province publishes on its own broker would stand beside what its cities say there of themselves, and so
    # would what a city publishes there of parks that it relays: it would take itself for the park.
    own = None
    if settings.role == "city":
        own = Target(
            name=OWN,
            address=address,
            protocol=protocol,
            client_id=f"{settings.mqtt_client_id}-out",
            cities=None,
            modes=MODES,
            tells_silent_cities=False,
            relayed=relayed,
        )
    return Partners(own, northbound, receiver)


async def run_partners(
    settings: Settings,
    services: Services,
    clock: Callable[[], int],
    stop: asyncio.Event,
    counters: PartnerCounters,
) -> None:
    """Publish and receive until `stop` is set. Raises SettingsError before anything begins."""
    partners = partners_of(settings, services)
    limits = PublisherLimits(
        status_s_max=settings.status_interval_s, status_s_min=min(STATUS_S_MIN, settings.status_interval_s)
    )
    pool = await open_pool(services.database_url, connections_max=_CONNECTIONS, command_s_max=settings.command_s_max)
    try:
        async with asyncio.TaskGroup() as tasks:
            for target, counted in ((partners.own, counters.own), (partners.northbound, counters.northbound)):
                if target is not None:
                    tasks.create_task(run_publisher(pool, target, limits, clock, stop, counted))
            if partners.receiver is not None:
                tasks.create_task(run_receiver(pool, *partners.receiver, clock, stop, counters.received))
            tasks.create_task(_until(stop))
    finally:
        await close_pool(pool)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _own_broker(settings: Settings, services: Services) -> tuple[str, Literal["3.1.1", "5"]] | None:
    if services.mqtt_url:
        return services.mqtt_url, services.mqtt_protocol
    try:
        return broker_services(settings)
    except NothingRuns:
        return None


def _northbound(settings: Settings, url: str) -> Target:
    try:
        address = broker_address(
            url, settings.northbound_ca_file, settings.northbound_certificate_file, settings.northbound_key_file
        )
    except ValueError as error:
        text = re.sub("LIFELINE_MQTT_URL", "LIFELINE_NORTHBOUND_URL", str(error))
        raise SettingsError(f"LIFELINE_NORTHBOUND_URL and its certificates: {text}") from None
    cities = _cities("LIFELINE_NORTHBOUND_CITIES", settings.northbound_cities)
    return Target(
        name=f"northbound {address}",
        address=address,
        protocol=settings.northbound_protocol,
        client_id=settings.northbound_client_id,
        cities=cities or None,
        modes=("operational",),
        tells_silent_cities=True,
    )


def _cities(name: str, text: str | None) -> tuple[str, ...]:
    cities = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    for city in cities:
        if not IDENTIFIER.fullmatch(city):
            raise SettingsError(f"{name}: {city[:80]!r} is no city id; write ids with commas between, like a,b")
    return cities
