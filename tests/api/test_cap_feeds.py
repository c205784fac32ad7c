"""The CAP feeds: what was approved and nothing else, to whom it is for, and cheap to fetch again."""

from __future__ import annotations

import re
from typing import Any

import httpx
from lxml import etree

from app.warnings.sending import CapSettings
from tests.api.service import NOON, Service, change, journal, serve, silence
from tests.cap_documents import read_cap, schema_errors, text_of, texts_of

ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/api/v1/feeds/cap.atom"
SENDER = "lifeline@province.example"


async def _sent(service: Service, sensor: str, scope: str = "Restricted", **facts: Any) -> str:
    """A message about a new alarm of a sensor, drafted and approved; its identifier."""
    alarm = (await journal(service.pool, [change(sensor, 0, 3, raised=service.now, **facts)]))[0].alarm
    desk, chief = await service.client("operator"), await service.client("supervisor")
    drafted = await desk.post("/api/v1/warnings", json={"alarm": alarm, "scope": scope, "idempotency_key": alarm})
    warning = drafted.json()["warning"]
    body = {"version": 1, "idempotency_key": f"{alarm}.approve"}
    return str((await chief.post(f"/api/v1/warnings/{warning}/approve", json=body)).json()["identifier"])


def _entries(answer: httpx.Response) -> list[str]:
    """The identifiers of a feed's entries, in order, after what RFC 4287 demands of a feed was looked at."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert len(element.findall(ATOM + name)) == 1
            assert element.findtext(ATOM + name)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.findtext(f"{ATOM}updated"))
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == len(entries)
    return [entry.findtext(f"{ATOM}id").rpartition(":")[2] for entry in entries]


def _link(answer: httpx.Response, relation: str) -> str | None:
    for link in etree.fromstring(answer.content).findall(f"{ATOM}link"):
        if link.get("rel") == relation:
            return str(link.get("href"))
    return None


def test_the_feed_holds_what_was_approved_newest_first(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        service.app.state.cap = CapSettings(sender=SENDER)
        viewer = await service.client("viewer")
        assert _entries(await viewer.get(FEED)) == []
        sent = []
        for sensor in ("GAS-1", "DRAIN-1", "WATER-9"):
            service.now += 60_000
            sent.append(await _sent(service, sensor))
        await journal(service.pool, [change("GAS-2", 0, 4)])
        desk = await service.client("operator")
        body = {"alarm": "level.GAS-2.20261122T120000000Z", "idempotency_key": "k"}
        assert (await desk.post("/api/v1/warnings", json=body)).status_code == 201
        answer = await viewer.get(FEED)
        assert _entries(answer) == sent[::-1]
        # Each entry leads to a document that the schema takes.
        for entry in etree.fromstring(answer.content).findall(f"{ATOM}entry"):
            document = await viewer.get(entry.find(f"{ATOM}link").get("href"))
            assert text_of(read_cap(document.content), "identifier") in sent
            assert f"tag:{SENDER},2026:{text_of(read_cap(document.content), 'identifier')}" == entry.findtext(
                f"{ATOM}id"
            )
        # By the page, following `next`, without hole or repeat.
        found, link = [], f"{FEED}?limit=1"
        while link is not None:
            page = await viewer.get(link)
            assert len(_entries(page)) == 1
            found += _entries(page)
            link = _link(page, "next")
        assert found == sent[::-1]
        assert _link(answer, "self") == FEED
        assert (await viewer.get(f"{FEED}?limit=201")).json()["field"] == "limit"
        assert (await viewer.get(f"{FEED}?citi=x")).status_code == 422

    serve(database_url, scenario)


def test_restricted_needs_a_key_of_its_area_and_public_none_where_set(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        service.app.state.cap = CapSettings(sender=SENDER)
        restricted = await _sent(service, "WATER-9")
        public = await _sent(service, "WATER-9", "Public", rule="other")
        test = await _sent(service, "GAS-1", "Public")
        partner = await service.client("viewer", "jinchang")
        outside = await service.client("viewer", "jiayuguan")
        nobody = service.client_with({})
        assert _entries(await partner.get(FEED)) == [public, restricted]
        assert _entries(await outside.get(FEED)) == [test]
        assert (await outside.get(f"{FEED}?city=jinchang")).status_code == 403
        for path in (FEED, f"/api/v1/feeds/cap/messages/{public}.xml"):
            assert (await nobody.get(path)).status_code == 401
        service.app.state.cap = CapSettings(sender=SENDER, public_without_key=True)
        assert _entries(await nobody.get(FEED)) == [public]
        assert (await nobody.get(f"/api/v1/feeds/cap/messages/{public}.xml")).status_code == 200
        assert (await nobody.get(f"/api/v1/feeds/cap/messages/{restricted}.xml")).status_code == 404
        assert (await nobody.get("/api/v1/feeds/cap/level.WATER-9.20261122T120000000Z.xml")).status_code == 401
        # A wrong key is no missing key.
        assert (await service.client_with({"X-API-Key": "lk_wrong"}).get(FEED)).status_code == 401
        assert (await (await service.client("security_administrator")).get(FEED)).status_code == 403

    serve(database_url, scenario)


def test_exercises_stay_out_unless_asked_for(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await service.pool.execute("update city set mode = 'exercise' where city = 'jinchang'")
        exercise = await _sent(service, "WATER-9", "Public")
        test = await _sent(service, "GAS-1", "Public")
        viewer = await service.client("viewer")
        assert _entries(await viewer.get(FEED)) == [test]
        assert _entries(await viewer.get(f"{FEED}?mode=exercise")) == [exercise]
        assert _entries(await viewer.get(f"{FEED}?city=jinchang")) == [exercise]
        document = await viewer.get(f"/api/v1/feeds/cap/messages/{exercise}.xml")
        assert text_of(read_cap(document.content), "status") == "Exercise"

    serve(database_url, scenario)


def test_what_is_known_already_is_not_sent_again(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        identifier = await _sent(service, "WATER-9")
        viewer = await service.client("viewer")
        for path in (FEED, f"/api/v1/feeds/cap/messages/{identifier}.xml"):
            first = await viewer.get(path)
            assert first.headers["last-modified"] == "Sun, 22 Nov 2026 12:00:00 GMT"
            assert first.headers["cache-control"] == "no-cache"
            same = {"If-None-Match": f'"other", {first.headers["etag"]}'}
            for headers in (same, {"If-Modified-Since": first.headers["last-modified"]}):
                again = await viewer.get(path, headers=headers)
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == first.headers["etag"]
            for headers in (
                {"If-None-Match": '"other"', "If-Modified-Since": first.headers["last-modified"]},
                {"If-Modified-Since": "Sun, 22 Nov 2026 11:59:59 GMT"},
                {"If-Modified-Since": "yesterday"},
            ):
                assert (await viewer.get(path, headers=headers)).status_code == 200
        before = (await viewer.get(FEED)).headers["etag"]
        service.now += 1_000
        await _sent(service, "GAS-1")
        assert (await viewer.get(FEED, headers={"If-None-Match": before})).status_code == 200

    serve(database_url, scenario)


def test_an_alarm_without_a_warning_is_a_restricted_draft(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("WATER-9", 0, 3), change("GAS-1", 0, 4), silence("GAS-2")])
        viewer = await service.client("viewer", "jinchang", "jiayuguan")
        path = "/api/v1/feeds/cap/{}.20261122T120000000Z.xml"
        answer = await viewer.get(path.format("level.WATER-9"))
        assert answer.headers["content-type"].startswith("application/cap+xml")
        document = read_cap(answer.content)
        assert [text_of(document, name) for name in ("status", "msgType", "scope")] == ["Draft", "Alert", "Restricted"]
        zh, en = texts_of(document, "info/headline")
        assert (zh.split("：")[0], en.split(":")[0]) == ("草稿，尚未发布", "Draft, not issued")
        assert text_of(document, "sent") == "2026-11-22T20:00:00+08:00"
        assert "nobody has approved it" in (text_of(document, "note") or "")
        assert texts_of(document, "info/severity") == ["Severe", "Severe"]
        # A test city's says so; an instrument's has no colour.
        assert text_of(read_cap((await viewer.get(path.format("level.GAS-1"))).content), "status") == "Test"
        instrument = read_cap((await viewer.get(path.format("sensor-silent.GAS-2"))).content)
        assert texts_of(instrument, "info/severity") == ["Unknown", "Unknown"]

        etag = answer.headers["etag"]
        known = {"If-None-Match": etag}
        assert (await viewer.get(path.format("level.WATER-9"), headers=known)).status_code == 304
        # It moves with the alarm, and with what puts it in doubt.
        await journal(service.pool, [silence("WATER-9")])
        doubtful = await viewer.get(path.format("level.WATER-9"), headers=known)
        assert texts_of(read_cap(doubtful.content), "info/certainty") == ["Possible", "Possible"]
        await journal(service.pool, [change("WATER-9", 3, 0, NOON + 1_000)])
        returned = read_cap((await viewer.get(path.format("level.WATER-9"))).content)
        assert texts_of(returned, "info/urgency") == ["Past", "Past"]

        outside = await service.client("viewer", "jiayuguan")
        for client, name in ((outside, "level.WATER-9"), (viewer, "level.NONE"), (viewer, "..%2F")):
            assert (await client.get(path.format(name))).status_code == 404

    serve(database_url, scenario)


def test_an_alarm_with_a_warning_is_that_warning(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        identifier = await _sent(service, "WATER-9")
        viewer = await service.client("viewer")
        path = "/api/v1/feeds/cap/level.WATER-9.20261122T120000000Z.xml"
        message = await viewer.get(f"/api/v1/feeds/cap/messages/{identifier}.xml")
        assert (await viewer.get(path)).content == message.content
        # What becomes of the alarm does not change what was said; the update does.
        await journal(service.pool, [change("WATER-9", 3, 4, NOON + 1)])
        assert (await viewer.get(path)).content == message.content
        desk, chief = await service.client("operator"), await service.client("supervisor")
        warning = identifier.rpartition("-")[0]
        service.now += 60_000
        update = {"version": 2, "level": "red", "idempotency_key": "update"}
        await desk.post(f"/api/v1/warnings/{warning}/update", json=update)
        assert (await viewer.get(path)).content == message.content
        await chief.post(f"/api/v1/warnings/{warning}/approve", json={"version": 3, "idempotency_key": "approve-2"})
        newest = read_cap((await viewer.get(path)).content)
        assert [text_of(newest, name) for name in ("identifier", "msgType")] == [f"{warning}-2", "Update"]

    serve(database_url, scenario)


def test_names_with_markup_are_names(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        hostile = "</info></alert>]]><!-- & \"'"
        await service.pool.execute("update city set name = $1, name_zh = $1 where city = 'jiayuguan'", hostile)
        identifier = await _sent(service, "GAS-1")  # whose name is markup too
        viewer = await service.client("viewer")
        document = await viewer.get(f"/api/v1/feeds/cap/messages/{identifier}.xml")
        assert schema_errors(document.content) == []
        assert hostile in (text_of(read_cap(document.content), "info/senderName") or "")
        assert _entries(await viewer.get(FEED)) == [identifier]

    serve(database_url, scenario)
