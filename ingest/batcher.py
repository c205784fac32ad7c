"""Gathers messages into batches by size and age: whole messages only, in the order of arrival."""

import asyncio

from ingest.decode import decode_message
from ingest.message import Decoded
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits

MESSAGES_PER_TURN = 500  # decoded in one go; then other tasks of the loop have their turn


async def gather(queue: MessageQueue, limits: IngestLimits, patience_s: float, stop: asyncio.Event) -> list[Decoded]:
    """Return the next batch's messages; none where nothing came within `patience_s`, or on stop.

    A batch closes when it holds `batch_readings_max` readings or refused entries, `batch_bytes_max` bytes, or
    when `batch_age_ms_max` has passed since its first message.
    """
    loop = asyncio.get_running_loop()
    await queue.wait(patience_s)
    closes = loop.time() + limits.batch_age_ms_max / 1000
    batch: list[Decoded] = []
    rows = size = 0
    while not stop.is_set():
        message = queue.take()
        if message is None:
            if not batch or loop.time() >= closes:
                break
            await queue.wait(closes - loop.time())
            continue
        decoded = decode_message(message, limits)
        batch.append(decoded)
        rows += max(1, len(decoded.columns.sensor) + len(decoded.rejections))
        size += len(message.payload)
        if rows >= limits.batch_readings_max or size >= limits.batch_bytes_max:
            break
        if len(batch) % MESSAGES_PER_TURN == 0:
            await asyncio.sleep(0)
    return batch
