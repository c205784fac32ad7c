"""One reading as JSON says it, and the columns of many; what is not plainly right is left to a closer look."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from ingest.message import Columns
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


def columns_of(entries: list[Entry], sensors: list[str | None], payload: bytes) -> Columns | None:
    """Return the entries as columns; None where one of them may not be as it seems and needs a closer look.

    `sensors` has the topic's sensor for each entry, None where the entry names its own. `payload` are the bytes of all
    entries, in which anything that msgspec passes over in silence leaves its trace.
    """
    units = [entry.unit for entry in entries]
    qualities = [entry.quality for entry in entries]
    named = [entry.sensor for entry in entries]
    sequences = [entry.sequence for entry in entries]
    if not _is_plain(payload, entries, units, qualities, named, sequences) and _is_doubtful(
        payload, len(entries), units, qualities, named
    ):
        return None
    whose = _whose(sensors, named)
    if whose is None:
        return None
    bits = [0 if word is None else quality_bits(word) for word in qualities]
    if -1 in bits:
        return None
    return Columns(
        whose,
        [milliseconds(entry) for entry in entries],
        [entry.value for entry in entries],
        bits,
        None if _is_absent(units) else units,
        None,
        None if _is_absent(sequences) else sequences,
    )


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


def _is_plain(
    payload: bytes,
    entries: list[Entry],
    units: list[str | None],
    qualities: list[str | None],
    named: list[str | None],
    sequences: list[int | None],
) -> bool:
    """Whether there is nothing in the payload but what was decoded from it: the cheaper of the two proofs.

    Without a backslash every text has two quotation marks. Where there are just as many as the decoded fields, with
    their names and texts, need, nothing else stands there: no field twice, none that is null, none of another name.
    """
    if b"\\" in payload:
        return False
    count = len(entries)
    texts = 3 * count - units.count(None) - qualities.count(None) - named.count(None)
    marks = 4 * count + 4 * texts + 2 * (count - sequences.count(None))
    given = payload.count(b'"')
    # Times are texts or numbers; most often all of them alike.
    if given != marks and given != marks + 2 * sum(entry.time.__class__ is not int for entry in entries):
        return False
    return not is_rounded_up(payload)


def _is_doubtful(
    payload: bytes, count: int, units: list[str | None], qualities: list[str | None], named: list[str | None]
) -> bool:
    """Whether a field may stand twice in one entry (msgspec would take the last), or a fraction was rounded up.

    Every entry that decoded has the fields that it was decoded with. So a name that stands exactly as often as there
    are entries with that field stands once in each of them. Names can also be written with escapes, so any backslash
    is reason enough to look closely; so is a name that stands in a text, or a field that is null.
    """
    return (
        b"\\" in payload
        or payload.count(b'"value"') != count
        or payload.count(b'"time"') != count
        or payload.count(b'"unit"') != count - units.count(None)
        or payload.count(b'"quality"') != count - qualities.count(None)
        or payload.count(b'"sensor"') != count - named.count(None)
        or is_rounded_up(payload)
    )


def _whose(sensors: list[str | None], named: list[str | None]) -> list[str] | None:
    """Return each entry's sensor; None where one has none, or another than its topic says."""
    if _is_absent(named):
        return None if None in sensors else sensors  # type: ignore[return-value]
    if _is_absent(sensors):
        return None if None in named else named  # type: ignore[return-value]
    whose = []
    for sensor, name in zip(sensors, named, strict=True):
        if sensor != name and None not in (sensor, name):
            return None
        whose.append(sensor or name)
    return None if None in whose else whose  # type: ignore[return-value]


def _is_absent(column: list[str | None] | list[int | None]) -> bool:
    return column.count(None) == len(column)
