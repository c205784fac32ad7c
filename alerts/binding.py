"""Binds rules to sensors: which rule holds where, with what limits, laid out in the arrays that the kernels walk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.conditions import due, stale, threshold
from alerts.rules import Due, Override, Range, Rule, Stale, Threshold, limits_of
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
class Group:
    """The bindings that one kernel walks, sorted by sensor, with their parameters and state.

    Those of registry key k are `first[k]` to `first[k + 1]`. Many bindings share their parameters: `parameter` (n,) is
    the row of `parameters` that holds for each. `quiet` (n,) is 1 where a threshold's state is that of a new one: most
    readings are judged by parameter and this byte alone, which keeps 100,000 sensors within the processor's cache.
    """

    bindings: Sequence[Binding]
    sensor: NDArray[np.int64]
    first: NDArray[np.int64]
    parameter: NDArray[np.int32]
    parameters: NDArray[Any]
    states: NDArray[Any]
    quiet: NDArray[np.uint8]
    announced: NDArray[np.bool_]


def binding_key(binding: Binding, registry: Registry) -> tuple[str, str]:
    """What names a binding across versions of rules and registry: (rule, sensor)."""
    return binding.rule.rule, registry.sensors[binding.sensor_key].sensor


def bind(
    rules: Sequence[Rule],
    registry: Registry,
    kind: type[Threshold | Range | Stale | Due],
    unbound: list[tuple[str, str]],
) -> Group:
    """Return the bindings of all rules of a kind; notes in `unbound` (rule, sensor) where a limit is not set."""
    found: list[tuple[Binding, Any]] = []
    for rule in rules:
        if not isinstance(rule.condition, kind):
            continue
        version = rule.version
        for key, sensor in registry.sensors.items():
            if not rule.select.agrees(sensor):
                continue
            override = next((o for o in reversed(rule.overrides) if o.select.agrees(sensor)), None)
            if isinstance(rule.condition, Due):
                parameter = _due(rule.condition, sensor, registry.cities[sensor.city].time_zone)
            else:
                parameter = _parameter(rule, override, sensor)
            if parameter is not None:
                found.append((Binding(rule, version, key, override), parameter))
            elif not isinstance(rule.condition, Stale | Due):
                unbound.append((rule.rule, sensor.sensor))
    found.sort(key=lambda pair: pair[0].sensor_key)  # stable: a sensor's bindings keep the order of the rules
    bindings = [binding for binding, _ in found]
    keys = np.array([b.sensor_key for b in bindings], np.int64)
    first = np.searchsorted(keys, np.arange(len(registry.known) + 1))
    operational = [registry.mode_of(registry.sensors[b.sensor_key]) == "operational" for b in bindings]
    if kind is Stale or kind is Due:
        rows, parameter_of = [parameter for _, parameter in found], list(range(len(found)))
        table = np.array(rows, np.int64)
        states = stale.new_state(len(bindings)) if kind is Stale else due.new_state(len(bindings))
    else:
        rows = list(dict.fromkeys(parameter for _, parameter in found))
        places = {parameter: place for place, parameter in enumerate(rows)}
        parameter_of = [places[parameter] for _, parameter in found]
        table, states = np.array(rows, threshold.BINDING), threshold.new_state(len(bindings))
    return Group(
        bindings,
        keys,
        first,
        np.array(parameter_of, np.int32),
        table,
        states,
        np.ones(len(bindings), np.uint8),
        np.array(operational, np.bool_),
    )


def _due(condition: Due, sensor: Sensor, time_zone: str) -> int | None:
    """When the date has passed, or None where the sensor has none (or no text that is a date)."""
    text = sensor.attributes.get(condition.attribute)
    try:
        return None if text is None else due_time(text, time_zone)
    except InvalidEvent:
        return None


def _parameter(rule: Rule, override: Override | None, sensor: Sensor) -> Any:
    """One element of the group's parameters, or None where the rule cannot be set at this sensor."""
    condition = rule.condition
    if isinstance(condition, Stale):
        return sensor.silence_ms
    assert not isinstance(condition, Due)
    on_delay_s, off_delay_s = condition.on_delay_s, condition.off_delay_s
    if override is not None:
        on_delay_s = on_delay_s if override.on_delay_s is None else override.on_delay_s
        off_delay_s = off_delay_s if override.off_delay_s is None else override.off_delay_s
    on_delay, off_delay = round(on_delay_s * 1000), round(off_delay_s * 1000)
    if isinstance(condition, Range):
        # Walked as a threshold on "is the reading bad", 0 or 1.
        limits = (0.5, np.inf, np.inf, np.inf)
        return 1.0, limits, limits, limits, 0.5, on_delay, off_delay, 1, 1, 0
    found = limits_of(rule, condition, override, sensor)
    if found is None:
        return None
    sign = 1.0 if condition.direction == "above" else -1.0
    deadband = condition.deadband if override is None or override.deadband is None else override.deadband
    factor, _ = conversion(PROPERTIES[sensor.property], condition.unit, gas=sensor.gas)
    reach = tuple(_less_tolerance(sign * limit) for limit in found)
    samples = condition.samples
    return (
        sign,
        tuple(found),
        reach,
        tuple(_less_tolerance(sign * limit - abs(factor) * deadband) for limit in found),
        min(reach),
        on_delay,
        off_delay,
        samples.needed if samples else 1,
        (1 << (samples.of if samples else 1)) - 1,
        LABELS.index(condition.full_scale) + 1 if condition.full_scale else 0,
    )


def _less_tolerance(limit: float) -> float:
    return limit - abs(limit) * TOLERANCE if np.isfinite(limit) else limit
