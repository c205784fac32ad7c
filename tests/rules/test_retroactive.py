"""Late readings (I4): what was known then stays, what would have been raised is journalled as retroactive."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.backtest import backtest
from model.alarm import JournalLine, journal_order
from model.reading import ReadingBatch
from tests.rules.streams import PLAIN_RULE, batch, engine, threshold

Row = tuple[str, float, float]
PEAKS = {"": 0, "blue": 1, "yellow": 2, "orange": 3, "red": 4}


def journal(rows: list[Row], arrived: list[float], *rules: dict[str, Any]) -> list[JournalLine]:
    """Every arrival instant in a batch of its own, as in the log; nobody acknowledges."""
    built = engine(*rules)
    batches: list[ReadingBatch] = []
    for instant in sorted(set(arrived)):
        part = [row for row, came in zip(rows, arrived, strict=True) if came == instant]
        batches.append(batch(built, part, sequence=len(batches) + 1, arrived=[instant] * len(part)))
    return sorted(backtest(built, batches, None), key=journal_order)


def brief(lines: list[JournalLine]) -> list[tuple[str, str | None, str, bool]]:
    return [(line.time[14:19], line.severity, line.known_at[14:19], line.retroactive) for line in lines]


# Readings of sensor a in order of arrival: (time, value, arrival) in seconds.
CASES: list[tuple[str, dict[str, Any], list[tuple[float, float, float]], list[tuple[str, str | None, str, bool]]]] = [
    ("in time", {}, [(0, 5, 0), (60, 25, 60), (120, 5, 120)], [
        ("01:00", "yellow", "01:00", False), ("02:00", None, "02:00", False),
    ]),
    ("late and above: raised and returned as it would have been", {}, [(0, 5, 0), (120, 5, 120), (60, 25, 150)], [
        ("01:00", "yellow", "02:30", True), ("02:00", None, "02:30", True),
    ]),
    ("late and below: nothing", {}, [(0, 5, 0), (120, 5, 120), (60, 9, 150)], []),
    ("late inside an alarm that was known: nothing new", {}, [(0, 25, 0), (120, 25, 120), (60, 25, 150)], [
        ("00:00", "yellow", "00:00", False),
    ]),
    ("late and worse than what was known then", {}, [(0, 12, 0), (120, 12, 120), (60, 45, 150), (180, 5, 180)], [
        ("00:00", "blue", "00:00", False), ("01:00", "red", "02:30", True), ("02:00", None, "02:30", True),
        ("03:00", None, "03:00", False),
    ]),
    ("a late reading that completes an on-delay", {"on_delay_s": 50}, [
        (0, 5, 0), (60, 25, 60), (100, 5, 100), (130, 5, 130), (30, 25, 140),
    ], [("01:20", "yellow", "02:20", True), ("01:40", None, "02:20", True)]),
    ("two that came together are late together", {}, [(0, 5, 0), (300, 5, 300), (60, 25, 310), (120, 26, 310)], [
        ("01:00", "yellow", "05:10", True), ("05:00", None, "05:10", True),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "rows", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_late(condition: dict[str, Any], rows: list[tuple[float, float, float]], expected: list[Any]) -> None:
    lines = journal([("a", t, v) for t, v, _ in rows], [came for _, _, came in rows], threshold(**condition))
    assert brief(lines) == expected


def test_a_retroactive_occurrence_waits_for_acknowledgement() -> None:
    lines = journal([("a", 0, 5), ("a", 120, 5), ("a", 60, 25)], [0, 120, 150], threshold())
    assert [line.to for line in lines] == ["unacknowledged", "returned_unacknowledged"]
    assert {line.alarm for line in lines} == {"depth.a.19700101T000100000Z.r"}


def test_other_rules_that_look_at_several_sensors_are_left_out() -> None:
    together = {
        **PLAIN_RULE,
        "rule": "together",
        "condition": {"kind": "combination", "per": "city", "levels": {"red": {"rule": "depth"}}},
    }
    lines = journal([("a", 0, 5), ("a", 120, 5), ("a", 60, 25)], [0, 120, 150], threshold(), together)
    assert {line.rule for line in lines} == {"depth"}


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([0.0, 12.0, 25.0, 45.0]), min_size=1, max_size=12), st.integers(0, 11), st.floats(61, 400)
)
def test_together_the_journals_miss_nothing_that_the_stream_in_order_raises(
    values: list[float], late: int, delay: float
) -> None:
    """While an alarm of the stream in order stood, one as severe is in the journal, whichever reading came late."""
    stream = [(value, delay if place == late % len(values) else 0.0) for place, value in enumerate(values)]
    rows = [("a", 60.0 * place, value) for place, (value, _) in enumerate(stream)]
    came = [60.0 * place + delay for place, (_, delay) in enumerate(stream)]
    order = sorted(range(len(rows)), key=lambda place: (came[place], place))
    told = occurrences(journal([rows[place] for place in order], [came[place] for place in order], threshold()))
    for begin, end, peak in occurrences(journal(rows, [row[1] for row in rows], threshold())):
        assert any(known >= peak and start <= end and begin <= stop for start, stop, known in told)


def occurrences(lines: list[JournalLine]) -> list[tuple[str, str, int]]:
    """Begin, end and peak of each occurrence; one that still stands ends after all times."""
    found: dict[str, list[JournalLine]] = {}
    for line in lines:
        found.setdefault(line.alarm, []).append(line)
    return [
        (part[0].time, part[-1].time if part[-1].severity is None else "~", max(PEAKS[p.severity or ""] for p in part))
        for part in found.values()
    ]
