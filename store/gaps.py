"""Gaps in devices' sequences, and the last sequence of each source along the log."""

from collections.abc import Sequence
from typing import NamedTuple

from model.instant import to_datetime
from store.pool import Connection, Pool


class Gap(NamedTuple):
    """The numbers from first to last are missing at a source; the reading of time `first_seen` showed it."""

    source: str
    first: int
    last: int
    first_seen: int


class Filling(NamedTuple):
    """A number that was missing has come."""

    source: str
    sequence: int


class SourceState(NamedTuple):
    """The last number of a source, the newest time seen, and since when it counts as it does (epoch milliseconds)."""

    source: str
    last: int
    time: int
    reset_time: int


async def store_gaps(connection: Connection, arrived: int, opened: Sequence[Gap], filled: Sequence[Filling]) -> None:
    """Write what a batch came to, within its transaction; the same again changes nothing.

    `arrived` is the batch's clock in epoch milliseconds.
    """
    if opened:
        await connection.execute(
            "insert into gap (source, from_sequence, to_sequence, missing, first_seen_at)"
            " select source, first, last, int8multirange(int8range(first, last, '[]')), seen"
            " from unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as g (source, first, last, seen)"
            " on conflict do nothing",
            [gap.source for gap in opened],
            [gap.first for gap in opened],
            [gap.last for gap in opened],
            [to_datetime(gap.first_seen) for gap in opened],
        )
    if filled:
        # All numbers of a source at once: an update sees each row only once.
        await connection.execute(
            "update gap set missing = missing - come.numbers,"
            " filled_at = case when isempty(missing - come.numbers) then $3::timestamptz end"
            " from (select source, range_agg(int8range(number, number, '[]')) as numbers"
            " from unnest($1::text[], $2::bigint[]) as f (source, number) group by source) as come"
            " where gap.source = come.source and gap.filled_at is null and gap.missing && come.numbers",
            [filling.source for filling in filled],
            [filling.sequence for filling in filled],
            to_datetime(arrived),
        )


async def store_sequences(connection: Connection, batch: int, content: bytes) -> None:
    """Write the packed states of the sources in a batch, within its transaction."""
    await connection.execute("insert into sequence_log (batch, content) values ($1, $2)", batch, content)


async def sequences_after(pool: Pool, batch: int) -> list[bytes]:
    """Return the packed states of the batches after `batch`, in the order of the log."""
    rows = await pool.fetch("select content from sequence_log where batch > $1 order by batch", batch)
    return [row["content"] for row in rows]


async def open_gaps(pool: Pool, per_source_max: int) -> list[tuple[str, int, int]]:
    """Return what is missing by source (first and last number), the newest of each source."""
    rows = await pool.fetch(
        "select source, lower(part) as first, upper(part) - 1 as last from ("
        " select source, first_seen_at, part, row_number() over (partition by source order by first_seen_at desc,"
        " lower(part) desc) as place from gap cross join unnest(missing) as part where filled_at is null) as parts"
        " where place <= $1 order by source, first_seen_at, lower(part)",
        per_source_max,
    )
    return [(row["source"], row["first"], row["last"]) for row in rows]
