"""Clients of others connect as they are: that of Fraunhofer IOSB, made for its FROST server, and QGIS's requests."""

from __future__ import annotations

import asyncio

import frost_sta_client as fsc
import pytest
import requests

from store.keys import create_key
from tests.sensorthings.city import ASSET, PRESSURES, Town, hour, in_town, written


def test_a_client_made_for_another_server(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        key = await create_key(town.service.pool, role="viewer", areas=["*"])
        await asyncio.to_thread(_look_around, town.root, key)

    in_town(database_url, scenario, page_rows_default=3)


def _look_around(root: str, key: str) -> None:
    service = fsc.SensorThingsService(root, auth_handler=fsc.AuthHandler(username="gis", password=key))
    # Over all pages: the client follows the links.
    things = service.things().query().count().list()
    assert things.count == 7
    assert len([thing.name for thing in things]) == 7

    house = next(thing for thing in things if thing.name == ASSET)
    assert service.things().find(house.id).properties == house.properties
    streams = house.get_datastreams().query().orderby("name", "ASC").list()
    assert [stream.name for stream in streams] == ["Pump house, inlet", "Pump house, outlet"]
    assert streams.get(0).unit_of_measurement.symbol == "MPa"
    assert house.get_locations().query().list().get(0).location["coordinates"] == [102.20, 38.53]

    observations = service.datastreams().find("WATER-10").get_observations()
    newest = observations.query().filter("result lt 1").orderby("phenomenonTime", "desc").top(1).list().get(0)
    assert newest.result == PRESSURES[-1]
    assert newest.phenomenon_time == written(hour(9))
    assert [one.result for one in observations.query().select("result").list()] == PRESSURES

    (stream,) = service.datastreams().query().filter("Thing/name eq 'M-100%'").expand("Thing,ObservedProperty").list()
    assert stream.thing.properties["district"] == "jingtie"
    assert stream.observed_property.name == "water depth"
    with pytest.raises(requests.HTTPError):
        service.things().find("nobody")
    with pytest.raises(requests.HTTPError):
        fsc.SensorThingsService(root, auth_handler=fsc.AuthHandler("gis", "lk_wrong")).things().query().list()


def test_what_qgis_asks_for(database_url: str) -> None:
    """As the provider of QGIS 3.40 goes about a layer of points, with what it needs of each answer."""

    async def scenario(town: Town) -> None:
        sets = {entry["name"]: entry["url"] for entry in (await town.client.get(town.root)).json()["value"]}
        kind = "location/type eq 'Point' or location/geometry/type eq 'Point'"
        counted = await town.client.get(f"{sets['Locations']}?$top=0&$count=true&$filter={kind}")
        assert counted.json() == {"@iot.count": 5, "value": []}
        extent = "geo.intersects(location, geography'Polygon ((98 38, 103 38, 103 40, 98 40, 98 38))')"
        link = f"{sets['Locations']}?$top=2&$count=false&$filter=({kind}) and ({extent})&$expand=Things($top=1)"
        places = []
        while link:
            page = (await town.client.get(link)).json()
            for entity in page["value"]:
                assert {"@iot.id", "@iot.selfLink", "name", "description", "properties"} <= set(entity)
                assert len(entity["Things"]) == 1
                places.append(entity["location"]["coordinates"])
            link = page.get("@iot.nextLink", "")
        assert len(places) == 5
        assert all(len(place) == 2 for place in places)
        for name in ("Datastreams", "Things", "Sensors", "ObservedProperties", "Observations", "FeaturesOfInterest"):
            answer = (await town.client.get(f"{sets[name]}?$top=0&$count=true")).json()
            assert answer["@iot.count"] > 0, name

    in_town(database_url, scenario)
