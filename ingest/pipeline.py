"""The way of a message: queue, batch, checks, store, and only then the acknowledgement."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingest.batcher import gather
from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.course_recovery import CHECKPOINT_READINGS, CHECKPOINT_S, recover, save
from ingest.decoders.forms import Forms
from ingest.judgement import Judgement, Ruling
from ingest.message import Decoded, Message, reject
from ingest.placement import Places
from ingest.prepare import Prepared, prepare
from ingest.queue import MessageQueue
from ingest.reasons import Reason
from ingest.registered import RegistryCopy
from ingest.replays import Outcome, do_replays
from ingest.settings import IngestLimits, MqttSettings
from model.reading import ReadingBatch
from model.registry import Registry
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
    forms: Forms | None = None,
) -> None:
    """Take readings off the broker into the store until `stop` is set, then finish the batch in hand and disconnect.

    `clock` gives epoch milliseconds. `on_committed` is called with every batch and tick after its commit, in the order
    of the log; a batch whose commit was confirmed only after a retry comes without its readings, so a follower compares
    sequences and reads what it missed from the log. `forms` are payloads of vendors' own, whose topics `mqtt` has to
    subscribe to. Raises ValueError for an unusable broker url; broker and database may come and go.
    """
    queue = MessageQueue(limits, counters)
    consumer = Consumer(mqtt, limits, queue, counters)
    registry = RegistryCopy(pool)
    pipeline = Pipeline(
        pool,
        registry,
        limits,
        clock,
        on_committed,
        stop,
        counters,
        lambda done: consumer.acknowledge(_messages(done)),
        forms,
        mqtt.client_id,
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


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are committed together, what was made of them, and by which version of the registry."""

    messages: list[Decoded]
    arrived: int  # epoch milliseconds
    prepared: Prepared
    registry: Registry
    connection: int | None  # number of the session's connection that stood, None where none did


class Pipeline:
    """Writes batches of decoded messages, whatever happens to the database, and never loses a message by it.

    While the store commits one batch, the next is gathered, decoded and checked: one batch ahead, no more, and each is
    written only when the one before it is committed.
    """

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
        forms: Forms | None = None,
        worker: str = "lifeline-ingest",
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._places = Places(registry.current)
        self._limits = limits
        self._clock = clock
        self._on_committed = on_committed
        self._stop = stop
        self._counters = counters
        self._acknowledge = acknowledge
        self._forms = forms or Forms()
        self._log_clock = 0
        self._committing: asyncio.Task[None] | None = None
        self._worker = worker
        self._judgement = Judgement(registry.current, limits)
        self._unsaved = 0  # readings since the newest checkpoint of the checks
        self._logged_connection: int | None = None  # of the newest batch

    async def run(self, queue: MessageQueue) -> None:
        """Commit batches, and ticks while nothing arrives, until stopped."""
        loop = asyncio.get_running_loop()
        try:
            await self._recover()
            await self.commit([])  # the first tick tells the log's clock, below which ours may not fall
            next_tick = next_upkeep = loop.time() + self._limits.tick_s
            next_checkpoint = loop.time() + CHECKPOINT_S
            while not self._stop.is_set():
                patience_s = next_tick - loop.time()
                messages = await gather(queue, self._limits, patience_s, self._stop, self._is_busy, self._forms)
                if messages or loop.time() >= next_tick:
                    batch = self._prepare(messages)
                    await self._until_committed()
                    self._committing = asyncio.create_task(self._commit(batch))
                    self._committing.add_done_callback(lambda _: queue.wake())
                    next_tick = loop.time() + self._limits.tick_s
                if loop.time() >= next_upkeep:
                    await self._until_committed()
                    due = loop.time() >= next_checkpoint or self._unsaved >= CHECKPOINT_READINGS
                    await self._upkeep(checkpoint=due)
                    next_upkeep = loop.time() + self._limits.tick_s
                    next_checkpoint = loop.time() + CHECKPOINT_S if due else next_checkpoint
            await self._until_committed()
            await self._upkeep(checkpoint=True)
        except Stopped:
            log.warning("stopped while the database did not answer; unacknowledged messages stay at the broker")
        finally:
            if self._committing is not None:
                self._committing.cancel()

    async def _recover(self) -> None:
        """Bring the state of the checks to the end of the log, however long the database takes. Raises Stopped."""
        while True:
            try:
                await self._registry.refresh_if_notified()
                registry = self._registry.current
                self._judgement = Judgement(registry, self._limits)
                await recover(self._pool, self._worker, registry, self._judgement.course, self._judgement.gaps)
                return
            except TRANSIENT_ERRORS as error:
                log.warning("the state of the checks cannot be read (%s); trying again", error)
            await self._pause(self._limits.retry_s_min)

    async def _upkeep(self, *, checkpoint: bool) -> None:
        """Do the replays that were asked for and keep a checkpoint of the checks; what fails is done next time."""
        try:
            await do_replays(self._pool, self._limits, self._replay, self._clock)
            if checkpoint:
                judged = self._judgement
                await save(self._pool, self._worker, self._counters.last_sequence, judged.course, judged.gaps)
                self._unsaved = 0
        except TRANSIENT_ERRORS as error:
            log.warning("replays or the checkpoint of the checks failed (%s); trying again", error)

    async def _replay(self, messages: list[Decoded]) -> Outcome:
        batch = await self._with_present_registry(self._prepare(messages))
        receipt, ruling = await self._write(batch)
        self._committed(messages, receipt, ruling.reasons)
        return Outcome(len(receipt.batch), receipt.duplicates, receipt.conflicts, list(ruling.reasons.elements()))

    async def _write(self, batch: Batch) -> tuple[Receipt, Ruling]:
        """Judge and store a batch; the state of the checks moves on when it is stored."""
        prepared = batch.prepared
        ruling = self._judgement.judge(
            batch.registry, prepared.readings, prepared.rejections, batch.arrived, prepared.sequence
        )
        listening = batch.connection is not None and batch.connection == self._logged_connection
        receipt = await write_batch(
            self._pool, batch.arrived, ruling.readings, ruling.rejections, ruling.store, listening=listening
        )
        self._judgement.commit(ruling)
        self._logged_connection = batch.connection
        self._unsaved += len(receipt.batch)
        return receipt, ruling

    async def commit(self, messages: list[Decoded]) -> None:
        """Store the messages, or a tick where there are none, and acknowledge them. Raises Stopped."""
        await self._commit(self._prepare(messages))

    def _is_busy(self) -> bool:
        return self._committing is not None and not self._committing.done()

    async def _until_committed(self) -> None:
        if self._committing is not None:
            await self._committing

    def _prepare(self, messages: list[Decoded], arrived: int | None = None) -> Batch:
        if arrived is None:
            # The log's clock never runs backwards; where ours was set back, readings must not seem to be ahead of it.
            arrived = self._log_clock = max(self._clock(), self._log_clock)
        registry = self._registry.current
        if self._places.registry is not registry:
            self._places = Places(registry)
        prepared = prepare(self._places, messages, arrived, self._limits)
        connection = self._counters.connections if self._counters.connected else None
        return Batch(messages, arrived, prepared, registry, connection)

    async def _commit(self, batch: Batch) -> None:
        pause_s = self._limits.retry_s_min
        was_refused = False
        while True:
            try:
                batch = await self._with_present_registry(batch)
                receipt, ruling = await self._write(batch)
                break
            except TRANSIENT_ERRORS as error:
                log.warning("the store did not take a batch (%s: %s); trying again", type(error).__name__, error)
            except Exception as error:
                # One message alone is not blamed for what happens only once.
                if (was_refused or len(batch.messages) > 1) and await self._set_aside(batch, error):
                    return
                was_refused = True
            self._counters.store_retries += 1
            await self._pause(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, self._limits.retry_s_max)
        self._committed(batch.messages, receipt, ruling.reasons)

    async def _with_present_registry(self, batch: Batch) -> Batch:
        """Return the batch as the registry is now. Raises what asyncpg raises."""
        await self._registry.refresh_if_notified()
        if batch.registry is not self._registry.current:
            batch = self._prepare(batch.messages, batch.arrived)
        # A sensor that was registered a moment ago is not refused.
        if batch.prepared.unknown and await self._registry.refresh_if_changed():
            batch = self._prepare(batch.messages, batch.arrived)
        return batch

    async def _set_aside(self, batch: Batch, error: Exception) -> bool:
        """Deal with a batch that fails each time: halve it down to the message at fault, and quarantine that one.

        Return False where the fault is the database's and not a message's: then trying again is all that helps.
        """
        messages, arrived = batch.messages, batch.arrived
        log.error("the store refuses a batch of %d messages", len(messages), exc_info=error)
        if not messages or not await self._takes_ticks(arrived):
            return False
        if len(messages) > 1:
            middle = len(messages) // 2
            await self._commit(self._prepare(messages[:middle], arrived))
            await self._commit(self._prepare(messages[middle:], arrived))
            return True
        detail = f"the store refused this message ({type(error).__name__}: {error}); mend the cause, then replay it"
        rejection = reject(messages[0].message, Reason.STORE_REFUSED, detail)
        try:
            receipt = await write_batch(self._pool, arrived, _no_readings(), [rejection])
        except Exception:
            log.exception("a message that the store refused cannot be quarantined either; trying again")
            return False
        self._committed(messages, receipt, Counter((rejection.reason,)))
        return True

    async def _takes_ticks(self, arrived: int) -> bool:
        try:
            receipt = await write_batch(self._pool, arrived, _no_readings())
        except Exception:
            return False
        self._committed([], receipt, Counter())
        return True

    def _committed(self, messages: list[Decoded], receipt: Receipt, reasons: Counter[str]) -> None:
        self._acknowledge(messages)
        batch, counters = receipt.batch, self._counters
        self._log_clock = max(self._log_clock, batch.clock)
        counters.last_commit_clock, counters.last_sequence = batch.clock, batch.sequence
        counters.messages += len(messages)
        counters.messages_ignored += sum(1 for m in messages if not m.columns.sensor and not m.rejections)
        counters.readings += len(batch)
        counters.duplicates += receipt.duplicates
        counters.conflicts += receipt.conflicts
        counters.rejections.update(reasons)
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
