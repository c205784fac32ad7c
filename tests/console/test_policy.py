"""The console under its content security policy: every view, by day and night, in both languages, from here alone."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from app.api.pages import VIEWS
from model.network import Link, Network, Node
from store.networks import import_networks
from tests.api.service import MARKUP
from tests.console.opening import PHONE, Console, Opener


@pytest.mark.parametrize(("language", "theme"), [("en", "day"), ("zh", "night")])
def test_no_view_violates_the_policy_or_asks_another_host(
    open_console: Opener, console: Console, language: str, theme: str
) -> None:
    console.raises("GAS-1", 4)
    for view in VIEWS:
        page = open_console(view, role="supervisor", language=language, theme=theme)
        page.get_by_role("main").wait_for()
        page.wait_for_load_state("load")
        page.wait_for_function("performance.getEntriesByType('resource').every((one) => one.responseEnd > 0)")
        assert page.locator("html").get_attribute("data-theme") == theme, view
        assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language], view


@pytest.mark.parametrize(
    ("what", "script"),
    [
        ("script-src", "const one = document.createElement('script'); one.textContent = 'window.ran = true';"
                       "document.body.append(one);"),
        ("script-src", "const one = document.createElement('button'); one.setAttribute('onclick', 'window.ran = true');"
                       "document.body.append(one); one.click();"),
        ("style-src", "document.body.setAttribute('style', 'color: red')"),
        ("connect-src", "fetch('http://127.0.0.1:9/').catch(() => {})"),
        ("img-src", "const one = new Image(); one.src = 'http://127.0.0.1:9/one.png'; document.body.append(one);"),
    ],
    ids=["script", "handler", "style", "fetch", "picture"],
)  # fmt: skip
def test_what_is_not_ours_does_not_run_and_a_test_would_see_it(open_console: Opener, what: str, script: str) -> None:
    page = open_console("/")
    page.get_by_role("main").wait_for()
    # From a file of the service's own, as if it had been written into our sources.
    page.route("**/static/console/assets/intruder.js", lambda route: route.fulfill(
        body=script, content_type="text/javascript"))  # fmt: skip
    with page.expect_console_message(lambda message: message.text.startswith(f"violation of {what}")):
        page.evaluate("() => void import('/static/console/assets/intruder.js')")
    assert page.evaluate("window.ran") is None
    assert any(re.search(f"violation of {what}", text) for text in open_console.said)
    open_console.tolerate("violation of", "Content Security Policy", "another host: http://127.0.0.1:9/")


def test_a_phone_has_the_whole_page_and_no_scrolling_aside(open_console: Opener, console: Console) -> None:
    console.raises("GAS-1", 4)
    for view in ("/", "/field"):
        page = open_console(view, viewport=PHONE, role="field")
        page.get_by_role("main").wait_for()
        page.get_by_role("main").locator(":scope > *").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


def test_case_44_markup_in_names_comments_and_geojson_is_shown_as_text(open_console: Opener, console: Console) -> None:
    named = (
        "update sensor set definition = jsonb_set(definition, '{name}', to_jsonb($1::text)) where sensor = 'WATER-9'"
    )
    console.execute(named, MARKUP)
    alarm = console.raises("WATER-9", 4)
    nodes = [Node(node=name, position=(102.18 + n / 100, 38.52)) for n, name in enumerate("AB")]
    pipe = Link(link="P-1", from_node="A", to_node="B", material=MARKUP)
    console.run(import_networks(console.api.pool, "jinchang", [Network("jinchang", "water", nodes, [pipe])]))
    commented = httpx.post(
        f"{console.address}/api/v1/alarms/{alarm}/comment",
        json={"seen_sequence": 1, "comment": MARKUP},
        headers={"Authorization": f"Bearer {console.key()}", "Idempotency-Key": "one"},
        timeout=20,
    )
    assert commented.status_code == 200, commented.text
    drawer = f"/?alarm={alarm}"
    for view in (*VIEWS, f"/map?alarm={alarm}", drawer):
        page = open_console(view, role="supervisor")
        # What would run would open a box, and what the policy keeps from running would be told at the end of the test.
        page.on("dialog", lambda box: open_console.said.append(f"a box opened: {box.message}"))
        page.get_by_role("main").wait_for()
        if view == drawer:
            page.get_by_role("tab", name="Journal").click()
            expect(page.get_by_role("tabpanel")).to_contain_text(MARKUP)
        if "alarm=" in view or view == "/":
            expect(page.get_by_text(MARKUP).first).to_be_visible()
        page.wait_for_load_state("load")
        assert page.locator("img[src='x'], [onerror]").count() == 0, view
