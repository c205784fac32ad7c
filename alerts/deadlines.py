"""What ends or falls due by itself, judged on the log's clock, so that a replay judges it alike."""

from alerts.escalation import escalate_due
from alerts.flood_keeping import leave
from alerts.suppressing import settle_due
from store.approvals import expire_approvals
from store.deadlines import next_deadline
from store.journal import lock_journal
from store.pool import Pool
from store.temporary_limits import end_due_limits

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
                while due is not None and due <= clock:
                    await settle_due(connection, due)
                    await escalate_due(connection, due)
                    await leave(connection, due)
                    await expire_approvals(connection, due)
                    await end_due_limits(connection, due)
                    due = await next_deadline(connection)
    return NEVER_DUE if due is None else due
