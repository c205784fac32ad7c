"""Exports as files: readings, the alarm journal and the registry, in the forms that the commands read again."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import Field

from app.access import Principal, Reader, check_city
from app.api.context import ApiContext, context_of
from app.api.export_rows import journal_cell, json_line, write_csv, write_texts
from app.api.export_stream import ExportStream, Write
from app.api.modes import ModeFilter, modes_of
from app.api.negotiation import preferred
from app.api.parameters import Near, Parameters, RadiusM, SensorId, SplitList, Time, Word, near_query, written
from app.api.problems import invalid
from model.alarm import JournalLine
from model.sensor_columns import cell, header_of, sensor_row, used_names
from store.audit import record
from store.exports import (
    ExportQuery,
    Form,
    Take,
    copy_readings,
    find_series,
    journal_lines,
    registered_sensors,
    used_columns,
)
from store.pool import Connection

CSV, NDJSON = "text/csv", "application/x-ndjson"
MEDIA: dict[Form, str] = {"csv": CSV, "ndjson": NDJSON}
SENSORS_NAMED_MAX = 1_000
READING_COLUMNS = ("time", "sensor", "value", "unit", "quality", "received_at")
PLACE_COLUMNS = ("city", "system", "district")
LINE_COLUMNS = JournalLine.__struct_encode_fields__
router = APIRouter(prefix="/exports", tags=["exports"])


class ExportFilters(Parameters):
    """Which sensors; without `mode`, `city` and `sensor` no exercise's."""

    form: Form | None = Field(default=None, description="csv where neither it nor Accept says", examples=["csv"])
    city: Word | None = Field(default=None, examples=["jiayuguan"])
    mode: ModeFilter = None
    system: Word | None = None
    property: Word | None = None
    district: Word | None = None
    sensor: Annotated[list[SensorId], Field(min_length=1, max_length=SENSORS_NAMED_MAX), SplitList] | None = Field(
        default=None, description="One or several"
    )
    near: Near | None = None
    radius_m: RadiusM | None = None


class SpanFilters(ExportFilters):
    """Which sensors, and from when to when."""

    from_: Time = Field(alias="from", description="At or after")
    to: Time = Field(description="Before")


_READING = '{"time":"2026-11-22T08:00:00.000Z","sensor":"GAS-0007","value":12.5,"unit":"%{LEL}","quality":"good"}\n'
_SENSOR = '{"sensor":"GAS-0007","city":"jiayuguan","system":"gas","property":"combustible_gas","unit":"%{LEL}"}\n'
_LINE = '{"alarm":"combustible-gas.GAS-0007.20261122T080000000Z","from":"normal","sequence":1,"to":"unacknowledged"}\n'
_READINGS_CSV = (
    "time,sensor,value,unit,quality,received_at\n"
    "2026-11-22T08:00:00.000Z,GAS-0007,12.5,%{LEL},good,2026-11-22T08:00:01.200Z\n"
)
_LINES_CSV = "alarm,sequence,rule\ncombustible-gas.GAS-0007.20261122T080000000Z,1,combustible-gas\n"
_SENSORS_CSV = (
    "sensor,city,system,property,unit,longitude,latitude,name,interval_s,time_zone,mode\n"
    "GAS-0007,jiayuguan,gas,combustible_gas,%{LEL},98.289,39.773,Valve chamber 7,60,Asia/Shanghai,operational\n"
)


def _described(csv_example: str, ndjson_example: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {
            "description": "A file, written while it is read. It is whole where the transfer ends properly; one that "
            "cannot be finished is broken off, which HTTP clients report as an error.",
            "content": {
                CSV: {"schema": {"type": "string"}, "example": csv_example},
                NDJSON: {"schema": {"type": "string"}, "example": ndjson_example},
            },
        }
    }


@router.get(
    "/readings",
    summary="Readings as a file",
    response_class=ExportStream,
    status_code=200,
    responses=_described(_READINGS_CSV, _READING),
)
async def export_readings(request: Request, caller: Reader, filters: Annotated[SpanFilters, Query()]) -> ExportStream:
    """Return the readings with from <= time < to as a readings file, which `lifeline backtest --readings` takes.

    CSV with the columns time, sensor, value, unit, quality, received_at, or NDJSON with the same names; sensor by
    sensor, each in the order of arrival. Values are in the unit that the sensor speaks, `quality` is what it
    said of itself.
    """
    context = context_of(request)
    _check_span(filters, context)
    query = _query(filters, caller, context)
    form = _form(request, filters)

    async def write(connection: Connection, take: Take) -> int:
        series = await find_series(connection, query, caller.areas)
        if form == "csv":
            await take(",".join(READING_COLUMNS).encode() + b"\n")
        limit_s = context.limits.export_s_max
        return await copy_readings(connection, series, filters.from_, filters.to, form, take, limit_s)

    return await _answer(request, caller, "readings", filters, form, write)


@router.get(
    "/alarms",
    summary="The alarm journal as a file",
    response_class=ExportStream,
    status_code=200,
    responses=_described(_LINES_CSV, _LINE),
)
async def export_alarms(request: Request, caller: Reader, filters: Annotated[SpanFilters, Query()]) -> ExportStream:
    """Return the journal lines with from <= time < to, ordered by time, rule, sensor and sequence.

    NDJSON has them exactly as journalled, as `lifeline journal` does; CSV has their fields as columns, with the place.
    """
    context = context_of(request)
    _check_span(filters, context)
    query = _query(filters, caller, context)
    form = _form(request, filters)

    async def write(connection: Connection, take: Take) -> int:
        lines = journal_lines(connection, query, caller.areas, filters.from_, filters.to)
        if form == "ndjson":
            return await write_texts((f"{found.line}\n" async for found in lines), take)
        names = (*LINE_COLUMNS, *PLACE_COLUMNS)
        rows = (
            msgspec.json.decode(found.line) | {name: getattr(found, name) for name in PLACE_COLUMNS}
            async for found in lines
        )
        return await write_csv(names, rows, take, journal_cell)

    return await _answer(request, caller, "alarms", filters, form, write)


@router.get(
    "/sensors",
    summary="The registry as a file",
    response_class=ExportStream,
    status_code=200,
    responses=_described(_SENSORS_CSV, _SENSOR),
)
async def export_sensors(request: Request, caller: Reader, filters: Annotated[ExportFilters, Query()]) -> ExportStream:
    """Return the sensors as a sensors file, by id: the columns that `lifeline sensors import` takes, or NDJSON."""
    context = context_of(request)
    query = _query(filters, caller, context)
    form = _form(request, filters)

    async def write(connection: Connection, take: Take) -> int:
        found = registered_sensors(connection, query, caller.areas)
        rows = (sensor_row(one.sensor, one.time_zone, one.mode) async for one in found)
        if form == "ndjson":
            texts = (json_line({name: row[name] for name in used_names(row)}) async for row in rows)
            return await write_texts(texts, take)
        used = [*await used_columns(connection, query, caller.areas), "time_zone", "mode"]
        return await write_csv(header_of(used), rows, take, cell)

    return await _answer(request, caller, "sensors", filters, form, write)


async def _answer(
    request: Request, caller: Principal, what: str, filters: ExportFilters, form: Form, write: Write
) -> ExportStream:
    """Return the answer of an export that is audited: who takes out what of which span."""
    context = context_of(request)
    asked = filters.model_dump(exclude_none=True, exclude={"sensor", "mode", "near", "radius_m", "from_", "to"})
    if isinstance(filters, SpanFilters):
        asked |= {"from": written(filters.from_), "to": written(filters.to)}
    if filters.sensor is not None:
        asked |= {"sensors": len(filters.sensor), "first_sensor": filters.sensor[0]}
    if filters.near is not None:
        asked["by_place"] = True  # where somebody stands is not written down (invariant I9)
    async with context.reading() as connection:
        await record(
            connection, actor=caller.label, action="data-exported", subject=what, city=filters.city,
            details=asked | {"form": form},
        )  # fmt: skip
    return ExportStream(context, request.app.state.exports, MEDIA[form], f"{what}.{form}", write)


def _form(request: Request, filters: ExportFilters) -> Form:
    if filters.form is not None:
        return filters.form
    return "csv" if preferred(request.headers.get("accept"), (CSV, NDJSON)) == CSV else "ndjson"


def _query(filters: ExportFilters, caller: Principal, context: ApiContext) -> ExportQuery:
    check_city(caller, filters.city)
    return ExportQuery(
        city=filters.city,
        modes=modes_of(filters.mode, named=filters.city is not None or filters.sensor is not None),
        system=filters.system,
        property=filters.property,
        district=filters.district,
        sensors=filters.sensor,
        near=near_query(filters.near, filters.radius_m, context.limits.radius_m_max),
    )


def _check_span(filters: SpanFilters, context: ApiContext) -> None:
    days = context.limits.export_span_days_max
    for name, moment in (("from", filters.from_), ("to", filters.to)):
        if not 2 <= moment.year <= 9998:  # the driver takes the ends of the calendar for infinity
            raise invalid(name, "lies beyond the calendar", "write a time of our days")
    if filters.from_ >= filters.to:
        raise invalid("from", "is not before `to`", "give a span that is not empty")
    if filters.to - filters.from_ > timedelta(days=days):
        raise invalid("from", f"the span is longer than {days} days", "ask for shorter spans one after another")
