"""Hand-overs between shifts: made by one person, taken over by another, read and printed by all."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.access import AtDesk, Principal, Reader, check_city
from app.actions import InvalidField, KeyReused
from app.api.bodies import KeyField, KeyHeader, Reason, one_key, reused
from app.api.context import context_of
from app.api.lines import Mode, TimeText
from app.api.modes import ModeFilter, modes_of
from app.api.negotiation import preferred
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    Word,
    decode_number_cursor,
    page_limit,
    page_of,
    written,
    written_or_none,
)
from app.api.performance import language_of
from app.api.problems import Problem, invalid, not_found
from app.hand_over_page import hand_over_html
from app.rule_names import rule_names
from app.shifts import HandOverRefused, HandOverUnknown, PositionUnknown, Wanted, hand_over, take_over
from model.bilingual import Language
from model.report import personal_data
from store.positions import find_positions
from store.shifts import HandOver, find_hand_over, find_hand_overs
from store.status import read_cities

router = APIRouter(prefix="/shifts/hand-overs", tags=["shifts"])
Number = Annotated[int, Path(ge=1, le=2**62, examples=[12])]
HTML, JSON = "text/html", "application/json"


def _impersonal(text: str) -> str:
    found = personal_data(text)
    if found is not None:
        raise ValueError(f"there is what looks like {found} in it; leave it out, and name the report or the asset")
    return text


Note = Annotated[Reason, AfterValidator(_impersonal)]


class HandOverBody(BaseModel):
    """What is handed over: the position, new notes, and which notes of the last hand-over are done with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"position": "jiayuguan.default", "notes": ["crew 3 digs at well W-17 until noon"]}]
        },
    )

    position: Word
    notes: list[Note] = Field(default=[], max_length=50, description="No names or telephone numbers of householders")
    strike: list[Word] = Field(default=[], max_length=100, description="`note` of those that are done with")
    to: Word | None = Field(default=None, description="Label of the key of who takes over; without it whoever does")
    idempotency_key: KeyField = None


class NoteItem(BaseModel):
    """A note; it is carried over until somebody strikes it off."""

    note: str
    text: str
    by: str
    at: TimeText


class HandOverItem(BaseModel):
    """A hand-over, as it was made: nobody changes it."""

    hand_over: int
    position: str
    city: str
    mode: Mode
    handed_by: str
    handed_to: str | None
    handed_at: TimeText
    accepted_by: str | None
    accepted_at: TimeText | None
    notes: list[NoteItem]
    struck: list[NoteItem] = Field(description="Notes of the one before that were done with")
    snapshot: dict[str, Any] = Field(
        description="How the position stood: open alarms by severity and state; unacknowledged; suppressed with until"
        " when, by whom and why; work under way; open incidents; floods. At most 200 rows of each, with the total"
    )


class HandOverPage(BaseModel):
    """A page of hand-overs, newest first."""

    hand_overs: list[HandOverItem]
    modes: list[Mode]
    next: str | None = Field(description="`after` of the next page; null on the last")


class HandOverFilters(Parameters):
    """Which hand-overs; without `mode`, `city` and `position` no exercise's."""

    position: Word | None = None
    city: Word | None = None
    mode: ModeFilter = None
    limit: PageRows = None
    after: Cursor | None = None


class PageParameters(Parameters):
    """In which language a page is."""

    language: Language | None = Field(default=None, description="Else as Accept-Language prefers")


@router.post("", response_model=HandOverItem, status_code=201, summary="Hand a position over")
async def post_hand_over(
    request: Request, caller: AtDesk, body: HandOverBody, idempotency_key: KeyHeader = None
) -> dict[str, Any]:
    """Keep how the position stands now, with notes, for whoever takes it over. The same request again is one."""
    context = context_of(request)
    key = one_key(idempotency_key, body.idempotency_key)
    wanted = Wanted(body.position, tuple(body.notes), tuple(dict.fromkeys(body.strike)), body.to, key)
    async with context.reading() as connection:
        try:
            return _item(await hand_over(connection, wanted, caller, context.clock()))
        except PositionUnknown:
            raise not_found("position", body.position) from None
        except KeyReused as error:
            raise reused(error) from None
        except InvalidField as error:
            raise invalid(error.field, str(error), error.remedy) from None
        except HandOverRefused as refused:
            raise _problem(refused) from None


@router.get("", response_model=HandOverPage, summary="Hand-overs")
async def list_hand_overs(
    request: Request, caller: Reader, filters: Annotated[HandOverFilters, Query()]
) -> dict[str, Any]:
    """List hand-overs, newest first."""
    context = context_of(request)
    check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, min(20, context.limits.page_rows_default), 100)
    before = decode_number_cursor(filters.after)
    modes = modes_of(filters.mode, named=filters.city is not None or filters.position is not None)
    async with context.reading() as connection:
        rows = await find_hand_overs(
            connection, caller.areas, rows_max + 1, position=filters.position, city=filters.city, modes=modes,
            before=before,
        )  # fmt: skip
    page, following = page_of(rows, rows_max, lambda row: (row.hand_over,))
    return {"hand_overs": [_item(row) for row in page], "modes": modes, "next": following}


@router.get("/{hand_over}.html", response_class=HTMLResponse, summary="One hand-over, to print")
async def get_hand_over_page(
    request: Request, caller: Reader, hand_over: Number, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Return a hand-over as a page to print and sign."""
    return await _one(request, caller, hand_over, parameters, as_page=True)


@router.get(
    "/{hand_over}",
    response_model=HandOverItem,
    summary="One hand-over",
    responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}},
)
async def get_hand_over(
    request: Request, caller: Reader, hand_over: Number, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Return a hand-over, as a page to print where Accept prefers HTML."""
    as_page = preferred(request.headers.get("accept"), (JSON, HTML)) == HTML
    return await _one(request, caller, hand_over, parameters, as_page=as_page)


@router.post("/{hand_over}/accept", response_model=HandOverItem, summary="Take a position over")
async def accept(request: Request, caller: AtDesk, hand_over: Number) -> dict[str, Any]:
    """Take over what another person has handed over; the newest hand-over of its position, and only once."""
    context = context_of(request)
    async with context.reading() as connection:
        try:
            return _item(await take_over(connection, hand_over, caller, context.clock()))
        except HandOverUnknown:
            raise not_found("hand-over", str(hand_over)) from None
        except HandOverRefused as refused:
            raise _problem(refused) from None


async def _one(
    request: Request, caller: Principal, number: int, parameters: PageParameters, *, as_page: bool
) -> Response:
    async with context_of(request).reading() as connection:
        found = await find_hand_over(connection, number, caller.areas)
        if found is None:
            raise not_found("hand-over", str(number))
        positions = await find_positions(connection, caller.areas)
        zones = {city.city: city.time_zone for city in await read_cities(connection, caller.areas)}
        rules = await rule_names(connection) if as_page else {}
    if not as_page:
        return JSONResponse(_item(found))
    language = language_of(request, parameters.language)
    named = next((one for one in positions if one.position == found.position), None)
    name = found.position if named is None else (named.name_zh if language == "zh" else named.name) or found.position
    zone = zones.get(found.city, "UTC")
    return HTMLResponse(hand_over_html(_item(found), name, zone, language, rules))


def _problem(refused: HandOverRefused) -> Problem:
    status, kind = (403, "forbidden") if refused.forbidden else (409, "conflict")
    return Problem(status, kind, str(refused), field=refused.field, remedy=refused.remedy)


def _item(row: HandOver) -> dict[str, Any]:
    return row._asdict() | {
        "handed_at": written(row.handed_at),
        "accepted_at": written_or_none(row.accepted_at),
    }
