"""ingest.course, case by case: what is flagged, held back, believed again; and that batches do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.course import Course, course_limits, sensor_limits, with_bits
from ingest.settings import IngestLimits
from model.reading import HELD_BACK, NEVER_CLEARS, Quality
from model.registry import Registry
from model.sensor import City, Sensor
from model.vocabulary import PROPERTIES
from store.batches import IncomingReadings

START = 1_795_334_400_000
MINUTE = 60_000
DAY = 86_400_000

GOOD = Quality.GOOD
RATE, RATE_D = Quality.RATE_EXCEEDED, Quality.RATE_TOWARDS_DANGER
JUMP, JUMP_D = Quality.UNIT_JUMP, Quality.UNIT_JUMP_TOWARDS_DANGER
OUT, FULL, SENTINEL = Quality.OUT_OF_RANGE, Quality.SATURATED, Quality.SENTINEL


def _sensor(sensor: str, observed: str, unit: str = "", **more: object) -> Sensor:
    return Sensor(
        sensor=sensor, city="c", system="water", property=observed, unit=unit or PROPERTIES[observed].unit,
        interval_s=60, **more,  # type: ignore[arg-type]
    )  # fmt: skip


SENSORS = {
    1: _sensor("air", "air_temperature"),
    2: _sensor("depth", "water_depth"),
    3: _sensor("pressure", "water_pressure"),
    4: _sensor("gas", "combustible_gas"),
    5: _sensor("oxygen", "oxygen", attributes={"rate_max": "0.1"}),
    6: _sensor("flow", "water_flow"),
    7: _sensor("kilo", "water_pressure", "kPa", attributes={"rate_max": "10", "resolution": "2"}),
    8: _sensor("rain", "rainfall"),
    9: _sensor("seldom", "water_pressure", reporting="by_exception"),
    10: _sensor("never", "water_pressure", attributes={"constant_s_max": "0"}),
    11: _sensor("soon", "water_flow", attributes={"constant_s_max": "3600"}),
    12: _sensor("odd", "air_temperature", attributes={"rate_max": "fast", "resolution": "-1"}),
    13: _sensor("manhole", "manhole_level"),
}
REGISTRY = Registry(1, SENSORS, {"c": City(city="c", mode="test")})
KEYS = {sensor.sensor: key for key, sensor in SENSORS.items()}
STEADY = [0.30, 0.31, 0.30]


def _judge(
    sensor: str,
    values: Sequence[float],
    step_ms: int = MINUTE,
    quality: Sequence[int] | None = None,
    times: Sequence[int] | None = None,
) -> list[Quality]:
    course = Course(REGISTRY, IngestLimits())
    time = np.array(times if times is not None else START + step_ms * np.arange(len(values)), np.int64)
    readings = IncomingReadings(
        np.full(len(values), KEYS[sensor], np.int32), time, np.array(values, np.float64),
        np.array(quality if quality is not None else [0] * len(values), np.uint16),
    )  # fmt: skip
    return [Quality(bits) for bits in course.judge(REGISTRY, readings, time).bits.tolist()]


@pytest.mark.parametrize(
    ("sensor", "step_s", "values", "expected"),
    [
        # 0.5 K/s for 60 s: 30 K is possible, more is not.
        ("air", 60, [10, 40, 10], [GOOD, GOOD, GOOD]),
        ("air", 60, [10, 41, 10], [GOOD, RATE, GOOD]),  # a spike costs itself alone
        ("air", 60, [10, -62, -61, -62, -60], [GOOD, RATE, RATE, GOOD, GOOD]),  # a level that stays is believed
        ("air", 60, [10, 45, 46], [GOOD, RATE, GOOD]),  # sooner where it is possible meanwhile: 60 K in 120 s
        ("air", 10, [10, 50, -40, 50, -40, 10], [GOOD, RATE, RATE, RATE, RATE, GOOD]),  # swings are not a level
        ("air", 60, [10, 50, 10, 50, 10, 50], [GOOD, RATE, GOOD, RATE, GOOD, RATE]),  # nor are spikes among good ones
        ("air", 3_600, [10, -60, 60], [GOOD, GOOD, GOOD]),  # possible in an hour
        ("air", 0.1, [10, 10.5, 11.0, 11.5], [GOOD, GOOD, GOOD, GOOD]),  # within a second counts as a second
        ("air", 0.1, [10, 10.6], [GOOD, RATE]),
        # Towards danger it is uncertain and evaluated at once, away from it held back.
        ("depth", 10, [10, 400, 10], [GOOD, RATE_D, GOOD]),
        ("depth", 10, [10, 400, 405, 410, 400], [GOOD, RATE_D, RATE_D, GOOD, GOOD]),
        ("depth", 10, [400, 10, 10, 10], [GOOD, RATE, RATE, GOOD]),
        ("depth", 10, [400, 10, 400], [GOOD, RATE, GOOD]),
        ("oxygen", 10, [20.9, 12, 12.5, 13], [GOOD, RATE_D, RATE_D, GOOD]),  # low is the danger
        ("oxygen", 10, [12, 20.9, 20.9, 20.9], [GOOD, RATE, RATE, GOOD]),
        # The sensor's own rate, in its own unit, and its resolution.
        ("kilo", 1, [0.300, 0.312, 0.300], [GOOD, GOOD, GOOD]),
        ("kilo", 1, [0.300, 0.3121, 0.300], [GOOD, RATE, GOOD]),
        ("odd", 60, [10, 41, 10], [GOOD, RATE, GOOD]),  # what is no number leaves the property's
        ("flow", 1, [10, 5_000, -5_000], [GOOD, GOOD, GOOD]),  # a burst is sudden
    ],
)
def test_rate(sensor: str, step_s: float, values: list[float], expected: list[Quality]) -> None:
    assert _judge(sensor, values, round(step_s * 1000)) == expected


@pytest.mark.parametrize(
    ("sensor", "values", "quality", "expected"),
    [
        ("pressure", [*STEADY, 300, 0.3], [0, 0, 0, OUT, 0], [GOOD] * 3 + [JUMP, GOOD]),
        ("pressure", [*STEADY, 300, 301, 300, 300], [0, 0, 0, OUT, OUT, OUT, OUT], [GOOD] * 3 + [JUMP] * 4),
        ("pressure", [*STEADY, 0.0003, 0.3], None, [GOOD] * 3 + [JUMP, GOOD]),
        ("pressure", [*STEADY, 3.0, 0.3], None, [GOOD] * 3 + [JUMP, GOOD]),  # bar
        ("pressure", [*STEADY, 3.0, 3.0, 3.1, 3.0], None, [GOOD] * 3 + [JUMP, JUMP, GOOD, GOOD]),
        ("pressure", [*STEADY, 0.10, 0.05], None, [GOOD] * 5),  # a burst is none
        ("pressure", [*STEADY, 0.0], None, [GOOD] * 4),
        ("pressure", [*STEADY, -300], [0, 0, 0, OUT], [GOOD] * 4),  # another sign is another fault
        ("pressure", [0.3, 0.3, 3.0], None, [GOOD] * 3),  # two readings are no level
        ("pressure", [0.3, 0.5, 0.2, 3.0], None, [GOOD] * 4),  # nor is an unsteady one
        ("flow", [10, 10, 10, 100], None, [GOOD] * 4),  # ten times the flow is a burst
        ("flow", [10, 10, 10, 10_000, 10], None, [GOOD] * 3 + [JUMP, GOOD]),
        ("flow", [10, 10, 10, 1e7, 10], None, [GOOD] * 3 + [JUMP, GOOD]),
        ("rain", [0.1, 0.1, 0.1, 100], None, [GOOD] * 4),
        # Gas: towards danger it is evaluated at once whatever it looks like, away from it held back.
        ("gas", [0.1, 0.1, 0.1, 100], [0, 0, 0, FULL], [GOOD] * 3 + [JUMP_D]),
        ("gas", [0.05, 0.05, 0.05, 50, 50, 50], None, [GOOD] * 3 + [JUMP_D, JUMP_D, GOOD]),
        ("gas", [50, 50, 50, 0.05, 50], None, [GOOD] * 3 + [JUMP, GOOD]),
        ("gas", [50, 50, 50, 0.05, 0.05, 0.05], None, [GOOD] * 3 + [JUMP, JUMP, GOOD]),
        ("gas", [5, 5, 5, 100, 100], [0, 0, 0, FULL, FULL], [GOOD] * 5),
        # 2 m sent as 2,000: no water level, but believed where it stays and then evaluated at the range's end.
        ("manhole", [2, 2, 2, 2_000, 2], [0, 0, 0, FULL, 0], [GOOD] * 3 + [JUMP | RATE_D, GOOD]),
        ("manhole", [2, 2, 2, 2_000, 2_000, 2_000], [0, 0, 0, FULL, FULL, FULL],
         [GOOD] * 3 + [JUMP | RATE_D, JUMP | RATE_D, GOOD]),
        ("manhole", [0.02, 0.02, 0.02, 20], None, [GOOD] * 3 + [JUMP_D]),  # within the range it may be one
    ],
)  # fmt: skip
def test_unit_jump(sensor: str, values: list[float], quality: list[int] | None, expected: list[Quality]) -> None:
    assert _judge(sensor, values, quality=quality) == expected


def test_a_bad_reading_neither_moves_the_level_nor_breaks_a_new_one() -> None:
    values = [10, 99, 50, 99, 50, 50, 50]
    quality = [0, SENTINEL, 0, SENTINEL, 0, 0, 0]
    assert _judge("air", values, 10_000, quality=quality) == [GOOD, GOOD, RATE, GOOD, RATE, GOOD, GOOD]


def test_repeated_and_late_readings_change_nothing() -> None:
    times = [START, START + MINUTE, START + MINUTE, START, START + 2 * MINUTE]
    assert _judge("air", [10, 11, 99, 99, 12], times=times) == [GOOD] * 5


def test_an_old_level_says_nothing() -> None:
    assert _judge("depth", [400, 10], times=[START, START + 30_000]) == [GOOD, RATE]
    assert _judge("pressure", [*STEADY, 3.0], times=[START, START + 1, START + 2, START + DAY + 3]) == [GOOD] * 4


def test_after_a_replacement_a_step_says_nothing() -> None:
    class Replaced(Registry):
        def epoch_of(self, keys: np.ndarray, times: np.ndarray) -> np.ndarray:
            return (times >= START + 3 * MINUTE).astype(np.int32)

    registry = Replaced(1, SENSORS, REGISTRY.cities)
    time = START + MINUTE * np.arange(4)
    readings = IncomingReadings(np.full(4, 3, np.int32), time, np.array([*STEADY, 3.0]), np.zeros(4, np.uint16))
    assert not Course(registry, IngestLimits()).judge(registry, readings, time).bits.any()


@pytest.mark.parametrize(
    ("sensor", "value", "hours", "stuck"),
    [
        ("pressure", 0.3, 23.9, False),
        ("pressure", 0.3, 24.0, True),
        ("pressure", 0.0, 48, False),  # nothing in the pipe
        ("seldom", 0.3, 48, False),
        ("never", 0.3, 48, False),
        ("rain", 0.5, 48, False),
        ("depth", 10, 48, False),
        ("gas", 3, 48, False),  # clean air, zero drifted
        ("gas", 40, 25, True),
        ("soon", 10, 1, True),
        ("soon", 10, 0.5, False),
    ],
)
def test_stuck(sensor: str, value: float, hours: float, stuck: bool) -> None:
    bits = _judge(sensor, [value] * (round(hours * 60) + 1))
    assert (bits[-1] == Quality.STUCK) == stuck
    assert not any(bits[: 60 * 24 if sensor != "soon" else 60])


def test_stuck_ends_with_the_first_other_value_and_needs_many() -> None:
    assert _judge("soon", [10] * 61 + [10.1, 10.1])[-3:] == [Quality.STUCK, GOOD, GOOD]
    assert not any(_judge("soon", [10] * 11, 3 * 3_600_000))
    assert _judge("kilo", [0.3 + 0.0009 * (i % 2) for i in range(1_441)])[-1] == Quality.STUCK  # by its resolution


def test_full_scale_is_not_stuck() -> None:
    assert not any(_judge("gas", [100] * 3_000, quality=[FULL] * 3_000))


def test_a_clock_that_is_behind_again_and_again_is_flagged() -> None:
    course = Course(REGISTRY, IngestLimits())
    flagged = []
    for number in range(30):
        arrived = START + number * MINUTE
        for behind, key in ((300_000, 3), (60_000, 6), (1_000_000, 9)):
            # Each arrival brings an older reading too; the newest counts.
            time = np.array([arrived - behind - 30_000, arrived - behind], np.int64)
            readings = IncomingReadings(
                np.full(2, key, np.int32), time, np.array([0.3, 0.31]) + number / 1e4, np.zeros(2, np.uint16)
            )
            judged = course.judge(REGISTRY, readings, arrived)
            course.commit(judged)
            if judged.bits.any():
                flagged.append((key, number))
    assert flagged == [(3, number) for number in range(10, 30)]
    assert course.judge(REGISTRY, _readings([(3, START + 31 * MINUTE, 0.3, 0)]), START + 31 * MINUTE).bits[0] == 0


def test_limits_of_a_sensor() -> None:
    kilo = sensor_limits(SENSORS[7])
    assert kilo[0] == pytest.approx(0.01)
    assert kilo[1] == pytest.approx(0.002)
    assert course_limits(Registry(0, {}, {})).shape == (0,)


# --- properties --------------------------------------------------------------------------------------------------

_ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, 4, 5, 13]),
        st.integers(-3, 40),  # seconds since the row before; repeated and late ones too
        st.sampled_from([0.05, 0.3, 0.31, 3.0, 10, 11, 50, 100, 300, 2_000]) | st.floats(-50, 500),
        st.sampled_from([0, 0, 0, 0, int(OUT), int(FULL), int(SENTINEL)]),
    ),
    max_size=60,
)


def _readings(rows: Sequence[tuple[int, int, float, int]]) -> IncomingReadings:
    columns = list(zip(*rows, strict=True)) if rows else [[], [], [], []]
    return IncomingReadings(
        np.array(columns[0], np.int32), np.array(columns[1], np.int64), np.array(columns[2], np.float64),
        np.array(columns[3], np.uint16),
    )  # fmt: skip


def _timed(rows: Sequence[tuple[int, int, float, int]]) -> list[tuple[int, int, float, int]]:
    time, timed = START, []
    for key, gap_s, value, quality in rows:
        time += gap_s * 1000
        timed.append((key, time, value, quality))
    return timed


def _bits(rows: Sequence[tuple[int, int, float, int]], cuts: Sequence[int] = ()) -> list[int]:
    course, found = Course(REGISTRY, IngestLimits()), []
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    for start, end in pairwise(edges):
        part = _readings(rows[start:end])
        arrived = part.time + 200
        course.judge(REGISTRY, part, arrived)  # in vain: the store failed
        judged = course.judge(REGISTRY, part, arrived)
        course.commit(judged)
        found += judged.bits.tolist()
        restarted = Course(REGISTRY, IngestLimits())
        restarted.load(course.dump())
        course = restarted
    return found


@given(_ROWS, st.lists(st.integers(0, 59), max_size=8))
def test_batches_failures_and_restarts_change_nothing(rows: list[tuple[int, int, float, int]], cuts: list[int]) -> None:
    timed = _timed(rows)
    assert _bits(timed, cuts) == _bits(timed)


@given(_ROWS)
def test_each_sensor_is_judged_by_itself(rows: list[tuple[int, int, float, int]]) -> None:
    timed = _timed(rows)
    together = _bits(timed)
    for key in {row[0] for row in timed}:
        places = [place for place, row in enumerate(timed) if row[0] == key]
        assert _bits([timed[place] for place in places]) == [together[place] for place in places]


@given(_ROWS)
def test_towards_danger_nothing_plausible_is_held_back(rows: list[tuple[int, int, float, int]]) -> None:
    """Gas and oxygen: any reading beyond all before it towards danger is evaluated, and cannot clear where doubted."""
    timed = [row for row in _timed(rows) if row[0] in (4, 5)]
    newest: dict[int, int] = {}
    seen: dict[int, list[float]] = {}
    for (key, time, value, quality), bits in zip(timed, _bits(timed), strict=True):
        if time > newest.get(key, 0) and not quality & HELD_BACK:
            worst = max if key == 4 else min
            if value == worst([value, *seen.get(key, [])]):
                assert not bits & HELD_BACK
                assert bits in (0, bits & NEVER_CLEARS)
            seen.setdefault(key, []).append(value)
        newest[key] = max(newest.get(key, 0), time)


@given(_ROWS, st.sampled_from([1, 2, 3, 4, 5, 13]), st.floats(0, 100))
def test_a_level_that_stays_is_believed(rows: list[tuple[int, int, float, int]], key: int, level: float) -> None:
    timed = _timed([row for row in rows if row[0] == key])
    begin = max([START, *(row[1] for row in timed)]) + 1_000
    stays = [(key, begin + number * 1_000, level, 0) for number in range(4)]
    assert not any(bits & HELD_BACK for bits in _bits(timed + stays)[-2:])


def test_a_unit_jump_is_recognised_before_full_scale() -> None:
    quality = np.array([FULL, FULL, FULL | Quality.DELAYED, GOOD], np.uint16)
    bits = np.array([0, JUMP_D, JUMP | RATE_D, Quality.STUCK], np.uint16)
    joined = [Quality(one) for one in with_bits(quality, bits).tolist()]
    assert joined == [FULL, FULL | JUMP_D, JUMP | RATE_D | Quality.DELAYED, Quality.STUCK]
