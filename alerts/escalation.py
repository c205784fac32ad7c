"""Escalates, step by step, what people have not done about alarms in time; on the log's clock, so that a replay gives
the same."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from alerts.awaiting import deadlines_of
from alerts.lifecycle import note
from alerts.outbox import enqueue_escalations
from alerts.recording import record
from alerts.routing import Escalation
from model.alarm import SUPPRESSED_STATES, Alarm, Details, JournalLine
from model.escalation import ASSIGNEE, DUTIES, NOT_IN_TIME
from model.instant import MINUTE_MS, format_instant
from model.roster import people
from store.handling import Deadline, DueDeadline, due_deadlines, remove_deadlines, write_deadlines
from store.journal import Place, Transition
from store.pool import Connection
from store.rosters import CityRosters, rosters_of


async def escalate_due(connection: Connection, clock: int) -> None:
    """Take every step that is due up to `clock` (epoch milliseconds), each at its own time, those of an alarm in order.

    The caller's transaction holds the journal's lock.
    """
    while rows := await due_deadlines(connection, clock):
        cities = await rosters_of(connection, {row.place.city for row in rows})
        steps = [_step(row, cities) for row in rows]
        await record(connection, [step.transition for step in steps if step.transition is not None])
        going_on = [step.following for step in steps if step.following is not None]
        done = [(row.deadline.alarm, row.deadline.awaited)
                for row, step in zip(rows, steps, strict=True) if step.following is None]  # fmt: skip
        if done:
            await remove_deadlines(connection, done)
        if going_on:
            await write_deadlines(connection, going_on)
        told = [step.escalation for step in steps if step.escalation is not None]
        await enqueue_escalations(connection, told)


class _Step(NamedTuple):
    """A step of an escalation: its line, what is told of it, and what the deadline waits for next."""

    transition: Transition | None = None
    escalation: Escalation | None = None
    following: Deadline | None = None


def _step(row: DueDeadline, cities: dict[str, CityRosters]) -> _Step:
    """Return the next step of a deadline; none where the city's deadlines have no such step any more."""
    deadline, alarm, place = row
    deadlines = deadlines_of(cities.get(place.city), alarm, place)
    if deadlines is None or deadline.steps_taken >= len(deadlines.steps) or alarm.state in SUPPRESSED_STATES:
        return _Step()
    number = deadline.steps_taken + 1
    to = _told(deadlines.steps[number - 1].to, alarm, place, cities[place.city], deadline.due)
    after, line = _line(alarm, deadline, number, to)
    following = None
    if number < len(deadlines.steps):
        # By the file in force now; another one may have come between two steps.
        due = deadline.deadline + round(deadlines.steps[number].after_min * MINUTE_MS)
        following = deadline._replace(steps_taken=number, due=max(due, deadline.due + 1))
    name = f"{NOT_IN_TIME[deadline.awaited]}_{number}"
    told = Escalation(after, place, name, to, deadline.since, deadline.due)
    return _Step(Transition(after, line, place), told, following)


def _line(alarm: Alarm, deadline: Deadline, number: int, to: Sequence[str]) -> tuple[Alarm, JournalLine]:
    details: Details = {
        "awaited": deadline.awaited.value,
        "deadline": format_instant(deadline.deadline),
        "step": number,
        "to": ", ".join(to),
    }
    after, line = note(
        alarm, actor=None, action="", time=deadline.due, reason=f"{NOT_IN_TIME[deadline.awaited]}_in_time",
        cause="deadline", details=details,
    )  # fmt: skip
    return after, msgspec.structs.replace(line, action=UNSET)


def _told(names: Sequence[str], alarm: Alarm, place: Place, city: CityRosters, at: int) -> list[str]:
    """Return the teams and people that the words of a step mean at a time."""
    duty = city.on_duty(place.district, place.system, at)
    found: list[str] = []
    for name in names:
        if name == ASSIGNEE:
            holder = None if alarm.handling is None else alarm.handling.assigned_to
            found += [] if holder is None else [holder, *city.file.members_of(holder)]
        else:
            found += people(duty, [name]) or ([] if name in DUTIES else [name, *city.file.members_of(name)])
    return list(dict.fromkeys(found))
