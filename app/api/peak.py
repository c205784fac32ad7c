"""The highest value of the last minutes: a figure that tells every reader of it the same, however often it is read."""

import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 300
SLOT_S = 15


class Peak:
    """Remembers the highest of what was noted in the last WINDOW_S seconds, by slots of SLOT_S."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._slots: deque[tuple[int, float]] = deque()

    def note(self, value: float) -> None:
        """Take a value into account."""
        slot = int(self._clock_s() // SLOT_S)
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, max(self._slots[-1][1], value))
            return
        self._slots.append((slot, value))
        self._forget(slot)

    @property
    def value(self) -> float:
        """The highest value, 0 where nothing was noted."""
        self._forget(int(self._clock_s() // SLOT_S))
        return max((value for _, value in self._slots), default=0.0)

    def _forget(self, slot: int) -> None:
        while self._slots and self._slots[0][0] <= slot - WINDOW_S // SLOT_S:
            self._slots.popleft()
