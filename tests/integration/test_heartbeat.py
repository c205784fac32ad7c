"""The dead man's switch: what it says while Lifeline works, and that it is silent as soon as it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from app.figures import families
from app.notify.counters import NotifyCounters
from app.notify.heartbeat import beat, run_heartbeat
from model.instant import to_datetime
from store.pool import open_pool
from tests.integration.notifying import NOON, Receiver, receiving

Scenario = Callable[[Any, Receiver, str, httpx.AsyncClient, NotifyCounters], Awaitable[None]]


def run(url: str, scenario: Scenario, **facts: Any) -> None:
    async def work() -> None:
        pool = await open_pool(url, connections_max=2)
        try:
            async with receiving(**facts) as receiver, httpx.AsyncClient() as client:
                address = f"http://127.0.0.1:{receiver.port}/ping"
                await scenario(pool, receiver, address, client, NotifyCounters())
        finally:
            await pool.close()

    asyncio.run(work())


async def evaluated(pool: Any, at: int) -> None:
    await pool.execute("update evaluation_cursor set clock = $1", to_datetime(at))


def test_it_speaks_while_what_arrived_is_evaluated_and_falls_silent_where_not(database_url: str) -> None:
    async def scenario(pool: Any, receiver: Receiver, url: str, client: httpx.AsyncClient, counted: Any) -> None:
        assert not await beat(pool, url, client, NOON, counted), "nothing has been evaluated yet"
        await evaluated(pool, NOON)
        assert await beat(pool, url, client, NOON + 59_000, counted)
        assert not await beat(pool, url, client, NOON + 60_000, counted), "behind, or the log stands still"
        await evaluated(pool, NOON + 60_000)
        assert await beat(pool, url, client, NOON + 61_000, counted)
        assert len(receiver.taken) == 2
        assert (counted.heartbeats, counted.heartbeat_succeeded_at) == (2, (NOON + 61_000) / 1000)
        (told,) = [m for m in families("notify", counted) if "heartbeat_succeeded" in m.name]
        assert [(one.name, one.value) for one in told.samples] == [
            ("lifeline_notify_heartbeat_succeeded_timestamp_seconds", (NOON + 61_000) / 1000)
        ]

    run(database_url, scenario)


def test_a_database_that_takes_no_writes_is_silence(database_url: str) -> None:
    async def scenario(pool: Any, receiver: Receiver, url: str, client: httpx.AsyncClient, counted: Any) -> None:
        await evaluated(pool, NOON)
        name = await pool.fetchval("select current_database()")
        await pool.execute(f'alter database "{name}" set default_transaction_read_only = on')
        await pool.expire_connections()
        assert not await beat(pool, url, client, NOON, counted)
        assert not receiver.taken

    run(database_url, scenario)


def test_an_address_that_does_not_take_it_is_no_success(database_url: str) -> None:
    async def scenario(pool: Any, receiver: Receiver, url: str, client: httpx.AsyncClient, counted: Any) -> None:
        await evaluated(pool, NOON)
        assert not await beat(pool, url, client, NOON, counted)
        assert not await beat(pool, "http://127.0.0.1:1/ping", client, NOON, counted)
        assert counted.heartbeat_succeeded_at == 0

    run(database_url, scenario, status=500)


def test_only_the_process_whose_evaluator_has_the_turn_speaks(database_url: str) -> None:
    async def scenario(pool: Any, receiver: Receiver, url: str, _client: httpx.AsyncClient, counted: Any) -> None:
        await evaluated(pool, NOON)
        stop = asyncio.Event()
        asked = []

        def is_evaluating() -> bool:
            asked.append(True)
            stop.set()
            return len(asked) > 1

        await run_heartbeat(pool, url, 60.0, lambda: NOON, is_evaluating, counted, stop)
        assert not receiver.taken
        stop.clear()
        await run_heartbeat(pool, url, 60.0, lambda: NOON, is_evaluating, counted, stop)
        assert len(receiver.taken) == 1

    run(database_url, scenario)
