"""Evaluates expressions: finds the sensors that stand for their inputs, and makes signals of a batch."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.bound import Ladders
from alerts.conditions.expression import Evaluate, Expression, Input, compile_expression, evaluate
from alerts.conditions.ladder import NEVER, SIGNAL
from alerts.places import area_of, distance_m
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import Sensor

_NO_OUTLOOK = (0.0, 0.0)
_NO_SIGNALS = np.empty(0, SIGNAL)


class _Placed(NamedTuple):
    """An expression at a place of its group, with the registry keys of the sensors that stand for its inputs."""

    place: int
    inputs: dict[str, int]
    compiled: Evaluate
    direction: str


class Expressing:
    """The expressions at their sensors; `unbound` is given (rule, sensor) where an input has no sensor."""

    def __init__(self, group: Ladders, registry: Registry, unbound: list[tuple[str, str]]) -> None:
        self.group = group
        self._placed: dict[int, _Placed] = {}  # by binding
        self._at: dict[int, list[_Placed]] = {}  # by registry key
        areas: dict[str, dict[str, list[tuple[int, Sensor]]]] = {}
        for place, binding in enumerate(group.bindings):
            condition, sensor = binding.rule.condition, registry.sensors[binding.sensor_key]
            assert isinstance(condition, Expression)
            found = {name: _stands_for(given, sensor, registry, areas) for name, given in condition.inputs.items()}
            keys = {name: key for name, key in found.items() if key is not None}
            if len(keys) < len(found):
                unbound.append((binding.rule.rule, sensor.sensor))
            else:
                compiled = compile_expression(condition.expression, condition.inputs)
                placed = _Placed(place, keys, compiled, condition.direction)
                self._placed[place] = placed
                self._at.setdefault(binding.sensor_key, []).append(placed)
        keys_used = {key for placed in self._placed.values() for key in placed.inputs.values()}
        anchors = set(self._at)
        self.inputs = np.array(sorted(keys_used), np.int64)
        self._is_concerned = np.zeros(len(registry.known), np.bool_)
        self._is_concerned[sorted(keys_used | anchors)] = True
        self.newest = np.zeros(len(self.inputs), [("time", "i8"), ("value", "f8")])  # clean reading of each input
        self.newest["time"] = NEVER

    def inputs_of(self, place: int) -> list[int]:
        """Return the registry keys of the sensors that stand for the inputs of a binding."""
        return list(self._placed[place].inputs.values())

    def signals(
        self,
        batch: ReadingBatch,
        value: NDArray[np.float64],
        clean: NDArray[np.bool_],
        hold: NDArray[np.int64],
    ) -> NDArray[np.void]:
        """Return the signals (ladder.SIGNAL, by row) of a batch.

        `value` and `clean` (n,) are as admitted; `hold` (milliseconds, by key) says how long readings hold.
        """
        rows = np.flatnonzero(self._is_concerned[batch.sensor] & clean)
        if not len(rows):
            return _NO_SIGNALS
        newest = {
            key: (time, number)
            for key, time, number in zip(
                self.inputs.tolist(), self.newest["time"].tolist(), self.newest["value"].tolist(), strict=True
            )
        }
        made: list[tuple[int, int, float, tuple[float, float]]] = []
        holds = {key: int(hold[key]) for key in newest}
        columns = (rows, batch.sensor[rows], batch.time[rows], value[rows])
        told = list(zip(*(column.tolist() for column in columns), strict=True))
        edges = (np.flatnonzero(np.diff(batch.arrived[rows])) + 1).tolist()
        for start, end in pairwise([0, *edges, len(told)]):
            instant = told[start:end]
            for _, key, time, number in instant:
                if key in newest:
                    newest[key] = time, number
            for row, key, time, number in instant:
                made += self._made(row, key, time, number, newest, holds)
        for place, key in enumerate(self.inputs.tolist()):
            self.newest[place] = newest[key]
        return np.array(made, SIGNAL)

    def _made(
        self,
        row: int,
        key: int,
        time: int,
        value: float,
        newest: Mapping[int, tuple[int, float]],
        holds: Mapping[int, int],
    ) -> list[tuple[int, int, float, tuple[float, float]]]:
        made = []
        for place, inputs, compiled, direction in self._at.get(key, ()):
            values = {"value": value}
            for name, other in inputs.items():
                heard, number = newest[other]
                if heard + holds[other] >= time:
                    values[name] = number
            if len(values) == len(inputs) + 1:
                result = evaluate(compiled, values)
                if result is not None:
                    signed = result if direction == "above" else -result if direction == "below" else abs(result)
                    made.append((row, place, signed, _NO_OUTLOOK))
        return made


def _stands_for(
    given: Input, sensor: Sensor, registry: Registry, areas: dict[str, dict[str, list[tuple[int, Sensor]]]]
) -> int | None:
    area, name = area_of(given.around), given.model_dump_json()
    if name not in areas:
        found: dict[str, list[tuple[int, Sensor]]] = {}
        for key, other in registry.sensors.items():
            if given.select.agrees(other):
                found.setdefault(area(other) or "", []).append((key, other))
        areas[name] = found
    own = area(sensor)
    candidates = []
    for key, other in areas[name].get(own, []) if own else []:
        distance = distance_m(sensor, other)
        if other.sensor != sensor.sensor and (
            given.within_m is None or (distance is not None and distance <= given.within_m)
        ):
            candidates.append((distance is None, distance or 0.0, other.sensor, key))
    return min(candidates)[3] if candidates else None
