"""`lifeline retention`: what is kept for how long, listed, set and applied."""

import argparse
import asyncio
import re
import time
from typing import Any

from app.commands.output import CommandError, account, progress, run_async
from app.commands.retention_output import GRAINS, tell_deletion, tell_policy
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.audit import Action
from store.audit import record
from store.capabilities import read_versions
from store.chunks import read_chunk_policy, set_chunk_policy
from store.maintenance import maintain_once, planned_deletion
from store.pool import Connection
from store.retention import (
    ALL_PROPERTIES,
    DAYS_MAX,
    RECORD_CLASSES,
    InvalidRetention,
    read_retention,
    set_record_days,
    set_retention,
    unset_record_days,
    unset_retention,
)

WAIT_S_MAX = 60.0
_AGE = re.compile(r"([1-9][0-9]{0,5})([dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}
_SETTABLE = [name for name, found in RECORD_CLASSES.items() if found.days_min is not None]
_CHUNKS = {"chunk": "chunk_days", "compress_after": "compress_after_days"}


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    retention = commands.add_parser(
        "retention", help="what is kept for how long", description="List, set and apply what is kept for how long.",
        epilog="example: lifeline retention set vibration --raw 90d --minute 2y --hour forever",
    )  # fmt: skip
    actions = retention.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="what is in force", epilog="example: lifeline retention list",
        description="List for how long readings and their summaries by minute and hour are kept, by property, and the "
        "chunks that readings stand in; and for how long records are kept, by class.",
    )  # fmt: skip
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    setting = actions.add_parser(
        "set", help="keep a property's for so long",
        description="Keep a property's readings and summaries for so long, by their own time; what is left out stays. "
        "The running service deletes what is older within minutes. Times are 90d, 12w, 2y (of 365 days) or forever. "
        "Chunks hold all properties, so --chunk and --compress-after go with all. A class of records ("
        f"{', '.join(_SETTABLE)}) takes one time.",
        epilog="examples: lifeline retention set all --raw 2y --minute 5y; lifeline retention set audit 400d",
    )  # fmt: skip
    setting.add_argument(
        "property", metavar="CLASS", help="a property, all: those without a row of their own, or a class of records"
    )
    setting.add_argument("age", nargs="?", type=_one_age, metavar="AGE", help="of records")
    for grain, text in GRAINS.items():
        setting.add_argument(
            f"--{grain}", type=age, default=argparse.SUPPRESS, metavar="AGE", help=f"keep {text} so long"
        )
    setting.add_argument("--chunk", type=age, default=argparse.SUPPRESS, metavar="AGE", help="time a new chunk holds")
    setting.add_argument(
        "--compress-after", type=age, default=argparse.SUPPRESS, metavar="AGE", help="compress chunks (Community only)"
    )
    setting.set_defaults(run=lambda chosen: run_async(_set(chosen)))
    unsetting = actions.add_parser(
        "unset", help="keep a property's as all are kept", epilog="example: lifeline retention unset vibration",
        description="Take a property's own row away: it is kept as all are; a class of records: as by default.",
    )  # fmt: skip
    unsetting.add_argument("property", metavar="CLASS")
    unsetting.set_defaults(run=lambda chosen: run_async(_unset(chosen)))
    applying = actions.add_parser(
        "apply", help="delete now what is older", epilog="example: lifeline retention apply --dry-run",
        description="Delete what is older than it is kept, as the running service does every few minutes. Readings "
        "that are not evaluated yet stay until they are.",
    )  # fmt: skip
    applying.add_argument("--dry-run", action="store_true", help="list what would be deleted; delete nothing")
    applying.set_defaults(run=lambda chosen: run_async(_apply(chosen)))
    for action in (listing, setting, unsetting, applying):
        action.add_argument("--json", action="store_true", help="for machines")


def age(text: str) -> int | None:
    """An argument like 90d, 12w, 2y or forever (None), in days."""
    if text == "forever":
        return None
    found = _AGE.fullmatch(text)
    days = int(found[1]) * _DAYS[found[2]] if found else 0
    if not 1 <= days <= DAYS_MAX:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time to keep something for; write it like 90d, 12w, 2y or forever"
        )
    return days


def _one_age(text: str) -> tuple[int | None]:
    return (age(text),)  # so that forever, which is None, is not the same as none


async def _list(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        await tell_policy(pool, chosen.json)
    return 0


async def _set(chosen: argparse.Namespace) -> int:
    observed = _property(chosen.property)
    given = vars(chosen)
    if observed in RECORD_CLASSES:
        return await _set_records(observed, given)
    if chosen.age is not None:
        raise CommandError(
            f"readings have --raw, --minute and --hour; one time goes with a class of records: {', '.join(_SETTABLE)}"
        )
    grains = {f"{grain}_days": given[grain] for grain in GRAINS if grain in given}
    chunks = {field: given[name] for name, field in _CHUNKS.items() if name in given}
    if not grains and not chunks:
        raise CommandError("nothing is set; give --raw, --minute, --hour, --chunk or --compress-after")
    if chunks and observed != ALL_PROPERTIES:
        raise CommandError("chunks hold all properties: set --chunk and --compress-after with all, not a property")
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        async with pool.acquire() as connection, connection.transaction():
            if chunks:
                await _set_chunks(connection, chunks)
            if grains:
                kept = {row.property: row for row in await read_retention(connection)}
                before = kept.get(observed, kept[ALL_PROPERTIES]._replace(property=observed))
                try:
                    await set_retention(connection, before._replace(**grains))
                except InvalidRetention as error:
                    raise CommandError(str(error)) from None
            await _record(connection, chosen.property, grains | chunks)
        await tell_policy(pool, chosen.json)
    return 0


async def _set_records(record_class: str, given: dict[str, Any]) -> int:
    if any(name in given for name in (*GRAINS, *_CHUNKS)) or given["age"] is None:
        raise CommandError(
            f"{record_class} are records, which take one time: lifeline retention set {record_class} 400d"
        )
    (days,) = given["age"]
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        async with pool.acquire() as connection, connection.transaction():
            try:
                await set_record_days(connection, record_class, days)
            except InvalidRetention as error:
                raise CommandError(str(error)) from None
            await _record(connection, record_class, {"days": days})
        await tell_policy(pool, given["json"])
    return 0


async def _record(connection: Connection, subject: str, days: dict[str, int | None]) -> None:
    told = {name: "forever" if kept is None else kept for name, kept in days.items()}
    await record(connection, actor=account("administrator"), action=Action.RETENTION_SET, subject=subject, details=told)


async def _set_chunks(connection: Connection, chunks: dict[str, int | None]) -> None:
    versions = await read_versions(connection)
    if versions.timescaledb is None:
        raise CommandError("without TimescaleDB there are no chunks; install it, or leave these options out")
    if chunks.get("compress_after_days") is not None and versions.edition != "Community":
        raise CommandError(
            f"TimescaleDB's {versions.edition} edition does not compress; name a database with the Community edition "
            "in LIFELINE_DATABASE_URL, or leave --compress-after out"
        )
    if (chunks.get("chunk_days", 1) or 1_000) > 366:
        raise CommandError("a chunk holds between 1d and 366d; where everything is in one, nothing can be dropped")
    await set_chunk_policy(connection, (await read_chunk_policy(connection))._replace(**chunks))  # type: ignore[arg-type]


async def _unset(chosen: argparse.Namespace) -> int:
    observed = _property(chosen.property)
    if observed == ALL_PROPERTIES:
        raise CommandError("all has no other row to fall back on; use lifeline retention set all --raw forever")
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        async with pool.acquire() as connection, connection.transaction():
            unset = unset_record_days if observed in RECORD_CLASSES else unset_retention
            if not await unset(connection, observed):
                raise CommandError(f"{observed} has no row of its own; lifeline retention list shows those that have")
            await record(connection, actor=account("administrator"), action=Action.RETENTION_UNSET, subject=observed)
        await tell_policy(pool, chosen.json)
    return 0


async def _apply(chosen: argparse.Namespace) -> int:
    now = time.time_ns() // 1_000_000
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        plan = await planned_deletion(pool, now)
        ends = time.monotonic() + WAIT_S_MAX
        while not chosen.dry_run and not await maintain_once(pool, now):
            if time.monotonic() > ends:
                raise CommandError("another process has been cleaning up for a minute, and applies it too")
            await asyncio.sleep(0.5)
        if not chosen.dry_run:
            rows = sum(row.rows for row in plan.expired)
            await record(
                pool, actor=account("administrator"), action=Action.RETENTION_APPLIED, subject="all",
                details={"readings_and_summaries": rows},
            )  # fmt: skip
    tell_deletion(plan, chosen)
    return 0


def _property(text: str) -> str:
    return ALL_PROPERTIES if text in ("all", ALL_PROPERTIES) else text
