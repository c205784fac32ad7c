"""Threshold conditions, case by case: what a series of one sensor's readings comes to."""

import pytest

from alerts.engine import Engine
from model.reading import Quality
from tests.rules.streams import PLAIN_RULE, QualifiedReading, batch, engine, sensor, threshold, tick, told

BAD = int(Quality.REPORTED_BAD)
UNCERTAIN = int(Quality.REPORTED_UNCERTAIN)
FULL_SCALE = int(Quality.SATURATED)

# name: (condition, [(seconds, value, quality?)], [(seconds, severity from, to)])
CASES = {
    "below the limit nothing": ({}, [(0, 9.9), (60, 0)], []),
    "at the limit it is raised": ({}, [(0, 10.0)], [(0, 0, 1)]),
    "several levels at once are one change": ({}, [(0, 0), (60, 45)], [(60, 0, 4)]),
    "it rises and falls within one occurrence": (
        {},
        [(0, 12), (60, 33), (120, 22), (180, 5)],
        [(0, 0, 1), (60, 1, 3), (120, 3, 2), (180, 2, 0)],
    ),
    "inside the deadband it stands": ({"deadband": 3}, [(0, 12), (60, 7.0), (120, 9)], [(0, 0, 1)]),
    "beyond the deadband it clears": ({"deadband": 3}, [(0, 12), (60, 6.9)], [(0, 0, 1), (60, 1, 0)]),
    "a level too is left only beyond its deadband": (
        {"deadband": 3},
        [(0, 21), (60, 18), (120, 16)],
        [(0, 0, 2), (120, 2, 1)],
    ),
    "below: direction is turned": (
        {"direction": "below", "limits": {"yellow": 20, "red": 10}, "deadband": 2},
        [(0, 21), (60, 20), (120, 10), (180, 21.9), (240, 22.1)],
        [(60, 0, 2), (120, 2, 4), (180, 4, 2), (240, 2, 0)],
    ),
    "an on-delay waits": ({"on_delay_s": 120}, [(0, 12), (60, 12), (120, 12)], [(120, 0, 1)]),
    "an on-delay that is interrupted starts again": (
        {"on_delay_s": 120},
        [(0, 12), (60, 9), (120, 12), (180, 12), (240, 12)],
        [(240, 0, 1)],
    ),
    "a held value completes an on-delay at its deadline": (
        {"on_delay_s": 90},
        [(0, 12), (120, 12)],
        [(90, 0, 1)],
    ),
    "also where the next reading is normal": ({"on_delay_s": 90}, [(0, 12), (120, 0)], [(90, 0, 1), (120, 1, 0)]),
    "a reading at the deadline decides itself": ({"on_delay_s": 60}, [(0, 12), (60, 0)], []),
    "a value is not held beyond three intervals": ({"on_delay_s": 300}, [(0, 12), (600, 0)], []),
    "but a gap does not restart the on-delay": ({"on_delay_s": 300}, [(0, 12), (600, 12)], [(600, 0, 1)]),
    "levels with one delay rise one after the other": (
        {"on_delay_s": 60},
        [(0, 12), (30, 22), (200, 22)],
        [(60, 0, 1), (90, 1, 2)],
    ),
    "an off-delay waits for a good reading at or after its deadline": (
        {"off_delay_s": 100},
        [(0, 12), (60, 0), (120, 0), (180, 0)],
        [(0, 0, 1), (180, 1, 0)],
    ),
    "a held value never completes an off-delay": ({"off_delay_s": 100}, [(0, 12), (60, 0)], [(0, 0, 1)]),
    "silence does not restart an off-delay": (
        {"off_delay_s": 100},
        [(0, 12), (60, 0), (6000, 0)],
        [(0, 0, 1), (6000, 1, 0)],
    ),
    "a renewed rise restarts the off-delay": (
        {"off_delay_s": 100},
        [(0, 12), (60, 0), (120, 12), (180, 0), (240, 0), (300, 0)],
        [(0, 0, 1), (300, 1, 0)],
    ),
    "a bad reading moves nothing": ({}, [(0, 12), (60, 0, BAD), (120, 50, BAD)], [(0, 0, 1)]),
    "a bad reading ends the holding of the one before": ({"on_delay_s": 90}, [(0, 12), (60, 0, BAD), (120, 0)], []),
    "but does not restart the on-delay": ({"on_delay_s": 90}, [(0, 12), (60, 0, BAD), (120, 12)], [(120, 0, 1)]),
    "an uncertain reading counts": ({}, [(0, 12, UNCERTAIN)], [(0, 0, 1)]),
    "an uncertain reading does not clear": (
        {},
        [(0, 12), (60, 0, UNCERTAIN), (120, 0, FULL_SCALE), (180, 0)],
        [(0, 0, 1), (180, 1, 0)],
    ),
    "an uncertain reading does not complete an off-delay": (
        {"off_delay_s": 100},
        [(0, 12), (60, 0), (200, 0, UNCERTAIN), (260, 0)],
        [(0, 0, 1), (260, 1, 0)],
    ),
    "an uncertain reading is not held and does not restart an on-delay": (
        {"on_delay_s": 100},
        [(0, 12), (60, 0, UNCERTAIN), (120, 12)],
        [(120, 0, 1)],
    ),
    "full scale counts although the device calls it bad": ({}, [(0, 99_999, FULL_SCALE | BAD)], [(0, 0, 4)]),
    "a rounding below the limit is at the limit": ({}, [(0, 9.999999999999998)], [(0, 0, 1)]),
    "a late reading is not evaluated": ({}, [(60, 0), (0, 50)], []),
    "a repeated time is not evaluated": ({}, [(60, 0), (60, 50)], []),
    "persistence: two of three": (
        {"samples": {"needed": 2, "of": 3}},
        [(0, 12), (60, 0), (120, 0), (180, 12), (240, 0), (300, 12)],
        [(300, 0, 1)],
    ),
    "persistence: three of three": (
        {"samples": {"needed": 3, "of": 3}},
        [(0, 12), (60, 12), (120, 0), (180, 12), (240, 12), (300, 12)],
        [(300, 0, 1)],
    ),
    "full scale is the range's end": ({}, [(0, 99_999, FULL_SCALE)], [(0, 0, 4)]),
    "full scale may stand for a level of its own": (
        {"limits": {"blue": 2_500}, "full_scale": "red"},
        [(0, 99_999, FULL_SCALE), (60, 0)],
        [(0, 0, 4), (60, 4, 0)],
    ),
    "full scale waits for no delay": (
        {"limits": {"blue": 10}, "full_scale": "red", "on_delay_s": 600},
        [(0, 99_999, FULL_SCALE)],
        [(0, 0, 4)],
    ),
    "full scale waits for no second sample": (
        {"limits": {"blue": 10}, "full_scale": "red", "samples": {"needed": 2, "of": 3}},
        [(0, 99_999, FULL_SCALE)],
        [(0, 0, 4)],
    ),
}


def readings(rows: list[tuple[float, ...]]) -> list[QualifiedReading]:
    return [("a", row[0], row[1], int(row[2]) if len(row) > 2 else 0) for row in rows]


@pytest.mark.parametrize("name", CASES)
def test_threshold(name: str) -> None:
    condition, rows, expected = CASES[name]
    built = engine(threshold(**condition))
    assert told(built.evaluate(batch(built, readings(rows))).changes) == expected


@pytest.mark.parametrize("name", CASES)
def test_threshold_one_reading_a_batch(name: str) -> None:
    condition, rows, expected = CASES[name]
    built = engine(threshold(**condition))
    changes = []
    for row in readings(rows):
        changes += built.evaluate(batch(built, [row])).changes
    assert told(changes) == expected


def test_late_rows_are_named() -> None:
    built = engine(PLAIN_RULE)
    evaluated = built.evaluate(batch(built, [("a", 60, 0), ("a", 0, 50), ("b", 0, 50)]))
    assert evaluated.late.tolist() == [False, True, False]


def test_a_deadline_bears_the_held_value_and_is_known_when_the_next_reading_arrives() -> None:
    built = engine(threshold(on_delay_s=90))
    (change,) = built.evaluate(batch(built, [("a", 0, 12), ("a", 120, 15)])).changes
    assert (change.time, change.value, change.known_at, change.cause) == (90_000, 12.0, 120_000, "deadline")


@pytest.mark.parametrize(("mode", "announced"), [("operational", [(90.0, 0, 1)]), ("test", [])])
def test_in_operation_a_tick_announces_an_on_delay_after_it_settled(mode: str, announced: list[object]) -> None:
    built = engine(threshold(on_delay_s=90), mode=mode, settle_ms=10_000)
    built.evaluate(batch(built, [("a", 0, 12)]))
    assert told(built.evaluate(tick(99.9)).changes) == []
    assert told(built.evaluate(tick(100)).changes) == announced


def test_limits_may_stand_with_the_sensor() -> None:
    rule = threshold(limits={"blue": {"attribute": "kerb_cm", "factor": 2.0, "offset": 1.0}})
    sensors = [sensor("a", attributes={"kerb_cm": "15"}), sensor("b"), sensor("c", attributes={"kerb_cm": "high"})]
    built = engine(rule, sensors=sensors)
    assert built.unbound == [("depth", "b"), ("depth", "c")]
    assert told(built.evaluate(batch(built, [("a", 0, 30.9), ("a", 60, 31.0), ("b", 0, 99)])).changes) == [(60, 0, 1)]


def test_a_limit_that_rounds_up_is_met_at_its_number() -> None:
    rule = threshold(limits={"blue": {"attribute": "diameter", "factor": 0.8}})
    built = engine(rule, sensors=[sensor("a", attributes={"diameter": "0.8"})])
    (change,) = built.evaluate(batch(built, [("a", 0, 0.64)])).changes
    assert (change.value, change.limit) == (0.64, 0.64)


def test_by_exception_a_value_holds_until_the_next_one() -> None:
    built = engine(threshold(on_delay_s=60), sensors=[sensor("a", reporting="by_exception", interval_s=10.0)])
    assert told(built.evaluate(batch(built, [("a", 0, 12), ("a", 7_000, 0)])).changes) == [(60, 0, 1), (7_000, 1, 0)]


def test_limits_are_in_the_rule_s_unit_and_values_in_the_property_s() -> None:
    built = engine(threshold(unit="m", limits={"blue": 0.1}, deadband=0.03))
    assert told(built.evaluate(batch(built, [("a", 0, 10), ("a", 60, 7), ("a", 120, 6.9)])).changes) == [
        (0, 0, 1),
        (120, 1, 0),
    ]


def test_the_last_override_that_agrees_counts() -> None:
    rule = {
        **PLAIN_RULE,
        "overrides": [
            {"select": {"district": "low"}, "limits": {"blue": 5}},
            {"select": {"sensor": "b"}, "limits": {"red": 2}, "priority": "highest"},
        ],
    }
    sensors = [sensor("a", district="low"), sensor("b", district="low"), sensor("c")]
    built = engine(rule, sensors=sensors)
    changes = built.evaluate(batch(built, [("a", 0, 6), ("b", 0, 6), ("c", 0, 6)])).changes
    assert [(change.sensor, change.severity, change.priority) for change in changes] == [
        ("a", 1, "low"),
        ("b", 4, "highest"),
    ]


def test_an_unbound_sensor_is_told_before_anything_is_evaluated() -> None:
    from alerts.engine import UnboundSensor

    built = engine(PLAIN_RULE, sensors=[sensor("a")])
    larger: Engine = engine(PLAIN_RULE)
    with pytest.raises(UnboundSensor):
        built.evaluate(batch(larger, [("a", 0, 50), ("b", 0, 50)]))
    assert told(built.evaluate(batch(built, [("a", 0, 50)])).changes) == [(0, 0, 4)]
