"""Acts on an alarm from the drawer: by role and state, counted once, refusals in words, by two where two are needed."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, Route, expect

from tests.console.drawer_world import make
from tests.console.opening import Console, Opener, axe, now


def buttons(page: Page) -> Locator:
    return page.get_by_role("group", name="Actions")


def names_of(page: Page) -> list[str]:
    expect(buttons(page)).to_be_visible()
    return [text.rstrip("…") for text in buttons(page).get_by_role("button").all_inner_texts()]


def press(page: Page, name: str) -> None:
    buttons(page).get_by_role("button", name=name).click()


def api(console: Console, role: str = "operator") -> httpx.Client:
    headers = {"Authorization": f"Bearer {console.key(role)}"}
    return httpx.Client(base_url=f"{console.address}/api/v1", headers=headers, timeout=20)


def lines(console: Console, alarm: str) -> list[dict[str, Any]]:
    with api(console, "viewer") as client:
        found: list[dict[str, Any]] = client.get(f"/alarms/{alarm}/journal").json()
    return found


def acts(console: Console, alarm: str) -> list[str]:
    return [line["action"] for line in lines(console, alarm) if line.get("action")]


def state(page: Page) -> Locator:
    return page.locator(".drawer-head .drawer-row").first


def test_two_clicks_acknowledge_once(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    page = open_console(f"/?alarm={world.alarm}")
    buttons(page).get_by_role("button", name="Acknowledge").dblclick()
    expect(state(page)).to_contain_text("acknowledged")
    expect(state(page)).not_to_contain_text("unacknowledged")
    expect(buttons(page).get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert acts(console, world.alarm) == ["acknowledge"]


def test_who_was_first_is_told_with_the_time(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    open_console.tolerate("status of 409")
    page = open_console(f"/?alarm={world.alarm}", role="supervisor")
    with api(console) as other:

        def overtake(route: Route) -> None:
            seen = {"seen_sequence": 1}
            other.post(f"/alarms/{world.alarm}/acknowledge", json=seen, headers={"Idempotency-Key": "other"})
            route.continue_()

        page.route("**/acknowledge", overtake)
        press(page, "Acknowledge")
        told = buttons(page).get_by_role("alert")
        expect(told).to_have_text(
            re.compile(r"operator-\d acknowledged it at \d\d:\d\d:\d\d; it is now acknowledged\.")
        )
    expect(state(page)).to_contain_text("acknowledged")
    assert acts(console, world.alarm) == ["acknowledge"]


def test_an_answer_that_is_lost_leaves_no_second_act(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    open_console.tolerate("ERR_")
    page = open_console(f"/?alarm={world.alarm}")
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/acknowledge", lose)
    press(page, "Acknowledge")
    expect(buttons(page).get_by_role("alert")).to_contain_text("not known whether it was done")
    press(page, "Acknowledge")
    expect(state(page)).not_to_contain_text("unacknowledged")
    assert len(set(keys)) == 1
    assert acts(console, world.alarm) == ["acknowledge"]


def test_red_is_shelved_by_two(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    page = open_console(f"/?alarm={world.alarm}")
    press(page, "Shelve")
    dialog = page.get_by_role("dialog", name="Shelve")
    expect(dialog).to_contain_text("takes a second person")
    assert axe(page) == []
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_label("Reason")).to_have_accessible_description(re.compile(r"Fill this in\."))
    expect(dialog.get_by_label("Reason")).to_be_focused()
    dialog.get_by_label("Reason").fill("gas works beside it until noon")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status")).to_contain_text(re.compile(r"Request \d+ was sent: another person"))
    dialog.get_by_role("button", name="Close").click()
    waiting = page.get_by_role("region", name="Waits for approval")
    expect(waiting.get_by_role("button")).to_have_text(["Withdraw"])
    assert acts(console, world.alarm) == []

    second = open_console(f"/?alarm={world.alarm}", role="supervisor")
    asked = second.get_by_role("region", name="Waits for approval")
    expect(asked).to_contain_text("operator-1 asked at")
    expect(asked).to_contain_text("for 30 min: gas works beside it until noon")
    asked.get_by_role("button", name="Approve").click()
    expect(state(second)).to_contain_text("shelved")
    expect(second.get_by_role("list", name="Kept quiet")).to_contain_text("approved by supervisor-")
    press(second, "Unshelve")
    expect(state(second)).to_contain_text("unacknowledged")


def test_what_the_service_refuses_stands_beside_the_field(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    open_console.tolerate("status of 422")
    page = open_console(f"/?alarm={world.alarm}", role="supervisor", language="zh")
    page.get_by_role("group", name="操作").get_by_role("button", name="停用").click()
    dialog = page.get_by_role("dialog", name="停用")
    dialog.get_by_label("作业票号").fill("PTW-118")
    dialog.get_by_label("复查日期").select_option("30")
    reason = dialog.get_by_label("原因")
    reason.fill("联系住户 13812345678")
    dialog.get_by_role("button", name="提交").click()
    expect(reason).to_have_attribute("aria-invalid", "true")
    expect(reason).to_have_accessible_description(re.compile("手机号"))
    expect(reason).to_be_focused()
    assert acts(console, world.alarm) == []
    reason.fill("探头送检")
    dialog.get_by_role("button", name="提交").click()
    expect(state(page)).to_contain_text("停用")
    expect(page.get_by_role("list", name="已静默")).to_contain_text("作业票 PTW-118")


def test_the_whole_work_is_done_and_seen_by_another(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    open_console.tolerate("status of 409", "status of 404")
    crew_key = console.key("field")
    crew_name = f"field-{console.labels}"
    desk = open_console(f"/?alarm={world.alarm}", role="supervisor")
    press(desk, "Assign")
    dialog = desk.get_by_role("dialog", name="Assign")
    dialog.get_by_label("Send").select_option("somebody else…")
    dialog.get_by_label("Person").fill(crew_name)
    dialog.get_by_role("button", name="Send").click()
    expect(desk.locator(".drawer-head")).to_contain_text(f"assigned by {crew_name}")

    crew = open_console(f"/?alarm={world.alarm}", key=crew_key)
    for act in ("Accept", "Arrived"):
        press(crew, act)
    press(crew, "Resolved")
    done = crew.get_by_role("dialog", name="Resolved")
    done.get_by_label("Cause").select_option("Leak at a joint, valve or flange")
    done.get_by_label("Note").fill("flange of valve 7 tightened")
    done.get_by_role("button", name="Send").click()
    expect(crew.locator(".drawer-head")).to_contain_text("resolved, to be verified")
    assert "Verify" not in names_of(crew)

    press(desk, "Verify")
    verify = desk.get_by_role("dialog", name="Verify")
    verify.get_by_label("Measured value").fill("0")
    expect(verify.get_by_label("Unit")).to_have_value("%{LEL}")
    verify.get_by_role("button", name="Send").click()
    expect(verify.get_by_role("alert")).to_contain_text("the sensor still says red")
    world.becomes(4, 0, now(), value=1.0)
    expect(state(desk)).to_contain_text("returned, unacknowledged")
    verify.get_by_role("button", name="Send").click()
    expect(verify).to_have_count(0)
    expect(desk.locator(".drawer-head")).to_contain_text("verified")
    assert acts(console, world.alarm) == ["assign", "accept", "arrive", "resolve", "verify"]
    assert lines(console, world.alarm)[-1]["details"]["value"] == 0.0


def test_each_role_has_its_own_and_work_on_site_begins_and_ends(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    onlooker = open_console(f"/?alarm={world.alarm}", role="viewer")
    expect(buttons(onlooker)).to_contain_text("Your role has nothing to do about it")
    assert names_of(onlooker) == []
    page = open_console(f"/?alarm={world.alarm}", role="engineer")
    assert names_of(page) == ["Work on site", "Out of service"]
    press(page, "Work on site")
    dialog = page.get_by_role("dialog", name="Work on site")
    dialog.get_by_label("Work").select_option("Maintenance (24 h at most)")
    dialog.get_by_label("For how long").select_option("4 h")
    dialog.get_by_label("Reason").fill("yearly calibration")
    dialog.get_by_role("button", name="Send").click()
    expect(state(page)).to_contain_text("suppressed by design")
    quiet = page.get_by_role("list", name="Kept quiet")
    expect(quiet).to_contain_text(re.compile(r"engineer-\d, since .*, until .* Reason: yearly calibration"))
    press(page, "Return to service")
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(state(page)).to_contain_text("unacknowledged")


def test_what_has_changed_is_shown_before_it_is_sent_again(console: Console, open_console: Opener) -> None:
    world = make(console, severity=2, readings=False)
    open_console.tolerate("status of 409")
    page = open_console(f"/?alarm={world.alarm}")
    press(page, "Shelve")
    dialog = page.get_by_role("dialog", name="Shelve")
    expect(dialog).not_to_contain_text("takes a second person")
    dialog.get_by_label("Reason").fill("pump test")
    world.becomes(2, 4, now(), value=70.0, limit=50.0)
    expect(page.locator(".drawer-head").get_by_text("Level I (red)").first).to_be_visible()
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_contain_text(
        re.compile(r"the alarm rose to red at .*\d\d:\d\d:\d\d, after what")
    )
    expect(dialog).to_contain_text("as it stands now")
    expect(dialog).to_contain_text("takes a second person")
    expect(dialog.get_by_role("button", name="Send again, as it stands now")).to_be_visible()
    assert acts(console, world.alarm) == []


def test_a_comment_by_the_keyboard_alone(console: Console, open_console: Opener) -> None:
    world = make(console, readings=False)
    page = open_console(f"/?alarm={world.alarm}")
    button = buttons(page).get_by_role("button", name="Comment")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Comment")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    page.keyboard.type("the caller rang again")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert lines(console, world.alarm)[-1]["comment"] == "the caller rang again"
