"""`lifeline keys`: API keys."""

import argparse
import json
from typing import Any

from app.access import ROLES
from app.commands.output import CommandError, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.instant import format_instant, to_milliseconds
from model.sensor import InvalidSensor, check_identifier
from store.keys import StoredKey, create_key, find_key, list_keys, revoke_key


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    keys = commands.add_parser(
        "keys", help="API keys: made, listed, revoked", description="API keys: made, listed, revoked.",
        epilog="example: lifeline keys create --role viewer",
    )  # fmt: skip
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
    listing = actions.add_parser(
        "list", help="list the keys in force",
        description="List the keys in force, one a line: label, role, areas (* for all) and when it was made. The keys "
        "themselves are not kept, so that nobody can list them.",
        epilog="example: lifeline keys list",
    )  # fmt: skip
    listing.add_argument("--json", action="store_true", help="as NDJSON")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    revoking = actions.add_parser(
        "revoke", help="revoke a key",
        description="Revoke the key with this label, for good: requests with it are refused from now on. Its label "
        "stays in the journal and may be given to another key.",
        epilog="example: lifeline keys revoke desk-1",
    )  # fmt: skip
    revoking.add_argument("label", metavar="LABEL", help="as lifeline keys list shows it")
    revoking.add_argument("--json", action="store_true", help="for machines")
    revoking.set_defaults(run=lambda chosen: run_async(_revoke(chosen)))


async def _create(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        label = chosen.label or chosen.role
        key = await create_key(pool, label=label, role=chosen.role, areas=chosen.area or ["*"])
        stored = await find_key(pool, key)
        if stored is not None and stored.label != label:
            progress(f"another key bears the label {label}; this one acts as {stored.label}, another person")
        print(key)
    return 0


async def _list(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        found = await list_keys(pool)
    for one in found:
        told = _told(one)
        if chosen.json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            print("\t".join([told["label"], told["role"], ", ".join(told["areas"]), told["created_at"]]))
    return 0


async def _revoke(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        if not await revoke_key(pool, chosen.label):
            raise CommandError(f"no key in force bears the label {chosen.label!r}; lifeline keys list names those")
    print(json.dumps({"revoked": chosen.label}, ensure_ascii=False) if chosen.json else f"{chosen.label} revoked")
    return 0


def _told(one: StoredKey) -> dict[str, Any]:
    """What people and machines are told of a key; not even its hash."""
    made = format_instant(to_milliseconds(one.created_at))
    return {"label": one.label, "role": one.role, "areas": list(one.areas), "created_at": made}


def _area(text: str) -> str:
    if text != "*":
        try:
            check_identifier("area", text)
        except InvalidSensor as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return text
