"""The engineer view: rules read, tried and activated by two persons, quarantine, ingest health, accounts and audit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import yaml
from playwright.sync_api import Page, expect

from alerts.lifecycle import apply_change
from alerts.notification_file import parse_notification_file
from alerts.outbox import enqueue
from alerts.rule_file import default_packs, parse_packs
from model.reading import Rejection
from store.batches import IncomingReadings, write_batch
from store.journal import Place, Transition, append_transitions, lock_journal
from store.notification_files import StoredFile, put_file_in_force
from store.rejections import note_replay, requested_replays
from store.rule_packs import StoredPack, activate
from store.sensors import load_registry
from tests.api.service import MARKUP, change
from tests.api.test_rule_backtest import judge
from tests.console.opening import PHONE, Console, Opener, axe, now

TRIAL_WAIT_MS = 60_000  # a process of its own, on a machine that others use too
MINUTE = 60_000
READINGS = 10
TABS = ["rules", "trial", "approvals", "limits", "quarantine", "health", "channels"]
NOTIFICATIONS = {
    "channels": [{"channel": "desk", "via": "apprise", "url": "dingtalk://topsecret0123456789/"}],
    "routes": [{"route": "all", "channels": ["desk"], "modes": ["operational", "test"]}],
}


def rules_in_force(console: Console) -> None:
    packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
    console.run(activate(console.api.pool, packs, "li.engineer"))


def readings_of_gas(console: Console) -> None:
    """Put the default rules into force and log 7 %LEL at GAS-1 for ten minutes of the last hour: below their limits."""
    rules_in_force(console)

    async def write() -> None:
        key = (await load_registry(console.api.pool)).keys["GAS-1"]
        begin = now() - 40 * MINUTE
        for minute in range(READINGS):
            time = begin + minute * MINUTE
            reading = (np.array([key], np.int32), np.array([time]), np.array([7.0]), np.zeros(1, np.uint16))
            await write_batch(console.api.pool, time, IncomingReadings(*reading))

    console.run(write())


def quarantined(console: Console, *rejections: Rejection) -> None:
    nothing = IncomingReadings(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint16))
    console.run(write_batch(console.api.pool, now(), nothing, rejections))


def rejection(payload: bytes, reason: str, detail: str = "mend it") -> Rejection:
    return Rejection("lifeline/jiayuguan/gas/GAS-1", payload, len(payload), reason, detail, "GAS-1")


def message_given_up(console: Console) -> None:
    file = parse_notification_file("n.yaml", yaml.safe_dump(NOTIFICATIONS))

    async def give_up() -> None:
        async with console.api.pool.acquire() as connection, connection.transaction():
            await put_file_in_force(connection, StoredFile(file.version, file.content), "test")
            await lock_journal(connection)
            after, line = apply_change(None, change("GAS-1", 0, 3, now()))
            told = [Transition(after, line, Place("jiayuguan", "gas", "xiongguan"))]
            await append_transitions(connection, told)
            await enqueue(connection, told)
            await connection.execute(
                "update notification set state = 'dead', error = 'answered 500', finished_at = now()"
            )

    console.run(give_up())


def take_over(page: Page, pack: str) -> Any:
    """Begin a change from a pack in force; returns the editor."""
    page.get_by_label("Begin from a pack in force").select_option(pack)
    return page.get_by_label(f"{pack}.yaml", exact=True)


def row(page: Page, *texts: str) -> Any:
    found = page.get_by_role("row")
    for text in texts:
        found = found.filter(has_text=text)
    return found


def test_a_rule_is_read_with_its_limits_and_who_put_it_into_force(console: Console, open_console: Opener) -> None:
    rules_in_force(console)
    page = open_console("/engineer", role="viewer")
    gas = page.locator("table", has_text="Combustible gas in manholes")
    expect(gas.locator("caption")).to_contain_text("activated by li.engineer")
    (version,) = [pack.version for pack in default_packs() if pack.pack == "gas"]
    expect(gas.locator("caption")).to_contain_text(version)
    expect(row(page, "combustible-gas").locator("td.number")).to_have_text(["10", "20", "35", "50"])
    page.get_by_label("Filter rules").fill("hydrogen")
    expect(row(page, "combustible-gas")).to_have_count(0)
    page.get_by_role("button", name="Hydrogen sulfide").click()
    detail = page.get_by_role("region", name=re.compile("Hydrogen sulfide"))
    expect(detail).to_contain_text("Nobody enters; ventilate, measure before any entry.")
    expect(detail).to_contain_text("GBZ 2.1")
    assert "rule=hydrogen-sulfide" in page.url
    # who may only read is offered nothing else
    expect(page.get_by_text("Ask for a temporary limit")).to_have_count(0)
    tabs = page.get_by_role("navigation", name="Rules and running").get_by_role("link")
    expect(tabs).to_have_text(["Rule packs", "Approvals", "Temporary limits", "Ingest health"])

    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(row(page, "hydrogen-sulfide")).to_be_visible()
    assert page.evaluate("document.querySelector('#view').scrollWidth <= document.querySelector('#view').clientWidth")


def test_a_changed_rule_is_tried_before_another_person_puts_it_into_force(
    console: Console, open_console: Opener
) -> None:
    readings_of_gas(console)
    judged_at = now() - 30 * MINUTE
    console.run(judge(console.api, "GAS-2", "true", time=judged_at, raised=judged_at))  # by a rule that is in no pack
    page = open_console("/engineer?tab=trial", role="engineer")
    editor = take_over(page, "gas")
    text = editor.input_value()
    ask = page.get_by_role("button", name="Ask for activation")

    editor.fill(text.replace("blue: 10, yellow: 20, orange: 35", "blue: 5, yellow: 20, orange: 35"))
    expect(ask).to_be_disabled()
    page.get_by_role("button", name="Run the back-test").click()
    difference = page.get_by_role("region", name="Difference to the rules in force")
    expect(difference.locator("[data-count=added] dd")).to_have_text("1", timeout=TRIAL_WAIT_MS)
    expect(difference).to_contain_text(f"{READINGS} readings")
    expect(difference.get_by_role("img", name=re.compile("Gained 1, Lost 0"))).to_be_visible()
    expect(difference.locator("rect.up")).to_have_count(1)
    missed = difference.get_by_role("alert")
    expect(missed).to_contain_text("✕ M missed Of 1 alarms judged true, 1 would not be raised")
    expect(missed.locator("li")).to_contain_text(["level GAS-2 (the rules in force miss it too)"])
    desk = difference.get_by_role("row", name="jiayuguan.default").locator("td")
    expect(desk).to_have_count(4)
    line = row(page, "combustible-gas", "GAS-1")
    line.get_by_role("button", name="1 changes").click()
    expect(difference.locator("li", has_text="Gained")).to_be_visible()

    editor.fill(text)
    expect(difference).to_contain_text("changed since this back-test")
    expect(ask).to_be_disabled()
    editor.fill(text.replace("blue: 10, yellow: 20, orange: 35", "blue: 5, yellow: 20, orange: 35"))
    page.get_by_label("Reason").fill("the old limit came too late")
    ask.click()
    asked = page.get_by_text(re.compile(r"Request \d+ waits for another person"))
    expect(asked).to_be_visible(timeout=TRIAL_WAIT_MS)
    page.get_by_role("link", name="To the approvals").click()
    expect(page.get_by_text("Your own request: another person has to approve it.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)

    second = open_console("/engineer?tab=approvals", role="supervisor")
    request = second.get_by_role("article")
    expect(request).to_contain_text("the old limit came too late")
    expect(request).to_contain_text("Rules changed: combustible-gas")
    request.get_by_label("Comment").fill("read")
    request.get_by_role("button", name="Approve").click()
    expect(second.get_by_text("There are no requests.")).to_be_visible()
    second.get_by_role("link", name="Rule packs").click()
    expect(row(second, "combustible-gas").locator("td.number").first).to_have_text("5")
    caption = second.locator("caption", has_text="Combustible gas in manholes")
    expect(caption).to_contain_text(re.compile(r"asked for by engineer-\d+, approved by supervisor-\d+"))
    second.get_by_text("Versions of gas", exact=True).click()
    newest = second.get_by_role("listitem").filter(has_text="in force")
    newest.get_by_text("What it was shown to change").click()
    expect(newest.get_by_role("alert")).to_contain_text("✕ M missed")
    expect(second.get_by_text("no trial was kept")).to_have_count(1)


def test_a_pack_that_is_taken_over_as_text_is_the_pack_in_force(console: Console, open_console: Opener) -> None:
    rules_in_force(console)
    page = open_console("/engineer?tab=trial", role="engineer")
    for pack in default_packs():
        (read,) = parse_packs([(pack.pack, take_over(page, pack.pack).input_value())])
        assert read.version == pack.version, pack.pack


def test_what_is_wrong_in_a_rule_file_is_shown_at_its_line(console: Console, open_console: Opener) -> None:
    rules_in_force(console)
    open_console.tolerate("status of 422")
    page = open_console("/engineer?tab=trial", role="engineer")
    editor = take_over(page, "gas")
    lines = editor.input_value().splitlines()
    wrong = next(place for place, line in enumerate(lines) if "limits: {blue: 10" in line)
    lines[wrong] = lines[wrong].replace("blue: 10", "blue: ten")
    editor.fill("\n".join(lines))
    page.get_by_role("button", name="Run the back-test").click()
    problem = page.get_by_role("alert").filter(has_text="cannot be used")
    expect(problem).to_contain_text("is not a number; write one")
    expect(page.locator(".engineer-text pre .wrong")).to_contain_text(f"▲{wrong + 1}")
    problem.get_by_role("button", name=f"gas.yaml:{wrong + 1}").click()
    assert page.evaluate("document.activeElement.value.slice(document.activeElement.selectionStart,"
                         " document.activeElement.selectionEnd)") == lines[wrong]  # fmt: skip
    editor.fill("\n".join(lines).replace("ten", "10"))
    expect(problem).to_have_count(0)


def test_a_back_test_that_takes_long_says_so_and_can_be_stopped(console: Console, open_console: Opener) -> None:
    rules_in_force(console)
    page = open_console("/engineer?tab=trial", role="engineer")
    page.route("**/rules/backtest", lambda route: None)  # never answered
    take_over(page, "gas")
    page.get_by_role("button", name="Run the back-test").click()
    expect(page.get_by_role("timer").filter(has_text=re.compile(r"[1-9]\d* s so far"))).to_be_visible()
    page.get_by_role("link", name="Rule packs").click()
    page.get_by_role("link", name="Back-test and activation").click()
    expect(page.get_by_role("timer").filter(has_text="so far")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Run the back-test")).to_be_enabled()


def test_a_temporary_limit_is_asked_for_approved_and_ended_by_another(console: Console, open_console: Opener) -> None:
    rules_in_force(console)
    page = open_console("/engineer?tab=rules&rule=combustible-gas", role="engineer")
    page.get_by_text("Ask for a temporary limit").click()
    form = page.locator("form", has_text="Ask for approval")
    form.get_by_label("sensor", exact=True).fill("GAS-1")
    form.get_by_label("blue (%{LEL})").fill("5")
    form.get_by_label("Reason").fill("crew in the chamber beside it")
    form.get_by_role("button", name="Ask for approval").click()
    asked = page.get_by_text(re.compile(r"Request \d+ waits for another person"))
    expect(asked).to_be_visible(timeout=TRIAL_WAIT_MS)
    expect(row(page, "GAS-1", "10 → 5", "tightened")).to_be_visible()

    second = open_console("/engineer?tab=approvals", role="supervisor")
    second.get_by_role("button", name="Approve").click()
    second.get_by_role("link", name="Temporary limits").click()
    limit = row(second, "combustible-gas", "sensor GAS-1", "crew in the chamber beside it")
    expect(limit).to_contain_text("engineer")
    limit.get_by_role("button", name="End now").click()
    limit.get_by_label("Comment").fill("the crew is out")
    limit.get_by_role("button", name="End now").click()
    expect(second.get_by_text("No temporary limit is in force.")).to_be_visible()
    second.get_by_label("those that have ended too").check()
    expect(row(second, "the crew is out")).to_contain_text(re.compile(r"supervisor-\d+"))


def test_a_refused_message_is_read_as_text_corrected_and_replayed(console: Console, open_console: Opener) -> None:
    quarantined(
        console,
        rejection(MARKUP.encode(), "not_json", "byte 0: not JSON; send a JSON object"),
        rejection(b"{", "not_json"),
        rejection(b"\xff\xfe\x00", "not_utf8"),
    )
    page = open_console("/engineer?tab=quarantine", role="engineer")
    reasons = page.get_by_role("group", name="By reason").get_by_role("button")
    expect(reasons).to_have_text(["not JSON 2", "not UTF-8 1"])

    reasons.filter(has_text="not UTF-8").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody tr").get_by_role("button").click()
    payload = page.get_by_role("region", name="Payload")
    expect(payload).to_contain_text("ff fe 00")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("group", name="By reason").get_by_role("button").click()

    row(page, "send a JSON object").get_by_role("button").click()
    expect(payload).to_have_text(MARKUP)
    page.get_by_label("Payload").last.fill('{"value": 4.5}')
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_role("region", name=re.compile(r"Message \d+"))).to_contain_text("replay asked for")
    (replay,) = console.run(requested_replays(console.api.pool, 10))
    assert replay.payload == b'{"value": 4.5}'
    console.run(note_replay(console.api.pool, replay, now(), True, "1 stored"))  # as ingest does within its tick
    expect(page.get_by_role("region", name=re.compile(r"Message \d+"))).to_contain_text("1 stored")

    page.get_by_role("button", name="Close").click()
    row(page, "mend it", "not JSON").get_by_role("button").click()
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("button", name="Yes, discard it").click()
    expect(page.get_by_role("region", name=re.compile(r"Message \d+"))).to_contain_text(re.compile(r"engineer-\d+"))
    page.get_by_label("State").select_option("discarded")
    expect(page.locator("tbody tr")).to_have_count(1)

    # who may not mend reads, who may not read is told so
    operator = open_console("/engineer?tab=quarantine", role="operator")
    operator.locator("tbody tr").get_by_role("button").click()
    expect(operator.get_by_role("region", name="Payload")).to_be_visible()
    expect(operator.get_by_role("button", name="Replay", exact=True)).to_have_count(0)
    viewer = open_console("/engineer?tab=quarantine", role="viewer")
    expect(viewer.get_by_text("Your role may not see that page.")).to_be_visible()


def test_ingest_health_says_what_is_behind_silent_and_near_its_limit(console: Console, open_console: Opener) -> None:
    rules_in_force(console)
    quarantined(console)  # a batch; nothing evaluates it, and it grows old
    console.execute("update batch set arrived_at = arrived_at - interval '58 minutes'")
    page = open_console("/engineer?tab=health")
    state = page.get_by_role("region", name="Ingest and evaluation")
    expect(state.locator("div", has_text="Batches to evaluate").locator("dd").last).not_to_have_text("0")
    expect(state).to_contain_text(re.compile(r"These figures are \d+ s old"))
    limits = page.get_by_role("region", name="Limits, and how near they are")
    expect(limits.get_by_role("row", name=re.compile("Behind"))).to_contain_text("▲ near its limit")
    expect(limits.get_by_role("row", name=re.compile("Feed clients"))).not_to_contain_text("near")
    silent = page.get_by_role("region", name="Sensors that are silent or were never heard")
    expect(silent.get_by_role("row", name=re.compile("xiongguan"))).to_contain_text("gas 2/2")
    expect(page.get_by_role("region", name="What is kept for how long")).to_contain_text("all others")


def test_a_message_that_was_given_up_is_sent_again(console: Console, open_console: Opener) -> None:
    message_given_up(console)
    page = open_console("/engineer?tab=channels", role="supervisor")
    expect(row(page, "dingtalk://…").get_by_role("button", name="Send a test")).to_be_visible()
    dead = page.get_by_role("region", name="Messages given up").get_by_role("row").filter(has_text="answered 500")
    dead.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("No message was given up.")).to_be_visible()


def test_the_security_administrator_finds_users_keys_and_the_audit(console: Console, open_console: Opener) -> None:
    page = open_console("/engineer", role="security_administrator")
    page.get_by_text("New user").click()
    form = page.locator("form", has_text="Display name")
    form.get_by_label("Name", exact=True).fill("li.wei")
    form.get_by_label("Areas").fill("jiayuguan, jinchang/jinchuan")
    form.get_by_role("button", name="Make").click()
    secret = page.get_by_role("alert").filter(has_text="Password of li.wei")
    expect(secret.locator("code")).to_have_text(re.compile(r"\w{5}-\w{5}"))
    user = row(page, "li.wei")
    expect(user).to_contain_text("jiayuguan, jinchang/jinchuan")
    user.get_by_role("button", name="Disable").click()
    expect(user).to_contain_text("disabled")

    page.get_by_text("New key").click()
    keys = page.get_by_role("region", name="Keys")
    keys.get_by_label("Label").fill("desk-9")
    keys.get_by_label("Areas").fill("*")
    keys.get_by_role("button", name="Make").click()
    expect(keys.get_by_role("alert")).to_contain_text("lk_")
    key = keys.get_by_role("row").filter(has_text="desk-9")
    key.get_by_role("button", name="Revoke").click()
    key.get_by_role("button", name="Yes, revoke").click()
    expect(key).to_have_count(0)

    page.get_by_role("link", name="Audit").click()
    expect(row(page, "user-disabled", "li.wei")).to_be_visible()
    expect(row(page, "key-revoked", "desk-9")).to_be_visible()


def test_every_page_is_there_in_both_languages_and_without_barriers(console: Console, open_console: Opener) -> None:
    readings_of_gas(console)
    message_given_up(console)
    quarantined(console, rejection(b"{", "not_json"))
    for language, theme in (("en", "day"), ("zh", "night")):
        address = "/engineer?tab=rules&rule=combustible-gas"
        page = open_console(address, role="engineer", language=language, theme=theme)
        for tab in TABS:
            link = page.locator(f'a[href="/engineer?tab={tab}"]')
            if tab != "rules":
                link.click()
            expect(link).to_have_attribute("aria-current", "page")
            expect(page.locator("#view h1")).to_be_visible()
            if tab in ("rules", "quarantine", "channels"):
                expect(page.locator("#view tbody tr").first).to_be_visible()
            if tab == "quarantine":
                page.locator("#view tbody tr").get_by_role("button").click()
                expect(page.locator("#view pre")).to_be_visible()
            if tab == "trial":
                page.locator("#view select").select_option("gas")
                page.locator("#view textarea").wait_for()
            assert axe(page) == [], (tab, language)
            chinese = re.search(r"[\u4e00-\u9fff]", page.locator("#view h1").inner_text())
            assert bool(chinese) == (language == "zh"), tab
