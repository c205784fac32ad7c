"""Cities files: CSV with city, name and optional name_zh, time_zone, mode, province; every error with its line."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from model.plain_text import InvalidText, clean_text, unguard_formula
from model.sensor import City, InvalidSensor, check_city
from model.sensor_file import SensorFileError, read_text


class CityFile(NamedTuple):
    """The rows of a cities file, each with the fields that it fills, and what is wrong with the rest."""

    rows: list[dict[str, str]]
    problems: list[tuple[int, str]]
    ignored: list[str]  # columns that mean nothing here


def parse_city_file(path: Path) -> CityFile:
    """Return all that is good in the file together with all errors. Raises SensorFileError where no row can be read."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    found = CityFile([], [], [])
    lines: dict[str, int] = {}
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in ("city", "name") if name not in header]
        if missing:
            names = "city,name and, if wanted, name_zh,time_zone,mode,province"
            text = f"column {', '.join(missing)} is missing; write {names}"
            raise SensorFileError(path, [(1, text)])
        found.ignored.extend(name for name in header if name not in City.__struct_fields__)
        for cells in reader:
            if not any(cells):
                continue
            line = reader.line_num
            try:
                row = _row(header, cells)
            except (InvalidSensor, InvalidText) as error:
                found.problems.append((line, str(error)))
                continue
            if row["city"] in lines:
                found.problems.append((line, f"city: {row['city']!r} stands in line {lines[row['city']]} already"))
            lines.setdefault(row["city"], line)
            found.rows.append(row)
    except csv.Error as error:
        found.problems.append((reader.line_num, f"not CSV: {error}; nothing after it was read"))
    if not found.rows and not found.problems:
        found.problems.append((0, "there is no city in it"))
    return found


def _row(header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise InvalidSensor("cells", f"{len(cells)} where the header has {len(header)} columns")
    texts = {name: unguard_formula(cell.strip()) for name, cell in zip(header, cells, strict=True)}
    row = {name: clean_text(name, text) for name, text in texts.items() if name in City.__struct_fields__ and text}
    if "city" not in row:
        raise InvalidSensor("city", "is empty")
    check_city(City(**row))
    return row
