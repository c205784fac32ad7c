"""Incidents over the API: listed and read within a caller's areas, split and merged by people, once and in turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.api.incidents import IncidentDetail, IncidentPage
from tests.api.incident_streets import build, get, happens, post, raised, returned
from tests.api.service import Service, serve

A, B, ELSEWHERE = "i.low.W-1.20261122T120000000Z", "i.low.W-4.20261122T120000000Z", "i.low.W-9.20261122T120000000Z"


def test_alarms_of_one_street_are_one_incident_with_its_cause_first(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        await happens(service, raised("W-1"), raised("W-4"))
        (alarm,) = await happens(service, raised("W-2", 1, severity=4))
        viewer = await service.client("viewer", "jiayuguan")
        page = await get(viewer, "/incidents")
        IncidentPage.model_validate(page)
        assert [(one["incident"], one["members_total"], one["severity"]) for one in page["incidents"]] == [
            (B, 1, "yellow"), (A, 2, "red"),
        ]  # fmt: skip
        answer = await get(viewer, f"/incidents/{A}")
        one = IncidentDetail.model_validate(answer)
        assert (one.state, one.systems, one.mode, one.standing) == ("open", ["water"], "test", 2)
        assert one.probable_cause.kind == "burst"
        assert set(one.probable_cause.words) == {"en", "zh"}
        reason = answer["members"][1]["reason"]
        assert (answer["members"][1]["alarm"], reason["relation"], reason["to"]) == (alarm, "near", A[2:])
        assert reason["distance_m"] == pytest.approx(300, abs=2)
        assert reason["words"]["en"] == "close to Gauge W-1 in place and time, 300 m away"
        (other, _) = (one["probable_cause"] for one in page["incidents"])
        assert (other["subject"], other["words"]["en"]) == ("W-4", "the first alarm, at Gauge W-4")
        assert answer["members"][1]["state"] == "unacknowledged"
        assert answer["members"][1]["name"] == "Gauge W-2"
        assert answer["circle"]["radius_m"] == pytest.approx(150, abs=2)
        assert [change["change"] for change in answer["history"]] == ["opened", "cause_revised"]

        await happens(service, returned("W-1", 5), returned("W-2", 6, 1))
        assert [one["incident"] for one in (await get(viewer, "/incidents?state=open"))["incidents"]] == [B]
        closed = (await get(viewer, "/incidents?state=closed"))["incidents"]
        assert [(one["incident"], one["closed_at"]) for one in closed] == [(A, "2026-11-22T12:06:00.200Z")]
        later = await get(viewer, "/incidents?since=2026-11-22T12:06:00Z&system=water")
        assert [one["incident"] for one in later["incidents"]] == [A]
        assert (await get(viewer, "/incidents?system=gas"))["incidents"] == []
        holding = await get(viewer, f"/incidents?member={alarm}")
        assert [one["incident"] for one in holding["incidents"]] == [A]

    serve(database_url, scenario)


def test_pages_areas_and_words_that_cannot_stand(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        await happens(service, raised("W-1"), raised("W-4"), raised("W-9"))
        both = await service.client("viewer")
        first = await get(both, "/incidents?limit=2")
        rest = await get(both, f"/incidents?limit=2&after={first['next']}")
        ids = [one["incident"] for one in first["incidents"] + rest["incidents"]]
        assert ids == sorted(ids, reverse=True)
        assert len(set(ids)) == 3
        here = await service.client("supervisor", "jiayuguan")
        assert len((await get(here, "/incidents"))["incidents"]) == 2
        for method, path in (("GET", ""), ("POST", "/split"), ("POST", "/merge")):
            body = {"seen_version": 1, "alarms": ["x"]} if path == "/split" else {"seen_version": 1, "other": A}
            answer = await here.request(
                method, f"/api/v1/incidents/{ELSEWHERE}{path}",
                json=body if method == "POST" else None, headers={"Idempotency-Key": "k"},
            )  # fmt: skip
            assert answer.status_code == 404, answer.text
        assert (
            await post(here, f"/incidents/{A}/merge", seen_version=1, other="i.low.W-9.20261122T120000000Z")
        ).status_code == 404
        for query in ("city=jinchang", "state=lost", "mode=unknown", "unknown=1", "after=x"):
            assert (await here.get(f"/api/v1/incidents?{query}")).status_code in (403, 422), query
        viewer = await service.client("viewer")
        assert (await post(viewer, f"/incidents/{A}/split", seen_version=1, alarms=["x"])).status_code == 403

    serve(database_url, scenario)


def test_a_split_holds_and_a_merge_ends_it(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        alarms = await happens(service, raised("W-1"), raised("W-2", 1), raised("W-3", 2))
        desk = await service.client("operator", label="desk-1")
        other = await service.client("operator", label="desk-2")
        seen = (await get(desk, f"/incidents/{A}"))["version"]
        answer = await post(desk, f"/incidents/{A}/split", "key-1", seen_version=seen, alarms=alarms[2:], note="no")
        assert answer.status_code == 200, answer.text
        new = answer.json()["split_off"]
        repeated = await post(desk, f"/incidents/{A}/split", "key-1", seen_version=seen, alarms=alarms[2:], note="no")
        assert repeated.json() == answer.json()

        late = await post(other, f"/incidents/{A}/split", seen_version=seen, alarms=alarms[1:2])
        problem = late.json()
        assert (late.status_code, problem["last_change"], problem["last_actor"]) == (409, "split", "desk-1")
        assert problem["last_changed_at"] == "2026-11-22T12:00:00.000Z"
        assert problem["incident"]["version"] > seen

        # W-2 stands between the two. It alarms again, with an alarm at each side.
        await happens(service, returned("W-2", 5, 1), raised("W-2", 9), raised("W-3", 10, 4, 2, begun=2))
        assert len((await get(desk, "/incidents"))["incidents"]) == 2
        members = [one["alarm"] for one in (await get(desk, f"/incidents/{new}"))["members"]]
        assert members == alarms[2:]
        assert (await get(desk, f"/incidents/{new}"))["members"][0]["reason"]["relation"] == "operator"

        seen = (await get(desk, f"/incidents/{new}"))["version"]
        merged = await post(desk, f"/incidents/{new}/merge", seen_version=seen, other=A)
        assert merged.json()["merged_into"] == A, merged.text
        gone = await get(desk, f"/incidents/{new}")
        assert (gone["state"], gone["merged_into"], gone["members"]) == ("merged", A, [])
        assert [one["incident"] for one in (await get(desk, "/incidents"))["incidents"]] == [A]
        history = (await get(desk, f"/incidents/{A}"))["history"]
        assert [(c["change"], c["actor"]) for c in history if c["actor"]] == [("split", "desk-1"), ("merged", "desk-1")]
        refused = await post(desk, f"/incidents/{new}/split", seen_version=gone["version"], alarms=alarms[:1])
        assert (refused.status_code, A in refused.json()["detail"]) == (409, True)

    serve(database_url, scenario)


def test_two_operators_split_at_once_and_one_of_them_is_told(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        alarms = await happens(service, raised("W-1"), raised("W-2", 1), raised("W-3", 2))
        desks = [await service.client("operator", label=f"desk-{k}") for k in (1, 2)]
        seen = (await get(desks[0], f"/incidents/{A}"))["version"]
        answers = await asyncio.gather(
            *(
                post(desk, f"/incidents/{A}/split", seen_version=seen, alarms=[alarms[k + 1]])
                for k, desk in enumerate(desks)
            )
        )
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 409)
        assert lost.json()["last_actor"] == f"desk-{answers.index(won) + 1}"

    serve(database_url, scenario)


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"seen_version": 3, "alarms": ["low.W-9.20261122T120000000Z"]}, "alarms"),  # of another incident
    ({"seen_version": 3, "alarms": [A[2:], "low.W-2.20261122T120100000Z"]}, "alarms"),  # all of it
    ({"seen_version": 3, "alarms": []}, "alarms"),
    ({"seen_version": 0, "alarms": [A[2:]]}, "seen_version"),
    ({"alarms": [A[2:]]}, "seen_version"),
    ({"seen_version": 3, "alarms": [A[2:]], "why": "x"}, "why"),
]


def test_a_split_that_cannot_be(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        await happens(service, raised("W-1"), raised("W-2", 1), raised("W-9"))
        desk = await service.client()
        for body, field in IMPOSSIBLE:
            answer = await post(desk, f"/incidents/{A}/split", **body)
            assert (answer.status_code, answer.json()["field"]) == (422, field), (body, answer.text)
            assert answer.json()["remedy"]

    serve(database_url, scenario)


def test_a_version_of_the_future_and_a_key_used_for_something_else_change_nothing(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        alarms = await happens(service, raised("W-1"), raised("W-2", 1), raised("W-4"))
        desk = await service.client()
        assert (await post(desk, f"/incidents/{A}/split", seen_version=99, alarms=alarms[:1])).status_code == 409
        seen = (await get(desk, f"/incidents/{A}"))["version"]
        assert (await post(desk, f"/incidents/{A}/merge", seen_version=seen, other=A)).status_code == 409
        assert (await post(desk, f"/incidents/{A}/close", seen_version=seen)).status_code == 409  # alarms stand
        assert (await post(desk, f"/incidents/{A}/merge", "k", seen_version=seen, other=B)).status_code == 200
        again = await post(desk, f"/incidents/{A}/split", "k", seen_version=seen, alarms=alarms[:1])
        assert (again.status_code, again.json()["field"]) == (409, "Idempotency-Key")

    serve(database_url, scenario)
