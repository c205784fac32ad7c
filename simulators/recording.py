"""A recording row by row: where each row stands in it, where it begins, and when it can begin again."""

from collections import deque
from collections.abc import Generator, Iterator
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

from model.instant import parse_instant
from model.reading_file import Row, read_rows

BACK_FILL_MS_MAX = 86_400_000
"""A time longer than this before the recording's begin is a wrong clock's, not one that was sent later."""

AHEAD_MS = 600_000
WITNESSES = 20  # rows that follow one whose time lies further ahead than that

ROWS_PER_LOOK = 5_000  # about 10 ms of reading


class Placed(NamedTuple):
    """A row and the recording's time there: the newest instant (epoch ms) at which a row so far went over the line."""

    position: int
    row: Row


class Moment(NamedTuple):
    """A place in a recording: epoch ms, or ms from its begin."""

    ms: int
    from_begin: bool

    def within(self, begin: int) -> int:
        """Return the place in epoch ms in a recording that begins there."""
        return begin + self.ms if self.from_begin else self.ms


def placed_rows(path: Path, begin: int) -> Iterator[Placed]:
    """Yield the rows of a readings file with their places, which never fall; rows before the first instant at `begin`.

    A row's place is its arrival where the file has it, else its own time: but not one far ahead that most of the next
    rows do not bear out, which a wrong clock has made and for which a paced replay would wait.
    """
    newest = begin
    for row, instant, is_borne_out in _instants(path):
        if instant is not None and is_borne_out:
            newest = max(newest, instant)
        yield Placed(newest, row)


def begin_of(path: Path) -> int:
    """Return the first instant of a readings file in epoch ms, 0 where it has none. Raises ReadingFileError."""
    return next((at for _, at, is_borne_out in _instants(path) if at is not None and is_borne_out), 0)


def _instants(path: Path) -> Iterator[tuple[Row, int | None, bool]]:
    """Yield each row with its instant and whether the rows after it bear that out."""
    rows = iter(read_rows(path))
    ahead: deque[tuple[Row, int | None, bool]] = deque()
    newest = 0
    while True:
        while len(ahead) <= WITNESSES and (row := next(rows, None)) is not None:
            arrival = instant_of(row.received_at)
            ahead.append((row, instant_of(row.time) if arrival is None else arrival, arrival is not None))
        if not ahead:
            return
        row, instant, is_arrival = ahead.popleft()
        is_borne_out = True
        if instant is not None and not is_arrival and instant > newest + AHEAD_MS:
            witnesses = [at for _, at, _ in ahead if at is not None]
            is_borne_out = 2 * sum(at > instant - AHEAD_MS for at in witnesses) >= len(witnesses)
        if instant is not None and is_borne_out:
            newest = max(newest, instant)
        yield row, instant, is_borne_out


def skip_to(rows: Iterator[Placed], goal: int) -> Generator[int, None, Placed | None]:
    """Return the first row at or after `goal` (epoch ms), None where there is none; yield 0 now and then on the way."""
    for number, placed in enumerate(rows, 1):
        if placed.position >= goal:
            return placed
        if number % ROWS_PER_LOOK == 0:
            yield 0
    return None


@lru_cache(1_000)  # a row's times are asked for several times on its way
def instant_of(text: str) -> int | None:
    """Return a time's epoch ms, RFC 3339 or in digits, None where it cannot be read."""
    if not text:
        return None
    try:
        return int(text) if text.isascii() and text.isdigit() else parse_instant(text)
    except ValueError:
        return None


def period_of(path: Path, begin: int, end: int | None) -> int:
    """Return after how many ms the rows from `begin` up to before `end` (epoch ms) can follow on themselves.

    No time of one pass stands in the next, and the sensors' usual distance lies between the two: a day read every
    minute, from 00:00 to 23:59, gives a day. Times that are wrong, ahead of their arrival or long before the begin, do
    not count. Raises ReadingFileError.
    """
    first = last = None
    spans: dict[str, tuple[int, int, int]] = {}
    for position, row in placed_rows(path, begin_of(path)):
        if position < begin:
            continue
        if end is not None and position >= end:
            break
        first, last = position if first is None else first, position
        time = instant_of(row.time)
        if time is not None and time >= begin - BACK_FILL_MS_MAX:
            time = min(time, position)
            oldest, newest, count = spans.get(row.sensor, (time, time, 0))
            spans[row.sensor] = min(oldest, time), max(newest, time), count + 1
    if first is None or last is None or not spans:
        return 1
    lowest, highest = min(span[0] for span in spans.values()), max(span[1] for span in spans.values())
    missing = [
        (newest - oldest) / (count - 1) - (highest - lowest - (newest - oldest))
        for oldest, newest, count in spans.values()
        if count > 1
    ]
    gap = max(1, round(median(missing))) if missing else 1
    return max(highest - lowest + gap, last - first + 1)
