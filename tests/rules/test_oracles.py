"""The conditions beside other people's libraries: scipy's robust statistics and river's detectors say the same."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from river.drift import PageHinkley
from river.stats import EWMean, Mean
from scipy.stats import kendalltau, median_abs_deviation, theilslopes

from alerts.conditions import shift
from alerts.conditions.learning import weight
from alerts.conditions.slope import PAIRS_MAX, READINGS_MAX, bounding_places, slopes, trend
from alerts.conditions.window import MAD_TO_SIGMA, in_order, median_and_deviation
from tests.rules.signals import every, signals
from tests.rules.streams import sensor

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 4))
WINDOWS = st.lists(NUMBERS, min_size=2, max_size=READINGS_MAX)
MINUTE = 60.0


def spaced(gaps: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds before the newest reading, from the gaps between readings."""
    return np.cumsum(gaps, dtype=np.float64) - sum(gaps)


@given(st.data(), WINDOWS)
@settings(max_examples=200)
def test_the_median_of_all_slopes_is_scipys(data: st.DataObject, values: list[float]) -> None:
    gaps = data.draw(st.lists(st.integers(1, 3_600), min_size=len(values), max_size=len(values)))
    times, found = spaced(gaps), np.empty(PAIRS_MAX)
    pairs = slopes(times, np.array(values), 0, len(values), found)
    middle = (in_order(found, pairs, (pairs - 1) // 2) + in_order(found, pairs, pairs // 2)) / 2
    assert middle == pytest.approx(theilslopes(values, times).slope, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("noise_multiple", [1.0, 2.0, 3.0])
@given(
    values=st.lists(st.integers(-(10**6), 10**6), min_size=4, max_size=READINGS_MAX, unique=True), climb=st.booleans()
)
@settings(max_examples=100)
def test_a_trend_is_one_where_scipys_exact_test_of_kendall_finds_it(
    noise_multiple: float, values: list[int], climb: bool
) -> None:
    numbers = np.array(sorted(values) if climb else values, np.float64)
    if climb:  # nearly in order: some neighbours change places
        numbers[: len(numbers) // 2 * 2] = numbers[: len(numbers) // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
    chance = 0.5 * math.erfc(noise_multiple / math.sqrt(2))
    order = np.arange(len(numbers))
    rises = kendalltau(order, numbers, method="exact", alternative="greater").pvalue
    falls = kendalltau(order, numbers, method="exact", alternative="less").pvalue
    assume(min(abs(rises - chance), abs(falls - chance)) > 1e-12)
    expected = 1 if rises <= chance else -1 if falls <= chance else 0
    assert trend(numbers, 0, len(numbers), bounding_places(noise_multiple)[len(numbers)]) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_of_a_rule_is_scipys_slope_of_its_window(seed: int) -> None:
    chance = np.random.default_rng(seed)
    seconds = np.cumsum(chance.integers(40, 80, 120)).astype(float)
    depths = 20 + seconds / 600 + chance.normal(0, 0.5, len(seconds))
    condition = {"kind": "rate", "unit": "cm/h", "window_samples": 40, "limits": {"blue": 1}}
    told = signals(condition, list(zip(seconds.tolist(), depths.tolist(), strict=True)), sensor("a", interval_s=60.0))
    expected = [
        (float(seconds[end]), 3_600 * theilslopes(depths[end - 39 : end + 1], seconds[end - 39 : end + 1]).slope)
        for end in range(39, len(seconds))
    ]
    assert [point[0] for point in told] == [point[0] for point in expected]
    assert [point[1] for point in told] == pytest.approx([point[1] for point in expected], rel=1e-9)


@given(st.lists(NUMBERS, min_size=1, max_size=200))
@settings(max_examples=200)
def test_median_and_its_deviation_are_numpys_and_scipys(values: list[float]) -> None:
    center, deviation = median_and_deviation(np.array(values), len(values), np.empty(len(values)))
    assert (center, deviation) == (np.median(values), median_abs_deviation(values))


def test_the_distance_of_a_rule_is_in_scipys_deviations() -> None:
    chance = np.random.default_rng(3)
    depths = chance.normal(100, 2, 160)
    condition = {
        "kind": "median_distance", "short_s": 24 * MINUTE, "long_s": 96 * MINUTE, "relearn_s": 48 * MINUTE,
        "left_out": 50.0, "limits": {"blue": 6},
    }  # fmt: skip
    told = dict(signals(condition, every(MINUTE, depths.tolist())))
    assert len(told) > 100
    for at, signal in told.items():
        place = round(at / MINUTE)
        before = depths[max(0, place - 24) : place]
        # Never beyond what the short window alone would say: the long one only widens the spread.
        alone = abs(depths[place] - np.median(before)) / (MAD_TO_SIGMA * median_abs_deviation(before))
        assert signal <= alone * (1 + 1e-9)
    widest = max(told.items(), key=lambda point: _short_spread(depths, point[0]))[0]
    place = round(widest / MINUTE)
    before = depths[place - 24 : place]
    expected = abs(depths[place] - np.median(before)) / median_abs_deviation(before, scale="normal")
    assert told[widest] == pytest.approx(expected, rel=1e-4)  # 1.4826 has five digits


def _short_spread(depths: np.ndarray[Any, np.dtype[np.float64]], at: float) -> float:
    place = round(at / MINUTE)
    return float(median_abs_deviation(depths[place - 24 : place])) if place >= 24 else 0.0


SHIFTS = [(seed, moved) for seed in range(8) for moved in (-1.5, -0.8, 0.0, 0.8, 1.5)]


@pytest.mark.parametrize(("seed", "moved"), SHIFTS)
def test_the_cusum_of_a_shift_is_rivers_page_hinkley(seed: int, moved: float) -> None:
    chance = np.random.default_rng(seed)
    values = np.clip(chance.normal(0, 0.8, 400), -1.4, 1.4)  # no distance from their mean is cut at four noises
    values[200:] += moved
    reference, decision = 0.4, 6.0
    theirs = {side: PageHinkley(min_instances=1, delta=reference, threshold=decision, alpha=1.0, mode=mode)
              for side, mode in ((1, "up"), (-1, "down"))}  # fmt: skip
    first: dict[int, int] = {}
    for place, value in enumerate(values.tolist()):
        for side, detector in theirs.items():
            detector.update(value)
            if detector.drift_detected:
                first.setdefault(side, place)
    found = min(((place, side) for side, place in first.items()), default=None)
    assert _cusum(values.tolist(), reference, decision) == found
    assert moved == 0.0 or found is not None


def _cusum(values: list[float], reference: float, decision: float) -> tuple[int, int] | None:
    """When and to which side the CUSUM of `shift` finds a shift from the running mean, the noise being 1."""
    state, given_ = np.zeros(1, shift.STATE), np.zeros(1, shift.PARAMETERS)
    given_["reference"], given_["decision"] = reference, decision
    mean = 0.0
    for place, value in enumerate(values):
        mean += (value - mean) / (place + 1)
        shift._look_for_shift(state[0], given_[0], place, value - mean, 1.0)
        if state["side"][0]:
            return place, int(state["side"][0])
    return None


@pytest.mark.parametrize(
    ("step", "constant", "theirs"),
    [(60.0, 3_600.0, EWMean(60.0 / 3_660.0)), (60.0, 180.0, EWMean(0.25)), (0.0, 3_600.0, Mean())],
    ids=["an hour", "three minutes", "while it begins"],
)
def test_what_is_usual_is_rivers_mean(step: float, constant: float, theirs: Any) -> None:
    values = np.random.default_rng(1).normal(5, 1, 300).tolist()
    ours = values[0]
    theirs.update(values[0])
    for count, value in enumerate(values[1:], 2):
        # The first are a plain mean; of the exponential one, what follows when many were seen.
        ours += weight(count if step == 0.0 else 10**9, step, constant) * (value - ours)
        theirs.update(value)
        assert ours == pytest.approx(theirs.get(), rel=1e-12)
