"""The levels that a sensor's readings were held against; pure."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from alerts.binding import TOLERANCE
from alerts.conditions.threshold import Threshold
from alerts.rules import limits_of
from app.timeline.scene import Scene
from model.alarm import JournalLine
from model.sensor import Sensor
from model.severity import severity_of
from model.vocabulary import PROPERTIES, conversion


class Ladder(NamedTuple):
    """The levels of readings at a sensor: severity (1 to 4) and limit in the property's unit, the lowest level first.

    `above`: a level is reached at or above its limit, else at or below it; it is left inside limit and deadband.
    """

    above: bool
    levels: tuple[tuple[int, float], ...]
    deadband: float = 0.0

    def severity(self, value: float, before: int = 0) -> int:
        """Return the severity that a value has reached where it was `before`, 0 for none."""
        reached = 0
        for severity, limit in self.levels:
            slack = TOLERANCE * abs(limit) + (self.deadband if severity <= before else 0.0)
            if value >= limit - slack if self.above else value <= limit + slack:
                reached = severity
        return reached

    def limit(self, severity: int) -> float:
        """Return the limit of a severity that the ladder has."""
        return dict(self.levels)[severity]


def ladder_of(sensor: Sensor, lines: Sequence[JournalLine], scene: Scene) -> Ladder | None:
    """Return the levels that a sensor's readings were held against when its first alarm of them was raised.

    As the rule had them at its version; where that version is not kept, as far as the journal's lines tell them.
    """
    line = next((one for one in lines if one.kind == "threshold" and one.class_ == "process"), None)
    if line is None:
        return None
    rule = scene.rule(line.rule, line.rule_version)
    if rule is not None and isinstance(rule.condition, Threshold):
        override = next((one for one in reversed(rule.overrides) if one.select.agrees(sensor)), None)
        found = limits_of(rule.condition, override, sensor)
        if found is not None:
            levels = tuple((number, limit) for number, limit in enumerate(found, 1) if isfinite(limit))
            deadband = rule.condition.deadband
            if override is not None and override.deadband is not None:
                deadband = override.deadband
            factor, _ = conversion(PROPERTIES[sensor.property], rule.condition.unit, gas=sensor.gas)
            return Ladder(rule.condition.direction == "above", levels, factor * deadband)
    same = [one for one in lines if (one.rule, one.rule_version) == (line.rule, line.rule_version)]
    told = {
        severity_of(one.severity): (one.limit, one.value)
        for one in same
        if one.limit is not None
        and one.value is not None
        and severity_of(one.severity) > severity_of(one.severity_from)
    }
    if not told:
        return None
    above = all(value >= limit for limit, value in told.values())
    return Ladder(above, tuple((severity, told[severity][0]) for severity in sorted(told)))
