"""What people do to alarms: each action one transaction under the journal's lock, safe to send twice and late."""

from typing import NamedTuple

import msgspec

from alerts.lifecycle import Refused, acknowledge
from app.access import Principal
from model.alarm import Alarm, State, encode_line
from model.instant import to_datetime
from model.severity import LABELS
from store.alarms import EarlierAction, alarm_lines, find_action, record_action
from store.journal import Transition, append_transitions, load_alarms, lock_journal
from store.pool import Connection

ACKNOWLEDGE = "acknowledge"
LINES_MAX = 100_000  # of one occurrence after the sequence that the actor saw


class SeenLine(msgspec.Struct, rename={"from_": "from"}):
    """What of a journal line tells whether it needs a person's eyes, and who acted."""

    sequence: int
    time: str
    from_: State
    to: State
    severity: str | None
    severity_from: str | None
    actor: str | None = None

    @property
    def escalates(self) -> bool:
        """Whether the line raised the severity or took an acknowledgement back."""
        risen = _rank(self.severity) > _rank(self.severity_from)
        return risen or (self.to is State.UNACKNOWLEDGED and self.from_ is not State.UNACKNOWLEDGED)


class AlarmUnknown(Exception):
    """There is no such alarm within the actor's areas."""


class KeyReused(Exception):
    """The idempotency key was used for another action; the text says for which."""


class ActionRefused(Exception):
    """The alarm's present state does not allow the action; says who acknowledged it and when, if someone did."""

    def __init__(self, detail: str, remedy: str, by: str | None = None, at: str | None = None) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.acknowledged_by = by
        self.acknowledged_at = at


class Acknowledgement(NamedTuple):
    """A request to acknowledge an alarm as it was at `seen_sequence`."""

    alarm: str
    seen_sequence: int
    idempotency_key: str
    comment: str | None


async def acknowledge_alarm(connection: Connection, asked: Acknowledgement, actor: Principal, now: int) -> str:
    """Acknowledge at `now` (epoch milliseconds) and return the journal line; the same request again returns it again.

    Raises AlarmUnknown, KeyReused and ActionRefused; then nothing has changed.
    """
    async with connection.transaction():
        await lock_journal(connection)
        found = (await load_alarms(connection, [asked.alarm])).get(asked.alarm)
        if found is None or not actor.sees(found[1].city):
            raise AlarmUnknown
        alarm, place = found
        earlier = await find_action(connection, asked.idempotency_key)
        if earlier is not None:
            return _repeated(earlier, asked, actor)
        await _check_seen(connection, alarm, asked.seen_sequence, actor)
        try:
            after, line = acknowledge(alarm, actor=actor.label, time=now, comment=asked.comment)
        except Refused:
            raise await _refusal(connection, alarm, actor) from None
        await append_transitions(connection, [Transition(after, line, place)])
        text = encode_line(line)
        action = EarlierAction(alarm.alarm, ACKNOWLEDGE, actor.label, text)
        await record_action(connection, asked.idempotency_key, action, to_datetime(now))
        return text


def _repeated(earlier: EarlierAction, asked: Acknowledgement, actor: Principal) -> str:
    if (earlier.alarm, earlier.action, earlier.actor) != (asked.alarm, ACKNOWLEDGE, actor.label):
        raise KeyReused("this idempotency key was used for another action")
    return earlier.line


async def _check_seen(connection: Connection, alarm: Alarm, seen_sequence: int, actor: Principal) -> None:
    if seen_sequence > alarm.sequence:
        raise ActionRefused(
            f"seen_sequence is {seen_sequence}, but the alarm's newest line is {alarm.sequence}",
            "read the alarm again and send the sequence that you saw",
        )
    later = await _lines(connection, alarm, actor, seen_sequence)
    escalations = [line for line in later if line.escalates]
    if escalations:
        last = escalations[-1]
        raise ActionRefused(
            f"the alarm rose to {last.severity or 'active'} at {last.time}, after what you saw",
            "look at the alarm as it stands now, then acknowledge with its present sequence",
        )


async def _refusal(connection: Connection, alarm: Alarm, actor: Principal) -> ActionRefused:
    acts = [line for line in await _lines(connection, alarm, actor, 0) if line.actor is not None]
    state = alarm.state.replace("_", " ")
    if not acts:
        return ActionRefused(f"the alarm is {state}; there is nothing to acknowledge", "nothing needs to be done")
    last = acts[-1]
    return ActionRefused(
        f"the alarm is {state}: {last.actor} acknowledged it at {last.time}",
        "nothing needs to be done",
        last.actor,
        last.time,
    )


async def _lines(connection: Connection, alarm: Alarm, actor: Principal, after: int) -> list[SeenLine]:
    texts = await alarm_lines(connection, alarm.alarm, actor.areas, LINES_MAX, after)
    return [msgspec.json.decode(text, type=SeenLine) for text in texts]


def _rank(severity: str | None) -> int:
    return 0 if severity is None else LABELS.index(severity) + 1
