"""Secrets stay where they belong: not in what the service prints and logs at its most talkative, not in any answer.

Two are meant to be seen once: the first log-in, which `lifeline up` prints where there is no user yet, and what a
command makes (a key, a password), which that command prints.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import httpx
import paho.mqtt.client as mqtt
import pyotp
import pytest
import yaml

from alerts.notification_file import parse_notification_file
from app.embedded.database import EmbeddedDatabase
from app.sign_in.accounts import create_account
from app.sign_in.passwords import hash_password, one_time_password
from model.sensor import City, Sensor
from store.keys import create_key
from store.notification_files import StoredFile, put_file_in_force
from store.pool import open_pool
from store.sensors import import_sensors
from tests.integration.service import Service, running

ROLES = ("supervisor", "security_administrator", "auditor")
NOBODY = "127.0.0.1:9"  # where nothing listens
WAIT_S_MAX = 60.0
GIVEN = {
    "password of the database": "d4ta/base@pass%word",
    "password of the broker": "br0ker-pass-of-devices",
    "password of the province": "n0rth-pass-of-province",
    "token of the heartbeat": "heartbeat-t0ken-7261",
    "secret of the identity provider": "0idc-client-secret-5512",
    "token in a webhook path": "webh00k-path-t0ken-8341",
    "token in a webhook query": "webh00k-query-t0ken-9931",
    "key of a webhook": "whsec-webh00k-signing-key-4471",
    "token of an Apprise channel": "appr1se-t0ken-22",
    "key nobody made": "lk_n0body-made-this-key-but-somebody-typed-it-1",
    "password of a person": "seven oases and 1 wall",
    "password typed wrong": "seven oases and 2 walls",
    "password typed as a name": "eight oases, no wall!",
}


def forms(secret: str) -> set[str]:
    """A secret as it is, and as an address, a basic header or JSON would hold it."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], encoded}


class Listener:
    """Keeps all that was answered with an error, and all that tells of the service itself."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.told: dict[str, str] = {}

    def client(self, **headers: str) -> httpx.Client:
        def keep(answer: httpx.Response) -> None:
            answer.read()
            path = answer.request.url.path
            if answer.status_code >= 400 or path in TELLING:
                self.told[f"{answer.request.method} {path}: {answer.status_code} of {len(self.told)}"] = (
                    f"{answer.headers}\n{answer.text}"
                )

        return httpx.Client(base_url=self.address, headers=headers, timeout=30, event_hooks={"response": [keep]})


TELLING = (
    "/metrics", "/readyz", "/openapi.json", "/api/v1/audit", "/api/v1/keys", "/api/v1/users", "/api/v1/notifications",
    "/api/v1/notifications/channels",
)  # fmt: skip


def test_nothing_secret_is_printed_logged_or_answered(
    database_url: str, database_server: EmbeddedDatabase, tmp_path: Path
) -> None:
    printed: dict[str, str] = {}

    def command(*arguments: str) -> None:
        finished = up.run(*arguments, expected=1)
        printed[f"{arguments} {len(printed)}"] = finished.stderr + finished.stdout

    with running(tmp_path / "home", LIFELINE_LOG="DEBUG", **_settings(database_url, tmp_path)) as up:
        listener = Listener(f"http://127.0.0.1:{up.port}")
        secrets = GIVEN | asyncio.run(_configure(database_url))
        _until(lambda: listener.client().get("/readyz").status_code == 200, "ingest and evaluator work")
        _publish(up, GIVEN["password of the broker"], welcome=True)
        _publish(up, GIVEN["password of the broker"] + "!", welcome=False)  # it holds the right one
        supervisor = listener.client(Authorization=f"Bearer {secrets['key of a supervisor']}")
        _until(lambda: _tried(supervisor), "the messages have been tried")
        _log_in(listener, secrets)
        _misuse(listener, secrets)
        _break_the_database(database_url, listener, secrets)
        for role in ROLES:
            client = listener.client(Authorization=f"Bearer {secrets[f'key of a {role}']}")
            for path in TELLING:
                client.get(path)
        command("doctor")  # the broker of the province does not answer
        _until(lambda: "the heartbeat did not reach" in up.said(), "the heartbeat has been tried")
        _until(lambda: "publishing to northbound" in up.said(), "the broker of the province has been tried")
        command_lines = "\n".join(up.family())
        assert up.stop() == 0
        logs = {path.name: path.read_text("utf-8", "replace") for path in up.home.rglob("*.log")}
    up.environment["LIFELINE_DATABASE_URL"] = f"postgresql://me:{GIVEN['key of a webhook']}@{NOBODY}/x"
    for name in ("doctor", "up"):
        command(name)
    logs["of the database"] = database_server.child.log.read_text("utf-8", "replace")

    assert len(listener.told) > 30
    assert {"service.log", "nats.log"} <= logs.keys()
    assert "DEBUG" in logs["service.log"]
    for where, text in {**logs, **printed, **listener.told, "command lines": command_lines}.items():
        for what, secret in secrets.items():
            for form in forms(secret):
                assert form not in text, f"{what} is in {where}"


def _settings(database_url: str, folder: Path) -> dict[str, str]:
    parts = urlsplit(database_url)
    password = quote(GIVEN["password of the database"], safe="")
    with_password = parts._replace(netloc=f"{parts.username}:{password}@")
    mappings = folder / "mappings.yaml"
    mappings.write_text("mappings:\n- {claim: groups, value: duty, role: operator, areas: ['*']}\n")
    return {
        "LIFELINE_DATABASE_URL": urlunsplit(with_password),
        "LIFELINE_MQTT_USER": "devices",
        "LIFELINE_MQTT_PASSWORD": GIVEN["password of the broker"],
        "LIFELINE_NORTHBOUND_URL": f"mqtt://city:{GIVEN['password of the province']}@{NOBODY}",
        "LIFELINE_HEARTBEAT_URL": f"http://{NOBODY}/{GIVEN['token of the heartbeat']}",
        "LIFELINE_HEARTBEAT_S": "5",
        "LIFELINE_OIDC_ISSUER": f"http://{NOBODY}",
        "LIFELINE_OIDC_CLIENT_SECRET": GIVEN["secret of the identity provider"],
        "LIFELINE_OIDC_MAPPINGS": str(mappings),
        "LIFELINE_WEBHOOK_NETWORKS_ALLOWED": "127.0.0.1/32",
        "LIFELINE_TICK_S": "0.5",
    }


async def _configure(url: str) -> dict[str, str]:
    """A sensor in operation, channels at which nobody answers, a person and keys; return the secrets of these."""
    path, query = GIVEN["token in a webhook path"], GIVEN["token in a webhook query"]
    channels = [
        {"channel": "partner", "via": "webhook", "url": f"http://{NOBODY}/{path}?t={query}",
         "key": GIVEN["key of a webhook"]},
        {"channel": "desk", "via": "apprise", "url": f"gotify://{NOBODY}/{GIVEN['token of an Apprise channel']}"},
    ]  # fmt: skip
    routes = [{"route": "all", "channels": ["partner", "desk"]}]
    file = parse_notification_file("n.yaml", yaml.safe_dump({"channels": channels, "routes": routes}))
    sensor = Sensor(sensor="gas-1", city="real", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)
    once = one_time_password()
    pool = await open_pool(url, connections_max=1)
    try:
        await import_sensors(pool, [sensor], [City(city="real", mode="operational")])
        async with pool.acquire() as connection, connection.transaction():
            await put_file_in_force(connection, StoredFile(file.version, file.content), "test")
            await create_account(
                connection, "li.wei", role="operator", areas=["*"], password_hash=hash_password(once),
                now=datetime.now(UTC), by="test",
            )  # fmt: skip
        keys = {f"key of a {role}": await create_key(pool, role=role, areas=["*"]) for role in ROLES}
    finally:
        await pool.close()
    return keys | {"password for one log-in": once}


def _publish(service: Service, password: str, *, welcome: bool) -> None:
    """Publish a reading far above the limit, or be turned away by the broker."""
    host, _, port = service.note["mqtt_url"].rpartition("@")[2].removeprefix("mqtt://").partition(":")
    answers: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda _client, _userdata, _flags, code, _properties: answers.append(not code.is_failure)
    client.username_pw_set("devices", password)
    client.connect(host, int(port))
    client.loop_start()
    try:
        _until(lambda: bool(answers), "the broker answers")
        assert answers[0] == welcome
        if welcome:
            payload = json.dumps({"time": time.time_ns() // 1_000_000, "value": 60.0})
            client.publish("lifeline/real/gas/gas-1", payload, qos=1).wait_for_publish(30)
    finally:
        client.loop_stop()
        client.disconnect()


def _tried(client: httpx.Client) -> bool:
    channels = client.get("/api/v1/notifications/channels").json()["channels"]
    return len(channels) == 2 and all(channel["failures"] for channel in channels)


def _log_in(listener: Listener, secrets: dict[str, str]) -> None:
    """All that people do with their own secrets, right and wrong; what is made for them is added."""
    client = listener.client(Origin=listener.address)
    session = "/api/v1/session"
    person = {"name": "li.wei", "password": secrets["password for one log-in"]}
    assert client.post(session, json=person).status_code == 201
    secrets["first session"] = client.cookies["lifeline_session"]
    refused = client.post(f"{session}/password", json={"password": person["password"], "new_password": "short"})
    assert refused.status_code == 422
    right = GIVEN["password of a person"]
    assert (
        client.post(f"{session}/password", json={"password": person["password"], "new_password": right}).status_code
        < 300
    )
    assert client.post(session, json=person | {"password": right}).status_code == 201
    secrets["session"] = client.cookies["lifeline_session"]
    enrolled = client.post(f"{session}/second-factor", json={"password": right})
    assert enrolled.status_code == 201, enrolled.text
    secrets["secret of the second factor"] = enrolled.json()["secret"]
    totp = pyotp.TOTP(enrolled.json()["secret"])
    assert client.post(f"{session}/second-factor/confirm", json={"code": "000000"}).status_code == 422
    confirmed = client.post(f"{session}/second-factor/confirm", json={"code": totp.now()})
    assert confirmed.status_code == 200, confirmed.text
    for number, code in enumerate(confirmed.json()["recovery_codes"]):
        secrets[f"recovery code {number}"] = code
    assert client.post(session, json=person | {"password": right}).status_code == 401  # asks for a code
    for name, password in (
        ("li.wei", GIVEN["password typed wrong"]), (GIVEN["password typed as a name"], "x"), ("li.wei", right + "!"),
    ):  # fmt: skip
        assert client.post(session, json={"name": name, "password": password}).status_code in (401, 429)
    client.get(f"{session}/oidc")  # where nobody answers


def _misuse(listener: Listener, secrets: dict[str, str]) -> None:
    """Secrets where they do not belong: in addresses, in the wrong field, in what is no JSON."""
    key, password = secrets["key of a supervisor"], secrets["password of a person"]
    stranger = listener.client()
    for answer in (
        stranger.get("/api/v1/alarms", headers={"Authorization": f"Bearer {secrets['key nobody made']}"}),
        stranger.get("/api/v1/alarms", headers={"Authorization": f"Basic {key}"}),
        stranger.get("/api/v1/alarms", headers={"Cookie": f"lifeline_session={secrets['session']}x"}),
        stranger.get("/api/v1/alarms", params={"key": key, "access_token": key}),
        stranger.get("/api/v1/alarms/stream", headers={"X-API-Key": key + "x"}),
        stranger.post("/api/v1/session", json={"name": "li.wei", "password": [password]}),
        stranger.post("/api/v1/session", json={"name": {"is": password}, "password": "x", "passwort": password}),
        stranger.post("/api/v1/session", json={"name": "li.wei", "password": "x", "code": password}),
        stranger.post("/api/v1/session", content=f'{{"name": "li.wei", "password": "{password}"'.encode()),
        stranger.post("/api/v1/session", data={"name": "li.wei", "password": password}),
    ):
        assert answer.status_code in (401, 422, 429), answer.text
    administrator = listener.client(Authorization=f"Bearer {secrets['key of a security_administrator']}")
    assert administrator.post("/api/v1/keys", json={"role": "viewer", "areas": [1], "key": key}).status_code == 422
    assert administrator.post("/api/v1/users", json={"name": "wang", "password": password}).status_code == 422


def _break_the_database(url: str, listener: Listener, secrets: dict[str, str]) -> None:
    """Let requests that carry secrets meet a schema that is broken and connections that are cut."""
    key, password = secrets["key of a supervisor"], secrets["password of a person"]

    async def meanwhile(breaks: str, mends: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(breaks)
            asking, logging_in = listener.client(Authorization=f"Bearer {key}"), listener.client()
            await asyncio.to_thread(asking.get, "/api/v1/alarms")
            body = {"name": "li.wei", "password": password}
            await asyncio.to_thread(logging_in.post, "/api/v1/session", json=body)
            if mends:
                await connection.execute(mends)
        finally:
            await connection.close()

    asyncio.run(meanwhile("alter table api_key rename to gone", "alter table gone rename to api_key"))
    asyncio.run(meanwhile("alter table user_account rename to gone", "alter table gone rename to user_account"))
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname ="
    asyncio.run(meanwhile(f"{cut} current_database()", ""))


def _until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline, f"it does not come about that {what}"
        time.sleep(0.05)


@pytest.mark.parametrize("secret", ["a/b@c%d", "plain"])
def test_the_forms_of_a_secret_are_looked_for(secret: str) -> None:
    assert any(form in f"postgresql://me:{quote(secret, safe='')}@x" for form in forms(secret))
