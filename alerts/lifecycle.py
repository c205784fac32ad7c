"""The alarm life cycle: one transition table, pure, after the state diagram of ISA-18.2 / IEC 62682."""

from collections.abc import Collection
from enum import StrEnum

import msgspec
from msgspec import UNSET

from model.alarm import SUPPRESSED_STATES, Alarm, ConditionChange, JournalLine, State, severity_label
from model.instant import format_instant


class Event(StrEnum):
    """What can happen to an occurrence.

    The condition of an alarm whose rule latches does not return, it latches. A release goes by the condition at that
    time.
    """

    RAISE = "raise"
    RISE = "rise"
    FALL = "fall"
    RETURN = "return"
    LATCH = "latch"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    SUPPRESS = "suppress"
    TAKE_OUT_OF_SERVICE = "take_out_of_service"
    RELEASE = "release"
    RELEASE_LATCHED = "release_latched"


_SUPPRESSING = {
    State.SHELVED: Event.SHELVE,
    State.SUPPRESSED_BY_DESIGN: Event.SUPPRESS,
    State.OUT_OF_SERVICE: Event.TAKE_OUT_OF_SERVICE,
}
_SUPPRESSIBLE = (
    State.UNACKNOWLEDGED,
    State.ACKNOWLEDGED,
    State.LATCHED_UNACKNOWLEDGED,
    State.LATCHED_ACKNOWLEDGED,
    *_SUPPRESSING,
)

# A rise un-acknowledges, a fall does not. What was suppressed is annunciated anew when it is released, whoever had
# acknowledged it before. What returned while it was suppressed has ended. What is not in the table is refused.
TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.NORMAL, Event.RAISE): State.UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.RISE): State.UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.FALL): State.UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.RETURN): State.RETURNED_UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.LATCH): State.LATCHED_UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.RISE): State.UNACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.FALL): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.RETURN): State.NORMAL,
    (State.ACKNOWLEDGED, Event.LATCH): State.LATCHED_ACKNOWLEDGED,
    (State.RETURNED_UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.NORMAL,
    (State.LATCHED_UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.LATCHED_ACKNOWLEDGED,
    (State.LATCHED_UNACKNOWLEDGED, Event.RESET): State.RETURNED_UNACKNOWLEDGED,
    (State.LATCHED_ACKNOWLEDGED, Event.RESET): State.NORMAL,
    **{(was, event): to for was in _SUPPRESSIBLE for to, event in _SUPPRESSING.items() if was is not to},
    **{(state, event): state for state in _SUPPRESSING for event in (Event.RISE, Event.FALL, Event.LATCH)},
    **{(state, Event.RETURN): State.NORMAL for state in _SUPPRESSING},
    **{(state, Event.RELEASE): State.UNACKNOWLEDGED for state in _SUPPRESSING},
    **{(state, Event.RELEASE_LATCHED): State.LATCHED_UNACKNOWLEDGED for state in _SUPPRESSING},
}


class Refused(Exception):
    """An event that the table does not have for the alarm's state."""

    def __init__(self, alarm: str, state: State, event: Event) -> None:
        super().__init__(f"{event} is not possible for alarm {alarm!r}, which is {state.replace('_', ' ')}")
        self.alarm = alarm
        self.state = state
        self.event = event


def next_state(alarm: str, state: State, event: Event) -> State:
    """Return the state that follows. Raises Refused."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Refused(alarm, state, event) from None


def apply_change(
    alarm: Alarm | None, change: ConditionChange, *, suppressed: State | None = None, suppressed_by: str | None = None
) -> tuple[Alarm, JournalLine]:
    """Return the occurrence after a change of its condition, and the journal line of it.

    `alarm` is the occurrence as it stands, None for a new one. `suppressed` is the state in which suppressions keep it
    at its new severity, None where none does; `suppressed_by` the occurrence for whose sake the rules do. A new
    occurrence begins in that state, one that is suppressed already changes into it or is released; one that is
    annunciated stays so. Raises Refused where the two do not fit together.
    """
    event = _event_of(change)
    state = State.NORMAL if alarm is None else alarm.state
    following = next_state(change.alarm, state, event)
    if suppressed is not None and event is Event.RAISE:
        following = next_state(change.alarm, following, _SUPPRESSING[suppressed])
    elif following in _SUPPRESSING and following is not suppressed:
        following = next_state(change.alarm, following, _event_towards(suppressed, change.severity))
    after = Alarm(
        alarm=change.alarm,
        rule=change.rule,
        kind=change.kind,
        rule_version=change.rule_version,
        alarm_class=change.alarm_class,
        # A returned alarm keeps the priority with which it was annunciated.
        priority=alarm.priority if alarm is not None and change.severity == 0 else change.priority,
        sensor=change.sensor,
        mode=change.mode,
        state=following,
        severity=change.severity,
        peak_severity=max(change.severity, 0 if alarm is None else alarm.peak_severity),
        condition="active" if change.severity else "normal",
        value=change.value,
        limit=change.limit,
        raised=change.raised,
        changed=change.time,
        sequence=1 if alarm is None else alarm.sequence + 1,
        expected_from=change.expected_from,
        expected_to=change.expected_to,
        suppressed_by=suppressed_by if following in _SUPPRESSING else None,
        judgement=None if alarm is None else alarm.judgement,
        handling=None if alarm is None else alarm.handling,
    )
    line = _line(after, state, change.severity_from, change.time, change.known_at, change.reason)
    if change.retroactive:
        line = msgspec.structs.replace(line, retroactive=True)
    if change.cause != "reading":
        line = msgspec.structs.replace(line, cause=change.cause)
    if after.suppressed_by is not None and state is not following:
        line = msgspec.structs.replace(line, details={"suppressed_by": after.suppressed_by})
    return after, line


def suppress_or_release(
    alarm: Alarm,
    suppressed: State | None,
    *,
    time: int,
    reason: str,
    cause: str,
    suppressed_by: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    comment: str | None = None,
    until: int | None = None,
) -> tuple[Alarm, JournalLine] | None:
    """Bring the occurrence into the state `suppressed`, or release it where that is None, at `time`.

    `suppressed_by` is the occurrence for whose sake the rules suppress it, whatever state is shown. Returns None where
    nothing changes: it is in that state, or there is nothing to suppress, because its condition has returned. Times are
    epoch milliseconds.
    """
    following = alarm.state
    if suppressed is None and alarm.state in _SUPPRESSING:
        following = next_state(alarm.alarm, alarm.state, _event_towards(None, alarm.severity))
    elif suppressed is not None and alarm.state in _SUPPRESSIBLE and alarm.state is not suppressed:
        following = next_state(alarm.alarm, alarm.state, _SUPPRESSING[suppressed])
    by_design = suppressed_by if following in _SUPPRESSING else None
    if following is alarm.state and by_design == alarm.suppressed_by:
        return None
    changed = msgspec.structs.replace(alarm, suppressed_by=by_design)
    after, line = _transition(changed, following, time, reason, cause, actor, action, comment, until)
    if by_design in (None, alarm.suppressed_by):
        return after, line
    return after, msgspec.structs.replace(line, details={"suppressed_by": by_design})


def acknowledge(
    alarm: Alarm, *, actor: str, time: int, comment: str | None = None, cause: str = "operator"
) -> tuple[Alarm, JournalLine]:
    """Return the occurrence after its acknowledgement at `time` (epoch milliseconds), and the line. Raises Refused."""
    following = next_state(alarm.alarm, alarm.state, Event.ACKNOWLEDGE)
    return _transition(alarm, following, time, "acknowledged", cause, actor, "acknowledge", comment)


def reset(
    alarm: Alarm, *, actor: str, time: int, comment: str | None = None, cause: str = "operator"
) -> tuple[Alarm, JournalLine]:
    """Return the occurrence after its latch was reset at `time` (epoch milliseconds), and the line. Raises Refused."""
    following = next_state(alarm.alarm, alarm.state, Event.RESET)
    return _transition(alarm, following, time, "reset", cause, actor, "reset", comment)


def note(
    alarm: Alarm,
    *,
    actor: str | None,
    action: str,
    time: int,
    reason: str,
    comment: str | None = None,
    cause: str = "operator",
    until: int | None = None,
    details: dict[str, str | int | float | bool] | None = None,
) -> tuple[Alarm, JournalLine]:
    """Return the occurrence and the line for what changes no state: a comment, a judgement, a step of its handling."""
    after, line = _transition(alarm, alarm.state, time, reason, cause, actor, action, comment, until)
    return after, line if details is None else msgspec.structs.replace(line, details=details)


def strongest(states: Collection[State]) -> State | None:
    """Return the one of several suppressed states that is shown; None where there is none."""
    return next((state for state in SUPPRESSED_STATES if state in states), None)


def _event_towards(suppressed: State | None, severity: int) -> Event:
    if suppressed is not None:
        return _SUPPRESSING[suppressed]
    return Event.RELEASE if severity else Event.RELEASE_LATCHED


def _event_of(change: ConditionChange) -> Event:
    if change.severity_from == 0:
        return Event.RAISE
    if change.severity == 0:
        return Event.LATCH if change.latches else Event.RETURN
    return Event.RISE if change.severity > change.severity_from else Event.FALL


def _transition(
    alarm: Alarm,
    state: State,
    time: int,
    reason: str,
    cause: str,
    actor: str | None,
    action: str | None,
    comment: str | None,
    until: int | None = None,
) -> tuple[Alarm, JournalLine]:
    after = msgspec.structs.replace(alarm, state=state, sequence=alarm.sequence + 1, changed=time)
    line = _line(after, alarm.state, alarm.severity, time, time, reason)
    return after, msgspec.structs.replace(
        line,
        cause=cause,
        actor=UNSET if actor is None else actor,
        action=UNSET if action is None else action,
        comment=UNSET if comment is None else comment,
        until=UNSET if until is None else format_instant(until),
    )


def _line(after: Alarm, state_from: State, severity_from: int, time: int, known_at: int, reason: str) -> JournalLine:
    return JournalLine(
        alarm=after.alarm,
        sequence=after.sequence,
        rule=after.rule,
        kind=after.kind,
        sensor=after.sensor,
        time=format_instant(time),
        from_=state_from,
        to=after.state,
        severity=severity_label(after.alarm_class, after.severity),
        severity_from=severity_label(after.alarm_class, severity_from),
        peak_severity=severity_label(after.alarm_class, after.peak_severity),
        class_=after.alarm_class,
        priority=after.priority,
        condition=after.condition,
        value=after.value,
        limit=after.limit,
        reason=reason,
        known_at=format_instant(known_at),
        rule_version=after.rule_version,
        mode=after.mode,
        retroactive=False,
        expected_from=UNSET if after.expected_from is None else format_instant(after.expected_from),
        expected_to=UNSET if after.expected_to is None else format_instant(after.expected_to),
    )
