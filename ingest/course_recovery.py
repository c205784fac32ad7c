"""The state of the checks over a restart: a checkpoint now and then, and after a restart the log that follows it.

So a reading is judged the same whether the worker was killed before it or not.
"""

import logging

import numpy as np

from ingest.course import Course, layout
from ingest.gaps import GAPS_PER_SOURCE_MAX, GapTracker, decode_states, encode_states
from model.registry import Registry
from store.batches import IncomingReadings, read_batches
from store.course import CourseCheckpoint, load_course, newest_batch, save_course
from store.gaps import open_gaps, sequences_after
from store.pool import Pool

log = logging.getLogger(__name__)

CHECKPOINT_S = 60.0
CHECKPOINT_READINGS = 1_000_000


async def save(pool: Pool, worker: str, batch: int, course: Course, gaps: GapTracker) -> None:
    """Keep the state as it is after the batch of this sequence. Raises what asyncpg raises."""
    sequences = encode_states(gaps.states())
    await save_course(pool, worker, CourseCheckpoint(batch, layout(), course.dump(), sequences))


async def recover(pool: Pool, worker: str, registry: Registry, course: Course, gaps: GapTracker) -> int:
    """Bring new state to the end of the log, keep a checkpoint there and return the batch's sequence.

    Without a checkpoint of this version what was before says nothing: each sensor's next reading is its first.
    """
    found = await load_course(pool, worker)
    batch = 0 if found is None else found.batch
    if found is not None and found.layout == layout():
        course.load(found.course)
    elif found is not None or await newest_batch(pool) > 0:
        log.warning("there is no checkpoint of the checks of this version; they begin anew")
        batch = await newest_batch(pool)
    if found is not None:
        gaps.restore(decode_states(found.sequences), [])
    for content in await sequences_after(pool, 0 if found is None else found.batch):
        gaps.restore(decode_states(content), [])
    gaps.restore([], await open_gaps(pool, GAPS_PER_SOURCE_MAX))
    while batches := await read_batches(pool, batch):
        for one in batches:
            known = np.flatnonzero(one.sensor < len(registry.known))
            readings = IncomingReadings(one.sensor[known], one.time[known], one.value[known], one.quality[known])
            course.commit(course.judge(registry, readings, one.arrived[known]))
            batch = one.sequence
    await save(pool, worker, batch, course, gaps)
    return batch
