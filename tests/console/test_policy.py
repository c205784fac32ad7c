"""The console under its content security policy: every view, by day and night, in both languages, from here alone."""

from __future__ import annotations

import re

import pytest

from app.api.pages import VIEWS
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
