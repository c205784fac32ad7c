"""The columns of a sensors file, and a sensor as a row of it: one form for whatever writes the registry out."""

from collections.abc import Iterable
from typing import Any

import msgspec

from model.plain_text import guard_formula
from model.sensor import Sensor

REQUIRED = ("sensor", "city", "system", "property", "unit", "longitude", "latitude", "name", "interval_s")
NUMBERS = ("longitude", "latitude", "interval_s", "valid_min", "valid_max", "span", "elevation_m", "silence_s_max")
TEXTS = tuple(f for f in Sensor.__struct_fields__ if f not in NUMBERS and f != "attributes")
CITY_COLUMNS = ("time_zone", "mode")
_OPTIONAL = tuple(name for name in (*TEXTS, *NUMBERS, *CITY_COLUMNS) if name not in REQUIRED)
_DEFAULTS = {
    field.name: field.default for field in msgspec.structs.fields(Sensor) if field.default is not msgspec.NODEFAULT
}


def sensor_row(sensor: Sensor, time_zone: str, mode: str) -> dict[str, Any]:
    """Return a sensor by column, its city's time zone and mode and its own attributes among them."""
    fields: dict[str, Any] = {name: getattr(sensor, name) for name in (*TEXTS, *NUMBERS)}
    return {**fields, "time_zone": time_zone, "mode": mode, **sensor.attributes}


def used_names(row: dict[str, Any]) -> list[str]:
    """Return the columns of a row that hold something else than what holds where they are left out."""
    return [name for name, value in row.items() if value != _DEFAULTS.get(name)]


def header_of(used: Iterable[str]) -> list[str]:
    """Return the header of a file whose rows use these columns: the required, then the known, then others as given."""
    names = dict.fromkeys(used)
    further = [name for name in names if name not in REQUIRED and name not in _OPTIONAL]
    return [*REQUIRED, *(name for name in _OPTIONAL if name in names), *further]


def cell(value: object) -> object:
    """Return a value as it is written to CSV: formulas guarded, numbers short, nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, str):
        return guard_formula(value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else value
