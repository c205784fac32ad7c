"""Rules tried over the history through the API: the answer, the areas, and what is refused."""

from __future__ import annotations

from typing import Any

from alerts.rule_file import default_packs
from app.api import rule_backtest
from app.api.rule_backtest import READINGS_MAX, TrialAnswer
from model.instant import format_instant
from tests.api.gas_rules import HOUR, READINGS, RULES, fill
from tests.api.service import NOON, Service, serve

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
