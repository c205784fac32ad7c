"""What holds for every kind that makes a signal: batches, restarts and bad readings never show in what is told."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.reading import Quality
from model.sensor import Sensor
from tests.rules.signals import Point, changes, changes_in_parts, watching
from tests.rules.streams import batch, sensor, told

GAUGE = sensor("a", property="rainfall", unit="mm", interval_s=60.0)
HEAT = sensor("a", property="temperature", unit="Cel", interval_s=60.0)
KINDS: dict[str, tuple[dict[str, Any], Sensor]] = {
    "rate": (
        {"kind": "rate", "unit": "cm/h", "window_samples": 12, "direction": "either", "limits": {"blue": 20}},
        sensor("a"),
    ),
    "rate over a time": (
        {"kind": "rate", "unit": "cm/h", "window_s": 900, "noise_multiple": 2, "limits": {"blue": 10}},
        sensor("a"),
    ),
    "forecast": (
        {"kind": "forecast", "unit": "cm", "window_s": 900, "horizon_s": 360, "limits": {"blue": 26, "red": 30}},
        sensor("a"),
    ),
    "rain": ({"kind": "rain", "window_s": 600, "limits": {"blue": 260, "red": 400}}, GAUGE),
    "antecedent rain": (
        {
            "kind": "rain",
            "window_s": 600,
            "antecedent_s": 1200,
            "antecedent_weight": 0.5,
            "limits": {"blue": 400, "red": 500},
        },
        GAUGE,
    ),
    "shift": (
        {"kind": "shift", "unit": "K", "window_s": 3600, "relearn_s": 3600, "limits": {"blue": 2, "red": 8}},
        HEAT,
    ),
    "drift": (
        {"kind": "drift", "unit": "%", "smooth_s": 480, "usual_s": 4800, "noise_multiple": 2, "limits": {"blue": 5}},
        HEAT,
    ),
    "noisy": ({"kind": "noisy", "usual_s": 4800, "limits": {"blue": 2}}, HEAT),
}


def stream(seed: int) -> list[Point]:
    """Readings about a level that ramps, steps and becomes restless, with gaps."""
    chance = random.Random(seed)
    points, time, level, noise, slope = [], 0.0, 20.0, 1.0, 0.0
    for _ in range(300):
        if chance.random() < 0.03:
            level, noise, slope = chance.uniform(5, 40), chance.choice([0.0, 0.3, 1.0, 5.0]), chance.choice([0.0, 0.5])
        level += slope
        points.append((time, max(0.0, level + chance.gauss(0, noise))))
        time += 60.0 if chance.random() < 0.97 else chance.choice([61, 150, 1_000, 5_000])
    return points


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_batches_and_restarts_never_show(kind: str, seed: int, cuts: list[int]) -> None:
    condition, watched = KINDS[kind]
    assert changes_in_parts(condition, stream(seed), cuts, watched) == changes(condition, stream(seed), watched)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_and_doubtful_readings_never_show(kind: str) -> None:
    condition, watched = KINDS[kind]
    built, points = watching(condition, watched), stream(3)
    rows = [("a", *point, 0) for point in points]
    for flag in (Quality.REPORTED_BAD, Quality.REPORTED_UNCERTAIN, Quality.STUCK):
        rows += [("a", time + 7 + 5 * place, 39.0, int(flag)) for place, (time, _) in enumerate(points[:200:7])]
    rows.sort(key=lambda row: row[1])
    assert told(built.evaluate(batch(built, rows)).changes) == changes(condition, points, watched)


@pytest.mark.parametrize("kind", KINDS)
def test_the_streams_tell_something_of_every_kind(kind: str) -> None:
    condition, watched = KINDS[kind]
    assert sum(len(changes(condition, stream(seed), watched)) for seed in range(10)) >= 5
