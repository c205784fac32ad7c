"""A reading that comes late through the running service: what it would have raised stands for acknowledgement."""

import json
import time
from pathlib import Path

import paho.mqtt.client as mqtt

from model.instant import format_instant
from tests.integration.service import Service, settled

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"


def test_a_late_gas_reading_is_journalled_as_retroactive(tmp_path: Path) -> None:
    service = Service(tmp_path / "home", LIFELINE_TICK_S="1")
    service.start()
    try:
        sensors = tmp_path / "sensors.csv"
        sensors.write_text(HEADER + "manhole,c,gas,combustible_gas,%{LEL},,,,60,test\n")
        service.run("sensors", "import", str(sensors))
        publisher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        publisher.connect("127.0.0.1", int(service.environment["LIFELINE_MQTT_PORT"]))
        publisher.loop_start()
        now = time.time_ns() // 1_000_000
        # In order of arrival; the last came late, between the two before it.
        for instant, value in ((now - 300_000, 2.0), (now - 60_000, 3.0), (now - 200_000, 55.0)):
            payload = json.dumps({"time": instant, "value": value})
            publisher.publish("lifeline/c/gas/manhole", payload, qos=1).wait_for_publish(10)
            time.sleep(1.5)  # a batch of its own
        publisher.loop_stop()
        lines = [line for line in settled(service) if line["rule"] == "combustible-gas"]
    finally:
        service.stop()
    assert [(line["time"], line["severity"], line["to"], line["retroactive"]) for line in lines] == [
        (format_instant(now - 200_000), "red", "unacknowledged", True),
        (format_instant(now - 60_000), None, "returned_unacknowledged", True),
    ]
    assert all(line["known_at"] >= format_instant(now) for line in lines)
