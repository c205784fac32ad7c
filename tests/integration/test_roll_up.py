"""Two cities and their province on one machine, each a deployment of its own: `lifeline up`, database and broker."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from tests.integration.service import Service, free_port

START_MS = 1_760_000_000_000
HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode,district\n"
SENSORS = 20
SILENCE_S = 8
WAIT_S = 40.0


class Deployment(Service):
    """A running deployment, its key, and the city that it is."""

    def __init__(self, home: Path, city: str, **settings: str) -> None:
        super().__init__(home, LIFELINE_TICK_S="0.5", LIFELINE_STATUS_INTERVAL_S="1", **settings)
        self.city = city
        self.key = ""

    def open(self) -> None:
        self.start()
        self.key = self.run("keys", "create", "--role", "operator", "--label", f"{self.city}-desk").stdout.strip()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def register(self) -> None:
        path = self.home / "sensors.csv"
        rows = [
            f"{self.city}-{n},{self.city},drainage,water_depth,cm,,,,3600,operational,old-town\n"
            for n in range(SENSORS)
        ]
        path.write_text(HEADER + "".join(rows))
        self.run("sensors", "import", str(path))

    def publish(self, minute: int, value: float, sensors: range = range(SENSORS)) -> None:
        """Publish a reading of each of the sensors, as its devices do."""
        host, _, port = str(self.note["mqtt_url"]).removeprefix("mqtt://").partition(":")
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect(host, int(port))
        client.loop_start()
        payload = json.dumps({"time": START_MS + minute * 60_000, "value": value})
        for number in sensors:
            client.publish(f"lifeline/{self.city}/drainage/{self.city}-{number}", payload, 1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def lines(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Its journal, by alarm and sequence."""
        out = self.home / "journal.ndjson"
        self.run("journal", "--out", str(out))
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        return {(line["alarm"], line["sequence"]): line for line in lines}


@pytest.fixture
def deployments(tmp_path: Path) -> Iterator[tuple[Deployment, Deployment, Deployment]]:
    """(city, city, province), up."""
    port = free_port()
    province = Deployment(
        tmp_path / "province", "gansu", LIFELINE_ROLE="province", LIFELINE_MQTT_PORT=str(port),
        LIFELINE_CITY_SILENCE_S=str(SILENCE_S),
    )  # fmt: skip
    northbound = {"LIFELINE_NORTHBOUND_URL": f"mqtt://127.0.0.1:{port}", "LIFELINE_NORTHBOUND_PROTOCOL": "3.1.1"}
    cities = [Deployment(tmp_path / city, city, **northbound) for city in ("baiyin", "wuwei")]
    everybody = (*cities, province)
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        for one in everybody:
            stack.callback(_stop, one)
        list(threads.map(Deployment.open, everybody))
        list(threads.map(Deployment.register, cities))
        registry = province.home / "cities.csv"
        registry.write_text("city,name,name_zh\nbaiyin,Baiyin,白银\nwuwei,Wuwei,武威\n")
        province.run("cities", "import", str(registry))
        yield cities[0], cities[1], province


def _stop(deployment: Deployment) -> None:
    if deployment.process is not None and deployment.process.poll() is None:
        deployment.stop()


def until(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def test_a_province_over_two_cities(deployments: tuple[Deployment, Deployment, Deployment]) -> None:
    baiyin, wuwei, province = deployments

    def city(name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = province.ask("/province/status")["cities"]
        return next(one for one in found if one["city"] == name)

    def open_alarms(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = province.ask(f"/province/alarms?city={name}&class=process&limit=100")["alarms"]
        return found

    # Readings raise alarms in both, and the province shows them on its three levels.
    baiyin.publish(0, 16.5, range(2))
    wuwei.publish(0, 61.0, range(1))
    until(lambda: len(open_alarms("baiyin")) == 2 and len(open_alarms("wuwei")) == 1, "the alarms are rolled up")
    until(lambda: all(city(name)["sensors"] == SENSORS for name in ("baiyin", "wuwei")), "the statuses are rolled up")
    totals = province.ask("/province/status")["totals"]["operational"]
    assert (totals["cities"], totals["cities_silent"], totals["sensors"]) == (2, 0, 2 * SENSORS)
    assert totals["alarms"]["blue"]["unacknowledged"] == 2
    assert totals["alarms"]["red"]["unacknowledged"] == 1
    assert [county["district"] for county in city("wuwei")["districts"]] == ["old-town"]

    # The province acknowledges for itself.
    (red,) = open_alarms("wuwei")
    path = f"/province/alarms/wuwei/{red['alarm']}"
    province.ask(f"{path}/acknowledge", {"seen_sequence": red["sequence"], "idempotency_key": "one"})
    assert province.ask(path)["own_state"] == "acknowledged"
    assert province.ask(path)["state"] == "unacknowledged"
    assert wuwei.ask(f"/alarms/{red['alarm']}")["state"] == "unacknowledged"

    # A city is killed while it has much to tell; the province says that it is silent.
    baiyin.publish(1, 61.0)
    baiyin.kill()
    (notice,) = until(lambda: province.ask("/alarms?class=system&city=baiyin")["alarms"], "the silence is an alarm")
    assert (notice["rule"], notice["state"]) == ("city-silent", "unacknowledged")
    silent = city("baiyin")
    assert (silent["silent"], silent["freshness"]["fresh"]) == (True, 0)
    assert not city("wuwei")["silent"]
    assert len(open_alarms("baiyin")) >= 2

    # It comes back, and then the province is killed: nothing is lost, nothing is there twice.
    baiyin.start()
    wuwei.publish(1, 61.0)
    province.kill()
    province.start()
    until(lambda: all(len(open_alarms(name)) == SENSORS for name in ("baiyin", "wuwei")), "what they tell arrives")
    until(lambda: not city("baiyin")["silent"], "it is heard again")
    states = until(
        lambda: province.ask("/alarms?class=system&city=baiyin&state=returned_unacknowledged")["alarms"],
        "the alarm of its silence returns",
    )
    assert states[0]["alarm"] == notice["alarm"]
    for one in (baiyin, wuwei):
        expected = one.lines()
        found = {}
        for alarm in {alarm for alarm, _ in expected}:
            for line in province.ask(f"/province/alarms/{one.city}/{alarm}/journal"):
                assert (alarm, line["sequence"]) not in found
                found[alarm, line["sequence"]] = {name: line[name] for name in expected[alarm, line["sequence"]]}
        assert found == expected
        assert city(one.city)["lines_missing"] == 0
    for one in deployments:
        assert one.ask("/rejections")["rejections"] == []
