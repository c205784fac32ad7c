"""The closed loop over the API: who is sent and why, who may say what, and what a verification of gas takes."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import Any

import httpx

from alerts.rule_file import default_packs
from alerts.temporary_limits import design_of
from app.api.alarms import AlarmPage
from app.api.rosters import OnDutyPage, RosterPage
from model.instant import format_instant
from model.roster import parse_rosters
from model.temporary_limit import TemporaryLimit
from store.rosters import on_duty, put_rosters_in_force
from store.rule_packs import StoredPack, activate
from store.temporary_limits import add_temporary_limit
from tests.api.service import NOON, Service, change, journal, serve, silence, stored_lines

GAS = "level.GAS-1.20261122T120000000Z"
DRAIN = "level.DRAIN-1.20261122T120000000Z"
MINUTE = 60_000
_keys = itertools.count()
# Noon in UTC is 20:00 in the city, on a Sunday.
ROSTERS = """
city: jiayuguan
teams:
  - {team: gas-crew-3, members: [li, wang]}
rosters:
  - {roster: gas-west, systems: [gas], districts: [xiongguan],
     shifts: [{who: gas-crew-3, from: "20:00", to: "08:00"}]}
  - {roster: others, shifts: [{who: zhao, from: "08:00", to: "20:30"}]}
"""


async def act(
    client: httpx.AsyncClient, action: str, seen: int = 1, *, alarm: str = GAS, key: str | None = None, **body: Any
) -> httpx.Response:
    return await client.post(
        f"/api/v1/alarms/{alarm}/{action}",
        json={"seen_sequence": seen, **body},
        headers={"Idempotency-Key": key or f"handling-{next(_keys)}"},
    )


async def prepared(service: Service, *, rosters: str = ROSTERS) -> dict[str, httpx.AsyncClient]:
    """Return people by name, with alarms at a gas and a drainage sensor and the city's rosters in force."""
    await journal(service.pool, [change("GAS-1", 0, 3), change("DRAIN-1", 0, 2), change("WATER-9", 0, 2)])
    async with service.pool.acquire() as connection:
        await put_rosters_in_force(connection, parse_rosters("rosters.yaml", rosters), "test")
    roles = {"desk": "operator", "chief": "supervisor", "li": "field", "wang": "field", "zhao": "field"}
    return {name: await service.client(role, "jiayuguan", label=name) for name, role in roles.items()}


async def handling(client: httpx.AsyncClient, alarm: str = GAS) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/api/v1/alarms/{alarm}")).json()["handling"]
    return found


async def another(service: Service, number: int, sensor: str = "GAS-1") -> str:
    """Raise one more alarm at a sensor, by a rule of its own, and return its id."""
    (line,) = await journal(service.pool, [change(sensor, 0, 3, rule=f"level-{number}")])
    return line.alarm


async def returns(service: Service, sensor: str = "GAS-1", **facts: Any) -> None:
    """Let the sensor's condition return."""
    await journal(service.pool, [change(sensor, 2 if sensor == "DRAIN-1" else 3, 0, NOON + MINUTE, **facts)])


async def resolved(people: dict[str, httpx.AsyncClient], *, alarm: str = GAS, by: str = "li", to: str = "gas-crew-3",
                   cause: str = "gas_joint_leak") -> None:  # fmt: skip
    """Bring an alarm to the step resolved: lines 2 to 5."""
    whom = {"team": to} if to == "gas-crew-3" else {"to": to}
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("desk", "assign", whom), (by, "accept", {}), (by, "arrive", {}), (by, "resolve", {"cause_code": cause}),
    ]  # fmt: skip
    for seen, (who, action, body) in enumerate(steps, 1):
        answer = await act(people[who], action, seen, alarm=alarm, **body)
        assert answer.status_code == 200, answer.text


def test_from_assigned_to_verified(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        assert await handling(people["desk"]) is None
        line = (await act(people["desk"], "assign", comment="smell of gas at the school")).json()
        assert (line["from"], line["to"], line["action"], line["actor"], line["cause"], line["reason"]) == (
            "unacknowledged", "unacknowledged", "assign", "desk", "operator", "assigned",
        )  # fmt: skip
        assert line["details"] == {
            "step": "assigned", "assigned_to": "gas-crew-3", "roster": "gas-west",
            "chosen_for": "district xiongguan, system gas", "on_duty_until": "2026-11-23T00:00:00.000Z",
        }  # fmt: skip
        # Orange by the proposed deadlines: accepted within 15 minutes.
        assert await handling(people["li"]) == {
            "step": "assigned", "assigned_to": "gas-crew-3", "since": "2026-11-22T12:00:00.000Z",
            "due": "2026-11-22T12:15:00.000Z", "resolved_by": None,
        }  # fmt: skip
        assert (await act(people["li"], "accept", 2)).status_code == 200
        service.now += 20 * MINUTE
        line = (await act(people["li"], "arrive", 3, position={"longitude": 98.29, "latitude": 39.7702})).json()
        assert line["details"]["distance"] == "within 100 m"
        answer = await act(
            people["li"], "resolve", 4, cause_code="gas_joint_leak", note="flange tightened",
            photograph="https://pictures.example/7.jpg",
        )  # fmt: skip
        line = answer.json()
        assert line["comment"] == "flange tightened"
        assert line["details"]["cause_code"] == "gas_joint_leak"
        assert line["details"]["photograph"] == "https://pictures.example/7.jpg"
        await returns(service)
        answer = await act(people["wang"], "verify", 6, method="measurement", value=0.0, unit="%{LEL}")
        assert answer.json()["details"] == {
            "step": "verified", "assigned_to": "gas-crew-3", "method": "measurement", "passed": True,
            "property": "combustible_gas", "value": 0.0, "unit": "%{LEL}",
        }  # fmt: skip
        assert (await handling(people["desk"]))["step"] == "verified"
        # The whole of it is in the journal, and not where the crew was.
        lines = await stored_lines(service.pool, GAS)
        assert len(lines) == 7
        assert not any("98.29" in line or "39.77" in line for line in lines)
        texts = await service.pool.fetch("select line from action")
        assert not any("39.77" in row["line"] for row in texts)

    serve(database_url, scenario)


CHOICES = {
    "its district and system": (20, "GAS-1", ("gas-crew-3", "district xiongguan, system gas")),
    "nobody nearer": (20, "DRAIN-1", ("zhao", "all of jiayuguan")),
    "the nearer ones are off duty": (12, "GAS-1", ("zhao", "all of jiayuguan")),
    "nobody at all": (23, "DRAIN-1", None),
}


def test_the_roster_chooses_and_says_why(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        for number, (case, (local_hour, sensor, expected)) in enumerate(CHOICES.items()):
            alarm = await another(service, number, sensor)
            service.now = NOON + (local_hour - 20) * 60 * MINUTE
            answer = (await act(people["desk"], "assign", alarm=alarm)).json()
            if expected is None:
                assert (answer["field"], "no crew is on duty" in answer["detail"]) == ("to", True), case
            else:
                assert (answer["details"]["assigned_to"], answer["details"]["chosen_for"]) == expected, case

    serve(database_url, scenario)


def test_whom_one_may_send(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await service.client("viewer", label="looker")
        await service.client("field", "jinchang", label="elsewhere")
        for field, name in (("to", "nobody"), ("to", "looker"), ("to", "elsewhere"), ("team", "li")):
            body: dict[str, Any] = {field: name}
            answer = await act(people["desk"], "assign", **body)
            assert (answer.status_code, answer.json()["field"]) == (422, field), name
        assert (await act(people["desk"], "assign", to="li", team="gas-crew-3")).status_code == 422
        assert (await act(people["li"], "assign", to="li")).status_code == 403
        assert (await act(people["desk"], "assign", alarm="level.WATER-9.20261122T120000000Z")).status_code == 404
        assert (await act(people["desk"], "assign", to="li")).status_code == 200

    serve(database_url, scenario)


def test_only_those_it_is_assigned_to_or_a_dispatcher_on_their_behalf(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        assert (await act(people["li"], "accept")).status_code == 409  # assigned to nobody
        await act(people["desk"], "assign", team="gas-crew-3")
        refused = await act(people["zhao"], "accept", 2)
        assert (refused.status_code, "assigned to gas-crew-3" in refused.json()["detail"]) == (409, True)
        line = (await act(people["chief"], "accept", 2)).json()
        assert (line["actor"], line["details"]["on_behalf_of"]) == ("chief", "gas-crew-3")
        line = (await act(people["wang"], "arrive", 3)).json()
        assert "on_behalf_of" not in line["details"]

    serve(database_url, scenario)


def test_two_accept_at_once_and_one_wins(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await act(people["desk"], "assign", team="gas-crew-3")
        answers = await asyncio.gather(act(people["li"], "accept", 2), act(people["wang"], "accept", 2))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 409)
        problem = lost.json()
        assert problem["last_actor"] == won.json()["actor"]
        assert (problem["last_action"], problem["last_acted_at"]) == ("accept", format_instant(NOON))
        assert problem["alarm"]["handling"]["step"] == "accepted"

    serve(database_url, scenario)


def test_what_another_did_meanwhile_rules_it_out(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await act(people["desk"], "assign", team="gas-crew-3")
        await act(people["li"], "accept", 2)
        moved = (await act(people["desk"], "assign", 3, to="zhao")).json()
        assert moved["details"]["assigned_before"] == "gas-crew-3"
        refused = await act(people["li"], "arrive", 3)
        assert (refused.status_code, refused.json()["last_action"], refused.json()["last_actor"]) == (
            409, "assign", "desk",
        )  # fmt: skip

    serve(database_url, scenario)


def test_a_crew_out_of_coverage_tells_it_all_at_once_and_twice(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await act(people["desk"], "assign", team="gas-crew-3")
        service.now += 90 * MINUTE
        # All with what was seen before the coverage was lost, each with a key of its own.
        told: list[tuple[str, int, dict[str, Any]]] = [
            ("accept", 5, {}), ("arrive", 30, {}), ("resolve", 60, {"cause_code": "gas_joint_leak"}),
        ]  # fmt: skip
        run = secrets.token_hex(4)
        first: list[dict[str, Any]] = []
        second: list[dict[str, Any]] = []
        for answers in (first, second):
            for action, minute, body in told:
                acted_at = format_instant(NOON + minute * MINUTE)
                answer = await act(people["li"], action, 2, key=f"{run}-{action}", acted_at=acted_at, **body)
                assert answer.status_code == 200, answer.text
                answers.append(answer.json())
            service.now += MINUTE
        assert first == second
        assert [(line["time"], line["details"]["acted_at"]) for line in first] == [
            (format_instant(NOON + 90 * MINUTE), format_instant(NOON + minute * MINUTE)) for _, minute, _ in told
        ]
        assert (await handling(people["desk"]))["since"] == format_instant(NOON + 60 * MINUTE)
        assert len(await stored_lines(service.pool, GAS)) == 5

    serve(database_url, scenario)


def test_when_it_was_done(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        service.now = NOON + 10 * MINUTE
        cases = {
            "before the alarm was raised": (-1, None),
            "with it": (0, 0),
            "now": (10, None),
            "on a device whose clock is half a minute fast": (10.5, None),
            "in the future": (12, None),
        }
        refused = {"before the alarm was raised", "in the future"}
        ahead = {"on a device whose clock is half a minute fast"}
        for number, (case, (minutes, kept)) in enumerate(cases.items()):
            alarm = await another(service, number)
            await act(people["desk"], "assign", alarm=alarm, team="gas-crew-3")
            acted_at = format_instant(NOON + int(minutes * MINUTE))
            answer = await act(people["li"], "accept", 2, alarm=alarm, acted_at=acted_at)
            if case in refused:
                assert (answer.status_code, answer.json()["field"]) == (422, "acted_at"), case
            else:
                expected = None if kept is None else format_instant(NOON + kept * MINUTE)
                details = answer.json()["details"]
                assert details.get("acted_at") == expected, case
                assert details.get("acted_at_told") == (acted_at if case in ahead else None), case
                assert (await handling(people["desk"], alarm))["since"] == format_instant(
                    NOON + (10 if kept is None else kept) * MINUTE
                ), case

    serve(database_url, scenario)


def test_what_is_declined_waits_for_the_dispatcher(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await act(people["desk"], "assign", team="gas-crew-3")
        assert (await act(people["li"], "decline", 2)).status_code == 422  # without a reason
        line = (await act(people["li"], "decline", 2, reason="no detector with us")).json()
        assert (line["comment"], line["reason"]) == ("no detector with us", "declined")
        found = AlarmPage.model_validate((await people["desk"].get("/api/v1/alarms?handling=declined")).json())
        assert [(one.alarm, one.handling and one.handling.assigned_to) for one in found.alarms] == [(GAS, None)]
        assert (await act(people["li"], "accept", 3)).status_code == 409
        assert (await act(people["desk"], "assign", 3, to="zhao")).status_code == 200

    serve(database_url, scenario)


def test_who_resolved_or_was_sent_does_not_verify(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        by_the_team, on_behalf = await another(service, 1), await another(service, 2)
        await resolved(people, alarm=by_the_team, by="li")
        await resolved(people, alarm=on_behalf, by="desk", to="zhao")
        for number in (1, 2):
            await returns(service, rule=f"level-{number}")
        measured: dict[str, Any] = {"method": "measurement", "value": 0.0, "unit": "%{LEL}"}
        for alarm, name in ((by_the_team, "li"), (on_behalf, "desk"), (on_behalf, "zhao")):
            answer = await act(people[name], "verify", 5, alarm=alarm, **measured)
            assert (answer.status_code, "another person" in answer.json()["remedy"]) == (409, True)
        for alarm, name in ((by_the_team, "wang"), (on_behalf, "chief")):
            assert (await act(people[name], "verify", 6, alarm=alarm, **measured)).status_code == 200

    serve(database_url, scenario)


STILL_SAYS = "the sensor still says orange: 42 %{LEL} at 2026-11-22T12:00:00.000Z, and nothing since that ended it"
# cause of the resolution, facts of the verification: status, field, what is said
STILL_ACTIVE: list[tuple[str, dict[str, Any], int, str | None, str]] = [
    ("gas_joint_leak", {}, 409, None, STILL_SAYS),
    ("gas_joint_leak", {"note": "flange tightened, 1 %LEL"}, 409, None, STILL_SAYS),
    ("sensor_test", {"note": "bump test"}, 409, None, STILL_SAYS),
    ("sensor_fault", {}, 422, "note", STILL_SAYS),
    ("sensor_fault", {"note": "  "}, 422, "note", ""),
    ("sensor_fault", {"value": 15.0, "note": "soiled"}, 200, None, ""),
    ("sensor_fault", {"value": 41.0, "note": "soiled"}, 409, None, "still dangerous"),
    ("sensor_fault", {"note": "soiled: 1 %LEL beside it"}, 200, None, ""),
    ("gas_joint_leak", {"passed": False, "note": "it still leaks"}, 200, None, ""),
    ("gas_joint_leak", {"passed": False}, 422, "note", "is missing"),
    ("gas_joint_leak", {"passed": False, "comment": " "}, 422, "note", "is missing"),
    ("gas_joint_leak", {"passed": False, "comment": "it still leaks"}, 200, None, ""),
]


def test_what_the_sensor_still_says_is_not_solved_unless_the_sensor_is_at_fault(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        for number, (cause, body, status, field, said) in enumerate(STILL_ACTIVE):
            alarm = await another(service, number)
            await resolved(people, alarm=alarm, cause=cause)
            sent = {"method": "measurement", "value": 1.0, "unit": "%{LEL}"} | body
            answer = await act(people["wang"], "verify", 5, alarm=alarm, **sent)
            problem = answer.json()
            assert (answer.status_code, problem.get("field")) == (status, field), (cause, body, answer.text)
            assert said in answer.text, (cause, body)
            if status != 200:
                assert problem["remedy"]
            expected = "resolved" if status != 200 else "assigned" if "passed" in body else "verified"
            assert (await handling(people["desk"], alarm))["step"] == expected, (cause, body)

    serve(database_url, scenario)


def test_the_last_resolution_says_whether_the_sensor_is_at_fault(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await resolved(people, alarm=DRAIN, by="zhao", to="zhao", cause="sensor_fault")
        looked: dict[str, Any] = {"alarm": DRAIN, "method": "inspection", "note": "the gully is blocked"}
        assert (await act(people["desk"], "verify", 5, passed=False, **looked)).status_code == 200
        for seen, (action, body) in enumerate(
            (("accept", {}), ("arrive", {}), ("resolve", {"cause_code": "sewer_blocked"})), 6
        ):
            assert (await act(people["zhao"], action, seen, alarm=DRAIN, **body)).status_code == 200
        refused = await act(people["desk"], "verify", 9, **looked)
        assert (refused.status_code, "still says yellow" in refused.json()["detail"]) == (409, True)
        await returns(service, "DRAIN-1")
        assert (await act(people["desk"], "verify", 10, **looked)).status_code == 200

    serve(database_url, scenario)


GAS_CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "not by looking": ({"method": "inspection"}, 422, "measurement"),
    "not without a value": ({"method": "measurement"}, 422, "value"),
    "not without a unit": ({"method": "measurement", "value": 1.0}, 422, "unit"),
    "not a value by looking": ({"method": "inspection", "value": 1.0, "unit": "%{LEL}"}, 422, "value"),
    "not a bare percentage": ({"method": "measurement", "value": 1.0, "unit": "%"}, 422, "unit"),
    "not by another property": (
        {"method": "measurement", "value": 1.0, "unit": "kPa", "property": "gas_pressure"}, 422, "property",
    ),
    "below the lowest limit": ({"method": "measurement", "value": 9.99, "unit": "%{LEL}"}, 200, ""),
    "not at it": ({"method": "measurement", "value": 10.0, "unit": "%{LEL}"}, 409, "still dangerous"),
    "not at it in another unit": ({"method": "measurement", "value": 0.5, "unit": "%{vol}"}, 409, "still dangerous"),
    "not at what no instrument shows": ({"method": "measurement", "value": -50.0, "unit": "%{LEL}"}, 422, "value"),
    "not beyond what one shows": ({"method": "measurement", "value": 120.0, "unit": "%{LEL}"}, 409, "still dangerous"),
    "sent back at any value": (
        {"method": "measurement", "value": 80.0, "unit": "%{LEL}", "passed": False, "note": "leaks"}, 200, "",
    ),
    "sent back by looking": ({"method": "inspection", "passed": False, "note": "it hisses"}, 200, ""),
}  # fmt: skip


def test_gas_is_verified_by_a_persons_measurement(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
        await activate(service.pool, packs, "test")  # combustible gas: blue from 10 %LEL
        people = await prepared(service)
        for number, (case, (body, status, said)) in enumerate(GAS_CASES.items()):
            alarm = await another(service, number)
            await resolved(people, alarm=alarm)
            # That the sensor has returned is no verification.
            await journal(service.pool, [change("GAS-1", 3, 0, NOON + MINUTE, rule=f"level-{number}")])
            answer = await act(people["wang"], "verify", 6, alarm=alarm, **body)
            assert (answer.status_code, said in answer.text) == (status, True), (case, answer.text)
            step = (await handling(people["desk"], alarm))["step"]
            passed = body.get("passed", True)
            assert step == ("resolved" if status != 200 else "verified" if passed else "assigned"), case

    serve(database_url, scenario)


def test_a_temporary_limit_counts_beside_the_rules_own(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        packs = default_packs()
        await activate(service.pool, [StoredPack(pack.pack, pack.version, pack.content) for pack in packs], "test")
        people = await prepared(service)
        gas = next(rule for pack in packs for rule in pack.rules if rule.rule == "combustible-gas")
        for number, (blue, value, status) in enumerate(((5.0, 7.0, 409), (15.0, 12.0, 409), (15.0, 7.0, 200)), 1):
            limit = TemporaryLimit(
                number=number, rule=gas.rule, design=design_of(gas), select={"sensor": "GAS-1"}, limits={"blue": blue},
                ends=NOON + 60 * MINUTE,
            )  # fmt: skip
            await service.pool.execute("update temporary_limit set ended_at = now(), ended_by = 'test'")
            await add_temporary_limit(
                service.pool, limit, rule_version=gas.version, city="jiayuguan", unit="%{LEL}", reason="test",
                requested_by="ann", approved_by="bob", now=NOON,
            )  # fmt: skip
            alarm = await another(service, number)
            await resolved(people, alarm=alarm)
            await returns(service, rule=f"level-{number}")
            answer = await act(
                people["wang"], "verify", 6, alarm=alarm, method="measurement", value=value, unit="%{LEL}"
            )
            assert answer.status_code == status, (blue, value, answer.text)

    serve(database_url, scenario)


def test_without_the_rule_the_alarms_own_limit_counts(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await resolved(people)
        await returns(service)
        for value, status in ((40.0, 409), (39.9, 200)):
            answer = await act(people["wang"], "verify", 6, method="measurement", value=value, unit="%{LEL}")
            assert answer.status_code == status, answer.text

    serve(database_url, scenario)


def test_others_are_verified_by_looking(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await journal(service.pool, [silence("GAS-2")])
        instrument = "sensor-silent.GAS-2.20261122T120000000Z"  # no process alarm: it may be active still
        for alarm, cause, seen in ((DRAIN, "sewer_blocked", 6), (instrument, "power_or_communication", 5)):
            await resolved(people, alarm=alarm, by="zhao", to="zhao", cause=cause)
            if alarm == DRAIN:
                await returns(service, "DRAIN-1")
            answer = await act(people["desk"], "verify", seen, alarm=alarm, method="inspection", note="seen dry")
            assert (answer.status_code, answer.json()["comment"]) == (200, "seen dry")

    serve(database_url, scenario)


def test_causes_are_of_the_alarms_system(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        causes = (await people["li"].get("/api/v1/cause-codes?system=gas")).json()
        codes = {cause["cause_code"] for cause in causes}
        assert {"gas_joint_leak", "other"} <= codes
        assert "sewer_blocked" not in codes
        assert all(cause["name"] and cause["name_zh"] for cause in causes)
        await act(people["desk"], "assign", to="li")
        await act(people["li"], "accept", 2)
        await act(people["li"], "arrive", 3)
        for body, field in (
            ({"cause_code": "sewer_blocked"}, "cause_code"),
            ({"cause_code": "other", "photograph": "http://plain.example/1.jpg"}, "photograph"),
            ({"cause_code": "other", "photograph": "https://x.example/ 1.jpg"}, "photograph"),
        ):
            answer = await act(people["li"], "resolve", 4, **body)
            assert (answer.status_code, answer.json()["field"]) == (422, field)

    serve(database_url, scenario)


def test_the_list_of_work_holds_what_has_returned(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        await resolved(people)
        await act(people["desk"], "acknowledge", 5)
        await journal(service.pool, [change("GAS-1", 3, 0, NOON + MINUTE)])

        async def listed(query: str) -> list[str]:
            return [one["alarm"] for one in (await people["desk"].get(f"/api/v1/alarms{query}")).json()["alarms"]]

        assert await listed("") == [DRAIN]
        assert await listed("?assigned_to=gas-crew-3") == [GAS]
        assert await listed("?handling=resolved,arrived") == [GAS]
        assert await listed("?handling=assigned") == []
        assert await listed("?assigned_to=gas-crew-3&state=acknowledged") == []
        assert await listed("?assigned_to=gas-crew-3&state=normal") == [GAS]
        answer = await act(people["wang"], "verify", 7, method="measurement", value=0.0, unit="%{LEL}")
        assert answer.status_code == 200
        assert await listed("?assigned_to=gas-crew-3") == []
        assert await listed("?handling=verified") == [GAS]
        assert (await people["desk"].get("/api/v1/alarms?handling=done")).status_code == 422

    serve(database_url, scenario)


def test_rosters_within_the_callers_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service)
        other = await service.client("supervisor", "jinchang")
        page = RosterPage.model_validate((await people["li"].get("/api/v1/rosters")).json())
        (city,) = page.rosters
        assert (city.city, [team.team for team in city.teams], city.escalation_is_proposed) == (
            "jiayuguan", ["gas-crew-3"], True,
        )  # fmt: skip
        assert city.rosters[0].shifts[0].start == "20:00"
        assert (await other.get("/api/v1/rosters")).json() == {"rosters": []}
        query = "/api/v1/rosters/on-duty?city=jiayuguan&district=xiongguan&system=gas"
        assert (await other.get(query)).status_code == 403
        assert (await other.get("/api/v1/rosters/on-duty?city=jinchang&system=gas")).status_code == 404
        found = OnDutyPage.model_validate((await people["li"].get(query)).json())
        assert [(one.who, one.members, one.until) for one in found.on_duty] == [
            ("gas-crew-3", ["li", "wang"], "2026-11-23T00:00:00.000Z"),
            ("zhao", [], "2026-11-22T12:30:00.000Z"),
        ]
        later = OnDutyPage.model_validate((await people["li"].get(f"{query}&at=2026-11-22T20:31:00+08:00")).json())
        assert [one.who for one in later.on_duty] == ["gas-crew-3"]
        async with service.pool.acquire() as connection:
            assert await on_duty(connection, "jiayuguan", "xiongguan", "gas", NOON) == [
                "gas-crew-3", "li", "wang", "zhao",
            ]  # fmt: skip
            assert await on_duty(connection, "jinchang", "jinchuan", "water", NOON) == []

    serve(database_url, scenario)


def test_a_city_without_deadlines_of_its_own_says_so(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        people = await prepared(service, rosters=ROSTERS + "escalation: []\n")
        await act(people["desk"], "assign")
        assert (await handling(people["desk"]))["due"] is None
        (city,) = (await people["desk"].get("/api/v1/rosters")).json()["rosters"]
        assert (city["escalation"], city["escalation_is_proposed"]) == ([], False)

    serve(database_url, scenario)
