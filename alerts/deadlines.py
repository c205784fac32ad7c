"""What ends or falls due by itself, judged on the log's clock, so that a replay judges it alike."""

import logging

from alerts.escalation import escalate_due
from alerts.flood_keeping import leave
from alerts.suppression_keeping import settle_due
from store.approvals import expire_approvals
from store.deadlines import EXCEPT_ESCALATIONS, next_deadline
from store.journal import lock_journal
from store.pool import Pool
from store.temporary_limits import end_due_limits

log = logging.getLogger(__name__)

LOOK_MS = 1_000  # of the log's clock, after which deadlines that people have set since are looked up
NEVER_DUE = 2**62


async def keep_deadlines(pool: Pool, clock: int) -> int:
    """Let happen what is due up to `clock` (epoch milliseconds), in one transaction; return the next deadline.

    One instant after the other: so a suppression and an escalation come in their order, however late this is called.
    """
    async with pool.acquire() as connection:
        due = await next_deadline(connection)
        if due is not None and due <= clock:
            async with connection.transaction():
                await lock_journal(connection)
                # Escalations between two of the others are taken together: of a storm there are thousands.
                before = None
                while (turn := await next_deadline(connection, EXCEPT_ESCALATIONS)) is not None and turn <= clock:
                    if turn == before:
                        log.error("what is due at %d does not pass; it is left for the next look", turn)
                        break
                    before = turn
                    await escalate_due(connection, turn - 1)
                    await settle_due(connection, turn)
                    await leave(connection, turn)
                    await expire_approvals(connection, turn)
                    await end_due_limits(connection, turn)
                await escalate_due(connection, clock)
            due = await next_deadline(connection)
    return NEVER_DUE if due is None else due
