"""`lifeline users` and `keys rotate` on the real database, and the first log-in that a start prints."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.sign_in.passwords import is_password
from tests.integration.service import Service, running

PASSWORD = re.compile(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}")


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Service:
    return Service(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)


def value(database_url: str, query: str, *arguments: object) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(database_url)
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_users_from_the_command_line(service: Service, database_url: str) -> None:
    made = service.run("users", "create", "li.wei", "--role", "security_administrator", "--display-name", "李伟")
    password = made.stdout.strip()
    assert PASSWORD.fullmatch(password)
    service.run("users", "create", "crew.7", "--role", "field", "--area", "jiayuguan", "--area", "jinchang/x")
    rows = [line.split("\t") for line in service.run("users", "list").stdout.splitlines()]
    assert rows == [
        ["crew.7", "field", "jiayuguan, jinchang/x", "enabled", "never"],
        ["li.wei", "security_administrator", "*", "enabled", "never"],
    ]
    told = [json.loads(line) for line in service.run("users", "list", "--json").stdout.splitlines()]
    assert (told[1]["display_name"], told[1]["must_change_password"]) == ("李伟", True)

    kept = value(database_url, "select password_hash from user_account where name = 'li.wei'")
    assert is_password(str(kept), password)
    reset = service.run("users", "reset-password", "li.wei", "--second-factor").stdout.strip()
    kept = value(database_url, "select password_hash from user_account where name = 'li.wei'")
    assert is_password(str(kept), reset)
    assert not is_password(str(kept), password)

    assert service.run("users", "disable", "crew.7").stdout == "crew.7 disabled\n"
    assert "disabled" in service.run("users", "list").stdout
    assert service.run("users", "enable", "crew.7").stdout == "crew.7 enabled\n"
    assert service.run("users", "unlock", "crew.7").stdout == "crew.7 had no failed log-ins\n"
    for arguments, code, said in (
        (("create", "Li.Wei", "--role", "viewer"), 1, "a user or key named 'Li.Wei' exists already"),
        (("create", "li wei", "--role", "viewer"), 2, "is no name of a user"),
        (("create", "x", "--role", "king"), 2, "invalid choice"),
        (("disable", "nobody"), 1, "no user is named 'nobody'"),
        (("disable", "li.wei"), 1, "no other security administrator"),
    ):
        refused = service.run("users", *arguments, expected=code)
        assert refused.stdout == ""
        assert said in refused.stderr, arguments
    actions = value(
        database_url,
        "select string_agg(action, ' ' order by sequence) from audit where subject in ('li.wei', 'crew.7')",
    )
    assert actions == ("user-created user-created password-reset second-factor-removed user-disabled user-enabled")


def test_keys_are_rotated(service: Service) -> None:
    first = service.run("keys", "create", "--role", "viewer", "--label", "feed").stdout.strip()
    second = service.run("keys", "rotate", "feed", "--overlap-minutes", "30").stdout.strip()
    assert second.startswith("lk_")
    assert second != first
    rows = [json.loads(line) for line in service.run("keys", "list", "--json").stdout.splitlines()]
    assert sorted("ends_at" in row for row in rows) == [False, True]
    assert "\tends 20" in service.run("keys", "list").stdout
    service.run("keys", "rotate", "feed")
    assert len(service.run("keys", "list").stdout.splitlines()) == 1
    assert "no key in force" in service.run("keys", "rotate", "nothing", expected=1).stderr
    assert "no number of minutes" in service.run("keys", "rotate", "feed", "--overlap-minutes", "x", expected=2).stderr


def test_the_first_start_prints_a_log_in_once(tmp_path: Path, database_urls: Callable[[], str]) -> None:
    url = database_urls()
    with running(tmp_path / "home", ("serve",), LIFELINE_DATABASE_URL=url) as service:
        password = said(service, r"first log-in, shown this once \(role security_administrator\): admin (\S+)")
        address = f"http://127.0.0.1:{service.port}"
        with httpx.Client(base_url=address, headers={"Origin": address}, timeout=60) as client:
            me = client.post("/api/v1/session", json={"name": "admin", "password": password}).json()
            assert (me["role"], me["areas"], me["must"]) == ("security_administrator", ["*"], "password")
            new = {"password": password, "new_password": "a gate, a wall and sand"}
            assert client.post("/api/v1/session/password", json=new).status_code == 204
            user = {"name": "li.wei", "role": "operator", "areas": ["*"]}
            assert client.post("/api/v1/users", json=user).status_code == 201
            # Nobody's word on addresses is taken where no proxy is named.
            wrong = {"name": "li.wei", "password": "wrong"}
            client.post("/api/v1/session", json=wrong, headers={"X-Forwarded-For": "10.9.8.7"})
        addresses = "select string_agg(distinct address, ' ') from audit where actor_kind in ('user', 'unknown')"
        assert value(url, addresses) == "127.0.0.1"
    with running(tmp_path / "home", ("serve",), LIFELINE_DATABASE_URL=url) as service:
        said(service, "(Ctrl-C) stops it")
        assert "first log-in" not in service.said()
    assert value(url, "select count(*) from user_account") == 2


def test_the_demo_prints_its_log_in_each_time(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with running(tmp_path / "home", ("demo",)) as service:
            line = r"demo log-in \(name and password, role supervisor\): (\S+ \S+)"
            name, password = said(service, line).split()
            address = f"http://127.0.0.1:{service.port}"
            answer = httpx.post(f"{address}/api/v1/session", json={"name": name, "password": password}, timeout=60)
            assert (answer.status_code, answer.json()["must"]) == (201, None)
            found.append((name, password))
    assert found[0] == found[1]
    assert (tmp_path / "home" / "demo-password").stat().st_mode & 0o777 == 0o600


def said(service: Service, pattern: str) -> str:
    """What the service prints after it is up."""
    deadline = time.monotonic() + 30
    while (match := re.search(pattern, service.said())) is None:
        assert time.monotonic() < deadline, service.said()
        time.sleep(0.05)
    return match[1]
