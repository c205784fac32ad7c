"""Sensors looked up by place, name and kind, within a caller's areas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from model.sensor import Sensor
from store.conditions import Conditions, add_near
from store.pool import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorQuery:
    """Which sensors; None asks for nothing.

    `near` is (longitude, latitude, radius in metres), `box` (west, south, east, north) in degrees, `text` a part of
    the id, asset number or a name. `after` is (distance in metres or None, sensor) of the last one seen.
    """

    city: str | None = None
    modes: Sequence[str] | None = None
    system: str | None = None
    property: str | None = None
    district: str | None = None
    near: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    text: str | None = None
    after: tuple[float | None, str] | None = None


class FoundSensor(NamedTuple):
    """A sensor with its registry key, its city's time zone and mode, and its distance (m) where asked near a place."""

    key: int
    sensor: Sensor
    time_zone: str
    mode: str
    distance_m: float | None


async def find_sensors(
    connection: Connection | Pool, query: SensorQuery, areas: Sequence[str], rows_max: int
) -> list[FoundSensor]:
    """Return the sensors of a query by id or, where asked near a place, the nearest first."""
    conditions = Conditions()
    conditions.within("s.city", areas)
    for column in ("city", "system", "property", "district"):
        conditions.add_equal(f"s.{column}", getattr(query, column))
    conditions.add_among("c.mode", query.modes)
    if query.box is not None:
        west, south, east, north = query.box
        conditions.add("s.latitude between ? and ?", south, north)
        if west <= east:
            conditions.add("s.longitude between ? and ?", west, east)
        else:  # across the antimeridian
            conditions.add("(s.longitude >= ? or s.longitude <= ?)", west, east)
    if query.text is not None:
        named = (
            "concat_ws(' ', s.sensor, s.definition ->> 'name', s.definition ->> 'name_zh', s.definition ->> 'asset')"
        )
        conditions.add(f"strpos(lower({named}), lower(?::text)) > 0", query.text)
    distance = "null::float8" if query.near is None else add_near(conditions, *query.near)
    if query.after is not None:
        after_distance, after_sensor = query.after
        if query.near is None:
            conditions.add("s.sensor > ?", after_sensor)
        else:
            conditions.add(f"({distance}, s.sensor) > (?::float8, ?)", after_distance, after_sensor)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select s.sensor_key, s.definition, c.time_zone, c.mode, {distance} as distance_m"
        f" from sensor s join city c using (city) where {conditions}"
        f" order by {'' if query.near is None else 'distance_m, '}s.sensor limit {limit}",
        *conditions.values,
    )
    return [FoundSensor(row[0], _sensor(row[1]), *row[2:]) for row in map(tuple, rows)]


async def find_sensor(connection: Connection | Pool, sensor: str, areas: Sequence[str]) -> FoundSensor | None:
    """Return one sensor, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("s.sensor", sensor)
    conditions.within("s.city", areas)
    row = await connection.fetchrow(
        "select s.sensor_key, s.definition, c.time_zone, c.mode from sensor s join city c using (city)"
        f" where {conditions}",
        *conditions.values,
    )
    return None if row is None else FoundSensor(row[0], _sensor(row[1]), row[2], row[3], None)


async def sensors_within(connection: Connection | Pool, sensors: Sequence[str], areas: Sequence[str]) -> set[str]:
    """Return those of the sensors (ids) that are within the areas."""
    conditions = Conditions()
    conditions.add("s.sensor = any(?::text[])", list(sensors))
    conditions.within("s.city", areas)
    rows = await connection.fetch(f"select s.sensor from sensor s where {conditions}", *conditions.values)
    return {row["sensor"] for row in rows}


def _sensor(definition: str) -> Sensor:
    return msgspec.json.decode(definition, type=Sensor)
