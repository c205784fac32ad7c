"""The phone view without network: it opens, shows what was known with its age, and keeps acts until the service has
told what became of each."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from model.instant import format_instant
from tests.conftest import Background
from tests.console.conftest import serving
from tests.console.crew import AT_GAS_1, Crew, crew_of, stored
from tests.console.opening import Console, Opener, now
from tests.integration.service import Service

LOST = (r"net::ERR_(INTERNET_DISCONNECTED|CONNECTION_\w+|FAILED|EMPTY_RESPONSE)",)
READY = "This page opens without network."
KEPT_BY_WORKER = """
async () => {
  const found = [];
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
  return found;
}
"""

TAKEN_OVER = """
async () => {
  for (;;) {
    const next = (await caches.keys()).find((name) => name.includes("next-"));
    const page = next && (await (await caches.open(next)).match("/field"));
    const found = await navigator.serviceWorker.getRegistration();
    if (page && !found.installing && !found.waiting && found.active.state === "activated") return;
    await new Promise((resume) => setTimeout(resume, 50));
  }
}
"""


@pytest.fixture
def crew(console: Console) -> Crew:
    return crew_of(console)


def _ready(page: Page) -> None:
    """Wait until the page could be opened without network."""
    page.get_by_role("link", name="More").click()
    expect(page.get_by_text(READY)).to_be_visible()


def _back(page: Page) -> None:
    """Let the network come back; the browser tells the page."""
    page.context.set_offline(False)


def _times(crew: Crew, alarm: str) -> dict[str, Any]:
    return {line["action"]: line for line in crew.journal(alarm) if line.get("action")}


def test_what_was_known_is_shown_with_its_age_and_never_as_current(crew: Crew, open_console: Opener) -> None:
    open_console.tolerate(*LOST)
    crew.task()
    page = crew.opens(open_console, geolocation=AT_GAS_1, permissions=["geolocation"])
    expect(page.locator(".field-row", has_text="22.5 %LEL")).to_be_visible()
    page.get_by_role("link", name="Tasks").click()
    expect(page.locator(".field-row")).to_have_count(1)
    _ready(page)
    page.context.set_offline(True)
    page.goto("/field")
    age = page.locator(".field-age.old")
    expect(age).to_have_text(re.compile(r"No network · old data, as of \d\d:\d\d:\d\d, \d+ s old"))
    expect(page.locator(".field-row", has_text="22.5 %LEL")).to_contain_text("last known")
    expect(page.locator(".field-lost")).to_have_text("No network")
    expect(page.locator(".mode-banner")).to_contain_text("TEST")  # the mode is known without network too
    page.get_by_role("link", name="Tasks").click()
    expect(age).to_be_visible()
    page.locator(".field-row").click()
    expect(age).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    page.goto("/field?tab=device")
    page.get_by_role("button", name="中文").click()  # which this phone was never shown
    expect(page.get_by_role("link", name="任务")).to_be_visible()
    page.get_by_role("button", name="English").click()
    page.get_by_role("link", name="Tasks").click()
    _back(page)
    expect(page.locator(".field-age:not(.old)")).to_be_visible()


def test_acts_without_network_arrive_once_in_order_with_the_time_at_which_they_were_done(
    crew: Crew, open_console: Opener
) -> None:
    open_console.tolerate(*LOST)
    alarm = crew.task()
    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    _ready(page)
    page.context.set_offline(True)
    page.goto(f"/field?tab=tasks&alarm={alarm}")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("noted on this device: accepted, on the way (not sent yet)")).to_be_visible()
    page.get_by_role("button", name="I have arrived").click()
    page.get_by_role("button", name="Note and send").click()
    page.get_by_role("button", name="Resolved").click()
    page.get_by_label("Cause").select_option("gas_joint_leak")
    page.get_by_role("button", name="Note and send").click()
    expect(page.locator(".field-act.pending")).to_have_count(3)
    expect(page.get_by_role("link", name="Pending 3")).to_be_visible()
    assert crew.done(alarm) == [("desk", "assign")]
    before_network = now()
    _back(page)
    expect(page.locator(".field-act.done")).to_have_count(3)
    assert crew.done(alarm) == [("desk", "assign"), ("li", "accept"), ("li", "arrive"), ("li", "resolve")]
    for action in ("accept", "arrive", "resolve"):
        told = _times(crew, alarm)[action]
        assert told["details"]["acted_at"] <= format_instant(before_network) <= told["time"], action


@pytest.fixture
def api(console: Console, database_url: str, built_console: Path, tmp_path: Path) -> Iterator[Service]:
    """The API as a process of its own over the database of `console`, which can end and come back."""
    service = Service(
        tmp_path / "api", ("serve",), LIFELINE_DATABASE_URL=database_url, LIFELINE_CONSOLE=str(built_console)
    )
    service.start()
    yield service
    if service.process is not None and service.process.poll() is None:
        service.stop()


def test_acts_survive_the_end_of_the_service_and_of_the_page(crew: Crew, api: Service, open_console: Opener) -> None:
    open_console.tolerate(*LOST, "status of 401")
    alarm = crew.task()
    address = f"http://127.0.0.1:{api.port}"
    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}", of=_Elsewhere(address))
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    _ready(page)
    page.get_by_role("link", name="Tasks").click()
    page.locator(".field-row").click()
    api.kill()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".field-act.pending")).to_have_count(1)
    expect(page.locator(".field-lost")).to_be_visible()
    context = page.context
    page.close()
    again = context.new_page()
    again.goto("/field?tab=acts")  # by what the device keeps: nobody answers
    expect(again.locator(".field-act.pending")).to_contain_text("Accept")
    assert crew.done(alarm) == [("desk", "assign")]
    api.start()
    again.goto(f"/field?tab=acts#key={crew.key('li')}")
    again.reload()
    expect(again.locator(".field-act.done")).to_have_count(1)
    assert crew.done(alarm) == [("desk", "assign"), ("li", "accept")]


class _Elsewhere:
    def __init__(self, address: str) -> None:
        self.address = address

    def key(self, role: str, areas: Any) -> str:
        raise AssertionError("a key is given")


def test_what_was_refused_meanwhile_is_told_and_the_rest_is_done(crew: Crew, open_console: Opener) -> None:
    open_console.tolerate(*LOST, "status of 409")
    crew.key("wang")
    taken, own = crew.task(), crew.task(sensor="DRAIN-1", severity=2)
    page = crew.opens(open_console, "/field?tab=tasks", language="zh")
    expect(page.locator(".field-row")).to_have_count(2)
    for sensor in ("七号阀室", "DRAIN-1"):
        page.get_by_role("link", name="任务").click()
        page.locator(".field-row", has_text=sensor).click()
        expect(page.get_by_role("button", name="接单")).to_be_visible()
    page.context.set_offline(True)
    for sensor in ("七号阀室", "DRAIN-1"):
        page.get_by_role("link", name="任务").click()
        page.locator(".field-row", has_text=sensor).click()
        page.get_by_role("button", name="接单").click()
        expect(page.locator(".field-act.pending")).to_have_count(1)
    crew.act("desk", taken, "assign", seen=2, to="wang")
    page.get_by_role("link", name="待发 2").click()
    _back(page)
    refused = page.locator(".field-act.refused")
    expect(refused).to_contain_text("七号阀室")
    expect(refused).to_contain_text("desk")
    expect(refused).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))
    expect(page.locator(".field-act.done")).to_contain_text("DRAIN-1")
    page.reload()
    expect(refused).to_be_visible()
    assert crew.done(own) == [("desk", "assign"), ("li", "accept")]
    assert crew.done(taken) == [("desk", "assign"), ("desk", "assign")]


def test_an_act_whose_answer_was_lost_is_sent_again_with_its_key_and_counts_once(
    crew: Crew, open_console: Opener
) -> None:
    open_console.tolerate(*LOST)
    alarm = crew.task()
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # the service has done it
            route.abort()
        else:
            route.continue_()

    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}")
    page.route("**/accept", lose_the_first)
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".field-act.done")).to_have_count(1)
    assert len(keys) > 1
    assert len(set(keys)) == 1
    assert crew.done(alarm) == [("desk", "assign"), ("li", "accept")]


def test_another_person_never_sends_them_and_who_leaves_is_told(crew: Crew, open_console: Opener) -> None:
    open_console.tolerate(*LOST)
    crew.key("wang")
    alarm = crew.task()
    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    _ready(page)
    page.context.set_offline(True)
    page.goto(f"/field?tab=tasks&alarm={alarm}")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".field-act.pending")).to_have_count(1)
    page.get_by_role("link", name="More").click()
    page.get_by_role("button", name="Log off").click()
    expect(page.get_by_text("1 acts are not sent yet.")).to_be_visible()
    page.get_by_role("button", name="Log off all the same").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert stored(page, "kept") == []
    page.reload()  # nobody is shown what was kept, nor who was here
    expect(page.get_by_label("Password")).to_be_visible()
    _back(page)
    _as(page, crew, "wang", "/field?tab=acts")
    expect(page.get_by_text("1 acts of li wait on this device")).to_be_visible()
    page.reload()
    expect(page.get_by_text("1 acts of li wait on this device")).to_be_visible()
    assert crew.done(alarm) == [("desk", "assign")]
    _as(page, crew, "li", "/field?tab=acts")
    expect(page.locator(".field-act.done")).to_have_count(1)
    assert crew.done(alarm) == [("desk", "assign"), ("li", "accept")]


def test_who_was_logged_in_elsewhere_meanwhile_does_not_lend_the_name(crew: Crew, open_console: Opener) -> None:
    """Tabs share the log-in: a page that still shows one person must not send by another's."""
    open_console.tolerate(*LOST)
    crew.key("wang")
    alarm = crew.task()
    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    sent: list[str] = []

    def as_wang(route: Route) -> None:
        sent.append(route.request.url)
        route.continue_(headers={**route.request.headers, "authorization": f"Bearer {crew.key('wang')}"})

    page.route("**/api/v1/**", as_wang)
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".field-act.pending")).to_have_count(1)
    page.get_by_role("link", name="Pending 1").click()
    page.get_by_role("button", name="Send now").click()
    page.wait_for_function("() => performance.getEntriesByName(location.origin + '/api/v1/session').length > 1")
    assert not [url for url in sent if url.endswith("/accept")]
    assert crew.done(alarm) == [("desk", "assign")]


def _as(page: Page, crew: Crew, name: str, path: str) -> None:
    page.goto("about:blank")
    page.goto(f"{path}#key={crew.key(name)}")


def test_the_worker_keeps_the_builds_files_and_never_an_answer(crew: Crew, open_console: Opener) -> None:
    page = crew.opens(open_console, geolocation=AT_GAS_1, permissions=["geolocation"])
    expect(page.locator(".field-row", has_text="22.5 %LEL")).to_be_visible()
    _ready(page)
    kept = page.evaluate(KEPT_BY_WORKER)
    assert "/field" in kept
    assert not [path for path in kept if path != "/field" and not path.startswith("/static/console/assets/")]
    assert not [path for path in kept if "map_body" in path or "maplibre" in path]


@pytest.fixture
def upgraded(background: Background, database_url: str, built_console: Path, tmp_path: Path) -> Iterator[Console]:
    """A console whose files a test may change."""
    copy = tmp_path / "console"
    shutil.copytree(built_console, copy, ignore=shutil.ignore_patterns("*.br", "*.gz"))  # each build packs its own
    with background.held(serving(background, database_url, copy)) as served:
        yield served


def test_after_an_upgrade_the_next_opening_shows_the_new_console_with_and_without_network(
    upgraded: Console, tmp_path: Path, open_upgraded: Opener
) -> None:
    open_upgraded.tolerate(*LOST)
    page = open_upgraded("/field?tab=device", role="field", areas=["jiayuguan"])
    expect(page.get_by_text(READY)).to_be_visible()
    folder = tmp_path / "console"
    index, worker = folder / "index.html", folder / "service-worker.js"
    index.write_text(index.read_text().replace("<body>", '<body data-build="next">'))
    worker.write_text(re.sub(r'VERSION = "', 'VERSION = "next-', worker.read_text()))
    page.goto("/field")
    expect(page.locator("body")).to_have_attribute("data-build", "next")  # at once, whatever the worker keeps
    page.evaluate(TAKEN_OVER)
    page.context.set_offline(True)
    page.goto("/field")
    expect(page.locator("body")).to_have_attribute("data-build", "next")


@pytest.fixture
def open_upgraded(upgraded: Any, browser: Any) -> Iterator[Opener]:
    opener = Opener(browser, upgraded)
    yield opener
    opener.close()


def test_a_service_that_is_down_behind_a_proxy_logs_nobody_off(crew: Crew, open_console: Opener) -> None:
    open_console.tolerate(*LOST, "status of 502")
    page = crew.opens(open_console, "/field?tab=tasks")
    expect(page.get_by_text("Nothing is assigned to you.")).to_be_visible()
    _ready(page)
    context: BrowserContext = page.context
    context.route("**/api/**", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    page.goto("/field?tab=tasks")
    expect(page.locator(".field-lost")).to_be_visible()
    expect(page.get_by_text("Nothing is assigned to you.")).to_be_visible()
    context.unroute("**/api/**")
    expect(page.locator(".field-lost")).to_have_count(0)
    assert json.loads(page.evaluate("localStorage.getItem('person')"))["person"]["name"] == "li"
