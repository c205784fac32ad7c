"""Binds rules to sensors: which rule holds where, with what limits, laid out in the arrays that the kernels walk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
class Binding:
    """One rule at one sensor, with the override that counts there."""

    rule: Rule
    version: str
    sensor_key: int
    override: Override | None


@dataclass(frozen=True, slots=True)
class Bindings:
    """The bindings of one kind, sorted by sensor: those of registry key k are `first[k]` to `first[k + 1]`."""

    bindings: Sequence[Binding]
    sensor: NDArray[np.int64]
    first: NDArray[np.int32]
    states: NDArray[Any]

    @property
    def most(self) -> int:
        """The number of bindings of the sensor that has most."""
        return int(np.diff(self.first).max(initial=0))


@dataclass(frozen=True, slots=True)
class Timed(Bindings):
    """Bindings that are judged by a clock: `deadline` (n,), milliseconds of silence or of a date."""

    deadline: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Detector:
    """What makes signals of readings: parameters (shared, so `parameter_of`), states and memory of the kind."""

    kind: SignalKind
    parameter_of: NDArray[np.int32]
    parameters: NDArray[Any]
    states: NDArray[Any]
    memory: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ladders(Bindings):
    """Bindings whose values are held against a ladder of limits.

    Many share their limits: `limit_of` (n,) is the row of `limits` that holds for each. `quiet` (n,) is 1 where a state
    is that of a new one: most readings are judged by limits and this byte alone, which keeps 100,000 sensors within the
    processor's cache. `waiting` lists, `waiting_count` long, the bindings whose on-delay may run (`is_listed`), so that
    the clock looks at no others; `announced` are those in operational cities.
    """

    limit_of: NDArray[np.int32]
    limits: NDArray[Any]
    quiet: NDArray[np.uint8]
    announced: NDArray[np.bool_]
    waiting: NDArray[np.int64]
    waiting_count: NDArray[np.int64]
    is_listed: NDArray[np.uint8]
    detector: Detector | None

    def find_waiting(self) -> None:
        """Find from the states which are quiet and which wait."""
        self.quiet[:] = ladder.quiet_states(self.states)
        busy = np.flatnonzero(self.quiet == 0).tolist()
        waiting = [place for place in busy if ladder.is_waiting(self.states[place])]
        self.waiting[: len(waiting)] = waiting
        self.waiting_count[0] = len(waiting)
        self.is_listed[:] = 0
        self.is_listed[waiting] = 1


def binding_key(binding: Binding, registry: Registry) -> tuple[str, str]:
    """What names a binding across versions of rules and registry: (rule, sensor)."""
    return binding.rule.rule, registry.sensors[binding.sensor_key].sensor


class Selection:
    """Rules and the sensors that they select, found once for all kinds."""

    def __init__(self, rules: Sequence[Rule], registry: Registry) -> None:
        self.rules = rules
        self.registry = registry
        self._by_property: dict[str | None, list[tuple[int, Sensor]]] = {None: list(registry.sensors.items())}
        for key, sensor in registry.sensors.items():
            self._by_property.setdefault(sensor.property, []).append((key, sensor))

    def of(self, words: type[Any]) -> Iterator[tuple[Binding, Sensor]]:
        """Yield the bindings, and their sensors, of the rules whose condition is of a kind."""
        for rule in self.rules:
            if not isinstance(rule.condition, words):
                continue
            version, override = rule.version, None
            everywhere = rule.select.model_fields_set <= {"property"}
            for key, sensor in self._by_property.get(rule.select.property, []):
                if everywhere or rule.select.agrees(sensor):
                    if rule.overrides:
                        override = next((o for o in reversed(rule.overrides) if o.select.agrees(sensor)), None)
                    yield Binding(rule, version, key, override), sensor


def bind_ladders(
    selection: Selection,
    kind: SignalKind | type[Threshold] | type[Range] | type[Stuck] | type[Expression],
    unbound: list[tuple[str, str]],
) -> Ladders:
    """Return the bindings of all rules of a kind; notes in `unbound` (rule, sensor) where a limit is not set."""
    registry = selection.registry
    words: type[Any] = kind if isinstance(kind, type) else kind.Condition
    found: list[tuple[Binding, Any, Any, int]] = []
    limits_known: dict[tuple[str, int, str], Any] = {}
    for binding, sensor in selection.of(words):
        condition: Any = binding.rule.condition
        parameters, width = None, 0
        # Limits that stand in the rule are the same at all sensors of a gas.
        known = (binding.rule.rule, id(binding.override), sensor.gas)
        if known not in limits_known or _stands_with_sensor(condition, binding.override):
            limits_known[known] = _limits(condition, binding.override, sensor)
        limits = limits_known[known]
        if limits is not None and not isinstance(kind, type):
            parameters, width = kind.parameters(condition, sensor), kind.memory_width(condition, sensor)
            limits = None if parameters is None else limits
        if limits is None:
            unbound.append((binding.rule.rule, sensor.sensor))
        else:
            found.append((binding, limits, parameters, width))
    found.sort(key=lambda row: row[0].sensor_key)  # stable: a sensor's bindings keep the order of the rules
    count = len(found)
    bindings, sensors, first = _by_sensor([row[0] for row in found], registry)
    limit_of, limits_table = _shared([row[1] for row in found], ladder.LIMITS)
    detector = None
    if not isinstance(kind, type):
        parameter_of, parameter_table = _shared([row[2] for row in found], kind.PARAMETERS)
        memory = np.zeros((count, max((row[3] for row in found), default=0)))
        detector = Detector(kind, parameter_of, parameter_table, np.zeros(count, kind.STATE), memory)
    operational = [registry.mode_of(registry.sensors[b.sensor_key]) == "operational" for b in bindings]
    return Ladders(
        bindings,
        sensors,
        first,
        ladder.new_state(count),
        limit_of,
        limits_table,
        np.ones(count, np.uint8),
        np.array(operational, np.bool_),
        np.zeros(count, np.int64),
        np.zeros(1, np.int64),
        np.zeros(count, np.uint8),
        detector,
    )


def bind_stale(selection: Selection) -> Timed:
    """Return the bindings of all rules about silence."""
    limits = [(binding, sensor.silence_ms) for binding, sensor in selection.of(Stale)]
    found = [(binding, limit) for binding, limit in limits if limit is not None]
    return _timed(found, selection.registry, stale.new_state)


def bind_due(selection: Selection) -> Timed:
    """Return the bindings of all rules about dates, at the sensors that have them."""
    found: list[tuple[Binding, int]] = []
    for binding, sensor in selection.of(Due):
        assert isinstance(binding.rule.condition, Due)
        date = _due(binding.rule.condition, sensor, selection.registry.cities[sensor.city].time_zone)
        if date is not None:
            found.append((binding, date))
    return _timed(found, selection.registry, due.new_state)


def _timed(found: list[tuple[Binding, int]], registry: Registry, new_state: Callable[[int], NDArray[Any]]) -> Timed:
    found.sort(key=lambda row: row[0].sensor_key)
    bindings, sensors, first = _by_sensor([row[0] for row in found], registry)
    return Timed(bindings, sensors, first, new_state(len(found)), np.array([row[1] for row in found], np.int64))


def _by_sensor(
    bindings: list[Binding], registry: Registry
) -> tuple[list[Binding], NDArray[np.int64], NDArray[np.int32]]:
    keys = np.array([b.sensor_key for b in bindings], np.int64)
    return bindings, keys, np.searchsorted(keys, np.arange(len(registry.known) + 1)).astype(np.int32)


def _shared(rows: list[Any], dtype: np.dtype[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return which of the different rows each one is, and those as a record array."""
    different = list(dict.fromkeys(rows))
    places = {row: place for place, row in enumerate(different)}
    return np.array([places[row] for row in rows], np.int32), np.array(different, dtype)


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


def _stands_with_sensor(condition: Any, override: Override | None) -> bool:
    """Tell whether a limit of the condition stands with the sensor."""
    if isinstance(condition, Range | Stuck):
        return False
    limits = condition.limits if override is None or override.limits is None else override.limits
    return any(not isinstance(limit, float) for limit in limits.values())


def _less_tolerance(limit: float) -> float:
    return limit - abs(limit) * TOLERANCE if np.isfinite(limit) else limit
