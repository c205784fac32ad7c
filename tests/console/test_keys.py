"""The keys of the alarm screen: all of it without a mouse, and never while somebody types."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.many_alarms import Streets, acknowledge, expect_order, raised_at, row
from tests.console.opening import Console, Opener, now


@pytest.fixture
def streets(console: Console) -> Streets:
    return Streets(console, 12)


@pytest.fixture
def three(open_console: Opener, streets: Streets) -> tuple[Page, list[str]]:
    """A page with three orange alarms, the newest first."""
    alarms = [streets.raises(place, 3, minutes_ago=10 + place) for place in range(3)]
    page = open_console()
    expect_order(page, *alarms)
    return page, alarms


def is_active(page: Page, alarm: str) -> None:
    expect(page.locator("#alarm-grid")).to_have_attribute("aria-activedescendant", f"row-{alarm}")


def test_j_and_k_walk_the_list(three: tuple[Page, list[str]]) -> None:
    page, alarms = three
    for key, alarm in (("j", 0), ("j", 1), ("ArrowDown", 2), ("j", 2), ("k", 1), ("ArrowUp", 0), ("End", 2)):
        page.keyboard.press(key)
        is_active(page, alarms[alarm])


def test_a_acknowledges_the_row_and_says_so(three: tuple[Page, list[str]]) -> None:
    page, alarms = three
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(row(page, alarms[1])).not_to_contain_text("unacknowledged")
    expect(row(page, alarms[1])).to_contain_text("acknowledged")
    expect(page.locator(".said")).to_have_text("Acknowledged: Pressure point 1")
    expect(row(page, alarms[0])).to_contain_text("unacknowledged")


def test_a_row_says_sending_until_the_service_answers(three: tuple[Page, list[str]]) -> None:
    page, alarms = three
    held: list[Route] = []
    page.route("**/acknowledge", lambda route: held.append(route))
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(row(page, alarms[0])).to_contain_text("sending…")
    held[0].continue_()
    expect(row(page, alarms[0])).not_to_contain_text("sending…")
    expect(row(page, alarms[0])).not_to_contain_text("unacknowledged")


def test_several_are_acknowledged_together(three: tuple[Page, list[str]]) -> None:
    page, alarms = three
    page.keyboard.press("j")
    page.keyboard.press("Shift+J")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator(".said")).to_have_text("Acknowledged: 2")
    for alarm in alarms[:2]:
        expect(row(page, alarm)).not_to_contain_text("unacknowledged")
    expect(row(page, alarms[2])).to_contain_text("unacknowledged")


def test_what_rose_after_it_was_selected_is_not_acknowledged(three: tuple[Page, list[str]], streets: Streets) -> None:
    page, alarms = three
    page.keyboard.press("j")
    page.keyboard.press("Shift+J")
    expect(page.get_by_text("2 selected")).to_be_visible()
    streets.journal(streets.change(0, 3, 4, raised=raised_at(alarms[0]), time=now()))
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(page.locator(".said")).to_contain_text("Valve chamber 0: it rose after you selected it")
    page.keyboard.press("a")
    expect(row(page, alarms[1])).not_to_contain_text("unacknowledged")
    expect(row(page, alarms[0])).to_contain_text("unacknowledged")
    expect(row(page, alarms[0])).to_contain_text("◆ Ⅰ")


def test_who_was_first_is_told(open_console: Opener, console: Console, streets: Streets) -> None:
    alarm = streets.raises(0, 3)
    open_console.tolerate("status of 409")
    page = open_console()
    expect_order(page, alarm)
    page.keyboard.press("j")
    held: list[Route] = []
    page.route("**/acknowledge", lambda route: held.append(route))
    page.keyboard.press("a")
    expect(row(page, alarm)).to_contain_text("sending…")
    acknowledge(console, alarm)
    held[0].continue_()
    expect(page.locator(".said.refused")).to_contain_text(re.compile(r"desk-2 acknowledged it at \d\d:\d\d:\d\d"))
    expect(row(page, alarm)).not_to_contain_text("unacknowledged")


def test_slash_filters_and_letters_typed_there_are_letters(three: tuple[Page, list[str]]) -> None:
    page, alarms = three
    page.keyboard.press("/")
    page.keyboard.type("ajmanhole x?")
    expect(page.get_by_role("searchbox", name="Text")).to_have_value("ajmanhole x?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("searchbox", name="Text").fill("chamber")
    expect_order(page, alarms[0])
    expect(row(page, alarms[0])).to_contain_text("unacknowledged")


@pytest.mark.parametrize(("key", "title"), [("s", "Shelve"), ("c", "Comment")])
def test_s_and_c_open_their_dialogs_and_escape_leaves_them(three: tuple[Page, list[str]], key: str, title: str) -> None:
    page, _ = three
    page.keyboard.press("j")
    page.keyboard.press(key)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(title)
    page.keyboard.press("j")  # nothing moves behind a dialog
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#alarm-grid")).to_be_focused()


def test_t_opens_the_alarm_m_the_map_and_escape_closes(open_console: Opener, three: tuple[Page, list[str]]) -> None:
    open_console.tolerate("GPU stall", "WebGL")
    page, alarms = three
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile("map=1"))
    expect(page.get_by_role("region", name="Map", exact=True).first).to_be_visible()
    page.keyboard.press("m")
    expect(page).not_to_have_url(re.compile("map=1"))
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(f"alarm={re.escape(alarms[0])}"))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("alarm="))


def test_question_mark_lists_every_key_and_letters_can_be_turned_off(three: tuple[Page, list[str]]) -> None:
    page, _ = three
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    for key in "JKASTMC/X?N":
        expect(dialog.locator("kbd", has_text=re.compile(f"^{re.escape(key)}$"))).to_have_count(1)
    dialog.get_by_label("Use the single-letter keys").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    expect(page.locator("#alarm-grid")).not_to_be_focused()
    # all of it is reachable without them
    page.locator("#alarm-grid").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Acknowledge", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_contain_text("Acknowledged")


def test_a_viewer_is_not_offered_to_acknowledge(open_console: Opener, streets: Streets) -> None:
    alarm = streets.raises(0, 3)
    page = open_console(role="viewer")
    expect_order(page, alarm)
    page.keyboard.press("j")
    expect(page.get_by_role("button", name="Acknowledge", exact=True)).to_be_disabled()
    page.keyboard.press("a")
    expect(page.locator(".said")).to_contain_text("not by your role")
    expect(row(page, alarm)).to_contain_text("unacknowledged")
    page.keyboard.press("s")
    expect(page.get_by_text("its state or your role does not allow this")).to_be_visible()
    expect(page.locator("dialog[open]")).to_have_count(0)
