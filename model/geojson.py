"""GeoJSON feature collections, read so that each feature is known by its line, and written one feature a line."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from model.plain_text import InvalidText

_SPACE = " \t\r\n"


class Feature(NamedTuple):
    """A feature: the line on which it begins, its number from 1, its properties, and its geometry or None.

    `id` is the feature's own id member, where it has one.
    """

    line: int
    number: int
    properties: dict[str, Any]
    geometry: dict[str, Any] | None
    id: str


class NotGeoJson(ValueError):
    """The text is no feature collection; `line` says where, 0 where it concerns the whole."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def read_features(text: str) -> list[Feature]:
    """Return the features of a FeatureCollection in their order. Raises NotGeoJson."""
    try:
        return [_feature(line, number, item) for number, (line, item) in enumerate(_items(text), 1)]
    except json.JSONDecodeError as error:
        raise NotGeoJson(error.lineno, f"not JSON: {error.msg}, at column {error.colno}") from None
    except RecursionError:
        raise NotGeoJson(0, "not a GeoJSON FeatureCollection: nested too deep") from None
    except ValueError as error:
        if isinstance(error, NotGeoJson):
            raise
        if isinstance(error, InvalidText):
            raise NotGeoJson(0, str(error)) from None
        raise NotGeoJson(0, f"not JSON: {error}") from None  # a number of thousands of digits


def written_feature(geometry: dict[str, Any] | None, properties: dict[str, Any]) -> str:
    """Return one feature as a line of JSON, fields without a value left out."""
    kept = {name: value for name, value in properties.items() if value not in (None, "")}
    feature = {"type": "Feature", "geometry": geometry, "properties": kept}
    return json.dumps(feature, ensure_ascii=False, allow_nan=False)


def written_collection(features: Iterable[str]) -> str:
    """Return a FeatureCollection of features as written_feature writes them."""
    return '{"type": "FeatureCollection", "features": [\n' + ",\n".join(features) + "\n]}\n"


def property_text(value: object) -> str:
    """Return a property as the text that would stand in a CSV cell. Raises InvalidText."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:  # it was read where a little more room was left
        raise InvalidText("properties", "lists or objects lie too deep within each other") from None


def _items(text: str) -> list[tuple[int, Any]]:
    """Walk the outermost object by hand to the features and decode each by itself, because json tells no places."""
    decoder = json.JSONDecoder()
    place = _after(text, 0, "{")
    found: list[tuple[int, Any]] | None = None
    while text[place : place + 1] != "}":
        name, place = decoder.raw_decode(text, place)
        place = _after(text, place, ":")
        if name == "features" and text[place : place + 1] == "[":
            found, place = _elements(text, place + 1, decoder)
        else:
            _, place = decoder.raw_decode(text, place)
        place = _next(text, place, "}")
    if text[place + 1 :].strip(_SPACE):
        raise json.JSONDecodeError("Extra data", text, place + 1)
    if found is None:
        raise NotGeoJson(0, "not a GeoJSON FeatureCollection: it has no list of features")
    return found


def _elements(text: str, place: int, decoder: json.JSONDecoder) -> tuple[list[tuple[int, Any]], int]:
    found = []
    line, counted = 1, 0
    place = _skip(text, place)
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        item, place = decoder.raw_decode(text, place)
        found.append((line, item))
        place = _next(text, place, "]")
    return found, place + 1


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] and text[place] in _SPACE:
        place += 1
    return place


def _after(text: str, place: int, wanted: str) -> int:
    place = _skip(text, place)
    if text[place : place + 1] != wanted:
        raise json.JSONDecodeError(f"{wanted!r} expected", text, place)
    return _skip(text, place + 1)


def _next(text: str, place: int, end: str) -> int:
    """Step over the comma to the next element, or stay at the end."""
    place = _skip(text, place)
    if text[place : place + 1] == end:
        return place
    place = _after(text, place, ",")
    if text[place : place + 1] == end:
        raise json.JSONDecodeError("comma without an element after it", text, place)
    return place


def _feature(line: int, number: int, item: Any) -> Feature:
    if not isinstance(item, dict) or not isinstance(item.get("properties"), dict):
        raise NotGeoJson(line, f"feature {number}: not a GeoJSON feature with properties")
    geometry = item.get("geometry")
    if geometry is not None and not (isinstance(geometry, dict) and isinstance(geometry.get("type"), str)):
        raise NotGeoJson(line, f"feature {number}: its geometry is not one")
    return Feature(line, number, item["properties"], geometry, property_text(item.get("id")))
