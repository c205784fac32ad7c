"""What the kernels found, as changes of conditions: the events of a batch with the words, limits and reasons."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.bound import Binding, Bindings, Ladders, Timed, plain
from alerts.conditions import displacement, forecast
from alerts.conditions.due import Passed
from alerts.gateways import Gateways
from model.alarm import ConditionChange
from model.registry import Registry

REACHED = {"range": "bad_readings", "stuck": "stuck"}
LEFT = {"range": "good_readings", "stuck": "moves_again"}
Expected = tuple[float, float] | None
EXPECTED: Mapping[str, Callable[[Any, Sequence[float], float, float], Expected]] = {
    "forecast": forecast.expected,
    "displacement": displacement.expected,
}
"""Kinds that look ahead: (condition, outlook, signal, limit) to the seconds between which what they forecast comes."""


def change_of(registry: Registry, bound: Binding, **facts: Any) -> ConditionChange:
    """Return a change of the binding's condition with the facts that only it knows.

    What stands with something else than its sensor gives `sensor` too.
    """
    sensor = registry.sensors[bound.sensor_key]
    severity = max(facts["severity"], 1)
    return ConditionChange(
        rule=bound.rule.rule,
        kind=bound.rule.condition.kind,
        rule_version=bound.version,
        alarm_class=bound.rule.alarm_class,
        priority=bound.rule.priority_at(severity, bound.override),
        sensor_key=bound.sensor_key,
        mode=registry.mode_of(sensor),
        latches=bound.rule.latching,
        **{"sensor": sensor.sensor, **facts},
    )


def ladder_changes(
    registry: Registry, group: Ladders, events: NDArray[Any], arrived: NDArray[np.int64] | None, clock: int
) -> list[ConditionChange]:
    """Return the changes of events of ladder.EVENT; known when their row arrived (n,), or at `clock`."""
    changes = []
    watches, watch_of, sensors = group.bindings.watches, group.bindings.watch_of, group.bindings.sensor
    for event in events.tolist():
        binding, row, time, severity_from, severity, raised, deadline, full_scale, value, outlook = event
        watch, sensor_key = watches[watch_of.item(binding)], sensors.item(binding)
        sensor, rule = registry.sensors[sensor_key], watch.rule
        kind = rule.condition.kind
        rises, is_flag = severity > severity_from, kind in REACHED
        # The limit that was crossed: of the level reached, or of the lowest level left.
        limit = group.limits_told[group.limit_of.item(binding)][(max(severity, 1) if rises else severity + 1) - 1]
        if rises:
            reason = REACHED[kind] if is_flag else "full_scale" if full_scale else "limit_reached"
        else:
            reason = LEFT[kind] if is_flag else "limit_left"
        expected = None
        if rises and not deadline and kind in EXPECTED:
            exact = float(group.limits["limit"][group.limit_of[binding], severity - 1])
            expected = EXPECTED[kind](rule.condition, outlook, value, exact)
        changes.append(
            ConditionChange(
                rule=rule.rule,
                kind=kind,
                rule_version=watch.version,
                alarm_class=rule.alarm_class,
                priority=watch.priorities[severity],
                sensor=sensor.sensor,
                sensor_key=sensor_key,
                mode=registry.mode_of(sensor),
                time=time,
                raised=raised,
                known_at=clock if arrived is None or row < 0 else arrived.item(row),
                severity_from=severity_from,
                severity=severity,
                value=None if is_flag else plain(value),
                limit=None if is_flag else limit,
                cause="deadline" if deadline else "reading",
                reason=reason,
                expected_from=None if expected is None else time + round(expected[0] * 1000),
                expected_to=None if expected is None else time + round(expected[1] * 1000),
                latches=rule.latching,
            )
        )
    return changes


def stale_changes(
    registry: Registry, group: Timed, events: NDArray[Any], arrived: NDArray[np.int64] | None, clock: int
) -> list[ConditionChange]:
    """Return the changes of events of stale.EVENT, of sensors or gateways."""
    return [
        change_of(
            registry,
            group.bindings[binding],
            sensor=subject_of(group, binding, registry),
            time=time,
            raised=raised,
            known_at=clock if arrived is None or row < 0 else int(arrived[row]),
            severity_from=1 - severity,
            severity=severity,
            value=silent_s,
            limit=float(group.deadline[binding]) / 1000,
            cause="silence",
            reason="silent" if severity else "heard_again",
        )
        for binding, row, time, severity, raised, silent_s in events.tolist()
    ]


def due_changes(registry: Registry, group: Timed, found: Iterable[Passed]) -> list[ConditionChange]:
    """Return the changes of dates that passed or were moved on."""
    return [
        change_of(
            registry,
            group.bindings[passed.binding],
            time=passed.time,
            raised=passed.raised,
            known_at=passed.known_at,
            severity_from=1 - passed.severity,
            severity=passed.severity,
            value=None,
            limit=None,
            cause="deadline",
            reason="date_passed" if passed.severity else "date_moved_on",
        )
        for passed in found
    ]


def standing_change(registry: Registry, group: Bindings, binding: int) -> ConditionChange:
    """Return what stands of a binding's condition, as if it were raised with its present severity just now."""
    state = group.states[binding]
    raised = int(state["raised"])
    return change_of(
        registry,
        group.bindings[binding],
        sensor=subject_of(group, binding, registry),
        time=raised,
        raised=raised,
        known_at=raised,
        severity_from=0,
        severity=severity_of(state),
        value=None,
        limit=None,
        cause="rule",
        reason="stands",
    )


def subject_of(group: Bindings, binding: int, registry: Registry) -> str:
    """Return what a binding's alarms are of: its sensor, or its gateway."""
    return group.names[binding] if isinstance(group, Gateways) else registry.sensors[int(group.sensor[binding])].sensor


def severity_of(state: np.void) -> int:
    """Return the severity that a raised state has reached; silence has but one."""
    return int(state["severity"]) if "severity" in (state.dtype.names or ()) else 1
