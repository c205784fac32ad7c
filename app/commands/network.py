"""`lifeline network`: pipe networks, from and to files."""

import argparse
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, account, progress, run_async
from app.commands.plan_output import add_import_arguments, parsed, tell
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.audit import Action
from model.coordinates import ShiftedCoordinates, refuse_shifted, usual_name
from model.network import MEDIA
from model.network_file import parse_network_file, write_network_file
from store.audit import record
from store.networks import UnknownPlace, load_network, lock_networks, networks_of, plan_network, write_network


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    network = commands.add_parser(
        "network", help="import or export pipe networks", description="Import or export pipe networks.",
        epilog="example: lifeline network import pipes.geojson --city jyg",
    )  # fmt: skip
    actions = network.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import", help="register nodes and links from GeoJSON, EPANET or SWMM",
        description="Register a city's pipe networks, all or none: GeoJSON lines with from, to and medium (and id, "
        "length_m, diameter_mm, material, year_built, if known), or an EPANET or SWMM input file. Sensors stand on "
        "them by their asset, the id of a node or link.",
        epilog="example: lifeline network import drainage.inp --city jyg --dry-run",
    )  # fmt: skip
    add_import_arguments(importing)
    importing.add_argument("--city", required=True, metavar="CITY", help="the city whose network it is")
    importing.add_argument("--medium", choices=MEDIA, help="where the file does not say: EPANET water, SWMM drainage")
    importing.add_argument(
        "--crs", default="WGS-84", metavar="NAME", type=_crs,
        help="system of the coordinates if not longitude and latitude, as EPSG:4547; kept as a note, not converted",
    )  # fmt: skip
    importing.set_defaults(run=lambda chosen: run_async(_import(chosen)))
    exporting = actions.add_parser(
        "export", help="write networks as GeoJSON", description="Write networks as GeoJSON.",
        epilog="example: lifeline network export pipes.geojson --city jyg",
    )  # fmt: skip
    exporting.add_argument("file", type=Path, metavar="FILE")
    exporting.add_argument("--city", metavar="CITY", help="of one city only")
    exporting.add_argument("--medium", choices=MEDIA, help="of one medium only")
    exporting.set_defaults(run=lambda chosen: run_async(_export(chosen)))


async def _import(chosen: argparse.Namespace) -> int:
    file = parsed(chosen, lambda path: parse_network_file(path, medium=chosen.medium, crs=chosen.crs))
    if file is None:
        return 1
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        if not chosen.dry_run:
            await lock_networks(connection)
        try:
            plan, writing = await plan_network(connection, chosen.city, file)
        except UnknownPlace as error:
            raise CommandError(str(error)) from None
        plan.problems += file.problems
        if not (chosen.dry_run or plan.problems):
            await write_network(connection, chosen.city, writing)
            for medium, part in writing.items():
                await record(
                    connection, actor=account("administrator"), action=Action.NETWORK_IMPORTED,
                    subject=f"{chosen.city}.{medium}", city=chosen.city,
                    details={"file": chosen.file.name, "nodes": len(part.nodes), "links": len(part.links)},
                )  # fmt: skip
    return tell(plan, chosen)


async def _export(chosen: argparse.Namespace) -> int:
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
    ):
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            places = await networks_of(connection, chosen.city)
            wanted = [place for place in places if chosen.medium in (None, place[1])]
            networks = [await load_network(connection, *place) for place in wanted]
        for city, medium in wanted:
            await record(
                connection, actor=account("administrator"), action=Action.NETWORK_READ, subject=f"{city}.{medium}",
                city=city, details={"file": chosen.file.name},
            )  # fmt: skip
    try:
        features = write_network_file(chosen.file, networks)
    except OSError as error:
        raise CommandError(f"{chosen.file}: cannot be written: {error.strerror}") from None
    print(f"{features} nodes and links of {len(networks)} networks written")
    return 0


def _crs(text: str) -> str:
    if not text.isascii() or not text.isprintable() or not 1 <= len(text) <= 40:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a coordinate system; write it like EPSG:4547")
    try:
        refuse_shifted(text)
    except ShiftedCoordinates as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return usual_name(text)
