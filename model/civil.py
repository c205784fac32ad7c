"""Civil time for many instants at once: each zone's offsets from UTC as arrays that are asked by time."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_FIRST, _LAST = datetime(1999, 12, 31, tzinfo=UTC), datetime(2100, 1, 2, tzinfo=UTC)
_PROBE = timedelta(days=14)  # no zone changes its offset twice within it


def local_time(zone: str, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the civil time of instants (epoch milliseconds, shape (n,)): milliseconds plus the zone's offset then.

    Instants outside the years 2000 to 2100 take the offset of the nearest of them. Raises ZoneInfoNotFoundError.
    """
    starts, offsets = _offsets(zone)
    local: NDArray[np.int64] = times + offsets[np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)]
    return local


@lru_cache(maxsize=64)
def _offsets(zone: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return since when (epoch milliseconds) each offset (milliseconds) of the zone holds."""
    place = ZoneInfo(zone)
    found = [(_FIRST, _offset(place, _FIRST))]
    probe = _FIRST
    while probe < _LAST:
        following = probe + _PROBE
        if _offset(place, following) != found[-1][1]:
            found.append((_change(place, probe, following), _offset(place, following)))
        probe = following
    starts = [round(start.timestamp()) * 1000 for start, _ in found]
    return np.array(starts, np.int64), np.array([offset for _, offset in found], np.int64)


def _offset(place: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(place).utcoffset()
    assert offset is not None
    return round(offset.total_seconds()) * 1000


def _change(place: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the second at which the offset changes between two instants."""
    offset = _offset(place, before)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if middle <= before:
            middle = before + timedelta(seconds=1)
        if _offset(place, middle) == offset:
            before = middle
        else:
            after = middle
    return after
