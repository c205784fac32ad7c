"""Floods of alarms in the database: what the watch of each position remembers, and what is folded."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from model.instant import to_datetime, to_milliseconds
from store.conditions import Conditions
from store.pool import Connection, Pool

Key = tuple[str, str]  # position and mode


class StoredFlood(NamedTuple):
    """A flood. Times are epoch milliseconds; `ends` is when it is over if nothing more comes, `ended` None until then.

    `folded` counts alarms.
    """

    flood: int
    position: str
    city: str
    mode: str
    began: int
    ends: int
    ended: int | None
    first_out: str
    annunciated: int
    red: bool
    folded: int


class FoldedGroup(NamedTuple):
    """The folded alarms of one rule, or of one incident, in a flood: the line that they stand behind."""

    incident: str | None
    rule: str | None
    systems: list[str]
    alarms: int
    standing: int
    severity: int
    oldest: datetime
    newest: datetime
    examples: list[str]


_COLUMNS = "f.flood, f.position, f.city, f.mode, f.began_at, f.ends_at, f.ended_at, f.first_out, f.annunciated, f.red"
_FOLDED = "(select count(*) from flood_alarm a where a.flood = f.flood and a.folded)"


async def read_watches(connection: Connection, keys: Iterable[Key]) -> dict[Key, bytes]:
    """Return what the watches of positions and modes remember, as it was saved."""
    positions, modes = list(zip(*keys, strict=True)) or ((), ())
    rows = await connection.fetch(
        "select position, mode, recent from flood_watch join unnest($1::text[], $2::text[]) as k (position, mode)"
        " using (position, mode)",
        list(positions),
        list(modes),
    )
    return {(row["position"], row["mode"]): row["recent"].encode() for row in rows}


async def save_watches(connection: Connection, recent: Mapping[Key, bytes]) -> None:
    """Keep what the watches remember."""
    await connection.execute(
        "insert into flood_watch select * from unnest($1::text[], $2::text[], $3::text[]::jsonb[])"
        " on conflict (position, mode) do update set recent = excluded.recent",
        [position for position, _ in recent],
        [mode for _, mode in recent],
        [saved.decode() for saved in recent.values()],
    )


async def present_floods(connection: Connection | Pool) -> list[StoredFlood]:
    """Return the floods that stand; `folded` is left at 0."""
    rows = await connection.fetch(f"select {_COLUMNS}, 0 as folded from flood f where f.ended_at is null")
    return [_flood(row) for row in rows]


async def begin_flood(connection: Connection, flood: StoredFlood) -> int:
    """Keep a flood that begins, and return its number."""
    number: int = await connection.fetchval(
        "insert into flood (position, city, mode, began_at, ends_at, ended_at, first_out, annunciated, red)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning flood",
        flood.position,
        flood.city,
        flood.mode,
        to_datetime(flood.began),
        to_datetime(flood.ends),
        None if flood.ended is None else to_datetime(flood.ended),
        flood.first_out,
        flood.annunciated,
        flood.red,
    )
    return number


async def update_flood(connection: Connection, flood: StoredFlood) -> None:
    """Bring a flood up to how it stands or ended."""
    await connection.execute(
        "update flood set ends_at = $2, ended_at = $3, first_out = $4, annunciated = $5, red = $6 where flood = $1",
        flood.flood,
        to_datetime(flood.ends),
        None if flood.ended is None else to_datetime(flood.ended),
        flood.first_out,
        flood.annunciated,
        flood.red,
    )


async def join_flood(connection: Connection, flood: int, joined: Sequence[tuple[str, int, int, bool]]) -> None:
    """Keep what was annunciated in a flood: (alarm, severity, epoch milliseconds, whether folded), each alarm once."""
    await connection.execute(
        "insert into flood_alarm select $1, * from unnest($2::text[], $3::smallint[], $4::timestamptz[], $5::bool[])"
        " on conflict (flood, alarm) do update set severity = excluded.severity,"
        " annunciated_at = excluded.annunciated_at, folded = excluded.folded",
        flood,
        [alarm for alarm, *_ in joined],
        [severity for _, severity, *_ in joined],
        [to_datetime(known_at) for *_, known_at, _ in joined],
        [folded for *_, folded in joined],
    )


async def fold_severity(connection: Connection, flood: int, severity: int) -> None:
    """Fold what a flood holds of one severity (integer) but its first-out: what stood beside came to stand behind."""
    await connection.execute(
        "update flood_alarm set folded = true where flood = $1 and severity = $2 and not folded"
        " and alarm <> (select first_out from flood where flood = $1)",
        flood,
        severity,
    )


async def find_floods(
    connection: Connection | Pool,
    positions: Sequence[str],
    areas: Sequence[str],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    modes: Sequence[str] | None = None,
    rows_max: int = 1_000,
) -> list[StoredFlood]:
    """Return the floods of positions that overlap start <= time < end, newest first; without a span those standing."""
    conditions = Conditions()
    conditions.within("f.city", areas)
    conditions.add_among("f.position", positions)
    if start is None or end is None:
        conditions.add("f.ended_at is null")
    else:
        conditions.add("f.began_at < ? and coalesce(f.ended_at, 'infinity') > ?", end, start)
    conditions.add_among("f.mode", modes)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_COLUMNS}, {_FOLDED} as folded from flood f where {conditions}"
        f" order by f.began_at desc, f.flood desc limit {limit}",
        *conditions.values,
    )
    return [_flood(row) for row in rows]


async def folded_groups(connection: Connection | Pool, flood: int, areas: Sequence[str]) -> list[FoldedGroup]:
    """Return what a flood folds, the gravest and largest group first, with five alarms of each as examples.

    Alarms that belong together are a group, those that belong to no other one are grouped by rule.
    """
    conditions = Conditions()
    conditions.add("f.flood = ? and f.folded", flood)
    conditions.within("a.city", areas)
    rows = await connection.fetch(
        "select i.incident, case when i.incident is null then a.rule end as rule, array_agg(distinct a.system),"
        " count(*), count(*) filter (where a.condition <> 'normal'), max(f.severity),"
        " min(f.annunciated_at), max(f.annunciated_at),"
        " (array_agg(a.alarm order by f.severity desc, f.annunciated_at, a.alarm))[:5]"
        " from flood_alarm f join alarm a using (alarm)"
        " left join incident_member m on m.member = a.alarm and m.kind = 'alarm'"
        " left join incident i on i.incident = m.incident and i.members > 1"
        f" where {conditions} group by 1, 2 order by max(f.severity) desc, count(*) desc, 2, 1",
        *conditions.values,
    )
    return [FoldedGroup(*row) for row in rows]


def _flood(row: Sequence[Any]) -> StoredFlood:
    flood, position, city, mode, began, ends, ended, *rest = row
    until = None if ended is None else to_milliseconds(ended)
    return StoredFlood(flood, position, city, mode, to_milliseconds(began), to_milliseconds(ends), until, *rest)
