"""What people make of an alarm: their judgement of it, and how far it is dealt with."""

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


class Step(StrEnum):
    """How far an alarm is dealt with."""

    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    RESOLVED = "resolved"
    VERIFIED = "verified"


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """How far an alarm is dealt with, by whom, and since when. Times are epoch milliseconds.

    `due` is until when the next step is expected; None where there is none. `resolved_by` must not verify.
    """

    step: Step
    assigned_to: str
    since: int
    due: int | None = None
    resolved_by: str | None = None
