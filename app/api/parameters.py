"""Parameters of requests as people and machines write them: times, places, lists, cursors."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from app.api.problems import Problem, invalid
from model.instant import parse_instant, to_datetime

EXAMPLE_TIME = "2026-11-22T08:00:00.000Z"
Row = TypeVar("Row")
Item = TypeVar("Item")
_BUCKET = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Parameters(BaseModel):
    """Query parameters of a route; unknown ones are refused, because a filter with a typing error would show all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _parse_time(text: Any) -> Any:
    # The + of an offset that was not percent-encoded arrives as a space.
    return to_datetime(parse_instant(re.sub(r" (?=\d\d:\d\d$)", "+", text))) if isinstance(text, str) else text


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not taken")
    return text


def _printed(text: str) -> str:
    """A scanner adds white space and marks that are not printed; case and wide forms are the database's to even out."""
    kept = "".join(character for character in text if character.isprintable() and not character.isspace())
    if not kept:
        raise ValueError("nothing printed is in it; scan it again")
    return kept


def parse_place(text: str) -> tuple[float, float]:
    """Return the (longitude, latitude) of a text `longitude,latitude`. Raises ValueError."""
    longitude, latitude = _degrees(text, "near=longitude,latitude in degrees, like near=98.29,39.77", 2)
    return longitude, latitude


def parse_box(text: str) -> tuple[float, float, float, float]:
    """Return (west, south, east, north) of such a text. Raises ValueError."""
    form = "bbox=west,south,east,north in degrees, like bbox=98.2,39.7,98.4,39.8"
    west, south, east, north = _degrees(text, form, 4)
    if south > north:
        raise ValueError(f"south lies above north; write {form}")
    return west, south, east, north


def _degrees(text: str, form: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise ValueError(f"write {form}")
    for number, most in zip(numbers, (180.0, 90.0) * (count // 2), strict=True):
        if not -most <= number <= most:  # NaN fails too
            raise ValueError(f"{number:g} is not between -{most:g} and {most:g} degrees; write {form}")
    return numbers


def _check_place(text: str) -> str:
    parse_place(text)
    return text


def _check_box(text: str) -> str:
    parse_box(text)
    return text


def _split(value: Any) -> Any:
    if isinstance(value, list):
        return [part for item in value for part in (item.split(",") if isinstance(item, str) else [item])]
    return value


def _parse_bucket(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    match = _BUCKET.fullmatch(text)
    if match is None:
        raise ValueError("write a number and s, m, h or d, like 60s, 5m, 1h or 1d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


Time = Annotated[
    datetime,
    BeforeValidator(_parse_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE_TIME]}),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_plain)]
Asset = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_printed),
    Field(description="An asset's number as it was scanned: white space and case do not count", examples=["MH-0042"]),
]
FileText = Annotated[str, StringConstraints(max_length=65_536)]  # no longer than a request
SensorId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}\z")]
AlarmId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,192}\z")]
AlarmInPath = Annotated[AlarmId, Path(examples=["combustible-gas.GAS-0007.20261122T080000000Z"])]
CityInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}\z", examples=["jiayuguan"])]
# Texts to FastAPI, which would take a tuple for a repeated parameter; parsed where they are used.
Near = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_check_place),
    Field(description="longitude,latitude in degrees", examples=["98.29,39.77"]),
]
Box = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(_check_box),
    Field(description="west,south,east,north in degrees", examples=["98.2,39.7,98.4,39.8"]),
]
Bucket = Annotated[
    timedelta,
    BeforeValidator(_parse_bucket),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}(s|m|h|d)$", "examples": ["5m"]}),
]
SEVERAL_MAX = 20
SplitList = BeforeValidator(_split)
"""For lists that are written as repeated parameters or with commas."""
Several = Annotated[list[Item], Field(min_length=1, max_length=SEVERAL_MAX), SplitList]
"""Such a list of states, modes and the like."""

RadiusM = Annotated[float, Field(gt=0, allow_inf_nan=False, description="Metres around `near`")]
PageRows = Annotated[int | None, Field(ge=1, description="Rows a page")]
Cursor = Annotated[
    str, StringConstraints(max_length=400), Field(description="`next` of the page before; leave out for the first page")
]


def written(moment: datetime) -> str:
    """Return a moment in UTC, as the database gives it, as Lifeline writes times; finer fractions are cut off."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def written_or_none(moment: datetime | None) -> str | None:
    """Return a moment as Lifeline writes times, None where there is none."""
    return None if moment is None else written(moment)


def encode_cursor(*values: str | int | float | None) -> str:
    """Return the keyset of a page's last row as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """Return the values of a cursor. Raises Problem where it was not made by encode_cursor for these kinds."""
    values = cursor_values(cursor)
    if (
        values is None
        or len(values) != len(kinds)
        or not all(type(v) is kind and _storable(v) for v, kind in zip(values, kinds, strict=True))
    ):
        raise invalid("after", "this is no cursor of this list", "send `next` of the page before, unchanged")
    return tuple(values)


def cursor_values(cursor: str) -> list[Any] | None:
    """Return what a text of encode_cursor's form holds, whoever made it; None where it has not that form."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None


def decode_time_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the values of a cursor whose first is a time (epoch milliseconds), that as a datetime; None for none.

    `kinds` are those of the other values. Raises Problem as decode_cursor does.
    """
    if cursor is None:
        return None
    time, *others = decode_cursor(cursor, int, *kinds)
    return (to_datetime(time), *others)


def decode_number_cursor(cursor: str | None) -> int | None:
    """Return the number that a cursor is made of, None for none. Raises Problem as decode_cursor does."""
    return None if cursor is None else int(decode_cursor(cursor, int)[0])


def page_of(
    rows: Sequence[Row], rows_max: int, keyset: Callable[[Row], tuple[str | int | float | None, ...]]
) -> tuple[Sequence[Row], str | None]:
    """Return a page and the cursor of the next one, None on the last, of rows of which one more was read than it holds.

    `keyset` gives the values that a row's place in the order is known by.
    """
    if len(rows) <= rows_max:
        return rows, None
    return rows[:rows_max], encode_cursor(*keyset(rows[rows_max - 1]))


def _storable(value: Any) -> bool:
    if isinstance(value, str):
        return value.isprintable()
    return abs(value) < 2**62 if isinstance(value, int) else abs(value) < 1e12


def page_limit(asked: int | None, default: int, most: int) -> int:
    """Return the rows of a page. Raises Problem where more are asked for than a page may hold."""
    if asked is not None and asked > most:
        raise invalid("limit", f"at most {most} rows a page", f"ask for {most} or fewer and follow `next`")
    return default if asked is None else asked


def near_query(near: str | None, radius_m: float | None, most: float) -> tuple[float, float, float] | None:
    """Return (longitude, latitude, radius in metres) or None. Raises Problem for a radius alone or too wide."""
    if near is None:
        if radius_m is not None:
            raise invalid("radius_m", "is of no use without `near`", "add near=longitude,latitude or leave it out")
        return None
    radius = 1_000.0 if radius_m is None else radius_m
    if radius > most:
        raise invalid("radius_m", f"at most {most:g} m", "ask for a smaller circle, or use bbox")
    return (*parse_place(near), radius)


def too_many(what: str, most: int, remedy: str) -> Problem:
    """Return the problem for an answer of more rows than are given at one time."""
    return Problem(422, "too-many-rows", f"more than {most} {what}", remedy=remedy)
