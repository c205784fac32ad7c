"""Log-in: sessions, waits after failures, the second factor, and requests that other sites make a browser send."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from app.sign_in.accounts import create_account
from app.sign_in.attempts import counted_address, wait_after
from app.sign_in.limits import SignIn, SignInLimits
from app.sign_in.passwords import WeakPassword, check_password, hash_password, is_password
from app.sign_in.second_factor import hash_recovery_code, matching_step, new_recovery_codes, new_secret
from model.instant import DAY_MS, HOUR_MS, MINUTE_MS, to_datetime
from model.user import is_user_name
from tests.api.service import NOON, Service, change, journal, serve

PASSWORD = "seven bridges of the oasis"
HASH = hash_password(PASSWORD)
ME = "/api/v1/session"
WRONG = {"name": "li.wei", "password": "not the password at all"}
RIGHT = {"name": "li.wei", "password": PASSWORD}


async def user(service: Service, name: str = "li.wei", role: str = "supervisor", **facts: Any) -> None:
    given = {"areas": ["*"], "password_hash": HASH, "must_change_password": False} | facts
    async with service.pool.acquire() as connection, connection.transaction():
        await create_account(connection, name, role=role, now=to_datetime(service.now), by="test", **given)


def browser(service: Service, address: str = "10.0.0.1") -> httpx.AsyncClient:
    """A client that keeps cookies and says where its pages come from, through a proxy on this machine."""
    return service.client_with({"Origin": service.address, "X-Forwarded-For": address})


async def logged_in(service: Service, **facts: Any) -> httpx.AsyncClient:
    await user(service, **facts)
    client = browser(service)
    answer = await client.post(ME, json=RIGHT | {"name": facts.get("name", "li.wei")})
    assert answer.status_code == 201, answer.text
    return client


def limited(service: Service, **limits: Any) -> None:
    service.context.sign_in = SignIn(limits=SignInLimits(**limits))


def test_a_session_from_log_in_to_log_off(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await logged_in(service, display_name="李伟", areas=["jiayuguan"])
        me = (await client.get(ME)).json()
        assert me == {
            "name": "li.wei", "kind": "user", "display_name": "李伟", "role": "supervisor", "areas": ["jiayuguan"],
            "second_factor": False, "must": None, "ends_at": "2026-11-23T00:00:00.000Z",
        }  # fmt: skip
        await journal(service.pool, [change("GAS-1", 0, 4), change("WATER-9", 0, 4)])
        (alarm,) = (await client.get("/api/v1/alarms")).json()["alarms"]
        answer = await client.post(
            f"/api/v1/alarms/{alarm['alarm']}/acknowledge",
            json={"seen_sequence": 1},
            headers={"Idempotency-Key": "one"},
        )
        assert (answer.status_code, answer.json()["actor"]) == (200, "li.wei")
        kept = await service.pool.fetchrow("select token_hash, name from user_session")
        cookie = client.cookies["lifeline_session"]
        assert cookie.encode() not in kept["token_hash"]

        assert (await client.delete(ME)).status_code == 204
        client.cookies.set("lifeline_session", cookie)
        answer = await client.get(ME)
        assert (answer.status_code, answer.json()["detail"]) == (401, "the session is not known or has ended")
        assert await service.pool.fetchval("select count(*) from user_session") == 0

    serve(database_url, scenario)


def test_the_cookie_is_out_of_reach(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service)
        for public_url, headers, secure in (
            ("", {}, False),
            ("", {"X-Forwarded-Proto": "https"}, True),
            ("https://lifeline.example", {}, True),
            ("http://lifeline.example", {}, False),
        ):
            service.context.sign_in = SignIn(public_url=public_url)
            answer = await service.client_with(headers).post(ME, json=RIGHT)
            words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")}
            assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= words
            assert ("secure" in words) is secure, (public_url, headers)

    serve(database_url, scenario)


def test_sessions_end_by_themselves(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, session_idle_minutes_max=30, session_hours_max=2, sessions_per_user_max=2)
        client = await logged_in(service)
        for minutes in (29, 58, 87, 116):  # in use
            service.now = NOON + minutes * MINUTE_MS
            assert (await client.get(ME)).status_code == 200, minutes
        service.now = NOON + 2 * HOUR_MS
        assert (await client.get(ME)).status_code == 401

        idle = browser(service)
        await idle.post(ME, json=RIGHT)
        service.now += 31 * MINUTE_MS
        assert (await idle.get(ME)).status_code == 401

        clients = [browser(service) for _ in range(3)]
        for client in clients:
            assert (await client.post(ME, json=RIGHT)).status_code == 201
            service.now += 1_000
        assert [(await client.get(ME)).status_code for client in clients] == [401, 200, 200]
        assert await service.pool.fetchval("select count(*) from user_session") == 2

    serve(database_url, scenario)


def test_what_is_wrong_is_not_said(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service)
        await user(service, "gone")
        await service.pool.execute("update user_account set disabled_at = now() where name = 'gone'")
        answers = []
        for name, password in (
            ("li.wei", "not the password at all"), ("nobody", PASSWORD), ("gone", PASSWORD), ("", "x"), ("a\x00b", "x"),
            ("' or 1=1", PASSWORD), ("li.wei", ""),
        ):  # fmt: skip
            answer = await browser(service).post(ME, json={"name": name or " ", "password": password or " "})
            answers.append((answer.status_code, answer.json(), "set-cookie" in answer.headers))
        assert [answer for answer in answers if answer != answers[0]] == []
        assert answers[0][0] == 401
        answer = await browser(service).post(ME, content=b'{"name": "li.wei", "password": "\\ud800"}',
                                             headers={"Content-Type": "application/json"})  # fmt: skip
        assert answer.status_code == 422

    serve(database_url, scenario)


def test_waits_by_name_double_and_end(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service)
        limited(service, name_failures_free=3, first_wait_s=30, wait_s_max=100)
        client = browser(service)
        waits = []
        for _ in range(3):
            assert (await client.post(ME, json=WRONG)).status_code == 401
        for _ in range(4):
            answer = await client.post(ME, json=RIGHT)  # not even the right one
            assert (answer.status_code, answer.json()["type"]) == (429, "/docs#too-many-attempts")
            waits.append(int(answer.headers["retry-after"]))
            service.now += 1_000 * waits[-1]
            assert (await client.post(ME, json=WRONG)).status_code == 401
        assert waits == [30, 60, 100, 100]
        service.now += 100_000
        assert (await client.post(ME, json=RIGHT)).status_code == 201
        for _ in range(2):
            assert (await client.post(ME, json=WRONG)).status_code == 401
        assert (await client.post(ME, json=RIGHT)).status_code == 201  # the failures before it are forgotten

    serve(database_url, scenario)


def test_waits_count_for_names_that_are_not_there(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, name_failures_free=3)
        statuses = [
            (await browser(service, f"10.0.0.{n}").post(ME, json=WRONG | {"name": name})).status_code
            for n, name in enumerate(["nobody", "NoBody", "nobody", "nobody", "somebody"])
        ]
        assert statuses == [401, 401, 401, 429, 401]

    serve(database_url, scenario)


def test_waits_by_address_spare_other_addresses_and_names(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service)
        limited(service, address_failures_free=3)
        for n in range(3):
            assert (await browser(service).post(ME, json=WRONG | {"name": f"guess{n}"})).status_code == 401
        assert (await browser(service).post(ME, json=RIGHT)).status_code == 429
        assert (await browser(service, "10.0.0.2").post(ME, json=RIGHT)).status_code == 201
        # A good log-in in between does not free the address of somebody who guesses.
        for n in range(2):
            assert (await browser(service, "10.0.0.3").post(ME, json=WRONG | {"name": f"more{n}"})).status_code == 401
        assert (await browser(service, "10.0.0.3").post(ME, json=RIGHT)).status_code == 201
        assert (await browser(service, "10.0.0.3").post(ME, json=WRONG)).status_code == 401
        assert (await browser(service, "10.0.0.3").post(ME, json=RIGHT)).status_code == 429
        service.now += DAY_MS
        assert (await browser(service).post(ME, json=RIGHT)).status_code == 201
        kept = await service.pool.fetch("select kind, subject from sign_in_attempt order by kind, subject")
        assert [tuple(row) for row in kept] == [("address", "10.0.0.1")]  # older ones are gone

    serve(database_url, scenario)


def test_what_cannot_be_a_name_is_not_kept(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await browser(service).post(ME, json={"name": "my secret pass phrase!", "password": "x"})
        assert await service.pool.fetchval("select count(*) from sign_in_attempt where kind = 'name'") == 0
        rows = await service.pool.fetch("select actor, subject, outcome from audit")
        assert [tuple(row) for row in rows] == [("unknown", "unknown", "refused")]

    serve(database_url, scenario)


def test_the_audit_knows_log_ins_failures_and_lock_outs(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, name_failures_free=2)
        client = await logged_in(service)
        await client.delete(ME)
        for _ in range(2):
            await client.post(ME, json=WRONG)
        rows = await service.pool.fetch(
            "select action, actor, actor_kind, subject, address, details from audit"
            " where action <> 'user-created' order by sequence"
        )
        assert [tuple(row) for row in rows] == [
            ("log-in", "li.wei", "user", "li.wei", "10.0.0.1", "{}"),
            ("log-off", "li.wei", "user", "li.wei", "10.0.0.1", "{}"),
            ("log-in-failed", "li.wei", "unknown", "li.wei", "10.0.0.1", "{}"),
            ("log-in-failed", "li.wei", "unknown", "li.wei", "10.0.0.1", "{}"),
            ("log-in-locked", "li.wei", "unknown", "li.wei", "10.0.0.1", '{"kind":"name"}'),
        ]

    serve(database_url, scenario)


OWN = "http://own"  # stands for the address that the service has
CASES = [
    ({}, 403),  # neither header: not a browser, or one that hides where it comes from
    ({"Origin": OWN}, 200),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://[broken"}, 403),
    ({"Origin": "https://lifeline.example"}, 200),
    ({"Origin": "https://other.lifeline.example"}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-site", "Origin": OWN}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
]


def test_other_sites_cannot_use_the_session(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        cookie = dict((await logged_in(service)).cookies)
        service.context.sign_in = SignIn(public_url="https://lifeline.example/")
        key = (await service.client("supervisor")).headers["Authorization"]
        path = "/api/v1/alarms/level.GAS-1.20261122T120000000Z/comment"
        for n, (given_headers, expected) in enumerate(CASES):
            headers = {name: value.replace(OWN, service.address) for name, value in given_headers.items()}
            client = service.client_with(headers)
            client.cookies.update(cookie)
            body = {"comment": "seen", "seen_sequence": 1, "idempotency_key": f"c{n}"}
            answer = await client.post(path, json=body)
            assert answer.status_code == expected, (headers, answer.text)
            if expected == 403:
                assert answer.json()["type"] == "/docs#cross-site"
            assert (await client.get(ME)).status_code == 200, headers  # reading changes nothing
            by_key = await client.post(path, json=body | {"idempotency_key": f"k{n}"}, headers={"Authorization": key})
            assert by_key.status_code == 200, headers
            log_in = await service.client_with(headers).post(ME, json=RIGHT)
            assert log_in.status_code == (403 if expected == 403 and headers else 201), headers

    serve(database_url, scenario)


def test_a_password_given_out_opens_nothing_but_its_own_change(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await logged_in(service, must_change_password=True)
        assert (await client.get(ME)).json()["must"] == "password"
        for path in ("/api/v1/status", "/api/v1/alarms", "/api/v1/alarms/stream", "/api/v1/feeds/cap.atom"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["type"]) == (403, "/docs#password-change-required"), path
        other = browser(service)
        await other.post(ME, json=RIGHT)
        for body, field in (
            ({"password": "wrong password!", "new_password": "a longer one than that"}, "password"),
            ({"password": PASSWORD, "new_password": "short"}, "new_password"),
            ({"password": PASSWORD, "new_password": PASSWORD}, "new_password"),
            ({"password": PASSWORD, "new_password": "my name is LI.WEI"}, "new_password"),
        ):
            answer = await client.post(f"{ME}/password", json=body)
            assert (answer.status_code, answer.json()["field"]) == (422, field), body
        answer = await client.post(
            f"{ME}/password", json={"password": PASSWORD, "new_password": "a gate, a wall, sand"}
        )
        assert answer.status_code == 204
        assert (await client.get("/api/v1/status")).status_code == 200
        assert (await other.get(ME)).status_code == 401  # the user's other sessions have ended
        assert (await other.post(ME, json=RIGHT)).status_code == 401
        assert (await other.post(ME, json=RIGHT | {"password": "a gate, a wall, sand"})).status_code == 201

    serve(database_url, scenario)


async def enrolled(client: httpx.AsyncClient, now: int) -> tuple[pyotp.TOTP, list[str]]:
    answer = await client.post(f"{ME}/second-factor", json={"password": PASSWORD})
    assert answer.status_code == 201, answer.text
    totp = pyotp.parse_uri(answer.json()["uri"])
    assert isinstance(totp, pyotp.TOTP)
    assert (totp.name, totp.issuer, totp.secret) == ("li.wei", "Lifeline", answer.json()["secret"])
    answer = await client.post(f"{ME}/second-factor/confirm", json={"code": totp.at(now // 1000)})
    assert answer.status_code == 200, answer.text
    codes = answer.json()["recovery_codes"]
    assert len(set(codes)) == 10
    return totp, codes


def test_the_second_factor(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await logged_in(service)
        wrong = await client.post(f"{ME}/second-factor", json={"password": "wrong password!"})
        assert wrong.status_code == 422
        totp, codes = await enrolled(client, service.now)
        assert (await client.get(ME)).json()["second_factor"]
        assert (await client.post(f"{ME}/second-factor", json={"password": PASSWORD})).status_code == 409
        assert await service.pool.fetchval("select recovery_codes::text from user_account") != "{}"

        async def status(code: str | None) -> tuple[int, str]:
            answer = await browser(service).post(ME, json=RIGHT | ({} if code is None else {"code": code}))
            return answer.status_code, answer.json().get("type", "").removeprefix("/docs#")

        def code(steps: int = 0) -> str:
            return totp.at(service.now // 1000 + 30 * steps)

        assert await status(None) == (401, "code-required")
        assert await status(code()) == (401, "unauthorized")  # the one that confirmed it
        service.now += 60_000
        assert await status(code(-2)) == (401, "unauthorized")  # too old
        assert await status(code(2)) == (401, "unauthorized")
        assert await status(code(-1)) == (201, "")
        assert await status(code(-1)) == (401, "unauthorized")  # used
        assert await status(code(1)) == (201, "")
        assert await status(code()) == (401, "unauthorized")  # older than one that was used
        assert await status(codes[0].upper()) == (201, "")
        assert await status(codes[0]) == (401, "unauthorized")
        assert await status(codes[1].replace("-", " ")) == (201, "")
        wrong = await browser(service).post(ME, json=WRONG | {"code": codes[2]})
        assert wrong.status_code == 401
        assert await status(codes[2]) == (201, "")  # not used up by a wrong password

        path = f"{ME}/second-factor"
        assert (await client.delete(path)).status_code == 422
        assert (await client.delete(path, headers={"Second-Factor-Code": "123 456"})).status_code == 422
        assert (await client.delete(path, headers={"Second-Factor-Code": codes[3]})).status_code == 204
        assert (await client.delete(path, headers={"Second-Factor-Code": codes[4]})).status_code == 409
        assert await status(None) == (201, "")

    serve(database_url, scenario)


def test_a_code_is_used_once_whoever_is_faster(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, name_failures_free=50, hash_wait_s_max=60)
        client = await logged_in(service)
        totp, codes = await enrolled(client, service.now)
        service.now += 60_000
        for code in (totp.at(service.now // 1000), codes[0]):
            answers = await asyncio.gather(*(browser(service).post(ME, json=RIGHT | {"code": code}) for _ in range(6)))
            assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401, 401]

    serve(database_url, scenario, connections_max=8, connection_wait_s_max=20)


def test_codes_cannot_be_guessed_through_a_session(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, name_failures_free=3)
        client = await logged_in(service)
        await enrolled(client, service.now)
        statuses = [
            (await client.delete(f"{ME}/second-factor", headers={"Second-Factor-Code": f"{n:06}"})).status_code
            for n in range(4)
        ]
        assert statuses == [422, 422, 422, 429]

    serve(database_url, scenario)


def test_roles_that_need_a_second_factor(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, second_factor_roles=frozenset({"supervisor"}))
        client = await logged_in(service)
        assert (await client.get(ME)).json()["must"] == "second_factor"
        answer = await client.get("/api/v1/status")
        assert (answer.status_code, answer.json()["type"]) == (403, "/docs#second-factor-required")
        assert (await (await service.client("supervisor")).get("/api/v1/status")).status_code == 200  # a key has none
        await enrolled(client, service.now)
        assert (await client.get("/api/v1/status")).status_code == 200

    serve(database_url, scenario)


def test_a_key_has_no_session(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", "jiayuguan", label="wall")
        me = (await client.get(ME)).json()
        assert (me["name"], me["kind"], me["areas"], me["ends_at"]) == ("wall", "key", ["jiayuguan"], None)
        assert (await client.delete(ME)).status_code == 409
        body = {"password": "x", "new_password": "something long enough"}
        assert (await client.post(f"{ME}/password", json=body)).status_code == 409
        await user(service)
        client.cookies.update(dict((await _opened(service)).cookies))
        assert (await client.get(ME)).json()["name"] == "wall"  # a key goes before a session

    serve(database_url, scenario)


async def _opened(service: Service) -> httpx.AsyncClient:
    client = browser(service)
    await client.post(ME, json=RIGHT)
    return client


def test_a_session_that_ends_ends_its_stream(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service)
        for ending in (
            "delete from user_session",
            "update user_session set ends_at = '2026-11-22T12:00:00Z'",
            "update user_account set role = 'viewer'",
            "update user_account set disabled_at = now()",
        ):
            client = await _opened(service)
            async with client.stream("GET", "/api/v1/alarms/stream") as answer:
                assert answer.status_code == 200, ending
                await service.pool.execute(ending)
                text = "".join([part async for part in answer.aiter_text()])
            assert "event: end" in text, ending

    serve(database_url, scenario, key_check_s=0.2, stream_heartbeat_s=0.2)


def test_an_open_stream_is_use_of_its_session(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await logged_in(service)
        async with client.stream("GET", "/api/v1/alarms/stream") as answer:
            assert answer.status_code == 200
            for minutes in range(10, 61, 10):
                service.now = NOON + minutes * MINUTE_MS
                async with asyncio.timeout(10):
                    now = to_datetime(service.now)
                    while await service.pool.fetchval("select seen_at from user_session") != now:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
        assert (await client.get(ME)).status_code == 200

    serve(database_url, scenario, key_check_s=0.05, stream_heartbeat_s=0.2)


def test_an_old_hash_is_renewed_at_log_in(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
        await user(service, password_hash=old, must_change_password=True)
        assert (await browser(service).post(ME, json=RIGHT)).status_code == 201
        kept = await service.pool.fetchrow("select password_hash, must_change_password from user_account")
        assert kept["password_hash"] != old
        assert is_password(kept["password_hash"], PASSWORD)
        assert kept["must_change_password"]

    serve(database_url, scenario)


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("a wall, a gate", True),
        ("a gate wall", False),  # 11
        ("a gate, wall", True),  # 12
        ("城墙与城门都在沙漠边上很久了", True),
        ("嘉峪关的城墙与城门", False),
        ("aaaaaaaaaaaaaaaa", False),
        ("Password1234", False),
        ("I am Li.Wei, myself", False),
        ("x" * 100 + "y" * 156, True),
        ("x" * 100 + "y" * 157, False),
    ],
)
def test_passwords_that_may_be_taken(password: str, taken: bool) -> None:
    if taken:
        check_password(password, "li.wei", SignInLimits())
    else:
        with pytest.raises(WeakPassword):
            check_password(password, "li.wei", SignInLimits())


def test_a_password_is_one_however_its_letters_are_composed() -> None:
    assert is_password(hash_password("Zürich liegt am See"), "Zu\u0308rich liegt am See")
    assert not is_password(None, PASSWORD)
    assert not is_password("no hash", PASSWORD)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", None),
        (None, None),
    ],
)
def test_addresses_as_they_are_counted(host: str | None, counted: str | None) -> None:
    assert counted_address(host) == counted


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("li.wei", True), ("李伟", True), ("a", True), ("li-wei@city.example", True), ("x" * 64, True),
        ("x" * 65, False), ("", False), (".li", False), ("li wei", False), ("li\n", False), ("_li", False),
    ],
)  # fmt: skip
def test_names_that_users_may_have(name: str, taken: bool) -> None:
    assert is_user_name(name) is taken


@given(failures=st.integers(0, 10_000), free=st.integers(1, 50))
def test_waits_never_shrink_and_have_an_end(failures: int, free: int) -> None:
    limits = SignInLimits()
    wait = wait_after(failures, free, limits)
    assert (wait == timedelta(0)) is (failures < free)
    assert wait <= wait_after(failures + 1, free, limits) <= timedelta(seconds=limits.wait_s_max)


@given(now=st.integers(NOON, NOON + 10**9), off=st.integers(-200_000, 200_000))
def test_a_code_fits_near_its_time_alone(now: int, off: int) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    code = pyotp.TOTP(secret).at((now + off) // 1000)
    step = matching_step(secret, code, now, 1)
    its_own = (now + off) // 30_000
    if abs(its_own - now // 30_000) <= 1:
        assert step == its_own
    else:
        assert step != its_own


def test_recovery_codes_are_typed_as_people_type() -> None:
    (code,) = new_recovery_codes(1)
    assert hash_recovery_code(code.upper().replace("-", " ")) == hash_recovery_code(code)
    assert new_secret() != new_secret()
