"""What a kind makes of one sensor's readings, row by row, and what a rule of that kind makes of them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from alerts.checkpoint import restore_state, save_state
from alerts.conditions.ladder import SIGNAL
from alerts.engine import Engine
from model.sensor import Sensor
from tests.rules.streams import PLAIN_RULE, batch, engine, sensor, told

Point = tuple[float, float]  # seconds, value


def rule_of(condition: dict[str, Any], watched: Sensor) -> dict[str, Any]:
    return {**PLAIN_RULE, "select": {"property": watched.property}, "condition": condition}


def watching(condition: dict[str, Any], watched: Sensor | None = None) -> Engine:
    watched = watched or sensor("a")
    return engine(rule_of(condition, watched), sensors=[watched])


def signals(
    condition: dict[str, Any], points: Sequence[Point], watched: Sensor | None = None, renewed: Sequence[int] = ()
) -> list[Point]:
    """The signals of good readings (seconds, value), those at the places `renewed` of a new device."""
    group = watching(condition, watched).signals[condition["kind"]]
    detector = group.detector
    assert detector is not None
    rows = len(points)
    time = np.array([round(seconds * 1000) for seconds, _ in points], np.int64)
    made = np.empty(rows, SIGNAL)
    count = detector.kind.walk(
        np.zeros(rows, np.int32), time, time, np.array([value for _, value in points], np.float64),
        np.ones(rows, np.bool_), np.isin(np.arange(rows), renewed), group.first,
        detector.parameter_of, detector.parameters, detector.states, detector.memory, made,
    )  # fmt: skip
    return [(float(time[row]) / 1000, float(value)) for row, _, value, _ in made[:count].tolist()]


def changes(
    condition: dict[str, Any], points: Sequence[Point], watched: Sensor | None = None
) -> list[tuple[float, int, int]]:
    """What a rule tells of the readings: (seconds, severity from, severity to)."""
    built = watching(condition, watched)
    return told(built.evaluate(batch(built, [("a", *point) for point in points])).changes)


def changes_in_parts(
    condition: dict[str, Any], points: Sequence[Point], cuts: Sequence[int], watched: Sensor | None = None
) -> list[tuple[float, int, int]]:
    """The same, the readings cut into batches, with a restart from a checkpoint after each."""
    found: list[tuple[float, int, int]] = []
    saved = None
    edges = [0, *sorted(cuts), len(points)]
    for number, (begin, end) in enumerate(pairwise(edges), 1):
        if begin == end:
            continue
        built = watching(condition, watched)
        if saved is not None:
            restore_state(built, saved)
        rows = [("a", *point) for point in points[begin:end]]
        found += told(built.evaluate(batch(built, rows, sequence=number)).changes)
        saved = save_state(built)
    return found


def every(step_s: float, values: Sequence[float], begin_s: float = 0.0) -> list[Point]:
    """Readings of the values, one each `step_s`."""
    return [(begin_s + step_s * place, float(value)) for place, value in enumerate(values)]
