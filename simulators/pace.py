"""When a message is due: at a speed, or at once; paused, gone on with, and begun anew at another place."""

import asyncio
import time
from collections.abc import Awaitable, Callable

STEP_S = 0.25  # longest sleep, after which a pause or another place is noticed


class Pace:
    """The pace at which messages go out, counted from the first one, or from `origin_ms` at the pace's making.

    `speed` seconds of the messages' times pass in one second of `clock`; None is at once. Raises ValueError for a
    speed that is not above 0.
    """

    def __init__(
        self,
        speed: float | None,
        *,
        origin_ms: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if speed is not None and not speed > 0:
            raise ValueError(f"a speed of {speed:g} is not possible; give more than 0, or none for the fastest")
        self.speed = speed
        self.clock = clock
        self._origin_ms, self._begun = origin_ms, clock()
        self._clock_ms, self._sleep = clock_ms, sleep
        self._paused_at: float | None = None
        self.place = 0

    @property
    def paused(self) -> bool:
        """Whether nothing is due until it is gone on with."""
        return self._paused_at is not None

    def pause_or_go_on(self) -> None:
        """Pause, or go on; the pause's length is added to the origin, so that nothing is caught up on afterwards."""
        if self._paused_at is None:
            self._paused_at = self.clock()
        else:
            self._begun += self.clock() - self._paused_at
            self._paused_at = None

    def restart(self) -> None:
        """Go to another place: count anew from the next message; one that waits is given up."""
        self._origin_ms = None
        self.place += 1

    async def released(self) -> None:
        """Wait while it is paused."""
        while self.paused:
            await self._sleep(STEP_S)

    async def wait(self, time_ms: int, place: int, not_before_ms: int = 0) -> bool:
        """Wait until a message of `time_ms` is due, and the clock (epoch ms) has come to `not_before_ms`.

        Returns False where the pace is no longer at `place`, at which the message was taken: it is not wanted any more.
        """
        if place == self.place and self._origin_ms is None:
            self._origin_ms = time_ms
            self._begun = self.clock() if self._paused_at is None else self._paused_at
        while place == self.place:
            left = STEP_S if self.paused else self._left(time_ms, not_before_ms)
            if left <= 0:
                return True
            await self._sleep(min(left, STEP_S))
        return False

    def _left(self, time_ms: int, not_before_ms: int) -> float:
        """Seconds until both are reached."""
        left = 0.0
        if self.speed is not None and self._origin_ms is not None:
            left = self._begun + (time_ms - self._origin_ms) / 1000.0 / self.speed - self.clock()
        return max(left, (not_before_ms - self._clock_ms()) / 1000.0) if not_before_ms else left
