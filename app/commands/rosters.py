"""`lifeline rosters`: who is on duty, and within what time alarms are to be dealt with; checked and put into force."""

import argparse
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, account, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.roster import RosterFile, read_rosters
from model.yaml_file import YamlFileError
from store.rosters import city_exists, put_rosters_in_force

_FORM = (
    "The file names a city, its teams (members by the labels of their keys), rosters (duty: crew, dispatcher, "
    "supervisor or district_head; districts, grids, systems; weekly shifts and exceptions by date) and, under "
    "`escalation`, deadlines by severity and whom to tell where one is missed. Without `escalation` Lifeline's own "
    "proposal is in force; an empty list means no deadlines. It holds no telephone numbers."
)


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    rosters = commands.add_parser(
        "rosters", help="who is on duty, and deadlines", description=f"Rosters and deadlines of a city. {_FORM}",
        epilog="example: lifeline rosters check rosters.yaml",
    )  # fmt: skip
    actions = rosters.add_subparsers(dest="action", metavar="ACTION", required=True)
    checking = actions.add_parser(
        "check", help="validate files", description=f"Tell what is wrong in files, with file, line and remedy. {_FORM}",
        epilog="example: lifeline rosters check rosters.yaml",
    )  # fmt: skip
    checking.add_argument("files", nargs="+", type=Path, metavar="FILE")
    checking.set_defaults(run=lambda chosen: _check(chosen))
    importing = actions.add_parser(
        "import", help="put a file into force",
        description=f"Put a city's rosters and deadlines into force, in the place of those before. {_FORM}",
        epilog="example: lifeline rosters import rosters.yaml",
    )  # fmt: skip
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.set_defaults(run=lambda chosen: run_async(_import(chosen)))


def _check(chosen: argparse.Namespace) -> int:
    problems = []
    for path in dict.fromkeys(chosen.files):
        try:
            print(f"{path}: {_told(read_rosters(path))}")
        except YamlFileError as error:
            problems += error.problems
    if problems:
        raise YamlFileError(problems)
    return 0


async def _import(chosen: argparse.Namespace) -> int:
    file = read_rosters(chosen.file)
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
    ):
        if not await city_exists(connection, file.city):
            raise CommandError(f"{chosen.file}: city {file.city!r} is not registered; lifeline cities import does that")
        new = await put_rosters_in_force(connection, file, account("administrator"))
    print(f"{file.city}: {_told(file)}; {'in force' if new else 'in force already'}")
    return 0


def _told(file: RosterFile) -> str:
    escalation = "the proposed deadlines" if file.escalation is None else f"{len(file.escalation)} sets of deadlines"
    return f"{len(file.teams)} teams, {len(file.rosters)} rosters, {escalation}, version {file.version}"
