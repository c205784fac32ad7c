"""The database and the broker that a process works with: those that the settings name, or embedded ones kept alive."""

import asyncio
import contextlib
import json
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote

from app.embedded.broker import ACK_WAIT_S, EmbeddedBroker, embedded_broker
from app.embedded.database import EmbeddedDatabase, embedded_database
from app.embedded.errors import EmbeddedError, PortInUse
from app.embedded.ports import is_loopback
from app.settings import Settings, SettingsError
from ingest.settings import broker_address
from migrations.runner import migrate
from store.pool import Pool, open_pool
from store.rule_packs import StoredPack, activate, packs_in_force

log = logging.getLogger(__name__)

Progress = Callable[[str], None]
Server = TypeVar("Server", EmbeddedDatabase, EmbeddedBroker)
USUAL_MQTT_PORT = 1883
RESTART_S_MAX = 5.0
# The embedded broker delivers again what was not acknowledged only after a while, and what is new before that. Waiting
# before the session is taken up again keeps each sensor's readings in order (docs/decisions/0003).
REDELIVERY_S = ACK_WAIT_S + 1.0


@dataclass(frozen=True, slots=True)
class Services:
    """Where database and broker are, with what they ask of us; written to a file of our own for other commands."""

    database_url: str = field(repr=False)
    mqtt_url: str = field(repr=False)
    mqtt_protocol: Literal["3.1.1", "5"]
    redelivery_s: float
    database: str  # what it is, in words
    broker: str


class NothingRuns(Exception):
    """A command needs the running service, and there is none."""


@asynccontextmanager
async def open_services(settings: Settings, progress: Progress, *, broker: bool = True) -> AsyncIterator[Services]:
    """Start what the settings do not name, keep it running, and stop it at the end.

    Raises EmbeddedError where a part cannot be had, SettingsError for a broker's password that is soon guessed.
    """
    async with AsyncExitStack() as stack:
        database_url, edition = settings.database_url, "as configured in LIFELINE_DATABASE_URL"
        if database_url is None:
            database = await stack.enter_async_context(
                _kept_running(
                    lambda: embedded_database(
                        settings.home, settings.programs, progress, postgres_bin=settings.postgres_bin
                    )
                )
            )
            database_url, edition = database.url, database.edition
        if not broker:
            yield Services(database_url, "", "3.1.1", 0.0, edition, "none")
        elif settings.mqtt_url is not None:
            yield Services(
                database_url,
                settings.mqtt_url,
                settings.mqtt_protocol,
                settings.mqtt_redelivery_s,
                edition,
                "as configured in LIFELINE_MQTT_URL",
            )
        else:
            found = await _embedded_broker(stack, settings, progress)
            url = _with_log_in(found.url, settings.mqtt_user, settings.mqtt_password)
            yield Services(database_url, url, "3.1.1", REDELIVERY_S, edition, found.edition)


@asynccontextmanager
async def open_database(settings: Settings, progress: Progress) -> AsyncIterator[str]:
    """Yield the address of the database: as configured, of the running service, or started for this command alone."""
    running = None if settings.database_url else running_services(settings)
    if running is not None:
        yield running.database_url
        return
    async with open_services(settings, progress, broker=False) as services:
        yield services.database_url


async def prepare_database(pool: Pool, progress: Progress) -> None:
    """Bring the schema to this version and put the default packs into force where there are no rules yet."""
    async with pool.acquire() as connection:
        await migrate(connection, progress)
    if not await packs_in_force(pool):
        from alerts.rule_file import default_packs

        packs = [StoredPack(p.pack, p.version, p.content) for p in default_packs()]
        await activate(pool, packs, "lifeline")


async def close_pool(pool: Pool) -> None:
    """Close the pool, by force where a connection does not end."""
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()


@asynccontextmanager
async def prepared_pool(url: str, progress: Progress) -> AsyncIterator[Pool]:
    """A pool for a command: on a database at this version's schema."""
    pool = await open_pool(url, connections_max=2, idle_s_max=0)  # a command may compute within a transaction
    try:
        await prepare_database(pool, progress)
        yield pool
    finally:
        await close_pool(pool)


def running_services(settings: Settings) -> Services | None:
    """Return the services of the Lifeline that runs on this machine's data, or None."""
    try:
        content = json.loads(_note(settings).read_text("utf-8"))
        os.kill(content.pop("pid"), 0)
        return Services(**content)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def broker_services(settings: Settings) -> tuple[str, Literal["3.1.1", "5"]]:
    """Return url and protocol of the broker, as configured or of the running service. Raises NothingRuns."""
    if settings.mqtt_url is not None:
        return settings.mqtt_url, settings.mqtt_protocol
    running = running_services(settings)
    if running is None:
        raise NothingRuns("no broker: start lifeline up (or demo) first, or name one in LIFELINE_MQTT_URL")
    return running.mqtt_url, running.mqtt_protocol


def broker_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS by which the broker that the settings name is reached; None without. Raises SettingsError."""
    if settings.mqtt_url is None:
        return None
    files = (settings.mqtt_ca_file, settings.mqtt_certificate_file, settings.mqtt_key_file)
    try:
        return broker_address(settings.mqtt_url, *files).tls
    except ValueError as error:
        raise SettingsError(f"the MQTT settings: {error}") from None


@contextlib.contextmanager
def services_noted(settings: Settings, services: Services) -> Iterator[None]:
    """Leave a note of the running services for other commands; it goes at the end."""
    note = _note(settings)
    note.parent.mkdir(parents=True, exist_ok=True)
    temporary = note.with_suffix(".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({**asdict(services), "pid": os.getpid()}, file)
    temporary.replace(note)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _note(settings: Settings) -> Path:
    return settings.home / "running.json"


def _with_log_in(url: str, user: str | None, password: str | None) -> str:
    """Return the address of a broker with what it asks of its clients."""
    if user is None or password is None:
        return url
    scheme, _, place = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place}"


def _check_password(settings: Settings) -> None:
    """Raise SettingsError for a password that is soon guessed, where other machines reach the embedded broker."""
    if is_loopback(settings.mqtt_host) or not settings.mqtt_password:
        return
    from app.sign_in.limits import SignInLimits
    from app.sign_in.passwords import WeakPassword, check_password

    try:
        check_password(settings.mqtt_password, settings.mqtt_user or "", SignInLimits())
    except WeakPassword as error:
        raise SettingsError(
            f"LIFELINE_MQTT_PASSWORD: the password {error}, and other machines can try it; choose a longer, random one"
        ) from None


async def _embedded_broker(stack: AsyncExitStack, settings: Settings, progress: Progress) -> EmbeddedBroker:
    _check_password(settings)
    note = settings.home / "mqtt-port"  # devices look for the broker where it was
    ports = [settings.mqtt_port] if settings.mqtt_port else [_noted_port(note) or USUAL_MQTT_PORT, 0]
    for port in ports:
        chosen = [port]  # after a restart the broker must listen where it did

        def open_broker(chosen: list[int] = chosen) -> AbstractAsyncContextManager[EmbeddedBroker]:
            return embedded_broker(
                settings.home,
                settings.mqtt_host,
                chosen[0],
                progress,
                sync_interval=settings.mqtt_sync_interval,
                nats_bin=settings.nats_bin,
                user=settings.mqtt_user,
                password=settings.mqtt_password,
            )

        try:
            broker = await stack.enter_async_context(_kept_running(open_broker))
        except PortInUse:
            if port == ports[-1]:
                raise
            continue
        chosen[0] = broker.port
        note.write_text(str(broker.port), "utf-8")
        return broker
    raise AssertionError("the last port either serves or raises")


def _noted_port(note: Path) -> int | None:
    try:
        return int(note.read_text("utf-8"))
    except (OSError, ValueError):
        return None


@asynccontextmanager
async def _kept_running(
    open_server: Callable[[], AbstractAsyncContextManager[Server]],
) -> AsyncIterator[Server]:
    """Run a server, start it again whenever it ends by itself, and stop it in order at the end."""
    stop = asyncio.Event()
    started: asyncio.Future[Server] = asyncio.get_running_loop().create_future()

    async def keep() -> None:
        pause = 0.2
        while not stop.is_set():
            try:
                async with open_server() as server:
                    if not started.done():
                        started.set_result(server)
                    pause = 0.2
                    ended = asyncio.create_task(server.child.wait())
                    stopping = asyncio.create_task(stop.wait())
                    await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
                    ended.cancel()
                    stopping.cancel()
                    if stop.is_set():
                        return
                    log.warning("%s ended by itself; starting it again", server.child.name)
            except Exception as error:  # an OSError too, as where the disk is full
                if not started.done():
                    started.set_exception(error)
                    return
                log.error("%s", error, exc_info=not isinstance(error, EmbeddedError))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2, RESTART_S_MAX)

    keeping = asyncio.create_task(keep())
    try:
        yield await started
    finally:
        stop.set()
        await keeping
