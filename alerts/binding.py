"""Binds rules to sensors: finds which rule holds where and with what limits, and lays it out (alerts/bound.py)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.bound import Bound, Detector, Ladders, Timed, Watch
from alerts.conditions import due, ladder, stale
from alerts.conditions.due import Due
from alerts.conditions.expression import Expression
from alerts.conditions.ladder import LEVELS
from alerts.conditions.range import Range
from alerts.conditions.stale import Stale
from alerts.conditions.stuck import Stuck
from alerts.conditions.threshold import Threshold
from alerts.kinds import SignalKind
from alerts.rules import Override, Rule, limits_of
from alerts.words import Ladder, Signal
from model.registry import Registry
from model.sensor import Sensor
from model.sensor_event import InvalidEvent, due_time
from model.severity import LABELS
from model.vocabulary import PROPERTIES, conversion

TOLERANCE = 1e-9
"""Relative: 0.8 times a diameter, or bar as MPa, may miss the number meant by a rounding."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Sensors that rules cannot tell apart, by one of them: registry keys in the order of the registry."""

    sensor: Sensor
    keys: NDArray[np.int64]


class Selection:
    """Rules and the sensors that they select, found once for all kinds, and once for all sensors that are alike.

    Alike are sensors that differ in nothing but who they are and where they stand: what a rule is at a sensor must not
    depend on more (fields of Sensor that are not in `_ALIKE`).
    """

    def __init__(self, rules: Sequence[Rule], registry: Registry) -> None:
        self.rules = rules
        self.registry = registry
        selectors = [select for rule in rules for select in (rule.select, *[o.select for o in rule.overrides])]
        named = {select.sensor for select in selectors}
        alike: dict[Any, list[int]] = {}
        for key, sensor in registry.sensors.items():
            fields = (_ALIKE(sensor), tuple(sensor.attributes.items()), sensor.sensor if sensor.sensor in named else "")
            alike.setdefault(fields, []).append(key)
        self._by_property: dict[str | None, list[Alike]] = {None: []}
        for keys in alike.values():
            found = Alike(registry.sensors[keys[0]], np.array(keys, np.int64))
            self._by_property[None].append(found)
            self._by_property.setdefault(found.sensor.property, []).append(found)

    def of(self, words: type[Any]) -> Iterator[tuple[Watch, Alike]]:
        """Yield the rules whose condition is of a kind, with the override that counts, and the sensors they bind to."""
        for rule in self.rules:
            if not isinstance(rule.condition, words):
                continue
            version = rule.version
            watches = [Watch(rule, version, override) for override in (None, *rule.overrides)]
            for alike in self._by_property.get(rule.select.property, []):
                if rule.select.agrees(alike.sensor):
                    agreeing = (
                        w for w in reversed(watches[1:]) if w.override and w.override.select.agrees(alike.sensor)
                    )
                    yield next(agreeing, watches[0]), alike


_ALIKE = attrgetter(
    "city", "system", "property", "unit", "interval_s", "district", "valid_min", "valid_max", "span", "reporting",
    "silence_s_max", "gas", "pressure_reference",
)  # fmt: skip


@dataclass(slots=True)
class _Found:
    """Bindings as they are found, sensors that are alike at a time: the watch, and what differs among the bindings."""

    watches: list[Watch]
    alike: list[Alike]
    rows: list[tuple[Any, ...]]

    def add(self, watch: Watch, alike: Alike, *row: Any) -> None:
        """Bind a rule to sensors that are alike; `row` holds for each of them."""
        self.watches.append(watch)
        self.alike.append(alike)
        self.rows.append(row)

    def spread(self, registry: Registry) -> tuple[Bound, NDArray[np.int32], NDArray[np.int64]]:
        """Return the bindings sorted by sensor, where those of each begin, and which of the rows holds for each."""
        keys = np.concatenate([alike.keys for alike in self.alike]) if self.alike else np.empty(0, np.int64)
        row_of = np.repeat(np.arange(len(self.alike)), [len(alike.keys) for alike in self.alike])
        order = np.argsort(keys, kind="stable")  # a sensor's bindings keep the order of the rules
        keys, row_of = keys[order], row_of[order]
        different = list({id(watch): watch for watch in self.watches}.values())
        places = {id(watch): place for place, watch in enumerate(different)}
        watch_of = np.array([places[id(watch)] for watch in self.watches], np.int32)[row_of]
        first = np.searchsorted(keys, np.arange(len(registry.known) + 1)).astype(np.int32)
        return Bound(different, watch_of, keys), first, row_of

    def column(self, place: int, dtype: Any, row_of: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Return which of the different values in a place of the rows each binding has, and those as an array."""
        different = list(dict.fromkeys(row[place] for row in self.rows))
        places = {value: number for number, value in enumerate(different)}
        value_of = np.array([places[row[place]] for row in self.rows], np.int32)
        return value_of[row_of], np.array(different, dtype)


def bind_ladders(
    selection: Selection,
    kind: SignalKind | type[Threshold] | type[Range] | type[Stuck] | type[Expression],
    unbound: list[tuple[str, str]],
) -> Ladders:
    """Return the bindings of all rules of a kind; notes in `unbound` (rule, sensor) where a limit is not set."""
    registry = selection.registry
    words: type[Any] = kind if isinstance(kind, type) else kind.Condition
    found = _Found([], [], [])
    unset: dict[str, list[int]] = {}
    for watch, alike in selection.of(words):
        condition: Any = watch.rule.condition
        parameters, width = None, 0
        limits = _limits(condition, watch.override, alike.sensor)
        if limits is not None and not isinstance(kind, type):
            parameters, width = kind.parameters(condition, alike.sensor), kind.memory_width(condition, alike.sensor)
            limits = None if parameters is None else limits
        if limits is None:
            unset.setdefault(watch.rule.rule, []).extend(alike.keys.tolist())
        else:
            found.add(watch, alike, limits, parameters, width)
    unbound += [(rule, registry.sensors[key].sensor) for rule, keys in unset.items() for key in sorted(keys)]
    bindings, first, row_of = found.spread(registry)
    count = len(bindings)
    limit_of, limits_table = found.column(0, ladder.LIMITS, row_of)
    detector = None
    if not isinstance(kind, type):
        parameter_of, parameter_table = found.column(1, kind.PARAMETERS, row_of)
        memory = np.zeros((count, max((row[2] for row in found.rows), default=0)))
        detector = Detector(kind, parameter_of, parameter_table, np.zeros(count, kind.STATE), memory)
    operational = [registry.mode_of(alike.sensor) == "operational" for alike in found.alike]
    return Ladders(
        bindings,
        bindings.sensor,
        first,
        ladder.new_state(count),
        limit_of,
        limits_table,
        np.ones(count, np.uint8),
        np.array(operational, np.bool_)[row_of],
        np.zeros(count, np.int64),
        np.zeros(1, np.int64),
        np.zeros(count, np.uint8),
        detector,
    )


def bind_stale(selection: Selection) -> Timed:
    """Return the bindings of all rules about silence."""
    found = _Found([], [], [])
    for watch, alike in selection.of(Stale):
        if alike.sensor.silence_ms is not None:
            found.add(watch, alike, alike.sensor.silence_ms)
    return _timed(found, selection.registry, stale.new_state)


def bind_due(selection: Selection) -> Timed:
    """Return the bindings of all rules about dates, at the sensors that have them."""
    found = _Found([], [], [])
    for watch, alike in selection.of(Due):
        assert isinstance(watch.rule.condition, Due)
        date = _due(watch.rule.condition, alike.sensor, selection.registry.cities[alike.sensor.city].time_zone)
        if date is not None:
            found.add(watch, alike, date)
    return _timed(found, selection.registry, due.new_state)


def _timed(found: _Found, registry: Registry, new_state: Callable[[int], NDArray[Any]]) -> Timed:
    bindings, first, row_of = found.spread(registry)
    deadline = np.array([row[0] for row in found.rows], np.int64)[row_of]
    return Timed(bindings, bindings.sensor, first, new_state(len(bindings)), deadline)


def _due(condition: Due, sensor: Sensor, time_zone: str) -> int | None:
    """When the date has passed, or None where the sensor has none (or no text that is a date)."""
    text = sensor.attributes.get(condition.attribute)
    try:
        return None if text is None else due_time(text, time_zone)
    except InvalidEvent:
        return None


def _limits(condition: Ladder | Range | Stuck, override: Override | None, sensor: Sensor) -> Any:
    """One element of ladder.LIMITS, or None where the rule cannot be set at this sensor."""
    on_delay_s, off_delay_s = condition.on_delay_s, condition.off_delay_s
    if override is not None:
        on_delay_s = on_delay_s if override.on_delay_s is None else override.on_delay_s
        off_delay_s = off_delay_s if override.off_delay_s is None else override.off_delay_s
    on_delay, off_delay = round(on_delay_s * 1000), round(off_delay_s * 1000)
    if isinstance(condition, Range | Stuck):
        found = (0.5, *[np.inf] * (LEVELS - 1))
        return 1.0, found, found, found, 0.5, on_delay, off_delay, 1, 1, 0
    assert isinstance(condition, Threshold | Signal)
    limits = limits_of(condition, override, sensor)
    if limits is None:
        return None
    sign, factor, full_scale = 1.0, 1.0, 0
    if isinstance(condition, Threshold):
        sign = 1.0 if condition.direction == "above" else -1.0
        factor, _ = conversion(PROPERTIES[sensor.property], condition.unit, gas=sensor.gas)
        full_scale = LABELS.index(condition.full_scale) + 1 if condition.full_scale else 0
    deadband = condition.deadband if override is None or override.deadband is None else override.deadband
    reach = tuple(_less_tolerance(sign * limit) for limit in limits)
    samples = condition.samples
    return (
        sign,
        tuple(limits),
        reach,
        tuple(_less_tolerance(sign * limit - abs(factor) * deadband) for limit in limits),
        min(reach),
        on_delay,
        off_delay,
        samples.needed if samples else 1,
        (1 << (samples.of if samples else 1)) - 1,
        full_scale,
    )


def _less_tolerance(limit: float) -> float:
    return limit - abs(limit) * TOLERANCE if np.isfinite(limit) else limit
