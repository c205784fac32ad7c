"""Rate: the median slope of a window where it exceeds its noise; nothing while the window cannot tell."""

import math
import random
import statistics
from functools import cache
from itertools import accumulate, combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, every, signals, watching
from tests.rules.streams import sensor

LAST_12 = {"kind": "rate", "unit": "cm/h", "window_samples": 12, "limits": {"blue": 60, "red": 300}}
LAST_20_MIN = {"kind": "rate", "unit": "cm/min", "window_s": 1200, "limits": {"blue": 1}}

CASES: list[tuple[str, dict[str, Any], list[Point], list[Point]]] = [
    ("a rise, once the window is full", LAST_12, every(60, range(13)), [(660, 60), (720, 60)]),
    ("a fall is of the other sign", LAST_12, every(60, range(13, 0, -1)), [(660, -60), (720, -60)]),
    ("below: a fall counts", {**LAST_12, "direction": "below"}, every(60, range(12, 0, -1)), [(660, 60)]),
    ("either: both count", {**LAST_12, "direction": "either"}, every(60, range(12, 0, -1)), [(660, 60)]),
    ("one outlier is no rate", LAST_12, every(60, [5, 5, 5, 5, 5, 5, 95, 5, 5, 5, 5, 5]), [(660, 0)]),
    ("an outlier does not hide a rise", LAST_12, every(60, [*range(6), 95, *range(7, 12)]), [(660, 60)]),
    ("constant", LAST_12, every(60, [7] * 12), [(660, 0)]),
    ("the last digit flickers", LAST_12, every(60, [7, 7, 8, 7, 8, 8, 7, 8, 7, 8, 8, 8]), [(660, 0)]),
    ("too few readings", LAST_12, every(60, range(11)), []),
    ("in a window of time, 12 readings and half of it", LAST_20_MIN, every(60, range(13)), [(660, 1), (720, 1)]),
    ("a fast sensor's readings are thinned out, not cut off", LAST_20_MIN, every(5, range(400)), [(1980, 12)]),
    ("a gap empties a window of time", LAST_20_MIN, [*every(60, range(12)), (2000, 40)], [(660, 1)]),
    ("a gap within the last samples says nothing", LAST_12, [*every(60, range(11)), (3600, 11)], []),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "points", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_rate(condition: dict[str, Any], points: list[Point], expected: list[Point]) -> None:
    found = signals(condition, points)
    assert (
        found[-len(expected) :] == [(time, pytest.approx(value)) for time, value in expected] if expected else not found
    )


def test_a_rate_above_its_limit_is_an_alarm_and_returns_with_the_rise() -> None:
    points = every(60, [*range(0, 36, 3), *[33] * 20])
    assert changes(LAST_12, points) == [(660, 0, 1), (960, 1, 0)]


def test_a_new_device_begins_a_new_window() -> None:
    assert [time for time, _ in signals(LAST_12, every(60, range(24)), renewed=[12])] == [660, 1380]


def test_it_is_in_the_unit_of_the_rule_whatever_the_sensor_s() -> None:
    pressure = sensor("a", system="gas", property="gas_pressure", unit="bar", interval_s=10.0)
    condition = {"kind": "rate", "unit": "MPa/min", "window_samples": 12, "limits": {"red": 0.01}}
    assert signals(condition, every(10, range(12)), pressure)[-1] == (110, pytest.approx(0.006))  # 1 kPa in 10 s


@pytest.mark.parametrize(("interval_s", "bound"), [(100.0, True), (101.0, False)])
def test_a_sensor_that_speaks_too_seldom_for_the_window_is_not_bound(interval_s: float, bound: bool) -> None:
    built = watching(LAST_20_MIN, sensor("a", interval_s=interval_s))
    assert ("rate" in built.signals, built.unbound) == (bound, [] if bound else [("depth", "a")])


@cache
def plain_place(count: int, noise_multiple: float) -> int:
    """How many of the pairs may be out of order: by counting the orders of so many values that have so many."""
    orders = [1]
    for length in range(2, count + 1):
        longer = [0] * (len(orders) + length - 1)
        for place, number in enumerate(orders):
            for more in range(length):
                longer[place + more] += number
        orders = longer
    chance = 0.5 * math.erfc(noise_multiple / math.sqrt(2))
    return sum(below / math.factorial(count) <= chance for below in accumulate(orders)) - 1


def plain_rate(points: list[Point], noise_multiple: float) -> float:
    """The definition, once more, by all pairs in order."""
    slopes = sorted((y2 - y1) / (t2 - t1) for (t1, y1), (t2, y2) in combinations(points, 2))
    place = plain_place(len(points), noise_multiple)
    rises, falls = place >= 0 and slopes[place] > 0, place >= 0 and slopes[-1 - place] < 0
    return statistics.median(slopes) if rises or falls else 0.0


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([12, 13, 20, 48]), st.sampled_from([0.0, 0.05, 0.3]))
def test_a_plain_model_agrees(seed: int, samples: int, rise: float) -> None:
    chance = random.Random(seed)
    time, points = 0.0, []
    for place in range(samples + 5):
        time += chance.choice([30, 60, 60, 61, 90])
        points.append((time, round(chance.gauss(0, 1) + rise * place, 1)))
    condition = {**LAST_12, "unit": "cm/s", "window_samples": samples, "noise_multiple": 2.0}
    expected = [
        (points[end - 1][0], pytest.approx(plain_rate(points[end - samples : end], 2.0), abs=1e-12))
        for end in range(samples, len(points) + 1)
    ]
    assert signals(condition, points) == expected
