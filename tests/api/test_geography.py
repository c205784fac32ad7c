"""Places as GeoJSON: what has a geometry, in what system, and GCJ-02 where the deployment shows it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings
from model.coordinates import is_degrees, to_gcj_02, usual_name
from model.geojson import read_features
from model.network import Link, Node, distance_m
from model.network_content import Placed
from model.network_file import parse_network_file
from model.sensor import InvalidSensor, check_sensor
from store.networks import write_network
from store.sensors import import_sensors
from tests.api.service import CITIES, SENSORS, Service, change, journal, serve

GEOJSON = {"Accept": "application/geo+json"}
ALARM = "level.GAS-1.20261122T120000000Z"
REPORT = {
    "kind": "gas_smell", "city": "jiayuguan", "place": {"longitude": 98.2891, "latitude": 39.7732},
    "time": "2026-11-22T11:59:00.000Z", "source": "patrol",
}  # fmt: skip


async def prepared(service: Service) -> Any:
    service.context.gcj02_display = True
    await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-2", 0, 2)])
    async with service.pool.acquire() as connection, connection.transaction():
        nodes = [Node(node="J-1", position=(98.21, 39.77)), Node(node="J-2", position=(98.22, 39.77)),
                 Node(node="L-1", position=(500_000.0, 4_400_000.0), crs="EPSG:4547")]  # fmt: skip
        part = Placed({node.node: node for node in nodes}, {"P-1": Link(link="P-1", from_node="J-1", to_node="J-2")})
        await write_network(connection, "jiayuguan", {"gas": part})
    client = await service.client("supervisor", label="chief")
    answer = await client.post("/api/v1/reports", json=REPORT, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 200, answer.text
    return client


LISTS = {
    "/sensors?latest=true": 5, "/sensors/GAS-1": 1, "/alarms": 2, "/alarms?view=brief": 2, f"/alarms/{ALARM}": 1,
    "/reports": 1, "/reports/report.1": 1, "/assets/M-100%25": 1, "/networks/jiayuguan.gas": 4,
    "/incidents": 2, f"/incidents/i.{ALARM}": 3,
}  # fmt: skip


def test_every_list_with_places_is_geojson_too(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await prepared(service)
        for path, count in LISTS.items():
            answer = await client.get(f"/api/v1{path}", headers=GEOJSON)
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["content-type"] == "application/geo+json", path
            found = answer.json()
            assert found["type"] == "FeatureCollection"
            assert len(found["features"]) == count, (path, found)
            # What a reader of GeoJSON asks of a collection, and that no place stands beside its geometry.
            assert len(read_features(answer.text)) == count
            for feature in found["features"]:
                assert feature["properties"]["crs"], path
                assert not {"longitude", "latitude", "place"} & set(feature["properties"]), path
            plain = await client.get(f"/api/v1{path}")
            assert plain.headers["content-type"] == "application/json", path
        found = (await client.get("/api/v1/incidents", headers=GEOJSON)).json()["features"]
        middles = {one["id"]: one["geometry"] and one["geometry"]["coordinates"] for one in found}
        assert middles[f"i.{ALARM}"] == pytest.approx([(98.29 + 98.2891) / 2, (39.77 + 39.7732) / 2])
        features = (await client.get("/api/v1/alarms", headers=GEOJSON)).json()["features"]
        assert {one["id"]: one["geometry"] and one["geometry"]["coordinates"] for one in features} == {
            ALARM: [98.29, 39.77], "level.DRAIN-2.20261122T120000000Z": None,
        }  # fmt: skip

    serve(database_url, scenario)


SYSTEMS = {
    "WGS-84": [98.25, 39.8],
    "CGCS2000": [98.25, 39.8],
    "epsg:4490": [98.25, 39.8],
    "EPSG:4547": None,
    "city grid": None,
}


def test_only_degrees_have_a_geometry(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("DRAIN-1", 0, 2)])
        client = await service.client("viewer")
        for crs, coordinates in SYSTEMS.items():
            await service.pool.execute(
                "update sensor set definition = definition || jsonb_build_object('crs', $1::text)", crs
            )
            for path in ("/sensors/DRAIN-1", "/alarms", "/assets/M-100%25"):
                (feature,) = (await client.get(f"/api/v1{path}", headers=GEOJSON)).json()["features"]
                geometry = feature["geometry"]
                assert (geometry and geometry["coordinates"]) == coordinates, (crs, path)
                assert feature["properties"]["crs"] == crs

    serve(database_url, scenario)


def test_a_network_by_a_local_grid_keeps_its_coordinates_beside(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await prepared(service)
        found = (await client.get("/api/v1/networks/jiayuguan.gas", headers=GEOJSON)).json()["features"]
        features = {feature["id"]: feature for feature in found}
        local = features["node/L-1"]
        assert (local["geometry"], local["properties"]["position"]) == (None, [500_000.0, 4_400_000.0])
        assert features["link/P-1"]["geometry"] == {
            "type": "LineString", "coordinates": [[98.21, 39.77], [98.22, 39.77]],
        }  # fmt: skip

    serve(database_url, scenario)


def test_gcj_02_is_for_display_and_says_so(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await prepared(service)
        for path in LISTS:
            if path.count("/") > 1 and not path.startswith(("/assets", "/networks")):
                continue  # one thing alone is not drawn on a map
            joined = "&" if "?" in path else "?"
            true = (await client.get(f"/api/v1{path}", headers=GEOJSON)).json()["features"]
            shown = (await client.get(f"/api/v1{path}{joined}display_crs=GCJ-02", headers=GEOJSON)).json()["features"]
            for plain, shifted in zip(true, shown, strict=True):
                properties = shifted["properties"]
                if plain["geometry"] is None:
                    assert "approximate" not in properties, path
                    continue
                assert (properties["crs"], properties["approximate"]) == ("GCJ-02", True), path
                position, moved = plain["geometry"]["coordinates"], shifted["geometry"]["coordinates"]
                if plain["geometry"]["type"] == "LineString":
                    position, moved = position[0], moved[0]
                assert 100 < distance_m(tuple(position), tuple(moved)) < 1_000, path
        stored = await service.pool.fetch("select longitude, latitude from sensor where sensor = 'GAS-1'")
        assert [tuple(row) for row in stored] == [(98.29, 39.77)]
        as_json = await client.get("/api/v1/sensors?display_crs=GCJ-02")
        assert (as_json.status_code, as_json.json()["field"]) == (422, "display_crs")
        assert "geo+json" in as_json.json()["remedy"]
        assert (await client.get("/api/v1/sensors?display_crs=BD-09", headers=GEOJSON)).status_code == 422

        service.context.gcj02_display = False
        refused = await client.get("/api/v1/sensors?display_crs=GCJ-02", headers=GEOJSON)
        assert (refused.status_code, refused.json()["field"]) == (422, "display_crs")
        assert "LIFELINE_GCJ02_DISPLAY" in refused.json()["remedy"]

    serve(database_url, scenario)


def test_it_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFELINE_GCJ02_DISPLAY", raising=False)
    assert Settings().gcj02_display is False
    monkeypatch.setenv("LIFELINE_GCJ02_DISPLAY", "true")
    assert Settings().gcj02_display is True


@pytest.mark.parametrize("crs", ["GCJ-02", "gcj02", "BD-09"])
def test_shifted_coordinates_are_not_taken_in(crs: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSensor, match="WGS-84 or CGCS2000"):
        check_sensor(msgspec.structs.replace(SENSORS[0], crs=crs))
    path = tmp_path / "network.geojson"
    path.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates":'
        f' [98.2, 39.7]}}, "properties": {{"node": "J", "medium": "gas", "crs": "{crs}"}}}}]}}'
    )
    (problem,) = parse_network_file(path).problems
    assert "WGS-84 or CGCS2000" in problem[1]


def test_what_the_api_gives_of_cgcs2000_is_kept_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "network.geojson"
    path.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates":'
        ' [98.2, 39.7]}, "properties": {"node": "J", "medium": "gas", "crs": "EPSG:4490"}}]}'
    )
    found = parse_network_file(path)
    assert found.media["gas"].nodes["J"].crs == "CGCS2000"
    assert [usual_name(name) for name in ("wgs84", "EPSG:4326", "EPSG:4547")] == ["WGS-84", "WGS-84", "EPSG:4547"]
    assert is_degrees("EPSG:4490")


# Places whose shifted coordinates are widely published as a check of the formula, longitude and latitude.
PUBLISHED = {
    "Shanghai": ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    "Shenzhen": ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    "Beijing": ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
}


@pytest.mark.parametrize("place", PUBLISHED)
def test_the_published_formula(place: str) -> None:
    true, shifted = PUBLISHED[place]
    assert to_gcj_02(true) == pytest.approx(shifted, abs=1e-9)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_abroad_nothing_is_shifted(longitude: float, latitude: float) -> None:
    if not (72 <= longitude <= 138 and 0.8 <= latitude <= 56):
        assert to_gcj_02((longitude, latitude)) == (longitude, latitude)


def taken_back(shifted: tuple[float, float]) -> tuple[float, float]:
    """Undo the shift by steps: what the product never does, because nothing shifted is taken in."""
    guess = shifted
    for _ in range(20):
        there = to_gcj_02(guess)
        guess = (guess[0] + shifted[0] - there[0], guess[1] + shifted[1] - there[1])
    return guess


@given(st.floats(75, 134), st.floats(18, 53))
def test_there_and_back(longitude: float, latitude: float) -> None:
    shifted = to_gcj_02((longitude, latitude))
    assert math.isfinite(shifted[0])
    assert distance_m((longitude, latitude), shifted) < 1_500
    # Taking the shift at the shifted place in place of the true one is off by a few metres at most; by steps by none.
    once = tuple(2 * s - t for s, t in zip(shifted, to_gcj_02(shifted), strict=True))
    assert distance_m((longitude, latitude), (once[0], once[1])) < 10
    assert distance_m((longitude, latitude), taken_back(shifted)) < 0.01


def test_the_registry_takes_cgcs2000(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        chinese = msgspec.structs.replace(SENSORS[0], sensor="GAS-9", crs="CGCS2000")
        await import_sensors(service.pool, [chinese], CITIES)
        client = await service.client("viewer")
        assert (await client.get("/api/v1/sensors/GAS-9")).json()["crs"] == "CGCS2000"
        near = (await client.get("/api/v1/sensors?near=98.29,39.77&radius_m=10")).json()["sensors"]
        assert [one["sensor"] for one in near] == ["GAS-1", "GAS-9"]

    serve(database_url, scenario)
