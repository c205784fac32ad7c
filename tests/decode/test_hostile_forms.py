"""Harm in every form: SenML, vendor JSON and Sparkplug neither raise nor take long, whatever comes."""

from __future__ import annotations

import gc
import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import decode_message, decode_messages
from ingest.decoders.edge_nodes import EdgeNodes
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from ingest.decoders.sparkplug_payload import IMPLEMENTATION
from ingest.message import Decoded, Message
from ingest.reasons import Reason
from ingest.settings import IngestLimits
from tests.decode.messages import sparkplug_payload
from tests.decode.test_hostile import DECODE_S_MAX, HOSTILE, SLACK

LIMITS = IngestLimits()
MAPPING = """
mapping: vendor
topic: vendor/{place}
city: "{place}"
readings: data
values:
  - sensor: "gas-{n}"
    value: v
    numbers: text
    words: {"true": 1}
    quality: {path: q, words: {ok: good}, otherwise: bad}
time: {path: t, format: epoch_ms}
"""
TOPICS = {
    "senml": "lifeline/jiayuguan/gas/gas-1/senml",
    "senml of a gateway": "lifeline/jiayuguan/gateway/lamp-7/senml",
    "mapping": "vendor/jiayuguan",
    "sparkplug birth": "spBv1.0/jiayuguan/NBIRTH/edge-1",
    "sparkplug data": "spBv1.0/jiayuguan/NDATA/edge-1",
}
_TIMED = b'"n":"gas-1","t":1795334340'


def _pack(record: bytes, count: int = 1) -> bytes:
    return b"[" + b",".join([record] * count) + b"]"


HOSTILE_SENML = {
    "5,000 digits": _pack(b"{" + _TIMED + b',"v":' + b"9" * 5_000 + b"}"),
    "250,000 digits": _pack(b"{" + _TIMED + b',"v":' + b"9" * 250_000 + b"}"),
    "250,000 digits as time": _pack(b'{"n":"gas-1","v":1,"t":' + b"9" * 250_000 + b"}"),
    "depth 100,000": _pack(b"{" + _TIMED + b',"v":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "NUL": _pack(b'{"n":"gas\\u0000-1","t":1795334340,"v":1}'),
    "a lone surrogate": _pack(b'{"n":"\\ud800","t":1795334340,"v":1}'),
    "a duplicate key": _pack(b"{" + _TIMED + b',"v":1,"v":2}'),
    "a duplicate key, 20,000 times": _pack(b"{" + _TIMED + b',"v":1' * 20_000 + b"}"),
    "120,000 numbers in a record": _pack(b"{" + _TIMED + b',"v":[' + b"1," * 110_000 + b"1]}"),
    "87,000 empty records": _pack(b"{}", 87_000),
    "5,000 numbers": _pack(b"1", 5_000),
    "5,000 duplicate keys": _pack(b"{" + _TIMED + b',"v":1,"v":2}', 5_000),
    "5,000 lone surrogates": _pack(b'{"n":"\\ud800","t":1795334340,"v":1}', 5_000),
    "5,000 malformed records": _pack(b"{" + _TIMED + b',"v":tru}', 5_000),
    "5,000 infinite values": _pack(b"{" + _TIMED + b',"v":1e400}', 5_000),
    "5,000 relative times": _pack(b'{"n":"gas-1","t":1,"v":1}', 5_000),
    "5,000 records that must be understood": _pack(b"{" + _TIMED + b',"v":1,"x_":1}', 5_000),
}
_VENDOR = {
    "250,000 digits": b'{"n":1,"t":1795334340000,"v":' + b"9" * 250_000 + b"}",
    "a duplicate key": b'{"n":1,"t":1795334340000,"v":1,"v":2}',
    "a lone surrogate": b'{"n":"\\ud800","t":1795334340000,"v":1}',
    "120,000 numbers in a reading": b'{"n":1,"t":1795334340000,"v":[' + b"1," * 120_000 + b"1]}",
}
HOSTILE_VENDOR = {
    **{name: b'{"data":' + _pack(entry) + b"}" for name, entry in _VENDOR.items()},
    "depth 30,000": b'{"data":' * 30_000,
    "a duplicate key, 20,000 times": b'{"data":{' + b'"v":1,' * 20_000 + b'"t":1}}',
    "87,000 empty readings": b'{"data":' + _pack(b"{}", 87_000) + b"}",
    "5,000 empty readings": b'{"data":' + _pack(b"{}", 5_000) + b"}",
    "5,000 numbers": b'{"data":' + _pack(b"1", 5_000) + b"}",
    "5,000 texts for numbers": b'{"data":' + _pack(b'{"n":1,"t":1795334340000,"v":"x"}', 5_000) + b"}",
}
_EMPTY_METRIC = b"\x12\x00"
_EMPTY_PROPERTIES = b"\x0a\x00\x12\x00"  # a key and a value
_SPARKPLUG_NUMBERED = [{"name": f"gas-{number}", "alias": number, "datatype": 9} for number in range(5_000)]
HOSTILE_PROTOBUF = {
    "130,000 empty metrics": _EMPTY_METRIC * 130_000,
    "5,000 empty metrics": _EMPTY_METRIC * 5_000,
    "5,000 metrics of one alias": sparkplug_payload({"metrics": [{"alias": 1, "is_null": True}] * 5_000}),
    "5,000 metrics of one name": sparkplug_payload({"metrics": [{"name": "gas-1", "datatype": 9}] * 5_000}),
    "5,000 metrics that are no sensors": sparkplug_payload({"metrics": [{"name": "a/b", "datatype": 9}] * 5_000}),
    "5,000 metrics without value": sparkplug_payload({"timestamp": 1795334340000, "metrics": _SPARKPLUG_NUMBERED}),
    "5,000 metrics that are null": sparkplug_payload(
        {"timestamp": 1795334340000, "metrics": [{**metric, "is_null": True} for metric in _SPARKPLUG_NUMBERED]}
    ),
    "5,000 metrics that are not finite": sparkplug_payload(
        {"timestamp": 1, "metrics": [{**metric, "double_value": math.inf} for metric in _SPARKPLUG_NUMBERED]}
    ),
    "5,000 metrics without time": sparkplug_payload(
        {"metrics": [{**metric, "double_value": 1.0} for metric in _SPARKPLUG_NUMBERED]}
    ),
    # A metric (0x12) of 240,003 bytes with properties (0x4a) of 240,000, more than any device has.
    "60,000 empty properties": b"\x12\x84\xd3\x0e\x4a\x80\xd3\x0e" + _EMPTY_PROPERTIES * 60_000,
    "a name of 250,000 bytes": sparkplug_payload({"metrics": [{"name": "\0é" * 80_000, "datatype": 9}]}),
    "100,000 open groups": b"\x7b" * 100_000,
    "a length beyond the end": b"\x12\xff\xff\xff\xff\x0f",
    "a number that never ends": b"\x18" + b"\xff" * 250_000,
    "sequence of 64 bits": sparkplug_payload(
        {"seq": 2**64 - 1, "timestamp": 2**64 - 1, "metrics": [{"name": "gas-1"}]}
    ),
}


def _forms() -> Forms:
    return Forms([parse_mapping("vendor.yaml", MAPPING)])


def _check(decoded: Decoded) -> None:
    columns = decoded.columns
    rows = len(columns.sensor)
    assert {len(columns.time), len(columns.value), len(columns.quality)} == {rows}
    assert columns.unit is None or len(columns.unit) == rows
    assert all(math.isfinite(value) for value in columns.value)
    assert all(-(2**63) <= instant < 2**63 for instant in columns.time)
    for rejection in decoded.rejections:
        assert rejection.reason != Reason.DECODER_FAILED
        assert rejection.detail.isprintable()
        assert rejection.sensor is None or rejection.sensor.isprintable()
        assert len(rejection.payload) <= max(len(decoded.message.payload), 65_536)
    if rows:
        entries = decoded.split(decoded.message.payload) if decoded.split else None
        assert entries is None or max(columns.position or [0]) < len(entries)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", TOPICS)
def test_hostile_text_is_refused_fast(form: str, name: str) -> None:
    _decode_in_time(TOPICS[form], HOSTILE[name], f"{form}, {name}")


@pytest.mark.parametrize("name", HOSTILE_SENML)
@pytest.mark.parametrize("form", ["senml", "senml of a gateway"])
def test_hostile_senml_is_refused_fast(form: str, name: str) -> None:
    _decode_in_time(TOPICS[form], HOSTILE_SENML[name], f"{form}, {name}")


@pytest.mark.parametrize("name", HOSTILE_VENDOR)
def test_hostile_vendor_json_is_refused_fast(name: str) -> None:
    _decode_in_time(TOPICS["mapping"], HOSTILE_VENDOR[name], f"mapping, {name}")


@pytest.mark.parametrize("name", HOSTILE_PROTOBUF)
@pytest.mark.parametrize("form", ["sparkplug birth", "sparkplug data"])
def test_hostile_protobuf_is_refused_fast(form: str, name: str) -> None:
    _decode_in_time(TOPICS[form], HOSTILE_PROTOBUF[name], f"{form}, {name}")


def _decode_in_time(topic: str, payload: bytes, name: str) -> None:
    forms = _forms()
    decode_message(Message(TOPICS["sparkplug birth"], b"", 0), LIMITS, forms)  # protobuf is loaded by now
    gc.collect()  # what other tests left behind is not counted
    began = time.process_time()
    decoded = decode_message(Message(topic, payload, len(payload)), LIMITS, forms)
    took = time.process_time() - began
    print(f"{name}: {took * 1000:.2f} ms, {[one.reason for one in decoded.rejections[:3]]}")
    _check(decoded)
    assert took < DECODE_S_MAX * SLACK


_PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\ud800", b"\xff", b"9" * 400, b"1e999", b"null", b"true"]
_NAMES = [
    b'"bn"',
    b'"bt"',
    b'"v"',
    b'"n"',
    b'"t"',
    b'"u"',
    b'"bver"',
    b'"x_"',
    b'"data"',
    b'"q"',
    b'"gas-1"',
    b"1795334340",
]
_TEXTS = st.lists(st.sampled_from([*_PIECES, *_NAMES]), max_size=30).map(b"".join)
_RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from(["bn", "bt", "bu", "bv", "bver", "n", "t", "u", "v", "vs", "s", "x_", "q"]),
        st.one_of(
            st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.sampled_from(["gas-1", 1795334340])
        ),
    ),
    max_size=6,
)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=300)
@given(st.sampled_from(list(TOPICS)), st.one_of(st.binary(max_size=100), _TEXTS, _RECORDS.map(_json)))
def test_any_bytes_in_any_form_never_raise(form: str, payload: bytes) -> None:
    _check(decode_message(Message(TOPICS[form], payload, len(payload)), LIMITS, _forms()))


@settings(max_examples=300)
@given(_RECORDS)
def test_vendor_entries_never_raise(entries: list[dict[str, object]]) -> None:
    payload = _json({"data": entries})
    _check(decode_message(Message(TOPICS["mapping"], payload, len(payload)), LIMITS, _forms()))


_METRICS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["gas-1", "a/b", "\0", ""]),
            "alias": st.integers(0, 2**64 - 1),
            "timestamp": st.integers(0, 2**64 - 1),
            "datatype": st.integers(0, 2**32 - 1) | st.integers(0, 20),
            "is_null": st.booleans(),
            "double_value": st.floats(),
            "properties": st.dictionaries(st.sampled_from(["sensor", "engUnit", "Quality"]), st.text(max_size=5)),
        },
    ),
    max_size=5,
)
_SPARKPLUG = st.lists(
    st.tuples(
        st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH/x", "DDATA/x", "DDEATH/x"]),
        st.integers(0, 3) | st.integers(0, 2**64 - 1),
        _METRICS,
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(_SPARKPLUG)
def test_any_life_of_an_edge_node_never_raises(life: list[tuple[str, int, list[dict[str, object]], bool]]) -> None:
    messages = []
    for kind, sequence, metrics, dup in life:
        name, _, device = kind.partition("/")
        payload = sparkplug_payload({"seq": sequence, "timestamp": 1795334340000, "metrics": metrics})
        topic = f"spBv1.0/jiayuguan/{name}/edge-1" + (f"/{device}" if device else "")
        messages.append(Message(topic, payload, len(payload), dup=dup))
    for decoded in decode_messages(messages, LIMITS, _forms()):
        _check(decoded)


def test_protobuf_is_the_compiled_one() -> None:
    assert IMPLEMENTATION == "upb"


def test_births_are_remembered_within_limits() -> None:
    nodes = EdgeNodes(nodes_max=3, birth_bytes_max=1_000)
    forms = _forms()
    forms._edge_nodes = nodes
    metric = {"name": "gas-1", "alias": 1, "datatype": 10, "double_value": 1.0}
    birth = sparkplug_payload({"timestamp": 1795334340000, "metrics": [metric]})
    for number in range(10):
        decode_message(Message(f"spBv1.0/c/NBIRTH/n-{number}", birth, len(birth)), LIMITS, forms)
    assert len(nodes) == 3
    for number in range(100):
        decode_message(Message(f"spBv1.0/c/DBIRTH/n-9/d-{number}", birth, len(birth)), LIMITS, forms)
    assert len(nodes) == 0  # one that fills the memory alone is forgotten too
