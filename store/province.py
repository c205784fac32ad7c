"""What partners published: their cities, journal lines and alarms, each line once, in whatever order they come."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from model.reading import Rejection
from store.pool import Connection

PROVINCE_LOCK = 0x4C46_0037  # held to the commit, so that the order of arrivals is the order of commits

CLOCK_AHEAD_MAX = timedelta(seconds=60)  # of a city's clock, before ours

AlarmKey = tuple[str, str]
"""(city, alarm)."""


class StoredLine(NamedTuple):
    """A line as it came; the first three name it."""

    city: str
    alarm: str
    sequence: int
    line: str


class AlarmFacts(NamedTuple):
    """An alarm as its lines that are here tell it; severities as integers, 0 none and 1 blue to 4 red."""

    city: str
    alarm: str
    rule: str
    kind: str
    sensor: str
    system: str
    district: str
    alarm_class: str
    state: str
    severity: int
    peak_severity: int
    condition: str
    mode: str
    sequence: int
    missing: int
    escalated_sequence: int
    raised_at: datetime
    changed_at: datetime


class SilentCity(NamedTuple):
    """A city whose status has not come: since when, its mode by our registry or its own word, and the alarm of it."""

    city: str
    heard_at: datetime
    mode: str | None
    status: str | None
    alarm: str | None


async def lock_province(connection: Connection) -> None:
    """Take the lock of all that partners publish, for this transaction."""
    await connection.execute("select pg_advisory_xact_lock($1)", PROVINCE_LOCK)


async def note_cities(
    connection: Connection, cities: Collection[str], relayed: Collection[str], now: datetime, apart_max: int
) -> set[str]:
    """Make the cities known and return those that are; of such as neither we nor the registry know, `apart_max`.

    `relayed` are cities that are taken though the registry does not know them.
    """
    known = {row["city"] for row in await connection.fetch("select city from province_city")}
    new = sorted(set(cities) - known)
    if not new:
        return known & set(cities)
    taken = {row["city"] for row in await connection.fetch("select city from city where city = any($1::text[])", new)}
    taken |= set(relayed)
    apart = int(await connection.fetchval("select count(*) from province_city where not admitted"))
    rows = [(city, True) for city in new if city in taken]
    rows += [(city, False) for city in new if city not in taken][: max(0, apart_max - apart)]
    await connection.executemany(
        "insert into province_city (city, admitted, first_heard_at) values ($1, $2, $3)",
        [(city, admitted, now) for city, admitted in rows],
    )
    return (known & set(cities)) | {city for city, _ in rows}


async def admit_registered(connection: Connection) -> int:
    """Admit cities that the registry has come to know; return how many."""
    status = await connection.execute(
        "update province_city p set admitted = true where not admitted and exists"
        " (select from city c where c.city = p.city)"
    )
    return int(status.rsplit(" ", 1)[1])


async def store_status(connection: Connection, city: str, published: datetime, status: str, now: datetime) -> bool:
    """Keep a city's status where it is newer than the one that is here; tell whether it is.

    A city whose clock ran ahead of ours and was set back is heard all the same.
    """
    return bool(
        await connection.fetchval(
            "update province_city set heard_at = $4, published_at = $2, status = $3 where city = $1"
            " and (published_at is null or $2 > published_at or ($2 <> published_at and published_at > $5))"
            " returning true",
            city,
            published,
            status,
            now,
            now + CLOCK_AHEAD_MAX,
        )
    )


async def store_lines(
    connection: Connection, lines: Sequence[StoredLine], now: datetime
) -> tuple[set[AlarmKey], int, list[int]]:
    """Store the lines that are not here yet; return their alarms, how many they are, and where others contradict.

    The caller holds the lock. A line that is here stays as it is; another text under its name contradicts it.
    """
    rows = await connection.fetch(
        "select l.city, l.alarm, l.sequence, l.line from province_line l join"
        " unnest($1::text[], $2::text[], $3::int[]) as n (city, alarm, sequence) using (city, alarm, sequence)",
        *map(list, zip(*((line.city, line.alarm, line.sequence) for line in lines), strict=True)),
    )
    here = {(row["city"], row["alarm"], row["sequence"]): row["line"] for row in rows}
    arrival = int(await connection.fetchval("select coalesce(max(arrival), 0) from province_line"))
    new, contradicting = [], []
    for place, line in enumerate(lines):
        known = here.get(line[:3])
        if known is None:
            arrival += 1
            new.append((*line[:3], arrival, now, line.line))
            here[line[:3]] = line.line
        elif known != line.line:
            contradicting.append(place)
    await connection.copy_records_to_table(
        "province_line", columns=("city", "alarm", "sequence", "arrival", "received_at", "line"), records=new
    )
    return {(city, alarm) for city, alarm, *_ in new}, len(new), contradicting


async def lines_of_alarms(connection: Connection, alarms: Iterable[AlarmKey]) -> Mapping[AlarmKey, list[str]]:
    """Return all lines of the alarms."""
    keys = sorted(alarms)
    rows = await connection.fetch(
        "select city, alarm, line from province_line join unnest($1::text[], $2::text[]) as n (city, alarm)"
        " using (city, alarm)",
        [city for city, _ in keys],
        [alarm for _, alarm in keys],
    )
    found: dict[AlarmKey, list[str]] = {key: [] for key in keys}
    for row in rows:
        found[row["city"], row["alarm"]].append(row["line"])
    return found


async def store_alarms(connection: Connection, alarms: Sequence[AlarmFacts]) -> None:
    """Bring the alarms up to their lines, which are stored; what was acknowledged here stays."""
    columns = (
        "rule, kind, sensor, system, district, class, state, severity, peak_severity, condition, mode, sequence,"
        " missing, escalated_sequence, raised_at, changed_at, received_at, arrival, line"
    )
    await connection.executemany(
        f"insert into province_alarm (city, alarm, {columns})"
        " select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, received_at, arrival,"
        " line from province_line where city = $1 and alarm = $2 and sequence = $14"
        f" on conflict (city, alarm) do update set ({columns}) ="
        f" ({', '.join(f'excluded.{column.strip()}' for column in columns.split(','))})",
        sorted(alarms),
    )


async def silent_cities(connection: Connection, heard_before: datetime) -> list[SilentCity]:
    """Return admitted cities whose newest status came before and of which that is not known yet."""
    return await _cities(connection, "p.admitted and p.silent_since is null and p.heard_at < $1", heard_before)


async def returned_cities(connection: Connection, cities: Collection[str]) -> list[SilentCity]:
    """Return those of the cities that were known as silent."""
    return await _cities(connection, "p.silent_since is not null and p.city = any($1::text[])", list(cities))


async def _cities(connection: Connection, condition: str, value: object) -> list[SilentCity]:
    rows = await connection.fetch(
        "select p.city, p.heard_at, c.mode, p.status, p.silence_alarm from province_city p"
        f" left join city c using (city) where {condition} order by p.city",
        value,
    )
    return [SilentCity(*row) for row in rows]


async def note_silence(connection: Connection, city: str, since: datetime | None, alarm: str | None) -> None:
    """Say since when a city is silent and which alarm tells of it; None where it is heard again."""
    await connection.execute(
        "update province_city set silent_since = $2, silence_alarm = $3 where city = $1", city, since, alarm
    )


async def quarantine(connection: Connection, rejections: Sequence[Rejection], now: datetime) -> None:
    """Keep messages that cannot be used, with the reason, beside those of ingest."""
    await connection.executemany(
        "insert into rejection (arrived_at, batch, topic, payload, payload_bytes, reason, detail)"
        " values ($1, (select coalesce(max(sequence), 0) from batch), $2, $3, $4, $5, $6)",
        [(now, r.topic, r.payload, r.payload_bytes, r.reason, r.detail) for r in rejections],
    )
