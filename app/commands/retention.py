"""`lifeline retention`: what is kept for how long, listed, set and applied."""

import argparse
import asyncio
import json
import re
import time
from collections.abc import Sequence
from typing import Any

from app.commands.output import CommandError, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.instant import format_instant, to_milliseconds
from store.capabilities import read_versions
from store.chunks import Chunk, read_chunk_policy, set_chunk_policy
from store.deletion import Deletion, Expired
from store.maintenance import maintain_once, planned_deletion
from store.pool import Pool
from store.retention import (
    ALL_PROPERTIES,
    DAYS_MAX,
    InvalidRetention,
    Retention,
    read_retention,
    set_retention,
    unset_retention,
)
from store.summaries import summary_kind

WAIT_S_MAX = 60.0
_AGE = re.compile(r"([1-9][0-9]{0,5})([dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}
_GRAINS = {"raw": "readings", "minute": "summaries by minute", "hour": "summaries by hour"}
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
        "chunks that readings stand in.",
    )  # fmt: skip
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    setting = actions.add_parser(
        "set", help="keep a property's for so long",
        description="Keep a property's readings and summaries for so long, by their own time; what is left out stays. "
        "The running service deletes what is older within minutes. Times are 90d, 12w, 2y (of 365 days) or forever. "
        "Chunks hold all properties, so --chunk and --compress-after go with all.",
        epilog="example: lifeline retention set all --raw 2y --minute 5y --hour forever",
    )  # fmt: skip
    setting.add_argument("property", metavar="CLASS", help="a property, or all: those without a row of their own")
    for grain, text in _GRAINS.items():
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
        description="Take a property's own row away: it is kept as all are.",
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


async def _list(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        await _tell_policy(pool, chosen.json)
    return 0


async def _set(chosen: argparse.Namespace) -> int:
    observed = _property(chosen.property)
    given = vars(chosen)
    grains = {f"{grain}_days": given[grain] for grain in _GRAINS if grain in given}
    chunks = {field: given[name] for name, field in _CHUNKS.items() if name in given}
    if not grains and not chunks:
        raise CommandError("nothing is set; give --raw, --minute, --hour, --chunk or --compress-after")
    if chunks and observed != ALL_PROPERTIES:
        raise CommandError("chunks hold all properties: set --chunk and --compress-after with all, not a property")
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        if chunks:
            await _set_chunks(pool, chunks)
        if grains:
            kept = {row.property: row for row in await read_retention(pool)}
            before = kept.get(observed, kept[ALL_PROPERTIES]._replace(property=observed))
            try:
                await set_retention(pool, before._replace(**grains))
            except InvalidRetention as error:
                raise CommandError(str(error)) from None
        await _tell_policy(pool, chosen.json)
    return 0


async def _set_chunks(pool: Pool, chunks: dict[str, int | None]) -> None:
    versions = await read_versions(pool)
    if versions.timescaledb is None:
        raise CommandError("without TimescaleDB there are no chunks; install it, or leave these options out")
    if chunks.get("compress_after_days") is not None and versions.edition != "Community":
        raise CommandError(
            f"TimescaleDB's {versions.edition} edition does not compress; name a database with the Community edition "
            "in LIFELINE_DATABASE_URL, or leave --compress-after out"
        )
    if (chunks.get("chunk_days", 1) or 1_000) > 366:
        raise CommandError("a chunk holds between 1d and 366d; where everything is in one, nothing can be dropped")
    await set_chunk_policy(pool, (await read_chunk_policy(pool))._replace(**chunks))  # type: ignore[arg-type]


async def _unset(chosen: argparse.Namespace) -> int:
    observed = _property(chosen.property)
    if observed == ALL_PROPERTIES:
        raise CommandError("all has no other row to fall back on; use lifeline retention set all --raw forever")
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        if not await unset_retention(pool, observed):
            raise CommandError(f"{observed} has no row of its own; lifeline retention list shows those that have")
        await _tell_policy(pool, chosen.json)
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
    _tell_deletion(plan, chosen)
    return 0


def _property(text: str) -> str:
    return ALL_PROPERTIES if text in ("all", ALL_PROPERTIES) else text


async def _tell_policy(pool: Pool, as_json: bool) -> None:
    policies, chunks = await read_retention(pool), await read_chunk_policy(pool)
    versions, kind = await read_versions(pool), await summary_kind(pool)
    if as_json:
        told = {
            "policies": [row._asdict() for row in policies],
            **(chunks._asdict() if versions.timescaledb else dict.fromkeys(chunks._fields)),
            "edition": versions.edition or None,
            "summaries": kind,
        }
        print(json.dumps(told))
        return
    print("\t".join(("class", *_GRAINS.values())))
    for row in policies:
        print("\t".join((_name(row), *(_told(days) for days in row[1:]))))
    if versions.timescaledb:
        compressed = (
            "not compressed"
            if chunks.compress_after_days is None
            else f"compressed after {_told(chunks.compress_after_days)}"
        )
        print(f"chunks of {_told(chunks.chunk_days)}, {compressed}; summaries: {kind} ({versions.edition} edition)")
    else:
        print(f"no chunks: no TimescaleDB; summaries: {kind}")


def _tell_deletion(plan: Deletion, chosen: argparse.Namespace) -> None:
    expired = [row for row in plan.expired if row.rows or row.waiting]
    if chosen.json:
        told = {
            "dry_run": chosen.dry_run,
            "expired": [row._asdict() | {"before": _written(row.before)} for row in expired],
            "chunks": [row._asdict() | {"start": _written(row.start), "end": _written(row.end)} for row in plan.chunks],
        }
        print(json.dumps(told))
        return
    for row in expired:
        print(_told_expired(row))
    for chunk in plan.chunks:
        print(_told_chunk(chunk))
    total = f"{sum(row.rows for row in expired)} rows"
    if plan.chunks:
        total += f", among them those of {len(plan.chunks)} whole chunks ({_megabytes(plan.chunks)})"
    print(f"would delete {total}; dry run: nothing was deleted" if chosen.dry_run else f"deleted {total}")


def _told_expired(row: Expired) -> str:
    waiting = f"; {row.waiting} more are not evaluated yet and stay until they are" if row.waiting else ""
    return f"{row.property}\t{_GRAINS[row.grain]}\t{row.rows} before {_written(row.before)}{waiting}"


def _told_chunk(chunk: Chunk) -> str:
    return f"whole chunk\t{chunk.table}\t{_written(chunk.start)} to {_written(chunk.end)}, {_megabytes([chunk])}"


def _megabytes(chunks: Sequence[Chunk]) -> str:
    return f"{sum(chunk.bytes for chunk in chunks) / 1e6:.1f} MB"


def _name(row: Retention) -> str:
    return "all" if row.property == ALL_PROPERTIES else row.property


def _told(days: int | None) -> str:
    return "forever" if days is None else f"{days}d"


def _written(moment: Any) -> str:
    return format_instant(to_milliseconds(moment))
