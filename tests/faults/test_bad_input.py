"""Bad input of every sort between good messages: the good are stored and judged as if the bad had never come."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import secrets
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg
import pytest

from app.embedded.mosquitto import MosquittoBroker
from ingest.decode import decode_message
from ingest.message import Message as Received
from ingest.reasons import Reason
from ingest.settings import IngestLimits, broker_address
from model.reading import Quality
from model.sensor import Sensor
from store.pool import open_pool
from store.sensors import import_sensors
from tests.decode.test_hostile import DECODE_S_MAX, HOSTILE, SLACK
from tests.faults.device import Device
from tests.faults.outcome import Outcome, assert_same_alarms, settled, until
from tests.faults.seeds import COUNT, FIRST, chance
from tests.faults.service import WholeService, serving
from tests.faults.stream import LAST_MS, SENSORS, START_MS, Message, broken, readings, sequence_of, stream
from tests.faults.town import living, sensor
from tests.integration.test_parts import STRICTER

REPEATED_SHARE = 0.3
WITHIN = 100  # messages among which different sensors are shuffled: ten minutes
AFTER_MAX = 30  # messages after which a repeated one comes at the latest
EVERY = 40  # messages: a bad value among good ones, a wrong time, a contradiction

BAD_VALUES = {
    "NaN": "value_not_finite",
    "Infinity": "value_not_finite",
    "-Infinity": "value_not_finite",
    "1e400": "value_not_finite",
    '"1.5"': "value_not_a_number",
    "true": "value_not_a_number",
    "null": "value_not_a_number",
}
WRONG_TIMES = {
    "the beginning of 1970": (lambda _: 0, "time_before_2000"),
    "the end of 9999": (lambda _: 253_402_300_799_000, "time_after_2100"),
    "seconds": (lambda when: when // 1_000, "time_before_2000"),
    "microseconds": (lambda when: when * 1_000, "time_after_2100"),
    "tomorrow": (lambda _: (time.time_ns() // 1_000_000) + 86_400_000, "time_ahead"),
}
STRANGE_IDS = ("gas-0\u200f", "\u202egas-0", "ga\u0301s-0", "<script>", "=cmd|calc!A0", "$SYS", "g" * 1_000)
PRESSURE = "pressure-0"
# In turn, each with its unit: 0.3 MPa said in four ways. Then the unit is forgotten, and in the end another is named.
PRESSURES: list[tuple[float, str | None]] = [
    *[(0.3, "MPa"), (300, "kPa"), (300_000, "Pa"), (3, "bar")] * 5, (300, None), (300, None), (0.3, None), (300, "mm"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spoiled:
    """What became of the stream with the bad input in it."""

    sent: list[Message]
    found: Outcome  # of the stream's own sensors
    reasons: dict[bytes, set[str]]  # of what was quarantined, by payload
    topics: set[str]  # of what was quarantined
    conflicts: list[tuple[str, int, float]]  # sensor, time, value
    span: tuple[int, int]  # oldest and newest time by the log of batches
    log_clock: int
    chunks: int
    sensors: set[str]
    pressures: list[tuple[float, Quality]]
    pressure_lines: list[dict[str, Any]]
    refused: str  # what was said of the rule file


@pytest.fixture(scope="module", params=range(FIRST, FIRST + COUNT))
def spoiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Spoiled:
    """The stream through the whole service with everything between its messages that must not matter."""
    instants = chance(request.param)
    folder = tmp_path_factory.mktemp("spoiled")

    async def scenario() -> Spoiled:
        async with serving(folder / "home") as service:
            await _register_pressure(service)
            device = Device(service.mqtt_url, service.city, sent := _spoil(stream(), instants))
            device.give_leave()
            refused, *_ = await asyncio.gather(
                asyncio.to_thread(_activate_a_bad_file, service, folder), device.publish(), _publish_apart(service)
            )
            good = len(readings(stream())) + len(PRESSURES) - 1
            outcome = await settled(service.database_url, good)
            apart = len(HOSTILE) + len(STRANGE_IDS) + 1
            await until(service.database_url, lambda c: _holds_all(c, sent, apart), "all that is bad is quarantined")
            return await _read(service, sent, outcome, refused)

    return asyncio.run(scenario())


def _spoil(messages: Sequence[Message], instants: random.Random) -> list[Message]:
    """Shuffle between sensors, and put in what must not matter: repeated, contradicting, mistimed and unusable."""
    placed: list[tuple[float, Message]] = []
    values, times = itertools.cycle(BAD_VALUES), itertools.cycle(WRONG_TIMES)
    for place, original in enumerate(_shuffled(messages, instants)):
        message = original
        if message.reading is not None and place % EVERY == 0:
            sensor, when, value = message.reading
            beside = f'{{"time":{when + 1},"value":{next(values)}}}'.encode()
            message = replace(message, payload=b"[" + message.payload + b"," + beside + b"]")
            mistimed = {"time": WRONG_TIMES[next(times)][0](when), "value": 99.5, "sensor": sensor}
            placed.append((place + 0.25, _bad(message.place, mistimed)))
            contradiction = {"time": when, "value": value + 1, "sequence": sequence_of(when)}
            placed.append((place + instants.uniform(1, AFTER_MAX), _bad(message.place, contradiction)))
        placed.append((place, message))
        if instants.random() < REPEATED_SHARE:
            placed.append((place + instants.uniform(0, AFTER_MAX), message))
    placed.sort(key=lambda one: one[0])
    return [message for _, message in placed]


def _shuffled(messages: Sequence[Message], instants: random.Random) -> Iterator[Message]:
    """The messages in another order of sensors, each sensor's own in theirs."""
    for start in range(0, len(messages), WITHIN):
        queues: dict[str, deque[Message]] = {}
        for message in messages[start : start + WITHIN]:
            queues.setdefault(message.place, deque()).append(message)
        while queues:
            place = instants.choice(list(queues))
            yield queues[place].popleft()
            if not queues[place]:
                del queues[place]


def _bad(place: str, content: dict[str, Any]) -> Message:
    return Message(place, json.dumps(content).encode(), None)


async def _register_pressure(service: WholeService) -> None:
    pool = await open_pool(service.database_url, connections_max=1)
    sensor = Sensor(
        sensor=PRESSURE, city=service.city, system="water", property="water_pressure", unit="MPa", interval_s=60
    )
    await import_sensors(pool, [sensor], [])
    await pool.close()


def _activate_a_bad_file(service: WholeService, folder: Path) -> str:
    """Ask for rules by which every second reading would be an alarm, with one word wrong."""
    path = folder / "stricter.yaml"
    path.write_text(STRICTER.replace("blue: 5", "blau: 5"))
    return service.run("rules", "activate", str(path), expected=1).stderr


async def _publish_apart(service: WholeService) -> None:
    """Publish what is hostile, what has strange ids and what is in other units, while the stream goes on."""
    address = broker_address(service.mqtt_url)
    async with aiomqtt.Client(address.host, address.port, timeout=60) as client:
        for payload in HOSTILE.values():
            await client.publish(f"lifeline/{service.city}/gas/gas-0", payload, qos=1)
        for number, name in enumerate(STRANGE_IDS):
            payload = json.dumps({"time": START_MS, "value": 99.5, "number": number}).encode()
            await client.publish(f"lifeline/{service.city}/gas/{name}", payload, qos=1)
        for minute, (value, unit) in enumerate(PRESSURES):
            content = {"time": START_MS + minute * 60_000, "value": value} | ({} if unit is None else {"unit": unit})
            await client.publish(f"lifeline/{service.city}/water/{PRESSURE}", json.dumps(content).encode(), qos=1)


async def _holds_all(connection: asyncpg.Connection, sent: Sequence[Message], apart: int) -> bool:
    """Whether all that is bad of what was sent, and of what was published apart, is in quarantine or a conflict."""
    quarantined = await connection.fetchval("select count(*) from rejection")
    conflicts = await connection.fetchval("select count(*) from conflict")
    bad = Counter(message.payload[:1] == b"[" for message in sent if message.reading is not None)[True]
    return bool(quarantined + conflicts >= bad + sum(message.reading is None for message in sent) + apart)


async def _read(service: WholeService, sent: list[Message], outcome: Outcome, refused: str) -> Spoiled:
    connection = await asyncpg.connect(service.database_url)
    try:
        rejections = await connection.fetch("select topic, payload, reason from rejection")
        conflicts = await connection.fetch(
            "select sensor, (extract(epoch from time) * 1000)::bigint, value from conflict"
            " join sensor using (sensor_key) order by 1, 2"
        )
        log = await connection.fetchrow(
            "select (extract(epoch from min(oldest_time)) * 1000)::bigint,"
            " (extract(epoch from max(newest_time)) * 1000)::bigint,"
            " (extract(epoch from max(arrived_at)) * 1000)::bigint from batch"
        )
        chunks = await connection.fetchval(
            "select count(*) from pg_class join pg_inherits on inhrelid = oid where inhparent = 'reading'::regclass"
        )
        sensors = await connection.fetch("select sensor from sensor")
    finally:
        await connection.close()
    reasons: dict[bytes, set[str]] = {}
    for row in rejections:
        reasons.setdefault(row["payload"], set()).add(row["reason"])
    return Spoiled(
        sent=sent,
        found=replace(
            outcome,
            readings=[reading for reading in outcome.readings if reading[0] in SENSORS],
            journal=[line for line in outcome.journal if line["sensor"] in SENSORS],
        ),
        reasons=reasons,
        topics={row["topic"] for row in rejections},
        conflicts=[tuple(row) for row in conflicts],
        span=(log[0], log[1]),
        log_clock=log[2],
        chunks=chunks,
        sensors={row["sensor"] for row in sensors},
        pressures=[(value, Quality(bits)) for name, _, value, bits in outcome.readings if name == PRESSURE],
        pressure_lines=[line for line in outcome.journal if line["sensor"] == PRESSURE],
        refused=refused,
    )


def test_case_15_a_bad_rule_file_is_refused_with_its_line_and_the_old_rules_live(
    spoiled: Spoiled, fault_free: Outcome
) -> None:
    assert "stricter.yaml:7" in spoiled.refused
    assert "blau" in spoiled.refused
    assert_same_alarms(spoiled.found, fault_free)


def test_case_18_what_comes_twice_changes_nothing(spoiled: Spoiled, fault_free: Outcome) -> None:
    good = sum(message.reading is not None for message in spoiled.sent)
    repeated = good - len(fault_free.readings)
    print(f"{repeated} of {good} good messages are repetitions, {spoiled.found.duplicates} readings were met again")
    assert repeated > 0.2 * len(fault_free.readings)
    assert spoiled.found.duplicates >= repeated
    assert spoiled.found.logged == len(fault_free.readings) + len(spoiled.pressures)
    assert spoiled.found.holes == 0
    assert_same_alarms(spoiled.found, fault_free)


def test_case_19_shuffled_between_sensors_gives_the_same_alarms(spoiled: Spoiled, fault_free: Outcome) -> None:
    arrived = [message.reading for message in spoiled.sent if message.reading is not None]
    backwards = sum(one[1] > other[1] for one, other in itertools.pairwise(arrived))
    print(f"at {backwards} of {len(arrived)} readings the time goes backwards")
    assert backwards > len(arrived) / 4
    assert_same_alarms(spoiled.found, fault_free)
    assert spoiled.found.missing == set()


def test_case_21_impossible_times_are_quarantined_and_move_nothing(spoiled: Spoiled, fault_free: Outcome) -> None:
    mistimed = [
        message.payload for message in spoiled.sent if message.reading is None and b'"sensor"' in message.payload
    ]
    told = Counter(reason for payload in mistimed for reason in spoiled.reasons[payload])
    print(f"{len(mistimed)} mistimed messages: {dict(told)}")
    assert told.keys() == {reason for _, reason in WRONG_TIMES.values()}
    assert spoiled.span == (START_MS, LAST_MS)
    assert spoiled.log_clock <= time.time_ns() // 1_000_000 + 1_000
    assert spoiled.chunks <= 2, "a week in one chunk: 400 minutes lie in one, or in two"
    assert_same_alarms(spoiled.found, fault_free)


def test_case_24_the_first_value_stands_and_the_second_is_recorded(spoiled: Spoiled, fault_free: Outcome) -> None:
    contradicted = {
        (reading[0], reading[1], reading[2] + 1)
        for message in spoiled.sent
        if message.payload[:1] == b"[" and (reading := message.reading) is not None
    }
    assert set(spoiled.conflicts) == contradicted
    assert len(spoiled.conflicts) == len(contradicted) > 50
    assert spoiled.found.readings == fault_free.readings


def test_case_26_what_is_no_number_is_rejected_and_its_mates_are_stored(spoiled: Spoiled, fault_free: Outcome) -> None:
    told: dict[str, set[str]] = {}
    for payload, reasons in spoiled.reasons.items():
        if payload.startswith(b'{"time":') and payload.count(b",") == 1:
            told.setdefault(payload.rpartition(b'"value":')[2][:-1].decode(), set()).update(reasons)
    assert {word: told.get(word) for word in BAD_VALUES} == {word: {reason} for word, reason in BAD_VALUES.items()}
    assert spoiled.found.readings == fault_free.readings


@pytest.mark.parametrize("name", HOSTILE)
def test_case_27_is_rejected_fast(name: str) -> None:
    message = Received("lifeline/jiayuguan/gas/gas-1", HOSTILE[name], len(HOSTILE[name]))
    began = time.perf_counter()
    decoded = decode_message(message, IngestLimits())
    took = time.perf_counter() - began
    print(f"{name}: {took * 1000:.2f} ms, {decoded.rejections[0].reason}")
    assert not decoded.columns.sensor
    assert len(decoded.rejections) == 1
    assert decoded.rejections[0].reason != Reason.DECODER_FAILED
    assert took < DECODE_S_MAX * SLACK


def test_case_27_the_worker_lives_through_all_of_it(spoiled: Spoiled, fault_free: Outcome) -> None:
    kept_max = IngestLimits().rejected_payload_bytes_max
    for name, payload in HOSTILE.items():  # whole, the beginning of what is too large, or an array's one element
        assert {payload, payload[:kept_max], payload[1:-1]} & spoiled.reasons.keys(), name
    assert not any({"decoder_failed", "store_refused"} & reasons for reasons in spoiled.reasons.values())
    assert broken(stream()).keys() <= spoiled.reasons.keys()
    assert_same_alarms(spoiled.found, fault_free)  # its process was stopped in order, or the fixture had failed


def test_case_29_strange_ids_in_topics_are_quarantined_and_register_nothing(spoiled: Spoiled) -> None:
    strange = [reasons for payload, reasons in spoiled.reasons.items() if b'"number"' in payload]
    assert strange == [{"unknown_sensor"}] * len(STRANGE_IDS)
    assert all(topic.isprintable() for topic in spoiled.topics)
    assert spoiled.sensors == {*SENSORS, PRESSURE}


def test_case_31_units_are_converted_or_refused_and_a_forgotten_one_is_flagged(spoiled: Spoiled) -> None:
    labelled, forgotten, after = spoiled.pressures[:20], spoiled.pressures[20:22], spoiled.pressures[22:]
    assert [value for value, _ in labelled] == [pytest.approx(0.3)] * 20
    assert [quality & ~Quality.DELAYED for _, quality in labelled + after] == [Quality.GOOD] * 21
    for value, quality in forgotten:
        assert value == 300
        assert Quality.UNIT_JUMP in quality
    assert {"unit_mismatch"} in [reasons for payload, reasons in spoiled.reasons.items() if b'"mm"' in payload]
    print(f"lines of two readings a thousand times too large: {[line['rule'] for line in spoiled.pressure_lines]}")
    assert [(line["class"], line["rule"]) for line in spoiled.pressure_lines] == [("instrument", "bad-readings")]


def test_case_15_stored_rules_that_cannot_be_read_leave_the_old_ones_in_force(
    database_url: str, mosquitto: MosquittoBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a change by hand, or by a version that knows more; a restart and a new sensor change nothing of it."""
    city = f"town-{secrets.token_hex(4)}"

    async def scenario() -> None:
        async with living(database_url, mosquitto.url, [sensor("old", city)]) as town:
            await town.pool.execute("update rule_pack set content = '{}' where pack = 'gas' and in_force")
            await import_sensors(town.pool, [sensor("new", city)], [])
            await town.send(("old", town.now, 55.0), ("new", town.now, 55.0))
            await town.kill()
            await town.start()
            await town.pass_time(60)
            await town.send(("old", town.now, 2.0), ("new", town.now, 2.0))
            lines = await town.journal(**{"class": "process"})
        assert sorted((line["sensor"], line["severity"]) for line in lines) == [("new", "red"), ("old", "red")]

    asyncio.run(scenario())
    assert "rules in force cannot be used" in caplog.text
