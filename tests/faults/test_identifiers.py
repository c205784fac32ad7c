"""Ids that mean harm are refused where things are registered; names may hold anything, and stay inert in files."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import asyncpg
import pytest

from model.city_file import parse_city_file
from model.plain_text import clean_text
from model.sensor import Sensor
from model.sensor_file import parse_sensor_file
from store.sensors import import_sensors
from tests.api.service import MARKUP, Service, change, journal, serve
from tests.integration.service import Service as Process

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"
IDS = {
    "a wildcard of one level": "gas+1",
    "a wildcard of all levels": "gas#",
    "a level of the broker's own": "$SYS",
    "another level": "gas/1",
    "a right-to-left mark": "gas\u200f1",
    "a right-to-left override": "\u202e1-sag",
    "decomposed letters": "ga\u0301s",
    "a letter of another script": "g\u0430s",
    "64 kB": "g" * 65_536,
    "markup": MARKUP,
    "a formula": "=cmd",
    "a formula with a pipe": "=cmd|' /C calc'!A0",
    "a blank": "gas 1",
}
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)")
SPAN = "from=2026-11-22T00:00:00Z&to=2026-11-24T00:00:00Z"


def test_case_29_ids_that_mean_harm_are_refused_line_by_line_and_nothing_is_registered(
    tmp_path: Path, database_url: str
) -> None:
    path = tmp_path / "sensors.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        rows = csv.writer(file, lineterminator="\n")
        for sensor in ("good", *IDS.values()):
            rows.writerow([sensor, "c", "gas", "combustible_gas", "%{LEL}", "", "", "A", 60, "test"])
    service = Process(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)
    refused = service.run("sensors", "import", str(path), expected=1)
    said = refused.stdout + refused.stderr
    for line in range(3, 3 + len(IDS)):
        assert f"sensors.csv:{line}: sensor" in said
    assert len(said) < 10_000, "what is 64 kB long is not said whole"
    assert asyncio.run(_registered(database_url)) == 0, "all or nothing"


@pytest.mark.parametrize("name", IDS)
def test_case_29_such_ids_are_refused_of_cities_and_in_geojson_too(name: str, tmp_path: Path) -> None:
    fields = {"sensor": "a", "city": "c", "system": "gas", "property": "combustible_gas", "unit": "%{LEL}"}
    for field in ("sensor", "city"):
        properties = {**fields, "interval_s": 60, "name": "A", field: IDS[name]}
        path = tmp_path / "sensors.geojson"
        path.write_text(json.dumps({"features": [{"geometry": None, "properties": properties}]}))
        found = parse_sensor_file(path)
        assert found.sensors == []
        assert found.problems[0][1].startswith(f"feature 1: {field}: ")
    path = tmp_path / "cities.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["city", "name"], [IDS[name], "A"]])
    assert parse_city_file(path).problems[0][1].startswith("city: ")


def test_case_29_names_are_inert_in_exports_and_come_back_as_they_were(database_url: str, tmp_path: Path) -> None:
    sensors = [
        Sensor(
            sensor=f"GAS-{number}", city="jiayuguan", system="gas", property="combustible_gas", unit="%{LEL}",
            interval_s=60, name=text, district=text, attributes={text: text},
        )
        for number, text in enumerate((*FORMULAS, MARKUP, clean_text("name", "e\u0301")))
    ]  # fmt: skip

    async def scenario(service: Service) -> None:
        await import_sensors(service.pool, sensors, [])
        (raised,) = await journal(service.pool, [change("GAS-1", 0, 3)])
        client = await service.client("supervisor", label=FORMULAS[0])
        done = await client.post(
            f"/api/v1/alarms/{raised.alarm}/acknowledge",
            json={"seen_sequence": 1, "comment": FORMULAS[1]},
            headers={"Idempotency-Key": "key-1"},
        )
        assert done.status_code == 200
        exported = {}
        for export in ("sensors?", f"alarms?{SPAN}&", f"readings?{SPAN}&"):
            answer = await client.get(f"/api/v1/exports/{export}form=csv")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/csv")
            assert answer.headers["x-content-type-options"] == "nosniff"
            rows = list(csv.reader(io.StringIO(answer.text)))
            assert [cell for row in rows for cell in row if _runs(cell)] == []
            exported[export[:6]] = answer.text
        for formula in FORMULAS[:2]:
            assert f"'{formula}" in exported["alarms"], "who acknowledged, and with which words"
        path = tmp_path / "again.csv"
        path.write_text(exported["sensor"], "utf-8")
        again = {one.sensor: one for one in parse_sensor_file(path).sensors}
        assert [again[one.sensor] for one in sensors] == sensors

    serve(database_url, scenario)


def _runs(cell: str) -> bool:
    """Whether a spreadsheet would run the cell."""
    if cell[:1] not in ("=", "+", "-", "@"):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


async def _registered(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("select count(*) from sensor"))
    finally:
        await connection.close()
