"""Log-in as people see it: name and password, what has to be done first, keys, and why one is outside."""

import re
from datetime import UTC, datetime
from typing import Any

import pyotp
from playwright.sync_api import Page, expect

from app.sign_in.accounts import create_account
from app.sign_in.limits import SignIn, SignInLimits
from app.sign_in.passwords import hash_password
from tests.console.opening import Console, Opener, axe

ONE_TIME, OWN = "one-time amber gate", "own violet harbour"


def person(console: Console, name: str = "li.wei", role: str = "supervisor", **facts: Any) -> None:
    given = {"areas": ["*"], "password_hash": hash_password(ONE_TIME), "must_change_password": False} | facts

    async def create() -> None:
        async with console.api.pool.acquire() as connection, connection.transaction():
            await create_account(connection, name, role=role, now=datetime.now(UTC), by="test", **given)

    console.run(create())


def log_in(page: Page, password: str, name: str = "li.wei") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def inside(page: Page) -> None:
    expect(page.get_by_role("button", name="Log off")).to_be_visible()


def test_name_and_password_open_the_console_until_log_off(console: Console, open_console: Opener) -> None:
    person(console)
    open_console.tolerate("status of 401")
    page = open_console(role=None)
    assert axe(page) == []
    log_in(page, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("is wrong")
    log_in(page, ONE_TIME)
    inside(page)
    page.reload()
    inside(page)
    page.get_by_role("button", name="Log off").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_one_time_password_and_a_second_factor_come_first(console: Console, open_console: Opener) -> None:
    console.api.context.sign_in = SignIn(limits=SignInLimits(second_factor_roles=frozenset({"supervisor"})))
    person(console, must_change_password=True)
    open_console.tolerate("status of 40[13]", "status of 422")
    page = open_console(role=None)
    log_in(page, ONE_TIME)
    page.get_by_label("New password").fill(OWN)
    page.get_by_role("button", name="Change password").click()
    secret = page.locator("#secret").inner_text()
    assert axe(page) == []
    code = page.get_by_role("img", name="QR code")
    assert code.locator("path").get_attribute("d")
    page.get_by_label("The app's code").fill("000000")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("The app's code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirm").click()
    recovery = page.locator("#recovery-codes").inner_text().split("\n")
    assert len(recovery) == len(set(recovery)) >= 8
    page.get_by_role("button", name="Go on").click()
    inside(page)
    page.get_by_role("button", name="Log off").click()
    log_in(page, OWN)
    page.get_by_label("Code, or recovery code").fill(recovery[0])
    page.get_by_role("button", name="Log in").click()
    inside(page)


def test_a_key_in_the_address_opens_this_tab_and_leaves_the_address(console: Console, open_console: Opener) -> None:
    page = open_console("/?q=valve", role="viewer")
    inside(page)
    assert re.fullmatch(rf"{console.address}/\?q=valve.*", page.url)
    assert "lk_" not in page.url
    other = page.context.new_page()
    open_console.tolerate("status of 401")
    other.goto("/")
    expect(other.get_by_label("Password")).to_be_visible()


def test_a_revoked_key_says_so(console: Console, open_console: Opener) -> None:
    open_console.tolerate("status of 401")
    page = open_console(key="lk_" + "x" * 40)
    expect(page.get_by_role("alert")).to_contain_text("not known or was revoked")


def test_the_page_speaks_chinese(console: Console, open_console: Opener) -> None:
    open_console.tolerate("status of 401")
    page = open_console(role=None, language="zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
