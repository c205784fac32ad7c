"""ingest.gaps: what is missing is seen, what comes late fills it, a count begun anew is no gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.gaps import GapTracker, decode_states, encode_states
from store.gaps import Filling, Gap

Row = tuple[str, int, int]


def _track(rows: list[Row], per_batch: int = 1_000, restarts: bool = False) -> tuple[list[Gap], list[Filling], int]:
    tracker, opened, filled, resets = GapTracker(), [], [], 0
    missing: list[tuple[str, int, int]] = []
    for start in range(0, len(rows), per_batch):
        part = rows[start : start + per_batch]
        columns = [tracker.places([r[0] for r in part]), *(_array(part, i) for i in (1, 2))]
        tracker.judge(*columns)  # in vain: the store failed
        changes = tracker.judge(*columns)
        states = decode_states(encode_states(tracker.states(changes)))
        tracker.commit(changes)
        opened += changes.opened
        filled += changes.filled
        resets += changes.resets
        if restarts:
            all_states = tracker.states()
            missing = [(tracker._names[place], *part) for place, parts in tracker._open.items() for part in parts]
            tracker = GapTracker()
            tracker.restore([*all_states, *states], missing)
    return opened, filled, resets


def _array(rows: list[Row], column: int) -> NDArray[np.int64]:
    return np.array([row[column] for row in rows], np.int64)


@pytest.mark.parametrize(
    ("numbers", "opened", "filled", "resets"),
    [
        ([1, 2, 3, 4], [], [], 0),
        ([7, 8], [], [], 0),  # the first one heard is where it begins
        ([1, 2, 5, 6], [(3, 4)], [], 0),
        ([1, 5, 3, 4, 2, 6], [(2, 4)], [3, 4, 2], 0),
        ([1, 5, 3, 3, 3], [(2, 4)], [3], 0),  # repeated
        ([1, 1, 2, 2, 1], [], [], 0),
        ([1, 3, 6, 2, 5, 4], [(2, 2), (4, 5)], [2, 5, 4], 0),
        ([1, 2, 5_000_000, 5_000_001], [], [], 1),  # nobody misses five million
    ],
)
def test_numbers_sent_in_order_of_their_times(
    numbers: list[int], opened: list[tuple[int, int]], filled: list[int], resets: int
) -> None:
    rows = [("s", number, number * 1_000) for number in numbers]
    for per_batch in (1, 2, 100):
        found = _track(rows, per_batch, restarts=per_batch == 1)
        assert [(gap.first, gap.last) for gap in found[0]] == opened
        assert [filling.sequence for filling in found[1]] == filled
        assert found[2] == resets


def test_a_count_begun_anew() -> None:
    rows = [("s", 998, 1), ("s", 999, 2), ("s", 0, 3), ("s", 1, 4), ("s", 3, 5)]
    opened, filled, resets = _track(rows)
    assert (opened, filled, resets) == ([Gap("s", 2, 2, 5)], [], 1)
    # What comes late from before it belongs to the old count.
    opened, filled, resets = _track([*rows, ("s", 997, 0), ("s", 1_000, 2), ("s", 4, 6)])
    assert (len(opened), filled, resets) == (1, [], 1)


def test_sources_are_kept_apart_and_gaps_bounded() -> None:
    rows = [("a", 1, 1), ("b", 10, 1), ("a", 2, 2), ("b", 12, 2), ("b", 11, 1)]
    assert _track(rows) == ([Gap("b", 11, 11, 2)], [Filling("b", 11)], 0)
    many = [("a", 2 * number, number) for number in range(1_000)]
    opened, filled, _ = _track([*many, ("a", 1, 0), ("a", 1_997, 998)])
    assert len(opened) == 999
    assert filled == [Filling("a", 1_997)]  # the newest are still known


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.integers(0, 12)), max_size=40))
def test_batches_failures_and_restarts_change_nothing(rows: list[Row]) -> None:
    assert _track(rows, 3, restarts=True) == _track(rows)


@given(st.permutations(range(1, 13)), st.sets(st.integers(2, 12)))
def test_what_was_not_sent_is_what_stays_missing(order: list[int], lost: set[int]) -> None:
    sent = [1, *(number for number in order if number not in lost and number != 1)]
    opened, filled, _ = _track([("s", number, number) for number in sent], 4)
    missing = {number for gap in opened for number in range(gap.first, gap.last + 1)}
    missing -= {filling.sequence for filling in filled}
    assert missing == {number for number in lost if number < max(sent)}
