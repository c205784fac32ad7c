"""Shift: a level that moves and stays is found by a CUSUM against the sensor's own noise; what passes is not."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, every, signals, watching
from tests.rules.streams import sensor

WATER = sensor("a", system="water", property="water_flow", unit="L/s", interval_s=1.0)
MOVED = {"kind": "shift", "unit": "%", "window_s": 300, "limits": {"blue": 3, "yellow": 10}}


def noisy(*levels: tuple[int, float], noise: float = 0.3, seed: int = 1) -> list[float]:
    """Values about levels, each for so many readings."""
    chance = random.Random(seed)
    return [level + chance.gauss(0, noise) for count, level in levels for _ in range(count)]


def told(values: list[float], condition: dict[str, Any] = MOVED, step_s: float = 1.0) -> list[tuple[int, int]]:
    """The severities that it moves through."""
    return [(before, after) for _, before, after in changes(condition, every(step_s, values), WATER)]


CASES: list[tuple[str, list[float], list[tuple[int, int]]]] = [
    ("a level that stays", noisy((3000, 30)), []),
    ("it falls, stays down, and comes back", noisy((600, 30), (600, 28), (600, 30)), [(0, 1), (1, 0)]),
    ("it falls further", noisy((600, 30), (300, 28), (300, 24)), [(0, 1), (1, 2)]),
    (
        "it rises: the outlier's cut leaves the next readings to tell how far",
        noisy((600, 30), (600, 34)),
        [(0, 1), (1, 2)],
    ),
    ("one outlier", noisy((600, 30), (1, 900), (600, 30)), []),
    ("two seconds of it", noisy((600, 30), (2, 40), (600, 30)), []),
    ("less than the limit", noisy((600, 30), (600, 30.5)), []),
    (
        "a ramp slower than its noise a window",
        [30 + place / 1000 + noise for place, noise in enumerate(noisy((6000, 0)))],
        [],
    ),
    ("while it learns", noisy((60, 30), (60, 34)), []),
    ("constant", [30.0] * 3000, []),
    ("constant, then another constant", [30.0] * 600 + [28.0] * 600, [(0, 1)]),
    ("from nothing at all", [0.0] * 600 + [5.0] * 600, [(0, 2)]),
    ("huge values", noisy((600, 3e9), (600, 2e9), noise=1e7), [(0, 1), (1, 2)]),
]


@pytest.mark.parametrize(("values", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_shift(values: list[float], expected: list[tuple[int, int]]) -> None:
    assert told(values) == expected


def test_a_shift_of_one_noise_is_found_within_a_minute_or_two() -> None:
    condition = {**MOVED, "limits": {"blue": 0.5}}
    found = changes(condition, every(1, noisy((600, 30), (600, 29.5))), WATER)
    assert len(found) == 1
    assert 600 < found[0][0] < 720


def test_the_signal_is_what_the_level_has_moved_by() -> None:
    fall = signals(MOVED, every(1, noisy((600, 30), (600, 27))), WATER)
    assert dict(fall)[1199] == pytest.approx(10, abs=1)
    cubic_metres = {**MOVED, "unit": "m3/h", "direction": "below", "limits": {"blue": 1}}
    assert dict(signals(cubic_metres, every(1, noisy((600, 30), (600, 27))), WATER))[1199] == pytest.approx(10.8, abs=1)
    assert dict(signals({**MOVED, "direction": "above"}, every(1, noisy((600, 30), (600, 27))), WATER))[1199] < 0


def test_a_new_level_becomes_the_usual_one_in_the_end() -> None:
    condition = {**MOVED, "relearn_s": 1800, "limits": {"blue": 3}}
    (_, begin, _), (end, _, after) = changes(condition, every(1, noisy((600, 30), (3000, 27))), WATER)
    assert (begin, end, after) == (0, pytest.approx(2400, abs=30), 0)


def test_silence_ends_no_shift_and_after_it_the_old_level_still_counts() -> None:
    before = every(1, noisy((600, 30), (60, 28)))
    still = every(1, noisy((600, 28)), begin_s=8_000)
    back = every(1, noisy((600, 30)), begin_s=8_000)
    assert len(changes(MOVED, [*before, *still], WATER)) == 1
    assert len(changes(MOVED, [*before, *back], WATER)) == 2


def test_after_a_long_gap_a_level_is_learned_anew() -> None:
    assert changes(MOVED, [*every(1, noisy((600, 30))), *every(1, noisy((600, 27)), begin_s=8_000)], WATER) == []


def test_a_new_device_is_learned_anew() -> None:
    values = noisy((600, 30), (600, 27))
    assert max(value for _, value in signals(MOVED, every(1, values), WATER, renewed=[600])) == 0
    assert max(value for _, value in signals(MOVED, every(1, values), WATER)) > 3


def test_a_restless_day_widens_the_noise_of_a_quiet_hour() -> None:
    restless = noisy((30, 29), (30, 31)) * 200
    told_early = changes(
        {**MOVED, "limits": {"blue": 2}},
        every(1, [*noisy((600, 30), noise=0.05), *noisy((600, 30.9), noise=0.05)]),
        WATER,
    )
    quiet_after = [*restless, *noisy((900, 30), noise=0.05), *noisy((600, 30.9), noise=0.05)]
    told_late = [
        change
        for change in changes({**MOVED, "limits": {"blue": 2}}, every(1, quiet_after), WATER)
        if change[0] > len(restless) + 800
    ]
    assert (len(told_early), told_late) == (1, [])


@pytest.mark.parametrize(
    ("watched", "bound"),
    [
        (sensor("a", interval_s=5.0), True),
        (sensor("a", interval_s=6.0), False),
        (sensor("a", interval_s=1.0, reporting="by_exception"), False),
    ],
)
def test_it_binds_to_sensors_that_speak_often_enough(watched: Any, bound: bool) -> None:
    assert ("shift" in watching(MOVED, watched).signals) == bound


class PlainShift:
    """The definition, once more, for one sensor with even readings, without arrays."""

    def __init__(self) -> None:
        self.count = 0
        self.learned = self.baseline = self.noise = self.day = self.level = self.back = 0.0
        self.up = self.down = 0.0
        self.in_up: list[float] = []
        self.in_down: list[float] = []
        self.side = 0

    def signal(self, value: float, step: float) -> float | None:
        self.count += 1
        if self.count == 1:
            self.baseline = value
            return None
        self.learned += step
        ready = self.count >= 30 and self.learned >= 150
        noise = max(self.noise, self.day)
        distance = value - self.baseline
        score = max(-4.0, min(4.0, distance / noise)) if noise else 0.0 if not distance else 4.0
        if self.side == 0 and ready:
            self.up, self.down = max(0.0, self.up + score - 0.9), max(0.0, self.down - score - 0.9)
            self.in_up = [*self.in_up, score * noise] if self.up else []
            self.in_down = [*self.in_down, score * noise] if self.down else []
            found = self.in_up if self.up > 12 else self.in_down if self.down > 12 else None
            if found is not None:
                self.side = 1 if self.up > 12 else -1
                self.level, self.back = self.baseline + sum(found) / len(found), 0.0
                self.up = self.down = 0.0
        if self.side == 0:
            learned = score * noise if ready else distance
            share = max(step / (step + 300), 1 / self.count)
            self.noise += share * (1.2533 * abs(learned) - self.noise)
            self.day += max(step / (step + 86_400), 1 / self.count) * (1.2533 * abs(learned) - self.day)
            self.baseline += share * learned
        else:
            self.level += step / (step + 15) * (value - self.level)
            self.back = max(0.0, self.back + 0.9 - self.side * score)
            if self.back > 12:
                self.side = 0
        if not ready:
            return None
        moved = (self.level - self.baseline) / max(abs(self.baseline), noise) if self.side else 0.0
        return abs(100 * moved)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([1.0, 2.0, 5.0]))
def test_a_plain_model_agrees(seed: int, moved: float, step: float) -> None:
    points: list[Point] = every(step, noisy((200, 30), (100, 30 + moved), (150, 30), seed=seed))
    plain = PlainShift()
    made = [(time, plain.signal(value, step if place else 0.0)) for place, (time, value) in enumerate(points)]
    expected = [(time, pytest.approx(value, abs=1e-6)) for time, value in made if value is not None]
    assert signals(MOVED, points, WATER) == expected
