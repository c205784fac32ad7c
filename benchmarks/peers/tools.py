"""The tools that are measured: how each is started on a broker, a database and a session that waits for it.

Every one subscribes at QoS 1 to a persistent session and writes `on conflict do nothing`, or Lifeline's own way.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.embedded.process import plain_environment
from benchmarks.ingest import Place
from benchmarks.peers.install import Peers
from benchmarks.peers.tables import LIFELINE, PEER, Table
from benchmarks.preload import CITY
from ingest.settings import SUBSCRIPTIONS

FILTER = f"lifeline/{CITY}/gas/+"
SESSION_EXPIRY_S = 86_400
MQ_BRIDGE_BATCH = 4_000  # rows; its documentation recommends 1,000 to 8,000 for an insert
MQ_BRIDGE_IN_HAND = 10_000  # messages, as many as the embedded broker sends unacknowledged
MQ_BRIDGE_WORKERS = 2
MQ_BRIDGE_START_MS = 30_000
_MQ_BRIDGE_MAIN = """
import json, logging, sys
import mq_bridge
logging.basicConfig(level=logging.WARNING)
mq_bridge.init_logging("warn")
mq_bridge.Route.from_config(json.load(open(sys.argv[1])), "ingest").run()
"""


@dataclass(frozen=True, slots=True)
class Command:
    """What starts a tool: its arguments, the first one a path, and its environment."""

    arguments: list[str]
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: where it writes, how it is started (`command(place, client_id, home)`), what its session subscribes to.

    `is_killed` tells whether its losses are measured too, which takes two kills.
    """

    name: str
    table: Table
    command: Callable[[Place, str, Path], Command] = field(repr=False)
    filters: tuple[str, ...] = (FILTER,)
    is_killed: bool = True


def tools(peers: Peers) -> list[Tool]:
    """Return Lifeline and the peers: mq-bridge as fast as it can be set, and with the insert that it documents."""
    return [
        Tool("lifeline", LIFELINE, _lifeline, SUBSCRIPTIONS),
        Tool("node_red", PEER, partial(_node_red, peers)),
        Tool("mq_bridge", PEER, partial(_mq_bridge, peers, True)),
        Tool("mq_bridge_documented", PEER, partial(_mq_bridge, peers, False), is_killed=False),
    ]


def _lifeline(place: Place, client_id: str, home: Path) -> Command:
    environment = plain_environment(
        LIFELINE_HOME=str(home),
        LIFELINE_DATABASE_URL=place.database_url,
        LIFELINE_MQTT_URL=place.url,
        LIFELINE_MQTT_PROTOCOL=place.protocol,
        LIFELINE_MQTT_CLIENT_ID=client_id,
    )
    return Command([str(Path(sys.executable).with_name("lifeline")), "ingest"], environment)


def _node_red(peers: Peers, place: Place, client_id: str, home: Path) -> Command:
    (home / "settings.js").write_text(_node_red_settings(peers.node_modules))
    (home / "flows.json").write_text(json.dumps(flow(place, client_id)))
    red = peers.node_modules / "node-red" / "red.js"
    return Command(
        [str(peers.node), str(red), "--settings", str(home / "settings.js"), "--userDir", str(home)],
        plain_environment(HOME=str(home), PEER_DATABASE=place.database_url.partition("&")[0]),
    )


def _node_red_settings(node_modules: Path) -> str:
    settings = {
        "flowFile": "flows.json",
        "disableEditor": True,
        "httpAdminRoot": False,
        "httpNodeRoot": False,
        "uiHost": "127.0.0.1",
        "uiPort": 0,
        "externalModules": {"autoInstall": False},
        "telemetry": {"enabled": False, "updateNotification": False},
        "logging": {"console": {"level": "warn", "metrics": False, "audit": False}},
    }
    driver = json.dumps(str(node_modules / "pg"))
    return f"module.exports = {{...{json.dumps(settings)}, functionGlobalContext: {{pg: require({driver})}}}};\n"


def flow(place: Place, client_id: str) -> list[dict[str, Any]]:
    """Return Node-RED's flow: MQTT-in, then a function that gathers and inserts."""
    address = urlsplit(place.url)
    five = place.protocol == "5"
    broker = {
        "id": "b1",
        "type": "mqtt-broker",
        "broker": address.hostname,
        "port": str(address.port),
        "clientid": client_id,
        "autoConnect": True,
        "autoUnsubscribe": False,
        "usetls": False,
        "protocolVersion": "5" if five else "4",
        "keepalive": "60",
        "cleansession": False,
        "sessionExpiry": str(SESSION_EXPIRY_S) if five else "",
    }
    mqtt_in = {
        "id": "n1",
        "type": "mqtt in",
        "z": "f1",
        "topic": FILTER,
        "qos": "1",
        "datatype": "utf8",
        "broker": "b1",
        "nl": False,
        "rap": True,
        "rh": 0,
        "inputs": 0,
        "wires": [["n2"]],
    }
    store = {
        "id": "n2",
        "type": "function",
        "z": "f1",
        "name": "",
        "func": 'context.get("take")(msg.topic, msg.payload);',
        "initialize": Path(__file__).with_name("store.js").read_text("utf-8"),
        "finalize": 'context.get("end")();',
        "outputs": 0,
        "timeout": 0,
        "noerr": 0,
        "libs": [],
        "wires": [],
    }
    return [{"id": "f1", "type": "tab", "label": ""}, broker, mqtt_in, store]


def _mq_bridge(peers: Peers, tuned: bool, place: Place, client_id: str, home: Path) -> Command:
    (home / "route.json").write_text(json.dumps(route(place, client_id, tuned=tuned)))
    return Command(
        [sys.executable, "-c", _MQ_BRIDGE_MAIN, str(home / "route.json")],
        # The topic, which alone names the sensor, is handed on only where this asks for it.
        plain_environment(PYTHONPATH=str(peers.mq_bridge), MQB_SOURCE_METADATA="1"),
    )


def route(place: Place, client_id: str, *, tuned: bool) -> dict[str, Any]:
    """Return mq-bridge's route: acknowledged after the write (its default), written again without harm.

    The documented insert has expressions among its values, which mq-bridge sends row by row, a transaction a batch;
    `tuned`, plain values go into a view in one statement, in larger batches and by two workers.
    """
    address = urlsplit(place.url)
    mqtt: dict[str, Any] = {
        "url": f"tcp://{address.hostname}:{address.port}",
        "protocol": "v5" if place.protocol == "5" else "v3",
        "topic": FILTER,
        "client_id": client_id,
        "qos": 1,
        "clean_session": False,
        "delayed_ack": False,
        # By default 100; then it fails to start where NATS sends more than that before it confirms the subscription.
        "queue_capacity": MQ_BRIDGE_IN_HAND,
        "max_inflight": MQ_BRIDGE_IN_HAND,
    }
    if place.protocol == "5":
        mqtt["session_expiry_interval"] = SESSION_EXPIRY_S
    database = urlsplit(place.database_url)
    url = f"postgres://{database.username}@localhost{database.path}?{database.query}"
    topic, time, value = "${metadata:mqb.src.mqtt_topic}", "${payload:time}", "${payload:value}"
    if tuned:
        table = "peer_arrival"
        insert = f"INSERT INTO peer_arrival (topic, time, value) VALUES ({topic}, {time}, {value})"
        sizes = {"batch_size": MQ_BRIDGE_BATCH, "concurrency": MQ_BRIDGE_WORKERS}
    else:
        table = "peer_reading"
        insert = (
            "INSERT INTO peer_reading (sensor, time, value)"
            f" VALUES (split_part({topic}, '/', 4), {time}::timestamptz, {value}) ON CONFLICT (sensor, time) DO NOTHING"
        )
        sizes = {}
    sql = {"url": url, "table": table, "insert_query": insert}
    sizes["startup_timeout_ms"] = MQ_BRIDGE_START_MS
    return {"routes": {"ingest": {"input": {"mqtt": mqtt}, "output": {"sqlx": sql}, **sizes}}}
