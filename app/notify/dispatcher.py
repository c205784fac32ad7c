"""The dispatcher: takes what is due out of the outbox and sends it, each channel by itself, until it is through.

Several may run, also in several processes: each notification is claimed before it is sent, and marked after. Whoever
dies in between has sent it perhaps; when the claim lapses it is sent again, under the same idempotency key.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from alerts.notification_file import Channel, stored_notification_file
from app.notify.channels import Send, SendingFailed, Surroundings, send
from app.notify.counters import NotifyCounters
from app.notify.pace import Pace
from app.notify.words import RuleTexts, outgoing_of
from store.notification_files import file_in_force
from store.outbox import (
    Claimed,
    claim,
    count_waiting,
    due_channels,
    make_digests,
    note_failed,
    note_sent,
)
from store.pool import TRANSIENT_ERRORS, Pool

log = logging.getLogger(__name__)

TEST_KIND = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchLimits:
    """How often, how long and how much."""

    attempts_max: int = 200
    age_s_max: float = 86_400.0  # after that a failure is the last one
    retry_s_first: float = 5.0  # doubled after each attempt
    retry_s_max: float = 120.0
    # For which a channel rests after a failure, doubled after each further one; less than the message itself waits, so
    # that one that is never taken lets the others pass.
    pause_s_first: float = 2.0
    pause_s_max: float = 60.0
    claim_s: float = 90.0  # longer than any channel's timeout_s
    sends_at_once_max: int = 16
    poll_s: float = 0.5
    count_s: float = 15.0
    end_s_max: float = 5.0

    def retry_s(self, attempts: int) -> float:
        """Seconds after so many attempts until the next one: always the same, so that a course can be foretold."""
        return min(self.retry_s_first * 2.0 ** min(attempts - 1, 30), self.retry_s_max)

    @property
    def pauses_s(self) -> list[float]:
        """Seconds for which a channel rests after one failure, two, and so on; the last holds for more."""
        pauses = [self.pause_s_first]
        while pauses[-1] < self.pause_s_max:
            pauses.append(min(pauses[-1] * 2, self.pause_s_max))
        return pauses


class Dispatcher:
    """Sends what is due. `clock` gives epoch milliseconds; nothing else here reads a clock of the day."""

    def __init__(
        self,
        pool: Pool,
        clock: Callable[[], int],
        *,
        around: Surroundings | None = None,
        public_url: str | None = None,
        limits: DispatchLimits | None = None,
        counters: NotifyCounters | None = None,
        sender: Send = send,
    ) -> None:
        self.pool = pool
        self.clock = clock
        self.around = around or Surroundings()
        self.public_url = public_url
        self.limits = limits or DispatchLimits()
        self.counters = counters or NotifyCounters()
        self.sender = sender
        self.rules = RuleTexts(pool)
        self.pace = Pace()
        self.places = asyncio.Semaphore(self.limits.sends_at_once_max)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set. Whatever goes wrong is logged and tried again: alarms do not depend on it."""
        sending: dict[str, asyncio.Task[int]] = {}
        loop = asyncio.get_running_loop()
        count_at = loop.time()
        while not stop.is_set():
            try:
                now = self.clock()
                await make_digests(self.pool, now)
                for channel in await due_channels(self.pool, now):
                    if channel not in sending or sending[channel].done():
                        sending[channel] = asyncio.create_task(self._send_all(channel, stop), name=f"notify {channel}")
                if loop.time() >= count_at:
                    await self._count()
                    count_at = loop.time() + self.limits.count_s
            except TRANSIENT_ERRORS as error:
                log.warning("notifications wait for the database: %s", error)
            except Exception:
                log.exception("the outbox could not be looked through; it is tried again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.limits.poll_s)
        if sending:
            _, late = await asyncio.wait(sending.values(), timeout=self.limits.end_s_max)
            for task in late:
                task.cancel()  # its claim lapses, and it is sent again
            await asyncio.gather(*late, return_exceptions=True)

    async def send_due(self) -> int:
        """Send all that is due now through every channel, and return how many messages were taken."""
        await make_digests(self.pool, self.clock())
        channels = await due_channels(self.pool, self.clock())
        return sum(await asyncio.gather(*(self._send_all(channel) for channel in channels)))

    async def _send_all(self, channel: str, stop: asyncio.Event | None = None) -> int:
        """Send what is due through one channel, one after the other, until nothing is or it is given a rest."""
        sent = 0
        try:
            while stop is None or not stop.is_set():
                async with self.places:
                    now = self.clock()
                    found = await self._channel(channel)
                    if found is not None and not self.pace.has_place(channel, found.per_minute, now):
                        break
                    claimed = await claim(self.pool, channel, now, now + round(self.limits.claim_s * 1000))
                    if claimed is None:
                        break
                    self.pace.take_place(channel)
                    sent += await self._send_one(claimed, found)
        except TRANSIENT_ERRORS as error:
            log.warning("channel %s waits for the database: %s", channel, error)
        except Exception:
            log.exception("channel %s could not be served; it is tried again", channel)
        return sent

    async def _send_one(self, claimed: Claimed, channel: Channel | None) -> bool:
        if channel is None:
            await self._fail(claimed, "the channel is not in the notification file any more", last=True)
            return False
        try:
            outgoing = await outgoing_of(self.pool, claimed, channel, self.rules, self.public_url)
            await self.sender(channel, outgoing, self.clock(), self.around)
        except SendingFailed as error:
            await self._fail(claimed, str(error), last=claimed.kind == TEST_KIND)
            return False
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:
            # A message that cannot be put into words must not stand in the way of the others.
            log.exception("notification %d could not be sent", claimed.notification)
            await self._fail(claimed, f"internal error: {type(error).__name__}", last=False)
            return False
        async with self.pool.acquire() as connection:
            await note_sent(connection, claimed, self.clock())
        self.counters.sent += 1
        return True

    async def _fail(self, claimed: Claimed, error: str, *, last: bool) -> None:
        now = self.clock()
        too_old = now - claimed.enqueued_at > self.limits.age_s_max * 1000
        retry_at = None
        if not (last or too_old or claimed.attempts >= self.limits.attempts_max):
            retry_at = now + round(self.limits.retry_s(claimed.attempts) * 1000)
        else:
            self.counters.given_up += 1
        self.counters.failures[claimed.channel] += 1
        log.warning("notification %d through %s: %s", claimed.notification, claimed.channel, error)
        async with self.pool.acquire() as connection:
            await note_failed(connection, claimed, now, error, retry_at=retry_at, pauses_s=self.limits.pauses_s)

    async def _channel(self, name: str) -> Channel | None:
        stored = await file_in_force(self.pool)
        if stored is None:
            return None
        return next((c for c in stored_notification_file(stored.content).channels if c.channel == name), None)

    async def _count(self) -> None:
        waiting = await count_waiting(self.pool)
        counters = self.counters
        counters.pending, counters.gathering, counters.dead = (
            waiting.get(state, 0) for state in ("pending", "gathering", "dead")
        )
