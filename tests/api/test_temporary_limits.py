"""Temporary limits: one person asks, another approves, they end by themselves or by one person's word."""

from __future__ import annotations

from typing import Any

from model.instant import format_instant, to_datetime
from store.pool import Pool
from tests.api.gas_rules import HOUR, RULES, fill
from tests.api.service import NOON, Service, serve
from tests.api.test_rule_changes import gas_in_force

LIMITS = "/api/v1/rules/temporary-limits"
PATH = "/api/v1/rules/combustible-gas/temporary-limits"
DAY = 24 * HOUR


def body(**other: Any) -> dict[str, Any]:
    wanted = {"sensor": "GAS-1", "limits": {"blue": 5, "yellow": 8}, "duration_s": 7_200, "reason": "work beside it"}
    return {name: value for name, value in (wanted | other).items() if value is not None}


async def versions_bound(pool: Pool) -> int:
    """The version of the registry, which tells the evaluator to bind its rules anew."""
    return int(await pool.fetchval("select version from registry_version"))


def test_a_temporary_limit_holds_when_another_person_approves(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        asking = await service.client("engineer", "jiayuguan", label="li")
        answer = await asking.post(PATH, json=body(unit="%{LEL}"))
        asked = answer.json()
        assert (answer.status_code, asked["subject"], asked["sensors"]) == (200, "combustible-gas", 1), asked
        assert (asked["loosens"], asked["tightens"]) == (False, True)
        (effect,) = asked["effects"]
        assert (effect["before"]["blue"], effect["after"]) == (10, {"blue": 5, "yellow": 8, "orange": 35, "red": 50})
        assert [one["sensor"] for one in asked["trial"]["added"]] == ["GAS-1"]
        assert (await asking.get(LIMITS)).json()["temporary_limits"] == []
        before = await versions_bound(service.pool)

        approve = f"/api/v1/approvals/{asked['approval']}/approve"
        elsewhere = await service.client("supervisor", "jinchang", label="wu")
        operator = await service.client("operator", label="wang")
        for client, status in ((asking, 403), (elsewhere, 404), (operator, 403)):
            assert (await client.post(approve, json={})).status_code == status
        assert await versions_bound(service.pool) == before
        second = await service.client("supervisor", "jiayuguan", label="zhao")
        service.now += HOUR
        result = (await second.post(approve, json={})).json()["result"]
        assert await versions_bound(service.pool) == before + 1

        (shown,) = (await asking.get(LIMITS)).json()["temporary_limits"]
        assert shown == {
            "temporary_limit": asked["approval"], "rule": "combustible-gas", "rule_version": result["rule_version"],
            "city": "jiayuguan", "select": {"sensor": "GAS-1"}, "limits": {"blue": 5, "yellow": 8}, "unit": "%{LEL}",
            "reason": "work beside it", "requested_by": "li", "approved_by": "zhao",
            "begins_at": format_instant(NOON + 2 * HOUR), "ends_at": format_instant(NOON + 4 * HOUR),
            "ended_at": None, "ended_by": None, "comment": None,
        }  # fmt: skip
        assert result["ends_at"] == shown["ends_at"]
        designed = await gas_in_force(asking)
        assert shown["rule_version"] not in {rule["rule_version"] for rule in designed["rules"]}
        assert (await elsewhere.get(LIMITS)).json()["temporary_limits"] == []

        again = await asking.post(PATH, json=body(limits={"blue": 6}))
        assert (again.status_code, again.json()["field"]) == (422, "rule")
        assert "in force at GAS-1 until" in again.json()["detail"]

    serve(database_url, scenario)


async def put_in_force(service: Service, names: tuple[str, str] | None = None, **wanted: Any) -> int:
    first, other = names or (None, None)
    asking, second = await service.client("engineer", label=first), await service.client("supervisor", label=other)
    asked = (await asking.post(PATH, json=body(**wanted))).json()
    decided = await second.post(f"/api/v1/approvals/{asked['approval']}/approve", json={})
    assert decided.status_code == 200, decided.text
    return int(asked["approval"])


def test_one_person_may_end_it(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        number = await put_in_force(service, select={"city": "jiayuguan"}, sensor=None)
        end = f"{LIMITS}/{number}/end"
        for role, areas, status in (
            ("operator", "*", 403), ("viewer", "*", 403), ("supervisor", "jinchang", 404),
            ("engineer", "jiayuguan", 200),
        ):  # fmt: skip
            client = await service.client(role, areas, label=f"{role} of {areas}")
            answer = await client.post(end, json={"comment": "done"})
            assert answer.status_code == status, answer.text
        ended = answer.json()
        assert (ended["ended_at"], ended["ended_by"], ended["comment"]) == (
            format_instant(service.now), "engineer of jiayuguan", "done",
        )  # fmt: skip
        assert (await client.post(end, json={})).status_code == 409
        wordless = await client.post(f"{LIMITS}/{await put_in_force(service, names=('chen', 'zhou'))}/end")
        assert (wordless.status_code, wordless.json()["comment"]) == (200, None)
        assert (await client.get(LIMITS)).json()["temporary_limits"] == []
        kept = (await client.get(f"{LIMITS}?ended=true&rule=combustible-gas")).json()["temporary_limits"]
        assert kept == [wordless.json(), ended]

    serve(database_url, scenario)


def test_it_ends_where_its_rule_gets_other_limits(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        number = await put_in_force(service)
        asking, second = await service.client("engineer", label="li"), await service.client("engineer", label="zhao")
        asked = (await asking.post("/api/v1/rules/activations", json={"packs": [RULES], "reason": "x"})).json()
        assert asked["ends_temporary_limits"] == [number]
        decided = await second.post(f"/api/v1/approvals/{asked['approval']}/approve", json={})
        assert decided.json()["result"] == {"packs": ["gas"], "temporary_limits_ended": [number]}
        (ended,) = (await asking.get(f"{LIMITS}?ended=true")).json()["temporary_limits"]
        assert (ended["ended_by"], ended["comment"]) == ("li", "the rule was changed")

    serve(database_url, scenario)


def test_what_was_looked_at_is_what_is_approved(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        asking, second = await service.client("engineer", label="li"), await service.client("engineer", label="zhao")
        ends = format_instant(service.now + HOUR)
        first, same, late = [
            (await asking.post(PATH, json=wanted)).json()["approval"]
            for wanted in (body(), body(), body(sensor="GAS-2", ends_at=ends, duration_s=None))
        ]
        approve = "/api/v1/approvals/{}/approve"
        assert (await second.post(approve.format(first), json={})).status_code == 200
        refused = await second.post(approve.format(same), json={})
        assert (refused.status_code, "in force at GAS-1" in refused.json()["detail"]) == (409, True)
        service.now += HOUR
        refused = await second.post(approve.format(late), json={})
        assert (refused.status_code, "is void since" in refused.json()["detail"]) == (409, True)
        assert await service.pool.fetchval("select count(*) from temporary_limit") == 1
        row = await service.pool.fetchrow("select * from approval where approval = $1", late)
        assert row["expires_at"] == to_datetime(service.now)

    serve(database_url, scenario)


# what is sent: the status, the field that is refused, and words of the reason
REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    (body(limits={"red": 51}), 422, "limits.red", "above 50 %LEL"),
    (body(limits={"blue": 25}), 422, "limits", "yellow 20 must lie above blue 25"),
    (body(limits={"blue": "5"}), 422, "limits.blue", "valid number"),
    (body(limits={"purple": 5}), 422, "limits.purple", "blue"),
    (body(limits={}), 422, "limits", "at least 1"),
    (body(unit="%{vol}"), 422, "unit", "in %{LEL}"),
    (body(sensor="WATER-9"), 422, "limits", "at none of these sensors"),
    (body(sensor="NOBODY"), 422, "limits", "at none of these sensors"),
    (body(select={"sensor": "GAS-2"}), 422, "body", "either sensor or select"),
    (body(sensor=None, select={"property": "oxygen"}), 422, "select", "at none of these sensors"),
    (body(sensor=None, select={"smell": "bad"}), 422, "select.smell", "not permitted"),
    (body(duration_s=None), 422, "body", "ends by itself"),
    (body(duration_s=31 * 86_400), 422, "duration_s", "less than or equal"),
    (body(duration_s=None, ends_at=format_instant(NOON)), 422, "ends_at", "30 days"),
    (body(duration_s=None, ends_at=format_instant(NOON + 31 * DAY)), 422, "ends_at", "30 days"),
    (body(reason=""), 422, "reason", "at least 1 character"),
]


def test_what_may_not_be_is_refused_with_field_and_remedy(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        client = await service.client("engineer")
        for asked, status, field, words in REFUSED:
            answer = await client.post(PATH, json=asked)
            problem = answer.json()
            assert (answer.status_code, problem["field"]) == (status, field), problem
            assert words in problem["detail"], problem
            assert problem["remedy"]
        assert (await client.post("/api/v1/rules/nothing/temporary-limits", json=body())).status_code == 404
        assert (await (await service.client("supervisor")).post(PATH, json=body())).status_code == 403
        bounded = await service.client("engineer", "jinchang")
        for asked, status, field in (
            (body(), 422, "limits"),
            (body(sensor=None, select={}), 422, "select.city"),
            (body(sensor=None, select={"city": "jiayuguan"}), 403, "city"),
            (body(sensor=None, select={"city": "jinchang"}), 422, "limits"),
        ):
            answer = await bounded.post(PATH, json=asked)
            assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
        assert (await client.get("/api/v1/approvals?state=any")).json()["approvals"] == []

    serve(database_url, scenario)


def test_one_for_several_cities_is_seen_by_all_and_ended_by_who_sees_all(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await fill(service)
        number = await put_in_force(service, sensor=None, select={})
        bounded = await service.client("engineer", "jinchang")
        (shown,) = (await bounded.get(f"{LIMITS}?city=jinchang")).json()["temporary_limits"]
        assert (shown["temporary_limit"], shown["city"]) == (number, None)
        assert (await bounded.post(f"{LIMITS}/{number}/end", json={})).status_code == 403
        assert (await bounded.get(f"{LIMITS}?city=jiayuguan")).status_code == 403

    serve(database_url, scenario)
