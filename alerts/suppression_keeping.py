"""Brings alarms into the state that suppressions call for, in the caller's transaction under the journal's lock."""

from alerts.lifecycle import suppress_or_release
from alerts.recording import record
from alerts.steps import suppressed_state
from model.alarm import Alarm, State
from model.severity import Severity
from model.suppression import BEGUN, ENDED, Suppression
from store.journal import Transition, load_standing
from store.pool import Connection
from store.suppressions import due_suppressions, end_suppressions, suppressions_of


async def settle(
    connection: Connection,
    moved: Suppression,
    *,
    time: int,
    reason: str,
    cause: str = "operator",
    actor: str | None = None,
    action: str | None = None,
    comment: str | None = None,
    seen: bool = True,
) -> list[Transition]:
    """Return the transitions of alarms that a suppression's begin or end at `time` (epoch milliseconds) brings about.

    The suppressions in the database are those after it. Where nobody has `seen` what stands, because it begins by
    itself, what is orange or red and not acknowledged stays annunciated.
    """
    standing = await load_standing(connection, [moved.sensor])
    in_force = (await suppressions_of(connection, [moved.sensor])).get(moved.sensor, [])
    found = []
    for alarm, place in standing.values():
        if moved.rule not in (None, alarm.rule) or not (seen or _may_vanish(alarm)):
            continue
        state = suppressed_state(in_force, alarm.rule, alarm.severity, time, alarm.suppressed_by)
        ends = max((one.ends or 0 for one in in_force if one.kind is state), default=0) or None
        changed = suppress_or_release(
            alarm, state, time=time, reason=reason, cause=cause, suppressed_by=alarm.suppressed_by,
            actor=actor, action=action, comment=comment, until=ends,
        )  # fmt: skip
        if changed is not None:
            found.append(Transition(*changed, place))
    return found


def _may_vanish(alarm: Alarm) -> bool:
    return alarm.state is not State.UNACKNOWLEDGED or alarm.alarm_class != "process" or alarm.severity < Severity.ORANGE


async def settle_due(connection: Connection, clock: int) -> None:
    """Begin and end what is due up to `clock` (epoch milliseconds), each at its own time, and record what follows."""
    begun, ended = await due_suppressions(connection, clock)
    for one in begun:
        moved = await settle(
            connection, one, time=one.begins, reason=BEGUN[one.kind], cause="deadline", actor=one.actor, seen=False
        )
        await record(connection, moved)
    for one in ended:
        assert one.ends is not None  # else it would not be due
        await end_suppressions(connection, [one.suppression], one.ends, None)
        await record(connection, await settle(connection, one, time=one.ends, reason=ENDED[one.kind], cause="deadline"))
