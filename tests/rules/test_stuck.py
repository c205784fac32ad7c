"""Stuck: readings that were flagged on the way in as standing still raise an alarm about the instrument."""

from model.reading import Quality
from tests.rules.streams import SILENT_RULE, batch, engine, sensor, threshold, told

STUCK_RULE = {**SILENT_RULE, "rule": "stuck", "condition": {"kind": "stuck"}}
STUCK = int(Quality.STUCK)


def test_stuck_readings_raise_and_the_first_that_moves_returns() -> None:
    built = engine(STUCK_RULE)
    rows = [("a", 0, 1, 0), ("a", 60, 1, STUCK), ("a", 120, 1, STUCK), ("a", 180, 2, 0)]
    changes = built.evaluate(batch(built, rows)).changes
    assert told(changes) == [(60, 0, 1), (180, 1, 0)]
    assert [change.reason for change in changes] == ["stuck", "moves_again"]
    assert all(change.alarm_class == "instrument" and change.value is None for change in changes)


def test_delays_hold_as_for_any_ladder() -> None:
    built = engine({**STUCK_RULE, "condition": {"kind": "stuck", "on_delay_s": 120, "off_delay_s": 60}})
    rows = [("a", 60 * n, 1, STUCK) for n in range(4)] + [("a", 240 + 60 * n, 2, 0) for n in range(2)]
    assert told(built.evaluate(batch(built, rows)).changes) == [(120, 0, 1), (300, 1, 0)]


def test_a_process_alarm_stands_while_its_sensor_is_stuck() -> None:
    built = engine(STUCK_RULE, threshold(), sensors=[sensor("a")])
    rows = [("a", 0, 15, 0), ("a", 60, 15, STUCK), ("a", 120, 3, STUCK)]
    assert [(c.rule, c.severity) for c in built.evaluate(batch(built, rows)).changes] == [("depth", 1), ("stuck", 1)]
