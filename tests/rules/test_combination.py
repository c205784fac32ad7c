"""Combinations: and, or, not, counts over sensors, neighbours; judged at the end of each arrival instant."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.checkpoint import restore_state, save_state
from alerts.engine import Engine
from tests.rules.streams import PLAIN_RULE, batch, engine, sensor, threshold

DEPTH = threshold()  # 10, 20, 30, 40
QUIET = {**DEPTH, "annunciated": False}


def combination(levels: dict[str, Any], per: str = "district", **more: Any) -> dict[str, Any]:
    condition = {"kind": "combination", "per": per, "levels": levels}
    return {**PLAIN_RULE, "rule": "together", "condition": condition, **more}


def at(rule: str = "depth", **more: Any) -> dict[str, Any]:
    return {"rule": rule, **more}


def names(count: int) -> list[Any]:
    """Sensors a, b, c, … of one district, about 111 m apart along a meridian."""
    return [sensor("abcdef"[i], district="d", longitude=100.0, latitude=30 + i * 0.001) for i in range(count)]


def outcome(built: Engine, rows: list[Any], arrived: list[float] | None = None) -> list[tuple[Any, ...]]:
    changes = built.evaluate(batch(built, rows, arrived=arrived)).changes
    return [(c.sensor, c.time / 1000, c.severity_from, c.severity) for c in changes if c.rule == "together"]


FOUR = {"yellow": at(at_least="blue", sensors=4), "orange": at(at_least="yellow", sensors=3)}
IDLE_BELOW_TWO = {"blue": {"all_of": [at(sensors=2), {"not": at(at_least="red")}]}}
NEVER_IDLE = {
    **IDLE_BELOW_TWO,
    "orange": {"any_of": [at(sensors=3), at(at_least="yellow", around="neighbours", within_m=150)]},
}
CASES: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    (
        "four blue make yellow, three yellow make orange",
        FOUR,
        [("a", 0, 12), ("b", 1, 12), ("c", 2, 12), ("d", 3, 12), ("a", 4, 22), ("b", 5, 22), ("c", 6, 22), ("a", 7, 1)],
        [("a", 3, 0, 2), ("a", 6, 2, 3), ("a", 7, 3, 0)],
    ),
    ("three blue make nothing", FOUR, [("a", 0, 12), ("b", 1, 12), ("c", 2, 12)], []),
    (
        "any of two",
        {"red": {"any_of": [at(at_least="red"), at(sensors=2)]}},
        [("a", 0, 45), ("a", 1, 0), ("b", 2, 11), ("c", 3, 11)],
        [("a", 0, 0, 4), ("a", 1, 4, 0), ("a", 3, 0, 4)],
    ),
    (
        "not: three at blue while none is at yellow",
        {"blue": {"all_of": [at(sensors=3), {"not": at(at_least="yellow")}]}},
        [("a", 0, 12), ("b", 1, 12), ("c", 2, 12), ("c", 3, 22)],
        [("a", 2, 0, 1), ("a", 3, 1, 0)],
    ),
]


@pytest.mark.parametrize(("levels", "rows", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_combination(levels: dict[str, Any], rows: list[Any], expected: list[Any]) -> None:
    built = engine(QUIET, combination(levels), sensors=names(4))
    assert outcome(built, rows) == expected


def test_a_rule_that_is_not_annunciated_raises_nothing_of_its_own() -> None:
    built = engine(QUIET, combination(FOUR), sensors=names(4))
    changes = built.evaluate(batch(built, [("a", 0, 45)])).changes
    assert changes == []


def test_gas_in_neighbouring_manholes() -> None:
    levels = {"red": {"all_of": [at(), at(around="neighbours", within_m=120)]}}
    built = engine(DEPTH, combination(levels, per="sensor"), sensors=names(4))
    # b and d are two steps apart; c stands between them.
    assert outcome(built, [("b", 0, 12), ("d", 1, 12)]) == []
    assert outcome(built, [("c", 2, 12)]) == [("b", 2, 0, 4), ("c", 2, 0, 4), ("d", 2, 0, 4)]


def test_an_exercise_is_no_neighbour_of_the_city_it_is_held_in() -> None:
    levels = {"red": {"all_of": [at(), at(around="neighbours", within_m=120)]}}
    cities = {"real": "operational", "next": "operational", "drill": "exercise"}
    sensors = [sensor(city, city=city, longitude=100.0, latitude=30.0) for city in cities]
    built = engine(DEPTH, combination(levels, per="sensor"), sensors=sensors, mode=cities)
    assert outcome(built, [("real", 0, 12), ("drill", 1, 12)]) == []
    assert outcome(built, [("next", 2, 12)]) == [("next", 2, 0, 4), ("real", 2, 0, 4)]


def test_a_silent_sensor_does_not_hold_an_alarm_back() -> None:
    """Level against rain: while it rains a high level is no blockage; a gauge that fell silent says no rain."""
    rain = {**QUIET, "rule": "rain", "select": {"system": "weather", "property": "water_depth"}}
    levels = {"orange": {"all_of": [at(), {"not": at("rain", around="city")}]}}
    gauge = sensor("gauge", system="weather")
    built = engine(DEPTH, rain, combination(levels, per="sensor"), sensors=[sensor("a"), gauge])
    assert outcome(built, [("gauge", 0, 15), ("a", 1, 12)]) == []
    assert outcome(built, [("a", 170, 12)]) == []
    # The gauge's reading is held for three intervals, 180 s.
    assert outcome(built, [("a", 200, 12)]) == [("a", 200, 0, 3)]


def test_a_sensor_that_falls_silent_is_noticed_at_the_next_reading_of_its_group() -> None:
    built = engine(QUIET, combination(IDLE_BELOW_TWO), sensors=names(2))
    assert outcome(built, [("b", 0, 0)]) == []
    assert outcome(built, [("a", 10, 45), ("b", 10, 12)]) == []
    assert outcome(built, [("b", 100, 12)]) == []
    # The red one is held for 180 s; what it has reached stays, but it no longer speaks against the others.
    assert outcome(built, [("b", 200, 12)]) == [("a", 200, 0, 1)]


def test_what_arrives_together_is_known_together() -> None:
    levels = {"orange": {"all_of": [at(), {"not": at(at_least="yellow")}]}}
    for rows in ([("a", 5, 12), ("b", 3, 25)], [("b", 3, 25), ("a", 5, 12)]):
        built = engine(DEPTH, combination(levels), sensors=names(2))
        assert outcome(built, rows, arrived=[9, 9]) == []


def test_a_term_without_its_rule_does_not_bind() -> None:
    built = engine(combination({"red": at("no-such-rule")}), sensors=names(1))
    assert built.unbound == [("together", "rule no-such-rule")]


@st.composite
def instants(draw: st.DrawFn) -> list[list[tuple[str, float, float]]]:
    """Readings of four sensors by arrival instant; each sensor's time rises."""
    found, time = [], 0.0
    for _ in range(draw(st.integers(1, 10))):
        time += draw(st.sampled_from([10.0, 200.0]))  # a reading is held for 180
        present = draw(st.lists(st.sampled_from("abcd"), unique=True, min_size=1))
        found.append([(n, time, draw(st.sampled_from([0.0, 12.0, 22.0, 45.0]))) for n in present])
    return found


@settings(max_examples=150)
@pytest.mark.parametrize("levels", [NEVER_IDLE, IDLE_BELOW_TWO], ids=["never idle", "idle below two"])
@given(instants(), st.sets(st.integers(1, 9)), st.randoms(use_true_random=False))
def test_batches_order_within_an_instant_and_restarts_do_not_show(
    levels: dict[str, Any], found: list[list[tuple[str, float, float]]], cuts: set[int], random: Any
) -> None:
    rules = DEPTH, combination(levels)
    whole = engine(*rules, sensors=names(4))
    expected = outcome(whole, [row for instant in found for row in instant])
    built, told = engine(*rules, sensors=names(4)), []
    edges = [0, *sorted(cut for cut in cuts if cut < len(found)), len(found)]
    for start, stop in pairwise(edges):
        rows = [row for instant in found[start:stop] for row in random.sample(instant, len(instant))]
        told += outcome(built, rows)
        if random.random() < 0.5:
            following = engine(*rules, sensors=names(4))
            restore_state(following, save_state(built))
            built = following
    assert told == expected
