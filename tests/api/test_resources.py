"""Every route answers in its form, and refuses with the field and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np

from alerts.rule_file import default_packs
from app.api.alarms import AlarmPage
from app.api.lines import AlarmItem
from app.api.readings import LatestReading, Readings
from app.api.rejections import RejectionPage
from app.api.rules import Packs
from app.api.sensors import SensorItem, SensorPage
from app.api.status import Status
from app.figures import families
from ingest.counters import IngestCounters
from model.reading import Quality, Rejection
from store.batches import IncomingReadings, write_batch
from store.evaluation import advance_cursor
from store.rule_packs import StoredPack, activate
from store.sensors import load_registry
from tests.api.service import NOON, Service, change, journal, serve, silence, stored_lines, until

MINUTE = 60_000


async def _store(service: Service, sensor: str, rows: list[tuple[int, float, int]], **given: Any) -> int:
    registry = await load_registry(service.pool)
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    incoming = IncomingReadings(
        np.full(len(rows), registry.keys[sensor], np.int32),
        np.array(columns[0], np.int64),
        np.array(columns[1], np.float64),
        np.array(columns[2], np.uint16),
    )
    return (await write_batch(service.pool, service.now, incoming, **given)).batch.sequence


def test_status(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        empty = Status.model_validate((await client.get("/api/v1/status")).json(), strict=True)
        assert empty.behind
        assert [city.freshness.never_heard for city in empty.cities] == [4, 1]

        await _store(service, "GAS-1", [(NOON - MINUTE, 5.0, 0)])
        sequence = await _store(service, "GAS-2", [(NOON - MINUTE, 5.0, 0)])
        async with service.pool.acquire() as connection:
            await advance_cursor(connection, 0, sequence - 1, NOON - 1_000)
        bad = change("GAS-2", 0, 1, rule="bad-readings", kind="range", alarm_class="instrument", priority="low")
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2), silence("GAS-1"), bad])
        service.now += 16_000
        status = Status.model_validate((await client.get("/api/v1/status?city=jiayuguan")).json())
        (city,) = status.cities
        assert (city.mode, city.name_zh) == ("test", "嘉峪关")
        assert (city.freshness.fresh, city.freshness.silent, city.freshness.never_heard) == (1, 1, 2)
        assert (city.quality.good, city.quality.bad, city.quality.unknown) == (1, 1, 2)
        assert city.alarms.red.unacknowledged == 1
        assert city.alarms.yellow.unacknowledged == 1
        assert city.alarms.instrument.unacknowledged == 2
        gas = next(d for d in city.districts if d.district == "xiongguan").systems[0]
        assert (gas.system, gas.sensors, gas.alarms.red.unacknowledged) == ("gas", 2, 1)
        assert status.evaluated_through.batch == sequence - 1
        assert (status.ingest.batches_behind, status.ingest.behind_s, status.ingest.age_s) == (
            1,
            1.001,
            15.999,
        )  # a batch is an instant of its own
        assert not status.behind

    serve(database_url, scenario)


def test_sensors(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")

        async def names(query: str) -> list[str]:
            answer = await client.get(f"/api/v1/sensors{query}")
            assert answer.status_code == 200, answer.text
            return [item.sensor for item in SensorPage.model_validate(answer.json()).sensors]

        assert await names("") == ["DRAIN-1", "DRAIN-2", "GAS-1", "GAS-2", "WATER-9"]
        assert await names("?system=gas&city=jiayuguan") == ["GAS-1", "GAS-2"]
        assert await names("?property=water_pressure") == ["WATER-9"]
        assert await names("?district=jingtie") == ["DRAIN-1"]
        assert await names("?q=阀室") == ["GAS-1"]
        assert await names("?q=100%25") == ["DRAIN-1"]
        assert await names("?q=gas-") == ["GAS-1", "GAS-2"]
        assert await names("?q=%27%3B--") == []
        assert await names("?bbox=98.2,39.7,98.295,39.9") == ["DRAIN-1", "GAS-1"]
        assert await names("?near=98.30,39.77&radius_m=2000") == ["GAS-2", "GAS-1"]
        near = (await client.get("/api/v1/sensors?near=98.30,39.77&radius_m=2000")).json()["sensors"]
        assert near[0]["distance_m"] == 0.0
        assert abs(near[1]["distance_m"] - 854.7) < 1.0

        for query in ("?limit=2", "?near=98.3,39.77&radius_m=50000&limit=1"):
            found, following = [], ""
            while True:
                page = (await client.get(f"/api/v1/sensors{query}{following}")).json()
                found += [item["sensor"] for item in page["sensors"]]
                if page["next"] is None:
                    break
                following = f"&after={page['next']}"
            assert found == await names(query.split("limit")[0].rstrip("&?"))

        collection = await client.get("/api/v1/sensors", headers={"Accept": "application/geo+json"})
        assert collection.headers["content-type"] == "application/geo+json"
        features = collection.json()["features"]
        assert features[0]["geometry"] == {"type": "Point", "coordinates": [98.25, 39.80]}
        assert features[1]["geometry"] is None
        one = SensorItem.model_validate((await client.get("/api/v1/sensors/GAS-1")).json())
        assert (one.unit, one.reading_unit, one.name_zh) == ("%{LEL}", "%{LEL}", "七号阀室")

    serve(database_url, scenario)


def test_readings(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        never = LatestReading.model_validate((await client.get("/api/v1/sensors/GAS-1/latest")).json())
        assert (never.freshness, never.reading) == ("never_heard", None)
        rows = [(NOON - 10 * MINUTE + n * 1_000, float(n), 0) for n in range(120)]
        rows.append((NOON - 7 * MINUTE, 65_535.0, int(Quality.SENTINEL)))
        rows.append((NOON - MINUTE, 100.0, int(Quality.SATURATED)))
        await _store(service, "GAS-1", rows)
        path = "/api/v1/sensors/GAS-1/readings"
        span = "from=2026-11-22T11:50:00Z&to=2026-11-22T20:00:00%2B08:00"
        raw = (await client.get(f"{path}?{span}")).json()
        Readings.model_validate(raw)
        assert len(raw["readings"]) == 122
        assert raw["readings"][0] == {
            "time": "2026-11-22T11:50:00.000Z", "value": 0.0, "quality": "good", "flags": [],
        }  # fmt: skip
        assert raw["readings"][-1]["quality"] == "uncertain"
        assert raw["readings"][-2] | {"time": ""} == {
            "time": "", "value": 65_535.0, "quality": "bad", "flags": ["sentinel"],
        }  # fmt: skip

        minutes = (await client.get(f"{path}?{span}&bucket=60s")).json()
        Readings.model_validate(minutes)
        assert [b["count"] for b in minutes["buckets"]] == [60, 60, 0, 0, 0, 0, 0, 0, 0, 1]
        assert minutes["buckets"][0] == {
            "start": "2026-11-22T11:50:00.000Z", "min": 0.0, "mean": 29.5, "max": 59.0, "count": 60, "held_back": 0,
        }  # fmt: skip
        assert minutes["buckets"][3] == {
            "start": "2026-11-22T11:53:00.000Z", "min": None, "mean": None, "max": None, "count": 0, "held_back": 1,
        }  # fmt: skip
        days = (await client.get(f"{path}?from=2026-11-21T00:00:00Z&bucket=1d")).json()
        assert days["time_zone"] == "Asia/Shanghai"
        assert [b["start"] for b in days["buckets"]] == ["2026-11-20T16:00:00.000Z", "2026-11-21T16:00:00.000Z"]
        assert (await client.get(path)).json()["from"] == "2026-11-21T12:00:00.000Z"

        await journal(service.pool, [silence("GAS-1")])
        latest = LatestReading.model_validate((await client.get("/api/v1/sensors/GAS-1/latest")).json())
        assert latest.freshness == "silent"
        assert (latest.age_s, latest.arrived_at) == (60.0, "2026-11-22T12:00:00.000Z")

        for query, field in (
            ("?bucket=7w", "bucket"),
            ("?from=yesterday", "from"),
            ("?from=2026-11-22T11:50:00", "from"),
            ("?from=2026-11-23T00:00:00Z", "from"),
            ("?from=2016-01-01T00:00:00Z", "from"),
            ("?to=0001-01-01T00:00:00Z", "to"),
            ("?form=2026-01-01T00:00:00Z", "form"),
        ):
            answer = await client.get(path + query)
            assert answer.status_code == 422, query
            assert (answer.json()["field"], bool(answer.json()["remedy"])) == (field, True)
        await _store(service, "GAS-1", [(NOON - 30 * MINUTE, 1.0, 0)])
        for query in ("?from=2026-11-22T11:00:00Z", "?from=2026-11-20T00:00:00Z&bucket=1s"):
            answer = await client.get(path + query)
            assert answer.json()["type"] == "/docs#too-many-rows"
            assert "bucket=" in answer.json()["remedy"]
        assert (await client.get(f"{path}?from=2026-11-22T11:50:00 00:00&to=2026-11-22T11:51:00Z")).status_code == 200

    serve(database_url, scenario, readings_rows_max=122)


def test_alarms(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        pool = service.pool
        client = await service.client("viewer")
        await journal(pool, [change("GAS-1", 0, 4), change("GAS-1", 4, 3, NOON + 1)])
        await journal(pool, [change("DRAIN-1", 0, 2, NOON + 5_000, raised=NOON + 5_000), silence("GAS-1")])
        done = [change("WATER-9", 0, 1), change("WATER-9", 1, 0, NOON + 1)]
        await journal(pool, done)

        async def alarms(query: str) -> list[AlarmItem]:
            answer = await client.get(f"/api/v1/alarms{query}")
            assert answer.status_code == 200, answer.text
            return AlarmPage.model_validate(answer.json()).alarms

        async def sensors(query: str) -> list[str]:
            return [f"{item.sensor}/{item.kind}" for item in await alarms(query)]

        gas, silent, drain, water = "GAS-1/threshold", "GAS-1/stale", "DRAIN-1/threshold", "WATER-9/threshold"
        assert await sensors("") == [drain, silent, water, gas]
        assert await sensors("?state=returned_unacknowledged") == [water]
        assert await sensors("?state=normal") == []
        assert await sensors("?state=unacknowledged&state=normal") == [drain, silent, gas]
        assert await sensors("?severity=orange,yellow") == [drain, gas]
        assert await sensors("?system=gas&class=process") == [gas]
        assert await sensors("?district=jingtie") == [drain]
        assert await sensors("?city=jinchang") == [water]
        assert await sensors("?rule=sensor-silent") == [silent]
        assert await sensors("?sensor=DRAIN-1") == [drain]
        assert await sensors("?near=98.29,39.77&radius_m=100") == [silent, gas]
        assert await sensors("?since=2026-11-22T12:00:05Z") == [drain]

        items = {f"{item.sensor}/{item.kind}": item for item in await alarms("")}
        assert items[gas].condition == "unknown"
        assert (items[gas].severity, items[gas].state, items[gas].peak_severity) == (
            "orange", "unacknowledged", "red",
        )  # fmt: skip
        assert items[gas].raised_at == "2026-11-22T12:00:00.000Z"
        assert items[gas].changed_at == "2026-11-22T12:00:00.001Z"
        assert (items[gas].name_zh, items[gas].longitude, items[gas].district) == ("七号阀室", 98.29, "xiongguan")
        assert items[drain].condition == "active"
        assert items[silent].condition == "active"
        await journal(pool, [silence("GAS-1", False, time=NOON + 60_000)])
        assert (await alarms("?system=gas&class=process"))[0].condition == "active"

        found, following = [], ""
        while True:
            page = (await client.get(f"/api/v1/alarms?limit=1{following}")).json()
            found += [item["alarm"] for item in page["alarms"]]
            if page["next"] is None:
                break
            following = f"&after={page['next']}"
        assert found == [item.alarm for item in await alarms("")]
        assert page["newest_event"] == 7

        alarm = "level.GAS-1.20261122T120000000Z"
        assert AlarmItem.model_validate((await client.get(f"/api/v1/alarms/{alarm}")).json()).sequence == 2
        stored = await stored_lines(pool, alarm)
        lines = await client.get(f"/api/v1/alarms/{alarm}/journal", headers={"Accept": "application/x-ndjson"})
        assert lines.text == "".join(f"{line}\n" for line in stored)
        array = await client.get(f"/api/v1/alarms/{alarm}/journal")
        assert array.text == f"[{','.join(stored)}]"

        for query, field in (
            ("?state=shut", "state.0"), ("?severity=pink", "severity.0"), ("?near=1", "near"), ("?near=1,91", "near"),
            ("?near=nan,1", "near"), ("?radius_m=5", "radius_m"), ("?near=1,1&radius_m=1e9", "radius_m"),
            ("?limit=0", "limit"), ("?limit=99999", "limit"), ("?after=zzz", "after"), ("?after=WzFd", "after"),
            ("?after=WyJhIiwxXQ", "after"), ("?city=%00", "city"), ("?sistem=gas", "sistem"), ("?since=now", "since"),
        ):  # fmt: skip
            answer = await client.get(f"/api/v1/alarms{query}")
            assert answer.status_code == 422, (query, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert (answer.json()["field"], bool(answer.json()["remedy"])) == (field, True)

    serve(database_url, scenario)


def test_rejections(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        rejected = [
            Rejection("lifeline/jiayuguan/gas/GAS-1", payload, len(payload), reason, "mend it", "GAS-1")
            for payload, reason in ((b"{", "not_json"), (b"\xff\x00", "not_utf8"), ("值".encode(), "no_value"))
        ]
        await _store(service, "GAS-1", [], rejections=rejected)
        client = await service.client("operator", "jiayuguan")
        page = RejectionPage.model_validate((await client.get("/api/v1/rejections")).json())
        assert [(r.payload, r.payload_encoding) for r in page.rejections] == [
            ("值", "text"), ("/wA=", "base64"), ("{", "text"),
        ]  # fmt: skip
        first = (await client.get("/api/v1/rejections?limit=2")).json()
        second = (await client.get(f"/api/v1/rejections?limit=2&after={first['next']}")).json()
        assert [r["reason"] for r in second["rejections"]] == ["not_json"]
        assert second["next"] is None
        assert len((await client.get("/api/v1/rejections?reason=not_utf8")).json()["rejections"]) == 1
        assert (await client.get("/api/v1/rejections?since=2026-11-22T12:00:00.001Z")).json()["rejections"] == []

    serve(database_url, scenario)


def test_rules(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        packs = default_packs()
        await activate(service.pool, [StoredPack(p.pack, "v1", p.model_dump_json(by_alias=True)) for p in packs], "me")
        client = await service.client("viewer", "jiayuguan")
        found = Packs.model_validate((await client.get("/api/v1/rules")).json())
        assert [pack.pack for pack in found.packs] == sorted(pack.pack for pack in packs)
        versions = {rule.rule: rule.version for pack in packs for rule in pack.rules}
        assert {rule.rule: rule.rule_version for pack in found.packs for rule in pack.rules} == versions

    serve(database_url, scenario)


def test_health_and_description(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = service.client_with({})
        assert (await client.get("/healthz")).json() == {"status": "alive", "version": "0.1.0"}
        await until(lambda: service.app.state.feed.listening)
        assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}
        service.context.readiness = lambda: ["the broker is not reached"]
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["the broker is not reached"])
        service.context.metrics = lambda: families("ingest", IngestCounters(messages=7))
        text = (await client.get("/metrics")).text
        assert "lifeline_ingest_messages_total 7" in text
        assert "lifeline_database_up 1" in text
        document = (await client.get("/openapi.json")).json()
        assert document["info"]["version"] == "0.1.0"
        for operations in document["paths"].values():
            for operation in operations.values():
                assert operation["summary"]
                assert {"200", "201", "204", "303"} & set(operation["responses"])

    serve(database_url, scenario)


def test_framework_errors_are_problems(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        for method, path, status in (
            ("GET", "/nowhere", 404),
            ("GET", "/api/v1/alarms/", 404),
            ("DELETE", "/api/v1/alarms", 405),
            ("GET", "/static/nothing.js", 404),
            ("GET", "/static/..%2f..%2fpyproject.toml", 404),
            ("GET", "/api/v1/sensors/no%20id", 422),
            ("GET", "/api/v1/sensors/NONE-1", 404),
            ("GET", "/api/v1/alarms/%00", 422),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", path
            assert set(answer.json()) >= {"type", "title", "status", "detail"}
        service.context.clock = lambda: 1 // 0
        broken = await client.get("/api/v1/status")
        assert broken.status_code == 500
        assert broken.json()["type"] == "/docs#internal-error"
        assert "division" not in broken.text

    serve(database_url, scenario)
