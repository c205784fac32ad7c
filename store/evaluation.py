"""The evaluator's place in the log: cursor, checkpoints, and what the engine was bound to."""

from collections.abc import Sequence
from typing import NamedTuple

from model.instant import to_datetime
from store.pool import Connection, Pool

EVALUATOR_LOCK = 0x6C69_6665_0004  # one evaluator at a time holds it for its session
CHECKPOINTS_KEPT = 2


class CursorMoved(Exception):
    """Another evaluator has moved the cursor; what was about to be written is not written."""


class Checkpoint(NamedTuple):
    """The engine's state after a batch, and the definition of what it was bound to."""

    batch: int
    version: int
    state: bytes
    definition: bytes


async def read_cursor(connection: Connection | Pool) -> int:
    """Return the sequence of the last batch whose evaluation is committed."""
    return int(await connection.fetchval("select batch from evaluation_cursor"))


async def advance_cursor(connection: Connection, expected: int, batch: int, clock: int | None) -> bool:
    """Move the cursor from `expected` to `batch`; False where it stands there or further: all is written already.

    `clock` is the log's clock at that batch in epoch milliseconds, None where it has not begun.

    Raises CursorMoved where it stands elsewhere: another evaluator is at work.
    """
    return await _moved(connection, "", expected, batch, clock)


async def pass_over(pool: Pool, expected: int, batch: int, clock: int | None) -> None:
    """Move the cursor, as advance_cursor does, over batches that brought nothing, without waiting for the disk.

    A database that fails before it has written this leaves the cursor where it was; evaluated again, these batches
    bring nothing either.
    """
    await _moved(pool, " from set_config('synchronous_commit', 'off', true)", expected, batch, clock)


async def _moved(connection: Connection | Pool, beside: str, expected: int, batch: int, clock: int | None) -> bool:
    through = None if clock is None else to_datetime(clock)
    move = f"update evaluation_cursor set batch = $1, clock = $2{beside} where batch = $3 returning true"
    if await connection.fetchval(move, batch, through, expected):
        return True
    found = await read_cursor(connection)
    if found >= batch:
        return False
    raise CursorMoved(f"the cursor stands at batch {found}, expected was {expected}")


async def save_binding(connection: Connection, version: int, definition: bytes) -> None:
    """Keep what the engine is bound to; where that is new, the database notes from which batch on it holds."""
    await connection.execute(
        "insert into engine_binding values ($1, $2)"
        " on conflict (version) do update set definition = excluded.definition",
        version,
        definition,
    )


async def save_checkpoint(connection: Connection, batch: int, version: int, state: bytes) -> None:
    """Keep the engine's state after `batch`; older checkpoints go, and bindings that no time that is told of needs."""
    await connection.execute(
        "insert into checkpoint values ($1, $2, $3) on conflict (batch) do update set version = excluded.version,"
        " state = excluded.state",
        batch,
        version,
        state,
    )
    await connection.execute(
        "delete from checkpoint where batch not in (select batch from checkpoint order by batch desc limit $1)",
        CHECKPOINTS_KEPT,
    )
    await connection.execute("delete from engine_binding where version not in (select version from checkpoint)")


async def load_checkpoint(connection: Connection, batch_max: int) -> Checkpoint | None:
    """Return the newest checkpoint not after `batch_max`, or None."""
    row = await connection.fetchrow(
        "select c.batch, c.version, c.state, b.definition from checkpoint c join engine_binding b using (version)"
        " where c.batch <= $1 order by c.batch desc limit 1",
        batch_max,
    )
    return None if row is None else Checkpoint(row["batch"], row["version"], row["state"], row["definition"])


async def record_late(connection: Connection, batch: int, sensor_keys: Sequence[int], times: Sequence[int]) -> None:
    """Mark readings (registry keys, epoch milliseconds) that came after a newer one had been evaluated."""
    await connection.execute(
        "insert into late_reading select s, t, $3 from unnest($1::int[], $2::timestamptz[]) as n (s, t)"
        " on conflict do nothing",
        list(sensor_keys),
        [to_datetime(t) for t in times],
        batch,
    )
