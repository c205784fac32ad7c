"""Cities of exercises between two plays: sensors put to rest and taken from the rules, and the alarms left over."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import msgspec

from model.alarm import LATCHED_STATES, Alarm, State
from model.sensor import UNWATCHED, Sensor
from store.journal import Place, load_alarms
from store.pool import Connection, Pool
from store.sensors import import_sensors, load_cities

BY_EXCEPTION = "by_exception"
LOOK_S = 0.2
WITHDRAWN_S_MAX = 30.0  # until the evaluator has bound its rules anew
log = logging.getLogger(__name__)


async def rest_sensors(pool: Pool, cities: Sequence[str]) -> int:
    """Let the silence of the sensors of these cities say nothing; those that are no exercises are left alone.

    An alarm for silence that stands there is withdrawn. Return how many sensors changed.
    """
    return await _change(pool, cities, _resting)


async def clear_cities(pool: Pool, cities: Sequence[str], wait_s_max: float = WITHDRAWN_S_MAX) -> bool:
    """Let the evaluator withdraw the alarms that stand in cities for exercises; return whether it did in time.

    No rule watches their sensors from then on, until they are registered anew.
    """
    if not await _standing(pool, cities):
        return True
    await _change(pool, cities, _unwatched)
    deadline = time.monotonic() + wait_s_max
    while await _standing(pool, cities):
        if time.monotonic() > deadline:
            log.warning("alarms of an earlier exercise still stand in %s: is the evaluator running?", ", ".join(cities))
            return False
        await asyncio.sleep(LOOK_S)
    return True


async def load_left(connection: Connection, cities: Sequence[str], alarms_max: int) -> dict[str, tuple[Alarm, Place]]:
    """Return alarms of these cities of exercises that have returned and wait for a person, the first ones first."""
    rows = await connection.fetch(
        "select alarm from alarm where state = any($1::text[]) and condition = 'normal' and mode = 'exercise'"
        " and city = any($2::text[]) order by raised_at, alarm limit $3",
        [State.RETURNED_UNACKNOWLEDGED, *LATCHED_STATES], list(cities), alarms_max,
    )  # fmt: skip
    return await load_alarms(connection, [row["alarm"] for row in rows])


def _resting(sensor: Sensor) -> Sensor:
    return msgspec.structs.replace(sensor, reporting=BY_EXCEPTION, silence_s_max=None)


def _unwatched(sensor: Sensor) -> Sensor:
    return msgspec.structs.replace(sensor, attributes=sensor.attributes | {UNWATCHED: "between exercises"})


async def _standing(pool: Pool, cities: Sequence[str]) -> int:
    statement = (
        "select count(*) from alarm where condition <> 'normal' and mode = 'exercise' and city = any($1::text[])"
        " and exists (select from sensor s where s.sensor = alarm.sensor)"
    )
    return int(await pool.fetchval(statement, list(cities)))


async def _change(pool: Pool, cities: Sequence[str], changed: Callable[[Sensor], Sensor]) -> int:
    async with pool.acquire() as connection:
        known = await load_cities(connection)
        named = [city for city in cities if city in known and known[city].mode == "exercise"]
        rows = await connection.fetch("select definition from sensor where city = any($1::text[])", named)
    sensors = [changed(msgspec.json.decode(row["definition"], type=Sensor)) for row in rows]
    return await import_sensors(pool, sensors, [known[city] for city in named]) if sensors else 0
