"""Why a rule fired or did not, asked of the service: over what the evaluator has judged, within the caller's areas."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec

from alerts.explaining import sentences
from alerts.explaining.concern import concern_of
from alerts.explaining.words import words_of
from alerts.rule_file import default_packs
from app.cases import FoundCase
from app.explanation import Facts
from app.explanation import explained as told_within
from model.instant import format_instant
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors
from tests.api.gas_rules import RULES
from tests.api.service import CITIES, NOON, SENSORS, Service, serve
from tests.integration.log import Log
from tests.rules.test_explaining import CASES, case_of

MINUTE = 60_000
HEARD = ("GAS-1", "DRAIN-1")  # in two districts
PACKS = {pack.pack: pack for pack in default_packs()}
COMBUSTIBLE = next(rule for rule in PACKS["gas"].rules if rule.rule == "combustible-gas")


def at(minute: float) -> str:
    return format_instant(round(NOON + minute * MINUTE))


def explained(url: str, scenario: Callable[[Service, Log], Awaitable[None]], *packs: str) -> None:
    """Run a scenario with packs in force, an evaluator that follows the log, and a clock an hour after noon."""

    async def run(service: Service) -> None:
        named = (PACKS[name] for name in packs or ("gas",))
        await activate(service.pool, [StoredPack(pack.pack, pack.version, pack.content) for pack in named], "li")
        service.now = NOON + 60 * MINUTE
        log = Log(service.pool)
        async with log.followed():
            await scenario(service, log)

    serve(url, run)


async def measure(log: Log, *values: float, start: int = 0, sensor: str = "GAS-1") -> None:
    """Log a value a minute, each at once."""
    for minute, value in enumerate(values, start):
        await log.put(NOON + minute * MINUTE, (sensor, NOON + minute * MINUTE, value))
    await log.evaluated()


async def why(client: httpx.AsyncClient, minute: float, **asked: str) -> dict[str, Any]:
    question = {"sensor": "GAS-1", "rule": "combustible-gas", "time": at(minute)} | asked
    answer = await client.get("/api/v1/explanation", params=question)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_was_compared_with_what_whether_it_fired_or_not(database_url: str) -> None:
    async def scenario(service: Service, log: Log) -> None:
        await measure(log, 3.0, 12.0, 4.0)
        client = await service.client("viewer")
        before, after = await why(client, 0.5), await why(client, 1)
        assert (before["then"]["active"], before["then"]["severity"], before["alarm"]) == (False, None, None)
        assert (
            before["then"]["decisive"] | {"what": "limit_not_reached", "value": 3.0, "limit": 10.0}
            == (before["then"]["decisive"])
        )
        assert (after["then"]["severity"], after["then"]["raised"], after["state"]) == ("blue", at(1), "unacknowledged")
        decisive = after["then"]["decisive"]
        assert (decisive["what"], decisive["time"], decisive["value"]) == ("limit_reached", at(1), 12.0)
        assert (after["unit"], after["value_unit"], after["class"]) == ("%{LEL}", "%{LEL}", "process")
        assert after["rule_version"] == COMBUSTIBLE.version
        assert (after["activation"]["activated_by"], after["activation"]["approved_by"]) == ("li", None)
        assert [(one["level"], one["limit"], one["clears"], one["origin"]) for one in after["then"]["limits"]] == [
            ("blue", 10, 8, "rule"), ("yellow", 20, 18, "rule"), ("orange", 35, 33, "rule"), ("red", 50, 48, "rule"),
        ]  # fmt: skip
        assert after["then"]["deadband"] == 2
        assert [(one["time"], one["arrived"], one["value"], one["use"]) for one in after["then"]["readings"]] == [
            (at(0), at(0), 3.0, "judged"), (at(1), at(1), 12.0, "judged"),
        ]  # fmt: skip
        # The log's clock stands at minute 2: what is asked of later is what is known there.
        newest = await why(client, 30)
        assert (newest["time"], newest["then"]["decisive"]["what"]) == (at(2), "off_delay_running")

        (alarm,) = (await client.get("/api/v1/alarms")).json()["alarms"]
        of_alarm = (await client.get(f"/api/v1/alarms/{alarm['alarm']}/explanation")).json()
        assert of_alarm == after
        later = await client.get(f"/api/v1/alarms/{alarm['alarm']}/explanation", params={"time": at(2)})
        assert later.json() == newest
        for language in ("en", "zh"):
            spoken = await client.get(f"/api/v1/alarms/{alarm['alarm']}/explanation", params={"language": language})
            preferred = await client.get(
                f"/api/v1/alarms/{alarm['alarm']}/explanation", headers={"Accept-Language": language}
            )
            assert spoken.json()["words"] == preferred.json()["words"] != []
            assert spoken.headers["content-language"] == language

    explained(database_url, scenario)


def test_what_came_late_is_known_now_and_was_not_then(database_url: str) -> None:
    async def scenario(service: Service, log: Log) -> None:
        await measure(log, 1.0, start=0)
        await measure(log, 1.0, start=2)
        await log.put(NOON + 5 * MINUTE, ("GAS-1", NOON + MINUTE, 12.0))  # of minute 1
        await log.evaluated()
        client = await service.client("viewer")
        told = await why(client, 3)
        assert (told["then"]["active"], told["now"]["severity"], told["now"]["raised"]) == (False, "blue", at(1))
        assert [(one["time"], one["arrived"], one["use"]) for one in told["now"]["readings"]] == [
            (at(0), at(0), "judged"), (at(1), at(5), "not_yet_here"), (at(2), at(2), "judged"),
        ]  # fmt: skip
        # It is an alarm that was found afterwards; why is told for the time that its reading is of.
        (found,) = (await client.get("/api/v1/alarms")).json()["alarms"]
        assert found["retroactive"]
        late = (await client.get(f"/api/v1/alarms/{found['alarm']}/explanation")).json()
        assert (late["time"], late["then"]["active"], late["now"]["severity"]) == (at(1), False, "blue")

        # The other way: what would have cleared it was under way.
        await measure(log, 12.0, 1.0, start=10)
        await measure(log, 1.0, start=20)
        await log.put(NOON + 21 * MINUTE, ("GAS-2", NOON + 21 * MINUTE, 1.0))
        told = await why(client, 19)
        assert (told["then"]["severity"], told["now"]["severity"]) == ("blue", "blue")
        await log.put(NOON + 22 * MINUTE, ("GAS-1", NOON + 18 * MINUTE, 1.0))
        await log.evaluated()
        told = await why(client, 19)
        assert (told["then"]["severity"], told["now"]["severity"]) == ("blue", None)
        assert told["now"]["readings"][-1]["use"] == "not_yet_here"

    explained(database_url, scenario)


def test_each_time_is_told_by_the_limits_that_held_then(database_url: str) -> None:
    async def scenario(service: Service, log: Log) -> None:
        await measure(log, 7.0, 7.0)
        asking, second = await service.client("engineer", label="chen"), await service.client("supervisor", label="wu")
        asked = await asking.post("/api/v1/rules/activations", json={"packs": [RULES], "reason": "lower"})
        await second.post(f"/api/v1/approvals/{asked.json()['approval']}/approve", json={})
        await log.rebound()
        await measure(log, 7.0, start=5)
        body = {"sensor": "GAS-1", "limits": {"blue": 9}, "duration_s": 7_200, "reason": "work beside it"}
        asked = await asking.post("/api/v1/rules/combustible-gas/temporary-limits", json=body)
        number = asked.json()["approval"]
        await second.post(f"/api/v1/approvals/{number}/approve", json={})
        await log.rebound()
        await measure(log, 7.0, 8.0, start=20)
        client = await service.client("viewer")
        designed, lower, held = await why(client, 1), await why(client, 5), await why(client, 21)
        told = [
            (one["then"]["severity"], one["then"]["limits"][0]["limit"], one["then"]["limits"][0]["origin"])
            for one in (designed, lower, held)
        ]
        assert told == [(None, 10.0, "rule"), ("blue", 5.0, "rule"), (None, 9.0, "temporary")]
        by = [(one["activation"]["activated_by"], one["activation"]["approved_by"]) for one in (designed, lower, held)]
        assert by == [("li", None), ("chen", "wu"), ("chen", "wu")]
        assert (designed["temporary_limit"], lower["temporary_limit"]) == (None, None)
        limit = held["temporary_limit"]
        assert (limit["temporary_limit"], limit["requested_by"], limit["approved_by"]) == (number, "chen", "wu")
        assert len({one["rule_version"] for one in (designed, lower, held)}) == 3
        assert [one["bindings_since"] for one in (designed, lower, held)] == [None, None, None]

    explained(database_url, scenario)


def test_who_kept_the_alarm_quiet(database_url: str) -> None:
    async def scenario(service: Service, log: Log) -> None:
        desk = await service.client("operator", label="wang")
        service.now = NOON
        made = await desk.post(
            "/api/v1/suppressions",
            json={"sensor": "GAS-1", "purpose": "bump_test", "reason": "test gas", "ends_at": at(10)},
        )
        assert made.status_code == 200, made.text
        await measure(log, 1.0, 12.0)
        service.now = NOON + 60 * MINUTE
        told = await why(desk, 1, language="en")
        assert (told["then"]["severity"], told["state"]) == ("blue", "suppressed_by_design")
        assert told["quiet"] == [
            {"kind": "suppressed_by_design", "by": "wang", "since": at(0), "until": at(10), "reason": "test gas"}
        ]
        assert any("wang" in sentence for sentence in told["words"])

    explained(database_url, scenario)


def test_sensors_elsewhere_are_counted_and_not_told_of(database_url: str) -> None:
    async def scenario(service: Service, log: Log) -> None:
        speaking = {"gateway": "BOX-1"}
        sensors = [msgspec.structs.replace(one, attributes=speaking) for one in SENSORS if one.sensor in HEARD]
        await import_sensors(service.pool, sensors, CITIES)
        await log.rebound()
        for number in range(3):
            await log.put(NOON + number * MINUTE, *((name, NOON + number * MINUTE, 4.25) for name in HEARD))
        await log.evaluated()
        asked = {"sensor": "BOX-1", "rule": "gateway-silent"}
        whole = await why(await service.client("viewer"), 2, **asked)
        assert (whole["then"]["decisive"]["what"], whole["sensors_elsewhere"]) == ("heard", 0)
        assert {one["sensor"] for one in whole["then"]["readings"]} == set(HEARD)
        part = await why(await service.client("viewer", "jiayuguan/xiongguan"), 2, **asked)
        assert (part["then"]["decisive"], part["sensors_elsewhere"]) == (whole["then"]["decisive"], 1)
        assert "DRAIN-1" not in str(part)
        # The gateway is where its first sensor is.
        answer = await (await service.client("viewer", "jiayuguan/jingtie")).get(
            "/api/v1/explanation", params=asked | {"time": at(2)}
        )
        assert answer.status_code == 404, answer.text

    explained(database_url, scenario, "gas", "instruments")


def test_what_would_have_decided_otherwise_elsewhere_is_not_told() -> None:
    case = case_of(CASES["a gateway that is silent: all of its sensors have to be heard"])
    packs, registry = case.period.packs, case.period.registry
    found = FoundCase(case, concern_of(packs, registry, case.rule, case.sensor), packs[0], None)
    facts = Facts(
        found=found, alarm=None, state=None, quiet=[], activation=None, temporary=None,
        within=frozenset({"a"}), elsewhere=2,
    )  # fmt: skip
    told = asyncio.run(told_within(facts))
    assert (told.smallest, told.none_found) == ([], "elsewhere")
    assert {reading.sensor for reading in told.then.readings} == {"a"}
    assert sentences.NONE_FOUND["elsewhere"][0] in words_of(told, "en")


REFUSED: list[tuple[float, dict[str, str], str | None, str, str]] = [
    (61, {}, "time", "time: lies in the future", "time：在未来"),
    (-1, {}, "time", f"time: nothing had arrived yet; it is known since {at(0)}",
     f"time：当时还没有任何数据到达；自 {at(0)} 起有记录"),
    (1, {"rule": "oxygen-low"}, "rule",
     "rule: rule 'oxygen-low' did not watch 'GAS-1': it selects others (property: oxygen)",
     "rule：规则 'oxygen-low' 不适用于 'GAS-1'：该规则针对其他传感器（property: oxygen）"),
    (1, {"rule": "none"}, "rule", "rule: no rule 'none' was in force", "rule：没有生效的规则 'none'"),
    (1, {"sensor": "NONE"}, None, "sensor 'NONE' does not exist or is outside your areas",
     "传感器 'NONE' 不存在，或不在您的区域内"),
]  # fmt: skip


def test_what_cannot_be_told_is_refused(database_url: str) -> None:
    async def scenario(service: Service, log: Log) -> None:
        client = await service.client("viewer")
        empty = await client.get("/api/v1/explanation?sensor=GAS-1&rule=combustible-gas")
        assert (empty.status_code, empty.json()["detail"]) == (422, "time: nothing has arrived yet")
        await measure(log, 1.0, 12.0)
        for minute, other, field, detail, chinese in REFUSED:
            question = {"sensor": "GAS-1", "rule": "combustible-gas", "time": at(minute)} | other
            answer = await client.get("/api/v1/explanation", params=question)
            assert answer.status_code == (404 if field is None else 422)
            assert (answer.json().get("field"), answer.json()["detail"]) == (field, detail)
            assert answer.json()["remedy"]
            spoken = await client.get("/api/v1/explanation", params=question, headers={"Accept-Language": "zh"})
            assert spoken.json()["detail"] == chinese
        (alarm,) = (await client.get("/api/v1/alarms")).json()["alarms"]
        for area, seen in (("jiayuguan/xiongguan", 200), ("jiayuguan/jingtie", 404), ("jinchang", 404)):
            bound = await service.client("viewer", area)
            for path in (
                f"/api/v1/explanation?sensor=GAS-1&rule=combustible-gas&time={at(1)}",
                f"/api/v1/explanation?sensor=GAS-1&rule=oxygen-low&time={at(1)}",
                f"/api/v1/alarms/{alarm['alarm']}/explanation",
            ):
                answer = await bound.get(path)
                assert answer.status_code == (422 if seen == 200 and "oxygen" in path else seen), answer.text

    explained(database_url, scenario)
