"""Sensors files: good ones round-trip; a bad one is refused whole, every error with its line and remedy."""

import csv
import json
from pathlib import Path

import pytest

from model.sensor_file import SensorFileError, parse_sensor_file, read_sensor_file, write_sensor_file

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s"
ROW = "s1,jyg,gas,combustible_gas,%{LEL},98.29,39.77,Xinhua Road 1,60"

# name: (header, rows, line, words)
BAD = {
    "a missing column": (HEADER.replace(",unit", ""), [ROW], 1, ["unit", "missing"]),
    "a column twice": (HEADER + ",name", [ROW + ",x"], 1, ["name", "twice"]),
    "an unknown system": (HEADER, [ROW.replace(",gas,", ",gass,")], 2, ["system", "gass", "gas"]),
    "an unknown property": (HEADER, [ROW.replace("combustible_gas", "methan")], 2, ["property", "methan"]),
    "a unit that does not fit": (HEADER, [ROW.replace("%{LEL}", "kPa")], 2, ["unit", "kPa", "%{LEL}"]),
    "a bare per cent": (HEADER, [ROW.replace("%{LEL}", "%")], 2, ["unit", "%{LEL}", "%{vol}"]),
    "a duplicate id": (HEADER, [ROW, ROW], 3, ["s1", "line 2"]),
    "an id with a slash": (HEADER, [ROW.replace("s1", "s/1")], 2, ["sensor", "A-Z"]),
    "an id of 65 characters": (HEADER, [ROW.replace("s1", "s" * 65)], 2, ["sensor", "64"]),
    "no interval": (HEADER, [ROW[:-2]], 2, ["interval_s", "empty"]),
    "an interval that is no number": (HEADER, [ROW[:-2] + "soon"], 2, ["interval_s", "soon"]),
    "an interval of zero": (HEADER, [ROW[:-2] + "0"], 2, ["interval_s"]),
    "a longitude off the globe": (HEADER, [ROW.replace("98.29", "198.29")], 2, ["longitude", "180"]),
    "half a place": (HEADER, [ROW.replace("39.77", "")], 2, ["latitude", "together"]),
    "too few cells": (HEADER, ["s1,jyg,gas"], 2, ["3 cells", "9 columns"]),
    "an unknown mode": (HEADER + ",mode", [ROW + ",live"], 2, ["mode", "operational"]),
    "an unknown time zone": (HEADER + ",time_zone", [ROW + ",Beijing"], 2, ["time_zone", "Asia/Shanghai"]),
    "two modes of one city": (
        HEADER + ",mode",
        [ROW + ",test", ROW.replace("s1", "s2") + ",exercise"],
        3,
        ["jyg", "another"],
    ),
    "an empty range": (HEADER + ",valid_min,valid_max", [ROW + ",10,5"], 2, ["range", "valid_min"]),
    "an unknown gas": (HEADER + ",gas", [ROW + ",argon"], 2, ["argon", "methane"]),
    "personal data": (HEADER + ",telephone", [ROW + ",123"], 1, ["telephone", "personal"]),
    "personal data in Chinese": (HEADER + ",电话", [ROW + ",123"], 1, ["电话", "personal"]),
    "no sensor": (HEADER, [], 0, ["no sensor"]),
    "a control character in a name": (HEADER, [ROW.replace("Xinhua", "Xin\x07hua")], 2, ["name", "U+0007", "anew"]),
    "a line end in a name": (HEADER, [ROW.replace("Xinhua Road 1", '"Xinhua\nRoad"')], 3, ["name", "U+000A"]),
    "a right-to-left mark in a name": (HEADER, [ROW.replace("Xinhua", "Xin\u202ehua")], 2, ["name", "RIGHT-TO-LEFT"]),
    "a mark that cannot be seen": (HEADER, [ROW.replace("Xinhua", "Xin\u200bhua")], 2, ["name", "ZERO WIDTH SPACE"]),
    "a name of 64 kB": (HEADER, [ROW.replace("Xinhua", "x" * 65_536)], 2, ["name", "200"]),
    "an id with a right-to-left mark": (HEADER, [ROW.replace("s1", "s\u200f1")], 2, ["sensor", "U+200F"]),
    "an id in decomposed letters": (HEADER, [ROW.replace("s1", "se\u0301")], 2, ["sensor", "A-Z"]),
    "an id that is a formula": (HEADER, [ROW.replace("s1", "=cmd")], 2, ["sensor", "=cmd", "A-Z"]),
    "an id that is markup": (HEADER, [ROW.replace("s1", "<b>")], 2, ["sensor", "A-Z"]),
    "an elevation that is no number": (HEADER + ",elevation_m", [ROW + ",nan"], 2, ["elevation_m", "finite"]),
    "a camera that is a script": (HEADER + ",camera_url", [ROW + ",javascript:alert(1)"], 2, ["camera_url", "https"]),
    "a due date that is none": (HEADER + ",calibration_due", [ROW + ",soon"], 2, ["calibration_due", "2027-03-01"]),
    "a column without name": (HEADER + ",", [ROW + ",x"], 1, ["no name"]),
}


def write(folder: Path, header: str, rows: list[str]) -> Path:
    path = folder / "sensors.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_line_and_remedy(name: str, tmp_path: Path) -> None:
    header, rows, line, words = BAD[name]
    with pytest.raises(SensorFileError) as refused:
        read_sensor_file(write(tmp_path, header, rows))
    assert refused.value.problems[0][0] == line
    for word in words:
        assert word in str(refused.value)


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    rows = [ROW.replace("gas,comb", "gass,comb"), ROW.replace("98.29", "x"), ROW]
    with pytest.raises(SensorFileError) as refused:
        read_sensor_file(write(tmp_path, HEADER, rows))
    assert [line for line, _ in refused.value.problems] == [2, 3]


def test_further_columns_are_kept_as_attributes_and_files_round_trip(tmp_path: Path) -> None:
    header = HEADER + ",valid_max,reporting,place,diameter_m,mode"
    rows = [ROW + ",40,by_exception,utility_tunnel,,test", "s2,jyg,drainage,manhole_level,m,,,,300,,,,0.6,test"]
    sensors, cities = read_sensor_file(write(tmp_path, header, rows))
    assert sensors[0].attributes == {"place": "utility_tunnel"}
    assert sensors[0].valid_range == (-5.0, 40.0)
    assert sensors[1].attributes == {"diameter_m": "0.6"}
    assert (sensors[1].longitude, sensors[1].silence_ms) == (None, 900_000)
    assert [(city.city, city.mode) for city in cities] == [("jyg", "test")]
    again = tmp_path / "again.csv"
    write_sensor_file(again, sensors, {city.city: city for city in cities})
    assert read_sensor_file(again) == (sensors, cities)


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sensors.csv"
    path.write_bytes(("\ufeff" + HEADER + "\r\n" + ROW + "\r\n\r\n").encode())
    assert len(read_sensor_file(path)[0]) == 1


def test_geojson_is_read(tmp_path: Path) -> None:
    fields = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    del fields["longitude"], fields["latitude"]
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [98.3, 39.8]}, "properties": fields}
    path = tmp_path / "sensors.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (sensor,), _ = read_sensor_file(path)
    assert (sensor.longitude, sensor.latitude) == (98.3, 39.8)
    path.write_text(json.dumps({"features": [{**feature, "geometry": {"type": "LineString", "coordinates": []}}]}))
    with pytest.raises(SensorFileError, match="feature 1: geometry LineString is not a Point"):
        read_sensor_file(path)


def test_an_error_in_geojson_is_told_with_line_and_feature(tmp_path: Path) -> None:
    good = {
        "type": "Feature",
        "geometry": None,
        "properties": dict(zip(HEADER.split(","), ROW.split(","), strict=True)),
    }
    bad = [
        {**good, "properties": {**good["properties"], "sensor": "s2", "interval_s": True}},  # type: ignore[dict-item]
        {**good, "properties": {**good["properties"], "sensor": "s3", "telephone": "1"}},  # type: ignore[dict-item]
        {"type": "Feature", "geometry": None, "properties": {"sensor": "s4"}},
        {**good, "geometry": {"type": "Point", "coordinates": [float("nan"), 1e999]}},
    ]
    path = tmp_path / "sensors.geojson"
    path.write_text(
        '{"type": "FeatureCollection", "features": [\n' + ",\n".join(map(json.dumps, [good, *bad])) + "\n]}"
    )
    found = parse_sensor_file(path)
    assert [sensor.sensor for sensor in found.sensors] == ["s1"]
    assert [(line, text.split(":")[0]) for line, text in found.problems] == [
        (n + 1, f"feature {n}") for n in (2, 3, 4, 5)
    ]
    assert ["interval_s" in found.problems[0][1], "telephone" in found.problems[1][1]] == [True, True]


@pytest.mark.parametrize(
    "content",
    ['{"features": [}', '{"features": [{},]}', '{"features": []} x', '{"features": 1}', "{" * 100_000,
     '{"features": [' + "[" * 100_000, '{"a": 1' + "0" * 5_000 + ', "features": []}', '{"features" []}'],
)  # fmt: skip
def test_what_is_no_geojson_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "sensors.geojson"
    path.write_text(content)
    with pytest.raises(SensorFileError):
        read_sensor_file(path)


def test_names_are_kept_in_composed_letters(tmp_path: Path) -> None:
    (sensor,), _ = read_sensor_file(write(tmp_path, HEADER, [ROW.replace("Xinhua", "Xi\u0301nhua")]))
    assert sensor.name == "X\u00ednhua Road 1"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "'=x", "''=x"])
def test_a_formula_in_a_name_is_guarded_when_written_and_comes_back(name: str, tmp_path: Path) -> None:
    fields = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | {"name": name, "depth_m": "-3.5"}
    path = tmp_path / "sensors.geojson"
    path.write_text(json.dumps({"features": [{"geometry": None, "properties": fields}]}))
    sensors, cities = read_sensor_file(path)
    assert sensors[0].name == name
    again = tmp_path / "again.csv"
    write_sensor_file(again, sensors, {city.city: city for city in cities})
    cell = next(csv.DictReader(again.open(encoding="utf-8")))
    assert cell["name"] == "'" + name
    assert cell["depth_m"] == "-3.5"
    assert read_sensor_file(again)[0] == sensors


def test_good_rows_are_known_beside_the_errors_of_others(tmp_path: Path) -> None:
    rows = [ROW, ROW.replace("s1", "s2").replace("gas,comb", "gass,comb"), "s3,jyg", ROW.replace("s1", "s4")]
    found = parse_sensor_file(write(tmp_path, HEADER + "", rows))
    assert found.lines == {"s1": 2, "s4": 5}
    assert [line for line, _ in found.problems] == [3, 4]
    assert found.stated == {}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b"{}", b'{"features": [1]}', b""])
def test_what_is_no_sensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sensors.csv"
    path.write_bytes(content)
    with pytest.raises(SensorFileError):
        read_sensor_file(path)


def test_no_file_leaves_a_sensor_unwatched(tmp_path: Path) -> None:
    path = tmp_path / "sensors.csv"
    header = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,unwatched"
    path.write_text(f"{header}\na,c,gas,combustible_gas,%{{LEL}},98.3,39.8,A,60,yes\n")
    with pytest.raises(SensorFileError, match=r"sensors\.csv:2: .*take it out of service instead"):
        read_sensor_file(path)
