"""Step: an offset from the level before that lasts; neither a single outlier nor what passes."""

import random
import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, changes_in_parts, every, signals
from tests.rules.streams import sensor

DAY_S = 86_400.0
POSITION = sensor("a", system="displacement", property="displacement", unit="mm", interval_s=DAY_S)
DAILY: dict[str, Any] = {
    "kind": "step", "unit": "mm", "readings": 24, "noise_min": 1, "accepted_after_s": 30 * DAY_S,
    "gap_s_max": 30 * DAY_S, "limits": {"blue": 5, "yellow": 20},
}  # fmt: skip
STRAIN = sensor("a", system="bridge", property="strain", unit="um/m", interval_s=1.0)
BY_SECOND: dict[str, Any] = {
    "kind": "step", "unit": "um/m", "readings": 40, "every_s": 15, "persistence": 20, "noise_min": 1,
    "accepted_after_s": 86_400, "gap_s_max": 3600, "limits": {"blue": 10, "yellow": 25}, "deadband": 3,
    "off_delay_s": 300,
}  # fmt: skip
QUIET = [0.0] * 12

# Values of successive days, and the signal of the last of them (None: nothing is said).
CASES: list[tuple[str, dict[str, Any], Sequence[float], float | None]] = [
    ("too few readings", {}, [0] * 10, None),
    ("the first that can be judged", {}, [0] * 11, 0),
    ("the first reading of an offset", {}, [*QUIET, 30], 0),
    ("the second confirms it", {}, [*QUIET, 30, 32], 30),
    ("what both have in common counts", {}, [*QUIET, 70, 40], 40),
    ("a fall, either way", {}, [*QUIET, -30, -32], 30),
    ("a fall, looked for upwards", {"direction": "above"}, [*QUIET, -30, -32], -30),
    ("a fall, looked for", {"direction": "below"}, [*QUIET, -30, -32], 30),
    ("a single outlier", {}, [*QUIET, 30, 0], 0),
    ("an outlier to each side", {}, [*QUIET, 30, -30], 0),
    ("three in a row where three are asked for", {"persistence": 3}, [*QUIET, 30, 32, 31], 30),
    ("two where three are asked for", {"persistence": 3}, [*QUIET, 30, 32], 0),
    ("below five times the least noise", {}, [*QUIET, 4.9, 4.9], 0),
    ("at five times the least noise", {}, [*QUIET, 5, 5], 5),
    ("within the noise of the readings before", {}, [*([-4, 4] * 6), 25, 25], 0),
    ("beyond the noise of the readings before", {}, [*([-4, 4] * 6), 40, 40], 40),
    ("a steady movement is none", {}, [3 * day for day in range(60)], 0),
    ("in stages, against the level before the first", {}, [*QUIET, *([8] * 5), *([16] * 5), *([24] * 5)], 24),
    ("an outlier upon the offset is no part of it", {}, [*QUIET, *([8] * 5), 60], 8),
    ("accepted after its time, the new level is the one before", {}, [*QUIET, *([30] * 32)], 0),
    ("not yet accepted", {}, [*QUIET, *([30] * 31)], 30),
    ("from the accepted level a further one", {}, [*QUIET, *([30] * 32), 50, 50], 20),
    ("back where it was", {}, [*QUIET, *([30] * 5), 0], 0),
    ("constant zeros, then huge", {}, [*QUIET, 1e6, 1e6], 1e6),
]  # fmt: skip


@pytest.mark.parametrize(("more", "values", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_step(more: dict[str, Any], values: Sequence[float], expected: float | None) -> None:
    points = every(DAY_S, values)
    found = [value for time, value in signals({**DAILY, **more}, points, POSITION) if time == points[-1][0]]
    assert found == ([] if expected is None else [pytest.approx(expected)])


def test_an_alarm_is_raised_at_the_second_reading_and_returns_when_the_level_is_accepted() -> None:
    assert changes(DAILY, every(DAY_S, [*QUIET, *([30] * 40)]), POSITION) == [
        (13 * DAY_S, 0, 2),
        (43 * DAY_S, 2, 0),
    ]


@pytest.mark.parametrize(("gap_days", "step"), [(30, 30), (31, 0)])
def test_a_gap_above_its_limit_forgets_the_level_before(gap_days: int, step: float) -> None:
    points = [*every(DAY_S, QUIET), *every(DAY_S, [30.0] * 15, begin_s=(11 + gap_days) * DAY_S)]
    assert max(value for _, value in signals(DAILY, points, POSITION)) == step


def test_a_replaced_device_makes_no_step() -> None:
    points = every(DAY_S, [*QUIET, *([30] * 12)])
    assert {value for _, value in signals(DAILY, points, POSITION, renewed=[12])} == {0}


def crossing(peak: float) -> list[float]:
    return [peak * share for share in (0.1, 0.4, 0.7, 0.9, 1, 1, 0.9, 0.7, 0.4, 0.1)]


def strain(*pieces: Sequence[float], seed: int = 1) -> list[Point]:
    chance = random.Random(seed)
    return every(1, [value + chance.gauss(0, 0.15) for piece in pieces for value in piece])


QUARTER_HOUR = [0.0] * 900
STAGES = [stage * 3.0 for stage in range(1, 11) for _ in range(40)]

BRIDGE = [
    ("vehicles that cross", [QUARTER_HOUR, *[[*crossing(10), *([0.0] * 20)] for _ in range(20)]], 0, 0),
    ("a vehicle that stands for two minutes", [QUARTER_HOUR, [9.0] * 133, QUARTER_HOUR], 0, 0),
    ("a queue of them for four minutes", [QUARTER_HOUR, [15.0] * 240, QUARTER_HOUR], 0, 0),
    ("a support lowered at once", [QUARTER_HOUR, [30.0] * 900], 1, 2),
    ("a support lowered in stages", [QUARTER_HOUR, STAGES, [30.0] * 900], 1, 2),
    (
        "lowered while vehicles cross",
        [QUARTER_HOUR, *[[*([30.0] * 20), *[30 + more for more in crossing(10)]] for _ in range(30)]],
        1,
        2,
    ),
    ("lifted again", [QUARTER_HOUR, [30.0] * 900, QUARTER_HOUR], 1, 2),
    ("the day's temperature", [[0.003 * second for second in range(7200)]], 0, 0),
]


@pytest.mark.parametrize(("pieces", "alarms", "peak"), [case[1:] for case in BRIDGE], ids=[case[0] for case in BRIDGE])
def test_a_bridge(pieces: list[list[float]], alarms: int, peak: int) -> None:
    told = changes(BY_SECOND, strain(*pieces), STRAIN)
    assert sum(before == 0 for _, before, _ in told) == alarms
    assert max((severity for _, _, severity in told), default=0) == peak


class PlainStep:
    """The definition, once more, for one sensor with even readings, without arrays."""

    def __init__(self, readings: int, persistence: int, accepted_after: int) -> None:
        self.readings, self.persistence, self.accepted_after = readings, persistence, accepted_after
        self.window: list[float] = []
        self.noises: list[float] = []
        self.departures: list[float] = []
        self.usual = 0.0

    def learn(self) -> None:
        level = statistics.median(self.window)
        self.noise = max(1.0, 1.4826 * statistics.median(abs(value - level) for value in self.window))
        self.noises.append(self.noise)
        counted = self.noise if len(self.noises) <= 100 else min(self.noise, 2 * self.usual)
        self.usual += (counted - self.usual) / min(len(self.noises), 200)
        self.level = level

    def signal(self, value: float) -> float | None:
        if len(self.window) < 10:
            self.window.append(value)
            if len(self.window) == 10:
                self.learn()
            return None
        departure = value - self.level
        if abs(departure) < 5 * max(self.noise, self.usual):
            self.departures = []
            self.window = [*self.window, value][-self.readings :]
            self.learn()
            return 0.0
        same_side = self.departures and self.departures[-1] * departure > 0
        self.departures = [*self.departures, departure] if same_side else [departure]
        last = self.departures[-self.persistence :]
        step = min(map(abs, last)) if len(last) == self.persistence else 0.0
        if len(self.departures) > self.accepted_after:
            moved = statistics.median(last)
            self.window = [kept + moved for kept in self.window]
            self.level += moved
            self.departures = []
        return step


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([10, 24, 48]), st.sampled_from([2, 3, 7]), st.sampled_from([0, 5, 30]))
def test_a_plain_model_agrees(seed: int, readings: int, persistence: int, accepted_after: int) -> None:
    chance, level, points = random.Random(seed), 0.0, []
    for day in range(400):
        level += chance.choice([0] * 30 + [-40, 8, 20, 300])
        points.append((day * DAY_S, level + chance.gauss(0, 1.5) + chance.choice([0] * 20 + [25])))
    condition = {
        **DAILY, "readings": readings, "persistence": persistence, "accepted_after_s": accepted_after * DAY_S,
    }  # fmt: skip
    plain = PlainStep(readings, persistence, accepted_after)
    made = [(time, plain.signal(value)) for time, value in points]
    expected = [(time, pytest.approx(value, abs=1e-9)) for time, value in made if value is not None]
    assert signals(condition, points, POSITION) == expected


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(st.integers(0, 120), max_size=6))
def test_batches_and_restarts_change_nothing(seed: int, cuts: list[int]) -> None:
    chance = random.Random(seed)
    values = [chance.gauss(0, 1.5) + (40 if day > 60 else 0) + chance.choice([0] * 9 + [30]) for day in range(120)]
    points = every(DAY_S, values)
    assert changes_in_parts(DAILY, points, cuts, POSITION) == changes(DAILY, points, POSITION)
