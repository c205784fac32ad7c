"""Sensors looked up by place, name and kind, within a caller's areas."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

import msgspec

from model.network import Position
from model.sensor import Sensor
from store.changes import Mark, add_changed_sensors
from store.conditions import Conditions, add_near
from store.pool import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorQuery:
    """Which sensors; None asks for nothing.

    `near` is (longitude, latitude, radius in metres), `box` (west, south, east, north) in degrees, `text` a part of
    the id, asset number or a name, `asset` the whole of an asset number as a scanner reads it. `changed` is a mark and
    the oldest time of the readings that came after it: those that changed since. `doubts` asks for what active alarms
    say of the sensors' readings. `after` is (distance in metres or None, sensor) of the last one seen.
    """

    city: str | None = None
    modes: Sequence[str] | None = None
    system: str | None = None
    property: str | None = None
    district: str | None = None
    near: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    text: str | None = None
    asset: str | None = None
    changed: tuple[Mark, datetime | None] | None = None
    doubts: bool = False
    after: tuple[float | None, str] | None = None

    @builtins.property
    def origin(self) -> Position | None:
        """The place that they are looked for near to."""
        return None if self.near is None else self.near[:2]

    def changed_since(self, mark: Mark, oldest_time: datetime | None) -> Self:
        """Return the query for those of its sensors that changed after a mark."""
        return replace(self, changed=(mark, oldest_time))


_DOUBT = (
    "exists (select from alarm d where d.sensor = s.sensor and d.kind = '{kind}' and d.condition <> 'normal'"
    " and d.class = 'instrument')"
)
_DOUBTS = f", {_DOUBT.format(kind='stale')} as silent, {_DOUBT.format(kind='range')} as bad"
FIRST_CIRCLE_M, CIRCLES_WIDEN = 200.0, 4.0


class FoundSensor(NamedTuple):
    """A sensor with its registry key, its city's time zone and mode, and its distance (m) where asked near a place.

    Where doubts were asked for: whether an active alarm says that it is `silent`, or its readings are `bad`.
    """

    key: int
    sensor: Sensor
    time_zone: str
    mode: str
    distance_m: float | None
    silent: bool = False
    bad: bool = False


async def find_sensors(
    connection: Connection | Pool, query: SensorQuery, areas: Sequence[str], rows_max: int
) -> list[FoundSensor]:
    """Return the sensors of a query by id or, where asked near a place, the nearest first."""
    if query.near is None or query.after is not None or query.changed is not None:
        return await _find(connection, query, areas, rows_max, query.near)
    # The nearest of many: small circles first, so that far ones are neither measured nor sorted.
    longitude, latitude, wanted_m = query.near
    radius_m = min(FIRST_CIRCLE_M, wanted_m)
    while True:
        found = await _find(connection, query, areas, rows_max, (longitude, latitude, radius_m))
        if len(found) >= rows_max or radius_m >= wanted_m:
            return found
        radius_m = min(radius_m * CIRCLES_WIDEN, wanted_m)


async def _find(
    connection: Connection | Pool,
    query: SensorQuery,
    areas: Sequence[str],
    rows_max: int,
    near: tuple[float, float, float] | None,
) -> list[FoundSensor]:
    conditions = Conditions()
    conditions.within("s.city", areas, "s.district")
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
    if query.asset is not None:
        conditions.add("s.definition ->> 'asset' is not null")
        conditions.add("scanned(s.definition ->> 'asset') = scanned(?)", query.asset)
    if query.changed is not None:
        add_changed_sensors(conditions, *query.changed)
    distance = "null::float8" if near is None else add_near(conditions, *near)
    if query.after is not None:
        after_distance, after_sensor = query.after
        if near is None:
            conditions.add("s.sensor > ?", after_sensor)
        else:
            conditions.add(f"({distance}, s.sensor) > (?::float8, ?)", after_distance, after_sensor)
    limit = conditions.bind(rows_max)
    doubts = _DOUBTS if query.doubts else ""
    rows = await connection.fetch(
        f"select s.sensor_key, s.definition, c.time_zone, c.mode, {distance} as distance_m{doubts}"
        f" from sensor s join city c using (city) where {conditions}"
        f" order by {'' if near is None else 'distance_m, '}s.sensor limit {limit}",
        *conditions.values,
    )
    return [FoundSensor(row[0], _sensor(row[1]), *row[2:]) for row in map(tuple, rows)]


async def find_sensor(connection: Connection | Pool, sensor: str, areas: Sequence[str]) -> FoundSensor | None:
    """Return one sensor, or None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("s.sensor", sensor)
    conditions.within("s.city", areas, "s.district")
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
    conditions.within("s.city", areas, "s.district")
    rows = await connection.fetch(f"select s.sensor from sensor s where {conditions}", *conditions.values)
    return {row["sensor"] for row in rows}


def _sensor(definition: str) -> Sensor:
    return msgspec.json.decode(definition, type=Sensor)
