"""The task that keeps the store in shape: rolls up summaries, deletes what is past its time, keeps indexes short."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from model.instant import to_datetime
from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.rejections import prune_rejections
from store.retention import delete_batches, delete_conflicts, delete_old
from store.summaries import roll_up, summary_kind

log = logging.getLogger(__name__)

MAINTENANCE_LOCK = 0x6C69_6665_0005  # whoever maintains holds it for the round


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    """How often and how much, with units; None keeps for ever.

    What is kept by property is in the table `retention`.
    """

    summary_interval_s: float = 60.0
    cleaning_interval_s: float = 300.0
    rejection_days_max: float = 90.0
    rejection_bytes_max: int = 1_073_741_824
    conflict_days_max: int | None = None
    batch_days_max: int | None = None
    chunk_days: int = 7
    compress_after_days: int | None = None  # Community edition only


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


async def _round(
    connection: Connection, now: int, settings: MaintenanceSettings, cleaning: bool, stop: asyncio.Event
) -> None:
    own_roll_up = await summary_kind(connection) == "own roll-up"
    if own_roll_up:
        while not stop.is_set():
            async with connection.transaction():
                if not await roll_up(connection):
                    break
    if not cleaning or stop.is_set():
        return
    timescale = await connection.fetchval("select exists (select from pg_extension where extname = 'timescaledb')")
    moment = to_datetime(now)
    await delete_old(connection, moment, own_roll_up=own_roll_up, timescale=timescale)
    await prune_rejections(connection, settings.rejection_bytes_max, settings.rejection_days_max)
    if settings.conflict_days_max is not None:
        await delete_conflicts(connection, moment - timedelta(days=settings.conflict_days_max))
    if settings.batch_days_max is not None:
        await delete_batches(connection, moment - timedelta(days=settings.batch_days_max))
    if timescale:
        await _keep_chunks(
            connection, settings, compress_before_days=None if own_roll_up else settings.compress_after_days
        )
    await _summarise_batch_ranges(connection)


async def _keep_chunks(connection: Connection, settings: MaintenanceSettings, compress_before_days: int | None) -> None:
    interval = timedelta(days=settings.chunk_days)
    found = await connection.fetchval(
        "select time_interval from timescaledb_information.dimensions where hypertable_name = 'reading'"
    )
    if found is not None and found != interval:
        await connection.execute("select set_chunk_time_interval('reading', $1::interval)", interval)
    if compress_before_days is not None:
        # Community edition: by sensor, so that one sensor's history is read without unpacking the others'.
        if not await connection.fetchval(
            "select compression_enabled from timescaledb_information.hypertables where hypertable_name = 'reading'"
        ):
            await connection.execute(
                "alter table reading set (timescaledb.compress, timescaledb.compress_segmentby = 'sensor_key',"
                " timescaledb.compress_orderby = 'time')"
            )
        await connection.execute(
            "select compress_chunk(chunk, if_not_compressed => true)"
            " from show_chunks('reading', older_than => $1::interval) as chunk",
            timedelta(days=compress_before_days),
            timeout=3_600,
        )


async def _summarise_batch_ranges(connection: Connection) -> None:
    """Bring the block ranges of newly filled pages into the index over batches; else each read passes over them."""
    indexes = await connection.fetch(
        "select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_am a on a.oid = c.relam where a.amname = 'brin' and c.relname like '%reading_batch'"
    )
    for row in indexes:
        # A chunk may have been dropped since.
        await connection.execute("select brin_summarize_new_values(to_regclass($1))", row["name"], timeout=300)
