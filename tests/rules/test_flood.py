"""Floods of alarms: when one begins and ends, what came first, what is folded; beside a plain model of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.flood import PERIOD_MS, Flood, Shown, Watch, annunciate, leave, share_in_flood

MINUTE = 60_000


def shown(*times: int, severity: int = 1) -> list[Shown]:
    return [Shown(time, time, f"a{place:03}", severity) for place, time in enumerate(times)]


def floods(all_shown: Iterable[Shown], clock: int | None = None) -> list[Flood]:
    """The floods that annunciations make, the last as it stands at `clock`, for ever later where that is None."""
    watch, found = Watch(), []
    for one in all_shown:
        step = annunciate(watch, one)
        watch = step.watch
        found += [] if step.over is None else [step.over]
    watch, over = leave(watch, 2**60 if clock is None else clock)
    return found + [one for one in (over, watch.flood) if one is not None]


def plain(times: Sequence[int]) -> list[tuple[int, int]]:
    """The definition, looked at wherever the count may change: (begin, end) of the floods."""
    found, begun = [], None
    for now in sorted({*times, *(time + PERIOD_MS for time in times)}):
        count = sum(now - PERIOD_MS < time <= now for time in times)
        if begun is None and count > 10:
            begun = now
        elif begun is not None and count < 5:
            found.append((begun, now))
            begun = None
    return found


# name: (seconds of annunciations, (begin, end) of the floods in seconds)
COURSES: dict[str, tuple[Iterable[int], list[tuple[int, int]]]] = {
    "ten at once are none": ([0] * 10, []),
    "eleven at once are one": ([0] * 11, [(0, 600)]),
    "the eleventh begins it": (range(0, 110, 10), [(100, 660)]),
    "ten minutes are no longer ten minutes": ([*range(10), 600], []),
    "one second less": ([*range(10), 599], [(599, 606)]),
    "four in ten minutes do not keep it": ([0] * 11 + [300, 400, 500, 590], [(0, 600)]),
    "five do": ([0] * 11 + [300, 400, 500, 550, 590], [(0, 900)]),
    "what comes at the instant of the end keeps it": ([0] * 11 + [300, 400, 500, 590, 600], [(0, 900)]),
    "two": ([0] * 11 + [2_000] * 11, [(0, 600), (2_000, 2_600)]),
    "a steady stream is one": (range(0, 3_000, 50), [(500, 3_350)]),
}


@pytest.mark.parametrize("name", COURSES)
def test_a_flood_begins_above_ten_in_ten_minutes_and_ends_below_five(name: str) -> None:
    seconds, expected = COURSES[name]
    found = floods(shown(*(second * 1_000 for second in seconds)))
    assert [(one.began // 1_000, (one.ended or 0) // 1_000) for one in found] == expected


@given(st.lists(st.integers(0, 90 * MINUTE).map(lambda time: time // 20_000 * 20_000), max_size=60))
def test_begin_and_end_are_those_of_the_definition(times: list[int]) -> None:
    assert [(one.began, one.ended) for one in floods(shown(*sorted(times)))] == plain(sorted(times))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_neither_the_order_within_an_instant_nor_when_it_is_asked_changes_anything(
    drawn: list[tuple[int, int]], chance: random.Random, asked: list[int]
) -> None:
    in_order = [Shown(minute * MINUTE, minute * MINUTE, f"a{place}", severity)
                for place, (minute, severity) in enumerate(sorted(drawn))]  # fmt: skip
    expected = floods(in_order)
    shuffled: list[Shown] = []
    for _, instant in groupby(in_order, key=lambda one: one.known_at):
        together = list(instant)
        chance.shuffle(together)
        shuffled += together
    watch, found = Watch(), []
    for one in shuffled:
        for minute in sorted(asked):  # the log's clock goes on without an annunciation
            if minute * MINUTE <= one.known_at:
                watch, over = leave(watch, minute * MINUTE)
                found += [] if over is None else [over]
        step = annunciate(watch, one)
        watch = step.watch
        found += [] if step.over is None else [step.over]
    _, over = leave(watch, 2**60)
    assert found + ([] if over is None else [over]) == expected


def test_the_first_out_is_the_oldest_of_the_ten_minutes_in_which_it_began() -> None:
    times = [0, *(20 * MINUTE + n * 1_000 for n in range(12))]
    (flood,) = floods(shown(*times))
    assert (flood.first_out.alarm, flood.annunciated) == ("a001", 12)


def test_of_one_instant_the_cause_that_is_oldest_is_the_first_out() -> None:
    at_once = [Shown(1_000, 900 - place, f"a{place}", 1) for place in range(15)]
    (flood,) = floods(at_once)
    assert flood.first_out.alarm == "a14"


def test_all_that_made_it_a_flood_belongs_to_it() -> None:
    watch = Watch()
    joined = []
    for one in shown(*range(0, 130_000, 10_000)):
        step = annunciate(watch, one)
        watch = step.watch
        joined.append(len(step.joined))
    assert joined == [0] * 10 + [11, 1, 1]


# whether a red alarm is among those of the flood; severity (0: instrument): whether it is folded
FOLDED = [
    (False, {0: True, 1: True, 2: True, 3: False, 4: False}),
    (True, {0: True, 1: True, 2: True, 3: True, 4: False}),
]


@pytest.mark.parametrize(("red", "expected"), FOLDED)
def test_lower_severities_are_folded_and_red_never(red: bool, expected: dict[int, bool]) -> None:
    others = [*shown(*range(10)), *shown(10, severity=4 if red else 2)]
    (flood,) = floods(others, clock=20)
    assert flood.ended is None
    assert {severity: flood.folds(Shown(20, 20, "later", severity)) for severity in expected} == expected


@pytest.mark.parametrize("severity", range(5))
def test_the_first_out_is_never_folded(severity: int) -> None:
    first, *others = shown(*range(12), severity=severity)
    (flood,) = floods([first, *others, Shown(12, 12, "red", 4)], clock=20)
    assert not flood.folds(first)
    assert [flood.folds(other) for other in others] == [severity < 4] * 11


# spans, of 0 to 100: the share
SHARES = [([], 0.0), ([(0, 50)], 0.5), ([(-50, 10), (90, 200)], 0.2), ([(80, None)], 0.2), ([(150, None)], 0.0)]


@pytest.mark.parametrize(("spans", "share"), SHARES)
def test_the_share_of_time_in_flood(spans: list[tuple[int, int | None]], share: float) -> None:
    assert share_in_flood(spans, 0, 100) == pytest.approx(share)
