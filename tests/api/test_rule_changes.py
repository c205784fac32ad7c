"""Rules are activated by two persons: what is asked for, what another sees and approves, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from model.instant import format_instant
from tests.api.gas_rules import HOUR, RULES, fill
from tests.api.service import NOON, Service, serve

PATH = "/api/v1/rules/activations"
TESTS = """\
tests:
  - test: blue from 5 on
    sensors: [{sensor: g, system: gas, property: combustible_gas}]
    readings: [{sensor: g, values: [1, 6]}]
    expect: [{time_s: 60, rule: combustible-gas, sensor: g, to: blue}]
"""
NEWER = RULES.replace("blue: 5", "blue: 6")


def body(**other: Any) -> dict[str, Any]:
    return {"packs": [RULES], "reason": "the old limit came too late"} | other


async def gas_in_force(client: Any) -> dict[str, Any]:
    packs = (await client.get("/api/v1/rules")).json()["packs"]
    found: dict[str, Any] = next(pack for pack in packs if pack["pack"] == "gas")
    return found


def test_rules_come_into_force_when_another_person_approves(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        asking = await service.client("engineer", label="li")
        designed = await gas_in_force(asking)
        assert (designed["activated_by"], designed["approved_by"]) == ("test", None)

        span = {"from": format_instant(NOON), "to": format_instant(NOON + HOUR // 2)}
        answer = await asking.post(PATH, json=body(tests={"gas": TESTS}, **span))
        asked = answer.json()
        assert (answer.status_code, asked["state"], asked["tests_passed"]) == (200, "requested", 1), asked
        (pack,) = asked["packs"]
        assert (pack["pack"], pack["replaces"]) == ("gas", designed["version"])
        assert pack["changes"]["changed"] == ["combustible-gas"]
        assert "hydrogen-sulfide" in pack["changes"]["removed"]
        assert [one["sensor"] for one in asked["trial"]["added"]] == ["GAS-1"]
        assert [asked["trial"][name] for name in ("from", "to")] == list(span.values())
        assert (await gas_in_force(asking))["version"] == designed["version"]

        approve = f"/api/v1/approvals/{asked['approval']}/approve"
        for role, label, status in (("engineer", None, 403), ("operator", "wang", 403)):
            client = asking if label is None else await service.client(role, label=label)
            assert (await client.post(approve, json={})).status_code == status
        assert (await gas_in_force(asking))["version"] == designed["version"]

        second = await service.client("supervisor", label="zhao")
        (shown,) = (await second.get("/api/v1/approvals?kind=rules")).json()["approvals"]
        assert shown["request"]["packs"][0]["text"] == RULES
        assert shown["request"]["trial"] == asked["trial"]
        decided = await second.post(approve, json={"comment": "read"})
        assert (decided.status_code, decided.json()["result"]["packs"]) == (200, ["gas"]), decided.text
        in_force = await gas_in_force(asking)
        assert (in_force["version"], in_force["activated_by"], in_force["approved_by"]) == (
            pack["version"], "li", "zhao",
        )  # fmt: skip
        assert (await second.post(approve, json={})).status_code == 409
        await versions_tell_what_was_shown(service, asking, asked["trial"])

    serve(database_url, scenario)


async def versions_tell_what_was_shown(service: Service, asking: Any, trial: dict[str, Any]) -> None:
    path = "/api/v1/rules/gas/versions"
    kept = (await asking.get(path)).json()["versions"]
    assert [(one["activated_by"], one["approved_by"], one["in_force"], one["trial"]) for one in kept] == [
        ("li", "zhao", True, trial), ("test", None, False, None),
    ]  # fmt: skip
    assert kept[0]["version"] == (await gas_in_force(asking))["version"]
    first = (await asking.get(f"{path}?limit=1")).json()
    rest = (await asking.get(f"{path}?limit=1&after={first['next']}")).json()
    assert (first["versions"], rest["versions"], rest["next"]) == (kept[:1], kept[1:], None)
    # A trial tells of alarms in every city.
    bound = await service.client("viewer", "jiayuguan")
    assert [one["trial"] for one in (await bound.get(path)).json()["versions"]] == [None, None]
    unknown = await asking.get("/api/v1/rules/mine/versions")
    assert (unknown.status_code, "rule pack 'mine'" in unknown.json()["detail"]) == (404, True)


def test_what_was_compared_is_what_comes_into_force(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        asking, second = await service.client("engineer", label="li"), await service.client("engineer", label="zhao")
        asked = [(await asking.post(PATH, json=body(packs=[text]))).json()["approval"] for text in (RULES, NEWER)]
        assert (await second.post(f"/api/v1/approvals/{asked[0]}/approve", json={})).status_code == 200
        refused = await second.post(f"/api/v1/approvals/{asked[1]}/approve", json={})
        assert refused.status_code == 409
        assert "another than the one that was compared" in refused.json()["detail"]
        waiting = (await second.get("/api/v1/approvals?kind=rules")).json()["approvals"]
        assert [row["approval"] for row in waiting] == asked[1:]

    serve(database_url, scenario)


FAILING = TESTS.replace("to: blue", "to: red")
# what is sent: the field that is refused, and words of the reason
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (body(packs=[RULES, "pack: mine\nrules: ["]), "packs.1", "line 2: not YAML"),
    (body(packs=[RULES.replace("property: combustible_gas", "property: smell")]), "packs.0", "line 6: rules.0.select"),
    (body(packs=[RULES.replace("pack: gas", "pack: mine")]), "packs", "stands in pack 'gas'"),
    (body(tests={"gas": "tests: []"}), "tests.gas", "line 1"),
    (body(tests={"gas": FAILING}), "tests.gas", "not as expected"),
    (body(tests={"mine": TESTS}), "tests.mine", "neither given nor in force"),
    (body(tests={"gas": TESTS.replace("[1, 6]", "[1], times: 100000")}), "tests.gas", "not as expected"),
    (body(tests={"gas": TESTS.replace("[1, 6]", "[1, 6, 1], times: 100000")}), "tests.gas", "more than 200000"),
    (body(reason=" "), "reason", "at least 1 character"),
    (body(packs=[]), "packs", "at least 1"),
    (body(other=1), "other", "not permitted"),
    (body(**{"from": format_instant(NOON)}), "from", "belong together"),
    (body(**{"from": format_instant(NOON), "to": format_instant(NOON)}), "to", "not after"),
]


def test_what_cannot_come_into_force_is_refused_with_field_and_remedy(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        client = await service.client("engineer")
        for asked, field, words in REFUSED:
            answer = await client.post(PATH, json=asked)
            problem = answer.json()
            assert (answer.status_code, problem["field"]) == (422, field), problem
            assert words in problem["detail"], problem
            assert problem["remedy"]
        for role, areas in (("engineer", ("jiayuguan",)), ("supervisor", ("*",)), ("operator", ("*",))):
            other = await service.client(role, *areas)
            assert (await other.post(PATH, json=body())).status_code == 403, role
        assert (await client.get("/api/v1/approvals?state=any")).json()["approvals"] == []

    serve(database_url, scenario)


def test_the_command_activates_at_once(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    file = tmp_path / "gas.yaml"
    file.write_text(RULES)
    assert main(["rules", "activate", str(file), "--by", "li"]) == 0
    assert "pack gas: in force" in capsys.readouterr().out

    async def scenario(service: Service) -> None:
        viewer = await service.client("viewer")
        in_force = await gas_in_force(viewer)
        assert (in_force["activated_by"], in_force["approved_by"]) == ("li", None)
        newest = (await viewer.get("/api/v1/rules/gas/versions")).json()["versions"][0]
        assert newest["trial"]["counts"]["added"] == 0

    serve(database_url, scenario)


def test_the_command_asks_for_a_second_person_where_two_are_wanted(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    monkeypatch.setenv("LIFELINE_RULES_TWO_PERSONS", "true")
    file = tmp_path / "gas.yaml"
    file.write_text(RULES)
    assert main(["rules", "activate", str(file)]) == 1
    assert "--by" in capsys.readouterr().err
    assert main(["rules", "activate", str(file), "--by", "li"]) == 0
    told = capsys.readouterr().out
    assert "pack gas: waits for a second person" in told
    assert "POST /api/v1/approvals/1/approve" in told

    async def scenario(service: Service) -> None:
        own, second = await service.client("engineer", label="li"), await service.client("engineer", label="zhao")
        assert (await gas_in_force(own))["activated_by"] == "lifeline"
        assert (await own.post("/api/v1/approvals/1/approve", json={})).status_code == 403
        assert (await second.post("/api/v1/approvals/1/approve", json={})).status_code == 200
        in_force = await gas_in_force(own)
        assert (in_force["activated_by"], in_force["approved_by"]) == ("li", "zhao")

    serve(database_url, scenario)
    assert main(["rules", "activate", str(file), "--by", "li"]) == 0
    assert "unchanged" in capsys.readouterr().out
