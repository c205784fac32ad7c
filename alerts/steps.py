"""What a step of the engine makes of an occurrence, with what the rules and people keep quiet; pure."""

from collections.abc import Sequence

import msgspec

from alerts.lifecycle import apply_change, strongest, suppress_or_release
from alerts.suppression import CAUSE, Judged, Moved, Step
from model.alarm import Alarm, JournalLine, State
from model.instant import format_instant
from model.suppression import Suppression


def suppressed_state(
    suppressions: Sequence[Suppression], rule: str, severity: int, time: int, suppressed_by: str | None
) -> State | None:
    """Return the state in which an alarm is kept at `time` (epoch milliseconds); None where nothing suppresses it.

    `suppressions` are its sensor's, `suppressed_by` the occurrence for whose sake the rules suppress it.
    """
    states = {one.kind for one in suppressions if one.holds(rule, severity, time)}
    if suppressed_by is not None:
        states.add(State.SUPPRESSED_BY_DESIGN)
    return strongest(states)


def after_step(
    alarm: Alarm | None, step: Step, suppressions: Sequence[Suppression] = ()
) -> tuple[Alarm, JournalLine] | None:
    """Return an occurrence after a step, and the line; None where nothing changes. Raises Refused.

    `alarm` is None where it begins with the step; `suppressions` are those of people at its sensor.
    """
    if isinstance(step, Judged):
        change = step.change
        state = suppressed_state(suppressions, change.rule, change.severity, change.known_at, step.suppressed_by)
        return apply_change(alarm, change, suppressed=state, suppressed_by=step.suppressed_by)
    assert alarm is not None  # what is moved stands already
    state = suppressed_state(suppressions, step.rule, alarm.severity, step.known_at, step.suppressed_by)
    moved = suppress_or_release(
        alarm, state, time=step.time, reason=step.reason, cause=CAUSE, suppressed_by=step.suppressed_by
    )
    if moved is None:
        return None
    after, line = moved
    return after, msgspec.structs.replace(line, known_at=format_instant(step.known_at))


def is_told(step: Step, found: Alarm | None, *, is_known: bool) -> bool:
    """Whether the journal has it already, by an earlier late reading or a try whose answer was lost.

    `found` is the occurrence as it stands; `is_known` tells whether it did before these steps.
    """
    if isinstance(step, Moved):
        return found is None
    change = step.change
    if change.cause == "rule" and found is not None:
        return found.condition == "normal" or change.severity_from == 0
    return change.retroactive and is_known
