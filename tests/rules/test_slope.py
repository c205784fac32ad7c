"""The rate of a window: where it counts by the exact distribution of pairs out of order, and selection by place."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.conditions.slope import READINGS_MAX, bounding_places, slopes, trend
from alerts.conditions.window import in_order


@pytest.mark.parametrize("noise_multiple", [0.5, 1.0, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("count", range(2, 8))
def test_so_many_pairs_may_be_out_of_order_as_chance_allows(count: int, noise_multiple: float) -> None:
    out_of_order = [
        sum(order[i] > order[j] for i, j in combinations(range(count), 2)) for order in permutations(range(count))
    ]
    chance = 0.5 * math.erfc(noise_multiple / math.sqrt(2))
    allowed = [
        most
        for most in range(max(out_of_order) + 1)
        if sum(n <= most for n in out_of_order) / len(out_of_order) <= chance
    ]
    assert bounding_places(noise_multiple)[count] == max(allowed, default=-1)


def test_for_many_readings_it_is_the_normal_distribution() -> None:
    pairs = READINGS_MAX * (READINGS_MAX - 1) / 2
    sigma = math.sqrt(READINGS_MAX * (READINGS_MAX - 1) * (2 * READINGS_MAX + 5) / 18)
    assert bounding_places(3.0)[READINGS_MAX] == pytest.approx((pairs - 3 * sigma) / 2, abs=3)


TRENDS = [
    ("a straight rise", [1, 2, 3, 4, 5, 6, 7], 1),
    ("a straight fall", [7, 6, 5, 4, 3, 2, 1], -1),
    ("one pair of seven out of order is too much", [1, 3, 2, 4, 5, 6, 7], 0),
    ("constant", [5, 5, 5, 5, 5, 5, 5], 0),
    ("the last digit flickers", [5, 5, 6, 5, 6, 5, 6], 0),
    ("a single outlier", [1, 1, 1, 9, 1, 1, 1], 0),
    ("a step says no more than two values can", [0, 0, 0, 0, 1, 1, 1], 0),
    ("too few", [1, 2, 3, 4, 5, 6], 0),
]


@pytest.mark.parametrize(("values", "expected"), [case[1:] for case in TRENDS], ids=[case[0] for case in TRENDS])
def test_a_trend_counts_above_three_times_its_noise(values: list[float], expected: int) -> None:
    assert trend(np.array(values, np.float64), 0, len(values), bounding_places(3.0)[len(values)]) == expected


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=60), st.data())
def test_selection_by_place(values: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    assert in_order(np.array(values, np.float64), len(values), place) == sorted(values)[place]


def test_slopes_are_those_of_all_pairs_in_units_a_second() -> None:
    found = np.empty(10)
    count = slopes(np.array([-30.0, -20.0, -5.0, 0.0]), np.array([9.0, 0.0, 3.0, 5.0]), 1, 4, found)
    assert sorted(found[:count]) == pytest.approx([0.2, 0.25, 0.4])
