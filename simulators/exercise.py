"""An exercise while it is played: from any place, at a speed that may change, paused, gone on with, sent elsewhere.

Readings bear the clock's time, drawn together by the speed at which they go out, because the service refuses readings
from the future and takes none twice. So they always go on in time, also where the play goes back.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from model.instant import format_instant
from model.network import Network
from model.sensor import City, Sensor
from simulators.pace import STEP_S, Pace

SPEED_MIN, SPEED_MAX = 1.0, 1_000.0
BEHIND_MS_MAX = 1_000  # further behind, it goes on from where it is: slower than was asked for, never in a rush
SEGMENTS_MAX = 1_000


class Entry(NamedTuple):
    """A reading of a message: JSON before and after its time, and the time, None where it cannot be read."""

    before: str
    time: int | None
    after: str


class Untimed(NamedTuple):
    """A message whose readings bear the times of the play (ms); `due` is its place there."""

    due: int
    topic: str
    entries: Sequence[Entry]
    as_array: bool


class Marker(NamedTuple):
    """Something happens there (ms from the begin), at so many places, perhaps with an alarm of that severity due."""

    position_ms: int
    what: str
    places: int
    severity: str | None


class Source(Protocol):
    """What can be played: readings from `begin` to `end` (epoch ms), of sensors in cities for exercises."""

    begin: int
    end: int
    sensors: Sequence[Sensor]
    cities: Sequence[City]

    def networks(self) -> Iterator[tuple[str, Iterable[Network]]]:
        """Yield what pipes lie in each city; nothing where that is not known."""

    def messages_from(self, position: int) -> Iterator[Untimed | None]:
        """Yield the messages from there on, None now and then while it looks for the next one."""

    def markers(self) -> list[Marker]:
        """Return what happens, by its place; nothing where that is not known."""


class _Segment(NamedTuple):
    """From this place of the play on it goes on from this instant of the clock, so fast."""

    position: int
    clock: int
    speed: float


class Timeline:
    """Which instant of the clock belongs to which place of the play; it never falls as the place rises."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []

    def __bool__(self) -> bool:
        """Whether it has begun."""
        return bool(self._segments)

    def go_on(self, position: int, clock: int, speed: float) -> None:
        """From there on it is as said."""
        while self._segments and self._segments[-1].position >= position:
            self._segments.pop()
        self._segments.append(_Segment(position, clock, speed))
        del self._segments[:-SEGMENTS_MAX]

    def clock_at(self, position: int) -> int:
        """Return the instant at which the play is, or was, there."""
        place = bisect_right(self._segments, position, key=lambda one: one.position) - 1
        segment = self._segments[max(0, place)]
        instant = segment.clock + round((position - segment.position) / segment.speed)
        # What was delayed from before a jump of the clock stays before it.
        return min(instant, self._segments[place + 1].clock) if 0 <= place < len(self._segments) - 1 else instant

    def position_at(self, clock: int) -> int:
        """Return where the play is at that instant, which is in the newest segment."""
        newest = self._segments[-1]
        return newest.position + round((clock - newest.clock) * newest.speed)


class ExercisePace(Pace):
    """The pace of an exercise, by the wall clock; places are instants of the play."""

    speed: float

    def __init__(
        self,
        speed: float,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(speed, clock=lambda: clock_ms() / 1000.0, clock_ms=clock_ms, sleep=sleep)
        self._stands_at: int | None = None
        self._is_paused = False
        self._newest = 0  # instant that a message was given
        self.timeline = Timeline()

    @property
    def paused(self) -> bool:
        """Whether nothing is due until it is gone on with."""
        return self._is_paused

    @property
    def stands_at(self) -> int | None:
        """Where the play stands while it is paused, None where it has not begun."""
        return self._stands_at if self._is_paused else None

    def now(self) -> int:
        """Epoch milliseconds."""
        return self._clock_ms()

    def pause_or_go_on(self) -> None:
        """Pause, or go on."""
        if self._is_paused:
            self.play()
        else:
            self.pause()

    def pause(self) -> None:
        """Let nothing go out, and the play stand where it is."""
        if not self._is_paused:
            self._stands_at = self.timeline.position_at(self._clock_ms()) if self.timeline else None
            self._is_paused = True

    def play(self) -> None:
        """Go on; what the pause delayed is not caught up on."""
        if self._is_paused:
            self._is_paused = False
            if self.timeline and self._stands_at is not None:
                self.timeline.go_on(self._stands_at, self._clock_ms(), self.speed)

    def change_speed(self, speed: float) -> None:
        """Go on at another speed from where the play is. Raises ValueError for one that is not above 0."""
        if not speed > 0:
            raise ValueError(f"a speed of {speed:g} is not possible; give more than 0")
        now = self._clock_ms()
        if self.timeline and not self._is_paused:
            self.timeline.go_on(self.timeline.position_at(now), now, speed)
        self.speed = speed

    def restart(self) -> None:
        """Go to another place: what waits is given up, and the play's time begins anew with the next message."""
        self.timeline = Timeline()
        self._stands_at = None
        self.place += 1

    async def wait(self, time_ms: int, place: int, not_before_ms: int = 0) -> bool:
        """Wait until the play has come to `time_ms`. Returns False where `place` is no longer that of the pace."""
        while place == self.place:
            if self._is_paused:
                await self._sleep(STEP_S)
                continue
            now = self._clock_ms()
            if not self.timeline:
                self.timeline.go_on(time_ms, max(now, self._newest + 1), self.speed)
            left = self.timeline.clock_at(time_ms) - now
            if left <= 0:
                if left < -BEHIND_MS_MAX:
                    self.timeline.go_on(time_ms, now, self.speed)
                self._newest = max(self._newest, self.timeline.clock_at(time_ms))
                return True
            await self._sleep(min(left / 1000.0, STEP_S))
        return False


class Stamped:
    """A message that takes the times of its readings from the clock as it goes out."""

    readings: int

    def __init__(self, message: Untimed, timeline: Timeline) -> None:
        self._message, self._timeline = message, timeline
        self._payload: bytes | None = None
        self.time, self.topic, self.readings = message.due, message.topic, len(message.entries)

    @property
    def payload(self) -> bytes:
        """What is sent, the same each time: one that a broken line has cut off goes out again."""
        if self._payload is None:
            clock_at = self._timeline.clock_at
            texts = [
                before + after if time is None else f"{before}{format_instant(clock_at(time))}{after}"
                for before, time, after in self._message.entries
            ]
            self._payload = (f"[{','.join(texts)}]" if self._message.as_array else texts[0]).encode()
        return self._payload


class Exercise:
    """A source while it is played; `position` is the place (ms) of the newest message that was taken from it."""

    def __init__(self, source: Source, pace: ExercisePace, *, position: int | None = None) -> None:
        self.source, self.pace = source, pace
        self._goal: int | None = self._within(source.begin if position is None else position)
        self._ended = False
        self.taken = self._goal

    @property
    def position(self) -> int:
        """Where the play is (ms)."""
        if self._goal is not None:
            return self._goal
        timeline, pace = self.pace.timeline, self.pace
        if not timeline or pace.paused:
            return self.taken if pace.stands_at is None else min(self.taken, pace.stands_at)
        return min(self.taken, timeline.position_at(pace.now()))

    def seek(self, position: int) -> None:
        """Go on from another place: what lies between is not sent, and the readings there follow in time."""
        self._goal = self._within(position)
        self.pace.restart()

    def end(self) -> None:
        """Send nothing more."""
        self._ended = True
        self.pace.restart()

    def messages(self) -> Iterator[Stamped | int]:
        """Yield what goes out, and 0 while it is looked for."""
        while self._goal is not None and not self._ended:
            goal, self._goal = self._goal, None
            self.taken = goal
            for message in self.source.messages_from(goal):
                if self._ended or self._goal is not None:
                    break
                if message is None:
                    yield 0
                    continue
                self.taken = max(goal, message.due)
                yield Stamped(message, self.pace.timeline)

    def _within(self, position: int) -> int:
        return max(self.source.begin, min(position, self.source.end))
