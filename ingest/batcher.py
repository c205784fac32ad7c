"""Gathers messages into batches by size and age: whole messages only, in the order of arrival."""

import asyncio
from collections.abc import Callable

from ingest.decode import decode_messages
from ingest.decoders.forms import Forms
from ingest.gathered import Gathered, join
from ingest.queue import MessageQueue, size_of
from ingest.settings import IngestLimits

BUSY_WAIT_S = 1.0  # at most; the end of the store's work wakes the queue
DENSE_READINGS_S = 10_000  # from this rate on, larger batches are worth a longer wait


async def gather(
    queue: MessageQueue,
    limits: IngestLimits,
    patience_s: float,
    stop: asyncio.Event,
    is_busy: Callable[[], bool] = lambda: False,
    forms: Forms | None = None,
) -> Gathered:
    """Return the next batch's messages; none where nothing came within `patience_s`, or on stop.

    A batch closes when it holds `batch_readings_max` readings or refused entries, or `batch_bytes_max` bytes. Unless
    the store `is_busy` with the batch before, it closes earlier: `batch_age_ms_min` after its first message, or at
    `batch_age_ms_max` while readings come thick and fast.
    """
    loop = asyncio.get_running_loop()
    await queue.wait(patience_s)
    opened = loop.time()
    parts: list[Gathered] = []
    entries = size = 0
    while not stop.is_set():
        messages = queue.take()
        if messages:
            part = decode_messages(messages, limits, forms)
            parts.append(part)
            entries += part.entries
            size += size_of(messages)
            if entries >= limits.batch_readings_max or size >= limits.batch_bytes_max:
                break
            await asyncio.sleep(0)
            continue
        if not parts:
            break
        age_ms = (loop.time() - opened) * 1000
        is_dense = entries * 1000 >= DENSE_READINGS_S * max(age_ms, limits.batch_age_ms_min)
        left_ms = (limits.batch_age_ms_max if is_dense else limits.batch_age_ms_min) - age_ms
        if left_ms <= 0 and not is_busy():
            break
        await queue.wait(left_ms / 1000 if left_ms > 0 else BUSY_WAIT_S)
    return join(parts)
