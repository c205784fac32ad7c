"""The registry in the database: cities and sensors, loaded, and changed by imports that are all or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from model.provisioning import ImportRefused, Plan
from model.registry import Registry
from model.sensor import City, Sensor
from model.sensor_event import DUE_ATTRIBUTES, SensorEvent, due_dates, with_due_dates
from store.pool import Connection, Pool
from store.sensor_events import load_events

CITY_COLUMNS = "city, name, name_zh, time_zone, mode, province"  # the fields of model.sensor.City


class OperationalCity(Exception):
    """A replay, simulation or demo was aimed at a city in operation (invariant I8)."""

    def __init__(self, city: str) -> None:
        super().__init__(
            f"city {city!r} is operational; replay, simulation and demo are refused there: use a city of mode test "
            "or exercise"
        )
        self.city = city


class UnknownCity(Exception):
    """A sensor names a city that is not registered and may not be made in passing."""


class _Known(NamedTuple):
    key: int
    sensor: Sensor


async def registry_version(pool: Connection | Pool) -> int:
    """Return the registry's version; it rises with every change of sensors, their events, cities or rules."""
    return int(await pool.fetchval("select version from registry_version"))


async def load_registry(pool: Pool) -> Registry:
    """Return the whole registry, consistent at one version."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        version = await connection.fetchval("select version from registry_version")
        cities = await load_cities(connection)
        sensors = await connection.fetch("select sensor_key, definition from sensor")
        events = await load_events(connection)
    return Registry(
        version,
        {
            row["sensor_key"]: with_due_dates(
                msgspec.json.decode(row["definition"], type=Sensor), events.get(row["sensor_key"], ())
            )
            for row in sensors
        },
        cities,
        events,
    )


async def load_cities(connection: Connection) -> dict[str, City]:
    """Return the cities by id."""
    rows = await connection.fetch(f"select {CITY_COLUMNS} from city order by city")
    return {row["city"]: City(**row) for row in rows}


async def plan_cities(
    connection: Connection, stated: Sequence[Mapping[str, str]], *, may_turn_exercises: bool = False
) -> tuple[Plan, list[City]]:
    """Return what an import of cities would do, and the cities to write; what a row leaves out stays as it is.

    That a city in operation becomes an exercise, or the other way round, is a problem unless it may (invariant I8).
    """
    known = await load_cities(connection)
    plan = Plan(left_alone=len(known.keys() - {row["city"] for row in stated}))
    cities = []
    for row in stated:
        old = known.get(row["city"])
        city = City(**row) if old is None else msgspec.structs.replace(old, **row)
        if old is not None and {old.mode, city.mode} == {"operational", "exercise"} and not may_turn_exercises:
            plan.problems.append((0, _turning_problem(old, city)))
            continue
        if plan.add("city", city.city, old, city):
            cities.append(city)
    return plan, cities


async def import_cities(connection: Connection, cities: Iterable[City]) -> int:
    """Insert or replace cities; return how many were new or changed."""
    changed = 0
    for city in cities:
        changed += _count(
            await connection.execute(
                f"insert into city as c ({CITY_COLUMNS}) values ($1, $2, $3, $4, $5, $6)"
                " on conflict (city) do update set name = excluded.name, name_zh = excluded.name_zh,"
                " time_zone = excluded.time_zone, mode = excluded.mode, province = excluded.province"
                " where c is distinct from excluded",
                city.city,
                city.name,
                city.name_zh,
                city.time_zone,
                city.mode,
                city.province,
            )
        )
    return changed


async def lock_registry(connection: Connection) -> None:
    """Let no other import change the registry until the transaction ends; readers are not held up."""
    await connection.execute("lock table city, sensor in share row exclusive mode")


async def plan_sensors(
    connection: Connection,
    sensors: Sequence[Sensor],
    cities: Sequence[City],
    lines: Mapping[str, int] | None = None,
    stated: Mapping[tuple[str, str], int] | None = None,
) -> tuple[Plan, list[City], list[Sensor]]:
    """Return what an import of sensors would do, and the cities and sensors to write; writes nothing.

    `lines` has each sensor's line in the file for its errors; `stated` the line for each (city, column) that the file
    itself fills: where that differs from the registered city it is an error, because a city is not changed in passing.
    """
    lines = lines or {}
    known_cities = await load_cities(connection)
    known = await _known_sensors(connection, [sensor.sensor for sensor in sensors])
    events = await load_events(connection, [found.key for found in known.values()])
    total = await connection.fetchval("select count(*) from sensor")
    plan = Plan(left_alone=total - len(known))
    for city in cities:
        registered = known_cities.get(city.city)
        if registered is None:
            plan.add("city", city.city, None, city)
            continue
        for (name, column), line in (stated or {}).items():
            if name == city.city and getattr(city, column) != getattr(registered, column):
                plan.problems.append((line, _city_problem(registered, city, column)))
    writing, moved = [], []
    for sensor in sensors:
        line, found = lines.get(sensor.sensor, 0), known.get(sensor.sensor)
        if found is None:
            plan.add("sensor", sensor.sensor, None, sensor)
            writing.append(sensor)
            continue
        its_events = events.get(found.key, ())
        if found.sensor.city != sensor.city:
            text = f"sensor: {sensor.sensor!r} belongs to city {found.sensor.city!r}; ids are single: give a new one"
            plan.problems.append((line, text))
            continue
        if found.sensor.property != sensor.property:
            moved.append((found.key, line, sensor, found.sensor))
        plan.problems += [(line, text) for text in _due_problems(sensor, its_events)]
        own = _without_dates_of_events(sensor, its_events)
        if plan.add("sensor", sensor.sensor, with_due_dates(found.sensor, its_events), with_due_dates(own, its_events)):
            writing.append(own)
    for key, line, sensor, old in moved:
        if await connection.fetchval("select exists (select from reading where sensor_key = $1)", key):
            text = (
                f"property: {sensor.sensor!r} has readings of {old.property}; {sensor.property} is another series: "
                "register it under a new id"
            )
            plan.problems.append((line, text))
    return plan, [city for city in cities if city.city not in known_cities], writing


async def write_sensors(connection: Connection, cities: Iterable[City], sensors: Sequence[Sensor]) -> int:
    """Write cities and sensors as planned; return how many sensors were new or changed."""
    await import_cities(connection, cities)
    if not sensors:
        return 0  # an empty statement, too, would raise the registry's version
    status = await connection.execute(
        "insert into sensor as s (sensor, city, system, property, district, longitude, latitude, definition)"
        " select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[],"
        " $7::float8[], $8::jsonb[]) on conflict (sensor) do update set city = excluded.city,"
        " system = excluded.system, property = excluded.property, district = excluded.district,"
        " longitude = excluded.longitude, latitude = excluded.latitude, definition = excluded.definition"
        " where s.definition is distinct from excluded.definition",
        [s.sensor for s in sensors],
        [s.city for s in sensors],
        [s.system for s in sensors],
        [s.property for s in sensors],
        [s.district for s in sensors],
        [s.longitude for s in sensors],
        [s.latitude for s in sensors],
        [msgspec.json.encode(s).decode() for s in sensors],
    )
    return _count(status)


async def import_sensors(
    pool: Pool, sensors: Sequence[Sensor], cities: Sequence[City], *, refuse_operational: bool = False
) -> int:
    """Register sensors, all or none; return how many were new or changed.

    A city that is not registered yet is made as `cities` says; one that is stays as it is. With `refuse_operational`
    raises OperationalCity where one of them is in operation. Raises ImportRefused where a sensor may not change so.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_registry(connection)
        if refuse_operational:
            known = await load_cities(connection)
            for city in cities:
                if known.get(city.city, city).mode == "operational":
                    raise OperationalCity(city.city)
        plan, new_cities, writing = await plan_sensors(connection, sensors, cities)
        if plan.problems:
            raise ImportRefused(plan.problems)
        return await write_sensors(connection, new_cities, writing)


async def _known_sensors(connection: Connection, names: Sequence[str]) -> dict[str, _Known]:
    rows = await connection.fetch(
        "select sensor, sensor_key, definition from sensor where sensor = any($1::text[])", list(names)
    )
    return {r["sensor"]: _Known(r["sensor_key"], msgspec.json.decode(r["definition"], type=Sensor)) for r in rows}


def _city_problem(registered: City, city: City, column: str) -> str:
    return (
        f"{column}: city {city.city!r} is registered with {column} {getattr(registered, column)}, the file has "
        f"{getattr(city, column)}; change it on purpose with lifeline cities import, or leave the column empty"
    )


def _turning_problem(old: City, new: City) -> str:
    return (
        f"mode: city {old.city!r} is registered with mode {old.mode}, the file has {new.mode}; give an exercise a city "
        "of its own, or say --turn-exercises where the change is meant"
    )


def _due_problems(sensor: Sensor, events: Sequence[SensorEvent]) -> Iterable[str]:
    for name, date in due_dates(events).items():
        given = sensor.attributes.get(name)
        if given is not None and given != date:
            kind = "inspected" if name == "inspection_due" else "calibrated"
            yield (
                f"{name}: an event of {sensor.sensor!r} has set {date}; move it with lifeline sensors event "
                f"{sensor.sensor} --kind {kind} --due {given}, or leave it empty"
            )


def _without_dates_of_events(sensor: Sensor, events: Sequence[SensorEvent]) -> Sensor:
    """The definition never holds a date that an event overrules, so that it cannot come back by itself."""
    dates = due_dates(events)
    if not any(name in sensor.attributes for name in DUE_ATTRIBUTES if name in dates):
        return sensor
    kept = {name: text for name, text in sensor.attributes.items() if name not in dates}
    return msgspec.structs.replace(sensor, attributes=kept)


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
