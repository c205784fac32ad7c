"""Turns what the engine found into transitions of alarms and records them, in the caller's transaction."""

import logging
from collections.abc import Sequence

from alerts.lifecycle import Refused
from alerts.recording import record
from alerts.steps import after_step, is_told
from alerts.suppression import Judged, Moved, Step
from model.alarm import SUPPRESSED_STATES, Alarm
from model.registry import Registry
from model.suppression import Suppression
from store.journal import Place, Transition, load_alarms, lock_journal
from store.pool import Connection
from store.suppressions import suppressions_of

log = logging.getLogger(__name__)


async def record_steps(connection: Connection, steps: Sequence[Step], registry: Registry) -> int:
    """Bring the alarms up to the steps, and return how many did not fit (which must not happen, and is logged)."""
    await lock_journal(connection)
    known = await load_alarms(connection, {_alarm_of(step) for step in steps})
    alarms = {alarm: found[0] for alarm, found in known.items()}
    places = {alarm: found[1] for alarm, found in known.items()}
    suppressions = await _suppressions_of(connection, steps, alarms)
    transitions: list[Transition] = []
    refused = 0
    for step in steps:
        name = _alarm_of(step)
        found = alarms.get(name)
        if is_told(step, found, is_known=name in known):
            continue
        try:
            done = after_step(found, step, suppressions.get(_sensor_of(step), ()))
        except Refused as error:
            # Must not happen, and must not stop the watch over everything else.
            log.error("a change of condition was dropped: %s (%s)", error, step)
            refused += 1
            continue
        if done is None:
            continue
        alarm, line = done
        alarms[name] = alarm
        if name not in places:
            assert isinstance(step, Judged)  # what is moved stands already
            sensor = registry.sensors[step.change.sensor_key]
            places[name] = Place(sensor.city, sensor.system, sensor.district)
        transitions.append(Transition(alarm, line, places[name]))
    await record(connection, transitions)
    return refused


async def _suppressions_of(
    connection: Connection, steps: Sequence[Step], alarms: dict[str, Alarm]
) -> dict[str, list[Suppression]]:
    # What is annunciated stays so whatever is in force; so most changes need not ask.
    concerned = set()
    for step in steps:
        found = alarms.get(_alarm_of(step))
        begins_or_moves = isinstance(step, Moved) or step.change.severity_from == 0
        if begins_or_moves or (found is not None and found.state in SUPPRESSED_STATES):
            concerned.add(_sensor_of(step))
    return await suppressions_of(connection, concerned) if concerned else {}


def _alarm_of(step: Step) -> str:
    return step.alarm if isinstance(step, Moved) else step.change.alarm


def _sensor_of(step: Step) -> str:
    return step.sensor if isinstance(step, Moved) else step.change.sensor
