"""Channels: what a receiver of signed webhooks checks, what Apprise is asked, and that no secret is told."""

import asyncio
import base64
import hashlib
import hmac
import http.server
import io
import json
import logging
import threading
from typing import Any

import pytest

from alerts.notices import Message
from alerts.notification_file import AppriseChannel, WebhookChannel
from app.notify.channels import (
    Outgoing,
    SendingFailed,
    Surroundings,
    apprise_problem,
    masked,
    masked_target,
    send,
    signature,
)

KEY = "0123456789abcdef01234567"
OUTGOING = Outgoing("a.1.desk", Message("title", "text"), {"kind": "raised"}, pressing=True)


def test_the_signature_is_that_of_the_published_example() -> None:
    # From the specification's own test vector: secret, id, time and body, and what they sign to.
    body = b'{"test": 2432232314}'
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_key_that_is_no_base64_is_taken_as_it_is() -> None:
    wanted = hmac.new(KEY.encode(), b"id.1.body", hashlib.sha256).digest()
    assert signature(KEY, "id", 1, b"body") == "v1," + base64.b64encode(wanted).decode()


def apprise_channel(**facts: Any) -> AppriseChannel:
    return AppriseChannel.model_validate({"channel": "desk", "via": "apprise", **facts})


def failure(channel: Any, **environment: str) -> str:
    with pytest.raises(SendingFailed) as failed:
        asyncio.run(send(channel, OUTGOING, 0, Surroundings(environment=environment)))
    return str(failed.value)


def test_a_variable_that_is_not_set_is_named() -> None:
    assert "DESK_URL" in failure(apprise_channel(url_env="DESK_URL"))
    webhook = WebhookChannel.model_validate(
        {"channel": "p", "via": "webhook", "url": "https://p.example.org", "key_env": "P_KEY"}
    )
    assert "P_KEY" in failure(webhook)


def test_a_variable_leads_no_way_round_the_guard() -> None:
    assert "via: webhook" in failure(apprise_channel(url_env="DESK_URL"), DESK_URL="json://127.0.0.1/")
    webhook = {"channel": "p", "via": "webhook", "url_env": "P_URL", "key": KEY}
    assert "https://" in failure(WebhookChannel.model_validate(webhook), P_URL="file:///etc/passwd")
    assert "not a public address" in failure(WebhookChannel.model_validate(webhook), P_URL="http://127.0.0.1:1/")


@pytest.mark.parametrize("url", ["dingtalk://0123456789abcdef/", "wecombot://0123456789abcdef", "feishu://0123456789ab",
                                 "mailto://user:password@example.org", "mqtt://broker.example.org/topic"])  # fmt: skip
def test_the_services_that_are_promised_are_known_to_apprise(url: str) -> None:
    assert apprise_problem(url) is None


def test_what_apprise_does_not_understand_is_told_without_the_url() -> None:
    told = apprise_problem("nosuchservice://topsecrettoken")
    assert told is not None
    assert "topsecrettoken" not in told


@pytest.fixture
def plugin() -> Any:
    """A service of the test's own, plugged into Apprise as its documentation has it."""
    from apprise.manager_plugins import NotificationManager
    from apprise.plugins import NotifyBase

    class Service(NotifyBase):  # type: ignore[misc]
        secure_protocol = "lifelinetest"
        service_name = "test"
        templates = ("{schema}://{host}",)
        taken: list[tuple[str, str]] = []  # noqa: RUF012 - one for the test
        behaviour: Any = staticmethod(lambda: True)

        def url(self, *_: Any, **__: Any) -> str:
            return "lifelinetest://"

        def send(self, body: str, title: str = "", **_: Any) -> bool:
            self.taken.append((title, body))
            return bool(Service.behaviour())

    services = NotificationManager()
    services.add(Service, schemas="lifelinetest")
    yield Service
    services.remove("lifelinetest")


URL = "lifelinetest://topsecrettoken.example.org/"


def test_apprise_is_handed_title_and_text(plugin: Any) -> None:
    asyncio.run(send(apprise_channel(url=URL), OUTGOING, 0, Surroundings()))
    asyncio.run(send(apprise_channel(url=URL, text="title"), OUTGOING, 0, Surroundings()))
    assert plugin.taken == [("title", "text"), ("", "title")]


def test_a_service_that_is_reached_over_http_gets_the_words() -> None:
    taken: list[dict[str, Any]] = []

    class Gotify(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Gotify) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        channel = apprise_channel(url=f"gotify://127.0.0.1:{server.server_port}/abcdefghijklmno")
        chinese = OUTGOING._replace(message=Message("【一级（红）】七号阀室", "地点：嘉峪关"))
        asyncio.run(send(channel, chinese, 0, Surroundings()))
        server.shutdown()
        thread.join()
    assert [(message["title"], message["message"]) for message in taken] == [("【一级（红）】七号阀室", "地点：嘉峪关")]


def test_why_a_service_refused_is_told_and_masked(plugin: Any) -> None:
    def refuse() -> bool:
        logging.getLogger("apprise").warning("refused: topsecrettoken.example.org answered 403")
        return False

    plugin.behaviour = staticmethod(refuse)
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)  # as the service logs; pytest's own listens to every logger
    logging.getLogger().addHandler(handler)
    try:
        assert failure(apprise_channel(url=URL)) == "refused: *** answered 403"
    finally:
        logging.getLogger().removeHandler(handler)
    assert "topsecrettoken" not in logged.getvalue()


def test_a_plugin_that_raises_is_a_failure_like_any_other(plugin: Any) -> None:
    def fail() -> bool:
        raise ValueError("bad URL lifelinetest://topsecrettoken.example.org/")

    plugin.behaviour = staticmethod(fail)
    told = failure(apprise_channel(url=URL))
    assert told
    assert "topsecrettoken" not in told


def test_a_service_that_hangs_is_left_and_not_asked_again_meanwhile(plugin: Any) -> None:
    release = threading.Event()
    plugin.behaviour = staticmethod(lambda: release.wait(30))
    channel = apprise_channel(url=URL, timeout_s=1)
    assert "within 1 s" in failure(channel)
    assert "still holds" in failure(channel)
    assert len(plugin.taken) == 1
    release.set()
    for thread in threading.enumerate():
        if thread.name == "notify-desk":
            thread.join(10)
    asyncio.run(send(channel, OUTGOING, 0, Surroundings()))


MASKED = [
    ("https://h.example.org/in?token=topsecret", "GET /in?token=topsecret failed", "topsecret"),
    ("dingtalk://topsecret%2Bkey/", "no answer to topsecret+key", "topsecret"),
]


@pytest.mark.parametrize(("secret", "text", "hidden"), MASKED)
def test_masking(secret: str, text: str, hidden: str) -> None:
    assert hidden not in masked(text, secret)


def test_where_a_channel_leads_is_told_without_what_is_secret() -> None:
    webhook = WebhookChannel.model_validate(
        {"channel": "p", "via": "webhook", "url": "https://p.example.org/topsecret?token=topsecret", "key": KEY}
    )
    assert masked_target(webhook) == "https://p.example.org/…"
    assert masked_target(apprise_channel(url="dingtalk://topsecret/")) == "dingtalk://…"
    assert masked_target(apprise_channel(url_env="DESK_URL")) == "$DESK_URL"
