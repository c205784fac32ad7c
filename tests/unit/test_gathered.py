"""ingest.gathered: messages in the order of arrival, whatever way each was decoded, joined and parted again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.gathered import NO_SEQUENCE, Gathered, gather_decoded, join, nothing_gathered
from ingest.message import Columns, Decoded, Message, reject
from ingest.reasons import Reason
from ingest.topics import GatewayTopic, parse_topic

GAS = "lifeline/c/gas/gas-1"
GATEWAY = "lifeline/c/gateway/g"
REFUSED = reject(Message(GATEWAY, b"[1]", 3), Reason.NOT_AN_OBJECT, "mend it")


def _decoded(topic: str, values: list[float], *, refused: bool = False, told: bool = True) -> Decoded:
    message = Message(topic, b"", 0)
    rows = len(values)
    columns = Columns(
        [f"s-{value:g}" for value in values],
        [int(value) for value in values],
        values,
        [2] * rows,
        [f"u-{value:g}" for value in values] if told else None,
        [2 * row for row in range(rows)] if refused else None,
        [int(value) for value in values] if told else None,
    )
    return Decoded(message, parse_topic(topic), columns, [REFUSED] if refused else [])


def _plain(decoded: Decoded) -> object:
    columns = decoded.columns
    rows = len(columns.sensor)
    return (
        decoded.message,
        decoded.topic,
        [list(column) for column in (columns.sensor, columns.time, columns.value, columns.quality)],
        list(columns.unit or [None] * rows),
        list(columns.position or range(rows)),
        list(columns.sequence or [None] * rows),
        list(decoded.rejections),
    )


def _gathered(decoded: list[Decoded], joined: set[int] = frozenset()) -> Gathered:  # type: ignore[assignment]
    """The messages at the places `joined` are given as one join, each of one reading."""
    columns = [decoded[place].columns for place in sorted(joined)]
    whole = Columns(
        [one.sensor[0] for one in columns],
        [one.time[0] for one in columns],
        [one.value[0] for one in columns],
        [one.quality[0] for one in columns],
        [(one.unit or [None])[0] for one in columns],
        None,
        [(one.sequence or [None])[0] for one in columns],
    )
    alone = {place: one for place, one in enumerate(decoded) if place not in joined}
    return gather_decoded([one.message for one in decoded], alone, [(sorted(joined), whole)] if joined else [])


_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([GAS, GATEWAY]),
        st.lists(st.integers(0, 99).map(float), max_size=3),
        st.booleans(),
        st.booleans(),
    ).map(lambda row: _decoded(row[0], row[1], refused=row[2], told=row[3])),
    max_size=8,
)


@given(_MESSAGES, st.sets(st.integers(0, 7)))
def test_each_message_comes_out_as_it_went_in(decoded: list[Decoded], chosen: set[int]) -> None:
    joined = {
        i for i in chosen if i < len(decoded) and len(decoded[i].columns.sensor) == 1 and not decoded[i].rejections
    }
    gathered = _gathered(decoded, joined)
    assert [_plain(one) for one in gathered] == [_plain(one) for one in decoded]
    assert gathered.count.tolist() == [len(one.columns.sensor) for one in decoded]
    assert gathered.entries == sum(max(1, len(one.columns.sensor) + len(one.rejections)) for one in decoded)
    assert gathered.ignored == sum(not one.columns.sensor and not one.rejections for one in decoded)


@given(st.lists(_MESSAGES, max_size=4))
def test_parts_are_joined_in_order(parts: list[list[Decoded]]) -> None:
    whole = join([_gathered(part) for part in parts])
    assert [_plain(one) for one in whole] == [_plain(one) for part in parts for one in part]


@given(_MESSAGES, st.integers(0, 8), st.integers(0, 8))
def test_a_part_holds_its_messages_and_their_readings(decoded: list[Decoded], one: int, other: int) -> None:
    first, last = sorted((one, other))
    last = min(last, len(decoded))
    if first >= last:
        return
    part = _gathered(decoded).part(first, last)
    assert [_plain(message) for message in part] == [_plain(message) for message in decoded[first:last]]
    assert len(part.time) == sum(len(message.columns.sensor) for message in decoded[first:last])


def test_what_no_reading_tells_is_told_by_nothing() -> None:
    gathered = _gathered([_decoded(GAS, [1.0], told=False), _decoded(GAS, [2.0], told=False)])
    assert gathered.unit is None
    assert gathered.sequence.tolist() == [NO_SEQUENCE, NO_SEQUENCE]


def test_a_topic_that_stands_for_another_is_kept() -> None:
    message = Message("spBv1.0/c/NDATA/edge", b"", 0)
    gathered = gather_decoded(
        [message], {0: Decoded(message, GatewayTopic("c", "edge"), _decoded(GAS, [1.0]).columns, [])}
    )
    assert gathered.topic(0) == GatewayTopic("c", "edge")


def test_nothing_gathered_is_empty() -> None:
    nothing = nothing_gathered()
    assert (len(nothing), len(nothing.time), nothing.entries, list(nothing)) == (0, 0, 0, [])
    with pytest.raises(IndexError):
        nothing[0]


def test_columns_have_their_types() -> None:
    gathered = join([_gathered([_decoded(GAS, [1.0])]), nothing_gathered()])
    columns = (gathered.end, gathered.time, gathered.value, gathered.quality, gathered.sequence)
    assert [column.dtype for column in columns] == [np.int64, np.int64, np.float64, np.uint16, np.int64]
