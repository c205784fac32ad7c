"""When something falls due by itself: the earliest of all deadlines."""

from collections.abc import Sequence

from model.instant import to_milliseconds
from store.pool import Connection, Pool

# One row of a time for each kind of thing that ends, begins or falls due; each by an index of its own. At the very
# instant of its end a flood goes on if something comes.
EXCEPT_ESCALATIONS = (
    "select min(begins_at) as at from suppression where not begun and ended_at is null",
    "select min(ends_at) from suppression where ended_at is null",
    "select min(expires_at) from approval where state = 'requested'",
    "select min(ends_at) + interval '1 millisecond' from flood where ended_at is null",
    "select min(ends_at) from temporary_limit where ended_at is null",
)
_DUE = (*EXCEPT_ESCALATIONS, "select min(due_at) from deadline")


async def next_deadline(connection: Connection | Pool, kinds: Sequence[str] = _DUE) -> int | None:
    """Return the earliest time (epoch milliseconds) at which something falls due, None where nothing does."""
    at = await connection.fetchval(f"select min(at) from ({' union all '.join(kinds)}) as due")
    return None if at is None else to_milliseconds(at)
