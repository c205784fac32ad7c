"""What is kept for how long: readings by property, records by class, and what can stand. `store.deletion` does it."""

from typing import NamedTuple

from model.vocabulary import PROPERTIES
from store.pool import Connection, Pool

ALL_PROPERTIES = "*"
DAYS_MAX = 36_525


class InvalidRetention(ValueError):
    """What is asked for cannot stand; the text says why and how to mend it."""


class Retention(NamedTuple):
    """Days for which a property's readings and summaries are kept; None for ever. Property `*`: all without a row."""

    property: str
    raw_days: int | None
    minute_days: int | None
    hour_days: int | None


async def read_retention(connection: Connection | Pool) -> list[Retention]:
    """Return what is kept for how long, `*` first."""
    rows = await connection.fetch(
        "select property, raw_days, minute_days, hour_days from retention order by property <> '*', property"
    )
    return [Retention(*row) for row in rows]


def check_retention(kept: Retention) -> None:
    """Raise InvalidRetention unless it can stand: buckets are made of summaries, so these last as long as readings."""
    if kept.property != ALL_PROPERTIES and kept.property not in PROPERTIES:
        raise InvalidRetention(
            f"property {kept.property!r} is not known; use all (those without a row of their own) or one of "
            f"{', '.join(PROPERTIES)}"
        )
    for days in kept[1:]:
        if days is not None and not 1 <= days <= DAYS_MAX:
            raise InvalidRetention(f"{days} days is not between 1 and {DAYS_MAX}; use forever to keep all")
    for finer, coarser in (("raw", "minute"), ("minute", "hour")):
        shorter, longer = getattr(kept, f"{coarser}_days"), getattr(kept, f"{finer}_days")
        if shorter is not None and (longer is None or longer > shorter):
            raise InvalidRetention(
                f"{coarser} is {_days(shorter)} and {finer} {_days(longer)}: what is shown in buckets would end before "
                f"its readings do; set --{coarser} {_days(longer)} or longer, or --{finer} {_days(shorter)} or shorter"
            )


async def set_retention(connection: Connection | Pool, kept: Retention) -> None:
    """Keep a property's readings and summaries for so long from now on. Raises InvalidRetention."""
    check_retention(kept)
    await connection.execute(
        "insert into retention (property, raw_days, minute_days, hour_days) values ($1, $2, $3, $4)"
        " on conflict (property) do update set raw_days = excluded.raw_days, minute_days = excluded.minute_days,"
        " hour_days = excluded.hour_days",
        *kept,
    )


async def unset_retention(connection: Connection | Pool, observed: str) -> bool:
    """Keep a property's as all are kept; return whether it had a row of its own."""
    status = await connection.execute("delete from retention where property = $1 and property <> '*'", observed)
    return bool(status != "DELETE 0")


class RecordClass(NamedTuple):
    """A class of records: days that they are kept where nothing else is set (None: for ever), and the fewest to set.

    Without `days_min` nothing can be set: they are evidence, append-only, and kept for ever.
    """

    days_default: int | None
    days_min: int | None
    holds: str


RECORD_CLASSES = {
    "audit": RecordClass(400, 183, "who did what"),  # six months at the least; the database refuses less
    "rejections": RecordClass(90, 1, "messages that could not be used, and their counts"),
    "notifications": RecordClass(90, 1, "messages out of the house that were sent or given up"),
    "reports": RecordClass(None, 183, "what people reported, as far as it is no part of an incident"),
    "gaps": RecordClass(None, 1, "numbers missing in devices' own counts"),
    "conflicts": RecordClass(None, 1, "second, different values for one time of a sensor"),
    "batches": RecordClass(None, 1, "the log of arrivals, as far as none of its readings is left"),
    "journal": RecordClass(None, None, "alarms and all that was done to them, with incidents and hand-overs"),
    "warnings": RecordClass(None, None, "warnings and their steps and messages"),
    "sensor-events": RecordClass(None, None, "what was done to sensors"),
}


async def read_record_days(connection: Connection | Pool) -> dict[str, int | None]:
    """Return by class for how many days its records are kept, None for ever."""
    rows = await connection.fetch("select class, days from record_retention")
    return {name: found.days_default for name, found in RECORD_CLASSES.items()} | {
        row["class"]: row["days"] for row in rows if row["class"] in RECORD_CLASSES
    }


async def set_record_days(connection: Connection | Pool, record_class: str, days: int | None) -> None:
    """Keep a class of records for so many days from now on, None for ever. Raises InvalidRetention."""
    found = RECORD_CLASSES[record_class]
    if found.days_min is None:
        raise InvalidRetention(f"{record_class} are evidence and are kept for ever; leave them as they are")
    if days is not None and not found.days_min <= days <= DAYS_MAX:
        raise InvalidRetention(
            f"{record_class} are kept for {found.days_min} days at the least; set {found.days_min}d or more"
        )
    await connection.execute(
        "insert into record_retention (class, days) values ($1, $2)"
        " on conflict (class) do update set days = excluded.days",
        record_class,
        days,
    )


async def unset_record_days(connection: Connection | Pool, record_class: str) -> bool:
    """Keep a class of records as by default; return whether something else was set."""
    status = await connection.execute("delete from record_retention where class = $1", record_class)
    return bool(status != "DELETE 0")


def _days(days: int | None) -> str:
    return "forever" if days is None else f"{days}d"
