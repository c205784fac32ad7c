"""What has changed since somebody read a list: how far the database had come then, and has come now."""

from datetime import datetime
from typing import NamedTuple

from store.conditions import Conditions
from store.pool import Connection

_DOUBTS = "d.class = 'instrument' and d.kind in ('stale', 'range')"  # what tells that a value is not to be trusted


class Mark(NamedTuple):
    """How far the database has come: the journal's newest event, the newest batch, and the registry's version."""

    event: int
    batch: int
    registry: int


class Present(NamedTuple):
    """How far the database has come, and when its newest batch arrived, None before the first."""

    mark: Mark
    newest_arrival: datetime | None


class SinceMark(NamedTuple):
    """What came after a mark: readings, at most of `batches` batches, the oldest time among them, and whether all of
    these batches are there still."""

    batches: int
    readings: int
    oldest_time: datetime | None
    complete: bool


async def present_mark(connection: Connection) -> Present:
    """Return how far the database has come, as this transaction sees it."""
    event, batch, registry, arrived_at = await connection.fetchrow(
        "select (select coalesce(max(event), 0) from journal), coalesce(b.sequence, 0), v.version, b.arrived_at"
        " from registry_version v"
        " left join (select sequence, arrived_at from batch order by sequence desc limit 1) as b on true"
    )
    return Present(Mark(event, batch, registry), arrived_at)


async def since_mark(connection: Connection, mark: Mark, batches_max: int) -> SinceMark:
    """Return what came after a mark; more than `batches_max` batches are counted as one more than that."""
    row = await connection.fetchrow(
        "select count(*), coalesce(sum(readings), 0), min(oldest_time), coalesce(min(sequence) = $1 + 1, true)"
        " from (select sequence, readings, oldest_time from batch where sequence > $1 order by sequence limit $2) as b",
        mark.batch,
        batches_max + 1,
    )
    return SinceMark(*row)


def add_changed_alarms(conditions: Conditions, event: int) -> None:
    """Keep alarms `a` that changed after an event; so does one whose sensor falls into doubt or out of it."""
    conditions.add(
        "a.alarm in (select c.alarm from alarm c where c.event > ? union all select p.alarm from alarm d join alarm p"
        " on p.sensor = d.sensor and p.class = 'process' and p.condition = 'active' and p.state <> 'normal'"
        f" where d.event > ? and {_DOUBTS})",
        event,
        event,
    )


def add_changed_sensors(conditions: Conditions, mark: Mark, oldest_time: datetime | None) -> None:
    """Keep sensors `s` that were heard or fell into doubt or out of it after a mark.

    No reading that came after it is older than `oldest_time`; None where none came.
    """
    terms = [f"s.sensor in (select d.sensor from alarm d where d.event > ? and {_DOUBTS})"]
    values: list[object] = [mark.event]
    if oldest_time is not None:
        terms.append("s.sensor_key in (select r.sensor_key from reading r where r.batch > ? and r.time >= ?)")
        values += [mark.batch, oldest_time]
    conditions.add(f"({' or '.join(terms)})", *values)
