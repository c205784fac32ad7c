"""The shift view: hand-over, what waits, figures beside their targets, reports from people, warnings."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from app.warnings.sending import CapSettings
from model.instant import format_instant
from tests.console.opening import Console, Opener, axe, now


@pytest.fixture
def people(console: Console) -> dict[str, str]:
    """The keys of the desk's people, by what they do; of one city, which is a test city."""
    roles = {"wall": "viewer", "leaving": "operator", "coming": "operator", "chief": "supervisor"}
    return {name: console.key(role, ["jiayuguan"]) for name, role in roles.items()}


def _asked(console: Console, key: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"{method} {path}".replace(" ", "-")}
    answer = httpx.request(method, f"{console.address}/api/v1{path}", headers=headers, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def _part(page: Page, title: str | re.Pattern[str]) -> Locator:
    return page.locator(".shift-part", has=page.get_by_role("heading", name=title))


def _open(open_console: Opener, key: str, part: str = "hand_over", **options: Any) -> Page:
    open_console.tolerate("status of 503")  # where the machine is busy: it is asked again
    page = open_console(f"/shift?part={part}", key=key, **options)
    page.locator(".shift").wait_for()
    return page


def test_one_hands_over_and_another_takes_over(console: Console, open_console: Opener, people: dict[str, str]) -> None:
    console.raises("GAS-1", 4)
    page = _open(open_console, people["leaving"])
    page.get_by_label("New notes").fill("crew 3 digs at well W-17 until noon\nvalve 7 stays closed")
    page.get_by_role("button", name="Hand over", exact=True).click()
    waits = _part(page, re.compile("waits for the next shift"))
    expect(waits).to_contain_text("valve 7 stays closed")
    expect(waits).to_contain_text("Unacknowledged 1")
    expect(waits).to_contain_text("The next shift takes over what you handed over")
    expect(waits.get_by_role("button", name="Take over")).to_have_count(0)

    page = _open(open_console, people["coming"])
    _part(page, re.compile("waits for the next shift")).get_by_role("button", name="Take over").click()
    expect(_part(page, "Earlier hand-overs").locator("tbody tr")).to_contain_text("operator-3 ·")
    page.get_by_label("crew 3 digs at well W-17 until noon").check()
    page.get_by_role("button", name="Hand over", exact=True).click()
    waits = _part(page, re.compile("waits for the next shift"))
    expect(waits).to_contain_text("valve 7 stays closed")
    expect(waits).not_to_contain_text("crew 3 digs")


def test_a_list_that_was_folded_stays_folded(console: Console, open_console: Opener, people: dict[str, str]) -> None:
    console.raises("GAS-1", 4)
    page = _open(open_console, people["leaving"])
    page.get_by_role("button", name="Hand over", exact=True).click()
    listed = page.locator(".shift-part details")
    expect(listed).to_have_attribute("open", "")
    page.get_by_text("Unacknowledged 1", exact=True).click()
    expect(listed).not_to_have_attribute("open", "")
    page.get_by_role("button", name="中文").click()  # it is drawn anew
    expect(page.get_by_text("未确认 1", exact=True)).to_be_visible()
    expect(listed).not_to_have_attribute("open", "")


def test_what_the_service_refuses_is_said_with_its_remedy(open_console: Opener, people: dict[str, str]) -> None:
    open_console.tolerate("status of 422", "status of 400")
    page = _open(open_console, people["leaving"])
    page.get_by_label("New notes").fill("call 13912345678")
    page.get_by_role("button", name="Hand over", exact=True).click()
    expect(page.locator(".shift-failure")).to_contain_text("mobile number")
    expect(page.get_by_label("New notes")).to_have_value("call 13912345678")


def test_what_waits_is_approved_by_another_person(
    console: Console, open_console: Opener, people: dict[str, str]
) -> None:
    alarm = console.raises("GAS-1", 4)
    _asked(console, people["leaving"], "POST", f"/alarms/{alarm}/shelve",
           {"seen_sequence": 1, "reason": "pump test", "duration_s": 3600})  # fmt: skip
    page = _open(open_console, people["leaving"])
    waits = _part(page, "Waits for a second person")
    expect(waits).to_contain_text("pump test")
    expect(waits.get_by_role("button", name="Approve")).to_have_count(0)
    page = _open(open_console, people["coming"])
    _part(page, "Waits for a second person").get_by_role("button", name="Approve").click()
    expect(_part(page, "Waits for a second person")).to_contain_text("Nothing waits for approval")
    page.reload()
    expect(_part(page, re.compile("ends within 8 h"))).to_contain_text("pump test")
    assert console.run(console.api.pool.fetchval("select state from alarm")) == "shelved"


def test_a_call_is_entered_by_keyboard_alone(console: Console, open_console: Opener, people: dict[str, str]) -> None:
    page = _open(open_console, people["leaving"], "reports")
    expect(page.get_by_label("What (number or name)")).to_be_focused()
    page.keyboard.type("01")
    expect(page.locator("#report-kind")).to_contain_text("smell of gas")
    page.keyboard.press("Tab")
    page.keyboard.type("M-100%")
    expect(page.locator("#report-place")).to_contain_text("DRAIN-1")
    page.keyboard.press("Tab")
    page.keyboard.type("strong at the corner by the market")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="report.1 is entered")).to_be_visible()
    expect(page.get_by_label("What (number or name)")).to_be_focused()
    came = _part(page, "Reports from people")
    expect(came).to_contain_text("strong at the corner by the market")
    expect(came).to_contain_text("nobody has looked yet")
    expect(came.get_by_role("button", name="as reported")).to_have_count(0)  # who sent it does not verify it

    other = _part(_open(open_console, people["coming"], "reports"), "Reports from people")
    other.get_by_label("What was found").fill("joint leaks")
    other.get_by_role("button", name="as reported").click()
    expect(other).to_contain_text("joint leaks")
    expect(other).not_to_contain_text("nobody has looked yet")


def test_a_place_that_nobody_knows_is_not_sent(open_console: Opener, people: dict[str, str]) -> None:
    page = _open(open_console, people["leaving"], "reports")
    page.get_by_label("What (number or name)").fill("smell")
    expect(page.locator("#report-kind")).to_contain_text("type a number")
    page.get_by_label("What (number or name)").fill("smell of gas")
    page.get_by_label("Where (degrees").fill("XX-1")
    expect(page.locator("#report-place")).to_contain_text("no such place")
    expect(page.get_by_role("button", name="Enter", exact=True)).to_be_disabled()
    page.get_by_label("Where (degrees").fill("98.2901, 39.7701")
    expect(page.locator("#report-place")).to_contain_text("nearest sensor")
    expect(page.get_by_role("button", name="Enter", exact=True)).to_be_enabled()


def test_figures_stand_beside_their_targets_and_what_is_unknown_is_a_dash(
    console: Console, open_console: Opener, people: dict[str, str]
) -> None:
    start = format_instant(now() - 2 * 3_600_000)
    console.execute(f"insert into batch values (0, '{start}', 0, 0, 0) on conflict do nothing")
    console.execute("update evaluation_cursor set clock = now()")
    for minutes in range(12):
        console.raises("GAS-1", 2, minutes_ago=30, rule=f"rule-{minutes}")
    page = _open(open_console, people["wall"], "figures")
    table = _part(page, "Against the targets")
    flood = table.get_by_role("row", name=re.compile("in 10 minutes, most"))
    expect(flood).to_contain_text("12")
    expect(flood).to_contain_text("≤ 10")
    expect(flood).to_contain_text("not met")
    day = table.get_by_role("row", name=re.compile("in a day, mean"))
    expect(day).to_contain_text("– the span is shorter than a day")
    expect(table.get_by_role("row", name=re.compile("time to arrive, median"))).to_contain_text("– no such step")
    chart = page.get_by_role("img", name=re.compile("Annunciations in 10 minutes: .*at most 12 .*target at most 10"))
    expect(chart.locator(".shift-target")).to_have_count(1)
    expect(_part(page, re.compile("Priorities"))).to_contain_text("100 %, target 5 %")


def test_without_evaluated_data_there_are_no_figures(
    console: Console, open_console: Opener, people: dict[str, str]
) -> None:
    console.execute("update evaluation_cursor set batch = 0, clock = null")
    console.execute("delete from batch")
    page = _open(open_console, people["wall"], "figures")
    expect(page.locator(".shift")).to_contain_text("Nothing was evaluated in this span")
    expect(page.locator(".shift-table")).to_have_count(0)


def test_the_report_of_a_month_is_had_with_a_key_and_by_a_link(
    console: Console, open_console: Opener, people: dict[str, str]
) -> None:
    page = _open(open_console, people["leaving"], "figures")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename.startswith("lifeline-20")


def test_a_warning_is_drafted_by_one_and_sent_by_another(
    console: Console, open_console: Opener, people: dict[str, str]
) -> None:
    console.api.app.state.cap = CapSettings(sender="lifeline@example.org", public_url="https://lifeline.example/")
    console.raises("GAS-1", 4)
    page = _open(open_console, people["leaving"], "warnings")
    page.locator("form select").first.select_option(index=1)
    page.get_by_role("button", name="Draft", exact=True).click()
    warning = page.locator(".shift-warning")
    expect(warning).to_contain_text("waits for approval")
    expect(warning.get_by_role("button", name="Approve and send")).to_have_count(0)
    page = _open(open_console, people["chief"], "warnings")
    page.locator(".shift-warning").get_by_role("button", name="Approve and send").click()
    expect(page.locator(".shift-warning")).to_contain_text("in force")


def test_who_only_looks_is_offered_no_act(console: Console, open_console: Opener, people: dict[str, str]) -> None:
    console.raises("GAS-1", 4)
    page = _open(open_console, people["wall"])
    expect(_part(page, "Unacknowledged alarms 1")).to_be_visible()
    expect(page.locator(".shift")).to_contain_text("Operators and supervisors hand over")
    expect(page.get_by_role("button", name="Hand over", exact=True)).to_have_count(0)


@pytest.mark.parametrize("part", ["hand_over", "figures", "reports", "warnings"])
def test_nothing_is_amiss_for_who_cannot_see_it(
    console: Console, open_console: Opener, people: dict[str, str], part: str
) -> None:
    console.raises("GAS-1", 4)
    theme = "night" if part in ("figures", "warnings") else "day"
    page = _open(open_console, people["leaving"], part, theme=theme)
    page.locator(".shift-part").first.wait_for()
    assert axe(page) == []
