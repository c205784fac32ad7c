"""Pages of the console as a test opens them: logged in, watched for errors, violations and foreign requests."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page

from model.alarm import ConditionChange, JournalLine
from store.batches import IncomingReadings, write_batch
from store.evaluation import advance_cursor
from store.keys import create_key
from store.sensors import load_registry
from tests.api.service import Service as Api
from tests.api.service import change, journal
from tests.conftest import Background
from tests.integration.service import Service as WholeService

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
WAIT_MS = 20_000  # for a condition; two processes of tests share the machine's cores
DESKTOP, WALL, PHONE = (1440, 900), (1920, 1080), (390, 844)
TOLD_OF_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  const place = `${event.sourceFile}:${event.lineNumber}`;
  console.error(`violation of ${event.effectiveDirective}: ${event.blockedURI} at ${place}`);
});
"""
OF_THE_DRAWING = (r"GL Driver Message", r"software WebGL")  # said where a map is drawn without a graphics card
T = TypeVar("T")


class Place(Protocol):
    """A running service that lets people in."""

    address: str

    def key(self, role: str, areas: Sequence[str]) -> str: ...


@dataclass
class Console:
    """The API with the console on a real socket, over a database of the test's own, by the real clock."""

    background: Background
    api: Api
    labels: int = 0

    @property
    def address(self) -> str:
        return self.api.address

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the service runs: its database pool belongs to that loop."""
        return self.background.run(work)

    def key(self, role: str = "operator", areas: Sequence[str] = ("*",)) -> str:
        """Return a key; each is another person: `operator-1`, `operator-2`."""
        self.labels += 1
        return self.run(create_key(self.api.pool, role=role, areas=areas, label=f"{role}-{self.labels}"))

    def journal(self, *changes: ConditionChange) -> list[JournalLine]:
        """Journal the changes as the evaluator does; the feed tells them at once."""
        return self.run(journal(self.api.pool, changes))

    def raises(self, sensor: str, severity: int = 4, *, minutes_ago: float = 1.0, **facts: Any) -> str:
        """Raise an alarm and return its id."""
        time_ms = now() - round(minutes_ago * 60_000)
        (line, *_) = self.journal(change(sensor, 0, severity, time_ms, **{"raised": time_ms, **facts}))
        return line.alarm

    def store(self, sensor: str, *readings: tuple[int, float, int]) -> None:
        """Store readings (epoch milliseconds, value, quality as in model.quality) as ingested and evaluated by now."""
        self.run(store_readings(self.api.pool, sensor, readings))

    def execute(self, statement: str, *arguments: Any) -> Any:
        """Run a statement in the database."""
        return self.run(self.api.pool.execute(statement, *arguments))


async def store_readings(pool: Any, sensor: str, readings: Sequence[tuple[int, float, int]] = ()) -> None:
    """Store readings of a sensor as one batch of now, evaluated."""
    registry = await load_registry(pool)
    times, values, qualities = zip(*readings, strict=True) if readings else ((), (), ())
    incoming = IncomingReadings(
        np.full(len(readings), registry.keys[sensor], np.int32),
        np.array(times, np.int64),
        np.array(values, np.float64),
        np.array(qualities, np.uint16),
    )
    batch = (await write_batch(pool, now(), incoming)).batch
    async with pool.acquire() as connection:
        before = await connection.fetchval("select coalesce(max(batch), 0) from evaluation_cursor")
        await advance_cursor(connection, before, batch.sequence, now())


@dataclass
class Whole:
    """`lifeline up` as a process of its own: broker, database, ingest, engine, API and console."""

    service: WholeService

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def key(self, role: str = "operator", areas: Sequence[str] = ("*",)) -> str:
        """Return a key for the areas."""
        chosen = [word for area in areas if area != "*" for word in ("--area", area)]
        return self.service.run("keys", "create", "--role", role, *chosen).stdout.strip()


@dataclass
class Opener:
    """Opens pages: `open_console("/wall", role="viewer", language="zh", theme="night")`.

    What the page reports besides is collected in `said`, and the test fails at its end if there is any that `tolerate`
    was not told of: errors and warnings of the browser's console, uncaught errors, violations of the content security
    policy, requests to other hosts.
    """

    browser: Browser
    place: Place
    said: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=lambda: [*OF_THE_DRAWING])
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self,
        path: str = "/",
        *,
        role: str | None = "operator",
        areas: Sequence[str] = ("*",),
        language: str = "en",
        theme: str = "day",
        viewport: tuple[int, int] = DESKTOP,
        of: Place | None = None,
        key: str | None = None,
        **context_options: Any,
    ) -> Page:
        """Open a path, logged in by a key of the role (`role=None`: not at all) or by the `key` given.

        `of` is the service, the test's own unless it is given; further options are those of playwright's new_context.
        """
        place = of or self.place
        if key is None and role is not None:
            key = place.key(role, areas)
        options = {
            "base_url": place.address,
            "viewport": {"width": viewport[0], "height": viewport[1]},
            "locale": "zh-CN" if language == "zh" else "en-GB",
            "timezone_id": "Asia/Shanghai",
            "color_scheme": "dark" if theme == "night" else "light",
        }
        context = self.browser.new_context(**(options | context_options))
        self.contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        kept = json.dumps({"language": language, "theme": theme})
        context.add_init_script(
            TOLD_OF_VIOLATIONS
            + f"if (location.host) for (const [name, value] of Object.entries({kept}))"
            + " if (localStorage.getItem(name) === null) localStorage.setItem(name, value);"
        )
        self._watch(context, place.address)
        page = context.new_page()
        page.goto(path if key is None else f"{path}#key={key}")
        return page

    def tolerate(self, *patterns: str) -> None:
        """Expect reports that match: `open_console.tolerate(r"status of 401")`."""
        self.tolerated += patterns

    def close(self) -> None:
        """Close what was opened, and fail if any page has reported what nobody expected."""
        for context in self.contexts:
            context.close()
        unexpected = [text for text in self.said if not any(re.search(pattern, text) for pattern in self.tolerated)]
        assert not unexpected, "\n".join(unexpected)

    def _watch(self, context: BrowserContext, address: str) -> None:
        def on_request(url: str) -> None:
            if not url.startswith((f"{address}/", "data:", "blob:")):
                self.said.append(f"request to another host: {url}")

        context.on("request", lambda request: on_request(request.url))
        context.on("weberror", lambda error: self.said.append(f"uncaught: {error.error}"))
        context.on(
            "console",
            lambda message: (
                self.said.append(f"{message.type}: {message.text} ({message.location['url']})")
                if message.type in ("error", "warning")
                else None
            ),
        )


def now() -> int:
    """Return epoch milliseconds, by the clock of the console fixture's service."""
    return time.time_ns() // 1_000_000


def axe(page: Page, **options: Any) -> list[str]:
    """Return what axe finds against the page: rule, what to do, and where. `options` are those of axe.run."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "async (options) => (await axe.run(document, options)).violations", {"resultTypes": ["violations"], **options}
    )
    return [f"{one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
            for one in found for node in one["nodes"]]  # fmt: skip
