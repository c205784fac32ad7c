"""The evaluator's cursor: it moves on from where its evaluator left it, and from nowhere else."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from store.evaluation import CursorMoved, advance_cursor, pass_over, read_cursor
from store.pool import Pool, open_pool
from tests.integration.test_store import NOON


async def _with_what_was_found(pool: Pool, expected: int, batch: int) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await advance_cursor(connection, expected, batch, NOON)


async def _over_nothing(pool: Pool, expected: int, batch: int) -> None:
    await pass_over(pool, expected, batch, NOON)


@pytest.mark.parametrize("move", [_with_what_was_found, _over_nothing])
@pytest.mark.parametrize(
    ("stands", "expected", "batch", "found"),
    [
        pytest.param(7, 7, 9, 9, id="it stands where it was left"),
        pytest.param(7, 7, 7, 7, id="it stands at the batch"),
        pytest.param(9, 7, 9, 9, id="an earlier try has moved it"),
        pytest.param(12, 7, 9, 12, id="it is further"),
        pytest.param(8, 7, 9, None, id="another evaluator has moved it"),
        pytest.param(5, 7, 9, None, id="it was set back"),
    ],
)
def test_the_cursor_moves_from_where_it_was_left(
    database_url: str,
    move: Callable[[Pool, int, int], Awaitable[None]],
    stands: int,
    expected: int,
    batch: int,
    found: int | None,
) -> None:
    async def scenario() -> None:
        pool = await open_pool(database_url, connections_max=1)
        await pool.execute("update evaluation_cursor set batch = $1", stands)
        if found is None:
            with pytest.raises(CursorMoved):
                await move(pool, expected, batch)
        else:
            await move(pool, expected, batch)
        assert await read_cursor(pool) == (stands if found is None else found)
        assert await pool.fetchval("show synchronous_commit") == "on"
        await pool.close()

    asyncio.run(scenario())


def test_only_what_moves_the_cursor_writes_what_was_found(database_url: str) -> None:
    async def scenario() -> None:
        pool = await open_pool(database_url, connections_max=1)
        async with pool.acquire() as connection:
            assert await advance_cursor(connection, 0, 5, NOON)
            assert not await advance_cursor(connection, 0, 5, NOON)
        await pool.close()

    asyncio.run(scenario())
