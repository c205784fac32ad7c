"""What is near: the nearest first, how far and in what direction, with the newest readings, in few bytes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.alarms import BriefAlarmPage
from app.api.sensors import LatestPage, SensorPage
from model.coordinates import bearing_deg
from model.network import EARTH_RADIUS_M, distance_m
from model.roster import parse_rosters
from model.sensor import Sensor
from store.rosters import put_rosters_in_force
from store.sensor_search import SensorQuery, find_sensors
from store.sensors import import_sensors
from tests.api.service import CITIES, KNOWN, NOON, Service, change, journal, serve, silence
from tests.api.test_handling import ROSTERS, act
from tests.api.test_resources import _store as store_readings

MINUTE = 60_000
BYTES_MAX = 2_000  # of the common question's answer, before it is compressed

BEARINGS = {
    "north": ((98.0, 39.0), (98.0, 40.0), 0.0),
    "south": ((98.0, 39.0), (98.0, 38.0), 180.0),
    "east along the equator": ((10.0, 0.0), (11.0, 0.0), 90.0),
    "west along the equator": ((10.0, 0.0), (9.0, 0.0), 270.0),
    "over the pole": ((0.0, 80.0), (180.0, 80.0), 0.0),
    "across the antimeridian": ((179.9, 0.0), (-179.9, 0.0), 90.0),
    "a place itself": ((98.0, 39.0), (98.0, 39.0), 0.0),
    "from Baghdad to Osaka": ((45.0, 35.0), (135.0, 35.0), 60.16),
}


@pytest.mark.parametrize("case", BEARINGS)
def test_bearings(case: str) -> None:
    start, end, expected = BEARINGS[case]
    assert bearing_deg(start, end) == pytest.approx(expected, abs=0.01)


degrees_east, degrees_north = st.floats(-180, 180), st.floats(-89, 89)


@given(degrees_east, degrees_north, degrees_east, degrees_north)
def test_who_goes_by_the_bearing_arrives(east: float, north: float, to_east: float, to_north: float) -> None:
    start, end = (east, north), (to_east, to_north)
    bearing, way = math.radians(bearing_deg(start, end)), distance_m(start, end) / EARTH_RADIUS_M
    assert 0 <= bearing_deg(start, end) < 360
    here = math.radians(north)
    reached_north = math.asin(
        max(-1.0, min(1.0, math.sin(here) * math.cos(way) + math.cos(here) * math.sin(way) * math.cos(bearing)))
    )
    reached_east = math.radians(east) + math.atan2(
        math.sin(bearing) * math.sin(way) * math.cos(here), math.cos(way) - math.sin(here) * math.sin(reached_north)
    )
    reached = (math.degrees(reached_east), math.degrees(reached_north))
    assert distance_m(reached, end) < 1.0 or way > math.pi - 1e-3  # to the other end of the earth all ways lead


def test_the_nearest_sensors_first(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("field")
        page = (await client.get("/api/v1/sensors?near=98.30,39.77&radius_m=50000")).json()
        SensorPage.model_validate(page)
        found = [(one["sensor"], one["distance_m"], one["bearing_deg"]) for one in page["sensors"]]
        assert [name for name, *_ in found] == ["GAS-2", "GAS-1", "DRAIN-1"]
        assert found[0][1:] == (0.0, 0.0)
        assert found[1][1:] == (pytest.approx(854.7, abs=1), pytest.approx(270.0, abs=0.1))
        assert found[2][2] == pytest.approx(307.97, abs=0.1)
        assert "latest" not in page["sensors"][0]

    serve(database_url, scenario)


places = {
    "in a city": (98.29, 39.77),
    "at the antimeridian": (179.999, 10.0),
    "beyond the antimeridian": (-179.9995, 10.0),
    "near the pole": (20.0, 89.9),
    "at the equator": (0.0, 0.0),
}


def test_small_circles_find_what_the_large_one_finds(database_url: str) -> None:
    sensors = [
        Sensor(sensor=f"S-{step}-{number}", city="jinchang", system="gas", property="combustible_gas", unit="%{LEL}",
               interval_s=60, longitude=(east + 0.0007 * step + 180) % 360 - 180,
               latitude=min(north + 0.0004 * step * (-1) ** step, 90.0))
        for number, (east, north) in enumerate(places.values())
        for step in range(0, 2_000, 40)
    ]  # fmt: skip
    known = {one.sensor: (one.longitude or 0.0, one.latitude or 0.0) for one in sensors}

    async def scenario(service: Service) -> None:
        await import_sensors(service.pool, sensors, CITIES)
        for place in places.values():
            for radius_m in (100.0, 1_000.0, 10_000.0, 100_000.0):
                for rows in (1, 7, 300):
                    query = SensorQuery(near=(*place, radius_m), city="jinchang", system="gas")
                    found = await find_sensors(service.pool, query, ["*"], rows)
                    expected = sorted(
                        (distance_m(place, position), name)
                        for name, position in known.items()
                        if distance_m(place, position) <= radius_m
                    )[:rows]
                    assert len(found) == len(expected), (place, radius_m, rows)
                    for row, (metres, _) in zip(found, expected, strict=True):
                        assert row.distance_m == pytest.approx(metres, abs=1e-3)

    serve(database_url, scenario)


def test_a_local_grid_is_near_to_nothing(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("field")
        for crs, expected in (("CGCS2000", ["GAS-2"]), ("EPSG:4547", [])):
            await service.pool.execute(
                "update sensor set definition = definition || jsonb_build_object('crs', $1::text)", crs
            )
            page = (await client.get("/api/v1/sensors?near=98.30,39.77&radius_m=10")).json()
            assert [one["sensor"] for one in page["sensors"]] == expected

    serve(database_url, scenario)


def test_the_newest_reading_beside_each(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("field")
        await store_readings(service, "GAS-1", [(NOON - 2 * MINUTE, 4.0, 0), (NOON - MINUTE, 5.0, 0)])
        await store_readings(service, "DRAIN-1", [(NOON - MINUTE, 17.5, 0)])
        await journal(service.pool, [silence("DRAIN-1")])
        page = (await client.get("/api/v1/sensors?near=98.30,39.77&radius_m=50000&latest=true")).json()
        SensorPage.model_validate(page)
        assert [(one["sensor"], one["latest"], one["doubt"]) for one in page["sensors"]] == [
            ("GAS-2", None, "never_heard"),
            ("GAS-1", {"time": "2026-11-22T11:59:00.000Z", "value": 5.0, "quality": "good", "flags": []}, None),
            (
                "DRAIN-1",
                {"time": "2026-11-22T11:59:00.000Z", "value": 17.5, "quality": "good", "flags": []},
                "silent",
            ),
        ]
        brief = (await client.get("/api/v1/sensors/latest?near=98.30,39.77&radius_m=50000")).json()
        LatestPage.model_validate(brief)
        assert brief["sensors"][1] == {
            "sensor": "GAS-1", "name": "七号阀室", "property": "combustible_gas", "unit": "%{LEL}", "mode": "test",
            "time": "2026-11-22T11:59:00.000Z", "value": 5.0, "distance_m": 855, "bearing_deg": 270,
        }  # fmt: skip
        assert [one.get("doubt") for one in brief["sensors"]] == ["never_heard", None, "silent"]

        following, names = "", []
        while True:
            query = f"near=98.3,39.77&radius_m=50000&limit=1{following}"
            page = (await client.get(f"/api/v1/sensors/latest?{query}")).json()
            names += [one["sensor"] for one in page["sensors"]]
            assert (page["cursor"] is None) == bool(following)
            if page["next"] is None:
                break
            following = f"&after={page['next']}"
        assert names == ["GAS-2", "GAS-1", "DRAIN-1"]

    serve(database_url, scenario)


def test_the_nearest_alarms_first(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("field")
        await journal(service.pool, [change("DRAIN-1", 0, 2), change("GAS-1", 0, 4), change("GAS-2", 0, 1)])
        await journal(service.pool, [change("GAS-1", 0, 2, NOON + MINUTE, rule="other", raised=NOON + MINUTE)])
        await store_readings(service, "GAS-1", [(NOON - MINUTE, 5.0, 0)])
        path = "/api/v1/alarms?near=98.30,39.77&radius_m=50000"
        page = (await client.get(path)).json()
        ways = [(one["sensor"], one["rule"], one["distance_m"], one["bearing_deg"]) for one in page["alarms"]]
        assert [(*names, round(far), round(bearing)) for *names, far, bearing in ways] == [
            ("GAS-2", "level", 0, 0), ("GAS-1", "other", 855, 270), ("GAS-1", "level", 855, 270),
            ("DRAIN-1", "level", 5420, 308),
        ]  # fmt: skip
        following, found = "", []
        while True:
            part = (await client.get(f"{path}&limit=1{following}")).json()
            found += [one["alarm"] for one in part["alarms"]]
            if part["next"] is None:
                break
            following = f"&after={part['next']}"
        assert found == [one["alarm"] for one in page["alarms"]]
        latest = (await client.get(f"{path}&latest=true&view=brief")).json()["alarms"]
        assert [one["latest"] and one["latest"]["value"] for one in latest] == [None, 5.0, 5.0, None]
        assert "bearing_deg" not in (await client.get("/api/v1/alarms")).json()["alarms"][0]

    serve(database_url, scenario)


def test_the_common_questions_fit_in_two_thousand_bytes(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sensors = [
        Sensor(sensor=f"GAS-{number:04}", city="jinchang", system="gas", property="combustible_gas", unit="%{LEL}",
               interval_s=60, longitude=102.19 + number / 1_000, latitude=38.52, name=f"Valve chamber {number}",
               name_zh=f"新华南路{number}号阀室", district="jinchuan",
               asset="MH-0042" if number < 4 else f"MH-{number}",
               attributes={"maker": "x" * 500})
        for number in range(1, 13)
    ]  # fmt: skip

    async def scenario(service: Service) -> None:
        await import_sensors(service.pool, sensors, CITIES)
        keys = {row["sensor"]: row["sensor_key"] for row in await service.pool.fetch("select * from sensor")}
        for sensor in sensors:
            monkeypatch.setitem(KNOWN, sensor.sensor, (keys[sensor.sensor], sensor))
            await store_readings(service, sensor.sensor, [(NOON - MINUTE, 12.345, 0)])
        async with service.pool.acquire() as connection:
            rosters = ROSTERS.replace("city: jiayuguan", "city: jinchang")
            await put_rosters_in_force(connection, parse_rosters("rosters.yaml", rosters), "test")
        desk, crew = await service.client("operator", label="desk"), await service.client("field", label="li")
        lines = await journal(service.pool, [change(sensor.sensor, 0, 4) for sensor in sensors[:5]])
        for line in lines:
            assert (await act(desk, "assign", alarm=line.alarm, to="li")).status_code == 200
            assert (await act(crew, "accept", 2, alarm=line.alarm)).status_code == 200
        for question, many in (
            ("/sensors/latest?near=102.1901,38.5203&radius_m=5000&limit=10", 10),
            ("/alarms?assigned_to=li&view=brief", 5),
            ("/assets/mh-0042", 3),
        ):
            answer = await crew.get(f"/api/v1{question}", headers={"Accept-Encoding": "identity"})
            assert answer.status_code == 200, answer.text
            found: Any = answer.json()
            rows = found.get("sensors") or found.get("alarms") or found["assets"][0]["sensors"]
            assert len(rows) == many
            assert len(answer.content) < BYTES_MAX, (question, len(answer.content))
        page = BriefAlarmPage.model_validate((await crew.get("/api/v1/alarms?assigned_to=li&view=brief")).json())
        assert {(one.step, one.severity, one.mode) for one in page.alarms} == {("accepted", "red", None)}
        assert (await crew.get("/api/v1/alarms?view=tiny")).json()["field"] == "view"

    serve(database_url, scenario)
