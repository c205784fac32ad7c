"""Deviation from a set-point: signed by direction, in the property's unit or in percent of the set-point."""

from typing import Any

import pytest

from tests.rules.streams import PLAIN_RULE, batch, engine, sensor, told

CASES: list[tuple[str, dict[str, Any], list[float], list[tuple[float, int, int]]]] = [
    (
        "percent of the set-point, either way",
        {"unit": "%"},
        [100, 111, 100, 89],
        [(60, 0, 1), (120, 1, 0), (180, 0, 1)],
    ),
    ("above only", {"unit": "%", "direction": "above"}, [100, 89, 111], [(120, 0, 1)]),
    ("below only", {"unit": "%", "direction": "below"}, [100, 111, 79], [(120, 0, 2)]),
    ("in another unit of the property", {"unit": "m", "limits": {"blue": 0.1}}, [100, 109, 110], [(120, 0, 1)]),
    ("the deadband holds it", {"unit": "%", "deadband": 5}, [111, 106, 104], [(0, 0, 1), (120, 1, 0)]),
]


@pytest.mark.parametrize(("condition", "values", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_deviation(condition: dict[str, Any], values: list[float], expected: list[tuple[float, int, int]]) -> None:
    given = {"kind": "deviation", "set_point": 100, "direction": "either", "limits": {"blue": 10, "yellow": 20}}
    built = engine({**PLAIN_RULE, "condition": {**given, **condition}})
    found = built.evaluate(batch(built, [("a", 60.0 * place, value) for place, value in enumerate(values)]))
    assert told(found.changes) == expected


def test_a_set_point_that_stands_with_the_sensor() -> None:
    condition = {"kind": "deviation", "unit": "cm", "set_point": {"attribute": "normal"}, "limits": {"red": 5}}
    sensors = [sensor("a", attributes={"normal": "50"}), sensor("b")]
    built = engine({**PLAIN_RULE, "condition": condition}, sensors=sensors)
    assert built.unbound == [("depth", "b")]
    found = built.evaluate(batch(built, [("a", 0, 54), ("b", 0, 90), ("a", 60, 55)])).changes
    assert [(c.sensor, c.time, c.value, c.limit, c.kind) for c in found] == [("a", 60_000, 5.0, 5.0, "deviation")]
