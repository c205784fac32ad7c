"""The page of an incident's timeline in a browser: from the service under its policy, and from disk without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from store.keys import create_key
from tests.api.service import running
from tests.api.test_timeline import PATH, burst
from tests.conftest import Background
from tests.console.opening import DESKTOP, PHONE, Console, Opener, axe

WORDS = {
    "en": ("What became known, in that order", "5 min 30 s late", "Who acted", "All times: Asia/Shanghai (UTC+8)"),
    "zh": ("按得知先后排列", "迟到 5分30秒", "参与人员", "所有时间均为 Asia/Shanghai（UTC+8）"),
}


@dataclass
class Told:
    """A running service in which an incident has happened, and what lets its reader in."""

    address: str
    headers: dict[str, str]

    def key(self, role: str, areas: object) -> str:
        raise NotImplementedError  # the page is asked for by a header


@pytest.fixture
def told(background: Background, database_url: str) -> Iterator[Told]:
    with background.held(_telling(database_url)) as place:
        yield place


@asynccontextmanager
async def _telling(url: str) -> AsyncIterator[Told]:
    async with running(url) as service:
        await burst(service)
        key = await create_key(service.pool, role="viewer", areas=["jiayuguan"])
        yield Told(service.address, {"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_opens_from_the_service_and_from_disk(
    told: Told, open_console: Opener, browser: Browser, tmp_path: Path, language: str
) -> None:
    path = f"/api/v1{PATH}.html?language={language}"
    served = open_console(path, role=None, of=told, extra_http_headers=told.headers)
    for words in WORDS[language]:
        expect(served.get_by_role("main")).to_contain_text(words)
    style = "getComputedStyle(document.querySelector('svg.course polyline')).fill"
    assert served.evaluate(style) == "none", "the policy let the page's own style through"
    assert axe(served) == []
    open_console.tolerate("favicon.ico")  # which browsers ask for beside every page

    file = tmp_path / "timeline.html"
    file.write_bytes(httpx.get(told.address + path, headers=told.headers).content)
    said: list[str] = []
    context = browser.new_context(offline=True)
    context.on("request", lambda request: said.append(request.url))
    context.on("console", lambda message: said.append(message.text))
    page = context.new_page()
    for width, height in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(file.as_uri())
        assert page.evaluate(style) == "none"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert axe(page) == []
    assert set(said) == {file.as_uri()}
    context.close()


@pytest.mark.parametrize(("language", "name"), [("en", "Timeline"), ("zh", "时间线")])
def test_the_incident_and_its_alarms_lead_to_it(
    console: Console, open_console: Opener, language: str, name: str
) -> None:
    alarm = console.raises("WATER-9", 4)  # of the city in operation, which the console shows at first
    page = open_console("/?view=incidents", language=language)
    incidents = page.get_by_role("region", name={"en": "Incidents", "zh": "事件"}[language])
    incidents.get_by_role("rowheader").get_by_role("button").click()
    for place in (incidents, page.locator(".drawer-links")):  # with a key, which no link can carry, it is downloaded
        with page.expect_download() as kept:
            place.get_by_role("button", name=name, exact=True).click()
        assert kept.value.suggested_filename == f"timeline-i.{alarm}.html"
        text = Path(kept.value.path()).read_text("utf-8")
        assert WORDS[language][0] in text
        assert "WATER-9" in text
        page.goto(f"/?alarm={alarm}")
