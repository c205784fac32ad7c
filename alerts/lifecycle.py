"""The alarm life cycle: one transition table, pure, after the state diagram of ISA-18.2 / IEC 62682."""

from enum import StrEnum

import msgspec
from msgspec import UNSET

from model.alarm import Alarm, ConditionChange, JournalLine, State, severity_label
from model.instant import format_instant


class Event(StrEnum):
    """What can happen to an occurrence."""

    RAISE = "raise"
    RISE = "rise"
    FALL = "fall"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"


# A rise un-acknowledges, a fall does not. What is not in the table is refused.
TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.NORMAL, Event.RAISE): State.UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.RISE): State.UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.FALL): State.UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.RETURN): State.RETURNED_UNACKNOWLEDGED,
    (State.UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.RISE): State.UNACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.FALL): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.RETURN): State.NORMAL,
    (State.RETURNED_UNACKNOWLEDGED, Event.ACKNOWLEDGE): State.NORMAL,
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


def apply_change(alarm: Alarm | None, change: ConditionChange) -> tuple[Alarm, JournalLine]:
    """Return the occurrence after a change of its condition, and the journal line of it.

    `alarm` is the occurrence as it stands, None for a new one. Raises Refused where the two do not fit together.
    """
    event = _event_of(change)
    state = State.NORMAL if alarm is None else alarm.state
    following = next_state(change.alarm, state, event)
    after = Alarm(
        alarm=change.alarm,
        rule=change.rule,
        kind=change.kind,
        rule_version=change.rule_version,
        alarm_class=change.alarm_class,
        # A returned alarm keeps the priority with which it was annunciated.
        priority=alarm.priority if alarm is not None and event is Event.RETURN else change.priority,
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
    )
    line = _line(after, state, change.severity_from, change.time, change.known_at, change.reason)
    if change.retroactive:
        line = msgspec.structs.replace(line, retroactive=True)
    if change.cause != "reading":
        line = msgspec.structs.replace(line, cause=change.cause)
    return after, line


def acknowledge(
    alarm: Alarm, *, actor: str, time: int, comment: str | None = None, cause: str = "operator"
) -> tuple[Alarm, JournalLine]:
    """Return the occurrence after its acknowledgement at `time` (epoch milliseconds), and the line. Raises Refused."""
    following = next_state(alarm.alarm, alarm.state, Event.ACKNOWLEDGE)
    after = msgspec.structs.replace(alarm, state=following, sequence=alarm.sequence + 1, changed=time)
    line = _line(after, alarm.state, alarm.severity, time, time, "acknowledged")
    return after, msgspec.structs.replace(line, cause=cause, actor=actor, comment=UNSET if comment is None else comment)


def _event_of(change: ConditionChange) -> Event:
    if change.severity_from == 0:
        return Event.RAISE
    if change.severity == 0:
        return Event.RETURN
    return Event.RISE if change.severity > change.severity_from else Event.FALL


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
