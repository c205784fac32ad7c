"""`lifeline sensors` and `lifeline cities`: the registry, from and to files."""

import argparse
import csv
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.sensor import City, InvalidSensor, check_city
from model.sensor_file import read_sensor_file, write_sensor_file
from store.sensors import import_cities, import_sensors, load_registry


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    sensors = commands.add_parser(
        "sensors", help="import, export or list sensors", description="Import, export or list sensors.",
        epilog="example: lifeline sensors import sensors.csv",
    )  # fmt: skip
    actions = sensors.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import", help="register sensors from CSV or GeoJSON",
        description="Register sensors from CSV or GeoJSON, all or none. A new city is operational unless the file's "
        "column mode says otherwise.",
        epilog="example: lifeline sensors import sensors.csv",
    )  # fmt: skip
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.set_defaults(run=lambda chosen: run_async(_import_sensors(chosen)))
    exporting = actions.add_parser(
        "export", help="write all sensors as CSV", description="Write all sensors as CSV.",
        epilog="example: lifeline sensors export sensors.csv",
    )  # fmt: skip
    exporting.add_argument("file", type=Path, metavar="FILE")
    exporting.set_defaults(run=lambda chosen: run_async(_export_sensors(chosen)))
    listing = actions.add_parser(
        "list", help="list sensors", description="List sensors, one a line.", epilog="example: lifeline sensors list"
    )
    listing.set_defaults(run=lambda chosen: run_async(_list_sensors(chosen)))
    cities = commands.add_parser(
        "cities", help="import cities",
        description="Import cities: CSV with city,name and optional name_zh,time_zone,mode.",
        epilog="example: lifeline cities import cities.csv",
    )  # fmt: skip
    city_actions = cities.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing_cities = city_actions.add_parser(
        "import", help="register or change cities", description="Register or change cities, all or none.",
        epilog="example: lifeline cities import cities.csv",
    )  # fmt: skip
    importing_cities.add_argument("file", type=Path, metavar="FILE")
    importing_cities.set_defaults(run=lambda chosen: run_async(_import_cities(chosen)))


async def _import_sensors(chosen: argparse.Namespace) -> int:
    sensors, cities = read_sensor_file(chosen.file)
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        changed = await import_sensors(pool, sensors, cities)
    print(f"{len(sensors)} sensors in the file, {changed} new or changed")
    return 0


async def _export_sensors(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
    write_sensor_file(chosen.file, registry.sensors.values(), registry.cities)
    print(f"{len(registry.sensors)} sensors written")
    return 0


async def _list_sensors(_chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
    for sensor in sorted(registry.sensors.values(), key=lambda s: s.sensor):
        print(f"{sensor.sensor}\t{sensor.city}\t{sensor.system}\t{sensor.property}\t{sensor.unit}\t{sensor.name}")
    return 0


async def _import_cities(chosen: argparse.Namespace) -> int:
    cities = _read_cities(chosen.file)
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        changed = await import_cities(connection, cities)
    print(f"{len(cities)} cities in the file, {changed} new or changed")
    return 0


def _read_cities(path: Path) -> list[City]:
    cities = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"city", "name"} - set(reader.fieldnames or ())
            if missing:
                raise CommandError(
                    f"{path}:1: column {', '.join(sorted(missing))} is missing; write city,name,time_zone,mode"
                )
            for row in reader:
                city = City(**{k: v.strip() for k, v in row.items() if k in City.__struct_fields__ and v})
                check_city(city)
                cities.append(city)
    except InvalidSensor as error:
        raise CommandError(f"{path}:{reader.line_num}: {error}") from None
    except (OSError, UnicodeDecodeError, csv.Error, TypeError) as error:
        raise CommandError(f"{path}: cannot be read as CSV: {error}") from None
    return cities
