"""The phone view for crews: what is near, their tasks, the work from accepted to verified; for thumbs and sunlight."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from model.alarm import ConditionChange
from tests.api.service import change
from tests.console.crew import AT_GAS_1, Crew, crew_of, stored
from tests.console.opening import Console, Opener, axe, now

HERE: dict[str, Any] = {"geolocation": AT_GAS_1, "permissions": ["geolocation"]}
NEVER_SAID = re.compile(r"安全|绿|\bsafe|\bgreen", re.IGNORECASE)
TARGETS = """
() => {
  const found = [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
    .map((one) => one.type === "checkbox" ? one.closest("label") : one)
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && box.height > 0);
  const name = (one) => `${one.tagName} ${(one.textContent || one.id).trim().slice(0, 30)}`;
  const small = found.filter(([, box]) => box.width < 47.99 || box.height < 47.99)
    .map(([one, box]) => `${name(one)}: ${box.width} x ${box.height}`);
  const scroller = (one) => one.closest(".field-page, .field-tabs, .field-top, .banners");
  for (const [first, a] of found) for (const [second, b] of found) {
    if (first === second || first.contains(second) || second.contains(first)) continue;
    if (scroller(first) !== scroller(second)) continue;
    const across = Math.max(a.left, b.left) - Math.min(a.right, b.right);
    const down = Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom);
    const apart = Math.max(across, down);
    if (apart < 7.99) small.push(`${name(first)} and ${name(second)}: ${apart} px apart`);
  }
  const outside = document.documentElement.scrollWidth - innerWidth;
  return outside > 0 ? [...small, `${outside} px wider than the screen`] : small;
}
"""
SMALL_TYPE = """
() => [...document.querySelectorAll(".field *:not(.map-field *)")]
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .filter((one) => one.getClientRects().length && parseFloat(getComputedStyle(one).fontSize) < 17)
  .map((one) => `${one.textContent.slice(0, 30)}: ${getComputedStyle(one).fontSize}`)
"""


@pytest.fixture
def crew(console: Console) -> Crew:
    return crew_of(console)


def _row(page: Page, text: str) -> Any:
    return page.locator(".field-row", has_text=text)


def test_near_me_are_the_nearest_first_with_distance_direction_value_unit_and_age(
    crew: Crew, open_console: Opener
) -> None:
    page = crew.opens(open_console, **HERE)
    rows = page.locator("section, ul").last.locator(".field-row")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("七号阀室")
    expect(rows.nth(0)).to_contain_text("109 m south-east")
    expect(rows.nth(0)).to_contain_text("22.5 %LEL")
    expect(rows.nth(0)).to_contain_text(re.compile(r"\d\d:\d\d:\d\d, \d+ s old"))
    expect(rows.nth(1)).to_contain_text("3.25 %LEL")
    expect(rows.nth(1)).to_contain_text(re.compile(r"4 min \d* ?s? ?old"))
    expect(rows.nth(2)).to_contain_text("DRAIN-1")
    expect(rows.nth(2)).to_contain_text("never heard")
    arrow = rows.nth(0).locator(".field-way path").get_attribute("transform")
    assert arrow is not None
    assert 90 < float(arrow.removeprefix("rotate(").removesuffix(")")) < 135


def test_alarms_near_are_listed_with_their_severity(crew: Crew, open_console: Opener) -> None:
    crew.console.raises("GAS-2", 4)
    page = crew.opens(open_console, **HERE)
    alarm = page.locator(".field-row.alarm")
    expect(alarm).to_contain_text("Level I (red)")
    expect(alarm).to_contain_text("950 m east")


def test_a_position_is_sent_rounded_and_stays_nowhere(crew: Crew, open_console: Opener) -> None:
    asked: list[str] = []
    page = crew.opens(open_console, **HERE)
    page.on("request", lambda request: asked.append(request.url))
    expect(_row(page, "七号阀室")).to_be_visible()
    page.get_by_text("Place: my position").click()
    with page.expect_response(lambda answer: "/alarms?near=" in answer.url) as told:
        page.get_by_role("button", name="Use my position").click()
    told.value.finished()
    expect(_row(page, "七号阀室")).to_be_visible()
    nears = {value for url in asked for value in parse_qs(urlsplit(url).query).get("near", [])}
    assert nears == {"98.2889,39.7705"}
    assert "98.2889" not in page.url
    own = page.evaluate("[{ ...localStorage }, { ...sessionStorage }, document.cookie]")
    kept = json.dumps([stored(page, "kept"), stored(page, "acts"), own])
    assert "GAS-1" in kept
    assert "98.2889" not in kept
    assert "39.7705" not in kept


def test_without_a_position_a_number_or_a_district_is_asked_for(crew: Crew, open_console: Opener) -> None:
    page = crew.opens(open_console, permissions=[])
    page.get_by_role("button", name="Use my position").click()
    expect(page.get_by_role("alert")).to_contain_text("The position was not allowed")
    page.get_by_label("Manhole, asset number or sensor").fill("m-100 %")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".field-where")).to_contain_text("M-100% · jiayuguan · jingtie")
    expect(_row(page, "DRAIN-1")).to_be_visible()
    page.get_by_text("Place: m-100 %").click()
    page.get_by_label("Choose a district").select_option(label="Jiayuguan · xiongguan")
    expect(_row(page, "GAS-2")).to_be_visible()
    expect(_row(page, "DRAIN-1")).to_have_count(0)


def test_what_is_no_asset_is_looked_for_among_the_sensors_and_what_is_neither_is_said(
    crew: Crew, open_console: Opener
) -> None:
    page = crew.opens(open_console)
    page.get_by_label("Manhole, asset number or sensor").fill("drain-2")
    page.keyboard.press("Enter")
    expect(_row(page, "DRAIN-2")).to_be_visible()
    open_console.tolerate("status of 404")
    page.get_by_text("Place: drain-2").click()
    page.get_by_label("Manhole, asset number or sensor").fill("nowhere")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("“nowhere” was not found")


def test_without_https_the_page_says_what_it_lacks(crew: Crew, open_console: Opener) -> None:
    page = crew.opens(open_console, "/field?tab=device")
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.reload()
    expect(page.get_by_text("cannot be opened anew without network: that needs an https connection")).to_be_visible()
    page.get_by_role("link", name="Near").click()
    page.get_by_role("button", name="Use my position").click()
    expect(page.get_by_role("alert")).to_contain_text("needs an https connection")


def test_one_sensor_has_its_value_its_last_hours_with_gaps_blank_and_its_alarms(
    crew: Crew, open_console: Opener
) -> None:
    crew.console.raises("GAS-1", 3)
    page = crew.opens(open_console, "/field?sensor=GAS-1", language="zh")
    expect(page.locator(".field-reading .field-value")).to_have_text("22.5 %LEL")
    expect(page.locator(".field-reading")).to_contain_text("数据质量：无异常标记")
    expect(page.locator(".field-trend polyline")).to_have_count(2)  # before the gap and after it
    expect(page.get_by_role("img", name=re.compile("近 6 小时：最低 22.5 %LEL，最高 28.5 %LEL"))).to_be_visible()
    expect(page.locator(".field-row.alarm")).to_contain_text("二级（橙）")


def test_a_doubtful_reading_is_marked(crew: Crew, open_console: Opener) -> None:
    crew.console.store("GAS-2", (now() - 1_000, 100.0, 1))
    page = crew.opens(open_console, "/field?sensor=GAS-2")
    expect(page.locator(".field-doubt")).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_gas_is_never_called_safe_and_the_crew_measures_for_itself(
    crew: Crew, open_console: Opener, language: str
) -> None:
    alarm = crew.task()
    page = crew.opens(open_console, language=language, **HERE)
    words = {"zh": ("不是准入许可", "自带仪器现场检测"), "en": ("No entry permit", "Measure for yourselves")}[language]
    answered = ["", "?tab=tasks", "?sensor=GAS-1", f"?tab=tasks&alarm={alarm}"]
    for place in ("?tab=device", "?tab=acts", *answered):
        page.goto(f"/field{place}")
        expect(page.get_by_role("timer") if place in answered else page.locator("h1")).to_be_visible()
        if "sensor" in place or "alarm" in place:
            for word in words:
                expect(page.locator(".field-permit")).to_contain_text(word)
        text = page.locator("body").inner_text()
        assert not NEVER_SAID.search(text), (place, text)
    page.goto("/field?sensor=DRAIN-1")
    expect(page.locator(".field-permit")).to_contain_text(
        "硫化氢和氧气" if language == "zh" else "hydrogen sulfide and oxygen"
    )
    assert not NEVER_SAID.search(page.locator("body").inner_text())


def test_tasks_are_the_crews_own_and_its_teams_due_first(console: Console, open_console: Opener) -> None:
    crew = crew_of(console, rosters=True)
    for name in ("li", "wang"):
        crew.key(name)
    own = crew.task("li", "DRAIN-1", 2)
    teams = console.raises("GAS-2", 4, minutes_ago=3)
    crew.act("desk", teams, "assign", team="gas-crew-3")
    crew.task("wang", "GAS-1")
    page = crew.opens(open_console, "/field?tab=tasks")
    rows = page.locator(".field-row")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("GAS-2")  # red has to be accepted sooner
    expect(rows.nth(0)).to_contain_text(re.compile(r"Due .* left"))
    expect(rows.nth(1)).to_contain_text("DRAIN-1")
    rows.nth(1).click()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".field-act.done")).to_be_visible()
    assert crew.done(own)[-1] == ("li", "accept")


def test_the_work_from_accepted_to_verified_by_a_colleagues_measurement(crew: Crew, open_console: Opener) -> None:
    crew.key("wang")
    alarm = crew.task()
    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}", **HERE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("button", name="I have arrived").click()
    page.get_by_label("Tell how far I am").check()
    page.get_by_role("button", name="Note and send").click()
    page.get_by_role("button", name="Resolved").click()
    page.get_by_role("button", name="Note and send").click()
    expect(page.get_by_role("alert")).to_have_text("Fill this in.")
    page.get_by_label("Cause").select_option("gas_joint_leak")
    page.get_by_label("Note").fill("flange of valve 7 tightened")
    page.get_by_role("button", name="Note and send").click()
    expect(page.locator(".field-act.done")).to_have_count(3)
    expect(page.get_by_role("button", name="Verify")).to_have_count(0)  # not by who resolved it
    assert len(asked) < 100, "what was told is asked about once, not again and again"
    crew.console.journal(_returned(alarm))
    colleague = crew.opens(open_console, "/field?tab=tasks", "wang")
    colleague.locator(".field-row", has_text="resolved, to be verified").click()
    colleague.get_by_role("button", name="Verify").click()
    colleague.get_by_label("Result").select_option("it is solved")
    colleague.get_by_label("Measured value").fill("much")
    colleague.get_by_role("button", name="Note and send").click()
    expect(colleague.get_by_role("alert")).to_have_text("Enter a number.")
    colleague.get_by_label("Measured value").fill("0,5")
    colleague.get_by_role("button", name="Note and send").click()
    expect(colleague.locator(".field-act.done")).to_have_count(1)
    acts = [("desk", "assign"), ("li", "accept"), ("li", "arrive"), ("li", "resolve"), ("wang", "verify")]
    assert crew.done(alarm) == acts
    lines = {line.get("action"): line for line in crew.journal(alarm)}
    assert lines["arrive"]["details"]["distance"] == "within 500 m"
    assert lines["verify"]["details"] | {"acted_at": ""} == {
        "step": "verified", "assigned_to": "li", "method": "measurement", "passed": True,
        "property": "combustible_gas", "value": 0.5, "unit": "%{LEL}", "acted_at": "",
    }  # fmt: skip


def _returned(alarm: str) -> ConditionChange:
    raised = datetime.strptime(alarm.rsplit(".", 1)[1], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    return change("GAS-1", 3, 0, now(), raised=round(raised.timestamp() * 1000), value=0.0)


def test_a_refused_act_says_who_and_when_until_the_crew_has_noted_it(crew: Crew, open_console: Opener) -> None:
    crew.key("wang")
    alarm = crew.task()
    page = crew.opens(open_console, f"/field?tab=tasks&alarm={alarm}")
    accept = page.get_by_role("button", name="Accept")
    expect(accept).to_be_visible()
    crew.act("desk", alarm, "assign", seen=2, to="wang")
    open_console.tolerate("status of 409")
    accept.click()
    refused = page.locator(".field-act.refused")
    expect(refused).to_contain_text(re.compile(r"assign by desk at (\S+ )?\d\d:\d\d:\d\d came after what you saw"))
    page.goto("/field?tab=acts")
    expect(page.get_by_role("link", name=re.compile("Pending 1"))).to_be_visible()
    expect(refused).to_be_visible()
    page.get_by_role("button", name="Noted").click()
    expect(refused).to_have_count(0)
    page.reload()
    expect(page.get_by_text("Nothing waits to be sent or read.")).to_be_visible()
    assert crew.done(alarm) == [("desk", "assign"), ("desk", "assign")]


def test_a_bump_test_is_opened_before_the_gas_comes_and_ended_on_site(crew: Crew, open_console: Opener) -> None:
    page = crew.opens(open_console, "/field?sensor=GAS-1")
    page.get_by_role("button", name="Begin a bump test or maintenance").click()
    expect(page.get_by_text("Meanwhile this sensor raises no alarms, red ones neither")).to_be_visible()
    page.get_by_label("Reason").fill("test gas at the head")
    page.locator(".field-form").get_by_role("button", name="Begin a bump test").click()
    expect(page.locator(".field-work")).to_contain_text("bump test, until")
    page.get_by_role("button", name="End the work").click()
    expect(page.locator(".field-work")).to_have_count(0)


def test_an_alarm_is_suppressed_for_work_up_to_an_instant(crew: Crew, open_console: Opener) -> None:
    alarm = crew.task()
    page = crew.opens(open_console, f"/field?alarm={alarm}")
    page.get_by_role("button", name="Bump test or maintenance").click()
    page.get_by_label("Reason").fill("test gas at the head")
    page.get_by_role("button", name="Note and send").click()
    expect(page.locator(".field-act.done")).to_have_count(1)
    line = crew.journal(alarm)[-1]
    assert (line["action"], line["to"]) == ("suppress", "suppressed_by_design")
    expect(page.get_by_role("button", name="Work has ended")).to_be_visible()


@pytest.mark.parametrize("width", [360, 390])
def test_targets_are_48_px_with_8_px_between_type_is_17_px_and_contrast_7_to_1(
    crew: Crew, open_console: Opener, width: int
) -> None:
    crew.key("wang")
    alarm = crew.task()
    page = crew.opens(open_console, language="zh" if width == 390 else "en", viewport=(width, 780), **HERE)
    expect(_row(page, "七号阀室").first).to_be_visible()
    _is_for_thumbs_and_sunlight(page)
    page.locator("summary").click()
    _is_for_thumbs_and_sunlight(page)
    for place in ("?tab=tasks", f"?tab=tasks&alarm={alarm}", "?sensor=GAS-1", "?tab=device"):
        page.goto(f"/field{place}")
        expect(page.locator(".field-row, .field-actions").first).to_be_visible()
        _is_for_thumbs_and_sunlight(page)
    page.goto(f"/field?tab=tasks&alarm={alarm}")
    page.locator(".field-actions button").nth(2).click()
    expect(page.locator(".field-form")).to_be_visible()
    _is_for_thumbs_and_sunlight(page)
    page.goto("/field?tab=map")
    expect(page.locator(".map-alarms button").first).to_be_visible()
    _is_for_thumbs_and_sunlight(page)


def _is_for_thumbs_and_sunlight(page: Page) -> None:
    assert page.evaluate(TARGETS) == [], page.url
    assert page.evaluate(SMALL_TYPE) == [], page.url
    assert axe(page, rules={"color-contrast-enhanced": {"enabled": True}}) == [], page.url


def test_in_landscape_the_tabs_stand_at_the_side(crew: Crew, open_console: Opener) -> None:
    page = crew.opens(open_console, viewport=(844, 390), **HERE)
    expect(_row(page, "七号阀室").first).to_be_visible()
    box = page.get_by_role("navigation").bounding_box()
    assert box is not None
    assert box["x"] > 600
    assert page.evaluate(TARGETS) == []


def test_it_is_day_unless_the_crew_chose_night(crew: Crew, open_console: Opener) -> None:
    page = crew.opens(open_console, "/field?tab=device", color_scheme="dark")
    page.evaluate("localStorage.removeItem('theme')")
    page.add_init_script("localStorage.removeItem('theme')")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "day")


def test_it_does_not_follow_a_whole_citys_alarms(crew: Crew, open_console: Opener) -> None:
    asked: list[str] = []
    page = crew.opens(open_console, "/field?tab=device")
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Tasks").click()
    expect(page.get_by_text("Nothing is assigned to you.")).to_be_visible()
    assert not [url for url in asked if "/alarms/stream" in url or "limit=500" in url]
