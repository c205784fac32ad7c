"""Due dates: raised when the date has passed on the log's clock, returned when it is moved on."""

from typing import Any

import pytest

from alerts.backtest import backtest
from alerts.checkpoint import carry_over, restore_state, save_state
from alerts.engine import Engine
from model.alarm import encode_line, journal_order
from model.instant import format_instant, parse_instant
from model.sensor import Sensor
from tests.rules.streams import PLAIN_RULE, SILENT_RULE, batch, engine, sensor, tick, told

DUE_RULE = {**SILENT_RULE, "rule": "calibration-due", "condition": {"kind": "due", "attribute": "calibration_due"}}
DATE = "2026-03-01T00:00:00Z"
DATE_S = parse_instant(DATE) / 1000


def due(name: str = "a", date: str = DATE) -> Sensor:
    return sensor(name, attributes={"calibration_due": date})


def build(date: str = DATE) -> Engine:
    return engine(DUE_RULE, sensors=[due(date=date), sensor("b")])


@pytest.mark.parametrize("by", ["tick", "a reading of its own", "a reading of another"])
def test_it_is_raised_at_the_date_whatever_tells(by: str) -> None:
    built = build()
    later = DATE_S + 5
    told_by = {
        "tick": tick(later),
        "a reading of its own": batch(built, [("a", later, 1)]),
        "a reading of another": batch(built, [("b", later, 1)]),
    }[by]
    changes = [*built.evaluate(tick(DATE_S - 1)).changes, *built.evaluate(told_by).changes]
    assert told(changes) == [(DATE_S, 0, 1)]
    assert (changes[0].cause, changes[0].reason) == ("deadline", "date_passed")
    assert changes[0].known_at == round(later * 1000)
    assert built.evaluate(tick(later + 1)).changes == []


def test_at_the_date_itself_it_has_not_passed() -> None:
    assert build().evaluate(tick(DATE_S)).changes == []


def test_a_date_is_a_day_in_the_city_s_time() -> None:
    built = build("2026-03-01")
    assert built.evaluate(tick(parse_instant("2026-03-01T16:00:00Z") / 1000)).changes == []
    (change,) = built.evaluate(tick(parse_instant("2026-03-01T16:00:01Z") / 1000)).changes
    assert format_instant(change.time) == "2026-03-01T16:00:00.000Z"


def test_a_gap_of_the_clock_excuses_no_date() -> None:
    built = engine(DUE_RULE, sensors=[due()], clock_gap_ms_max=15_000)
    built.evaluate(tick(DATE_S - 10))
    assert told(built.evaluate(tick(DATE_S + 10_000)).changes) == [(DATE_S, 0, 1)]


def test_sensors_without_a_date_are_not_bound_and_not_complained_of() -> None:
    built = build("soon")
    assert (list(built.due.bindings), built.unbound) == ([], [])


def test_it_returns_when_the_date_is_moved_on() -> None:
    before, after = build(), build("2027-03-01")
    before.evaluate(tick(DATE_S + 5))
    assert carry_over(before, after) == []
    (change,) = after.evaluate(tick(DATE_S + 10)).changes
    assert (change.time / 1000, change.severity, change.reason) == (DATE_S + 10, 0, "date_moved_on")
    assert format_instant(change.raised) == "2026-03-01T00:00:00.000Z"
    assert after.evaluate(tick(DATE_S + 20)).changes == []


def test_a_date_moved_to_another_that_has_passed_is_another_occurrence() -> None:
    steps, alarms, clock = [DATE, "2026-02-01T00:00:00Z", DATE], set(), DATE_S + 5
    built = build(steps[0])
    built.evaluate(tick(clock))
    for date in steps[1:]:
        following = build(date)
        carry_over(built, following)
        clock += 10
        returned, raised = following.evaluate(tick(clock)).changes
        assert (returned.severity, raised.severity, raised.time) == (0, 1, round(clock * 1000))
        alarms.add(raised.alarm)
        built = following
    assert len(alarms) == 2


def test_without_its_date_or_its_rule_it_is_withdrawn() -> None:
    for following in (engine(DUE_RULE, sensors=[sensor("a")]), engine(PLAIN_RULE, sensors=[due()])):
        built = build()
        built.evaluate(tick(DATE_S + 5))
        (change,) = carry_over(built, following)
        assert (change.severity_from, change.severity, change.cause) == (1, 0, "rule")


def test_a_checkpoint_keeps_it() -> None:
    built, again = build(), build()
    built.evaluate(tick(DATE_S + 5))
    restore_state(again, save_state(built))
    assert again.evaluate(tick(DATE_S + 10)).changes == []


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_back_test_says_the_same_whatever_the_batches(size: int) -> None:
    def run(portion: int) -> list[str]:
        built = engine(DUE_RULE, PLAIN_RULE, sensors=[due(), due("b", "2020-01-01"), sensor("c")])
        rows: list[Any] = [("abc"[i % 3], DATE_S - 60 + 10 * i, float(i % 30)) for i in range(40)]
        batches = [batch(built, rows[i : i + portion], sequence=i) for i in range(0, len(rows), portion)]
        return [encode_line(line) for line in sorted(backtest(built, batches), key=journal_order)]

    assert run(size) == run(40)
    assert any('"kind":"due"' in line and '"cause":"deadline"' in line for line in run(size))
