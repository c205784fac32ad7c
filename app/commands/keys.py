"""`lifeline keys`: API keys."""

import argparse
import json
from datetime import timedelta
from typing import Any

from app.commands.database import transaction
from app.commands.output import CommandError, account, area, progress, run_async
from app.roles import ROLES
from app.sign_in.limits import KEY_OVERLAP_MINUTES_MAX
from model.audit import Action
from model.instant import format_instant, to_milliseconds
from store.audit import record
from store.keys import StoredKey, create_key, find_key, list_keys, revoke_key, rotate_key

BY = "command line"  # where the account at the machine has no name


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
        "--area", action="append", type=area, metavar="AREA",
        help="what it sees: a city, one of its districts as CITY/DISTRICT, province:PROVINCE, or * for all as if "
        "left out; repeatable",
    )  # fmt: skip
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
    rotating = actions.add_parser(
        "rotate", help="put another key in its place",
        description="Make a key of the same label, role and areas; it is printed once. The old one ends at once, or "
        "after --overlap-minutes, in which the other system can be given the new one.",
        epilog="example: lifeline keys rotate desk-1 --overlap-minutes 30",
    )  # fmt: skip
    rotating.add_argument("label", metavar="LABEL", help="as lifeline keys list shows it")
    rotating.add_argument("--overlap-minutes", type=_minutes, default=0, metavar="N",
                          help=f"0 (the default) to {KEY_OVERLAP_MINUTES_MAX}")  # fmt: skip
    rotating.set_defaults(run=lambda chosen: run_async(_rotate(chosen)))
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
    areas = chosen.area or ["*"]
    label = chosen.label or chosen.role
    async with transaction() as connection:
        key = await create_key(connection, label=label, role=chosen.role, areas=areas)
        stored = await find_key(connection, key)
        await record(
            connection, actor=account(BY), action=Action.KEY_CREATED,
            subject=label if stored is None else stored.label,
            details={"role": chosen.role, "areas": ", ".join(areas)},
        )  # fmt: skip
    if stored is not None and stored.label != label:
        progress(f"another key bears the label {label}; this one acts as {stored.label}, another person")
    print(key)
    return 0


async def _list(chosen: argparse.Namespace) -> int:
    async with transaction() as connection:
        found = await list_keys(connection)
    for one in found:
        told = _told(one)
        if chosen.json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            columns = [told["label"], told["role"], ", ".join(told["areas"]), told["created_at"]]
            print("\t".join([*columns, f"ends {told['ends_at']}"] if "ends_at" in told else columns))
    return 0


async def _rotate(chosen: argparse.Namespace) -> int:
    async with transaction() as connection:
        key = await rotate_key(connection, chosen.label, overlap=timedelta(minutes=chosen.overlap_minutes))
        if key is None:
            raise CommandError(f"no key in force bears the label {chosen.label!r}; lifeline keys list names those")
        details = {"overlap_minutes": chosen.overlap_minutes}
        await record(connection, actor=account(BY), action=Action.KEY_ROTATED, subject=chosen.label, details=details)
    print(key)
    return 0


async def _revoke(chosen: argparse.Namespace) -> int:
    async with transaction() as connection:
        if not await revoke_key(connection, chosen.label):
            raise CommandError(f"no key in force bears the label {chosen.label!r}; lifeline keys list names those")
        await record(connection, actor=account(BY), action=Action.KEY_REVOKED, subject=chosen.label)
    print(json.dumps({"revoked": chosen.label}, ensure_ascii=False) if chosen.json else f"{chosen.label} revoked")
    return 0


def _told(one: StoredKey) -> dict[str, Any]:
    """What people and machines are told of a key; not even its hash."""
    made = format_instant(to_milliseconds(one.created_at))
    told = {"label": one.label, "role": one.role, "areas": list(one.areas), "created_at": made}
    if one.ends_at is not None:  # another has taken its place
        told["ends_at"] = format_instant(to_milliseconds(one.ends_at))
    return told


def _minutes(text: str) -> int:
    if not text.isdecimal() or int(text) > KEY_OVERLAP_MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes from 0 to {KEY_OVERLAP_MINUTES_MAX}")
    return int(text)
