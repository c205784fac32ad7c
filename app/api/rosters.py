"""Rosters: who is on duty for what, and within what time alarms are to be dealt with."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from app.access import Reader, check_city, check_whole_city
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import Parameters, Time, Word, written
from app.api.problems import not_found
from model.escalation import PROPOSED, Deadlines, Duty
from model.instant import format_instant, to_milliseconds
from model.position import SystemName
from model.roster import Roster, Team, stored_rosters
from store.rosters import find_rosters, rosters_of

router = APIRouter(prefix="/rosters", tags=["rosters"])


class CityItem(BaseModel):
    """A city's rosters as they are in force."""

    city: str
    version: str
    imported_at: TimeText
    imported_by: str
    teams: list[Team]
    rosters: list[Roster]
    escalation: list[Deadlines]
    escalation_is_proposed: bool = Field(description="The file has none, and what Lifeline proposes is in force")


class RosterPage(BaseModel):
    """The rosters of the cities within the caller's areas. A city without a file has no deadlines."""

    rosters: list[CityItem]


class RosterFilters(Parameters):
    """Which rosters."""

    city: Word | None = None


class OnDutyItem(BaseModel):
    """A team or person on duty."""

    who: str
    members: list[str] = Field(description="Of a team")
    duty: Duty
    roster: str
    fits: list[str] = Field(description="By what the roster is for this place", examples=[["district xiongguan"]])
    until: TimeText


class OnDutyPage(BaseModel):
    """Who is on duty at a time, narrowest roster first."""

    city: str
    at: TimeText
    on_duty: list[OnDutyItem]


class OnDutyFilters(Parameters):
    """For what place and time."""

    city: Word
    district: Word | None = None
    system: SystemName
    grid: Word | None = None
    at: Time | None = Field(default=None, description="Now where it is left out")


@router.get("", response_model=RosterPage, response_model_by_alias=True, summary="Rosters in force")
async def list_rosters(request: Request, caller: Reader, filters: Annotated[RosterFilters, Query()]) -> dict[str, Any]:
    """List the teams, rosters and deadlines of each city."""
    check_city(caller, filters.city)
    async with context_of(request).reading() as connection:
        rows = await find_rosters(connection, caller.areas, filters.city)
    found = []
    for row in rows:
        file = stored_rosters(row.content)
        found.append(
            {
                "city": row.city,
                "version": row.version,
                "imported_at": written(row.imported_at),
                "imported_by": row.imported_by,
                "teams": file.teams,
                "rosters": file.rosters,
                "escalation": PROPOSED if file.escalation is None else file.escalation,
                "escalation_is_proposed": file.escalation is None,
            }
        )
    return {"rosters": found}


@router.get("/on-duty", response_model=OnDutyPage, summary="Who is on duty")
async def on_duty(request: Request, caller: Reader, filters: Annotated[OnDutyFilters, Query()]) -> dict[str, Any]:
    """Say who is on duty for a place of a city at a time, as assignment and escalation choose."""
    check_whole_city(caller, filters.city)
    context = context_of(request)
    at = context.clock() if filters.at is None else to_milliseconds(filters.at)
    async with context.reading() as connection:
        city = (await rosters_of(connection, [filters.city])).get(filters.city)
    if city is None:
        raise not_found("a roster of city", filters.city)
    found = city.on_duty(filters.district or "", filters.system, at, filters.grid)
    items = [
        {
            "who": one.who,
            "members": list(one.members),
            "duty": one.duty,
            "roster": one.roster,
            "fits": list(one.fits),
            "until": format_instant(to_milliseconds(one.until)),
        }
        for one in found
    ]
    return {"city": filters.city, "at": format_instant(at), "on_duty": items}
