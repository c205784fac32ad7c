"""Two thousand alarms within a minute: all journalled, every message counted, nobody kept waiting, red never folded."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import paho.mqtt.client as mqtt
import yaml

from tests.faults.seeds import lasting
from tests.integration.notifying import KEY, Receiver, receiving
from tests.integration.service import Service, running

SENSORS = 2_000
REDS = 100
RULE = "road-water-depth"  # of the default packs


def _register(service: Service, folder: Path) -> str:
    """Register sensors on roads some 200 m apart; return a supervisor's key."""
    rows = ["sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode,district\n"]
    for number in range(SENSORS):
        longitude, latitude = 98.2 + number % 50 * 0.0025, 39.7 + number // 50 * 0.002
        rows.append(f"r-{number},flood,drainage,water_depth,cm,{longitude:.4f},{latitude:.4f},,60,operational,d\n")
    (folder / "sensors.csv").write_text("".join(rows))
    service.run("sensors", "import", str(folder / "sensors.csv"))
    return service.run("keys", "create", "--role", "supervisor", "--label", "chief").stdout.strip()


def _notify(service: Service, folder: Path, receiver: Receiver) -> None:
    file = {
        "channels": [
            {"channel": "desk", "via": "webhook", "url": f"http://127.0.0.1:{receiver.port}/in", "key": KEY},
        ],
        "routes": [{"route": "all", "channels": ["desk"], "kinds": ["raised", "risen"]}],
    }
    (folder / "notifications.yaml").write_text(yaml.safe_dump(file))
    service.run("notifications", "import", str(folder / "notifications.yaml"))


def _publish(broker_url: str) -> None:
    """One reading of each sensor, spread over ten seconds or a minute: red at every twentieth, yellow elsewhere."""
    pause_s = lasting(0.25, 1.5)
    host, _, port = broker_url.removeprefix("mqtt://").partition(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="storm")
    client.connect(host, int(port))
    client.loop_start()
    try:
        for number in range(SENSORS):
            depth = 70.0 if number % (SENSORS // REDS) == 7 else 30.0
            payload = json.dumps({"time": time.time_ns() // 1_000_000, "value": depth})
            sent = client.publish(f"lifeline/flood/drainage/r-{number}", payload, qos=1)
            if number % 50 == 49:
                sent.wait_for_publish(20)
                time.sleep(pause_s)
    finally:
        client.loop_stop()
        client.disconnect()


async def _watch(client: httpx.AsyncClient, done: asyncio.Event) -> tuple[Counter[int], float]:
    """Ask what a console asks, all the while; return the answers by status, and the longest time to one (s)."""
    found: Counter[int] = Counter()
    longest_s = 0.0
    while not done.is_set():
        for path in ("/alarms?limit=500", "/status", "/incidents", "/suppressions"):
            began = time.monotonic()
            found[(await client.get(f"/api/v1{path}")).status_code] += 1
            longest_s = max(longest_s, time.monotonic() - began)
        await asyncio.sleep(0.2)
    return found, longest_s


async def _until(url: str, query: str, wanted: int, s_max: float) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(s_max):
            while await connection.fetchval(query) < wanted:  # noqa: ASYNC110 - another process has the news
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


ANNUNCIATED = (
    f"select count(*) from journal where alarm like '{RULE}.%' and line::jsonb ->> 'to' = 'unacknowledged'"
    " and line::jsonb ->> 'from' = 'normal'"
)
UNSENT = "select 1 - least(1, count(*)) from notification where state not in ('sent', 'folded')"


def test_case_34_two_thousand_alarms_in_a_minute(tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        key = _register(service, tmp_path)
        note: dict[str, Any] = service.note
        async with (
            receiving() as receiver,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{service.port}", headers={"Authorization": f"Bearer {key}"}, timeout=30
            ) as client,
        ):
            await asyncio.to_thread(_notify, service, tmp_path, receiver)
            done = asyncio.Event()
            watching = asyncio.create_task(_watch(client, done))
            began = time.monotonic()
            await asyncio.to_thread(_publish, note["mqtt_url"])
            published_s = time.monotonic() - began
            await _until(note["database_url"], ANNUNCIATED, SENSORS, 60)
            annunciated_s = time.monotonic() - began
            await _until(note["database_url"], UNSENT, 1, 120)
            told_s = time.monotonic() - began
            done.set()
            answers, longest_s = await watching
            print(
                f"{SENSORS} alarms published in {published_s:.1f} s, journalled after {annunciated_s:.1f} s, told after"
                f" {told_s:.1f} s; the slowest of {sum(answers.values())} answers took {longest_s:.2f} s"
            )
            assert set(answers) == {200}, answers

            connection = await asyncpg.connect(note["database_url"])
            try:
                assert await connection.fetchval(ANNUNCIATED) == SENSORS
                told = await connection.fetch(
                    f"select state, severity, count(*), count(distinct alarm) as alarms from notification"
                    f" where alarm like '{RULE}.%' group by 1, 2"
                )
                sent = await connection.fetchval("select count(*) from notification where state = 'sent'")
                grouped = await connection.fetchval(
                    f"select count(*) from incident_member where member like '{RULE}.%'"
                )
                floods = await connection.fetchval("select count(*) from flood where first_out is not null")
            finally:
                await connection.close()
            counted = {(row["state"], row["severity"]): row["count"] for row in told}
            assert sum(row["alarms"] for row in told) == sum(counted.values()) == SENSORS, counted
            assert counted[("sent", 4)] == REDS
            assert ("folded", 4) not in counted
            assert grouped == SENSORS
            assert floods == 1
            assert len(set(receiver.keys)) == sent
            red = await client.get("/api/v1/alarms?severity=red&limit=500")
            assert len(red.json()["alarms"]) == REDS
            assert all(not item["folded"] for item in red.json()["alarms"])

    with running(tmp_path / "home", LIFELINE_WEBHOOK_NETWORKS_ALLOWED="127.0.0.1/32") as service:
        asyncio.run(scenario(service))
