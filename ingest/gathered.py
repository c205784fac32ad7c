"""Messages gathered in the order of arrival, with all their readings as columns: what a batch is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.message import Columns, Decoded, Message
from ingest.topics import Topic, parse_topic

NO_SEQUENCE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Messages and their readings, not yet checked, in the same order, as columns of one length n.

    `end`, int64 (messages,), is the row after each message's last reading. `sensor`: ids; `time`: int64 epoch
    milliseconds; `value`: float64 as sent; `quality`: uint16 bits of model.reading.Quality; `sequence`: int64, the
    devices' own count, NO_SEQUENCE where there is none; `unit`: UCUM codes, None where a reading names none (and for
    all, None in place of the list).

    `apart` has, by place among the messages and in their order, those of which topic and columns do not tell all:
    entries were refused, another topic stands for theirs, or their readings are not their entries 0, 1, 2 and so on.
    """

    messages: list[Message]
    end: NDArray[np.int64]
    sensor: Sequence[str]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    sequence: NDArray[np.int64]
    unit: Sequence[str | None] | None
    apart: Mapping[int, Decoded]

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[Decoded]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, place: int) -> Decoded:
        """Return one message as `decode_message` does. Raises IndexError."""
        rows = self.rows(place)
        row = slice(rows.start, rows.stop)
        numbers = self.sequence[row].tolist()
        apart = self.apart.get(place)
        columns = Columns(
            tuple(self.sensor[row]),
            tuple(self.time[row].tolist()),
            tuple(self.value[row].tolist()),
            tuple(self.quality[row].tolist()),
            None if self.unit is None else _unless_empty(self.unit[row]),
            None if apart is None else apart.columns.position,
            _unless_empty([None if number == NO_SEQUENCE else number for number in numbers]),
        )
        if apart is None:
            return Decoded(self.messages[place], self.topic(place), columns, ())
        return Decoded(apart.message, apart.topic, columns, apart.rejections, apart.split)

    @property
    def count(self) -> NDArray[np.int64]:
        """How many readings each message has, int64 (messages,)."""
        count = self.end.copy()
        count[1:] -= self.end[:-1]
        return count

    @property
    def entries(self) -> int:
        """Readings and refused entries; a message without any counts as one."""
        count = self.count
        for place, one in self.apart.items():
            count[place] += len(one.rejections)
        return int(np.maximum(count, 1).sum())

    @property
    def ignored(self) -> int:
        """How many messages neither say anything of readings nor are at fault."""
        empty = np.flatnonzero(self.count == 0).tolist()
        return sum(place not in self.apart or not self.apart[place].rejections for place in empty)

    def rows(self, place: int) -> range:
        """Return the rows of a message. Raises IndexError."""
        return range(int(self.end[place - 1]) if place else 0, int(self.end[place]))

    def topic(self, place: int) -> Topic | None:
        """Return what a message's topic says, or the one that stands for it."""
        apart = self.apart.get(place)
        return parse_topic(self.messages[place].topic) if apart is None else apart.topic

    def part(self, first: int, last: int) -> "Gathered":
        """Return the messages from `first` up to, not including, `last`; at least one."""
        row = slice(self.rows(first).start, self.rows(last - 1).stop)
        return Gathered(
            self.messages[first:last],
            self.end[first:last] - row.start,
            self.sensor[row],
            self.time[row],
            self.value[row],
            self.quality[row],
            self.sequence[row],
            None if self.unit is None else self.unit[row],
            {place - first: one for place, one in self.apart.items() if first <= place < last},
        )


def gather_decoded(
    messages: list[Message], alone: Mapping[int, Decoded], joined: Sequence[tuple[Sequence[int], Columns]] = ()
) -> Gathered:
    """Return messages with what was decoded of them: `alone` by their places, in order, and `joined` many at once.

    Each pair of `joined` has the places of messages of one reading each, in order, and these readings.
    """
    if not alone and len(joined) == 1:
        return _gather_joined(messages, joined[0][1])
    columns = [*(found for _, found in joined), *(one.columns for one in alone.values())]
    lengths = [len(one.columns.sensor) for one in alone.values()]
    owner = np.concatenate(
        [*(np.array(places, np.int64) for places, _ in joined), np.repeat(np.array([*alone], np.int64), lengths)]
    )
    count = len(owner)
    found = Gathered(
        messages,
        np.cumsum(np.bincount(owner, minlength=len(messages))),
        list(chain.from_iterable([one.sensor for one in columns])),
        np.fromiter(chain.from_iterable([one.time for one in columns]), np.int64, count),
        np.fromiter(chain.from_iterable([one.value for one in columns]), np.float64, count),
        np.fromiter(chain.from_iterable([one.quality for one in columns]), np.uint16, count),
        _sequences(columns, count),
        _units(columns),
        {place: one for place, one in alone.items() if _is_apart(one)},
    )
    is_in_order = bool((owner[1:] >= owner[:-1]).all())
    return found if is_in_order else _ordered(found, np.argsort(owner, kind="stable"))


def _gather_joined(messages: list[Message], found: Columns) -> Gathered:
    """Return messages of which each has one of the readings, as they mostly come."""
    return Gathered(
        messages,
        np.arange(1, len(messages) + 1),
        found.sensor,
        np.array(found.time, np.int64),
        np.array(found.value, np.float64),
        np.array(found.quality, np.uint16),
        _sequences([found], len(messages)),
        _units([found]),
        {},
    )


def nothing_gathered() -> Gathered:
    """Return no messages."""
    return gather_decoded([], {})


def join(parts: Sequence[Gathered]) -> Gathered:
    """Return the messages of the parts, one part after the other."""
    if len(parts) <= 1:
        return parts[0] if parts else nothing_gathered()
    rows = np.cumsum([0, *(len(part.time) for part in parts)])
    places = np.cumsum([0, *(len(part) for part in parts)]).tolist()
    return Gathered(
        list(chain.from_iterable([part.messages for part in parts])),
        np.concatenate([part.end + row for part, row in zip(parts, rows, strict=False)]),
        list(chain.from_iterable([part.sensor for part in parts])),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.quality for part in parts]),
        np.concatenate([part.sequence for part in parts]),
        _units(parts),
        {first + place: one for part, first in zip(parts, places, strict=False) for place, one in part.apart.items()},
    )


def _ordered(found: Gathered, order: NDArray[np.int64]) -> Gathered:
    rows = order.tolist()
    return replace(
        found,
        sensor=[found.sensor[row] for row in rows],
        time=found.time[order],
        value=found.value[order],
        quality=found.quality[order],
        sequence=found.sequence[order],
        unit=None if found.unit is None else [found.unit[row] for row in rows],
    )


def _units(columns: Sequence[Columns] | Sequence[Gathered]) -> list[str | None] | None:
    if all(one.unit is None for one in columns):
        return None
    return list(chain.from_iterable([one.unit or repeat(None, len(one.sensor)) for one in columns]))


def _sequences(columns: Sequence[Columns], count: int) -> NDArray[np.int64]:
    if all(one.sequence is None for one in columns):
        return np.full(count, NO_SEQUENCE, np.int64)
    numbers = list(chain.from_iterable([one.sequence or repeat(None, len(one.sensor)) for one in columns]))
    if None in numbers:
        numbers = [NO_SEQUENCE if number is None else number for number in numbers]
    return np.array(numbers, np.int64)


def _is_apart(one: Decoded) -> bool:
    return (
        bool(one.rejections)
        or one.split is not None
        or one.columns.position is not None
        or one.topic != parse_topic(one.message.topic)
    )


def _unless_empty(column: Sequence[Any]) -> tuple[Any, ...] | None:
    return None if column.count(None) == len(column) else tuple(column)
