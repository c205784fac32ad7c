"""A real Chromium, the console in it, and the service behind it.

The browser is one process for each file of tests: while playwright's blocking interface is in use, its event loop is
the thread's, and no other test on that thread could start one.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.api.context import CONSOLE
from store.sensors import import_sensors
from tests.api.service import CITIES, SENSORS, running
from tests.conftest import Background
from tests.console.chromium import Chromium, chromium, launched
from tests.console.opening import WAIT_MS, Console, Opener, Whole, now, store_readings
from tests.integration.service import running as running_whole

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def chromium_program(background: Background, programs: Path) -> Chromium:
    return background.run(chromium(programs.absolute(), print))


@pytest.fixture(scope="session")
def built_console() -> Path:
    """The folder of the built console: of `make setup`, or the one that LIFELINE_CONSOLE names."""
    folder = Path(os.environ.get("LIFELINE_CONSOLE", CONSOLE)).absolute()
    if not (folder / "index.html").is_file():
        pytest.fail(
            f"the console has not been built: no index.html in {folder}; run `make setup` and read what it says"
        )
    return folder


@pytest.fixture(scope="module")
def browser(chromium_program: Chromium) -> Iterator[Browser]:
    with launched(chromium_program) as started:
        yield started


@pytest.fixture
def console(background: Background, database_url: str, built_console: Path) -> Iterator[Console]:
    """The running API with the console, over a fresh database with the cities and sensors of tests/api/service.py.

    No ingest and no engine run: readings and alarms are there when the test writes them.
    """
    with background.held(serving(background, database_url, built_console)) as served:
        yield served


@asynccontextmanager
async def serving(background: Background, url: str, built: Path) -> AsyncIterator[Console]:
    # A machine that is busy with tests is no service that is: what would be refused then is not what is looked at.
    patient = {"behind_s_max": 3_600.0, "connection_wait_s_max": 30.0, "statement_s_max": 60.0}
    async with running(url, clock=now, console=built, **patient) as api:
        await import_sensors(api.pool, SENSORS, CITIES)
        await store_readings(api.pool, SENSORS[0].sensor)
        yield Console(background, api)


@pytest.fixture
def whole_service(tmp_path: Path, built_console: Path) -> Iterator[Whole]:
    """All of Lifeline, for tests in which readings flow: `open_console(of=whole_service)`."""
    with running_whole(tmp_path / "service", LIFELINE_CONSOLE=str(built_console)) as service:
        yield Whole(service)


@pytest.fixture
def open_console(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Opener]:
    """Opens pages, of `whole_service` where the test asks for it, else of `console`; see Opener.

    The service is there before the pages and after them. A service that a test makes itself comes before this fixture
    in the test's arguments, and is named by `of`.
    """
    names = [name for name in ("console", "whole_service") if name in request.fixturenames] or ["console"]
    places = [request.getfixturevalue(name) for name in names]
    opener = Opener(browser, places[-1])
    yield opener
    opener.close()
