"""Readings of one sensor: raw, in buckets, and the latest; always bounded in time and rows."""

from datetime import datetime, timedelta
from typing import NamedTuple

from model.reading import HELD_BACK
from store.pool import Connection, Pool


class ReadingRow(NamedTuple):
    """A reading; `value` in the property's unit, `quality` bits of model.reading.Quality."""

    time: datetime
    value: float
    quality: int


class BucketRow(NamedTuple):
    """What a bucket holds: figures of the usable readings, and how many were held back as bad."""

    start: datetime
    minimum: float | None
    mean: float | None
    maximum: float | None
    usable: int
    held_back: int


class LatestRow(NamedTuple):
    """The newest reading of a sensor and when it arrived."""

    time: datetime
    value: float
    quality: int
    arrived_at: datetime | None


async def raw_readings(
    connection: Connection | Pool, sensor_key: int, start: datetime, end: datetime, rows_max: int
) -> list[ReadingRow]:
    """Return the readings with start <= time < end in order, at most `rows_max`."""
    rows = await connection.fetch(
        "select time, value, quality from reading where sensor_key = $1 and time >= $2 and time < $3"
        " order by time limit $4",
        sensor_key,
        start,
        end,
        rows_max,
    )
    return [ReadingRow(*row) for row in rows]


async def bucketed_readings(
    connection: Connection | Pool, sensor_key: int, start: datetime, end: datetime, bucket: timedelta, time_zone: str
) -> list[BucketRow]:
    """Return every bucket from that of `start` to that of the last instant before `end`, the empty ones too.

    Buckets are aligned in `time_zone`: the city's for whole days, UTC for shorter ones, so that the hour that comes
    twice in autumn stays two. Only readings with start <= time < end count; those held back are counted apart.
    """
    rows = await connection.fetch(
        "with filled as (select date_bin($4::interval, time at time zone $5, '2000-01-01') as start,"
        " min(value) filter (where quality & $6 = 0) as minimum, avg(value) filter (where quality & $6 = 0) as mean,"
        " max(value) filter (where quality & $6 = 0) as maximum,"
        " count(*) filter (where quality & $6 = 0) as usable, count(*) filter (where quality & $6 <> 0) as held_back"
        " from reading where sensor_key = $1 and time >= $2 and time < $3 group by 1)"
        " select g.start at time zone $5, f.minimum, f.mean, f.maximum, coalesce(f.usable, 0),"
        " coalesce(f.held_back, 0) from generate_series("
        " date_bin($4::interval, $2::timestamptz at time zone $5, '2000-01-01'),"
        " ($3::timestamptz - interval '1 millisecond') at time zone $5, $4::interval) as g (start)"
        " left join filled f using (start) order by g.start",
        sensor_key,
        start,
        end,
        bucket,
        time_zone,
        int(HELD_BACK),
    )
    return [BucketRow(*row) for row in rows]


async def latest_reading(connection: Connection | Pool, sensor_key: int) -> LatestRow | None:
    """Return the newest reading, or None where the sensor was never heard."""
    row = await connection.fetchrow(
        "select r.time, r.value, r.quality, b.arrived_at from"
        " (select time, value, quality, batch from reading where sensor_key = $1 order by time desc limit 1) as r"
        " left join batch b on b.sequence = r.batch",
        sensor_key,
    )
    return None if row is None else LatestRow(*row)


async def heard_sensors(connection: Connection | Pool, sensor_keys: list[int]) -> set[int]:
    """Return those of the sensors of which any reading exists.

    The limit keeps the planner at one look into the index for each sensor.
    """
    rows = await connection.fetch(
        "select k from unnest($1::int[]) as k cross join lateral"
        " (select 1 from reading where sensor_key = k order by time desc limit 1) as r",
        sensor_keys,
    )
    return {row["k"] for row in rows}
