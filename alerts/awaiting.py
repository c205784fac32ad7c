"""Keeps until when what people have to do about alarms is awaited, by the deadlines of each city."""

from collections.abc import Sequence

from alerts.handling import awaited_after
from model.alarm import Alarm
from model.escalation import Deadlines, deadlines_for
from model.instant import MINUTE_MS
from store.handling import Deadline, remove_deadlines, write_deadlines
from store.journal import Place, Transition
from store.pool import Connection
from store.rosters import CityRosters, rosters_of


async def await_next(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Begin to wait, by the deadlines of each city, for what transitions call for, and no longer for what has come.

    The deadlines go by the highest severity that the occurrence reached, so that none becomes later when it falls.
    """
    found = {}
    for transition in transitions:
        for awaited, expected in awaited_after(transition.alarm, transition.line).items():
            found[transition.alarm.alarm, awaited] = transition, expected
    if not found:
        return
    cities = await rosters_of(connection, {transition.place.city for transition, _ in found.values()})
    begun, ended = [], []
    for (alarm, awaited), (transition, expected) in found.items():
        deadlines = deadlines_of(cities.get(transition.place.city), transition.alarm, transition.place)
        if expected is None or deadlines is None:
            ended.append((alarm, awaited))
            continue
        due = expected.due
        if due is None and awaited in deadlines.allowed_ms:
            due = expected.since + deadlines.allowed_ms[awaited]
        if due is None:
            ended.append((alarm, awaited))
        else:
            first = due + round(deadlines.steps[0].after_min * MINUTE_MS)
            begun.append(Deadline(alarm, awaited, expected.since, due, 0, first))
    if ended:
        await remove_deadlines(connection, ended)
    if begun:
        await write_deadlines(connection, begun)


def deadlines_of(city: CityRosters | None, alarm: Alarm, place: Place) -> Deadlines | None:
    """Return the deadlines of a city that hold for an alarm of it, None where there are none."""
    severity = alarm.peak_severity if alarm.alarm_class == "process" else 0
    return None if city is None else deadlines_for(city.deadlines, place.system, severity)
