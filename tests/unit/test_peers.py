"""The bench of the peers: what is computed from runs, and what the peers are told; the runs themselves are no test."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.ingest import Place
from benchmarks.measure import Bench
from benchmarks.peers.__main__ import NOTE, main, table
from benchmarks.peers.bench import Measured, cases_of
from benchmarks.peers.run import Loss, established
from benchmarks.peers.tables import last_reading
from benchmarks.peers.tools import FILTER, flow, route
from benchmarks.preload import Load

NATS = Place("mqtt://127.0.0.1:1883", "3.1.1", "postgresql://me@/lifeline?host=/run/x&port=5432", None)
MOSQUITTO = Place("mqtt://127.0.0.1:1883", "5", "postgresql://me@/lifeline?host=/run/x&port=5432", None)
PROC_NET_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 10 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:075B 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0 20 4 0 10 -1
   2: 0100007F:075B 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 0 10 -1
   3: 0100007F:C351 0100007F:075B 06 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4 0 10 -1
   4: 0100007F:C352 0100007F:075B 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0 20 4 0 10 -1
"""


def test_a_client_of_the_broker_is_one_whose_far_end_is_its_port_and_that_is_established() -> None:
    assert established(PROC_NET_TCP, 1883) == {11, 14}
    assert established(PROC_NET_TCP, 1884) == set()


@pytest.mark.parametrize(
    ("messages", "sensor", "second"),
    [(1, "bench-0000", 0), (1_000, "bench-0999", 0), (1_001, "bench-0000", 1), (3_000, "bench-0999", 2)],
)
def test_the_last_reading_of_a_load(messages: int, sensor: str, second: int) -> None:
    assert last_reading(Load(messages, 1, 60_000)) == (sensor, datetime(1970, 1, 1, 0, 1, second, tzinfo=UTC))


def test_cases_of_a_broker() -> None:
    measured = Measured(
        "mosquitto",
        limits=[200.0, 400.0, 300.0],
        rates={"lifeline": [90.0, 100.0, 110.0], "other": [45.0, 25.0, 22.0]},
        backlog={"lifeline": Loss(1_000, (300, 600), 1_000, 0), "other": Loss(1_000, (200, 300), 640, 2)},
    )
    found = {one.name: one for one in cases_of(measured)}
    ours = found["lifeline_mosquitto"]
    assert (ours.value, ours.unit, ours.limit, ours.ratio, ours.spread) == (100, "readings/s", 300, 0.333, 0.2)
    assert found["lifeline_over_other_mosquitto"].value == 4  # of 2, 4 and 5: turn by turn, then the median
    assert found["lifeline_lost_two_kills_backlog_mosquitto"].value == 0
    theirs = found["other_lost_two_kills_backlog_mosquitto"]
    assert (theirs.value, theirs.limit, theirs.ratio) == (360, 1_000, 0.36)
    assert found["other_doubles_two_kills_backlog_mosquitto"].value == 2


def test_people_are_told_that_nobody_cut_the_power() -> None:
    assert "not of power cuts" in NOTE
    assert table(Bench("peers", "a machine", [])).startswith("a machine\n")


@pytest.mark.parametrize("place", [NATS, MOSQUITTO])
def test_node_red_keeps_its_session_and_its_nodes_are_wired(place: Place) -> None:
    nodes = {node["id"]: node for node in flow(place, "me")}
    broker = next(node for node in nodes.values() if node["type"] == "mqtt-broker")
    assert (broker["clientid"], broker["cleansession"]) == ("me", False)
    assert broker["protocolVersion"] == {"3.1.1": "4", "5": "5"}[place.protocol]
    mqtt_in = next(node for node in nodes.values() if node["type"] == "mqtt in")
    assert (mqtt_in["topic"], mqtt_in["qos"], nodes[mqtt_in["broker"]]) == (FILTER, "1", broker)
    assert [nodes[wired]["type"] for wired in itertools.chain(*mqtt_in["wires"])] == ["function"]


@pytest.mark.parametrize("place", [NATS, MOSQUITTO])
@pytest.mark.parametrize("tuned", [True, False])
def test_mq_bridge_keeps_its_session_and_acknowledges_after_the_write(place: Place, tuned: bool) -> None:
    told: dict[str, Any] = route(place, "me", tuned=tuned)["routes"]["ingest"]
    mqtt, sql = told["input"]["mqtt"], told["output"]["sqlx"]
    assert (mqtt["client_id"], mqtt["clean_session"], mqtt["delayed_ack"], mqtt["qos"]) == ("me", False, False, 1)
    assert mqtt["protocol"] == {"3.1.1": "v3", "5": "v5"}[place.protocol]
    assert sql["url"] == "postgres://me@localhost/lifeline?host=/run/x&port=5432"
    # Bare values are what lets mq-bridge send a batch as one statement; the view does the rest.
    assert ("::" in sql["insert_query"]) is not tuned


@pytest.mark.parametrize("messages", ["0", "9000", "10500", "many"])
def test_too_few_messages_and_no_round_of_all_sensors_are_refused(messages: str) -> None:
    with pytest.raises(SystemExit):
        main(["--messages", messages])
