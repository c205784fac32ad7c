"""An asset by the number on its plate, as a scanner reads it: its sensors, their newest readings, its alarms."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from app.api.assets import Assets
from model.sensor import Sensor
from store.sensors import import_sensors
from tests.api.service import CITIES, KNOWN, NOON, Service, change, journal, serve, silence
from tests.api.test_resources import _store as store_readings

MINUTE = 60_000
MANHOLE = [
    Sensor(sensor="MH-LEVEL", city="jiayuguan", system="drainage", property="manhole_level", unit="m", interval_s=60,
           longitude=98.21, latitude=39.71, district="jingtie", asset="MH-0042", name_zh="雄关路42号井"),
    Sensor(sensor="MH-GAS", city="jiayuguan", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
           district="jingtie", asset="MH-0042"),
    Sensor(sensor="MH-FAR", city="jinchang", system="drainage", property="manhole_level", unit="m", interval_s=60,
           longitude=102.2, latitude=38.5, district="jinchuan", asset="mh-0042"),
    Sensor(sensor="MH-OTHER", city="jinchang", system="drainage", property="manhole_level", unit="m", interval_s=60,
           asset="MH-00421"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, sensor in enumerate(MANHOLE, 6):
        monkeypatch.setitem(KNOWN, sensor.sensor, (number, sensor))


async def prepared(service: Service) -> None:
    await import_sensors(service.pool, MANHOLE, CITIES)
    keys = {row["sensor"]: row["sensor_key"] for row in await service.pool.fetch("select * from sensor")}
    for sensor in MANHOLE:
        KNOWN[sensor.sensor] = (keys[sensor.sensor], sensor)


SCANNED = {
    "as printed": "MH-0042",
    "small letters": "mh-0042",
    "white space and a line end": " MH-0042\r\n",
    "blanks within": "MH - 0042",
    "wide characters": "ＭＨ－００４２",
    "an ideographic space and marks": "　MH-0042\x1d\u200b",
}


def test_whatever_the_scanner_adds(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await prepared(service)
        client = await service.client("field", "jiayuguan")
        for case, number in SCANNED.items():
            answer = await client.get(f"/api/v1/assets/{quote(number)}")
            assert answer.status_code == 200, (case, answer.text)
            (asset,) = Assets.model_validate(answer.json()).assets
            assert (asset.asset, [one.sensor for one in asset.sensors]) == ("MH-0042", ["MH-GAS", "MH-LEVEL"]), case
            listed = (await client.get("/api/v1/sensors", params={"asset": number})).json()["sensors"]
            assert [one["sensor"] for one in listed] == ["MH-GAS", "MH-LEVEL"], case
        (other,) = (await client.get("/api/v1/sensors?asset=m-100%25")).json()["sensors"]
        assert other["sensor"] == "DRAIN-1"

    serve(database_url, scenario)


def test_all_of_it_in_one_answer(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await prepared(service)
        await store_readings(service, "MH-LEVEL", [(NOON - MINUTE, 1.25, 0)])
        await journal(service.pool, [change("MH-LEVEL", 0, 3), silence("MH-GAS"), change("DRAIN-1", 0, 2)])
        client = await service.client("field", "jiayuguan")
        (asset,) = (await client.get("/api/v1/assets/MH-0042")).json()["assets"]
        sensors, alarms = asset.pop("sensors"), asset.pop("alarms")
        assert asset == {
            "asset": "MH-0042", "city": "jiayuguan", "mode": "test", "district": "jingtie", "longitude": 98.21,
            "latitude": 39.71, "crs": "WGS-84",
        }  # fmt: skip
        assert sensors == [
            {"sensor": "MH-GAS", "property": "combustible_gas", "unit": "%{LEL}", "mode": "test",
             "doubt": "never_heard"},
            {"sensor": "MH-LEVEL", "name": "雄关路42号井", "property": "manhole_level", "unit": "m", "mode": "test",
             "time": "2026-11-22T11:59:00.000Z", "value": 1.25},
        ]  # fmt: skip
        assert [(one["sensor"], one.get("class"), one.get("severity")) for one in alarms] == [
            ("MH-GAS", "instrument", None), ("MH-LEVEL", None, "orange"),
        ]  # fmt: skip
        await journal(service.pool, [change("MH-LEVEL", 3, 0, NOON + 1)])
        (asset,) = (await client.get("/api/v1/assets/MH-0042")).json()["assets"]
        assert [one["state"] for one in asset["alarms"]] == ["unacknowledged", "returned_unacknowledged"]

    serve(database_url, scenario)


def test_of_the_callers_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await prepared(service)
        everywhere, there = await service.client("field"), await service.client("field", "jinchang")
        both = (await everywhere.get("/api/v1/assets/MH-0042")).json()["assets"]
        assert [(one["city"], one["asset"]) for one in both] == [("jiayuguan", "MH-0042"), ("jinchang", "mh-0042")]
        one = (await everywhere.get("/api/v1/assets/MH-0042?city=jinchang")).json()["assets"]
        assert one == [both[1]]
        assert (await there.get("/api/v1/assets/MH-0042")).json()["assets"] == [both[1]]
        assert (await there.get("/api/v1/assets/MH-0042?city=jiayuguan")).status_code == 403
        assert (await there.get("/api/v1/assets/M-100%25")).status_code == 404
        assert (await there.get("/api/v1/sensors?asset=M-100%25")).json()["sensors"] == []

    serve(database_url, scenario)


def test_what_is_not_found_says_what_to_do(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await prepared(service)
        client = await service.client("field", "jiayuguan")
        unknown = await client.get("/api/v1/assets/MH-9999")
        assert (unknown.status_code, unknown.json()["field"]) == (404, "asset")
        assert "q=" in unknown.json()["remedy"]
        nothing = await client.get("/api/v1/assets/%20%0d")
        assert (nothing.status_code, nothing.json()["field"]) == (422, "asset")
        assert (await client.get(f"/api/v1/assets/{'x' * 201}")).status_code == 422

    serve(database_url, scenario)
