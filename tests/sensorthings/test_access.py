"""Who sees what: areas within every way to an entity, exercises apart, keys as GIS clients send them."""

from __future__ import annotations

import base64
import inspect

import pytest

from app.sensorthings.landing import CONFORMANCE
from store.keys import create_key
from tests.sensorthings import test_addresses, test_entities, test_filter_properties, test_filters, test_query_options
from tests.sensorthings.city import ASSET, NOON, ROOT, Town, in_town

SETS = ("Things", "Locations", "Datastreams", "Sensors", "FeaturesOfInterest")
# Which test shows each requirement that is claimed; one without a test is not claimed.
SHOWN_BY = {
    "datamodel/": test_entities.test_properties_control_information_and_relations,
    "datamodel/historical-location/": test_entities.test_historical_locations_can_be_asked_for_and_are_none,
    "resource-path/resource-path-to-entities": test_addresses.test_addresses,
    "request-data/order": test_query_options.test_order,
    "request-data/expand": test_query_options.test_expansions,
    "request-data/select": test_query_options.test_selections,
    "request-data/status-code": test_addresses.test_addresses,
    "request-data/query-status-code": test_query_options.test_options_that_cannot_be_answered,
    "request-data/orderby": test_query_options.test_order,
    "request-data/top": test_query_options.test_pages_and_counts,
    "request-data/skip": test_query_options.test_pages_and_counts,
    "request-data/count": test_query_options.test_pages_and_counts,
    "request-data/filter": test_filters.test_datastreams,
    "request-data/built-in-filter-operations":
        test_filter_properties.test_a_filter_finds_what_a_plain_evaluation_finds,
    "request-data/pagination": test_query_options.test_a_page_has_a_most_and_so_have_counts_and_skips,
}  # fmt: skip


@pytest.mark.parametrize("requirement", CONFORMANCE)
def test_what_is_claimed_is_shown(requirement: str) -> None:
    name = requirement.removeprefix("http://www.opengis.net/spec/iot_sensing/1.1/req/")
    (shown, *_) = [
        test for start, test in SHOWN_BY.items() if name == start or (start[-1] == "/" and name.startswith(start))
    ]
    assert inspect.isfunction(shown)


def test_the_first_page(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for path in (ROOT, f"{ROOT}/"):
            page = (await town.client.get(path)).json()
            assert page["serverSettings"]["conformance"] == list(CONFORMANCE)
            for entry in page["value"]:
                assert entry["url"] == f"{town.root}/{entry['name']}"
                assert (await town.client.get(entry["url"])).status_code == 200

    in_town(database_url, scenario)


def test_areas(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        everything = {name: set(await town.ids(name)) for name in SETS}
        for areas, sensors in {
            ("jiayuguan",): {"GAS-1", "GAS-2", "DRAIN-1", "DRAIN-2"},
            ("jiayuguan/xiongguan",): {"GAS-1", "GAS-2"},
            ("jiayuguan/jingtie", "jinchang/yongchang"): {"DRAIN-1", "42"},
            (): set(),
        }.items():
            bound = Town(town.service, await town.service.client("viewer", *(areas or ("nowhere",))))
            assert set(await bound.ids("Datastreams")) == set(await bound.ids("Sensors")) == sensors, areas
            for name in SETS:
                assert set(await bound.ids(name)) <= everything[name]
            through = await bound.get("ObservedProperties", expand="Datastreams($count=true;$expand=Thing/Locations)")
            streams = [stream for observed in through["value"] for stream in observed["Datastreams"]]
            assert {stream["@iot.id"] for stream in streams} == sensors
            assert sum(observed["Datastreams@iot.count"] for observed in through["value"]) == len(sensors)
            for name in ("Datastreams", "Observations"):
                page = await bound.get(name, count="true")
                assert page["@iot.count"] == len(page["value"])
                assert "WATER-1" not in str(page)
            # Nor is anything to be found out through a filter, or by an id.
            assert await bound.ids("ObservedProperties", filter="Datastreams/@iot.id eq 'WATER-10'") == []
            for path in (
                "Datastreams('WATER-10')", "Sensors('WATER-10')", f"Observations('WATER-10:{NOON}')",
                "Things('WATER-9')", "ObservedProperties('water_pressure')/Datastreams('WATER-9')",
            ):  # fmt: skip
                assert (await bound.refused(path))["status"] == 404

    in_town(database_url, scenario)


def test_exercises_are_left_out_unless_they_are_asked_for(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for name in SETS:
            assert "DRILL-1" not in await town.ids(name)
        for options in (
            {"filter": "properties/system eq 'gas'"}, {"filter": "@iot.id eq 'GAS-1' or properties/system eq 'gas'"},
            {"filter": "not (properties/city eq 'jinchang')"}, {"filter": "startswith(@iot.id,'D')"},
        ):  # fmt: skip
            assert "DRILL-1" not in await town.ids("Things", **options), options
        gas = "ObservedProperties('combustible_gas')"
        assert await town.ids(f"{gas}/Datastreams") == ["GAS-1", "GAS-2"]
        assert "DRILL-1" not in str(await town.get(gas, expand="Datastreams"))
        assert await town.ids("ObservedProperties", filter="@iot.id eq 'combustible_gas'") == ["combustible_gas"]
        assert "DRILL-1" not in str(await town.get("Observations"))

        for asked in (
            "properties/mode eq 'exercise'", "properties/city eq 'drill'", "@iot.id eq 'DRILL-1' and true",
            "properties/mode ne 'operational' and properties/mode ne 'test'",
        ):  # fmt: skip
            assert await town.ids("Things", filter=asked) == ["DRILL-1"], asked
        drill = await town.get("Things('DRILL-1')", expand="Datastreams/Observations")
        assert drill["properties"]["mode"] == "exercise"
        assert len(drill["Datastreams"][0]["Observations"]) == 1

    in_town(database_url, scenario)


def test_a_key_may_be_the_password_of_basic_authentication(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        key = await create_key(town.service.pool, role="viewer", areas=["jiayuguan"])
        for credentials, status in {
            f"gis:{key}": 200, f":{key}": 200, f"{key}:": 401, "gis:secret": 401, "gis:lk_wrong": 401, "gis": 401,
        }.items():  # fmt: skip
            encoded = base64.b64encode(credentials.encode()).decode()
            client = town.service.client_with({"Authorization": f"Basic {encoded}"})
            assert (await client.get(f"{ROOT}/Things")).status_code == status, credentials
            # Only here: elsewhere clients can send a key as it is.
            assert (await client.get("/api/v1/sensors")).status_code == 401
        for broken in ("Basic", "Basic ü", "Basic ===", "basic " + "QQ" * 1_000):
            client = town.service.client_with({})
            answer = await client.get(f"{ROOT}/Things", headers={"Authorization": broken.encode("latin-1")})
            assert answer.status_code == 401
        bound = town.service.client_with({"Authorization": "Basic " + base64.b64encode(f"gis:{key}".encode()).decode()})
        assert ASSET not in (await bound.get(f"{ROOT}/Things")).text

    in_town(database_url, scenario)
