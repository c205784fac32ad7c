"""Readings in batches: numpy arrays, one row a reading, in the order of arrival."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray


class Quality(IntFlag):
    """What is known against a reading; 0 is good. Stored as a 16-bit integer."""

    GOOD = 0
    REPORTED_UNCERTAIN = 1  # the device says so
    REPORTED_BAD = 2  # the device says so
    OUT_OF_RANGE = 4  # beyond the valid range, not in the property's dangerous direction
    SATURATED = 8  # at or beyond the range's end in the dangerous direction: evaluated at that end
    SENTINEL = 16  # a value that devices send to say "no measurement"
    DELAYED = 32  # it arrived long after its time (back-fill, or a device clock that is behind)
    RATE_EXCEEDED = 64  # changed faster than possible, not towards danger
    RATE_TOWARDS_DANGER = 128  # changed faster than possible towards danger: evaluated at once all the same
    UNIT_JUMP = 256  # a power of ten off the recent level, as after a change of the device's unit
    UNIT_JUMP_TOWARDS_DANGER = 512  # the same towards danger: evaluated at once all the same
    STUCK = 1024  # has not changed for longer than is credible
    CLOCK_BEHIND = 2048  # the device's clock is steadily behind, by less than counts as delayed

    @property
    def labels(self) -> list[str]:
        """The names of the flags that are set, in lower case."""
        return [flag.name.lower() for flag in Quality if flag in self and flag.name]


HELD_BACK = Quality.REPORTED_BAD | Quality.OUT_OF_RANGE | Quality.SENTINEL | Quality.RATE_EXCEEDED | Quality.UNIT_JUMP
"""A reading with any of these is stored but never moves a process alarm."""

UNCERTAIN = Quality.REPORTED_UNCERTAIN | Quality.SATURATED
"""A reading with any of these, and none that holds it back, is called uncertain where it is shown."""

NEVER_CLEARS = (
    Quality.REPORTED_UNCERTAIN
    | Quality.SATURATED
    | Quality.RATE_TOWARDS_DANGER
    | Quality.UNIT_JUMP_TOWARDS_DANGER
    | Quality.STUCK
)
"""A reading with any of these may raise a process alarm and keep it, but must not clear it (invariant I5)."""

READINGS_PER_BATCH_MAX = 32_767
"""The position of a reading in its batch is stored in 16 bits."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message, or one reading of it, that could not be used, kept for a person to look at.

    `reason` is a word from a fixed list (`not_json`, `unknown_sensor`, …), `detail` the sentence that says what is
    wrong and how to mend it, `payload` the bytes as they came, cut at the payload limit, of `payload_bytes` in all.
    """

    topic: str
    payload: bytes
    payload_bytes: int
    reason: str
    detail: str
    sensor: str | None = None


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings that were committed together, in the order of their arrival; an empty batch is a tick of the log.

    `sequence` is the batch's place in the log, `clock` the arrival clock (epoch milliseconds) at its end, which moves
    on along the log: readings that arrived at one instant are never in two batches. Arrays have shape (n,): `sensor`
    int32 registry keys, `time` int64 phenomenon time and `arrived` int64 arrival (epoch milliseconds), `value` float64
    in the property's unit, finite, `quality` uint16 flags of `Quality`. Where `listening` is false, the broker was not
    heard all the time since the batch before.
    """

    sequence: int
    clock: int
    sensor: NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    arrived: NDArray[np.int64]
    listening: bool = True

    def __len__(self) -> int:
        return len(self.sensor)


def empty_batch(sequence: int, clock: int) -> ReadingBatch:
    """Return a tick: a batch without readings that moves the log's clock."""
    return ReadingBatch(
        sequence,
        clock,
        np.empty(0, np.int32),
        np.empty(0, np.int64),
        np.empty(0, np.float64),
        np.empty(0, np.uint16),
        np.empty(0, np.int64),
    )
