"""Drift: a mean of hours against the sensor's own usual level and distance; what repeats itself is usual."""

import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, every, signals, watching
from tests.rules.streams import sensor

HOUR, DAY = 3_600.0, 86_400.0
SUPPLY = sensor("a", system="heating", property="supply_temperature", unit="Cel", interval_s=600.0)
CREPT = {
    "kind": "drift",
    "unit": "K",
    "smooth_s": 6 * HOUR,
    "usual_s": 14 * DAY,
    "limits": {"blue": 3, "yellow": 10},
    "off_delay_s": HOUR,
}


def days(*levels: tuple[float, float], swing: float = 2.0, noise: float = 0.5, seed: int = 1) -> list[Point]:
    """Readings every ten minutes about levels that hold for some days each, with a swing each day."""
    chance = random.Random(seed)
    values = [level for span, level in levels for _ in range(round(span * 144))]
    return every(
        600, [v + swing * math.sin(2 * math.pi * i / 144) + chance.gauss(0, noise) for i, v in enumerate(values)]
    )


CASES: list[tuple[str, list[Point], list[tuple[int, int]]]] = [
    ("days with a swing", days((40, 60)), []),
    ("days with a wide swing", days((40, 60), swing=12), []),
    ("half a day of cold, and back", days((20, 60), (0.5, 52), (5, 60)), [(0, 1), (1, 0)]),
    ("two days of it, deeper", days((20, 60), (2, 40), (5, 60)), [(0, 1), (1, 2), (2, 1), (1, 0)]),
    ("an hour of it", days((20, 60), (1 / 24, 50), (5, 60)), []),
    ("one outlier", days((20, 60), (1 / 144, 240), (5, 60)), []),
    ("while it learns", days((2, 60), (2, 45)), []),
    ("constant", every(600, [60.0] * 6_000), []),
    ("constant, but for its last digit", every(600, [60.0, 60.1] * 3_000), []),
]


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_drift(points: list[Point], expected: list[tuple[int, int]]) -> None:
    assert [change[1:] for change in changes(CREPT, points, SUPPLY)] == expected


def test_it_creeps_for_days_before_it_is_told_and_the_signal_is_how_far() -> None:
    points = [
        (time, 60 - max(0.0, time / DAY - 20) * 4 + random.Random(time).gauss(0, 0.5)) for time, _ in days((24, 0))
    ]
    found = changes({**CREPT, "direction": "below", "limits": {"blue": 3}}, points, SUPPLY)
    assert len(found) == 1
    assert 20.5 * DAY < found[0][0] < 22 * DAY
    assert changes({**CREPT, "direction": "above"}, points, SUPPLY) == []
    assert dict(signals({**CREPT, "direction": "below"}, points, SUPPLY))[points[-1][0]] == pytest.approx(13, abs=2)
    percent = {**CREPT, "unit": "%", "direction": "below"}
    assert dict(signals(percent, points, SUPPLY))[points[-1][0]] == pytest.approx(22, abs=4)


def test_a_new_level_becomes_usual_in_some_weeks() -> None:
    found = changes(CREPT, days((20, 60), (40, 45)), SUPPLY)
    assert [change[1:] for change in found][-1] == (1, 0)
    assert found[-1][0] < 45 * DAY


def test_silence_ends_no_drift() -> None:
    cold = days((20, 60), (1, 45))
    later = [(time + 30 * DAY, value) for time, value in days((21, 45))[-30:]]
    assert [change[1:] for change in changes(CREPT, [*cold, *later], SUPPLY)] == [(0, 1), (1, 2)]


def test_a_new_device_is_learned_anew() -> None:
    points = days((20, 60), (1, 45))
    assert signals(CREPT, points, SUPPLY, renewed=[20 * 144])[-1][0] < 20 * DAY


@pytest.mark.parametrize(("interval_s", "bound"), [(2_700.0, True), (2_701.0, False)])
def test_it_binds_to_sensors_that_speak_often_enough(interval_s: float, bound: bool) -> None:
    assert (
        "drift" in watching(CREPT, sensor("a", property="temperature", unit="Cel", interval_s=interval_s)).signals
    ) == bound


class PlainDrift:
    """The definition, once more, for one sensor with even readings, without arrays."""

    def __init__(self) -> None:
        self.count, self.learned = 0, 0.0
        self.smooth = self.usual = self.noise = 0.0
        self.drifted = False
        self.last: list[float] = []

    def signal(self, value: float, step: float) -> float | None:
        self.count += 1
        if self.count == 1:
            self.smooth = self.usual = value
            self.last = [value, value]
            return None
        self.last, value = [self.last[1], value], statistics.median([*self.last, value])
        self.learned += step
        ready = self.learned >= 14 * DAY / 3
        wide = math.inf if not ready or not self.noise else self.noise
        share = max(step / (step + 14 * DAY), 1 / self.count)
        self.smooth += max(step / (step + 6 * HOUR), 1 / self.count) * (value - self.smooth)
        away = max(-3 * wide, min(3 * wide, self.smooth - self.usual))
        self.usual += share * max(-3 * wide, min(3 * wide, value - self.usual))
        self.noise += share * (1.2533 * abs(away) - self.noise)
        if not ready:
            return None
        moved = self.smooth - self.usual
        self.drifted = abs(moved) > (1.5 if self.drifted else 3.0) * self.noise
        return abs(moved) if self.drifted else 0.0


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 4.0, 15.0]))
def test_a_plain_model_agrees(seed: int, fall: float) -> None:
    points = days((6, 60), (1, 60 - fall), (1, 60), seed=seed)
    plain = PlainDrift()
    made = [(time, plain.signal(value, 600.0 if place else 0.0)) for place, (time, value) in enumerate(points)]
    expected = [(time, pytest.approx(value, abs=1e-6)) for time, value in made if value is not None]
    assert signals(CREPT, points, SUPPLY) == expected


@pytest.mark.parametrize("wrong", [{"usual_s": 7 * HOUR}, {"unit": "kPa"}, {"direction": "sideways"}])
def test_words_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        watching({**CREPT, **wrong}, SUPPLY)
