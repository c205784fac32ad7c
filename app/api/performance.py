"""The figures of the alarm system by operator's position, and the monthly report made of them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from alerts.position_figures import PositionFigures
from app.access import Principal, Reader, check_city
from app.api import language
from app.api.context import context_of
from app.api.lines import Mode, TimeText
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import Parameters, Time, Word, too_many
from app.api.problems import invalid, not_found
from app.performance import (
    LINES_MAX,
    InvalidMonth,
    Span,
    TooManyLines,
    measure,
    monthly_documents,
    performance_document,
)
from app.report import report_csv, report_html
from model.bilingual import Language
from model.instant import to_datetime, to_milliseconds
from model.position import Position
from model.sensor import City
from store.pool import Connection
from store.positions import find_positions
from store.status import read_cities

router = APIRouter(prefix="/performance", tags=["performance"])
DEFAULT_SPAN = timedelta(days=30)


def inlined(struct: type[msgspec.Struct]) -> Callable[[dict[str, Any]], None]:
    """Return a `json_schema_extra` that adds the fields of a struct and, in their place, of those within it."""
    _, definitions = msgspec.json.schema_components([struct], ref_template="{name}")

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            return whole(definitions[part["$ref"]]) if "$ref" in part else {k: whole(v) for k, v in part.items()}
        return [whole(one) for one in part] if isinstance(part, list) else part

    described = whole(definitions[struct.__name__])

    def describe(schema: dict[str, Any]) -> None:
        schema["properties"] = schema.get("properties", {}) | described["properties"]
        schema["required"] = list(dict.fromkeys((*schema.get("required", ()), *described["required"])))

    return describe


class PositionPerformance(BaseModel):
    """The figures of one operator's position in one mode, each beside its commonly cited target.

    Rates are annunciations at the position, shares lie between 0 and 1. A mean is null over a span shorter than its
    period. A series counts from `from` on and is left out
    where it would be longer than 1,500 periods. `met` is null where there is no target or nothing to measure.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=inlined(PositionFigures))

    position: str = Field(examples=["jiayuguan.default"])
    city: str
    name: str
    name_zh: str
    districts: list[str] = Field(description="Empty: all")
    systems: list[str] = Field(description="Empty: all")
    mode: Mode


class Performance(BaseModel):
    """The figures of the alarm system over from <= time < to, never added up over modes.

    `from` and `to` are what they reach over: from the first evaluated batch to the log's clock, within what was asked.
    """

    from_: TimeText = Field(alias="from")
    to: TimeText
    modes: list[Mode]
    positions: list[PositionPerformance]


class WhichPositions(Parameters):
    """Which positions; without `mode`, `city` and `position` no exercise's."""

    position: Word | None = None
    city: Word | None = None
    mode: ModeFilter = None


class PerformanceFilters(WhichPositions):
    """Of which span; without `from` thirty days, without `to` up to now."""

    from_: Time | None = Field(default=None, alias="from", description="At or after")
    to: Time | None = Field(default=None, description="Before")


class ReportFilters(WhichPositions):
    """Of which month, in each city's own time zone; the present month up to now."""

    month: str = Field(examples=["2026-11"], max_length=20)
    form: Literal["html", "csv"] = "html"
    language: Language | None = Field(default=None, description="Else as Accept-Language prefers")


@router.get("", response_model=Performance, summary="Figures of the alarm system")
async def get_performance(
    request: Request, caller: Reader, filters: Annotated[PerformanceFilters, Query()]
) -> dict[str, Any]:
    """Return how many alarms each operator's position was shown, in floods or not, and what became of them."""
    context = context_of(request)
    end = to_datetime(context.clock()) if filters.to is None else filters.to
    start = end - DEFAULT_SPAN if filters.from_ is None else filters.from_
    if start >= end:
        raise invalid("from", "is not before `to`", "give a time before `to`")
    if end - start > timedelta(days=context.limits.span_days_max):
        raise invalid("from", f"at most {context.limits.span_days_max} days", "ask for a shorter span")
    span = Span(to_milliseconds(start), to_milliseconds(end), _modes(filters))
    async with context.reading() as connection:
        positions, cities = await _asked(connection, caller, filters)
        try:
            measured = await measure(connection, positions, cities, span, caller.areas, only=filters.position)
        except TooManyLines:
            raise _too_many() from None
    return performance_document(measured, span)


@router.get(
    "/report",
    summary="Monthly report",
    response_class=HTMLResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_report(request: Request, caller: Reader, filters: Annotated[ReportFilters, Query()]) -> Response:
    """Return the report of a month, as a page to print or as CSV."""
    context = context_of(request)
    async with context.reading() as connection:
        positions, cities = await _asked(connection, caller, filters)
        try:
            documents = await monthly_documents(
                connection, positions, cities, filters.month, context.clock(), _modes(filters), caller.areas,
                only=filters.position,
            )  # fmt: skip
        except InvalidMonth as error:
            raise invalid("month", str(error), "write a month that has begun, like 2026-11") from None
        except TooManyLines:
            raise _too_many() from None
    if filters.form == "csv":
        headers = {"Content-Disposition": f'attachment; filename="lifeline-{filters.month}.csv"'}
        return Response(report_csv(documents), media_type="text/csv", headers=headers)
    return HTMLResponse(report_html(documents, filters.month, language_of(request, filters.language), in_file=False))


def language_of(request: Request, asked: Language | None) -> Language:
    """Return the language asked for, else the one that the caller's browser prefers."""
    if asked is not None:
        return asked
    return language.language_of(request.headers.get("accept-language"))


def _modes(filters: WhichPositions) -> Sequence[Mode]:
    return modes_of(filters.mode, named=filters.city is not None or filters.position is not None)


async def _asked(
    connection: Connection, caller: Principal, filters: WhichPositions
) -> tuple[list[Position], list[City]]:
    """Return the positions of the cities concerned, and these."""
    check_city(caller, filters.city)
    positions = await find_positions(connection, caller.areas)
    city = filters.city
    if filters.position is not None:
        found = next((one for one in positions if one.position == filters.position), None)
        if found is None or city not in (None, found.city):
            raise not_found("position", filters.position)
        city = found.city
    cities = [one for one in await read_cities(connection, caller.areas) if city in (None, one.city)]
    return [one for one in positions if city in (None, one.city)], cities


def _too_many() -> Exception:
    return too_many("journal lines", LINES_MAX, "ask for a shorter span, or for one city")
