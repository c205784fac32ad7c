"""What is kept for how long, by property: the policy, and whether one can stand. `store.deletion` carries it out."""

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


def _days(days: int | None) -> str:
    return "forever" if days is None else f"{days}d"
