"""What waits in the database, as far as a limit or a person stands behind it: counted for the metrics."""

from datetime import datetime
from typing import NamedTuple

from store.pool import Connection, Pool

COUNTED_MAX = 100_000  # beyond it the number says only that it is that many


class Waiting(NamedTuple):
    """Rows that wait, each counted up to COUNTED_MAX."""

    rejections_open: int  # quarantined messages that nobody has dealt with
    approvals_requested: int
    sign_ins_blocked: int  # names and addresses that have to wait before they may log in
    sessions: int
    audit_sequence: int  # of the newest row of the audit: it never falls


async def count_waiting(connection: Connection | Pool, now: datetime) -> Waiting:
    """Return how many rows wait."""
    kinds = (
        "rejection where coalesce(handling, 'open') = 'open'",
        "approval where state = 'requested'",
        "sign_in_attempt where blocked_until > $1",
        "user_session where ends_at > $1",
    )
    counts = [f"(select count(*) from (select from {kind} limit {COUNTED_MAX}) as counted)" for kind in kinds]
    counts.append("(select coalesce(max(sequence), 0) from audit)")
    return Waiting(*await connection.fetchrow(f"select {', '.join(counts)} where $1::timestamptz is not null", now))
