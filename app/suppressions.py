"""What people do to keep alarms quiet, each with its limits, its reason and its end; and how it is ended."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from alerts.lifecycle import note
from alerts.recording import record
from alerts.suppression_keeping import settle
from app.actions import ActionRefused
from model.alarm import Alarm, Details, State
from model.audit import Action
from model.instant import format_instant
from model.severity import Severity
from model.suppression import BEGUN, Purpose, Suppression
from store import audit
from store.journal import Place, Transition, load_alarms, lock_journal
from store.pool import Connection
from store.suppressions import add_suppression, end_suppressions, suppressions_of

RED = Severity.RED.value
SECOND_PERSON_FROM = Severity.ORANGE  # to shelve an alarm of this severity or a higher one


class Wanted(NamedTuple):
    """A suppression that somebody asks for; times are epoch milliseconds. `rule` None: of all rules of the sensor."""

    kind: State
    action: str
    rule: str | None
    severity_max: int
    begins: int
    ends: int | None
    reason: str
    purpose: Purpose | None = None
    permit: str | None = None
    review: int | None = None


def needs_second_person(alarm: Alarm, wanted: Wanted) -> bool:
    """Whether a suppression would hide what only two may decide to hide: a shelf that holds orange or red."""
    return (
        wanted.kind is State.SHELVED
        and alarm.alarm_class == "process"
        and max(wanted.severity_max, alarm.severity) >= SECOND_PERSON_FROM
    )


async def suppress_alarm(
    connection: Connection,
    alarm: Alarm,
    place: Place,
    wanted: Wanted,
    actor: str,
    now: int,
    approved_by: str | None = None,
) -> list[Transition]:
    """Put a suppression into force at `now` (epoch milliseconds); return the transitions, that of the alarm first.

    Raises ActionRefused where one of its kind is in force: none is renewed in silence.
    """
    made = await put_in_force(connection, alarm.sensor, place, wanted, actor, now, approved_by)
    moved = await settle(
        connection, made, time=now, reason=BEGUN[wanted.kind], actor=actor, action=wanted.action,
        comment=wanted.reason,
    )  # fmt: skip
    return _with_details(_alarm_first(alarm, place, moved, wanted, actor, now), made)


async def put_in_force(
    connection: Connection, sensor: str, place: Place, wanted: Wanted, actor: str, now: int, approved_by: str | None
) -> Suppression:
    """Keep a suppression of the sensor. Raises ActionRefused where one of its kind is in force or planned then."""
    for one in (await suppressions_of(connection, [sensor])).get(sensor, ()):
        same = one.kind is wanted.kind and (one.rule is None or wanted.rule is None or one.rule == wanted.rule)
        if (
            same
            and (one.ends is None or wanted.begins < one.ends)
            and (wanted.ends is None or one.begins < wanted.ends)
        ):
            until = "until somebody returns it" if one.ends is None else f"until {format_instant(one.ends)}"
            raise ActionRefused(
                f"{one.actor} has it {one.kind.replace('_', ' ')} {until}",
                "nothing is prolonged in silence: end what is in force, then ask anew",
            )
    made = Suppression(
        suppression=0, kind=wanted.kind, city=place.city, sensor=sensor, rule=wanted.rule,
        severity_max=wanted.severity_max, purpose=wanted.purpose, reason=wanted.reason, permit=wanted.permit,
        actor=actor, approved_by=approved_by, begins=wanted.begins, ends=wanted.ends, review=wanted.review,
    )  # fmt: skip
    return await add_suppression(connection, made, place, now)


async def release_alarm(
    connection: Connection,
    alarm: Alarm,
    place: Place,
    kinds: Sequence[State],
    action: str,
    actor: str,
    now: int,
    comment: str | None,
) -> list[Transition]:
    """End what of these kinds is in force at the alarm, at `now`; return the transitions, that of the alarm first.

    Raises ActionRefused where nothing is.
    """
    found = [
        one
        for one in (await suppressions_of(connection, [alarm.sensor])).get(alarm.sensor, ())
        if one.kind in kinds and one.rule in (None, alarm.rule)
    ]
    if not found:
        raise ActionRefused(
            f"nobody has it {' or '.join(kind.replace('_', ' ') for kind in kinds)}", "nothing needs to be done"
        )
    await end_suppressions(connection, [one.suppression for one in found], now, actor)
    for one in found:
        await _record_end(connection, one, actor, comment)
    widest = next((one for one in found if one.rule is None), found[0])
    reason = "unshelved" if State.SHELVED in kinds else "returned_to_service"
    moved = await settle(connection, widest, time=now, reason=reason, actor=actor, action=action, comment=comment)
    if all(one.alarm.alarm != alarm.alarm for one in moved):
        current = (await load_alarms(connection, [alarm.alarm]))[alarm.alarm][0]
        line = note(current, actor=actor, action=action, time=now, reason=reason, comment=comment)
        moved.insert(0, Transition(*line, place))
    return sorted(moved, key=lambda one: one.alarm.alarm != alarm.alarm)


async def suppress_sensor(
    connection: Connection, sensor: str, place: Place, wanted: Wanted, actor: str, now: int
) -> Suppression:
    """Put a suppression of a sensor into force, or plan it where it begins later. Raises ActionRefused."""
    async with connection.transaction():
        await lock_journal(connection)
        made = await put_in_force(connection, sensor, place, wanted, actor, now, None)
        if made.begins <= now:
            moved = await settle(
                connection, made, time=now, reason=BEGUN[wanted.kind], actor=actor, action=wanted.action,
                comment=wanted.reason,
            )  # fmt: skip
            await record(connection, _with_details(moved, made))
        return made


async def end_suppression(connection: Connection, one: Suppression, actor: str, now: int, comment: str | None) -> None:
    """End a suppression at `now`, and annunciate what it kept quiet. Raises ActionRefused where it has ended."""
    async with connection.transaction():
        await lock_journal(connection)
        in_force = (await suppressions_of(connection, [one.sensor])).get(one.sensor, [])
        if all(other.suppression != one.suppression for other in in_force):
            raise ActionRefused("it has ended already", "nothing needs to be done")
        await end_suppressions(connection, [one.suppression], now, actor)
        await _record_end(connection, one, actor, comment)
        shelf = one.kind is State.SHELVED
        await record(
            connection,
            await settle(
                connection, one, time=now, reason="unshelved" if shelf else "returned_to_service", actor=actor,
                action="unshelve" if shelf else "return-to-service", comment=comment,
            ),
        )  # fmt: skip


async def _record_end(connection: Connection, one: Suppression, actor: str, comment: str | None) -> None:
    """What stands in no alarm's journal: the end of what is of a whole sensor, and that it was another person's."""
    shelf = one.kind is State.SHELVED
    if shelf and one.actor == actor:
        return
    await audit.record(
        connection, actor=actor, action=Action.UNSHELVED_FOR_ANOTHER if shelf else Action.SUPPRESSION_ENDED,
        subject=one.sensor, city=one.city,
        details={"suppression": one.suppression, "kind": one.kind.value, "made_by": one.actor, "comment": comment},
    )  # fmt: skip


def _alarm_first(
    alarm: Alarm, place: Place, moved: list[Transition], wanted: Wanted, actor: str, now: int
) -> list[Transition]:
    # What stands for no active condition is not moved; that it was asked for is journalled all the same.
    if all(one.alarm.alarm != alarm.alarm for one in moved):
        line = note(
            alarm, actor=actor, action=wanted.action, time=now, reason=BEGUN[wanted.kind], comment=wanted.reason,
            until=wanted.ends,
        )  # fmt: skip
        moved.insert(0, Transition(*line, place))
    return sorted(moved, key=lambda one: one.alarm.alarm != alarm.alarm)


def _with_details(moved: list[Transition], made: Suppression) -> list[Transition]:
    details: Details = {"suppression": made.suppression}
    for name in ("purpose", "permit", "approved_by"):
        if (value := getattr(made, name)) is not None:
            details[name] = value
    if made.review is not None:
        details["review_at"] = format_instant(made.review)
    return [Transition(one.alarm, msgspec.structs.replace(one.line, details=details), one.place) for one in moved]
