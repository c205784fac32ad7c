"""What `lifeline retention` prints: the policy in force, and what was or would be deleted."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from model.instant import format_instant, to_milliseconds
from store.capabilities import read_versions
from store.chunks import Chunk, read_chunk_policy
from store.deletion import Deletion, Expired
from store.pool import Pool
from store.retention import ALL_PROPERTIES, RECORD_CLASSES, Retention, read_record_days, read_retention
from store.summaries import summary_kind

GRAINS = {"raw": "readings", "minute": "summaries by minute", "hour": "summaries by hour"}


async def tell_policy(pool: Pool, as_json: bool) -> None:
    """Print what is in force."""
    policies, chunks = await read_retention(pool), await read_chunk_policy(pool)
    records = await read_record_days(pool)
    versions, kind = await read_versions(pool), await summary_kind(pool)
    if as_json:
        told = {
            "policies": [row._asdict() for row in policies],
            **(chunks._asdict() if versions.timescaledb else dict.fromkeys(chunks._fields)),
            "edition": versions.edition or None,
            "summaries": kind,
            "records": [
                {"class": name, "days": days, "days_default": RECORD_CLASSES[name].days_default,
                 "days_min": RECORD_CLASSES[name].days_min}
                for name, days in records.items()
            ],
        }  # fmt: skip
        print(json.dumps(told))
        return
    print("\t".join(("class", *GRAINS.values())))
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
    for name, days in records.items():
        least = RECORD_CLASSES[name].days_min
        bound = "is not set: evidence" if least is None else f"at least {_told(least)}"
        print("\t".join((name, _told(days), bound, RECORD_CLASSES[name].holds)))


def tell_deletion(plan: Deletion, chosen: argparse.Namespace) -> None:
    """Print what was deleted, or would be."""
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
    return f"{row.property}\t{GRAINS[row.grain]}\t{row.rows} before {_written(row.before)}{waiting}"


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
