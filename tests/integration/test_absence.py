"""Our own absence is no silence of the sensors: killed and started again, no sensor is called silent."""

import json
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt

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
        time.sleep(5)
        service.kill()
        time.sleep(2)
        service.start()
        time.sleep(12)  # its session is taken up after five seconds, then what waited comes
        silent.set()
        time.sleep(6)
        lines = settled(service)
    finally:
        ended.set()
        publishing.join()
        publisher.loop_stop()
        service.stop()
    assert [(line["sensor"], line["to"]) for line in lines] == [("falls-silent", "unacknowledged")]
