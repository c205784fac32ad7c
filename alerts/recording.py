"""Writes transitions and all that follows from them, in the caller's transaction: the one way into the journal."""

from collections.abc import Sequence

from store.journal import Transition, append_transitions
from store.pool import Connection


async def record(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Append to the journal, bring the alarms up to it, and let follow what follows.

    The caller holds the journal's lock; transitions of one occurrence follow one another.
    """
    if not transitions:
        return
    await append_transitions(connection, transitions)
