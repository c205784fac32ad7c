"""What a crew sends from a bad line comes hours late, twice and in the wrong order: it counts once, as it was meant."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from model.instant import format_instant
from tests.api.service import NOON, Service, serve, stored_lines
from tests.api.test_handling import MINUTE, act, another, prepared, returns

HOURS = 60 * MINUTE
STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("desk", "assign", {"to": "li"}),
    ("li", "accept", {}),
    ("li", "arrive", {"position": {"longitude": 98.29, "latitude": 39.77}}),
    ("li", "resolve", {"cause_code": "gas_joint_leak", "note": "tightened"}),
    ("wang", "verify", {"method": "measurement", "value": 0.0, "unit": "%{LEL}"}),
]
# Who does what after how many of the steps above.
ACTIONS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "acknowledge": (0, "li", "acknowledge", {"comment": "on the way"}),
    "comment": (1, "li", "comment", {"comment": "the gate is locked"}),
    "judge": (3, "li", "judge", {"verdict": "true"}),
    "accept": (1, *STEPS[1]),
    "decline": (1, "li", "decline", {"reason": "no detector here"}),
    "arrive": (2, *STEPS[2]),
    "resolve": (3, *STEPS[3]),
    "verify": (4, *STEPS[4]),
    "verify, not solved": (4, "wang", "verify", {"method": "inspection", "passed": False, "note": "it hisses"}),
}
TOLD_LATER = {"accept", "decline", "arrive", "resolve", "verify"}  # these say when they were done


async def taken(people: dict[str, httpx.AsyncClient], alarm: str, steps: int) -> None:
    for seen, (who, action, body) in enumerate(STEPS[:steps], 1):
        answer = await act(people[who], action, seen, alarm=alarm, **body)
        assert answer.status_code == 200, answer.text


def test_every_action_twice_and_hours_later_counts_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        for number, (case, (steps, who, action, body)) in enumerate(ACTIONS.items()):
            service.now = NOON
            alarm = await another(service, number)
            await taken(people, alarm, steps)
            if action == "verify":
                await returns(service, rule=f"level-{number}")
            before = await stored_lines(service.pool, alarm)
            if action in TOLD_LATER:
                body = body | {"acted_at": format_instant(NOON + 20 * MINUTE)}
            service.now = NOON + 5 * HOURS
            first = await act(people[who], action, len(before), alarm=alarm, key=f"late-{number}", **body)
            assert first.status_code == 200, (case, first.text)
            service.now += 19 * HOURS
            for _ in range(2):
                again = await act(people[who], action, len(before), alarm=alarm, key=f"late-{number}", **body)
                assert (again.status_code, again.text) == (200, first.text), case
            lines = await stored_lines(service.pool, alarm)
            assert lines[len(before) :] == [first.text], case
            if action in TOLD_LATER:
                assert first.json()["details"]["acted_at"] == body["acted_at"], case

    serve(database_url, scenario)


def test_a_day_out_of_coverage_in_reverse_order(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        alarm = await another(service, 1)
        await taken(people, alarm, 1)
        await returns(service, rule="level-1")
        # What the telephones hold: the crew saw the assignment, and who verifies was told of the resolution; each with
        # its own time and key.
        waiting = [
            (who, action, body | {"acted_at": format_instant(NOON + number * 10 * MINUTE)}, f"kept-{number}")
            for number, (who, action, body) in enumerate(STEPS[1:], 1)
        ]
        service.now = NOON + 8 * HOURS
        statuses = []
        for _ in range(5):  # a telephone sends what was refused again, with the same key, until nothing is left
            statuses.append([])
            for who, action, body, key in reversed(waiting):
                seen = 6 if action == "verify" else 2
                answer = await act(people[who], action, seen, alarm=alarm, key=key, **body)
                statuses[-1].append(answer.status_code)
        assert statuses == [
            [409, 409, 409, 200],
            [409, 409, 200, 200],
            [409, 200, 200, 200],
            [200, 200, 200, 200],
            [200, 200, 200, 200],
        ]
        told = (await people["desk"].get(f"/api/v1/alarms/{alarm}/journal")).json()
        steps = [line for line in told if line.get("action") not in (None, "assign")]
        acts = [(line["action"], line["details"]["acted_at"]) for line in steps]
        assert acts == [(action, body["acted_at"]) for _, action, body, _ in waiting]
        stands = (await people["desk"].get(f"/api/v1/alarms/{alarm}")).json()["handling"]
        assert stands["step"] == "verified"

    serve(database_url, scenario)


def test_a_report_from_a_bad_line_counts_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        report = {
            "kind": "gas_smell", "city": "jiayuguan", "place": {"longitude": 98.2891, "latitude": 39.7732},
            "time": format_instant(NOON - 10 * MINUTE), "source": "patrol",
        }  # fmt: skip
        service.now = NOON + 6 * HOURS
        answers = []
        for _ in range(3):
            answers.append(await people["li"].post("/api/v1/reports", json=report, headers={"Idempotency-Key": "r-1"}))
            service.now += HOURS
        assert {(answer.status_code, answer.json()["report"]) for answer in answers} == {(200, "report.1")}
        assert len((await people["desk"].get("/api/v1/reports")).json()["reports"]) == 1
        for _ in range(2):
            answer = await people["wang"].post(
                "/api/v1/reports/report.1/verify", json={"found": True}, headers={"Idempotency-Key": "v-1"}
            )
            assert answer.status_code == 200, answer.text
            service.now += HOURS
        (listed,) = (await people["desk"].get("/api/v1/reports")).json()["reports"]
        assert (listed["found"], listed["verified_by"]) == (True, "wang")
        assert listed["verified_at"] == format_instant(NOON + 9 * HOURS)

    serve(database_url, scenario)


@pytest.mark.parametrize("action", ["accept", "resolve"])
def test_a_key_that_was_used_for_something_else_is_told_apart(database_url: str, action: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        alarm = await another(service, 1)
        await taken(people, alarm, 1)
        assert (await act(people["li"], "accept", 2, alarm=alarm, key="one")).status_code == 200
        other = people["wang"] if action == "accept" else people["li"]
        body = {} if action == "accept" else {"cause_code": "other"}
        answer = await act(other, action, 2, alarm=alarm, key="one", **body)
        assert (answer.status_code, answer.json()["field"]) == (409, "Idempotency-Key")

    serve(database_url, scenario)
