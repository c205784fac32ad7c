"""The answers as typed dictionaries, as far as they are promised; what is added later is there under its name."""

from typing import Any, Literal, NotRequired, TypedDict

Mode = Literal["operational", "exercise", "test"]
Severity = Literal["blue", "yellow", "orange", "red"]
AlarmClass = Literal["process", "instrument", "system"]
Verdict = Literal["true", "false", "test"]


class Sensor(TypedDict, total=False):
    """A sensor as it is registered; `unit` is what it speaks, `reading_unit` what its readings are in (UCUM)."""

    sensor: str
    city: str
    mode: Mode
    system: str
    property: str
    unit: str
    reading_unit: str
    interval_s: float
    longitude: float | None
    latitude: float | None
    distance_m: float | None
    name: str
    name_zh: str
    district: str
    asset: str
    attributes: dict[str, str]


class Reading(TypedDict):
    """A reading; `bad` ones never move a process alarm, `flags` say why."""

    time: str
    value: float
    quality: Literal["good", "uncertain", "bad"]
    flags: list[str]


class Bucket(TypedDict):
    """A bucket of readings; one with count 0 is a gap."""

    start: str
    min: float | None
    mean: float | None
    max: float | None
    count: int
    held_back: int


Readings = TypedDict(
    "Readings",
    {
        "sensor": str,
        "mode": Mode,
        "property": str,
        "unit": str,
        "from": str,
        "to": str,
        "readings": list[Reading],
        "bucket_s": int,
        "time_zone": str,
        "buckets": list[Bucket],
    },
    total=False,
)
"""Readings of a span: `readings`, or `buckets` where those were asked for."""


class Latest(TypedDict):
    """The newest reading of a sensor; None where it was never heard."""

    sensor: str
    mode: Mode
    property: str
    unit: str
    freshness: Literal["fresh", "silent", "never_heard"]
    bad_readings: bool
    reading: Reading | None
    arrived_at: str | None
    age_s: float | None


Line = TypedDict(
    "Line",
    {
        "alarm": str,
        "sequence": int,
        "rule": str,
        "kind": str,
        "sensor": str,
        "time": str,
        "from": str,
        "to": str,
        "severity": Severity | None,
        "severity_from": Severity | None,
        "peak_severity": Severity | None,
        "class": AlarmClass,
        "priority": Literal["low", "medium", "high", "highest"],
        "condition": Literal["active", "normal", "unknown"],
        "value": float | None,
        "limit": float | None,
        "reason": str,
        "known_at": str,
        "rule_version": str,
        "mode": Mode,
        "retroactive": bool,
        "cause": str | None,
        "actor": str | None,
        "action": str | None,
        "comment": str | None,
        "until": str | None,
        "details": dict[str, Any] | None,
    },
    total=False,
)
"""A line of the alarm journal: one transition of one occurrence."""


class FeedLine(Line, total=False):
    """A journal line with the place of its alarm."""

    city: str
    system: str
    district: str


class Alarm(FeedLine, total=False):
    """An alarm as it stands: its newest journal line, its place, and how far it is dealt with."""

    state: str
    event: int
    raised_at: str
    changed_at: str
    name: str | None
    name_zh: str | None
    longitude: float | None
    latitude: float | None
    distance_m: float | None
    judgement: dict[str, Any] | None
    handling: dict[str, Any] | None
    incident: str | None


class ExplainedView(TypedDict):
    """How a rule's condition stood; `decisive` is the comparison that decided."""

    active: bool
    severity: Severity | None
    raised: str | None
    clock: str
    decisive: dict[str, Any]
    limits: list[dict[str, Any]]
    deadband: float | None
    timers: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    readings_left_out: int


Explanation = TypedDict(
    "Explanation",
    {
        "rule": str,
        "rule_version": str,
        "kind": str,
        "class": AlarmClass,
        "sensor": str,
        "time": str,
        "begins": str | None,
        "bindings_since": str | None,
        "unit": str,
        "value_unit": str | None,
        "alarm": str | None,
        "state": str | None,
        "quiet": list[dict[str, Any]],
        "activation": dict[str, Any] | None,
        "temporary_limit": dict[str, Any] | None,
        "sensors_elsewhere": int,
        "then": ExplainedView,
        "now": ExplainedView,
        "smallest": list[dict[str, Any]],
        "none_found": str | None,
        "words": list[str],
    },
)
"""Why a rule fired or did not: as it was known `then`, and as it is known `now`."""


class Incident(TypedDict, total=False):
    """Alarms that belong together; `version` is what an act on it has seen."""

    incident: str
    city: str
    mode: Mode
    systems: list[str]
    state: Literal["open", "closed", "merged"]
    probable_cause: dict[str, Any]
    severity: Severity | None
    members_total: int
    standing: int
    opened_at: str
    closed_at: str | None
    version: int


class Report(TypedDict, total=False):
    """What somebody reported: a smell, water on the road, …"""

    report: str
    incident: str | None
    city: str
    mode: Mode
    kind: str
    system: str
    source: str
    place: dict[str, Any]
    time: str
    text: str | None
    found: bool | None


class Status(TypedDict, total=False):
    """How the cities stand, and how far ingest and evaluation have come."""

    time: str
    version: str
    behind: bool
    evaluated_through: dict[str, Any]
    ingest: dict[str, Any]
    totals: dict[str, Any]
    cities: list[dict[str, Any]]


class ExportedReading(TypedDict):
    """A reading of an export: `value` in `unit`; `quality` is what the device said of itself.

    `received_at` is absent where the log of arrivals does not reach back so far any more.
    """

    time: str
    sensor: str
    value: float
    unit: str
    quality: Literal["good", "uncertain", "bad"]
    received_at: NotRequired[str]
