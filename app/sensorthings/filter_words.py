"""The words of a $filter and $orderby: names, marks, and values as OData and SensorThings write them."""

import math
import re
from datetime import timedelta
from typing import NamedTuple

from model.expression import QueryRefused, Ring, Spot, Surface, Value
from model.instant import parse_instant, to_datetime

CORNERS_MAX = 1_000  # of the polygons of one shape
_WORD = re.compile(
    r"""\s*(?:
    (?P<prefixed>(?:geography|geometry|duration|datetime|datetimeoffset|date)'(?:[^']|'')*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+\ -]\d\d:\d\d)?)?(?![\w.:-]))
  | (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<name>[@A-Za-z_][\w.@]*)
  | (?P<mark>[(),/])
    )""",
    re.VERBOSE | re.ASCII,
)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
_SHAPE = re.compile(r"\s*(?:SRID=\d+;)?\s*(POINT|POLYGON|MULTIPOLYGON)\s*Z?\s*(\(.*\))\s*", re.ASCII | re.I | re.S)


class Word(NamedTuple):
    """A word: `kind` is name, mark, value or end."""

    kind: str
    text: str
    value: Value | None = None


def words_of(text: str, field: str) -> list[Word]:
    """Return the words of a text, the last of them its end. Raises QueryRefused."""
    words: list[Word] = []
    place = 0
    text = text.rstrip()
    while place < len(text):
        found = _WORD.match(text, place)
        if found is None:
            raise QueryRefused(
                field,
                f"cannot be read from {text[place : place + 40].strip()!r} on",
                "write operators as words, texts in single quotes, times like 2026-11-22T08:00:00Z",
            )
        place = found.end()
        words.append(_word(found, field))
    return [*words, Word("end", "")]


def _word(found: re.Match[str], field: str) -> Word:
    kind = str(found.lastgroup)
    written = found[kind]
    if kind in ("name", "mark"):
        return Word(kind, written)
    if kind == "prefixed":
        prefix, _, quoted = written.partition("'")
        return Word("value", written, _prefixed(prefix, quoted[:-1], field))
    if kind == "text":
        return Word("value", written, Value("text", _storable(written[1:-1].replace("''", "'"), field)))
    if kind == "time":
        return Word("value", written, _time(written, field))
    number = float(written)
    if not math.isfinite(number):
        raise QueryRefused(field, f"{written[:40]} is too large", "write a number below 1e308")
    return Word("value", written, Value("number", number))


def _storable(text: str, field: str) -> str:
    if not text.isprintable():
        raise QueryRefused(field, "control characters are not taken", "leave them out")
    return text


def _time(written: str, field: str) -> Value:
    text = re.sub(r" (?=\d\d:\d\d$)", "+", written)  # the + of an offset that was not percent-encoded
    if "T" not in text:
        text += "T00:00:00Z"
    elif re.search(r"T\d\d:\d\d(?=$|[Z+-])", text):
        text = re.sub(r"(T\d\d:\d\d)(?=$|[Z+-])", r"\1:00", text)
    try:
        moment = to_datetime(parse_instant(text))
    except (ValueError, OverflowError) as error:
        raise QueryRefused(field, str(error)[:200], "write a time like 2026-11-22T08:00:00Z") from None
    if not 2 <= moment.year <= 9998:  # the driver takes the ends of the calendar for infinity
        raise QueryRefused(field, f"{written} is beyond the calendar", "write a year from 2 to 9998")
    return Value("time", moment)


def _prefixed(prefix: str, text: str, field: str) -> Value:
    if prefix in ("geography", "geometry"):
        return Value("place", _shape(text, field))
    if prefix != "duration":
        return _time(text, field)
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "PT"):
        raise QueryRefused(field, f"{text[:40]!r} is no duration", "write it like duration'P1DT12H'")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    try:
        return Value("span", timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))
    except OverflowError:
        raise QueryRefused(field, f"{text[:40]!r} is too long", "write a shorter duration") from None


def _shape(text: str, field: str) -> Spot | Surface:
    found = _SHAPE.fullmatch(text)
    if found is None:
        known = re.match(r"\s*(?:SRID=\d+;)?\s*(?:MULTI)?(?:LINESTRING|POINT)|\s*GEOMETRYCOLLECTION", text, re.I)
        raise QueryRefused(
            field,
            f"{text[:40]!r} is no POINT, POLYGON or MULTIPOLYGON",
            "write it like geography'POLYGON((98 39,99 39,99 40,98 39))'",
            supported=known is None,
        )
    kind, body = found[1].upper(), re.sub(r"\s*([(),])\s*", r"\1", found[2])
    if kind == "POINT":
        ((spot,),) = ((_ring(body[1:-1], field)),)
        return Spot(*spot)
    if kind == "POLYGON":
        body = f"({body})"
    polygons = tuple(
        tuple(_ring(ring, field) for ring in polygon.split("),("))
        for polygon in body.removeprefix("(((").removesuffix(")))").split(")),((")
    )
    if sum(len(ring) for polygon in polygons for ring in polygon) > CORNERS_MAX:
        raise QueryRefused(field, f"the shape has more than {CORNERS_MAX} corners", "simplify it, or use a box")
    if any(len(ring) < 4 or ring[0] != ring[-1] for polygon in polygons for ring in polygon):
        raise QueryRefused(field, "a ring is not closed", "end each ring where it began, with 4 corners or more")
    return Surface(polygons)


def _ring(text: str, field: str) -> Ring:
    try:
        corners = tuple(tuple(map(float, corner.split())) for corner in text.split(","))
    except ValueError:
        corners = ()
    ring = tuple((corner[0], corner[1]) for corner in corners if len(corner) in (2, 3))
    if not corners or len(ring) != len(corners) or not all(math.isfinite(x) and math.isfinite(y) for x, y in ring):
        raise QueryRefused(field, f"{text[:40]!r} are no positions", "write longitude and latitude, like 98.29 39.77")
    return ring
