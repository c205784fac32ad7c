"""The way of a message: queue, batch, checks, store, and only then the acknowledgement."""

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import replace

from ingest.batcher import gather
from ingest.committer import Committer, Stopped, steady_ms
from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.course_recovery import CHECKPOINT_READINGS, CHECKPOINT_S, recover, save
from ingest.decoders.forms import Forms
from ingest.gathered import gather_decoded, nothing_gathered
from ingest.judgement import Judgement
from ingest.kernels import load_kernels
from ingest.message import Decoded
from ingest.queue import MessageQueue
from ingest.registered import RegistryCopy
from ingest.replays import Outcome, do_replays
from ingest.session_turn import SessionTaken, SessionTurn
from ingest.settings import IngestLimits, MqttSettings
from ingest.subscriptions import Subscriptions
from model.reading import ReadingBatch
from store.pool import TRANSIENT_ERRORS, Pool

log = logging.getLogger(__name__)


async def run_ingest(
    pool: Pool,
    mqtt: MqttSettings,
    limits: IngestLimits,
    clock: Callable[[], int],
    on_committed: Callable[[ReadingBatch], None],
    stop: asyncio.Event,
    counters: IngestCounters,
    forms: Forms | None = None,
    steady: Callable[[], int] = steady_ms,
) -> None:
    """Take readings off the broker into the store until `stop` is set, then finish the batch in hand and disconnect.

    `clock` gives epoch milliseconds, `steady` milliseconds on a clock that nobody sets. `on_committed` is called with
    every batch and tick after its commit, in the order of the log; a batch whose commit was confirmed only after a
    retry comes without its readings, so a follower compares sequences and reads what it missed from the log. `forms`
    are payloads of vendors' own, whose topics `mqtt` has to subscribe to. While another worker has the session of that
    client id, nothing is done. Raises ValueError for an unusable broker url; broker and database may come and go.
    """
    await asyncio.to_thread(load_kernels)  # where they are not compiled yet, the rest of the process goes on meanwhile
    # Modules, registry and kernels live as long as the process. Messages and readings make no cycles. So the collector
    # need not walk through a hundred thousand objects again and again, for a tenth of a second each time.
    gc.collect()
    gc.freeze()
    forms = forms or Forms()
    turn = SessionTurn(pool, mqtt.client_id)
    try:
        while not stop.is_set():
            if await turn.wait(stop):
                mqtt = replace(mqtt, session_is_new=False)  # what another worker had in hand is delivered again
            if stop.is_set():
                return
            try:
                await _work(pool, mqtt, limits, clock, steady, on_committed, stop, counters, forms, turn)
            except* SessionTaken:
                log.warning("another worker has the session %s now; this one stands by", mqtt.client_id)
    finally:
        await turn.release()


async def _work(
    pool: Pool,
    mqtt: MqttSettings,
    limits: IngestLimits,
    clock: Callable[[], int],
    steady: Callable[[], int],
    on_committed: Callable[[ReadingBatch], None],
    stop: asyncio.Event,
    counters: IngestCounters,
    forms: Forms,
    turn: SessionTurn,
) -> None:
    """Work as long as the session is ours. Raises SessionTaken, in a group, when it is another's."""
    registry = RegistryCopy(pool)
    queue = MessageQueue(limits, counters)
    # Where the broker sees to the order itself, each connection subscribes anew.
    subscriptions = Subscriptions(pool, mqtt.client_id, mqtt.filters) if mqtt.redelivery_s else None
    consumer = Consumer(
        mqtt,
        limits,
        queue,
        counters,
        lambda: forms.take_commands(clock(), registry.current.cities),
        subscriptions,
        turn,
    )
    committer = Committer(pool, registry, limits, clock, on_committed, stop, counters, consumer.acknowledge, steady)
    pipeline = Pipeline(pool, registry, limits, clock, stop, counters, committer, forms, mqtt.client_id)
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
    """Hands batch after batch to the committer, and ticks while nothing arrives.

    While the store commits one batch, the next is gathered, decoded and checked: one batch ahead, no more, and each is
    written only when the one before it is committed.
    """

    def __init__(
        self,
        pool: Pool,
        registry: RegistryCopy,
        limits: IngestLimits,
        clock: Callable[[], int],
        stop: asyncio.Event,
        counters: IngestCounters,
        committer: Committer,
        forms: Forms,
        worker: str,
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._stop = stop
        self._counters = counters
        self._committer = committer
        self._forms = forms
        self._worker = worker
        self._committing: asyncio.Task[None] | None = None

    async def run(self, queue: MessageQueue) -> None:
        """Commit batches, and ticks while nothing arrives, until stopped."""
        loop = asyncio.get_running_loop()
        committer = self._committer
        try:
            await self._recover()
            # The first tick tells the log's clock, below which ours may not fall.
            await committer.commit(committer.prepare(nothing_gathered()))
            next_tick = next_upkeep = loop.time() + self._limits.tick_s
            next_checkpoint = loop.time() + CHECKPOINT_S
            while not self._stop.is_set():
                patience_s = next_tick - loop.time()
                gathered = await gather(queue, self._limits, patience_s, self._stop, self._is_busy, self._forms)
                if len(gathered) or loop.time() >= next_tick:
                    batch = committer.prepare(gathered)
                    await self._until_committed()
                    self._committing = asyncio.create_task(committer.commit(batch))
                    self._committing.add_done_callback(lambda _: queue.wake())
                    next_tick = loop.time() + self._limits.tick_s
                if loop.time() >= next_upkeep:
                    await self._until_committed()
                    due = loop.time() >= next_checkpoint or committer.unsaved >= CHECKPOINT_READINGS
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
                judgement = self._committer.judgement = Judgement(registry, self._limits)
                await recover(self._pool, self._worker, registry, judgement.course, judgement.gaps)
                return
            except TRANSIENT_ERRORS as error:
                log.warning("the state of the checks cannot be read (%s); trying again", error)
            await self._committer.pause(self._limits.retry_s_min)

    async def _upkeep(self, *, checkpoint: bool) -> None:
        """Do the replays that were asked for and keep a checkpoint of the checks; what fails is done next time."""
        try:
            await do_replays(self._pool, self._limits, self._replay, self._clock, self._forms)
            if checkpoint:
                judged = self._committer.judgement
                await save(self._pool, self._worker, self._counters.last_sequence, judged.course, judged.gaps)
                self._committer.unsaved = 0
        except TRANSIENT_ERRORS as error:
            log.warning("replays or the checkpoint of the checks failed (%s); trying again", error)

    async def _replay(self, decoded: list[Decoded]) -> Outcome:
        gathered = gather_decoded([one.message for one in decoded], dict(enumerate(decoded)))
        receipt, ruling = await self._committer.commit_once(self._committer.prepare(gathered))
        return Outcome(len(receipt.batch), receipt.duplicates, receipt.conflicts, list(ruling.reasons.elements()))

    def _is_busy(self) -> bool:
        return self._committing is not None and not self._committing.done()

    async def _until_committed(self) -> None:
        if self._committing is not None:
            await self._committing


async def _wake_on_stop(stop: asyncio.Event, queue: MessageQueue) -> None:
    await stop.wait()
    queue.wake()
