"""Advice from judgements: which rules are often found false, where, and which delay would have kept that quiet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from alerts.accounts import Account
from alerts.false_alarms import AtSensor, LongerDelay, false_advice
from tests.rules.journals import ms


def judged(verdict: str, stood_s: float | None, sensor: str = "a", rule: str = "gas") -> Account:
    return Account(
        alarm="x", rule=rule, sensor=sensor, alarm_class="process", mode="test", city="c", system="gas", district="",
        raised=0, known=0, returned=None if stood_s is None else ms(stood_s), verdict=verdict,
    )  # fmt: skip


# name: (false, true, tests among the judged; whether the rule is advised on)
SHARES = {
    "all false": (5, 0, 0, True),
    "too few": (4, 0, 3, False),
    "three of ten": (3, 7, 0, True),
    "two of ten": (2, 8, 0, False),
    "tests do not count": (3, 7, 20, True),
}


@pytest.mark.parametrize("name", SHARES)
def test_a_rule_is_advised_on_from_three_tenths_of_five(name: str) -> None:
    false, true, tests, advised = SHARES[name]
    given = [*[judged("false", 30)] * false, *[judged("true", 900)] * true, *[judged("test", 1)] * tests]
    found = false_advice(given)
    assert [one.judged for one in found] == ([false + true] if advised else [])


# name: (seconds that false ones stood, that true ones stood; None: still): delays advised, as (added, false removed)
DELAYS: dict[str, tuple[Sequence[float | None], Sequence[float | None], list[tuple[int, int]]]] = {
    "short false, long true": ([30, 50, 90, 200], [3_000], [(60, 2), (120, 3), (300, 4)]),
    "never at the price of a true one": ([30, 50, 400, 500], [200, None], [(60, 2)]),
    "a true one as short as they are": ([30, 50, 400, 500], [20], []),
    "they stand still": ([None] * 4, [None], []),
}


@pytest.mark.parametrize("name", DELAYS)
def test_delays_that_remove_false_alarms_and_lose_no_true_one(name: str) -> None:
    false, true, expected = DELAYS[name]
    (found,) = false_advice([*(judged("false", s) for s in false), *(judged("true", s) for s in true)])
    assert found.delays == [LongerDelay(added_s, removed, 0) for added_s, removed in expected]
    assert (found.why_none is None) == bool(expected)


def test_what_alarms_at_the_first_sample_is_never_delayed() -> None:
    (found,) = false_advice([judged("false", 5)] * 5, at_once={"gas"})
    assert (found.delays, found.false_stood_s) == ([], 5.0)
    assert found.why_none == "it alarms at the first sample, which no delay may hold back"


def test_the_sensors_that_it_is_most_often_false_at_and_the_worst_rule_first() -> None:
    gas = [judged("false", 5, sensor) for sensor in "aabbbc"] + [judged("true", 5, "a")]
    rest = [judged("false", 5, "z", "water")] * 5
    found = false_advice([*gas, *rest])
    assert [(one.rule, round(one.false_share, 3)) for one in found] == [("water", 1.0), ("gas", 0.857)]
    assert found[1].sensors == [AtSensor("b", 3, 3), AtSensor("a", 2, 3), AtSensor("c", 1, 1)]
