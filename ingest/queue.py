"""The queue between MQTT session and batcher: bounded in messages and bytes, it pushes back and drops nothing."""

import asyncio
from collections import deque
from collections.abc import Callable

from ingest.counters import IngestCounters
from ingest.message import Message
from ingest.settings import IngestLimits


class MessageQueue:
    """Messages in order of arrival. Putting and taking never wait; only waiting waits, so no cancellation loses one.

    Above a limit `put` still takes the message that is already here, and the queue says that it is full: the session
    then stops reading from the broker until `room` is called.
    """

    def __init__(self, limits: IngestLimits, counters: IngestCounters) -> None:
        self.room: Callable[[], None] = lambda: None
        self._limits = limits
        self._counters = counters
        self._waiting: deque[Message] = deque()
        self._messages = 0
        self._bytes = 0
        self._awake = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether the session has to stop reading."""
        return self._messages >= self._limits.queue_messages_max or self._bytes >= self._limits.queue_bytes_max

    def put(self, message: Message) -> None:
        """Append a message."""
        self._count(1, len(message.payload))
        self._waiting.append(message)
        self._awake.set()

    def take(self) -> Message | None:
        """Remove and return the oldest message; None where there is none."""
        if not self._waiting:
            return None
        taken = self._waiting.popleft()
        self._count(-1, -len(taken.payload))
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
