"""Shelving, work on site and out of service: limits, reasons, second persons, and that nothing is lost meanwhile."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from model.instant import parse_instant
from tests.api.service import NOON, Service, change, journal, serve, silence, stored_lines

ALARM = "level.GAS-1.20261122T120000000Z"
HOUR_MS = 3_600_000
_keys = itertools.count()


async def _act(
    client: httpx.AsyncClient, action: str, seen: int = 1, alarm: str = ALARM, **body: Any
) -> httpx.Response:
    return await client.post(
        f"/api/v1/alarms/{alarm}/{action}",
        json={"seen_sequence": seen, **body},
        headers={"Idempotency-Key": f"key-{next(_keys)}"},
    )


async def _state(client: httpx.AsyncClient, alarm: str = ALARM) -> str:
    return str((await client.get(f"/api/v1/alarms/{alarm}")).json()["state"])


def test_a_yellow_alarm_is_shelved_listed_and_unshelved(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 2)])
        desk = await service.client("operator", label="desk-1")
        answer = await _act(desk, "shelve", duration_s=7200, reason="pump test")
        assert answer.status_code == 200, answer.text
        line = answer.json()
        assert (line["from"], line["to"], line["action"], line["actor"], line["comment"], line["until"]) == (
            "unacknowledged", "shelved", "shelve", "desk-1", "pump test", "2026-11-22T14:00:00.000Z",
        )  # fmt: skip
        listed = (await desk.get("/api/v1/suppressions")).json()["suppressions"]
        assert [(one["kind"], one["rule"], one["severity_max"], one["alarms"]) for one in listed] == [
            ("shelved", "level", "yellow", [ALARM])
        ]
        # Nothing is prolonged in silence.
        again = await _act(desk, "shelve", 2, duration_s=7200, reason="pump test")
        assert (again.status_code, "desk-1" in again.json()["detail"]) == (409, True)
        assert (await _act(desk, "acknowledge", 2)).status_code == 409
        released = await _act(desk, "unshelve", 2)
        assert (released.json()["from"], released.json()["to"]) == ("shelved", "unacknowledged")
        assert (await desk.get("/api/v1/suppressions")).json()["suppressions"] == []
        ended = (await desk.get("/api/v1/suppressions?ended=true")).json()["suppressions"]
        assert [one["ended_by"] for one in ended] == ["desk-1"]
        assert (await _act(desk, "unshelve", 3)).status_code == 409

    serve(database_url, scenario)


@pytest.mark.parametrize("severity", [3, 4])
def test_orange_and_red_are_shelved_by_two(database_url: str, severity: int) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, severity)])
        desk, other = await service.client(label="desk-1"), await service.client(label="desk-2")
        asked = await _act(desk, "shelve", duration_s=3600, reason="false echo")
        assert asked.status_code == 202
        number = asked.json()["approval"]
        assert await _state(desk) == "unacknowledged"
        own = await desk.post(f"/api/v1/approvals/{number}/approve", json={})
        assert own.status_code == 403
        engineer = await service.client("engineer")
        assert (await engineer.post(f"/api/v1/approvals/{number}/approve", json={})).status_code == 403
        elsewhere = await service.client("supervisor", "jinchang")
        assert (await elsewhere.post(f"/api/v1/approvals/{number}/approve", json={})).status_code == 404
        service.now = NOON + 60_000
        done = await other.post(f"/api/v1/approvals/{number}/approve", json={"comment": "seen on camera"})
        assert done.status_code == 200, done.text
        line = done.json()["result"]["line"]
        assert (line["to"], line["actor"], line["details"]["approved_by"]) == ("shelved", "desk-1", "desk-2")
        assert line["until"] == "2026-11-22T13:01:00.000Z"
        assert await _state(desk) == "shelved"
        again = await other.post(f"/api/v1/approvals/{number}/reject", json={})
        said = "the request is approved by desk-2 since 2026-11-22T12:01:00.000Z"
        assert (again.status_code, again.json()["detail"]) == (409, said)

    serve(database_url, scenario)


def test_a_request_reads_as_it_was_asked_for_and_is_void_after_its_time(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        desk, other = await service.client(label="desk-1"), await service.client(label="desk-2")
        asked = (await _act(desk, "shelve", duration_s=3600, reason="false echo")).json()
        (waiting,) = (await other.get("/api/v1/approvals")).json()["approvals"]
        assert (waiting["request"]["severity_max"], waiting["request"]["duration_s"]) == ("red", 3600)
        service.now = parse_instant(asked["expires_at"])
        # No evaluator has voided it here; a decision needs no body.
        late = await other.post(f"/api/v1/approvals/{asked['approval']}/approve")
        assert (late.status_code, late.json()["detail"]) == (409, f"the request is void since {asked['expires_at']}")
        assert await _state(desk) == "unacknowledged"
        unknown = await other.get("/api/v1/approvals?state=open")
        assert (unknown.status_code, unknown.json()["field"]) == (422, "state")

    serve(database_url, scenario)


def test_a_rejected_or_withdrawn_shelf_changes_nothing(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        desk, other = await service.client(label="desk-1"), await service.client(label="desk-2")
        for decider, decision in ((other, "reject"), (desk, "withdraw")):
            number = (await _act(desk, "shelve", duration_s=3600, reason="false echo")).json()["approval"]
            waiting = (await other.get("/api/v1/approvals")).json()["approvals"]
            assert [(one["approval"], one["subject"], one["requested_by"]) for one in waiting] == [
                (number, ALARM, "desk-1")
            ]
            assert (await decider.post(f"/api/v1/approvals/{number}/{decision}", json={})).status_code == 200
        assert await _state(desk) == "unacknowledged"
        assert len(await stored_lines(service.pool, ALARM)) == 1

    serve(database_url, scenario)


def test_a_shelf_is_not_approved_for_an_alarm_that_rose_since(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        desk, other = await service.client(label="desk-1"), await service.client(label="desk-2")
        number = (await _act(desk, "shelve", duration_s=3600, reason="false echo")).json()["approval"]
        await journal(service.pool, [change("GAS-1", 3, 4, NOON + 1)])
        answer = await other.post(f"/api/v1/approvals/{number}/approve", json={})
        assert answer.status_code == 409
        assert (await other.get("/api/v1/approvals")).json()["approvals"][0]["approval"] == number

    serve(database_url, scenario)


def test_what_is_graver_than_the_shelf_is_annunciated(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 2)])
        desk = await service.client()
        await _act(desk, "shelve", duration_s=3600, reason="pump test")
        await journal(service.pool, [change("GAS-1", 2, 1, NOON + 1)])
        assert await _state(desk) == "shelved"
        [line] = await journal(service.pool, [change("GAS-1", 1, 3, NOON + 2)])
        assert (line.from_, line.to, line.severity) == ("shelved", "unacknowledged", "orange")
        # And so is another occurrence, of a severity that the shelf does not hold.
        await journal(service.pool, [change("GAS-1", 3, 0, NOON + 3)])
        [yellow] = await journal(service.pool, [change("GAS-1", 0, 2, NOON + 4, raised=NOON + 4)])
        [red] = await journal(service.pool, [change("GAS-1", 0, 4, NOON + 6, raised=NOON + 6)])
        assert (yellow.to, red.to) == ("shelved", "unacknowledged")

    serve(database_url, scenario)


def test_a_bump_test_on_site_suppresses_all_rules_of_the_head(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 1)])
        crew = await service.client("field", label="crew-3")
        answer = await _act(crew, "suppress", purpose="bump_test", duration_s=900, reason="test gas")
        assert answer.json()["to"] == "suppressed_by_design", answer.text
        assert answer.json()["details"]["purpose"] == "bump_test"
        lines = await journal(
            service.pool,
            [change("GAS-1", 0, 4, NOON + 60_000, rule="other", raised=NOON + 60_000), silence("GAS-1", time=NOON)],
        )
        assert [line.to for line in lines] == ["suppressed_by_design"] * 2
        # Afterwards all of it is as if it had never been.
        [late] = await journal(
            service.pool, [change("GAS-1", 0, 4, NOON + 900_000, rule="third", raised=NOON + 900_000)]
        )
        assert late.to == "unacknowledged"
        assert (await _act(crew, "return-to-service", 2)).json()["to"] == "unacknowledged"

    serve(database_url, scenario)


def test_out_of_service_needs_a_permit_and_has_a_review_date(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        body = {"permit": "PTW-118", "reason": "laboratory", "review_at": "2026-12-01T00:00:00.000Z"}
        assert (await _act(await service.client("operator"), "out-of-service", **body)).status_code == 403
        supervisor = await service.client("supervisor", label="chief")
        without = await _act(supervisor, "out-of-service", **{k: v for k, v in body.items() if k != "permit"})
        assert (without.status_code, without.json()["field"]) == (422, "permit")
        far = await _act(supervisor, "out-of-service", **body | {"review_at": "2028-01-01T00:00:00.000Z"})
        assert (far.status_code, far.json()["field"]) == (422, "review_at")
        line = (await _act(supervisor, "out-of-service", **body)).json()
        assert (line["to"], line["details"]["permit"]) == ("out_of_service", "PTW-118")
        service.now = NOON + 20 * 24 * HOUR_MS
        [listed] = (await supervisor.get("/api/v1/suppressions?kind=out_of_service")).json()["suppressions"]
        assert (listed["review_overdue"], listed["ends_at"]) == (True, None)
        back = await _act(supervisor, "return-to-service", 2, comment="calibrated")
        assert (back.json()["from"], back.json()["to"]) == ("out_of_service", "unacknowledged")

    serve(database_url, scenario)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("shelve", {"duration_s": 9 * 3600, "reason": "x"}, "duration_s"),
        ("shelve", {"until": "2026-11-22T11:00:00.000Z", "reason": "x"}, "until"),
        ("shelve", {"duration_s": 60, "reason": "  "}, "reason"),
        ("shelve", {"duration_s": 60}, "reason"),
        ("suppress", {"purpose": "bump_test", "duration_s": 2 * 3600, "reason": "x"}, "duration_s"),
        ("suppress", {"purpose": "lunch", "duration_s": 60, "reason": "x"}, "purpose"),
        ("judge", {"verdict": "perhaps"}, "verdict"),
        ("comment", {}, "comment"),
    ],
)
def test_what_is_refused_names_its_field(database_url: str, action: str, body: dict[str, Any], field: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 2)])
        answer = await _act(await service.client("operator"), action, **body)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
        assert len(await stored_lines(service.pool, ALARM)) == 1

    serve(database_url, scenario)


def test_work_is_planned_on_a_sensor_that_has_no_alarm(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        crew = await service.client("field", "jiayuguan")
        plan = {
            "sensor": "GAS-1", "purpose": "maintenance", "reason": "yearly calibration",
            "begins_at": "2026-11-22T13:00:00.000Z", "ends_at": "2026-11-22T15:00:00.000Z",
        }  # fmt: skip
        made = await crew.post("/api/v1/suppressions", json=plan)
        assert made.status_code == 200, made.text
        assert (await crew.post("/api/v1/suppressions", json=plan)).status_code == 409
        assert (await crew.post("/api/v1/suppressions", json=plan | {"sensor": "WATER-9"})).status_code == 404
        before, during = await journal(
            service.pool,
            [change("GAS-1", 0, 4), change("GAS-1", 0, 4, NOON + HOUR_MS, rule="other", raised=NOON + HOUR_MS)],
        )
        assert (before.to, during.to) == ("unacknowledged", "suppressed_by_design")
        number = made.json()["suppression"]
        service.now = NOON + HOUR_MS + 1
        ended = await crew.post(f"/api/v1/suppressions/{number}/end", json={"comment": "done early"})
        assert ended.json()["ended_at"] == "2026-11-22T13:00:00.001Z"
        again = (await crew.post("/api/v1/suppressions", json=plan)).json()["suppression"]
        wordless = await crew.post(f"/api/v1/suppressions/{again}/end")
        assert (wordless.status_code, wordless.json()["ended_at"]) == (200, "2026-11-22T13:00:00.001Z")
        assert await _state(crew, during.alarm) == "unacknowledged"

    serve(database_url, scenario)


def test_an_alarm_is_judged_and_the_second_judge_is_told_of_the_first(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        one, other = await service.client(label="desk-1"), await service.client(label="desk-2")
        line = (await _act(one, "judge", verdict="false", comment="steam")).json()
        assert (line["from"], line["to"], line["details"]) == (
            "unacknowledged", "unacknowledged", {"judgement": "false"},
        )  # fmt: skip
        late = await _act(other, "judge", verdict="true", proposed_severity="red")
        assert (late.status_code, late.json()["last_actor"]) == (409, "desk-1")
        seen = await _act(other, "judge", 2, verdict="true", proposed_severity="red")
        assert seen.json()["details"] == {"judgement": "true", "proposed_severity": "red"}
        # A comment rules nothing out, and what it adds does not look like an escalation.
        assert (await _act(one, "comment", 1, comment="crew called")).status_code == 200
        assert (await _act(one, "acknowledge", 1)).json()["to"] == "acknowledged"

    serve(database_url, scenario)
