"""What the caller has already is not sent again: tags of answers, 304, and what caches are told."""

from __future__ import annotations

import httpx
import pytest

from tests.api.service import NOON, Service, change, journal, serve
from tests.api.test_resources import _store as store_readings

ALARM = "level.GAS-1.20261122T120000000Z"
IDENTITY = {"Accept-Encoding": "identity"}
TAGGED = [
    "/api/v1/sensors", "/api/v1/sensors/GAS-1", "/api/v1/sensors/latest", "/api/v1/sensors/GAS-1/readings",
    "/api/v1/alarms", f"/api/v1/alarms/{ALARM}", f"/api/v1/alarms/{ALARM}/journal", "/api/v1/assets/m-100%25",
    "/api/v1/incidents", "/api/v1/reports", "/api/v1/rules", "/api/v1/positions", "/api/v1/feeds/cap.atom",
    "/openapi.json", "/static/docs.js",
]  # fmt: skip


def test_what_is_known_is_not_sent_again(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        client = await service.client("operator")
        for path in TAGGED:
            for encoding in ("identity", "gzip"):
                accept = {"Accept-Encoding": encoding}
                first = await client.get(path, headers=accept)
                tag = first.headers.get("etag", "")
                assert first.status_code == 200, (path, first.text)
                assert tag.startswith("W/") == ("content-encoding" in first.headers), (path, tag)
                for known in (tag, f'"other", {tag}', tag.removeprefix("W/")):
                    again = await client.get(path, headers=accept | {"If-None-Match": known})
                    assert (again.status_code, again.content) == (304, b""), (path, known)
                    # A file's own 304 knows nothing of compression.
                    assert again.headers["etag"] == (tag.removeprefix("W/") if path.startswith("/static") else tag)
                    assert "content-type" not in again.headers
                other = await client.get(path, headers=accept | {"If-None-Match": '"other"'})
                assert (other.status_code, other.content) == (200, first.content), path

    serve(database_url, scenario)


def test_what_has_changed_is_sent(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        client = await service.client("operator")
        before = {
            path: (await client.get(path)).headers["etag"] for path in ("/api/v1/alarms", f"/api/v1/alarms/{ALARM}")
        }
        await journal(service.pool, [change("GAS-1", 3, 4, NOON + 1)])
        for path, tag in before.items():
            answer = await client.get(path, headers={"If-None-Match": tag})
            assert answer.status_code == 200
            assert answer.headers["etag"] != tag

    serve(database_url, scenario)


def test_readings_alone_change_no_list_of_alarms(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        client = await service.client("field")
        paths = ("/api/v1/alarms", "/api/v1/alarms?view=brief", f"/api/v1/alarms/{ALARM}")
        before = {path: (await client.get(path)).headers["etag"] for path in paths}
        await store_readings(service, "GAS-1", [(NOON + 1, 7.0, 0)])
        for path, tag in before.items():
            assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304, path

    serve(database_url, scenario)


def told(answer: httpx.Response) -> tuple[str | None, bool]:
    return answer.headers.get("cache-control"), "etag" in answer.headers


def test_what_caches_are_told(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        client = await service.client("operator")
        answer = await client.get("/api/v1/alarms")
        assert told(answer) == ("private, no-cache", True)
        varies = {name.strip().lower() for name in answer.headers["vary"].split(",")}
        assert varies >= {"authorization", "x-api-key", "cookie", "accept", "accept-encoding"}
        assert told(await client.get("/api/v1/alarms/none")) == ("no-store", False)
        assert told(await client.get("/api/v1/alarms?limit=0")) == ("no-store", False)
        acted = await client.post(
            f"/api/v1/alarms/{ALARM}/acknowledge", json={"seen_sequence": 1}, headers={"Idempotency-Key": "one"}
        )
        assert told(acted) == ("no-store", False)
        async with client.stream("GET", "/api/v1/alarms/stream") as stream:
            assert (stream.headers["cache-control"], "etag" in stream.headers) == ("no-store", False)
        # One address, two forms, two tags.
        forms = [
            (await client.get("/api/v1/sensors", headers=IDENTITY | {"Accept": accept})).headers["etag"]
            for accept in ("application/json", "application/geo+json")
        ]
        assert forms[0] != forms[1]

    serve(database_url, scenario)


@pytest.mark.parametrize("known", ["", "*", '"', "W/", ",,,", "x" * 5_000, '"a"; DROP'])
def test_odd_tags_do_no_harm(database_url: str, known: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("operator")
        answer = await client.get("/api/v1/sensors", headers={"If-None-Match": known})
        assert answer.status_code == (304 if known == "*" else 200)

    serve(database_url, scenario)
