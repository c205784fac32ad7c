"""The closed loop after detection: one pure table of steps from assigned to verified, and what is awaited next."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from alerts.lifecycle import note
from alerts.occurrences import is_annunciation
from model.alarm import SUPPRESSED_STATES, Alarm, Details, JournalLine, State
from model.escalation import LEAST_MS
from model.handling import Awaited, Handling, Step
from model.instant import format_instant, parse_instant


class Act(StrEnum):
    """What somebody does about an alarm; `fail` is a verification that found it unsolved."""

    ASSIGN = "assign"
    ACCEPT = "accept"
    DECLINE = "decline"
    ARRIVE = "arrive"
    RESOLVE = "resolve"
    VERIFY = "verify"
    FAIL = "fail"


# By the step that the alarm is at (None: nobody has dealt with it). What is not in the table is refused. What was
# resolved is verified before anybody else is sent; what was verified may be taken up again.
STEPS: dict[tuple[Step | None, Act], Step] = {
    **{
        (step, Act.ASSIGN): Step.ASSIGNED
        for step in (None, Step.ASSIGNED, Step.ACCEPTED, Step.DECLINED, Step.ARRIVED, Step.VERIFIED)
    },
    (Step.ASSIGNED, Act.ACCEPT): Step.ACCEPTED,
    **{(step, Act.DECLINE): Step.DECLINED for step in (Step.ASSIGNED, Step.ACCEPTED, Step.ARRIVED)},
    (Step.ACCEPTED, Act.ARRIVE): Step.ARRIVED,
    (Step.ARRIVED, Act.RESOLVE): Step.RESOLVED,
    (Step.RESOLVED, Act.VERIFY): Step.VERIFIED,
    (Step.RESOLVED, Act.FAIL): Step.ASSIGNED,
}

AWAITED_AFTER: dict[Step, Awaited] = {
    Step.ASSIGNED: Awaited.ACCEPT,
    Step.ACCEPTED: Awaited.ARRIVE,
    Step.DECLINED: Awaited.ASSIGN,
    Step.ARRIVED: Awaited.RESOLVE,
    Step.RESOLVED: Awaited.VERIFY,
}
WORK = frozenset(AWAITED_AFTER.values()) - {Awaited.ASSIGN}

_REASONS = {
    Act.ASSIGN: "assigned",
    Act.ACCEPT: "accepted",
    Act.DECLINE: "declined",
    Act.ARRIVE: "arrived",
    Act.RESOLVE: "resolved",
    Act.VERIFY: "verified",
    Act.FAIL: "verification_failed",
}
ACTIONS = frozenset(act.value for act in Act) - {Act.FAIL.value}
"""The words of journal lines."""

_WAIT_FOR_EYES = (State.UNACKNOWLEDGED, State.LATCHED_UNACKNOWLEDGED)


def action_of(act: Act) -> str:
    """Return the contract's word for an act."""
    return Act.VERIFY.value if act is Act.FAIL else act.value


class NotPossible(Exception):
    """An act that the table does not have for the alarm's step."""

    def __init__(self, step: Step | None, act: Act) -> None:
        super().__init__(
            f"{action_of(act)} is not possible for an alarm that {'nobody handles' if step is None else f'is {step}'}"
        )
        self.step = step
        self.act = act


def next_step(step: Step | None, act: Act) -> Step:
    """Return the step that follows. Raises NotPossible."""
    try:
        return STEPS[step, act]
    except KeyError:
        raise NotPossible(step, act) from None


def handle(
    alarm: Alarm,
    act: Act,
    *,
    actor: str,
    time: int,
    since: int | None = None,
    assigned_to: str | None = None,
    allowed_ms: Mapping[Awaited, int] | None = None,
    comment: str | None = None,
    details: Details | None = None,
) -> tuple[Alarm, JournalLine]:
    """Return the occurrence after somebody dealt with it at `time`, and the line. Raises NotPossible.

    `since` is when it was done, where that was told later; `assigned_to` whom it is assigned to; `allowed_ms` within
    how many milliseconds each next step is expected. Times are epoch milliseconds.
    """
    before = alarm.handling
    step = next_step(None if before is None else before.step, act)
    since = time if since is None else since
    holder = assigned_to if act is Act.ASSIGN else before.assigned_to if before is not None else None
    awaited = AWAITED_AFTER.get(step)
    allowed = None if awaited is None else (allowed_ms or {}).get(awaited)
    handling = Handling(
        step=step,
        assigned_to=None if act is Act.DECLINE else holder,
        since=since,
        due=None if allowed is None else since + allowed,
        resolved_by=_resolver(before, act, actor),
    )
    told: Details = {"step": step.value, **(details or {})}
    if holder is not None:
        told["assigned_to"] = holder
    if since != time:
        told["acted_at"] = format_instant(since)
    return note(
        msgspec.structs.replace(alarm, handling=handling), actor=actor, action=action_of(act), time=time,
        reason=_REASONS[act], comment=comment, details=told,
    )  # fmt: skip


class Expected(NamedTuple):
    """Since when something is awaited, and until when where that is settled already (epoch milliseconds)."""

    since: int
    due: int | None = None


def awaited_after(alarm: Alarm, line: JournalLine) -> dict[Awaited, Expected | None]:
    """Return what a line, after which the occurrence is `alarm`, begins to wait for, or no longer waits for (None).

    To be acknowledged and assigned is awaited from each annunciation on, the steps of the work from one to the next;
    nothing while the alarm is suppressed, nor that anybody is sent where it was judged false or a test, or returned.
    """
    if alarm.state in SUPPRESSED_STATES:
        return dict.fromkeys(Awaited) if alarm.state is not line.from_ else {}
    found: dict[Awaited, Expected | None] = {}
    known_at = parse_instant(line.known_at)
    step = None if alarm.handling is None else alarm.handling.step
    if is_annunciation(line):
        found[Awaited.ACKNOWLEDGE] = Expected(known_at)
        if _needs_somebody(alarm, step):
            found[Awaited.ASSIGN] = Expected(known_at)
    if alarm.state not in _WAIT_FOR_EYES and line.from_ is not alarm.state:
        found[Awaited.ACKNOWLEDGE] = None
    if alarm.condition == "normal" and step is not Step.DECLINED and line.from_ is not alarm.state:
        found[Awaited.ASSIGN] = None
    if line.action == "judge" and not _needs_somebody(alarm, step):
        found[Awaited.ASSIGN] = None
    if line.action in ACTIONS:
        found |= dict.fromkeys(WORK | {Awaited.ASSIGN})
    if line.action in ACTIONS or line.from_ in SUPPRESSED_STATES:
        found |= _next_of_the_work(alarm, known_at)
    return found


def _next_of_the_work(alarm: Alarm, known_at: int) -> dict[Awaited, Expected | None]:
    # After a suppression what fell due meanwhile is due soon, yet no sooner than any deadline that begins now.
    handling = alarm.handling
    awaited = None if handling is None else AWAITED_AFTER.get(handling.step)
    if handling is None or handling.due is None or awaited is None:
        return {}
    return {awaited: Expected(handling.since, max(handling.due, known_at + LEAST_MS))}


def _needs_somebody(alarm: Alarm, step: Step | None) -> bool:
    judged_real = alarm.judgement is None or alarm.judgement.verdict == "true"
    return judged_real and step in (None, Step.DECLINED, Step.VERIFIED)


def _resolver(before: Handling | None, act: Act, actor: str) -> str | None:
    if act is Act.RESOLVE:
        return actor
    return before.resolved_by if before is not None and act is Act.VERIFY else None
