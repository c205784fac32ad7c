from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from app.embedded.errors import CredentialsMissing, DebianUnavailable, PortInUse
from app.embedded.mosquitto import mosquitto_broker

from .holder import gone

MESSAGES = 1500  # more than the 1,000 that Mosquitto keeps for a client where nobody sets it


def _quiet(_: str) -> None: ...


def _client(port: int, name: str) -> aiomqtt.Client:
    kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    kept.SessionExpiryInterval = 3600
    return aiomqtt.Client(
        "127.0.0.1", port, identifier=name, protocol=aiomqtt.ProtocolVersion.V5, clean_start=False, properties=kept
    )


def test_mqtt_5_session_keeps_every_message_over_a_restart(tmp_path: Path, programs: Path) -> None:
    async def first() -> int:
        async with mosquitto_broker(tmp_path, programs, 0, _quiet) as broker:
            assert broker.edition.startswith("Mosquitto 2.")
            async with _client(broker.port, "reader") as client:
                await client.subscribe("lifeline/#", qos=1)
            async with _client(broker.port, "writer") as client:
                for number in range(MESSAGES):
                    await client.publish("lifeline/a", str(number).encode(), qos=1)
            return broker.pid

    async def second() -> list[int]:
        got: list[int] = []
        async with (
            mosquitto_broker(tmp_path, programs, 0, _quiet) as broker,
            asyncio.timeout(15),
            _client(broker.port, "reader") as client,
        ):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                got.append(int(message.payload))
                if len(got) == MESSAGES:
                    break
        return got

    assert gone(asyncio.run(first()), 0.1)
    assert asyncio.run(second()) == list(range(MESSAGES))


def test_port_in_use_is_said_with_its_number(tmp_path: Path, programs: Path) -> None:
    async def scenario(port: int) -> None:
        async with mosquitto_broker(tmp_path, programs, port, _quiet):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUse):
        asyncio.run(scenario(taken.getsockname()[1]))


def test_it_serves_this_machine_only(tmp_path: Path, programs: Path) -> None:
    async def scenario() -> None:
        async with mosquitto_broker(tmp_path, programs, 0, _quiet, host="0.0.0.0"):
            pass

    with pytest.raises(CredentialsMissing):
        asyncio.run(scenario())


def test_without_debian_it_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with mosquitto_broker(tmp_path, tmp_path / "none", 0, _quiet):
            pass

    monkeypatch.setattr("app.embedded.debian.machine_sources", lambda: [])
    with pytest.raises(DebianUnavailable):
        asyncio.run(scenario())
