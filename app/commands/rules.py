"""`lifeline rules`: check rule files, and put them into force."""

import argparse
import json
from pathlib import Path
from typing import Any

from alerts.rule_file import default_packs, load_packs, schema
from app.commands.output import progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from store.rule_packs import StoredPack, activate


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    rules = commands.add_parser(
        "rules",
        help="check rule files, and put them into force",
        description="Check rule files, and put them into force.",
        epilog="example: lifeline rules check my-rules.yaml",
    )
    actions = rules.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="validate rule files", description="Validate rule files; every error has file, line and remedy.",
        epilog="example: lifeline rules check my-rules.yaml",
    )  # fmt: skip
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.set_defaults(run=_check)
    activating = actions.add_parser(
        "activate", help="put rule files into force",
        description="Put packs into force, each in the place of the one of its name. An error changes nothing.",
        epilog="example: lifeline rules activate my-rules.yaml",
    )  # fmt: skip
    activating.add_argument("files", type=Path, nargs="*", metavar="FILE", help="the default packs if left out")
    activating.add_argument("--by", default="command line", metavar="NAME", help="who activates, for the record")
    activating.set_defaults(run=lambda chosen: run_async(_activate(chosen)))
    publishing = actions.add_parser(
        "schema", help="print the JSON schema of a rule file", description="Print the JSON schema of a rule file.",
        epilog="example: lifeline rules schema > rules.schema.json",
    )  # fmt: skip
    publishing.set_defaults(run=_schema)


def _check(chosen: argparse.Namespace) -> int:
    packs = load_packs(chosen.files)
    for pack in packs:
        print(f"pack {pack.pack}: {len(pack.rules)} rules, no error")
    return 0


def _schema(_chosen: argparse.Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


async def _activate(chosen: argparse.Namespace) -> int:
    packs = load_packs(chosen.files) if chosen.files else default_packs()
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        changed = await activate(pool, [StoredPack(pack.pack, pack.version, pack.content) for pack in packs], chosen.by)
    for pack in packs:
        print(f"pack {pack.pack}: {'in force' if pack.pack in changed else 'unchanged'}")
    return 0
