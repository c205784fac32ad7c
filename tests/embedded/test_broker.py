from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from app.embedded.broker import EmbeddedBroker, embedded_broker
from app.embedded.errors import (
    CredentialsMissing,
    DirectoryInUse,
    EmbeddedError,
    PortInUse,
    PortRefused,
    ProgramMissing,
    SettingRefused,
)

from .holder import gone, held


def _quiet(_: str) -> None: ...


@asynccontextmanager
async def _client(port: int, *, name: str = "reader", user: str | None = None) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(
        "127.0.0.1", port, identifier=name, clean_session=False, username=user, password=user, timeout=5
    ) as client:
        yield client


async def _publish(port: int, payloads: Iterable[bytes]) -> None:
    async with _client(port, name="writer") as client:
        for payload in payloads:
            await client.publish("lifeline/city/gas/s1", payload, qos=1)


async def _read(port: int, count: int) -> list[bytes]:
    got: list[bytes] = []
    async with asyncio.timeout(15), _client(port) as client:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            got.append(message.payload)
            if len(got) == count:
                break
    return got


async def _subscribe(port: int) -> None:
    async with _client(port) as client:
        await client.subscribe("lifeline/#", qos=1)


def test_message_goes_through_and_the_broker_stops_clean(tmp_path: Path) -> None:
    async def scenario() -> EmbeddedBroker:
        async with embedded_broker(tmp_path / "home", "127.0.0.1", 0, _quiet) as broker:
            assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
            assert broker.edition.startswith("NATS server v2.")
            await _subscribe(broker.port)
            await _publish(broker.port, [b"one"])
            assert await _read(broker.port, 1) == [b"one"]
            return broker

    assert gone(asyncio.run(scenario()).pid, 0.1)


def test_session_and_messages_survive_a_restart(tmp_path: Path) -> None:
    async def first() -> None:
        async with embedded_broker(tmp_path, "127.0.0.1", 0, _quiet) as broker:
            await _subscribe(broker.port)
            await _publish(broker.port, [b"kept"])

    async def second() -> None:
        async with embedded_broker(tmp_path, "127.0.0.1", 0, _quiet) as broker:
            assert await _read(broker.port, 1) == [b"kept"]

    asyncio.run(first())
    asyncio.run(second())


@pytest.mark.parametrize("killed", ["parent", "both"])
def test_acknowledged_messages_survive_a_kill(tmp_path: Path, killed: str) -> None:
    payloads = [str(number).encode() for number in range(200)]
    with held("broker", tmp_path, tmp_path) as (parent, broker):
        asyncio.run(_subscribe(broker["port"]))
        asyncio.run(_publish(broker["port"], payloads))
        if killed == "both":
            os.kill(broker["pid"], 9)
        os.kill(parent, 9)
        assert gone(broker["pid"], 5)

    async def again() -> list[bytes]:
        async with embedded_broker(tmp_path, "127.0.0.1", 0, _quiet) as broker:
            return await _read(broker.port, len(payloads))

    assert sorted(asyncio.run(again())) == sorted(payloads)


def test_two_brokers_never_work_on_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.embedded.broker.LEFTOVER_WAIT_S", 0.2)

    async def scenario() -> None:
        async with embedded_broker(tmp_path, "127.0.0.1", 0, _quiet):
            pass

    with held("broker", tmp_path, tmp_path), pytest.raises(DirectoryInUse):
        asyncio.run(scenario())


def test_only_mqtt_is_open_and_the_configuration_is_private(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded_broker(tmp_path, "127.0.0.1", 0, _quiet) as broker:
            log = broker.child.log.read_text()
            other = int(log.split("Listening for client connections on 127.0.0.1:")[1].split()[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", other)
            await reader.readline()
            writer.write(b'CONNECT {"verbose":true}\r\nPING\r\n')
            assert b"Authorization Violation" in await reader.readline()
            writer.close()
        assert stat.S_IMODE((tmp_path / "broker" / "nats.json").stat().st_mode) == 0o600

    asyncio.run(scenario())


def test_broker_open_to_other_machines_knows_its_clients(tmp_path: Path) -> None:
    secret = "a'b\"c$d\\e#é"

    async def scenario() -> None:
        with pytest.raises(CredentialsMissing):
            async with embedded_broker(tmp_path, "0.0.0.0", 0, _quiet):
                pass
        async with embedded_broker(tmp_path, "0.0.0.0", 0, _quiet, user=secret, password=secret) as broker:
            assert broker.url.startswith("mqtt://127.0.0.1:")
            async with _client(broker.port, user=secret):
                pass
            for user in (None, "wrong"):
                with pytest.raises(aiomqtt.MqttError):
                    async with _client(broker.port, user=user):
                        pass

    asyncio.run(scenario())


def test_port_in_use_is_said_with_its_number(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} is in use") as caught:
            asyncio.run(_open(tmp_path, "127.0.0.1", port))
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)


def test_port_taken_between_our_look_and_the_brokers_is_in_use_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("app.embedded.broker.free_port", lambda host, asked: port)
        for asked in (port, 0):
            with pytest.raises(PortInUse):
                asyncio.run(_open(tmp_path, "127.0.0.1", asked))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"host": "203.0.113.1", "user": "u", "password": "p"}, PortRefused),
        ({"port": 70000}, PortRefused),
        ({"sync_interval": "soon"}, SettingRefused),
        ({"sync_interval": '1s", "x": "'}, SettingRefused),
        ({"max_ack_pending": 40000}, SettingRefused),
        ({"user": "u"}, SettingRefused),
        ({"user": "u", "password": "a\tb"}, SettingRefused),
        ({"nats_bin": Path("/nowhere/nats-server")}, ProgramMissing),
    ],
)
def test_what_would_not_work_is_refused(tmp_path: Path, changes: dict[str, object], error: type[EmbeddedError]) -> None:
    with pytest.raises(error):
        asyncio.run(_open(tmp_path, **{"host": "127.0.0.1", "port": 0, **changes}))  # type: ignore[arg-type]


def test_sync_interval_and_limits_reach_the_server(tmp_path: Path) -> None:
    asyncio.run(_open(tmp_path, "127.0.0.1", 0, sync_interval="always", max_ack_pending=500))
    written = json.loads((tmp_path / "broker" / "nats.json").read_text())
    assert written["jetstream"]["sync_interval"] == "always"
    assert written["mqtt"]["max_ack_pending"] == 500


async def _open(home: Path, host: str, port: int, **settings: object) -> None:
    async with embedded_broker(home, host, port, _quiet, **settings):  # type: ignore[arg-type]
        pass
