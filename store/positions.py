"""Operators' positions in the database."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from model.audit import Action
from model.position import Position, default_position
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool, in_transaction

_COLUMNS = "position, city, name, name_zh, districts, systems"
DISTRICTS_TOLD_MAX = 20


class DistrictUnknown(Exception):
    """No sensor of the position's city is in `district`; its sensors are in those `known`, or in none ("")."""

    def __init__(self, position: Position, district: str, known: Collection[str]) -> None:
        super().__init__(f"no sensor of {position.city} is in district {district!r}")
        self.position = position
        names = sorted(name for name in known if name)[:DISTRICTS_TOLD_MAX]
        self.remedy = (
            f"its sensors are in {', '.join(names)}" if names else "its sensors have none: leave districts out"
        )


async def check_districts(connection: Connection | Pool, positions: Sequence[Position]) -> None:
    """Raise DistrictUnknown where a position would never get an alarm; a city that has no sensors yet takes any."""
    rows = await connection.fetch(
        "select city, array_agg(distinct district) as known from sensor where city = any($1) group by city",
        list({one.city for one in positions if one.districts}),
    )
    known = {row["city"]: row["known"] for row in rows}
    for one in positions:
        for district in one.districts:
            if one.city in known and district not in known[one.city]:
                raise DistrictUnknown(one, district, known[one.city])


async def load_positions(connection: Connection | Pool, cities: Iterable[str] | None = None) -> list[Position]:
    """Return the configured positions by id, of all cities or of those named."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from position where $1::text[] is null or city = any($1) order by position",
        None if cities is None else list(cities),
    )
    return [_position(row) for row in rows]


async def find_positions(connection: Connection | Pool, areas: Sequence[str]) -> list[Position]:
    """Return the positions within the areas, by city and id; each city's default one is the last of its own.

    A default position is there whether or not configured ones leave anything to it.
    """
    conditions = Conditions()
    conditions.within("city", areas)
    rows = await connection.fetch(f"select {_COLUMNS} from position where {conditions}", *conditions.values)
    cities = await connection.fetch(f"select city from city where {conditions}", *conditions.values)
    found = [_position(row) for row in rows] + [default_position(row["city"]) for row in cities]
    return sorted(found, key=lambda one: (one.city, one.is_default, one.position))


async def write_positions(
    connection: Connection, positions: Sequence[Position], changed_at: datetime, changed_by: str
) -> None:
    """Configure positions, each in the place of the one of its id, in the caller's transaction."""
    await connection.executemany(
        "insert into position (position, city, name, name_zh, districts, systems, changed_at, changed_by)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (position) do update set city = excluded.city,"
        " name = excluded.name, name_zh = excluded.name_zh, districts = excluded.districts,"
        " systems = excluded.systems, changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        [
            (p.position, p.city, p.name, p.name_zh, list(p.districts), list(p.systems), changed_at, changed_by)
            for p in positions
        ],
    )
    for city in sorted({p.city for p in positions}):
        subject = ", ".join(p.position for p in positions if p.city == city)
        await record(connection, actor=changed_by, action=Action.POSITION_SET, subject=subject, city=city)


async def remove_position(connection: Connection | Pool, position: str, areas: Sequence[str], by: str) -> bool:
    """Take a position away; return whether it was there within the areas."""
    conditions = Conditions()
    conditions.add_equal("position", position)
    conditions.within("city", areas)
    async with in_transaction(connection) as within:
        city = await within.fetchval(f"delete from position where {conditions} returning city", *conditions.values)
        if city is not None:
            await record(within, actor=by, action=Action.POSITION_DELETED, subject=position, city=city)
    return city is not None


def _position(row: Any) -> Position:
    return Position(**dict(row) | {"districts": tuple(row["districts"]), "systems": tuple(row["systems"])})
