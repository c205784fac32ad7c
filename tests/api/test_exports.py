"""Exports: files that the commands read again, within the caller's areas, bounded, and broken off where not whole."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from alerts.counters import EvaluatorCounters
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.recovery import EvaluatorLimits
from alerts.rule_file import default_packs
from app.cli import main
from app.recording import load_recording
from ingest.settings import IngestLimits
from model.instant import format_instant
from model.registry import Registry
from model.sensor_file import read_sensor_file
from store.batches import IncomingReadings, write_batch
from store.journal import read_journal
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors, load_registry
from tests.api.service import NOON, Service, change, journal, running, serve, silence, until

MINUTE = 60_000
SPAN = "from=2026-11-22T00:00:00Z&to=2026-11-24T00:00:00Z"
READINGS = f"/api/v1/exports/readings?{SPAN}"
ALARMS = f"/api/v1/exports/alarms?{SPAN}"
SENSORS = "/api/v1/exports/sensors"
HEADER = "time,sensor,value,unit,quality,received_at"


async def _store(service: Service, rows: list[tuple[str, int, float, int]]) -> None:
    """Store (sensor, time, value, quality) as one batch."""
    registry = await load_registry(service.pool)
    sensors, times, values, qualities = zip(*rows, strict=True)
    await write_batch(
        service.pool,
        service.now,
        IncomingReadings(
            np.array([registry.keys[name] for name in sensors], np.int32),
            np.array(times, np.int64),
            np.array(values, np.float64),
            np.array(qualities, np.uint16),
        ),
    )


async def _text(client: httpx.AsyncClient, path: str, **headers: str) -> str:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_readings_stand_in_the_order_of_arrival_of_each_sensor(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        assert await _text(client, READINGS) == HEADER + "\n"
        assert await _text(client, READINGS + "&form=ndjson") == ""
        await _store(
            service,
            [
                ("GAS-2", NOON, 1.0, 0),
                ("GAS-1", NOON, 1e-7, 1),
                ("GAS-1", NOON - MINUTE, 62.5, 2 | 4),
                ("WATER-9", NOON - 10 * 86_400_000, 0.4, 0),
            ],
        )
        await _store(service, [("GAS-1", NOON - 5 * MINUTE, 0.1, 4 | 32)])
        came, came_then = format_instant(NOON), format_instant(NOON + 1)  # each batch is an instant of its own
        assert (await _text(client, READINGS)).splitlines() == [
            HEADER,
            f"2026-11-22T12:00:00.000Z,GAS-1,1e-07,%{{LEL}},uncertain,{came}",
            f"2026-11-22T11:59:00.000Z,GAS-1,62.5,%{{LEL}},bad,{came}",
            f"2026-11-22T11:55:00.000Z,GAS-1,0.1,%{{LEL}},good,{came_then}",
            f"2026-11-22T12:00:00.000Z,GAS-2,1,%{{LEL}},good,{came}",
        ]
        lines = (await _text(client, READINGS, Accept="application/x-ndjson")).splitlines()
        assert json.loads(lines[1]) == {
            "time": "2026-11-22T11:59:00.000Z", "sensor": "GAS-1", "value": 62.5, "unit": "%{LEL}", "quality": "bad",
            "received_at": came,
        }  # fmt: skip
        assert len(lines) == 4

    serve(database_url, scenario)


def test_filters_and_areas(database_url: str) -> None:
    cases = {
        "": {"GAS-1", "GAS-2", "DRAIN-1", "DRAIN-2", "WATER-9"},
        "&city=jinchang": {"WATER-9"},
        "&system=gas": {"GAS-1", "GAS-2"},
        "&property=water_depth": {"DRAIN-1", "DRAIN-2"},
        "&district=xiongguan": {"GAS-1", "GAS-2"},
        "&sensor=GAS-2,DRAIN-1": {"GAS-2", "DRAIN-1"},
        "&sensor=GAS-2&sensor=WATER-9&system=gas": {"GAS-2"},
        "&near=98.30,39.77&radius_m=100": {"GAS-2"},
        "&mode=operational": {"WATER-9"},
        "&mode=exercise": set(),
        "&sensor=NOBODY": set(),
    }

    async def scenario(service: Service) -> None:
        everywhere = sorted(cases[""])
        await _store(service, [(name, NOON, 1.0, 0) for name in everywhere])
        await journal(service.pool, [change(name, 0, 4) for name in everywhere])
        client, bound = await service.client("viewer"), await service.client("viewer", "jinchang")
        for query, expected in cases.items():
            for path in (READINGS + "&form=csv", ALARMS + "&form=csv", SENSORS + "?form=csv"):
                found = csv.DictReader(io.StringIO(await _text(client, path + query)))
                assert {row["sensor"] for row in found} == expected, (path, query)
        for path in (READINGS, ALARMS, SENSORS):
            text = await _text(bound, path)
            assert "WATER-9" in text
            assert not any(name in text for name in everywhere if name != "WATER-9")
            answer = await bound.get(path + ("&" if "?" in path else "?") + "city=jiayuguan")
            assert answer.status_code == 403

    serve(database_url, scenario)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/exports/readings", "from"),
        ("/api/v1/exports/alarms?from=2026-11-22T00:00:00Z", "to"),
        ("/api/v1/exports/readings?from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:00Z", "from"),
        ("/api/v1/exports/readings?from=2026-01-01T00:00:00Z&to=2026-11-22T00:00:00Z", "from"),
        ("/api/v1/exports/readings?from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z", "from"),
        (READINGS + "&form=xlsx", "form"),
        (READINGS + "&sensor=a%20b", "sensor.0"),
        (READINGS + "&radius_m=5", "radius_m"),
        (READINGS + "&limit=5", "limit"),
    ],
)  # fmt: skip
def test_what_is_refused_names_the_field(database_url: str, path: str, field: str) -> None:
    async def scenario(service: Service) -> None:
        answer = await (await service.client("viewer")).get(path)
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert answer.json()["remedy"]

    serve(database_url, scenario)


def test_the_journal_is_that_of_the_command(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        pool = service.pool
        await journal(pool, [change("WATER-9", 0, 3), change("GAS-2", 0, 2), silence("GAS-1"), change("GAS-1", 0, 4)])
        await journal(pool, [change("GAS-1", 4, 0, NOON - 1), change("GAS-2", 2, 4)])  # a line of before, written after
        client, operator = await service.client("viewer"), await service.client("operator", label="=1+1")
        alarm = "level.GAS-1.20261122T120000000Z"
        answer = await operator.post(
            f"/api/v1/alarms/{alarm}/comment",
            json={"seen_sequence": 1, "comment": '=HYPERLINK("x")\n"so"'},
            headers={"Idempotency-Key": "k"},
        )
        assert answer.status_code == 200, answer.text
        expected = await read_journal(pool, None, None)
        assert (await _text(client, ALARMS + "&form=ndjson")).splitlines() == expected
        rows = list(csv.DictReader(io.StringIO(await _text(client, ALARMS + "&form=csv"), newline="")))
        assert [(row["alarm"], row["sequence"]) for row in rows] == [
            (line["alarm"], str(line["sequence"])) for line in map(json.loads, expected)
        ]
        assert {(row["city"], row["district"]) for row in rows if row["sensor"] == "GAS-1"} == {
            ("jiayuguan", "xiongguan")
        }
        (commented,) = (row for row in rows if row["action"] == "comment")
        assert commented["comment"] == '\'=HYPERLINK("x")\n"so"'  # no spreadsheet runs it
        assert commented["actor"] == "'=1+1"
        assert commented["retroactive"] == "false"

    serve(database_url, scenario)


def test_the_registry_comes_back_as_it_was(database_url: str, tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        await service.pool.execute(
            "update sensor set definition = definition || "
            """'{"name": "=1+1", "attributes": {"note": "@here", "depth": "-3", "z": "a,\\"b\\""}}'"""
            " where sensor = 'GAS-2'"
        )
        file = tmp_path / "sensors.csv"
        file.write_text(await _text(client, SENSORS))
        assert "'=1+1" in file.read_text()
        assert "'@here" in file.read_text()
        sensors, cities = read_sensor_file(file)
        registry = await load_registry(service.pool)
        assert sensors == sorted(registry.sensors.values(), key=lambda sensor: sensor.sensor)
        assert {city.city: city.mode for city in cities} == {"jiayuguan": "test", "jinchang": "operational"}
        lines = [json.loads(line) for line in (await _text(client, SENSORS + "?form=ndjson")).splitlines()]
        assert lines[2]["sensor"] == "GAS-1"
        assert lines[3] == {
            "sensor": "GAS-2", "city": "jiayuguan", "system": "gas", "property": "combustible_gas", "unit": "%{LEL}",
            "interval_s": 60.0, "longitude": 98.30, "latitude": 39.77, "district": "xiongguan", "name": "=1+1",
            "time_zone": "Asia/Shanghai", "mode": "test", "note": "@here", "depth": "-3", "z": 'a,"b"',
        }  # fmt: skip

    serve(database_url, scenario)


def test_an_export_is_audited(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", label="ministry")
        await _text(client, READINGS + "&sensor=GAS-1,GAS-2&near=98.30,39.77")
        rows = await service.pool.fetch("select actor, action, subject, details from audit")
        (row,) = (row for row in rows if row["action"] == "data-exported")
        assert (row["actor"], row["subject"]) == ("ministry", "readings")
        assert json.loads(row["details"]) == {
            "from": "2026-11-22T00:00:00.000Z", "to": "2026-11-24T00:00:00.000Z", "form": "csv", "sensors": 2,
            "first_sensor": "GAS-1", "by_place": True,
        }  # fmt: skip

    serve(database_url, scenario)


SENSOR_ROWS = """\
sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode,pressure_reference,sentinels
gas-1,c,gas,combustible_gas,%{LEL},,,,60,test,,
gas-2,c,gas,combustible_gas,%{vol},,,,60,test,,
deep-1,c,drainage,water_depth,m,,,,60,test,,
hot-1,c,heating,supply_temperature,[degF],,,,60,test,,
press-1,c,gas,gas_pressure,kPa,,,,60,test,absolute,
"""


def _source(path: Path, seed: int) -> None:
    """Readings of some hours as devices send them: out of order, doubled, late, doubted, and at times dangerous."""
    chance = random.Random(seed)
    calm = {"gas-1": 2.0, "gas-2": 0.1, "deep-1": 0.1, "hot-1": 180.0, "press-1": 110.0}
    danger = {"gas-1": 60.0, "gas-2": 2.6, "deep-1": 0.6, "hot-1": 260.0, "press-1": 160.0}
    rows = [HEADER]
    for sensor in calm:
        waiting: list[str] = []
        for minute in range(300):
            high = (minute // 25) % 4 == 3
            value = (danger if high else calm)[sensor] * (1 + chance.random() / 50)
            if chance.random() < 0.02:
                value = chance.choice([-999.0, 9999.0, 0.0])
            quality = chance.choice(["bad", "uncertain"]) if chance.random() < 0.05 else chance.choice(["good", ""])
            time = NOON + minute * MINUTE + chance.randrange(1_000)
            waiting.append(f"{format_instant(time)},{sensor},{value:.4g},,{quality},")
            if chance.random() < 0.7:  # else it waits at a gateway, and is sent with the next ones, the newest first
                came = format_instant(NOON + minute * MINUTE + 2_000)
                rows += [line + came for line in (reversed(waiting) if chance.random() < 0.3 else waiting)]
                waiting = []
    path.write_text("\n".join(rows) + "\n")


def test_the_back_test_of_an_export_gives_the_journal_of_the_service(database_url: str, tmp_path: Path) -> None:
    source, sensors = tmp_path / "source.csv", tmp_path / "sensors-source.csv"
    sensors.write_text(SENSOR_ROWS)
    _source(source, 1)
    exported, registry_file = tmp_path / "readings", tmp_path / "sensors.csv"
    exported_journal, back_tested = tmp_path / "service.ndjson", tmp_path / "back-test.ndjson"

    async def scenario() -> None:
        async with running(database_url) as service:
            await import_sensors(service.pool, *read_sensor_file(sensors))
            packs = default_packs()
            await activate(service.pool, [StoredPack(p.pack, p.version, p.content) for p in packs], "test")
            registry = await load_registry(service.pool)
            recording = load_recording(source, registry, IngestLimits())
            for batch in recording.batches(1):
                incoming = IncomingReadings(batch.sensor, batch.time, batch.value, batch.quality)
                await write_batch(service.pool, batch.clock, incoming)
            await _evaluate(service)
            client = await service.client("engineer")
            for form in ("csv", "ndjson"):
                exported.with_suffix(f".{form}").write_text(await _text(client, READINGS + f"&form={form}"))
            registry_file.write_text(await _text(client, SENSORS))
            exported_journal.write_text(await _text(client, ALARMS + "&form=ndjson"))

    asyncio.run(scenario())
    journals = {}
    for readings in (source, exported.with_suffix(".csv"), exported.with_suffix(".ndjson")):
        command = ["backtest", "--readings", str(readings), "--sensors", str(registry_file), "--out", str(back_tested)]
        assert main([*command, "--acknowledge-after", "never"]) == 0
        journals[readings.name] = back_tested.read_text()
    assert journals["readings.csv"] == journals["readings.ndjson"] == journals["source.csv"]
    lines = [json.loads(line) for line in journals["readings.csv"].splitlines()]
    assert {line["rule"] for line in lines} >= {"combustible-gas", "bad-readings", "sensor-silent"}
    assert _told_by_readings(lines) == _told_by_readings(map(json.loads, exported_journal.read_text().splitlines()))


def _told_by_readings(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines without what needs the service's log: when silence became known, and what was found looking back."""
    return [
        {name: value for name, value in line.items() if name != "known_at" or line["kind"] != "stale"}
        for line in lines
        if not line["retroactive"]
    ]


async def _evaluate(service: Service) -> None:
    newest = await service.pool.fetchval("select max(sequence) from batch")
    handed, stop, counters = HandOver(), asyncio.Event(), EvaluatorCounters()
    limits = EvaluatorLimits(tick_s=3_600)  # the log has no ticks: without them a pause is no time without listening
    evaluating = asyncio.create_task(run_evaluator(service.pool, handed, limits, stop, counters))
    await until(lambda: counters.cursor >= newest, 60)
    stop.set()
    handed.committed.set()
    await evaluating


async def _fill(service: Service, minutes: int) -> None:
    """Store that many minutes of all sensors: 5 readings each."""
    await service.pool.execute(
        "insert into batch (sequence, arrived_at, readings, rejections, duplicates) values (1, '2026-11-22', 0, 0, 0)"
    )
    await service.pool.execute(
        "insert into reading (time, value, batch, sensor_key, position, quality)"
        " select '2026-11-22'::timestamptz + n * interval '100 ms', random(), 1, sensor_key, 0, 0"
        " from sensor cross join generate_series(1, $1) as n",
        minutes,
    )


async def _no_export_works(service: Service) -> None:
    """Wait until no connection of this database works on an export."""
    async with asyncio.timeout(10):
        while await service.pool.fetchval(  # noqa: ASYNC110 - no event tells of it
            "select count(*) from pg_stat_activity where datname = current_database() and state = 'active'"
            " and query like 'COPY%'"
        ):
            await asyncio.sleep(0.02)


def test_a_reader_that_leaves_ends_the_query_and_frees_its_place(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _fill(service, 60_000)
        counters = service.app.state.exports
        client = await service.client("viewer")
        async with client.stream("GET", READINGS) as reading:
            assert reading.status_code == 200
            pieces = reading.aiter_bytes()
            await anext(pieces)
            assert counters.in_flight == 1
            refused = await client.get(ALARMS)
            assert refused.status_code == 503
            assert refused.json()["type"] == "/docs#too-many-exports"
            assert int(refused.headers["retry-after"]) > 0
        await until(lambda: counters.in_flight == 0)
        await _no_export_works(service)
        assert counters.outcomes == {"left": 1, "refused": 1}
        assert (await client.get(ALARMS)).status_code == 200

    serve(database_url, scenario, exports_max=1)


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"export_s_max": 2.0}, id="longer than allowed in all"),
        pytest.param({"export_send_s_max": 0.2}, id="a reader that takes nothing"),
    ],
)
def test_what_is_broken_off_cannot_pass_for_whole(database_url: str, limits: dict[str, Any]) -> None:
    async def scenario(service: Service) -> None:
        await _fill(service, 60_000)
        client = await service.client("viewer")
        counters = service.app.state.exports

        async def read() -> None:
            as_it_is = {"Accept-Encoding": "identity"}  # so that it does not fit into what the line buffers
            async with client.stream("GET", READINGS, headers=as_it_is) as reading:
                async for _ in reading.aiter_raw():
                    await until(lambda: counters.in_flight == 0)

        with pytest.raises(httpx.TransportError):
            await read()
        assert counters.outcomes == {"broken_off": 1}
        await _no_export_works(service)

    serve(database_url, scenario, **limits)


def test_a_database_that_takes_too_long_to_begin_is_a_problem(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        async with service.pool.acquire() as other, other.transaction():
            await other.execute("lock table journal in access exclusive mode")
            answer = await client.get(ALARMS + "&form=ndjson")
        assert answer.status_code == 504
        assert answer.json()["remedy"]

    serve(database_url, scenario, export_piece_s_max=0.3)


def test_ten_thousand_rows_come_whole(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _fill(service, 2_000)
        client = await service.client("viewer")
        text = await _text(client, READINGS + "&form=ndjson")
        assert len([json.loads(line) for line in text.splitlines()]) == 10_000
        assert service.app.state.exports.rows == 10_000
        assert service.app.state.exports.bytes == len(text.encode())
        await service.pool.execute("delete from batch")  # as the retention does
        assert "received_at" not in json.loads((await _text(client, READINGS + "&form=ndjson")).splitlines()[0])
        assert (await _text(client, READINGS)).splitlines()[1].endswith(",good,")

    serve(database_url, scenario)


def test_the_source_of_the_round_trip_is_no_easy_one(tmp_path: Path) -> None:
    _source(tmp_path / "source.csv", 1)
    (tmp_path / "sensors.csv").write_text(SENSOR_ROWS)
    sensors, cities = read_sensor_file(tmp_path / "sensors.csv")
    registry = Registry(1, dict(enumerate(sensors, 1)), {city.city: city for city in cities})
    recording = load_recording(tmp_path / "source.csv", registry, IngestLimits())
    assert not recording.refused
    order = np.lexsort((np.arange(len(recording.arrived)), recording.readings.sensor))
    time, sensor = recording.readings.time[order], recording.readings.sensor[order]
    assert ((np.diff(time) < 0) & (np.diff(sensor) == 0)).sum() > 50
    assert len(set(recording.readings.quality.tolist())) >= 5
