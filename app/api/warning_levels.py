"""How a city warns: which of the four colours it has, what it calls them, and in whose name it speaks."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from app.access import Principal, Reader, allowed, check_whole_city
from app.api.context import context_of
from app.api.lines import Severity
from app.api.parameters import CityInPath
from app.api.problems import invalid, not_found
from app.api.warning_bodies import ShortText
from app.roles import Role
from model.instant import to_datetime
from model.warning_level import GEOCODES_MAX, CityWarnings, InvalidLevels, WarningLevel, named_levels
from store.warning_subjects import city_warnings, set_city_warnings

router = APIRouter(prefix="/warning-levels", tags=["warnings"])
SystemAdministrator = Annotated[Principal, Depends(allowed(frozenset({Role.SYSTEM_ADMINISTRATOR})))]


class Level(BaseModel):
    """A colour, and its names; left empty, they are 一级（红） and so on, counted from the highest."""

    model_config = ConfigDict(extra="forbid")

    colour: Severity
    label_en: ShortText = ""
    label_zh: ShortText = ""


class CityLevels(BaseModel):
    """How a city warns. An alarm becomes a warning of the lowest level that is not below it; so red is always there."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"levels": [{"colour": "red"}, {"colour": "orange"}, {"colour": "yellow"}]}]},
    )

    levels: list[Level] = Field(min_length=1, max_length=4)
    sender_name: ShortText = Field(default="", description="In English; without it the city's name")
    sender_name_zh: ShortText = ""
    geocodes: list[tuple[ShortText, ShortText]] = Field(
        default_factory=list,
        max_length=GEOCODES_MAX,
        description="Lists and codes",
        examples=[[["GB/T 2260", "620200"]]],
    )


@router.get("/{city}", response_model=CityLevels, summary="How a city warns")
async def get_levels(request: Request, caller: Reader, city: CityInPath) -> CityLevels:
    """Return a city's levels, highest first, its sender's names and geocodes; four levels where nothing is set."""
    check_whole_city(caller, city)
    async with context_of(request).reading() as connection:
        return _answer(await city_warnings(connection, city))


@router.put("/{city}", response_model=CityLevels, summary="Set how a city warns")
async def put_levels(request: Request, caller: SystemAdministrator, city: CityInPath, body: CityLevels) -> CityLevels:
    """Set how a city warns from now on; what was drafted and sent before stays as it is."""
    check_whole_city(caller, city)
    context = context_of(request)
    try:
        levels = named_levels([WarningLevel(level.colour, level.label_en, level.label_zh) for level in body.levels])
    except InvalidLevels as error:
        raise invalid("levels", str(error), "name red and up to three others of orange, yellow and blue") from None
    given = CityWarnings(
        levels=levels,
        sender_name=body.sender_name,
        sender_name_zh=body.sender_name_zh,
        geocodes=tuple(body.geocodes),
    )
    async with context.reading() as connection:
        if not await set_city_warnings(connection, city, given, caller.label, to_datetime(context.clock())):
            raise not_found("city", city)
    return _answer(given)


def _answer(given: CityWarnings) -> CityLevels:
    return CityLevels.model_validate(msgspec.to_builtins(given))
