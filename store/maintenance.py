"""The task that keeps the store in shape: rolls up summaries, deletes what is past its time, keeps indexes short."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from model.instant import to_datetime
from store.aggregates import spare_deleted
from store.audit import remove_old
from store.chunks import keep_chunks, read_chunk_policy
from store.deletion import (
    Deletion,
    delete_batches,
    delete_conflicts,
    delete_gaps,
    delete_old,
    delete_reports,
    plan_deletion,
)
from store.outbox import delete_finished
from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.rejections import prune_rejections
from store.retention import DAYS_MAX, read_record_days
from store.summaries import roll_up, summary_kind

log = logging.getLogger(__name__)

MAINTENANCE_LOCK = 0x6C69_6665_0005  # whoever maintains holds it for the round


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    """How often and how much, with units. What is kept for how long is set in the database (store.retention)."""

    summary_interval_s: float = 60.0
    cleaning_interval_s: float = 300.0
    rejection_bytes_max: int = 1_073_741_824


async def maintain(
    pool: Pool, clock: Callable[[], int], stop: asyncio.Event, settings: MaintenanceSettings | None = None
) -> None:
    """Maintain the store until `stop` is set; of several processes one works at a time.

    `clock` gives epoch milliseconds. Whatever goes wrong is logged and tried again a round later: readings and alarms
    do not depend on it.
    """
    settings = settings or MaintenanceSettings()
    loop = asyncio.get_running_loop()
    clean_at = loop.time()
    while not stop.is_set():
        cleaning = loop.time() >= clean_at
        try:
            if await maintain_once(pool, clock(), settings, cleaning=cleaning, stop=stop) and cleaning:
                clean_at = loop.time() + settings.cleaning_interval_s
        except TRANSIENT_ERRORS as error:
            log.warning("maintenance is tried again in %g s: %s", settings.summary_interval_s, error)
        except Exception:
            log.exception("maintenance failed; it is tried again in %g s", settings.summary_interval_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), settings.summary_interval_s)


async def maintain_once(
    pool: Pool,
    now: int,
    settings: MaintenanceSettings | None = None,
    *,
    cleaning: bool = True,
    stop: asyncio.Event | None = None,
) -> bool:
    """Do one round at `now` (epoch milliseconds); False where another process is at it."""
    async with pool.acquire() as connection:
        if not await connection.fetchval("select pg_try_advisory_lock($1)", MAINTENANCE_LOCK):
            return False
        try:
            await _round(connection, now, settings or MaintenanceSettings(), cleaning, stop or asyncio.Event())
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1)", MAINTENANCE_LOCK)
    return True


async def planned_deletion(pool: Pool, now: int) -> Deletion:
    """Return what a round at `now` (epoch milliseconds) would delete of readings and summaries; deletes nothing."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await plan_deletion(connection, to_datetime(now), **await _kind(connection))


async def _kind(connection: Connection) -> dict[str, bool]:
    """Return what keeps the summaries and the chunks, as store.deletion asks for it."""
    return {
        "own_roll_up": await summary_kind(connection) == "own roll-up",
        "timescale": await connection.fetchval(
            "select exists (select from pg_extension where extname = 'timescaledb')"
        ),
    }


async def _round(
    connection: Connection, now: int, settings: MaintenanceSettings, cleaning: bool, stop: asyncio.Event
) -> None:
    kind = await _kind(connection)
    own_roll_up, timescale = kind["own_roll_up"], kind["timescale"]
    if own_roll_up:
        while not stop.is_set():
            async with connection.transaction():
                if not await roll_up(connection):
                    break
    if not cleaning or stop.is_set():
        return
    moment = to_datetime(now)
    await delete_old(connection, moment, **kind)
    if timescale and not own_roll_up:
        await spare_deleted(connection)
    await _delete_records(connection, now, settings)
    if timescale:
        await keep_chunks(connection, await read_chunk_policy(connection), moment, compression=not own_roll_up)
    await _summarise_batch_ranges(connection)


async def _delete_records(connection: Connection, now: int, settings: MaintenanceSettings) -> None:
    """Delete the records of each class that are past their time."""
    days = await read_record_days(connection)
    await prune_rejections(connection, settings.rejection_bytes_max, days["rejections"] or DAYS_MAX)
    deletions: dict[str, Callable[[Connection, datetime], Awaitable[object]]] = {
        "audit": remove_old,
        "notifications": delete_finished,
        "reports": delete_reports,
        "gaps": delete_gaps,
        "conflicts": delete_conflicts,
        "batches": delete_batches,
    }
    for record_class, delete in deletions.items():
        kept = days[record_class]
        if kept is not None:
            await delete(connection, to_datetime(now) - timedelta(days=kept))


async def _summarise_batch_ranges(connection: Connection) -> None:
    """Bring the block ranges of newly filled pages into the index over batches; else each read passes over them."""
    indexes = await connection.fetch(
        "select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_am a on a.oid = c.relam where a.amname = 'brin' and c.relname like '%reading_batch'"
    )
    for row in indexes:
        # A chunk may have been dropped since.
        await connection.execute("select brin_summarize_new_values(to_regclass($1))", row["name"], timeout=300)
