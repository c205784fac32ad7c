"""`lifeline positions`: operators' positions, from a file, listed, taken away."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from app.clock import clock
from app.commands.output import CommandError, account, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.instant import to_datetime
from model.position import POSITIONS_MAX, Position, read_positions
from store.positions import (
    DistrictUnknown,
    check_districts,
    find_positions,
    load_positions,
    remove_position,
    write_positions,
)
from store.status import read_cities

ALL = ["*"]


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    positions = commands.add_parser(
        "positions", help="operators' positions: which desk sees to which alarms",
        description="Operators' positions: which desk sees to which alarms. Floods, figures and hand-overs go by them.",
        epilog="example: lifeline positions import positions.yaml",
    )  # fmt: skip
    actions = positions.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import", help="configure positions from YAML",
        description="Configure positions, all or none, each in the place of the one of its id; others stay as they "
        "are. The file is a list `positions:` of entries with position, city and, if wanted, name, name_zh, districts "
        "and systems (left out: all). What no position of a city takes goes to its default one, CITY.default.",
        epilog="example: lifeline positions import positions.yaml --dry-run",
    )  # fmt: skip
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("--dry-run", action="store_true", help="tell what would change; write nothing")
    importing.set_defaults(run=lambda chosen: run_async(_import(chosen)))
    listing = actions.add_parser(
        "list", help="list positions", description="List positions, one a line, each city's default one last.",
        epilog="example: lifeline positions list",
    )  # fmt: skip
    listing.add_argument("--json", action="store_true", help="as NDJSON")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    removing = actions.add_parser(
        "remove", help="take a position away",
        description="Take a position away; what it took goes to the city's other positions or its default one.",
        epilog="example: lifeline positions remove gas-desk",
    )  # fmt: skip
    removing.add_argument("position", metavar="POSITION")
    removing.set_defaults(run=lambda chosen: run_async(_remove(chosen)))


async def _import(chosen: argparse.Namespace) -> int:
    wanted = read_positions(chosen.file)
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        cities = {city.city for city in await read_cities(connection, ALL)}
        before = {one.position: one for one in await load_positions(connection)}
        for one in wanted:
            if one.city not in cities:
                raise CommandError(f"{chosen.file}: position {one.position!r}: city {one.city!r} is not registered")
        after = before | {one.position: one for one in wanted}
        for city in cities:
            if sum(one.city == city for one in after.values()) > POSITIONS_MAX:
                raise CommandError(f"{chosen.file}: city {city!r} would have more than {POSITIONS_MAX} positions")
        changed = [one for one in wanted if before.get(one.position) != one]
        try:
            await check_districts(connection, changed)
        except DistrictUnknown as error:
            name = error.position.position
            raise CommandError(f"{chosen.file}: position {name!r}: {error}; {error.remedy}") from None
        if not chosen.dry_run:
            await write_positions(connection, changed, to_datetime(clock()), account("administrator"))
    if chosen.dry_run:
        for one in changed:
            print(f"{'changed' if one.position in before else 'new'}\tposition {one.position}")
    new = sum(one.position not in before for one in changed)
    print(f"{new} new, {len(changed) - new} changed, {len(wanted) - len(changed)} unchanged")
    if chosen.dry_run:
        print("dry run: nothing was written")
    return 0


async def _list(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        found = await find_positions(pool, ALL)
    for one in found:
        print(json.dumps(msgspec.to_builtins(one), ensure_ascii=False) if chosen.json else _line(one))
    return 0


async def _remove(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        if not await remove_position(pool, chosen.position, ALL, account("administrator")):
            raise CommandError(f"position {chosen.position!r} is not configured; lifeline positions list names those")
    print(f"{chosen.position} taken away")
    return 0


def _line(one: Position) -> str:
    takes = [
        ", ".join(part) or f"all {name}" for name, part in (("districts", one.districts), ("systems", one.systems))
    ]
    if one.is_default:
        takes = ["what no other takes"]
    return "\t".join([one.position, one.city, one.name, *takes])
