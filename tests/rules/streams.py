"""Small engines and streams for tests of rules: times in seconds, one letter a sensor."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from alerts.engine import Engine
from alerts.rules import Pack
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor

TEXT = {"en": "a", "zh": "一"}
PLAIN_RULE = {
    "rule": "depth",
    "name": TEXT,
    "select": {"system": "drainage", "property": "water_depth"},
    "condition": {"kind": "threshold", "unit": "cm", "limits": {"blue": 10, "yellow": 20, "orange": 30, "red": 40}},
    "priority": {"blue": "low", "yellow": "medium", "orange": "high", "red": "highest"},
    "basis": [{"mark": "P", "source": "test"}],
    "guidance": {"cause": TEXT, "consequence": TEXT, "response": TEXT, "time_to_respond_s": 60},
}
SILENT_RULE = {
    "rule": "silent",
    "name": TEXT,
    "class": "instrument",
    "select": {},
    "condition": {"kind": "stale"},
    "priority": "low",
    "guidance": PLAIN_RULE["guidance"],
}
BAD_READINGS_RULE = {**SILENT_RULE, "rule": "bad", "condition": {"kind": "range"}}

Reading = tuple[str, float, float]  # sensor, seconds, value
QualifiedReading = tuple[str, float, float, int]


def sensor(name: str, **more: Any) -> Sensor:
    fields = {"city": "c", "system": "drainage", "property": "water_depth", "unit": "cm", "interval_s": 60.0, **more}
    return Sensor(sensor=name, **fields)


def registry(sensors: Sequence[Sensor], mode: str | Mapping[str, str] = "test") -> Registry:
    """All cities in one mode, or each in its own."""
    modes = {s.city: mode if isinstance(mode, str) else mode[s.city] for s in sensors}
    return Registry(1, dict(enumerate(sensors)), {city: City(city=city, mode=own) for city, own in modes.items()})


def engine(
    *rules: dict[str, Any],
    sensors: Sequence[Sensor] | None = None,
    mode: str | Mapping[str, str] = "test",
    **more: Any,
) -> Engine:
    pack = {"pack": "test", "description": TEXT, "rules": list(rules)}
    packs = [Pack.model_validate_json(json.dumps(pack), strict=True)]
    return Engine(packs, registry(sensors or [sensor("a"), sensor("b"), sensor("c")], mode), **more)


def threshold(**condition: Any) -> dict[str, Any]:
    return {**PLAIN_RULE, "condition": {**PLAIN_RULE["condition"], **condition}}


def batch(
    built: Engine,
    readings: Iterable[Reading | QualifiedReading],
    *,
    sequence: int = 1,
    arrived: Sequence[float] | None = None,
) -> ReadingBatch:
    """Readings in order of arrival; each arrives at its own time unless `arrived` says otherwise."""
    rows = [(*row, 0)[:4] for row in readings]
    time = np.array([round(row[1] * 1000) for row in rows], np.int64)
    came = time if arrived is None else np.array([round(a * 1000) for a in arrived], np.int64)
    return ReadingBatch(
        sequence,
        int(came[-1]) if len(came) else 0,
        np.array([built.registry.keys[row[0]] for row in rows], np.int32),
        time,
        np.array([row[2] for row in rows], np.float64),
        np.array([row[3] for row in rows], np.uint16),
        came,
    )


def tick(clock_s: float, sequence: int = 99) -> ReadingBatch:
    empty = np.empty(0)
    return ReadingBatch(
        sequence, round(clock_s * 1000), empty.astype(np.int32), empty.astype(np.int64), empty,
        empty.astype(np.uint16), empty.astype(np.int64),
    )  # fmt: skip


def told(changes: Iterable[ConditionChange]) -> list[tuple[float, int, int]]:
    """What changed, short: (seconds, severity from, severity to)."""
    return [(change.time / 1000, change.severity_from, change.severity) for change in changes]
