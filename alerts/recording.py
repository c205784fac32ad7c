"""Writes transitions and all that follows from them, in the caller's transaction: the one way into the journal."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from alerts.awaiting import await_next
from alerts.counters import RecordingCounters
from alerts.flood_keeping import fold
from alerts.incidents.keeping import keep
from alerts.outbox import enqueue
from store.journal import Transition, append_transitions
from store.pool import TRANSIENT_ERRORS, Connection

log = logging.getLogger(__name__)
counters = RecordingCounters()
Result = TypeVar("Result")


async def record(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Append to the journal, bring the alarms up to it, and let follow: deadlines, incidents, folding, messages.

    The caller holds the journal's lock; transitions of one occurrence follow one another. What follows must not stop
    the alarms: where it fails by a fault of its own it is undone, logged and counted, and the journal stands.
    """
    if not transitions:
        return
    await append_transitions(connection, transitions)
    await _follow(connection, "deadlines", lambda: await_next(connection, transitions))
    await _follow(connection, "incidents", lambda: keep(connection, transitions))
    folded = await _follow(connection, "floods", lambda: fold(connection, transitions)) or {}
    await _follow(connection, "messages", lambda: enqueue(connection, transitions, folded=folded))


async def _follow(connection: Connection, what: str, work: Callable[[], Awaitable[Result]]) -> Result | None:
    try:
        async with connection.transaction():  # a savepoint
            return await work()
    except TRANSIENT_ERRORS:
        raise  # all of it is tried again
    except Exception:
        log.exception("alarms are journalled, but what follows from them for %s failed", what)
        counters.consequences_failed += 1
        return None
