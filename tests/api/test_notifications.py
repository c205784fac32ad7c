"""Notifications over the API: listed within areas, tried again, the test button; nothing secret in any answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from alerts.lifecycle import apply_change
from alerts.notification_file import parse_notification_file
from alerts.outbox import enqueue
from app.api import notifications
from app.api.notifications import NOTIFICATION_READERS, RETRIERS, TESTERS, Channels, NotificationItem, NotificationPage
from app.notify.dispatcher import Dispatcher, DispatchLimits
from app.roles import ROLES
from store.journal import Place, Transition, append_transitions, lock_journal
from store.notification_files import StoredFile, put_file_in_force
from tests.api.service import NOON, SENSORS, Service, change, serve
from tests.integration.notifying import AROUND, receiving

PLACES = {sensor.sensor: Place(sensor.city, sensor.system, sensor.district) for sensor in SENSORS}
SECRET = "topsecret0123456789abcdef"
FAILED = "p.example.org answered 500"
NOBODY = 9  # a port on which nothing listens


async def _configure(service: Service, port: int = NOBODY) -> None:
    """Put a file into force by which a partner's receiver on the port is told of everything."""
    partner = f"http://p.example.org:{port}/{SECRET}?t={SECRET}"
    text = yaml.safe_dump({
        "channels": [
            {"channel": "desk", "via": "apprise", "url": f"dingtalk://{SECRET}/"},
            {"channel": "partner", "via": "webhook", "url": partner, "key": SECRET},
        ],
        "routes": [{"route": "all", "channels": ["partner"], "modes": ["operational", "test"]}],
    })  # fmt: skip
    file = parse_notification_file("n.yaml", text)
    async with service.pool.acquire() as connection:
        await put_file_in_force(connection, StoredFile(file.version, file.content), "test")


async def _raise(service: Service, *sensors: str) -> None:
    async with service.pool.acquire() as connection, connection.transaction():
        await lock_journal(connection)
        made = [(sensor, apply_change(None, change(sensor, 0, 3))) for sensor in sensors]
        transitions = [Transition(after, line, PLACES[sensor]) for sensor, (after, line) in made]
        await append_transitions(connection, transitions)
        await enqueue(connection, transitions)
    service.now = NOON + 1_000  # a reading arrives a little after its time


def _dispatcher(service: Service) -> Dispatcher:
    limits = DispatchLimits(attempts_max=1, poll_s=0.05)
    return Dispatcher(service.pool, lambda: service.now, around=AROUND, limits=limits)


async def _list(client: Any, query: str = "") -> list[NotificationItem]:
    answer = await client.get(f"/api/v1/notifications{query}")
    assert answer.status_code == 200, answer.text
    return NotificationPage.model_validate(answer.json()).notifications


def test_they_are_listed_within_the_areas_of_the_key(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _configure(service)
        await _raise(service, "GAS-1", "GAS-2", "WATER-9")
        everywhere, here = await service.client("operator"), await service.client("operator", "jiayuguan")
        assert {item.city for item in await _list(everywhere)} == {"jiayuguan", "jinchang"}
        assert [item.alarm for item in await _list(here)] == [
            "level.GAS-2.20261122T120000000Z", "level.GAS-1.20261122T120000000Z",
        ]  # fmt: skip
        (theirs,) = await _list(everywhere, "?city=jinchang")
        assert (theirs.state, theirs.severity, theirs.channel) == ("pending", "orange", "partner")
        assert (await here.get(f"/api/v1/notifications/{theirs.notification}")).status_code == 404
        assert (await here.post(f"/api/v1/notifications/{theirs.notification}/retry")).status_code == 404
        assert (await here.get("/api/v1/notifications?city=jinchang")).status_code == 403
        assert await _list(everywhere, "?state=sent,dead") == []
        assert len(await _list(everywhere, "?mode=test")) == 2
        assert (await everywhere.get("/api/v1/notifications?stat=dead")).status_code == 422

    serve(database_url, scenario)


def test_pages_hold_every_notification_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _configure(service)
        await _raise(service, *PLACES)
        client = await service.client("auditor")
        found, query = [], "?limit=2"
        while query:
            page = (await client.get(f"/api/v1/notifications{query}")).json()
            found += [item["notification"] for item in page["notifications"]]
            query = f"?limit=2&after={page['next']}" if page["next"] else ""
        assert found == sorted(found, reverse=True)
        assert len(set(found)) == len(PLACES)

    serve(database_url, scenario)


def test_what_was_given_up_is_sent_again_when_somebody_says_so(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        async with receiving(status=500) as receiver:
            await _configure(service, receiver.port)
            await _raise(service, "WATER-9")
            await _dispatcher(service).send_due()
            client = await service.client("operator", label="li.wei")
            (dead,) = await _list(client, "?state=dead")
            assert (dead.error, dead.attempts) == (FAILED, 1)
            for _ in range(2):  # the second is a repetition and changes nothing
                retried = await client.post(f"/api/v1/notifications/{dead.notification}/retry")
                assert retried.status_code == 200, retried.text
                assert (retried.json()["state"], retried.json()["retried_by"]) == ("pending", "li.wei")
            receiver.status = 200
            assert await _dispatcher(service).send_due() == 1
            assert receiver.keys == [dead.key]
        refused = await client.post(f"/api/v1/notifications/{dead.notification}/retry")
        assert refused.status_code == 409
        assert refused.json()["notification"]["state"] == "sent"

    serve(database_url, scenario)


@pytest.mark.parametrize("fails", [False, True])
def test_the_test_button_says_what_came_of_it(database_url: str, fails: bool) -> None:
    async def scenario(service: Service) -> None:
        async with receiving(status=500 if fails else 200) as receiver:
            await _configure(service, receiver.port)
            client = await service.client("supervisor", label="wang.fang")
            stop = asyncio.Event()
            running = asyncio.create_task(_dispatcher(service).run(stop))
            answer = await client.post("/api/v1/notifications/channels/partner/test")
            stop.set()
            await running
        item = NotificationItem.model_validate(answer.json())
        assert (item.kind, item.channel, item.attempts) == ("test", "partner", 1)
        assert (item.state, item.error) == (("dead", FAILED) if fails else ("sent", None))
        assert (len(receiver.taken), len(receiver.refused)) == ((0, 1) if fails else (1, 0))
        assert (await client.post("/api/v1/notifications/channels/pager/test")).status_code == 404

    serve(database_url, scenario)


def test_a_test_that_nobody_sends_yet_is_pending_and_not_doubled(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "TEST_WAIT_S", 0.5)

    async def scenario(service: Service) -> None:
        client = await service.client("system_administrator")
        assert (await client.post("/api/v1/notifications/channels/desk/test")).status_code == 409, "no file yet"
        await _configure(service)
        first, second = [(await client.post("/api/v1/notifications/channels/desk/test")).json() for _ in range(2)]
        assert first["state"] == "pending"
        assert first["notification"] == second["notification"]
        bound = await service.client("system_administrator", "jiayuguan")
        assert (await bound.post("/api/v1/notifications/channels/desk/test")).status_code == 403

    serve(database_url, scenario)


def test_channels_are_shown_with_their_health_and_without_secrets(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("operator")
        empty = Channels.model_validate((await client.get("/api/v1/notifications/channels")).json())
        assert (empty.version, empty.channels) == (None, [])
        async with receiving(status=500) as receiver:
            await _configure(service, receiver.port)
            await _raise(service, "GAS-1", "WATER-9")
            await _dispatcher(service).send_due()
        answer = await client.get("/api/v1/notifications/channels")
        assert SECRET not in answer.text
        desk, partner = Channels.model_validate(answer.json()).channels
        assert (desk.target, partner.target) == ("dingtalk://…", "http://p.example.org/…")
        assert (partner.failures, partner.error, partner.failed_at) == (1, FAILED, "2026-11-22T12:00:01.000Z")
        assert (partner.notifications, desk.notifications) == ({"dead": 1, "pending": 1}, {})
        there = await service.client("operator", "jinchang")
        shown = Channels.model_validate((await there.get("/api/v1/notifications/channels")).json())
        assert sum(shown.channels[1].notifications.values()) == 1

    serve(database_url, scenario)


PATHS = [
    ("GET", "/api/v1/notifications", NOTIFICATION_READERS),
    ("GET", "/api/v1/notifications/channels", NOTIFICATION_READERS),
    ("GET", "/api/v1/notifications/1", NOTIFICATION_READERS),
    ("POST", "/api/v1/notifications/1/retry", RETRIERS),
    ("POST", "/api/v1/notifications/channels/desk/test", TESTERS),
]


def test_roles(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        for method, path, roles in PATHS:
            for role in ROLES:
                status = (await (await service.client(role)).request(method, path)).status_code
                assert status in ({200, 404, 409} if role in roles else {403}), (role, path, status)

    serve(database_url, scenario)
