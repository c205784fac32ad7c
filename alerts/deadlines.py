"""What ends or falls due by itself, judged on the log's clock, so that a replay judges it alike."""

from alerts.suppressing import settle_due
from store.approvals import expire_approvals
from store.deadlines import next_deadline
from store.journal import lock_journal
from store.pool import Pool
from store.temporary_limits import end_due_limits

LOOK_MS = 1_000  # of the log's clock, after which deadlines that people have set since are looked up
NEVER_DUE = 2**62


async def keep_deadlines(pool: Pool, clock: int) -> int:
    """Let happen what is due up to `clock` (epoch milliseconds), in one transaction; return the next deadline."""
    async with pool.acquire() as connection:
        due = await next_deadline(connection)
        if due is not None and due <= clock:
            async with connection.transaction():
                await lock_journal(connection)
                await settle_due(connection, clock)
                await expire_approvals(connection, clock)
                await end_due_limits(connection, clock)
            due = await next_deadline(connection)
    return NEVER_DUE if due is None else due
