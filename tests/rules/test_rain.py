"""Rain: sums over windows of amounts since the reading before; a hole makes a sum a lower bound, which never clears."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, every, signals, watching
from tests.rules.streams import sensor

GAUGE = sensor("a", system="weather", property="rainfall", unit="mm", interval_s=600.0)
IN_AN_HOUR = {"kind": "rain", "window_s": 3600, "limits": {"blue": 5, "red": 10}}
WET = {"kind": "rain", "window_s": 7200, "antecedent_s": 36_000, "antecedent_weight": 0.5, "limits": {"blue": 5}}


def told_last(condition: dict[str, Any], points: list[Point]) -> list[Point]:
    return [(time, pytest.approx(value, abs=1e-9)) for time, value in signals(condition, points, GAUGE)]


CASES: list[tuple[str, list[Point], Point | None]] = [
    ("six readings are an hour", every(600, [9, 1, 1, 1, 1, 1, 1]), (3600, 6)),
    ("what fell before the hour is out", every(600, [9, 5, 0, 0, 0, 0, 0, 0]), (4200, 0)),
    ("a reading counts for the time since the one before", [*every(600, [0] * 7), (4200, 6), (5400, 6)], (5400, 12)),
    ("of what is half within the hour, half counts", [*every(600, [0] * 7), (4200, 6), (7500, 0)], (7500, 3)),
    ("of the first reading nothing is known", every(600, [99]), None),
    ("dry", every(600, [0] * 8), (4200, 0)),
]


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rain(points: list[Point], expected: Point | None) -> None:
    found = signals(
        IN_AN_HOUR, points, sensor("a", system="weather", property="rainfall", unit="mm", interval_s=1200.0)
    )
    assert found[-1:] == ([] if expected is None else [(expected[0], pytest.approx(expected[1]))])


def test_it_raises_while_the_first_hour_is_not_over_and_clears_when_it_is_whole() -> None:
    assert changes(IN_AN_HOUR, every(600, [0, 6, *[0] * 9]), GAUGE) == [(600, 0, 1), (4200, 1, 0)]


def test_a_hole_never_clears() -> None:
    rain = every(600, [0] * 6 + [6] + [0] * 4)  # until 6000 s
    after = every(600, [0] * 8, begin_s=9_600)
    assert changes(IN_AN_HOUR, [*rain, *after], GAUGE) == [(3600, 0, 1), (13_200, 1, 0)]


def test_within_a_hole_more_rain_raises() -> None:
    rain = every(600, [0] * 6 + [6])
    assert changes(IN_AN_HOUR, [*rain, (6_600, 0), (7_200, 11)], GAUGE) == [(3600, 0, 1), (7200, 1, 4)]


def test_what_was_gathered_over_a_hole_is_spread_over_it() -> None:
    points = [*every(600, [0] * 7), (3600 + 7200, 12)]
    assert told_last(IN_AN_HOUR, points)[-1] == (10_800, 6)


def test_a_gauge_by_exception_has_no_holes() -> None:
    tipping = sensor("a", system="weather", property="rainfall", unit="mm", interval_s=60.0, reporting="by_exception")
    points = [(0.0, 0.2), *every(60, [3, 3, 3], begin_s=86_400.0), (100_000.0, 0.2)]
    assert changes(IN_AN_HOUR, points, tipping) == [(86_520, 0, 1), (100_000, 1, 0)]


def test_antecedent_rain_counts_in_part() -> None:
    points = every(600, [0, *[1] * 12, *[0] * 60])
    found = dict(signals(WET, points, GAUGE))
    assert found[7200] == pytest.approx(12)  # two hours of it
    assert found[43_200] == pytest.approx(6)  # all of it before those two hours, and at half


def test_a_new_device_s_first_amount_counts_for_nothing() -> None:
    assert signals(IN_AN_HOUR, every(600, [0, 1, 99, 1]), GAUGE, renewed=[2])[-1] == (1800, pytest.approx(2))


def plain_sum(points: list[Point], now: float, window_s: float, part_s: float) -> float:
    """What fell within a window, the rain of each reading even since the one before and within each part of time."""
    total = 0.0
    for number in range(int((now - window_s) // part_s) - 1, int(now // part_s) + 1):
        begin, end = number * part_s, (number + 1) * part_s
        amount = sum(
            value * max(0.0, min(end, later) - max(begin, earlier)) / (later - earlier)
            for (earlier, _), (later, value) in pairwise(points)
        )
        total += amount * max(0.0, end - max(begin, now - window_s)) / part_s if end > now - window_s else 0.0
    return total


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_a_plain_model_agrees(seed: int) -> None:
    chance = random.Random(seed)
    time, points = 1.76e9, []
    for _ in range(40):
        points.append((time, chance.choice([0.0, 0.0, 0.2, 0.4, 3.0])))
        time += chance.choice([300, 600, 600, 601, 1500])
    told = 0.0
    expected = []
    for end in range(2, len(points) + 1):
        now = points[end - 1][0]
        amount = plain_sum(points[:end], now, 3600, 50)
        if now - points[0][0] >= 3600 or amount > told + 1e-9:
            expected.append((now, pytest.approx(amount, abs=1e-6)))
            told = amount
    assert signals(IN_AN_HOUR, points, GAUGE) == expected


@pytest.mark.parametrize(
    "wrong",
    [{"antecedent_weight": 0.5}, {"antecedent_s": 3600}, {"off_delay_s": 60}, {"unit": "kPa"}, {"direction": "below"}],
)
def test_words_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"antecedent_weight|off_delay_s|unit|direction"):
        watching({**IN_AN_HOUR, **wrong}, GAUGE)
