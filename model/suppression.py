"""Suppression of alarms by people: shelved, suppressed by design for work on site, or out of service."""

from typing import Literal, NamedTuple

import msgspec

from model.alarm import State

Purpose = Literal["maintenance", "bump_test"]

BEGUN = {
    State.SHELVED: "shelved",
    State.SUPPRESSED_BY_DESIGN: "work_begun",
    State.OUT_OF_SERVICE: "out_of_service",
}
"""By kind, the reason in journal lines that a suppression's begin brings about."""
ENDED = {
    State.SHELVED: "shelf_ended",
    State.SUPPRESSED_BY_DESIGN: "work_ended",
    State.OUT_OF_SERVICE: "returned_to_service",
}
"""The same of an end that comes by itself."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps the alarms of a rule at a sensor quiet (of all rules where `rule` is None). Times: epoch milliseconds.

    `kind` is one of model.alarm.SUPPRESSED_STATES. It holds up to `severity_max`: what is graver is annunciated. What
    is out of service has no end but a date at which it is looked at again.
    """

    suppression: int
    kind: State
    city: str
    sensor: str
    rule: str | None
    severity_max: int
    purpose: Purpose | None
    reason: str
    permit: str | None
    actor: str
    approved_by: str | None
    begins: int
    ends: int | None
    review: int | None

    def holds(self, rule: str, severity: int, time: int) -> bool:
        """Whether it keeps an alarm of this rule at its sensor quiet at `time`, by a severity of model.severity."""
        begun = self.begins <= time and (self.ends is None or time < self.ends)
        return begun and severity <= self.severity_max and self.rule in (None, rule)


class SuppressionSpan(NamedTuple):
    """When a suppression that people put in force held; times are epoch milliseconds, `ended` None while it does.

    `rule` None means all of the sensor's.
    """

    kind: str
    sensor: str
    rule: str | None
    begins: int
    ended: int | None
    approved_by: str | None
