"""Cities' rosters and deadlines in force, and who is on duty by them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from model.audit import Action
from model.escalation import PROPOSED, Deadlines
from model.instant import to_datetime
from model.roster import FIRST_CALLED, OnDuty, RosterFile, on_duty_at, people, stored_rosters
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool


class CityRosters(NamedTuple):
    """A city's rosters in force and its time zone."""

    file: RosterFile
    time_zone: str

    @property
    def deadlines(self) -> Sequence[Deadlines]:
        """The city's own deadlines, else those proposed."""
        return PROPOSED if self.file.escalation is None else self.file.escalation

    def on_duty(self, district: str, system: str, at: int, grid: str | None = None) -> list[OnDuty]:
        """Return who is on duty at `at` (epoch milliseconds), as model.roster.on_duty_at does."""
        return on_duty_at(self.file, district, system, to_datetime(at).astimezone(ZoneInfo(self.time_zone)), grid=grid)


async def rosters_of(connection: Connection | Pool, cities: Iterable[str]) -> dict[str, CityRosters]:
    """Return the rosters in force of those of the cities that have some."""
    rows = await connection.fetch(
        "select r.city, r.content, c.time_zone from roster_file r join city c using (city)"
        " where r.in_force and r.city = any($1::text[])",
        list(cities),
    )
    return {row["city"]: CityRosters(stored_rosters(row["content"]), row["time_zone"]) for row in rows}


async def on_duty(
    connection: Connection | Pool,
    city: str,
    district: str,
    system: str,
    at: int,
    *,
    duties: Sequence[str] = FIRST_CALLED,
) -> list[str]:
    """Return who is on duty for a place at `at` (epoch milliseconds), narrowest roster first, teams and members."""
    found = (await rosters_of(connection, [city])).get(city)
    return [] if found is None else people(found.on_duty(district, system, at), duties)


class RosterRow(NamedTuple):
    """A city's rosters as they came into force."""

    city: str
    version: str
    content: str
    imported_at: datetime
    imported_by: str


async def find_rosters(connection: Connection | Pool, areas: Sequence[str], city: str | None = None) -> list[RosterRow]:
    """Return the rosters in force within the areas, by city."""
    conditions = Conditions()
    conditions.add("in_force")
    conditions.within("city", areas)
    conditions.add_equal("city", city)
    rows = await connection.fetch(
        f"select city, version, content, imported_at, imported_by from roster_file where {conditions} order by city",
        *conditions.values,
    )
    return [RosterRow(*row) for row in rows]


async def city_exists(connection: Connection | Pool, city: str) -> bool:
    """Return whether the city is registered."""
    return bool(await connection.fetchval("select exists (select from city where city = $1)", city))


async def put_rosters_in_force(connection: Connection, file: RosterFile, actor: str) -> bool:
    """Put a registered city's rosters in the place of those in force; False where they are in force already."""
    async with connection.transaction():
        await connection.execute("lock table roster_file in share row exclusive mode")
        present = await connection.fetchval("select version from roster_file where city = $1 and in_force", file.city)
        if present == file.version:
            return False
        await connection.execute("update roster_file set in_force = false where city = $1 and in_force", file.city)
        await connection.execute(
            "insert into roster_file (city, version, content, imported_by) values ($1, $2, $3, $4)",
            file.city,
            file.version,
            file.content,
            actor,
        )
        await record(
            connection, actor=actor, action=Action.ROSTERS_IMPORTED, subject=file.city, city=file.city,
            details={"version": file.version, "replaces": present},
        )  # fmt: skip
    return True
