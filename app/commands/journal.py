"""`lifeline journal`: the service's alarm journal, and whether its chain holds."""

import argparse
from pathlib import Path
from typing import Any

from app.commands.chain import add_chain_arguments, verify_in_database
from app.commands.output import instant, progress, run_async, write_lines
from app.services import open_database, prepared_pool
from app.settings import load_settings
from store.journal import read_journal
from store.journal_chain import verify_journal


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    journal = commands.add_parser(
        "journal",
        help="write the service's alarm journal, or verify its chain",
        description="Write the service's alarm journal, sorted, as NDJSON.\n"
        "Its lines are chained by their hashes: lifeline journal verify computes the chain anew.",
        epilog="example: lifeline journal --from 2026-11-22T00:00:00Z --to 2026-11-23T00:00:00Z --out journal.ndjson",
    )
    journal.add_argument(
        "--from", dest="start", type=instant, metavar="T", help="first time of a line; open if left out"
    )
    journal.add_argument("--to", dest="end", type=instant, metavar="T", help="time before which lines end")
    journal.add_argument("--out", type=Path, metavar="FILE", help="standard output if left out")
    journal.set_defaults(run=lambda chosen: run_async(_journal(chosen)))
    verifying = journal.add_subparsers(metavar="ACTION").add_parser(
        "verify",
        help="compute the chain of its hashes anew",
        description="Compute the chain of the journal anew and name the first line, by its event, that does not hold.\n"
        "The head that is printed, kept elsewhere and given back with --head, shows also that the newest\n"
        "lines were cut off or that all were written anew.",
        epilog="example: lifeline journal verify --head 1204:b5bb9d80…",
    )
    add_chain_arguments(verifying, "EVENT")
    verifying.set_defaults(run=lambda chosen: run_async(verify_in_database(verify_journal, chosen, "event")))


async def _journal(chosen: argparse.Namespace) -> int:
    settings = load_settings()
    async with open_database(settings, progress) as url, prepared_pool(url, progress) as pool:
        write_lines(chosen.out, await read_journal(pool, chosen.start, chosen.end))
    return 0
