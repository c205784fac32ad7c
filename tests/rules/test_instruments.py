"""Alarms about the instruments: silence, judged on arrival, and bad readings."""

from alerts.checkpoint import carry_over
from model.reading import Quality
from tests.rules.streams import BAD_READINGS_RULE, SILENT_RULE, batch, engine, sensor, tick, told


def test_silence_is_raised_at_the_deadline_whether_a_tick_or_a_reading_tells() -> None:
    for later in (tick(200), None):
        built = engine(SILENT_RULE, sensors=[sensor("a")])
        changes = built.evaluate(batch(built, [("a", 0, 1)])).changes
        if later is not None:
            changes += built.evaluate(later).changes
        changes += built.evaluate(batch(built, [("a", 300, 1)])).changes
        assert told(changes) == [(180, 0, 1), (300, 1, 0)]


def test_at_the_limit_itself_it_is_not_silent_yet() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a")])
    built.evaluate(batch(built, [("a", 0, 1)]))
    assert told(built.evaluate(tick(180)).changes) == []
    assert told(built.evaluate(batch(built, [("a", 180, 1)])).changes) == []


def test_silence_goes_by_arrival_not_by_the_device_s_clock() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a")])
    built.evaluate(batch(built, [("a", 0, 1)], arrived=[1_000]))
    assert told(built.evaluate(tick(1_180)).changes) == []
    assert told(built.evaluate(tick(1_181)).changes) == [(1_180, 0, 1)]


def test_a_repeated_reading_does_not_end_silence_a_bad_one_does() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a")])
    built.evaluate(batch(built, [("a", 0, 1)]))
    built.evaluate(tick(200))
    assert told(built.evaluate(batch(built, [("a", 0, 1)], arrived=[250])).changes) == []
    bad = [("a", 240, 1, int(Quality.REPORTED_BAD))]
    assert told(built.evaluate(batch(built, bad, arrived=[260])).changes) == [(260, 1, 0)]


def test_by_exception_silence_says_nothing() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a", reporting="by_exception")])
    built.evaluate(batch(built, [("a", 0, 1)]))
    assert told(built.evaluate(tick(10**7)).changes) == []


def test_a_sensor_may_have_a_silence_limit_of_its_own() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a", reporting="by_exception", silence_s_max=86_400.0)])
    built.evaluate(batch(built, [("a", 0, 1)]))
    assert told(built.evaluate(tick(86_401)).changes) == [(86_400, 0, 1)]


def test_while_the_service_did_not_listen_no_sensor_was_silent() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a")], clock_gap_ms_max=15_000)
    built.evaluate(batch(built, [("a", 0, 1)]))
    built.evaluate(tick(10))
    assert told(built.evaluate(tick(10_000)).changes) == []  # ten seconds of silence are counted so far
    for clock in range(10_010, 10_180, 10):
        assert told(built.evaluate(tick(clock)).changes) == []
    assert told(built.evaluate(tick(10_180)).changes) == [(10_170, 0, 1)]


def test_bad_readings_raise_an_alarm_of_the_instrument() -> None:
    built = engine(BAD_READINGS_RULE)
    rows = [
        ("a", 0, 1, 0),
        ("a", 60, 1, int(Quality.OUT_OF_RANGE)),
        ("a", 120, 1, int(Quality.SENTINEL)),
        ("a", 180, 1, 0),
    ]
    changes = built.evaluate(batch(built, rows)).changes
    assert told(changes) == [(60, 0, 1), (180, 1, 0)]
    assert [change.reason for change in changes] == ["bad_readings", "good_readings"]
    assert all(change.alarm_class == "instrument" for change in changes)


def test_a_sensor_that_was_never_heard_is_silent_from_when_it_was_bound() -> None:
    built = engine(SILENT_RULE, sensors=[sensor("a"), sensor("b")])
    changes = built.evaluate(batch(built, [("a", 1_000, 1)])).changes
    assert told(changes) == []
    changes = built.evaluate(tick(1_181)).changes
    assert [(change.sensor, change.time / 1000) for change in changes] == [("a", 1_180), ("b", 1_180)]


def test_a_sensor_bound_later_counts_from_then() -> None:
    before = engine(SILENT_RULE, sensors=[sensor("a")])
    before.evaluate(batch(before, [("a", 1_000, 1)]))
    after = engine(SILENT_RULE, sensors=[sensor("a"), sensor("b")])
    assert carry_over(before, after) == []
    assert told(after.evaluate(batch(after, [("a", 1_100, 1)])).changes) == []
    assert [change.sensor for change in after.evaluate(tick(1_181)).changes] == ["b"]
