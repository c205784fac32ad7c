"""The resource path: entities by id, their properties, what they lead to, and references; what is not there is 404."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from app.sensorthings.addresses import Address, NoSuchAddress, Step, link_to, parse_address
from store.thing_entities import ENTITIES
from tests.sensorthings.city import NOON, Town, hour, in_town, written


@pytest.mark.parametrize("key", ["x", "it's", "a/b", "''", "(", ")/Datastreams", "%27", "水'泵/7", " "])
def test_an_id_comes_back_out_of_its_link(key: str) -> None:
    way = ENTITIES["Things"].navigations["Datastreams"]
    link = link_to("", "Things", key)
    assert parse_address(unquote(link[1:]) + "/Datastreams") == Address(
        (Step("Things", key, None), Step("Datastreams", None, way))
    )


@pytest.mark.parametrize("text", [
    "things", "Things(", "Things('x'", "Things()", "Things(x)", "Things('x')x", "Things/", "/Things", "Things//name",
    "Things('x')/nothing", "Things/name", "Things/Datastreams", "Things('x')/name/value", "Things('x')/$value",
    "Things('x')/name/$value/$value", "Things('x')/name(1)", "Things/$ref/$ref", "Datastreams('x')/Thing('y')",
    "Things('a\nb')", "Things('x')/$ref(1)",
])  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(NoSuchAddress):
        parse_address(text)


def test_addresses(database_url: str) -> None:
    first = f"WATER-10:{NOON}"

    async def scenario(town: Town) -> None:
        for path, expected in {
            "Datastreams('WATER-10')/name": {"name": "Pump house, inlet"},
            "Datastreams('WATER-10')/id": {"@iot.id": "WATER-10"},
            "Datastreams(42)/id": {"@iot.id": "42"},  # by those that take ids for numbers
            f"Observations('{first}')/Datastream/Thing/Datastreams('WATER-11')/name": {"name": "Pump house, outlet"},
            f"Datastreams('WATER-10')/Observations('{first}')/phenomenonTime": {"phenomenonTime": written(hour(0))},
            "Things('GAS-1')/Datastreams/$ref": {
                "value": [{"@iot.selfLink": f"{town.root}/Datastreams('GAS-1')"}],
            },
            "Datastreams('GAS-1')/Thing/$ref": {"@iot.selfLink": f"{town.root}/Things('GAS-1')"},
        }.items():  # fmt: skip
            assert await town.get(path) == expected, path
        for path, text in {
            "Datastreams('WATER-10')/name/$value": "Pump house, inlet",
            f"Observations('{first}')/result/$value": "0.3",
            "Datastreams('GAS-1')/unitOfMeasurement/$value":
                '{"name":"per cent of the lower explosive limit","symbol":"%{LEL}",'
                '"definition":"http://www.opengis.net/def/uom/UCUM/%25%7BLEL%7D"}',
        }.items():  # fmt: skip
            answer = await town.answer(path)
            assert (answer.status_code, answer.text) == (200, text)
            assert answer.headers["content-type"].startswith("text/plain")
        for path in (
            "Nothing", "Things('nobody')", "Things('nobody')/Datastreams", "Observations('GAS-1:1')",
            "Observations('GAS-1')", f"Observations('GAS-1:{NOON + 1}')", "Observations('GAS-1:99999999999999999999')",
            "Things('GAS-1')/Datastreams('GAS-2')", f"Datastreams('GAS-1')/Observations('{first}')",
            "Datastreams('WATER-9')/phenomenonTime", "Things('')", "Datastreams('GAS-1')/Sensor('GAS-1')",
        ):  # fmt: skip
            assert (await town.refused(path))["status"] == 404, path
        assert (await town.refused("Things('GAS-1')/Locations('GAS-1')" + "/Things('GAS-1')" * 8))["status"] == 400
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            assert (await town.client.request(method, "/api/v1/sensorthings/v1.1/Things")).status_code == 405

    in_town(database_url, scenario)
