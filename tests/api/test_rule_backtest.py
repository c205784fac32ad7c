"""Rules tried over the history through the API: the answer, the areas, and what is refused."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from typing import Any

from alerts.rule_file import default_packs, parse_packs
from app.api import rule_backtest
from app.api.rule_backtest import READINGS_MAX, TrialAnswer
from model.instant import format_instant
from store.judged_alarms import judged_alarms
from store.rule_packs import StoredPack, activate
from tests.api.gas_rules import HOUR, READINGS, RULES, fill
from tests.api.service import NOON, Service, change, journal, serve, until
from tests.workers import is_there, the_worker

PATH = "/api/v1/rules/backtest"
MINUTE = 60_000


def body(**other: Any) -> dict[str, Any]:
    return {"from": format_instant(NOON), "to": format_instant(NOON + HOUR), "rules": [RULES]} | other


def test_a_trial_tells_of_the_difference_and_changes_nothing(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        client = await service.client("engineer")
        answer = await client.post(PATH, json=body())
        told = TrialAnswer.model_validate(answer.json())
        assert [(one.rule, one.sensor, one.peak_severity) for one in told.added] == [
            ("combustible-gas", "GAS-1", "blue")
        ]
        assert told.readings == READINGS
        assert told.counts["added"] == 1
        assert told.figures["after"]["annunciated"] == told.figures["before"]["annunciated"] + 1
        in_force = (await client.get("/api/v1/rules")).json()["packs"]
        assert {pack["pack"]: pack["version"] for pack in in_force} == {p.pack: p.version for p in default_packs()}

        elsewhere = await service.client("engineer", "nowhere")
        answer = await elsewhere.post(PATH, json=body())
        assert (answer.json()["readings"], answer.json()["added"]) == (0, [])

    serve(database_url, scenario)


async def judge(service: Service, sensor: str, verdict: str, **facts: Any) -> str:
    """Journal an alarm at a sensor, have a person judge it, and return it."""
    (line,) = await journal(service.pool, [change(sensor, 0, 3, **facts)])
    desk = await service.client("operator")
    answer = await desk.post(
        f"/api/v1/alarms/{line.alarm}/judge",
        json={"seen_sequence": 1, "verdict": verdict},
        headers={"Idempotency-Key": line.alarm},
    )
    assert answer.status_code == 200, answer.text
    return line.alarm


async def low_limit_in_force(service: Service) -> None:
    """Log 7 %LEL at GAS-1, where 5 %LEL is the limit in force."""
    await fill(service)
    (pack,) = parse_packs([("gas", RULES)])
    await activate(service.pool, [StoredPack(pack.pack, pack.version, pack.content)], "test")


HIGHER = RULES.replace("blue: 5", "blue: 8")


def test_a_trial_tells_of_missed_alarms_and_of_the_load_of_each_position(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await low_limit_in_force(service)
        chief = await service.client("supervisor")
        desk = {"city": "jiayuguan", "name": "Gas desk", "systems": ["gas"]}
        assert (await chief.put("/api/v1/positions/gas-desk", json=desk)).status_code == 200
        gas = await judge(service, "GAS-1", "true", rule="combustible-gas")
        steam = await judge(service, "GAS-1", "false", rule="combustible-gas", raised=NOON + 1, time=NOON + 1)
        water = await judge(service, "WATER-9", "true")  # by a rule that is in no pack
        # areas: missed, missed already, gone, annunciations that the gas desk is spared
        expected: dict[str, tuple[list[str], list[str], list[str], list[int]]] = {
            "*": ([gas, water], [water], [steam], [1]),
            "jiayuguan/xiongguan": ([gas], [], [steam], []),  # the desk is for the whole city
        }
        for area, (missed, already, gone, spared) in expected.items():
            client = await service.client("engineer", area)
            told = TrialAnswer.model_validate((await client.post(PATH, json=body(rules=[HIGHER]))).json())
            judged = told.judged
            assert [one.alarm for one in judged.missed_true] == missed, area
            assert [one.alarm for one in judged.missed_true if not one.in_force] == already, area
            assert [one.alarm for one in judged.gone_false] == gone, area
            counts = {
                "missed_true": len(missed),
                "missed_true_already": len(already),
                "weaker_true": 0,
                "gone_false": 1,
            }
            assert (judged.true, judged.false, judged.counts) == (len(missed), 1, counts)
            loads = [one for one in told.positions if one.position == "gas-desk"]
            assert [one.before.annunciated - one.after.annunciated for one in loads] == spared

    serve(database_url, scenario)


def test_judged_alarms_are_those_of_the_span_and_the_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        first = await judge(service, "GAS-1", "true")
        await journal(service.pool, [change("GAS-1", 3, 0, time=NOON + MINUTE)])
        second = await judge(service, "DRAIN-1", "false", raised=NOON + 1, time=NOON + 1)
        third = await judge(service, "WATER-9", "true", raised=NOON + 2, time=NOON + 2)
        await judge(service, "GAS-2", "test")
        await journal(service.pool, [change("DRAIN-2", 0, 2)])  # nobody judged it
        # areas, from and to: which alarms, the newest first
        expected: list[tuple[list[str], int, int, list[str]]] = [
            (["*"], 0, 3, [third, second, first]),
            (["*"], 1, 2, [second]),
            (["*"], 3, 9, []),
            (["jiayuguan"], 0, 3, [second, first]),
            (["jiayuguan/xiongguan"], 0, 3, [first]),
            (["jiayuguan/jingtie", "jinchang"], 0, 3, [third, second]),
            ([], 0, 3, []),
        ]
        for areas, start, end, alarms in expected:
            found = await judged_alarms(service.pool, areas, NOON + start, NOON + end, 10)
            assert [one.alarm for one in found] == alarms, areas
        newest, _, oldest = await judged_alarms(service.pool, ["*"], NOON, NOON + 3, 10)
        assert (oldest.ended, oldest.peak_severity, oldest.verdict) == (NOON + MINUTE, "orange", "true")
        assert (newest.ended, newest.until) == (None, math.inf)
        assert await judged_alarms(service.pool, ["*"], NOON, NOON + 3, 1) == [newest]

    serve(database_url, scenario)


def test_a_trial_ends_when_the_client_hangs_up(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        client = await service.client("engineer")
        asked = asyncio.create_task(client.post(PATH, json=body()))
        worker = await the_worker(os.getpid())
        os.kill(worker, signal.SIGSTOP)  # so that it cannot end by itself
        asked.cancel()
        await asyncio.wait((asked,))
        await until(lambda: not is_there(worker) and not rule_backtest._one_at_a_time.locked())
        assert (await client.post(PATH, json=body())).status_code == 200

    serve(database_url, scenario)


def test_what_cannot_be_tried_is_refused_with_field_and_remedy(database_url: str) -> None:
    refused = [
        (body(rules=["pack: mine"]), "rules.0", "line 1"),
        (body(rules=[RULES, RULES]), "rules.1", "stands in pack gas too"),
        (body(rules=[RULES.replace("pack: gas", "pack: mine")]), "rules", "stands in pack 'gas'"),
        (body(rules=[]), "rules", "at least 1"),
        (body(to=format_instant(NOON)), "to", "not after"),
        (body(to=format_instant(NOON + 32 * 86_400_000)), "from", "longer than 31 days"),
        (body(warm_up_s=1e9), "warm_up_s", "less than or equal"),
        (body(other=1), "other", "not permitted"),
    ]

    async def scenario(service: Service) -> None:
        await fill(service)
        client = await service.client("engineer")
        for asked, field, words in refused:
            answer = await client.post(PATH, json=asked)
            problem = answer.json()
            assert (answer.status_code, problem["field"]) == (422, field), problem
            assert words in problem["detail"], problem
            assert problem["remedy"]
        # The log tells how many a batch had; more than fit are refused before any is read.
        await service.pool.execute("update batch set readings = $1 where sequence = 1", READINGS_MAX)
        problem = (await client.post(PATH, json=body())).json()
        assert f"holds {READINGS_MAX + READINGS - 1} readings" in problem["detail"]
        async with rule_backtest._one_at_a_time:
            answer = await client.post(PATH, json=body())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")

    serve(database_url, scenario)
