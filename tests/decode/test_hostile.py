"""Payloads that mean harm, or that nobody foresaw: none raises, none takes long, none harms its neighbours."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest.decode
from ingest.decode import decode_message
from ingest.decoders.elements import split_elements
from ingest.message import Message
from ingest.reasons import Fault, Reason, printable
from ingest.settings import IngestLimits

LIMITS = IngestLimits()
GAS = "lifeline/jiayuguan/gas/gas-1"
GATEWAY = "lifeline/jiayuguan/gateway/lamp-7"
GOOD = b'{"time":1795334340000,"value":5}'
DECODE_S_MAX = 0.005
SLACK = 10  # times are printed, and asserted only at ten times the goal

# Decoded in every form by test_hostile_forms and tests/faults/test_bad_input.
HOSTILE = {
    "1 MB": b"x" * 1_000_000,
    "1 MB of one reading": b'{"time":1795334340000,"value":5,"note":"' + b"x" * 1_000_000 + b'"}',
    "depth 100,000, closed": b"[" * 100_000 + b"]" * 100_000,
    "depth 100,000, open": b"[" * 100_000,
    "depth 100,000 in an object": b'{"time":1,"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "depth 60,000 by turns": b'[{"a":' * 40_000,
    "5,000 digits": b'{"time":1795334340000,"value":' + b"9" * 5_000 + b"}",
    "250,000 digits": b'{"time":1795334340000,"value":' + b"9" * 250_000 + b"}",
    "250,000 digits as time": b'{"value":1,"time":' + b"9" * 250_000 + b"}",
    "NUL": b'{"time":1795334340000,"value":5,"unit":"\\u0000"\0}',
    "a lone surrogate": b'{"time":1795334340000,"value":5,"unit":"\\ud800"}',
    "a duplicate key": b'{"time":1795334340000,"value":5,"value":6}',
    "a duplicate key, 20,000 times": b"{" + b'"value":5,' * 20_000 + b'"time":1795334340000}',
    "120,000 numbers in a reading": b'{"time":1795334340000,"value":[' + b"1," * 120_000 + b"1]}",
    "130,000 numbers": b"[" + b"1," * 129_999 + b"1]",
    "a text that never ends": b'[{"time":' + b'"' + b'\\"' * 120_000,
    "many texts that never end": b'[{"' + b'{"' * 120_000,
    "commas": b"[" + b"," * 260_000 + b"]",
    "nested commas": b"[[" + b"1," * 130_000 + b"1]]",
    "quotes": b"[" + b'""' * 130_000 + b"]",
    "braces": b"[" + b"{}" * 130_000 + b"]",
    "open braces": b"[" + b"{" * 260_000,
    "spaces": b"[" + b" " * 260_000,
    "backslashes": b'["' + b"\\" * 260_000,
}


def test_payload_too_large_keeps_its_beginning_and_its_size() -> None:
    payload = b"x" * 1_000_000
    decoded = decode_message(Message(GAS, payload[: LIMITS.rejected_payload_bytes_max], len(payload)), LIMITS)
    (rejection,) = decoded.rejections
    assert rejection.reason == Reason.PAYLOAD_TOO_LARGE
    assert (len(rejection.payload), rejection.payload_bytes) == (65_536, 1_000_000)
    assert "262144" in rejection.detail


@pytest.mark.parametrize("entry", [GOOD, b'{"time":1,"value":tru}'], ids=["all good", "malformed"])
def test_too_many_readings(entry: bytes) -> None:
    limits = IngestLimits(readings_per_message_max=3)
    payload = b"[" + b",".join([entry] * 4) + b"]"
    decoded = decode_message(_message(payload), limits)
    assert [one.reason for one in decoded.rejections] == [Reason.TOO_MANY_READINGS]
    assert decoded.rejections[0].payload == payload


def test_a_fault_of_a_decoder_costs_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(ingest.decode, "decode_json", fail)
    decoded = decode_message(_message(GOOD), LIMITS)
    assert [one.reason for one in decoded.rejections] == [Reason.DECODER_FAILED]
    assert decoded.rejections[0].payload == GOOD


@pytest.mark.parametrize("topic", ["lifeline/\0/gas/\u202egas", "lifeline/c/gas/" + "x" * 65_000, "", "\ud800", "a/b"])
def test_topics_are_safe_to_store(topic: str) -> None:
    for payload in (GOOD, b"no", b'{"time":1,"value":"\\u0000"}'):
        for rejection in decode_message(Message(topic, payload, len(payload)), LIMITS).rejections:
            for text in (rejection.topic, rejection.detail, rejection.sensor or ""):
                assert "\0" not in text
                text.encode("utf-8")
            assert len(rejection.topic) <= 1_100


@given(st.text(alphabet=st.characters()), st.integers(1, 50))
def test_printable_text_is_safe_and_bounded(text: str, characters_max: int) -> None:
    safe = printable(text, characters_max)
    safe.encode("utf-8")
    assert safe.isprintable()
    assert len(safe) <= 10 * characters_max + 1


_PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"\xff", b" ", GOOD]
_WORDS_OF_OURS = [b'"time"', b'"value"', b'"sensor"', b'"unit"', b'"gas-1"', b"1795334340000", b"5", b"1e999", b"NaN"]
_LIKE_JSON = st.lists(st.sampled_from([*_PIECES, *_WORDS_OF_OURS]), max_size=40).map(b"".join)


@given(st.one_of(st.binary(max_size=200), _LIKE_JSON), st.sampled_from([GAS, GATEWAY]))
def test_any_bytes_never_raise(payload: bytes, topic: str) -> None:
    decoded = decode_message(_message(payload, topic), LIMITS)
    columns = decoded.columns
    lengths = {len(columns.time), len(columns.value), len(columns.quality), len(columns.sensor)}
    assert len(lengths) == 1
    assert all(math.isfinite(value) for value in columns.value)
    assert all(-(2**63) <= instant < 2**63 for instant in columns.time)
    assert all(one.reason != Reason.DECODER_FAILED for one in decoded.rejections)
    for rejection in decoded.rejections:
        assert rejection.payload in payload


_NUMBERS = st.integers() | st.floats() | st.booleans() | st.none()
_VALUES = st.recursive(
    _NUMBERS | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_FIELDS = st.dictionaries(
    st.sampled_from(["time", "value", "unit", "quality", "sensor", "x"]),
    _VALUES | st.sampled_from([1795334340000, "2026-11-22T08:00:00Z", 5.0, "gas-1", "good"]),
)
_WORDS = st.text(alphabet="0123456789+-.eE abcnulNaI:;'!/*\x00\t é", max_size=20).map(str.encode)
_ENTRIES = st.one_of((_VALUES | _FIELDS).map(lambda value: json.dumps(value).encode()), _WORDS)


@given(_ENTRIES, st.integers(0, 3))
def test_a_bad_entry_never_harms_its_neighbours(entry: bytes, place: int) -> None:
    entries = [b'{"time":179533434000%d,"value":%d}' % (i, i) for i in range(3)]
    decoded = decode_message(_message(b"[" + b",".join([*entries[:place], entry, *entries[place:]]) + b"]"), LIMITS)
    position = decoded.columns.position or range(len(decoded.columns.value))
    kept = {where: value for where, value in zip(position, decoded.columns.value, strict=True) if where != place}
    assert kept == {i + (i >= place): float(i) for i in range(3)}
    assert len(decoded.columns.value) + len(decoded.rejections) == 4
    for rejection in decoded.rejections:
        assert rejection.payload == entry.strip(b" \t\r\n")


@given(st.lists(_VALUES.map(lambda value: json.dumps(value).encode()), max_size=5), st.sampled_from([b"", b" ", b"\n"]))
def test_an_array_is_taken_apart_into_its_elements(elements: list[bytes], space: bytes) -> None:
    payload = space + b"[" + b",".join(space + one + space for one in elements) + b"]" + space
    assert split_elements(payload, 10) == elements


@pytest.mark.parametrize("payload", [b"[", b"[}", b"[1]]", b"[1", b'["', b"[1] 2", b"[{]"])
def test_what_is_no_array_is_not_taken_apart(payload: bytes) -> None:
    found = split_elements(payload, 10)
    assert isinstance(found, Fault)
    assert found.reason == Reason.NOT_JSON


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Callable[[], None]:
    return caplog.clear


def _message(payload: bytes, topic: str = GAS) -> Message:
    return Message(topic, payload, len(payload))
