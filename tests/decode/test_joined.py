"""Messages that are decoded together give what each gives alone, whatever their neighbours are."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest.decode
from ingest.decode import decode_message, decode_messages
from ingest.decoders.joined import decode_joined
from ingest.message import Columns, Decoded, Message
from ingest.reasons import Reason
from ingest.settings import IngestLimits
from tests.decode.messages import read_messages

LIMITS = IngestLimits()
TOPICS = [
    "lifeline/jiayuguan/gas/gas-1",
    "lifeline/jiayuguan/gas/gas-2",
    "lifeline/jiayuguan/gateway/lamp-7",
    "lifeline/jiayuguan/alarm/a-1",
    "elsewhere",
]
GOOD = b'{"time":1795334340000,"value":5}'
FULL = b'{"time":"2026-11-22T07:59:00.25Z","value":1.5,"unit":"%{LEL}","quality":"bad","sensor":"gas-1","sequence":7}'

# What a device would send to pass its own bytes off as another's, alone or together with a neighbour's.
INJECTIONS = [
    GOOD + b"," + GOOD,
    b'{"time":1795334340000,"value":1},{"time":1795334340000,"value":2}',
    b'{"time":1795334340000,"value":1,"note":"}',
    b'{"}',
    b'{","time":1795334340000,"value":9}',
    b'{"time":1795334340000,"value":1,"list":[{}',
    b"{}]}",
    b'{"time":1795334340000,"value":1,"inner":{"time":1}}',
    b'{"time":1795334340000,"value":1}]{}',
    b"{}",
    b'{"time":1795334340000,"value":1}}',
    b'{{"time":1795334340000,"value":1}',
    b'{"time":1795334340000,"value":1,"value":2}',
    b'{"time":1795334340000,"value":1,"unit":"[ppm]","unit":"%{LEL}"}',
    b'{"time":1795334340000,"value":1,"note":"unit"}',
    b'{"time":1795334340000,"value":1,"note":"\\"}',
    b'{"time":1795334340000,"value":1,"\\u0076alue":2}',
    b'{"time":"2026-11-22T07:59:59.9999999Z","value":1}',
    b'{"time":1795334340000,"value":1,"sequence":"seven"}',
    b'{"time":1795334340000,"value":1,"sequence":-1,"unit":null}',
    b'{"time":1795334340000,"value":1,"note":"\xff"}',
    b'{"time":1795334340000,"value":1e999}',
    b'{"time":1795334340000,"value":NaN}',
    b'{"sensor":"gas-9","time":1795334340000,"value":1}',
    b'{"time":1795334340000,"value":1,"unit":"%{LEL}"},{"time":1795334340000,"value":2}',
    b'{"time":1795334340000,"value":1,"unit":"%}',
    b'{"time":1795334340000,"value":1,"unit":"%{}',
    b'{LEL}"}',
    b'{"time":1795334340000,"value":1,%{"time":1}}',
    b'{"quality":"odd","time":1795334340000,"value":1}',
]
_FRAGMENTS = [
    b"{",
    b"}",
    b",",
    b'"',
    b":",
    b"[",
    b"]",
    b"%{",
    b"\\",
    b'"time"',
    b'"value"',
    b'"unit"',
    b"1",
    b" ",
    b'"x"',
    GOOD,
]
_PAYLOADS = st.one_of(
    st.sampled_from([GOOD, FULL, *INJECTIONS]),
    st.lists(st.sampled_from(_FRAGMENTS), max_size=12).map(lambda parts: b"{" + b"".join(parts) + b"}"),
    st.binary(max_size=20),
)
_MESSAGES = st.lists(st.tuples(st.sampled_from(TOPICS), _PAYLOADS), max_size=60)


def _message(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, len(payload))


def _plain(decoded: Decoded) -> object:
    """What counts of a decoded message, in one form: columns that hold nothing are as good as none."""
    columns = decoded.columns
    rows = len(columns.sensor)
    return (
        decoded.message,
        decoded.topic,
        list(columns.sensor),
        list(columns.time),
        list(columns.value),
        list(columns.quality),
        list(columns.unit or [None] * rows),
        list(columns.position or range(rows)),
        list(columns.sequence or [None] * rows),
        list(decoded.rejections),
    )


@settings(max_examples=600)
@given(_MESSAGES)
def test_together_as_alone(pairs: list[tuple[str, bytes]]) -> None:
    messages = [_message(topic, payload) for topic, payload in pairs]
    together = decode_messages(messages, LIMITS)
    assert [_plain(one) for one in together] == [_plain(decode_message(one, LIMITS)) for one in messages]


@settings(max_examples=600)
@given(st.lists(_PAYLOADS.filter(lambda payload: payload[:1] == b"{" and payload[-1:] == b"}"), max_size=6))
def test_a_join_that_succeeds_holds_each_payload_whole(payloads: list[bytes]) -> None:
    columns = decode_joined(payloads, ["gas-1"] * len(payloads))
    if columns is None:
        return
    for row, payload in enumerate(payloads):
        # Raises where a payload is not one complete JSON value by itself.
        alone = json.loads(payload.decode("utf-8", "replace"))
        assert columns.value[row] == alone["value"]


@pytest.mark.parametrize("first", INJECTIONS)
def test_two_messages_cannot_make_up_a_third(first: bytes) -> None:
    for second in INJECTIONS:
        messages = [_message(TOPICS[0], payload) for payload in (GOOD, first, second, GOOD)]
        together = decode_messages(messages, LIMITS)
        assert [_plain(one) for one in together] == [_plain(decode_message(one, LIMITS)) for one in messages]
        assert [list(together[place].columns.value) for place in (0, 3)] == [[5.0], [5.0]]


@pytest.mark.parametrize("count", [1, 24, 25, 26, 499, 500, 501, 1300])
def test_a_bad_message_costs_only_itself(count: int) -> None:
    for place in {0, count // 2, count - 1}:
        messages = [_message(TOPICS[0], b'{"time":1795334340000,"value":%d}' % row) for row in range(count)]
        messages[place] = _message(TOPICS[0], b'{"time":1795334340000,"value":tru}')
        decoded = decode_messages(messages, LIMITS)
        assert [list(one.columns.value) for row, one in enumerate(decoded) if row != place] == [
            [float(row)] for row in range(count) if row != place
        ]
        assert [one.reason for one in decoded[place].rejections] == [Reason.NOT_JSON]


def test_all_fields_are_taken_from_a_join() -> None:
    decoded = decode_messages([_message(TOPICS[0], FULL), _message(TOPICS[2], FULL), _message(TOPICS[1], GOOD)], LIMITS)
    full = Columns(("gas-1",), (1795334340250,), (1.5,), (2,), ("%{LEL}",), None, (7,))
    assert [one.columns for one in decoded] == [full, full, Columns(("gas-2",), (1795334340000,), (5.0,), (0,))]


def test_the_golden_cases_together() -> None:
    folders = sorted(path.parent for path in Path(__file__).parent.glob("*/topic.txt"))
    messages = [message for folder in folders for message in read_messages(folder)]
    assert [_plain(one) for one in decode_messages(messages, LIMITS)] == [
        _plain(decode_message(one, LIMITS)) for one in messages
    ]


def test_a_fault_of_the_joining_decoder_is_made_good_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise msgspec.MsgspecError("surprise")

    monkeypatch.setattr(ingest.decode, "decode_joined", fail)
    decoded = decode_messages([_message(TOPICS[0], GOOD)] * 30, LIMITS)
    assert [list(one.columns.value) for one in decoded] == [[5.0]] * 30
