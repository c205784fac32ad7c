"""Readings as JSON says them where nothing is out of the ordinary: all entries of many messages become columns at once.

What is not plainly right is left to a closer look, one by one (ingest.decoders.json).
"""

from typing import Annotated

import msgspec
import numpy as np

from ingest.decoders.entry import quality_bits
from ingest.decoders.plain_walk import UNREAD, read_times, tally
from ingest.message import Columns
from model.instant import parse_instant

_Milliseconds = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class PlainEntry(msgspec.Struct, gc=False):
    """One reading as it is sent; its time may still be any text."""

    time: _Milliseconds | str
    value: float
    unit: str | None = None
    quality: str | None = None
    sensor: str | None = None
    sequence: _Sequence | None = None


def columns_of(
    entries: list[PlainEntry], sensors: list[str | None], content: bytes, objects: int | None = None
) -> Columns | None:
    """Return the entries as columns; None where one of them may not be as it seems.

    `sensors` has the topic's sensor for each entry, None where the entry names its own. `content` are the bytes that
    the entries were decoded from; where `objects` is given, they hold exactly so many `{` that do not follow a `%`.

    msgspec takes the last where a field stands twice in an entry, and passes over what it does not know. Every entry
    that decoded has the fields that it was decoded with: so a name that stands in the bytes exactly as often as there
    are entries with that field stands once in each of them, and one that does not stand there in none.
    """
    count = len(entries)
    nowhere: list[str | None] = [None] * count
    times_told, values_told, units_told, qualities_told, named_told, braces = tally(
        np.frombuffer(content, np.uint8)
    ).tolist()
    units = [entry.unit for entry in entries] if units_told else nowhere
    qualities = [entry.quality for entry in entries] if qualities_told else nowhere
    named = [entry.sensor for entry in entries] if named_told else nowhere
    found = [count, count, *(count - column.count(None) for column in (units, qualities, named))]
    if found != [times_told, values_told, units_told, qualities_told, named_told] or objects not in (None, braces):
        return None
    times = _milliseconds([entry.time for entry in entries])
    whose = _whose(sensors, named)
    bits = [0 if word is None else quality_bits(word) for word in qualities] if qualities_told else [0] * count
    if times is None or whose is None or -1 in bits:
        return None
    sequences = [entry.sequence for entry in entries]
    return Columns(
        whose,
        times,
        [entry.value for entry in entries],
        bits,
        units if units_told else None,
        None,
        None if sequences.count(None) == count else sequences,
    )


def _milliseconds(times: list[int | str]) -> list[int] | None:
    """Return times as epoch milliseconds; None where a text is no RFC 3339 time with zone."""
    try:
        joined = "".join(times)  # type: ignore[arg-type]
        texts: list[str] = times  # type: ignore[assignment]
    except TypeError:  # numbers among them
        texts = [time for time in times if isinstance(time, str)]
        joined = "".join(texts)
    if not joined.isascii():
        return None
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    read: list[int] = read_times(np.frombuffer(joined.encode("ascii"), np.uint8), ends).tolist()
    if UNREAD in read:
        try:
            read = [parse_instant(text) if time == UNREAD else time for time, text in zip(read, texts, strict=True)]
        except ValueError:
            return None
    if len(texts) == len(times):
        return read
    following = iter(read)
    return [next(following) if isinstance(time, str) else time for time in times]


def _whose(sensors: list[str | None], named: list[str | None]) -> list[str] | None:
    """Return each entry's sensor; None where one has none, or another than its topic says."""
    if named.count(None) == len(named):
        return None if None in sensors else sensors  # type: ignore[return-value]
    if sensors.count(None) == len(sensors):
        return None if None in named else named  # type: ignore[return-value]
    whose = []
    for sensor, name in zip(sensors, named, strict=True):
        if sensor != name and None not in (sensor, name):
            return None
        whose.append(sensor or name)
    return None if None in whose else whose  # type: ignore[return-value]
