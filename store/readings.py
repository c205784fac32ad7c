"""Readings of one sensor: raw, in buckets, and the latest; always bounded in time and rows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import asyncpg
import numpy as np
from numpy.typing import NDArray

from model.instant import EARLIEST_MS, to_datetime, to_milliseconds
from store.pool import Connection, Pool

Source = Literal["raw", "minute", "hour"]

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_GRAINS = {"minute": _MINUTE, "hour": _HOUR}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # no reading is older: model.instant.EARLIEST_MS
_END = datetime(2100, 1, 1, tzinfo=UTC)  # nor younger than LATEST_MS
RECENT = timedelta(days=14)


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


class PassageRows(NamedTuple):
    """Readings of one sensor in time order, arrays of shape (n,); `batch` is the sequence in which each came."""

    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    batch: NDArray[np.int64]


class LatestRow(NamedTuple):
    """The newest reading of a sensor and when it arrived."""

    time: datetime
    value: float
    quality: int
    arrived_at: datetime | None


async def read_passage(
    connection: Connection | Pool, sensor_key: int, start: int, through_batch: int, rows_max: int
) -> PassageRows:
    """Return a sensor's readings from `start` (epoch milliseconds) on that came up to a batch, at most `rows_max`."""
    rows = await connection.fetch(
        "select time, value, quality, batch from reading where sensor_key = $1 and time >= $2 and batch <= $3"
        " order by time limit $4",
        sensor_key,
        to_datetime(max(start, EARLIEST_MS)),
        through_batch,
        rows_max,
    )
    return PassageRows(
        np.array([to_milliseconds(row[0]) for row in rows], np.int64),
        np.array([row[1] for row in rows], np.float64),
        np.array([row[2] for row in rows], np.int16).view(np.uint16),
        np.array([row[3] for row in rows], np.int64),
    )


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


def summary_for(bucket: timedelta, start: datetime, end: datetime, time_zone: str) -> Source:
    """Return what the buckets of a span are best made of: the coarsest that no bucket's edge cuts through."""
    if bucket % _MINUTE or not _EPOCH <= start < end <= _END:
        return "raw"
    return "hour" if bucket % _HOUR == timedelta(0) and _offsets_are_whole_hours(start, end, time_zone) else "minute"


def _offsets_are_whole_hours(start: datetime, end: datetime, time_zone: str) -> bool:
    zone, looks = ZoneInfo(time_zone), int((end - start) / timedelta(days=7)) + 2
    moments = (min(start + timedelta(days=7 * n), end) for n in range(looks))
    return all(not (moment.astimezone(zone).utcoffset() or timedelta(0)) % _HOUR for moment in moments)


async def bucketed_readings(
    connection: Connection | Pool, sensor_key: int, start: datetime, end: datetime, bucket: timedelta, time_zone: str
) -> list[BucketRow]:
    """Return every bucket from that of `start` to that of the last instant before `end`, the empty ones too.

    Buckets are aligned in `time_zone`: the city's for whole days, UTC for shorter ones, so that the hour that comes
    twice in autumn stays two. Only readings with start <= time < end count; those held back are counted apart. The
    summaries serve where they can, raw readings at the ends that cut through one.
    """
    source = summary_for(bucket, start, end, time_zone)
    whole_from = whole_to = end
    if source != "raw" and _ceiling(start, _GRAINS[source]) < _floor(end, _GRAINS[source]):
        whole_from, whole_to = _ceiling(start, _GRAINS[source]), _floor(end, _GRAINS[source])
    parts = [_RAW_PART.format(low="$2", high="$6")]
    if whole_from < whole_to:
        parts += [_SUMMARY_PART.format(source=source), _RAW_PART.format(low="$7", high="$3")]
    rows = await connection.fetch(
        f"with part as ({' union all '.join(parts)}), filled as ("
        " select date_bin($4::interval, at at time zone $5, '2000-01-01') as start, min(minimum) as minimum,"
        " sum(total) / nullif(sum(usable), 0) as mean, max(maximum) as maximum, sum(usable)::bigint as usable,"
        " sum(held_back)::bigint as held_back from part group by 1)"
        " select g.start at time zone $5, f.minimum, f.mean, f.maximum, coalesce(f.usable, 0),"
        " coalesce(f.held_back, 0) from generate_series("
        " date_bin($4::interval, $2::timestamptz at time zone $5, '2000-01-01'),"
        " ($3::timestamptz - interval '1 millisecond') at time zone $5, $4::interval) as g (start)"
        " left join filled f using (start) where $6::timestamptz <= $7::timestamptz"
        " order by g.start",
        sensor_key,
        start,
        end,
        bucket,
        time_zone,
        whole_from,
        whole_to,
    )
    return [BucketRow(*row) for row in rows]


_RAW_PART = (
    "select time as at, case when not is_held_back(quality) then value end as minimum,"
    " case when not is_held_back(quality) then value end as total,"
    " case when not is_held_back(quality) then value end as maximum,"
    " (not is_held_back(quality))::integer as usable, is_held_back(quality)::integer as held_back"
    " from reading where sensor_key = $1 and time >= {low} and time < {high}"
)
_SUMMARY_PART = (
    "select start, minimum, total, maximum, usable, held_back from reading_{source}"
    " where sensor_key = $1 and start >= $6 and start < $7"
)


def _floor(moment: datetime, grain: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % grain


def _ceiling(moment: datetime, grain: timedelta) -> datetime:
    return moment + (_EPOCH - moment) % grain


async def latest_reading(connection: Connection | Pool, sensor_key: int) -> LatestRow | None:
    """Return the newest reading, or None where the sensor was never heard."""
    row = await connection.fetchrow(
        "select r.time, r.value, r.quality, b.arrived_at from"
        " (select time, value, quality, batch from reading where sensor_key = $1 order by time desc limit 1) as r"
        " left join batch b on b.sequence = r.batch",
        sensor_key,
    )
    return None if row is None else LatestRow(*row)


async def heard_sensors(connection: Connection | Pool, sensor_keys: Sequence[int]) -> set[int]:
    """Return those of the sensors of which any reading exists."""
    return {row["k"] for row in await _newest_of_each(connection, sensor_keys, "1", "")}


async def latest_readings(
    connection: Connection | Pool, sensor_keys: Sequence[int], newest: datetime | None = None
) -> dict[int, LatestRow]:
    """Return the newest reading of each of the sensors that was ever heard, by registry key.

    `newest` is when the newest batch arrived, where the caller knows it already.
    """
    rows = await _newest_of_each(
        connection, sensor_keys, "time, value, quality, batch", "left join batch b on b.sequence = r.batch", newest
    )
    return {row["k"]: LatestRow(row["time"], row["value"], row["quality"], row["arrived_at"]) for row in rows}


async def _newest_of_each(
    connection: Connection | Pool,
    sensor_keys: Sequence[int],
    columns: str,
    arrival: str,
    newest: datetime | None = None,
) -> list[asyncpg.Record]:
    """Look once into the key for each sensor: among the recent readings, and further back for those that have none.

    Without the bound a look passes over every chunk there is. The limit keeps the planner at one look a sensor.
    """
    if newest is None:
        newest = await connection.fetchval("select arrived_at from batch order by sequence desc limit 1")
    if newest is None:
        return []
    found: list[asyncpg.Record] = []
    missing = list(sensor_keys)
    for since in (newest - RECENT, _EPOCH):
        found += await connection.fetch(
            f"select k, r.*{', b.arrived_at' if arrival else ''} from unnest($1::int[]) as k cross join lateral"
            f" (select {columns} from reading where sensor_key = k and time >= $2 order by time desc limit 1) as r"
            f" {arrival}",
            missing,
            since,
        )
        heard = {row["k"] for row in found}
        missing = [key for key in missing if key not in heard]
        if not missing:
            break
    return found
