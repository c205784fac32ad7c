"""The audit over the API: what is recorded of requests, who reads it, and the chain as it is taken elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.api.audit import AuditPage
from app.api.audit_trail import RecordedOften
from app.audit_file import read_audit_file
from model.audit import Action
from model.chain import GENESIS
from model.network import Link, Node
from model.network_content import Placed
from store.audit import record
from store.networks import write_network
from tests.api.service import NOON, Service, change, journal, serve

HOUR_MS = 3_600_000
ALARM = "level.WATER-9.20261122T120000000Z"
SPAN = "from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00Z"


async def listed(service: Service, query: str = "", *areas: str) -> list[dict[str, Any]]:
    """What an auditor reads, the newest first."""
    client = await service.client("auditor", *areas)
    answer = await client.get(f"/api/v1/audit{query}")
    assert answer.status_code == 200, answer.text
    AuditPage.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def now_span() -> str:
    begin = datetime.now(UTC) - timedelta(days=1)
    return f"from={begin:%Y-%m-%dT%H:%M:%SZ}&to={begin + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"


async def _prepare(service: Service) -> None:
    await journal(service.pool, [change("GAS-1", 0, 2), change("WATER-9", 0, 3)])
    nodes = {name: Node(node=name, position=(98.2, 39.7)) for name in ("A", "B")}
    async with service.pool.acquire() as connection:
        links = {"P": Link(link="P", from_node="A", to_node="B", kind="pipe")}
        await write_network(connection, "jiayuguan", {"gas": Placed(nodes, links)})
    await service.pool.execute(
        "insert into rejection (arrived_at, batch, topic, payload, payload_bytes, reason, detail)"
        " select now(), 1, 'lifeline/jiayuguan/gas/GAS-1', 'x', 1, 'not_json', 'd' from generate_series(1, 2)"
    )


WORK = {"sensor": "GAS-1", "purpose": "maintenance", "ends_at": "2026-11-22T13:00:00Z", "reason": "pump"}
DESK = {"city": "jiayuguan", "name": "Desk"}
LEVELS = {"levels": [{"colour": "red", "label_en": "I", "label_zh": "一级"}]}
# Who asks for what, and what of it is recorded: action, subject, city, a detail. In this order.
REQUESTS: list[tuple[str, str, str, dict[str, Any] | None, tuple[str, str, str | None], tuple[str, Any]]] = [
    ("chief", "PUT", "/positions/east", DESK, ("position-set", "east", "jiayuguan"), ("", None)),
    ("chief", "DELETE", "/positions/east", None, ("position-deleted", "east", "jiayuguan"), ("", None)),
    ("desk", "POST", "/suppressions", WORK, ("suppression-made", "GAS-1", "jiayuguan"),
     ("kind", "suppressed_by_design")),
    ("chief", "POST", "/suppressions/1/end", {"comment": "over"}, ("suppression-ended", "GAS-1", "jiayuguan"),
     ("made_by", "desk")),
    ("chief", "POST", "/rejections/1/replay", {"payload": "{}"}, ("rejections-replayed", "1", "jiayuguan"),
     ("topic", "lifeline/jiayuguan/gas/GAS-1")),
    ("chief", "POST", "/rejections/2/discard", None, ("rejections-discarded", "2", "jiayuguan"), ("", None)),
    ("root", "PUT", "/warning-levels/jiayuguan", LEVELS, ("warning-levels-set", "jiayuguan", "jiayuguan"), ("", None)),
    ("chief", "GET", "/networks/jiayuguan.gas", None, ("network-read", "jiayuguan.gas", "jiayuguan"), ("repeated", 0)),
    ("desk", "POST", f"/alarms/{ALARM}/shelve", {"seen_sequence": 1, "duration_s": 3600, "reason": "echo"},
     ("", "", None), ("", None)),
    ("chief", "POST", "/approvals/1/approve", {}, ("request-approved", "shelve 1", "jinchang"),
     ("requested_by", "desk")),
    ("chief", "POST", f"/alarms/{ALARM}/unshelve", {"seen_sequence": 2},
     ("unshelved-for-another", "WATER-9", "jinchang"), ("made_by", "desk")),
    ("chief", "POST", f"/alarms/{ALARM}/out-of-service",
     {"seen_sequence": 3, "reason": "broken", "permit": "P-7", "review_at": "2026-11-30T00:00:00Z"},
     ("suppression-made", "WATER-9", "jinchang"), ("kind", "out_of_service")),
    ("desk", "POST", f"/alarms/{ALARM}/return-to-service", {"seen_sequence": 4},
     ("suppression-ended", "WATER-9", "jinchang"), ("kind", "out_of_service")),
    ("desk", "POST", "/warnings", {"alarm": ALARM, "scope": "Restricted"}, ("", "", None), ("", None)),
    ("chief", "POST", "/warnings/jinchang-20261122-1/approve", {"version": 1},
     ("warning-approved", "jinchang-20261122-1", "jinchang"), ("version", 2)),
    ("root", "POST", "/approvals/9/approve", {}, ("", "", None), ("", None)),  # there is none
]  # fmt: skip


def test_what_is_recorded_of_whom(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _prepare(service)
        clients = {
            "desk": await service.client("operator", label="desk"),
            "chief": await service.client("supervisor", label="chief"),
            "root": await service.client("system_administrator", label="root"),
        }
        newest = 0
        for number, (who, method, path, body, recorded, (detail, value)) in enumerate(REQUESTS):
            answer = await clients[who].request(
                method, f"/api/v1{path}", json=body, headers={"Idempotency-Key": str(number)}
            )
            rows = [row for row in await listed(service) if row["sequence"] > newest]
            if not recorded[0]:
                assert rows == [], (path, rows)
                continue
            assert answer.status_code < 300, (path, answer.text)
            assert len(rows) == 1, (path, answer.text, rows)
            (row,) = rows
            newest = row["sequence"]
            assert (row["actor"], row["actor_kind"], row["address"], row["outcome"]) == (
                who, "key", "127.0.0.1", "done",
            ), path  # fmt: skip
            assert (row["action"], row["subject"], row["city"]) == recorded
            if detail:
                assert row["details"][detail] == value, path

    serve(database_url, scenario)


def test_denied_attempts_are_recorded_once_a_minute_with_how_often(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _prepare(service)
        viewer = await service.client("viewer", "jiayuguan", label="curious")
        for _ in range(3):
            assert (await viewer.get("/api/v1/audit")).status_code == 403
        for name in ("a", "b"):  # made-up names are one subject
            assert (await viewer.put(f"/api/v1/positions/{name}", json=DESK)).status_code == 403
        assert (await viewer.get("/api/v1/status?city=jinchang")).status_code == 403
        assert (await service.client_with({}).get("/api/v1/audit")).status_code == 401
        rows = await listed(service, "?action=request-denied")
        assert [(row["subject"], row["details"]) for row in reversed(rows)] == [
            ("GET /audit", {"path": "/api/v1/audit", "repeated": 0}),
            ("PUT /positions/{position}", {"path": "/api/v1/positions/a", "repeated": 0}),
            ("GET /status", {"path": "/api/v1/status", "repeated": 0}),
        ]
        assert {(row["actor"], row["actor_kind"], row["outcome"]) for row in rows} == {("curious", "key", "refused")}
        service.now = NOON + 60_000
        await viewer.get("/api/v1/audit")
        (row, *_) = await listed(service, "?action=request-denied")
        assert (row["subject"], row["details"]["repeated"]) == ("GET /audit", 2)

    serve(database_url, scenario)


def test_pages_of_a_network_are_one_row(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _prepare(service)
        engineer = await service.client("engineer", label="planner")
        following, pages = "", 0
        while pages < 3:
            answer = (await engineer.get(f"/api/v1/networks/jiayuguan.gas?limit=1{following}")).json()
            following, pages = f"&after={answer['next']}", pages + 1
        assert answer["next"] is None
        assert (await engineer.get("/api/v1/networks/jinchang.gas")).status_code == 404
        (row,) = await listed(service, "?action=network-read")
        assert (row["actor"], row["subject"]) == ("planner", "jiayuguan.gas")
        service.now = NOON + HOUR_MS
        await engineer.get("/api/v1/networks/jiayuguan.gas")
        assert (await listed(service, "?action=network-read"))[0]["details"] == {"repeated": 2}

    serve(database_url, scenario)


def test_only_so_many_are_remembered() -> None:
    often = RecordedOften(every_s=60, subjects_max=2)
    subjects = [("a", Action.NETWORK_READ, str(number)) for number in range(3)]
    for subject in subjects:
        assert often.due(subject, NOON) == 0
        often.recorded(subject, NOON)
    assert [often.due(subject, NOON + 1) for subject in subjects] == [0, None, None]
    assert [often.due(subject, NOON + 60_000) for subject in subjects] == [0, 1, 1]


async def _some(service: Service) -> None:
    for number in range(5):
        city = ("jiayuguan", "jinchang", None)[number % 3]
        await record(service.pool, actor=f"a{number % 2}", action="rosters-imported", subject=f"s{number}", city=city)


FILTERS = [
    ("", "s4 s3 s2 s1 s0"),
    ("?actor=a1", "s3 s1"),
    ("?subject=s2", "s2"),
    ("?action=log-in", ""),
    ("?city=jinchang", "s4 s1"),
    ("?outcome=refused", ""),
    ("?from=2000-01-01T00:00:00Z&limit=2", "s4 s3"),
    ("?to=2000-01-01T00:00:00Z", ""),
]


def test_filters_pages_and_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _some(service)
        for query, subjects in FILTERS:
            assert " ".join(row["subject"] for row in await listed(service, query)) == subjects, query
        assert [row["subject"] for row in await listed(service, "", "jinchang")] == ["s4", "s1"]
        client = await service.client("security_administrator")
        found, query = [], "?limit=2"
        while query:
            page = (await client.get(f"/api/v1/audit{query}")).json()
            found += [row["sequence"] for row in page["entries"]]
            query = f"?limit=2&after={page['next']}" if page["next"] else ""
        assert found == [5, 4, 3, 2, 1]
        for wrong in ("?action=walked-by", "?actr=a1", "?limit=0", "?after=xx"):
            assert (await client.get(f"/api/v1/audit{wrong}")).status_code == 422, wrong
        bound = await service.client("auditor", "jinchang")
        assert (await bound.get("/api/v1/audit?city=jiayuguan")).status_code == 403

    serve(database_url, scenario)


async def _export(client: httpx.AsyncClient, span: str) -> tuple[list[dict[str, Any]], str]:
    async with client.stream("GET", f"/api/v1/audit/export?{span}") as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        text = (await answer.aread()).decode()
    return [json.loads(line) for line in text.splitlines()], text


def test_an_export_is_whole_and_verified_without_the_database(database_url: str, tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        await _some(service)
        client = await service.client("auditor", label="revisor")
        lines, text = await _export(client, now_span())
        assert [line["sequence"] for line in lines[:-1]] == [1, 2, 3, 4, 5]
        assert lines[0]["previous"] == GENESIS
        assert lines[-1] == {"complete": True, "rows": 5, "sequence": 5, "hash": lines[4]["hash"]}
        (tmp_path / "audit.ndjson").write_text(text, "utf-8")
        verdict = read_audit_file(tmp_path / "audit.ndjson", (3, lines[2]["hash"]))
        assert (verdict.broken, verdict.first, verdict.last) == (None, 1, 5)
        rows = await listed(service)
        assert lines[4] == rows[1]
        assert (rows[0]["actor"], rows[0]["action"]) == ("revisor", "audit-exported")
        assert (await _export(client, SPAN))[0] == [{"complete": True, "rows": 0}]
        for wrong in ("", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
                      "from=2000-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"):  # fmt: skip
            assert (await client.get(f"/api/v1/audit/export?{wrong}")).status_code == 422, wrong
        bound = await service.client("auditor", "jinchang")
        assert (await bound.get(f"/api/v1/audit/export?{now_span()}")).status_code == 403

    serve(database_url, scenario)
