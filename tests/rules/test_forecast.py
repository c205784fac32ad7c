"""Forecast: the level reached at the horizon, at the slow end of the rise; 0 where nothing rises."""

import random
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from alerts.backtest import backtest
from alerts.conditions.slope import bounding_places
from model.instant import format_instant
from tests.rules.signals import Point, changes, every, signals, watching
from tests.rules.streams import batch, sensor

AHEAD = {
    "kind": "forecast",
    "unit": "cm",
    "window_s": 900,
    "horizon_s": 360,
    "noise_floor": 0.5,
    "limits": {"blue": 15, "yellow": 27},
}

CASES: list[tuple[str, list[Point], list[Point]]] = [
    ("straight on for six minutes", every(60, range(6)), [(240, 10), (300, 11)]),
    ("it says nothing while too few", every(60, range(4)), []),
    ("a fall", every(60, [9, 8, 7, 6, 5]), [(240, 0)]),
    ("standing water", every(60, [20] * 6), [(240, 0), (300, 0)]),
    ("it wobbles by less than the floor", every(60, [3.0, 3.1, 3.2, 3.3, 3.4, 3.5]), [(240, 0), (300, 0)]),
    ("a dry hour before changes nothing", every(60, [0.3, 0, 0.2, 0, 0.1] * 2 + list(range(6))), [(900, 11)]),
    ("a single spike", every(60, [1, 1, 1, 1, 1, 30, 1, 1]), [(300, 0), (360, 0), (420, 0)]),
    ("it slows down: the slow end counts", every(60, [0, 4, 7, 9, 10]), [(240, 16)]),
    ("a fast sensor is thinned out", every(1, [place / 60 for place in range(1200)]), [(1197, 1197 / 60 + 6)]),
    ("after a gap it begins anew", [*every(60, range(5)), (3_000, 40), (3_060, 41)], [(240, 10)]),
]


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_forecast(points: list[Point], expected: list[Point]) -> None:
    found = signals(AHEAD, points, sensor("a", interval_s=min(60.0, points[1][0])))
    wanted = [(time, pytest.approx(value)) for time, value in expected]
    assert found[len(found) - len(wanted) :] == wanted


def test_an_alarm_comes_before_the_level_and_returns_when_the_rise_ends() -> None:
    points = every(60, [*range(0, 21), *[20] * 30])
    assert changes(AHEAD, points) == [(540, 0, 1), (1740, 1, 0)]  # 15 cm are reached at 900


# Readings a minute, and when 15 cm are expected by the alarm that comes (seconds): at the earliest, at the latest.
EXPECTED: list[tuple[str, Sequence[float], tuple[float, float] | None]] = [
    ("straight on", range(21), (900, 900)),
    ("it slows down, so the interval is wide", [0, 4, 7, 9, 10], (240 + 75, 240 + 300)),
    ("the level is crossed already", [0, 4, 8, 12, 16], None),
]


@pytest.mark.parametrize(("values", "expected"), [case[1:] for case in EXPECTED], ids=[case[0] for case in EXPECTED])
def test_the_alarm_tells_when_the_level_is_expected(
    values: Sequence[float], expected: tuple[float, float] | None
) -> None:
    built = watching({**AHEAD, "limits": {"blue": 15}})
    points = [*every(60, values), *every(60, [20] * 30, begin_s=60 * len(values))]
    lines = list(backtest(built, [batch(built, [("a", *point) for point in points])], 60_000))
    told = [(line.expected_from, line.expected_to) for line in lines]
    wanted = (UNSET, UNSET) if expected is None else tuple(format_instant(round(time * 1000)) for time in expected)
    # Also the acknowledgement shows it; the return does not.
    assert told == [wanted, wanted, (UNSET, UNSET)]


def test_levels_that_stand_with_the_sensor_in_another_unit() -> None:
    condition = {**AHEAD, "unit": "m", "noise_floor": 0.01, "limits": {"red": {"attribute": "depth_m"}}}
    manhole = sensor("a", attributes={"depth_m": "0.1"})
    assert changes(condition, every(60, range(6)), manhole) == [(300, 0, 4)]


def test_a_new_device_begins_a_new_window() -> None:
    assert [time for time, _ in signals(AHEAD, every(60, range(9)), renewed=[4])] == [480]


def test_a_sensor_that_speaks_too_seldom_is_not_bound() -> None:
    assert watching(AHEAD, sensor("a", interval_s=600.0)).unbound == [("depth", "a")]


def plain_forecast(points: list[Point]) -> float:
    lowest = min(value for _, value in points)
    begin = max(place for place, (_, value) in enumerate(points) if value <= lowest + 0.5)
    rise = points[begin:]
    place = bounding_places(2.0)[len(rise)]
    rates = sorted((y2 - y1) / (t2 - t1) for (t1, y1), (t2, y2) in combinations(rise, 2))
    return rise[-1][1] + 360 * rates[place] if place >= 0 and rates[place] > 0 else 0.0


@settings(max_examples=100)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 2.0]))
def test_a_plain_model_agrees(seed: int, rise: float) -> None:
    chance = random.Random(seed)
    time, points = 0.0, []
    for place in range(30):
        time += chance.choice([40, 60, 60, 61, 90, 200])
        points.append((time, round(5 + chance.gauss(0, 0.5) + rise * place, 1)))
    expected = []
    for end in range(1, len(points) + 1):
        window = [point for point in points[:end] if point[0] >= points[end - 1][0] - 900]
        if len(window) >= 5:
            expected.append((window[-1][0], pytest.approx(plain_forecast(window), abs=1e-9)))
    assert signals(AHEAD, points) == expected


@pytest.mark.parametrize("wrong", [{"horizon_s": 901}, {"direction": "below"}, {"unit": "kPa"}, {"noise_floor": -1}])
def test_words_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        watching({**AHEAD, **wrong})
