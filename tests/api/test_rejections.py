"""Rejections over the API: shown, corrected and replayed, discarded, by those who may and within their areas."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from app.api.rejections import MENDERS, RejectionItem, RejectionPage
from app.roles import ROLES
from model.reading import Rejection
from store.batches import IncomingReadings, write_batch
from store.rejections import RejectionCount, note_replay, requested_replays, store_counts
from tests.api.service import NOON, Service, serve

GOOD = '{"time":"2026-11-22T11:59:00Z","value":5}'


async def _quarantine(service: Service, *rejections: Rejection) -> list[int]:
    nothing = IncomingReadings(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint16))
    await write_batch(service.pool, service.now, nothing, rejections)
    rows = await service.pool.fetch("select rejection from rejection order by rejection desc limit $1", len(rejections))
    return [row["rejection"] for row in rows][::-1]


def _rejection(sensor: str = "GAS-1", city: str = "jiayuguan", payload: bytes = b"{", size: int = 0) -> Rejection:
    topic = f"lifeline/{city}/gas/{sensor}"
    return Rejection(topic, payload, size or len(payload), "not_json", "mend it", sensor)


async def _post(client: httpx.AsyncClient, one: int, action: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/rejections/{one}/{action}", json=body or None)


def test_replay_and_discard(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        first, second, cut = await _quarantine(service, _rejection(), _rejection(), _rejection(size=300_000))
        client = await service.client("engineer", "jiayuguan", label="eva")
        shown = RejectionItem.model_validate((await client.get(f"/api/v1/rejections/{first}")).json())
        assert (shown.state, shown.payload, shown.handled_by) == ("open", "{", None)

        asked = RejectionItem.model_validate((await _post(client, first, "replay", payload=GOOD)).json())
        assert (asked.state, asked.handled_by, asked.handled_at) == ("requested", "eva", "2026-11-22T12:00:00.000Z")
        assert (await _post(client, first, "replay", payload=GOOD, topic="lifeline/jiayuguan/gas/GAS-2")).is_success
        (replay,) = await requested_replays(service.pool, 10)
        assert (replay.topic, replay.payload) == ("lifeline/jiayuguan/gas/GAS-2", GOOD.encode())
        await note_replay(service.pool, replay, NOON + 500, True, "1 stored")
        done = (await client.get(f"/api/v1/rejections/{first}")).json()
        assert (done["state"], done["result"]) == ("replayed", "1 stored")
        assert done["handled_at"] == "2026-11-22T12:00:00.500Z"
        for action in ("replay", "discard"):
            again = await _post(client, first, action)
            assert again.status_code == 409
            assert again.json()["rejection"]["state"] == "replayed"

        assert (await _post(client, second, "discard")).json()["state"] == "discarded"
        assert (await _post(client, second, "discard")).status_code == 409
        refused = await _post(client, cut, "replay")
        assert (refused.status_code, refused.json()["field"]) == (422, "payload")
        assert (await _post(client, cut, "replay", payload=GOOD)).is_success

        states = {s: (await client.get(f"/api/v1/rejections?state={s}")).json()["rejections"] for s in
                  ("open", "requested", "replayed", "discarded")}  # fmt: skip
        assert {s: [r["rejection"] for r in rows] for s, rows in states.items()} == {
            "open": [], "requested": [cut], "replayed": [first], "discarded": [second],
        }  # fmt: skip

    serve(database_url, scenario)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"topic": "elsewhere"}, "topic"),
        ({"topic": "lifeline/jinchang/water/WATER-9"}, "topic"),  # another's city
        ({"topic": "lifeline/jiayuguan/gas/GAS-1\u202e"}, "topic"),
        ({"payload": 5}, "payload"),
        ({"payload": "x" * 65_537}, "payload"),
        ({"value": 5}, "value"),
    ],
)
def test_words_that_cannot_stand(database_url: str, body: dict[str, Any], field: str) -> None:
    async def scenario(service: Service) -> None:
        (one,) = await _quarantine(service, _rejection())
        answer = await _post(await service.client("supervisor", "jiayuguan"), one, "replay", **body)
        if "x" * 65_537 in body.values():
            assert answer.status_code in (413, 422)
        else:
            assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert await requested_replays(service.pool, 10) == []

    serve(database_url, scenario)


def test_roles_and_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        here, elsewhere, foreign = await _quarantine(
            service, _rejection(), _rejection("WATER-9", "jinchang"), _rejection("WATER-9")
        )
        for role in ROLES:
            client = await service.client(role, "jiayuguan")
            for action in ("replay", "discard"):
                for one in (elsewhere, foreign, 999_999):
                    expected = 404 if role in MENDERS else 403
                    assert (await _post(client, one, action)).status_code == expected, (role, action)
            seen = (await client.get(f"/api/v1/rejections/{elsewhere}")).status_code
            assert seen == (403 if role in ("viewer", "field", "security_administrator") else 404), role
            assert (await _post(client, here, "replay")).status_code == (200 if role in MENDERS else 403)
        assert (await (await service.client("engineer")).get(f"/api/v1/rejections/{elsewhere}")).is_success

    serve(database_url, scenario)


def test_what_was_only_counted_is_listed(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _quarantine(service, _rejection(), _rejection())
        async with service.pool.acquire() as connection:
            counts = [("unknown_sensor", "jiayuguan", 90_000, 9), ("x", "", 1, 1)]
            await store_counts(connection, [RejectionCount(NOON, *count) for count in counts])
        client = await service.client("auditor", "jiayuguan")
        page = RejectionPage.model_validate((await client.get("/api/v1/rejections?limit=1")).json())
        assert [(c.reason, c.scope, c.rejections) for c in page.counted] == [("unknown_sensor", "jiayuguan", 90_000)]
        following = (await client.get(f"/api/v1/rejections?limit=1&after={page.next}")).json()
        assert following["counted"] == []

    serve(database_url, scenario)
