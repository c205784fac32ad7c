"""A timeline as JSON: times as text, sentences in both languages."""

from typing import Any

from app.timeline.composing import Timeline
from app.timeline.readings import Course
from app.timeline.scene import Entry
from model.alarm import LABELS_WITH_NONE
from model.instant import format_instant, to_milliseconds


def timeline_document(timeline: Timeline) -> dict[str, Any]:
    """Return a timeline in the form of the API."""
    row = timeline.row
    return {
        "incident": row.incident,
        "city": row.city,
        "mode": row.mode,
        "time_zone": timeline.city.time_zone,
        "severity": LABELS_WITH_NONE[row.severity],
        "probable_cause": timeline.scene.cause(row.cause),
        "opened_at": format_instant(to_milliseconds(row.opened_at)),
        "closed_at": None if row.closed_at is None else format_instant(to_milliseconds(row.closed_at)),
        "merged_into": row.merged_into,
        "known_at": format_instant(timeline.known_at),
        "cut_at": None if timeline.cut_at is None else format_instant(timeline.cut_at),
        "sensors": [_sensor_item(course) for course in timeline.courses],
        "sensors_total": timeline.sensors_total,
        "left_out": [*timeline.left_out],
        "entries": [_entry_item(entry) for entry in timeline.entries],
    }


def _entry_item(entry: Entry) -> dict[str, Any]:
    return {
        "known_at": format_instant(entry.known_at),
        "time": None if entry.time is None else format_instant(entry.time),
        "what": entry.what,
        "subject": entry.subject,
        "sensor": entry.sensor,
        "actor": entry.actor,
        "severity": entry.severity,
        "late_s": None if entry.late_ms is None else entry.late_ms / 1000,
        "words": dict(entry.words),
        "facts": dict(entry.facts),
    }


def _sensor_item(course: Course) -> dict[str, Any]:
    ladder = course.ladder
    limits = {} if ladder is None else {LABELS_WITH_NONE[severity]: limit for severity, limit in ladder.levels}
    return {
        "sensor": course.sensor.sensor,
        "name": course.sensor.name,
        "name_zh": course.sensor.name_zh,
        "unit": course.unit,
        "readings": len(course.arrivals.time),
        "cut": course.cut,
        "direction": None if ladder is None else "above" if ladder.above else "below",
        "limits": limits,
    }
