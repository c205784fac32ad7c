"""Commits batches, whatever happens to the database: only what is stored is acknowledged, a fault harms only itself."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np

from ingest.counters import IngestCounters
from ingest.gathered import Gathered, nothing_gathered
from ingest.judgement import Judgement, Ruling
from ingest.message import Message, reject
from ingest.placement import Places
from ingest.prepare import Prepared, prepare
from ingest.reasons import Reason
from ingest.registered import RegistryCopy
from ingest.settings import IngestLimits
from model.failpoint import reach
from model.reading import ReadingBatch
from model.registry import Registry
from store.batches import IncomingReadings, Receipt, write_batch
from store.pool import TRANSIENT_ERRORS, Pool

log = logging.getLogger(__name__)


def steady_ms() -> int:
    """Milliseconds on a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


class Stopped(Exception):
    """Ingest was stopped while the store did not answer; what was in hand stays unacknowledged."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are committed together, what was made of them, and by which version of the registry."""

    gathered: Gathered
    arrived: int  # epoch milliseconds
    prepared: Prepared
    registry: Registry
    connection: int | None  # number of the session's connection that stood, None where none did


class Committer:
    """Prepares batches and commits them one after the other. `judgement` is where the checks stand after the last.

    `clock` gives epoch milliseconds, `steady` milliseconds that run on whatever is done to that clock.
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
        acknowledge: Callable[[Sequence[Message]], None],
        steady: Callable[[], int] = steady_ms,
    ) -> None:
        self.judgement = Judgement(registry.current, limits)
        self.unsaved = 0  # readings since the newest checkpoint of the checks
        self._pool = pool
        self._registry = registry
        self._places = Places(registry.current)
        self._limits = limits
        self._clock = clock
        self._on_committed = on_committed
        self._stop = stop
        self._counters = counters
        self._acknowledge = acknowledge
        self._steady = steady
        self._asked = self._looked = steady()  # when it was asked; and how much of it the log's clock has gone along
        self._log_clock = 0
        self._doubt_ms = 0  # by how much the log's clock may be behind the truth
        self._logged_connection: int | None = None  # of the newest batch

    def prepare(self, gathered: Gathered, arrived: int | None = None) -> Batch:
        """Return the batch of some messages as the registry is now; without any it is a tick."""
        if arrived is None:
            arrived = self._log_clock = self._arrival()
        registry = self._registry.current
        if self._places.registry is not registry:
            self._places = Places(registry)
        prepared = prepare(self._places, gathered, arrived, self._limits, self._doubt_ms)
        connection = self._counters.connections if self._counters.connected else None
        return Batch(gathered, arrived, prepared, registry, connection)

    def _arrival(self) -> int:
        """Return what the log's clock shows now. It never runs backwards, or readings would seem to be ahead of it.

        Where ours was set back, it goes on at half its pace until ours has caught up: if it stood still, no silence,
        no escalation and no end of a shelf would be noticed for so long. Meanwhile either clock may be the right one,
        so no reading is refused that the clock before would have taken.
        """
        clock, steady = self._clock(), self._steady()
        half, passed = (steady - self._looked) // 2, steady - self._asked
        self._asked = steady
        if clock >= self._log_clock + half:
            self._looked, self._doubt_ms = steady, 0
            return clock
        self._looked += 2 * half
        self._doubt_ms += passed - half
        return self._log_clock + half

    async def commit(self, batch: Batch) -> None:
        """Store a batch and acknowledge its messages, however long the database takes. Raises Stopped."""
        pause_s = self._limits.retry_s_min
        was_refused = False
        while True:
            try:
                batch, receipt, ruling = await self._store(batch)
                break
            except TRANSIENT_ERRORS as error:
                log.warning("the store did not take a batch (%s: %s); trying again", type(error).__name__, error)
            except Exception as error:
                # One message alone is not blamed for what happens only once.
                if (was_refused or len(batch.gathered) > 1) and await self._set_aside(batch, error):
                    return
                was_refused = True
            self._counters.store_retries += 1
            self._counters.store_failures += 1
            await self.pause(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, self._limits.retry_s_max)
        self._committed(batch.gathered, receipt, ruling.reasons)

    async def commit_once(self, batch: Batch) -> tuple[Receipt, Ruling]:
        """Store a batch without trying again, and tell what became of it. Raises what asyncpg raises."""
        batch, receipt, ruling = await self._store(batch)
        self._committed(batch.gathered, receipt, ruling.reasons)
        return receipt, ruling

    async def pause(self, pause_s: float) -> None:
        """Wait. Raises Stopped."""
        try:
            async with asyncio.timeout(pause_s):
                await self._stop.wait()
        except TimeoutError:
            return
        raise Stopped

    async def _store(self, batch: Batch) -> tuple[Batch, Receipt, Ruling]:
        """Judge and store a batch; the state of the checks moves on when it is stored."""
        batch = await self._with_present_registry(batch)
        prepared = batch.prepared
        ruling = self.judgement.judge(
            batch.registry, prepared.readings, prepared.rejections, batch.arrived, prepared.sequence
        )
        listening = batch.connection is not None and batch.connection == self._logged_connection
        receipt = await write_batch(
            self._pool, batch.arrived, ruling.readings, ruling.rejections, ruling.store, listening=listening
        )
        if len(batch.gathered):
            reach("batch-committed")
        self.judgement.commit(ruling)
        self._logged_connection = batch.connection
        self.unsaved += len(receipt.batch)
        return batch, receipt, ruling

    async def _with_present_registry(self, batch: Batch) -> Batch:
        """Return the batch as the registry is now. Raises what asyncpg raises."""
        await self._registry.refresh_if_notified()
        if batch.registry is not self._registry.current:
            batch = self.prepare(batch.gathered, batch.arrived)
        # A sensor that was registered a moment ago is not refused.
        if batch.prepared.unknown and await self._registry.refresh_if_changed():
            batch = self.prepare(batch.gathered, batch.arrived)
        return batch

    async def _set_aside(self, batch: Batch, error: Exception) -> bool:
        """Deal with a batch that fails each time: halve it down to the message at fault, and quarantine that one.

        Return False where the fault is the database's and not a message's: then trying again is all that helps.
        """
        if isinstance(error, asyncpg.SyntaxOrAccessError):
            return False  # a schema or right that is not there is no message's fault
        gathered, arrived = batch.gathered, batch.arrived
        log.error("the store refuses a batch of %d messages", len(gathered), exc_info=error)
        if not len(gathered) or not await self._takes_ticks(arrived):
            return False
        if len(gathered) > 1:
            middle = len(gathered) // 2
            await self.commit(self.prepare(gathered.part(0, middle), arrived))
            await self.commit(self.prepare(gathered.part(middle, len(gathered)), arrived))
            return True
        detail = f"the store refused this message ({type(error).__name__}: {error}); mend the cause, then replay it"
        rejection = reject(gathered.messages[0], Reason.STORE_REFUSED, detail)
        try:
            receipt = await write_batch(self._pool, arrived, _no_readings(), [rejection])
        except Exception:
            log.exception("a message that the store refused cannot be quarantined either; trying again")
            return False
        self._committed(gathered, receipt, Counter((rejection.reason,)))
        return True

    async def _takes_ticks(self, arrived: int) -> bool:
        try:
            receipt = await write_batch(self._pool, arrived, _no_readings())
        except Exception:
            return False
        self._committed(nothing_gathered(), receipt, Counter())
        return True

    def _committed(self, gathered: Gathered, receipt: Receipt, reasons: Counter[str]) -> None:
        self._acknowledge(gathered.messages)
        batch, counters = receipt.batch, self._counters
        counters.store_failures = 0
        self._log_clock = max(self._log_clock, batch.clock)
        counters.last_commit_clock, counters.last_sequence = batch.clock, batch.sequence
        counters.messages += len(gathered)
        counters.messages_ignored += gathered.ignored
        counters.readings += len(batch)
        counters.duplicates += receipt.duplicates
        counters.conflicts += receipt.conflicts
        counters.rejections.update(reasons)
        if len(gathered):
            counters.batches += 1
        else:
            counters.ticks += 1
        try:
            self._on_committed(batch)
        except Exception:
            log.exception("a follower of the log failed at batch %d; it reads on from the log", batch.sequence)


def _no_readings() -> IncomingReadings:
    return IncomingReadings(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint16))
