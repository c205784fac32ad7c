"""A city whose status does not come: a system alarm of our own, through the life cycle and the journal as any other."""

import logging
from collections.abc import Collection

from alerts.lifecycle import Refused, apply_change
from alerts.recording import record
from app.northbound.incoming import read_status
from app.northbound.outgoing import CITY_SILENT
from model.alarm import Alarm, ConditionChange
from model.instant import to_datetime
from store.journal import Place, Transition, load_alarms, lock_journal
from store.pool import Connection
from store.province import SilentCity, note_silence, returned_cities, silent_cities

log = logging.getLogger(__name__)
NO_SENSOR = -1


async def raise_silent(connection: Connection, now: int, silence_ms: int) -> int:
    """Raise an alarm for each city whose status has not come for longer; return for how many.

    Times are epoch milliseconds. The caller has a transaction and has itself listened for so long.
    """
    cities = await silent_cities(connection, to_datetime(now - silence_ms))
    if not cities:
        return 0
    await lock_journal(connection)
    transitions = []
    for city in cities:
        transition = _transition(city, None, now, now, silence_ms)
        transitions.append(transition)
        await note_silence(connection, city.city, city.heard_at, transition.alarm.alarm)
    await record(connection, transitions)
    return len(cities)


async def return_heard(connection: Connection, heard: Collection[str], now: int) -> int:
    """Let the alarms of cities return that are heard again; return of how many. The caller has a transaction."""
    cities = await returned_cities(connection, heard)
    if not cities:
        return 0
    await lock_journal(connection)
    known = await load_alarms(connection, [city.alarm for city in cities if city.alarm is not None])
    transitions = []
    for city in cities:
        await note_silence(connection, city.city, None, None)
        found = None if city.alarm is None else known.get(city.alarm)
        if found is None:
            continue
        try:
            transitions.append(_transition(city, found[0], found[0].raised, now, 0))
        except Refused as error:
            log.error("the return of a silent city was dropped: %s", error)
    await record(connection, transitions)
    return len(cities)


def _transition(city: SilentCity, alarm: Alarm | None, raised: int, now: int, silence_ms: int) -> Transition:
    silent = alarm is None
    said = None if city.status is None else read_status(city.status).mode  # as its alarms say too
    mode = said or city.mode or "operational"
    change = ConditionChange(
        rule=CITY_SILENT,
        kind="city_silence",
        rule_version="",
        alarm_class="system",
        priority="high",
        sensor=city.city,
        sensor_key=NO_SENSOR,
        mode=mode if alarm is None else alarm.mode,
        time=now,
        raised=raised,
        known_at=now,
        severity_from=0 if silent else 1,
        severity=1 if silent else 0,
        value=None,
        limit=silence_ms / 1000 if alarm is None else alarm.limit,
        cause="silence",
        reason="city_silent" if silent else "city_heard",
    )
    after, line = apply_change(alarm, change)
    return Transition(after, line, Place(city.city, "", ""))
