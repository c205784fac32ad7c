"""The database as a command that does one thing uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.commands.output import progress
from app.services import open_database, prepared_pool
from app.settings import load_settings
from store.pool import Connection


@asynccontextmanager
async def transaction() -> AsyncIterator[Connection]:
    """Yield a connection to this deployment's database within a transaction, for all that the command does."""
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        yield connection
