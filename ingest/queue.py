"""The queue between MQTT session and batcher: bounded in messages and bytes, it pushes back and drops nothing."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from itertools import accumulate

from ingest.counters import IngestCounters
from ingest.message import Message
from ingest.settings import TURN_BYTES_MAX, TURN_MESSAGES_MAX, IngestLimits


class MessageQueue:
    """Messages in order of arrival. Putting and taking never wait; only waiting waits, so no cancellation loses one.

    Above a limit `put` still takes the messages that are already here, and the queue says that it is full: the session
    then stops reading from the broker until `room` is called.
    """

    def __init__(self, limits: IngestLimits, counters: IngestCounters) -> None:
        self.room: Callable[[], None] = lambda: None
        self._limits = limits
        self._counters = counters
        # In portions, each with its size: one by one they would cost more than decoding them.
        self._waiting: deque[tuple[list[Message], int]] = deque()
        self._messages = self._bytes = 0
        self._awake = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether the session has to stop reading."""
        return self._messages >= self._limits.queue_messages_max or self._bytes >= self._limits.queue_bytes_max

    def put(self, messages: list[Message]) -> None:
        """Append messages."""
        for start in range(0, len(messages), TURN_MESSAGES_MAX):
            portion = messages[start : start + TURN_MESSAGES_MAX]
            size = size_of(portion)
            self._waiting.append((portion, size))
            self._count(len(portion), size)
        self._awake.set()

    def take(self, bytes_max: int = TURN_BYTES_MAX) -> list[Message]:
        """Remove and return a portion of the oldest messages, within the limit, but at least one message."""
        if not self._waiting:
            return []
        taken, size = self._waiting.popleft()
        if size > bytes_max:
            sizes = list(accumulate(len(message.payload) for message in taken))
            count = max(1, bisect_right(sizes, bytes_max))
            if count < len(taken):
                self._waiting.appendleft((taken[count:], size - sizes[count - 1]))
                taken, size = taken[:count], sizes[count - 1]
        self._count(-len(taken), -size)
        # Half empty before reading goes on, so that a full queue does not stop and start with every message.
        if self._messages * 2 <= self._limits.queue_messages_max and self._bytes * 2 <= self._limits.queue_bytes_max:
            self.room()
        return taken

    def wake(self) -> None:
        """End the present wait, or the next one."""
        self._awake.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait until there is a message, somebody wakes the queue, or the time is over."""
        if self._waiting or timeout_s <= 0:
            return
        self._awake.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._awake.wait()
        except TimeoutError:
            pass

    def _count(self, messages: int, size: int) -> None:
        self._messages += messages
        self._bytes += size
        self._counters.queue_messages = self._messages
        self._counters.queue_bytes = self._bytes


def size_of(messages: Iterable[Message]) -> int:
    """Return the bytes of the payloads that are held."""
    return sum([len(message.payload) for message in messages])
