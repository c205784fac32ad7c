"""Log-in through a real identity provider, and what is refused of what comes from one."""

import base64
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from app.roles import ROLES
from app.sign_in.limits import SignIn, SignInLimits
from app.sign_in.provider import Mappings, Provider, ProviderError, load_mappings, verify_id_token
from tests.api.service import Service, serve
from tests.api.test_sign_in import ME, browser, user

MAPPINGS = Mappings.model_validate(
    {
        "mappings": [
            {"claim": "groups", "value": "duty", "role": "operator", "areas": ["jiayuguan"]},
            {"claim": "department", "value": "security", "role": "security_administrator", "areas": ["*"]},
        ]
    }
)


@pytest.fixture
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


def known(issuer: str, subject: str, **claims: Any) -> None:
    assert httpx.put(f"{issuer}/users/{subject}", json=claims).status_code == 204


def through(service: Service, issuer: str) -> None:
    service.now = time.time_ns() // 1_000_000  # the provider's clock
    limits = SignInLimits(second_factor_roles=frozenset({"operator"}))
    provider = Provider(issuer, "lifeline", "a secret", MAPPINGS)
    service.context.sign_in = SignIn(limits=limits, provider=provider)


async def go(client: httpx.AsyncClient, subject: str) -> str:
    """Begin a log-in, say yes at the provider, and return where it sends the browser."""
    answer = await client.get(f"{ME}/oidc")
    assert answer.status_code == 303, answer.text
    async with httpx.AsyncClient() as provider:
        said = await provider.post(answer.headers["location"], data={"sub": subject})
    assert said.status_code == 302, said.text
    return str(said.headers["location"])


async def come_back(client: httpx.AsyncClient, subject: str) -> httpx.Response:
    return await client.get(await go(client, subject))


def test_a_user_is_made_at_the_first_log_in_and_follows_the_claims(database_url: str, issuer: str) -> None:
    async def scenario(service: Service) -> None:
        through(service, issuer)
        assert (await browser(service).get(f"{ME}/ways")).json() == {"password": True, "oidc": True}
        known(issuer, "1234", preferred_username="li.wei", name="李伟", groups=["staff", "duty"])
        client = browser(service)
        answer = await come_back(client, "1234")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "samesite=strict" in answer.headers["set-cookie"].lower()
        me = (await client.get(ME)).json()
        assert (me["name"], me["display_name"], me["role"], me["areas"]) == (
            "li.wei", "李伟", "operator", ["jiayuguan"],
        )  # fmt: skip
        assert me["must"] is None  # the second factor is the provider's
        assert (await client.get("/api/v1/status")).status_code == 200
        assert (await browser(service).post(ME, json={"name": "li.wei", "password": "1234"})).status_code == 401

        known(issuer, "1234", preferred_username="renamed", department="security")
        again = browser(service)
        assert (await come_back(again, "1234")).status_code == 303
        me = (await again.get(ME)).json()
        assert (me["name"], me["role"], me["areas"]) == ("li.wei", "security_administrator", ["*"])

        known(issuer, "1234", preferred_username="li.wei")  # no mapping fits any more
        assert (await come_back(browser(service), "1234")).status_code == 403
        assert (await again.get(ME)).status_code == 401  # and the sessions have ended
        known(issuer, "1234", groups="duty")
        assert (await come_back(browser(service), "1234")).status_code == 403  # the last administrator
        await user(service, "other", "security_administrator")
        assert (await come_back(browser(service), "1234")).status_code == 303
        await service.pool.execute("update user_account set disabled_at = now()")
        assert (await come_back(browser(service), "1234")).status_code == 403
        rows = await service.pool.fetch(
            "select action, actor, outcome from audit where subject <> 'other' order by sequence"
        )
        assert [tuple(row) for row in rows] == [
            ("user-created", "li.wei", "done"), ("log-in", "li.wei", "done"), ("log-in-failed", "li.wei", "refused"),
            ("user-changed", "li.wei", "done"), ("log-in", "li.wei", "done"), ("log-in-failed", "li.wei", "refused"),
            ("log-in-failed", "li.wei", "refused"), ("user-changed", "li.wei", "done"), ("log-in", "li.wei", "done"),
            ("log-in-failed", "li.wei", "refused"),
        ]  # fmt: skip

    serve(database_url, scenario)


def test_who_is_not_let_in(database_url: str, issuer: str) -> None:
    async def scenario(service: Service) -> None:
        assert (await browser(service).get(f"{ME}/oidc")).status_code == 409
        through(service, issuer)
        await service.client("viewer", label="desk")
        for subject, claims in (
            ("none", {"preferred_username": "a"}),
            ("other", {"preferred_username": "b", "groups": ["dut"]}),
            ("taken", {"preferred_username": "desk", "groups": ["duty"]}),
            ("odd", {"preferred_username": "no name", "groups": ["duty"]}),
            ("nameless", {"groups": ["duty"]}),
        ):
            known(issuer, subject, **claims)
            client = browser(service)
            assert (await come_back(client, subject)).status_code == 403, subject
            assert (await client.get(ME)).status_code == 401, subject
        assert await service.pool.fetchval("select count(*) from user_account") == 0

    serve(database_url, scenario)


def test_a_log_in_belongs_to_the_browser_that_began_it(database_url: str, issuer: str) -> None:
    async def scenario(service: Service) -> None:
        through(service, issuer)
        known(issuer, "1234", preferred_username="li.wei", groups=["duty"])
        client = browser(service)
        address = (await client.get(f"{ME}/oidc")).headers["location"]
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        state, nonce, verifier = client.cookies["lifeline_oidc"].split(".")
        challenge = encoded(hashlib.sha256(verifier.encode()).digest())
        assert asked == {
            "response_type": "code", "client_id": "lifeline", "scope": "openid profile", "state": state, "nonce": nonce,
            "redirect_uri": f"{service.address}{ME}/oidc/callback", "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip

        back = await go(client, "1234")
        stranger = browser(service)
        assert (await stranger.get(back)).status_code == 403  # somebody else's address, without the cookie
        await stranger.get(f"{ME}/oidc")
        assert (await stranger.get(back)).status_code == 403  # with another log-in's
        assert (await client.get(f"{back}&iss=http://evil.example")).status_code == 403
        other = await go(client, "1234")
        mixed = f"{other.split('code=')[0]}code=invented&state={client.cookies['lifeline_oidc'].split('.')[0]}"
        assert (await client.get(mixed)).status_code == 503
        assert (await client.get(other)).status_code == 303
        assert (await client.get(other)).status_code == 403  # once
        denied = await client.get(f"{ME}/oidc")
        state = parse_qs(urlsplit(denied.headers["location"]).query)["state"][0]
        answer = await client.get(f"{ME}/oidc/callback?error=access_denied&state={state}")
        assert (answer.status_code, "access_denied" in answer.text) == (403, True)

    serve(database_url, scenario)


def test_a_provider_that_does_not_answer(database_url: str, issuer: str) -> None:
    async def scenario(service: Service) -> None:
        for address in ("http://127.0.0.1:9", f"{issuer}/", service.address):
            through(service, address)
            answer = await browser(service).get(f"{ME}/oidc")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), address

    serve(database_url, scenario)


KEY = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
KEYS = KeySet([KEY]).as_dict(private=False)
GOOD = {
    "iss": "https://id.example", "aud": "lifeline", "sub": "1", "nonce": "n", "iat": 1_000, "exp": 2_000,
}  # fmt: skip


def token(key: Any = KEY, alg: str = "RS256", **claims: Any) -> str:
    given = {name: value for name, value in (GOOD | claims).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "one"}, given, key, algorithms=[alg])


def verified(text: str) -> dict[str, Any]:
    return verify_id_token(text, dict(KEYS), "https://id.example", "lifeline", "n", 1_500)


@pytest.mark.parametrize(
    "claims", [{}, {"aud": ["lifeline"]}, {"aud": ["lifeline", "other"], "azp": "lifeline"}, {"exp": 1_470}]
)
def test_id_tokens_that_hold(claims: dict[str, Any]) -> None:
    assert verified(token(**claims))["sub"] == "1"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": []},
        {"aud": ["lifeline", "other"]}, {"aud": ["lifeline", "other"], "azp": "other"}, {"azp": "other"},
        {"sub": None}, {"nonce": "m"}, {"nonce": None}, {"exp": 1_400}, {"exp": None}, {"iat": 1_700}, {"iat": None},
        {"nbf": 1_700}, {"exp": "never"},
    ],
)  # fmt: skip
def test_id_tokens_with_claims_that_do_not_hold(claims: dict[str, Any]) -> None:
    with pytest.raises(ProviderError):
        verified(token(**claims))


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def test_mappings_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_text("mappings:\n- {claim: groups, value: duty, role: operator, areas: [jiayuguan]}\n")
    assert load_mappings(path, ROLES).mappings[0].role == "operator"
    for text, said in (
        ("mappings: []", "at least 1"),
        ("mappings:\n- {claim: g, value: d, role: king, areas: ['*']}", "'king' is no role"),
        ("mappings:\n- {claim: g, value: d, role: viewer, areas: ['a b']}", "area 'a b'"),
        ("mappings:\n- {claim: g, value: d, role: viewer}", "areas"),
        ("mappings: [", "mappings.yaml"),
        ("mappings:\n- {claim: g, value: d, role: viewer, areas: ['*'], more: 1}", "more"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"mappings\.yaml") as refused:
            load_mappings(path, ROLES)
        assert said in str(refused.value), text
