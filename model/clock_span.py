"""Spans of the day as people write them in files: from one time of the clock to another, over midnight perhaps."""

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal

from pydantic import StringConstraints

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\z")]


def span_on(day: date, start: ClockTime, end: ClockTime, zone: tzinfo | None) -> tuple[datetime, datetime]:
    """Return begin and end of the span that begins on a date; it ends on the next one where `end` is not after it."""
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    return datetime.combine(day, begins, zone), datetime.combine(day + timedelta(days=ends <= begins), ends, zone)
