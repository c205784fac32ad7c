"""Secrets that every installation would have, tokens that nobody signed, guesses, and a Host header that lies."""

from __future__ import annotations

import asyncio
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from app.embedded.errors import CredentialsMissing
from app.services import open_services
from app.settings import Settings, SettingsError
from app.sign_in.accounts import first_administrator
from app.sign_in.limits import SignIn
from app.sign_in.provider import ProviderError
from model.instant import to_datetime
from store.pool import open_pool
from tests.api.service import NOON, Service, change, journal, serve
from tests.api.test_oidc import GOOD, KEY, OTHER, encoded, token, verified
from tests.api.test_pages import write_console
from tests.api.test_sign_in import ME, RIGHT, WRONG, browser, limited, user

USUAL = [
    ("admin", "admin"), ("admin", "changeme"), ("admin", "lifeline"), ("demo-supervisor", "demo-supervisor"),
]  # fmt: skip
LIES = [
    "evil.example", "evil.example:80", "[broken", "[::1", "127.0.0.1:8000@evil.example", "evil.example/..", "a b",
    "evil.example:port", "<script>", "é.example", "",
]  # fmt: skip


NO_SIGNATURE = ".".join(
    (encoded(b'{"alg":"none"}'), encoded(b'{"sub":"admin","role":"security_administrator","areas":["*"]}'), "")
)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("secret", "has fewer than 12 characters"),
        ("changemeplease", "is one of the commonest"),
        ("Password1234", "is one of the commonest"),
        ("devices-devices", "holds your name"),
        (None, "needs a user and a password"),
    ],
)
def test_case_42_a_broker_open_to_others_does_not_start_with_a_password_that_is_soon_guessed(
    password: str | None, words: str, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path, database_url="postgresql://nowhere", mqtt_host="0.0.0.0", mqtt_user="devices",
        mqtt_password=password,
    )  # fmt: skip

    async def start() -> None:
        async with open_services(settings, print):
            raise AssertionError("it starts")

    with pytest.raises((SettingsError, CredentialsMissing), match=words) as refused:
        asyncio.run(start())
    assert password is None or password not in str(refused.value)


def test_case_42_no_installation_has_the_secrets_of_another(database_urls: Any) -> None:
    async def first(url: str) -> tuple[str, str] | None:
        pool = await open_pool(url, connections_max=1)
        try:
            return await first_administrator(pool, to_datetime(NOON))
        finally:
            await pool.close()

    async def scenario(service: Service) -> None:
        for name, password in USUAL:
            answer = await browser(service).post(ME, json={"name": name, "password": password})
            assert answer.status_code == 401, (name, password)

    one, other = database_urls(), database_urls()
    made = [asyncio.run(first(url)) for url in (one, other)]
    assert None not in made
    assert made[0] != made[1]
    serve(one, scenario)


def test_case_42_what_nobody_has_signed_opens_nothing(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await service.client("security_administrator")
        for name, text in (
            ("Authorization", f"Bearer {NO_SIGNATURE}"), ("X-API-Key", NO_SIGNATURE),
            ("Cookie", f"lifeline_session={NO_SIGNATURE}"), ("Authorization", "Bearer null"),
            ("Authorization", "Bearer lk_"), ("X-API-Key", "lk_" + "A" * 43), ("X-API-Key", "*"),
            ("Authorization", "Basic YWRtaW46YWRtaW4="), ("Cookie", "lifeline_session=" + "A" * 43),
        ):  # fmt: skip
            answer = await service.client_with({name: text}).get("/api/v1/alarms")
            assert answer.status_code == 401, (name, text)
            assert answer.headers["www-authenticate"].startswith("Bearer")

    serve(database_url, scenario)


def test_case_42_id_tokens_that_nobody_known_has_signed() -> None:
    # The public key as if it were a shared secret, which the library itself would not sign with.
    header, body = (encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "one"}, GOOD))
    seal = hmac.digest(KEY.as_pem(private=False), f"{header}.{body}".encode(), "sha256")
    shared = f"{header}.{body}.{encoded(seal)}"
    for text in (
        token(OTHER), shared, token()[:-8] + "AAAAAAAA", "", "a.b.c", token().rsplit(".", 1)[0] + ".",
    ):  # fmt: skip
        with pytest.raises(ProviderError):
            verified(text)
    with pytest.raises(ProviderError):
        verified(".".join((encoded(b'{"alg": "none"}'), body, "")))


def test_case_42_many_guesses_at_one_time_are_as_few_as_one_after_the_other(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service)
        limited(service, name_failures_free=5, hash_wait_s_max=60)
        client = browser(service)
        answers = await asyncio.gather(*(client.post(ME, json=WRONG) for _ in range(20)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [401] * 5 + [429] * 15
        refused = await client.post(ME, json=RIGHT)
        assert refused.status_code == 429, "not even the right one"
        print(f"20 guesses at one time: 5 were looked at; the next is after {refused.headers['retry-after']} s")

    serve(database_url, scenario, connections_max=8, connection_wait_s_max=20)


def test_case_42_a_host_header_that_lies_is_believed_by_nobody_else(database_url: str, tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        client = await service.client("operator")
        for lie in LIES:
            for path in ("/", "/docs", "/openapi.json", "/api/v1/alarms", "/api/v1/sensors", "/api/v1/feeds/cap.atom"):
                answer = await client.get(path, headers={"Host": lie.encode("latin-1")})
                assert answer.status_code < 500, (lie, path)
                assert "evil" not in answer.text + str(answer.headers), (lie, path)
            # Links with the whole address: where the deployment has not named its own, only who lied gets them.
            answer = await client.get("/api/v1/sensorthings/v1.1", headers={"Host": lie.encode("latin-1")})
            assert answer.status_code < 500, lie
            assert answer.headers["cache-control"].partition(",")[0] in ("no-store", "private"), lie
        service.context.sign_in = SignIn(public_url="https://lifeline.example.org/")
        for path in ("", "/Things?$top=1", "/Datastreams?$expand=Thing"):
            answer = await client.get(f"/api/v1/sensorthings/v1.1{path}", headers={"Host": "evil.example"})
            assert answer.status_code == 200
            assert "evil" not in answer.text
            assert "https://lifeline.example.org/api/v1/sensorthings/v1.1/" in answer.text

    serve(database_url, scenario, console=write_console(tmp_path / "console"))
