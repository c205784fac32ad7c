"""The registry in the database: cities and sensors."""

from collections.abc import Iterable, Sequence

import msgspec

from model.registry import Registry
from model.sensor import City, Sensor
from store.pool import Connection, Pool


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


async def registry_version(pool: Pool) -> int:
    """Return the registry's version; it rises with every change of sensors, cities or rules."""
    return int(await pool.fetchval("select version from registry_version"))


async def load_registry(pool: Pool) -> Registry:
    """Return the whole registry, consistent at one version."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        version = await connection.fetchval("select version from registry_version")
        cities = await connection.fetch("select city, name, name_zh, time_zone, mode from city")
        sensors = await connection.fetch("select sensor_key, definition from sensor")
    return Registry(
        version,
        {row["sensor_key"]: msgspec.json.decode(row["definition"], type=Sensor) for row in sensors},
        {row["city"]: City(**row) for row in cities},
    )


async def import_cities(connection: Connection, cities: Iterable[City]) -> int:
    """Insert or replace cities; return how many were new or changed."""
    changed = 0
    for city in cities:
        changed += _count(
            await connection.execute(
                "insert into city as c (city, name, name_zh, time_zone, mode) values ($1, $2, $3, $4, $5)"
                " on conflict (city) do update set name = excluded.name, name_zh = excluded.name_zh,"
                " time_zone = excluded.time_zone, mode = excluded.mode where (c.name, c.name_zh, c.time_zone, c.mode)"
                " is distinct from (excluded.name, excluded.name_zh, excluded.time_zone, excluded.mode)",
                city.city,
                city.name,
                city.name_zh,
                city.time_zone,
                city.mode,
            )
        )
    return changed


async def import_sensors(
    pool: Pool, sensors: Sequence[Sensor], cities: Sequence[City], *, refuse_operational: bool = False
) -> int:
    """Register sensors, all or none; return how many were new or changed.

    A city that is not registered yet is made as `cities` says; one that is stays as it is. With `refuse_operational`
    raises OperationalCity where one of them is in operation.
    """
    async with pool.acquire() as connection, connection.transaction():
        known = {row["city"]: row["mode"] for row in await connection.fetch("select city, mode from city")}
        await import_cities(connection, [city for city in cities if city.city not in known])
        if refuse_operational:
            for city in cities:
                if known.get(city.city, city.mode) == "operational":
                    raise OperationalCity(city.city)
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


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
