"""A span of the log of batches by its clock, for whoever looks back."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

from model.instant import to_datetime
from model.reading import ReadingBatch
from store.batches import read_batches
from store.pool import Connection, Pool


class SpanTooLarge(Exception):
    """A span of the log holds more readings than may be loaded at once."""

    def __init__(self, readings: int, readings_max: int) -> None:
        super().__init__(f"the span holds {readings} readings, more than {readings_max}; take a shorter one")
        self.readings = readings
        self.readings_max = readings_max


class LogSpan(NamedTuple):
    """The batches `first` <= sequence < `behind`, and how many readings they had when they were committed."""

    first: int
    behind: int
    readings: int


async def find_span(pool: Pool, start: int, end: int, readings_max: int) -> LogSpan:
    """Return the span of what arrived at start <= clock < end (epoch milliseconds). Raises SpanTooLarge."""
    async with pool.acquire() as connection:
        first = await first_since(connection, to_datetime(start))
        behind = await first_since(connection, to_datetime(end))
        stored = await connection.fetchval(
            "select coalesce(sum(readings), 0)::bigint from batch where sequence >= $1 and sequence < $2", first, behind
        )
    if stored > readings_max:
        raise SpanTooLarge(stored, readings_max)
    return LogSpan(first, behind, stored)


async def read_span(pool: Pool, span: LogSpan) -> AsyncIterator[list[ReadingBatch]]:
    """Yield the batches of a span in order, in portions, without the readings deleted since (store.retention)."""
    after = span.first - 1
    while after < span.behind - 1:
        following = [batch for batch in await read_batches(pool, after) if batch.sequence < span.behind]
        if not following:
            return
        yield following
        after = following[-1].sequence


async def first_since(connection: Connection, instant: datetime) -> int:
    """Return the sequence of the first batch that arrived at or after an instant, or the one that would follow.

    The log's clock rises with the sequence, so that halving finds it by the primary key alone.
    """
    bounds = await connection.fetchrow("select min(sequence), max(sequence) + 1 from batch")
    low, high = bounds[0] or 1, bounds[1] or 1
    while low < high:
        middle = (low + high) // 2
        row = await connection.fetchrow(
            "select sequence, arrived_at from batch where sequence >= $1 order by sequence limit 1", middle
        )
        if row["arrived_at"] < instant:
            low = row["sequence"] + 1
        else:
            high = middle
    return low
