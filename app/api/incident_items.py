"""The forms of incidents in answers."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from alerts.incidents.words import Words, cause_words, reason_words
from app.api.lines import Mode, Severity, TimeText
from app.api.parameters import written, written_or_none
from model.alarm import LABELS_WITH_NONE
from model.incident import Cause, Member
from model.instant import format_instant
from model.network import distance_m
from store.incident_search import ChangeRow, IncidentRow, MemberRow

EXAMPLE = "i.water-pressure-low.WATER-0007.20261122T080000000Z"


class ProbableCause(BaseModel):
    """The probable cause: a pipe, gateway, chamber or sensor, and how it is told."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(examples=["burst"])
    subject: str = Field(examples=["P-4"])
    words: dict[str, str] = Field(examples=[{"en": "burst main, probably at P-4", "zh": "爆管，疑似位置 P-4"}])


class IncidentItem(BaseModel):
    """An incident as it stands. Times are of causes, but `known_at` and `changed_at`, which are of arrival."""

    model_config = ConfigDict(extra="allow")

    incident: str = Field(examples=[EXAMPLE])
    city: str
    mode: Mode
    systems: list[str]
    state: Literal["open", "closed", "merged"]
    probable_cause: ProbableCause
    severity: Severity | None = Field(description="The highest of its members so far")
    members_total: int
    standing: int = Field(description="Members whose condition has not returned")
    opened_at: TimeText
    newest_at: TimeText
    known_at: TimeText
    changed_at: TimeText
    closed_at: TimeText | None
    merged_into: str | None
    version: int = Field(description="Send it as `seen_version` with an act")


def incident_item(row: IncidentRow) -> dict[str, Any]:
    """Return an incident in the form of IncidentItem."""
    state = "merged" if row.merged_into is not None else "open" if row.closed_at is None else "closed"
    return {
        "incident": row.incident,
        "city": row.city,
        "mode": row.mode,
        "systems": row.systems,
        "state": state,
        "probable_cause": _cause(row.cause, called(row.subject_name, row.subject_name_zh)),
        "severity": LABELS_WITH_NONE[row.severity],
        "members_total": row.members,
        "standing": row.standing,
        "opened_at": written(row.opened_at),
        "newest_at": written(row.newest_at),
        "known_at": written(row.known_at),
        "changed_at": written(row.changed_at),
        "closed_at": written_or_none(row.closed_at),
        "merged_into": row.merged_into,
        "version": row.version,
    }


def _cause(text: str, subject: Words | None = None) -> dict[str, Any]:
    cause = msgspec.json.decode(text, type=Cause)
    told: dict[str, Any] = {"subject": ""} | msgspec.to_builtins(cause)
    return told | {"words": cause_words(cause, subject)}


def called(name: str | None, name_zh: str | None) -> Words | None:
    """Return what people call a sensor in each language, in one's words where the other has none."""
    en, zh = name or name_zh, name_zh or name
    return {"en": en, "zh": zh} if en and zh else None


def member_item(facts: Member, row: MemberRow, names: Mapping[str, Words | None]) -> dict[str, Any]:
    """Return an alarm of an incident; `names` are what the sensors of its members are called, by the member's id."""
    return {
        "alarm": facts.member,
        "rule": facts.rule,
        "sensor": facts.sensor,
        "name": row.name,
        "name_zh": row.name_zh,
        "system": facts.system,
        "class": facts.alarm_class,
        "state": row.state,
        "severity": LABELS_WITH_NONE[row.severity or 0] if facts.alarm_class == "process" else None,
        "peak_severity": LABELS_WITH_NONE[facts.severity],
        "longitude": facts.longitude,
        "latitude": facts.latitude,
        "time": format_instant(facts.time),
        "joined_at": format_instant(facts.known_at),
        "standing": facts.standing,
        "suppressed": facts.suppressed,
        "reason": _reason(facts, names),
    }


def report_item(facts: Member, names: Mapping[str, Words | None]) -> dict[str, Any]:
    """Return a report of an incident; `names` as for `member_item`."""
    return {
        "report": facts.member,
        "kind": facts.rule,
        "system": facts.system,
        "longitude": facts.longitude,
        "latitude": facts.latitude,
        "time": format_instant(facts.time),
        "joined_at": format_instant(facts.known_at),
        "standing": facts.standing,
        "reason": _reason(facts, names),
    }


def _reason(facts: Member, names: Mapping[str, Words | None]) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(facts.reason)
    return told | {"words": reason_words(facts.reason, names.get(facts.reason.to))}


def change_item(row: ChangeRow) -> dict[str, Any]:
    """Return something that happened to an incident."""
    return {
        "version": row.version,
        "time": written(row.time),
        "change": row.what,
        "members": row.members,
        "other": row.other,
        "probable_cause": None if row.cause is None else _cause(row.cause),
        "actor": row.actor,
        "note": row.note,
    }


def circle(members: list[Member]) -> dict[str, float] | None:
    """Return a circle around the middle of the members' bounding box, wide enough for all of them."""
    places = [member.position for member in members if member.position is not None]
    if not places:
        return None
    east, north = zip(*places, strict=True)
    middle = ((min(east) + max(east)) / 2, (min(north) + max(north)) / 2)
    radius = max(distance_m(middle, place) for place in places)
    return {"longitude": round(middle[0], 6), "latitude": round(middle[1], 6), "radius_m": math.ceil(radius)}
