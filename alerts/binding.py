"""Binds rules to sensors: which rule holds where, with what limits, laid out in the arrays that the kernels walk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.conditions import stale, threshold
from alerts.rules import Override, Range, Rule, Stale, Threshold, limits_of
from model.registry import Registry
from model.sensor import Sensor
from model.severity import LABELS
from model.vocabulary import PROPERTIES, conversion


@dataclass(frozen=True, slots=True)
class Binding:
    """One rule at one sensor, with the override that counts there."""

    rule: Rule
    version: str
    sensor_key: int
    override: Override | None


@dataclass(frozen=True, slots=True)
class Group:
    """The bindings that one kernel walks: their list, index by sensor, parameters and state."""

    bindings: Sequence[Binding]
    sensor: NDArray[np.int64]
    first: NDArray[np.int64]
    order: NDArray[np.int64]
    parameters: NDArray[Any]
    states: NDArray[Any]
    announced: NDArray[np.bool_]


def binding_key(binding: Binding, registry: Registry) -> tuple[str, str]:
    """What names a binding across versions of rules and registry: (rule, sensor)."""
    return binding.rule.rule, registry.sensors[binding.sensor_key].sensor


def bind(
    rules: Sequence[Rule], registry: Registry, kind: type[Threshold | Range | Stale], unbound: list[tuple[str, str]]
) -> Group:
    """Return the bindings of all rules of a kind; notes in `unbound` (rule, sensor) where a limit is not set."""
    bindings: list[Binding] = []
    parameters: list[Any] = []
    for rule in rules:
        if not isinstance(rule.condition, kind):
            continue
        version = rule.version
        for key, sensor in registry.sensors.items():
            if not rule.select.agrees(sensor):
                continue
            override = next((o for o in reversed(rule.overrides) if o.select.agrees(sensor)), None)
            parameter = _parameter(rule, override, sensor)
            if parameter is not None:
                bindings.append(Binding(rule, version, key, override))
                parameters.append(parameter)
            elif not isinstance(rule.condition, Stale):
                unbound.append((rule.rule, sensor.sensor))
    keys = np.array([b.sensor_key for b in bindings], np.int64)
    order = np.argsort(keys, kind="stable")
    first = np.searchsorted(keys[order], np.arange(len(registry.known) + 1))
    operational = [registry.mode_of(registry.sensors[b.sensor_key]) == "operational" for b in bindings]
    if kind is Stale:
        table, states = np.array(parameters, np.int64), stale.new_state(len(bindings))
    else:
        table, states = np.array(parameters, threshold.BINDING), threshold.new_state(len(bindings))
    return Group(bindings, keys, first, order, table, states, np.array(operational, np.bool_))


def _parameter(rule: Rule, override: Override | None, sensor: Sensor) -> Any:
    """One element of the group's parameters, or None where the rule cannot be set at this sensor."""
    condition = rule.condition
    if isinstance(condition, Stale):
        return sensor.silence_ms
    on_delay_s, off_delay_s = condition.on_delay_s, condition.off_delay_s
    if override is not None:
        on_delay_s = on_delay_s if override.on_delay_s is None else override.on_delay_s
        off_delay_s = off_delay_s if override.off_delay_s is None else override.off_delay_s
    on_delay, off_delay = round(on_delay_s * 1000), round(off_delay_s * 1000)
    if isinstance(condition, Range):
        # Walked as a threshold on "is the reading bad", 0 or 1.
        limits = [0.5, np.inf, np.inf, np.inf]
        return 1.0, limits, limits, on_delay, off_delay, 1, 1, 0
    found = limits_of(rule, condition, override, sensor)
    if found is None:
        return None
    sign = 1.0 if condition.direction == "above" else -1.0
    deadband = condition.deadband if override is None or override.deadband is None else override.deadband
    factor, _ = conversion(PROPERTIES[sensor.property], condition.unit, gas=sensor.gas)
    signed = [sign * limit for limit in found]
    samples = condition.samples
    return (
        sign,
        signed,
        [limit - abs(factor) * deadband for limit in signed],
        on_delay,
        off_delay,
        samples.needed if samples else 1,
        (1 << (samples.of if samples else 1)) - 1,
        LABELS.index(condition.full_scale) + 1 if condition.full_scale else 0,
    )
