"""Dated events of a sensor (replaced, calibrated, …), the correction in force after each, and the dates they set."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from model.instant import EARLIEST_MS, LATEST_MS, parse_instant, to_milliseconds
from model.plain_text import TEXT_LENGTH_MAX, clean_text
from model.sensor import Sensor

# In the order in which events of one time are taken.
KINDS = ("replaced", "calibrated", "rezeroed", "maintenance", "inspected")
DUE_ATTRIBUTE = {"replaced": "calibration_due", "calibrated": "calibration_due", "inspected": "inspection_due"}
"""Which attribute of the sensor the date of the next one is."""
DUE_ATTRIBUTES = ("calibration_due", "inspection_due")
NEVER_DUE = "never"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class InvalidEvent(ValueError):
    """A field of an event that cannot stand; the text says how to mend it."""


class SensorEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done to a sensor. `time` is in epoch milliseconds; readings of that time and later come after it.

    The device's own reading r, in the sensor's unit, stands for `factor * r + offset`. For `replaced` and `calibrated`
    these are the whole correction from then on (1 and 0 where left out of a replacement; left out of a calibration,
    the correction stays). For `rezeroed`, `offset` is what the device showed before less what it shows after, and is
    added to what is in force, so that the series goes on. `due` is when the next one is due, a date or an instant.
    """

    kind: str
    time: int
    by: str = ""
    note: str = ""
    offset: float | None = None
    factor: float | None = None
    due: str = ""


class Epoch(msgspec.Struct, frozen=True):
    """The correction from `start` on: true reading = factor * reading + offset, in the sensor's unit."""

    start: int
    factor: float
    offset: float


def check_event(event: SensorEvent, time_zone: str) -> SensorEvent:
    """Return the event with its texts normalised. Raises InvalidEvent or model.plain_text.InvalidText."""
    if event.kind not in KINDS:
        raise InvalidEvent(f"kind: {event.kind!r} is not known; use one of {', '.join(KINDS)}")
    if not EARLIEST_MS <= event.time < LATEST_MS:
        raise InvalidEvent("at: the time is not between the years 2000 and 2100")
    for field, value in (("offset", event.offset), ("factor", event.factor)):
        if value is not None and not math.isfinite(value):
            raise InvalidEvent(f"{field}: {value} is not a finite number")
    if event.factor == 0:
        raise InvalidEvent("factor: 0 would make every reading the same; give what the reading is multiplied by")
    if event.kind == "rezeroed" and (event.offset is None or event.factor is not None):
        raise InvalidEvent(
            "offset: a re-zeroed sensor needs what it showed before less what it shows after (0 where nothing moved), "
            "and no factor"
        )
    if event.kind in ("inspected", "maintenance") and (event.offset is not None or event.factor is not None):
        raise InvalidEvent(f"offset: a sensor that was {event.kind} reads as before; use rezeroed or calibrated")
    if event.due and event.kind not in DUE_ATTRIBUTE:
        raise InvalidEvent(f"due: {event.kind} has no date of a next one; use one of {', '.join(DUE_ATTRIBUTE)}")
    if event.due and event.due != NEVER_DUE and due_time(event.due, time_zone) <= event.time:
        raise InvalidEvent(f"due: {event.due} is not after the event itself")
    return check_texts(event)


def check_texts(event: SensorEvent) -> SensorEvent:
    """Return the event with its texts normalised. Raises model.plain_text.InvalidText."""
    by, note = clean_text("by", event.by), clean_text("note", event.note, TEXT_LENGTH_MAX)
    return msgspec.structs.replace(event, by=by, note=note)


def due_time(text: str, time_zone: str) -> int:
    """Return when a due date has passed, in epoch milliseconds: a date at the end of its day in the city's time.

    An RFC 3339 time with zone is taken as it is. Raises InvalidEvent for any other text.
    """
    try:
        if _DATE.fullmatch(text):
            following = date.fromisoformat(text) + timedelta(days=1)
            moment = to_milliseconds(
                datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(time_zone))
            )
        else:
            moment = parse_instant(text)
    except (ValueError, OverflowError):
        moment = -1
    if not EARLIEST_MS <= moment < LATEST_MS:
        raise InvalidEvent(f"due: {text[:40]!r} is no date; write it like 2027-03-01")
    return moment


def in_order(events: Iterable[SensorEvent]) -> list[SensorEvent]:
    """Return a sensor's events in the order in which they take effect."""
    return sorted(events, key=lambda event: (event.time, KINDS.index(event.kind)))


def epochs(events: Iterable[SensorEvent]) -> list[Epoch]:
    """Return the epochs of a sensor's series after the first; an inspection begins none.

    Between two readings of different epochs the device was handled: a step there says nothing about the place.
    """
    found: list[Epoch] = []
    factor, offset = 1.0, 0.0
    for event in in_order(events):
        if event.kind == "inspected":
            continue
        if (
            event.kind == "replaced"
            or event.factor is not None
            or (event.kind == "calibrated" and event.offset is not None)
        ):
            factor, offset = event.factor or 1.0, event.offset or 0.0
        elif event.kind == "rezeroed":
            offset += factor * (event.offset or 0.0)
        if found and found[-1].start == event.time:
            found.pop()
        found.append(Epoch(event.time, factor, offset))
    return found


def due_dates(events: Sequence[SensorEvent]) -> dict[str, str]:
    """Return the dates that events have set, by attribute: the newest event that names one counts."""
    return {DUE_ATTRIBUTE[event.kind]: event.due for event in in_order(events) if event.due}


def with_due_dates(sensor: Sensor, events: Sequence[SensorEvent]) -> Sensor:
    """Return the sensor as it is now: a date that an event has set stands in the place of the registered one."""
    dates = due_dates(events)
    if not dates:
        return sensor
    merged: Mapping[str, str] = {**sensor.attributes, **dates}
    attributes = {name: text for name, text in merged.items() if name not in dates or text != NEVER_DUE}
    return msgspec.structs.replace(sensor, attributes=attributes)
