"""Writes transitions and all that follows from them, in the caller's transaction: the one way into the journal."""

from collections.abc import Sequence

from alerts.awaiting import await_next
from alerts.flood_keeping import fold
from alerts.incidents.keeping import keep
from alerts.outbox import enqueue
from store.journal import Transition, append_transitions
from store.pool import Connection
from store.rosters import on_duty


async def record(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Append to the journal, bring the alarms up to it, and let follow: incidents, folding in floods, messages.

    The caller holds the journal's lock; transitions of one occurrence follow one another.
    """
    if not transitions:
        return
    await append_transitions(connection, transitions)
    await await_next(connection, transitions)
    await keep(connection, transitions)
    folded = await fold(connection, transitions)
    await enqueue(connection, transitions, folded=folded, on_duty=on_duty)
