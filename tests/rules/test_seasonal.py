"""Seasonal: what is usual at this hour of the week, in civil time, over some weeks."""

import math
import random
from collections import defaultdict
from datetime import UTC, datetime
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine import Engine
from model.registry import Registry
from model.sensor import City
from tests.rules.signals import Point, changes, changes_in_parts, every, signals, watching
from tests.rules.streams import batch, sensor, told

HOUR, DAY, WEEK = 3_600.0, 86_400.0, 604_800.0
MONDAY = datetime(2025, 9, 1, tzinfo=UTC).timestamp()
SEWER = sensor("a", property="sewer_flow", unit="L/s", interval_s=HOUR)
UNUSUAL = {"kind": "seasonal", "floor_percent": 5, "limits": {"blue": 5, "yellow": 10}}
SHANGHAI_H = 8


def usual(hour_of_week: int) -> float:
    """Little at night, two peaks a day, and another profile at the weekend."""
    day, hour = divmod(hour_of_week % 168, 24)
    peaks = (9, 20) if day < 5 else (11, 18)
    return 20 + sum(40 * math.exp(-((hour - peak) ** 2) / 6) for peak in peaks)


def weeks(count: float, begin: float = 0, step_s: float = HOUR, noise: float = 1.0, seed: int = 1) -> list[Point]:
    """Readings from a Monday in Shanghai on, `begin` weeks later."""
    chance = random.Random(seed)
    points = []
    for place in range(round(count * WEEK / step_s)):
        since = begin * WEEK + place * step_s
        value = usual(int(since // HOUR)) + noise * max(-2.0, min(2.0, chance.gauss(0, 1)))
        points.append((MONDAY - SHANGHAI_H * HOUR + since, value))
    return points


def at(week: int, day: int, hour: int) -> float:
    return MONDAY - SHANGHAI_H * HOUR + week * WEEK + day * DAY + hour * HOUR


def changed(points: list[Point], when: float, until: float, value: float) -> list[Point]:
    return [(time, value if when <= time < until else was) for time, was in points]


CASES: list[tuple[str, list[Point], list[tuple[float, int, int]]]] = [
    ("ordinary weeks", weeks(12), []),
    ("constant", every(HOUR, [50.0] * 2_000, MONDAY), []),
    (
        "the noon's flow at night",
        changed(weeks(8), at(7, 1, 2), at(7, 1, 3), usual(12)),
        [(at(7, 1, 2), 0, 1), (at(7, 1, 3), 1, 0)],
    ),
    (
        "nothing at all in the evening",
        changed(weeks(8), at(7, 1, 20), at(7, 1, 22), 0.0),
        [(at(7, 1, 20), 0, 2), (at(7, 1, 22), 2, 0)],
    ),
    ("before three weeks are known", changed(weeks(3), at(2, 1, 2), at(2, 1, 9), 500.0), []),
    (
        "after a week of rain the dry weeks are still the usual ones",
        [*changed(weeks(6), at(4, 0, 0), at(5, 0, 0), 300.0), *weeks(2, begin=6)],
        [(at(4, 0, 0), 0, 2), (at(5, 0, 0), 2, 0)],
    ),
    (
        "after a hole of two weeks nothing is forgotten",
        [*weeks(6), *changed(weeks(1, begin=8), at(8, 1, 2), at(8, 1, 3), usual(12))],
        [(at(8, 1, 2), 0, 1), (at(8, 1, 3), 1, 0)],
    ),
    (
        "after a hole of six weeks all is learned anew",
        [*weeks(6), *changed(weeks(1, begin=12), at(12, 1, 2), at(12, 1, 3), usual(12))],
        [],
    ),
    (
        "every second reading is enough",
        changed(weeks(8), at(7, 1, 2), at(7, 1, 4), usual(12))[::2],
        [(at(7, 1, 2), 0, 1), (at(7, 1, 4), 1, 0)],
    ),
    (
        "readings every ten minutes",
        changed(weeks(8, step_s=600), at(7, 1, 2), at(7, 1, 3), usual(12)),
        [(at(7, 1, 2), 0, 1), (at(7, 1, 3), 1, 0)],
    ),
]


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_seasonal(points: list[Point], expected: list[tuple[float, int, int]]) -> None:
    assert changes(UNUSUAL, points, SEWER) == expected


@pytest.mark.parametrize(("direction", "told_of"), [("above", [2]), ("below", [20]), ("either", [2, 20])])
def test_directions(direction: str, told_of: list[int]) -> None:
    points = changed(changed(weeks(8), at(7, 1, 2), at(7, 1, 3), 70.0), at(7, 1, 20), at(7, 1, 21), 0.0)
    found = changes({**UNUSUAL, "direction": direction}, points, SEWER)
    assert [time for time, before, _ in found if before == 0] == [at(7, 1, hour) for hour in told_of]


def test_a_profile_in_civil_time_goes_on_when_the_clocks_change() -> None:
    rome = ZoneInfo("Europe/Rome")
    points = []
    for place in range(round(12 * WEEK / HOUR)):
        time = MONDAY + place * HOUR
        civil = datetime.fromtimestamp(time, rome)
        points.append((time, usual(civil.weekday() * 24 + civil.hour)))
    packs = watching(UNUSUAL, SEWER).packs
    there = Engine(packs, Registry(1, {0: SEWER}, {"c": City(city="c", mode="test", time_zone="Europe/Rome")}))
    elsewhere = Engine(packs, Registry(1, {0: SEWER}, {"c": City(city="c", mode="test", time_zone="Etc/UTC")}))
    rows = [("a", *point) for point in points]
    assert told(there.evaluate(batch(there, rows)).changes) == []
    assert told(elsewhere.evaluate(batch(elsewhere, rows)).changes) != []


def test_a_new_device_is_learned_anew() -> None:
    points = weeks(8)
    made = signals(UNUSUAL, points, SEWER, renewed=[7 * 168])
    assert made[-1][0] < points[7 * 168][0]


def plain(points: list[Point]) -> list[Point]:
    """The definition, once more, with lists, where civil time is the time given: (time, signal)."""
    means: dict[int, list[float]] = defaultdict(list)
    distances: list[float] = []
    running: list[float] = []
    hour = before = -math.inf
    made = []
    for time, value in points:
        if time - before > 5 * WEEK:
            means.clear()
            distances, running = [], []
        before = time
        if time // HOUR != hour:
            if running:
                means[int(hour) % 168].append(sum(running) / len(running))
            hour, running = time // HOUR, []
        known = means[int(hour) % 168][-5:]
        if len(known) >= 3:
            center = median(known)
            spread = 1.4826 * max(median(abs(m - center) for m in known), median(distances[-168:] or [0.0]))
            spread = max(spread, 0.05 * abs(center))
            if len(distances) >= 24 and spread > 0:
                made.append((time, abs(value - center) / spread))
            if not running:
                distances.append(min(abs(value - center), 4 * spread if len(distances) >= 24 else math.inf))
        running.append(value)
    return made


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 1500), st.sampled_from([2, 30, 900])), max_size=5))
def test_a_plain_model_agrees(seed: int, holes: list[tuple[int, int]]) -> None:
    points = weeks(9, step_s=1_700, noise=8, seed=seed)
    for begin, hours in holes:
        points = [(time, v) for time, v in points if not begin <= (time - points[0][0]) / HOUR < begin + hours]
    assert signals(UNUSUAL, points, SEWER) == [(time, pytest.approx(signal)) for time, signal in plain(points)]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.lists(st.integers(0, 1300), max_size=4))
def test_batches_and_restarts_never_show(seed: int, cuts: list[int]) -> None:
    points = changed(weeks(8, noise=8, seed=seed), at(6, 3, 0), at(6, 4, 0), 0.0)
    assert changes_in_parts(UNUSUAL, points, cuts, SEWER) == changes(UNUSUAL, points, SEWER)


@pytest.mark.parametrize("wrong", [{"weeks": 2}, {"floor": -1}, {"direction": "sideways"}])
def test_words_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        watching({**UNUSUAL, **wrong}, SEWER)
