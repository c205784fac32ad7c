"""The query options but for $filter: pages, counts, orders, selections and expansions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.sensorthings.city import NOON, PRESSURES, ROOT, Town, hour, in_town, written

STREAM = "Datastreams('WATER-10')/Observations"


async def _pages(town: Town, resource: str, **options: Any) -> list[list[Any]]:
    page = await town.get(resource, **options)
    pages = [page["value"]]
    while "@iot.nextLink" in page:
        assert len(pages) < 20
        answer = await town.client.get(page["@iot.nextLink"])
        assert answer.status_code == 200, answer.text
        page = answer.json()
        pages.append(page["value"])
    return pages


def test_pages_and_counts(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        # The order that is none's wish goes by keyset; so do orders by what is always there, in either direction.
        for options in (
            {}, {"orderby": "name"}, {"orderby": "name desc"}, {"orderby": "properties/city,name"},
            {"orderby": "properties/city desc,name"}, {"orderby": "Thing/name,@iot.id desc"},
        ):  # fmt: skip
            whole = await town.ids("Datastreams", **options)
            assert len(whole) == len(set(whole)) == 8
            pages = await _pages(town, "Datastreams", top=3, **options)
            assert [len(page) for page in pages] == [3, 3, 2]
            assert [entity["@iot.id"] for page in pages for entity in page] == whole
            pages = await _pages(town, "Datastreams", top=3, skip=1, **options)
            assert [entity["@iot.id"] for page in pages for entity in page] == whole[1:]
        for options in ({"orderby": "phenomenonTime desc"}, {"orderby": "result"}, {"orderby": "resultTime desc"}):
            pages = await _pages(town, STREAM, top=4, filter="result lt 1", **options)
            results = [observation["result"] for page in pages for observation in page]
            assert sorted(results, reverse="desc" in options["orderby"]) == results
            assert len(results) == 9

        assert await town.get("Things", top=0, count="true") == {"@iot.count": 7, "value": []}
        page = await town.get(STREAM, top=2, count="true", filter="result gt 0.32")
        assert (page["@iot.count"], len(page["value"])) == (7, 2)
        assert "@iot.count" not in await town.get(STREAM, count="false")
        second = (await town.client.get(page["@iot.nextLink"])).json()
        assert second["@iot.count"] == 7  # of the set, not of what is left
        assert len((await town.get("ObservedProperties", top=100_000))["value"]) == 39  # more is asked than there is
        assert (await town.get(STREAM, top=2, skip=9))["value"][0]["result"] == PRESSURES[9]

    in_town(database_url, scenario)


def test_a_page_has_a_most_and_so_have_counts_and_skips(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        assert [len(page) for page in await _pages(town, "Datastreams", top=100)] == [5, 3]
        assert [len(page) for page in await _pages(town, "Datastreams")] == [2, 2, 2, 2]
        assert (await town.refused("Datastreams", skip=11))["field"] == "$skip"
        assert (await town.refused(STREAM, count="true"))["field"] == "$count"
        assert (await town.get(STREAM, count="true", filter="result lt 0.35"))["@iot.count"] == 4
        # Of many rows, each shows less of what hangs on it, and a link to the rest.
        things = (await town.get("Things", top=5, expand="Datastreams($expand=Observations)"))["value"]
        shown = [stream for thing in things for stream in thing["Datastreams"]]
        assert len([observation for stream in shown for observation in stream["Observations"]]) <= 6
        for thing in things:
            assert len(thing["Datastreams"]) == 1

    in_town(
        database_url, scenario, page_rows_max=5, page_rows_default=2, sensorthings_skip_rows_max=10,
        sensorthings_count_rows_max=8, sensorthings_expand_rows_max=6,
    )  # fmt: skip


def test_order(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        things = (await town.get("Things", orderby="properties/district desc,name asc"))["value"]
        keys = [(thing["properties"]["district"], thing["name"]) for thing in things]
        for (district, name), (following, next_name) in pairwise(keys):
            assert district > following or (district == following and name <= next_name)
        newest = await town.get(STREAM, orderby="phenomenonTime desc", top=1)
        assert newest["value"][0]["phenomenonTime"] == written(hour(9))
        assert (await town.get("Observations", orderby="Datastream/name desc,result desc", top=1))["value"][0][
            "result"
        ] == max(PRESSURES)

    in_town(database_url, scenario)


def test_selections(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for select, keys in {
            "name": {"name"},
            "id,name": {"@iot.id", "name"},
            "@iot.selfLink": {"@iot.selfLink"},
            "unitOfMeasurement, Thing": {"unitOfMeasurement", "Thing@iot.navigationLink"},
        }.items():
            assert set(await town.get("Datastreams('WATER-10')", select=select)) == keys
            for entity in (await town.get("Datastreams", select=select))["value"]:
                assert set(entity) == keys
        expanded = await town.get("Datastreams('WATER-10')", select="name", expand="Thing($select=name)")
        assert expanded == {"name": "Pump house, inlet", "Thing": {"name": expanded["Thing"]["name"]}}

    in_town(database_url, scenario)


def test_expansions(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        deep = await town.get(
            "Things",
            filter="properties/asset ne ''",
            expand="Locations,Datastreams($orderby=name desc;$count=true;$top=1;$expand=ObservedProperty($select=name),"
            "Observations($filter=result gt 0.3;$orderby=phenomenonTime desc;$top=2;$select=result))",
        )
        house = next(thing for thing in deep["value"] if thing["properties"]["city"] == "jinchang")
        assert house["Locations"][0]["location"]["type"] == "Point"
        assert house["Datastreams@iot.count"] == 2
        (outlet,) = house["Datastreams"]
        assert outlet["name"] == "Pump house, outlet"
        assert outlet["ObservedProperty"] == {"name": "water flow"}
        assert outlet["Observations"] == []
        rest = (await town.client.get(house["Datastreams@iot.nextLink"])).json()
        (inlet,) = rest["value"]
        assert inlet["Observations"] == [{"result": value} for value in reversed(PRESSURES[8:])]
        assert "@iot.nextLink" not in rest
        further = (await town.client.get(inlet["Observations@iot.nextLink"])).json()
        assert [observation["result"] for observation in further["value"]] == PRESSURES[7:5:-1]

        # Ways may be written as paths, and one way twice where that adds up.
        stream = await town.get("Datastreams('WATER-10')", expand="Thing/Locations,Thing/Datastreams,Sensor")
        assert [other["@iot.id"] for other in stream["Thing"]["Datastreams"]] == ["WATER-10", "WATER-11"]
        assert len(stream["Thing"]["Locations"]) == 1
        assert stream["Sensor"]["@iot.id"] == "WATER-10"
        found = await town.get("Observations", expand="Datastream($expand=Thing),FeatureOfInterest", top=3)
        for observation in found["value"]:
            sensor = observation["@iot.id"].partition(":")[0]
            assert observation["Datastream"]["@iot.id"] == observation["FeatureOfInterest"]["@iot.id"] == sensor
        assert found["value"][-1]["Datastream"]["Thing"]["properties"]["city"] == "jinchang"

    in_town(database_url, scenario)


def test_observations_as_arrays(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        page = await town.get("Observations", resultFormat="dataArray", top=3, count="true")
        assert page["@iot.count"] == 11
        gas, water = page["value"]
        assert gas["Datastream@iot.navigationLink"] == f"{town.root}/Datastreams('GAS-1')"
        assert gas["components"] == ["id", "phenomenonTime", "result", "resultTime", "resultQuality"]
        assert gas["dataArray"][0][:3] == [f"GAS-1:{NOON}", written(hour(0)), 0.0]
        assert water["dataArray@iot.count"] == len(water["dataArray"]) == 2
        arrays = await town.get(STREAM, resultFormat="dataArray", select="result,phenomenonTime", top=1)
        assert arrays["value"][0]["components"] == ["phenomenonTime", "result"]
        assert arrays["value"][0]["dataArray"] == [[written(hour(0)), 0.3]]

    in_town(database_url, scenario)


REFUSED: list[tuple[str, dict[str, str], int]] = [
    ("Things", {"top": "-1"}, 400), ("Things", {"top": "x"}, 400), ("Things", {"skip": "1.5"}, 400),
    ("Things", {"count": "yes"}, 400), ("Things", {"orderby": ""}, 400), ("Things", {"orderby": "nothing"}, 400),
    ("Things", {"orderby": "name sideways"}, 400), ("Things", {"orderby": "name,"}, 400),
    ("Things", {"orderby": "Datastreams/name"}, 400), ("Things", {"orderby": "length(name)"}, 501),
    ("Locations", {"orderby": "location"}, 400), ("Things", {"select": "nothing"}, 400),
    ("Things", {"select": ""}, 400), ("Things", {"expand": "Observations"}, 400), ("Things", {"expand": ""}, 400),
    ("Things", {"expand": "Datastreams(top=1)"}, 400), ("Things", {"expand": "Datastreams($top=x)"}, 400),
    ("Things", {"expand": "Datastreams($top=1"}, 400), ("Things", {"expand": "Datastreams($filter=name eq 'x)"}, 400),
    ("Things", {"expand": "Datastreams)("}, 400),
    ("Things", {"expand": "Datastreams($top=1),Datastreams($top=2)"}, 400),
    ("Things", {"expand": "Datastreams/Thing/Datastreams/Thing"}, 400), ("Things", {"search": "x"}, 501),
    ("Things", {"expand": "Datastreams($resultFormat=dataArray)"}, 501), ("Things", {"skiptoken": "x"}, 400),
    ("Things", {"skiptoken": "WzFd"}, 400), ("Things", {"skiptoken": "WyJhIiwiYiJd"}, 400),
    (STREAM, {"skiptoken": "WzEsICJ4Il0"}, 400), ("Things", {"resultFormat": "dataArray"}, 400),
    (STREAM, {"resultFormat": "csv"}, 400), (STREAM, {"resultFormat": "dataArray", "expand": "Datastream"}, 501),
    ("Things('GAS-1')", {"top": "1"}, 400), ("Things('GAS-1')", {"filter": "name eq 'x'"}, 400),
    ("Things('GAS-1')/name", {"select": "name"}, 400), ("Things/$ref", {"expand": "Datastreams"}, 400),
]  # fmt: skip


def test_options_that_cannot_be_answered(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for resource, options, status in REFUSED:
            problem = await town.refused(resource, **options)
            assert problem["status"] == status, (resource, options, problem)
            assert problem["field"].strip("$") in {*options, "top", "resultFormat", "filter"}
        for query, field in {"top=1": "top", "$top=1&$top=2": "$top", "$Top=1": "$Top"}.items():
            answer = await town.client.get(f"{ROOT}/Things?{query}")
            assert answer.status_code in (400, 501)
            assert answer.json()["field"] == field

    in_town(database_url, scenario)
