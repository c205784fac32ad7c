"""The alarm screen: what stands where, that rows stay under the pointer, views, filters, floods and incidents."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from model.instant import format_instant
from model.vocabulary import PROPERTIES
from tests.console.many_alarms import Streets, acknowledge, expect_order, order, post, raised_at, row, rows
from tests.console.opening import ROOT, WALL, Console, Opener, axe, now

ROW_PX = 26


@pytest.fixture
def streets(console: Console) -> Streets:
    return Streets(console, 30)


def test_unacknowledged_come_first_then_by_priority_then_the_newest(
    open_console: Opener, console: Console, streets: Streets
) -> None:
    old_red = streets.raises(0, 4, minutes_ago=50)
    yellow = streets.raises(1, 2, minutes_ago=5)
    new_red = streets.raises(3, 4, minutes_ago=20)
    orange = streets.raises(2, 3, minutes_ago=30)
    seen = streets.raises(6, 4, minutes_ago=3)
    acknowledge(console, seen)

    page = open_console()

    expect_order(page, new_red, old_red, orange, yellow, seen)
    first = row(page, new_red)
    expect(first).to_contain_text("◆ Ⅰ")
    expect(first).to_contain_text("highest")
    expect(first).to_contain_text("unacknowledged")
    expect(first).to_contain_text("Valve chamber 3 S-00003")
    expect(first).to_contain_text("yongchang · gas")
    expect(first).to_contain_text("Combustible gas")
    expect(first).to_contain_text("62.5%LEL / 50%LEL")
    expect(first).to_contain_text(re.compile(r"20 min"))
    banner = page.get_by_role("region", name="Alarms in brief")
    expect(banner.get_by_role("button", name=re.compile(r"Level I \(red\)\s*2"))).to_contain_text("/ 3")
    expect(banner.locator(".newest")).to_contain_text("Valve chamber 3")


def test_rows_never_move_under_the_pointer(open_console: Opener, streets: Streets) -> None:
    alarms = [streets.raises(place, 3, minutes_ago=10 + place) for place in range(4)]
    page = open_console()
    expect_order(page, *alarms)
    row(page, alarms[1]).hover()

    new = streets.raises(6, 4)

    # the banner tells a red one at once, the list says that one waits, and every row stands where it stood
    expect(page.locator(".alarm-banner .newest")).to_contain_text("Valve chamber 6")
    take_in = page.get_by_role("button", name=re.compile("^1 new"))
    expect(take_in).to_be_visible()
    assert order(page) == alarms

    streets.journal(streets.change(3, 3, 4, raised=raised_at(alarms[3]), time=now()))
    expect(row(page, alarms[3])).to_contain_text("◆ Ⅰ")  # what a row says is new at once
    expect(page.get_by_role("button", name=re.compile("1 new · 1 changed place"))).to_be_visible()
    assert order(page) == alarms

    take_in.click()
    expect_order(page, new, alarms[3], *alarms[:3])


def test_what_ends_stays_as_a_grey_row_until_the_pointer_leaves(
    open_console: Opener, console: Console, streets: Streets
) -> None:
    alarms = [streets.raises(place, 3, minutes_ago=10 + place) for place in range(3)]
    page = open_console("/?view=unacknowledged")
    expect_order(page, *alarms)
    row(page, alarms[2]).hover()

    acknowledge(console, alarms[0])

    expect(row(page, alarms[0])).to_have_class(re.compile(r"\bgone\b"))
    expect(row(page, alarms[0])).to_contain_text("acknowledged")
    assert order(page) == alarms
    page.locator(".alarm-banner").hover()
    expect_order(page, *alarms[1:])


def test_the_list_stands_still_while_the_keyboard_is_in_it(open_console: Opener, streets: Streets) -> None:
    alarms = [streets.raises(place, 3, minutes_ago=10 + place) for place in range(3)]
    page = open_console()
    expect_order(page, *alarms)
    page.keyboard.press("j")
    expect(page.locator("#alarm-grid")).to_be_focused()

    new = streets.raises(6, 4)

    expect(page.get_by_role("button", name=re.compile("^1 new"))).to_be_visible()
    assert order(page) == alarms
    page.keyboard.press("n")
    expect_order(page, new, *alarms)
    assert page.locator("#alarm-grid").get_attribute("aria-activedescendant") == f"row-{alarms[0]}"


def test_views_have_their_alarms_and_counts(open_console: Opener, console: Console, streets: Streets) -> None:
    waits = streets.raises(0, 2, minutes_ago=40)
    seen = streets.raises(1, 2, minutes_ago=30)
    shelved = streets.raises(2, 2, minutes_ago=20)
    out = streets.raises(3, 2, minutes_ago=15)
    suppressed = streets.raises(4, 2, minutes_ago=10)
    acknowledge(console, seen)
    until = format_instant(now() + 3_600_000)
    post(console, f"/alarms/{shelved}/shelve", {"seen_sequence": 1, "reason": "pump test", "until": until})
    post(console, f"/alarms/{out}/out-of-service", {
        "seen_sequence": 1, "reason": "head replaced", "permit": "P-7", "review_at": format_instant(now() + 86_400_000),
    })  # fmt: skip
    post(
        console,
        f"/alarms/{suppressed}/suppress",
        {"seen_sequence": 1, "purpose": "bump_test", "reason": "yearly", "duration_s": 900},
    )
    page = open_console()
    expect_order(page, waits, seen)
    tabs = page.get_by_role("navigation", name="Lists of alarms")

    for name, alarm in (
        ("Unacknowledged 1", waits), ("Acknowledged 1", seen), ("Shelved 1", shelved), ("Suppressed 1", suppressed),
        ("Out of service 1", out),
    ):  # fmt: skip
        tabs.get_by_role("button", name=name, exact=True).click()
        expect_order(page, alarm)
    expect(page).to_have_url(re.compile("view=out_of_service"))
    page.go_back()
    expect_order(page, suppressed)
    tabs.get_by_role("button", name="Shelved 1").click()
    expect(row(page, shelved)).to_contain_text("until")


def test_filters_are_the_address_and_each_has_a_chip(open_console: Opener, streets: Streets) -> None:
    gas, water, drain = (streets.raises(place, 4 - place, minutes_ago=10) for place in range(3))
    page = open_console()
    expect_order(page, gas, water, drain)

    page.get_by_label("System").select_option("water")
    expect_order(page, water)
    expect(page).to_have_url(re.compile("system=water"))
    page.reload()
    expect_order(page, water)
    page.get_by_role("button", name="Take away the filter System water supply").click()
    expect_order(page, gas, water, drain)
    assert "system" not in page.url

    page.get_by_role("button", name=re.compile(r"Level II \(orange\)")).click()
    expect_order(page, water)
    page.get_by_role("button", name=re.compile("Take away the filter Severity")).click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Text")).to_be_focused()
    page.keyboard.type("manhole 2")
    expect_order(page, drain)
    expect(page).to_have_url(re.compile(r"q=manhole\+2"))


def test_only_rows_in_sight_are_drawn_and_at_least_thirty_on_a_large_screen(
    open_console: Opener, console: Console
) -> None:
    streets = Streets(console, 400)
    streets.journal(*(streets.raised(place, 2, minutes_ago=place + 1) for place in range(400)))
    page = open_console("/?folded=shown", viewport=WALL)
    grid = page.locator("#alarm-grid")
    expect(grid).to_have_attribute("aria-rowcount", "401")

    assert page.evaluate("document.getElementById('alarm-grid').clientHeight") >= 31 * ROW_PX  # its head is one
    assert rows(page).count() < 60
    page.keyboard.press("j")
    page.keyboard.press("End")
    expect(page.locator('#alarm-grid [aria-rowindex="401"]')).to_contain_text("S-00399")
    assert rows(page).count() < 60


def test_a_flood_is_named_and_folds_all_but_red(open_console: Opener, streets: Streets) -> None:
    changes = [streets.raised(place, 2, minutes_ago=0.5 - place / 1000) for place in range(0, 30, 3)]
    first, *others = streets.journal(*changes)
    red = streets.raises(1, 4, minutes_ago=0.1)
    page = open_console(viewport=WALL)

    expect(page.locator(".flood")).to_contain_text(re.compile(r"first out Valve chamber 0 Combustible gas, 9 folded"))
    newest = page.locator(".alarm-banner .newest")
    newest.locator("strong").evaluate("(one) => { one.textContent = 'A very long name of a place, '.repeat(20); }")
    # cut off where it does not fit, and not left out
    assert newest.evaluate(
        "(all) => { const box = all.querySelector('.severity').getBoundingClientRect();"
        " const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);"
        " return all.querySelector('button').contains(seen) && all.scrollWidth <= all.clientWidth; }"
    )
    group = page.locator('#alarm-grid [data-row^="group:"]')
    expect(group).to_have_count(1)
    expect(group).to_contain_text("9 folded")
    assert order(page)[0] == red
    assert first in order(page)
    expect(row(page, others[0])).to_have_count(0)

    group.click()
    expect(row(page, others[0])).to_be_visible()
    expect(group.locator("[aria-expanded]")).to_have_attribute("aria-expanded", "true")
    assert axe(page) == []
    page.get_by_role("button", name="Show each").click()
    expect(group).to_have_count(0)
    assert len(order(page)) == 11


def test_incidents_are_listed_with_their_cause_and_members(open_console: Opener, streets: Streets) -> None:
    one = streets.raises(1, 4, minutes_ago=3)
    other = streets.raises(4, 3, minutes_ago=2)
    page = open_console("/?view=incidents")

    listed = page.get_by_role("region", name="Incidents")
    first = listed.get_by_role("row", name="2 / 2")
    first.get_by_role("button").click()
    members = listed.get_by_role("list", name="Members")
    expect(members.get_by_role("listitem")).to_have_count(2)
    expect(members).to_contain_text("Pressure point 1 · Water pressure low")
    expect(members).to_contain_text("close to")
    assert axe(page) == []
    listed.get_by_role("button", name="Show in the list").click()
    expect_order(page, one, other)


def test_a_click_opens_the_alarm_and_the_address_names_it(open_console: Opener, streets: Streets) -> None:
    alarm = streets.raises(0, 4)
    page = open_console()
    row(page, alarm).click()
    expect(page).to_have_url(re.compile(f"alarm={re.escape(alarm)}"))
    expect(page.get_by_role("complementary")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(page.locator("#alarm-grid")).to_be_focused()


def test_a_doubtful_alarm_says_so_at_once_and_none_is_not_called_safe(open_console: Opener, streets: Streets) -> None:
    page = open_console(language="zh")
    expect(page.locator("#alarm-grid")).to_contain_text("没有报警不等于安全")
    alarm = streets.raises(0, 4)
    expect(row(page, alarm)).to_contain_text("未确认")
    streets.raises(0, 1, rule="sensor-silent", kind="stale", alarm_class="instrument", priority="low", cause="silence",
                   reason="silent", value=600.0, limit=300.0)  # fmt: skip
    expect(row(page, alarm)).to_contain_text("存疑")
    expect(row(page, alarm)).to_contain_text("◆ Ⅰ")


def test_the_units_of_values_are_those_in_which_readings_are_kept() -> None:
    units = (ROOT / "console" / "src" / "alarms" / "units.ts").read_text("utf-8")
    known = dict(re.findall(r'^  (\w+): "(.+)",$', units, re.MULTILINE))
    assert known == {name: kept.unit for name, kept in PROPERTIES.items() if kept.unit != "1"}


@pytest.mark.parametrize(("language", "theme"), [("zh", "day"), ("en", "night")])
def test_there_is_nothing_that_axe_finds_against_it(
    open_console: Opener, streets: Streets, language: str, theme: str
) -> None:
    for place in range(8):
        streets.raises(place, place % 4 + 1, minutes_ago=place * 5 + 1)
    page = open_console(language=language, theme=theme)
    expect(rows(page)).to_have_count(8)
    page.keyboard.press("Shift+J")
    page.keyboard.press("Shift+J")
    assert axe(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert axe(page) == []
