"""Night flow: the least hour of the night against a base of earlier nights, judged in the morning."""

import math
import random
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.rules.signals import Point, changes, changes_in_parts, signals, watching
from tests.rules.streams import sensor

HOUR, DAY = 3_600.0, 86_400.0
MIDNIGHT = datetime(2025, 9, 1, tzinfo=UTC).timestamp() - 8 * HOUR  # in Shanghai
INFLOW = sensor("a", property="water_flow", unit="L/s", interval_s=HOUR)
RISEN = {
    "kind": "night_flow",
    "unit": "%",
    "from_h": 1,
    "to_h": 6,
    "noise_multiple": 3,
    "at_once_multiple": 8,
    "relearn_nights": 20,
    "limits": {"blue": 5, "yellow": 20},
    "deadband": 1,
}


def flow(nights: int, leaks: dict[int, float] | None = None, noise: float = 1.0, step_s: float = HOUR) -> list[Point]:
    """Nights of 100 L/s and days of 200, each night of its own level; a leak from the midnight before a night on.

    `leaks` names nights from which the inflow is that much more, until the next one named.
    """
    chance, leak, points = random.Random(1), 0.0, []
    for night in range(nights):
        leak = (leaks or {}).get(night, leak)
        level = chance.choice([-2, -1, -1, 0, 0, 0, 1, 1, 2]) * noise + leak
        for place in range(round(DAY / step_s)):
            hour = place * step_s / HOUR
            bowl = 100 + 2 * abs(hour - 3) if hour < 7 else 200
            points.append((MIDNIGHT + night * DAY + place * step_s, bowl + level))
    return points


def morning(night: int, hour: float = 6) -> float:
    return MIDNIGHT + night * DAY + hour * HOUR


CASES: list[tuple[str, list[Point], list[tuple[float, int, int]]]] = [
    ("ordinary nights", flow(120), []),
    ("always the same", flow(120, noise=0), []),
    ("a leak that is found when three nights had it", flow(90, {60: 9}), [(morning(62), 0, 1), (morning(80), 1, 0)]),
    ("a large leak the morning after", flow(80, {60: 30}), [(morning(60), 0, 2)]),
    ("a leak that is mended", flow(80, {60: 30, 65: 0}), [(morning(60), 0, 2), (morning(65), 2, 0)]),
    ("one night of filling", flow(80, {60: 30, 61: 0}), [(morning(60), 0, 2), (morning(61), 2, 0)]),
    ("two nights a little higher are no leak", flow(80, {60: 9, 62: 0}), []),
    (
        "a leak that grows is one occurrence",
        flow(80, {60: 9, 65: 30}),
        [(morning(62), 0, 1), (morning(67), 1, 2)],
    ),
    ("a fall is none", flow(80, {60: -30}), []),
    ("the new flow becomes the base, and the next leak stands out of it", flow(120, {60: 30, 100: 60}),
     [(morning(60), 0, 2), (morning(80), 2, 0), (morning(100), 0, 2)]),
    ("nothing is said of the first weeks", flow(35, {30: 50}), []),
]  # fmt: skip


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_night_flow(points: list[Point], expected: list[tuple[float, int, int]]) -> None:
    assert changes(RISEN, points, INFLOW) == expected


@pytest.mark.parametrize(
    ("step_s", "judged_at"), [(60.0, 6.0), (300.0, 6.0), (900.0, 6.0), (1_800.0, 6.0), (3_600.0, 6.0)]
)
def test_any_interval_makes_the_minimum_rolling_hour(step_s: float, judged_at: float) -> None:
    watched = sensor("a", property="water_flow", unit="L/s", interval_s=step_s)
    found = changes(RISEN, flow(63, {60: 30}, step_s=step_s), watched)
    assert found == [(morning(60, judged_at), 0, 2)]


@pytest.mark.parametrize("thin", [slice(0, None, 2), slice(1, None, 2)])
def test_every_second_reading_is_enough(thin: slice) -> None:
    found = changes(RISEN, flow(66, {60: 30})[thin], INFLOW)
    assert [change[1:] for change in found] == [(0, 2)]
    assert morning(60) <= found[0][0] < morning(62)


def without(points: list[Point], begin: float, end: float) -> list[Point]:
    return [(time, value) for time, value in points if not begin <= time < end]


def test_a_night_that_was_hardly_seen_is_passed_over() -> None:
    points = without(flow(70, {60: 30}), MIDNIGHT + 60 * DAY, morning(60, 5))
    assert changes(RISEN, points, INFLOW) == [(morning(61), 0, 2)]


def test_the_night_is_judged_by_the_first_reading_after_it() -> None:
    points = without(flow(63, {60: 30}), morning(60), morning(60, 15))
    assert changes(RISEN, points, INFLOW) == [(morning(60, 15), 0, 2)]


def test_after_a_long_hole_the_base_is_learned_anew_and_the_noise_is_kept() -> None:
    points = without(flow(110, {75: 40, 95: 80}), morning(60), morning(80))
    assert changes(RISEN, points, INFLOW) == [(morning(95), 0, 2)]


def test_a_hole_ends_no_rise() -> None:
    points = without(flow(76, {60: 30}), morning(61, 7), morning(74, 7))
    assert changes(RISEN, points, INFLOW) == [(morning(60), 0, 2)]


def test_a_new_device_has_a_base_of_its_own() -> None:
    points = flow(80, {60: 40})
    made = signals({**RISEN, "from_h": 17, "to_h": 22}, points, INFLOW, renewed=[60 * 24])  # in UTC
    assert {value for _, value in made} == {0.0}
    assert not [time for time, _ in made if morning(61) < time < morning(67)]


def test_a_night_across_midnight() -> None:
    found = changes({**RISEN, "from_h": 22, "to_h": 5}, flow(63, {60: 30}), INFLOW)
    assert found == [(morning(60, 5), 0, 2)]


def test_a_logger_of_leak_noise_that_reads_once_a_night() -> None:
    logger = sensor("a", property="leak_noise", unit="dB", interval_s=DAY)
    condition = {
        **RISEN, "unit": "dB", "over_s": 0, "base_nights": 14, "at_once_multiple": None, "limits": {"blue": 3},
    }  # fmt: skip
    points = [
        (morning(night, 3), 20 + random.Random(night).choice([-1, 0, 0, 1]) + 9 * (night >= 60)) for night in range(70)
    ]
    assert changes(condition, points, logger) == [(morning(63, 3), 0, 1)]


@pytest.mark.parametrize(
    ("more", "bound"),
    [
        ({"interval_s": HOUR}, True),
        ({"interval_s": HOUR + 1}, False),
        ({"interval_s": 60.0, "reporting": "by_exception"}, False),
    ],
)
def test_it_binds_to_sensors_that_make_an_hour(more: dict[str, Any], bound: bool) -> None:
    watched = sensor("a", property="water_flow", unit="L/s", **more)
    assert ("night_flow" in watching(RISEN, watched).signals) == bound


def reaches(one: float, other: float) -> bool:
    assume(not math.isclose(one, other, rel_tol=1e-9))
    return one >= other


def plain(points: list[Point]) -> list[Point]:
    """The definition, once more, with lists, for hourly readings whose time is civil time: (time, signal).

    An example in which rounding decides what is a rise is given up: the other decision would be as right.
    """
    nights: dict[int, list[float]] = {}
    mornings: dict[int, float] = {}
    for time, value in points:
        night, hour = int(time // DAY), time % DAY / HOUR
        for open_night in [n for n in nights if n not in mornings and (n < night or hour >= 6)]:
            mornings[open_night] = time
        if 1 <= hour < 6:
            nights.setdefault(night, []).append(value)
    last: list[float] = []
    base: list[float] = []
    noise: list[float] = []
    stood, found, level, judged, back = 0, 0.0, 0.0, -math.inf, False
    made = []
    for night, when in mornings.items():
        if len(nights[night]) < 2:
            continue
        least = min(nights[night])
        if stood == 0 and night - judged > 10:
            last, base = [], []
        judged = night
        if len(last) >= 3 and stood == 0:
            base.append(last[-3])
        last.append(least)
        if stood:
            stood += 1
            was_back, back = back, not reaches(least - level, found / 2)
            if (back and was_back) or stood > 20:
                base = [] if stood > 20 and not (back and was_back) else base
                stood = 0
            made.append((when, 100 * max(0.0, min(last[-min(stood, 3) :]) - level) / level if stood else 0.0))
            continue
        if len(last) < 3 or len(base) < 5:
            continue
        level = median(base[-7:])
        rise = min(last[-3:]) - level
        if len(noise) >= 28:
            usual = 1.4826 * max(median(noise[-60:]), median(noise[-14:]))
            held = rise > 0 and reaches(rise, 3 * usual)
            if held or (least > level and reaches(least - level, 8 * usual)):
                stood, back, found = 3 if held else 1, False, rise if held else least - level
                made.append((when, 100 * found / level))
                continue
            made.append((when, 0.0))
        noise.append(abs(rise))
    return made


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.dictionaries(st.integers(40, 110), st.sampled_from([0.0, 5.0, 10.0, 40.0, -20.0]), max_size=5),
    st.lists(st.tuples(st.integers(0, 2_600), st.sampled_from([2, 5, 60, 300])), max_size=6),
)
def test_a_plain_model_agrees(seed: int, leaks: dict[int, float], holes: list[tuple[int, int]]) -> None:
    chance = random.Random(seed)
    points = [(time + 8 * HOUR, value + chance.gauss(0, 1)) for time, value in flow(120, leaks)]
    for begin, hours in holes:
        points = without(points, points[0][0] + begin * HOUR, points[0][0] + (begin + hours) * HOUR)
    assert signals(RISEN, points, INFLOW) == [(time, pytest.approx(signal)) for time, signal in plain(points)]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 70 * 24), max_size=5))
def test_batches_and_restarts_never_show(cuts: list[int]) -> None:
    points = flow(70, {60: 30, 65: 0})
    assert changes_in_parts(RISEN, points, cuts, INFLOW) == changes(RISEN, points, INFLOW)


@pytest.mark.parametrize("wrong", [{"over_s": 6 * HOUR}, {"relearn_nights": 2}, {"unit": "kPa"}, {"nights": 0}])
def test_words_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        watching({**RISEN, **wrong}, INFLOW)
