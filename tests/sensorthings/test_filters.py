"""$filter: what is found by operators, functions, ways and places, and what is refused with its remedy."""

from __future__ import annotations

import hashlib

from tests.sensorthings.city import ASSET, NOON, PRESSURES, ROOT, Town, hour, in_town, written

STREAM = "Datastreams('WATER-10')/Observations"
ALL = ["42", "DRAIN-1", "DRAIN-2", "GAS-1", "GAS-2", "WATER-10", "WATER-11", "WATER-9"]
HOUSE = f"jinchang:{hashlib.md5(ASSET.encode()).hexdigest()}"
MANHOLE = f"jiayuguan:{hashlib.md5(b'M-100%').hexdigest()}"
BOX = "geography'POLYGON((102 38, 103 38, 103 39, 102 39, 102 38))'"

STREAMS: dict[str, list[str]] = {
    # Operators and their precedence.
    "name eq 'GAS-2'": ["GAS-2"],
    "'GAS-2' eq name": ["GAS-2"],
    "name ne 'GAS-2'": [name for name in ALL if name != "GAS-2"],
    "@iot.id eq 'WATER-9' or id eq 'WATER-10'": ["WATER-10", "WATER-9"],
    "@iot.id eq 42": ["42"],
    "@iot.id ge 'WATER-1' and @iot.id lt 'WATER-9'": ["WATER-10", "WATER-11"],
    "not properties/system eq 'water' and not startswith(@iot.id,'G')": ["DRAIN-1", "DRAIN-2"],
    "properties/system eq 'gas' or properties/system eq 'drainage' and @iot.id eq 'DRAIN-1'": [
        "DRAIN-1", "GAS-1", "GAS-2",
    ],
    "(properties/system eq 'gas' or properties/system eq 'drainage') and @iot.id eq 'DRAIN-1'": ["DRAIN-1"],
    "not (properties/system eq 'gas' or properties/system eq 'drainage' or @iot.id eq '42')": [
        "WATER-10", "WATER-11", "WATER-9",
    ],
    "not not (name eq 'GAS-2')": ["GAS-2"],
    "length(name) add 1 eq 3 mul 2": ["GAS-2"],
    "10 sub 2 mul 3 eq 4 and length(@iot.id) div 2 eq 1": ["42"],
    "length(@iot.id) mod 5 eq 0": ["GAS-1", "GAS-2"],
    "length(@iot.id) div 0 eq 1 or length(@iot.id) mod 0 eq 1": [],
    "true and not false": ALL,
    "contains(name,'GAS') eq false and properties/system eq 'gas'": ["GAS-1"],  # its name is markup
    # Functions of texts.
    "substringof('inlet',name)": ["WATER-10"],
    "contains(name, 'inlet')": ["WATER-10"],
    "startswith(name, 'Pump')": ["WATER-10", "WATER-11"],
    "endswith(name, ', outlet')": ["WATER-11"],
    "indexof(name, 'house') eq 5": ["WATER-10", "WATER-11"],
    "tolower(unitOfMeasurement/symbol) eq 'mpa'": ["WATER-10", "WATER-9"],
    "toupper(properties/city) eq 'JINCHANG' and unitOfMeasurement/name eq 'litre per second'": ["42", "WATER-11"],
    "trim(concat('  ', @iot.id)) eq 'GAS-2'": ["GAS-2"],
    # Texts with everything that means something elsewhere.
    f"properties/asset eq '{ASSET.replace(chr(39), chr(39) * 2)}'": ["WATER-10", "WATER-11"],
    "contains(properties/asset, '%')": ["DRAIN-1", "WATER-10", "WATER-11"],  # no pattern
    "name eq ''' or true or '''": [],
    "properties/name_zh eq '七号阀室'": ["GAS-1"],
    "name eq null": [],
    "null eq null and not (null ne null)": ALL,
    "1 gt null or name lt null": [],
    "observedArea/type eq null": ["42", "DRAIN-2"],
    "name ne null": ALL,
    # Ways, to one and to several.
    "Thing/name eq 'M-100%'": ["DRAIN-1"],
    "ObservedProperty/name eq 'water depth'": ["DRAIN-1", "DRAIN-2"],
    "ObservedProperty/@iot.id eq 'water_depth' and Sensor/name eq 'DRAIN-2'": ["DRAIN-2"],
    "Observations/result gt 6": ["WATER-10"],
    "not Observations/result gt 0.35": [name for name in ALL if name != "WATER-10"],
    "Thing/Datastreams/ObservedProperty/name eq 'water flow'": ["42", "WATER-10", "WATER-11"],
    "Observations/result gt 6 and Observations/result lt 0.31": ["WATER-10"],  # each by another observation
    # Places.
    f"geo.intersects(observedArea, {BOX})": ["WATER-10", "WATER-11", "WATER-9"],
    "observedArea/type eq 'Point' or observedArea/geometry/type eq 'Point'": [
        name for name in ALL if name not in ("DRAIN-2", "42")
    ],
}  # fmt: skip
OBSERVATIONS: dict[str, list[int]] = {
    "result gt 0.31 and result lt 0.35": [2, 3],
    "result ge 0.38": [4, 8, 9],
    "result eq 3.3e-1": [3],
    "result mul 100 le 31 and result gt -1": [0, 1],
    "round(result mul 10) eq 4 and floor(result mul 10) eq 3": [5, 6, 7, 8, 9],
    "ceiling(result) eq 7": [4],
    f"phenomenonTime ge {written(hour(8))}": [8, 9],
    "phenomenonTime lt 2026-11-22T21:30:00+08:00": [0, 1],
    "phenomenonTime lt 2026-11-22T21:30+08:00": [0, 1],
    "phenomenonTime gt 2026-11-22T16:00:00.000-04:00": [9],
    "phenomenonTime eq datetime'2026-11-22T14:00:00Z'": [2],
    "date(phenomenonTime) eq 2026-11-22": list(range(10)),
    "year(phenomenonTime) eq 2026 and month(phenomenonTime) eq 11 and day(phenomenonTime) eq 22"
    " and hour(phenomenonTime) eq 13 and minute(phenomenonTime) eq 0 and second(phenomenonTime) eq 0"
    " and fractionalseconds(phenomenonTime) eq 0": [1],
    "minute(resultTime) eq 1": [1, 3, 5, 7, 9],
    "resultTime gt phenomenonTime": [1, 3, 5, 7, 9],
    "resultTime sub phenomenonTime lt duration'PT30S'": [0, 2, 4, 6, 8],
    "phenomenonTime gt now() add duration'PT7H30M'": [8, 9],
    "phenomenonTime lt now()": [],
    "resultQuality/quality eq 'good'": [0, 1, 2, 5, 6, 7, 8, 9],
    "resultQuality/quality eq 'bad' or resultQuality/quality eq 'uncertain'": [3, 4],
    "resultTime eq null": [],
    "not (resultTime eq null) and result gt 6": [4],
}
PLACES: dict[str, list[str]] = {
    f"st_within(location, {BOX})": ["WATER-9", HOUSE],
    f"st_intersects(location, {BOX})": ["WATER-9", HOUSE],
    f"st_contains({BOX}, location)": ["WATER-9", HOUSE],
    f"st_disjoint(location, {BOX})": ["GAS-1", "GAS-2", MANHOLE],
    f"not st_disjoint(location, {BOX})": ["WATER-9", HOUSE],
    f"st_within({BOX}, location)": [],
    # A hole, several surfaces, and a third coordinate as QGIS may write it.
    "st_within(location, geography'POLYGON((102 38,103 38,103 39,102 39,102 38),"
    "(102.195 38.5,102.25 38.5,102.25 38.6,102.195 38.6,102.195 38.5))')": ["WATER-9"],
    "st_within(location, geometry'SRID=4326;MULTIPOLYGON(((98.285 39,98.295 39,98.295 40,98.285 40,98.285 39)),"
    "((102.195 38, 103 38, 103 39, 102.195 39, 102.195 38)))')": ["GAS-1", HOUSE],
    "geo.intersects(location, geography'POLYGON Z((98.2 39.7 0,98.4 39.7 0,98.4 39.9 0,98.2 39.9 0,98.2 39.7 0))')": [
        "GAS-1", "GAS-2", MANHOLE,
    ],
    # Metres: a hundredth of a degree of longitude at 39.77 N is 855 m.
    "geo.distance(location, geography'POINT(98.29 39.77)') lt 850": ["GAS-1"],
    "geo.distance(location, geography'POINT(98.29 39.77)') lt 860": ["GAS-1", "GAS-2"],
    "geo.distance(geography'POINT(98.29 39.77)', location) eq 0": ["GAS-1"],
    "st_intersects(location, geography'POINT(98.29 39.77)')": ["GAS-1"],
    # Word by word as QGIS 3.40 asks for a layer of points within the map.
    "(location/type eq 'Point' or location/geometry/type eq 'Point') and (geo.intersects(location,"
    " geography'Polygon ((98.2 39.7, 98.4 39.7, 98.4 39.9, 98.2 39.9, 98.2 39.7))'))": [
        "GAS-1", "GAS-2", MANHOLE,
    ],
}  # fmt: skip
REFUSED: dict[str, int] = {
    "": 400, "name": 400, "name eq": 400, "eq 'x'": 400, "name eq 'x' and": 400, "name eq 'x": 400, "(name eq 'x'": 400,
    "name eq 'x')": 400, "name = 'x'": 400, "name eq x": 400, "nothing eq 'x'": 400, "Thing/nothing eq 'x'": 400,
    "Thing/Datastreams/Thing/Datastreams/Thing/Datastreams/name eq 'x'": 400,
    "Thing eq 'x'": 400, "Observations eq null": 400, "name eq 1": 400, "name gt null": 200, "name add 1 eq 1": 400,
    "name eq true": 400, "true gt false": 400, "1 and 2": 400, "not name": 400, "not 1 eq 2": 200, "''": 400,
    "startswith(name)": 400, "startswith(name,1)": 400, "frobnicate(name)": 400, "substring(name,1) eq 'x'": 501,
    "now(1) eq 1": 400, "Datastreams/any(d:d/name eq 'x')": 400, "properties/unknown eq 'x'": 400,
    "observationType eq 'x'": 501, "phenomenonTime gt 2026-01-01T00:00:00Z": 501, "name eq 'a\x00b'": 400,
    "length(name) eq 1e999": 400, "length(name) mul 1e300 mul 1e300 eq 1": 400, "name lt 2026-01-01": 400,
    "2026-13-01 eq 2026-01-01": 400, "0001-01-01 lt 2026-01-01": 400, "duration'P' eq duration'P1D'": 400,
    "duration'P99999999999D' gt duration'P1D'": 400, "2026-01-01 add duration'P999999D' gt 2026-01-01": 200,
    "9990-01-01 add duration'P999999999D' gt 2026-01-01": 400, "st_within(name, name)": 400,
    "st_within(observedArea)": 400, "st_within(observedArea, observedArea)": 400, "st_equals(observedArea, 1)": 501,
    "geo.distance(observedArea, geography'POLYGON((0 0,1 0,1 1,0 0))') lt 1": 501, "observedArea eq 'Point'": 400,
    "st_within(observedArea, geography'POLYGON((0 0,1 0,1 1))')": 400, "observedArea eq null": 400,
    "st_within(observedArea, geography'POLYGON((0 0,1 0,x 1,0 0))')": 400,
    "st_intersects(observedArea, geography'LINESTRING(0 0,1 1)')": 501,
    "st_within(observedArea, geography'POLYGON((0 0,1 0,1 1,0 0)')": 400,
    "st_within(observedArea, geography'')": 400, "st_within(observedArea, geography'POINT()')": 400,
    "(" * 30 + "true" + ")" * 30: 400, " and ".join(["true"] * 200): 400, "name eq 'x' " * 2: 400, "名 eq 'x'": 400,
    f"st_within(observedArea, geography'POLYGON(({','.join(['0 0'] * 1_001)}))')": 400,
}  # fmt: skip


def test_datastreams(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for text, expected in STREAMS.items():
            assert await town.ids("Datastreams", filter=text) == expected, text

    in_town(database_url, scenario)


def test_observations_and_places(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        times = {written(hour(number)): number for number in range(len(PRESSURES))}
        for text, expected in OBSERVATIONS.items():
            page = await town.get(STREAM, filter=text)
            assert [times[found["phenomenonTime"]] for found in page["value"]] == expected, text
        for text, places in PLACES.items():
            assert await town.ids("Locations", filter=text) == places, text
        for text, expected_ids in {
            "Datastream/Thing/properties/district eq 'xiongguan'": [f"GAS-1:{NOON}"],
            "Datastream/@iot.id eq 'WATER-10' and result gt 6": [f"WATER-10:{NOON + 4 * 3_600_000}"],
            f"@iot.id eq 'GAS-1:{NOON}'": [f"GAS-1:{NOON}"],
            f"'GAS-1:{NOON}' eq id": [f"GAS-1:{NOON}"],
            f"@iot.id eq 'GAS-1:{NOON}' or @iot.id eq 'GAS-2:{NOON}'": [f"GAS-1:{NOON}"],
            f"@iot.id eq 'GAS-1:{NOON}' and Datastream/id eq 'WATER-10'": [],
            "@iot.id eq 'GAS-1' or @iot.id eq 'GAS-1:x'": [],
            "Datastream/Thing/@iot.id eq 'GAS-1'": [f"GAS-1:{NOON}"],
            "Datastream/ObservedProperty/@iot.id eq 'combustible_gas'": [f"GAS-1:{NOON}"],
            "Datastream/Sensor/@iot.id eq 'GAS-1' and FeatureOfInterest/id eq 'GAS-1'": [f"GAS-1:{NOON}"],
            f"st_within(FeatureOfInterest/feature, {BOX}) and result gt 6": [f"WATER-10:{NOON + 4 * 3_600_000}"],
            f"Datastream/Thing/Locations/name eq '{ASSET.replace(chr(39), chr(39) * 2)}' and result lt 0.31": [
                f"WATER-10:{NOON}"
            ],
        }.items():
            assert await town.ids("Observations", filter=text) == expected_ids, text
        assert await town.ids("ObservedProperties", filter="Datastreams/properties/city eq 'jiayuguan'") == [
            "combustible_gas", "water_depth",
        ]  # fmt: skip

    in_town(database_url, scenario)


def test_what_is_refused(database_url: str) -> None:
    async def scenario(town: Town) -> None:
        for text, status in REFUSED.items():
            answer = await town.answer("Datastreams", filter=text)
            assert answer.status_code == status, (text[:100], answer.text)
            if status != 200:
                assert answer.json()["field"] == "$filter"
                assert answer.json()["remedy"]
        # The sign of an offset that was not percent-encoded arrives as a space.
        answer = await town.client.get(f"{ROOT}/{STREAM}?$filter=phenomenonTime lt 2026-11-22T21:30:00+08:00")
        assert len(answer.json()["value"]) == 2

    in_town(database_url, scenario)
