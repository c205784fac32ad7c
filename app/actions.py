"""What people do to alarms: each action one transaction under the journal's lock, safe to send twice and late."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from alerts.lifecycle import Refused
from alerts.recording import record
from app.access import Principal
from model.alarm import SUPPRESSED_STATES, Alarm, State, encode_line
from model.instant import to_datetime
from model.severity import severity_of
from store.alarms import EarlierAction, alarm_lines, find_action, record_action
from store.journal import Place, Transition, load_alarms, lock_journal
from store.pool import Connection

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
    action: str | None = None

    @property
    def escalates(self) -> bool:
        """Whether the line raised the severity, took an acknowledgement back, or ended a suppression."""
        risen = severity_of(self.severity) > severity_of(self.severity_from)
        return risen or (self.to is State.UNACKNOWLEDGED and self.from_ is not State.UNACKNOWLEDGED)


class AlarmUnknown(Exception):
    """There is no such alarm within the actor's areas."""


class KeyReused(Exception):
    """The idempotency key was used for another action."""

    def __init__(self) -> None:
        super().__init__("this idempotency key was used for another action")


class InvalidField(ValueError):
    """A field of a request that does not fit what it is about; `field` names it, `remedy` says what to do."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.field = field
        self.remedy = remedy


class ActionRefused(Exception):
    """The alarm's present state does not allow the action; says who did what to it last and when, if someone did."""

    def __init__(self, detail: str, remedy: str, last: SeenLine | None = None) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.last = last


class Asked(NamedTuple):
    """A request to act on an alarm as it was at `seen_sequence`.

    `competing` are actions that rule this one out where somebody did them after what the actor saw; an escalation
    does too, unless `minds_escalation` is False.
    """

    alarm: str
    action: str
    seen_sequence: int
    idempotency_key: str
    competing: frozenset[str] = frozenset()
    minds_escalation: bool = True


class Answer(NamedTuple):
    """What is answered: an HTTP status, and the journal line or the request for a second person as JSON."""

    status: int
    text: str


Do = Callable[[Connection, Alarm, Place], Awaitable[Sequence[Transition] | Answer]]


async def perform(connection: Connection, asked: Asked, actor: Principal, now: int, do: Do) -> Answer:
    """Act on an alarm at `now` (epoch milliseconds); the same request again gets the same answer.

    `do` gives the transitions, that of the alarm first, or, where nothing happens yet, the answer; it may raise Refused
    or ActionRefused. Raises AlarmUnknown, KeyReused and ActionRefused; then nothing has changed.
    """
    async with connection.transaction():
        await lock_journal(connection)
        found = (await load_alarms(connection, [asked.alarm])).get(asked.alarm)
        if found is None or not actor.sees(found[1].city, found[1].district):
            raise AlarmUnknown
        alarm, place = found
        earlier = await find_repeated(connection, asked.idempotency_key, asked.alarm, asked.action, actor)
        if earlier is not None:
            return Answer(earlier.status, earlier.line)
        await _check_seen(connection, alarm, asked, actor)
        try:
            done = await do(connection, alarm, place)
        except Refused:
            raise await _refusal(connection, alarm, asked.action, actor) from None
        if isinstance(done, Answer):
            answer = done
        else:
            await record(connection, done)
            answer = Answer(200, encode_line(done[0].line))
        action = EarlierAction(alarm.alarm, asked.action, actor.label, answer.text, answer.status)
        await record_action(connection, asked.idempotency_key, action, to_datetime(now))
        return answer


async def find_repeated(
    connection: Connection, idempotency_key: str, subject: str, action: str, actor: Principal
) -> EarlierAction | None:
    """Return what was done under the key, None where nothing was. Raises KeyReused where it was something else."""
    earlier = await find_action(connection, idempotency_key)
    if earlier is not None and (earlier.alarm, earlier.action, earlier.actor) != (subject, action, actor.label):
        raise KeyReused
    return earlier


async def _check_seen(connection: Connection, alarm: Alarm, asked: Asked, actor: Principal) -> None:
    if asked.seen_sequence > alarm.sequence:
        raise ActionRefused(
            f"seen_sequence is {asked.seen_sequence}, but the alarm's newest line is {alarm.sequence}",
            "read the alarm again and send the sequence that you saw",
        )
    later = await lines_of(connection, alarm, actor, asked.seen_sequence)
    escalations = [line for line in later if line.escalates]
    if escalations and asked.minds_escalation:
        last = escalations[-1]
        raise ActionRefused(
            f"the alarm rose to {last.severity or 'active'} at {last.time}, after what you saw",
            f"look at the alarm as it stands now, then {asked.action} with its present sequence",
            last,
        )
    rivals = [line for line in later if line.action in asked.competing]
    if rivals:
        last = rivals[-1]
        raise ActionRefused(
            f"{last.action} by {last.actor} at {last.time} came after what you saw",
            f"look at the alarm as it stands now, then {asked.action} with its present sequence if it is still wanted",
            last,
        )


async def _refusal(connection: Connection, alarm: Alarm, action: str, actor: Principal) -> ActionRefused:
    acts = [line for line in await lines_of(connection, alarm, actor) if line.actor is not None]
    state = alarm.state.replace("_", " ")
    last = acts[-1] if acts else None
    done = "" if last is None else f"; last: {last.action or 'acknowledge'} by {last.actor} at {last.time}"
    remedy = "nothing needs to be done"
    if alarm.state in SUPPRESSED_STATES:
        remedy = "unshelve it or return it to service first"
    return ActionRefused(f"the alarm is {state}: {action} is not possible{done}", remedy, last)


async def lines_of(connection: Connection, alarm: Alarm, actor: Principal, after: int = 0) -> list[SeenLine]:
    """Return the lines of an alarm after a sequence, in order."""
    texts = await alarm_lines(connection, alarm.alarm, actor.areas, LINES_MAX, after)
    return [msgspec.json.decode(text, type=SeenLine) for text in texts]
