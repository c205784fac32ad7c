"""Readings of one sensor: raw or in buckets, always bounded in time, and the latest."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.access import Reader
from app.api.context import ApiLimits, context_of
from app.api.latest import Reading, latest_item, reading_item
from app.api.lines import Mode, TimeText
from app.api.parameters import Bucket, Parameters, Time, too_many, written
from app.api.problems import invalid, not_found
from app.api.sensors import SensorInPath
from app.api.structs import encoded
from model.instant import to_datetime
from model.vocabulary import PROPERTIES
from store.readings import bucketed_readings, latest_reading, raw_readings, summary_for
from store.sensor_search import FoundSensor, find_sensor
from store.status import sensor_doubt

router = APIRouter(prefix="/sensors", tags=["sensors"])
DAY = timedelta(days=1)
_STEPS_S = (60, 300, 900, 3_600, 21_600, 86_400)


class Span(Parameters):
    """From when to when, and how dense; without `from` a day, without `to` up to now."""

    from_: Time | None = Field(default=None, alias="from", description="At or after")
    to: Time | None = Field(default=None, description="Before")
    bucket: Bucket | None = Field(default=None, description="Length of a bucket; raw readings without it")


class ReadingBucket(BaseModel):
    """A bucket of readings; one without usable readings has count 0 and no figures: a gap."""

    start: TimeText
    min: float | None
    mean: float | None
    max: float | None
    count: int
    held_back: int = Field(description="Bad readings, not in the figures")


class Readings(BaseModel):
    """Readings of a span: `readings` where no bucket was asked for, else `buckets`."""

    sensor: str = Field(examples=["GAS-0007"])
    mode: Mode = Field(description="Of its city")
    property: str = Field(examples=["combustible_gas"])
    unit: str = Field(description="UCUM, the property's own", examples=["%{LEL}"])
    from_: TimeText = Field(alias="from")
    to: TimeText
    readings: list[Reading] | None = None
    bucket_s: int | None = None
    time_zone: str | None = Field(default=None, description="In which buckets are aligned", examples=["Asia/Shanghai"])
    made_of: Literal["raw", "minute", "hour"] | None = Field(
        default=None, description="What the buckets are made of: raw readings, or their summaries with raw ends"
    )
    buckets: list[ReadingBucket] | None = None


class LatestReading(BaseModel):
    """The newest reading of a sensor, by its own time; null where it was never heard."""

    sensor: str = Field(examples=["GAS-0007"])
    mode: Mode = Field(description="Of its city")
    property: str = Field(examples=["combustible_gas"])
    unit: str = Field(examples=["%{LEL}"])
    freshness: Literal["fresh", "silent", "never_heard"]
    bad_readings: bool = Field(description="An active alarm says that its readings are bad")
    reading: Reading | None
    arrived_at: TimeText | None
    age_s: float | None = Field(description="Since the reading's time")


@router.get(
    "/{sensor}/readings", response_model=Readings, response_model_exclude_unset=True, summary="Readings of a span"
)
async def get_readings(
    request: Request, caller: Reader, sensor: SensorInPath, span: Annotated[Span, Query()]
) -> Response:
    """Return the readings with from <= time < to, raw or in buckets; buckets of whole days are the city's days."""
    context = context_of(request)
    limits = context.limits
    start, end = _bounds(span, context.clock(), limits)
    rows_max = limits.readings_rows_max
    async with context.reading() as connection:
        found = await find_sensor(connection, sensor, caller.areas)
        if found is None:
            raise not_found("sensor", sensor)
        form = _heading(found) | {"from": written(start), "to": written(end)}
        if span.bucket is None:
            rows = await raw_readings(connection, found.key, start, end, rows_max + 1)
            if len(rows) > rows_max:
                raise too_many("readings", rows_max, _denser_remedy(end - start, rows_max))
            return encoded(form | {"readings": [reading_item(row.time, row.value, row.quality) for row in rows]})
        if (end - start) / span.bucket > rows_max:
            raise too_many("buckets", rows_max, _denser_remedy(end - start, rows_max))
        zone = found.time_zone if span.bucket % DAY == timedelta(0) else "UTC"
        buckets = await bucketed_readings(connection, found.key, start, end, span.bucket, zone)
    answer = form | {
        "bucket_s": int(span.bucket.total_seconds()),
        "time_zone": zone,
        "made_of": summary_for(span.bucket, start, end, zone),
        "buckets": [
            {
                "start": written(b.start),
                "min": b.minimum,
                "mean": b.mean,
                "max": b.maximum,
                "count": b.usable,
                "held_back": b.held_back,
            }
            for b in buckets
        ],
    }
    return encoded(answer)


@router.get("/{sensor}/latest", response_model=LatestReading, summary="The latest reading")
async def get_latest(request: Request, caller: Reader, sensor: SensorInPath) -> dict[str, Any]:
    """Return the newest reading and whether the sensor can be heard."""
    context = context_of(request)
    async with context.reading() as connection:
        found = await find_sensor(connection, sensor, caller.areas)
        if found is None:
            raise not_found("sensor", sensor)
        latest = await latest_reading(connection, found.key)
        silent, bad = await sensor_doubt(connection, sensor)
    form = _heading(found) | {"bad_readings": bad}
    if latest is None:
        return form | {"freshness": "never_heard", "reading": None, "arrived_at": None, "age_s": None}
    return form | {
        "freshness": "silent" if silent else "fresh",
        "reading": latest_item(latest),
        "arrived_at": None if latest.arrived_at is None else written(latest.arrived_at),
        "age_s": (to_datetime(context.clock()) - latest.time).total_seconds(),
    }


def _bounds(span: Span, now: int, limits: ApiLimits) -> tuple[datetime, datetime]:
    end = to_datetime(now) if span.to is None else span.to
    try:
        start = end - DAY if span.from_ is None else span.from_
    except OverflowError:
        raise invalid("to", "lies too early", "write a time after the year 1") from None
    # The driver takes the ends of the calendar for infinity, and no zone can be applied next to them.
    if start.year < 2:
        raise invalid("from", "lies too early", "write a time after the year 1")
    if end.year > 9998:
        raise invalid("to", "lies too late", "write a time before the year 9999")
    if start >= end:
        raise invalid("from", "is not before `to`", "give a span that is not empty")
    if end - start > timedelta(days=limits.span_days_max):
        raise invalid(
            "from", f"the span is longer than {limits.span_days_max} days", "ask for shorter spans one after another"
        )
    return start, end


def _denser_remedy(span: timedelta, rows_max: int) -> str:
    least_s = span.total_seconds() / rows_max
    step_s = next((step for step in _STEPS_S if step >= least_s), _STEPS_S[-1])
    return f"ask for a shorter span, or for buckets, like bucket={step_s}s"


def _heading(found: FoundSensor) -> dict[str, Any]:
    observed = PROPERTIES[found.sensor.property]
    return {
        "sensor": found.sensor.sensor,
        "mode": found.mode,
        "property": observed.name,
        "unit": observed.unit,
    }
