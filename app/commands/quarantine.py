"""`lifeline quarantine`: messages that could not be used, listed, shown, corrected, replayed or discarded."""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, account, duration, instant, positive, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from ingest.reasons import printable
from ingest.topics import parse_topic
from model.instant import format_instant, to_datetime, to_milliseconds
from store.pool import Pool
from store.rejections import (
    STATES,
    RejectionRow,
    discard,
    find_counts,
    find_rejection,
    find_rejections,
    request_replay,
)

EVERYWHERE = ("*",)
PAYLOAD_BYTES_MAX = 262_144


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    quarantine = commands.add_parser(
        "quarantine", help="messages that could not be used",
        description="List, show, correct and replay, or discard messages that could not be used.",
        epilog="example: lifeline quarantine list --reason unknown_sensor",
    )  # fmt: skip
    actions = quarantine.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="newest first", description="List rejections, newest first, and what was only counted.",
        epilog="example: lifeline quarantine list --reason unknown_sensor --since 2026-11-22T08:00:00Z",
    )  # fmt: skip
    listing.add_argument("--reason", metavar="WORD", help="like unknown_sensor or not_json")
    listing.add_argument("--state", choices=STATES, help="what became of it")
    listing.add_argument("--since", type=instant, metavar="T", help="arrived at or after")
    listing.add_argument("--limit", type=positive, default=50, metavar="N")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    showing = actions.add_parser(
        "show", help="one of them, whole", description="Show one rejection with its payload.",
        epilog="example: lifeline quarantine show 17",
    )  # fmt: skip
    showing.add_argument("rejection", type=positive, metavar="ID")
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=lambda chosen: run_async(_show(chosen)))
    replaying = actions.add_parser(
        "replay", help="correct and replay",
        description="Send rejections through the checks again, corrected where --payload or --topic say so. The "
        "running ingest does it; this command waits for it and tells what came of it.",
        epilog="example: lifeline quarantine replay 17 --payload corrected.json",
    )  # fmt: skip
    replaying.add_argument("rejection", type=positive, nargs="+", metavar="ID")
    replaying.add_argument("--payload", type=Path, metavar="FILE", help="in place of what came")
    replaying.add_argument("--topic", metavar="TOPIC", help="in place of where it came")
    replaying.add_argument("--wait", type=duration, default=20.0, metavar="D", help="for what comes of it (20s)")
    replaying.set_defaults(run=lambda chosen: run_async(_replay(chosen)))
    discarding = actions.add_parser(
        "discard", help="say that nobody needs them", description="Mark rejections as of no use.",
        epilog="example: lifeline quarantine discard 17 18",
    )  # fmt: skip
    discarding.add_argument("rejection", type=positive, nargs="+", metavar="ID")
    discarding.set_defaults(run=lambda chosen: run_async(_discard(chosen)))
    for action in (replaying, discarding):
        action.add_argument("--by", metavar="NAME", default=None, help="who, for the record; your log-in if left out")


async def _list(chosen: argparse.Namespace) -> int:
    since = None if chosen.since is None else to_datetime(chosen.since)
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        rows = await find_rejections(
            pool, EVERYWHERE, chosen.limit, reason=chosen.reason, since=since, state=chosen.state
        )
        counts = await find_counts(pool, EVERYWHERE, chosen.limit, since=since)
    for row in rows:
        if chosen.json:
            print(json.dumps(_facts(row)))
        else:
            when = format_instant(to_milliseconds(row.arrived_at))
            print(f"{row.rejection}\t{when}\t{row.state}\t{row.reason}\t{row.topic}\t{row.detail}")
    for reason, scope, rejections, _ in counts:
        progress(f"{rejections} more of {reason} ({scope or 'no city'}) were counted and not kept")
    return 0


async def _show(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        row = await _found(pool, chosen.rejection)
    facts = _facts(row)
    if chosen.json:
        print(json.dumps(facts))
        return 0
    payload = facts.pop("payload")
    for name, fact in facts.items():
        if fact is not None:
            print(f"{name}: {fact}")
    print(f"\n{payload}")
    return 0


async def _replay(chosen: argparse.Namespace) -> int:
    payload = None if chosen.payload is None else _read(chosen.payload)
    if payload is not None and len(chosen.rejection) > 1:
        raise CommandError("--payload corrects one rejection; name one")
    if chosen.topic is not None and (parse_topic(chosen.topic) is None or not chosen.topic.isprintable()):
        raise CommandError(f"topic {printable(chosen.topic)!r} is none for readings; see README, MQTT")
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        for rejection in chosen.rejection:
            row = await _found(pool, rejection)
            if payload is None and len(row.payload) < row.payload_bytes:
                raise CommandError(f"rejection {rejection} was too large and was cut; give the whole with --payload")
            if not await request_replay(pool, rejection, _actor(chosen), _now(), chosen.topic, payload):
                raise _settled(await _found(pool, rejection))
        return await _tell_results(pool, chosen.rejection, chosen.wait)


async def _tell_results(pool: Pool, rejections: list[int], wait_s_max: float) -> int:
    ends = time.monotonic() + wait_s_max
    code = 0
    for rejection in rejections:
        row = await _found(pool, rejection)
        while row.state == "requested" and time.monotonic() < ends:
            await asyncio.sleep(0.2)
            row = await _found(pool, rejection)
        print(f"{rejection}: {row.state}: {row.result or 'ingest does it when it runs; see quarantine show'}")
        code = max(code, int(row.state == "refused"))
    return code


async def _discard(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        for rejection in chosen.rejection:
            await _found(pool, rejection)
            if not await discard(pool, rejection, _actor(chosen), _now()):
                raise _settled(await _found(pool, rejection))
            print(f"{rejection}: discarded")
    return 0


async def _found(pool: Pool, rejection: int) -> RejectionRow:
    row = await find_rejection(pool, rejection, EVERYWHERE)
    if row is None:
        raise CommandError(f"there is no rejection {rejection}; lifeline quarantine list shows those there are")
    return row


def _settled(row: RejectionRow) -> CommandError:
    return CommandError(f"rejection {row.rejection} is {row.state} by {row.handled_by}; nothing needs to be done")


def _facts(row: RejectionRow) -> dict[str, Any]:
    facts = row._asdict()
    for name in ("arrived_at", "handled_at"):
        facts[name] = None if facts[name] is None else format_instant(to_milliseconds(facts[name]))
    facts["payload"] = row.payload.decode("utf-8", "backslashreplace")
    if not facts["payload"].replace("\n", "").replace("\t", "").isprintable():  # nothing may steer the terminal
        facts["payload"] = printable(facts["payload"], PAYLOAD_BYTES_MAX)
    return facts


def _read(path: Path) -> bytes:
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise CommandError(f"{path} has {len(payload)} bytes; at most {PAYLOAD_BYTES_MAX} are taken")
    return payload


def _actor(chosen: argparse.Namespace) -> str:
    return printable(chosen.by or account("command line"), 100)


def _now() -> int:
    return time.time_ns() // 1_000_000
