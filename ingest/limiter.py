"""The rate limit of each sensor, so that one that chatters cannot starve the others.

A token bucket a sensor, filled by whichever of two clocks goes further: the arrival clock, or the readings' own time,
forth and back. So a device that really measures too often is limited, while a replay at any speed and the
back-fill after an outage, whose times advance as they did when they were measured, are not. As times are whole
milliseconds, at the default of 1,000 readings a second only repeated times can be over the limit.
"""
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# numba infers the types of kernels

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

STATE = np.dtype(
    [
        ("tokens", "f8"),
        ("arrived", "i8"),
        ("time", "i8"),
        ("lead_ms", "f8"),  # by how much the arrival clock went further than the readings' own time
        ("known", "?"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many readings a sensor may send: for long, and at once after a pause."""

    readings_s_max: float = 1_000.0
    burst_readings_max: int = 5_000


@dataclass(frozen=True, slots=True)
class Limited:
    """Which rows are over the limit, bool (n,), and the buckets after the batch of the sensors (keys) in it."""

    over: NDArray[np.bool_]
    keys: NDArray[np.int32]
    drafts: NDArray[Any]


class Limiter:
    """The buckets of all registered sensors; ids that are not registered have none, so memory is bounded by them.

    Judging changes nothing; `commit` moves the buckets after the store has taken the batch. One writer.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._buckets = np.zeros(0, STATE)
        self._slot = np.zeros(0, np.int32)

    def judge(self, keys: NDArray[np.int32], time: NDArray[np.int64], arrived: int) -> Limited:
        """Judge rows in order of arrival at `arrived`: registry keys and times (int64 epoch milliseconds), shape (n,).

        Rows of -1, sensors that are not registered, are passed over.
        """
        self._fit(int(keys.max(initial=-1)) + 1)
        touched = np.empty(min(len(keys), len(self._slot)), np.int32)
        drafts = np.empty(len(touched), STATE)
        over, count = _walk(
            keys, time, arrived, self._limit.readings_s_max, float(self._limit.burst_readings_max),
            self._buckets, self._slot, touched, drafts,
        )  # fmt: skip
        return Limited(over, touched[:count], drafts[:count])

    def commit(self, limited: Limited) -> None:
        """Take over the buckets after a batch that was stored."""
        _take_over(self._buckets, limited.keys, limited.drafts)

    def _fit(self, size: int) -> None:
        more = size - len(self._buckets)
        if more > 0:
            full = np.zeros(more, STATE)
            full["tokens"] = self._limit.burst_readings_max
            self._buckets = np.concatenate((self._buckets, full))
            self._slot = np.full(size, -1, np.int32)


@numba.njit(cache=True)
def _walk(keys, time, arrived, readings_s_max, burst, buckets, slot, touched, drafts):
    over = np.zeros(len(keys), np.bool_)
    full_ms = burst / readings_s_max * 1000.0  # in which an empty bucket fills: a longer lead says nothing
    count = 0
    for row in range(len(keys)):
        key = keys[row]
        if key < 0:
            continue
        if slot[key] < 0:
            slot[key] = count
            touched[count] = key
            drafts[count] = buckets[key]
            count += 1
        bucket = drafts[slot[key]]
        if not bucket.known:
            bucket.known, bucket.arrived, bucket.time = True, arrived, time[row]
        # As floats: a difference of any two int64 may not fit into one.
        waited = max(float(arrived) - float(bucket.arrived), 0.0)
        moved = abs(float(time[row]) - float(bucket.time))
        # What both clocks tell is counted once: max(arrival, own time) rises by this.
        lead = min(bucket.lead_ms + waited, full_ms)
        gone = max(lead, 0.0) - max(bucket.lead_ms, 0.0)
        bucket.lead_ms = max(lead - moved, -full_ms)
        gone += max(moved - max(lead, 0.0), 0.0)
        bucket.tokens = min(burst, bucket.tokens + gone / 1000.0 * readings_s_max)
        bucket.arrived = max(bucket.arrived, arrived)
        bucket.time = time[row]
        if bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
        else:
            over[row] = True
    for place in range(count):
        slot[touched[place]] = -1
    return over, count


@numba.njit(cache=True)
def _take_over(buckets, keys, drafts):
    for place in range(len(keys)):
        buckets[keys[place]] = drafts[place]
