"""Replay and simulation aimed at a city in operation: refused before anything is registered or published.

An exercise that is asked for over the API is refused in tests/api/test_exercise_control.py.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import paho.mqtt.client as mqtt
import pytest

from app.cli import main
from model.sensor import City, Sensor
from store.pool import open_pool
from store.sensors import import_sensors

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"
ROW = "{},{},gas,combustible_gas,%{{LEL}},98.2,39.7,,60,test\n"
IN_OPERATION = [City(city=city, mode="operational") for city in ("real", "jinchang-sim", "jinchang-exercise")]
SENSOR = Sensor(
    sensor="head-1", city="real", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60
)  # fmt: skip
SIMULATE = ("--scenario", "gas-leak", "--seed", "1", "--duration", "60s", "--speed", "max", "--publish")


@contextmanager
def listening(url: str) -> Iterator[list[str]]:
    """The topics on which a reading is heard meanwhile."""
    heard: list[str] = []
    subscribed = threading.Event()
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _userdata, message: heard.append(message.topic)
    client.on_connect = lambda connected, *_: connected.subscribe("lifeline/+/gas/+", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(host, int(port))
    client.loop_start()
    try:
        assert subscribed.wait(30)
        yield heard
        # What the broker takes after all that was sent before comes after it.
        client.publish("lifeline/between/gas/between", b"no reading", qos=1).wait_for_publish(30)
        ended = threading.Event()
        while "lifeline/between/gas/between" not in heard:
            assert not ended.wait(0.02)
    finally:
        client.loop_stop()
        client.disconnect()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param([("head-1", "real")], "'real' is operational", id="its own sensors"),
        pytest.param([("new-1", "real")], "'real' is operational", id="a sensor that is new"),
        pytest.param([("new-1", "drill"), ("new-2", "real")], "'real' is operational", id="one city of two"),
        pytest.param([("head-1", "drill")], "belongs to city 'real'", id="its sensor under another city"),
    ],
)
def test_case_49_a_replay_is_refused(
    rows: list[tuple[str, str]], words: str, in_operation: str, broker_url: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    sensors, recording = tmp_path / "sensors.csv", tmp_path / "recording.csv"
    sensors.write_text(HEADER + "".join(ROW.format(*row) for row in rows))
    recording.write_text(
        "time,sensor,value\n" + "".join(f"2026-11-22T08:00:00.000Z,{sensor},60\n" for sensor, _ in rows)
    )
    with listening(broker_url) as heard:
        assert main(["replay", str(recording), "--sensors", str(sensors), "--speed", "max"]) == 1
    assert words in capsys.readouterr().err
    assert heard == ["lifeline/between/gas/between"]
    assert asyncio.run(_registered(in_operation)) == ["head-1"]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(("jinchang",), id="a simulation"),
        pytest.param(("jinchang", "--exercise"), id="an exercise"),
    ],
)
def test_case_49_a_simulation_is_refused(
    asked: tuple[str, ...], in_operation: str, broker_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(broker_url) as heard:
        assert main(["simulate", *asked, *SIMULATE]) == 1
    assert "operational; replay, simulation and demo are refused there" in capsys.readouterr().err
    assert heard == ["lifeline/between/gas/between"]
    assert asyncio.run(_registered(in_operation)) == ["head-1"]


@pytest.fixture
def in_operation(
    database_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:  # fmt: skip
    """A database with cities in operation, which the commands find by the environment, as they do the broker."""

    async def register() -> None:
        pool = await open_pool(database_url, connections_max=1)
        try:
            await import_sensors(pool, [SENSOR], IN_OPERATION)
        finally:
            await pool.close()

    asyncio.run(register())
    settings = {
        "HOME": str(tmp_path / "home"), "DATABASE_URL": database_url, "MQTT_URL": broker_url, "MQTT_PROTOCOL": "3.1.1",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"LIFELINE_{name}", value)
    return database_url


async def _registered(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["sensor"] for row in await connection.fetch("select sensor from sensor order by sensor")]
    finally:
        await connection.close()
