"""The forms of alarms and journal lines in answers."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from app.api.parameters import EXAMPLE_TIME, written
from model.alarm import LABELS_WITH_NONE, AlarmClass, Condition, Details, Priority, State
from model.coordinates import bearing_deg
from model.handling import Handling, Judgement, Step, Verdict
from model.instant import format_instant
from model.network import Position
from store.alarms import AlarmRow

Severity = Literal["blue", "yellow", "orange", "red"]
Mode = Literal["operational", "exercise", "test"]
TimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=[EXAMPLE_TIME])]

_LINE: dict[str, Any] = {
    "alarm": "combustible-gas.GAS-0007.20261122T080000000Z",
    "sequence": 1,
    "rule": "combustible-gas",
    "kind": "threshold",
    "sensor": "GAS-0007",
    "time": EXAMPLE_TIME,
    "from": "normal",
    "to": "unacknowledged",
    "severity": "red",
    "severity_from": None,
    "peak_severity": "red",
    "class": "process",
    "priority": "highest",
    "condition": "active",
    "value": 62.5,
    "limit": 50.0,
    "reason": "limit_reached",
    "known_at": "2026-11-22T08:00:01.200Z",
    "rule_version": "3f9a1c0b77de",
    "mode": "operational",
    "retroactive": False,
}


class Line(BaseModel):
    """A line of the alarm journal: one transition of one occurrence."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_LINE]})

    alarm: str
    sequence: int = Field(ge=1)
    rule: str
    kind: str
    sensor: str
    time: TimeText
    from_: State = Field(alias="from")
    to: State
    severity: Severity | None
    severity_from: Severity | None
    peak_severity: Severity | None
    class_: AlarmClass = Field(alias="class")
    priority: Priority
    condition: Condition
    value: float | None
    limit: float | None
    reason: str
    known_at: TimeText
    rule_version: str
    mode: Mode
    retroactive: bool
    cause: str | None = None
    actor: str | None = None
    action: str | None = Field(default=None, description="What the actor did, like `acknowledge`")
    comment: str | None = None
    until: TimeText | None = Field(default=None, description="When the suppression ends by itself")
    details: Details | None = Field(default=None, description="What belongs to the action")
    expected_from: TimeText | None = Field(default=None, description="Of a forecast: when it comes at the earliest")
    expected_to: TimeText | None = Field(default=None, description="Of a forecast: when it comes at the latest")


class JudgementItem(BaseModel):
    """What a person found of an alarm."""

    verdict: Verdict
    by: str
    time: TimeText
    proposed_severity: Severity | None = Field(description="Proposed for a warning")


class HandlingItem(BaseModel):
    """How far an alarm is dealt with."""

    step: Step
    assigned_to: str | None = Field(description="A person or team; null after it was declined")
    since: TimeText
    due: TimeText | None = Field(description="Until when the next step is expected; null where no deadline is set")
    resolved_by: str | None = Field(description="Who must not verify it")


class AlarmItem(Line):
    """An alarm as it stands: its newest journal line, its place, and when it was raised and last changed.

    `condition` is `unknown` where the sensor of an active process alarm is silent or its readings are bad; state and
    severity stay as they are.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _LINE
                | {
                    "state": "unacknowledged",
                    "event": 4711,
                    "raised_at": EXAMPLE_TIME,
                    "changed_at": EXAMPLE_TIME,
                    "city": "jiayuguan",
                    "system": "gas",
                    "district": "xiongguan",
                    "name": "Valve chamber 7",
                    "name_zh": "7号阀室",
                    "longitude": 98.289,
                    "latitude": 39.773,
                    "judgement": None,
                    "handling": None,
                    "incident": "i.combustible-gas.GAS-0007.20261122T080000000Z",
                    "folded": [],
                }
            ]
        }
    )

    state: State
    event: int = Field(description="Id of the newest line on the feed")
    raised_at: TimeText
    changed_at: TimeText
    city: str
    system: str
    district: str
    name: str | None = Field(description="Of the sensor")
    name_zh: str | None
    longitude: float | None
    latitude: float | None
    judgement: JudgementItem | None
    handling: HandlingItem | None
    incident: str | None = Field(description="That it belongs to")
    folded: list[str] = Field(
        description="Operator positions in a flood at which it stands behind its incident or rule"
    )
    distance_m: float | None = Field(default=None, description="Metres from `near`")
    bearing_deg: float | None = Field(default=None, description="From `near`, clockwise from north")


def alarm_item(row: AlarmRow, origin: Position | None = None) -> dict[str, Any]:
    """Return an alarm in the form of AlarmItem; `origin` is the place that it was asked for near to."""
    item: dict[str, Any] = msgspec.json.decode(row.line)
    if row.doubtful:
        item["condition"] = "unknown"
    item |= {
        "state": row.state,
        "event": row.event,
        "raised_at": written(row.raised_at),
        "changed_at": written(row.changed_at),
        "city": row.city,
        "system": row.system,
        "district": row.district,
        "name": row.name,
        "name_zh": row.name_zh,
        "longitude": row.longitude,
        "latitude": row.latitude,
        "judgement": None if row.judgement is None else _judgement(row.judgement),
        "handling": handling_item(row),
        "incident": row.incident,
        "folded": list(row.folded),
    }
    if row.distance_m is not None:
        item |= way(row.distance_m, origin, (row.longitude, row.latitude))
    return item


def way(
    distance_m: float | None, origin: Position | None, place: tuple[float | None, float | None]
) -> dict[str, float | None]:
    """Return how far a place lies from where it was asked for, and in what direction."""
    longitude, latitude = place
    if distance_m is None or origin is None or longitude is None or latitude is None:
        return {"distance_m": None, "bearing_deg": None}
    bearing = round(bearing_deg(origin, (longitude, latitude)), 1)
    return {"distance_m": round(distance_m, 1), "bearing_deg": bearing % 360}


def _judgement(text: str) -> dict[str, Any]:
    found = msgspec.json.decode(text, type=Judgement)
    proposed = LABELS_WITH_NONE[found.proposed_severity]
    return {
        "verdict": found.verdict,
        "by": found.by,
        "time": format_instant(found.time),
        "proposed_severity": proposed,
    }


def handling_item(row: AlarmRow) -> dict[str, Any] | None:
    """Return how far an alarm is dealt with in the form of HandlingItem, None where nobody has begun."""
    if row.handling is None:
        return None
    found = msgspec.json.decode(row.handling, type=Handling)
    return {
        "step": found.step,
        "assigned_to": found.assigned_to,
        "since": format_instant(found.since),
        "due": None if found.due is None else format_instant(found.due),
        "resolved_by": found.resolved_by,
    }
