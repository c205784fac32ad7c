"""Warnings over the API: drafted by one, approved by another, within areas, and never mixed with exercises."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from alerts.rule_file import default_packs
from app.api.warnings import WarningPage, WarningWithSteps
from app.warnings.sending import CapSettings
from model.cap_area import ring_round
from store.rule_packs import StoredPack, activate
from tests.api.service import NOON, Service, change, journal, serve, silence
from tests.cap_documents import CAP, pairs_of, read_cap, text_of, texts_of

WATER = "level.WATER-9.20261122T120000000Z"  # of jinchang, in operation
GAS = "combustible-gas.GAS-1.20261122T120000000Z"  # of jiayuguan, a test city
HOUR = 3_600_000
SENDER = "lifeline@jinchang.example"


async def _post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    key = f"{path}-{client.headers['authorization'][-6:]}-{body}"
    safe = "".join(c if c.isalnum() and c.isascii() else "-" for c in key)[-120:]
    return await client.post(f"/api/v1/warnings{path}", json=body, headers={"Idempotency-Key": safe})


async def _done(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await _post(client, path, **body)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _document(client: httpx.AsyncClient, identifier: str) -> Any:
    answer = await client.get(f"/api/v1/feeds/cap/messages/{identifier}.xml")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/cap+xml")
    return read_cap(answer.content)


async def _start(service: Service) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """A desk and a chief of jinchang, where water pressure is orange, and who sends."""
    service.app.state.cap = CapSettings(sender=SENDER, public_url="https://lifeline.example/")
    await journal(service.pool, [change("WATER-9", 0, 3)])
    desk = await service.client("operator", "jinchang", label="desk-1")
    return desk, await service.client("supervisor", "jinchang", label="chief-1")


def test_alert_update_and_cancel_are_one_chain(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        drafted = await _post(desk, "", alarm=WATER, scope="Public", comment="residents call")
        assert drafted.status_code == 201
        step = drafted.json()
        warning = step["warning"]
        assert warning == "jinchang-20261122-1"
        assert (step["version"], step["act"], step["actor"], step["state"]) == (1, "draft", "desk-1", "drafted")
        assert (await chief.get("/api/v1/feeds/cap.atom")).text.count("<entry>") == 0

        service.now = NOON + 60_000
        issued = await _done(chief, f"/{warning}/approve", version=1)
        assert (issued["state"], issued["identifier"]) == ("issued", f"{warning}-1")
        first = await _document(desk, issued["identifier"])
        assert [text_of(first, name) for name in ("status", "msgType", "scope", "sender")] == [
            "Actual", "Alert", "Public", SENDER,
        ]  # fmt: skip
        assert text_of(first, "sent") == "2026-11-22T20:01:00+08:00"
        assert text_of(first, "info/headline") == "金昌发布供水险情二级（橙）预警"
        assert text_of(first, "info/web") == f"https://lifeline.example/api/v1/feeds/cap/messages/{warning}-1.xml"
        assert text_of(first, "info/expires") == "2026-11-23T02:01:00+08:00"

        service.now = NOON + HOUR
        texts = {"zh": {"description": "停水四小时"}, "en": {"description": "No water for four hours"}}
        update = await _done(desk, f"/{warning}/update", version=2, level="red", valid_s=7_200, texts=texts)
        assert update["state"] == "update_drafted"
        second = await _document(desk, (await _done(chief, f"/{warning}/approve", version=3))["identifier"])
        assert text_of(second, "msgType") == "Update"
        assert text_of(second, "references") == f"{SENDER},{warning}-1,2026-11-22T20:01:00+08:00"
        assert texts_of(second, "info/description") == ["停水四小时", "No water for four hours"]
        assert pairs_of(second, "info/parameter")["color"] == "red"
        assert text_of(second, "info/expires") == "2026-11-22T23:00:00+08:00"

        service.now = NOON + HOUR + 60_000
        cancel = await _done(desk, f"/{warning}/cancel", version=4, comment="the main is mended")
        assert (cancel["state"], cancel["identifier"]) == ("cancel_drafted", None)
        end = await _done(chief, f"/{warning}/approve", version=5)
        assert end["state"] == "cancelled"
        third = await _document(desk, end["identifier"])
        assert text_of(third, "msgType") == "Cancel"
        assert text_of(third, "references").split() == [
            f"{SENDER},{warning}-1,2026-11-22T20:01:00+08:00", f"{SENDER},{warning}-2,2026-11-22T21:00:00+08:00",
        ]  # fmt: skip
        assert text_of(third, "info/responseType") == "AllClear"
        assert text_of(third, "info/area/circle") == text_of(second, "info/area/circle")
        assert "mended" not in (await desk.get(f"/api/v1/feeds/cap/messages/{warning}-3.xml")).text

        answer = (await desk.get(f"/api/v1/warnings/{warning}")).json()
        WarningWithSteps.model_validate(answer)
        assert [s["act"] for s in answer["steps"]] == ["draft", "approve", "update", "approve", "cancel", "approve"]
        assert [s["actor"] for s in answer["steps"]] == ["desk-1", "chief-1"] * 3
        assert [m["identifier"] for m in answer["messages"]] == [f"{warning}-{n}" for n in (1, 2, 3)]
        assert (await _post(desk, f"/{warning}/update", version=6)).status_code == 409

    serve(database_url, scenario)


def test_nobody_approves_their_own_words_nor_an_operator_any(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        other = await service.client("supervisor", "jinchang", label="chief-2")
        warning = (await _done(chief, "", alarm=WATER))["warning"]
        own = await _post(chief, f"/{warning}/approve", version=1)
        assert own.status_code == 409
        assert "had a hand in" in own.json()["detail"]
        assert own.json()["remedy"]
        assert (await _post(desk, f"/{warning}/approve", version=1)).status_code == 403
        # Who rewrites it has a hand in it too.
        await _done(other, f"/{warning}/update", version=1, level="red")
        assert (await _post(other, f"/{warning}/approve", version=2)).status_code == 409
        third = await service.client("supervisor", "jinchang", label="chief-3")
        assert (await _done(third, f"/{warning}/approve", version=2))["state"] == "issued"
        messages = await service.pool.fetchval("select count(*) from cap_message")
        assert messages == 1

    serve(database_url, scenario)


def test_two_at_once_one_wins_and_the_other_is_told_who(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        other = await service.client("supervisor", "jinchang", label="chief-2")
        warning = (await _done(desk, "", alarm=WATER))["warning"]
        answers = await asyncio.gather(
            _post(chief, f"/{warning}/approve", version=1), _post(other, f"/{warning}/reject", version=1)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        winner = next(answer.json()["actor"] for answer in answers if answer.status_code == 200)
        problem = next(answer.json() for answer in answers if answer.status_code == 409)
        assert problem["changed_by"] == winner
        assert problem["changed_at"] == "2026-11-22T12:00:00.000Z"
        assert problem["warning"]["version"] == 2

    serve(database_url, scenario)


def test_what_is_sent_twice_is_done_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        send = {"json": {"alarm": WATER}, "headers": {"Idempotency-Key": "key-1"}}
        first = await desk.post("/api/v1/warnings", **send)
        service.now = NOON + HOUR
        again = await desk.post("/api/v1/warnings", **send)
        assert again.content == first.content
        warning = first.json()["warning"]
        approve = {"json": {"version": 1, "idempotency_key": "key-2"}}
        approvals = [await chief.post(f"/api/v1/warnings/{warning}/approve", **approve) for _ in range(3)]
        assert len({answer.content for answer in approvals}) == 1
        assert await service.pool.fetchval("select count(*) from cap_message") == 1
        # A key is one act's, and one actor's.
        reused = {"json": {"version": 2, "comment": "over", "idempotency_key": "key-2"}}
        refused = await chief.post(f"/api/v1/warnings/{warning}/cancel", **reused)
        assert (refused.status_code, refused.json()["field"]) == (409, "Idempotency-Key")
        refused = await chief.post("/api/v1/warnings", **send)
        assert refused.status_code == 409
        assert (await desk.post("/api/v1/warnings", json={"alarm": WATER})).json()["field"] == "Idempotency-Key"

    serve(database_url, scenario)


def test_one_warning_of_an_alarm_stands_at_a_time(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        first = (await _done(desk, "", alarm=WATER))["warning"]
        second = await _post(desk, "", alarm=WATER, level="red")
        assert second.status_code == 409
        assert first in second.json()["remedy"]
        await _done(desk, "", alarm=WATER, scope="Public")
        await _done(chief, f"/{first}/reject", version=1, comment="no")
        assert (await _done(desk, "", alarm=WATER, level="red"))["warning"] == "jinchang-20261122-3"
        rejected = (await desk.get(f"/api/v1/warnings/{first}")).json()
        assert (rejected["state"], rejected["steps"][-1]["comment"]) == ("rejected", "no")

    serve(database_url, scenario)


async def _issued(desk: httpx.AsyncClient, chief: httpx.AsyncClient, alarm: str, **body: Any) -> str:
    warning = (await _done(desk, "", alarm=alarm, **body))["warning"]
    await _done(chief, f"/{warning}/approve", version=1)
    return str(warning)


def test_one_supervisor_ends_what_the_sensor_says_is_over(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        warning = await _issued(desk, chief, WATER)
        cancel = {"version": 2, "comment": "over"}
        assert (await _done(chief, f"/{warning}/cancel", **cancel))["state"] == "cancel_drafted"
        await journal(service.pool, [change("WATER-9", 3, 0, NOON + 1)])
        operators = await _post(desk, f"/{warning}/cancel", version=3, comment="over")
        assert operators.status_code == 409  # one cancellation waits already; an operator never ends it alone
        alone = await _done(chief, f"/{warning}/cancel", version=3, comment="pressure is back")
        assert (alone["state"], alone["act"], alone["identifier"]) == ("cancelled", "cancel", f"{warning}-2")
        assert text_of(await _document(desk, alone["identifier"]), "msgType") == "Cancel"

    serve(database_url, scenario)


@pytest.mark.parametrize("doubt", ["gas", "sewer gas", "silent"])
def test_two_end_what_a_sensor_alone_cannot_vouch_for(database_url: str, doubt: str) -> None:
    async def scenario(service: Service) -> None:
        sensor = "GAS-1" if doubt == "gas" else "DRAIN-1"
        alarm = f"level.{sensor}.20261122T120000000Z"
        desk = await service.client("operator", "jiayuguan")
        chief = await service.client("supervisor", "jiayuguan")
        if doubt == "sewer gas":
            own = '{"property": "hydrogen_sulfide", "unit": "mg/m3"}'
            await service.pool.execute("update sensor set definition = definition || $1 where sensor = $2", own, sensor)
        await journal(service.pool, [change(sensor, 0, 4)])
        warning = await _issued(desk, chief, alarm)
        if doubt == "silent":
            await journal(service.pool, [silence(sensor)])
        else:
            await journal(service.pool, [change(sensor, 4, 0, NOON + 1)])
        step = await _done(chief, f"/{warning}/cancel", version=2, comment="over")
        assert (step["state"], step["identifier"]) == ("cancel_drafted", None)

    serve(database_url, scenario)


def test_a_warning_expires_by_itself(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        warning = await _issued(desk, chief, WATER, valid_s=600)
        service.now = NOON + 600_000
        assert (await desk.get(f"/api/v1/warnings/{warning}")).json()["state"] == "expired"
        refused = await _post(desk, f"/{warning}/update", version=2)
        assert (refused.status_code, refused.json()["remedy"]) == (409, "draft a new warning")
        assert (await desk.get("/api/v1/warnings?standing=true")).json()["warnings"] == []
        assert (await _post(desk, "", alarm=WATER)).status_code == 201

    serve(database_url, scenario)


def test_a_message_bears_the_mode_of_its_city(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("DRAIN-1", 0, 4)])
        alarm = "level.DRAIN-1.20261122T120000000Z"
        desk, chief = await service.client("operator"), await service.client("supervisor")
        warning = await _issued(desk, chief, alarm)
        assert text_of(await _document(desk, f"{warning}-1"), "status") == "Test"
        await _done(desk, f"/{warning}/update", version=2)
        await service.pool.execute("update city set mode = 'operational' where city = 'jiayuguan'")
        refused = await _post(chief, f"/{warning}/approve", version=3)
        assert refused.status_code == 409
        assert "mode" in refused.json()["detail"]
        # What was sent as a test ends as one.
        await _done(desk, f"/{warning}/cancel", version=3, comment="over")
        end = await _done(chief, f"/{warning}/approve", version=4)
        assert text_of(await _document(desk, end["identifier"]), "status") == "Test"

    serve(database_url, scenario)


def test_what_a_key_does_not_see_is_not_there(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        warning = await _issued(desk, chief, WATER)
        outside = await service.client("supervisor", "jiayuguan")
        assert (await outside.get(f"/api/v1/warnings/{warning}")).status_code == 404
        assert (await outside.get("/api/v1/warnings")).json()["warnings"] == []
        assert (await outside.get("/api/v1/warnings?city=jinchang")).status_code == 403
        assert (await _post(outside, "", alarm=WATER)).status_code == 404
        assert (await _post(outside, f"/{warning}/cancel", version=2, comment="x")).status_code == 404
        assert (await outside.get(f"/api/v1/feeds/cap/messages/{warning}-1.xml")).status_code == 404
        for role in ("viewer", "field", "engineer", "auditor", "system_administrator", "security_administrator"):
            client = await service.client(role, "jinchang")
            assert (await _post(client, "", alarm=WATER)).status_code == 403
            assert (await _post(client, f"/{warning}/approve", version=2)).status_code == 403

    serve(database_url, scenario)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "neither alarm nor incident": ({}, "alarm"),
    "both": ({"alarm": WATER, "incident": "i"}, "alarm"),
    "an unknown field": ({"alarm": WATER, "colour": "red"}, "colour"),
    "a level that is none": ({"alarm": WATER, "level": "purple"}, "level"),
    "valid for a minute": ({"alarm": WATER, "valid_s": 60}, "valid_s"),
    "a ring that crosses itself": (
        {"alarm": WATER, "area": {"kind": "polygon", "polygon": [[102, 38], [103, 39], [103, 38], [102, 39]]}},
        "area.polygon",
    ),
    "round an incident that is not named": ({"alarm": WATER, "area": {"kind": "incident"}}, "area.kind"),
    "a text with a control character": (
        {"alarm": WATER, "texts": {"zh": {"headline": "a\u0007"}}},
        "texts.zh.headline",
    ),
    "a text that turns the following round": (
        {"alarm": WATER, "texts": {"en": {"description": "\u202egnp"}}},
        "texts.en.description",
    ),
    "a headline of a page": ({"alarm": WATER, "texts": {"en": {"headline": "x" * 161}}}, "texts.en.headline"),
    "restricted to nobody": ({"alarm": WATER, "restriction": "  "}, "restriction"),
}


def test_what_cannot_be_a_warning(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, _ = await _start(service)
        for case, (body, field) in REFUSED.items():
            answer = await _post(desk, "", **body)
            assert (answer.status_code, answer.json().get("field")) == (422, field), case
            assert answer.json()["remedy"], case
        for incident in ("unknown", "a.b"):
            assert (await _post(desk, "", incident=incident)).status_code == 404
        assert (await _post(desk, "/jinchang-20261122-9/approve", version=1)).status_code == 403
        chief = await service.client("supervisor")
        assert (await _post(chief, "/jinchang-20261122-9/approve", version=1)).status_code == 404
        assert await service.pool.fetchval("select count(*) from warning_step") == 0

    serve(database_url, scenario)


def test_own_texts_do_not_stay_under_another_level(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, _ = await _start(service)
        texts = {"zh": {"headline": "橙色预警"}, "en": {"headline": "Orange"}}
        warning = (await _done(desk, "", alarm=WATER, texts=texts))["warning"]
        await _done(desk, f"/{warning}/update", version=1, valid_s=7_200)
        refused = await _post(desk, f"/{warning}/update", version=2, level="red")
        assert (refused.status_code, refused.json()["field"]) == (422, "texts")
        await _done(desk, f"/{warning}/update", version=2, level="red", texts=None)
        pending = (await desk.get(f"/api/v1/warnings/{warning}")).json()["pending"]
        assert pending["content"]["valid_s"] == 7_200
        assert pending["content"]["infos"][0]["headline"] == "金昌发布供水险情一级（红）预警"

    serve(database_url, scenario)


def test_areas_a_circle_a_drawn_ring_or_the_district(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await service.client("operator"), await service.client("supervisor")
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-2", 0, 2)])
        alarm = "level.GAS-1.20261122T120000000Z"
        ring = [[98.2, 39.7], [98.3, 39.7], [98.3, 39.8]]
        wishes: list[tuple[dict[str, Any], str, str]] = [
            ({}, "circle", "39.77,98.29 0.3"),
            ({"kind": "circle", "radius_m": 1_500}, "circle", "39.77,98.29 1.5"),
            ({"kind": "polygon", "polygon": ring}, "polygon", "39.7,98.2 39.7,98.3 39.8,98.3 39.7,98.2"),
            (
                {"kind": "district"},
                "polygon",
                " ".join(f"{y:.6f}".rstrip("0").rstrip(".") + "," + f"{x:.6f}".rstrip("0").rstrip(".")
                         for x, y in ring_round([(98.29, 39.77), (98.30, 39.77)], 300)),
            ),
        ]  # fmt: skip
        warning = (await _done(desk, "", alarm=alarm))["warning"]
        for version, (area, element, expected) in enumerate(wishes, 1):
            await _done(desk, f"/{warning}/update", version=2 * version - 1, area=area)
            step = await _done(chief, f"/{warning}/approve", version=2 * version)
            assert texts_of(await _document(desk, step["identifier"]), f"info/area/{element}") == [expected] * 2
        # A sensor without a place is told of in words; its district is unknown too.
        nowhere = "level.DRAIN-2.20261122T120000000Z"
        assert (await _post(desk, "", alarm=nowhere, area={"kind": "district"})).json()["field"] == "area.kind"
        placeless = await _issued(desk, chief, nowhere)
        found = await _document(desk, f"{placeless}-1")
        assert text_of(found, "info/area/areaDesc") == "嘉峪关 DRAIN-2"
        assert texts_of(found, "info/area/circle") == []

    serve(database_url, scenario)


def test_the_rule_in_force_gives_name_and_guidance(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        packs = {pack.pack: pack for pack in default_packs()}
        gas = packs["gas"]
        await activate(service.pool, [StoredPack(gas.pack, gas.version, gas.content)], "test")
        await journal(service.pool, [change("GAS-1", 0, 4, rule="combustible-gas")])
        desk = await service.client("operator")
        warning = (await _done(desk, "", alarm=GAS))["warning"]
        pending = (await desk.get(f"/api/v1/warnings/{warning}")).json()["pending"]
        zh, en = pending["content"]["infos"]
        guidance = next(rule.guidance for rule in gas.rules if rule.rule == "combustible-gas")
        assert (zh["instruction"], en["instruction"]) == (guidance.response.zh, guidance.response.en)
        assert "可燃气体浓度" in zh["description"]
        assert (pending["message_type"], pending["authors"]) == ("Alert", [pending["authors"][0]])

    serve(database_url, scenario)


def test_a_city_with_three_levels(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        administrator = await service.client("system_administrator")
        path = "/api/v1/warning-levels/jinchang"
        assert [level["label_zh"] for level in (await desk.get(path)).json()["levels"]] == [
            "一级（红）", "二级（橙）", "三级（黄）", "四级（蓝）",
        ]  # fmt: skip
        given = {
            "levels": [{"colour": "yellow"}, {"colour": "red"}],
            "sender_name": "Jinchang Emergency Bureau", "sender_name_zh": "金昌市应急管理局",
            "geocodes": [["GB/T 2260", "620300"]],
        }  # fmt: skip
        assert (await desk.put(path, json=given)).status_code == 403
        no_red = await administrator.put(path, json={"levels": [{"colour": "orange"}]})
        assert (no_red.status_code, no_red.json()["field"]) == (422, "levels")
        assert (await administrator.put("/api/v1/warning-levels/nowhere", json=given)).status_code == 404
        set_ = (await administrator.put(path, json=given)).json()
        assert [level["label_zh"] for level in set_["levels"]] == ["一级（红）", "二级（黄）"]
        assert (await desk.get(path)).json() == set_
        # The alarm is orange: the city has no orange, so it becomes red, never yellow.
        warning = await _issued(desk, chief, WATER)
        found = await _document(desk, f"{warning}-1")
        assert pairs_of(found.find(f"{CAP}info"), "parameter")["level"] == "一级（红）"
        assert text_of(found, "info/headline") == "金昌市应急管理局发布供水险情一级（红）预警"
        assert texts_of(found, "info/senderName") == ["金昌市应急管理局", "Jinchang Emergency Bureau"]
        assert pairs_of(found, "info/area/geocode") == {"GB/T 2260": "620300"}
        refused = await _post(desk, f"/{warning}/update", version=2, level="orange")
        assert (refused.status_code, refused.json()["field"]) == (422, "level")

    serve(database_url, scenario)


def test_the_list_is_paged_and_leaves_exercises_out(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await service.pool.execute("update city set mode = 'exercise' where city = 'jinchang'")
        await journal(service.pool, [change(sensor, 0, 3) for sensor in ("GAS-1", "GAS-2", "DRAIN-1", "WATER-9")])
        desk = await service.client("operator")
        warnings = []
        for sensor in ("GAS-1", "GAS-2", "DRAIN-1", "WATER-9"):
            service.now += 1_000
            warnings.append((await _done(desk, "", alarm=f"level.{sensor}.20261122T120000000Z"))["warning"])
        found: list[str] = []
        query = "?limit=2"
        while True:
            page = (await desk.get(f"/api/v1/warnings{query}")).json()
            WarningPage.model_validate(page)
            found += [item["warning"] for item in page["warnings"]]
            if page["next"] is None:
                break
            query = f"?limit=2&after={page['next']}"
        assert found == warnings[2::-1]
        exercise = (await desk.get("/api/v1/warnings?mode=exercise")).json()
        assert [(item["warning"], item["mode"]) for item in exercise["warnings"]] == [(warnings[3], "exercise")]
        assert [i["warning"] for i in (await desk.get("/api/v1/warnings?city=jinchang")).json()["warnings"]] == [
            warnings[3]
        ]

    serve(database_url, scenario)


def test_steps_and_messages_are_append_only(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        await _issued(desk, chief, WATER)
        for table in ("warning_step", "cap_message"):
            for statement in (f"delete from {table}", f"update {table} set warning = warning", f"truncate {table}"):
                with pytest.raises(Exception, match="append-only"):
                    await service.pool.execute(statement)

    serve(database_url, scenario)


def test_an_instrument_needs_a_level_named(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [silence("GAS-1")])
        desk = await service.client("operator")
        alarm = "sensor-silent.GAS-1.20261122T120000000Z"
        assert (await _post(desk, "", alarm=alarm)).json()["field"] == "level"
        assert (await _post(desk, "", alarm=alarm, level="blue")).status_code == 201

    serve(database_url, scenario)


async def _incident(desk: httpx.AsyncClient, alarms: list[str]) -> str:
    """Return the incident of these alarms, merged by a person where they were grouped apart."""
    names: list[str] = []
    for alarm in alarms:
        (found,) = (await desk.get(f"/api/v1/incidents?member={alarm}")).json()["incidents"]
        names.append(found["incident"])
    for name in sorted(set(names) - {names[0]}):
        seen = (await desk.get(f"/api/v1/incidents/{name}")).json()["version"]
        done = await desk.post(
            f"/api/v1/incidents/{name}/merge",
            json={"seen_version": seen, "other": names[0]},
            headers={"Idempotency-Key": f"merge-{name}"},
        )
        assert done.status_code == 200, done.text
    (found,) = (await desk.get(f"/api/v1/incidents?member={alarms[0]}")).json()["incidents"]
    return str(found["incident"])


def test_an_incident_is_warned_of_by_its_gravest_alarm_round_all_its_sensors(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("DRAIN-1", 0, 2), change("GAS-1", 0, 4), change("DRAIN-2", 0, 3)])
        alarms = [f"level.{sensor}.20261122T120000000Z" for sensor in ("DRAIN-1", "GAS-1", "DRAIN-2")]
        desk, chief = await service.client("operator"), await service.client("supervisor")
        incident = await _incident(desk, alarms)
        drafted = await _post(desk, "", incident=incident)
        assert drafted.status_code == 201, drafted.text
        warning = drafted.json()["warning"]
        item = (await desk.get(f"/api/v1/warnings/{warning}")).json()
        assert (item["incident"], item["alarm"]) == (incident, alarms[1])
        found = await _document(desk, (await _done(chief, f"/{warning}/approve", version=1))["identifier"])
        assert text_of(found, "incidents") == incident
        assert pairs_of(found, "info/parameter")["color"] == "red"
        ring = ring_round([(98.29, 39.77), (98.25, 39.80)], 300)  # the third has no place
        written = [tuple(map(float, point.split(","))) for point in (text_of(found, "info/area/polygon") or "").split()]
        assert written == [(latitude, longitude) for longitude, latitude in ring]
        # Of an alarm of it no second one is drafted beside it, and one person never ends it.
        assert (await _post(desk, "", incident=incident, scope="Restricted")).status_code == 409
        assert (await _post(desk, "", alarm=alarms[1])).status_code == 409
        await journal(service.pool, [change("DRAIN-1", 2, 0, NOON + 1), change("GAS-1", 4, 0, NOON + 1)])
        await journal(service.pool, [change("DRAIN-2", 3, 0, NOON + 1)])
        step = await _done(chief, f"/{warning}/cancel", version=2, comment="over")
        assert step["state"] == "cancel_drafted"
        outside = await service.client("operator", "jinchang")
        assert (await _post(outside, "", incident=incident)).status_code == 404

    serve(database_url, scenario)


def test_what_was_judged_counts(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, _ = await _start(service)
        judge = f"/api/v1/alarms/{WATER}/judge"
        false = {"seen_sequence": 1, "verdict": "false", "idempotency_key": "judge-1"}
        assert (await desk.post(judge, json=false)).status_code == 200
        refused = await _post(desk, "", alarm=WATER)
        assert refused.status_code == 409
        assert "desk-1 judged the alarm as false" in refused.json()["detail"]
        true = {"seen_sequence": 2, "verdict": "true", "proposed_severity": "red", "idempotency_key": "judge-2"}
        assert (await desk.post(judge, json=true)).status_code == 200
        warning = (await _done(desk, "", alarm=WATER, comment="again"))["warning"]
        pending = (await desk.get(f"/api/v1/warnings/{warning}")).json()["pending"]
        assert pending["content"]["colour"] == "red"

    serve(database_url, scenario)


def test_a_key_at_once_for_two_warnings_is_one_acts(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desk, chief = await _start(service)
        both = [(await _done(desk, "", alarm=WATER, scope=scope))["warning"] for scope in ("Public", "Restricted")]
        body = {"json": {"version": 1, "idempotency_key": "same"}}
        answers = await asyncio.gather(*(chief.post(f"/api/v1/warnings/{w}/approve", **body) for w in both))
        assert sorted(answer.status_code for answer in answers) == [200, 409]

    serve(database_url, scenario)
