"""Turns changes of conditions into transitions of alarms and records them, in the caller's transaction."""

import logging
from collections.abc import Sequence

from alerts.lifecycle import Refused, apply_change
from alerts.recording import record
from alerts.suppressing import suppressed_state
from model.alarm import SUPPRESSED_STATES, Alarm, ConditionChange
from model.registry import Registry
from store.journal import Place, Transition, load_alarms, lock_journal
from store.pool import Connection
from store.suppressions import suppressions_of

log = logging.getLogger(__name__)


async def record_changes(connection: Connection, changes: Sequence[ConditionChange], registry: Registry) -> int:
    """Bring the alarms up to the changes, and return how many did not fit (which must not happen, and is logged)."""
    await lock_journal(connection)
    known = await load_alarms(connection, {change.alarm for change in changes})
    alarms = {alarm: found[0] for alarm, found in known.items()}
    concerned = {c.sensor for c in changes if c.severity_from == 0 or _is_suppressed(alarms.get(c.alarm))}
    suppressions = await suppressions_of(connection, concerned) if concerned else {}
    transitions: list[Transition] = []
    refused = 0
    for change in changes:
        if change.retroactive and change.alarm in known:
            continue  # an earlier late reading has told it
        found = alarms.get(change.alarm)
        if change.cause == "rule" and found is not None and found.condition == "normal":
            continue  # withdrawn by an earlier try whose answer was lost
        by_design = None if found is None else found.suppressed_by
        state = suppressed_state(
            suppressions.get(change.sensor, ()), change.rule, change.severity, change.known_at, by_design
        )
        try:
            alarm, line = apply_change(found, change, suppressed=state, suppressed_by=by_design)
        except Refused as error:
            # Must not happen, and must not stop the watch over everything else.
            log.error("a change of condition was dropped: %s (%s)", error, change)
            refused += 1
            continue
        alarms[change.alarm] = alarm
        sensor = registry.sensors.get(change.sensor_key)
        place = (
            known[change.alarm][1]
            if change.alarm in known or sensor is None
            else Place(sensor.city, sensor.system, sensor.district)
        )
        transitions.append(Transition(alarm, line, place))
    await record(connection, transitions)
    return refused


def _is_suppressed(alarm: Alarm | None) -> bool:
    return alarm is not None and alarm.state in SUPPRESSED_STATES
