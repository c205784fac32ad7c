"""Acknowledgements that meet another's, a return or an escalation: what an operator has not seen stays unacknowledged.

What crews send late and in the wrong order is in tests/api/test_late_actions.py; what a telephone without a line keeps
and sends afterwards, in a real browser, in tests/console/test_field_offline.py.
"""

from __future__ import annotations

import asyncio

import msgspec

from model.instant import HOUR_MS
from tests.api.service import NOON, Service, change, journal, serve, stored_lines
from tests.api.test_acknowledge import ALARM, acknowledge
from tests.faults.seeds import chance, each_seed

OPERATORS = 8
RACES = 20
HEAD_START_S_MAX = 0.03  # of the acknowledgement, which goes by HTTP


def test_case_39_of_operators_who_acknowledge_at_once_one_wins(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        desks = [await service.client("operator", label=f"desk-{number}") for number in range(OPERATORS)]
        await journal(service.pool, [change("GAS-1", 0, 4)])
        answers = await asyncio.gather(*(acknowledge(desk, 1, f"key-{n}") for n, desk in enumerate(desks)))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * (OPERATORS - 1)
        winner = next(answer.json() for answer in answers if answer.status_code == 200)
        for answer in answers:
            if answer.status_code == 409:
                problem = answer.json()
                assert problem["acknowledged_by"] == winner["actor"]
                assert (problem["alarm"]["state"], problem["alarm"]["sequence"]) == ("acknowledged", 2)
        assert len(await stored_lines(service.pool, ALARM)) == 2

    serve(database_url, scenario)


@each_seed
def test_case_39_an_acknowledgement_races_the_return(seed: int, database_url: str) -> None:
    instants = chance(seed)

    async def scenario(service: Service) -> None:
        client = await service.client()
        first = []
        for number in range(RACES):
            raised = NOON + number * 1_000
            (line,) = await journal(service.pool, [change("GAS-1", 0, 4, raised, raised=raised)])
            acknowledging = asyncio.create_task(acknowledge(client, 1, f"race-{number}", line.alarm))
            await asyncio.sleep(instants.uniform(0, HEAD_START_S_MAX))
            await journal(service.pool, [change("GAS-1", 4, 0, raised + 1, raised=raised)])
            answer = await acknowledging
            assert answer.status_code == 200
            states = [msgspec.json.decode(text)["to"] for text in await stored_lines(service.pool, line.alarm)]
            assert states[1:] in (["acknowledged", "normal"], ["returned_unacknowledged", "normal"])
            first.append(states[1])
        print(f"of {RACES} races the acknowledgement won {first.count('acknowledged')}")

    serve(database_url, scenario)


def test_case_50_an_acknowledgement_of_an_hour_ago_meets_an_alarm_that_has_risen(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 2)])
        crew = await service.client("field")
        # The crew has seen the first line and acknowledges it without a line to the service; meanwhile the gas rises.
        await journal(service.pool, [change("GAS-1", 2, 4, NOON + HOUR_MS // 2)])
        service.now = NOON + HOUR_MS
        answer = await acknowledge(crew, 1)
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        alarm = answer.json()["alarm"]
        assert (alarm["severity"], alarm["sequence"], alarm["state"]) == ("red", 2, "unacknowledged")
        assert len(await stored_lines(service.pool, ALARM)) == 2
        assert (await crew.get(f"/api/v1/alarms/{ALARM}")).json()["state"] == "unacknowledged"
        assert (await acknowledge(crew, 9)).status_code == 409, "nobody has seen what is not there yet"
        # A refused key is free: nothing was done under it.
        assert (await acknowledge(crew, 2)).status_code == 200
        # A rise takes the acknowledgement back; one from before it does not reach past it.
        rises = [change("GAS-1", 4, 3, service.now + 1), change("GAS-1", 3, 4, service.now + 2)]
        await journal(service.pool, rises)
        assert (await crew.get(f"/api/v1/alarms/{ALARM}")).json()["state"] == "unacknowledged"
        assert (await acknowledge(crew, 4, "key-2")).status_code == 409
        assert (await acknowledge(crew, 5, "key-2")).status_code == 200

    serve(database_url, scenario)
