"""Hand-overs between shifts: how a position stands is kept, another person takes over, notes go on until struck off."""

from __future__ import annotations

import itertools
from typing import Any

import asyncpg
import httpx
import pytest

from app.api.shifts import HandOverItem, HandOverPage
from model.alarm import State
from model.suppression import Suppression
from store.journal import Place
from store.suppressions import add_suppression
from tests.api.service import MARKUP, NOON, Service, change, journal, serve, silence
from tests.api.test_performance import _Page

PATH = "/api/v1/shifts/hand-overs"
DESK = "jiayuguan.default"
GAS = "level.GAS-1.20261122T120000000Z"
_keys = itertools.count()


async def _hand_over(client: httpx.AsyncClient, *notes: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or f"key-{next(_keys)}"}
    return await client.post(PATH, json={"position": DESK, "notes": list(notes), **body}, headers=headers)


async def _made(client: httpx.AsyncClient, *notes: str, **body: Any) -> dict[str, Any]:
    answer = await _hand_over(client, *notes, **body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    HandOverItem.model_validate(made)
    return made


async def _accept(client: httpx.AsyncClient, number: int) -> httpx.Response:
    return await client.post(f"{PATH}/{number}/accept")


async def _people(service: Service) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    return await service.client("operator", label="li"), await service.client("operator", label="wang")


def test_how_the_position_stands_is_kept_as_it_was(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, wang = await _people(service)
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2), silence("GAS-2")])
        shelf = Suppression(
            suppression=0, kind=State.SHELVED, city="jiayuguan", sensor="DRAIN-2", rule=None, severity_max=2,
            purpose=None, reason="pump test", permit=None, actor="li", approved_by=None, begins=NOON,
            ends=NOON + 3_600_000, review=None,
        )  # fmt: skip
        async with service.pool.acquire() as connection:
            await add_suppression(connection, shelf, Place("jiayuguan", "drainage", ""), NOON)
        await journal(service.pool, [change("WATER-9", 0, 4)])  # another city's
        assigned = await li.post(
            f"/api/v1/alarms/{GAS}/assign", json={"seen_sequence": 1, "to": "wang"}, headers={"Idempotency-Key": "a"}
        )
        assert assigned.status_code == 200, assigned.text
        made = await _made(li, "crew 3 digs at W-17")
        snapshot = made["snapshot"]
        assert [(row["severity"], row["class"], row["alarms"]) for row in snapshot["open"]] == [
            (4, "process", 1), (2, "process", 1), (0, "instrument", 1),
        ]  # fmt: skip
        assert [row["sensor"] for row in snapshot["unacknowledged"]["rows"]] == ["GAS-1", "DRAIN-1", "GAS-2"]
        (kept,) = snapshot["suppressed"]["rows"]
        assert (kept["sensor"], kept["reason"], kept["actor"], kept["ends_at"]) == (
            "DRAIN-2", "pump test", "li", "2026-11-22T13:00:00.000Z",
        )  # fmt: skip
        (work,) = snapshot["work"]["rows"]
        assert (work["sensor"], work["handling"], work["assigned_to"]) == ("GAS-1", "assigned", "wang")
        await journal(service.pool, [change("GAS-1", 4, 0)])
        assert (await wang.get(f"{PATH}/{made['hand_over']}")).json() == made
        for statement in ("update hand_over set notes = '[]'", "delete from hand_over"):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await service.pool.execute(statement)

    serve(database_url, scenario)


def test_a_position_hands_over_what_it_takes_alone(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, _ = await _people(service)
        supervisor = await service.client("supervisor")
        await supervisor.put("/api/v1/positions/gas", json={"city": "jiayuguan", "systems": ["gas"]})
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2)])
        for position, sensors in (("gas", ["GAS-1"]), (DESK, ["DRAIN-1"])):
            snapshot = (await _made(li, position=position))["snapshot"]
            assert [row["sensor"] for row in snapshot["unacknowledged"]["rows"]] == sensors

    serve(database_url, scenario)


def test_another_person_takes_it_over_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, wang = await _people(service)
        chen = await service.client("operator", label="chen")
        number = (await _made(li))["hand_over"]
        assert (await _accept(li, number)).status_code == 403
        assert (await _accept(await service.client("viewer"), number)).status_code == 403
        blocked = await _hand_over(chen)
        assert (blocked.status_code, blocked.json()["remedy"]) == (409, f"take hand-over {number} over first")
        service.now += 60_000
        taken = (await _accept(wang, number)).json()
        assert (taken["accepted_by"], taken["accepted_at"]) == ("wang", "2026-11-22T12:01:00.000Z")
        assert (await _accept(wang, number)).json() == taken
        late = await _accept(chen, number)
        assert (late.status_code, late.json()["detail"]) == (409, "wang took it over at 2026-11-22T12:01:00.000Z")
        assert (await _accept(wang, 99)).status_code == 404

    serve(database_url, scenario)


def test_whom_it_is_handed_to_takes_it_over_or_a_supervisor(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, wang = await _people(service)
        await service.client("operator", label="chen")
        first = (await _made(li, to="chen"))["hand_over"]
        assert (await _accept(wang, first)).status_code == 403
        second = (await _made(li, to="chen"))["hand_over"]  # said anew: the first has had its day
        supervisor = await service.client("supervisor", label="zhao")
        assert (await _accept(supervisor, first)).status_code == 409
        assert (await _accept(supervisor, second)).json()["accepted_by"] == "zhao"

    serve(database_url, scenario)


def test_it_is_handed_to_somebody_who_can_take_it_over(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, _ = await _people(service)
        await service.client("viewer", label="looker")
        await service.client("operator", "jinchang", label="elsewhere")
        await service.client("operator", label="gone")
        await service.pool.execute("update api_key set revoked_at = now() where label = 'gone'")
        for name in ("Wang", "looker", "elsewhere", "gone"):
            refused = await _hand_over(li, to=name)
            assert (refused.status_code, refused.json()["field"]) == (422, "to"), name
            assert refused.json()["remedy"]
        await service.client("supervisor", "jiayuguan", label="zhao")
        for name in ("wang", "zhao"):
            assert (await _made(li, to=name))["handed_to"] == name

    serve(database_url, scenario)


def test_notes_are_carried_over_until_they_are_struck_off(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, wang = await _people(service)
        first = await _made(li, "one", "two")
        await _accept(wang, first["hand_over"])
        service.now += 3_600_000
        one, two = first["notes"]
        second = await _made(wang, "three", strike=[one["note"]])
        assert [(note["text"], note["by"]) for note in second["notes"]] == [("two", "li"), ("three", "wang")]
        assert second["struck"] == [one]
        await _accept(li, second["hand_over"])
        assert [note["text"] for note in (await _made(li))["notes"]] == ["two", "three"]
        unknown = await _hand_over(li, strike=[one["note"]])
        assert (unknown.status_code, unknown.json()["field"]) == (409, "strike")
        assert two in second["notes"]

    serve(database_url, scenario)


def test_personal_data_is_no_note(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, _ = await _people(service)
        refused = await _hand_over(li, "fine", "ring 138 0013 8000 about the smell")
        assert (refused.status_code, refused.json()["field"]) == (422, "notes.1")
        assert "a mobile number" in refused.json()["detail"]

    serve(database_url, scenario)


def test_the_same_request_again_is_one_hand_over(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, wang = await _people(service)
        made = await _made(li, "one", key="k")
        service.now += 60_000
        assert await _made(li, "one", key="k") == made
        other = await _hand_over(li, "two", key="k")
        assert (other.status_code, other.json()["field"]) == (409, "Idempotency-Key")
        assert (await li.post(PATH, json={"position": DESK})).status_code == 422
        listed = HandOverPage.model_validate((await wang.get(PATH)).json())
        assert [one.hand_over for one in listed.hand_overs] == [made["hand_over"]]

    serve(database_url, scenario)


def test_hand_overs_are_seen_within_the_areas_page_by_page(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, _ = await _people(service)
        numbers = [(await _made(li))["hand_over"] for _ in range(3)]
        there = await service.client("operator", "jinchang", label="there")
        assert (await there.get(PATH)).json()["hand_overs"] == []
        assert (await there.get(f"{PATH}/{numbers[0]}")).status_code == 404
        assert (await _accept(there, numbers[2])).status_code == 404
        assert (await _hand_over(there)).status_code == 404
        page = (await li.get(f"{PATH}?limit=2")).json()
        assert [one["hand_over"] for one in page["hand_overs"]] == [numbers[2], numbers[1]]
        rest = (await li.get(f"{PATH}?limit=2&after={page['next']}")).json()
        assert ([one["hand_over"] for one in rest["hand_overs"]], rest["next"]) == ([numbers[0]], None)

    serve(database_url, scenario)


def test_it_is_printed_in_both_languages(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, wang = await _people(service)
        await journal(service.pool, [change("GAS-1", 0, 4)])
        number = (await _made(li, "<b>bold</b>", to="wang"))["hand_over"]
        html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        for path, headers, words in (
            (f"{PATH}/{number}.html?language=en", {}, {"<b>bold</b>", "Level I (red)", f"GAS-1 {MARKUP} xiongguan"}),
            (f"{PATH}/{number}?language=zh", html, {"<b>bold</b>", "一级（红）", "GAS-1 七号阀室 xiongguan"}),
        ):
            answer = await wang.get(path, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            page = _Page(answer.text)
            assert page.loads == ["/static/report.css"]
            assert words <= set(page.said)
        assert "2026-11-22 20:00" in answer.text  # the city's own time

    serve(database_url, scenario)


def test_what_returned_unacknowledged_is_told_with_what_it_reached(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        li, _ = await _people(service)
        await journal(service.pool, [change("GAS-1", 0, 2), change("GAS-2", 0, 4), silence("DRAIN-1")])
        await journal(service.pool, [change("GAS-1", 2, 0, NOON + 1), change("GAS-2", 4, 0, NOON + 1)])
        report = {
            "kind": "gas_smell", "city": "jiayuguan", "source": "patrol", "time": "2026-11-22T12:00:00.000Z",
            "place": {"longitude": 98.4, "latitude": 39.9},
        }  # fmt: skip
        await li.post("/api/v1/reports", json=report, headers={"Idempotency-Key": "r"})
        made = await _made(li)
        rows = made["snapshot"]["unacknowledged"]["rows"]
        assert [(row["sensor"], row["severity"], row["returned_severity"]) for row in rows] == [
            ("GAS-2", 0, 4), ("GAS-1", 0, 2), ("DRAIN-1", 0, 0),
        ]  # fmt: skip
        for language, words in (
            ("en", {"was Level I (red)", "instrument", "gas", "reported by people: smell of gas", "–"}),
            ("zh", {"曾达一级（红）", "仪表", "燃气", "公众上报：燃气异味", "–"}),
        ):
            answer = await li.get(f"{PATH}/{made['hand_over']}.html?language={language}")
            assert answer.status_code == 200
            assert words <= set(_Page(answer.text).said)

    serve(database_url, scenario)
