"""The metrics: text that its parser reads, and every limit told, with how near it is where that can be said."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from alerts.counters import EvaluatorCounters, RecordingCounters
from app.api.context import ApiLimits
from app.api.metrics import NEAR, PER_REQUEST
from app.api.peak import SLOT_S, WINDOW_S, Peak
from app.figures import families, setting_family
from app.northbound.counters import PublisherCounters
from app.notify.counters import NotifyCounters
from app.settings import Settings
from ingest.counters import IngestCounters
from store.figures import COUNTED_MAX
from tests.api.service import Service, serve, until


async def _metrics(service: Service) -> dict[str, Metric]:
    answer = await service.client_with({}).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def _value(found: dict[str, Metric], name: str) -> float:
    (sample,) = found[f"lifeline_{name}"].samples
    return float(sample.value)


@pytest.mark.parametrize("limit", [field.name for field in fields(ApiLimits)])
def test_every_limit_has_its_entry(limit: str) -> None:
    assert (limit in NEAR) != (limit in PER_REQUEST), "say in app/api/metrics.py which gauge shows how near it is"


def test_no_entry_without_its_limit() -> None:
    assert NEAR.keys() | PER_REQUEST == {field.name for field in fields(ApiLimits)}


def test_every_limit_is_told_with_how_near_it_is(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        found = await _metrics(service)
        told = {sample.labels["limit"]: sample.value for sample in found["lifeline_api_limit"].samples}
        assert told == {field.name: getattr(service.context.limits, field.name) for field in fields(ApiLimits)}
        for limit, gauge in NEAR.items():
            assert 0 <= _value(found, gauge) <= told[limit], limit
            assert _value(found, f"{gauge.removesuffix('_peak')}_max") == told[limit]
        assert _value(found, "database_connections") <= _value(found, "database_connections_max") == 8

    serve(database_url, scenario)


def test_names_units_and_words(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        service.context.metrics = lambda: families("ingest", IngestCounters())
        found = await _metrics(service)
        assert found["lifeline_info"].samples[0].labels == {"version": "0.1.0"}
        assert "process_resident_memory_bytes" in found
        for name, family in found.items():
            assert family.documentation, name
            assert not re.search(r"_(s|ms|minutes|hours|kb|mb)(_max|_peak)?$", name), name
            assert (family.type == "counter") == all(s.name.endswith("_total") for s in family.samples), name

    serve(database_url, scenario)


@pytest.mark.parametrize(
    "counters",
    [EvaluatorCounters(), RecordingCounters(), PublisherCounters(), NotifyCounters(), IngestCounters()],
    ids=lambda counters: type(counters).__name__,
)
def test_every_counter_of_the_other_parts_has_its_words(counters: object) -> None:
    told = list(families("part", counters))
    assert len(told) == len(fields(counters))  # type: ignore[arg-type]
    assert all(family.documentation for family in told)


def test_every_setting_that_is_a_number_is_told_and_no_secret() -> None:
    settings = Settings(database_url="postgresql://me:hidden@somewhere/db", mqtt_password="hidden")
    told = {sample.labels["setting"]: sample.value for sample in setting_family(settings).samples}
    assert told.keys() >= {name for name in Settings.model_fields if name.endswith("_max")}
    assert told["api_connections_max"] == 8
    assert not {"mqtt_password", "database_url", "cap_public_without_key"} & told.keys()


def test_the_gauges_move(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("operator")
        await until(lambda: service.app.state.feed.listening)
        async with (
            client.stream("GET", "/api/v1/alarms/stream"),
            service.context.reading(),
        ):
            answer = await client.post(
                "/api/v1/alarms/nobody/acknowledge", json={"seen_sequence": 1, "comment": "x" * 500}
            )
            assert answer.status_code == 422
            found = await _metrics(service)
            assert _value(found, "stream_clients") == 1
            assert _value(found, "api_connections_in_use") == 1
            assert 500 < _value(found, "request_bytes_peak") < 1_000
        await client.get("/api/v1/exports/sensors")
        await service.pool.execute(
            "insert into rejection (arrived_at, batch, topic, payload, payload_bytes, reason, detail)"
            " select now(), 1, 't', 'x', 1, 'not_json', 'd' from generate_series(1, 3)"
        )
        await service.pool.execute(
            "insert into sign_in_attempt values ('name', 'a', 9, to_timestamp($1), to_timestamp($1 + 60)),"
            " ('name', 'b', 9, to_timestamp($1), to_timestamp($1 - 60))",
            service.now / 1000,
        )
        found = await _metrics(service)
        assert _value(found, "stream_clients") == 0
        assert _value(found, "api_connections_in_use") == 0
        assert _value(found, "statement_seconds_peak") > 0
        assert _value(found, "export_rows") == 5
        assert _value(found, "rejections_open") == 3 < COUNTED_MAX
        assert _value(found, "sign_ins_blocked") == 1

    serve(database_url, scenario)


def test_a_request_that_finds_no_connection_is_counted(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        async with service.context.reading():
            assert (await client.get("/api/v1/status")).status_code == 503
        found = await _metrics(service)
        assert _value(found, "api_busy") == 1
        assert _value(found, "api_connection_wait_seconds_peak") >= 0.1

    serve(database_url, scenario, connections_max=1, connection_wait_s_max=0.1)


def test_without_the_database_the_rest_is_told(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        async with service.pool.acquire() as other, other.transaction():
            await other.execute("lock table batch in access exclusive mode")
            found = await _metrics(service)
        assert _value(found, "database_up") == 0
        assert "lifeline_rejections_open" not in found
        assert "lifeline_stream_clients" in found

    serve(database_url, scenario, connection_wait_s_max=0.2)


def test_a_peak_is_forgotten_after_its_window() -> None:
    now = 0.0
    peak = Peak(lambda: now)
    assert peak.value == 0
    for now, noted in ((0.0, 3.0), (1.0, 7.0), (2.0, 5.0), (SLOT_S * 2.0, 4.0)):
        peak.note(noted)
        assert peak.value == max(3.0, 7.0 if now else 0.0)
    now = WINDOW_S + SLOT_S - 1.0
    assert peak.value == 4.0
    now = WINDOW_S + 3.0 * SLOT_S
    assert peak.value == 0
