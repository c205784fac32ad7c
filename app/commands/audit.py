"""`lifeline audit`: who did what, listed, exported, and the chain of its hashes verified."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from app.audit_file import AuditFileError, read_audit_file, told
from app.commands.output import CommandError, account, instant, positive, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.audit import Action
from model.instant import to_datetime
from store.audit import AuditQuery, Verdict, find_entries, read_entries, record, span_of, verify_audit
from store.pool import Pool

_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    audit = commands.add_parser(
        "audit", help="who did what: listed, exported, verified",
        description="Privileged actions and refused attempts: append-only, chained by their hashes.",
        epilog="example: lifeline audit list --actor wang",
    )  # fmt: skip
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="list rows, newest first", description="List rows, newest first, one a line.",
        epilog="example: lifeline audit list --action rules-activated --from 2026-11-01T00:00:00Z",
    )  # fmt: skip
    listing.add_argument("--actor", metavar="NAME")
    listing.add_argument("--action", dest="what", choices=[str(action) for action in Action], metavar="ACTION")
    listing.add_argument("--subject", metavar="TEXT")
    listing.add_argument("--limit", type=positive, default=100, metavar="N", help="rows at most (100)")
    listing.add_argument("--json", action="store_true", help="as NDJSON, with the hashes")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    exporting = actions.add_parser(
        "export", help="write rows to a file, to be verified elsewhere",
        description="Write rows as NDJSON in order, and at last a line that says that it is all. lifeline audit verify "
        "FILE checks it on any machine, without a database.",
        epilog="example: lifeline audit export audit-2026-11.ndjson --from 2026-11-01T00:00:00Z",
    )  # fmt: skip
    exporting.add_argument("file", type=Path, metavar="FILE")
    exporting.set_defaults(run=lambda chosen: run_async(_export(chosen)))
    for action in (listing, exporting):
        action.add_argument("--from", dest="since", type=instant, metavar="T", help="recorded at or after")
        action.add_argument("--to", dest="until", type=instant, metavar="T", help="recorded before")
    verifying = actions.add_parser(
        "verify", help="compute the chain anew",
        description="Compute the chain anew, of the database or of an exported file, and name the first row that does "
        "not hold. The head that is printed, kept elsewhere and given back with --head, shows also that the newest "
        "rows were cut off or that all were written anew.",
        epilog="example: lifeline audit verify --head 1204:b5bb9d80…",
    )  # fmt: skip
    verifying.add_argument("file", type=Path, nargs="?", metavar="FILE", help="as lifeline audit export wrote it")
    verifying.add_argument("--head", type=head, metavar="SEQUENCE:HASH", help="of an earlier verification")
    verifying.add_argument("--json", action="store_true", help="for machines")
    verifying.set_defaults(run=_verify)


def head(text: str) -> tuple[int, str]:
    """An argument like 1204:b5bb…: a sequence and the hash of its row."""
    found = _HEAD.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no head; give one as lifeline audit verify prints it")
    return int(found[1]), found[2]


async def _list(chosen: argparse.Namespace) -> int:
    query = AuditQuery(chosen.actor, chosen.what, chosen.subject, since=_moment(chosen.since),
                       until=_moment(chosen.until))  # fmt: skip
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        rows = await find_entries(pool, query, ("*",), chosen.limit)
    for row in rows:
        if chosen.json:
            print(json.dumps(told(row), ensure_ascii=False))
        else:
            facts = ", ".join(f"{name} {fact}" for name, fact in told(row)["details"].items() if fact is not None)
            who = f"{row.actor} ({row.actor_kind}{'' if row.address is None else f', {row.address}'})"
            print("\t".join((str(row.sequence), row.recorded_at, who, row.action, row.outcome, row.subject, facts)))
    return 0


async def _export(chosen: argparse.Namespace) -> int:
    rows = 0
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        span = await span_of(pool, _moment(chosen.since), _moment(chosen.until))
        await record(pool, actor=account("administrator"), action=Action.AUDIT_EXPORTED, subject=chosen.file.name)
        with chosen.file.open("w", encoding="utf-8") as file:
            sequence, last, reached = (0, 0, {}) if span is None else (span[0] - 1, span[1], {})
            while sequence < last:
                entries = await read_entries(pool, sequence, last)
                if not entries:
                    raise CommandError(f"row {sequence + 1} of the audit is missing; lifeline audit verify says more")
                file.writelines(json.dumps(told(entry), ensure_ascii=False) + "\n" for entry in entries)
                rows, sequence = rows + len(entries), entries[-1].sequence
                reached = {"sequence": sequence, "hash": entries[-1].hash}
            file.write(json.dumps({"complete": True, "rows": rows} | reached) + "\n")
    print(f"{rows} rows written")
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    if chosen.file is not None:
        verdict = _verify_file(chosen.file, chosen.head)
    else:
        return run_async(_verify_database(chosen))
    return _tell(verdict, chosen)


async def _verify_database(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        verdict = await _verdict(pool, chosen.head)
    return _tell(verdict, chosen)


async def _verdict(pool: Pool, kept: tuple[int, str] | None) -> Verdict:
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await verify_audit(connection, kept)


def _verify_file(path: Path, kept: tuple[int, str] | None) -> Verdict:
    try:
        return read_audit_file(path, kept)
    except AuditFileError as error:
        raise CommandError(str(error)) from None


def _tell(verdict: Verdict, chosen: argparse.Namespace) -> int:
    broken = verdict.broken
    if chosen.json:
        print(json.dumps({
            "holds": broken is None, "rows": verdict.entries, "first": verdict.first, "sequence": verdict.sequence,
            "hash": verdict.hash, "broken": None if broken is None else broken._asdict(),
        }))  # fmt: skip
    elif broken is None:
        span = "no rows" if verdict.first is None else f"{verdict.entries} rows, {verdict.first} to {verdict.sequence}"
        print(f"the chain holds: {span}")
        print(f"head {verdict.sequence}:{verdict.hash}")
    if broken is not None:
        progress(f"row {broken.sequence} breaks the chain: {broken.why}")
    return 0 if broken is None else 1


def _moment(milliseconds: int | None) -> Any:
    return None if milliseconds is None else to_datetime(milliseconds)
