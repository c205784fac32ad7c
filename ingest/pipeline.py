"""The way of a message: queue, batch, checks, store, and only then the acknowledgement."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

import numpy as np

from ingest.batcher import gather
from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.message import Decoded, Message, reject
from ingest.prepare import prepare
from ingest.queue import MessageQueue
from ingest.reasons import Reason
from ingest.registered import RegistryCopy
from ingest.settings import IngestLimits, MqttSettings
from model.reading import ReadingBatch, Rejection
from store.batches import IncomingReadings, Receipt, write_batch
from store.pool import TRANSIENT_ERRORS, Pool

log = logging.getLogger(__name__)

Acknowledge = Callable[[list[Decoded]], None]


class Stopped(Exception):
    """The pipeline was stopped while the store did not answer; what was in hand stays unacknowledged."""


async def run_ingest(
    pool: Pool,
    mqtt: MqttSettings,
    limits: IngestLimits,
    clock: Callable[[], int],
    on_committed: Callable[[ReadingBatch], None],
    stop: asyncio.Event,
    counters: IngestCounters,
) -> None:
    """Take readings off the broker into the store until `stop` is set, then finish the batch in hand and disconnect.

    `clock` gives epoch milliseconds. `on_committed` is called with every batch and tick after its commit, in the order
    of the log; a batch whose commit was confirmed only after a retry comes without its readings, so a follower compares
    sequences and reads what it missed from the log. Raises ValueError for an unusable broker url; broker and database
    may come and go.
    """
    queue = MessageQueue(limits, counters)
    consumer = Consumer(mqtt, limits, queue, counters)
    registry = RegistryCopy(pool)
    pipeline = Pipeline(
        pool, registry, limits, clock, on_committed, stop, counters, lambda done: consumer.acknowledge(_messages(done))
    )
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(registry.follow(stop))
        waking = tasks.create_task(_wake_on_stop(stop, queue))
        reading = tasks.create_task(consumer.run())
        try:
            await pipeline.run(queue)
        finally:
            consumer.close()
            await asyncio.wait((reading,))
            following.cancel()
            waking.cancel()


class Pipeline:
    """Writes batches of decoded messages, whatever happens to the database, and never loses a message by it."""

    def __init__(
        self,
        pool: Pool,
        registry: RegistryCopy,
        limits: IngestLimits,
        clock: Callable[[], int],
        on_committed: Callable[[ReadingBatch], None],
        stop: asyncio.Event,
        counters: IngestCounters,
        acknowledge: Acknowledge,
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._on_committed = on_committed
        self._stop = stop
        self._counters = counters
        self._acknowledge = acknowledge
        self._log_clock = 0

    async def run(self, queue: MessageQueue) -> None:
        """Commit batches, and ticks while nothing arrives, until stopped."""
        loop = asyncio.get_running_loop()
        try:
            await self.commit([])  # the first tick tells the log's clock, below which ours may not fall
            next_tick = loop.time() + self._limits.tick_s
            while not self._stop.is_set():
                batch = await gather(queue, self._limits, next_tick - loop.time(), self._stop)
                if batch or loop.time() >= next_tick:
                    await self.commit(batch)
                    next_tick = loop.time() + self._limits.tick_s
        except Stopped:
            log.warning("stopped while the database did not answer; unacknowledged messages stay at the broker")

    async def commit(self, messages: list[Decoded]) -> None:
        """Store the messages, or a tick where there are none, and acknowledge them. Raises Stopped."""
        # The log's clock never runs backwards; where ours was set back, readings must not seem to be ahead of it.
        arrived = max(self._clock(), self._log_clock)
        await self._commit(messages, arrived)

    async def _commit(self, messages: list[Decoded], arrived: int) -> None:
        pause_s = self._limits.retry_s_min
        while True:
            try:
                receipt, rejections = await self._write(messages, arrived)
                break
            except TRANSIENT_ERRORS as error:
                log.warning("the store did not take a batch (%s: %s); trying again", type(error).__name__, error)
            except Exception as error:
                if await self._set_aside(messages, arrived, error):
                    return
            self._counters.store_retries += 1
            await self._pause(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, self._limits.retry_s_max)
        self._committed(messages, receipt, rejections)

    async def _write(self, messages: list[Decoded], arrived: int) -> tuple[Receipt, Sequence[Rejection]]:
        await self._registry.refresh_if_notified()
        prepared = prepare(self._registry.current, messages, arrived, self._limits)
        # A sensor that was registered a moment ago is not refused.
        if prepared.unknown and await self._registry.refresh_if_changed():
            prepared = prepare(self._registry.current, messages, arrived, self._limits)
        receipt = await write_batch(self._pool, arrived, prepared.readings, prepared.rejections)
        return receipt, prepared.rejections

    async def _set_aside(self, messages: list[Decoded], arrived: int, error: Exception) -> bool:
        """Deal with a batch that fails each time: halve it down to the message at fault, and quarantine that one.

        Return False where the fault is the database's and not a message's: then trying again is all that helps.
        """
        log.error("the store refuses a batch of %d messages", len(messages), exc_info=error)
        if not messages or not await self._takes_ticks(arrived):
            return False
        if len(messages) > 1:
            middle = len(messages) // 2
            await self._commit(messages[:middle], arrived)
            await self._commit(messages[middle:], arrived)
            return True
        detail = f"the store refused this message ({type(error).__name__}: {error}); mend the cause, then replay it"
        rejection = reject(messages[0].message, Reason.STORE_REFUSED, detail)
        try:
            receipt = await write_batch(self._pool, arrived, _no_readings(), [rejection])
        except Exception:
            log.exception("a message that the store refused cannot be quarantined either; trying again")
            return False
        self._committed(messages, receipt, [rejection])
        return True

    async def _takes_ticks(self, arrived: int) -> bool:
        try:
            receipt = await write_batch(self._pool, arrived, _no_readings())
        except Exception:
            return False
        self._committed([], receipt, [])
        return True

    def _committed(self, messages: list[Decoded], receipt: Receipt, rejections: Sequence[Rejection]) -> None:
        self._acknowledge(messages)
        batch, counters = receipt.batch, self._counters
        self._log_clock = max(self._log_clock, batch.clock)
        counters.last_commit_clock, counters.last_sequence = batch.clock, batch.sequence
        counters.messages += len(messages)
        counters.messages_ignored += sum(1 for m in messages if not m.columns.sensor and not m.rejections)
        counters.readings += len(batch)
        counters.duplicates += receipt.duplicates
        counters.conflicts += receipt.conflicts
        counters.rejections.update(r.reason for r in rejections)
        if messages:
            counters.batches += 1
        else:
            counters.ticks += 1
        try:
            self._on_committed(batch)
        except Exception:
            log.exception("a follower of the log failed at batch %d; it reads on from the log", batch.sequence)

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._stop.wait()
        except TimeoutError:
            return
        raise Stopped


def _no_readings() -> IncomingReadings:
    return IncomingReadings(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint16))


def _messages(decoded: list[Decoded]) -> list[Message]:
    return [one.message for one in decoded]


async def _wake_on_stop(stop: asyncio.Event, queue: MessageQueue) -> None:
    await stop.wait()
    queue.wake()
