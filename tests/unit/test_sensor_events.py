"""Events of sensors: which correction holds when, which date is in force, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.instant import EARLIEST_MS, LATEST_MS, parse_instant
from model.registry import Registry
from model.sensor import City, Sensor
from model.sensor_event import InvalidEvent, SensorEvent, check_event, due_time, epochs, in_order, with_due_dates

START = parse_instant("2026-01-01T00:00:00Z")
SENSOR = Sensor(sensor="d1", city="c", system="displacement", property="displacement", unit="cm", interval_s=60.0)
HOT = Sensor(sensor="t1", city="c", system="heating", property="supply_temperature", unit="[degF]", interval_s=60.0)


def event(kind: str, at: int = 0, **fields: Any) -> SensorEvent:
    return SensorEvent(kind=kind, time=START + at, **fields)


def registry(**events: tuple[SensorEvent, ...]) -> Registry:
    sensors = {3: SENSOR, 5: HOT}
    keys = {"d1": 3, "t1": 5}
    return Registry(1, sensors, {"c": City(city="c")}, {keys[name]: found for name, found in events.items()})


# name: (events, (start, factor, offset) of each epoch)
EPOCHS: dict[str, tuple[list[SensorEvent], list[tuple[int, float, float]]]] = {
    "none": ([], []),
    "an inspection begins none": ([event("inspected", 1)], []),
    "maintenance begins one and corrects nothing": ([event("maintenance", 1)], [(1, 1, 0)]),
    "a zero is added": ([event("rezeroed", 1, offset=12), event("rezeroed", 2, offset=8)], [(1, 1, 12), (2, 1, 20)]),
    "whatever the order of recording": (
        [event("rezeroed", 2, offset=8), event("rezeroed", 1, offset=12)],
        [(1, 1, 12), (2, 1, 20)],
    ),
    "a calibration replaces": (
        [event("rezeroed", 1, offset=12), event("calibrated", 2, factor=1.1)],
        [(1, 1, 12), (2, 1.1, 0)],
    ),
    "a calibration that found nothing leaves it": (
        [event("rezeroed", 1, offset=12), event("calibrated", 2)],
        [(1, 1, 12), (2, 1, 12)],
    ),
    "a zero after a calibration is in the device's own reading": (
        [event("calibrated", 1, factor=2, offset=1), event("rezeroed", 2, offset=10)],
        [(1, 2, 1), (2, 2, 21)],
    ),
    "a new device has its own zero": ([event("rezeroed", 1, offset=12), event("replaced", 2)], [(1, 1, 12), (2, 1, 0)]),
    "a new device that carries the series on": ([event("replaced", 1, offset=4.5)], [(1, 1, 4.5)]),
    "two at one time are one epoch": (
        [event("rezeroed", 1, offset=3), event("replaced", 1, offset=1)],
        [(1, 1, 4)],
    ),
}


@pytest.mark.parametrize("name", EPOCHS)
def test_the_correction_in_force(name: str) -> None:
    events, expected = EPOCHS[name]
    assert [(e.start - START, e.factor, e.offset) for e in epochs(events)] == expected


def test_a_rezeroed_series_goes_on_without_a_step() -> None:
    # A device that shows 12 cm is set to 0; the ground keeps moving by 1 cm a reading.
    found = registry(d1=(event("rezeroed", 1_000, offset=12.0),))
    times = START + np.array([0, 999, 1_000, 2_000], np.int64)
    shown_mm = np.array([110.0, 120.0, 0.0, 10.0])
    keys = np.full(4, 3, np.int32)
    assert found.corrected(keys, times, shown_mm).tolist() == [110.0, 120.0, 120.0, 130.0]
    assert found.epoch_of(keys, times).tolist() == [0, 0, 1, 1]


def test_a_correction_is_in_the_sensor_s_unit_whatever_the_property_s() -> None:
    found = registry(t1=(event("calibrated", 0, factor=0.5, offset=18.0),))
    factor, offset = HOT.conversion
    device_f = 176.0
    (value,) = found.corrected(np.array([5], np.int32), np.array([START]), np.array([factor * device_f + offset]))
    assert value == pytest.approx(factor * (0.5 * device_f + 18.0) + offset)


def test_without_events_nothing_is_copied_and_any_key_and_time_may_be_asked() -> None:
    values = np.array([1.0, 2.0])
    keys, times = np.array([-1, 99], np.int32), np.array([-(2**62), 2**62])
    assert Registry(1, {}, {}).corrected(keys, times, values) is values
    found = registry(d1=(event("rezeroed", 1, offset=1.0),))
    assert found.corrected(keys, times, values) is values
    assert found.epoch_of(keys, times).tolist() == [0, 0]
    same = np.array([3, 3], np.int32)
    assert found.epoch_of(same, times).tolist() == [0, 1]
    assert found.corrected(same, times, values).tolist() == [1.0, 12.0]


@given(
    st.dictionaries(
        st.sampled_from(["d1", "t1"]),
        st.lists(st.tuples(st.integers(0, 20), st.sampled_from([-2.0, 0.5, 3.0]), st.sampled_from([-1.0, 0.0, 7.0])),
                 max_size=6),
    ),
    st.lists(st.tuples(st.sampled_from([3, 5, 4, -1]), st.integers(-2, 23), st.floats(-50, 50)), max_size=20),
)  # fmt: skip
def test_the_arrays_agree_with_a_walk_through_the_epochs(
    given_events: dict[str, list[tuple[int, float, float]]], readings: list[tuple[int, int, float]]
) -> None:
    events = {
        name: tuple(event("calibrated", at, factor=factor, offset=offset) for at, factor, offset in rows)
        for name, rows in given_events.items()
    }
    found = registry(**events)
    keys = np.array([row[0] for row in readings], np.int32)
    times = START + np.array([row[1] for row in readings], np.int64)
    values = np.array([row[2] for row in readings], np.float64)
    corrected, numbers = found.corrected(keys, times, values), found.epoch_of(keys, times)
    for place, (key, at, value) in enumerate(readings):
        sensor = found.sensors.get(key)
        before = [] if sensor is None else [e for e in epochs(events.get(sensor.sensor, ())) if e.start <= START + at]
        assert numbers[place] == len(before)
        if not before or sensor is None:
            assert corrected[place] == value
            continue
        factor, offset = sensor.conversion
        device = (value - offset) / factor
        assert corrected[place] == pytest.approx(factor * (before[-1].factor * device + before[-1].offset) + offset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-31", "2026-12-31T16:00:00.000Z"),  # the end of that day in Shanghai
        ("2026-12-31T08:00:00+08:00", "2026-12-31T00:00:00.000Z"),
    ],
)
def test_a_due_date_has_passed_when_its_day_is_over(text: str, expected: str) -> None:
    assert due_time(text, "Asia/Shanghai") == parse_instant(expected)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "9999-12-31", "1970-01-01", "2026-12-31T08:00:00", "20261231"]
)
def test_what_is_no_due_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent, match="2027-03-01"):
        due_time(text, "Asia/Shanghai")


BAD = {
    "an unknown kind": (event("painted"), ["painted", "rezeroed"]),
    "a zero without offset": (event("rezeroed"), ["offset", "before", "after"]),
    "a zero with a factor": (event("rezeroed", offset=1, factor=2), ["no factor"]),
    "a factor of nothing": (event("calibrated", factor=0), ["factor"]),
    "an offset that is no number": (event("calibrated", offset=float("nan")), ["offset", "finite"]),
    "an inspection that corrects": (event("inspected", offset=1), ["calibrated"]),
    "a due date of what has none": (event("maintenance", due="2027-01-01"), ["due", "inspected"]),
    "a due date before the event": (event("calibrated", due="2025-01-01"), ["due", "after"]),
    "a time before 2000": (SensorEvent(kind="inspected", time=EARLIEST_MS - 1), ["2000"]),
    "a time after 2099": (SensorEvent(kind="inspected", time=LATEST_MS), ["2100"]),
    "a note with a right-to-left mark": (event("inspected", note="a\u202eb"), ["note", "U+202E"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_is_refused_with_its_remedy(name: str) -> None:
    bad, words = BAD[name]
    with pytest.raises(ValueError, match=words[0]) as refused:
        check_event(bad, "Asia/Shanghai")
    assert all(word in str(refused.value) for word in words)


def test_the_newest_event_sets_the_date() -> None:
    registered = Sensor(**{**_fields(SENSOR), "attributes": {"calibration_due": "2026-05-01", "depth_m": "3"}})
    calibrated = [event("calibrated", 9, due="2027-06-01"), event("calibrated", 5, due="2026-12-01")]
    assert with_due_dates(registered, []) is registered
    assert with_due_dates(registered, calibrated).attributes == {"calibration_due": "2027-06-01", "depth_m": "3"}
    ended = [*calibrated, event("replaced", 10, due="never"), event("inspected", 1, due="2026-02-01")]
    assert with_due_dates(registered, ended).attributes == {"inspection_due": "2026-02-01", "depth_m": "3"}
    assert [e.kind for e in in_order(ended)] == ["inspected", "calibrated", "calibrated", "replaced"]


def _fields(sensor: Sensor) -> dict[str, Any]:
    return {name: getattr(sensor, name) for name in sensor.__struct_fields__}
