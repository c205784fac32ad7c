"""The load of each position by 10 minutes, before and after."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from alerts.occurrences import Occurrence
from alerts.position_load import PositionLoad, position_loads
from model.position import Position, default_position
from model.sensor import Sensor
from tests.rules.journals import found, ms

SENSORS = {
    name: Sensor(
        sensor=name, city="c", system=system, district=district, property="water_depth", unit="cm", interval_s=60
    )
    for name, system, district in (("a", "gas", "north"), ("b", "drainage", "north"), ("n", "drainage", "south"))
}
GAS = Position(position="gas-desk", city="c", systems=("gas",), name="Gas desk", name_zh="燃气席")
NORTH = Position(position="north", city="c", districts=("north",))
DEFAULT = default_position("c")
HALF_HOUR = (0, ms(1_800))


def raises(count: int, begin_s: float, sensor: str = "a") -> list[Occurrence]:
    return found(*((begin_s + n, begin_s + n + 0.5) for n in range(count)), sensor=sensor)


def load(one: PositionLoad) -> tuple[tuple[int, int, float], ...]:
    return tuple((s.annunciated, s.per_10_minutes_peak, s.periods_above_10_share) for s in (one.before, one.after))


# before, after: (annunciated, the most in 10 minutes, share of three periods with more than ten) of each side
LOADS = [
    (raises(1, 0), raises(1, 0), ((1, 1, 0), (1, 1, 0))),
    (raises(11, 0), raises(10, 0), ((11, 11, 1 / 3), (10, 10, 0))),
    (raises(6, 597), raises(12, 597), ((6, 3, 0), (12, 9, 0))),
    ([], raises(22, 599) + raises(12, 1_700), ((0, 0, 0), (34, 21, 2 / 3))),
    (raises(3, 1_797), [], ((3, 3, 0), (0, 0, 0))),
    (raises(3, 1_798), [], ((2, 2, 0), (0, 0, 0))),  # the third is behind the span
]


@pytest.mark.parametrize(("before", "after", "expected"), LOADS)
def test_a_load_is_that_of_periods_of_10_minutes(
    before: list[Occurrence], after: list[Occurrence], expected: tuple[tuple[int, int, float], ...]
) -> None:
    (one,) = position_loads(before, after, [DEFAULT], SENSORS, *HALF_HOUR)
    assert load(one) == expected
    assert one.before.per_10_minutes_mean == expected[0][0] / 3


def test_the_fullest_10_minutes_are_named() -> None:
    (one,) = position_loads(raises(2, 0) + raises(3, 700), [], [DEFAULT], SENSORS, *HALF_HOUR)
    assert (one.before.peak_at, one.after.peak_at) == ("1970-01-01T00:10:00.000Z", None)


def test_a_span_below_10_minutes_has_no_mean() -> None:
    (one,) = position_loads(raises(2, 0), [], [DEFAULT], SENSORS, 0, ms(599))
    assert (one.before.per_10_minutes_mean, one.before.per_10_minutes_peak) == (None, 2)
    with pytest.raises(ValueError, match="needs a span"):
        position_loads([], [], [DEFAULT], SENSORS, 5, 5)


def test_each_alarm_counts_where_it_is_shown() -> None:
    side = raises(1, 0, "a") + raises(2, 0, "b") + raises(4, 0, "n") + raises(8, 0, "unknown")
    shown = {
        one.position: one.after.annunciated
        for one in position_loads([], side, [GAS, NORTH, DEFAULT], SENSORS, *HALF_HOUR)
    }
    assert shown == {"gas-desk": 1, "north": 3, "c.default": 4}


def test_those_that_are_not_told_of_are_left_out() -> None:
    assert position_loads(raises(2, 0, "n"), raises(2, 0, "n"), [GAS], SENSORS, *HALF_HOUR) == []
    (one,) = position_loads(raises(2, 0, "a"), raises(2, 0, "n"), [GAS], SENSORS, *HALF_HOUR)
    assert (one.name, one.name_zh, one.before.annunciated, one.after.annunciated) == ("Gas desk", "燃气席", 2, 0)


def test_the_highest_peak_comes_first() -> None:
    after = raises(2, 0, "a") + raises(5, 0, "n")
    loads = position_loads([], after, [GAS, DEFAULT], SENSORS, *HALF_HOUR)
    assert [one.position for one in loads] == ["c.default", "gas-desk"]


@given(some.lists(some.floats(0, 1_799), max_size=40), some.lists(some.floats(0, 1_799), max_size=40))
def test_the_load_of_one_position_is_all_that_is_annunciated(before: list[float], after: list[float]) -> None:
    sides = [[one for at in times for one in found((at, at + 1))] for times in (before, after)]
    loads = position_loads(*sides, [DEFAULT], SENSORS, *HALF_HOUR)
    assert [(one.before.annunciated, one.after.annunciated) for one in loads] == (
        [(len(before), len(after))] if before or after else []
    )
    for one in loads:
        for side in (one.before, one.after):
            assert side.per_10_minutes_peak >= (side.per_10_minutes_mean or 0)
            assert (side.periods_above_10_share > 0) == (side.per_10_minutes_peak > 10)
