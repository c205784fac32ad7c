"""Journals written by hand through the life cycle: times in seconds, severities as integers from 1 (blue)."""

from collections.abc import Sequence
from typing import Any

from alerts.lifecycle import apply_change
from alerts.occurrences import Occurrence, occurrences
from model.alarm import Alarm, ConditionChange, JournalLine


def occurrence(
    raised_s: float,
    ended_s: float | None = None,
    *,
    rule: str = "depth",
    sensor: str = "a",
    severities: Sequence[tuple[float, int]] = (),
    severity: int = 1,
    known_after_s: float = 0.0,
    **more: Any,
) -> list[JournalLine]:
    """The lines of one occurrence: raised with `severity`, then `severities` at their times, then normal."""
    alarm: Alarm | None = None
    lines: list[JournalLine] = []
    course = [(raised_s, severity), *severities, *([] if ended_s is None else [(ended_s, 0)])]
    before = 0
    for time_s, now in course:
        fields = {"rule": rule, "sensor": sensor, "known_at": ms(time_s + known_after_s), **more}
        alarm, line = apply_change(alarm, change(time_s, before, now, raised=ms(raised_s), **fields))
        lines.append(line)
        before = now
    return lines


def change(time_s: float, severity_from: int, severity: int, **more: Any) -> ConditionChange:
    """A change of a condition, as plain as can be."""
    fields: dict[str, Any] = {
        "rule": "depth", "kind": "threshold", "rule_version": "0", "alarm_class": "process", "priority": "low",
        "sensor": "a", "sensor_key": 0, "mode": "test", "time": ms(time_s), "raised": ms(time_s),
        "known_at": ms(time_s), "value": None, "limit": None, "cause": "reading", "reason": "", **more,
    }  # fmt: skip
    return ConditionChange(severity_from=severity_from, severity=severity, **fields)


def journal(*spans: tuple[float, float | None], **more: Any) -> list[JournalLine]:
    """The lines of several occurrences of one rule at one sensor."""
    return [line for raised, ended in spans for line in occurrence(raised, ended, **more)]


def found(*spans: tuple[float, float | None], **more: Any) -> list[Occurrence]:
    return occurrences(journal(*spans, **more))


def ms(seconds: float) -> int:
    return round(seconds * 1000)
