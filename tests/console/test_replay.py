"""The replay view: an exercise that is started, steered and ended on the page, and the past as it was seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.api.test_exercise_control import GAS, PIT, Trainer, write_recording
from tests.console.opening import Console, Opener, Whole, axe
from tests.integration.service import running

TAKES = re.compile(r"\b(of|/) 30 min")


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, built_console: Path) -> Iterator[Whole]:
    """All of Lifeline, with a recording of half an hour in which gas escapes after ten minutes."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("recordings")
    write_recording(folder, "leak", PIT, GAS)
    with running(home, LIFELINE_RECORDINGS=str(folder), LIFELINE_CONSOLE=str(built_console)) as service:
        yield Whole(service)


@pytest.fixture(scope="module")
def trainer(training: Whole) -> Trainer:
    return Trainer(training.service, "supervisor")


@pytest.fixture
def quiet(trainer: Trainer) -> Iterator[None]:
    """No exercise is left to the next test."""
    yield
    for one in trainer.get("/exercises")["exercises"]:
        trainer.do(one["exercise"], "end")


def _open(opener: Opener, place: Whole, **options: str) -> Page:
    page = opener("/replay", of=place, **{"role": "supervisor", **options})
    page.locator(".replay-panel").first.wait_for()
    return page


def _start(page: Page, minute: int, speed: str) -> None:
    page.get_by_role("button", name="Recording", exact=True).click()
    page.get_by_label("Recording").last.select_option("leak")
    page.get_by_label("Start at minute").fill(str(minute))
    page.get_by_label("Speed").select_option(speed)
    page.get_by_role("button", name="Start the exercise").click()


def _end(page: Page) -> None:
    page.get_by_role("button", name="End the exercise").click()
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.locator(".replay-deck")).to_have_count(0)


def test_an_exercise_from_its_start_to_the_look_back(training: Whole, quiet: None, open_console: Opener) -> None:
    page = _open(open_console, training)
    _start(page, 9, "300")
    deck = page.locator(".replay-deck")
    expect(deck.locator(".replay-state")).to_have_text("Playing")
    expect(deck).to_contain_text(TAKES)
    # It says what it is in the frame, a banner, the title, and wherever its name stands.
    expect(page.locator(".replay-banner, .mode-banner").first).to_contain_text("EXERCISE · EXERCISE · EXERCISE")
    framed = page.locator(".replay-exercise, :root[data-mode=exercise] .frame").first
    expect(framed).to_have_css("border-top-width", "8px")
    expect(page).to_have_title(re.compile(r"^\[exercise\]"))
    expect(deck.locator(".replay-tag")).to_have_text("Exercise")

    deck.get_by_role("button", name="1×", exact=True).click()
    expect(deck.get_by_role("button", name="1×", exact=True)).to_have_attribute("aria-pressed", "true")
    deck.get_by_role("button", name="Pause").click()
    expect(deck.locator(".replay-state")).to_contain_text("Paused")
    position = deck.get_by_role("slider", name="Position")
    position.focus()
    position.press("Home")  # everything by keyboard
    expect(position).to_have_value("0")
    expect(deck).to_contain_text("0 s of 30 min")
    position.fill("650")
    expect(deck).to_contain_text("10 min 50 s of 30 min")
    assert axe(page) == []
    deck.get_by_role("button", name="Go on").click()
    expect(deck.locator(".replay-state")).to_have_text("Playing")
    deck.get_by_role("button", name="10×", exact=True).click()

    # Looked back at: the alarm was raised, and before that it had not been.
    past = page.locator("section", has=page.get_by_role("heading", name="Look back"))
    row = past.locator("tbody tr", has_text="ex-GAS-1").filter(has_text="Combustible gas")
    again = deck.get_by_role("button", name="Look back at it")
    time = past.get_by_role("slider", name="Time")

    def is_raised() -> bool:
        again.click()
        expect(past.get_by_text("Loading the journal …")).to_have_count(0)
        time.press("End")
        return row.count() > 0

    for _ in range(60):
        if is_raised():
            break
        page.wait_for_timeout(250)
    expect(row.first).to_contain_text("Exercise")
    expect(past.locator(".replay-past-banner")).to_contain_text("EXERCISE REPLAY")
    expect(past.locator(".replay-course li").first).to_contain_text("engine")
    time.press("Home")
    expect(row).to_have_count(0)
    expect(past).to_contain_text("That is no proof of safety")
    past.get_by_role("button", name="Next change").click()
    expect(past.locator(".replay-course li")).to_have_count(1)
    past.get_by_role("button", name="Change before").click()
    expect(past.locator(".replay-course li")).to_have_count(0)
    past.get_by_role("button", name="1000×", exact=True).click()
    past.get_by_role("button", name="Play").click()
    expect(row.first).to_be_visible()
    expect(past.get_by_role("button", name="Play")).to_be_visible()  # it stops at the end
    assert axe(page) == []

    _end(page)
    expect(page.locator(".replay-exercise")).to_have_count(0)
    expect(page.locator(".replay-earlier")).to_contain_text("leak")
    past.get_by_role("button", name="Leave").click()
    expect(page).not_to_have_title(re.compile(r"^\[exercise\]"))
    expect(page.get_by_role("button", name="Start the exercise")).to_be_visible()


def test_who_may_not_train_watches(training: Whole, quiet: None, open_console: Opener) -> None:
    trainer = _open(open_console, training)
    _start(trainer, 0, "1")
    expect(trainer.locator(".replay-deck .replay-state")).to_have_text("Playing")
    page = _open(open_console, training, role="operator", language="zh", theme="night")
    deck = page.locator(".replay-deck")
    expect(deck.locator(".replay-state")).to_have_text("进行中")
    expect(page.locator(".replay-banner, .mode-banner").first).to_contain_text("演练 · 演练 · 演练")
    expect(page).to_have_title(re.compile(r"^\[演练\]"))
    expect(deck.get_by_role("button", name="暂停")).to_have_count(0)
    expect(deck.get_by_role("slider", name="进度")).to_be_disabled()
    expect(page.get_by_role("button", name="开始演练")).to_have_count(0)
    assert axe(page) == []
    page.get_by_role("button", name="查看演练报警").click()
    expect(page).to_have_url(re.compile("/$"))
    expect(page.locator(".mode-banner")).to_contain_text("演练")
    _end(trainer)


def test_what_is_refused_is_said(training: Whole, quiet: None, open_console: Opener) -> None:
    open_console.tolerate(r"status of 409", r"status of 422")
    one, other = _open(open_console, training), _open(open_console, training)
    other.get_by_role("button", name="Recording", exact=True).click()
    other.get_by_label("Start at minute").fill("9999")
    other.get_by_role("button", name="Start the exercise").click()
    expect(other.locator(".replay-earlier .replay-error").first).to_contain_text("lies at or behind its end")
    _start(one, 0, "1")
    expect(one.locator(".replay-deck .replay-state")).to_have_text("Playing")
    expect(other.locator(".replay-deck .replay-state")).to_have_text("Playing")  # whoever started it
    _end(one)
    expect(other.get_by_role("button", name="Start the exercise")).to_be_visible()


def test_the_past_of_a_city_is_what_was_seen_then(console: Console, open_console: Opener) -> None:
    console.raises("GAS-1", 3, minutes_ago=40)
    console.raises("GAS-2", 4, minutes_ago=20)
    console.raises("DRAIN-1", 2, minutes_ago=300)
    page = open_console("/replay", role="viewer")
    past = page.locator("section", has=page.get_by_role("heading", name="Look back"))
    past.get_by_label("City").select_option("jiayuguan")
    past.get_by_role("button", name="Load").click()
    banner = past.locator(".replay-past-banner")
    expect(banner).to_contain_text(re.compile(r"^REPLAY · Jiayuguan · as of .*, not now$"))
    time = past.get_by_role("slider", name="Time")
    end = int(time.get_attribute("max") or 0)
    rows = past.locator("tbody tr")
    # What stood before the span is there from its begin on.
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("DRAIN-1")
    for minutes, sensors in (
        (30, ["GAS-1", "DRAIN-1"]),
        (10, ["GAS-2", "GAS-1", "DRAIN-1"]),
        (30, ["GAS-1", "DRAIN-1"]),
    ):
        time.fill(str(end - 60_000 * minutes))
        expect(rows).to_have_count(len(sensors))
        for place, sensor in enumerate(sensors):
            expect(rows.nth(place)).to_contain_text(sensor)
    expect(rows.first).to_contain_text("replay")
    assert axe(page) == []
    # A span that ends before it begins is refused.
    shanghai = datetime.now(ZoneInfo("Asia/Shanghai"))
    past.get_by_label("From").fill((shanghai + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"))
    past.get_by_role("button", name="Load").click()
    expect(past.get_by_role("alert")).to_contain_text("The begin has to be before the end.")
