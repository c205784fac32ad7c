"""An edge node whose birth is missing is asked for it, and answers: that conversation over real brokers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import pytest

from ingest.decoders.sparkplug_payload import Payload
from model.reading import Quality
from tests.decode.messages import sparkplug_payload
from tests.integration.test_topics import broker, mosquitto, nats  # noqa: F401  # fixtures
from tests.integration.worker import Brokerage, client_of, clock, until, working

NOW = 0  # epoch milliseconds, anew for each test: a reading a quarter of an hour old is stored as delayed


@pytest.fixture(autouse=True)
def _present() -> None:
    global NOW
    NOW = int(time.time()) * 1000


@dataclass
class Command:
    """A message that a node receives on its command topic."""

    payload: Any
    qos: int
    retain: bool
    at_ms: int


@dataclass
class EdgeNode:
    """Stands for an edge node: hears its commands, and answers a request of rebirth with its birth if it `answers`."""

    client: aiomqtt.Client
    city: str
    node: str
    answers: bool = True
    commands: list[Command] = field(default_factory=list)
    births: int = 0

    async def birth(self) -> None:
        self.births += 1
        metric = {"name": "gas-1", "alias": 7, "datatype": 10, "double_value": float(self.births)}
        await self._publish("NBIRTH", {"seq": 0, "metrics": [metric]}, NOW + self.births)

    async def data(self, sequence: int, at_ms: int, value: float) -> None:
        await self._publish("NDATA", {"seq": sequence, "metrics": [{"alias": 7, "double_value": value}]}, at_ms)

    async def _publish(self, kind: str, fields: dict[str, Any], at_ms: int) -> None:
        payload = sparkplug_payload({"timestamp": at_ms, **fields})
        await self.client.publish(f"spBv1.0/{self.city}/{kind}/{self.node}", payload, qos=0)

    async def listen(self) -> None:
        async for message in self.client.messages:
            command = Payload.FromString(bytes(message.payload))  # type: ignore[arg-type]
            self.commands.append(Command(command, message.qos, message.retain, clock()))
            if self.answers:
                await self.birth()


@asynccontextmanager
async def edge_node(brokerage: Brokerage, node: str, **more: Any) -> AsyncIterator[EdgeNode]:
    async with client_of(brokerage) as client:
        edge = EdgeNode(client, **{"city": brokerage.city, "node": node, **more})
        await client.subscribe(f"spBv1.0/{edge.city}/NCMD/{node}", qos=1)
        listening = asyncio.create_task(edge.listen())
        try:
            yield edge
        finally:
            listening.cancel()


async def _is_asked(edge: EdgeNode) -> None:
    async def is_asked() -> bool:
        return bool(edge.commands)

    await until(is_asked, lambda: "the node is not asked for its birth")


def test_a_node_that_speaks_in_aliases_is_asked_once_and_its_data_are_stored(
    broker: Brokerage,  # noqa: F811
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with working(broker, database_url) as workers, edge_node(broker, "edge-1") as edge:
            began = clock()
            for sequence in (11, 12, 13):
                await edge.data(sequence, NOW - 1000 + sequence, 99.0)
            await _is_asked(edge)
            await workers.until_stored("gas-1", NOW + edge.births)
            await edge.data(1, NOW + 5000, 50.0)
            await workers.until_stored("gas-1", NOW + 5000)
            # Each worker asks for itself: it cannot know what another one knows.
            assert 1 <= len(edge.commands) <= broker.workers
            for command in edge.commands:
                assert (command.qos, command.retain) == (0, False)
                assert began <= command.payload.timestamp <= command.at_ms
                assert not command.payload.HasField("seq")
                (metric,) = command.payload.metrics
                assert (metric.name, metric.datatype, metric.boolean_value) == (b"Node Control/Rebirth", 11, True)
            births = [("gas-1", NOW + number, float(number), 0) for number in range(1, edge.births + 1)]
            assert await workers.rows() == [*births, ("gas-1", NOW + 5000, 50.0, 0)]
            assert {reason for reason, _ in await workers.rejections()} == {"no_birth"}

    asyncio.run(scenario())


def test_a_node_of_which_messages_are_missing_is_asked_and_trusted_again(
    broker: Brokerage,  # noqa: F811
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with working(broker, database_url) as workers, edge_node(broker, "edge-2") as edge:
            await edge.birth()
            await edge.data(4, NOW + 1000, 40.0)
            await _is_asked(edge)
            await workers.until_stored("gas-1", NOW + edge.births)
            await edge.data(1, NOW + 2000, 50.0)
            await workers.until_stored("gas-1", NOW + 2000)
            qualities = {epoch_ms: quality for _, epoch_ms, _, quality in await workers.rows()}
            assert qualities[NOW + 1000] == Quality.REPORTED_UNCERTAIN
            assert qualities[NOW + 2000] == 0
            assert {reason for reason, _ in await workers.rejections()} == {"messages_missed"}

    asyncio.run(scenario())


def test_a_node_of_a_group_that_is_no_city_of_ours_is_left_alone(
    broker: Brokerage,  # noqa: F811
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with (
            working(broker, database_url) as workers,
            edge_node(broker, "edge-3", city="nowhere", answers=False) as foreign,
            edge_node(broker, "edge-4") as ours,
        ):
            await foreign.data(3, NOW, 1.0)
            await ours.data(3, NOW, 1.0)
            await _is_asked(ours)
            await workers.until_stored("gas-1", NOW + ours.births)
            assert foreign.commands == []

    asyncio.run(scenario())
