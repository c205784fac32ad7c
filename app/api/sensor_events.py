"""What was done to a sensor: replaced, calibrated, re-zeroed, inspected or maintained."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.access import Reader
from app.api.context import context_of
from app.api.lines import Mode, TimeText
from app.api.parameters import Cursor, PageRows, Parameters, decode_time_cursor, page_limit, page_of, written
from app.api.problems import not_found
from app.api.sensors import SensorInPath
from app.api.structs import with_fields_of
from model.instant import format_instant
from model.sensor_event import SensorEvent
from store.sensor_events import EventRow, find_events
from store.sensor_search import find_sensor

router = APIRouter(prefix="/sensors", tags=["sensors"])

_EVENT: dict[str, Any] = {
    "kind": "rezeroed",
    "time": "2026-11-22T08:00:00.000Z",
    "by": "li.wei",
    "note": "",
    "offset": 12.5,
    "factor": None,
    "due": "",
    "recorded_at": "2026-11-22T08:05:00.000Z",
}


class EventItem(BaseModel):
    """A dated event. From its time on the device's reading r, in the sensor's unit, stands for factor * r + offset.

    For `replaced` and `calibrated` these are the whole correction; for `rezeroed` the offset is added to what was in
    force. `due` is when the next one is due.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=with_fields_of(SensorEvent, _EVENT))

    time: TimeText
    recorded_at: TimeText


class EventPage(BaseModel):
    """A page of a sensor's events in force, newest first; what was corrected or withdrawn is not among them."""

    sensor: str = Field(examples=["GAS-0007"])
    mode: Mode = Field(description="Of its city")
    unit: str = Field(description="UCUM, the sensor's own: that of `offset`", examples=["%{LEL}"])
    events: list[EventItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class EventFilters(Parameters):
    """Which page."""

    limit: PageRows = None
    after: Cursor | None = None


@router.get("/{sensor}/events", response_model=EventPage, summary="What was done to it")
async def list_events(
    request: Request, caller: Reader, sensor: SensorInPath, filters: Annotated[EventFilters, Query()]
) -> dict[str, Any]:
    """List replacements, calibrations, re-zeroings, inspections and maintenance of a sensor, newest first."""
    context = context_of(request)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = decode_time_cursor(filters.after, str)
    async with context.reading() as connection:
        found = await find_sensor(connection, sensor, caller.areas)
        if found is None:
            raise not_found("sensor", sensor)
        rows = await find_events(connection, sensor, caller.areas, rows_max + 1, before=before)
    page, following = page_of(rows, rows_max, lambda row: (row.event.time, row.event.kind))
    events = [_item(row) for row in page]
    heading = {"sensor": sensor, "mode": found.mode, "unit": found.sensor.unit}
    return heading | {"events": events, "next": following}


def _item(row: EventRow) -> dict[str, Any]:
    item = msgspec.structs.asdict(row.event)
    return item | {"time": format_instant(row.event.time), "recorded_at": written(row.recorded_at)}
