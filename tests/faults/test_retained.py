"""A retained reading comes anew with each subscription; it was evaluated once, and changes nothing any more."""

from __future__ import annotations

import asyncio
import json
import secrets

import aiomqtt

from app.embedded.mosquitto import MosquittoBroker
from tests.api.service import until
from tests.faults.town import MINUTE_S, NOON, Town, living, sensor

WAIT_S_MAX = 60.0
MINUTES = 7  # of readings without gas, after which the alarm has returned


def test_case_30_retained_reading_is_not_evaluated_again(mosquitto: MosquittoBroker, database_url: str) -> None:
    """Neither while its alarm stands nor when it has returned, though the old reading is one of danger."""
    city = f"city-{secrets.token_hex(4)}"

    async def retain(content: bytes) -> None:
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as device:
            await device.publish(f"lifeline/{city}/gas/gas-1", content, qos=1, retain=True)

    async def subscribe_anew(town: Town) -> None:
        """Let the broker forget the session, so that the retained reading comes with the next one."""
        before = await town.journal()
        await town.stop()
        version = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client(mosquitto.host, mosquitto.port, identifier=city, protocol=version, clean_start=True):
            pass
        await town.start()
        await until(lambda: town.ingest.duplicates == 1, WAIT_S_MAX)
        await town.evaluated()
        assert await town.journal() == before
        assert (town.ingest.readings, town.evaluator.readings, town.ingest.conflicts) == (0, 0, 0)

    async def scenario() -> None:
        await retain(json.dumps({"time": NOON, "value": 60}).encode())
        async with living(database_url, mosquitto.url, [sensor("gas-1", city)]) as town:
            await until(lambda: town.ingest.readings == 1, WAIT_S_MAX)
            await town.evaluated()
            assert [line["to"] for line in await town.journal(kind="threshold")] == ["unacknowledged"]
            await subscribe_anew(town)
            for _ in range(MINUTES):
                await town.pass_time(MINUTE_S)
                await town.send(("gas-1", town.now, 0))
            assert (await town.journal(kind="threshold"))[-1]["condition"] == "normal"
            await subscribe_anew(town)
        await retain(b"")

    asyncio.run(scenario())
