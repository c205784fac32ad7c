"""Instants as Lifeline writes them: RFC 3339 in UTC with milliseconds, held as integers of epoch milliseconds."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

ZonedDatetime = Annotated[datetime, msgspec.Meta(tz=True)]

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
EARLIEST_MS = 946_684_800_000  # 2000-01-01: nothing this project listens to measured before; catches 1970 and seconds
LATEST_MS = 4_102_444_800_000  # 2100-01-01: catches 9999 and microseconds sent for milliseconds


def parse_instant(text: str) -> int:
    """Return the epoch milliseconds of an RFC 3339 text with zone; finer fractions are cut off.

    Raises ValueError, with the remedy, for any other form and for a time without zone.
    """
    try:
        # From the seventh digit on msgspec rounds, which could lift a time into the next millisecond.
        return to_milliseconds(msgspec.convert(_BEYOND_MICROSECONDS.sub(r"\1", text), ZonedDatetime))
    except msgspec.ValidationError:
        raise ValueError(
            f"{text[:40]!r} is no RFC 3339 time with zone; write it like 2026-11-22T08:00:00.000Z or "
            "2026-11-22T16:00:00+08:00"
        ) from None


def to_milliseconds(moment: datetime) -> int:
    """Return the epoch milliseconds of a datetime with zone, without passing through a float."""
    since = moment - _EPOCH  # not by astimezone, which overflows in the years 1 and 9999
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def to_datetime(milliseconds: int) -> datetime:
    """Return the UTC datetime of epoch milliseconds; the database driver wants one."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def format_instant(milliseconds: int) -> str:
    """Return epoch milliseconds as RFC 3339 in UTC with milliseconds, `2026-11-22T08:00:00.000Z`."""
    return to_datetime(milliseconds).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEYOND_MICROSECONDS = re.compile(r"(\.[0-9]{6})[0-9]+")
