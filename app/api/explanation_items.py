"""The form of an explanation in answers: alerts.explaining's, with instants and severities as people write them."""

from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from alerts.explaining.explanation import Explanation, Turn, Use
from alerts.explaining.smallest import NoneFound
from alerts.explaining.words import words_of
from app.api.language import Language
from app.api.lines import Severity, TimeText
from app.api.parameters import written, written_or_none
from app.explanation import Facts
from model.alarm import AlarmClass, severity_label
from model.instant import format_instant

INSTANTS = {
    "time", "times", "arrived", "since", "until", "raised", "clock", "begins", "known_at", "expected_from",
    "expected_to",
}  # fmt: skip


class DecisiveItem(BaseModel):
    """The comparison that decided; members that do not apply are null."""

    model_config = ConfigDict(extra="allow")

    what: Turn
    time: TimeText | None = Field(description="Of the reading or deadline")
    level: Severity | None
    value: float | None = Field(description="In `value_unit`", examples=[14.2])
    limit: float | None = Field(description="In `value_unit`", examples=[15])


class UsedReading(BaseModel):
    """A reading that was used, or was not, in the unit of its sensor's property."""

    sensor: str = Field(examples=["DRAIN-0007"])
    unit: str = Field(examples=["cm"])
    time: TimeText
    arrived: TimeText
    value: float
    quality: list[str]
    use: Use


class ViewItem(BaseModel):
    """How the condition stood."""

    model_config = ConfigDict(extra="allow")

    active: bool
    severity: Severity | None = Field(description="Null where it is not active, and for instrument and system alarms")
    raised: TimeText | None
    clock: TimeText = Field(description="Up to which the log was evaluated")
    decisive: DecisiveItem
    limits: list[dict[str, Any]] = Field(description="In `value_unit`, with where each comes from")
    deadband: float | None
    timers: list[dict[str, Any]] = Field(description="Delays that ran")
    changes: list[dict[str, Any]] = Field(description="Of the condition until then, the newest last")
    readings: list[UsedReading] = Field(description="The newest of those of concern, oldest first")
    readings_left_out: int


class ActivationItem(BaseModel):
    """How the rule's pack had come into force."""

    activated_at: TimeText
    activated_by: str
    approved_by: str | None


class HeldLimit(BaseModel):
    """The temporary limit that held at the sensor."""

    temporary_limit: int
    reason: str
    requested_by: str
    approved_by: str
    begins_at: TimeText
    ends_at: TimeText


class QuietItem(BaseModel):
    """What kept the rule's alarm quiet: a person, by a suppression of a kind, or, where it is `rule`, the rule `by`."""

    kind: str = Field(examples=["shelved"])
    by: str
    since: TimeText
    until: TimeText | None
    reason: str


class ExplanationItem(BaseModel):
    """Why a rule's condition stood as it did at `time`: as it was known `then`, and as it is known `now`."""

    model_config = ConfigDict(extra="allow")

    rule: str = Field(examples=["road-water-depth"])
    rule_version: str
    kind: str = Field(examples=["threshold"])
    class_: AlarmClass = Field(alias="class")
    sensor: str = Field(description="Or gateway", examples=["DRAIN-0007"])
    time: TimeText
    begins: TimeText | None = Field(description="Earlier readings were not looked at or are gone; null: all were")
    bindings_since: TimeText | None = Field(
        description="Which rules were in force before is not known, the oldest known stand for them; null: all is known"
    )
    unit: str = Field(description="UCUM, of the sensor's readings", examples=["cm"])
    value_unit: str | None = Field(description="UCUM, of value, limits and deadband; null: a bare number or none")
    alarm: str | None = Field(description="The rule's newest occurrence then, if there was any")
    state: str | None = Field(description="Its state then")
    quiet: list[QuietItem] = Field(description="What kept the rule's alarms quiet then")
    activation: ActivationItem | None = Field(description="null where it is not known")
    temporary_limit: HeldLimit | None
    suppressed_by_unseen: list[str] = Field(
        description="Rules that suppress this one and watch too many sensors in the area to be told of here"
    )
    sensors_elsewhere: int = Field(description="Sensors of concern outside your areas: of these nothing is told")
    then: ViewItem
    now: ViewItem
    smallest: list[dict[str, Any]] = Field(
        description="Changes that would each have made another decision then, the plainest first"
    )
    none_found: NoneFound | None = Field(description="Why there is none")
    words: list[str] = Field(description="The same in sentences, in `language` or as Accept-Language prefers")


def explanation_item(explanation: Explanation, facts: Facts, language: Language) -> dict[str, Any]:
    """Return an explanation in the form of ExplanationItem."""
    item: dict[str, Any] = _written(msgspec.to_builtins(explanation))
    subject, activation, temporary = explanation.subject, facts.activation, facts.temporary
    for name in ("then", "now"):
        _name_severities(item[name], explanation.alarm_class)
    quiet = facts.quiet if explanation.then.severity else []
    return item | {
        "class": item.pop("alarm_class"),
        "bindings_since": None if facts.found.bindings_since is None else format_instant(facts.found.bindings_since),
        "unit": subject.reading_unit,
        "value_unit": subject.unit,
        "alarm": facts.alarm,
        "state": facts.state,
        "quiet": [_written(msgspec.to_builtins(one)) for one in facts.quiet],
        "activation": None if activation is None else {
            "activated_at": format_instant(activation.time),
            "activated_by": activation.by,
            "approved_by": activation.approved_by,
        },
        "temporary_limit": None if temporary is None else {
            "temporary_limit": temporary.limit.number,
            "reason": temporary.reason,
            "requested_by": temporary.requested_by,
            "approved_by": temporary.approved_by,
            "begins_at": written(temporary.begins_at),
            "ends_at": written_or_none(temporary.ended_at) or format_instant(temporary.limit.ends),
        },
        "suppressed_by_unseen": list(facts.found.concern.left_out),
        "sensors_elsewhere": facts.elsewhere,
        "words": words_of(explanation, language, quiet, activation),
    }  # fmt: skip


def _written(value: Any, name: str = "") -> Any:
    """Return a structure with its instants, which have certain names, as Lifeline writes times."""
    if isinstance(value, dict):
        return {name: _written(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_written(one, name) for one in value]
    return format_instant(value) if name in INSTANTS and isinstance(value, int) else value


def _name_severities(view: dict[str, Any], alarm_class: Any) -> None:
    view["active"] = view["severity"] > 0
    for one in (view, *view["changes"]):
        for name in ("severity", "severity_from"):
            if name in one:
                one[name] = severity_label(alarm_class, one[name])
    for one in view["changes"]:
        del one["sensor_key"]
