"""`lifeline audit`: who did what, listed, exported, and the chain of its hashes verified."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from app.audit_file import AuditFileError, end_line, read_audit_file, row_line, told
from app.commands.chain import add_chain_arguments, tell_verdict, verify_in_database
from app.commands.output import CommandError, account, instant, positive, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.audit import Action
from model.chain import Head, Verdict
from model.instant import to_datetime
from store.audit import AuditQuery, find_entries, read_entries, record, span_of, verify_audit


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
    add_chain_arguments(verifying, "SEQUENCE")
    verifying.set_defaults(run=_verify)


async def _list(chosen: argparse.Namespace) -> int:
    query = AuditQuery(chosen.actor, chosen.what, chosen.subject, since=_moment(chosen.since),
                       until=_moment(chosen.until))  # fmt: skip
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        rows = await find_entries(pool, query, ("*",), chosen.limit)
    for row in rows:
        if chosen.json:
            print(row_line(row), end="")
        else:
            facts = ", ".join(f"{name} {fact}" for name, fact in told(row)["details"].items() if fact is not None)
            who = f"{row.actor} ({row.actor_kind}{'' if row.address is None else f', {row.address}'})"
            print("\t".join((str(row.sequence), row.recorded_at, who, row.action, row.outcome, row.subject, facts)))
    return 0


async def _export(chosen: argparse.Namespace) -> int:
    rows, reached = 0, None
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        span = await span_of(pool, _moment(chosen.since), _moment(chosen.until))
        await record(pool, actor=account("administrator"), action=Action.AUDIT_EXPORTED, subject=chosen.file.name)
        with chosen.file.open("w", encoding="utf-8") as file:
            sequence, last = (0, 0) if span is None else (span[0] - 1, span[1])
            while sequence < last:
                entries = await read_entries(pool, sequence, last)
                if not entries:
                    raise CommandError(f"row {sequence + 1} of the audit is missing; lifeline audit verify says more")
                file.writelines(map(row_line, entries))
                rows, reached = rows + len(entries), entries[-1]
                sequence = reached.sequence
            file.write(end_line(rows, reached))
    print(f"{rows} rows written")
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    if chosen.file is None:
        return run_async(verify_in_database(verify_audit, chosen, "sequence"))
    return tell_verdict(_verify_file(chosen.file, chosen.head), "sequence", as_json=chosen.json)


def _verify_file(path: Path, kept: Head | None) -> Verdict:
    try:
        return read_audit_file(path, kept)
    except AuditFileError as error:
        raise CommandError(str(error)) from None


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else to_datetime(milliseconds)
