"""The sound of alarms in a real browser: which tones are played, and what keeps them from being heard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from model.instant import format_instant
from tests.console.many_alarms import Streets, expect_order, post, row
from tests.console.opening import Console, Opener, now

WATCHED = """
window.pulses = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) {
  window.pulses.push(this.frequency.value);
  return start.apply(this, given);
};
"""
RED, ORANGE, YELLOW = [988, 784, 988, 784, 988], [784, 659, 784], [587, 587]


@pytest.fixture
def streets(console: Console) -> Streets:
    return Streets(console, 60)


@pytest.fixture
def page(open_console: Opener, streets: Streets) -> Page:
    """A page whose tones are watched, before anybody has touched it."""
    page = open_console()
    page.add_init_script(WATCHED)
    page.reload()
    expect(page.locator("#alarm-grid")).to_contain_text("No alarm fits")
    return page


def sound(page: Page) -> Any:
    return page.locator("button.sound")


def arm(page: Page) -> None:
    page.locator(".alarm-banner").click()
    expect(sound(page)).to_contain_text("Sound on")


def heard(page: Page, *tones: list[int]) -> None:
    """Wait until these tones have been heard and no other, and forget them."""
    wanted = [pitch for tone in tones for pitch in tone]
    page.wait_for_function("(count) => window.pulses.length >= count", arg=len(wanted))
    assert page.evaluate("window.pulses.splice(0)") == wanted


def passes(page: Page, ms: int) -> None:
    """Let time pass in which something must not happen: nothing tells when it has not."""
    page.wait_for_timeout(ms)


def test_sound_is_red_until_the_browser_lets_it_through_and_armed_by_a_click(page: Page, streets: Streets) -> None:
    expect(sound(page)).to_contain_text("Silenced by the browser")
    expect(sound(page)).to_have_css("color", "rgb(179, 0, 27)")
    streets.raises(0, 2)
    expect(page.locator("#alarm-grid [data-row]")).to_have_count(1)
    assert page.evaluate("window.pulses") == []
    arm(page)


def test_each_severity_has_its_tone(page: Page, streets: Streets) -> None:
    arm(page)
    streets.raises(0, 2)
    heard(page, YELLOW)
    streets.raises(1, 3)
    heard(page, ORANGE)
    streets.raises(2, 4)
    heard(page, RED)


def test_a_burst_is_one_tone(page: Page, streets: Streets) -> None:
    arm(page)
    streets.journal(*(streets.raised(place, 3 if place % 2 else 2) for place in range(8)))
    heard(page, ORANGE)
    passes(page, 1500)
    assert page.evaluate("window.pulses") == []


def test_red_repeats_until_it_is_acknowledged(page: Page, streets: Streets) -> None:
    arm(page)
    alarm = streets.raises(0, 4)
    heard(page, RED)
    heard(page, RED)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(row(page, alarm)).not_to_contain_text("unacknowledged")
    page.evaluate("window.pulses.splice(0)")
    streets.raises(1, 2)
    heard(page, YELLOW)


def test_x_silences_and_acknowledges_nothing_until_the_next_of_the_same_severity(page: Page, streets: Streets) -> None:
    arm(page)
    page.keyboard.press("x")
    expect(page.locator(".said")).to_have_text("Nothing is sounding.")
    alarm = streets.raises(0, 3)
    heard(page, ORANGE)
    page.keyboard.press("x")
    expect(sound(page)).to_contain_text("Silenced")
    expect(row(page, alarm)).to_contain_text("unacknowledged")
    lower = streets.raises(1, 2)
    expect(row(page, lower)).to_contain_text("Pressure point 1")
    passes(page, 1500)
    assert page.evaluate("window.pulses") == []
    streets.raises(2, 3)
    heard(page, ORANGE)
    expect(sound(page)).to_contain_text("Sound on")


def test_a_choice_mutes_visibly(page: Page, streets: Streets) -> None:
    arm(page)
    sound(page).click()
    expect(sound(page)).to_contain_text("Muted")
    alarm = streets.raises(0, 4)
    expect(row(page, alarm)).to_be_visible()
    passes(page, 1000)
    assert page.evaluate("window.pulses") == []
    sound(page).click()
    expect(sound(page)).to_contain_text("Sound on")
    heard(page, RED)  # it repeats, because it is unacknowledged still


def test_what_is_shelved_is_not_heard(page: Page, console: Console, streets: Streets) -> None:
    alarm = streets.raises(0, 2, minutes_ago=2)
    until = format_instant(now() + 3_600_000)
    post(console, f"/alarms/{alarm}/shelve", {"seen_sequence": 1, "reason": "pump test", "until": until})
    arm(page)
    streets.raises(0, 2, minutes_ago=0)  # the shelf holds the next occurrence too
    expect(page.get_by_role("button", name=re.compile("Shelved 2"))).to_be_visible()
    passes(page, 1000)
    assert page.evaluate("window.pulses") == []
    streets.raises(1, 2)
    heard(page, YELLOW)


def test_what_a_flood_folds_is_not_heard_and_red_is(page: Page, streets: Streets) -> None:
    streets.journal(*(streets.raised(place, 2, minutes_ago=0.5) for place in range(0, 36, 3)))
    expect(page.locator('#alarm-grid [data-row^="group:"]')).to_have_count(1)
    arm(page)
    passes(page, 4000)  # the tone of what stood folds what comes with it
    page.evaluate("window.pulses.splice(0)")
    folded = streets.raises(39, 2, minutes_ago=0)
    expect(page.locator('#alarm-grid [data-row^="group:"]')).to_contain_text("12 folded")
    passes(page, 1500)
    assert page.evaluate("window.pulses") == [], folded
    red = streets.raises(1, 4, minutes_ago=0)
    heard(page, RED)
    expect(row(page, red)).to_be_visible()


def test_what_stands_when_somebody_logs_in_is_heard(open_console: Opener, streets: Streets) -> None:
    alarm = streets.raises(0, 4, minutes_ago=30)
    page = open_console()
    page.add_init_script(WATCHED)
    page.reload()
    expect_order(page, alarm)
    arm(page)
    heard(page, RED)


def test_the_click_that_logs_in_arms_the_sound(open_console: Opener, console: Console) -> None:
    open_console.tolerate("status of 401")
    page = open_console(role=None)
    page.get_by_text("With an API key").click()
    page.get_by_label("API key").fill(console.key("operator"))
    page.get_by_role("button", name="Enter").click()
    expect(sound(page)).to_contain_text("Sound on")
