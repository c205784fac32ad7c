"""Play a recorded readings file through the broker, every row of it: with its own times or shifted, once or again."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain, groupby, islice, takewhile
from pathlib import Path

import msgspec

from model.instant import format_instant
from model.reading_file import Row
from model.sensor import Sensor
from simulators.messages import Message, topic_of
from simulators.pace import Pace
from simulators.publish import Progress, publish
from simulators.recording import Moment, Placed, begin_of, instant_of, period_of, placed_rows, skip_to

GATEWAY = "replay"
ENDLESS = 0


class NothingToReplay(Exception):
    """The recording has no row in the part that was asked for."""


async def replay_file(
    path: Path,
    sensors: Mapping[str, Sensor],
    url: str,
    *,
    speed: float | None = 1.0,
    readings_per_message: int = 1,
    progress: Callable[[Progress], None] | None = None,
    protocol: str = "3.1.1",
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Publish every row of a readings file in file order and return the number of messages acknowledged.

    `speed` seconds of the file pass in one, None is as fast as acknowledged. Raises ReadingFileError,
    BrokerUnreachable, and ValueError where there is no sensor to take a city from.
    """
    pace = Pace(speed, sleep=sleep)
    replay = Replay(path, sensors, pace, readings_per_message=readings_per_message)
    return await publish(url, replay.messages(), pace=pace, progress=progress, protocol=protocol)


class Replay:
    """A recording while it is played: where it stands, and what moves it.

    The rows from `begin` up to before `end` are played `passes` times, each pass later than the one before by the
    part's length; ENDLESS until it is ended. With `start_ms` all times are shifted by the same, so that the first time
    that can be read lands there (epoch ms); times that cannot be read stay as they are. Shifted readings do not go out
    before the clock has come to their time. Raises ReadingFileError, NothingToReplay where that part is empty, and
    ValueError where there is no sensor to take a city from.
    """

    def __init__(
        self,
        path: Path,
        sensors: Mapping[str, Sensor],
        pace: Pace,
        *,
        begin: Moment | None = None,
        end: Moment | None = None,
        start_ms: int | None = None,
        passes: int = 1,
        readings_per_message: int = 1,
    ) -> None:
        if not sensors:
            raise ValueError("there is no sensor; give the sensors file that belongs to the recording")
        self._path, self._sensors, self._pace, self._size = path, sensors, pace, readings_per_message
        self._home = next(iter(sensors.values())).city
        self._file_begin = begin_of(path)
        self._begin = self._file_begin if begin is None else begin.within(self._file_begin)
        self._end = None if end is None else end.within(self._file_begin)
        self._passes = passes
        self._is_shifted = start_ms is not None or passes != 1
        self._shift = 0 if start_ms is None else start_ms - self._first_time()
        if begin is not None or end is not None or passes != 1:
            self._refuse_nothing()
        self._period = period_of(path, self._begin, self._end) if passes != 1 else 0
        self._goal: int | None = None
        self._resume_at: int | None = None  # where the next message stands on the pace's line after a seek
        self._ended = False
        self.position = self._begin

    def seek(self, by_ms: int) -> None:
        """Go on elsewhere: `by_ms` of the recording later, or earlier, not before the part's begin.

        Original times are sent again as they are; shifted ones go on from where they were, so that none repeats.
        """
        self._goal = max(self._begin, (self.position if self._goal is None else self._goal) + by_ms)
        self._pace.restart()

    def end(self) -> None:
        """Send nothing more."""
        self._ended = True
        self._pace.restart()

    def messages(self) -> Iterator[Message | int]:
        """Yield the rows as messages, in file order, with the instants before which they do not go out, 0 for none.

        A row stands on its sensor's topic. One whose sensor is not registered, or names none, goes out on a gateway's
        topic of the first sensor's city, and what cannot be a JSON number goes out as text: it is for ingest to refuse.
        With more than one reading a message all go out on gateways' topics, in arrays of neighbours of one city.
        """
        done, goal = 0, self._begin
        while True:
            yield from self._messages_from(goal)
            if self._ended:
                return
            if self._goal is not None:
                goal, self._goal = self._goal, None
                if self._is_shifted:
                    self._resume_at = self.position + self._shift + 1  # one more: no time of before stands again
                self.position = goal
                continue
            done, goal = done + 1, self._begin
            if done == self._passes:
                return
            self._shift += self._period

    def _messages_from(self, goal: int) -> Generator[Message | int, None, None]:
        with closing(self._rows()) as rows:
            first = yield from skip_to(rows, goal)
            if first is None:
                return
            if self._resume_at is not None:
                self._shift, self._resume_at = self._resume_at - first.position, None
            for city, batch in self._batches(chain([first], rows)):
                if self._ended or self._goal is not None:
                    return
                self.position = batch[-1].position
                if self._is_shifted:
                    yield self._not_before(batch)
                yield self._message(city, batch)

    def _rows(self) -> Generator[Placed, None, None]:
        rows = placed_rows(self._path, self._file_begin)
        yield from rows if self._end is None else takewhile(lambda placed: placed.position < (self._end or 0), rows)

    def _first_time(self) -> int:
        """The first time of the part that can be read, 0 where there is none."""
        rows = (placed.row for placed in self._rows() if placed.position >= self._begin)
        return next((time for row in rows if (time := instant_of(row.time)) is not None), 0)

    def _refuse_nothing(self) -> None:
        if not any(placed.position >= self._begin for placed in self._rows()):
            raise NothingToReplay(
                f"{self._path} has no row there; it begins at {format_instant(self._file_begin)}: say from where to "
                "where by spans from its begin, like 2h, or by instants of the recording"
            )

    def _batches(self, rows: Iterable[Placed]) -> Iterator[tuple[str, list[Placed]]]:
        """Neighbouring rows of one city, at most so many at a time, with that city."""
        for city, of_city in groupby(rows, self._city_of):
            while batch := list(islice(of_city, self._size)):
                yield city, batch

    def _city_of(self, placed: Placed) -> str:
        sensor = self._sensors.get(placed.row.sensor)
        return self._home if sensor is None else sensor.city

    def _not_before(self, batch: list[Placed]) -> int:
        times = [time for placed in batch if self._shift and (time := instant_of(placed.row.time)) is not None]
        # A time ahead of its own arrival was wrong when it was recorded; it holds nothing up.
        return min(max(times), batch[-1].position) + self._shift if times else 0

    def _message(self, city: str, batch: list[Placed]) -> Message:
        sensor = self._sensors.get(batch[0].row.sensor)
        position = batch[-1].position
        if self._size == 1 and sensor is not None:
            topic, payload = topic_of(sensor), _encode(_entry(batch[0].row, self._shift, named=False))
        else:
            topic = f"lifeline/{city}/gateway/{GATEWAY}"
            payload = _encode([_entry(placed.row, self._shift, named=True) for placed in batch])
        return Message(position + self._shift, topic, payload, len(batch))


def _entry(row: Row, shift: int, *, named: bool) -> dict[str, object]:
    entry: dict[str, object] = {"sensor": row.sensor} if named else {}
    entry["time"] = _shifted(row.time, shift)
    return entry | measured(row)


def measured(row: Row) -> dict[str, object]:
    """What a row says beside sensor and time, as it goes over the line."""
    said: dict[str, object] = {}
    if row.value:
        said["value"] = _json_value(row.value)
    if row.unit:
        said["unit"] = row.unit
    if row.quality:
        said["quality"] = int(row.quality) if row.quality.isascii() and row.quality.isdigit() else row.quality
    return said


def _shifted(text: str, shift: int) -> str:
    """A time later by `shift` ms, in its form; one that cannot be read, or would lie beyond the calendar, as it is."""
    time = instant_of(text) if shift else None
    if time is None:
        return text
    try:
        return str(time + shift) if text.isdigit() else format_instant(time + shift)
    except (ValueError, OverflowError):
        return text


def _json_value(text: str) -> object:
    """The text as it stands where it is JSON; a number that only CSV writes so (+5, .5) as JSON writes it."""
    try:
        msgspec.json.decode(text)
        return msgspec.Raw(text.encode())
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


_encode = msgspec.json.Encoder().encode
