"""Displacement: velocity, acceleration, tangent angle and forecast of failure, each refused where it means nothing."""

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alerts.conditions import failure
from alerts.rule_file import RuleFileError, parse_packs
from simulators.physics.ground import voight_displacement
from tests.rules.signals import Point, changes_in_parts, every, signals, watching
from tests.rules.signals import changes as told
from tests.rules.streams import batch, sensor
from tests.rules.test_rule_files import GOOD

DAY_S, HOUR_S = 86_400.0, 3_600.0
DAILY = sensor("a", system="displacement", property="displacement", unit="mm", interval_s=DAY_S)
HOURLY = sensor("a", system="displacement", property="displacement", unit="mm", interval_s=HOUR_S)
VELOCITY: dict[str, Any] = {
    "kind": "displacement", "measure": "velocity", "unit": "mm/d", "window_s": 2 * DAY_S, "noise_min": 1,
    "limits": {"blue": 2, "yellow": 5},
}  # fmt: skip
ACCELERATION = {**VELOCITY, "measure": "acceleration", "unit": "mm/d2"}
ACCELERATING = {**VELOCITY, "measure": "accelerating_velocity"}
ANGLE = {**VELOCITY, "measure": "tangent_angle", "unit": "deg", "steady_velocity": 1}
LEARNED_ANGLE = {**VELOCITY, "measure": "tangent_angle", "unit": "deg"}
FORECAST = {**VELOCITY, "measure": "failure_forecast", "unit": "1/d", "window_s": 20 * DAY_S}


def daily(movement: Callable[[int], float], days: int) -> list[Point]:
    return every(DAY_S, [movement(day) for day in range(days)])


def failing(fails: float, growth: float = 30.0) -> Callable[[int], float]:
    """Creep whose inverse velocity falls along a line to the day it fails: v = growth / (fails - day)."""
    return lambda day: growth * math.log(fails / (fails - day))


# What moves, for how many days, and the signal of the last (None: nothing is said).
CASES: list[tuple[str, dict[str, Any], Callable[[int], float], int, float | None]] = [
    ("too few readings", VELOCITY, lambda day: 3 * day, 11, None),
    ("a steady movement", VELOCITY, lambda day: 3 * day, 12, 3),
    ("the other way", VELOCITY, lambda day: -3 * day, 12, 3),
    ("the other way, above asked for", {**VELOCITY, "direction": "above"}, lambda day: -3 * day, 12, -3),
    ("the other way, below asked for", {**VELOCITY, "direction": "below"}, lambda day: -3 * day, 12, 3),
    ("in another unit", {**VELOCITY, "unit": "cm/h"}, lambda day: 24 * day, 12, 0.1),
    ("stillness", VELOCITY, lambda day: 7, 12, 0),
    ("within the least noise", VELOCITY, lambda day: 0.4 * day, 12, 0),
    ("less than counts", {**VELOCITY, "velocity_min": 4}, lambda day: 3 * day, 12, 0),
    ("an outlier in a movement", VELOCITY, lambda day: 500 if day == 6 else 3 * day, 12, 3),
    ("an outlier at its end", VELOCITY, lambda day: 500 if day == 11 else 3 * day, 12, 3),
    ("a step is none", VELOCITY, lambda day: 1000 * (day > 5), 12, 0),
    ("a step in two parts is none", VELOCITY, lambda day: 600 * (day > 5) + 400 * (day > 6), 12, 0),
    ("a step is taken out of a movement", VELOCITY, lambda day: 1000 * (day > 5) + 3 * day, 12, 3),
    ("two steps are taken out", VELOCITY, lambda day: 300 * (day > 3) + 80 * (day > 8) + 3 * day, 12, 3),
    ("more than 12 where more are asked for", {**VELOCITY, "readings_min": 20}, lambda day: 3 * day, 19, None),
    ("steady: no acceleration", ACCELERATION, lambda day: 30 * day, 12, 0),
    ("an even acceleration", ACCELERATION, lambda day: day**2, 12, 2),
    ("an even acceleration, the other way", ACCELERATION, lambda day: -(day**2), 12, 2),
    ("one that slows down", ACCELERATION, lambda day: -((30 - day) ** 2), 12, 0),
    ("an acceleration within the noise", ACCELERATION, lambda day: 0.05 * day**2, 12, 0),
    ("fast and steady is not fast and faster", ACCELERATING, lambda day: 100 * day, 12, 0),
    ("the velocity of the newer half", ACCELERATING, lambda day: day**2, 12, 17),
    ("faster, but not by a quarter", {**ACCELERATING, "growth_min": 1.25}, lambda day: 100 * day + day**2, 12, 0),
    ("faster by a quarter", {**ACCELERATING, "growth_min": 1.25}, lambda day: 20 * day + day**2, 12, 37),
    ("three times as fast", {**ACCELERATING, "growth_max": 4}, lambda day: 20 * day + 40 * max(0, day - 5), 12, 60),
    ("six times as fast is an onset", {**ACCELERATING, "growth_max": 4},
     lambda day: 10 * day + 50 * max(0, day - 5), 12, 0),
    ("a burst that fades", ACCELERATING, lambda day: 200 * (1 - 0.6 ** max(0, day - 5)), 12, 0),
    ("a step is no acceleration", ACCELERATING, lambda day: 1000 * (day > 8), 12, 0),
    ("steady creep has no angle to tell", ANGLE, lambda day: day, 12, 0),
    ("ten times steady creep", ANGLE, lambda day: 10 * day, 12, 84.2894),
    ("faster than steady within the noise", ANGLE, lambda day: 1.5 * day, 12, 0),
    ("less than counts has no angle", {**ANGLE, "velocity_min": 12}, lambda day: 10 * day, 12, 0),
    ("a steady velocity is not known yet", LEARNED_ANGLE, lambda day: 10 * day, 36, 0),
    ("as steady as ever", LEARNED_ANGLE, lambda day: 10 * day, 60, 0),
    ("ten times as fast as ever", LEARNED_ANGLE, lambda day: day + 9 * max(0, day - 59), 72, 84.2894),
    ("no forecast of a steady movement", FORECAST, lambda day: 30 * day, 40, 0),
    ("none of one that slows down", FORECAST, lambda day: 100 * math.log(1 + day), 40, 0),
    ("none of a step", FORECAST, lambda day: 1000 * (day > 35), 40, 0),
    ("none as long as few readings have seen it", FORECAST, lambda day: 12 * max(0, day - 36) ** 2, 40, 0),
    ("ten days ahead", FORECAST, failing(49), 40, 0.1),
    ("ten days ahead, the other way", FORECAST, lambda day: -failing(49)(day), 40, 0.1),
    ("five days ahead", FORECAST, failing(44), 40, 0.2),
    ("ahead, but not fast enough to count", {**FORECAST, "velocity_min": 5}, failing(49), 40, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "movement", "days", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_displacement(
    condition: dict[str, Any], movement: Callable[[int], float], days: int, expected: float | None
) -> None:
    points = daily(movement, days)
    found = [value for time, value in signals(condition, points, DAILY) if time == points[-1][0]]
    near = 0.08 if condition["measure"] == "failure_forecast" else 1e-6  # of times of failure a row is tried
    assert found == ([] if expected is None else [pytest.approx(expected, rel=near)])


def test_an_alarm_tells_between_which_days_failure_is_expected() -> None:
    chance = random.Random(7)
    points = daily(lambda day: failing(49)(day) + chance.gauss(0, 0.5), 46)
    built = watching({**FORECAST, "limits": {"blue": 1 / 14, "yellow": 1 / 7}}, DAILY)
    found = built.evaluate(batch(built, [("a", *point) for point in points])).changes
    assert found
    for change in found:
        assert change.expected_from is not None
        assert change.expected_to is not None
        assert change.time < change.expected_from <= 49 * DAY_S * 1000 <= change.expected_to


def test_failure_is_forecast_to_the_last_readings() -> None:
    """The largest growths are the newest: they are no steps."""
    condition = {**FORECAST, "window_s": 7 * DAY_S, "noise_min": 0.5}
    three_hourly = sensor("a", system="displacement", property="displacement", unit="mm", interval_s=10_800.0)
    points = [(time, round(200 / 30 * failing(12.2)(time / DAY_S), 1)) for time, _ in every(10_800, range(93))]
    ahead = [(12.2 - time / DAY_S, signal) for time, signal in signals(condition, points, three_hourly)]
    for days, signal in ahead[-6:]:
        assert 1 / signal == pytest.approx(days, rel=0.25)


def test_fast_readings_are_thinned_and_have_to_span_most_of_the_window() -> None:
    every_minute = every(60, [minute / 48 for minute in range(3 * 1440)])
    found = signals(VELOCITY, every_minute, sensor("a", system="displacement", property="displacement", unit="mm"))
    assert found[0][0] == pytest.approx(0.8 * 2 * DAY_S, abs=HOUR_S)
    assert 36 <= len(found) <= 40
    assert [value for _, value in found] == [pytest.approx(30)] * len(found)


def test_readings_with_gaps_say_nothing() -> None:
    points = [*daily(lambda day: 3 * day, 12), *every(DAY_S, [300.0] * 5, begin_s=60 * DAY_S)]
    assert [time for time, _ in signals(VELOCITY, points, DAILY)] == [11 * DAY_S]


def test_a_new_device_begins_a_new_window() -> None:
    times = [time / DAY_S for time, _ in signals(VELOCITY, daily(lambda day: 3 * day, 30), DAILY, renewed=[15])]
    assert times == [11, 12, 13, 14, 26, 27, 28, 29]


def test_readings_that_scatter_as_never_before_do_not_end_an_alarm() -> None:
    chance = random.Random(1)
    calm = daily(lambda day: 6 * day + chance.gauss(0, 0.5), 100)
    restless = every(DAY_S, [600 + 6 * day + chance.gauss(0, 200) for day in range(12)], begin_s=100 * DAY_S)
    assert told(VELOCITY, [*calm, *restless], DAILY) == [(11 * DAY_S, 0, 2)]


def test_without_its_steady_velocity_a_sensor_is_not_bound() -> None:
    condition = {**ANGLE, "steady_velocity": {"attribute": "steady_velocity"}}
    assert watching(condition, DAILY).unbound == [("depth", "a")]
    more = sensor(
        "a", system="displacement", property="displacement", unit="mm", interval_s=DAY_S,
        attributes={"steady_velocity": "2"},
    )  # fmt: skip
    assert signals(condition, daily(lambda day: 20 * day, 12), more) == [(11 * DAY_S, pytest.approx(84.2894))]


BAD = {
    "an angle in mm/d": ("measure: tangent_angle, unit: mm/d", "deg"),
    "a forecast in days": ("measure: failure_forecast, unit: d", "1/d"),
    "a velocity in mm": ("measure: velocity, unit: mm", "rate"),
    "an acceleration in mm/d": ("measure: acceleration, unit: mm/d", "d2"),
    "a steady velocity of no use": ("measure: velocity, unit: mm/d, steady_velocity: 1", "tangent_angle"),
    "fewer than 12 readings": ("measure: velocity, unit: mm/d, readings_min: 5", "readings_min"),
}


@pytest.mark.parametrize(("words", "told"), BAD.values(), ids=BAD)
def test_a_measure_without_sense_is_refused(words: str, told: str) -> None:
    begin, end = GOOD.index("    condition:"), GOOD.index("    priority:")
    condition = f"    condition: {{kind: displacement, {words}, window_s: 9, noise_min: 1, limits: {{red: 9}}}}\n"
    text = GOOD[:begin].replace("water_depth", "displacement") + condition + GOOD[end:].replace("blue: low, ", "")
    with pytest.raises(RuleFileError) as error:
        parse_packs([("a.yaml", text)])
    assert told in str(error.value)


@pytest.mark.parametrize("left", [1.5, 3.0, 8.0])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_time_of_failure_lies_in_its_interval(left: float, noise: float) -> None:
    chance = np.random.default_rng(5)
    times = np.linspace(-10.0, 0.0, 48)
    moved = voight_displacement(times + 10.0, 10.0 + left, 3.0) + noise * chance.standard_normal(48)
    days, early, late, velocity, misfit = failure.failure(times, moved, np.empty(failure.TRIALS))
    step = (failure.FARTHEST / failure.NEAREST) ** (1 / (failure.TRIALS - 1))
    assert early / step <= left <= late * step
    assert days == pytest.approx(left, rel=0.3)
    assert velocity == pytest.approx(3.0 * (10.0 + left) / left, rel=0.3)
    assert misfit <= 1.3 * noise + 0.5


def smoothed(values: Sequence[float]) -> list[float]:
    found = list(values)
    for place in range(1, len(values) - 1):
        found[place] = statistics.median(values[place - 1 : place + 2])
    found[-1] = statistics.median([3 * found[-2] - 2 * found[-3], values[-1], found[-2]])
    found[0] = statistics.median([3 * found[1] - 2 * found[2], values[0], found[1]])
    return found


def freed_of_steps(
    days: Sequence[float], values: Sequence[float], at_end: bool, reaches: Callable[[float, float], bool]
) -> list[float]:
    rates = [(y - x) / (t - s) for (s, x), (t, y) in itertools.pairwise(zip(days, values, strict=True))]
    usual = statistics.median(rates)
    growths = [y - x - usual * (t - s) for (s, x), (t, y) in itertools.pairwise(zip(days, values, strict=True))]
    center = statistics.median(growths)
    noise = 1.4826 * statistics.median(abs(growth - center) for growth in growths)
    most = 4 * max(math.sqrt(2), noise)
    steps = [0.0 if reaches(most, abs(growth - center)) else growth - center for growth in growths]
    if sum(step != 0 for step in steps) > len(values) // 4:
        return list(values)
    while steps and steps[-1] and not at_end:  # what has not come to rest yet
        steps.pop()
    steps += [0.0] * (len(growths) - len(steps))
    return [value - height for value, height in zip(values, [0.0, *itertools.accumulate(steps)], strict=True)]


def theil_sen(days: Sequence[float], values: Sequence[float]) -> float:
    pairs = itertools.combinations(zip(days, values, strict=True), 2)
    return statistics.median((y - x) / (t - s) for (s, x), (t, y) in pairs)


def about_its_median(values: Iterable[float]) -> list[float]:
    kept = list(values)
    center = statistics.median(kept)
    return [value - center for value in kept]


def lever(days: Sequence[float]) -> float:
    mean = statistics.fmean(days)
    return math.sqrt(sum((day - mean) ** 2 for day in days))


def usual(known: float, count: int, seen: float, memory: int) -> float:
    counted = seen if 2 * count <= memory else min(seen, 2 * known)
    return known + (counted - known) / min(count, memory)


class PlainMovement:
    """The definitions of velocity, acceleration and accelerating velocity, once more, for a window after the other.

    `on_edge` where a decision hung on less than rounding can shift: then another order of the same sums may decide
    otherwise, and be as right.
    """

    def __init__(self) -> None:
        self.on_edge = False
        self.windows = 0
        self.scatter = 0.0
        self.changes: list[float] = []

    def reaches(self, one: float, other: float) -> bool:
        self.on_edge |= math.isclose(one, other, rel_tol=1e-9)
        return one >= other

    def signal(self, measure: str, points: Sequence[Point]) -> float | None:
        days = [(time - points[-1][0]) / DAY_S for time, _ in points]
        values = [value for _, value in points]
        smooth = smoothed(values)
        moved = freed_of_steps(days, smooth, measure != "accelerating_velocity", self.reaches)
        half = len(days) // 2
        rate, older, newer = (
            theil_sen(days, moved),
            theil_sen(days[:half], moved[:half]),
            theil_sen(days[half:], moved[half:]),
        )
        freed = [v + m - s for v, m, s in zip(values, moved, smooth, strict=True)]
        left = about_its_median(v - older * d for d, v in zip(days[:half], freed[:half], strict=True))
        left += about_its_median(v - newer * d for d, v in zip(days[half:], freed[half:], strict=True))
        scatter = max(1.0, 1.4826 * statistics.median(map(abs, about_its_median(left))))
        self.windows += 1
        self.scatter = usual(self.scatter, self.windows, scatter, 200)
        self.changes.append(newer - older)
        rises, falls = (statistics.fmean(max(0.0, sign * change) for change in self.changes) for sign in (1, -1))
        change = 2.5066 * min(rises, falls)
        counts = self.reaches(abs(rate), 5 * max(max(scatter, self.scatter) / lever(days), change / math.sqrt(8)))
        if not counts and not self.reaches(3 * self.scatter, scatter):
            return None
        if measure == "velocity":
            return abs(rate) if counts else 0.0
        gain = math.copysign(1, newer) * (newer - older)
        noise, before = (max(self.scatter / lever(part), change / math.sqrt(2)) for part in (days[half:], days[:half]))
        if not self.reaches(abs(newer), 5 * noise) or not self.reaches(gain, 5 * math.hypot(noise, before)):
            return 0.0
        if measure == "accelerating_velocity":
            middle = half + (len(days) - half) // 2
            before = theil_sen(days[half : middle + 1], moved[half : middle + 1])
            after = theil_sen(days[middle:], moved[middle:])
            if abs(newer) > 1000 * math.copysign(1, newer) * older:
                return 0.0
            fades = not self.reaches(math.copysign(1, newer) * after, 0.9 * math.copysign(1, newer) * before)
            return 0.0 if fades else abs(newer)
        return gain / (statistics.fmean(days[half:]) - statistics.fmean(days[:half]))


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from([VELOCITY, ACCELERATION, ACCELERATING]),
    st.sampled_from([12, 13, 24]),
    st.sampled_from([0.0, 0.02, 0.2]),
)
def test_a_plain_model_agrees(seed: int, condition: dict[str, Any], readings: int, gain: float) -> None:
    chance = random.Random(seed)
    time, offset, points = 0.0, 0.0, []
    for place in range(90):
        time += chance.choice([DAY_S, DAY_S, 1.5 * DAY_S])
        offset += chance.choice([0.0] * 20 + [40.0])
        points.append((time, offset + gain * place**2 + chance.gauss(0, 1.5) + chance.choice([0.0] * 20 + [25.0])))
    plain, expected = PlainMovement(), []
    for end in range(readings, len(points) + 1):
        signal = plain.signal(condition["measure"], points[end - readings : end])
        if signal is not None:
            expected.append((points[end - 1][0], pytest.approx(signal, abs=1e-6)))
    assume(not plain.on_edge)
    assert signals({**condition, "readings_min": readings}, points, DAILY) == expected


@settings(max_examples=15)
@given(st.integers(0, 1000), st.sampled_from([VELOCITY, ACCELERATING, LEARNED_ANGLE, FORECAST]), st.data())
def test_batches_and_restarts_change_nothing(seed: int, condition: dict[str, Any], data: st.DataObject) -> None:
    chance = random.Random(seed)
    points = daily(lambda day: failing(121)(day) + chance.gauss(0, 1), 120)
    condition = {**condition, "limits": {"blue": 0.05, "yellow": 10}}
    cuts = data.draw(st.lists(st.integers(0, 120), max_size=6))
    expected = told(condition, points, DAILY)
    assert expected
    assert changes_in_parts(condition, points, cuts, DAILY) == expected
