"""Two workers with one client id: one of them works, the other stands by and takes over, and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.session_turn import ASK_S, SessionTurn
from ingest.settings import MqttSettings
from store.pool import open_pool
from tests.conftest import ACK_WAIT_S
from tests.faults.device import connected
from tests.faults.seeds import lasting
from tests.integration.worker import LIMITS, WAIT_S_MAX, Brokerage, clock, until, working

START_MS = 1_760_000_000_000
PORTION = 50


@dataclass(frozen=True)
class OneSession(Brokerage):
    """All of whose workers have one client id, as where one configuration was copied."""

    def settings(self, worker: int) -> MqttSettings:
        return replace(
            super().settings(0),
            share_group=None,
            subscriptions=(f"lifeline/{self.city}/+/+",),
            reconnect_s_max=1.0,
            redelivery_s=ACK_WAIT_S + 1 if self.protocol == "3.1.1" else 0,
        )


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_case_11_two_workers_with_one_client_id(kind: str, request: pytest.FixtureRequest, database_url: str) -> None:
    url = request.getfixturevalue("broker_url") if kind == "nats" else request.getfixturevalue("mosquitto").url

    async def scenario() -> None:
        broker = OneSession(url, "3.1.1" if kind == "nats" else "5")
        published = 0
        async with AsyncExitStack() as stack:
            second, stop_second = IngestCounters(), asyncio.Event()
            pool = await open_pool(database_url)
            stack.push_async_callback(pool.close)
            line = await stack.enter_async_context(connected(url))

            async def publish() -> None:
                nonlocal published
                topic = f"lifeline/{broker.city}/gas/gas-1"
                times = range(START_MS + published, START_MS + published + PORTION)
                await line.publish([(topic, json.dumps({"time": t, "value": t % 7}).encode()) for t in times])
                published += PORTION

            async with working(broker, database_url) as workers:
                (first,) = workers.counters
                running = asyncio.create_task(
                    run_ingest(pool, broker.settings(1), LIMITS, clock, lambda _: None, stop_second, second)
                )
                ends = time.monotonic() + lasting(3 * ASK_S, 60)
                while time.monotonic() < ends:
                    await publish()
                    await asyncio.sleep(0.02)
                assert (first.connections, second.connections) == (1, 0)
                assert second.ticks == 0, "who stands by writes nothing into the log"
            # The first one has stopped, and what comes meanwhile waits in the session for the second.
            began = time.monotonic()
            await publish()
            await until(lambda: _is(second.connected), lambda: str(second))
            print(f"the other one has the session {time.monotonic() - began:.1f} s after the first let go of it")
            await publish()

            async def is_stored() -> bool:
                return int(await pool.fetchval("select count(*) from reading")) >= published

            await until(is_stored, lambda: str(second))
            stop_second.set()
            await asyncio.wait_for(running, WAIT_S_MAX)
            assert await pool.fetchval("select count(*) from reading") == published
            assert await pool.fetchval("select sum(readings) from batch") == published
            assert await pool.fetchval("select count(*) from late_reading") == 0
            assert second.connections == 1

    asyncio.run(scenario())


async def _is(condition: bool) -> bool:
    return condition


def test_case_11_a_turn_whose_connection_has_gone_is_taken_again(database_url: str) -> None:
    """The pool takes back a connection that the database has ended, and nobody may ask it anything then."""

    async def scenario() -> None:
        async with await open_pool(database_url, connections_max=3) as pool:
            turn = SessionTurn(pool, "worker")

            async def is_gone() -> bool:
                return not turn._is_held()

            assert await turn.is_ours()
            assert turn._connection is not None
            await pool.execute("select pg_terminate_backend($1)", turn._connection.get_server_pid())
            await until(is_gone, lambda: "the turn's connection stands")
            assert await turn.is_ours()
            assert turn._is_held()
            await turn.release()

    asyncio.run(scenario())
