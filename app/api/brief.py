"""Sensors and alarms in few bytes, for a telephone on a bad line: what is as it should be is left out."""

from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from app.api.latest import Doubt, Latest
from app.api.lines import Mode, Severity, TimeText, handling_item, way
from app.api.parameters import written
from model.alarm import AlarmClass, Condition, State
from model.handling import Step
from model.network import Position
from model.vocabulary import PROPERTIES
from store.alarms import AlarmRow
from store.sensor_search import FoundSensor

View = Literal["full", "brief"]

_SENSOR: dict[str, Any] = {
    "sensor": "GAS-0007",
    "name": "7号阀室",
    "property": "combustible_gas",
    "unit": "%{LEL}",
    "time": "2026-11-22T08:00:00.000Z",
    "value": 62.5,
    "distance_m": 42,
    "bearing_deg": 271,
}
_ALARM: dict[str, Any] = {
    "alarm": "combustible-gas.GAS-0007.20261122T080000000Z",
    "sequence": 3,
    "state": "unacknowledged",
    "severity": "red",
    "condition": "active",
    "value": 62.5,
    "limit": 50.0,
    "sensor": "GAS-0007",
    "name": "7号阀室",
    "raised_at": "2026-11-22T08:00:00.000Z",
    "step": "accepted",
    "due": "2026-11-22T08:30:00.000Z",
}


class BriefSensor(BaseModel):
    """A sensor with its newest reading; members that say nothing are left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SENSOR]})

    sensor: str
    name: str | None = Field(default=None, description="In Chinese where it has one")
    property: str
    unit: str = Field(description="UCUM, the property's own")
    mode: Mode | None = Field(default=None, description="Of its city; left out where that is in operation")
    time: TimeText | None = Field(default=None, description="Of the newest reading; left out where it was never heard")
    value: float | None = Field(default=None, description="Six digits of it")
    doubt: Doubt | None = Field(default=None, description="Why the value is not to be trusted; left out where it is")
    distance_m: int | None = Field(default=None, description="Metres from `near`")
    bearing_deg: int | None = Field(default=None, description="From `near`, clockwise from north")


class BriefAlarm(BaseModel):
    """An alarm as it stands; members that say nothing are left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ALARM]})

    alarm: str
    sequence: int = Field(ge=1, description="Send it as `seen_sequence` with an action")
    state: State
    class_: AlarmClass | None = Field(default=None, alias="class", description="Left out where it is process")
    severity: Severity | None = Field(default=None, description="Of a process alarm")
    condition: Condition
    value: float | None = Field(default=None, description="Six digits of it")
    limit: float | None = None
    sensor: str
    name: str | None = Field(default=None, description="Of the sensor, in Chinese where it has one")
    mode: Mode | None = Field(default=None, description="Left out where it is operational")
    raised_at: TimeText
    step: Step | None = Field(default=None, description="How far it is dealt with")
    due: TimeText | None = Field(default=None, description="Until when the next step is expected")
    distance_m: int | None = Field(default=None, description="Metres from `near`")
    bearing_deg: int | None = Field(default=None, description="From `near`, clockwise from north")


def brief_sensor(found: FoundSensor, latest: Latest, origin: Position | None = None) -> dict[str, Any]:
    """Return a sensor in the form of BriefSensor; `origin` is where it was asked for from."""
    sensor, row = found.sensor, latest.row
    observed = PROPERTIES[sensor.property]
    return _said(
        {
            "sensor": sensor.sensor,
            "name": sensor.name_zh or sensor.name or None,
            "property": observed.name,
            "unit": observed.unit,
            "mode": _unusual(found.mode),
            "time": None if row is None else written(row.time),
            "value": None if row is None else _short(row.value),
            "doubt": latest.doubt,
        }
        | _rounded(way(found.distance_m, origin, (sensor.longitude, sensor.latitude)))
    )


def brief_alarm(row: AlarmRow, origin: Position | None = None) -> dict[str, Any]:
    """Return an alarm in the form of BriefAlarm; `origin` is where it was asked for from."""
    line = msgspec.json.decode(row.line)
    handling = handling_item(row)
    return _said(
        {
            "alarm": row.alarm,
            "sequence": line["sequence"],
            "state": row.state,
            "class": None if line["class"] == "process" else line["class"],
            "severity": line["severity"],
            "condition": "unknown" if row.doubtful else line["condition"],
            "value": None if line["value"] is None else _short(line["value"]),
            "limit": line["limit"],
            "sensor": line["sensor"],
            "name": row.name_zh or row.name or None,
            "mode": _unusual(line["mode"]),
            "raised_at": written(row.raised_at),
            "step": None if handling is None else handling["step"],
            "due": None if handling is None else handling["due"],
        }
        | _rounded(way(row.distance_m, origin, (row.longitude, row.latitude)))
    )


def _rounded(way: dict[str, float | None]) -> dict[str, int | None]:
    far, bearing = way["distance_m"], way["bearing_deg"]
    return {
        "distance_m": None if far is None else round(far),
        "bearing_deg": None if bearing is None else round(bearing) % 360,
    }


def _short(value: float) -> float:
    """Return six digits of a value: no sensor resolves more, and a conversion of units leaves seventeen."""
    return float(f"{value:.6g}")


def _unusual(mode: str) -> str | None:
    return None if mode == "operational" else mode


def _said(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if value is not None}
