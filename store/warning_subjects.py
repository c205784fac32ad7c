"""What a warning is drafted from, as the database has it: places of sensors, members of incidents, a city's levels."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from model.audit import Action
from model.cap import Point
from model.warning_level import FOUR_LEVELS, CityWarnings
from store.audit import record
from store.conditions import Conditions, in_degrees
from store.pool import Connection, Pool

_PLACED = f"s.longitude is not null and {in_degrees('s.definition')}"


async def district_places(connection: Connection, city: str, district: str, rows_max: int) -> list[Point]:
    """Return the places of a district's sensors."""
    rows = await connection.fetch(
        f"select s.longitude, s.latitude from sensor s where s.city = $1 and s.district = $2 and {_PLACED} limit $3",
        city,
        district,
        rows_max,
    )
    return [(row["longitude"], row["latitude"]) for row in rows]


# An incident that was merged into another stands for that one.
_MEMBERS = (
    " from incident i join incident_member m on m.incident = coalesce(i.merged_into, i.incident) and m.kind = 'alarm'"
    " join alarm a on a.alarm = m.member"
)


async def incident_alarm(connection: Connection, incident: str, areas: Sequence[str]) -> str | None:
    """Return the gravest alarm of an incident, the first raised of several; None where there is none."""
    conditions = Conditions()
    conditions.add_equal("i.incident", incident)
    conditions.within("i.city", areas)
    conditions.within("a.city", areas)
    found: str | None = await connection.fetchval(
        f"select a.alarm{_MEMBERS} where {conditions}"
        " order by a.class = 'process' desc, a.severity desc, a.peak_severity desc, a.raised_at, a.alarm limit 1",
        *conditions.values,
    )
    return found


async def incident_places(connection: Connection, incident: str, rows_max: int) -> list[Point]:
    """Return the places of the sensors of an incident's alarms. The caller has found it within the areas."""
    rows = await connection.fetch(
        f"select distinct s.longitude, s.latitude{_MEMBERS} join sensor s on s.sensor = a.sensor and s.city = a.city"
        f" where i.incident = $1 and {_PLACED} limit $2",
        incident,
        rows_max,
    )
    return [(row["longitude"], row["latitude"]) for row in rows]


async def city_warnings(connection: Connection | Pool, city: str) -> CityWarnings:
    """Return how a city warns; in all four levels where nothing is set."""
    definition = await connection.fetchval(
        "select definition from city_warnings where city = $1 order by change desc limit 1", city
    )
    if definition is None:
        return CityWarnings(levels=FOUR_LEVELS)
    return msgspec.json.decode(definition, type=CityWarnings)


async def set_city_warnings(connection: Connection, city: str, given: CityWarnings, by: str, at: datetime) -> bool:
    """Keep how a city warns from now on; False where the city is not registered."""
    async with connection.transaction():
        status = await connection.execute(
            "insert into city_warnings (city, changed_at, changed_by, definition)"
            " select city, $2, $3, $4 from city where city = $1",
            city,
            at,
            by,
            msgspec.json.encode(given).decode(),
        )
        if status == "INSERT 0 0":
            return False
        await record(connection, actor=by, action=Action.WARNING_LEVELS_SET, subject=city, city=city)
    return True
