"""The engine as it was, from checkpoint plus log; and the engine bound anew where rules or sensors changed."""

import asyncio
import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from pydantic import ValidationError

from alerts.checkpoint import carry_over, copy_state, encode_state, restore_state
from alerts.definition import definition_of, packed, unpacked
from alerts.engine import Engine
from alerts.rules import Pack
from alerts.temporary_limits import with_temporary_limits
from model.alarm import ConditionChange
from model.registry import Registry
from store.batches import read_batches
from store.evaluation import load_checkpoint, read_cursor, save_binding, save_checkpoint
from store.pool import Connection, Pool
from store.rule_packs import packs_in_force
from store.sensors import load_registry
from store.temporary_limits import limits_in_force

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluatorLimits:
    """Limits of the evaluator, with their units."""

    readings_per_transaction_max: int = 20_000
    checkpoint_interval_s: float = 60.0
    passage_readings_max: int = 20_000  # evaluated again at a sensor whose readings came late
    settle_s: float = 10.0
    tick_s: float = 5.0
    retry_s_max: float = 5.0

    @property
    def clock_gap_ms_max(self) -> int:
        """A jump of the log's clock beyond this means that nobody was listening."""
        return round(3 * self.tick_s * 1000)


async def recover(pool: Pool, limits: EvaluatorLimits) -> tuple[Engine, int]:
    """Return the engine as it was after the last committed evaluation, and that batch's sequence."""
    async with pool.acquire() as connection:
        cursor = await read_cursor(connection)
        checkpoint = await load_checkpoint(connection, cursor)
    if checkpoint is None:
        engine, batch = await _bound_to_the_present(pool, limits), 0
        if cursor == 0:
            await save_all(pool, engine, 0)
    else:
        try:
            # Binding and unpacking go on beside each other, and beside the rest of the service.
            unpacking = asyncio.create_task(asyncio.to_thread(zlib.decompress, checkpoint.state))
            try:
                engine = await asyncio.to_thread(bound_as_defined, checkpoint.version, checkpoint.definition, limits)
            finally:
                state = await unpacking
            restore_state(engine, state)
            batch = checkpoint.batch
        except (ValidationError, msgspec.DecodeError, ValueError, zlib.error) as error:
            log.warning("the checkpoint of batch %d is another version's (%s): rebuilding from the log",
                        checkpoint.batch, error)  # fmt: skip
            engine, batch = await _bound_to_the_present(pool, limits), 0
    while batch < cursor:
        for following in await read_batches(pool, batch, limits.readings_per_transaction_max):
            if following.sequence > cursor:
                return engine, cursor
            engine.evaluate(following)  # its transitions are in the journal already
            batch = following.sequence
    return engine, cursor


async def rebind(pool: Pool, engine: Engine, limits: EvaluatorLimits) -> tuple[Engine, list[ConditionChange]]:
    """Return an engine bound to the present rules and registry with the state carried over, and what was withdrawn."""
    following = await _bound_to_the_present(pool, limits, engine.packs)
    return following, carry_over(engine, following)


async def save_all(pool: Pool, engine: Engine, batch: int) -> None:
    """Keep a checkpoint after `batch`, and what the engine is bound to."""
    async with pool.acquire() as connection, connection.transaction():
        await save_bound_checkpoint(connection, engine, batch)


async def save_bound_checkpoint(connection: Connection, engine: Engine, batch: int) -> None:
    """Keep a checkpoint and its binding within the caller's transaction."""
    definition = definition_of(engine)
    copy = copy_state(engine)  # at once; packing takes long enough for others to work meanwhile
    await save_binding(connection, engine.registry.version, await asyncio.to_thread(packed, definition))
    state = await asyncio.to_thread(lambda: zlib.compress(encode_state(copy), 1))
    await save_checkpoint(connection, batch, engine.registry.version, state)


async def _bound_to_the_present(pool: Pool, limits: EvaluatorLimits, before: Sequence[Pack] = ()) -> Engine:
    """Bind what is in force; where this version cannot read it, the packs `before` stay, if there are any."""
    # A change between the two reads raises the version once more, and so leads to another binding soon.
    registry = await load_registry(pool)
    stored = await packs_in_force(pool)
    temporary = await limits_in_force(pool)
    try:
        packs = with_temporary_limits([Pack.model_validate_json(pack.content) for pack in stored], temporary)
    except ValidationError as error:
        if not before:
            raise
        log.error("the rules in force cannot be used (%s); alarms go on by those before: activate them anew", error)
        packs = list(before)
    return await asyncio.to_thread(_engine, packs, registry, limits)


def bound_as_defined(version: int, definition: bytes, limits: EvaluatorLimits) -> Engine:
    """Return an engine bound to the rules and sensors that were kept with a checkpoint.

    Raises ValidationError, msgspec.DecodeError, ValueError or zlib.error where another version has kept them.
    """
    bound = unpacked(version, definition)
    return _engine(bound.packs, bound.registry, limits)


def _engine(packs: Sequence[Pack], registry: Registry, limits: EvaluatorLimits) -> Engine:
    return Engine(packs, registry, settle_ms=round(limits.settle_s * 1000), clock_gap_ms_max=limits.clock_gap_ms_max)
