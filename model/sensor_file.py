"""Sensors files, CSV or GeoJSON: read whole, every error with its line, all or nothing; and written."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from model.geojson import NotGeoJson, property_text, read_features
from model.plain_text import NAME_LENGTH_MAX, TEXT_LENGTH_MAX, InvalidText, clean_text, guard_formula, unguard_formula
from model.sensor import City, InvalidSensor, Sensor, check_city, check_sensor
from model.sensor_columns import CITY_COLUMNS, NUMBERS, REQUIRED, TEXTS, cell, header_of, sensor_row, used_names
from model.sensor_event import DUE_ATTRIBUTES, InvalidEvent, due_time

FILE_BYTES_MAX = 256_000_000
ATTRIBUTES_MAX = 100
# Invariant I9: who lives behind a gas meter is the utility's to know. Columns of these names are refused.
_PERSONAL = {
    "phone", "telephone", "mobile", "resident", "householder", "user_name", "home_address", "id_card",
    "电话", "手机", "手机号", "住户", "户主", "身份证号", "家庭住址",
}  # fmt: skip
_CAMERA_SCHEMES = ("https://", "http://", "rtsp://", "rtsps://")


class SensorFile(NamedTuple):
    """What a sensors file holds, row by row as far as it is good, and what is wrong with the rest.

    `lines` has the line of each sensor, `city_lines` that of each city's first row; `stated` has the first line of
    each (city, column) that the file itself fills. `problems` has (line, text) for each error found.
    """

    sensors: list[Sensor]
    cities: list[City]
    lines: dict[str, int]
    city_lines: dict[str, int]
    stated: dict[tuple[str, str], int]
    problems: list[tuple[int, str]]


class _Row(NamedTuple):
    line: int
    where: str  # before the text of an error, where the line does not say enough
    fields: dict[str, str]


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
    found = parse_sensor_file(path, mode=mode)
    if found.problems:
        raise SensorFileError(path, found.problems)
    return found.sensors, found.cities


def parse_sensor_file(path: Path, *, mode: str | None = None) -> SensorFile:
    """Return all that is good in the file together with all errors. Raises SensorFileError where no row can be read."""
    text = read_text(path)
    rows, problems = _geojson_rows(path, text) if text.lstrip()[:1] == "{" else _csv_rows(path, text)
    return _build(rows, problems, mode)


def read_text(path: Path) -> str:
    """Return the text of a file of people's making. Raises SensorFileError where it cannot be read as UTF-8."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SensorFileError(path, [(0, f"larger than {FILE_BYTES_MAX:,} bytes; split the file")])
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SensorFileError(path, [(0, f"byte {error.start} is not UTF-8; save the file as UTF-8")]) from None
    except OSError as error:
        raise SensorFileError(path, [(0, f"cannot be read: {error.strerror}")]) from None


def write_sensor_file(path: Path, sensors: Iterable[Sensor], cities: Mapping[str, City]) -> None:
    """Write sensors as CSV with the columns that any of them uses."""
    rows = []
    for sensor in sensors:
        city = cities[sensor.city]
        rows.append(sensor_row(sensor, city.time_zone, city.mode))
    out = io.StringIO()
    names = header_of(name for row in rows for name in used_names(row))
    writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n", restval="")
    writer.writerow({name: guard_formula(name) for name in names})
    writer.writerows({k: cell(v) for k, v in row.items()} for row in rows)
    path.write_text(out.getvalue(), "utf-8")


def number(field: str, text: str) -> float:
    """Return a finite number as people write it. Raises InvalidSensor."""
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidSensor(field, f"{text[:40]!r} is not a finite number")
    return value


def _csv_rows(path: Path, text: str) -> tuple[list[_Row], list[tuple[int, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    problems: list[tuple[int, str]] = []
    try:
        header = [unguard_formula(name.strip()) for name in next(reader, [])]
        problem = _column_problem(header)
        if problem:
            raise SensorFileError(path, [(1, problem)])
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                problems.append((reader.line_num, f"{len(cells)} cells where the header has {len(header)} columns"))
                continue
            texts = (unguard_formula(cell.strip()) for cell in cells)
            rows.append(_Row(reader.line_num, "", dict(zip(header, texts, strict=True))))
    except csv.Error as error:
        problems.append((reader.line_num, f"not CSV: {error}; nothing after it was read"))
    return rows, problems


def _geojson_rows(path: Path, text: str) -> tuple[list[_Row], list[tuple[int, str]]]:
    rows: list[_Row] = []
    problems: list[tuple[int, str]] = []
    try:
        features = read_features(text)
    except NotGeoJson as error:
        raise SensorFileError(path, [(error.line, str(error))]) from None
    for feature in features:
        where = f"feature {feature.number}: "
        fields = {"longitude": "", "latitude": "", "name": ""}
        try:
            fields.update((str(name), property_text(value)) for name, value in feature.properties.items())
            problem = _column_problem(list(fields)) or _place_problem(feature.geometry)
            if not problem and feature.geometry is not None:
                fields["longitude"], fields["latitude"] = map(property_text, feature.geometry["coordinates"][:2])
        except InvalidText as error:
            problem = str(error)
        if problem:
            problems.append((feature.line, where + problem))
            continue
        rows.append(_Row(feature.line, where, fields))
    return rows, problems


def _place_problem(geometry: dict[str, Any] | None) -> str:
    if geometry is None:
        return ""
    if geometry["type"] != "Point":
        return f"geometry {geometry['type']} is not a Point"
    place = geometry.get("coordinates")
    return "" if isinstance(place, list) and len(place) >= 2 else "a Point needs its longitude and latitude"


def _column_problem(header: list[str]) -> str:
    missing = [name for name in REQUIRED if name not in header]
    repeated = sorted(name for name, times in Counter(header).items() if times > 1)
    personal = sorted(_PERSONAL.intersection(name.lower() for name in header))
    if missing:
        return f"column {', '.join(missing)} is missing; the header needs {','.join(REQUIRED)}"
    if repeated:
        return f"column {repeated[0]} stands twice; leave one"
    if personal:
        return f"column {personal[0]} would hold personal data; leave it out and give the utility's opaque id in asset"
    if "" in header:
        return "a column has no name; name it or leave it out"
    return ""


def _build(rows: list[_Row], problems: list[tuple[int, str]], mode: str | None) -> SensorFile:
    found = SensorFile([], [], {}, {}, {}, problems)
    cities: dict[str, City] = {}
    for line, where, fields in rows:
        try:
            sensor, city = _sensor(fields), _city(fields, mode)
            check_sensor(sensor)
            check_city(city)
            _check_due_dates(sensor, city)
        except (InvalidSensor, InvalidText, InvalidEvent) as error:
            problems.append((line, f"{where}{error}"))
            continue
        if sensor.sensor in found.lines:
            text = f"sensor: {sensor.sensor!r} stands in line {found.lines[sensor.sensor]} already"
            problems.append((line, where + text))
        else:
            found.sensors.append(sensor)
            found.lines[sensor.sensor] = line
        known = cities.setdefault(city.city, city)
        first = found.city_lines.setdefault(city.city, line)
        if known != city:
            problems.append((line, f"{where}city: {city.city!r} has another time_zone or mode in line {first}"))
        for name in CITY_COLUMNS:
            if fields.get(name):
                found.stated.setdefault((city.city, name), line)
    found.cities.extend(cities.values())
    if not rows and not problems:
        problems.append((0, "there is no sensor in it"))
    problems.sort()
    return found


def _sensor(row: dict[str, str]) -> Sensor:
    fields: dict[str, Any] = {name: clean_text(name, row[name], _length_max(name)) for name in TEXTS if row.get(name)}
    fields.update((name, number(name, row[name])) for name in NUMBERS if row.get(name))
    for name in ("sensor", "city", "system", "property", "unit", "interval_s"):
        if name not in fields:
            raise InvalidSensor(name, "is empty")
    known = {*TEXTS, *NUMBERS, *CITY_COLUMNS}
    attributes = {
        clean_text("column", name): clean_text(name, text, TEXT_LENGTH_MAX)
        for name, text in row.items()
        if name not in known and text
    }
    if len(attributes) > ATTRIBUTES_MAX:
        raise InvalidSensor("columns", f"{len(attributes)} further columns; at most {ATTRIBUTES_MAX} are kept")
    camera = fields.get("camera_url", "")
    if camera and not camera.startswith(_CAMERA_SCHEMES):
        raise InvalidSensor("camera_url", f"{camera[:40]!r} must begin with one of {', '.join(_CAMERA_SCHEMES)}")
    return Sensor(**fields, attributes=attributes)


def _length_max(field: str) -> int:
    return TEXT_LENGTH_MAX if field in ("camera_url", "upstream") else NAME_LENGTH_MAX


def _check_due_dates(sensor: Sensor, city: City) -> None:
    for name in DUE_ATTRIBUTES:
        if name in sensor.attributes:
            try:
                due_time(sensor.attributes[name], city.time_zone)
            except InvalidEvent as error:
                raise InvalidSensor(name, str(error).removeprefix("due: ")) from None


def _city(row: dict[str, str], mode: str | None) -> City:
    given = {name: row[name] for name in CITY_COLUMNS if row.get(name)}
    return City(city=row["city"], **{**given, **({} if mode is None else {"mode": mode})})
