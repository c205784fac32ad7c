"""ingest.checks, row by row: identity, unit, range and danger, sentinels, clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.checks import Checked, RawReadings, check
from ingest.reasons import Reason
from ingest.settings import IngestLimits
from model.instant import parse_instant
from model.reading import Quality
from model.registry import Registry
from model.sensor import City, Sensor, check_sensor

LIMITS = IngestLimits()
ARRIVED = parse_instant("2026-11-22T08:00:00Z")
BEFORE = ARRIVED - 1_000


def _sensor(sensor: str, observed: str, unit: str, **more: object) -> Sensor:
    return Sensor(sensor=sensor, city="c", system="gas", property=observed, unit=unit, interval_s=60, **more)  # type: ignore[arg-type]


SENSORS = {
    # Keys with a hole: 3 was removed from the registry.
    1: _sensor("lel", "combustible_gas", "%{LEL}"),
    2: _sensor("ppm", "combustible_gas", "[ppm]"),
    4: _sensor("propane", "combustible_gas", "%{vol}", gas="propane", valid_min=0, valid_max=2.1),
    5: _sensor("h2s", "hydrogen_sulfide", "[ppm]", valid_min=0, valid_max=100),
    6: _sensor("oxygen", "oxygen", "%"),
    7: _sensor("level", "manhole_level", "m", valid_min=0, valid_max=5),
    8: _sensor("depth", "water_depth", "[in_i]"),
    9: _sensor("pressure", "water_pressure", "MPa", valid_min=0, valid_max=1),
    10: _sensor("absolute", "water_pressure", "kPa", pressure_reference="absolute"),
    11: _sensor("heat", "supply_temperature", "[degF]"),
    12: _sensor("voltage", "voltage", "V"),
    13: _sensor("air", "air_temperature", "Cel"),
    14: _sensor("own", "temperature", "Cel", attributes={"sentinels": "85; -127, x"}),
    15: _sensor("none", "air_temperature", "Cel", attributes={"sentinels": ""}),
}
for one in SENSORS.values():
    check_sensor(one)
REGISTRY = Registry(1, SENSORS, {"c": City(city="c", mode="test")})

GOOD, OUT, SATURATED, SENTINEL = Quality.GOOD, Quality.OUT_OF_RANGE, Quality.SATURATED, Quality.SENTINEL


@pytest.mark.parametrize(
    ("sensor", "sent", "stored", "quality"),
    [
        ("lel", 5, 5, GOOD),
        ("lel", 99.9, 99.9, GOOD),
        ("lel", 100, 100, SATURATED),
        ("lel", 100.5, 100.5, SATURATED),
        ("lel", -5, -5, GOOD),
        ("lel", -5.1, -5.1, OUT),
        ("lel", 65_535, 65_535, SENTINEL),
        ("lel", -999, -999, SENTINEL),
        ("lel", 65_000, 65_000, SATURATED),
        ("ppm", 32_767, 65.534, GOOD),  # inside the range: a reading, not a sentinel
        ("ppm", 65_535, 131.07, SENTINEL),
        ("ppm", 50_000, 100, SATURATED),
        ("propane", 2.1, 100, SATURATED),  # 2.1 * (100 / 2.1) is not 100 to the last bit
        ("propane", 2.0, 200 / 2.1, GOOD),
        ("h2s", 100, 100 * 34.08 / 24.055, GOOD),  # its end is not full scale by vocabulary: only beyond it is
        ("h2s", 101, 101 * 34.08 / 24.055, SATURATED),
        ("h2s", -1, -34.08 / 24.055, OUT),
        ("oxygen", 20.9, 20.9, GOOD),
        ("oxygen", -0.1, -0.1, SATURATED),  # danger is low
        ("oxygen", 30.1, 30.1, OUT),
        ("oxygen", 32_767, 32_767, SENTINEL),
        ("level", 5, 5, GOOD),
        ("level", 5.01, 5.01, SATURATED),
        ("level", -0.01, -0.01, OUT),
        ("depth", 10, 25.4, GOOD),
        ("pressure", 1.0, 1.0, GOOD),
        ("pressure", 1.01, 1.01, OUT),  # no danger in the vocabulary: held back
        ("pressure", -9_999, -9_999, SENTINEL),
        ("absolute", 101.325, 0, GOOD),
        ("heat", 212, 100, GOOD),
        ("voltage", 65_535, 65_535, GOOD),
        ("heat", -39.9, -39.9 * 5 / 9 - 160 / 9, SENTINEL),  # inside the range, in the unit sent
        ("heat", np.float32(-39.9), float(np.float32(-39.9)) * 5 / 9 - 160 / 9, SENTINEL),
        ("heat", 0, -160 / 9, SENTINEL),
        ("heat", -39.8, -39.8 * 5 / 9 - 160 / 9, GOOD),
        ("heat", 85, 265 / 9, GOOD),
        ("air", 85, 85, SENTINEL),
        ("air", 0, 0, GOOD),
        ("air", -39.9, -39.9, GOOD),  # a cold night
        ("lel", 0, 0, GOOD),
        ("lel", 1_999.9, 1_999.9, SENTINEL),
        ("own", 85, 85, SENTINEL),
        ("own", -127, -127, SENTINEL),
        ("own", 84.9, 84.9, GOOD),
        ("none", 85, 85, OUT),
    ],
)
def test_range_danger_and_sentinel(sensor: str, sent: float, stored: float, quality: Quality) -> None:
    checked = _check([sensor], [sent])
    assert checked.unusable == []
    assert checked.readings.value[0] == pytest.approx(stored, rel=1e-9, abs=1e-9)
    assert Quality(int(checked.readings.quality[0])) == quality


@pytest.mark.parametrize(
    ("sensor", "sent", "unit", "stored", "quality"),
    [
        ("pressure", 300, "kPa", 0.3, GOOD),
        ("pressure", 300, None, 300, OUT),  # kPa sent as if it were MPa: flagged, no storm
        ("pressure", 3, "bar", 0.3, GOOD),
        ("pressure", 300_000, "Pa", 0.3, GOOD),
        ("pressure", 1_000, "kPa", 1.0, GOOD),
        ("absolute", 0.201325, "MPa", 0.1, GOOD),  # what the sensor measures stays absolute in any unit
        ("lel", 5, "%{vol}", 100, SATURATED),
        ("lel", 65_535, "[ppm]", 131.07, SENTINEL),  # a sentinel is recognised in the unit sent
        ("propane", 50, "%{LEL}", 50, GOOD),
        ("heat", 100, "Cel", 100, GOOD),
        ("heat", 373.15, "K", 100, GOOD),
        ("heat", 212, "[degF]", 100, GOOD),
    ],
)
def test_units_are_converted(sensor: str, sent: float, unit: str | None, stored: float, quality: Quality) -> None:
    checked = _check(["lel", sensor, "lel"], [1, sent, 2], unit=[None, unit, None])
    assert checked.unusable == []
    assert checked.readings.value.tolist() == pytest.approx([1, stored, 2], rel=1e-9, abs=1e-9)
    assert Quality(int(checked.readings.quality[1])) == quality


@pytest.mark.parametrize(
    ("sensor", "value", "time", "unit", "reason"),
    [
        ("nobody", 5, BEFORE, None, Reason.UNKNOWN_SENSOR),
        ("lel", 5, BEFORE, "degC", Reason.UNIT_UNKNOWN),
        ("lel", 5, BEFORE, "kPa", Reason.UNIT_MISMATCH),
        ("heat", 5, BEFORE, "kPa", Reason.UNIT_MISMATCH),
        ("lel", np.nan, BEFORE, None, Reason.VALUE_NOT_FINITE),
        ("lel", -np.inf, BEFORE, None, Reason.VALUE_NOT_FINITE),
        ("pressure", 1e308, BEFORE, "bar", None),  # finite after conversion, if far out of range
        ("lel", 1e308, BEFORE, "%{vol}", Reason.VALUE_NOT_FINITE),
        ("lel", 5, 0, None, Reason.TIME_BEFORE_2000),
        ("lel", 5, ARRIVED // 1000, None, Reason.TIME_BEFORE_2000),
        ("lel", 5, 946_684_799_999, None, Reason.TIME_BEFORE_2000),
        ("lel", 5, 946_684_800_000, None, None),
        ("lel", 5, ARRIVED * 1000, None, Reason.TIME_AFTER_2100),
        ("lel", 5, 253_402_300_799_000, None, Reason.TIME_AFTER_2100),
        ("lel", 5, -(2**63), None, Reason.TIME_BEFORE_2000),
        ("lel", 5, 2**63 - 1, None, Reason.TIME_AFTER_2100),
        ("lel", 5, ARRIVED + 60_000, None, None),
        ("lel", 5, ARRIVED + 60_001, None, Reason.TIME_AHEAD),
        ("nobody", np.nan, 0, "kPa", Reason.UNKNOWN_SENSOR),  # the first of several faults is named
        ("lel", np.nan, 0, None, Reason.VALUE_NOT_FINITE),
    ],
)
def test_unusable_rows_cost_only_themselves(
    sensor: str, value: float, time: int, unit: str | None, reason: Reason | None
) -> None:
    checked = _check(["lel", sensor, "oxygen"], [1, value, 20], time=[BEFORE, time, BEFORE], unit=[None, unit, None])
    assert [(row, why) for row, why, _ in checked.unusable] == ([] if reason is None else [(1, reason)])
    assert checked.rows.tolist() == ([0, 1, 2] if reason is None else [0, 2])
    assert checked.readings.value[[0, -1]].tolist() == [1, 20]
    assert checked.readings.sensor[[0, -1]].tolist() == [1, 6]


def test_where_the_arrival_clock_is_in_doubt_it_refuses_less() -> None:
    times = [ARRIVED + 60_000 + 5_000, ARRIVED + 60_000 + 5_001]
    checked = check(REGISTRY, _raw(["lel", "oxygen"], [1, 20], time=times), ARRIVED, LIMITS, doubt_ms=5_000)
    assert [(row, reason) for row, reason, _ in checked.unusable] == [(1, Reason.TIME_AHEAD)]


def test_delayed_and_device_quality_add_to_the_rest() -> None:
    time = [ARRIVED - 900_000, ARRIVED - 900_001, ARRIVED - 900_001]
    device = np.array([Quality.REPORTED_UNCERTAIN, 0, Quality.REPORTED_BAD], np.uint16)
    checked = _check(["lel", "lel", "lel"], [1, 1, 100], time=time, quality=device)
    assert [Quality(q).labels for q in checked.readings.quality.tolist()] == [
        ["reported_uncertain"],
        ["delayed"],
        ["reported_bad", "saturated", "delayed"],
    ]


def test_arrival_may_differ_by_row() -> None:
    raw = _raw(["lel", "lel", "nobody", "lel"], [1, 2, 3, 4], time=[BEFORE] * 4)
    arrived = np.array([BEFORE - 60_001, BEFORE, BEFORE, BEFORE + 900_001])
    checked = check(REGISTRY, raw, arrived, LIMITS)
    assert [(row, reason) for row, reason, _ in checked.unusable] == [
        (0, Reason.TIME_AHEAD),
        (2, Reason.UNKNOWN_SENSOR),
    ]
    assert checked.rows.tolist() == [1, 3]
    assert [Quality(q).labels for q in checked.readings.quality.tolist()] == [[], ["delayed"]]


def test_keys_may_stand_for_ids() -> None:
    keys = np.array([1, -1, 3, 0, 99, 12], np.int32)  # 3 was removed, 0 never given
    raw = RawReadings(keys, np.full(6, BEFORE), np.ones(6))
    checked = check(REGISTRY, raw, ARRIVED, LIMITS)
    assert checked.rows.tolist() == [0, 5]
    assert {reason for _, reason, _ in checked.unusable} == {Reason.UNKNOWN_SENSOR}


def test_nothing_and_nobody() -> None:
    assert len(_check([], []).readings) == 0
    empty = Registry(1, {}, {})
    assert [row for row, _, _ in check(empty, _raw(["a"], [1]), ARRIVED, LIMITS).unusable] == [0]
    assert len(check(empty, _raw([], []), ARRIVED, LIMITS).readings) == 0


def test_columns_have_their_types() -> None:
    readings = _check(["lel", "nobody"], [1, 2]).readings
    assert (readings.sensor.dtype, readings.time.dtype) == (np.int32, np.int64)
    assert (readings.value.dtype, readings.quality.dtype) == (np.float64, np.uint16)


_ROWS = st.lists(
    st.tuples(
        st.sampled_from([*(sensor.sensor for sensor in SENSORS.values()), "nobody"]),
        st.floats() | st.sampled_from([100.0, 65_535.0, -999.0]),
        st.integers(-(2**63), 2**63 - 1) | st.integers(BEFORE - 10**7, ARRIVED + 10**5),
        st.none() | st.sampled_from(["kPa", "%{LEL}", "%", "x", "Cel"]),
    ),
    max_size=20,
)


@given(_ROWS)
def test_a_row_is_judged_the_same_alone_and_in_company(rows: list[tuple[str, float, int, str | None]]) -> None:
    together = _check(*_columns(rows))
    assert sorted([*together.rows.tolist(), *(row for row, _, _ in together.unusable)]) == list(range(len(rows)))
    assert np.isfinite(together.readings.value).all()
    faults = {row: (reason, detail) for row, reason, detail in together.unusable}
    kept = {row: place for place, row in enumerate(together.rows.tolist())}
    for row, one in enumerate(rows):
        alone = _check(*_columns([one]))
        if row in faults:
            assert [(reason, detail) for _, reason, detail in alone.unusable] == [faults[row]]
        else:
            place = kept[row]
            assert alone.readings.value[0] == together.readings.value[place]
            assert alone.readings.quality[0] == together.readings.quality[place]


def _columns(
    rows: list[tuple[str, float, int, str | None]],
) -> tuple[list[str], list[float], list[int], list[str | None]]:
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows]


def _raw(
    sensors: list[str],
    values: list[float],
    time: list[int] | None = None,
    unit: list[str | None] | None = None,
    quality: np.ndarray | None = None,
) -> RawReadings:
    times = np.array(time if time is not None else [BEFORE] * len(sensors), np.int64)
    return RawReadings(sensors, times, np.array(values, np.float64), unit, quality)


def _check(
    sensors: list[str],
    values: list[float],
    time: list[int] | None = None,
    unit: list[str | None] | None = None,
    quality: np.ndarray | None = None,
) -> Checked:
    return check(REGISTRY, _raw(sensors, values, time, unit, quality), ARRIVED, LIMITS)
