"""What people make of an alarm: their judgement of it, and how far it is dealt with."""

import math
from enum import StrEnum
from typing import Literal

import msgspec

Verdict = Literal["true", "false", "test"]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an alarm told of something real, by whom and when (epoch milliseconds).

    `proposed_severity` is the level that the judge proposes for a warning; 0 where none is proposed.
    """

    verdict: Verdict
    by: str
    time: int
    proposed_severity: int = 0


class JudgedAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that a person judged. Times are epoch milliseconds; `ended` is None while it stands."""

    alarm: str
    rule: str
    sensor: str
    raised: int
    ended: int | None
    peak_severity: str | None
    verdict: Verdict

    @property
    def until(self) -> float:
        """When it returned; infinite while it stands."""
        return math.inf if self.ended is None else self.ended


class Step(StrEnum):
    """How far an alarm is dealt with. What was declined waits for somebody to assign it anew."""

    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ARRIVED = "arrived"
    RESOLVED = "resolved"
    VERIFIED = "verified"


class Awaited(StrEnum):
    """What somebody has to do about an alarm, and by a deadline where the city has set one."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    ACCEPT = "accept"
    ARRIVE = "arrive"
    RESOLVE = "resolve"
    VERIFY = "verify"


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """How far an alarm is dealt with, by whom, and since when. Times are epoch milliseconds.

    `assigned_to` is a person's key label or a team; None after it was declined. `since` is when the step was taken, in
    the field where it was told later. `due` is until when the next step is expected; None where the city has set no
    deadline. `resolved_by` must not verify.
    """

    step: Step
    assigned_to: str | None
    since: int
    due: int | None = None
    resolved_by: str | None = None
