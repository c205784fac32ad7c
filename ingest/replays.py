"""Replays that were asked for: a rejection, as it came or as corrected, goes through decoding, checks and store again.

They are asked for in the database and done here, by the one that writes, so that what came of them can be told and the
broker need not run. Killed between store and note, a replay is done again: readings are stored once all the same.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ingest.decode import decode_message
from ingest.decoders.forms import Forms
from ingest.message import Decoded, Message
from ingest.settings import IngestLimits
from store.pool import Pool
from store.rejections import Replay, note_replay, requested_replays

REPLAYS_PER_TICK_MAX = 50


class Outcome(NamedTuple):
    """What became of a message's readings; `reasons` are those of its new rejections."""

    stored: int
    duplicates: int
    conflicts: int
    reasons: list[str]


Write = Callable[[list[Decoded]], Awaitable[Outcome]]


async def do_replays(
    pool: Pool, limits: IngestLimits, write: Write, clock: Callable[[], int], forms: Forms | None = None
) -> int:
    """Do the replays that were asked for, at most REPLAYS_PER_TICK_MAX, and return their number.

    `write` stores messages and tells what became of them; `forms` has the vendors' mappings. Raises what `write` and
    asyncpg raise.
    """
    replays = await requested_replays(pool, REPLAYS_PER_TICK_MAX)
    for replay in replays:
        stored, result = await _replay(replay, limits, write, forms and forms.apart())
        await note_replay(pool, replay, clock(), stored, result)
    return len(replays)


async def _replay(replay: Replay, limits: IngestLimits, write: Write, forms: Forms | None) -> tuple[bool, str]:
    decoded = decode_message(Message(replay.topic, replay.payload, len(replay.payload)), limits, forms)
    if not decoded.columns.sensor and not decoded.rejections:
        return False, "the topic is not one for readings"
    outcome = await write([decoded])
    words = [f"{outcome.stored} stored"]
    words += [f"{outcome.duplicates} known before"] if outcome.duplicates else []
    words += [f"{outcome.conflicts} contradict a stored value"] if outcome.conflicts else []
    reasons = ", ".join(sorted(set(outcome.reasons)))
    words += [f"{len(outcome.reasons)} refused again: {reasons}"] if reasons else []
    return not outcome.reasons, "; ".join(words)
