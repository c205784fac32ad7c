"""Exports: readings, journal lines and the registry in any number, with a bounded part of them in memory at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from model.reading import Quality
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, conversion
from store.conditions import Conditions, add_near
from store.pool import Connection

Form = Literal["csv", "ndjson"]
Take: TypeAlias = Callable[[bytes], Awaitable[None]]
READINGS_PER_STATEMENT = 200_000  # expected: so many are sorted at one time
ROWS_AHEAD = 500  # of a cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """Which sensors; None asks for nothing. `near` is (longitude, latitude, radius in metres)."""

    city: str | None = None
    modes: Sequence[str] | None = None
    system: str | None = None
    property: str | None = None
    district: str | None = None
    sensors: Sequence[str] | None = None
    near: tuple[float, float, float] | None = None


class Series(NamedTuple):
    """The readings of one sensor as a readings file has them: in the unit that it speaks (UCUM), as it sends them.

    `factor` and `offset` turn what it sends into the property's unit, in which the store keeps it.
    """

    key: int
    sensor: str
    unit: str
    factor: float
    offset: float
    interval_s: float


class JournalText(NamedTuple):
    """A journal line as journalled, and the place of its alarm."""

    line: str
    city: str
    system: str
    district: str


class RegisteredSensor(NamedTuple):
    """A sensor with its city's time zone and mode."""

    sensor: Sensor
    time_zone: str
    mode: str


async def find_series(connection: Connection, query: ExportQuery, areas: Sequence[str]) -> list[Series]:
    """Return the sensors of a query within the areas."""
    conditions = _sensor_conditions(query, areas)
    rows = await connection.fetch(
        "select s.sensor_key, s.sensor, s.property, s.definition ->> 'unit',"
        " coalesce(s.definition ->> 'gas', 'methane'),"
        " coalesce(s.definition ->> 'pressure_reference' = 'absolute', false),"
        " (s.definition ->> 'interval_s')::float8 from sensor s join city c using (city)"
        f" where {conditions} order by s.sensor_key",
        *conditions.values,
    )
    return [
        Series(key, sensor, unit, *_conversion(observed, unit, gas, absolute), interval_s)
        for key, sensor, observed, unit, gas, absolute, interval_s in rows
    ]


@lru_cache(maxsize=1_024)
def _conversion(observed: str, unit: str, gas: str, absolute: bool) -> tuple[float, float]:
    return conversion(PROPERTIES[observed], unit, gas=gas, absolute=absolute)


async def copy_readings(
    connection: Connection,
    series: Sequence[Series],
    start: datetime,
    end: datetime,
    form: Form,
    take: Take,
    timeout_s: float,
) -> int:
    """Hand on the readings with start <= time < end as lines of a readings file, sensor by sensor; return how many.

    Those of one sensor come in the order in which they arrived, so that the engine makes of the file what the service
    made of them. `quality` is what the device itself said: all else is judged anew by whoever reads the file. The
    database makes the text; `take` is waited for before more is asked of it.
    """
    text = _CSV if form == "csv" else _NDJSON
    count = 0
    for part in _parts(series, (end - start).total_seconds()):
        status = await connection.copy_from_query(
            f"select {text} from unnest($1::int[], $2::text[], $3::text[], $4::float8[], $5::float8[])"
            " as s (sensor_key, sensor, unit, factor, own_zero) join reading r using (sensor_key)"
            " left join batch b on b.sequence = r.batch where r.sensor_key = any($1::int[])"
            " and r.time >= $6::timestamptz and r.time < $7::timestamptz"
            " order by r.sensor_key, r.batch, r.position",
            [one.key for one in part],
            [one.sensor for one in part],
            [one.unit for one in part],
            [one.factor for one in part],
            [one.offset for one in part],
            start,
            end,
            output=take,
            timeout=timeout_s,
            # Bytes that stand in no text, so that nothing is quoted and JSON comes as it is.
            **({"format": "csv"} if form == "csv" else {"format": "csv", "delimiter": "\x01", "quote": "\x02"}),
        )
        count += int(status.rsplit(" ", 1)[1])
    return count


def _instant(moment: str) -> str:
    return f"""to_char({moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


# Without its batch, which the retention may have removed, a reading has no arrival.
_TIME, _ARRIVED = _instant("r.time"), _instant("b.arrived_at")
_WORD = (
    f"case when r.quality & {int(Quality.REPORTED_BAD)} > 0 then 'bad'"
    f" when r.quality & {int(Quality.REPORTED_UNCERTAIN)} > 0 then 'uncertain' else 'good' end"
)
# Rounded, so that 2.6 comes back as 2.6 where the conversion there and back has left a trace in the last digits.
_VALUE = (
    "case when s.factor = 1 and s.own_zero = 0 then r.value"
    " else round(((r.value - s.own_zero) / s.factor)::numeric, 10)::float8 end"
)
_CSV = f"{_TIME}, s.sensor, {_VALUE}, s.unit, {_WORD}, {_ARRIVED}"
# Neither ids nor units hold what JSON escapes (model.sensor.IDENTIFIER, model.vocabulary).
_NDJSON = (
    f"""concat('{{"time":"', {_TIME}, '","sensor":"', s.sensor, '","value":', {_VALUE}, ',"unit":"', s.unit,"""
    f""" '","quality":"', {_WORD}, '"', ',"received_at":"' || {_ARRIVED} || '"', '}}')"""
)


def _parts(series: Sequence[Series], span_s: float) -> Iterator[list[Series]]:
    part: list[Series] = []
    expected = 0.0
    for one in series:
        part.append(one)
        expected += span_s / one.interval_s + 1
        if expected >= READINGS_PER_STATEMENT:
            yield part
            part, expected = [], 0.0
    if part:
        yield part


async def journal_lines(
    connection: Connection, query: ExportQuery, areas: Sequence[str], start: datetime, end: datetime
) -> AsyncIterator[JournalText]:
    """Yield the journal lines with start <= time < end in the journal's order (model.alarm.journal_order).

    `near` and `property` of the query are those of the sensor as it is registered now; all else is the alarm's own.
    """
    conditions = Conditions()
    conditions.within("j.city", areas, "j.district")
    conditions.add("j.time >= ? and j.time < ?", start, end)
    for column in ("city", "system", "district"):
        conditions.add_equal(f"j.{column}", getattr(query, column))
    conditions.add_among("a.sensor", query.sensors)
    conditions.add_among("a.mode", query.modes)
    if query.near is not None or query.property is not None:
        inner = Conditions()
        inner.values = conditions.values
        inner.add_equal("s.property", query.property)
        if query.near is not None:
            add_near(inner, *query.near)
        conditions.terms.append(f"exists (select from sensor s where s.sensor = a.sensor and {inner})")
    async for row in connection.cursor(
        "select j.line, j.city, j.system, j.district from journal j join alarm a using (alarm)"
        f' where {conditions} order by j.time, a.rule collate "C", a.sensor collate "C", j.sequence,'
        ' j.alarm collate "C"',
        *conditions.values,
        prefetch=ROWS_AHEAD,
    ):
        yield JournalText(*row)


async def registered_sensors(
    connection: Connection, query: ExportQuery, areas: Sequence[str]
) -> AsyncIterator[RegisteredSensor]:
    """Yield the sensors of a query by id."""
    conditions = _sensor_conditions(query, areas)
    decode = msgspec.json.Decoder(Sensor).decode
    async for row in connection.cursor(
        "select s.definition, c.time_zone, c.mode from sensor s join city c using (city)"
        f" where {conditions} order by s.sensor",
        *conditions.values,
        prefetch=ROWS_AHEAD,
    ):
        yield RegisteredSensor(decode(row["definition"]), row["time_zone"], row["mode"])


async def used_columns(connection: Connection, query: ExportQuery, areas: Sequence[str]) -> list[str]:
    """Return the names that any of the sensors of a query has something under: fields, and attributes of their own."""
    conditions = _sensor_conditions(query, areas)
    rows: list[Any] = await connection.fetch(
        "with chosen as (select s.definition from sensor s join city c using (city)"
        f" where {conditions}) select jsonb_object_keys(definition) as name from chosen union"
        " select jsonb_object_keys(definition -> 'attributes') from chosen where definition ? 'attributes'"
        " order by name",
        *conditions.values,
    )
    return [row["name"] for row in rows if row["name"] != "attributes"]


def _sensor_conditions(query: ExportQuery, areas: Sequence[str]) -> Conditions:
    conditions = Conditions()
    conditions.within("s.city", areas, "s.district")
    for column in ("city", "system", "property", "district"):
        conditions.add_equal(f"s.{column}", getattr(query, column))
    conditions.add_among("s.sensor", query.sensors)
    conditions.add_among("c.mode", query.modes)
    if query.near is not None:
        add_near(conditions, *query.near)
    return conditions
