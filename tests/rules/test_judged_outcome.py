"""What becomes of judged alarms under changed rules: missed, weaker, gone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from alerts.judged_outcome import judged_outcome
from alerts.occurrences import Occurrence, occurrences
from model.handling import JudgedAlarm, Verdict
from tests.rules.journals import found, ms, occurrence

Spans = list[tuple[float, float | None]]


def judged(
    raised_s: float, ended_s: float | None, verdict: Verdict = "true", sensor: str = "a", peak: str = "blue"
) -> JudgedAlarm:
    return JudgedAlarm(
        alarm=f"depth.{sensor}.{raised_s}", rule="depth", sensor=sensor, raised=ms(raised_s),
        ended=None if ended_s is None else ms(ended_s), peak_severity=peak, verdict=verdict,
    )  # fmt: skip


# one alarm that stood from 100 s to 200 s, judged true. name: (before, after, missed, missed already, later by s)
FATES: dict[str, tuple[Spans, Spans, bool, bool, float | None]] = {
    "the same": ([(100, 200)], [(100, 200)], False, False, None),
    "gone": ([(100, 200)], [], True, False, None),
    "gone already": ([], [], True, True, None),
    "there again": ([], [(100, 200)], False, False, None),
    "later": ([(100, 200)], [(150, 200)], False, False, 50),
    "later, as it is already": ([(150, 200)], [(150, 200)], False, False, None),
    "later than it was raised": ([], [(130, 200)], False, False, 30),
    "earlier": ([(100, 200)], [(50, 200)], False, False, None),
    "only after it returned": ([(100, 200)], [(200, 300)], True, False, None),
    "only before it": ([(100, 200)], [(50, 100)], True, False, None),
    "stands for two": ([(100, 200), (300, 400)], [(90, 400)], False, False, None),
    "in pieces": ([(100, 200)], [(100, 120), (150, 160)], False, False, None),
    "never returns": ([(100, 200)], [(110, None)], False, False, 10),
}


@pytest.mark.parametrize("name", FATES)
def test_an_alarm_judged_true(name: str) -> None:
    before, after, missed, already, later_s = FATES[name]
    outcome = judged_outcome([judged(100, 200)], found(*before), found(*after))
    assert [not one.in_force for one in outcome.missed_true] == ([already] if missed else [])
    assert [one.later_s for one in outcome.weaker_true] == ([] if later_s is None else [later_s])
    assert (outcome.true, outcome.false, outcome.gone_false) == (1, 0, [])


def test_an_alarm_judged_false_may_go() -> None:
    outcome = judged_outcome([judged(100, 200, "false")], found((100, 200)), [])
    assert (len(outcome.gone_false), outcome.missed_true, outcome.false) == (1, [], 1)
    kept = judged_outcome([judged(100, 200, "false")], found((100, 200)), found((150, 200)))
    assert (kept.gone_false, kept.weaker_true) == ([], [])


def test_a_test_is_neither() -> None:
    outcome = judged_outcome([judged(100, 200, "test")], found((100, 200)), [])
    assert (outcome.true, outcome.false, outcome.missed_true, outcome.gone_false) == (0, 0, [], [])


@pytest.mark.parametrize("other", [{"sensor": "b"}, {"rule": "other"}])
def test_another_sensors_or_rules_alarm_does_not_stand_for_it(other: dict[str, Any]) -> None:
    (lost,) = judged_outcome([judged(100, 200)], [], found((100, 200), **other)).missed_true
    assert (lost.instead is not None) == (other == {"rule": "other"})


def test_what_is_there_instead_stands_meanwhile() -> None:
    others = found((10, 50), (120, 130), (140, 150), rule="other")
    (lost,) = judged_outcome([judged(100, 200)], found((100, 200)), others).missed_true
    assert lost.instead is not None
    assert lost.instead.raised == ms(120)


def test_one_that_no_operator_is_shown_does_not_count() -> None:
    (shown,) = found((100, 200))
    suppressed = Occurrence(
        alarm=shown.alarm, rule="depth", sensor="a", raised=shown.raised, ended=shown.ended, peak_severity="blue",
        annunciations=(),
    )  # fmt: skip
    (lost,) = judged_outcome([judged(100, 200)], [shown], [suppressed]).missed_true
    assert (lost.in_force, lost.instead) == (True, None)


# highest severity as judged, under the rules in force (None: not there), and after: whether it is weaker
PEAKS = [
    ("red", 4, 4, False), ("red", 4, 3, True), ("orange", 3, 4, False), ("red", 3, 3, False), ("red", None, 3, True),
]  # fmt: skip


@pytest.mark.parametrize(("peak", "present", "after", "weaker"), PEAKS)
def test_a_lower_severity_is_weaker(peak: str, present: int | None, after: int, weaker: bool) -> None:
    sides = [[] if level is None else occurrences(occurrence(100, 200, severity=level)) for level in (present, after)]
    outcome = judged_outcome([judged(100, 200, peak=peak)], *sides)
    assert [one.later_s for one in outcome.weaker_true] == ([0.0] if weaker else [])


def test_what_the_change_takes_away_comes_first() -> None:
    alarms = [judged(100, 200), judged(300, 400), judged(500, None)]
    outcome = judged_outcome(alarms, found((300, 400)), [])
    assert [(one.judged.raised // 1000, one.in_force) for one in outcome.missed_true] == [
        (300, True), (100, False), (500, False),
    ]  # fmt: skip


spans = some.lists(some.tuples(some.integers(1, 60), some.integers(1, 30)), max_size=6)


def _in_turn(gaps: list[tuple[int, int]]) -> Spans:
    time, turned = 0, []
    for gap, lasting in gaps:
        turned.append((float(time + gap), float(time + gap + lasting)))
        time += gap + lasting
    return turned


@given(spans, spans)
def test_unchanged_rules_miss_nothing_more_and_every_alarm_has_one_fate(
    raised: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    alarms = [judged(*span) for span in _in_turn(raised)]
    present = found(*_in_turn(raised))
    same = judged_outcome(alarms, present, present)
    assert (same.missed_true, same.weaker_true) == ([], [])
    outcome = judged_outcome(alarms, present, found(*_in_turn(after)))
    missed, weaker = ({one.judged.alarm for one in lost} for lost in (outcome.missed_true, outcome.weaker_true))
    assert not missed & weaker
    assert all(one.in_force for one in outcome.missed_true)
    kept = {one.alarm for one in alarms} - missed
    assert all(
        any(b < d and c < a2 for c, d in _in_turn(after))
        for b, a2, name in ((one.raised / 1000, one.until / 1000, one.alarm) for one in alarms)
        if name in kept
    )
