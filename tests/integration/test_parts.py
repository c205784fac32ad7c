"""The three parts as three processes, on a database and a broker of their own, as several machines would run them."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from tests.integration.service import Service, running

START_MS = 1_760_000_000_000
HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"
STRICTER = """\
pack: drainage
description: {en: stricter, zh: 更严}
rules:
  - rule: road-water-depth
    name: {en: Road water depth, zh: 道路积水深度}
    select: {system: drainage, property: water_depth}
    condition: {kind: threshold, unit: cm, limits: {blue: 5, red: 10}}
    priority: {blue: low, red: highest}
    basis: [{mark: P, source: test}]
    guidance:
      cause: {en: a, zh: 一}
      consequence: {en: a, zh: 一}
      response: {en: a, zh: 一}
      time_to_respond_s: 60
"""


class Parts:
    """The running parts, a publisher and a key."""

    def __init__(self, ingest: Service, evaluate: Service, serve: Service, broker_url: str, folder: Path) -> None:
        self.ingest, self.evaluate, self.serve = ingest, evaluate, serve
        self.folder = folder
        self.key = serve.run("keys", "create", "--role", "operator", "--label", "ann").stdout.strip()
        self.publisher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        host, _, port = broker_url.removeprefix("mqtt://").partition(":")
        self.publisher.connect(host, int(port))
        self.publisher.loop_start()

    def register(self, city: str, *sensors: str) -> None:
        path = self.folder / f"{city}.csv"
        rows = [f"{sensor},{city},drainage,water_depth,cm,,,,60,test\n" for sensor in sensors]
        path.write_text(HEADER + "".join(rows))
        self.serve.run("sensors", "import", str(path))

    def publish(self, city: str, sensor: str, minute: int, value: object) -> None:
        payload = json.dumps({"time": START_MS + minute * 60_000, "value": value})
        self.publisher.publish(f"lifeline/{city}/drainage/{sensor}", payload, qos=1).wait_for_publish(10)

    def get(self, path: str, **headers: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.serve.port}/api/v1{path}",
            headers={"Authorization": f"Bearer {self.key}", **headers},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any], idempotency_key: str) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.serve.port}/api/v1{path}",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                "Idempotency-Key": idempotency_key,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def alarms(self, city: str, wanted: int, wait_s: float = 20.0) -> list[dict[str, Any]]:
        """The city's process alarms that are not normal, once there are as many as wanted."""
        deadline = time.monotonic() + wait_s
        while True:
            found: list[dict[str, Any]] = self.get(f"/alarms?city={city}&class=process")["alarms"]
            if len(found) == wanted or time.monotonic() > deadline:
                return found
            time.sleep(0.1)


@pytest.fixture
def parts(tmp_path: Path, database_url: str, broker_url: str) -> Iterator[Parts]:
    settings = {
        "LIFELINE_DATABASE_URL": database_url,
        "LIFELINE_MQTT_URL": broker_url,
        "LIFELINE_MQTT_PROTOCOL": "3.1.1",
        "LIFELINE_MQTT_CLIENT_ID": f"parts-{tmp_path.name}",
        "LIFELINE_TICK_S": "0.5",
    }
    with ExitStack() as stack:
        services = [
            stack.enter_context(running(tmp_path / part, (part,), **settings))
            for part in ("ingest", "evaluate", "serve")
        ]
        found = Parts(*services, broker_url, tmp_path)
        stack.callback(found.publisher.loop_stop)
        yield found


def test_a_reading_becomes_an_alarm_that_is_acknowledged_and_returns(parts: Parts) -> None:
    parts.register("one", "one-a")
    parts.publish("one", "one-a", 0, 16.5)
    (alarm,) = parts.alarms("one", 1)
    assert (alarm["severity"], alarm["state"], alarm["condition"]) == ("blue", "unacknowledged", "active")
    parts.publish("one", "one-a", 1, 61)
    deadline = time.monotonic() + 20
    while parts.get(f"/alarms/{alarm['alarm']}")["severity"] != "red" and time.monotonic() < deadline:
        time.sleep(0.1)
    path = f"/alarms/{alarm['alarm']}/acknowledge"
    status, problem = parts.post(path, {"seen_sequence": 1}, "first")
    assert (status, problem["alarm"]["severity"]) == (409, "red"), "an escalation that came later is not acknowledged"
    status, line = parts.post(path, {"seen_sequence": 2, "comment": "pump on its way"}, "second")
    assert (status, line["to"], line["actor"]) == (200, "acknowledged", "ann")
    assert parts.post(path, {"seen_sequence": 2, "comment": "pump on its way"}, "second") == (200, line)
    for minute in range(2, 24):
        parts.publish("one", "one-a", minute, 1)
    assert parts.alarms("one", 0) == []
    journal = parts.get(f"/alarms/{alarm['alarm']}/journal")
    lines = journal["lines"] if isinstance(journal, dict) else journal
    assert [(line["from"], line["to"], line["severity"]) for line in lines] == [
        ("normal", "unacknowledged", "blue"),
        ("unacknowledged", "unacknowledged", "red"),
        ("unacknowledged", "acknowledged", "red"),
        ("acknowledged", "normal", None),
    ]


def test_rules_activated_while_running_judge_from_the_next_reading_and_survive_a_kill(parts: Parts) -> None:
    parts.register("two", "two-a", "two-b")
    parts.publish("two", "two-a", 0, 16)
    (before,) = parts.alarms("two", 1)
    rules = parts.folder / "stricter.yaml"
    rules.write_text(STRICTER.replace("blue: 5", "blau: 5"))
    assert "stricter.yaml:7" in parts.serve.run("rules", "activate", str(rules), expected=1).stderr
    rules.write_text(STRICTER)
    shown = parts.serve.run("rules", "activate", str(rules)).stdout
    assert shown.index("annunciated per hour") < shown.index("in force"), "what it would have changed comes first"
    parts.evaluate.kill()
    parts.evaluate.start()
    parts.publish("two", "two-a", 1, 16)
    parts.publish("two", "two-b", 1, 6)
    found = {alarm["sensor"]: alarm for alarm in parts.alarms("two", 2)}
    deadline = time.monotonic() + 20
    while found["two-a"]["severity"] != "red" and time.monotonic() < deadline:
        found = {alarm["sensor"]: alarm for alarm in parts.alarms("two", 2)}
    assert (found["two-a"]["alarm"], found["two-a"]["severity"]) == (before["alarm"], "red")
    assert found["two-b"]["severity"] == "blue"
    assert found["two-a"]["rule_version"] != before["rule_version"]


def test_a_sensor_registered_while_running_is_known_at_its_first_reading(parts: Parts) -> None:
    for number in range(5):
        parts.register("three", *(f"three-{n}" for n in range(number + 1)))
        parts.publish("three", f"three-{number}", 0, 20)
    assert len(parts.alarms("three", 5)) == 5


def test_a_second_evaluator_waits_and_takes_over(parts: Parts, tmp_path: Path) -> None:
    parts.register("four", "four-a", "four-b")
    second = Service(tmp_path / "second", ("evaluate",), **parts.evaluate.environment)
    second.start()
    try:
        parts.publish("four", "four-a", 0, 20)
        assert len(parts.alarms("four", 1)) == 1
        parts.evaluate.kill()
        parts.publish("four", "four-b", 0, 20)
        assert len(parts.alarms("four", 2)) == 2
    finally:
        second.stop()


def test_unusable_messages_are_kept_with_their_reason_and_hold_nobody_up(parts: Parts) -> None:
    parts.register("five", "five-a")
    for value in (float("nan"), "1.5", True, None):
        parts.publish("five", "five-a", 0, value)
    parts.publish("five", "nobody", 0, 1)
    parts.publish("five", "five-a", 1, 16)
    assert len(parts.alarms("five", 1)) == 1
    supervisor = parts.serve.run("keys", "create", "--role", "supervisor").stdout.strip()
    found = parts.get("/rejections?limit=10", Authorization=f"Bearer {supervisor}")["rejections"]
    assert sorted(rejection["reason"] for rejection in found) == [
        "unknown_sensor",
        "value_not_a_number",
        "value_not_a_number",
        "value_not_a_number",
        "value_not_finite",
    ]


def test_a_quarantined_reading_is_replayed_once_its_sensor_is_registered(parts: Parts) -> None:
    parts.publish("six", "six-a", 0, 20)
    deadline = time.monotonic() + 20
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        found = [json.loads(row) for row in parts.serve.run("quarantine", "list", "--json").stdout.splitlines()]
        time.sleep(0.2)
    (rejection,) = found
    assert rejection["reason"] == "unknown_sensor"
    parts.register("six", "six-a")
    said = parts.serve.run("quarantine", "replay", str(rejection["rejection"])).stdout
    assert "1 stored" in said
    (alarm,) = parts.alarms("six", 1)
    assert alarm["value"] == 20.0
