"""The data model: each entity has the properties, control information and relations of the standard."""

from __future__ import annotations

import re

from app.sensorthings.words import UNIT_NAMES
from model.vocabulary import PROPERTIES
from tests.sensorthings.city import ASSET, NOON, PRESSURES, Town, hour, in_town, written

# What the standard demands of each entity (18-088, tables 2 to 18), and where it leads; to one or to many.
MODEL = {
    "Things": ({"name", "description"}, {"Datastreams": 0, "Locations": 0, "HistoricalLocations": 0}),
    "Locations": (
        {"name", "description", "encodingType", "location"}, {"Things": 0, "HistoricalLocations": 0},
    ),
    "Datastreams": (
        {"name", "description", "unitOfMeasurement", "observationType"},
        {"Thing": 1, "Sensor": 1, "ObservedProperty": 1, "Observations": 0},
    ),
    "Sensors": ({"name", "description", "encodingType", "metadata"}, {"Datastreams": 0}),
    "ObservedProperties": ({"name", "description", "definition"}, {"Datastreams": 0}),
    "Observations": ({"phenomenonTime", "resultTime", "result"}, {"Datastream": 1, "FeatureOfInterest": 1}),
    "FeaturesOfInterest": ({"name", "description", "encodingType", "feature"}, {"Observations": 0}),
}  # fmt: skip


def test_properties_control_information_and_relations(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        sets = {entry["name"]: entry["url"] for entry in (await town.get(""))["value"]}
        assert set(sets) == {*MODEL, "HistoricalLocations"}
        for name, (properties, ways) in MODEL.items():
            page = (await town.client.get(sets[name])).json()
            assert page["value"], name
            for entity in page["value"]:
                assert properties <= set(entity), name
                assert all(entity[key] is not None for key in properties), entity
                alone = (await town.client.get(entity["@iot.selfLink"])).json()
                assert alone == entity
                links = {key.partition("@")[0] for key in entity if key.endswith("@iot.navigationLink")}
                assert links == set(ways)
            for way, to_one in ways.items():
                found = await town.client.get(page["value"][0][f"{way}@iot.navigationLink"])
                assert found.status_code == 200, found.text
                assert ("@iot.id" in found.json()) == bool(to_one), way

    in_town(database_url, scenario)


def test_what_the_entities_say(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        thing = await town.get("Datastreams('WATER-10')/Thing")
        assert thing["name"] == ASSET
        assert thing["properties"] == {
            "city": "jinchang", "district": "jinchuan", "mode": "operational", "system": "water", "asset": ASSET,
        }  # fmt: skip
        link = thing["Datastreams@iot.navigationLink"].removeprefix(f"{town.root}/")
        assert await town.ids(link) == ["WATER-10", "WATER-11"]
        # Ids go through the addresses of clients that escape nothing.
        assert re.fullmatch(r"jinchang:[0-9a-f]{32}", thing["@iot.id"])
        # A sensor without an asset is a thing of its own.
        assert (await town.get("Things('WATER-9')"))["name"] == "WATER-9"

        stream = await town.get("Datastreams('WATER-10')")
        assert stream["name"] == "Pump house, inlet"
        assert stream["unitOfMeasurement"] == {
            "name": "megapascal", "symbol": "MPa", "definition": "http://www.opengis.net/def/uom/UCUM/MPa",
        }  # fmt: skip
        assert stream["observationType"].endswith("OM_Measurement")
        assert stream["phenomenonTime"] == f"{written(hour(0))}/{written(hour(9))}"
        assert stream["observedArea"] == {"type": "Point", "coordinates": [102.20, 38.53]}
        assert "phenomenonTime" not in await town.get("Datastreams('WATER-9')")  # never heard

        location = await town.get("Datastreams('WATER-11')/Thing/Locations")
        assert location["value"][0]["location"] == {"type": "Point", "coordinates": [102.20, 38.53]}
        assert location["value"][0]["encodingType"] == "application/geo+json"
        # Without coordinates, or with those of a local grid, a thing is at no location.
        for sensor in ("DRAIN-2", "42"):
            assert await town.ids(f"Things('{sensor}')/Locations") == []
            assert (await town.get(f"FeaturesOfInterest('{sensor}')"))["feature"]["geometry"] is None

        observed = await town.get("ObservedProperties('water_pressure')")
        assert observed["definition"] == observed["@iot.selfLink"]
        assert len((await town.get("ObservedProperties"))["value"]) == len(PROPERTIES)

        late = await town.get(f"Observations('WATER-10:{NOON + 3_600_000}')")
        assert (late["result"], late["phenomenonTime"]) == (PRESSURES[1], written(hour(1)))
        assert late["resultTime"] == written(hour(1)).replace(":00:00.", ":01:00.")
        assert late["resultQuality"] == {"quality": "good", "flags": []}
        bad = await town.get(f"Observations('WATER-10:{NOON + 4 * 3_600_000}')")
        assert bad["resultQuality"] == {"quality": "bad", "flags": ["out_of_range", "delayed"]}
        assert (await town.get(f"Observations('WATER-10:{NOON}')/FeatureOfInterest"))["@iot.id"] == "WATER-10"

    in_town(database_url, scenario)


def test_historical_locations_can_be_asked_for_and_are_none(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for path in ("HistoricalLocations", "Things('GAS-1')/HistoricalLocations"):
            assert await town.get(path, count="true") == {"@iot.count": 0, "value": []}
        page = await town.get("Things('GAS-1')", expand="HistoricalLocations($expand=Thing,Locations)")
        assert page["HistoricalLocations"] == []
        assert await town.ids("HistoricalLocations", filter="time gt 2020-01-01T00:00:00Z") == []

    in_town(database_url, scenario)


def test_every_unit_has_a_name() -> None:
    assert {observed.unit for observed in PROPERTIES.values()} == set(UNIT_NAMES)
