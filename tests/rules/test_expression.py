"""Expressions: arithmetic over a sensor and others, parsed and bounded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.conditions.expression import compile_expression, evaluate, fault
from tests.rules.streams import PLAIN_RULE, batch, engine, sensor, told

EVALUATED: list[tuple[str, float | None]] = [
    ("value - other", 7.0),
    ("-value * 2 + 3 / other", -19.0),
    ("abs(other - value)", 7.0),
    ("max(value, other, 12) - min(1, 2)", 11.0),
    ("interpolate(other, -20, 95, 10, 40)", 95 - 23 / 30 * 55),
    ("interpolate(other, 5, 1, 10, 2)", 1.0),
    ("interpolate(value, 0, 1, 5, 2)", 2.0),
    ("sqrt(value - 1)", 3.0),
    ("value / (other - 3)", None),
    ("log(other - 5)", None),
    ("exp(1000 * value)", None),
]


@pytest.mark.parametrize(("text", "expected"), EVALUATED)
def test_evaluated(text: str, expected: float | None) -> None:
    found = evaluate(compile_expression(text, {"other": None}), {"value": 10.0, "other": 3.0})
    assert found == (None if expected is None else pytest.approx(expected))


REFUSED = [
    ("__import__('os')", "no function"),
    ("value.real", "not taken"),
    ("value ** 999", "not taken"),
    ("unknown + 1", "not taken"),
    ("[1][0]", "not taken"),
    ("'text'", "not taken"),
    ("True + 1", "not taken"),
    ("lambda: 1", "not taken"),
    ("min(value)", "takes 2"),
    ("interpolate(value, 2, 1, 1, 2)", "rising x"),
    ("interpolate(value, value, 1, 2, 2)", "numbers"),
    ("interpolate(value, 1, 2, 3, +4)", "numbers"),
    ("interpolate(value, 1, 2, 3, ~4)", "numbers"),
    ("value +", "cannot be read"),
    ("(" * 300 + "value" + ")" * 300, "cannot be read"),
    ("+".join(["value"] * 60), "more than 64 parts"),
    ("value\x00", "cannot be read"),
    ("value * " + "9" * 400, "9999… is too large; write a smaller number"),
    ("interpolate(value, 1, 2, -" + "9" * 400 + ", 3)", "too large"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compile_expression(text, {})


# (text, inputs, why it could never say anything; None where it may)
FAULTS: list[tuple[str, list[str], str | None]] = [
    ("value / 0", [], "divides by 0"),
    ("value / (1 - 1)", [], "divides by 0"),
    ("3 + 4", [], "the same at all times"),
    ("log(-1) + value", [], "'log(-1)' has no finite value"),
    ("max(value, sqrt(-1))", [], "'sqrt(-1)' has no finite value"),
    ("value * 1e999", [], "has no finite value"),
    ("value", ["other"], "inputs: 'other' is not in the expression"),
    ("value / (value - 1)", [], None),
    ("other - 3", ["other"], None),
    ("value / 3 + log(2) * -other / abs(-1)", ["other"], None),
    ("interpolate(value, -10, 60, 10, 40)", [], None),
]


@pytest.mark.parametrize(("text", "inputs", "why"), FAULTS)
def test_what_could_never_say_anything(text: str, inputs: list[str], why: str | None) -> None:
    compile_expression(text, dict.fromkeys(inputs))
    found = fault(text, inputs)
    assert (found is None) if why is None else (found is not None and why in found)


@given(st.text(max_size=60))
def test_no_text_does_anything_but_compute_or_be_refused(text: str) -> None:
    try:
        compiled = compile_expression(text, {})
    except ValueError:
        return
    evaluate(compiled, {"value": 1.0})


HEATING: dict[str, Any] = {
    "kind": "expression",
    "unit": "cm",
    "direction": "either",
    "inputs": {"outside": {"select": {"property": "air_temperature"}}},
    "expression": "value - interpolate(outside, -10, 60, 10, 40)",
    "limits": {"blue": 3, "red": 12},
}


def test_supply_off_the_curve_of_the_outdoor_temperature() -> None:
    outside = sensor("o", property="air_temperature", unit="Cel", system="weather", interval_s=600.0)
    built = engine({**PLAIN_RULE, "condition": HEATING}, sensors=[sensor("a"), outside])
    rows = [("a", 0, 99), ("o", 30, 0), ("a", 60, 50), ("a", 120, 54), ("o", 150, 10), ("a", 180, 54)]
    # Nothing before the outdoor temperature is known; then 0, 4 and 14 off the curve.
    assert told(built.evaluate(batch(built, rows)).changes) == [(120, 0, 1), (180, 1, 4)]


def test_an_input_that_is_no_longer_held_says_nothing() -> None:
    outside = sensor("o", property="air_temperature", unit="Cel", system="weather", interval_s=60.0)
    built = engine({**PLAIN_RULE, "condition": HEATING}, sensors=[sensor("a"), outside])
    rows = [("o", 0, 0), ("a", 10, 70), ("a", 200, 50)]
    assert told(built.evaluate(batch(built, rows)).changes) == [(10, 0, 4)]


def test_the_nearest_sensor_stands_for_an_input() -> None:
    near = sensor("z", property="air_temperature", unit="Cel", longitude=100.0, latitude=30.001)
    far = sensor("b", property="air_temperature", unit="Cel", longitude=100.0, latitude=30.2)
    here = sensor("a", longitude=100.0, latitude=30.0)
    built = engine({**PLAIN_RULE, "condition": HEATING}, sensors=[here, far, near])
    rows = [("b", 0, -10), ("z", 0, 10), ("a", 1, 60)]
    assert told(built.evaluate(batch(built, rows, arrived=[1, 1, 1])).changes) == [(1, 0, 4)]


def test_a_sensor_without_the_input_is_not_bound() -> None:
    built = engine({**PLAIN_RULE, "condition": HEATING}, sensors=[sensor("a")])
    assert built.unbound == [("depth", "a")]
