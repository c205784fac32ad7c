"""Fuzzed: every form of a reading down to what would be stored, frames of the broker, topics, partners' messages."""

import math
from pathlib import Path
from zlib import crc32

from app.northbound.incoming import Unusable, read_message
from ingest.decode import decode_message, decode_messages
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from ingest.frames import TOPIC_BYTES_MAX, FrameReader
from ingest.gathered import Gathered, gather_decoded
from ingest.message import Message
from ingest.placement import Places
from ingest.prepare import prepare
from ingest.properties import variable_integer
from ingest.reasons import Reason
from ingest.settings import IngestLimits
from ingest.topics import parse_topic
from model.instant import EARLIEST_MS, LATEST_MS, parse_instant
from model.registry import Registry
from model.sensor import City
from tests.decode.conftest import SENSORS
from tests.decode.messages import read_messages, sparkplug_payload
from tests.fuzz.target import Target, must_say, words_in

GOLDEN = Path(__file__).parents[1] / "decode"
LIMITS = IngestLimits()
ARRIVED = parse_instant("2026-11-22T08:00:00Z")
GAS, GATEWAY = "lifeline/jiayuguan/gas/gas-1", "lifeline/jiayuguan/gateway/lamp-7"
_CITIES = {name: City(city=name, mode="test") for name in ("jiayuguan", "jinchang")}
REGISTRY = Registry(1, dict(enumerate(SENSORS, start=1)), _CITIES)
PLACES = Places(REGISTRY)
_OF_READINGS = words_in(
    '{ } [ ] , : " \\ \\u0000 \\ud800 "time": "value": "sensor": "unit": "quality": "sequence": "gas-1" "good" "kPa" '
    '1795334340000 1795334340 "2026-11-22T08:00:00Z" 5 5.5 1e400 NaN -0 true null {"time":1795334340000,"value":5}'
)
_OF_SENML = words_in(
    '"bn": "bt": "bu": "bv": "bver": "n": "t": "u": "v": "vs": "vb": "s": "x_": "gas-1" 1795334340 -5 %RH'
)


def _golden(start: str) -> list[list[Message]]:
    """The messages of golden folders whose topic begins so."""
    cases = [read_messages(path.parent) for path in sorted(GOLDEN.glob("*/expected.json"))]
    return [messages for messages in cases if messages[0].topic.startswith(start)]


def _payloads(start: str, end: str = "") -> list[bytes]:
    return [one.payload for messages in _golden(start) for one in messages if one.topic.endswith(end)]


def check(gathered: Gathered) -> bool:
    """Check what was decoded down to what would be stored; return whether there is a reading in it."""
    for decoded in gathered:
        for rejection in decoded.rejections:
            assert rejection.reason != Reason.DECODER_FAILED, rejection.detail
    prepared = prepare(PLACES, gathered, ARRIVED, LIMITS)
    readings = prepared.readings
    assert {len(readings.time), len(readings.value), len(readings.quality), len(prepared.sequence)} == {len(readings)}
    assert all(map(math.isfinite, readings.value.tolist()))
    assert all(EARLIEST_MS <= time < LATEST_MS for time in readings.time.tolist())
    assert all(key in REGISTRY.sensors for key in readings.sensor.tolist())
    for rejection in prepared.rejections:
        for text in (rejection.topic, rejection.detail, rejection.sensor or ""):
            assert text.isprintable(), text
            text.encode("utf-8")
    return len(readings) > 0


def _alone_and_together(payload: bytes, topic: str, content_type: str | None = None) -> bool:
    """Decode a payload alone, and between two good messages: nobody's neighbours may change what is made of it."""
    message = Message(topic, payload, len(payload), content_type=content_type)
    neighbour = Message(GAS, b'{"time":1795334340000,"value":5}', 32)
    alone = gather_decoded([message], {0: decode_message(message, LIMITS)})
    together = decode_messages([neighbour, message, neighbour], LIMITS)
    one, other = alone[0], together[1]
    # What is just too deep hangs on how deep the caller is.
    is_deep = Reason.TOO_DEEP in (rejection.reason for rejection in (*one.rejections, *other.rejections))
    assert is_deep or (one.columns, one.rejections) == (other.columns, other.rejections)
    assert len(together.rows(0)) == len(together.rows(2)) == 1
    check(together)
    return check(alone)


def json_readings() -> Target:
    """A sensor's or gateway's JSON."""

    def take(data: bytes) -> bool:
        return _alone_and_together(data, (GAS, GATEWAY)[crc32(data) & 1])

    good = [one for one in _payloads("lifeline/") if len(one) < 5_000 and not one.startswith(b'[{"bn')]
    return Target(take=take, good=good, words=_OF_READINGS, form="tree", bytes_max=LIMITS.payload_bytes_max)


def senml_readings() -> Target:
    """SenML of a sensor or gateway, by topic or content type."""

    def take(data: bytes) -> bool:
        kind = crc32(data) % 3
        topic = (f"{GAS}/senml", f"{GATEWAY}/senml", GATEWAY)[kind]
        return _alone_and_together(data, topic, "application/senml+json" if kind == 2 else None)

    good = [*_payloads("lifeline/", "/senml"), b'[{"bn":"gas-1","bt":1795334340,"v":5},{"t":1,"v":6}]']
    return Target(take=take, good=good, words=_OF_SENML + _OF_READINGS, form="tree", bytes_max=LIMITS.payload_bytes_max)


def mapped_readings() -> Target:
    """Payloads of vendors' own, by each mapping of the golden folders."""
    cases, good = [], []
    for path in sorted(GOLDEN.glob("*/mapping.yaml")):
        [message] = read_messages(path.parent)
        cases.append((Forms([parse_mapping(str(path), path.read_text("utf-8"))]), message.topic))
        good.append(message.payload)

    def take(data: bytes) -> bool:
        forms, topic = cases[crc32(data) % len(cases)]
        return check(decode_messages([Message(topic, data, len(data))], LIMITS, forms))

    words = _OF_READINGS + words_in(
        '"data": "items": "v": "ts": "state": "type": "channel": "t": "p": "gas": "a.b": "id": "when":'
    )
    return Target(take=take, good=good, words=words, form="tree", bytes_max=LIMITS.payload_bytes_max)


def sparkplug_life() -> Target:
    """Sparkplug payloads in the life of an edge node: as birth, data, a device's, and as death, between good ones."""
    metric = {"name": "gas-1", "alias": 1, "datatype": 10, "double_value": 5.0}
    birth = sparkplug_payload({"timestamp": 1795334340000, "seq": 0, "metrics": [metric]})
    data_after = sparkplug_payload(
        {"timestamp": 1795334341000, "seq": 1, "metrics": [{"alias": 1, "double_value": 6.0}]}
    )
    kinds = (
        "NBIRTH/edge-1",
        "NDATA/edge-1",
        "DBIRTH/edge-1/lamp",
        "DDATA/edge-1/lamp",
        "DDEATH/edge-1/lamp",
        "NDEATH/edge-1",
    )

    def take(data: bytes) -> bool:
        number = crc32(data)
        life = [("NBIRTH/edge-1", birth)]
        life += [(kinds[number >> shift & 7] if number >> shift & 7 < 6 else "NDATA/edge-1", data) for shift in (0, 3)]
        life += [("NDATA/edge-1", data_after)]
        messages = [
            Message(f"spBv1.0/jiayuguan/{kind}", payload, len(payload), dup=bool(number >> 30 & place))
            for place, (kind, payload) in enumerate(life)
        ]
        forms = Forms()
        gathered = decode_messages(messages, LIMITS, forms)
        check(gathered)
        forms.take_commands(ARRIVED, REGISTRY.cities)
        check(decode_messages(messages[1:2], LIMITS))
        return any(len(gathered.rows(place)) for place in (1, 2))

    words = [
        b"\x12",
        b"\x0a",
        b"\x08",
        b"\x18",
        b"\x20",
        b"\x4a",
        b"\xff\xff\xff\xff\x0f",
        b"\x00",
        b"gas-1",
        b"\x7b",
        b"\x12\x00",
    ]
    return Target(take=take, good=[*_payloads("spBv1.0/"), birth], words=words, bytes_max=LIMITS.payload_bytes_max)


def mqtt_frames() -> Target:
    """What a broker sends, whole and in portions: the same messages, and never more in memory than one may have."""
    from tests.unit.test_frames import _stream, publish

    def take(data: bytes) -> bool:
        number = crc32(data)
        has_properties = bool(number & 1)
        size = (1, 3, 50, 4_096)[number >> 1 & 3] if len(data) < 5_000 else 4_096
        try:
            whole = _messages_of([data], has_properties)
            parts = _messages_of([data[at : at + size] for at in range(0, len(data), size)], has_properties)
        except ValueError as error:
            must_say(error)
            return False
        if not any(isinstance(one, bytes) and variable_integer(one, 1, len(one))[1] < 0 for one in whole):
            assert whole == parts
        return any(isinstance(one, Message) for one in whole)

    good = [_stream(4)[0], _stream(5)[0], publish(), publish(properties=b""), publish(b"x" * 200, 7, properties=b"")]
    words = [b"\x30", b"\x32", b"\x34", b"\x3a", b"\x40\x02\x00\x01", b"\xd0\x00", b"\xff\xff\xff\x7f",
             b"\x80", b"\x26", b"\x03", b"\x00\x14"]  # fmt: skip
    return Target(take=take, good=good, words=words, bytes_max=40_000)


def _messages_of(parts: list[bytes], has_properties: bool) -> list[Message | bytes]:
    frames = FrameReader(has_properties=has_properties, connection=1, limits=LIMITS)
    found: list[Message | bytes] = []
    for part in parts:
        for one in frames.feed(part):
            found += one if isinstance(one, list) else [one]
        # QoS 2 is never subscribed to; paho reads it, and wants it whole.
        is_of_paho = frames._rest[:1] and frames._rest[0] & 0xF4 == 0x34
        assert is_of_paho or len(frames._rest) <= LIMITS.payload_bytes_max + 2 * TOPIC_BYTES_MAX + 10 + len(part)
    for one in found:
        assert isinstance(one, bytes) or len(one.payload) <= LIMITS.payload_bytes_max
    return found


def topics() -> Target:
    """Topics, with a good payload on each."""

    def take(data: bytes) -> bool:
        topic = data.decode("utf-8", "backslashreplace")
        payload = b'{"time":1795334340000,"value":5}'
        check(decode_messages([Message(topic, payload, len(payload))], LIMITS, Forms()))
        return parse_topic(topic) is not None

    good = [
        GAS.encode(),
        GATEWAY.encode(),
        b"spBv1.0/jiayuguan/NDATA/edge-1",
        b"lifeline/worker/a",
        b"lifeline/c/alarm/x",
    ]
    return Target(take=take, good=good, words=words_in("/ // + # $SYS lifeline gateway senml spBv1.0 STATE DDATA NCMD"))


def partners_messages() -> Target:
    """Journal lines and statuses of other cities."""
    line = (
        b'{"alarm":"gas.GAS-1.20261122T080000000Z","sequence":1,"rule":"gas","kind":"threshold","sensor":"GAS-1",'
        b'"time":"2026-11-22T08:00:00.000Z","known_at":"2026-11-22T08:00:00.000Z","from":"normal",'
        b'"to":"unacknowledged","severity":"red","severity_from":null,"peak_severity":"red","class":"process",'
        b'"condition":"active","mode":"test","city":"baiyin","system":"gas","district":"b"}'
    )
    status = (
        b'{"city":"baiyin","name":"Baiyin","name_zh":"","mode":"test","time_zone":"Asia/Shanghai",'
        b'"published_at":"2026-11-22T08:00:00.000Z","behind":false,"evaluated_through":{"batch":1,"clock":null},'
        b'"districts":[{"district":"b","systems":[{"system":"gas","sensors":1,"freshness":{"fresh":1,"silent":0,'
        b'"never_heard":0},"quality":{"good":1,"bad":0,"unknown":0},"alarms":{"red":{"unacknowledged":1}}}]}]}'
    )

    def take(data: bytes) -> bool:
        topic = ("lifeline/baiyin/status", "lifeline/baiyin/alarm/gas.GAS-1.20261122T080000000Z")[b'"sequence"' in data]
        try:
            found = read_message(Message(topic, data, len(data)))
        except Unusable as error:
            must_say(error.fault.detail)
            return False
        found.text.encode("utf-8")
        return True

    return Target(take=take, good=[line, status], words=_OF_READINGS, form="tree", bytes_max=64_000)
