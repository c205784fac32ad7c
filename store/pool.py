"""Connections to the database: one pool a process, with a time-out on every command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from model.address import without_password

Connection: TypeAlias = Any  # asyncpg.Connection or its pool proxy; asyncpg ships no types
Pool: TypeAlias = Any

CONNECT_S_MAX = 10.0
# By which the server notices within half a minute that nobody is behind a session any more.
KEEPALIVES = {"tcp_keepalives_idle": "15s", "tcp_keepalives_interval": "5s", "tcp_keepalives_count": "3"}


class DatabaseUnreachable(Exception):
    """The database did not answer; the text says where and what to do."""


async def open_pool(
    url: str, *, connections_max: int = 8, command_s_max: float = 30.0, idle_s_max: float = 60.0
) -> Pool:
    """Return a pool on the database at `url`. Raises DatabaseUnreachable where it does not answer.

    The server ends a transaction that is told nothing for `idle_s_max` (0: it waits for ever): what it has locked is
    not kept for one that has gone without a word.
    """
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections_max,
            timeout=CONNECT_S_MAX,
            command_timeout=command_s_max,
            server_settings={
                "application_name": "lifeline",
                "timezone": "UTC",
                **KEEPALIVES,
                "idle_in_transaction_session_timeout": f"{round(idle_s_max * 1000)}ms",
            },
        )
    except ValueError:
        # What cannot be read as an address is told by the driver with parts of it, the password perhaps among them.
        raise DatabaseUnreachable(
            f"{without_password(url)} is no address of a database; check LIFELINE_DATABASE_URL, and write what is not "
            "a letter or digit in its password as %XX"
        ) from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnreachable(
            f"the database at {without_password(url)} does not answer ({error}); check LIFELINE_DATABASE_URL"
        ) from error


@asynccontextmanager
async def in_transaction(connection: Connection | Pool) -> AsyncIterator[Connection]:
    """Yield a connection within a transaction: this one, or one of the pool."""
    if isinstance(connection, asyncpg.Pool):
        async with connection.acquire() as acquired, acquired.transaction():
            yield acquired
    else:
        async with connection.transaction():
            yield connection


TRANSIENT_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that is cut in the wrong moment confuses asyncpg itself
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # the schema was changed since the statement was prepared
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
)
"""Errors after which the same transaction is tried again."""
