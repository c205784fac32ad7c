"""Follows the log of batches: evaluates each, and commits transitions and the new cursor in one transaction."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from alerts.changes import record_steps
from alerts.conditions.ladder import NEVER
from alerts.counters import EvaluatorCounters
from alerts.deadlines import LOOK_MS, keep_deadlines
from alerts.engine import Engine, UnboundSensor
from alerts.hand_over import HandOver
from alerts.kernels import load_kernels
from alerts.recovery import EvaluatorLimits, rebind, recover, save_all, save_bound_checkpoint
from alerts.retroactive import LOOK_BACK_MS, Passage, retroactive_changes
from alerts.suppression import Judged, Step, Suppressing
from model.escalation import LEAST_MS
from model.failpoint import reach
from model.reading import ReadingBatch
from store.batches import read_batches
from store.evaluation import EVALUATOR_LOCK, CursorMoved, advance_cursor, pass_over, record_late
from store.journal import load_conditions_active
from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.readings import read_passage
from store.sensors import registry_version

log = logging.getLogger(__name__)
Result = TypeVar("Result")

HAND_OVER_S = 0.005
UNKNOWN = 2**63  # in place of a sequence: the log may hold more

RESTARTED_AFTER: tuple[type[BaseException], ...] = (*TRANSIENT_ERRORS, CursorMoved)


async def run_evaluator(
    pool: Pool, handed: HandOver, limits: EvaluatorLimits, stop: asyncio.Event, counters: EvaluatorCounters
) -> None:
    """Evaluate the log until `stop` is set. One evaluator works at a time; a second one waits for its turn.

    Whatever goes wrong with the database, the engine is recovered from checkpoint and log and goes on. The caller
    sets `handed.committed` after `stop`, so that a waiting evaluator notices.
    """
    await asyncio.to_thread(load_kernels)  # where they are not compiled yet, ingest goes on meanwhile
    pause = 0.1
    while not stop.is_set():
        try:
            async with _turn(pool) as turn:
                if turn is not None:
                    await _Follower(pool, handed, limits, stop, counters, turn).follow()
                    pause = 0.1
                    continue
        except RESTARTED_AFTER as error:
            log.warning("the evaluator starts again in %.1f s: %s", pause, error)
        finally:
            counters.ready = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(pause * 2, limits.retry_s_max)


@dataclass(slots=True)
class _Turn:
    """The connection that holds the evaluator's lock, and what it has heard."""

    connection: Connection
    lost: bool = False
    registry_changed: bool = True


@contextlib.asynccontextmanager
async def _turn(pool: Pool) -> AsyncIterator[_Turn | None]:
    """Hold the evaluator's lock on a connection of its own; None where another evaluator holds it."""
    async with pool.acquire() as connection:
        if not await connection.fetchval("select pg_try_advisory_lock($1)", EVALUATOR_LOCK):
            yield None
            return
        try:
            yield _Turn(connection)
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1)", EVALUATOR_LOCK)


class _Follower:
    """One turn of evaluation, from recovery to the loss of the turn or the end of the service."""

    def __init__(
        self,
        pool: Pool,
        handed: HandOver,
        limits: EvaluatorLimits,
        stop: asyncio.Event,
        counters: EvaluatorCounters,
        turn: _Turn,
    ) -> None:
        self.pool = pool
        self.handed = handed
        self.limits = limits
        self.stop = stop
        self.counters = counters
        self.turn = turn
        self.engine: Engine
        self.suppressing: Suppressing
        self.announced = UNKNOWN  # sequence of the newest batch that is said to be in the log
        self.handed_through = 0  # sequence of the newest batch that was handed over and evaluated
        self.cursor = 0  # evaluated
        self.committed = 0  # evaluated, and the cursor in the database says so
        self.deadline = self.deadlines_looked_up = NEVER  # the earliest as known, and when it was, by the log's clock

    async def follow(self) -> None:
        """Recover, then evaluate batch after batch."""
        connection = self.turn.connection
        connection.add_termination_listener(self._lost)
        await connection.add_listener("batch", self._batch_committed)
        await connection.add_listener("registry", self._registry_changed)
        try:
            self.engine, self.cursor = await recover(self.pool, self.limits)
            self.committed = self.counters.cursor = self.cursor
            await self._recall()
            self._tell_unset()
            await self._follow_log()
            await save_all(self.pool, self.engine, self.cursor)
        finally:
            connection.remove_termination_listener(self._lost)
            if not connection.is_closed():
                await connection.remove_listener("batch", self._batch_committed)
                await connection.remove_listener("registry", self._registry_changed)

    async def _follow_log(self) -> None:
        loop = asyncio.get_running_loop()
        checkpoint_at = loop.time()
        while not self.stop.is_set() and not self.turn.lost:
            self.handed.committed.clear()
            if self.turn.registry_changed:
                await self._rebind_if_changed()
            self.counters.ready = True
            batches = await self._next_batches()
            if batches:
                await self._evaluate(batches)
            if loop.time() >= checkpoint_at + self.limits.checkpoint_interval_s:
                await self._persist(lambda: save_all(self.pool, self.engine, self.cursor))
                checkpoint_at = loop.time()
            if not batches:
                await self._wait()

    async def _next_batches(self) -> list[ReadingBatch]:
        """Return what follows the cursor: handed over, else read from the log where it may hold more; or nothing."""
        readings_max = self.limits.readings_per_transaction_max
        batches = self.handed.take(self.cursor, readings_max)
        if not batches and self.handed_through == self.cursor < self.announced and not self.stop.is_set():
            # What this process commits itself is announced and handed over at almost the same time, in either order.
            self.handed.committed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.handed.committed.wait(), HAND_OVER_S)
            batches = self.handed.take(self.cursor, readings_max)
        if batches:
            self.handed_through = batches[-1].sequence
        elif self.announced > self.cursor:
            announced, self.announced = self.announced, 0  # what is announced meanwhile may not have been read
            batches = await self._persist(lambda: read_batches(self.pool, self.cursor, readings_max))
            if batches:
                self.announced = max(self.announced, announced)
        return batches

    async def _evaluate(self, batches: Sequence[ReadingBatch]) -> None:
        steps: list[Step] = []
        late: dict[int, tuple[list[int], list[int]]] = {}
        if batches[0].clock >= self.deadlines_looked_up + LOOK_MS:
            await self._keep_deadlines(batches[0].clock)
        for batch in batches:
            if batch.clock >= self.deadline:
                # What fell due before this batch comes before it, whichever batches are evaluated together.
                if self.cursor != self.committed:
                    await self._commit(steps, late)
                    steps, late = [], {}
                await self._keep_deadlines(batch.clock)
            try:
                evaluated = self.engine.evaluate(batch)
            except UnboundSensor:
                # A sensor registered since: bring what is evaluated so far to the end, then bind it.
                await self._commit(steps, late)
                steps, late = [], {}
                await self._rebind_if_changed()
                evaluated = self.engine.evaluate(batch)
            before = len(steps)
            steps += self.suppressing.step(evaluated.changes, evaluated.unannounced)
            if evaluated.late.any():
                late[batch.sequence] = (batch.sensor[evaluated.late].tolist(), batch.time[evaluated.late].tolist())
                self.counters.late_readings += len(late[batch.sequence][0])
                steps += await self._retroactive(batch, *late[batch.sequence])
            if len(steps) > before:
                # What is awaited from these steps on is due no sooner.
                soonest = min(step.known_at for step in steps[before:]) + LEAST_MS
                self.deadline = min(self.deadline, soonest)
            self.cursor = batch.sequence
            self.counters.batches += 1
            self.counters.readings += len(batch)
        await self._commit(steps, late)

    async def _keep_deadlines(self, clock: int) -> None:
        self.deadline = await self._persist(lambda: keep_deadlines(self.pool, clock))
        self.deadlines_looked_up = clock
        await self._rebind_if_changed()  # a temporary limit may have ended: what follows is judged by the designed one

    async def _retroactive(self, batch: ReadingBatch, keys: list[int], times: list[int]) -> list[Step]:
        """Return what the late readings of a batch would have raised, had they come in time; nothing suppresses it."""
        oldest: dict[int, int] = {}
        for key, time in zip(keys, times, strict=True):
            oldest[key] = min(time, oldest.get(key, time))
        found: list[Step] = []
        for key, time in sorted(oldest.items()):
            begin = time - LOOK_BACK_MS
            read = await self._persist(
                lambda key=key, begin=begin: read_passage(  # type: ignore[misc]  # mypy infers no lambda with defaults
                    self.pool, key, begin, batch.sequence, self.limits.passage_readings_max
                )
            )
            passage = Passage(read.time, read.value, read.quality, read.batch == batch.sequence)
            found += [Judged(change, None) for change in retroactive_changes(self.engine, key, passage, batch.clock)]
        return found

    async def _commit(
        self,
        steps: list[Step],
        late: dict[int, tuple[list[int], list[int]]],
        *,
        engine: Engine | None = None,
    ) -> None:
        """Write what was found up to the cursor; again and again until it is written or the service stops."""

        async def write() -> None:
            async with self.pool.acquire() as connection, connection.transaction():
                moved = await advance_cursor(connection, self.committed, self.cursor, self._clock())
                if not moved:
                    return  # an earlier try was committed though its answer was lost
                if steps:
                    refused = await record_steps(connection, steps, self.engine.registry)
                    self.counters.changes_refused += refused
                for batch, (sensor_keys, times) in late.items():
                    await record_late(connection, batch, sensor_keys, times)
                if engine is not None:
                    await save_bound_checkpoint(connection, engine, self.cursor)
                reach("evaluation-before-commit")
            reach("evaluation-committed")

        if steps or late or engine is not None:
            await self._persist(write)
        else:
            await self._persist(lambda: pass_over(self.pool, self.committed, self.cursor, self._clock()))
        self.committed = self.cursor
        self.counters.cursor = self.cursor
        self.counters.transitions += len(steps)

    async def _rebind_if_changed(self) -> None:
        self.turn.registry_changed = False
        version = await self._persist(lambda: registry_version(self.pool))
        if version == self.engine.registry.version:
            return
        following, withdrawn = await self._persist(lambda: rebind(self.pool, self.engine, self.limits))
        await self._commit([Judged(change, None) for change in withdrawn], {}, engine=following)
        self.engine = following
        await self._recall()
        self._tell_unset()

    async def _recall(self) -> None:
        """Let the suppressions by design know what stands; release what has lost its ground under other rules."""
        self.suppressing = Suppressing(self.engine.rules, self.engine.registry)
        standing = await self._persist(lambda: load_conditions_active(self.pool))
        clock = self._clock()
        if clock is None:
            return  # nothing was evaluated yet, so nothing stands
        moved = self.suppressing.recall(standing, self.engine.standing_unannounced(), clock)
        if moved:
            await self._commit(list(moved), {})

    def _tell_unset(self) -> None:
        unset = self.engine.unbound
        self.counters.bindings_unset = len(unset)
        if unset:
            log.warning("%d sensors are not watched by a rule that selects them, their limits are not set: %s, …",
                        len(unset), ", ".join(f"{rule} at {sensor}" for rule, sensor in unset[:5]))  # fmt: skip

    def _clock(self) -> int | None:
        return None if self.engine.clock == NEVER else self.engine.clock

    def _lost(self, _connection: Connection) -> None:
        self.turn.lost = True
        self.handed.committed.set()

    def _batch_committed(self, _connection: Connection, _process: int, _channel: str, sequence: str) -> None:
        self.announced = max(self.announced, int(sequence))
        if self.announced > self.cursor:
            self.handed.committed.set()

    def _registry_changed(self, *_: object) -> None:
        self.turn.registry_changed = True
        self.handed.committed.set()

    async def _wait(self) -> None:
        # A batch of another process is noticed by the notification, at the latest by the next tick.
        try:
            await asyncio.wait_for(self.handed.committed.wait(), min(self.limits.tick_s, 1.0))
        except TimeoutError:
            self.announced = UNKNOWN

    async def _persist(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do database work, again after errors that pass by themselves."""
        pause = 0.1
        while True:
            try:
                return await work()
            except TRANSIENT_ERRORS as error:
                if self.stop.is_set():
                    raise
                log.warning("the evaluator waits %.1f s for the database: %s", pause, error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), pause)
                pause = min(pause * 2, self.limits.retry_s_max)
