"""How the cities stand: sensors, alarms, and how far ingest and evaluation have come."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from model.sensor import City
from store.conditions import Conditions
from store.pool import Connection, Pool
from store.sensors import CITY_COLUMNS


class Progress(NamedTuple):
    """The newest batch of the log and the last evaluated one, with the log's clock at each; None before the first."""

    newest_batch: int
    newest_clock: datetime | None
    evaluated_batch: int
    evaluated_clock: datetime | None


class SensorCounts(NamedTuple):
    """Sensors of one district and system: all, never heard, silent, and with bad readings."""

    city: str
    district: str
    system: str
    sensors: int
    never_heard: int
    silent: int
    bad: int


class AlarmCounts(NamedTuple):
    """Alarms that are not normal, of one mode, district, system, class, severity (integer) and state.

    `mode` is what the city had when the alarm last changed, which may be another than it has now.
    """

    city: str
    mode: str
    district: str
    system: str
    alarm_class: str
    severity: int
    state: str
    alarms: int


async def read_progress(connection: Connection | Pool) -> Progress:
    """Return how far ingest and evaluation have come."""
    row = await connection.fetchrow(
        "select coalesce(b.sequence, 0), b.arrived_at, c.batch, c.clock from evaluation_cursor c left join"
        " (select sequence, arrived_at from batch order by sequence desc limit 1) as b on true"
    )
    return Progress(*row)


async def read_cities(connection: Connection | Pool, areas: Sequence[str]) -> list[City]:
    """Return the cities within the areas, by id."""
    conditions = Conditions()
    conditions.within("city", areas)
    rows = await connection.fetch(
        f"select {CITY_COLUMNS} from city where {conditions} order by city", *conditions.values
    )
    return [City(**row) for row in rows]


async def mode_of(connection: Connection | Pool, city: str) -> str | None:
    """Return the mode of a city, None where it is not registered."""
    found: str | None = await connection.fetchval("select mode from city where city = $1", city)
    return found


async def sensor_keys(connection: Connection | Pool) -> list[int]:
    """Return the registry keys of all sensors."""
    return [row["sensor_key"] for row in await connection.fetch("select sensor_key from sensor")]


async def count_registered(connection: Connection | Pool, areas: Sequence[str]) -> list[tuple[str, str, str, int]]:
    """Return how many sensors are registered, by city, district and system in that order: (…, …, …, sensors)."""
    conditions = Conditions()
    conditions.within("s.city", areas, "s.district")
    rows = await connection.fetch(
        f"select city, district, system, count(*) from sensor s where {conditions} group by 1, 2, 3 order by 1, 2, 3",
        *conditions.values,
    )
    return [tuple(row) for row in rows]


async def count_sensors(
    connection: Connection | Pool,
    areas: Sequence[str],
    never_heard: Sequence[int],
    registered: Sequence[tuple[str, str, str, int]],
) -> list[SensorCounts]:
    """Return the counts by city, district and system.

    `never_heard` names the registry keys without a reading, `registered` is what `count_registered` gave. Only the
    sensors in doubt, which are few, are looked up.
    """
    conditions = Conditions()
    conditions.within("s.city", areas, "s.district")
    never = conditions.bind(list(never_heard))
    rows = await connection.fetch(
        "with doubt as (select sensor, bool_or(kind = 'stale') as silent, bool_or(kind = 'range') as bad from alarm"
        " where condition <> 'normal' and class = 'instrument' and kind in ('stale', 'range') group by sensor),"
        f" never as (select unnest({never}::int[]) as sensor_key),"
        " doubtful as (select sensor_key, true as never, false as silent, false as bad from never union all"
        " select s.sensor_key, false, d.silent, d.bad from doubt d join sensor s using (sensor)"
        " where not exists (select from never n where n.sensor_key = s.sensor_key))"
        " select s.city, s.district, s.system, count(*) filter (where d.never), count(*) filter (where d.silent),"
        " count(*) filter (where d.bad) from doubtful d join sensor s using (sensor_key)"
        f" where {conditions} group by 1, 2, 3",
        *conditions.values,
    )
    doubted = {(row[0], row[1], row[2]): (row[3], row[4], row[5]) for row in rows}
    return [
        SensorCounts(city, district, system, sensors, *doubted.get((city, district, system), (0, 0, 0)))
        for city, district, system, sensors in registered
    ]


async def count_alarms(connection: Connection | Pool, areas: Sequence[str]) -> list[AlarmCounts]:
    """Return how many alarms are not normal, by city, mode, district, system, class, severity and state."""
    conditions = Conditions()
    conditions.within("a.city", areas, "a.district")
    conditions.add("a.state <> 'normal'")
    rows = await connection.fetch(
        f"select city, mode, district, system, class, severity, state, count(*) from alarm a where {conditions}"
        " group by 1, 2, 3, 4, 5, 6, 7",
        *conditions.values,
    )
    return [AlarmCounts(*row) for row in rows]


async def sensor_doubt(connection: Connection | Pool, sensor: str) -> tuple[bool, bool]:
    """Return whether an active instrument alarm says that the sensor is silent, and that its readings are bad."""
    row = await connection.fetchrow(
        "select coalesce(bool_or(kind = 'stale'), false), coalesce(bool_or(kind = 'range'), false) from alarm"
        " where sensor = $1 and condition <> 'normal' and class = 'instrument'",
        sensor,
    )
    return bool(row[0]), bool(row[1])
