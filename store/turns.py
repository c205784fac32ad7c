"""Work that one process at a time does: whoever holds a lock in the database, on a connection for itself alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from store.pool import Connection, Pool

TURN_LOCKS = 0x4C46_0036  # class of the locks; the second half of the key is the work's name


@asynccontextmanager
async def turn_at(pool: Pool, name: str) -> AsyncIterator[Connection | None]:
    """Yield the connection that holds the lock of that name; None where another process holds it."""
    async with pool.acquire() as connection:
        if not await connection.fetchval("select pg_try_advisory_lock($1::int, hashtext($2))", TURN_LOCKS, name):
            yield None
            return
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1::int, hashtext($2))", TURN_LOCKS, name)
