"""Says in a word and a sentence why the JSON of one reading could not be used."""

import json
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ingest.reasons import Fault, Reason, printable
from model.instant import parse_instant

FIELDS = ("time", "value", "unit", "quality", "sensor")
COMMAS_MAX = 2_000  # in one reading; what has more is not looked into
_DIGITS_MAX = 400  # no double has more digits before its point


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs, so that a key that comes twice is seen."""


def parse_pairs(raw: bytes) -> list[tuple[str, Any]] | Fault:
    """Return the keys and values of a JSON object in order, repeated ones included, or why it is none.

    NaN, Infinity and integers of any length are let through, to be named by `explain_entry`.
    """
    if not raw:
        return Fault(Reason.NOT_JSON, 'nothing there; send an object like {"time": "2026-11-22T08:00:00Z", "value": 1}')
    if raw.count(b",") > COMMAS_MAX:
        return _too_much(raw)
    try:
        parsed = json.loads(raw.decode("utf-8"), object_pairs_hook=_Pairs, parse_int=_integer)
    except UnicodeDecodeError as error:
        return Fault(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8 ({error.reason}); send JSON in UTF-8")
    except RecursionError:
        return Fault(Reason.TOO_DEEP, "nested too deep; send a flat object, or an array of flat objects")
    except json.JSONDecodeError as error:
        return Fault(
            Reason.NOT_JSON, f"not JSON at character {error.pos} ({error.msg}); send one JSON object a reading"
        )
    if not isinstance(parsed, _Pairs):
        return Fault(Reason.NOT_AN_OBJECT, f"{kind_of(parsed)} in place of an object with time and value")
    return parsed


def repeated_field(pairs: list[tuple[str, Any]]) -> Fault | None:
    """Return the fault of an object that says one of our fields twice."""
    return repeated(pairs, FIELDS)


def repeated(pairs: list[tuple[str, Any]], fields: Iterable[str]) -> Fault | None:
    """Return the fault of an object that says one of the fields twice."""
    names = [name for name, _ in pairs]
    if len(set(names)) == len(names):
        return None
    for field in fields:
        if names.count(field) > 1:
            return Fault(Reason.DUPLICATE_KEY, f"{field!r} stands {names.count(field)} times; say it once")
    return None


def _too_much(raw: bytes) -> Fault:
    if raw.lstrip().startswith(b"["):
        return Fault(Reason.NOT_AN_OBJECT, "an array in place of an object with time and value")
    return Fault(
        Reason.PAYLOAD_TOO_LARGE,
        f"one reading with {raw.count(b',')} commas; at most {COMMAS_MAX} are looked into: send a flat object",
    )


def explain_entry(raw: bytes, decoder_said: str) -> tuple[Fault, str | None]:
    """Return why the typed decoder refused the JSON of one reading, and the sensor it names where that can be read.

    What the decoder said serves where no cause is seen.
    """
    pairs = parse_pairs(raw)
    if isinstance(pairs, Fault):
        return pairs, None
    entry = dict(pairs)
    sensor = entry.get("sensor")
    fault = (
        repeated_field(pairs)
        or _sensor_fault(entry)
        or _value_fault(entry)
        or _time_fault(entry)
        or _text_fault(entry)
        or _surrogate_fault(raw)
        or Fault(Reason.NOT_JSON, f"not JSON ({decoder_said}); send one JSON object a reading")
    )
    return fault, sensor if isinstance(sensor, str) else None


def _sensor_fault(entry: dict[str, Any]) -> Fault | None:
    sensor = entry.get("sensor")
    if sensor is None or isinstance(sensor, str):
        return None
    return Fault(Reason.SENSOR_MALFORMED, f"sensor is {kind_of(sensor)}; write the sensor's id as a text")


def _value_fault(entry: dict[str, Any]) -> Fault | None:
    if "value" not in entry:
        return Fault(Reason.NO_VALUE, f"no field 'value' among {_names(entry)}; send the measured number in 'value'")
    value = entry["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        said = f"value is {kind_of(value)}"
        remedy = "send the number without quotes" if isinstance(value, str) else "send a number, or nothing at all"
        return Fault(Reason.VALUE_NOT_A_NUMBER, f"{said}; {remedy}")
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        return Fault(Reason.VALUE_NOT_FINITE, "value is not a finite number; send nothing where nothing was measured")
    return None


def _time_fault(entry: dict[str, Any]) -> Fault | None:
    if "time" not in entry:
        return Fault(
            Reason.NO_TIME,
            f"no field 'time' among {_names(entry)}; send RFC 3339 with zone, or an integer of epoch milliseconds",
        )
    time = entry["time"]
    if isinstance(time, float) and math.isinf(time):  # an integer beyond all bounds, see _integer
        return _far_time(time)
    if isinstance(time, int) and not isinstance(time, bool):
        return None if -(2**63) <= time < 2**63 else _far_time(time)
    if isinstance(time, str):
        try:
            parse_instant(time)
        except ValueError as error:
            remedy = "; epoch milliseconds are sent without quotes" if time.strip().isdigit() else ""
            return Fault(Reason.TIME_MALFORMED, f"{error}{remedy}")
        return None
    return Fault(
        Reason.TIME_MALFORMED,
        f"time is {kind_of(time)}; send RFC 3339 with zone, or an integer of epoch milliseconds without a fraction",
    )


def _far_time(time: float) -> Fault:
    reason = Reason.TIME_AFTER_2100 if time > 0 else Reason.TIME_BEFORE_2000
    return Fault(reason, "time has more digits than any instant; send epoch milliseconds, 13 digits at present")


def _text_fault(entry: dict[str, Any]) -> Fault | None:
    for field, reason in (("unit", Reason.UNIT_UNKNOWN), ("quality", Reason.QUALITY_UNKNOWN)):
        text = entry.get(field)
        if text is not None and not isinstance(text, str):
            return Fault(reason, f"{field} is {kind_of(text)}; write it as a text or leave it out")
    return None


def _surrogate_fault(raw: bytes) -> Fault | None:
    # Python's decoder lets half a character through; msgspec and PostgreSQL refuse it.
    try:
        json.dumps(json.loads(raw.decode("utf-8"), parse_int=_integer), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return Fault(Reason.NOT_UTF8, "an escape names half a character (a lone surrogate); send whole characters")
    except RecursionError:
        return Fault(Reason.TOO_DEEP, "nested too deep; send a flat object, or an array of flat objects")
    return None


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS_MAX else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def kind_of(value: object) -> str:
    """Return in words what a JSON value is."""
    if isinstance(value, str):
        return f"the text {printable(value, 40)!r}"
    if isinstance(value, datetime):
        return "a time"
    if isinstance(value, _Pairs | dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return (
        {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else "a number"
    )


def _names(entry: dict[str, Any]) -> str:
    return ", ".join(repr(printable(name, 40)) for name in list(entry)[:10]) or "none at all"
