"""Times as vendors write them, by the mapping's format and zone, to epoch milliseconds."""

from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation, Overflow
from zoneinfo import ZoneInfo

from ingest.decoders.faults import kind_of
from ingest.decoders.mapping import MappedTime
from ingest.reasons import Fault, Reason, printable
from model.instant import parse_instant, to_milliseconds

TEXT_CHARACTERS_MAX = 64
_FAR = 2**62

ReadTime = Callable[[object], int | Fault]


def time_reader(time: MappedTime) -> ReadTime:
    """Return the function that reads times of this form; it never raises."""
    if time.format == "epoch_s":
        return lambda value: _epoch(value, 1000)
    if time.format == "epoch_ms":
        return lambda value: _epoch(value, 1)
    zone = None if time.zone is None else ZoneInfo(time.zone)
    if time.format == "rfc3339":
        return lambda value: _rfc3339(value, zone)
    return lambda value: _patterned(value, time.format, zone)


def _epoch(value: object, milliseconds: int) -> int | Fault:
    unit = "seconds" if milliseconds == 1000 else "milliseconds"
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)[:65]) > 64:
        return Fault(Reason.TIME_MALFORMED, f"time is {kind_of(value)}; the mapping says epoch {unit}")
    try:
        exact = Decimal(str(value)) * milliseconds
    except (InvalidOperation, Overflow):
        return Fault(Reason.TIME_MALFORMED, f"time is {kind_of(value)}; the mapping says epoch {unit}")
    if not exact.is_finite() or abs(exact) > _FAR:
        return Fault(Reason.TIME_AFTER_2100, f"time is beyond any instant; the mapping says epoch {unit}")
    return int(exact.to_integral_value(ROUND_FLOOR))


def _rfc3339(value: object, zone: ZoneInfo | None) -> int | Fault:
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        return Fault(Reason.TIME_MALFORMED, f"time is {kind_of(value)}; the mapping says RFC 3339")
    try:
        return parse_instant(value)
    except ValueError as error:
        if zone is None:
            return Fault(Reason.TIME_MALFORMED, f"{error}; or name the zone in the mapping")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return Fault(Reason.TIME_MALFORMED, f"{printable(value, 40)!r} is no RFC 3339 time, with or without zone")
    return to_milliseconds(moment) if moment.tzinfo else _local(moment, zone)


def _patterned(value: object, pattern: str, zone: ZoneInfo | None) -> int | Fault:
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        return Fault(Reason.TIME_MALFORMED, f"time is {kind_of(value)}; the mapping says {pattern}")
    try:
        moment = datetime.strptime(value, pattern)
    except ValueError:
        return Fault(Reason.TIME_MALFORMED, f"time {printable(value, 40)!r} is not written {pattern}; see the mapping")
    if moment.tzinfo is not None:
        return to_milliseconds(moment)
    assert zone is not None  # the mapping was checked for it
    return _local(moment, zone)


def _local(moment: datetime, zone: ZoneInfo) -> int | Fault:
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    try:
        if first.utcoffset() != second.utcoffset():
            said = "twice or never"
            return Fault(
                Reason.TIME_MALFORMED,
                f"time {moment} comes {said} in {zone.key}, where clocks change; let the device send times with zone",
            )
        return to_milliseconds(first)
    except OverflowError:
        return Fault(Reason.TIME_BEFORE_2000, f"time {moment} is at the end of all time; set the device's clock")
