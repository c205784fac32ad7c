"""Markup in names, comments and GeoJSON: told as the text that it is, and a policy that runs nothing, come what may.

In a real browser: tests/console/test_policy.py. The pages that the service itself writes are tried with markup in
tests/api/test_timeline.py, tests/api/test_shifts.py and tests/api/test_performance.py, files for spreadsheets in
tests/api/test_exports.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from model.network import Link, Node
from model.network_content import Placed
from model.sensor_file import read_sensor_file
from store.networks import write_network
from store.sensors import import_sensors
from tests.api.service import MARKUP, NOON, Service, change, journal, serve

ALARM = "level.GAS-1.20261122T120000000Z"
GEOJSON = "application/geo+json"


def _feature(sensor: str) -> dict[str, Any]:
    properties = {
        "sensor": sensor, "city": "jiayuguan", "system": "gas", "property": "combustible_gas", "unit": "%{LEL}",
        "interval_s": 60, "mode": "test", "name": MARKUP, "name_zh": MARKUP, "owner": MARKUP, "district": "xiongguan",
    }  # fmt: skip
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [98.29, 39.77]}}


async def _marked_up(service: Service, folder: Path) -> None:
    """A sensor of a GeoJSON file, a pipe, an alarm and a comment, all of which hold markup."""
    file = folder / "sensors.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [_feature("GAS-3")]}))
    await import_sensors(service.pool, *read_sensor_file(file))
    async with service.pool.acquire() as connection:
        nodes = {name: Node(node=name, position=(98.2 + n / 100, 39.77)) for n, name in enumerate("AB")}
        link = Link(link="P-1", from_node="A", to_node="B", material=MARKUP)
        await write_network(connection, "jiayuguan", {"gas": Placed(nodes, {"P-1": link})})
    await journal(service.pool, [change("GAS-1", 0, 4)])
    operator = await service.client("operator")
    answer = await operator.post(
        f"/api/v1/alarms/{ALARM}/comment",
        json={"seen_sequence": 1, "comment": MARKUP},
        headers={"Idempotency-Key": "one"},
    )
    assert answer.status_code == 200, answer.text


def test_case_44_markup_is_told_as_text_in_every_form(database_url: str, tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        await _marked_up(service, tmp_path)
        client = await service.client("supervisor")
        service.now = NOON + 1_000
        for path, accept, media in (
            ("/sensors", "application/json", "application/json"),
            ("/sensors", GEOJSON, GEOJSON),
            ("/alarms", "application/json", "application/json"),
            ("/alarms", GEOJSON, GEOJSON),
            (f"/alarms/{ALARM}/journal", "application/json", "application/json"),
            ("/networks/jiayuguan.gas", GEOJSON, GEOJSON),
            ("/sensorthings/v1.1/Things", "application/json", "application/json"),
        ):
            answer = await client.get(f"/api/v1{path}", headers={"Accept": accept})
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["content-type"].partition(";")[0] == media, path
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert MARKUP in _texts(answer.json()), path
        document = await client.get(f"/api/v1/feeds/cap/{ALARM}.xml")
        elements = list(ElementTree.fromstring(document.text).iter())
        assert not [element.tag for element in elements if element.tag.endswith("img")]
        assert any(MARKUP in (element.text or "") for element in elements)

    serve(database_url, scenario)


def _texts(found: Any) -> set[str]:
    """All texts of a JSON document."""
    if isinstance(found, str):
        return {found}
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return set().union(*map(_texts, inner))


def test_case_44_the_policy_runs_nothing_but_our_own_files(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        for path in ("/api/v1/alarms", "/", "/docs", "/static/docs.js", "/nowhere", "/api/v1/sensors/%3Cb%3E"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'self'; script-src 'self'; style-src 'self';"), path
            assert "unsafe" not in policy, path
            assert answer.headers["x-content-type-options"] == "nosniff"
        script = (await client.get("/static/docs.js")).text
        for dangerous in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert dangerous not in script
        for path in ("/", "/docs"):
            page = (await client.get(path)).text
            assert "<style" not in page
            assert "//" not in page.replace("<!doctype html>", "")

    serve(database_url, scenario)
