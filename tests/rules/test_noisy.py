"""Noisy: short-term noise now as a multiple of the sensor's own; a trend, a step or a spike is no noise."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, every, signals, watching
from tests.rules.streams import SILENT_RULE, batch, engine, sensor

RESTLESS = {"kind": "noisy", "usual_s": 7 * 86_400.0, "noise_floor": 0.05, "limits": {"blue": 4}}
DAYS = 3 * 1_440


def about(*noises: tuple[int, float], slope: float = 0.0, seed: int = 1) -> list[Point]:
    """Readings each minute about a line, with so much noise for so many readings."""
    chance = random.Random(seed)
    sizes = [noise for count, noise in noises for _ in range(count)]
    return every(60, [20 + slope * place + chance.gauss(0, noise) for place, noise in enumerate(sizes)])


CASES: list[tuple[str, list[Point], bool]] = [
    ("as noisy as ever", about((DAYS, 0.3)), False),
    ("ten times as noisy", about((DAYS, 0.3), (60, 3.0)), True),
    ("half as noisy again", about((DAYS, 0.3), (600, 0.45)), False),
    ("on a ramp", about((DAYS, 0.3), slope=0.5), False),
    ("one spike", [*about((DAYS, 0.3)), (60.0 * DAYS, 99), *every(60, [20] * 60, 60.0 * (DAYS + 1))], False),
    ("still, then its last digit flickers", every(60, [20.0] * DAYS + [20.0, 20.1] * 30), False),
    ("within the first day", about((700, 0.3), (700, 3.0)), False),
]  # fmt: skip


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_noisy(points: list[Point], expected: bool) -> None:
    assert any(value >= 4 for _, value in signals(RESTLESS, points)) == expected


def test_it_is_an_alarm_about_the_instrument() -> None:
    rule = {**SILENT_RULE, "select": {"property": "water_depth"}, "condition": {**RESTLESS, "deadband": 2}}
    built = engine(rule, sensors=[sensor("a")])
    points = about((DAYS, 0.3), (60, 3.0), (60, 0.3))
    found = built.evaluate(batch(built, [("a", *point) for point in points])).changes
    assert [(change.alarm_class, change.severity) for change in found] == [("instrument", 1), ("instrument", 0)]
    assert 0 <= found[0].time / 1000 - 60 * DAYS < 20 * 60
    assert found[0].value is not None
    assert found[0].value >= 4


def test_readings_on_both_sides_of_a_gap_say_nothing_of_each_other() -> None:
    pairs = [
        (600.0 * place + 60 * second, random.Random(place).gauss(20, 5)) for place in range(400) for second in (0, 1)
    ]
    assert signals(RESTLESS, [*about((DAYS, 0.3)), *((60 * DAYS + time, value) for time, value in pairs)])[-1][1] < 2


def test_a_replaced_device_is_learned_anew() -> None:
    found = signals(RESTLESS, about((DAYS, 0.3), (DAYS, 3.0)), renewed=[DAYS])
    assert max(value for _, value in found) < 3


def test_a_sensor_by_exception_has_no_noise_to_tell() -> None:
    assert watching(RESTLESS, sensor("a", reporting="by_exception")).unbound == [("depth", "a")]


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.3, 30.0]))
def test_a_plain_model_agrees(seed: int, noise: float) -> None:
    points = about((1_600, noise), (100, 5 * noise), seed=seed)
    values = [value for _, value in points]
    now, usual, learned, expected = 0.0, 0.0, 0.0, []
    for count, place in enumerate(range(2, len(points)), 1):
        distance = abs(values[place] - 2 * values[place - 1] + values[place - 2]) * 1.2533 / math.sqrt(6)
        floor = max(usual, 0.05, 0.001 * abs(values[place]))
        ready = learned >= 86_400
        now += max(1 / 17, 1 / count) * ((min(distance, 10 * floor) if ready else distance) - now)
        if count >= 16:
            if ready:
                expected.append((points[place][0], pytest.approx(now / floor, rel=1e-6)))
            learned += 60
            share = max(60 / (60 + 7 * 86_400), 1 / (count - 15))
            usual += share * ((min(now, 2 * floor) if ready else now) - usual)
    assert signals(RESTLESS, points) == expected
