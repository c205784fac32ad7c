"""ingest.decoders.plain: times read at once are those read one by one, and what is not plain is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.decoders.plain import _milliseconds
from ingest.decoders.plain_walk import FIELDS, UNREAD, read_times, tally
from model.instant import parse_instant


def _read(*texts: str) -> list[int]:
    ends = np.cumsum(np.array([len(text) for text in texts], np.int64))
    return read_times(np.frombuffer("".join(texts).encode(), np.uint8), ends).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T08:00:00.000Z", 1_795_334_400_000),
        ("2026-11-22T08:00:00.1Z", 1_795_334_400_100),
        ("2026-11-22T08:00:00.123999Z", 1_795_334_400_123),  # cut, not rounded
        ("2026-11-22T16:00:00+08:00", 1_795_334_400_000),
        ("2026-11-21T22:30:00.5-09:30", 1_795_334_400_500),
        ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
    ],
)
def test_usual_times(text: str, expected: int) -> None:
    assert _read(text) == [expected]
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-11-22T08:00:00",
        "2026-11-22T08:00:00.Z",
        "2026-11-22 08:00:00Z",
        "2026-11-22t08:00:00z",
        "2026-02-29T08:00:00Z",
        "2100-02-29T08:00:00Z",
        "2026-13-22T08:00:00Z",
        "2026-00-22T08:00:00Z",
        "2026-04-31T08:00:00Z",
        "2026-11-00T08:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T08:60:00Z",
        "2026-11-22T08:00:60Z",
        "2026-11-22T08:00:00+24:00",
        "2026-11-22T08:00:00+08:60",
        "2026-11-22T08:00:00+0800",
        "2026-11-22T08:00:00.1234567Z",
        "+026-11-22T08:00:00Z",
        "2026-11-22T08:00:00Z ",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_unusual_times_are_not_read_at_once(text: str) -> None:
    assert _read("1970-01-01T00:00:00Z", text, "1970-01-01T00:00:01Z") == [0, UNREAD, 1_000]


_TIMES = st.one_of(
    st.builds(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
        st.sampled_from([1969, 1970, 2000, 2024, 2026, 2100, 2999, 3000]),
        st.integers(0, 13),
        st.integers(0, 32),
        st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(["", ".", ".5", ".999", ".9999995", ".123456789"]),
        st.sampled_from(["Z", "z", "", "+08:00", "-00:00", "+24:00", "+0800", "+23:59", "-12:30"]),
    ),
    st.text(alphabet="0123456789-:.TZ+ ", max_size=30),
)


@given(st.lists(_TIMES, min_size=1, max_size=6))
@example(["2026-11-22T08:00:00.9999999Z"])
def test_what_is_read_at_once_is_what_is_read_alone(texts: list[str]) -> None:
    for text, time in zip(texts, _read(*texts), strict=True):
        if time != UNREAD:
            assert time == parse_instant(text)


@given(st.lists(st.one_of(_TIMES, st.integers(-(2**63), 2**63 - 1), st.text(max_size=4)), max_size=6))
def test_texts_and_numbers_together(times: list[int | str]) -> None:
    try:
        expected = [parse_instant(time) if isinstance(time, str) else time for time in times]
    except ValueError:
        expected = None
    assert _milliseconds(times) == expected


_FRAGMENTS = [*(b'"%s"' % name for name in FIELDS), *FIELDS, b'"', b"{", b"%", b"%{", b"}", b"x", b"\xff", b'"timed"']


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=30).map(b"".join))
def test_names_and_braces_are_counted(content: bytes) -> None:
    found = tally(np.frombuffer(content, np.uint8)).tolist()
    starts = range(len(content))
    assert found[:-1] == [sum(content.startswith(b'"%s"' % name, at) for at in starts) for name in FIELDS]
    assert found[-1] == content.count(b"{") - content.count(b"%{")


@pytest.mark.parametrize("content", [b"\\", b'{"time":1}\\', b'{"\\u0074ime":1}'])
def test_nothing_is_counted_where_there_is_a_backslash(content: bytes) -> None:
    assert set(tally(np.frombuffer(content, np.uint8)).tolist()) == {-1}
