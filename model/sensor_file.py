"""Sensors files, CSV or GeoJSON: read whole, every error with its line, all or nothing; and written."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from model.sensor import City, InvalidSensor, Sensor, check_city, check_sensor

REQUIRED = ("sensor", "city", "system", "property", "unit", "longitude", "latitude", "name", "interval_s")
_NUMBERS = ("longitude", "latitude", "interval_s", "valid_min", "valid_max", "span", "elevation_m", "silence_s_max")
_TEXTS = tuple(f for f in Sensor.__struct_fields__ if f not in _NUMBERS and f != "attributes")
_CITY_COLUMNS = ("time_zone", "mode")
# Invariant I9: who lives behind a gas meter is the utility's to know. Columns of these names are refused.
_PERSONAL = {"phone", "telephone", "mobile", "resident", "householder", "user_name", "home_address", "id_card"}


class SensorFileError(Exception):
    """A sensors file that cannot be taken; `problems` has a (line, text) for each error found."""

    def __init__(self, path: Path, problems: list[tuple[int, str]]) -> None:
        shown = [f"{path}:{line}: {text}" if line else f"{path}: {text}" for line, text in problems[:20]]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        super().__init__("\n".join(shown))
        self.problems = problems


def read_sensor_file(path: Path, *, mode: str | None = None) -> tuple[list[Sensor], list[City]]:
    """Return the sensors of a CSV or GeoJSON file and the cities they stand in.

    `mode` overrides the file's column `mode`; where neither says, a city is operational. Raises SensorFileError.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SensorFileError(path, [(0, f"byte {error.start} is not UTF-8; save the file as UTF-8")]) from None
    except OSError as error:
        raise SensorFileError(path, [(0, f"cannot be read: {error.strerror}")]) from None
    rows = _geojson_rows(path, text) if text.lstrip()[:1] == "{" else _csv_rows(path, text)
    return _build(path, rows, mode)


def write_sensor_file(path: Path, sensors: Iterable[Sensor], cities: Mapping[str, City]) -> None:
    """Write sensors as CSV with the columns that any of them uses."""
    rows = []
    for sensor in sensors:
        city = cities[sensor.city]
        fields: dict[str, Any] = {name: getattr(sensor, name) for name in (*_TEXTS, *_NUMBERS)}
        rows.append({**fields, "time_zone": city.time_zone, "mode": city.mode, **sensor.attributes})
    defaults = {
        field.name: field.default for field in msgspec.structs.fields(Sensor) if field.default is not msgspec.NODEFAULT
    }
    names = dict.fromkeys(name for row in rows for name in row)
    optional = [
        name for name in names if name not in REQUIRED and any(row.get(name) != defaults.get(name) for row in rows)
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, [*REQUIRED, *optional], extrasaction="ignore", lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({k: _written(v) for k, v in row.items()} for row in rows)
    path.write_text(out.getvalue(), "utf-8")


def _written(value: object) -> object:
    if value is None:
        return ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else value


def _csv_rows(path: Path, text: str) -> list[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[tuple[int, str]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_columns(path, header)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                problems.append((reader.line_num, f"{len(cells)} cells where the header has {len(header)} columns"))
                continue
            rows.append((reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    except csv.Error as error:
        problems.append((reader.line_num, f"not CSV: {error}"))
    if problems:
        raise SensorFileError(path, problems)
    return rows


def _check_columns(path: Path, header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    repeated = sorted({name for name in header if header.count(name) > 1})
    personal = sorted(_PERSONAL.intersection(name.lower() for name in header))
    if missing:
        text = f"column {', '.join(missing)} is missing; the header needs {','.join(REQUIRED)}"
    elif repeated:
        text = f"column {repeated[0]} stands twice; leave one"
    elif personal:
        text = f"column {personal[0]} would hold personal data; leave it out and give the utility's opaque id in asset"
    else:
        return
    raise SensorFileError(path, [(1, text)])


def _geojson_rows(path: Path, text: str) -> list[tuple[int, dict[str, str]]]:
    try:
        features = json.loads(text)["features"]
        rows = []
        for number, feature in enumerate(features, 1):
            row = {str(k): "" if v is None else str(v) for k, v in feature["properties"].items()}
            place = feature.get("geometry")
            if place is not None:
                if place["type"] != "Point":
                    raise SensorFileError(path, [(0, f"feature {number}: geometry {place['type']} is not a Point")])
                row["longitude"], row["latitude"] = (str(c) for c in place["coordinates"][:2])
            rows.append((number, {"longitude": "", "latitude": "", "name": "", **row}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SensorFileError(path, [(0, f"not a GeoJSON FeatureCollection of points: {error!r}")]) from None
    for number, row in rows:
        missing = [name for name in REQUIRED if name not in row]
        if missing:
            raise SensorFileError(path, [(0, f"feature {number}: property {', '.join(missing)} is missing")])
    return rows


def _build(path: Path, rows: list[tuple[int, dict[str, str]]], mode: str | None) -> tuple[list[Sensor], list[City]]:
    problems: list[tuple[int, str]] = []
    sensors: dict[str, tuple[int, Sensor]] = {}
    cities: dict[str, tuple[int, City]] = {}
    for line, row in rows:
        try:
            sensor, city = _sensor(row), _city(row, mode)
            check_sensor(sensor)
            check_city(city)
        except InvalidSensor as error:
            problems.append((line, str(error)))
            continue
        if sensor.sensor in sensors:
            problems.append((line, f"sensor: {sensor.sensor!r} stands in line {sensors[sensor.sensor][0]} already"))
        if city.city in cities and cities[city.city][1] != city:
            problems.append((line, f"city: {city.city!r} has another time_zone or mode in line {cities[city.city][0]}"))
        sensors.setdefault(sensor.sensor, (line, sensor))
        cities.setdefault(city.city, (line, city))
    if not rows:
        problems.append((0, "there is no sensor in it"))
    if problems:
        raise SensorFileError(path, problems)
    return [sensor for _, sensor in sensors.values()], [city for _, city in cities.values()]


def _sensor(row: dict[str, str]) -> Sensor:
    fields: dict[str, Any] = {name: row[name] for name in _TEXTS if row.get(name)}
    for name in _NUMBERS:
        text = row.get(name, "")
        if text:
            try:
                fields[name] = float(text)
            except ValueError:
                raise InvalidSensor(name, f"{text[:40]!r} is not a number") from None
    for name in ("sensor", "city", "system", "property", "unit", "interval_s"):
        if name not in fields:
            raise InvalidSensor(name, "is empty")
    known = {*_TEXTS, *_NUMBERS, *_CITY_COLUMNS}
    fields["attributes"] = {name: text for name, text in row.items() if name not in known and text}
    return Sensor(**fields)


def _city(row: dict[str, str], mode: str | None) -> City:
    given = {name: row[name] for name in _CITY_COLUMNS if row.get(name)}
    return City(city=row["city"], **{**given, **({} if mode is None else {"mode": mode})})
