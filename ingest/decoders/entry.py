"""One reading as JSON says it, typed by itself: the closer look at what is not plainly right (ingest.decoders.json)."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from model.instant import to_milliseconds
from model.reading import Quality

QUALITY_WORDS = {
    "good": int(Quality.GOOD),
    "uncertain": int(Quality.REPORTED_UNCERTAIN),
    "bad": int(Quality.REPORTED_BAD),
}

# Seven digits and more would be rounded into the next millisecond by msgspec, where we cut.
_ROUNDED_UP = re.compile(rb"\.[0-9]{3}999[5-9]")

_Time = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[datetime, msgspec.Meta(tz=True)]
_Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Unnumbered(msgspec.Struct, gc=False):
    """One reading as it is sent, without its number in the device's sequence. Fields beyond these are let pass."""

    time: _Time
    value: float
    unit: str | None = None
    quality: str | None = None
    sensor: str | None = None


class Entry(Unnumbered, gc=False):
    """One reading as it is sent."""

    sequence: _Sequence | None = None


def milliseconds(entry: Unnumbered) -> int:
    """Return the entry's time in epoch milliseconds."""
    return entry.time if isinstance(entry.time, int) else to_milliseconds(entry.time)


def quality_bits(word: str) -> int:
    """Return the bits of a quality word in any case, -1 for one that is not known."""
    bits = QUALITY_WORDS.get(word)
    return QUALITY_WORDS.get(word.lower(), -1) if bits is None else bits


def is_rounded_up(payload: bytes) -> bool:
    """Whether a time may have been rounded into the next millisecond."""
    return b"999" in payload and _ROUNDED_UP.search(payload) is not None
