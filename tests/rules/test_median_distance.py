"""Distance from a rolling median: falls and spikes against a level that wanders, in multiples of the usual spread."""

import math
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, changes_in_parts, every, signals, watching
from tests.rules.streams import sensor

MINUTE, HOUR = 60.0, 3_600.0
FAR = {
    "kind": "median_distance",
    "short_s": 24 * MINUTE,
    "long_s": 480 * MINUTE,
    "relearn_s": 2 * HOUR,
    "floor": 0.5,
    "limits": {"blue": 6, "yellow": 12, "orange": 24},
}


def hum(count: int, level: float = 100.0) -> list[float]:
    """A level with a spread of 1.4826: the median distance of its readings from it is 1."""
    return [level + (0, -2, 1, -1, 2)[place % 5] for place in range(count)]


CASES: list[tuple[str, dict[str, Any], list[float], list[tuple[float, int, int]]]] = [
    ("a fall, and its end", {}, [*hum(200), 85, 85, 100, 101], [(12000, 0, 1), (12120, 1, 0)]),
    ("a fall by stages is one occurrence", {}, [*hum(200), 85, 70, 40, 100],
     [(12000, 0, 1), (12060, 1, 2), (12120, 2, 3), (12180, 3, 0)]),
    ("a rise is none where falls are looked for", {"direction": "below"}, [*hum(200), 140, *hum(5)], []),
    ("a fall is none where rises are looked for", {"direction": "above"}, [*hum(200), 40, *hum(5)], []),
    ("nothing is said before the spread is known", {}, [*hum(100), 40, *hum(5)], []),
    ("a fall longer than the window stays one occurrence, and its end is none",
     {}, [*hum(200), *[40] * 60, *hum(40)], [(12000, 0, 3), (15600, 3, 0)]),
    ("a new level is learned after relearn_s", {}, [*hum(200), *hum(200, 40), *hum(5, 40)],
     [(12000, 0, 3), (12000 + 7200 + 12 * 60, 3, 0)]),
    ("a level that wanders slowly is followed", {}, [v + 0.2 * i for i, v in enumerate(hum(600))], []),
    ("a still signal does not alarm on its last digit", {}, [*[100.0] * 200, 100.1, 99.9, *[100.0] * 5], []),
    ("a still signal alarms beyond the floor", {}, [*[100.0] * 200, 104, 100], [(12000, 0, 1), (12060, 1, 0)]),
    ("huge values are as good as others", {}, [*[1e5] * 200, 1e12, 1e5], [(12000, 0, 3), (12060, 3, 0)]),
    ("no spread, no statement", {"floor": 0}, [*[100.0] * 200, 140, *[100.0] * 5], []),
    ("readings that mostly are equal have a spread all the same", {}, [*[100, 100, 103] * 70, 106, 100], []),
    ("the floor in percent of the level", {"floor": 0, "floor_percent": 1}, [*[100.0] * 200, 94.1, 94, 100],
     [(12060, 0, 1), (12120, 1, 0)]),
    ("one outlier does not hide the next", {}, [*hum(200), 40, *hum(3), 40, 100],
     [(12000, 0, 3), (12060, 3, 0), (12240, 0, 3), (12300, 3, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "values", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_changes(condition: dict[str, Any], values: list[float], expected: list[tuple[float, int, int]]) -> None:
    assert changes({**FAR, **condition}, every(MINUTE, values)) == expected


def test_a_calm_hour_after_a_restless_day_keeps_the_days_spread() -> None:
    restless = [100 + 5 * (value - 100) for value in hum(200)]
    calm = [100.0, 100.5] * 30
    assert changes(FAR, every(MINUTE, [*restless, *calm, 112, 100])) == []
    assert changes(FAR, every(MINUTE, [*calm * 4, 112, 100])) == [(14400, 0, 2), (14460, 2, 0)]


def test_after_a_long_gap_the_level_is_learned_anew_and_the_spread_is_kept() -> None:
    before = every(MINUTE, hum(200))
    after = every(MINUTE, [*hum(12, 300), 285, 300], before[-1][0] + 5 * HOUR)
    assert changes(FAR, [*before, *after]) == [(after[12][0], 0, 1), (after[13][0], 1, 0)]


def test_a_gap_ends_no_event() -> None:
    before = every(MINUTE, [*hum(200), 40])
    still = (before[-1][0] + HOUR, 40.0)
    back = (before[-1][0] + HOUR + MINUTE, 100.0)
    assert changes(FAR, [*before, still, back]) == [(12000, 0, 3), (back[0], 3, 0)]


@pytest.mark.parametrize("interval_s", [1.0, 10.0, 60.0, 3_600.0, 86_400.0])
def test_any_interval(interval_s: float) -> None:
    long_s = max(480 * MINUTE, 96 * interval_s)
    noise = np.random.default_rng(1).normal(100, 1, max(200, round(12000 / interval_s))).tolist()
    points = every(interval_s, [*noise, 80, 80, 100])
    condition = {**FAR, "long_s": long_s, "relearn_s": long_s / 4, "limits": {"blue": 6}}
    found = changes(condition, points, sensor("a", interval_s=interval_s))
    assert found == [(points[-3][0], 0, 1), (points[-1][0], 1, 0)]


def test_half_of_the_readings_do_as_well() -> None:
    points = every(MINUTE, [*hum(200), 85, 85, 100, 100])
    assert changes(FAR, points[::2]) == [(200 * MINUTE, 0, 1), (202 * MINUTE, 1, 0)]


def test_a_new_device_has_a_level_of_its_own() -> None:
    points = every(MINUTE, [*hum(200), *hum(100, 40)])
    made = signals(FAR, points, renewed=[200])
    assert max(signal for _, signal in made) < 2
    assert [time for time, _ in made if 200 * MINUTE <= time < 212 * MINUTE] == []


def plain(readings: list[Point]) -> list[Point]:
    """The definition, once more, with lists: (time, signal) of every reading that makes one.

    An example in which rounding decides what lies outside is given up: the other decision would be as right.
    """
    short_step, long_step, floor = 0.75 * MINUTE, 0.75 * 5 * MINUTE, 0.5
    short: list[Point] = []
    long: list[Point] = []
    outside_since: float | None = None
    before, far = readings[0][0], 0.0
    made = []
    for time, value in readings:
        if outside_since is None and time - before > 24 * MINUTE:
            short = []
        before = time
        outside = False
        if len(short) >= 12:
            window = [v for _, v in short[-24:]]
            center = median(window)
            near = median([abs(v - center) for v in window])
            spread = max(1.4826 * near, far, floor)
            if len(long) >= 24 and spread > 0:
                made.append((time, abs(value - center) / spread))
                assume(not math.isclose(made[-1][1], 4, rel_tol=1e-9))
                outside = made[-1][1] >= 4
            if not long or time - long[-1][0] >= long_step:
                long.append((time, min(abs(value - center), 4 * spread if outside else math.inf)))
                last = sorted(distance for _, distance in long[-96:])
                far = far if outside else max(1.4826 * median(last), last[9 * (len(last) - 1) // 10] / 1.6449)
        if not outside:
            outside_since = None
        elif outside_since is None:
            outside_since = time
        if outside_since is not None and time - outside_since >= 2 * HOUR:
            short, outside_since = [], None
        if outside_since is None and (not short or time - short[-1][0] >= short_step):
            short.append((time, value))
    return made


STEPS = st.sampled_from([20.0, 60.0, 60.0, 60.0, 61.0, 180.0, 2_000.0])
VALUES = st.one_of(st.floats(98, 102), st.floats(-1e4, 1e4))


@settings(max_examples=60)
@given(st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=200), st.integers(0, 1000))
def test_a_plain_model_agrees(stream: list[tuple[float, float]], seed: int) -> None:
    noise = np.random.default_rng(seed).normal(100, 1, 200).tolist()
    times = np.cumsum([MINUTE] * 200 + [step for step, _ in stream]).tolist()
    points = list(zip(times, [*noise, *[value for _, value in stream]], strict=True))
    assert signals(FAR, points) == [(time, pytest.approx(signal)) for time, signal in plain(points)]


@settings(max_examples=25)
@given(st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=200), st.lists(st.integers(0, 350), max_size=5))
def test_batches_and_restarts_never_show(stream: list[tuple[float, float]], cuts: list[int]) -> None:
    times = np.cumsum([MINUTE] * 200 + [step for step, _ in stream]).tolist()
    points = list(zip(times, [*hum(200), *[value for _, value in stream]], strict=True))
    assert changes_in_parts(FAR, points, [min(cut, len(points)) for cut in cuts]) == changes(FAR, points)


@pytest.mark.parametrize(
    "wrong", [{"short_s": 0}, {"floor_percent": 101}, {"direction": "sideways"}, {"relearn_s": 5 * HOUR}]
)
def test_words_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        watching({**FAR, **wrong})
