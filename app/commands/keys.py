"""`lifeline keys`: API keys."""

import argparse
from typing import Any

from app.access import ROLES
from app.commands.output import progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.sensor import InvalidSensor, check_identifier
from store.keys import create_key, find_key


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    keys = commands.add_parser(
        "keys", help="make API keys", description="Make API keys.", epilog="example: lifeline keys create --role viewer"
    )
    actions = keys.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create", help="make a key", description="Make a key; it is printed once and kept only as a hash.",
        epilog="example: lifeline keys create --role operator --area jiayuguan --label desk-1",
    )  # fmt: skip
    create.add_argument("--role", required=True, choices=ROLES)
    create.add_argument(
        "--area", action="append", type=_area, metavar="CITY", help="a city it sees; all if left out; repeatable"
    )
    create.add_argument("--label", default=None, metavar="NAME", help="whose key it is, for the record of actions")
    create.set_defaults(run=lambda chosen: run_async(_create(chosen)))


async def _create(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        label = chosen.label or chosen.role
        key = await create_key(pool, label=label, role=chosen.role, areas=chosen.area or ["*"])
        stored = await find_key(pool, key)
        if stored is not None and stored.label != label:
            progress(f"another key bears the label {label}; this one acts as {stored.label}, another person")
        print(key)
    return 0


def _area(text: str) -> str:
    if text != "*":
        try:
            check_identifier("area", text)
        except InvalidSensor as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return text
