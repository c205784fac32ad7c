"""What many tests need: a real database and a real broker, started once a session by the project's own code."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import hypothesis
import pytest

from app.embedded.broker import EmbeddedBroker, embedded_broker
from app.embedded.database import EmbeddedDatabase, embedded_database
from app.embedded.mosquitto import MosquittoBroker, mosquitto_broker
from migrations.runner import migrate

# `make test` tries the same examples each time, so that what it says of a change is due to the change;
# `make properties` tries new ones. Neither judges a test by how long the machine took for it.
_UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("repeatable", _UNTIMED, derandomize=True)
hypothesis.settings.register_profile("new", _UNTIMED, print_blob=True)
hypothesis.settings.load_profile("new" if os.environ.get("LIFELINE_NEW_EXAMPLES") else "repeatable")

T = TypeVar("T")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What was logged of malformed texts passes between the processes of a run, which speak UTF-8."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


ACK_WAIT_S = 3.0  # what was delivered to a client that died comes again only after this time
# The embedded server makes the extension in its own database only; plain PostgreSQL has none.
EXTENSION = (
    "do $$ begin if exists (select from pg_available_extensions where name = 'timescaledb') then"
    " create extension if not exists timescaledb; end if; end $$"
)


class Background:
    """An event loop on a thread of its own, for servers that outlive a test's loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @contextmanager
    def held(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Enter and leave the context in one task of the loop."""
        entered: asyncio.Future[T] = self.run(_future())
        leave = self.run(_event())
        task = asyncio.run_coroutine_threadsafe(_hold(context, entered, leave), self.loop)
        try:
            yield self.run(_result(entered))
        finally:
            self.loop.call_soon_threadsafe(leave.set)
            task.result()


async def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


async def _event() -> asyncio.Event:
    return asyncio.Event()


async def _result(future: asyncio.Future[T]) -> T:
    return await future


async def _hold(context: AbstractAsyncContextManager[T], entered: asyncio.Future[T], leave: asyncio.Event) -> None:
    try:
        async with context as value:
            entered.set_result(value)
            await leave.wait()
    except BaseException as error:
        if entered.done():
            raise
        entered.set_exception(error)


@pytest.fixture(scope="session")
def programs() -> Path:
    """Where fetched programs are kept: once for each environment, not once for each run."""
    return Path(os.environ.get("LIFELINE_PROGRAMS", Path(sys.prefix) / "lifeline-programs"))


@pytest.fixture(scope="session")
def background() -> Background:
    return Background()


@pytest.fixture(scope="session")
def database_server(
    background: Background, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedDatabase]:
    home = tmp_path_factory.mktemp("database-server")
    with background.held(embedded_database(home, programs, print)) as server:
        # Power is cut in tests with a server of their own; here a disk that is slow for a while would only end waits.
        background.run(_execute(server.url, "alter system set fsync = off"))
        background.run(_execute(server.url, "select pg_reload_conf()"))
        yield server


@pytest.fixture(scope="session")
def migrated(background: Background, database_server: EmbeddedDatabase) -> str:
    """The name of a migrated database, of which tests get copies: half the time of migrating each."""
    name = "migrated"
    background.run(_execute(database_server.url, f"create database {name} template template0"))
    background.run(_execute(_database(database_server, name), EXTENSION))
    background.run(_migrate(_database(database_server, name)))
    # What is copied may have nobody in it, TimescaleDB's own workers included.
    background.run(_execute(database_server.url, f"alter database {name} with allow_connections false"))
    leave = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
    background.run(_execute(database_server.url, leave))
    return name


@pytest.fixture
def new_database(background: Background, database_server: EmbeddedDatabase) -> Iterator[Callable[[str], str]]:
    """Makes databases of the test's own, copies of the one that is named, dropped afterwards."""
    names: list[str] = []

    def make(template: str) -> str:
        names.append(f"test_{secrets.token_hex(4)}")
        background.run(_execute(database_server.url, f"create database {names[-1]} template {template}"))
        return _database(database_server, names[-1])

    yield make
    for name in names:
        background.run(_execute(database_server.url, f"drop database {name} with (force)"))


@pytest.fixture
def bare_database_urls(background: Background, new_database: Callable[[str], str]) -> Callable[[], str]:
    """Makes databases of the test's own that hold nothing but the extension, dropped afterwards."""

    def make() -> str:
        url = new_database("template0")  # nobody is ever in it
        background.run(_execute(url, EXTENSION))
        return url

    return make


@pytest.fixture
def database_urls(new_database: Callable[[str], str], migrated: str) -> Callable[[], str]:
    """Makes databases of the test's own, migrated, dropped afterwards."""
    return lambda: new_database(migrated)


@pytest.fixture
def database_url(database_urls: Callable[[], str]) -> str:
    """A database of the test's own, migrated, dropped afterwards."""
    return database_urls()


@pytest.fixture(scope="session")
def broker(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    home = tmp_path_factory.mktemp("broker")
    with background.held(embedded_broker(home, "127.0.0.1", 0, print, ack_wait_s=ACK_WAIT_S)) as server:
        yield server


@pytest.fixture
def broker_url(broker: EmbeddedBroker) -> str:
    """The session's NATS broker; tests keep apart by city and client id."""
    return broker.url


@pytest.fixture(scope="session")
def mosquitto(
    background: Background, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MosquittoBroker]:
    """One of the other supported kind of brokers, which speaks MQTT 5 and redelivers when a session is resumed."""
    with background.held(mosquitto_broker(tmp_path_factory.mktemp("mosquitto"), programs, 0, print)) as server:
        yield server


def _database(server: EmbeddedDatabase, name: str) -> str:
    return urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection)
    finally:
        await connection.close()
