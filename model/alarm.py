"""Alarms: the change of a condition as the engine reports it, the present state, and a line of the journal."""

from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from model.handling import Handling, Judgement
from model.instant import format_instant
from model.severity import LABELS

AlarmClass = Literal["process", "instrument", "system"]
Priority = Literal["low", "medium", "high", "highest"]
Condition = Literal["active", "normal", "unknown"]
Details = dict[str, str | int | float | bool]
"""What belongs to a person's action, as its journal line bears it."""


class State(StrEnum):
    """Alarm states, named after ISA-18.2 / IEC 62682."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"
    SHELVED = "shelved"
    SUPPRESSED_BY_DESIGN = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


SUPPRESSED_STATES = (State.OUT_OF_SERVICE, State.SUPPRESSED_BY_DESIGN, State.SHELVED)
"""The states in which an alarm is not annunciated; where several are called for, the first of them is shown."""


LATCHED_STATES = (State.LATCHED_UNACKNOWLEDGED, State.LATCHED_ACKNOWLEDGED)


class ConditionChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of severity of one rule's condition at one sensor, as the engine found it; knows no alarm state.

    Times are epoch milliseconds: `time` of the reading or deadline that caused it, `raised` of the occurrence's begin,
    `known_at` the arrival of what caused it. Severities are integers of model.severity; an instrument or system alarm
    uses 0 and 1 for normal and active. `cause` is `reading`, `deadline` (a held value completed an on-delay), `silence`
    or `rule` (the rule was withdrawn). `retroactive`: found when a passage was evaluated again after a late reading.
    `expected_from`, `expected_to`: between which times what a forecast tells of is expected. `latches`: the rule's
    alarms stay after their return until somebody resets them.
    """

    rule: str
    kind: str
    rule_version: str
    alarm_class: AlarmClass
    priority: Priority
    sensor: str
    sensor_key: int
    mode: str
    time: int
    raised: int
    known_at: int
    severity_from: int
    severity: int
    value: float | None
    limit: float | None
    cause: str
    reason: str
    retroactive: bool = False
    expected_from: int | None = None
    expected_to: int | None = None
    latches: bool = False

    @property
    def alarm(self) -> str:
        """The occurrence's id, derived from rule, sensor and the time it was raised; a retroactive one says so.

        At the same time another of lower severity may have been known.
        """
        stamp = format_instant(self.raised).translate(_WITHOUT_PUNCTUATION)
        return f"{self.rule}.{self.sensor}.{stamp}{'.r' if self.retroactive else ''}"


_WITHOUT_PUNCTUATION = str.maketrans("", "", "-:.")


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of an alarm as it stands: what its journal lines add up to. Times are epoch milliseconds.

    `suppressed_by` is the occurrence for whose sake the rules suppress this one. `judgement` is what a person found of
    it, `handling` how far it is dealt with.
    """

    alarm: str
    rule: str
    kind: str
    rule_version: str
    alarm_class: AlarmClass
    priority: Priority
    sensor: str
    mode: str
    state: State
    severity: int
    peak_severity: int
    condition: Condition
    value: float | None
    limit: float | None
    raised: int
    changed: int
    sequence: int
    expected_from: int | None = None
    expected_to: int | None = None
    suppressed_by: str | None = None
    judgement: Judgement | None = None
    handling: Handling | None = None

    @property
    def is_open(self) -> bool:
        """Whether its condition has not returned, or nobody has seen to it that it latched."""
        return self.condition != "normal" or self.state in LATCHED_STATES


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class", "from_": "from"}):
    """One transition as it is journalled; the fields are the contract's. Optional ones are left out when not set.

    What a person did bears `actor` and `action`, and where it changed no state, `from` and `to` are one. `until` is
    when a suppression ends by itself.
    """

    alarm: str
    sequence: int
    rule: str
    kind: str
    sensor: str
    time: str
    from_: State
    to: State
    severity: str | None
    severity_from: str | None
    peak_severity: str | None
    class_: AlarmClass
    priority: Priority
    condition: Condition
    value: float | None
    limit: float | None
    reason: str
    known_at: str
    rule_version: str
    mode: str
    retroactive: bool
    cause: str | UnsetType = UNSET
    actor: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    details: Details | UnsetType = UNSET
    expected_from: str | UnsetType = UNSET
    expected_to: str | UnsetType = UNSET


def severity_label(alarm_class: AlarmClass, severity: int) -> str | None:
    """The contract's word for a severity; None for normal and for instrument and system alarms."""
    return LABELS_WITH_NONE[severity] if alarm_class == "process" else None


LABELS_WITH_NONE = (None, *LABELS)


def encode_line(line: JournalLine) -> str:
    """Return the line as JSON with sorted keys, without line end: the bytes that are kept and compared."""
    return _encoder.encode(line).decode()


def journal_order(line: JournalLine) -> tuple[str, str, str, int, str]:
    """The order in which a journal is written out; the last word parts a retroactive occurrence from another."""
    return line.time, line.rule, line.sensor, line.sequence, line.alarm


_encoder = msgspec.json.Encoder(order="sorted")
