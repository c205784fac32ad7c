"""The drawer of one alarm: what decides is in sight, the trend is honest, and everything is said in both languages."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from playwright.sync_api import Page, expect

from alerts import findings, handling
from alerts.rule_file import default_packs
from model import suppression
from model.escalation import NOT_IN_TIME
from store.batches import IncomingReadings, write_batch
from store.sensors import import_sensors
from tests.api.service import MARKUP, SENSORS, silence
from tests.console.drawer_world import CAMERA, IN_OPERATION, lived_through, make
from tests.console.opening import ROOT, WALL, Console, Opener, axe, now

RED_ROWS = """() => {
  const canvas = document.querySelector(".drawer canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let rows = 0;
  for (let y = 0; y < height; y += 1) {
    let red = 0;
    for (let x = 0; x < width; x += 1) {
      const at = 4 * (y * width + x);
      if (data[at] > 150 && data[at + 1] < 40 && data[at + 2] < 60) red += 1;
    }
    if (red > width / 4) rows += 1;
  }
  return rows;
}"""


def drawn(page: Page) -> Page:
    expect(page.locator(".drawer canvas")).to_be_visible()
    return page


def choose(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()


def test_what_decides_is_seen_without_scrolling(console: Console, open_console: Opener) -> None:
    world = make(console)
    page = drawn(open_console(f"/?alarm={world.alarm}", viewport=WALL))
    drawer = page.get_by_role("complementary", name="Alarm")
    for said in (
        "Level I (red)", "unacknowledged", "Combustible gas · Valve chamber 7", "62.5 %LEL", "≥ 50 %LEL",
        "Keep people and sparks away", "A leaking gas pipe", "Explosion of the chamber", "of 5 min",
    ):  # fmt: skip
        expect(drawer.get_by_text(said).first).to_be_in_viewport(ratio=1)
    expect(drawer.get_by_role("img")).to_be_in_viewport(ratio=1)
    expect(drawer.get_by_role("button", name="Acknowledge")).to_be_in_viewport(ratio=1)

    levels = [re.compile(f"{limit} %LEL") for limit in (10, 20, 35, 50)]
    expect(page.locator(".drawer-level")).to_have_text(levels)
    expect(page.locator(".drawer-level.reached")).to_contain_text("50 %LEL")
    assert page.evaluate(RED_ROWS) > 0, "the limit is not drawn through the trend"

    link = page.get_by_role("link", name="Camera")
    expect(link).to_have_attribute("href", CAMERA)
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    assert axe(page) == []


def test_it_speaks_chinese_at_night(console: Console, open_console: Opener) -> None:
    world = make(console)
    page = drawn(open_console(f"/?alarm={world.alarm}", language="zh", theme="night", viewport=WALL))
    drawer = page.get_by_role("complementary", name="报警详情")
    for said in (
        "一级（红）", "未确认", "可燃气体浓度 · 七号阀室",
        "疏散人员、杜绝火源", "附近燃气管道或燃具泄漏", "剩余响应时间",
    ):  # fmt: skip
        expect(drawer.get_by_text(said).first).to_be_visible()
    expect(drawer).to_contain_text("首个达到限值的读数即报警，没有延时")
    assert axe(page) == []


def test_every_kind_and_reason_of_the_journal_has_words() -> None:
    words = (ROOT / "console" / "src" / "words" / "journal.ts").read_text("utf-8")
    kinds = {rule.condition.kind for pack in default_packs() for rule in pack.rules}
    reasons = {
        "limit_reached", "limit_left", "full_scale", "silent", "heard_again", "date_passed", "date_moved_on", "stands",
        "rule_withdrawn", "passage_ends", "combination_holds", "combination_left", "acknowledged", "reset", "commented",
        "judged", "unshelved", "parent_active", "parent_returned",
        *findings.REACHED.values(), *findings.LEFT.values(), *suppression.BEGUN.values(),
        *suppression.ENDED.values(), *handling._REASONS.values(),
        *(f"{word}_in_time" for word in NOT_IN_TIME.values()),
    }  # fmt: skip
    named = set(re.findall(r"(\w+): \"", words))
    assert kinds | reasons <= named


def test_the_time_left_is_counted_from_when_it_was_raised(console: Console, open_console: Opener) -> None:
    world = make(console, minutes_ago=7, readings=False)
    page = open_console(f"/?alarm={world.alarm}")
    expect(page.get_by_text(re.compile(r"over by \d min"))).to_be_visible()
    world.journal(silence("GAS-1", time=now(), raised=now()))
    expect(page.get_by_role("tabpanel")).to_contain_text("doubt does not lower danger")
    expect(page.locator(".drawer-head")).to_contain_text("condition unknown")
    expect(page.get_by_text(re.compile(r"over by \d min"))).to_be_visible()
    world.becomes(4, 0, now(), value=1.0)
    expect(page.get_by_text("not counted: the condition is gone")).to_be_visible()
    expect(page.get_by_text(re.compile("over by"))).to_have_count(0)


def test_gaps_and_doubt_are_said_and_the_trend_follows(console: Console, open_console: Opener) -> None:
    world = make(console)
    page = drawn(open_console(f"/?alarm={world.alarm}"))
    picture = page.locator(".drawer").get_by_role("img")
    expect(picture).to_have_accessible_name(re.compile(r"gaps: 1, bad readings: 1\.$"))
    page.get_by_text("As a table").click()
    rows = page.locator(".drawer-table tbody tr")
    expect(rows).to_have_count(60)
    expect(rows.filter(has_text="bad")).to_have_count(1)
    expect(rows.filter(has_text="uncertain")).to_have_count(1)

    time = now()
    reading = IncomingReadings(np.array([1], np.int32), np.array([time]), np.array([71.25]), np.zeros(1, np.uint16))
    console.run(write_batch(console.api.pool, time, reading))
    expect(picture).to_have_accessible_name(re.compile(r"newest 71\.3 %LEL"))
    expect(rows.first).to_contain_text("71.3 %LEL")
    page.get_by_role("button", name="7 d").click()
    expect(page.get_by_text("Each point is the mean of")).to_be_visible()


def test_explanation_neighbours_and_journal(console: Console, open_console: Opener) -> None:
    world = make(console)
    other = world.becomes(0, 3, now(), sensor="GAS-2", raised=now())
    page = open_console(f"/?alarm={world.alarm}")
    panel = page.get_by_role("tabpanel")
    for said in (
        "rule “Combustible gas” (readings beyond a limit) found at Valve chamber 7: limit reached",
        "Value 62.5 %LEL, limit 50 %LEL",
        "inside limit and deadband (2 %LEL) for 5 min",
        "was known at once",
        "the condition still holds",
    ):
        expect(panel).to_contain_text(said)

    page.get_by_role("group", name="Actions").get_by_role("button", name="Acknowledge").click()
    page.get_by_role("tab", name="Explanation").press("ArrowLeft")
    lines = page.locator(".drawer-journal li")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("Acknowledge operator-1 unacknowledged → acknowledged")
    expect(lines.last).to_contain_text("limit reached")
    page.get_by_text("As journalled").click()
    expect(page.locator(".drawer pre")).to_contain_text('"rule_version"')

    choose(page, "Neighbours")
    row = page.locator(".drawer-neighbours tbody tr").first
    expect(row).to_contain_text("downstream")
    expect(row).to_contain_text("3.5 %LEL")
    row.get_by_role("link", name="Level II (orange)").click()
    expect(page).to_have_url(re.compile(re.escape(other)))
    expect(page.locator(".drawer-head")).to_contain_text("GAS-2")


def test_why_it_was_raised_is_told_by_the_engine(console: Console, open_console: Opener) -> None:
    start = now() // 60_000 * 60_000 - 60 * 60_000
    alarm = console.run(lived_through(console, start))
    raised = f"{datetime.fromtimestamp(start / 1000 + 60, ZoneInfo('Asia/Shanghai')):%H:%M:%S}"
    page = drawn(open_console(f"/?alarm={alarm}", viewport=WALL))
    panel = page.get_by_role("tabpanel")
    panel.get_by_text("Why it was raised").click()
    for said in (
        f"The reading of {raised} was 62.5 %LEL: at or above the limit of level I (red), 50 %LEL.",
        "The condition would not have held if the reading of",
        "put into force at", "by li",
    ):  # fmt: skip
        expect(panel).to_contain_text(said)
    expect(page.locator(".explained-decisive")).to_contain_text("62.5 %LEL ≥ 50 %LEL")
    limits = panel.get_by_role("table", name="Limits in force then").locator("tbody tr")
    expect(limits).to_have_count(4)
    expect(limits.last).to_have_text(re.compile(r"50 %LEL\s*48 %LEL\s*the rule"))
    expect(panel).to_contain_text("the author's proposal: ladder within the caps")
    panel.get_by_text("Readings used (2)").click()
    expect(panel.get_by_role("row").filter(has_text="62.5 %LEL")).to_contain_text("judged")
    assert axe(page) == []

    page = drawn(open_console(f"/?alarm={alarm}", language="zh", viewport=WALL))
    page.get_by_text("为什么报警").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(
        f"{raised} 的读数为 62.5 %LEL，达到或高于一级（红）限值 50 %LEL。"
    )


def test_why_there_was_no_alarm_is_told_as_known_then_and_as_known_now(console: Console, open_console: Opener) -> None:
    start = now() // 60_000 * 60_000 - 60 * 60_000
    alarm = console.run(lived_through(console, start))
    zone = ZoneInfo("Asia/Shanghai")
    asked, second, late = (datetime.fromtimestamp(start / 1000 + 60 * minute, zone) for minute in (3, 1, 30))
    page = drawn(open_console(f"/?alarm={alarm}", viewport=WALL))
    choose(page, "Neighbours")
    panel = page.get_by_role("tabpanel")
    panel.get_by_text("Why was there no alarm?").click()
    panel.get_by_label("Rule").select_option("combustible-gas")
    panel.get_by_label("Time").fill("noon")
    panel.get_by_role("button", name="Ask why").click()
    expect(panel.get_by_role("status")).to_contain_text("Write it like")
    panel.get_by_label("Time").fill(f"{asked:%Y-%m-%d %H:%M}")
    panel.get_by_role("button", name="Ask why").click()
    for said in (
        "the condition of the rule “Combustible gas” did not hold at",
        f"The reading of {second:%H:%M:%S} came only at {late:%H:%M:%S}.",
        "As it is known now, the condition held",
    ):
        expect(panel).to_contain_text(said)
    expect(page.locator(".explained-views tbody tr").first).to_have_text(re.compile(r"did not hold.*held.*III"))
    panel.get_by_text("Readings used").click()
    expect(panel.get_by_role("row").filter(has_text="24 %LEL")).to_contain_text("not here yet then")
    assert axe(page) == []


def test_that_the_engine_cannot_tell_is_said_beside_what_the_journal_says(
    console: Console, open_console: Opener
) -> None:
    open_console.tolerate("status of 422")
    world = make(console)
    page = drawn(open_console(f"/?alarm={world.alarm}"))
    panel = page.get_by_role("tabpanel")
    panel.get_by_text("Why it was raised").click()
    expect(panel.get_by_role("alert")).to_contain_text("nothing had arrived yet")
    expect(panel).to_contain_text("Value 62.5 %LEL, limit 50 %LEL")


def test_escape_closes_it_and_the_focus_comes_back(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    page = open_console("/")
    expect(page.get_by_text("Valve chamber 7").first).to_be_visible()
    page.keyboard.press("j")
    before = page.evaluate("document.activeElement.className + document.activeElement.id")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(re.escape(world.alarm)))
    expect(page.locator(".drawer :focus")).to_have_text(re.compile("Trend"))
    page.keyboard.press("Escape")
    expect(page.locator(".drawer")).to_have_count(0)
    assert page.evaluate("document.activeElement.className + document.activeElement.id") == before


def test_what_is_missing_is_said_and_names_are_text(console: Console, open_console: Opener) -> None:
    open_console.tolerate("status of 404")
    page = open_console("/?alarm=nothing.like.this")
    expect(page.get_by_role("alert").filter(has_text="no such alarm")).to_be_visible()

    elsewhere = msgspec.structs.replace(SENSORS[0], camera_url="rtsp://cameras.example/7")
    console.run(import_sensors(console.api.pool, [elsewhere], IN_OPERATION))
    page = open_console(f"/?alarm={console.raises('GAS-1', 2)}")
    expect(page.locator(".drawer h2").first).to_contain_text(MARKUP)
    expect(page.locator(".drawer img")).to_have_count(0)
    expect(page.get_by_text("The rule is not in force any more")).to_be_visible()
    expect(page.get_by_text("rtsp://cameras.example/7")).to_be_visible()
    expect(page.get_by_role("link", name="Camera")).to_have_count(0)
