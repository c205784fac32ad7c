"""`lifeline users`: people's accounts, for whoever has the machine; the API has the same for administrators."""

import argparse
import json
from typing import Any

from app.clock import clock
from app.commands.database import transaction
from app.commands.output import CommandError, account, area, run_async
from app.roles import ROLES
from app.sign_in.accounts import create_account, disable_account, reset_password, reset_second_factor, unlock
from app.sign_in.passwords import hash_password, one_time_password
from model.instant import format_instant, to_datetime, to_milliseconds
from model.user import is_user_name
from store.pool import Connection
from store.users import ActorTaken, LastAdministrator, StoredUser, find_user, list_users

ROWS_MAX = 10_000
BY = "command line"  # where the account at the machine has no name


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    users = commands.add_parser(
        "users", help="people who log in with a password", description="People who log in with a password.",
        epilog="example: lifeline users create li.wei --role operator --area jiayuguan",
    )  # fmt: skip
    actions = users.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create", help="make a user",
        description="Make a user. A password for one log-in is printed once; the user has to change it there.",
        epilog="example: lifeline users create li.wei --role operator --area jiayuguan",
    )  # fmt: skip
    create.add_argument("name", metavar="NAME", type=_name, help="the actor in the journal; never given to another")
    create.add_argument("--role", required=True, choices=ROLES)
    create.add_argument(
        "--area", action="append", type=area, metavar="AREA", help="as of lifeline keys create; all if left out"
    )
    create.add_argument("--display-name", default="", metavar="TEXT", help="as people say it")
    create.set_defaults(run=lambda chosen: run_async(_create(chosen)))
    listing = actions.add_parser(
        "list", help="list the users", epilog="example: lifeline users list",
        description="List the users, one a line: name, role, areas, enabled or disabled, last log-in.",
    )  # fmt: skip
    listing.add_argument("--json", action="store_true", help="as NDJSON")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    for action, work, text in (
        ("disable", _disable, "End a user's sessions and let the user in no more. The name stays taken."),
        ("enable", _enable, "Let a disabled user in again, with the password as it was."),
        ("reset-password", _reset, "Print a password for one log-in, once; the user's sessions end."),
        ("unlock", _unlock, "Forget the failed log-ins of a name, which then need not wait."),
    ):
        acting = actions.add_parser(
            action, help=text.partition(".")[0].partition(",")[0].lower(), description=text,
            epilog=f"example: lifeline users {action} li.wei",
        )  # fmt: skip
        acting.add_argument("name", metavar="NAME", help="as lifeline users list shows it")
        if action == "reset-password":
            acting.add_argument("--second-factor", action="store_true", help="take the second factor away too")
        acting.set_defaults(run=lambda chosen, work=work: run_async(work(chosen)))


async def _create(chosen: argparse.Namespace) -> int:
    password = one_time_password()
    password_hash = hash_password(password)
    async with transaction() as connection:
        try:
            await create_account(
                connection, chosen.name, role=chosen.role, areas=chosen.area or ["*"], password_hash=password_hash,
                now=to_datetime(clock()), by=account(BY), display_name=chosen.display_name,
            )  # fmt: skip
        except ActorTaken as error:
            raise CommandError(f"{error}; choose another name") from None
    print(password)
    return 0


async def _list(chosen: argparse.Namespace) -> int:
    async with transaction() as connection:
        found = await list_users(connection, ["*"], ROWS_MAX)
    for user in found:
        told = _told(user)
        if chosen.json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            state = "disabled" if told["disabled"] else "enabled"
            areas = ", ".join(told["areas"])
            print("\t".join([told["name"], told["role"], areas, state, told["signed_in_at"] or "never"]))
    return 0


async def _disable(chosen: argparse.Namespace, disabled: bool = True) -> int:
    async with transaction() as connection:
        user = await _found(connection, chosen.name)
        try:
            await disable_account(connection, user.name, to_datetime(clock()), disabled=disabled, by=account(BY))
        except LastAdministrator as error:
            raise CommandError(f"{error}; make another one first") from None
    print(f"{chosen.name} {'disabled' if disabled else 'enabled'}")
    return 0


async def _enable(chosen: argparse.Namespace) -> int:
    return await _disable(chosen, disabled=False)


async def _reset(chosen: argparse.Namespace) -> int:
    password = one_time_password()
    password_hash = hash_password(password)
    async with transaction() as connection:
        user = await _found(connection, chosen.name)
        await reset_password(connection, user.name, password_hash, by=account(BY))
        if chosen.second_factor:
            await reset_second_factor(connection, user.name, by=account(BY))
    print(password)
    return 0


async def _unlock(chosen: argparse.Namespace) -> int:
    async with transaction() as connection:
        user = await _found(connection, chosen.name)
        waited = await unlock(connection, user.name, by=account(BY))
    print(f"{chosen.name} {'unlocked' if waited else 'had no failed log-ins'}")
    return 0


async def _found(connection: Connection, name: str) -> StoredUser:
    user = await find_user(connection, name)
    if user is None:
        raise CommandError(f"no user is named {name!r}; lifeline users list names them")
    return user


def _told(user: StoredUser) -> dict[str, Any]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role,
        "areas": list(user.areas),
        "disabled": user.disabled_at is not None,
        "must_change_password": user.must_change_password,
        "second_factor": user.has_second_factor,
        "signed_in_at": None if user.signed_in_at is None else format_instant(to_milliseconds(user.signed_in_at)),
    }


def _name(text: str) -> str:
    if not is_user_name(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name of a user: 1 to 64 letters, digits and _ . @ -, beginning with a letter or digit"
        )
    return text
