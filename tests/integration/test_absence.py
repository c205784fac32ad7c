"""Our own absence is no silence of the sensors: killed and started again, no sensor is called silent."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import paho.mqtt.client as mqtt

from model.instant import to_datetime
from tests.integration.service import Service, settled

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"


def test_a_restart_of_ours_calls_no_sensor_silent_and_a_silent_sensor_is_called_so(tmp_path: Path) -> None:
    service = Service(tmp_path / "home", LIFELINE_TICK_S="1")
    service.start()
    sensors = tmp_path / "sensors.csv"
    names = ("one", "two", "falls-silent")
    sensors.write_text(HEADER + "".join(f"{name},c,gas,combustible_gas,%{{LEL}},,,,1,test\n" for name in names))
    service.run("sensors", "import", str(sensors))
    publisher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    publisher.reconnect_delay_set(0.2, 0.5)
    publisher.connect("127.0.0.1", int(service.environment["LIFELINE_MQTT_PORT"]))
    publisher.loop_start()
    ended = threading.Event()
    silent = threading.Event()

    def publish() -> None:
        while not ended.wait(0.4):
            for name in names[: 2 if silent.is_set() else 3]:
                payload = json.dumps({"time": time.time_ns() // 1_000_000, "value": 1.0})
                publisher.publish(f"lifeline/c/gas/{name}", payload, qos=1)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        until_stored(service, names, since_ms())
        service.kill()
        time.sleep(4)  # longer than any of them may be silent
        service.start()
        until_stored(service, names, since_ms())  # its session is taken up after some seconds, then what waited comes
        until_stored(service, names, since_ms())
        silent.set()
        deadline = time.monotonic() + 60
        while not (lines := settled(service)) and time.monotonic() < deadline:
            pass
    finally:
        ended.set()
        publishing.join()
        publisher.loop_stop()
        service.stop()
    assert [(line["sensor"], line["to"]) for line in lines] == [("falls-silent", "unacknowledged")]


def since_ms() -> int:
    """Some readings from now, epoch milliseconds."""
    return time.time_ns() // 1_000_000 + 2_000


def until_stored(service: Service, names: Sequence[str], since: int) -> None:
    """Wait until a reading from that time on is stored of each."""

    async def ask() -> int:
        connection = await asyncpg.connect(service.note["database_url"])
        try:
            query = "select count(distinct sensor_key) from reading where time >= $1"
            found: int = await connection.fetchval(query, to_datetime(since))
        finally:
            await connection.close()
        return found

    deadline = time.monotonic() + 60
    while asyncio.run(ask()) < len(names):
        assert time.monotonic() < deadline, "not all are heard"
        time.sleep(0.2)
