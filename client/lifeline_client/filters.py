"""Parameters and fields that may be left out, by name; one that is a word of Python has an underscore after it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict

from lifeline_client.types import AlarmClass, Mode, Severity

Place = tuple[float, float]
"""Longitude and latitude in degrees (WGS-84)."""


class SensorFilters(TypedDict, total=False):
    """Which sensors; `limit` is the rows that are asked for at one time."""

    city: str
    mode: Mode | Sequence[Mode]
    system: str
    property: str
    district: str
    near: Place
    radius_m: float
    bbox: tuple[float, float, float, float]
    q: str
    limit: int


class AlarmFilters(TypedDict, total=False):
    """Which alarms; without `state` all that are not normal."""

    state: str | Sequence[str]
    severity: Severity | Sequence[Severity]
    system: str
    district: str
    city: str
    sensor: str
    rule: str
    class_: AlarmClass
    mode: Mode | Sequence[Mode]
    assigned_to: str
    handling: str | Sequence[str]
    near: Place
    radius_m: float
    since: datetime
    limit: int


class IncidentFilters(TypedDict, total=False):
    """Which incidents."""

    city: str
    system: str
    state: str | Sequence[str]
    mode: Mode | Sequence[Mode]
    since: datetime
    member: str
    limit: int


class ReportFilters(TypedDict, total=False):
    """Which reports."""

    city: str
    system: str
    kind: str
    source: str
    verified: bool
    mode: Mode | Sequence[Mode]
    since: datetime
    limit: int


class RejectionFilters(TypedDict, total=False):
    """Which messages that could not be used."""

    reason: str
    state: str
    since: datetime
    limit: int


class StreamFilters(TypedDict, total=False):
    """Which transitions; `severity` is that after it."""

    city: str
    system: str
    severity: Severity | Sequence[Severity]
    mode: Mode | Sequence[Mode]


class ExportFilters(TypedDict, total=False):
    """Which sensors an export is about."""

    city: str
    mode: Mode | Sequence[Mode]
    system: str
    property: str
    district: str
    sensor: str | Sequence[str]
    near: Place
    radius_m: float


class PerformanceFilters(TypedDict, total=False):
    """Over what the figures are."""

    position: str
    city: str
    mode: Mode
    from_: datetime
    to: datetime


class Words(TypedDict, total=False):
    """What every action may carry; without an `idempotency_key` one is made."""

    comment: str
    idempotency_key: str


class StepWords(Words, total=False):
    """What a step on site may carry: when it was done, where it is told only later."""

    acted_at: datetime


class JudgeWords(Words, total=False):
    """What a judgement may carry."""

    proposed_severity: Severity


class ShelveWords(Words, total=False):
    """How long an alarm is shelved, one of the two, and up to which severity it stays so."""

    duration_s: int
    until: datetime
    severity_max: Severity


class SuppressWords(Words, total=False):
    """How long work on site takes, one of the two, and what it silences."""

    duration_s: int
    until: datetime
    scope: Literal["rule", "sensor"]


class OutOfServiceWords(Words, total=False):
    """What is taken out of service."""

    scope: Literal["rule", "sensor"]


class AssignWords(Words, total=False):
    """To whom: a person or a team."""

    to: str
    team: str


class ArriveWords(StepWords, total=False):
    """Where the crew is."""

    position: dict[str, float]


class ResolveWords(StepWords, total=False):
    """What was found."""

    note: str
    photograph: str


class VerifyWords(StepWords, total=False):
    """What was measured or seen."""

    passed: bool
    value: float
    unit: str
    property: str
    note: str


class ReportWords(TypedDict, total=False):
    """What a report may carry."""

    text: str
    photograph: str
    reference: str
    idempotency_key: str
