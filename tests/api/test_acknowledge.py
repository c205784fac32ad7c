"""Acknowledging: once, whatever is sent twice or late, and never an escalation that was not seen."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.api.service import NOON, Service, change, journal, serve, silence, stored_lines

ALARM = "level.GAS-1.20261122T120000000Z"


async def acknowledge(
    client: httpx.AsyncClient, seen: int, key: str = "key-1", alarm: str = ALARM, **body: Any
) -> httpx.Response:
    return await client.post(
        f"/api/v1/alarms/{alarm}/acknowledge",
        json={"seen_sequence": seen, **body},
        headers={"Idempotency-Key": key},
    )


def test_acknowledge_is_journalled_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        client = await service.client("operator", "jiayuguan", label="desk-1")
        service.now = NOON + 5_000
        first = await acknowledge(client, 1, comment="crew 3 goes\n班组三出发")
        assert first.status_code == 200
        service.now = NOON + 3_600_000
        again = await acknowledge(client, 1)
        assert again.content == first.content
        lines = await stored_lines(service.pool, ALARM)
        assert len(lines) == 2
        assert lines[1] == first.text
        line = first.json()
        assert (line["from"], line["to"], line["cause"], line["actor"]) == (
            "unacknowledged", "acknowledged", "operator", "desk-1",
        )  # fmt: skip
        assert line["time"] == "2026-11-22T12:00:05.000Z"
        assert line["comment"] == "crew 3 goes\n班组三出发"
        assert (await client.get(f"/api/v1/alarms/{ALARM}")).json()["state"] == "acknowledged"

        # The same key for another alarm, or by another actor, is refused.
        await journal(service.pool, [change("GAS-2", 0, 3)])
        other = await acknowledge(client, 1, alarm="level.GAS-2.20261122T120000000Z")
        assert other.status_code == 409
        assert other.json()["field"] == "Idempotency-Key"
        assert (await acknowledge(await service.client("operator"), 1)).status_code == 409

    serve(database_url, scenario)


def test_a_fall_or_return_need_not_have_been_seen(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("supervisor")
        await journal(service.pool, [change("GAS-1", 0, 4), change("GAS-1", 4, 2, NOON + 1)])
        await journal(service.pool, [change("GAS-1", 2, 0, NOON + 2)])
        answer = await acknowledge(client, 1)
        assert answer.status_code == 200
        assert answer.json()["to"] == "normal"
        refused = await acknowledge(client, 4, "key-2")
        assert refused.status_code == 409
        assert refused.json()["acknowledged_by"].startswith("supervisor")
        assert refused.json()["acknowledged_at"] == "2026-11-22T12:00:00.000Z"

    serve(database_url, scenario)


def test_instrument_alarm(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [silence("GAS-1")])
        alarm = "sensor-silent.GAS-1.20261122T120000000Z"
        answer = await acknowledge(await service.client(), 1, alarm=alarm)
        assert answer.status_code == 200
        assert answer.json()["severity"] is None

    serve(database_url, scenario)


def test_same_request_at_once_is_one_act(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client()
        await journal(service.pool, [change("GAS-1", 0, 4)])
        answers = await asyncio.gather(*(acknowledge(client, 1) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert len(await stored_lines(service.pool, ALARM)) == 2

    serve(database_url, scenario)


def test_bad_requests_name_the_field(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client()
        await journal(service.pool, [change("GAS-1", 0, 4)])
        path = f"/api/v1/alarms/{ALARM}/acknowledge"
        key = {"Idempotency-Key": "k"}
        for content, headers, field in (
            (b"{}", key, "seen_sequence"),
            (b'{"seen_sequence": "1"}', key, "seen_sequence"),
            (b'{"seen_sequence": 0}', key, "seen_sequence"),
            (b'{"seen_sequence": true}', key, "seen_sequence"),
            (b'{"seen_sequence": 1, "seen": 2}', key, "seen"),
            (b'{"seen_sequence": 1}', {}, "Idempotency-Key"),
            (b'{"seen_sequence": 1, "idempotency_key": "other"}', key, "idempotency_key"),
            (b'{"seen_sequence": 1, "comment": "\\u0000"}', key, "comment"),
            (b'{"seen_sequence": 1, "comment": "\\u202e"}', key, "comment"),
            (b'{"seen_sequence": 1, "comment": "\\ud800"}', key, "comment"),
            (b'{"seen_sequence": 1, "comment": "call 138 1234 5678"}', key, "comment"),
            (b"{", key, None),
            (b"\xff", key, None),
            (b"", key, None),
        ):
            answer = await client.post(path, content=content, headers={"Content-Type": "application/json", **headers})
            assert answer.status_code in (400, 422), (content, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", content
            if field is not None:
                assert answer.json()["field"] == field, (content, answer.text)
                assert answer.json()["remedy"]
        large = await client.post(path, content=b"x" * 1_000_000, headers=key)
        assert large.status_code == 413
        assert large.json()["type"] == "/docs#request-too-large"
        by_field = await client.post(path, json={"seen_sequence": 1, "idempotency_key": "by-field"})
        assert by_field.status_code == 200
        missing = await acknowledge(client, 1, "k", "level.NONE-1.20261122T120000000Z")
        assert missing.status_code == 404

    serve(database_url, scenario)
