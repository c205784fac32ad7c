"""Operators' positions: which alarms each desk sees to, and the flood of alarms that it may stand in."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from app.access import Principal, Reader, allowed, check_city
from app.api.context import context_of
from app.api.lines import Mode, TimeText
from app.api.parameters import Parameters, Word, written
from app.api.problems import Problem, invalid, not_found
from app.roles import Role
from model.alarm import LABELS_WITH_NONE
from model.instant import format_instant, to_datetime
from model.position import POSITIONS_MAX, Position, PositionName, PositionWords
from store.floods import FoldedGroup, StoredFlood, find_floods, folded_groups
from store.positions import (
    DistrictUnknown,
    check_districts,
    find_positions,
    load_positions,
    remove_position,
    write_positions,
)
from store.status import read_cities

router = APIRouter(prefix="/positions", tags=["positions"])
PositionKeeper = Annotated[Principal, Depends(allowed(frozenset({Role.SUPERVISOR, Role.SYSTEM_ADMINISTRATOR})))]
AnyPosition = Annotated[Word, Path(examples=["jiayuguan.default"])]


class FloodItem(BaseModel):
    """A flood of alarms: more than 10 annunciations within 10 minutes, until fewer than 5 remain of the last 10."""

    flood: int
    mode: Mode
    began_at: TimeText
    ends_at: TimeText = Field(description="When it is over if nothing more is annunciated, or when it was")
    first_out: str = Field(description="The alarm that came first of those that made it a flood")
    annunciated: int
    folded: int = Field(description="Alarms that stand behind one line of their incident or rule")


class PositionItem(BaseModel):
    """A position. `{city}.default` takes what no configured position of its city takes."""

    position: str
    city: str
    name: str
    name_zh: str
    districts: list[str] = Field(description="Empty: all")
    systems: list[str] = Field(description="Empty: all")
    configured: bool
    floods: list[FloodItem] = Field(description="That stand now, one for each mode")


class Positions(BaseModel):
    """The positions of the cities within the caller's areas."""

    positions: list[PositionItem]


class FoldedItem(BaseModel):
    """One line of a flood: the folded alarms of an incident, or of a rule. Each is there in `/alarms`, unchanged."""

    incident: str | None
    rule: str | None = Field(description="null where they are an incident")
    systems: list[str]
    alarms: int
    standing: int = Field(description="Of these, whose condition still holds")
    severity: str = Field(description="The highest", examples=["yellow"])
    oldest_at: TimeText
    newest_at: TimeText
    examples: list[str]


class FloodView(FloodItem):
    """A flood with what it folds, the gravest first."""

    groups: list[FoldedItem]


class PositionFloods(BaseModel):
    """The floods that a position stands in now."""

    position: str
    floods: list[FloodView]


class PositionFilters(Parameters):
    """Of which city."""

    city: Word | None = None


@router.get("", response_model=Positions, summary="Operators' positions")
async def list_positions(
    request: Request, caller: Reader, filters: Annotated[PositionFilters, Query()]
) -> dict[str, Any]:
    """List the positions, each city's default one last, and whether they stand in a flood of alarms."""
    check_city(caller, filters.city)
    async with context_of(request).reading() as connection:
        found = await find_positions(connection, caller.areas)
        positions = [one for one in found if filters.city in (None, one.city)]
        floods = await find_floods(connection, [one.position for one in positions], caller.areas)
    return {"positions": [_item(one, floods) for one in positions]}


@router.get("/{position}/flood", response_model=PositionFloods, summary="The flood that it stands in")
async def get_flood(request: Request, caller: Reader, position: AnyPosition) -> dict[str, Any]:
    """Return the floods that a position stands in now, what came first, and the folded alarms by incident or rule."""
    async with context_of(request).reading() as connection:
        if all(one.position != position for one in await find_positions(connection, caller.areas)):
            raise not_found("position", position)
        floods = [
            (one, await folded_groups(connection, one.flood, caller.areas))
            for one in await find_floods(connection, [position], caller.areas)
        ]
    shown = [_flood(one) | {"groups": [_group(group) for group in groups]} for one, groups in floods]
    return {"position": position, "floods": shown}


@router.put("/{position}", response_model=PositionItem, summary="Configure a position")
async def put_position(
    request: Request, caller: PositionKeeper, position: Annotated[PositionName, Path()], body: PositionWords
) -> dict[str, Any]:
    """Configure a position, in the place of the one of its id. Alarms that come from now on go by it."""
    context = context_of(request)
    async with context.reading() as connection, connection.transaction():
        known = {one.city for one in await read_cities(connection, caller.areas)}
        if body.city not in known:
            raise invalid("city", f"{body.city!r} is not registered or outside your areas", "name one of your cities")
        configured = await load_positions(connection)
        before = next((one for one in configured if one.position == position), None)
        if before is not None and not caller.sees(before.city):
            raise Problem(409, "conflict", f"position {position!r} is another city's", remedy="take another id")
        if before is None and sum(one.city == body.city for one in configured) >= POSITIONS_MAX:
            raise invalid("city", f"has {POSITIONS_MAX} positions already", "take one away first")
        wanted = body.as_position(position)
        try:
            await check_districts(connection, [wanted])
        except DistrictUnknown as error:
            raise invalid("districts", str(error), error.remedy) from None
        await write_positions(connection, [wanted], to_datetime(context.clock()), caller.label)
        floods = await find_floods(connection, [position], caller.areas)
    return _item(wanted, floods)


@router.delete("/{position}", status_code=204, summary="Take a position away")
async def delete_position(
    request: Request, caller: PositionKeeper, position: Annotated[PositionName, Path()]
) -> Response:
    """Take a position away; what it took goes to the city's other positions or its default one."""
    async with context_of(request).reading() as connection:
        if not await remove_position(connection, position, caller.areas, caller.label):
            raise not_found("position", position)
    return Response(status_code=204)


def _item(one: Position, floods: list[StoredFlood]) -> dict[str, Any]:
    return {
        "position": one.position,
        "city": one.city,
        "name": one.name,
        "name_zh": one.name_zh,
        "districts": list(one.districts),
        "systems": list(one.systems),
        "configured": not one.is_default,
        "floods": [_flood(flood) for flood in floods if flood.position == one.position],
    }


def _flood(one: StoredFlood) -> dict[str, Any]:
    return {
        "flood": one.flood,
        "mode": one.mode,
        "began_at": format_instant(one.began),
        "ends_at": format_instant(one.ends),
        "first_out": one.first_out,
        "annunciated": one.annunciated,
        "folded": one.folded,
    }


def _group(one: FoldedGroup) -> dict[str, Any]:
    return {
        "incident": one.incident,
        "rule": one.rule,
        "systems": one.systems,
        "alarms": one.alarms,
        "standing": one.standing,
        "severity": LABELS_WITH_NONE[one.severity] or "instrument",
        "oldest_at": written(one.oldest),
        "newest_at": written(one.newest),
        "examples": one.examples,
    }
