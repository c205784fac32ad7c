"""Checkpoints of the checks on the course of sensors and of their sequences."""

from typing import NamedTuple

from store.pool import Connection, Pool


class CourseCheckpoint(NamedTuple):
    """The state of one worker's checks at a batch of the log."""

    batch: int
    layout: str
    course: bytes
    sequences: bytes


async def save_course(pool: Pool, worker: str, checkpoint: CourseCheckpoint) -> None:
    """Keep a worker's checkpoint in the place of its last, and let go of the sequences that no worker needs now."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "insert into course_checkpoint (worker, batch, layout, course, sequences) values ($1, $2, $3, $4, $5)"
            " on conflict (worker) do update set batch = excluded.batch, layout = excluded.layout,"
            " course = excluded.course, sequences = excluded.sequences",
            worker,
            *checkpoint,
        )
        await connection.execute("delete from sequence_log where batch <= (select min(batch) from course_checkpoint)")


async def load_course(connection: Connection | Pool, worker: str) -> CourseCheckpoint | None:
    """Return a worker's newest checkpoint, None where it has none."""
    row = await connection.fetchrow(
        "select batch, layout, course, sequences from course_checkpoint where worker = $1", worker
    )
    return None if row is None else CourseCheckpoint(*row)


async def newest_batch(connection: Connection | Pool) -> int:
    """Return the sequence of the newest batch of the log, 0 where there is none."""
    return int(await connection.fetchval("select coalesce(max(sequence), 0) from batch"))
