"""Reports from people: callers of the hotline, patrols, drones, grid workers; verified in the field."""

from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.access import Acknowledger, Reader, check_city
from app.actions import InvalidField, KeyReused
from app.api.bodies import Comment, KeyField, KeyHeader, one_key, reused
from app.api.context import context_of
from app.api.geography import GEOJSON_ANSWER, DisplayCrs, collection, point_feature, wants_geojson
from app.api.lines import Mode
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import Cursor, PageRows, Parameters, Time, Word, decode_time_cursor, page_limit, page_of
from app.api.problems import Problem, invalid, not_found
from app.api.report_items import Place, ReportItem, report_item
from app.report_acts import PlaceElsewhere, ReportRefused, ReportUnknown, send_report, verify
from model.instant import DAY_MS, MINUTE_MS, format_instant, to_milliseconds
from model.report import KINDS, Report, Source, personal_data, personal_reference
from store.reports import ReportQuery, ReportRow, find_report, find_reports
from store.status import mode_of

router = APIRouter(prefix="/reports", tags=["reports"])
TEXT_MAX, LINK_MAX, REFERENCE_MAX = 2_000, 500, 64
AGE_MS_MAX, AHEAD_MS_MAX = 30 * DAY_MS, 5 * MINUTE_MS
PLACE_DIGITS = 4  # some ten metres: where to look, and not whose door

Kind = Literal[
    "gas_smell", "gas_pipe_damaged", "low_pressure", "no_water", "discoloured_water", "water_leak", "water_on_road",
    "cover_open", "cover_rattling", "sewer_smell", "sewer_overflow", "ground_crack", "subsidence", "leaning_tree",
    "rockfall", "no_heating", "heating_leak", "bridge_damage", "lamp_out", "lamp_leaning",
]  # fmt: skip
assert set(get_args(Kind)) == set(KINDS)
ReportInPath = Annotated[str, StringConstraints(pattern=r"^report\.[1-9][0-9]{0,17}\z"), Path(examples=["report.12"])]


def _https(link: str) -> str:
    parts = urlsplit(link)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or not link.isprintable():
        raise ValueError("write a link that begins with https:// and holds no user name")
    return link


class ReportBody(BaseModel):
    """What somebody saw, smelt or heard, and where. No names, telephone or identity numbers, no dwelling."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "gas_smell",
                    "city": "jiayuguan",
                    "place": {"longitude": 98.2891, "latitude": 39.7732},
                    "time": "2026-11-22T08:00:00.000Z",
                    "source": "hotline",
                    "text": "smell of gas at the corner by the market",
                    "reference": "20261122-000417",
                }
            ]
        },
    )

    kind: Kind
    city: Word
    place: Place
    time: Time
    source: Source
    text: Annotated[Comment, StringConstraints(max_length=TEXT_MAX)] | None = None
    photograph: Annotated[str, StringConstraints(max_length=LINK_MAX), AfterValidator(_https)] | None = None
    reference: Annotated[Word, StringConstraints(max_length=REFERENCE_MAX)] | None = None
    idempotency_key: KeyField = None


class FoundBody(BaseModel):
    """What was found at the place."""

    model_config = ConfigDict(extra="forbid")

    found: bool = Field(strict=True, description="Whether it is as reported")
    note: Comment | None = None
    idempotency_key: KeyField = None


class ReportPage(BaseModel):
    """A page of reports, the newest first."""

    reports: list[ReportItem]
    modes: list[Mode] = Field(description="Reports of other modes were left out", examples=[["operational", "test"]])
    next: str | None = Field(description="`after` of the next page; null on the last")


class ReportFilters(Parameters):
    """Which reports; without `mode` and `city` no exercise's."""

    city: Word | None = None
    system: Word | None = None
    kind: Word | None = None
    source: Source | None = None
    verified: bool | None = Field(default=None, description="Whether somebody has looked")
    mode: ModeFilter = None
    since: Time | None = None
    display_crs: DisplayCrs = None
    limit: PageRows = None
    after: Cursor | None = None


@router.post("", response_model=ReportItem, summary="Report what somebody saw")
async def send(
    request: Request, caller: Acknowledger, body: ReportBody, idempotency_key: KeyHeader = None
) -> dict[str, Any]:
    """Take a report; it joins an open incident nearby or opens one. The same request again gives the same report."""
    context = context_of(request)
    check_city(caller, body.city)
    key = one_key(idempotency_key, body.idempotency_key)
    now = context.clock()
    time = to_milliseconds(body.time)
    if not now - AGE_MS_MAX <= time <= now + AHEAD_MS_MAX:
        raise invalid("time", "is more than 30 days ago or in the future", "send when it was seen, with its zone")
    _check_text("text", body.text)
    what = None if body.reference is None else personal_reference(body.reference)
    if what is not None:
        raise _personal("reference", what)
    async with context.reading() as connection:
        mode = await mode_of(connection, body.city)
        if mode is None:
            raise invalid("city", f"{body.city!r} is not registered", "name a city of /api/v1/status")
        report = Report(
            report="",
            city=body.city,
            mode=mode,
            kind=body.kind,
            system=KINDS[body.kind].system,
            source=body.source,
            longitude=round(body.place.longitude, PLACE_DIGITS),
            latitude=round(body.place.latitude, PLACE_DIGITS),
            time=time,
            received_at=now,
            text=body.text,
            photograph=body.photograph,
            reference=body.reference,
            actor=caller.label,
        )
        try:
            return report_item(await send_report(connection, report, key, caller))
        except ReportUnknown:  # it was sent before, and the caller's areas have changed since
            raise not_found("report", "of this key") from None
        except PlaceElsewhere as error:
            raise Problem(
                403, "forbidden", f"{error}, outside the areas of this key", field="place",
                remedy=f"check the place, or ask somebody whose areas hold {error.city}",
            ) from None  # fmt: skip
        except KeyReused as error:
            raise reused(error) from None
        except InvalidField as error:
            raise invalid(error.field, str(error), error.remedy) from None


@router.get("", response_model=ReportPage, summary="Reports from people", responses=GEOJSON_ANSWER)
async def list_reports(request: Request, caller: Reader, filters: Annotated[ReportFilters, Query()]) -> Any:
    """List reports, the newest first; GeoJSON where Accept prefers it.

    Exercises are left out unless `mode` asks for them, or `city` names one.
    """
    context = context_of(request)
    geojson = wants_geojson(request, filters.display_crs)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    after = decode_time_cursor(filters.after, int)
    modes = modes_of(filters.mode, named=filters.city is not None)
    query = ReportQuery(
        city=filters.city, system=filters.system, kind=filters.kind, source=filters.source, verified=filters.verified,
        modes=modes, since=filters.since, after=after,
    )  # fmt: skip
    async with context.reading() as connection:
        rows = await find_reports(connection, query, caller.areas, rows_max + 1)
    page, following = page_of(rows, rows_max, lambda row: (row.report.time, _number(row.report.report)))
    if geojson:
        return collection((_feature(row, filters.display_crs) for row in page), modes=modes, next=following)
    return {"reports": [report_item(row) for row in page], "modes": modes, "next": following}


@router.get("/{report}", response_model=ReportItem, summary="One report", responses=GEOJSON_ANSWER)
async def get_report(request: Request, caller: Reader, report: ReportInPath) -> Any:
    """Return a report as it stands; a GeoJSON feature collection of it alone where Accept prefers that."""
    async with context_of(request).reading() as connection:
        row = await find_report(connection, _number(report), caller.areas)
    if row is None:
        raise not_found("report", report)
    return collection([_feature(row)]) if wants_geojson(request) else report_item(row)


@router.post("/{report}/verify", response_model=ReportItem, summary="Verify a report in the field")
async def verify_in_field(
    request: Request, caller: Acknowledger, report: ReportInPath, body: FoundBody, idempotency_key: KeyHeader = None
) -> dict[str, Any]:
    """Say what was found at the place. Another person than the one who sent it does this, and once."""
    context = context_of(request)
    key = one_key(idempotency_key, body.idempotency_key)
    _check_text("note", body.note)
    async with context.reading() as connection:
        try:
            row = await verify(
                connection, _number(report), caller, context.clock(), key, found=body.found, note=body.note
            )
        except ReportUnknown:
            raise not_found("report", report) from None
        except KeyReused as error:
            raise reused(error) from None
        except ReportRefused as refused:
            at = None if refused.at is None else format_instant(refused.at)
            raise Problem(
                409, "conflict", str(refused), remedy=refused.remedy, verified_by=refused.by, verified_at=at
            ) from None
    return report_item(row)


def _feature(row: ReportRow, display_crs: str | None = None) -> dict[str, Any]:
    item = report_item(row)
    place = item.pop("place")
    return point_feature(item["report"], (place["longitude"], place["latitude"]), item, display_crs=display_crs)


def _check_text(field: str, text: str | None) -> None:
    what = None if text is None else personal_data(text)
    if what is not None:
        raise _personal(field, what)


def _personal(field: str, what: str) -> Problem:
    return invalid(
        field,
        f"holds what looks like {what}, and personal data is not kept here",
        "leave it out; keep it in your own system and send your ticket's number as `reference`",
    )


def _number(report: str) -> int:
    return int(report.rpartition(".")[2])
